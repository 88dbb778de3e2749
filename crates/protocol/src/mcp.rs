//! MCP servers: what they offer, logging in to them, using them.

use std::collections::HashMap;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `mcpServer/oauth/login`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerOauthLoginParams {
    /// The server.
    pub name: String,
    /// What to ask for; what the server offers when absent.
    pub scopes: Option<Vec<String>>,
    /// How long to wait for the user, in seconds.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub timeout_secs: Option<i64>,
}

/// Result of `mcpServer/oauth/login`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerOauthLoginResponse {
    /// The page to open.
    pub authorization_url: String,
}

/// Result of `config/mcpServer/reload`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct McpServerRefreshResponse {}

/// Parameters of `mcpServerStatus/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct ListMcpServerStatusParams {
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    pub limit: Option<u32>,
    /// How much to tell; everything when absent.
    pub detail: Option<McpServerStatusDetail>,
}

/// How much to tell of MCP servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpServerStatusDetail {
    /// Everything.
    Full,
    /// Tools and log-in only, which is faster.
    ToolsAndAuthOnly,
}

/// Result of `mcpServerStatus/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ListMcpServerStatusResponse {
    /// The entries of this page, at most `limit`; empty when there are none.
    pub data: Vec<McpServerStatus>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
}

/// What an MCP server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its tools, by name.
    pub tools: HashMap<String, Tool>,
    /// What there is to read.
    pub resources: Vec<Resource>,
    /// Families of what there is to read.
    pub resource_templates: Vec<ResourceTemplate>,
    /// Whether it accepts us.
    pub auth_status: McpAuthStatus,
}

/// A tool of an MCP server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub input_schema: Value,
    /// The JSON schema of its structured results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Hints of the MCP server on who and what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Value>,
    /// Pictures to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Value>>,
    /// Data the MCP server and the client share beside the protocol, passed on untouched.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// Something an MCP server offers to read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Hints of the MCP server on who and what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Value>,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The media type of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its name.
    pub name: String,
    /// Its size in bytes, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional, type = "number"))]
    pub size: Option<i64>,
    /// The name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The resource's address.
    pub uri: String,
    /// Pictures to show for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icons: Option<Vec<Value>>,
    /// Data the MCP server and the client share beside the protocol, passed on untouched.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// A family of resources an MCP server offers to read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields))]
#[serde(rename_all = "camelCase")]
pub struct ResourceTemplate {
    /// Hints of the MCP server on who and what it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Value>,
    /// Their addresses, as an RFC 6570 template.
    pub uri_template: String,
    /// The family's name.
    pub name: String,
    /// The name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What they are, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The media type of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// Whether an MCP server accepts us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpAuthStatus {
    /// It has no log-in.
    Unsupported,
    /// The user must log in first.
    NotLoggedIn,
    /// By a token from the configuration.
    BearerToken,
    /// By OAuth.
    OAuth,
}

/// Parameters of `mcpServer/resource/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpResourceReadParams {
    /// The thread whose servers to use; the server's own configuration when absent.
    pub thread_id: Option<String>,
    /// The MCP server.
    pub server: String,
    /// The resource's address.
    pub uri: String,
}

/// Result of `mcpServer/resource/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct McpResourceReadResponse {
    /// What it holds.
    pub contents: Vec<ResourceContent>,
}

/// What reading a resource gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(untagged)]
pub enum ResourceContent {
    /// As text.
    #[serde(rename_all = "camelCase")]
    Text {
        /// The resource's address.
        uri: String,
        /// The media type of the content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        mime_type: Option<String>,
        /// The text.
        text: String,
        /// Data the MCP server and the client share beside the protocol, passed on untouched.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        meta: Option<Value>,
    },
    /// As bytes.
    #[serde(rename_all = "camelCase")]
    Blob {
        /// The resource's address.
        uri: String,
        /// The media type of the content.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        mime_type: Option<String>,
        /// The bytes, in base64.
        blob: String,
        /// Data the MCP server and the client share beside the protocol, passed on untouched.
        #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        meta: Option<Value>,
    },
}

/// Parameters of `mcpServer/tool/call`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerToolCallParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The MCP server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// Its arguments, as the model gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// Data the MCP server and the client share beside the protocol, passed on untouched.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// Result of `mcpServer/tool/call`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpServerToolCallResponse {
    /// What it gave, part by part.
    pub content: Vec<Value>,
    /// The same as data, if the tool has an output schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// Whether the tool says that it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// Data the MCP server and the client share beside the protocol, passed on untouched.
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// A log-in to an MCP server has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
pub struct McpServerOauthLoginCompletedNotification {
    /// The server.
    pub name: String,
    /// Whether it worked.
    pub success: bool,
    /// Why it failed; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The start of an MCP server has got further.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct McpServerStatusUpdatedNotification {
    /// The server.
    pub name: String,
    /// How far.
    pub status: McpServerStartupState,
    /// What went wrong; `null` when nothing did.
    pub error: Option<String>,
}

/// How far the start of an MCP server got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpServerStartupState {
    /// Under way.
    Starting,
    /// It is there.
    Ready,
    /// Ended in failure.
    Failed,
    /// Broken off.
    Cancelled,
}
