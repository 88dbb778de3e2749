//! gRPC, as far as one call needs it that sends one message and is answered with one.
//!
//! Source: "gRPC over HTTP2" and `google/rpc/status.proto` for the wire, the specification of OTLP for what may be sent
//! again.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut as _, Bytes, BytesMut};
use percent_encoding::percent_decode;
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use reqwest::{Response, StatusCode};

use crate::answer::{self, Again, Refusal, Taken};
use crate::client::TIMEOUT;
use crate::destination::{Signal, root_cause};

/// Whether a message is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The method that takes a signal's batches.
pub(crate) fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    }
}

/// What makes a request a call.
pub(crate) fn add_headers(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let timeout = HeaderValue::try_from(format!("{}S", TIMEOUT.as_secs())).expect("digits and a letter");
    headers.insert(HeaderName::from_static("grpc-timeout"), timeout);
}

/// A message as it stands in a call's body: uncompressed, with its length before it.
pub(crate) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).expect("a batch is small"));
    message.encode(&mut frame).expect("the buffer grows");
    frame.freeze()
}

/// Reads how a call ended.
pub(crate) async fn read(response: Response) -> Result<Taken, Refusal> {
    if response.status() != StatusCode::OK {
        return Err(Refusal::of_status(response.status(), response.headers()));
    }
    let head = response.headers().clone();
    let answer = answer::collect(response.into()).await.map_err(|error| Refusal::passing(root_cause(&*error)))?;
    // A call that fails at once has only one block of headers.
    let end = answer.trailers().filter(|trailers| trailers.contains_key("grpc-status")).unwrap_or(&head);
    let code = end.get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
    match code {
        Some(Code::OK) => Ok(unframed(&answer.to_bytes()).unwrap_or_default()),
        Some(code) => Err(Refusal { reason: Code(code).reason(end), again: Code(code).again(end) }),
        None => Err(Refusal::lasting("its answer is not one of gRPC".to_owned())),
    }
}

/// What the message of an answer says; `None` if it cannot be read, which changes nothing of the call's success.
fn unframed(body: &[u8]) -> Option<Taken> {
    let (prefix, message) = body.split_first_chunk::<PREFIX_BYTES>()?;
    let [0, length @ ..] = prefix else { return None };
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    answer::binary(message.get(..length)?).map(Taken::from)
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Code(u32);

impl Code {
    const OK: u32 = 0;

    fn name(self) -> &'static str {
        const NAMES: [&str; 17] = [
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ];
        usize::try_from(self.0).ok().and_then(|code| NAMES.get(code)).unwrap_or(&"UNKNOWN")
    }

    fn reason(self, end: &HeaderMap) -> String {
        let message = end.get("grpc-message").map(|message| percent_decode(message.as_bytes()).decode_utf8_lossy());
        match message {
            Some(message) if !message.is_empty() => format!("{}: {}", self.name(), answer::sentence(&message)),
            _ => self.name().to_owned(),
        }
    }

    fn again(self, end: &HeaderMap) -> Again {
        let wait = retry_delay(end);
        match self.name() {
            "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE" | "DATA_LOSS" => {
                Again::After(wait)
            }
            // Without a time to wait for, it is the batch that is too much.
            "RESOURCE_EXHAUSTED" if wait.is_some() => Again::After(wait),
            _ => Again::Never,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The time a collector wants to be left alone for.
fn retry_delay(end: &HeaderMap) -> Option<Duration> {
    /// Values of binary headers come with padding or without.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let details = BASE64.decode(end.get("grpc-status-details-bin")?).ok()?;
    let details = Status::decode(&*details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let Delay { seconds, nanos } = RetryInfo::decode(&*info.value).ok()?.retry_delay?;
    Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanos).ok()?.min(999_999_999)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(code: &str, details: Option<&str>) -> HeaderMap {
        let mut end = HeaderMap::new();
        end.insert("grpc-status", code.parse().unwrap());
        if let Some(details) = details {
            end.insert("grpc-status-details-bin", details.parse().unwrap());
        }
        end
    }

    /// A status with a wait of 1.5 s.
    fn details() -> Status {
        let info = RetryInfo { retry_delay: Some(Delay { seconds: 1, nanos: 500_000_000 }) };
        let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
        Status { details: vec![Detail { type_url, value: info.encode_to_vec() }] }
    }

    #[test]
    fn only_what_is_worth_it_is_sent_again() {
        let again: Vec<u32> = (0..20).filter(|code| Code(*code).again(&HeaderMap::new()) != Again::Never).collect();
        assert_eq!(again, [1, 4, 10, 11, 14, 15]);
    }

    #[test]
    fn a_collector_that_is_exhausted_says_whether_it_recovers() {
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(details().encode_to_vec());
        let padded = base64::engine::general_purpose::STANDARD.encode(details().encode_to_vec());
        assert_ne!(text, padded);
        for text in [&text, &padded] {
            let end = end("8", Some(text));
            assert_eq!(Code(8).again(&end), Again::After(Some(Duration::from_millis(1500))));
            assert_eq!(Code(14).again(&end), Again::After(Some(Duration::from_millis(1500))));
            assert_eq!(Code(3).again(&end), Again::Never);
        }
        assert_eq!(Code(8).again(&end("8", None)), Again::Never);
        assert_eq!(Code(8).again(&end("8", Some("!"))), Again::Never);
    }

    #[test]
    fn reasons_are_readable() {
        let mut end = end("14", None);
        assert_eq!(Code(14).reason(&end), "UNAVAILABLE");
        end.insert("grpc-message", "not%20now%2C%20%C3%A9".parse().unwrap());
        assert_eq!(Code(14).reason(&end), "UNAVAILABLE: not now, é");
        end.insert("grpc-message", "no%0A2026-01-01 ERROR%1B[31m".parse().unwrap());
        assert_eq!(Code(14).reason(&end), "UNAVAILABLE: no 2026-01-01 ERROR [31m");
        assert_eq!(Code(99).reason(&HeaderMap::new()), "UNKNOWN");
    }

    #[test]
    fn answers_that_cannot_be_read_say_nothing() {
        assert_eq!(unframed(&[0, 0, 0, 0, 0]), Some(Taken::default()));
        assert_eq!(unframed(&[0, 0, 0, 0, 4, 0x0a, 2, 0x08, 3]).unwrap().rejected, 3);
        for unreadable in [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0, 0], &[0, 0, 0, 0, 1], &[0, 255, 255, 255, 255, 0]] {
            assert_eq!(unframed(unreadable), None, "{unreadable:?}");
        }
    }
}
