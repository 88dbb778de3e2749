//! Finding files by a few letters of their path.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `fuzzyFileSearch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchParams {
    /// The letters to look for, in their order but not necessarily together.
    pub query: String,
    /// The folders to look in.
    pub roots: Vec<String>,
    /// A later search with the same token ends this one.
    pub cancellation_token: Option<String>,
}

/// Result of `fuzzyFileSearch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct FuzzyFileSearchResponse {
    /// What was found, best first.
    pub files: Vec<FuzzyFileSearchResult>,
}

/// A path that matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct FuzzyFileSearchResult {
    /// The folder it was found in, one of those given.
    pub root: String,
    /// The path relative to that folder.
    pub path: String,
    /// Whether it is a file or a folder.
    pub match_type: FuzzyFileSearchMatchType,
    /// The last part of the path.
    pub file_name: String,
    /// How well it matches; higher is better.
    pub score: u32,
    /// Which characters of the path match, counted from 0, for highlighting.
    pub indices: Option<Vec<u32>>,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum FuzzyFileSearchMatchType {
    /// A file.
    File,
    /// A folder.
    Directory,
}

/// Parameters of `fuzzyFileSearch/sessionStart`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionStartParams {
    /// Names the session.
    pub session_id: String,
    /// The folders to look in.
    pub roots: Vec<String>,
}

/// Result of `fuzzyFileSearch/sessionStart`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct FuzzyFileSearchSessionStartResponse {}

/// Parameters of `fuzzyFileSearch/sessionUpdate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionUpdateParams {
    /// Names the session.
    pub session_id: String,
    /// What to look for now; replaces the earlier query.
    pub query: String,
}

/// Result of `fuzzyFileSearch/sessionUpdate`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct FuzzyFileSearchSessionUpdateResponse {}

/// Parameters of `fuzzyFileSearch/sessionStop`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionStopParams {
    /// Names the session.
    pub session_id: String,
}

/// Result of `fuzzyFileSearch/sessionStop`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct FuzzyFileSearchSessionStopResponse {}

/// A search session has results, perhaps with more to come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionUpdatedNotification {
    /// Names the session.
    pub session_id: String,
    /// The query they are for.
    pub query: String,
    /// What was found so far, best first.
    pub files: Vec<FuzzyFileSearchResult>,
}

/// A search session has found all there is for its current query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionCompletedNotification {
    /// Names the session.
    pub session_id: String,
}
