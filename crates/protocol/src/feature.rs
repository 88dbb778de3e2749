//! Features that can be switched, and a method to try what experimental methods do.

use std::collections::HashMap;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// Result of `memory/reset`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct MemoryResetResponse {}

/// Parameters of `experimentalFeature/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct ExperimentalFeatureListParams {
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    pub limit: Option<u32>,
}

/// Result of `experimentalFeature/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ExperimentalFeatureListResponse {
    /// The entries of this page, at most `limit`; empty when there are none.
    pub data: Vec<ExperimentalFeature>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
}

/// A feature that can be switched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ExperimentalFeature {
    /// Its key in the configuration.
    pub name: String,
    /// How far along it is.
    pub stage: ExperimentalFeatureStage,
    /// The name shown to people.
    pub display_name: Option<String>,
    /// What it does; `null` unless it is ready to be tried.
    pub description: Option<String>,
    /// How it is announced; `null` unless it is ready to be tried.
    pub announcement: Option<String>,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether it is on when nobody says anything.
    pub default_enabled: bool,
}

/// How far along a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ExperimentalFeatureStage {
    /// Ready to be tried.
    Beta,
    /// Not ready.
    UnderDevelopment,
    /// Done.
    Stable,
    /// On its way out.
    Deprecated,
    /// Gone; the key is still accepted.
    Removed,
}

/// Parameters of `experimentalFeature/enablement/set`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ExperimentalFeatureEnablementSetParams {
    /// Which features to switch, by key. Holds until the server ends.
    pub enablement: HashMap<String, bool>,
}

/// Result of `experimentalFeature/enablement/set`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ExperimentalFeatureEnablementSetResponse {
    /// What was switched.
    pub enablement: HashMap<String, bool>,
}

/// Parameters of `mock/experimentalMethod`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct MockExperimentalMethodParams {
    /// Anything.
    pub value: Option<String>,
}

/// Result of `mock/experimentalMethod`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct MockExperimentalMethodResponse {
    /// What was sent.
    pub echoed: Option<String>,
}
