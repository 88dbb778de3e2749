//! Error statuses: what the provider said instead of streaming.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;

use super::{Failure, limits, without_query};
use crate::ModelError;
use crate::retry::parse_retry_after;

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
