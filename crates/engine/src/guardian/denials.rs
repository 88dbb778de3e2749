//! When the reviewer's refusals end a turn.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// An agent that is refused so often without an approval in between does not take no for an answer.
const IN_A_ROW: u32 = 3;

/// So many refusals of one turn are too many whatever comes in between. Source of both: asked of the protocol's other
/// server.
const IN_ALL: u32 = 10;

/// The refusals of one turn. The lock is held for a moment, never across an await.
#[derive(Default)]
pub(crate) struct Denials(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    in_a_row: u32,
    in_all: u32,
}

impl Counts {
    fn too_many(&self) -> bool {
        self.in_a_row >= IN_A_ROW || self.in_all >= IN_ALL
    }
}

impl Denials {
    /// Counts a review that has ended: only the reviewer's own word is a refusal, not that it failed. What people are
    /// told when this one is the last.
    pub(super) fn count(&self, denied: bool) -> Option<String> {
        let mut counts = self.counts();
        if !denied {
            counts.in_a_row = 0;
            return None;
        }
        counts.in_a_row += 1;
        counts.in_all += 1;
        let Counts { in_a_row, in_all } = &*counts;
        counts.too_many().then(|| {
            format!("The automatic reviewer has refused too much in this turn ({in_a_row} in a row, {in_all} in all): it ends.")
        })
    }

    /// Whether the turn has to end.
    pub(crate) fn too_many(&self) -> bool {
        self.counts().too_many()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many reviews it takes until the turn ends.
    fn ends_after(mut denied: impl Iterator<Item = bool>) -> usize {
        let denials = Denials::default();
        let mut reviews = 0;
        loop {
            reviews += 1;
            let told = denials.count(denied.next().expect("it ends before"));
            assert_eq!(told.is_some(), denials.too_many());
            if told.is_some() {
                return reviews;
            }
        }
    }

    #[test]
    fn three_refusals_in_a_row_or_ten_in_all_end_a_turn() {
        assert_eq!(ends_after([true].into_iter().cycle()), 3);
        assert_eq!(ends_after([true, true, false].into_iter().cycle()), 14);
        assert_eq!(ends_after([false, true].into_iter().cycle()), 20);
    }
}
