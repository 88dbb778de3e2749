//! Taking over what the user has with other agents.

use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// Parameters of `externalAgentConfig/detect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ExternalAgentConfigDetectParams {
    /// Whether to look in the user's home.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_home: bool,
    /// Further directories to look in.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub cwds: Option<Vec<PathBuf>>,
}

/// Result of `externalAgentConfig/detect`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ExternalAgentConfigDetectResponse {
    /// What could be taken over.
    pub items: Vec<ExternalAgentConfigMigrationItem>,
}

/// Something of another agent's that can be taken over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ExternalAgentConfigMigrationItem {
    /// What kind of thing.
    pub item_type: ExternalAgentConfigMigrationItemType,
    /// What would happen, for people.
    pub description: String,
    /// The directory it belongs to; `null` for the user's home.
    pub cwd: Option<PathBuf>,
    /// More, for kinds that have more.
    pub details: Option<MigrationDetails>,
}

/// What can be taken over from another agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExternalAgentConfigMigrationItemType {
    /// Instructions.
    AgentsMd,
    /// Settings.
    Config,
    /// Skills.
    Skills,
    /// Plugins.
    Plugins,
    /// MCP servers.
    McpServerConfig,
}

/// What exactly would be taken over.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct MigrationDetails {
    /// Plugins, by marketplace.
    pub plugins: Vec<PluginsMigration>,
}

/// Plugins of one marketplace to take over.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginsMigration {
    /// The marketplace's name.
    pub marketplace_name: String,
    /// The plugins.
    pub plugin_names: Vec<String>,
}

/// Parameters of `externalAgentConfig/import`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ExternalAgentConfigImportParams {
    /// What to take over, as detected.
    pub migration_items: Vec<ExternalAgentConfigMigrationItem>,
}

/// Result of `externalAgentConfig/import`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ExternalAgentConfigImportResponse {}

/// What was to be taken over has been, in the background too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ExternalAgentConfigImportCompletedNotification {}
