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

/// Decodes the `params` member of a request, or the absence of it. `null` counts as absence.
///
/// The text is read once, straight into `T`. Only when that fails is it read a second time, through a JSON value, to
/// word the error as clients know it (`missing field `threadId``, `invalid type: string "x", expected u32`).
pub fn decode<T: DeserializeOwned>(params: Option<&RawValue>) -> Result<T, DecodeError> {
    let Some(params) = params.filter(|params| params.get() != "null") else {
        return absent();
    };
    serde_json::from_str(params.get()).map_err(|error| {
        let again = serde_json::from_str::<serde_json::Value>(params.get()).and_then(serde_json::from_value::<T>);
        DecodeError(again.err().unwrap_or(error).to_string())
    })
}

/// A method without parameters accepts their absence, or `null`; every other one misses them.
fn absent<T: DeserializeOwned>() -> Result<T, DecodeError> {
    serde_json::from_value(serde_json::Value::Null).map_err(|_| DecodeError("missing field `params`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoParams, ThreadListParams, ThreadReadParams, ThreadStartParams, TurnStartParams};

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
