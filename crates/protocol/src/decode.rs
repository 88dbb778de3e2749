//! From the raw `params` of a message to a type of ours.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Parameters that do not decode. Displays the words the protocol uses: what is wrong, without a position in the text.
#[derive(Debug)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

/// The longest text that is read a second time. A value takes many times the memory of its text.
const MAX_REREAD_BYTES: usize = 1024 * 1024;

/// Decodes the `params` member of a request, or the absence of it. `null` counts as absence.
///
/// The text is read once, straight into `T`. Only when that fails is it read a second time, through a JSON value, to
/// word the error as clients know it (`missing field `threadId``, `invalid type: string "x", expected u32`).
///
/// # Errors
/// The first thing that was wrong. JSON that is nested deeper than 127 levels where the type takes any JSON is refused.
pub fn decode<T: DeserializeOwned>(params: Option<&RawValue>) -> Result<T, DecodeError> {
    let Some(params) = params.filter(|params| params.get() != "null") else {
        return absent();
    };
    serde_json::from_str(params.get()).map_err(|error| {
        let again = || serde_json::from_str::<serde_json::Value>(params.get()).and_then(serde_json::from_value::<T>);
        let worded = if params.get().len() <= MAX_REREAD_BYTES { again().err() } else { None };
        DecodeError(without_position(&worded.unwrap_or(error)))
    })
}

/// What an error says, without where: clients see the params, not the text of them.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// A method without parameters accepts their absence, or `null`; every other one misses them.
fn absent<T: DeserializeOwned>() -> Result<T, DecodeError> {
    serde_json::from_value(serde_json::Value::Null).map_err(|_| DecodeError("missing field `params`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConfigValueWriteParams, NoParams, ThreadListParams, ThreadReadParams, ThreadStartParams, TurnStartParams,
    };

    fn words<T: DeserializeOwned>(params: &str) -> String {
        let raw = RawValue::from_string(params.to_owned()).unwrap();
        decode::<T>(Some(&raw)).err().unwrap().to_string()
    }

    #[test]
    fn errors_are_worded_without_a_position() {
        assert_eq!(words::<ThreadReadParams>("{}"), "missing field `threadId`");
        assert_eq!(words::<ThreadReadParams>(r#"{"threadId": 5}"#), "invalid type: integer `5`, expected a string");
        assert_eq!(words::<ThreadListParams>(r#"{"limit": -1}"#), "invalid value: integer `-1`, expected u32");
        assert_eq!(
            words::<TurnStartParams>(r#"{"threadId": "t", "input": [{"type": "bogus"}]}"#),
            "unknown variant `bogus`, expected one of `text`, `image`, `localImage`, `skill`, `mention`"
        );
        assert_eq!(
            words::<ThreadStartParams>(r#"{"approvalPolicy": "unlessTrusted"}"#),
            "unknown variant `unlessTrusted`, expected one of `untrusted`, `on-failure`, `on-request`, `granular`, `never`"
        );
        assert_eq!(
            words::<ThreadStartParams>(r#"{"sandbox": 5.5}"#),
            "invalid type: floating point `5.5`, expected string or map"
        );
    }

    #[test]
    fn nesting_beyond_all_reason_is_refused_without_a_position() {
        let nested = |depth: usize| {
            let value = "[".repeat(depth) + &"]".repeat(depth);
            format!(r#"{{"keyPath": "a", "mergeStrategy": "replace", "value": {value}}}"#)
        };
        let raw = RawValue::from_string(nested(126)).unwrap();
        decode::<ConfigValueWriteParams>(Some(&raw)).unwrap();
        for depth in [127, 10_000] {
            assert_eq!(words::<ConfigValueWriteParams>(&nested(depth)), "recursion limit exceeded");
        }
    }

    #[test]
    fn errors_in_long_texts_are_worded_alike() {
        let long = " ".repeat(MAX_REREAD_BYTES);
        assert_eq!(words::<ThreadReadParams>(&format!("{{{long}}}")), "missing field `threadId`");
        let wrong = format!(r#"{{{long}"threadId": 5}}"#);
        assert_eq!(words::<ThreadReadParams>(&wrong), "invalid type: integer `5`, expected a string");
    }

    #[test]
    fn parameters_must_be_there_even_when_all_members_are_optional() {
        assert_eq!(decode::<ThreadStartParams>(None).unwrap_err().to_string(), "missing field `params`");
        assert_eq!(words::<ThreadStartParams>("null"), "missing field `params`");
    }

    #[test]
    fn methods_without_parameters_need_none() {
        decode::<NoParams>(None).unwrap();
    }

    #[test]
    fn unknown_members_are_ignored() {
        let raw = RawValue::from_string(r#"{"threadId": "t", "unheardOf": true}"#.to_owned()).unwrap();
        assert_eq!(decode::<ThreadReadParams>(Some(&raw)).unwrap().thread_id, "t");
    }
}
