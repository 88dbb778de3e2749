//! What was told of a thread lately, for clients that come back.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use rpc::Notice;

/// How much of one thread is remembered. Enough for some minutes of streaming; a thread's history, which is in memory as
/// long as it is loaded, is larger.
const MAX_BYTES: usize = 1024 * 1024;
/// How many notifications of it, whatever their size.
const MAX_NOTICES: usize = 8 * 1024;

/// The latest notifications of one thread, numbered.
pub(crate) struct Journal {
    notices: VecDeque<(&'static str, Notice)>,
    bytes: usize,
    /// The number of the newest notification, or the one before the first.
    latest: u64,
}

impl Journal {
    /// Begins where no journal of this thread can have ended: no thread is told of more often than once in a microsecond.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::after(u64::try_from(now.as_micros()).unwrap_or_default())
    }

    fn after(latest: u64) -> Self {
        Self { notices: VecDeque::new(), bytes: 0, latest }
    }

    /// The number of the newest notification.
    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    /// The number of the next notification.
    pub(crate) fn next(&self) -> u64 {
        self.latest + 1
    }

    /// Remembers a notification that was given the [`next`](Self::next) number.
    pub(crate) fn push(&mut self, method: &'static str, notice: &Notice) {
        debug_assert_eq!(notice.number(), self.next());
        self.latest = notice.number();
        self.bytes += notice.frame().len();
        self.notices.push_back((method, notice.clone()));
        while self.bytes > MAX_BYTES || self.notices.len() > MAX_NOTICES {
            let Some((_, oldest)) = self.notices.pop_front() else { break };
            self.bytes -= oldest.frame().len();
        }
    }

    /// What came after the notification numbered `after`, oldest first; `None` if some of it is not remembered any more,
    /// or `after` is no number of this journal.
    pub(crate) fn since(&self, after: u64) -> Option<impl Iterator<Item = (&'static str, &Notice)>> {
        let missed = usize::try_from(self.latest.checked_sub(after)?).ok()?;
        let skip = self.notices.len().checked_sub(missed)?;
        Some(self.notices.iter().skip(skip).map(|(method, notice)| (*method, notice)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(journal: &mut Journal, count: usize, text: &str) {
        for _ in 0..count {
            let notice = Notice::new("m", text).in_stream(1, journal.next());
            journal.push("m", &notice);
        }
    }

    fn since(journal: &Journal, after: u64) -> Option<Vec<u64>> {
        Some(journal.since(after)?.map(|(_, notice)| notice.number()).collect())
    }

    #[test]
    fn what_came_after_is_given_without_a_gap_or_not_at_all() {
        let mut journal = Journal::after(100);
        assert_eq!(since(&journal, 100), Some(vec![]));
        told(&mut journal, 3, "x");
        assert_eq!(since(&journal, 100), Some(vec![101, 102, 103]));
        assert_eq!(since(&journal, 102), Some(vec![103]));
        assert_eq!(since(&journal, 103), Some(vec![]));
        for unknown in [0, 99, 104, u64::MAX] {
            assert_eq!(since(&journal, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let mut journal = Journal::after(0);
        told(&mut journal, MAX_NOTICES + 10, "x");
        assert_eq!(since(&journal, 9), None);
        assert_eq!(since(&journal, 10).unwrap().len(), MAX_NOTICES);

        told(&mut journal, 4, &"x".repeat(MAX_BYTES / 2));
        assert!(journal.bytes <= MAX_BYTES);
        assert_eq!(since(&journal, journal.latest() - 1).unwrap().len(), 1);
    }

    #[test]
    fn a_later_journal_has_higher_numbers_which_a_double_can_hold() {
        let earlier = Journal::new();
        assert!(Journal::new().latest() >= earlier.latest());
        assert!(earlier.latest() < 1 << 53);
    }
}
