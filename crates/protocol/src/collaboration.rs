//! Ways of working together.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::model::ReasoningEffort;

/// How the agent works with the user, and the settings that go with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct CollaborationMode {
    /// The way of working.
    pub mode: ModeKind,
    /// What holds while the mode does.
    pub settings: Settings,
}

/// A way of working together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ModeKind {
    /// The agent explores and proposes a plan, and changes nothing.
    Plan,
    /// The agent does the work.
    #[serde(alias = "code")]
    #[serde(alias = "pair_programming")]
    #[serde(alias = "execute")]
    #[serde(alias = "custom")]
    Default,
}

/// What holds while a collaboration mode does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct Settings {
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: String,
    /// How hard the model thinks; `null` for its default.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Instructions of the mode; `null` for the built-in ones.
    pub developer_instructions: Option<String>,
}

/// Parameters of `collaborationMode/list`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CollaborationModeListParams {}

/// Result of `collaborationMode/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CollaborationModeListResponse {
    /// All presets; there are no pages.
    pub data: Vec<CollaborationModeMask>,
}

/// A preset of a collaboration mode: what it sets, and what it leaves alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CollaborationModeMask {
    /// The name shown to people.
    pub name: String,
    /// The way of working.
    pub mode: Option<ModeKind>,
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: Option<String>,
    /// How hard the model thinks.
    pub reasoning_effort: Option<Option<ReasoningEffort>>,
}
