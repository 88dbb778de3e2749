//! The feature switches: names, stages and defaults, in the order in which they are listed.

/// How ready a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    UnderDevelopment,
    /// Shown to users as something to try.
    Beta,
    Stable,
    Deprecated,
    /// The switch is still accepted but does nothing.
    Removed,
}

/// The texts a beta feature is presented with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BetaTexts {
    pub display_name: &'static str,
    pub description: &'static str,
    /// Shown once to users who have not switched the feature on.
    pub announcement: &'static str,
}

/// One line of the feature table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureInfo {
    pub feature: Feature,
    /// The key below `[features]`.
    pub key: &'static str,
    pub stage: Stage,
    pub default_enabled: bool,
    /// Present exactly when the stage is beta.
    pub texts: Option<BetaTexts>,
}

macro_rules! features {
    ($($variant:ident = $key:literal $stage:ident $default:ident $(($name:literal, $description:literal, $announcement:literal))?;)+) => {
        /// Every known feature. Source: the protocol's `experimentalFeature/list`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Feature { $($variant),+ }

        /// The feature table, in list order.
        pub const ALL: &[FeatureInfo] = &[$(FeatureInfo {
            feature: Feature::$variant,
            key: $key,
            stage: Stage::$stage,
            default_enabled: features!(@default $default),
            texts: features!(@texts $(($name, $description, $announcement))?),
        }),+];
    };
    (@default on) => { true };
    (@default off) => { false };
    (@texts) => { None };
    (@texts ($name:literal, $description:literal, $announcement:literal)) => {
        Some(BetaTexts { display_name: $name, description: $description, announcement: $announcement })
    };
}

features! {
    Undo = "undo" Stable off;
    ShellTool = "shell_tool" Stable on;
    UnifiedExec = "unified_exec" Stable on;
    ShellZshFork = "shell_zsh_fork" UnderDevelopment off;
    ShellSnapshot = "shell_snapshot" Stable on;
    JsRepl = "js_repl" Beta off ("JavaScript REPL", "Gives the agent a JavaScript session that keeps its state between calls.", "Try the JavaScript REPL: switch js_repl on and start a new thread.");
    CodeMode = "code_mode" UnderDevelopment off;
    CodeModeOnly = "code_mode_only" UnderDevelopment off;
    JsReplToolsOnly = "js_repl_tools_only" UnderDevelopment off;
    WebSearchRequest = "web_search_request" Deprecated off;
    WebSearchCached = "web_search_cached" Deprecated off;
    SearchTool = "search_tool" Removed off;
    CodexGitCommit = "codex_git_commit" UnderDevelopment off;
    RuntimeMetrics = "runtime_metrics" UnderDevelopment off;
    GeneralAnalytics = "general_analytics" Stable on;
    Sqlite = "sqlite" Removed on;
    Memories = "memories" Beta off ("Memories", "Lets the agent keep notes from earlier threads and use them in new ones.", "Try memories: switch memories on.");
    Chronicle = "chronicle" UnderDevelopment off;
    ChildAgentsMd = "child_agents_md" UnderDevelopment off;
    ApplyPatchFreeform = "apply_patch_freeform" UnderDevelopment off;
    ApplyPatchStreamingEvents = "apply_patch_streaming_events" UnderDevelopment off;
    ExecPermissionApprovals = "exec_permission_approvals" UnderDevelopment off;
    CodexHooks = "codex_hooks" Stable on;
    RequestPermissionsTool = "request_permissions_tool" UnderDevelopment off;
    UseLinuxSandboxBwrap = "use_linux_sandbox_bwrap" Removed off;
    UseLegacyLandlock = "use_legacy_landlock" Deprecated off;
    RequestRule = "request_rule" Removed off;
    ExperimentalWindowsSandbox = "experimental_windows_sandbox" Removed off;
    ElevatedWindowsSandbox = "elevated_windows_sandbox" Removed off;
    RemoteModels = "remote_models" Removed off;
    EnableRequestCompression = "enable_request_compression" Stable on;
    MultiAgent = "multi_agent" Stable on;
    MultiAgentV2 = "multi_agent_v2" UnderDevelopment off;
    EnableFanout = "enable_fanout" UnderDevelopment off;
    Apps = "apps" Stable on;
    ToolSearch = "tool_search" Stable on;
    ToolSearchAlwaysDeferMcpTools = "tool_search_always_defer_mcp_tools" UnderDevelopment off;
    UnavailableDummyTools = "unavailable_dummy_tools" UnderDevelopment off;
    ToolSuggest = "tool_suggest" Stable on;
    Plugins = "plugins" Stable on;
    InAppBrowser = "in_app_browser" Stable on;
    BrowserUse = "browser_use" Stable on;
    ComputerUse = "computer_use" Stable on;
    RemotePlugin = "remote_plugin" UnderDevelopment off;
    ExternalMigration = "external_migration" Beta off ("External migration", "Offers to take over settings, skills and instructions of other agents.", "");
    ImageGeneration = "image_generation" Stable on;
    SkillMcpDependencyInstall = "skill_mcp_dependency_install" Stable on;
    SkillEnvVarDependencyPrompt = "skill_env_var_dependency_prompt" UnderDevelopment off;
    Steer = "steer" Removed on;
    DefaultModeRequestUserInput = "default_mode_request_user_input" UnderDevelopment off;
    GuardianApproval = "guardian_approval" Stable on;
    CollaborationModes = "collaboration_modes" Removed on;
    ToolCallMcpElicitation = "tool_call_mcp_elicitation" Stable on;
    Personality = "personality" Stable on;
    Artifact = "artifact" UnderDevelopment off;
    FastMode = "fast_mode" Stable on;
    RealtimeConversation = "realtime_conversation" UnderDevelopment off;
    RemoteControl = "remote_control" UnderDevelopment off;
    ImageDetailOriginal = "image_detail_original" Removed off;
    TuiAppServer = "tui_app_server" Removed on;
    PreventIdleSleep = "prevent_idle_sleep" Beta off ("Prevent sleep while running", "Keeps the computer awake while the agent works on a turn.", "Try keeping the computer awake: switch prevent_idle_sleep on.");
    WorkspaceOwnerUsageNudge = "workspace_owner_usage_nudge" UnderDevelopment off;
    ResponsesWebsockets = "responses_websockets" Removed off;
    ResponsesWebsocketsV2 = "responses_websockets_v2" Removed off;
    WorkspaceDependencies = "workspace_dependencies" Stable on;
}

impl Feature {
    /// The table line of this feature.
    #[must_use]
    pub fn info(self) -> &'static FeatureInfo {
        &ALL[self as usize]
    }

    /// The key below `[features]`.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.info().key
    }

    /// Finds a feature by its key, or by an older name of it.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        let key = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, canonical)| canonical);
        ALL.iter().find(|info| info.key == key).map(|info| info.feature)
    }
}

/// Features that clients may switch while the server runs; files and flags win over them.
pub const RUNTIME: &[Feature] = &[
    Feature::Apps,
    Feature::Memories,
    Feature::Plugins,
    Feature::ToolSearch,
    Feature::ToolSuggest,
    Feature::ToolCallMcpElicitation,
];

/// Older names that configuration files may still hold.
const ALIASES: &[(&str, &str)] = &[("connectors", "apps")];

/// The features of one configuration: defaults changed by `[features]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Features(u128);

const _: () = assert!(ALL.len() <= 128, "one bit a feature");

impl Default for Features {
    fn default() -> Self {
        let on = ALL.iter().filter(|info| info.default_enabled);
        Self(on.fold(0, |bits, info| bits | 1 << info.feature as u8))
    }
}

impl Features {
    /// Whether `feature` is on.
    #[must_use]
    pub fn enabled(&self, feature: Feature) -> bool {
        self.0 >> feature as u8 & 1 == 1
    }

    /// Switches `feature`.
    pub fn set(&mut self, feature: Feature, on: bool) {
        let bit = 1 << feature as u8;
        if on { self.0 |= bit } else { self.0 &= !bit }
    }

    /// Those that are on and not finished, in list order.
    pub fn unfinished(&self) -> impl Iterator<Item = &'static FeatureInfo> {
        ALL.iter().filter(|info| info.stage == Stage::UnderDevelopment && self.enabled(info.feature))
    }

    /// Applies a `[features]` table; unknown keys are left out and returned.
    pub(crate) fn apply<'k>(&mut self, table: impl Iterator<Item = (&'k str, bool)>) -> Vec<&'k str> {
        let mut unknown = Vec::new();
        for (key, on) in table {
            match Feature::from_key(key) {
                Some(feature) => self.set(feature, on),
                None => unknown.push(key),
            }
        }
        unknown
    }
}

impl std::fmt::Debug for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changed = ALL.iter().filter(|info| self.enabled(info.feature) != info.default_enabled).map(|info| info.key);
        f.write_str("Features(defaults except ")?;
        f.debug_list().entries(changed).finish()?;
        f.write_str(")")
    }
}
