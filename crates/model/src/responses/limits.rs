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
