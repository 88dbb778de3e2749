//! One message: what its envelope says when it comes in, and how it is written when it goes out.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The id of a request. The two sides count independently; an id is echoed exactly as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A number. Fractions and numbers outside `i64` are not ids.
    Int(i64),
    /// A text of any length, the empty one included.
    Text(String),
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(id) => id.fmt(f),
            Self::Text(id) => id.fmt(f),
        }
    }
}

/// Why a request failed, as it stands in the `error` member of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct ErrorObject {
    /// A number that says what kind of failure it was.
    pub code: i64,
    /// More about it, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// A sentence for people. Clients match on some of them.
    pub message: String,
}

impl ErrorObject {
    /// The code for a failure that is nobody's fault but the answering side's.
    pub const INTERNAL: i64 = -32603;

    /// Makes an error without `data`.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, data: None, message: message.into() }
    }

    /// Adds `data`.
    pub fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }
}

/// How a request ended: the raw text of its result, or an error.
pub type Outcome = Result<Box<RawValue>, ErrorObject>;

/// A message from the other side, its envelope decoded and nothing else.
#[derive(Debug)]
pub enum Incoming {
    /// Asks for exactly one response with the same id.
    Request {
        /// The id to echo.
        id: RequestId,
        /// What is asked for.
        method: String,
        /// The arguments as they came. `null` counts as absent.
        params: Option<Box<RawValue>>,
    },
    /// Says something; nothing is answered.
    Notification {
        /// What happened.
        method: String,
        /// The details as they came. `null` counts as absent.
        params: Option<Box<RawValue>>,
    },
    /// Answers a request of ours.
    Response {
        /// The id of our request.
        id: RequestId,
        /// What came of it.
        outcome: Outcome,
    },
}

/// Why a line is not a message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The text is not JSON, is not UTF-8, or a member of the envelope is there twice or has a wrong type.
    #[error("not a JSON message: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The text is JSON, but not an object with a method, or with an id and a result or error.
    #[error("neither a request nor a notification nor a response")]
    NotAMessage,
}

/// The members that make the envelope. Others, such as `jsonrpc`, are tolerated and not looked at.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Keeps a `null` apart from an absent member: `"result": null` is a result.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Incoming {
    /// Decodes one message. The cost is one pass over the text and one copy of its params or result, whatever their
    /// size or depth.
    ///
    /// A method makes it a request or a notification, even beside a result. An id that is neither an integer nor a
    /// text is no id, so that a method next to it makes a notification (Source: recorded conversations).
    ///
    /// # Errors
    /// See [`DecodeError`]. None of them is the end of a connection: the next line may be fine.
    pub fn decode(text: &[u8]) -> Result<Self, DecodeError> {
        // serde would also accept the members as an array, in the order of the fields.
        if text.trim_ascii_start().first() != Some(&b'{') {
            serde_json::from_slice::<&RawValue>(text)?;
            return Err(DecodeError::NotAMessage);
        }
        let Envelope { id, method, params, result, error } = serde_json::from_slice(text)?;
        let id = id.and_then(|raw| serde_json::from_str::<RequestId>(raw.get()).ok());
        match (id, method, result, error) {
            (Some(id), Some(method), ..) => {
                Ok(Self::Request { id, method: method.into_owned(), params: params.map(ToOwned::to_owned) })
            }
            (None, Some(method), ..) => {
                Ok(Self::Notification { method: method.into_owned(), params: params.map(ToOwned::to_owned) })
            }
            (Some(id), None, Some(result), _) => Ok(Self::Response { id, outcome: Ok(result.to_owned()) }),
            (Some(id), None, None, Some(error)) => {
                // An error that cannot be read still ends the request; whoever waits must not wait for ever.
                let error = serde_json::from_str(error.get())
                    .unwrap_or_else(|_| ErrorObject::new(ErrorObject::INTERNAL, "malformed error object"));
                Ok(Self::Response { id, outcome: Err(error) })
            }
            (_, None, _, _) => Err(DecodeError::NotAMessage),
        }
    }
}

#[derive(Serialize)]
struct RequestFrame<'a, P: ?Sized> {
    method: &'a str,
    id: &'a RequestId,
    params: &'a P,
}

#[derive(Serialize)]
struct NotificationFrame<'a, P: ?Sized> {
    method: &'a str,
    params: &'a P,
}

#[derive(Serialize)]
struct ResultFrame<'a, R: ?Sized> {
    id: &'a RequestId,
    result: &'a R,
}

#[derive(Serialize)]
struct ErrorFrame<'a> {
    error: &'a ErrorObject,
    id: &'a RequestId,
}

/// Encodes a request of ours.
///
/// # Panics
/// If `params` cannot be written as JSON; the types of a protocol can.
pub fn encode_request(id: &RequestId, method: &str, params: &(impl Serialize + ?Sized)) -> Bytes {
    encode(&RequestFrame { method, id, params }).expect("params are data and can be written as JSON")
}

/// Encodes a notification: once, for however many connections it goes to.
///
/// # Panics
/// If `params` cannot be written as JSON; the types of a protocol can.
pub fn encode_notification(method: &str, params: &(impl Serialize + ?Sized)) -> Bytes {
    encode(&NotificationFrame { method, params }).expect("params are data and can be written as JSON")
}

/// Encodes a successful response. A result that cannot be written as JSON becomes an internal error, so that the
/// request is answered in any case.
pub fn encode_result(id: &RequestId, result: &(impl Serialize + ?Sized)) -> Bytes {
    encode(&ResultFrame { id, result }).unwrap_or_else(|error| {
        tracing::error!(%id, %error, "a result could not be written");
        encode_error(id, &ErrorObject::new(ErrorObject::INTERNAL, "internal error"))
    })
}

/// Encodes a response that says why the request failed.
pub fn encode_error(id: &RequestId, error: &ErrorObject) -> Bytes {
    encode(&ErrorFrame { error, id }).expect("an error object can be written as JSON")
}

/// Bytes reserved for a frame before anything is known about it: most notifications fit.
const FRAME_BYTES: usize = 256;

fn encode(frame: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let mut text = Vec::with_capacity(FRAME_BYTES);
    serde_json::to_writer(&mut text, frame)?;
    // Only a raw value can bring a line break, and only between tokens, where a blank means the same.
    let mut at = 0;
    while let Some(offset) = memchr::memchr(b'\n', &text[at..]) {
        at += offset;
        text[at] = b' ';
    }
    Ok(Bytes::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> String {
        let raw = |params: Option<Box<RawValue>>| params.map_or("-".to_owned(), |p| p.get().to_owned());
        match Incoming::decode(text.as_bytes()) {
            Ok(Incoming::Request { id, method, params }) => format!("request {id:?} {method} {}", raw(params)),
            Ok(Incoming::Notification { method, params }) => format!("notification {method} {}", raw(params)),
            Ok(Incoming::Response { id, outcome: Ok(result) }) => format!("result {id:?} {result}"),
            Ok(Incoming::Response { id, outcome: Err(error) }) => format!("error {id:?} {error}"),
            Err(DecodeError::Malformed(_)) => "malformed".to_owned(),
            Err(DecodeError::NotAMessage) => "not a message".to_owned(),
        }
    }

    #[test]
    fn members_decide_what_a_message_is() {
        assert_eq!(kind(r#"{"id":1,"method":"a","params":{"b":[1, 2]}}"#), r#"request Int(1) a {"b":[1, 2]}"#);
        assert_eq!(kind(r#"{"id":"x","method":"a"}"#), r#"request Text("x") a -"#);
        assert_eq!(kind(r#"{"method":"a","params":7}"#), "notification a 7");
        assert_eq!(kind(r#"{"id":3,"result":null}"#), "result Int(3) null");
        assert_eq!(kind(r#"{"id":3,"error":{"code":-1,"message":"no"}}"#), "error Int(3) no (code -1)");
    }

    #[test]
    fn unknown_members_and_the_version_are_tolerated() {
        assert_eq!(kind(r#"{"jsonrpc":"2.0","id":1,"method":"a","trace":7,"zzz":{}}"#), "request Int(1) a -");
    }

    #[test]
    fn a_method_beside_a_result_is_a_request() {
        assert_eq!(kind(r#"{"id":1,"method":"a","result":2}"#), "request Int(1) a -");
    }

    #[test]
    fn null_params_count_as_absent() {
        assert_eq!(kind(r#"{"id":1,"method":"a","params":null}"#), "request Int(1) a -");
    }

    #[test]
    fn an_id_that_is_neither_integer_nor_text_makes_a_notification() {
        for id in ["null", "1.5", "true", "[1]", "18446744073709551615", "-1e0"] {
            assert_eq!(kind(&format!(r#"{{"id":{id},"method":"a"}}"#)), "notification a -", "{id}");
        }
    }

    #[test]
    fn ids_keep_every_digit() {
        for id in [0, -7, 9_007_199_254_740_993, i64::MIN, i64::MAX] {
            assert_eq!(kind(&format!(r#"{{"id":{id},"method":"a"}}"#)), format!("request Int({id}) a -"));
        }
    }

    #[test]
    fn escapes_in_names_and_methods_are_read() {
        assert_eq!(kind(r#"{"id":1,"meth\u006fd":"a\/b"}"#), "request Int(1) a/b -");
    }

    #[test]
    fn what_is_not_a_message_is_refused() {
        for text in ["[1,2,3]", r#"[5,"a",{},null,null]"#, r#""text""#, "7", "{}", r#"{"id":77}"#, r#"{"foo":1}"#] {
            assert_eq!(kind(text), "not a message", "{text}");
        }
        let broken = [
            "",
            "{not json",
            r#"{"id":1,"method":7}"#,
            r#"{"id":1,"method":"a","id":2}"#,
            r#"{"method":"a"} {}"#,
            "NaN",
        ];
        for text in broken {
            assert_eq!(kind(text), "malformed", "{text}");
        }
    }

    #[test]
    fn an_unreadable_error_still_ends_the_request() {
        assert_eq!(kind(r#"{"id":3,"error":"no"}"#), "error Int(3) malformed error object (code -32603)");
    }

    #[test]
    fn deep_nesting_is_only_text() {
        let deep = format!(r#"{{"id":1,"method":"a","params":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert!(kind(&deep).starts_with("request Int(1) a [["));
    }

    #[test]
    fn frames_have_the_order_of_members_that_clients_are_used_to() {
        let id = RequestId::Text("a".to_owned());
        assert_eq!(encode_request(&id, "m", &[1]), r#"{"method":"m","id":"a","params":[1]}"#);
        assert_eq!(encode_notification("m", &()), r#"{"method":"m","params":null}"#);
        assert_eq!(encode_result(&id, "yes"), r#"{"id":"a","result":"yes"}"#);
        let error = ErrorObject::new(-32600, "no");
        assert_eq!(encode_error(&id, &error), r#"{"error":{"code":-32600,"message":"no"},"id":"a"}"#);
        let error = error.with_data(serde_json::json!({"a": 1}));
        assert_eq!(encode_error(&id, &error), r#"{"error":{"code":-32600,"data":{"a":1},"message":"no"},"id":"a"}"#);
    }

    #[test]
    fn a_frame_is_one_line_even_if_a_raw_value_is_not() {
        let raw: Box<RawValue> = serde_json::from_str("{\n  \"a\":\n \"b\\nc\"\n}").unwrap();
        let frame = encode_notification("m", &raw);
        assert_eq!(frame, "{\"method\":\"m\",\"params\":{   \"a\":  \"b\\nc\" }}");
    }

    #[test]
    fn a_result_that_cannot_be_written_is_answered_with_an_error() {
        let broken = std::collections::BTreeMap::from([((1, 2), 3)]);
        let frame = encode_result(&RequestId::Int(4), &broken);
        assert_eq!(kind(std::str::from_utf8(&frame).unwrap()), "error Int(4) internal error (code -32603)");
    }
}
