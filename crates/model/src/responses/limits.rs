//! Rate limits in response headers.
//!
//! `x-codex-{primary,secondary}-{used-percent,window-minutes,reset-at}` is the limit called `codex`,
//! `x-codex-NAME-primary-…` one called `codex_NAME`. Source: recorded replies.

use std::collections::BTreeSet;
use std::str::FromStr;

use reqwest::header::HeaderMap;
use types::{Credits, RateLimitWindow, RateLimits};

const PREFIX: &str = "x-codex";

/// Every limit that the headers speak of. The first is `codex`, with nothing in it if there are no headers.
pub(super) fn all(headers: &HeaderMap) -> Vec<RateLimits> {
    let mut limits = vec![one(headers, PREFIX, "codex".to_owned())];
    let names: BTreeSet<&str> = headers
        .keys()
        .filter_map(|name| name.as_str().strip_prefix("x-codex-")?.strip_suffix("-primary-used-percent"))
        .collect();
    for name in names {
        limits.push(one(headers, &format!("{PREFIX}-{name}"), format!("codex_{}", name.replace('-', "_"))));
    }
    limits
}

fn one(headers: &HeaderMap, prefix: &str, id: String) -> RateLimits {
    RateLimits {
        limit_id: Some(id),
        limit_name: text(headers, prefix, "limit-name"),
        primary: window(headers, prefix, "primary"),
        secondary: window(headers, prefix, "secondary"),
        credits: if prefix == PREFIX { credits(headers) } else { None },
        plan_type: None,
        reached_type: None,
    }
}

fn window(headers: &HeaderMap, prefix: &str, which: &str) -> Option<RateLimitWindow> {
    let used_percent: f64 = parsed(headers, prefix, &format!("{which}-used-percent"))?;
    used_percent.is_finite().then(|| RateLimitWindow {
        used_percent,
        window_minutes: parsed(headers, prefix, &format!("{which}-window-minutes")),
        resets_at: parsed(headers, prefix, &format!("{which}-reset-at")),
    })
}

fn credits(headers: &HeaderMap) -> Option<Credits> {
    let flag = |name| match text(headers, PREFIX, name)?.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    Some(Credits {
        has_credits: flag("credits-has-credits")?,
        unlimited: flag("credits-unlimited")?,
        balance: text(headers, PREFIX, "credits-balance"),
    })
}

fn text(headers: &HeaderMap, prefix: &str, name: &str) -> Option<String> {
    let value = headers.get(format!("{prefix}-{name}"))?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn parsed<T: FromStr>(headers: &HeaderMap, prefix: &str, name: &str) -> Option<T> {
    text(headers, prefix, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Vec<RateLimits> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        all(&headers)
    }

    fn codex() -> RateLimits {
        RateLimits { limit_id: Some("codex".to_owned()), ..RateLimits::default() }
    }

    fn window(used_percent: f64, window_minutes: Option<i64>, resets_at: Option<i64>) -> Option<RateLimitWindow> {
        Some(RateLimitWindow { used_percent, window_minutes, resets_at })
    }

    #[test]
    fn without_headers_there_is_one_empty_limit() {
        assert_eq!(read(&[]), [codex()]);
    }

    #[test]
    fn windows_and_credits_are_read() {
        let limits = read(&[
            ("x-codex-primary-used-percent", "12.5"),
            ("x-codex-primary-window-minutes", "300"),
            ("x-codex-primary-reset-at", "2000000000"),
            ("x-codex-secondary-used-percent", "40"),
            ("x-codex-credits-has-credits", "TRUE"),
            ("x-codex-credits-unlimited", "0"),
            ("x-codex-credits-balance", "7"),
            ("x-codex-limit-name", "nm"),
        ]);
        assert_eq!(
            limits,
            [RateLimits {
                limit_name: Some("nm".to_owned()),
                primary: window(12.5, Some(300), Some(2_000_000_000)),
                secondary: window(40.0, None, None),
                credits: Some(Credits { has_credits: true, unlimited: false, balance: Some("7".to_owned()) }),
                ..codex()
            }]
        );
    }

    #[test]
    fn other_limits_have_ids_of_their_own() {
        let limits = read(&[
            ("x-codex-tidal-wave-primary-used-percent", "80"),
            ("x-codex-tidal-wave-limit-name", "Tidal"),
            ("x-codex-other-secondary-used-percent", "3"),
        ]);
        assert_eq!(limits.len(), 2);
        assert_eq!(limits[0], codex());
        assert_eq!(limits[1].limit_id.as_deref(), Some("codex_tidal_wave"));
        assert_eq!(limits[1].limit_name.as_deref(), Some("Tidal"));
        assert_eq!(limits[1].primary, window(80.0, None, None));
    }

    #[test]
    fn nonsense_counts_as_absent() {
        let limits = read(&[
            ("x-codex-primary-used-percent", "abc"),
            ("x-codex-secondary-used-percent", "inf"),
            ("x-codex-credits-has-credits", "1"),
            ("x-codex-credits-unlimited", "no"),
        ]);
        assert_eq!(limits, [codex()]);
    }
}
