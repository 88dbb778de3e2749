//! What was told of a thread lately, for clients that come back.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use rpc::Notice;

/// How much memory the notifications of one thread take. Enough for some minutes of streaming; a thread's history, which
/// is in memory as long as it is loaded, is larger.
const MAX_BYTES: usize = 1024 * 1024;
/// How many notifications of it, whatever their size.
const MAX_NOTICES: usize = 8 * 1024;
/// What an allocation costs besides its bytes.
const ALLOCATION: usize = 16;

/// The latest notifications of one thread, numbered.
pub(crate) struct Journal {
    /// The first is a whole one.
    notices: VecDeque<Kept>,
    /// How many of the last ones are but texts.
    run: usize,
    /// What they take in memory.
    bytes: usize,
    /// The number of the newest notification, or the one before the first.
    latest: u64,
}

/// One notification. An answer is thousands of deltas of ten letters each, which differ in nothing else.
enum Kept {
    Whole(Box<(&'static str, Notice)>),
    /// The text of a delta that continues the one before.
    Text(Box<[u8]>),
}

impl Kept {
    fn cost(&self) -> usize {
        let held = match self {
            Self::Whole(whole) => size_of_val(&**whole) + ALLOCATION + whole.1.frame().len(),
            Self::Text(text) => text.len(),
        };
        size_of::<Self>() + held + ALLOCATION
    }
}

impl Journal {
    /// Begins where no journal of this thread can have ended: no thread is told of more often than once in a microsecond.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::after(u64::try_from(now.as_micros()).unwrap_or_default())
    }

    fn after(latest: u64) -> Self {
        Self { notices: VecDeque::new(), run: 0, bytes: 0, latest }
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
        let kept = match self.last_whole().and_then(|last| last.continuation(notice)) {
            Some(text) => Kept::Text(text.into()),
            None => Kept::Whole(Box::new((method, notice.compact()))),
        };
        self.run = if matches!(kept, Kept::Text(_)) { self.run + 1 } else { 0 };
        self.bytes += kept.cost();
        self.notices.push_back(kept);
        while self.bytes > MAX_BYTES || self.notices.len() > MAX_NOTICES {
            self.forget_oldest();
        }
    }

    /// The last whole notification, which the last one continues if it is not that itself.
    fn last_whole(&self) -> Option<&Notice> {
        match self.notices.iter().rev().nth(self.run)? {
            Kept::Whole(whole) => Some(&whole.1),
            Kept::Text(_) => None,
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.notices.pop_front() else { return };
        self.bytes -= oldest.cost();
        let number = self.oldest();
        if let Some(next) = self.notices.front_mut()
            && let (Kept::Whole(oldest), Kept::Text(text)) = (oldest, &*next)
        {
            let whole = Kept::Whole(Box::new((oldest.0, oldest.1.continued(text, number))));
            self.bytes += whole.cost();
            self.bytes -= next.cost();
            *next = whole;
        }
        self.run = self.run.min(self.notices.len().saturating_sub(1));
    }

    /// The number of the oldest notification that is remembered.
    fn oldest(&self) -> u64 {
        self.next() - self.notices.len() as u64
    }

    /// What came after the notification numbered `after`, oldest first; `None` if some of it is not remembered any more,
    /// or `after` is no number of this journal.
    pub(crate) fn since(&self, after: u64) -> Option<impl Iterator<Item = (&'static str, Notice)>> {
        let missed = usize::try_from(self.latest.checked_sub(after)?).ok()?;
        self.notices.len().checked_sub(missed)?;
        let mut base = None;
        let told = (self.oldest()..).zip(&self.notices).filter_map(move |(number, kept)| {
            if let Kept::Whole(whole) = kept {
                base = Some(whole);
            }
            let (method, notice) = &**base?;
            let notice = || match kept {
                Kept::Whole(_) => notice.clone(),
                Kept::Text(text) => notice.continued(text, number),
            };
            (number > after).then(|| (*method, notice()))
        });
        Some(told)
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

    /// A delta as clients get them, and its frame.
    fn delta(item: &str, text: &str) -> (Notice, String) {
        let params = serde_json::json!({ "threadId": "t".repeat(36), "itemId": item, "delta": text });
        let notice = Notice::delta("delta", &params);
        let frame = String::from_utf8(notice.frame().to_vec()).unwrap();
        (notice, frame)
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
        for number in 0..MAX_NOTICES + 10 {
            let notice = delta("item", &number.to_string()).0.in_stream(1, journal.next());
            journal.push("m", &notice);
        }
        assert_eq!(since(&journal, 9), None);
        assert_eq!(since(&journal, 10).unwrap().len(), MAX_NOTICES);

        told(&mut journal, 4, &"x".repeat(MAX_BYTES / 2));
        assert!(journal.bytes <= MAX_BYTES);
        assert_eq!(since(&journal, journal.latest() - 1).unwrap().len(), 1);
    }

    #[test]
    fn what_is_given_is_what_was_told_wherever_it_begins_and_whatever_was_forgotten() {
        let mut journal = Journal::after(0);
        let mut all = Vec::new();
        for number in 0..40_usize {
            let item = if number % 7 < 5 { "one" } else { "other" };
            let (notice, frame) = match number % 13 {
                12 => {
                    let notice = Notice::new("m", &number);
                    let frame = String::from_utf8(notice.frame().to_vec()).unwrap();
                    (notice, frame)
                }
                _ => delta(item, &"\n\"".repeat(number)),
            };
            journal.push("m", &notice.in_stream(1, journal.next()));
            all.push(frame);
        }
        for forgotten in 0..=all.len() {
            for after in forgotten..=all.len() {
                let given = journal.since(after as u64).unwrap();
                let given: Vec<_> = given.map(|(_, notice)| (notice.number(), notice.frame().to_vec())).collect();
                let expected = (after..all.len()).map(|index| (index as u64 + 1, all[index].clone().into_bytes()));
                assert_eq!(given, expected.collect::<Vec<_>>(), "after {after}, without the first {forgotten}");
            }
            journal.forget_oldest();
            assert_eq!(journal.bytes, journal.notices.iter().map(Kept::cost).sum::<usize>());
        }
        // What comes then begins anew.
        let (notice, frame) = delta("one", "x");
        journal.push("m", &notice.in_stream(1, journal.next()));
        let given: Vec<_> = journal.since(all.len() as u64).unwrap().map(|(_, notice)| notice).collect();
        assert_eq!((given.len(), &given[0].frame()[..]), (1, frame.as_bytes()));
    }

    #[test]
    fn a_later_journal_has_higher_numbers_which_a_double_can_hold() {
        let earlier = Journal::new();
        assert!(Journal::new().latest() >= earlier.latest());
        assert!(earlier.latest() < 1 << 53);
    }
}
