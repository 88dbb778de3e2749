//! `ConfigToml`: the configuration file as it is written. Every key may be missing; nothing is resolved here.
//!
//! Keys that belong to other programs or to features that are read elsewhere stay as raw TOML values.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value;
use types::{
    ApprovalPolicy, ApprovalsReviewer, GranularApproval, Personality, ReasoningEffort, ReasoningSummary, SandboxMode,
    ServiceTier, Verbosity,
};

use crate::otel::OtelToml;
use crate::permission_profiles::PermissionsToml;
use crate::providers::ProviderToml;

/// One configuration file, or the merge of several.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ConfigToml {
    pub model: Option<String>,
    pub review_model: Option<String>,
    pub model_provider: Option<String>,
    #[serde(deserialize_with = "crate::providers::checked")]
    pub model_providers: BTreeMap<String, ProviderToml>,
    pub model_context_window: Option<i64>,
    pub model_auto_compact_token_limit: Option<i64>,
    #[serde(deserialize_with = "effort")]
    pub model_reasoning_effort: Option<ReasoningEffort>,
    #[serde(deserialize_with = "effort")]
    pub plan_mode_reasoning_effort: Option<ReasoningEffort>,
    #[serde(deserialize_with = "summary")]
    pub model_reasoning_summary: Option<ReasoningSummary>,
    #[serde(deserialize_with = "verbosity")]
    pub model_verbosity: Option<Verbosity>,
    pub model_supports_reasoning_summaries: Option<bool>,
    pub model_catalog_json: Option<String>,
    pub model_instructions_file: Option<String>,
    #[serde(deserialize_with = "personality")]
    pub personality: Option<Personality>,
    #[serde(deserialize_with = "service_tier")]
    pub service_tier: Option<ServiceTier>,

    #[serde(deserialize_with = "approval_policy")]
    pub approval_policy: Option<ApprovalPolicy>,
    #[serde(deserialize_with = "approvals_reviewer")]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(deserialize_with = "sandbox_mode")]
    pub sandbox_mode: Option<SandboxMode>,
    pub auto_review: Option<AutoReviewToml>,
    pub sandbox_workspace_write: Option<SandboxWorkspaceWriteToml>,
    pub default_permissions: Option<String>,
    pub permissions: Option<BTreeMap<String, PermissionsToml>>,
    pub shell_environment_policy: Option<ShellEnvironmentToml>,
    pub allow_login_shell: Option<bool>,

    pub developer_instructions: Option<String>,
    pub include_permissions_instructions: Option<bool>,
    pub include_apps_instructions: Option<bool>,
    pub include_environment_context: Option<bool>,
    pub compact_prompt: Option<String>,
    pub experimental_compact_prompt_file: Option<String>,
    pub commit_attribution: Option<String>,
    pub project_doc_max_bytes: Option<usize>,
    pub project_doc_fallback_filenames: Option<Vec<String>>,
    pub project_root_markers: Option<Vec<String>>,

    pub tool_output_token_limit: Option<usize>,
    pub background_terminal_max_timeout: Option<u64>,
    pub zsh_path: Option<String>,
    #[serde(deserialize_with = "web_search_mode")]
    pub web_search: Option<WebSearchMode>,
    pub tools: Option<ToolsToml>,
    pub agents: Option<AgentsToml>,
    pub skills: Option<SkillsToml>,
    pub mcp_servers: Option<toml::Table>,
    pub features: Option<BTreeMap<String, FeatureToml>>,
    pub experimental_use_unified_exec_tool: Option<bool>,
    pub experimental_use_freeform_apply_patch: Option<bool>,
    pub suppress_unstable_features_warning: Option<bool>,

    pub profile: Option<String>,
    pub profiles: BTreeMap<String, ProfileToml>,
    pub projects: Option<BTreeMap<String, ProjectToml>>,

    pub history: Option<HistoryToml>,
    pub notify: Option<Vec<String>>,
    pub hide_agent_reasoning: Option<bool>,
    pub show_raw_agent_reasoning: Option<bool>,
    pub chatgpt_base_url: Option<String>,
    pub openai_base_url: Option<String>,
    pub oss_provider: Option<String>,
    #[serde(deserialize_with = "credentials_store")]
    pub cli_auth_credentials_store: Option<CredentialsStore>,
    #[serde(deserialize_with = "login_method")]
    pub forced_login_method: Option<LoginMethod>,
    pub forced_chatgpt_workspace_id: Option<String>,
    pub sqlite_home: Option<String>,
    pub log_dir: Option<String>,
    pub feedback: Option<EnabledToml>,
    pub analytics: Option<EnabledToml>,
    pub otel: Option<OtelToml>,
    pub spindle: Option<SpindleToml>,

    // Known, but read by nobody in this crate.
    pub apps: Option<Value>,
    pub audio: Option<Value>,
    pub check_for_update_on_startup: Option<Value>,
    pub disable_paste_burst: Option<Value>,
    pub experimental_instructions_file: Option<Value>,
    pub experimental_realtime_start_instructions: Option<Value>,
    pub experimental_realtime_ws_backend_prompt: Option<Value>,
    pub experimental_realtime_ws_base_url: Option<Value>,
    pub experimental_realtime_ws_model: Option<Value>,
    pub experimental_realtime_ws_startup_context: Option<Value>,
    pub experimental_thread_store_endpoint: Option<Value>,
    pub file_opener: Option<Value>,
    pub ghost_snapshot: Option<Value>,
    pub hooks: Option<Value>,
    pub instructions: Option<Value>,
    pub js_repl_node_module_dirs: Option<Value>,
    pub js_repl_node_path: Option<Value>,
    pub marketplaces: Option<Value>,
    pub mcp_oauth_callback_port: Option<Value>,
    pub mcp_oauth_callback_url: Option<Value>,
    pub mcp_oauth_credentials_store: Option<Value>,
    pub memories: Option<Value>,
    pub notice: Option<Value>,
    pub plugins: Option<Value>,
    pub realtime: Option<Value>,
    pub tool_suggest: Option<Value>,
    pub tui: Option<Value>,
    pub windows: Option<Value>,
    pub windows_wsl_setup_acknowledged: Option<Value>,
}

impl ConfigToml {
    /// The table of keys that are this server's alone; clients of the protocol do not know it.
    pub const OWN_TABLE: &str = "spindle";

    /// Every key a file may have at its top.
    #[must_use]
    pub fn keys() -> &'static [&'static str] {
        keys_of::<Self>()
    }
}

impl ProfileToml {
    /// Every key a profile may have.
    #[must_use]
    pub fn keys() -> &'static [&'static str] {
        keys_of::<Self>()
    }
}

/// The names of a struct's members, as the struct itself asks a deserializer for them.
fn keys_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    struct Names(&'static [&'static str]);

    impl<'de> Deserializer<'de> for &mut Names {
        type Error = serde::de::value::Error;

        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.0 = fields;
            Err(Self::Error::custom("only the names are wanted"))
        }

        fn deserialize_any<V: serde::de::Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("not a struct"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut names = Names(&[]);
    // It always fails, after it has asked.
    let _ = T::deserialize(&mut names);
    names.0
}

/// `[profiles.NAME]`: keys that replace those of the file while the profile is active.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProfileToml {
    pub model: Option<String>,
    pub model_provider: Option<String>,
    #[serde(deserialize_with = "approval_policy")]
    pub approval_policy: Option<ApprovalPolicy>,
    #[serde(deserialize_with = "approvals_reviewer")]
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    #[serde(deserialize_with = "sandbox_mode")]
    pub sandbox_mode: Option<SandboxMode>,
    #[serde(deserialize_with = "effort")]
    pub model_reasoning_effort: Option<ReasoningEffort>,
    #[serde(deserialize_with = "effort")]
    pub plan_mode_reasoning_effort: Option<ReasoningEffort>,
    #[serde(deserialize_with = "summary")]
    pub model_reasoning_summary: Option<ReasoningSummary>,
    #[serde(deserialize_with = "verbosity")]
    pub model_verbosity: Option<Verbosity>,
    pub model_catalog_json: Option<String>,
    #[serde(deserialize_with = "personality")]
    pub personality: Option<Personality>,
    #[serde(deserialize_with = "service_tier")]
    pub service_tier: Option<ServiceTier>,
    pub chatgpt_base_url: Option<String>,
    pub model_instructions_file: Option<String>,
    pub experimental_compact_prompt_file: Option<String>,
    pub include_permissions_instructions: Option<bool>,
    pub include_apps_instructions: Option<bool>,
    pub include_environment_context: Option<bool>,
    pub experimental_use_unified_exec_tool: Option<bool>,
    pub experimental_use_freeform_apply_patch: Option<bool>,
    #[serde(deserialize_with = "web_search_mode")]
    pub web_search: Option<WebSearchMode>,
    pub tools: Option<ToolsToml>,
    pub zsh_path: Option<String>,
    pub oss_provider: Option<String>,
    pub features: Option<BTreeMap<String, FeatureToml>>,
    pub analytics: Option<EnabledToml>,

    // Known, but read by nobody in this crate.
    pub js_repl_node_module_dirs: Option<Value>,
    pub js_repl_node_path: Option<Value>,
    pub tools_view_image: Option<Value>,
    pub windows: Option<Value>,
}

/// `[auto_review]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AutoReviewToml {
    pub policy: Option<String>,
}

/// `[sandbox_workspace_write]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SandboxWorkspaceWriteToml {
    pub writable_roots: Vec<String>,
    pub network_access: bool,
    pub exclude_tmpdir_env_var: bool,
    pub exclude_slash_tmp: bool,
}

/// `[shell_environment_policy]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ShellEnvironmentToml {
    #[serde(deserialize_with = "inherit")]
    pub inherit: Option<Inherit>,
    pub ignore_default_excludes: Option<bool>,
    pub exclude: Option<Vec<String>>,
    pub set: Option<BTreeMap<String, String>>,
    pub include_only: Option<Vec<String>>,
    pub experimental_use_profile: Option<bool>,
}

/// `[projects."PATH"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
// The name that clients know from error messages.
#[serde(default, expecting = "struct ProjectConfig")]
pub struct ProjectToml {
    #[serde(deserialize_with = "trust")]
    pub trust_level: Option<Trust>,
}

/// `[tools]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ToolsToml {
    /// A table, or a switch of older files that has no effect any more.
    #[serde(deserialize_with = "web_search_table")]
    pub web_search: Option<WebSearchTool>,
    pub view_image: Option<bool>,
}

/// `[tools.web_search]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct WebSearchTool {
    /// `low`, `medium` or `high`.
    #[serde(deserialize_with = "context_size")]
    pub context_size: Option<SearchContextSize>,
    pub allowed_domains: Option<Vec<String>>,
    pub location: Option<Location>,
}

/// Where searches are made from, roughly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Location {
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    pub timezone: Option<String>,
}

/// `[agents]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AgentsToml {
    pub max_threads: Option<usize>,
    pub max_depth: Option<i32>,
    pub job_max_runtime_seconds: Option<u64>,
    #[serde(flatten)]
    pub roles: BTreeMap<String, AgentRoleToml>,
}

/// `[agents.ROLE]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AgentRoleToml {
    pub description: Option<String>,
    pub config_file: Option<String>,
    pub nickname_candidates: Option<Vec<String>>,
}

/// `[skills]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SkillsToml {
    pub config: Vec<SkillSwitchToml>,
    pub bundled: Option<EnabledToml>,
    pub include_instructions: Option<bool>,
}

/// One `[[skills.config]]` entry: exactly one of `path` and `name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SkillSwitchToml {
    pub path: Option<String>,
    pub name: Option<String>,
    pub enabled: bool,
}

/// `[history]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HistoryToml {
    #[serde(deserialize_with = "persistence")]
    pub persistence: Option<HistoryPersistence>,
    pub max_bytes: Option<usize>,
}

/// `[spindle]`: keys of this server alone, which other programs that share the file ignore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SpindleToml {
    #[serde(deserialize_with = "fsync")]
    pub fsync: Option<Fsync>,
}

/// A table whose one key is `enabled`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EnabledToml {
    pub enabled: Option<bool>,
}

/// A feature's value: a switch, or a table with settings and perhaps `enabled`.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureToml {
    Switch(bool),
    Settings { enabled: Option<bool> },
}

impl FeatureToml {
    pub(crate) fn switch(&self) -> Option<bool> {
        match self {
            Self::Switch(on) => Some(*on),
            Self::Settings { enabled } => *enabled,
        }
    }
}

impl<'de> Deserialize<'de> for FeatureToml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = FeatureToml;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a boolean")
            }

            fn visit_bool<E>(self, on: bool) -> Result<FeatureToml, E> {
                Ok(FeatureToml::Switch(on))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<FeatureToml, A::Error> {
                let table = toml::Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(FeatureToml::Settings { enabled: table.get("enabled").and_then(Value::as_bool) })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

macro_rules! spelled {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order in which error messages list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in the file.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the spelling of [`Self::as_str`].
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        })+
    };
}

spelled! {
    /// Whether the user has said that a project's own configuration may be used.
    Trust { Trusted = "trusted", Untrusted = "untrusted" }

    /// Which variables of the server's environment commands see.
    Inherit { Core = "core", All = "all", None = "none" }

    /// Whether prompts are kept in the history file.
    HistoryPersistence { SaveAll = "save-all", None = "none" }

    /// When threads are put on the device, so that they survive a power cut: from the end of a turn on, before that is
    /// told, or when the system likes.
    Fsync { Turn = "turn", Strict = "strict", Never = "never" }

    /// Whether and how the model may search the web.
    WebSearchMode { Disabled = "disabled", Cached = "cached", Live = "live" }

    /// How much of what a web search finds reaches the model.
    SearchContextSize { Low = "low", Medium = "medium", High = "high" }

    /// Where login credentials are kept.
    CredentialsStore { File = "file", Keyring = "keyring", Auto = "auto", Ephemeral = "ephemeral" }

    /// The only kind of login that is accepted.
    LoginMethod { ChatGpt = "chatgpt", Api = "api" }
}

macro_rules! read_spelled {
    ($($function:ident -> $type:ty;)+) => {
        $(pub(crate) fn $function<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$type>, D::Error> {
            let text = String::deserialize(deserializer)?;
            <$type>::parse(&text)
                .map(Some)
                .ok_or_else(|| unknown_variant(&text, <$type>::ALL.iter().map(|value| value.as_str())))
        })+
    };
}

read_spelled! {
    effort -> ReasoningEffort;
    summary -> ReasoningSummary;
    verbosity -> Verbosity;
    personality -> Personality;
    service_tier -> ServiceTier;
    approvals_reviewer -> ApprovalsReviewer;
    sandbox_mode -> SandboxMode;
    trust -> Trust;
    inherit -> Inherit;
    persistence -> HistoryPersistence;
    fsync -> Fsync;
    web_search_mode -> WebSearchMode;
    context_size -> SearchContextSize;
    credentials_store -> CredentialsStore;
    login_method -> LoginMethod;
}

/// The message that derived enums give, for enums whose names are known only as values.
fn unknown_variant<E: serde::de::Error>(text: &str, names: impl ExactSizeIterator<Item = &'static str>) -> E {
    let count = names.len();
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    E::custom(match count {
        1 => format!("unknown variant `{text}`, expected {}", names[0]),
        2 => format!("unknown variant `{text}`, expected {} or {}", names[0], names[1]),
        _ => format!("unknown variant `{text}`, expected one of {}", names.join(", ")),
    })
}

pub(crate) fn approval_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ApprovalPolicy>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Spelling {
        Untrusted,
        OnFailure,
        OnRequest,
        Granular(Switches),
        Never,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Switches {
        sandbox_approval: bool,
        rules: bool,
        skill_approval: bool,
        request_permissions: bool,
        mcp_elicitations: bool,
    }
    Ok(Some(match Spelling::deserialize(deserializer)? {
        Spelling::Untrusted => ApprovalPolicy::UnlessTrusted,
        Spelling::OnFailure => ApprovalPolicy::OnFailure,
        Spelling::OnRequest => ApprovalPolicy::OnRequest,
        Spelling::Never => ApprovalPolicy::Never,
        Spelling::Granular(switches) => ApprovalPolicy::Granular(GranularApproval {
            sandbox_approval: switches.sandbox_approval,
            rules: switches.rules,
            skill_approval: switches.skill_approval,
            request_permissions: switches.request_permissions,
            mcp_elicitations: switches.mcp_elicitations,
        }),
    }))
}

fn web_search_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WebSearchTool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Boolean(_) => Ok(None),
        table => table.try_into().map(Some).map_err(|error: toml::de::Error| D::Error::custom(error.message())),
    }
}
