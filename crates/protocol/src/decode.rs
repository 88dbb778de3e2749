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

/// Decodes the `params` member of a request, or the absence of it.
///
/// The text is read once, straight into `T`. Only when that fails is it read a second time, through a JSON value, to
/// word the error as clients know it (`missing field `threadId``, `invalid type: string "x", expected u32`).
pub fn decode<T: DeserializeOwned>(params: Option<&RawValue>) -> Result<T, DecodeError> {
    let Some(params) = params else {
        return absent();
    };
    serde_json::from_str(params.get()).map_err(|error| {
        let again = serde_json::from_str::<serde_json::Value>(params.get()).and_then(serde_json::from_value::<T>);
        DecodeError(again.err().unwrap_or(error).to_string())
    })
}

/// A method without parameters accepts their absence; every other one misses them.
fn absent<T: DeserializeOwned>() -> Result<T, DecodeError> {
    serde_json::from_value(serde_json::Value::Null).map_err(|_| DecodeError("missing field `params`".to_owned()))
}
