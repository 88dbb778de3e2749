//! Trying again: when, how often, and after which wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::ModelError;

const FIRST: Duration = Duration::from_millis(200);
/// The factor stops growing here: 200 ms * 2^9 is a little over 100 s.
const MAX_DOUBLINGS: u32 = 9;
/// A provider that asks for more patience than this is not waited for.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// More repetitions than this are a slip in the configuration.
const MAX_RETRIES: u64 = 100;

/// A request that did not lead to a stream.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ModelError,
    /// Whether sending it again at once may help.
    pub(crate) passing: bool,
    /// The wait the provider asked for.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn lasting(error: ModelError) -> Self {
        Self { error, passing: false, retry_after: None }
    }

    pub(crate) fn passing(error: ModelError) -> Self {
        Self { error, passing: true, retry_after: None }
    }
}

/// Makes attempts until one works, `retries` repetitions are used up or a failure is not of the passing kind.
pub(crate) async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
    retries: u64,
    mut attempt: impl FnMut() -> F,
) -> Result<T, ModelError> {
    let mut repetition = 0;
    loop {
        let failure = match attempt().await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        repetition += 1;
        let wait = failure.retry_after.unwrap_or_else(|| backoff(repetition));
        if !failure.passing || repetition > retries.min(MAX_RETRIES) || wait > MAX_RETRY_AFTER {
            return Err(failure.error);
        }
        tracing::debug!(repetition, wait_ms = wait.as_millis(), error = %failure.error, "repeating the request");
        tokio::time::sleep(wait).await;
    }
}

/// The wait before retry number `attempt`, the first one being 1: 200 ms doubled each time, give or take 10 %, so
/// that clients which failed together do not come back together.
#[must_use]
pub fn backoff(attempt: u64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(MAX_DOUBLINGS).min(MAX_DOUBLINGS);
    let exact = FIRST * 2_u32.pow(doublings);
    // 900 to 1100 thousandths.
    let thousandths = 900 + u32::try_from(scatter() % 201).expect("a remainder of 201 fits");
    exact * thousandths / 1000
}

/// A number that differs between calls and between processes. Only spreads clients in time, so it need not be
/// unpredictable.
fn scatter() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let mut x = u64::from(nanos)
        ^ (u64::from(std::process::id()) << 32)
        ^ CALLS.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // SplitMix64's finaliser: every input bit reaches every output bit.
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Reads a `Retry-After` header: seconds, or an HTTP date seen from `now`.
pub(crate) fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

/// Finds the wait in a rate-limit message such as `... try again in 1.5s.`; units are `ms`, `s`, seconds and minutes.
pub(crate) fn parse_try_again(message: &str) -> Option<Duration> {
    const MARK: &str = "try again in ";
    let lower = message.to_ascii_lowercase();
    let rest = lower[lower.find(MARK)? + MARK.len()..].trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let amount: f64 = rest[..digits].trim_end_matches('.').parse().ok()?;
    let unit = rest[digits..].trim_start();
    let unit = &unit[..unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len())];
    let seconds = match unit {
        "ms" | "millisecond" | "milliseconds" => amount / 1000.0,
        "s" | "sec" | "secs" | "second" | "seconds" => amount,
        "m" | "min" | "mins" | "minute" | "minutes" => amount * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_200_ms_and_stay_within_a_tenth() {
        for (attempt, exact) in [(1, 200), (2, 400), (3, 800), (6, 6400), (40, 102_400), (u64::MAX, 102_400)] {
            for _ in 0..50 {
                let wait = backoff(attempt).as_millis();
                assert!(wait >= exact * 9 / 10 && wait <= exact * 11 / 10, "attempt {attempt}: {wait} ms");
            }
        }
    }

    #[test]
    fn waits_differ() {
        let waits: std::collections::BTreeSet<_> = (0..50).map(|_| backoff(1)).collect();
        assert!(waits.len() > 5);
    }

    /// Runs `repeat` over scripted failures; returns how many attempts were made, how long it took, and the outcome.
    async fn attempts(retries: u64, failures: Vec<Failure>) -> (usize, Duration, Result<(), ModelError>) {
        let start = tokio::time::Instant::now();
        let mut failures = failures.into_iter();
        let mut count = 0;
        let outcome = repeat(retries, || {
            count += 1;
            std::future::ready(failures.next().map_or(Ok(()), Err))
        })
        .await;
        (count, start.elapsed(), outcome)
    }

    fn passing() -> Failure {
        Failure::passing(ModelError::InternalServer)
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_failure_is_repeated_with_growing_waits() {
        let (count, elapsed, outcome) = attempts(4, vec![passing(), passing(), passing()]).await;
        assert_eq!((count, outcome), (4, Ok(())));
        assert!((1260..=1542).contains(&elapsed.as_millis()), "{elapsed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end() {
        for (retries, expected) in [(0, 1), (2, 3)] {
            let (count, _, outcome) = attempts(retries, (0..9).map(|_| passing()).collect()).await;
            assert_eq!((count, outcome), (expected, Err(ModelError::InternalServer)));
        }
        let (count, _, _) = attempts(u64::MAX, (0..200).map(|_| passing()).collect()).await;
        assert_eq!(count, 101);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_failure_is_not_repeated() {
        let (count, elapsed, outcome) = attempts(9, vec![Failure::lasting(ModelError::QuotaExceeded)]).await;
        assert_eq!((count, elapsed, outcome), (1, Duration::ZERO, Err(ModelError::QuotaExceeded)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_provider_may_say_how_long_to_wait_within_reason() {
        let after = |seconds| Failure { retry_after: Some(Duration::from_secs(seconds)), ..passing() };
        let (count, elapsed, _) = attempts(9, vec![after(7), after(0)]).await;
        assert_eq!((count, elapsed.as_secs()), (3, 7));
        let (count, elapsed, outcome) = attempts(9, vec![after(3600)]).await;
        assert_eq!((count, elapsed, outcome), (1, Duration::ZERO, Err(ModelError::InternalServer)));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(parse_retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("0.5", now), Some(Duration::from_millis(500)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "inf", "NaN"] {
            assert_eq!(parse_retry_after(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn the_wait_is_read_out_of_rate_limit_messages() {
        for (message, millis) in [
            ("Rate limit reached for x. Please try again in 1.5s.", Some(1500)),
            ("Please try again in 11ms.", Some(11)),
            ("Try again in 35 seconds.", Some(35_000)),
            ("try again in 2 minutes", Some(120_000)),
            ("try again in 3s", Some(3000)),
            ("try again in soon", None),
            ("try again in 3 fortnights", None),
            ("try again later", None),
            ("İ try again in 1s", Some(1000)),
        ] {
            assert_eq!(parse_try_again(message), millis.map(Duration::from_millis), "{message}");
        }
    }
}
