//! Measures and prints.

use std::time::Instant;

/// Whether something is to be measured: the command line names parts of what is, or nothing for all of it.
fn is_wanted(what: &str) -> bool {
    // Cargo itself passes `--bench`.
    let mut parts = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    parts.peek().is_none() || parts.any(|part| what.contains(&part))
}

/// The median and the least of many.
pub(crate) fn often(rounds: usize, what: &str, mut work: impl FnMut()) {
    if !is_wanted(what) {
        return;
    }
    let mut times: Vec<_> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    let [median, least] = [times[times.len() / 2], times[0]].map(|time| time.as_secs_f64() * 1e3);
    println!("  {what:<36} {median:>8.2} ms, at least {least:.2}");
}
