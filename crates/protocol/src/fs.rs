//! The user's files.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::path::AbsolutePathBuf;

/// Parameters of `fs/readFile`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsReadFileParams {
    /// The path of the file.
    pub path: AbsolutePathBuf,
}

/// Result of `fs/readFile`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsReadFileResponse {
    /// Its content, in base64.
    pub data_base64: String,
}

/// Parameters of `fs/writeFile`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsWriteFileParams {
    /// The path of the file.
    pub path: AbsolutePathBuf,
    /// Its new content, in base64.
    pub data_base64: String,
}

/// Result of `fs/writeFile`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsWriteFileResponse {}

/// Parameters of `fs/createDirectory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct FsCreateDirectoryParams {
    /// The folder.
    pub path: AbsolutePathBuf,
    /// Whether to make its parents too. On when absent.
    pub recursive: Option<bool>,
}

/// Result of `fs/createDirectory`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsCreateDirectoryResponse {}

/// Parameters of `fs/getMetadata`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsGetMetadataParams {
    /// What to look at.
    pub path: AbsolutePathBuf,
}

/// Result of `fs/getMetadata`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsGetMetadataResponse {
    /// Whether it is a folder, links followed.
    pub is_directory: bool,
    /// Whether it is a file, links followed.
    pub is_file: bool,
    /// Whether the path itself is a symbolic link.
    pub is_symlink: bool,
    /// When it was made, in Unix milliseconds; 0 if unknown.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub created_at_ms: i64,
    /// When it was last changed, in Unix milliseconds; 0 if unknown.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub modified_at_ms: i64,
}

/// Parameters of `fs/readDirectory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsReadDirectoryParams {
    /// The folder.
    pub path: AbsolutePathBuf,
}

/// Result of `fs/readDirectory`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsReadDirectoryResponse {
    /// What is directly in it.
    pub entries: Vec<FsReadDirectoryEntry>,
}

/// Something in a folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsReadDirectoryEntry {
    /// Its name, without the folder.
    pub file_name: String,
    /// Whether it is a folder.
    pub is_directory: bool,
    /// Whether it is a file.
    pub is_file: bool,
}

/// Parameters of `fs/remove`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct FsRemoveParams {
    /// What to remove.
    pub path: AbsolutePathBuf,
    /// Whether to remove a folder with what is in it. On when absent.
    pub recursive: Option<bool>,
    /// Whether it is fine if there is nothing. On when absent.
    pub force: Option<bool>,
}

/// Result of `fs/remove`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsRemoveResponse {}

/// Parameters of `fs/copy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsCopyParams {
    /// What to copy.
    pub source_path: AbsolutePathBuf,
    /// Where to.
    pub destination_path: AbsolutePathBuf,
    /// Needed to copy a folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
}

/// Result of `fs/copy`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsCopyResponse {}

/// Parameters of `fs/watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsWatchParams {
    /// Names the watch; chosen by the client.
    pub watch_id: String,
    /// The file or folder.
    pub path: AbsolutePathBuf,
}

/// Result of `fs/watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsWatchResponse {
    /// What is watched, in canonical form.
    pub path: AbsolutePathBuf,
}

/// Parameters of `fs/unwatch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsUnwatchParams {
    /// Names the watch; chosen by the client.
    pub watch_id: String,
}

/// Result of `fs/unwatch`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FsUnwatchResponse {}

/// Something below a watched path has changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FsChangedNotification {
    /// Names the watch; chosen by the client.
    pub watch_id: String,
    /// What.
    pub changed_paths: Vec<AbsolutePathBuf>,
}
