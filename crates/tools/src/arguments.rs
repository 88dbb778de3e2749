//! Reads a call's JSON arguments.

use serde::de::DeserializeOwned;

use crate::tool::{ToolCall, ToolInput, ToolResult};

/// Parses the arguments of `call`.
///
/// # Errors
/// A result that tells the model what is wrong and where, for a call with free text what form is expected.
pub(crate) fn parse<T: DeserializeOwned>(call: &ToolCall) -> Result<T, ToolResult> {
    match &call.input {
        ToolInput::Json(text) => serde_json::from_str(text)
            .map_err(|error| ToolResult::failed(format!("failed to parse function arguments: {error}"))),
        ToolInput::Text(_) => {
            Err(ToolResult::failed("failed to parse function arguments: this tool takes a JSON object, not free text"))
        }
    }
}
