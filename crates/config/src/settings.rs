//! `Config`: the resolved configuration. Immutable; a turn keeps the one it started with.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Table;
use types::{
    AbsPath, ApprovalPolicy, ApprovalsReviewer, NetworkPolicy, Personality, ReasoningEffort, ReasoningSummary,
    SandboxMode, ServiceTier, Verbosity,
};

use crate::features::Features;
use crate::file::{
    AgentRoleToml, CredentialsStore, Fsync, HistoryPersistence, Inherit, Location, LoginMethod, SearchContextSize,
    Trust, WebSearchMode,
};
use crate::layer::{Layer, Layers};
use crate::otel::Otel;
use crate::permission_profiles::DefaultPermissions;
use crate::providers::ProviderConfig;
use crate::requirements::Requirements;

/// How many bytes of a project's instruction files are used when nothing else is said.
pub const DEFAULT_PROJECT_DOC_MAX_BYTES: usize = 32 * 1024;

/// Everything the server and its turns need to know. An `Option` means "not configured": the user of the value knows
/// what that means, usually the model's own default.
#[derive(Debug, Clone)]
pub struct Config {
    pub home: AbsPath,
    /// The directory this configuration is for; `None`: no project.
    pub cwd: Option<AbsPath>,
    /// The nearest parent of `cwd` with a root marker.
    pub project_root: Option<AbsPath>,
    /// What the user said about this project.
    pub trust: Option<Trust>,
    /// The active profile.
    pub profile: Option<String>,

    pub model: Option<String>,
    pub review_model: Option<String>,
    /// A key of `providers`.
    pub model_provider: String,
    pub providers: BTreeMap<String, ProviderConfig>,
    pub context_window: Option<i64>,
    pub auto_compact_token_limit: Option<i64>,
    pub effort: Option<ReasoningEffort>,
    /// The effort in plan mode.
    pub plan_mode_effort: Option<ReasoningEffort>,
    pub summary: Option<ReasoningSummary>,
    pub verbosity: Option<Verbosity>,
    /// Overrules what the catalogue says about the model.
    pub supports_reasoning_summaries: Option<bool>,
    pub model_catalog_json: Option<AbsPath>,
    pub personality: Option<Personality>,
    pub service_tier: Option<ServiceTier>,

    /// As configured; see [`Config::approval_policy`] for the value that counts.
    pub approval_policy: Option<ApprovalPolicy>,
    pub approvals_reviewer: ApprovalsReviewer,
    /// What the automatic reviewer decides by, instead of the built-in rules: the administrator's, else the user's. Not
    /// blank.
    pub auto_review_policy: Option<String>,
    /// As configured; see [`Config::sandbox_mode`] for the value that counts.
    pub sandbox_mode: Option<SandboxMode>,
    pub sandbox_workspace_write: SandboxWorkspaceWrite,
    /// What threads start with that ask for no sandbox themselves.
    pub default_permissions: Option<DefaultPermissions>,
    /// What an administrator demands of the network of sandboxes.
    pub managed_network: Option<Arc<NetworkPolicy>>,
    pub shell_environment_policy: ShellEnvironmentPolicy,
    /// Whether commands may run in a login shell.
    pub allow_login_shell: bool,

    /// Replaces the model's own instructions: a thread's, else the content of `model_instructions_file`.
    pub base_instructions: Option<String>,
    pub developer_instructions: Option<String>,
    pub include_permissions_instructions: bool,
    pub include_apps_instructions: bool,
    pub include_environment_context: bool,
    /// Replaces the built-in prompt for compaction.
    pub compact_prompt: Option<String>,
    /// Where `base_instructions` are read from; taken when they were.
    pub(crate) instructions_file: Option<AbsPath>,
    /// Where `compact_prompt` is read from; taken when it was.
    pub(crate) compact_prompt_file: Option<AbsPath>,
    pub commit_attribution: Option<String>,
    pub project_doc_max_bytes: usize,
    pub project_doc_fallback_filenames: Vec<String>,
    pub project_root_markers: Vec<String>,

    /// How many tokens of a tool's output the model sees.
    pub tool_output_token_limit: Option<usize>,
    /// The longest wait for a background terminal, in milliseconds.
    pub background_terminal_max_timeout_ms: Option<u64>,
    pub zsh_path: Option<AbsPath>,
    pub web_search: Option<WebSearchMode>,
    pub web_search_tool: WebSearchTool,
    pub view_image: bool,
    pub agents: Agents,
    pub skills: Skills,
    /// `[mcp_servers]` as written.
    pub mcp_servers: toml::Table,
    pub features: Features,
    pub suppress_unstable_features_warning: bool,

    pub history: History,
    /// When threads are put on the device.
    pub fsync: Fsync,
    /// The program told about finished turns, with its first arguments.
    pub notify: Option<Vec<String>>,
    pub hide_agent_reasoning: bool,
    pub show_raw_agent_reasoning: bool,
    /// Without a trailing slash.
    pub chatgpt_base_url: String,
    pub oss_provider: Option<String>,
    pub credentials_store: CredentialsStore,
    pub forced_login_method: Option<LoginMethod>,
    pub forced_chatgpt_workspace_id: Option<String>,
    pub sqlite_home: Option<AbsPath>,
    pub log_dir: Option<AbsPath>,
    pub feedback_enabled: bool,
    pub analytics_enabled: Option<bool>,
    /// What is sent to OpenTelemetry collectors, if anything.
    pub otel: Otel,

    /// What the administrator demands. Kept already; it also limits what may be chosen later.
    pub requirements: Arc<Requirements>,
    /// What was chosen against that, a text each.
    pub overruled: Vec<String>,
    /// Where each value comes from.
    pub layers: Arc<Layers>,
    /// Keys that nobody knows, dotted; unknown features as `features.NAME`.
    pub unknown_keys: Vec<String>,
}

/// What the sandbox mode `workspace-write` allows besides the working directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SandboxWorkspaceWrite {
    pub writable_roots: Vec<AbsPath>,
    pub network_access: bool,
    pub exclude_tmpdir_env_var: bool,
    pub exclude_slash_tmp: bool,
}

/// How the environment of commands is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellEnvironmentPolicy {
    pub inherit: Option<Inherit>,
    /// Whether variables that look like secrets are kept.
    pub ignore_default_excludes: Option<bool>,
    /// Case-insensitive globs of names to leave out.
    pub exclude: Vec<String>,
    pub set: BTreeMap<String, String>,
    /// When not empty, only names that match are kept.
    pub include_only: Vec<String>,
    /// Whether commands run in a login shell that reads the user's profile.
    pub use_profile: bool,
}

/// Settings of the provider's web search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebSearchTool {
    pub context_size: Option<SearchContextSize>,
    pub allowed_domains: Option<Vec<String>>,
    pub location: Option<Location>,
}

/// Limits and roles of sub-agents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agents {
    pub max_threads: Option<usize>,
    pub max_depth: Option<i32>,
    /// By name.
    pub roles: BTreeMap<String, AgentRole>,
    /// Why roles are left out, a text each.
    pub faults: Vec<String>,
    /// `[agents.NAME]`, until the files were read.
    pub(crate) role_tables: BTreeMap<String, AgentRoleToml>,
}

/// A kind of sub-agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRole {
    /// What it is for; not empty.
    pub description: String,
    /// What agents in it are called; empty for the names that all have.
    pub nicknames: Vec<String>,
    /// The model and the effort of all agents in it.
    pub model: Option<String>,
    pub effort: Option<ReasoningEffort>,
    /// The values of its file, laid over the configuration of the thread that starts an agent.
    pub(crate) values: Arc<Table>,
}

impl AgentRole {
    /// Whether its file has a value for a key of the first level.
    #[must_use]
    pub fn says(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }
}

/// Which skills are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skills {
    /// In the order of the file; later ones win.
    pub switches: Vec<SkillSwitch>,
    /// Whether the skills that come with the server are offered.
    pub bundled: bool,
    /// Whether the model is told about skills at all.
    pub include_instructions: bool,
}

/// Switches one skill.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SkillSwitch {
    pub skill: SkillSelector,
    pub enabled: bool,
}

/// Which skill a [`SkillSwitch`] is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SkillSelector {
    /// The path of its `SKILL.md`, or of the folder that holds it.
    Path(AbsPath),
    Name(String),
}

/// The history file of prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    pub persistence: HistoryPersistence,
    pub max_bytes: Option<usize>,
}

impl Config {
    /// The approval policy for new threads: as configured, else on-request.
    #[must_use]
    pub fn approval_policy(&self) -> ApprovalPolicy {
        self.approval_policy.clone().unwrap_or_default()
    }

    /// The sandbox for new threads: as configured, else workspace-write in a project whose trust is settled, whichever
    /// way, and read-only elsewhere.
    #[must_use]
    pub fn sandbox_mode(&self) -> SandboxMode {
        self.sandbox_mode.unwrap_or(match self.trust {
            Some(Trust::Trusted | Trust::Untrusted) => SandboxMode::WorkspaceWrite,
            None => SandboxMode::ReadOnly,
        })
    }

    /// The active provider.
    #[must_use]
    pub fn provider(&self) -> &ProviderConfig {
        self.providers.get(&self.model_provider).expect("resolve checked that the active provider exists")
    }

    /// The layer that decided the value at a dotted key.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&Layer> {
        let path: Vec<_> = key.split('.').collect();
        self.layers.origin(&path)
    }
}
