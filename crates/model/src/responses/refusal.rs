//! Error statuses: what the provider said instead of streaming.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use super::{limits, without_query};
use crate::ModelError;
use crate::retry::{Failure, parse_retry_after};

/// An error body longer than this is cut; it ends up in a message.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// A server that answers with an error but does not finish its body within this time has said enough.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the rest of a response that is no success.
pub(super) async fn read(mut response: Response, url: &Url) -> Failure {
    let mut body = Vec::new();
    // Whatever goes wrong here, the status is what counts.
    let _ = tokio::time::timeout(BODY_TIMEOUT, async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() >= MAX_BODY_BYTES {
                body.truncate(MAX_BODY_BYTES);
                break;
            }
        }
    })
    .await;
    understand(response.status(), response.headers(), &String::from_utf8_lossy(&body), url, SystemTime::now())
}

/// What a status with these headers and this body means.
pub(super) fn understand(status: StatusCode, headers: &HeaderMap, body: &str, url: &Url, now: SystemTime) -> Failure {
    let details = serde_json::from_str::<Envelope>(body).map(|envelope| envelope.error).unwrap_or_default();
    let retry_after = header(headers, "retry-after").and_then(|value| parse_retry_after(&value, now));
    let error = match status.as_u16() {
        400 => bad_request(body, details),
        429 => too_many(headers, details, now).unwrap_or(ModelError::RetryLimit { status: 429, retry_after }),
        500 => ModelError::InternalServer,
        503 if details.is_overload() => ModelError::Overloaded,
        code => ModelError::Status {
            status: code,
            message: details.message.filter(|message| !message.is_empty()).unwrap_or_else(|| plain(body)),
            url: without_query(url),
            ray: header(headers, "cf-ray"),
            request_id: header(headers, "x-request-id"),
            retry_after,
        },
    };
    Failure { error, passing: status.is_server_error(), retry_after }
}

fn bad_request(body: &str, details: Details) -> ModelError {
    // Source: the service's own wording for images it cannot decode.
    const UNREADABLE_IMAGE: &str = "image data you provided does not represent a valid image";
    if details.code.as_deref() == Some("cyber_policy") {
        return ModelError::CyberPolicy { message: details.message.unwrap_or_else(|| plain(body)) };
    }
    if body.contains(UNREADABLE_IMAGE) {
        return ModelError::InvalidImage;
    }
    ModelError::InvalidRequest { body: plain(body) }
}

fn too_many(headers: &HeaderMap, details: Details, now: SystemTime) -> Option<ModelError> {
    match details.kind.as_deref()? {
        "usage_limit_reached" => {
            let resets_at = match (details.resets_at, details.resets_in_seconds) {
                (Some(at), _) => {
                    u64::try_from(at).ok().and_then(|at| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at)))
                }
                (None, Some(seconds)) => {
                    u64::try_from(seconds).ok().and_then(|seconds| now.checked_add(Duration::from_secs(seconds)))
                }
                (None, None) => None,
            };
            let rate_limits = limits::all(headers).into_boxed_slice();
            Some(ModelError::UsageLimit { plan: details.plan_type, resets_at, rate_limits })
        }
        "usage_not_included" => Some(ModelError::UsageNotIncluded),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Envelope {
    error: Details,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    plan_type: Option<String>,
    /// Unix seconds.
    resets_at: Option<i64>,
    resets_in_seconds: Option<i64>,
}

impl Details {
    fn is_overload(&self) -> bool {
        matches!(self.code.as_deref(), Some("server_is_overloaded" | "slow_down"))
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn plain(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() { "no further explanation".to_owned() } else { body.to_owned() }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use types::TurnErrorKind;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn refuse(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Failure {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let url = Url::parse("http://h/v1/responses?key=secret").unwrap();
        understand(StatusCode::from_u16(status).unwrap(), &headers, body, &url, SystemTime::UNIX_EPOCH + NOW)
    }

    #[test]
    fn each_refusal_has_its_kind_and_says_whether_to_try_again() {
        let too_many = TurnErrorKind::ResponseTooManyFailedAttempts { status: Some(429) };
        let other = TurnErrorKind::Other;
        for (status, body, kind, retryable, passing) in [
            (400, r#"{"error":{"message":"bad"}}"#, other.clone(), false, false),
            (400, r#"{"error":{"message":"m","code":"cyber_policy"}}"#, TurnErrorKind::CyberPolicy, false, false),
            (
                400,
                r#"{"error":{"message":"The image data you provided does not represent a valid image"}}"#,
                TurnErrorKind::BadRequest,
                false,
                false,
            ),
            (401, r#"{"error":{"message":"no key"}}"#, other.clone(), true, false),
            (404, "", other.clone(), true, false),
            (429, r#"{"error":{"message":"slow down"}}"#, too_many.clone(), false, false),
            (429, r#"{"error":{"code":"usage_limit_reached"}}"#, too_many, false, false),
            (429, r#"{"error":{"type":"usage_limit_reached"}}"#, TurnErrorKind::UsageLimitExceeded, false, false),
            (429, r#"{"error":{"type":"usage_not_included"}}"#, TurnErrorKind::UsageLimitExceeded, false, false),
            (500, r#"{"error":{"message":"broke"}}"#, TurnErrorKind::InternalServerError, true, true),
            (502, "<html>", other.clone(), true, true),
            (503, r#"{"error":{"code":"server_is_overloaded"}}"#, TurnErrorKind::ServerOverloaded, false, true),
            (503, r#"{"error":{"code":"slow_down"}}"#, TurnErrorKind::ServerOverloaded, false, true),
            (503, r#"{"error":{"message":"x"}}"#, other, true, true),
        ] {
            let failure = refuse(status, &[], body);
            assert_eq!(failure.error.kind(), kind, "{status} {body}");
            assert_eq!(failure.error.retryable(), retryable, "{status} {body}");
            assert_eq!(failure.passing, passing, "{status} {body}");
        }
    }

    #[test]
    fn a_provider_that_asks_for_more_patience_than_there_is_is_not_asked_again() {
        for (seconds, again) in [("120", true), ("121", false), ("86400", false)] {
            let failure = refuse(404, &[("retry-after", seconds)], "");
            assert_eq!(failure.error.retryable(), again, "{seconds}");
        }
    }

    #[test]
    fn messages_carry_what_is_needed_to_ask_the_provider() {
        let message = |status, headers: &[_], body| refuse(status, headers, body).error.to_string();
        assert_eq!(
            message(404, &[], r#"{"error":{"message":"no such model"}}"#),
            "unexpected status 404 Not Found: no such model, url: http://h/v1/responses"
        );
        assert_eq!(
            message(502, &[("cf-ray", "ray-1"), ("x-request-id", "req-77")], " <html>bad</html>\n"),
            "unexpected status 502 Bad Gateway: <html>bad</html>, url: http://h/v1/responses, cf-ray: ray-1, request id: req-77"
        );
        assert_eq!(
            message(401, &[], ""),
            "unexpected status 401 Unauthorized: no further explanation, url: http://h/v1/responses"
        );
        assert_eq!(message(429, &[], "{}"), "exceeded retry limit, last status: 429 Too Many Requests");
        assert_eq!(message(400, &[], r#"{"error": {"message": "x"}}"#), r#"{"error": {"message": "x"}}"#);
    }

    #[test]
    fn a_usage_limit_says_when_it_ends_and_what_the_headers_said() {
        let body = r#"{"error":{"type":"usage_limit_reached","plan_type":"plus","resets_in_seconds":100}}"#;
        let error = refuse(429, &[("x-codex-primary-used-percent", "100")], body).error;
        let ModelError::UsageLimit { plan, resets_at, rate_limits } = &error else { panic!("{error:?}") };
        assert_eq!(plan.as_deref(), Some("plus"));
        assert_eq!(*resets_at, Some(SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(100)));
        assert_eq!(rate_limits[0].primary.unwrap().used_percent, 100.0);
        assert_eq!(error.rate_limits().len(), 1);
        assert_eq!(error.to_string(), "usage limit reached; try again later", "the time is over");
    }

    #[test]
    fn the_wait_that_the_provider_asks_for_is_kept() {
        let failure = refuse(503, &[("retry-after", "3")], "");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(failure.error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(refuse(429, &[("retry-after", "3")], "").error.retry_after(), Some(Duration::from_secs(3)));
    }
}
