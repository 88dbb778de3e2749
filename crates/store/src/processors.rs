//! Divides work on a long rollout among processors.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Builder};

/// More are left to others.
const AT_MOST: usize = 4;

/// So many results may wait for their turn, for each processor.
const AHEAD: usize = 2;

/// How many processors work on one long thread at a time. Asked of the system once: it reads several files.
#[must_use]
pub fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| thread::available_parallelism().map_or(1, usize::from).min(AT_MOST))
}

/// Does `work` on each item, on as many processors as are worth it, and gives the results to `take` in the order of the
/// items, while others are worked on, until it has enough. Each processor has one `D` for all of its items, such as
/// memory to work in. Blocks until all of that is done; memory holds a few results.
///
/// # Panics
/// When `work` does.
pub(crate) fn in_order<T: Sync, D: Default, R: Send>(
    items: &[T],
    work: impl Fn(&mut D, &T) -> R + Sync,
    mut take: impl FnMut(R) -> ControlFlow<()>,
) {
    let helpers = count().min(items.len()).saturating_sub(1);
    let line = Line {
        ahead: AHEAD * (helpers + 1),
        count: items.len(),
        state: Mutex::new(State { next: 0, taken: 0, done: BTreeMap::new() }),
        changed: Condvar::new(),
    };
    let do_next = |desk: &mut D, at: usize| {
        // A panic is carried to whoever waits for the result.
        let result = catch_unwind(AssertUnwindSafe(|| work(desk, &items[at])));
        line.state().done.insert(at, result);
        line.changed.notify_all();
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            let help = || {
                let mut desk = D::default();
                while let Some(at) = line.wait_for_work() {
                    do_next(&mut desk, at);
                }
            };
            // Where no thread is to be had, the others do its part.
            let _ = Builder::new().name("store".to_owned()).spawn_scoped(scope, help);
        }
        let mut desk = D::default();
        loop {
            match line.next_step() {
                Step::Take(result) => {
                    let result = result.unwrap_or_else(|panic| {
                        line.end();
                        resume_unwind(panic)
                    });
                    if take(result).is_break() {
                        return line.end();
                    }
                }
                Step::Work(at) => do_next(&mut desk, at),
                Step::Over => return,
            }
        }
    });
}

/// Items in a line, and their results.
struct Line<R> {
    /// So many items may be begun beyond those whose results were taken.
    ahead: usize,
    count: usize,
    state: Mutex<State<R>>,
    changed: Condvar,
}

struct State<R> {
    /// The first item that nobody works on.
    next: usize,
    /// Results that were taken.
    taken: usize,
    done: BTreeMap<usize, Result<R, Box<dyn Any + Send>>>,
}

enum Step<R> {
    Take(Result<R, Box<dyn Any + Send>>),
    Work(usize),
    Over,
}

impl<R> Line<R> {
    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, state: &mut State<R>) -> Option<usize> {
        let at = state.next;
        (at < self.count && at < state.taken + self.ahead).then(|| {
            state.next += 1;
            at
        })
    }

    /// An item to work on; `None` when there are no more.
    fn wait_for_work(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            if state.next >= self.count {
                return None;
            }
            if let Some(at) = self.claim(&mut state) {
                return Some(at);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What the one who takes the results does next: whatever it would else wait for.
    fn next_step(&self) -> Step<R> {
        let mut state = self.state();
        loop {
            let taken = state.taken;
            if let Some(result) = state.done.remove(&taken) {
                state.taken += 1;
                self.changed.notify_all();
                return Step::Take(result);
            }
            if taken >= self.count {
                return Step::Over;
            }
            if let Some(at) = self.claim(&mut state) {
                return Step::Work(at);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is begun.
    fn end(&self) {
        self.state().next = self.count;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(items: &[u32], enough: usize) -> Vec<u32> {
        let mut results = Vec::new();
        in_order(
            items,
            |(): &mut (), item| item * 2,
            |result| {
                results.push(result);
                if results.len() == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        results
    }

    #[test]
    fn results_come_in_the_order_of_the_items_until_there_are_enough() {
        let items: Vec<u32> = (0..1000).collect();
        let all: Vec<u32> = items.iter().map(|item| item * 2).collect();
        assert_eq!(collect(&items, usize::MAX), all);
        assert_eq!(collect(&items, 10), all[..10]);
        assert!(collect(&[], 1).is_empty());
    }

    #[test]
    fn a_panic_reaches_whoever_waits_for_the_result() {
        let items: Vec<u32> = (0..100).collect();
        let work = |(): &mut (), item: &u32| assert_ne!(*item, 50, "this one cannot be done");
        let panic = catch_unwind(|| in_order(&items, work, |()| ControlFlow::Continue(()))).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains("this one cannot be done"));
    }
}
