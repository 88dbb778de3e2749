//! What a collector says to a batch.
//!
//! Source of what may be sent again, and when: the specification of OTLP.

use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt as _, Collected, Limited};
use prost::Message as _;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Body, Response, StatusCode};

use crate::otlp::{ExportResponse, PartialSuccess};

/// How much of an answer is read. A sentence at most is expected.
const ANSWER_BYTES: usize = 64 * 1024;
/// How much of a sentence is shown to people.
const SENTENCE_CHARS: usize = 300;

/// A batch that the collector has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Records of it that the collector has thrown away.
    pub(crate) rejected: usize,
    /// Why, or what it wishes otherwise; often nothing.
    pub(crate) said: String,
}

impl From<ExportResponse> for Taken {
    fn from(response: ExportResponse) -> Self {
        let PartialSuccess { rejected, error_message } = response.partial_success.unwrap_or_default();
        Self { rejected: usize::try_from(rejected).unwrap_or_default(), said: sentence(&error_message) }
    }
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) again: Again,
}

/// Whether a batch that was not taken may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    /// After this time, or whenever one likes.
    After(Option<Duration>),
}

impl Refusal {
    pub(crate) fn passing(reason: String) -> Self {
        Self { reason, again: Again::After(None) }
    }

    pub(crate) fn lasting(reason: String) -> Self {
        Self { reason, again: Again::Never }
    }

    /// What a status says that is no success.
    pub(crate) fn of_status(status: StatusCode, headers: &HeaderMap) -> Self {
        let again = match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Again::After(retry_after(headers, SystemTime::now())),
            _ => Again::Never,
        };
        Self { reason: status.to_string(), again }
    }
}

/// Reads what is answered over HTTP. A batch that was taken stays so, whatever `decode` makes of the words.
pub(crate) async fn read(response: Response, decode: fn(&[u8]) -> Option<ExportResponse>) -> Result<Taken, Refusal> {
    let status = response.status();
    if !status.is_success() {
        return Err(Refusal::of_status(status, response.headers()));
    }
    let body = collect(response.into()).await.map(Collected::to_bytes);
    Ok(body.ok().and_then(|body| decode(&body)).map(Taken::from).unwrap_or_default())
}

/// What a collector says, fit for a line of a log: no more than a sentence, and nothing that would begin a line of its own
/// or change a terminal.
pub(crate) fn sentence(text: &str) -> String {
    text.chars().take(SENTENCE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

pub(crate) fn binary(body: &[u8]) -> Option<ExportResponse> {
    ExportResponse::decode(body).ok()
}

pub(crate) fn json(body: &[u8]) -> Option<ExportResponse> {
    serde_json::from_slice(body).ok()
}

/// The whole of a short body, and what follows it.
pub(crate) async fn collect(body: Body) -> Result<Collected<bytes::Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    Limited::new(body, ANSWER_BYTES).collect().await
}

/// The time a collector wants to be left alone for.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(value: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
        retry_after(&headers, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_collector_may_say_how_long_to_wait() {
        assert_eq!(wait("17"), Some(Duration::from_secs(17)));
        assert_eq!(wait("Thu, 01 Jan 1970 00:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }

    #[test]
    fn both_forms_say_how_much_was_thrown_away() {
        let taken = Taken { rejected: 3, said: "old".to_owned() };
        let buffers = [0x0a, 7, 0x08, 3, 0x12, 3, b'o', b'l', b'd'];
        assert_eq!(Taken::from(binary(&buffers).unwrap()), taken);
        for name in ["rejectedLogRecords", "rejectedSpans", "rejectedDataPoints"] {
            for number in ["3", "\"3\""] {
                let text = format!(r#"{{"partialSuccess":{{"{name}":{number},"errorMessage":"old","more":1}}}}"#);
                assert_eq!(Taken::from(json(text.as_bytes()).unwrap()), taken, "{text}");
            }
        }
        let long = format!(r#"{{"partialSuccess":{{"errorMessage":"a\n\t{}"}}}}"#, "é".repeat(5000));
        let said = Taken::from(json(long.as_bytes()).unwrap()).said;
        assert!(said.starts_with("a  é") && said.chars().count() < 400, "{said}");
        assert_eq!(Taken::from(json(b"{}").unwrap()), Taken::default());
        assert_eq!(Taken::from(binary(b"").unwrap()), Taken::default());
    }
}
