//! Reading and writing the configuration.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::experimental::gated;
use crate::model::{ReasoningEffort, ReasoningSummary, ServiceTier, Verbosity};
use crate::path::AbsolutePathBuf;
use crate::permissions::{ApprovalsReviewer, AskForApproval, SandboxMode};

/// Parameters of `config/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ConfigReadParams {
    /// Whether to list the sources one by one too.
    #[serde(default)]
    pub include_layers: bool,
    /// The directory whose projects count; none when absent.
    pub cwd: Option<String>,
}

/// Result of `config/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ConfigReadResponse {
    /// The values in effect, all layers together.
    pub config: Config,
    /// Which source each key comes from, by dotted key.
    pub origins: HashMap<String, ConfigLayerMetadata>,
    /// All sources, strongest first; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<ConfigLayer>>,
}

gated! {
    /// The configuration in effect, layers merged. The common keys have members; all others are in `additional`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
    pub struct Config {
        /// The model's name, as its provider knows it, for example `gpt-5.4`.
        pub model: Option<String>,
        /// The model for reviews.
        pub review_model: Option<String>,
        /// How many tokens the model takes, if not what is known of it.
        pub model_context_window: Option<i64>,
        /// From how many tokens on the conversation is condensed.
        pub model_auto_compact_token_limit: Option<i64>,
        /// The model provider, a key of `model_providers`.
        pub model_provider: Option<String>,
        /// When the agent asks before it acts.
        pub approval_policy: Option<AskForApproval>,
        /// Who answers.
        pub approvals_reviewer: Option<ApprovalsReviewer>,
        /// What commands may do.
        pub sandbox_mode: Option<SandboxMode>,
        /// Details of the sandbox mode `workspace-write`.
        pub sandbox_workspace_write: Option<SandboxWorkspaceWrite>,
        /// The only workspace to log in to.
        pub forced_chatgpt_workspace_id: Option<String>,
        /// The only way to log in.
        pub forced_login_method: Option<ForcedLoginMethod>,
        /// Whether and how the model may search the web.
        pub web_search: Option<WebSearchMode>,
        /// Settings of built-in tools.
        pub tools: Option<ToolsV2>,
        /// The profile in use.
        pub profile: Option<String>,
        /// All profiles, by name.
        #[serde(default)]
        pub profiles: HashMap<String, ProfileV2>,
        /// Instructions for every thread.
        pub instructions: Option<String>,
        /// Instructions from the developer, for every thread.
        pub developer_instructions: Option<String>,
        /// What the model is told when it condenses a conversation.
        pub compact_prompt: Option<String>,
        /// How hard the model thinks.
        pub model_reasoning_effort: Option<ReasoningEffort>,
        /// How its reasoning is summarised.
        pub model_reasoning_summary: Option<ReasoningSummary>,
        /// How much it writes.
        pub model_verbosity: Option<Verbosity>,
        /// How fast and at what price the provider answers.
        pub service_tier: Option<ServiceTier>,
        /// Whether the use of the server is counted.
        pub analytics: Option<AnalyticsConfig>,
        /// Settings of apps.
        #[serde(default)]
        #[experimental("config/read.apps", shown)]
        pub apps: Option<AppsConfig>,
        /// All other keys.
        #[serde(default, flatten)]
        pub additional: HashMap<String, Value>,
    }
}

/// Details of the sandbox mode `workspace-write`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct SandboxWorkspaceWrite {
    /// Where commands may write beside the working directory.
    #[serde(default)]
    pub writable_roots: Vec<PathBuf>,
    /// Whether there is a network.
    #[serde(default)]
    pub network_access: bool,
    /// Whether the folder `TMPDIR` names is closed.
    #[serde(default)]
    pub exclude_tmpdir_env_var: bool,
    /// Whether `/tmp` is closed.
    #[serde(default)]
    pub exclude_slash_tmp: bool,
}

/// The one way to log in that the configuration leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ForcedLoginMethod {
    /// With a ChatGPT account.
    Chatgpt,
    /// With an API key.
    Api,
}

/// Whether and how the model may search the web.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum WebSearchMode {
    /// Not at all.
    Disabled,
    /// In what the provider has stored.
    Cached,
    /// In the web as it is now.
    Live,
}

/// Settings of built-in tools.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ToolsV2 {
    /// The web search.
    pub web_search: Option<WebSearchToolConfig>,
    /// Whether the agent may look at pictures.
    pub view_image: Option<bool>,
}

/// How the web search tool behaves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(deny_unknown_fields)]
pub struct WebSearchToolConfig {
    /// How much of what is found reaches the model.
    pub context_size: Option<WebSearchContextSize>,
    /// The only sites to search.
    pub allowed_domains: Option<Vec<String>>,
    /// Where the user is.
    pub location: Option<WebSearchLocation>,
}

/// How much of what a web search finds reaches the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum WebSearchContextSize {
    /// Little.
    Low,
    /// Neither much nor little.
    Medium,
    /// Much.
    High,
}

/// Where the user is, to find what is near.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(deny_unknown_fields)]
pub struct WebSearchLocation {
    /// The country, as a two-letter code.
    pub country: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The time zone, by its IANA name.
    pub timezone: Option<String>,
}

/// A profile: settings under a name, used together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ProfileV2 {
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: Option<String>,
    /// The model provider, a key of `model_providers`.
    pub model_provider: Option<String>,
    /// When the agent asks before it acts.
    pub approval_policy: Option<AskForApproval>,
    /// Who answers.
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    /// How fast and at what price the provider answers.
    pub service_tier: Option<ServiceTier>,
    /// How hard the model thinks.
    pub model_reasoning_effort: Option<ReasoningEffort>,
    /// How its reasoning is summarised.
    pub model_reasoning_summary: Option<ReasoningSummary>,
    /// How much it writes.
    pub model_verbosity: Option<Verbosity>,
    /// Whether and how the model may search the web.
    pub web_search: Option<WebSearchMode>,
    /// Settings of built-in tools.
    pub tools: Option<ToolsV2>,
    /// Where ChatGPT is reached.
    pub chatgpt_base_url: Option<String>,
    /// All other keys.
    #[serde(default, flatten)]
    pub additional: HashMap<String, Value>,
}

/// The `analytics` section of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AnalyticsConfig {
    /// Whether the use of the server is counted.
    pub enabled: Option<bool>,
    /// Keys this version does not know.
    #[serde(default, flatten)]
    pub additional: HashMap<String, Value>,
}

/// The `apps` section of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AppsConfig {
    /// What holds for apps without a setting of their own.
    #[serde(rename = "_default", default)]
    pub default: Option<AppsDefaultConfig>,
    /// By app.
    #[serde(default, flatten)]
    pub apps: HashMap<String, AppConfig>,
}

/// What holds for apps without a setting of their own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AppsDefaultConfig {
    /// Whether the agent may use them.
    #[serde(default = "crate::default_true")]
    pub enabled: bool,
    /// Whether tools that may do harm are included.
    #[serde(default = "crate::default_true")]
    pub destructive_enabled: bool,
    /// Whether tools that reach the outside world are included.
    #[serde(default = "crate::default_true")]
    pub open_world_enabled: bool,
}

/// Settings of one app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AppConfig {
    /// Whether the agent may use it.
    #[serde(default = "crate::default_true")]
    pub enabled: bool,
    /// Whether tools that may do harm are included.
    pub destructive_enabled: Option<bool>,
    /// Whether tools that reach the outside world are included.
    pub open_world_enabled: Option<bool>,
    /// When the agent asks first, for tools without a setting of their own.
    pub default_tools_approval_mode: Option<AppToolApproval>,
    /// Whether tools without a setting of their own are on.
    pub default_tools_enabled: Option<bool>,
    /// Settings of single tools.
    pub tools: Option<AppToolsConfig>,
}

/// When the agent asks before it uses a tool of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum AppToolApproval {
    /// When the tool may do harm.
    Auto,
    /// Always.
    Prompt,
    /// Never.
    Approve,
}

/// Settings of an app's tools.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AppToolsConfig {
    /// By tool.
    #[serde(default, flatten)]
    pub tools: HashMap<String, AppToolConfig>,
}

/// Settings of one tool of an app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct AppToolConfig {
    /// Whether the agent may use it.
    pub enabled: Option<bool>,
    /// When it asks first.
    pub approval_mode: Option<AppToolApproval>,
}

/// Which source a value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ConfigLayerMetadata {
    /// Where the layer comes from.
    pub name: ConfigLayerSource,
    /// Changes whenever its content does.
    pub version: String,
}

/// Where configuration comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ConfigLayerSource {
    /// The device's management.
    Mdm {
        /// The preference domain.
        domain: String,
        /// The key in it.
        key: String,
    },
    /// The machine's file.
    System {
        /// The path of the file.
        file: AbsolutePathBuf,
    },
    /// The user's file.
    User {
        /// The path of the file.
        file: AbsolutePathBuf,
    },
    /// A project's file.
    #[serde(rename_all = "camelCase")]
    Project {
        /// The folder it lies in.
        dot_codex_folder: AbsolutePathBuf,
    },
    /// The command line, or the parameters of a thread.
    SessionFlags,
    /// The administrator's file, of the older kind.
    LegacyManagedConfigTomlFromFile {
        /// The path of the file.
        file: AbsolutePathBuf,
    },
    /// The administrator's file, of the older kind, by way of the device's management.
    LegacyManagedConfigTomlFromMdm,
}

/// One source of configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ConfigLayer {
    /// Where it comes from.
    pub name: ConfigLayerSource,
    /// Changes whenever the content does.
    pub version: String,
    /// What it says, and nothing of other layers.
    pub config: Value,
    /// Why it does not count; absent when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
}

/// Parameters of `config/value/write`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ConfigValueWriteParams {
    /// The dotted path of the key.
    pub key_path: String,
    /// The new value; `null` removes the key.
    pub value: Value,
    /// What becomes of what is there.
    pub merge_strategy: MergeStrategy,
    /// Which file to change. The user's own when absent.
    pub file_path: Option<String>,
    /// The version the writer has seen; when the file has another by now, nothing is written.
    pub expected_version: Option<String>,
}

/// What becomes of a value that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum MergeStrategy {
    /// The new one takes its place.
    Replace,
    /// Tables are merged; anything else is replaced.
    Upsert,
}

/// Result of `config/value/write` and `config/batchWrite`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ConfigWriteResponse {
    /// Whether the new value counts.
    pub status: WriteStatus,
    /// The version of the file as it is now: a digest of its content, to be passed as `expectedVersion`.
    pub version: String,
    /// The file that was written.
    pub file_path: AbsolutePathBuf,
    /// What stands above the new value; `null` when nothing does.
    pub overridden_metadata: Option<OverriddenMetadata>,
}

/// Whether a written value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum WriteStatus {
    /// The written value is in effect.
    Ok,
    /// It is written, but another source stands above it.
    OkOverridden,
}

/// What stands above a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct OverriddenMetadata {
    /// What stands above the value, in words for people.
    pub message: String,
    /// The layer that stands above it.
    pub overriding_layer: ConfigLayerMetadata,
    /// The value that is in effect instead.
    pub effective_value: Value,
}

/// Parameters of `config/batchWrite`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ConfigBatchWriteParams {
    /// The changes, in order. All are made or none.
    pub edits: Vec<ConfigEdit>,
    /// Which file to change. The user's own when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub file_path: Option<String>,
    /// The version the writer has seen; when the file has another by now, nothing is written.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub expected_version: Option<String>,
    /// Whether threads that are loaded take the change over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reload_user_config: bool,
}

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ConfigEdit {
    /// The dotted path of the key.
    pub key_path: String,
    /// The new value; `null` removes the key.
    pub value: Value,
    /// What becomes of what is there.
    pub merge_strategy: MergeStrategy,
}

/// Result of `configRequirements/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ConfigRequirementsReadResponse {
    /// What is demanded; `null` when nothing is.
    pub requirements: Option<ConfigRequirements>,
}

gated! {
    /// What the administrator demands. Members that are `null` demand nothing.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct ConfigRequirements {
        /// The only approval policies.
        pub allowed_approval_policies: Option<Vec<AskForApproval>>,
        /// The only reviewers.
        #[experimental("configRequirements/read.allowedApprovalsReviewers", shown)]
        pub allowed_approvals_reviewers: Option<Vec<ApprovalsReviewer>>,
        /// The only sandbox modes.
        pub allowed_sandbox_modes: Option<Vec<SandboxMode>>,
        /// The only ways to search the web.
        pub allowed_web_search_modes: Option<Vec<WebSearchMode>>,
        /// Features that are fixed, by name.
        pub feature_requirements: Option<HashMap<String, bool>>,
        /// Hooks that always run.
        #[experimental("configRequirements/read.hooks", shown)]
        pub hooks: Option<ManagedHooksRequirements>,
        /// Where data must stay.
        pub enforce_residency: Option<ResidencyRequirement>,
        /// Rules for the network.
        #[experimental("configRequirements/read.network", shown)]
        pub network: Option<NetworkRequirements>,
    }
}

/// Hooks the administrator demands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ManagedHooksRequirements {
    /// The folder of their scripts.
    pub managed_dir: Option<PathBuf>,
    /// The folder of their scripts on Windows.
    pub windows_managed_dir: Option<PathBuf>,
    /// Before a tool is used.
    #[serde(rename = "PreToolUse")]
    pub pre_tool_use: Vec<ConfiguredHookMatcherGroup>,
    /// Before the user is asked.
    #[serde(rename = "PermissionRequest")]
    pub permission_request: Vec<ConfiguredHookMatcherGroup>,
    /// After a tool was used.
    #[serde(rename = "PostToolUse")]
    pub post_tool_use: Vec<ConfiguredHookMatcherGroup>,
    /// When a thread begins or is taken up again.
    #[serde(rename = "SessionStart")]
    pub session_start: Vec<ConfiguredHookMatcherGroup>,
    /// When the user has said something.
    #[serde(rename = "UserPromptSubmit")]
    pub user_prompt_submit: Vec<ConfiguredHookMatcherGroup>,
    /// When the agent would end its turn.
    #[serde(rename = "Stop")]
    pub stop: Vec<ConfiguredHookMatcherGroup>,
}

/// Hooks that run on the same occasion.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ConfiguredHookMatcherGroup {
    /// The names they run for; all when `null`.
    pub matcher: Option<String>,
    /// The hooks.
    pub hooks: Vec<ConfiguredHookHandler>,
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ConfiguredHookHandler {
    /// Runs a command.
    #[serde(rename_all = "camelCase")]
    Command {
        /// The command, for a shell.
        command: String,
        /// When to give up, in seconds.
        timeout_sec: Option<u64>,
        /// Whether nobody waits for it.
        r#async: bool,
        /// What to show while it runs.
        status_message: Option<String>,
    },
    /// Asks a model.
    Prompt {},
    /// Asks an agent.
    Agent {},
}

/// Where data must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ResidencyRequirement {
    /// In the United States.
    Us,
}

/// What the administrator demands of the network. Members that are `null` demand nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct NetworkRequirements {
    /// Whether commands reach it through a proxy.
    pub enabled: Option<bool>,
    /// The proxy's port for HTTP.
    pub http_port: Option<u16>,
    /// The proxy's port for SOCKS.
    pub socks_port: Option<u16>,
    /// Whether the proxy may use another.
    pub allow_upstream_proxy: Option<bool>,
    /// Whether the proxy may listen to other machines.
    pub dangerously_allow_non_loopback_proxy: Option<bool>,
    /// Whether commands reach every Unix socket.
    pub dangerously_allow_all_unix_sockets: Option<bool>,
    /// What happens to requests, by site.
    pub domains: Option<HashMap<String, NetworkDomainPermission>>,
    /// Whether users cannot add sites.
    pub managed_allowed_domains_only: Option<bool>,
    /// Sites that are reached, as older clients know it.
    pub allowed_domains: Option<Vec<String>>,
    /// Sites that are not, as older clients know it.
    pub denied_domains: Option<Vec<String>>,
    /// Which Unix sockets are reached.
    pub unix_sockets: Option<HashMap<String, NetworkUnixSocketPermission>>,
    /// Unix sockets that are reached, as older clients know it.
    pub allow_unix_sockets: Option<Vec<String>>,
    /// Whether commands may listen on this machine.
    pub allow_local_binding: Option<bool>,
}

/// What happens to requests to a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum NetworkDomainPermission {
    /// They pass.
    Allow,
    /// They are refused.
    Deny,
}

/// Whether a Unix socket is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum NetworkUnixSocketPermission {
    /// It is.
    Allow,
    /// It is not.
    None,
}

/// Something the user should know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct WarningNotification {
    /// The thread it is about; `null` when it is about none.
    pub thread_id: Option<String>,
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
}

/// Something in use will go away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct DeprecationNoticeNotification {
    /// What will go away, in a sentence.
    pub summary: String,
    /// What to do about it; `null` when nothing has to be done.
    pub details: Option<String>,
}

/// Something in the configuration is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ConfigWarningNotification {
    /// What is wrong, in a sentence.
    pub summary: String,
    /// More about it, with the place in the file where there is one; `null` when there is no more.
    pub details: Option<String>,
    /// The file that is meant; absent when it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub path: Option<String>,
    /// The place in the file; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub range: Option<TextRange>,
}

/// A part of a text file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct TextRange {
    /// Where it begins.
    pub start: TextPosition,
    /// Where it ends.
    pub end: TextPosition,
}

/// A place in a text file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct TextPosition {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
}
