//! The first request of a connection.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::additions::Additions;
use crate::path::AbsolutePathBuf;

/// Parameters of `initialize`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct InitializeParams {
    /// Who the client is.
    pub client_info: ClientInfo,
    /// What it can take.
    pub capabilities: Option<InitializeCapabilities>,
}

/// Which client is speaking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct ClientInfo {
    /// A short fixed name; becomes part of the user agent.
    pub name: String,
    /// The name shown to people.
    pub title: Option<String>,
    /// Its version.
    pub version: String,
}

/// What the client can take.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable))]
#[serde(rename_all = "camelCase")]
pub struct InitializeCapabilities {
    /// Whether the client wants the experimental parts of the protocol.
    #[serde(default)]
    pub experimental_api: bool,
    /// Notifications the client does not want on this connection, by exact name.
    pub opt_out_notification_methods: Option<Vec<String>>,
    /// Which additions of Spindle's it wants; no part of the published contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", schemars(skip), ts(skip))]
    pub spindle: Option<Additions>,
}

/// Result of `initialize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct InitializeResponse {
    /// The user agent the server presents to model providers.
    pub user_agent: String,
    /// The folder of the server's own files.
    pub codex_home: AbsolutePathBuf,
    /// `unix` or `windows`.
    pub platform_family: String,
    /// The operating system: `linux`, `macos`, `windows`.
    pub platform_os: String,
    /// The additions that the client has asked for; no part of the published contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", schemars(skip), ts(skip))]
    pub spindle: Option<Additions>,
}
