//! Items of the Responses API: what the model reads and writes.
//!
//! Source of the spelling: the Responses API. Members that the API has and this type does not (`id`, `annotations`, …)
//! are dropped when an item is read; a kind that is not known is kept whole as [`ResponseItem::Other`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One entry of the model-visible history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseItem {
    Message {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        /// `user`, `assistant`, `developer` or `system`.
        role: String,
        content: Vec<ContentItem>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_turn: Option<bool>,
        /// `commentary` or `final_answer`, where the model says which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<String>,
    },
    Reasoning {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        #[serde(default)]
        summary: Vec<ReasoningSummaryPart>,
        #[serde(default)]
        content: Option<Vec<ReasoningContent>>,
        #[serde(default)]
        encrypted_content: Option<String>,
    },
    LocalShellCall {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        call_id: Option<String>,
        status: String,
        action: LocalShellAction,
    },
    FunctionCall {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// JSON text, as the model wrote it; may be malformed.
        arguments: String,
        call_id: String,
    },
    FunctionCallOutput {
        call_id: String,
        output: ToolOutput,
    },
    CustomToolCall {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        call_id: String,
        name: String,
        input: String,
    },
    CustomToolCallOutput {
        call_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        output: ToolOutput,
    },
    ToolSearchCall {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        call_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        execution: String,
        arguments: Value,
    },
    ToolSearchOutput {
        call_id: Option<String>,
        status: String,
        execution: String,
        tools: Vec<Value>,
    },
    WebSearchCall {
        #[serde(default, skip_serializing)]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        action: Option<Value>,
    },
    ImageGenerationCall {
        id: String,
        status: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revised_prompt: Option<String>,
        result: String,
    },
    GhostSnapshot {
        ghost_commit: Value,
    },
    #[serde(alias = "compaction_summary")]
    Compaction {
        encrypted_content: String,
    },
    /// A kind this version does not know; kept whole.
    #[serde(untagged)]
    Other(Value),
}

/// What the provider's own shell tool is to do. Source of the members: the Responses API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LocalShellAction {
    Exec {
        command: Vec<String>,
        #[serde(default)]
        timeout_ms: Option<u64>,
        #[serde(default)]
        working_directory: Option<String>,
        #[serde(default)]
        env: Option<std::collections::BTreeMap<String, String>>,
        #[serde(default)]
        user: Option<String>,
    },
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentItem {
    InputText {
        text: String,
    },
    InputImage {
        image_url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    OutputText {
        text: String,
    },
}

/// A paragraph of a reasoning summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReasoningSummaryPart {
    SummaryText { text: String },
}

/// Raw reasoning, from models that show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReasoningContent {
    ReasoningText { text: String },
    Text { text: String },
}

/// What a tool told the model: a text, or a list of texts and images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToolOutput {
    Text(String),
    Items(Vec<ToolOutputItem>),
}

/// One part of a [`ToolOutput`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolOutputItem {
    InputText {
        text: String,
    },
    InputImage {
        image_url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
}

impl ResponseItem {
    /// A user message of one text.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::message("user", vec![ContentItem::InputText { text: text.into() }])
    }

    /// A developer message of one text.
    #[must_use]
    pub fn developer(text: impl Into<String>) -> Self {
        Self::message("developer", vec![ContentItem::InputText { text: text.into() }])
    }

    /// An assistant message of one text.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::message("assistant", vec![ContentItem::OutputText { text: text.into() }])
    }

    /// A message without id and phase.
    #[must_use]
    pub fn message(role: &str, content: Vec<ContentItem>) -> Self {
        Self::Message { id: None, role: role.to_owned(), content, end_turn: None, phase: None }
    }

    /// The result of a function call.
    #[must_use]
    pub fn function_output(call_id: impl Into<String>, output: ToolOutput) -> Self {
        Self::FunctionCallOutput { call_id: call_id.into(), output }
    }
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(json: &str) -> String {
        let item: ResponseItem = serde_json::from_str(json).unwrap();
        serde_json::to_string(&item).unwrap()
    }

    #[test]
    fn an_item_of_an_unknown_kind_is_kept_whole() {
        let json = r#"{"type":"novelty","a":[1,2]}"#;
        assert_eq!(serde_json::from_str::<Value>(&round(json)).unwrap(), serde_json::from_str::<Value>(json).unwrap());
    }

    #[test]
    fn ids_are_read_and_not_sent_back() {
        let json = r#"{"type":"message","id":"msg-1","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}]}"#;
        assert_eq!(
            round(json),
            r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}]}"#
        );
    }

    #[test]
    fn a_tool_output_is_a_text_or_a_list() {
        let json = r#"{"type":"function_call_output","call_id":"c","output":"x"}"#;
        assert_eq!(round(json), json);
        let json = r#"{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"}]}"#;
        assert_eq!(round(json), json);
    }
}
