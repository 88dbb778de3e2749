//! Plugins and the marketplaces they come from.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::app::AppSummary;
use crate::path::AbsolutePathBuf;
use crate::skill::SkillSummary;

/// Parameters of `marketplace/add`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceAddParams {
    /// A folder, a git address or a repository on GitHub.
    pub source: String,
    /// The branch, tag or commit.
    pub ref_name: Option<String>,
    /// The only folders to fetch.
    pub sparse_paths: Option<Vec<String>>,
}

/// Result of `marketplace/add`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceAddResponse {
    /// The marketplace's name.
    pub marketplace_name: String,
    /// Where it lies now.
    pub installed_root: AbsolutePathBuf,
    /// Whether it was there before.
    pub already_added: bool,
}

/// Parameters of `marketplace/remove`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceRemoveParams {
    /// The marketplace's name.
    pub marketplace_name: String,
}

/// Result of `marketplace/remove`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceRemoveResponse {
    /// The marketplace's name.
    pub marketplace_name: String,
    /// Where it lay; `null` when nothing was fetched.
    pub installed_root: Option<AbsolutePathBuf>,
}

/// Parameters of `plugin/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct PluginListParams {
    /// Directories whose marketplaces to include, beside the user's own.
    pub cwds: Option<Vec<AbsolutePathBuf>>,
}

/// Result of `plugin/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginListResponse {
    /// The marketplaces with their plugins.
    pub marketplaces: Vec<PluginMarketplaceEntry>,
    /// Those that cannot be read.
    #[serde(default)]
    pub marketplace_load_errors: Vec<MarketplaceLoadErrorInfo>,
    /// The plugins to show first.
    #[serde(default)]
    pub featured_plugin_ids: Vec<String>,
}

/// A marketplace with its plugins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct PluginMarketplaceEntry {
    /// Its name.
    pub name: String,
    /// Its own file; `null` for a remote one.
    pub path: Option<AbsolutePathBuf>,
    /// How it presents itself.
    pub interface: Option<MarketplaceInterface>,
    /// Its plugins.
    pub plugins: Vec<PluginSummary>,
}

/// How a marketplace presents itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceInterface {
    /// The name shown to people.
    pub display_name: Option<String>,
}

/// A plugin at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginSummary {
    /// Names the plugin: name and marketplace.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: PluginSource,
    /// Whether it is installed.
    pub installed: bool,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether it can be installed.
    pub install_policy: PluginInstallPolicy,
    /// When its apps want a log-in.
    pub auth_policy: PluginAuthPolicy,
    /// How it presents itself.
    pub interface: Option<PluginInterface>,
}

/// Where a plugin comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum PluginSource {
    /// A folder.
    Local {
        /// The folder.
        path: AbsolutePathBuf,
    },
    /// A git repository.
    #[serde(rename_all = "camelCase")]
    Git {
        /// Its address.
        url: String,
        /// The folder in it.
        path: Option<String>,
        /// The branch or tag.
        ref_name: Option<String>,
        /// The commit.
        sha: Option<String>,
    },
    /// The remote marketplace itself.
    Remote,
}

/// Whether a plugin can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginInstallPolicy {
    /// No.
    NotAvailable,
    /// Yes.
    Available,
    /// It is, without asking.
    InstalledByDefault,
}

/// When a plugin's apps want a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PluginAuthPolicy {
    /// When the plugin is installed.
    OnInstall,
    /// When they are used.
    OnUse,
}

/// How a plugin presents itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginInterface {
    /// The name shown to people.
    pub display_name: Option<String>,
    /// What it does, in a sentence.
    pub short_description: Option<String>,
    /// What it does, at length.
    pub long_description: Option<String>,
    /// Who makes it.
    pub developer_name: Option<String>,
    /// What it is filed under.
    pub category: Option<String>,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Its home page.
    pub website_url: Option<String>,
    /// Where its privacy policy stands.
    pub privacy_policy_url: Option<String>,
    /// Where its terms stand.
    pub terms_of_service_url: Option<String>,
    /// What a user may begin with.
    pub default_prompt: Option<Vec<String>>,
    /// Its colour, as CSS writes colours.
    pub brand_color: Option<String>,
    /// A small picture, as a file.
    pub composer_icon: Option<AbsolutePathBuf>,
    /// A small picture, as an address.
    pub composer_icon_url: Option<String>,
    /// Its picture, as a file.
    pub logo: Option<AbsolutePathBuf>,
    /// Its picture, as an address.
    pub logo_url: Option<String>,
    /// How it looks, as files.
    pub screenshots: Vec<AbsolutePathBuf>,
    /// How it looks, as addresses.
    pub screenshot_urls: Vec<String>,
}

/// A marketplace that cannot be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceLoadErrorInfo {
    /// Where the marketplace's own file lies.
    pub marketplace_path: AbsolutePathBuf,
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
}

/// Parameters of `plugin/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginReadParams {
    /// Where the marketplace's own file lies.
    pub marketplace_path: Option<AbsolutePathBuf>,
    /// Which remote marketplace to ask, for plugins that are not on this machine.
    pub remote_marketplace_name: Option<String>,
    /// The plugin's name inside its marketplace.
    pub plugin_name: String,
}

/// Result of `plugin/read`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct PluginReadResponse {
    /// All about it.
    pub plugin: PluginDetail,
}

/// All about a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginDetail {
    /// The marketplace's name.
    pub marketplace_name: String,
    /// Where its marketplace's own file lies; `null` for a remote one.
    pub marketplace_path: Option<AbsolutePathBuf>,
    /// The plugin at a glance.
    pub summary: PluginSummary,
    /// What it does.
    pub description: Option<String>,
    /// Its skills.
    pub skills: Vec<SkillSummary>,
    /// Its apps.
    pub apps: Vec<AppSummary>,
    /// Its MCP servers, by name.
    pub mcp_servers: Vec<String>,
}

/// Parameters of `plugin/install`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginInstallParams {
    /// Where the marketplace's own file lies.
    pub marketplace_path: Option<AbsolutePathBuf>,
    /// Which remote marketplace to ask, for plugins that are not on this machine.
    pub remote_marketplace_name: Option<String>,
    /// The plugin's name inside its marketplace.
    pub plugin_name: String,
}

/// Result of `plugin/install`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginInstallResponse {
    /// When its apps want a log-in.
    pub auth_policy: PluginAuthPolicy,
    /// The apps to log in to now.
    pub apps_needing_auth: Vec<AppSummary>,
}

/// Parameters of `plugin/uninstall`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PluginUninstallParams {
    /// The plugin.
    pub plugin_id: String,
}

/// Result of `plugin/uninstall`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct PluginUninstallResponse {}
