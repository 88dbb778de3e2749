//! The conversation with a model, as the Responses API spells it.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

/// What a message of the agent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "snake_case")]
pub enum MessagePhase {
    /// Says what is going on, with more work to come.
    Commentary,
    /// Answers the user and ends the turn.
    FinalAnswer,
}

/// A piece of a conversation with a model, as the Responses API spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseItem {
    /// Something said.
    Message {
        /// The provider's name for it. Read, never written.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "export", ts(skip))]
        id: Option<String>,
        /// Who said it: `user`, `assistant`, `developer`, `system`.
        role: String,
        /// What was said.
        content: Vec<ContentItem>,
        /// Whether the model meant to end its turn with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        end_turn: Option<bool>,
        /// What it is for, if the model says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        phase: Option<MessagePhase>,
    },
    /// Something thought.
    Reasoning {
        /// What may be shown of it.
        summary: Vec<ReasoningItemReasoningSummary>,
        /// All of it, from models that show it.
        #[serde(default)]
        #[cfg_attr(feature = "export", ts(optional))]
        content: Option<Vec<ReasoningItemContent>>,
        /// All of it, for the provider's eyes.
        encrypted_content: Option<String>,
    },
    /// A call of the built-in shell.
    LocalShellCall {
        /// The provider's name for it. Read, never written.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "export", ts(skip))]
        id: Option<String>,
        /// What its output refers to.
        call_id: Option<String>,
        /// How far it got.
        status: LocalShellStatus,
        /// What to do.
        action: LocalShellAction,
    },
    /// A call of a tool with JSON arguments.
    FunctionCall {
        /// The provider's name for it. Read, never written.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "export", ts(skip))]
        id: Option<String>,
        /// The tool.
        name: String,
        /// The group of tools it belongs to; absent for tools outside of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        namespace: Option<String>,
        /// The arguments, as JSON text.
        arguments: String,
        /// What its output refers to.
        call_id: String,
    },
    /// A search for tools that are not in the context yet.
    ToolSearchCall {
        /// The provider's name for it. Read, never written.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "export", ts(skip))]
        id: Option<String>,
        /// What its output refers to.
        call_id: Option<String>,
        /// How far it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        status: Option<String>,
        /// Who searches.
        execution: String,
        /// What to look for.
        #[cfg_attr(feature = "export", ts(type = "unknown"))]
        arguments: Value,
    },
    /// What a call gave.
    FunctionCallOutput {
        /// The call.
        call_id: String,
        /// What it gave.
        output: FunctionCallOutputBody,
    },
    /// A call of a tool with free text as input.
    CustomToolCall {
        /// The provider's name for it. Read, never written.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "export", ts(skip))]
        id: Option<String>,
        /// How far it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        status: Option<String>,
        /// What its output refers to.
        call_id: String,
        /// The tool.
        name: String,
        /// The input.
        input: String,
    },
    /// What a call with free text gave.
    CustomToolCallOutput {
        /// The call.
        call_id: String,
        /// The tool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        name: Option<String>,
        /// What it gave.
        output: FunctionCallOutputBody,
    },
    /// What a search for tools found.
    ToolSearchOutput {
        /// The call.
        call_id: Option<String>,
        /// How it ended.
        status: String,
        /// Who searched.
        execution: String,
        /// The tools.
        #[cfg_attr(feature = "export", ts(type = "unknown[]"))]
        tools: Vec<Value>,
    },
    /// A search of the web by the provider.
    WebSearchCall {
        /// The provider's name for it. Read, never written.
        #[serde(default, skip_serializing)]
        #[cfg_attr(feature = "export", ts(skip))]
        id: Option<String>,
        /// How far it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        status: Option<String>,
        /// What it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        action: Option<ResponsesApiWebSearchAction>,
    },
    /// A picture made by the provider.
    ImageGenerationCall {
        /// The provider's name for it.
        id: String,
        /// How far it got.
        status: String,
        /// The prompt it was really made from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        revised_prompt: Option<String>,
        /// The picture, in base64.
        result: String,
    },
    /// A mark where the state of the working tree was kept.
    GhostSnapshot {
        /// Where it was kept.
        ghost_commit: GhostCommit,
    },
    /// Older conversation, condensed by the provider.
    Compaction {
        /// The condensed conversation, for the provider's eyes.
        encrypted_content: String,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

/// A part of a message, as the model's API spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentItem {
    /// Text for the model.
    InputText {
        /// The text.
        text: String,
    },
    /// A picture for the model.
    InputImage {
        /// Its address, often a `data:` URL.
        image_url: String,
        /// How closely to look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        detail: Option<ImageDetail>,
    },
    /// Text from the model.
    OutputText {
        /// The text.
        text: String,
    },
}

/// How closely a model looks at a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ImageDetail {
    /// As the model sees fit.
    Auto,
    /// Small and cheap.
    Low,
    /// In detail.
    High,
    /// At the picture's own size.
    Original,
}

/// A part of the summary of a model's reasoning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReasoningItemReasoningSummary {
    /// Text.
    SummaryText {
        /// The text.
        text: String,
    },
}

/// A part of a model's raw reasoning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReasoningItemContent {
    /// Reasoning.
    ReasoningText {
        /// The text.
        text: String,
    },
    /// Reasoning, from models that do not mark it.
    Text {
        /// The text.
        text: String,
    },
}

/// How far a call of the built-in shell got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "snake_case")]
pub enum LocalShellStatus {
    /// Ended well.
    Completed,
    /// Under way.
    InProgress,
    /// Broken off.
    Incomplete,
}

/// What a model with a built-in shell wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LocalShellAction {
    /// To run a command.
    Exec(LocalShellExecAction),
}

/// A command a model with a built-in shell wants run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct LocalShellExecAction {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// When to give up, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Where to run it.
    pub working_directory: Option<String>,
    /// Environment variables to set.
    pub env: Option<HashMap<String, String>>,
    /// The user to run it as.
    pub user: Option<String>,
}

/// What a tool gave back to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(untagged)]
pub enum FunctionCallOutputBody {
    /// One text.
    Text(String),
    /// Texts and pictures.
    ContentItems(Vec<FunctionCallOutputContentItem>),
}

/// A part of what a tool gave back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FunctionCallOutputContentItem {
    /// Text.
    InputText {
        /// The text.
        text: String,
    },
    /// A picture.
    InputImage {
        /// Its address, often a `data:` URL.
        image_url: String,
        /// How closely to look.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        detail: Option<ImageDetail>,
    },
}

/// What a web search of the provider did, as the Responses API spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(rename = "WebSearchAction"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponsesApiWebSearchAction {
    /// Searched.
    Search {
        /// What for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        query: Option<String>,
        /// What for, when it was more than one thing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        queries: Option<Vec<String>>,
    },
    /// Opened a page.
    OpenPage {
        /// Its address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        url: Option<String>,
    },
    /// Looked for something in a page.
    FindInPage {
        /// The page's address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        url: Option<String>,
        /// What was looked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        pattern: Option<String>,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

/// A commit outside of every branch that keeps the state of the working tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct GhostCommit {
    /// The commit.
    pub id: String,
    /// The commit it stands on.
    pub parent: Option<String>,
    /// Files git did not know then, to be left alone on a restore.
    pub preexisting_untracked_files: Vec<PathBuf>,
    /// Folders git did not know then, to be left alone on a restore.
    pub preexisting_untracked_dirs: Vec<PathBuf>,
}
