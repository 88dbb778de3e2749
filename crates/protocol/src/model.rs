//! Models to choose, and how they are to answer.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// How fast and at what price a provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ServiceTier {
    /// Sooner, for more.
    Fast,
    /// Later, for less.
    Flex,
}

/// How the agent speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum Personality {
    /// Without a manner of its own.
    None,
    /// Warm and encouraging.
    Friendly,
    /// Brief and to the point.
    Pragmatic,
}

/// How hard a model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// Barely.
    Minimal,
    /// A little.
    Low,
    /// Moderately.
    Medium,
    /// Much.
    High,
    /// As much as it can.
    Xhigh,
}

/// How a model's reasoning is summarised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ReasoningSummary {
    /// As the model sees fit.
    Auto,
    /// In short.
    Concise,
    /// At length.
    Detailed,
    /// Not at all.
    None,
}

/// Parameters of `model/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ModelListParams {
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    pub limit: Option<u32>,
    /// Whether to list models that are left out of the usual choice too.
    pub include_hidden: Option<bool>,
}

/// Result of `model/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ModelListResponse {
    /// The entries of this page, at most `limit`; empty when there are none.
    pub data: Vec<Model>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
}

/// A model to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Names the choice.
    pub id: String,
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: String,
    /// The model that follows it, by name.
    pub upgrade: Option<String>,
    /// More about the model that follows it.
    pub upgrade_info: Option<ModelUpgradeInfo>,
    /// What to tell users when it becomes available.
    pub availability_nux: Option<ModelAvailabilityNux>,
    /// The name shown to people.
    pub display_name: String,
    /// What it is good for.
    pub description: String,
    /// Whether it is left out of the usual choice.
    pub hidden: bool,
    /// How hard it can think.
    pub supported_reasoning_efforts: Vec<ReasoningEffortOption>,
    /// How hard it thinks when nobody says anything.
    pub default_reasoning_effort: ReasoningEffort,
    /// What it can be given.
    #[serde(default = "InputModality::all")]
    pub input_modalities: Vec<InputModality>,
    /// Whether the agent's manner of speaking can be chosen.
    #[serde(default)]
    pub supports_personality: bool,
    /// Further speeds it comes in.
    #[serde(default)]
    pub additional_speed_tiers: Vec<String>,
    /// Whether it is used when nobody says anything.
    pub is_default: bool,
}

/// More about the model that follows another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ModelUpgradeInfo {
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: String,
    /// What to tell the user.
    pub upgrade_copy: Option<String>,
    /// Where to read more.
    pub model_link: Option<String>,
    /// What to tell the user, in Markdown.
    pub migration_markdown: Option<String>,
}

/// What to tell users when a model becomes available.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ModelAvailabilityNux {
    /// For people.
    pub message: String,
}

/// How hard a model can think.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReasoningEffortOption {
    /// How hard the model thinks before it answers; `null` for the model's default.
    pub reasoning_effort: ReasoningEffort,
    /// What that is good for.
    pub description: String,
}

/// What a model can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum InputModality {
    /// Text.
    Text,
    /// Pictures.
    Image,
}

impl InputModality {
    /// What a model takes when its entry says nothing: text and images.
    pub fn all() -> Vec<Self> {
        vec![Self::Text, Self::Image]
    }
}

/// How much a model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum Verbosity {
    /// Little.
    Low,
    /// Neither much nor little.
    Medium,
    /// Much.
    High,
}

/// Another model answers than the one asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ModelReroutedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The one asked.
    pub from_model: String,
    /// The one that answers.
    pub to_model: String,
    /// Why, for people.
    pub reason: ModelRerouteReason,
}

/// Why another model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ModelRerouteReason {
    /// The request may be misuse against computers.
    HighRiskCyberActivity,
}

/// The provider wants the user checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ModelVerificationNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// Which checks.
    pub verifications: Vec<ModelVerification>,
}

/// A check the provider wants of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ModelVerification {
    /// To be trusted with matters of security.
    TrustedAccessForCyber,
}
