//! Feedback to the provider.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `feedback/upload`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FeedbackUploadParams {
    /// What kind of feedback.
    pub classification: String,
    /// What the user says.
    pub reason: Option<String>,
    /// The thread it is about; a new one is named in the answer when absent.
    pub thread_id: Option<String>,
    /// Whether the server's logs go along.
    pub include_logs: bool,
    /// Further files to send.
    pub extra_log_files: Option<Vec<PathBuf>>,
    /// Further labels.
    pub tags: Option<HashMap<String, String>>,
}

/// Result of `feedback/upload`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FeedbackUploadResponse {
    /// The thread the feedback is filed under.
    pub thread_id: String,
}
