//! Reads items of the model's history.
//!
//! For an enum whose members stand beside its tag, serde keeps a copy of all of them before it knows the kind. The kinds
//! that make up a history are read straight into their members here; others, and what does not look like them, by serde.

use std::borrow::Cow;

use serde::Deserialize;
use types::{ContentItem, ResponseItem, ToolOutput};

use super::tag;

/// Reads a payload; `None` for one that is no item.
pub(super) fn read(payload: &str) -> Option<ResponseItem> {
    let item = match tag(payload).as_deref() {
        Some("message") => serde_json::from_str(payload).ok().and_then(Message::into_item),
        Some("function_call") => serde_json::from_str(payload).ok().map(FunctionCall::into_item),
        Some("function_call_output") => serde_json::from_str(payload).ok().map(FunctionCallOutput::into_item),
        _ => None,
    };
    item.or_else(|| serde_json::from_str(payload).ok())
}

#[derive(Deserialize)]
struct Message<'a> {
    id: Option<String>,
    role: String,
    #[serde(borrow)]
    content: Vec<Part<'a>>,
    end_turn: Option<bool>,
    phase: Option<String>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    text: Option<String>,
}

impl Message<'_> {
    /// `None` when not all of it is text.
    fn into_item(self) -> Option<ResponseItem> {
        let Self { id, role, content, end_turn, phase } = self;
        let content = content
            .into_iter()
            .map(|part| match (part.kind.as_ref(), part.text) {
                ("input_text", Some(text)) => Some(ContentItem::InputText { text }),
                ("output_text", Some(text)) => Some(ContentItem::OutputText { text }),
                _ => None,
            })
            .collect::<Option<_>>()?;
        Some(ResponseItem::Message { id, role, content, end_turn, phase })
    }
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: String,
    namespace: Option<String>,
    arguments: String,
    call_id: String,
}

impl FunctionCall {
    fn into_item(self) -> ResponseItem {
        let Self { id, name, namespace, arguments, call_id } = self;
        ResponseItem::FunctionCall { id, name, namespace, arguments, call_id }
    }
}

/// One whose output is a text.
#[derive(Deserialize)]
struct FunctionCallOutput {
    call_id: String,
    output: String,
}

impl FunctionCallOutput {
    fn into_item(self) -> ResponseItem {
        ResponseItem::FunctionCallOutput { call_id: self.call_id, output: ToolOutput::Text(self.output) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_as_serde_reads_them() {
        let payloads = [
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a \"b\" \u00e4"}]}"#,
            r#"{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[]}],"phase":"final_answer","end_turn":true}"#,
            r#"{"type":"message","role":"user","content":[]}"#,
            r#"{"role":"user","type":"message","content":[{"text":"late","type":"input_text"}]}"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:x"}]}"#,
            r#"{"type":"message","role":"user","content":[{"type":"new","text":"a"}]}"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text"}]}"#,
            r#"{"type":"message","role":7,"content":[]}"#,
            r#"{"type":"message","role":"user"}"#,
            r#"{"type":"message","role":"user","role":"assistant","content":[]}"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a","text":"b"}]}"#,
            r#"{"type":"function_call","name":"n","arguments":"{}","call_id":"c","id":null}"#,
            r#"{"type":"function_call","name":"n","namespace":"s","arguments":{},"call_id":"c"}"#,
            r#"{"type":"function_call_output","call_id":"c","output":"text"}"#,
            r#"{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"a"}]}"#,
            r#"{"type":"function_call_output","call_id":"c","output":5}"#,
            r#"{"type":"function_call_output","output":"text"}"#,
            r#"{"type":"reasoning","summary":[],"encrypted_content":"e"}"#,
            r#"{"type":"something_new","a":1}"#,
            r#"{"type":5}"#,
            r#"{"a":"no type"}"#,
            r#"{"type":"message","role":"user","content":[]"#,
            "[]",
        ];
        for payload in payloads {
            assert_eq!(read(payload), serde_json::from_str(payload).ok(), "{payload}");
        }
    }
}
