//! Divides work on a long rollout among processors.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// More are left to others.
const AT_MOST: usize = 4;

/// How many processors work on one thing.
pub(crate) fn count() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(AT_MOST)
}

/// Does `work` on each item, on as many processors as are worth it, and gives the results in the order of the items.
/// Blocks until all is done.
///
/// # Panics
/// When `work` does.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work_off = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let helpers = count().min(items.len()).saturating_sub(1);
    let mut done = thread::scope(|scope| {
        // Where no thread is to be had, the others do its part.
        let helpers: Vec<_> = (0..helpers)
            .filter_map(|_| Builder::new().name("store".to_owned()).spawn_scoped(scope, work_off).ok())
            .collect();
        let mut done = work_off();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(super::map(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(super::map(&[], |item: &u32| *item).is_empty());
    }
}
