//! From layers to a [`Config`]: pure, apart from the paths of the home and the working directory being given.

use std::sync::Arc;

use types::{AbsPath, ApprovalsReviewer, UpstreamProxies};

use crate::error::ConfigError;
use crate::features::{Feature, Features};
use crate::file::{
    AgentsToml, ConfigToml, CredentialsStore, FeatureToml, Fsync, HistoryPersistence, ProfileToml,
    SandboxWorkspaceWriteToml, ShellEnvironmentToml, SkillsToml, ToolsToml, Trust,
};
use crate::layer::Layers;
use crate::otel::Otel;
use crate::overrides::ThreadOverrides;
use crate::permission_profiles::{self, Folders, NetworkToml};
use crate::providers::{self, ProviderEnvironment};
use crate::requirements::Requirements;
use crate::settings::{
    Agents, Config, DEFAULT_PROJECT_DOC_MAX_BYTES, History, SandboxWorkspaceWrite, ShellEnvironmentPolicy,
    SkillSelector, SkillSwitch, Skills, WebSearchTool,
};

const DEFAULT_CHATGPT_BASE_URL: &str = "https://chatgpt.com/backend-api";

/// What the layers do not say.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    pub home: &'a AbsPath,
    pub cwd: Option<&'a AbsPath>,
    pub project_root: Option<AbsPath>,
    pub trust: Option<Trust>,
    pub thread: Option<&'a ThreadOverrides>,
    /// The user's home, for `~/` in permission profiles.
    pub user_home: Option<&'a AbsPath>,
    /// The part about the network of the administrator's requirements.
    pub managed_network: Option<NetworkToml>,
    /// The part about the automatic reviewer.
    pub managed_review_policy: Option<String>,
    pub environment: &'a ProviderEnvironment,
    /// The proxies that the server is to use itself.
    pub upstream: &'a UpstreamProxies,
    /// What clients switched at run time: over the defaults, below every file and flag.
    pub runtime_features: Vec<(Feature, bool)>,
}

impl Inputs<'_> {
    /// Adds what an administrator demands of the network and the automatic reviewer.
    pub(crate) fn demand(&mut self, required: &Requirements) {
        self.managed_network.clone_from(&required.network);
        self.managed_review_policy.clone_from(&required.auto_review_policy);
    }
}

/// Makes a configuration of layers.
///
/// # Errors
/// [`ConfigError::Type`] without a place, [`ConfigError::UnknownProfile`], [`ConfigError::UnknownProvider`].
pub fn resolve(layers: Layers, inputs: &Inputs<'_>) -> Result<Config, ConfigError> {
    let merged = layers.merged();
    let mut unknown_keys = Vec::new();
    let file: ConfigToml =
        serde_ignored::deserialize(toml::Value::Table(merged), |path| unknown_keys.push(dotted(&path)))
            .map_err(|error: toml::de::Error| ConfigError::Type { message: error.to_string(), located: None })?;

    let profile = match &file.profile {
        None => ProfileToml::default(),
        Some(name) => file.profiles.get(name).cloned().ok_or_else(|| ConfigError::UnknownProfile(name.clone()))?,
    };
    let none = ThreadOverrides::default();
    let thread = inputs.thread.unwrap_or(&none).clone();

    let features = features(&inputs.runtime_features, &file, &profile, &mut unknown_keys);
    let model_provider = thread
        .model_provider
        .or(profile.model_provider)
        .or(file.model_provider)
        .unwrap_or_else(|| providers::DEFAULT_PROVIDER.to_owned());
    let providers = providers::resolve(file.model_providers, file.openai_base_url.as_deref(), inputs.environment);
    if !providers.contains_key(&model_provider) {
        return Err(ConfigError::UnknownProvider(model_provider));
    }
    let sandbox_mode = thread.sandbox_mode.or(profile.sandbox_mode).or(file.sandbox_mode);
    let default_permissions = permission_profiles::default_permissions(
        file.default_permissions.as_deref(),
        file.permissions.as_ref(),
        sandbox_mode.is_some(),
        Folders { user_home: inputs.user_home, cwd: inputs.cwd },
        inputs.upstream,
    )?;
    let managed_network = match &inputs.managed_network {
        Some(table) => permission_profiles::managed_network(table, inputs.upstream)?,
        None => None,
    };
    let tools = ToolsToml {
        web_search: profile
            .tools
            .clone()
            .and_then(|tools| tools.web_search)
            .or(file.tools.clone().and_then(|tools| tools.web_search)),
        view_image: profile.tools.and_then(|tools| tools.view_image).or(file.tools.and_then(|tools| tools.view_image)),
    };
    let web_search_tool = tools.web_search.unwrap_or_default();
    let chatgpt_base_url =
        profile.chatgpt_base_url.or(file.chatgpt_base_url).unwrap_or_else(|| DEFAULT_CHATGPT_BASE_URL.to_owned());
    let history = file.history.unwrap_or_default();

    Ok(Config {
        home: inputs.home.clone(),
        cwd: inputs.cwd.cloned(),
        project_root: inputs.project_root.clone(),
        trust: inputs.trust,
        profile: file.profile,

        model: thread.model.or(profile.model).or(file.model),
        review_model: file.review_model,
        model_provider,
        providers,
        context_window: file.model_context_window,
        auto_compact_token_limit: file.model_auto_compact_token_limit,
        effort: profile.model_reasoning_effort.or(file.model_reasoning_effort),
        plan_mode_effort: profile.plan_mode_reasoning_effort.or(file.plan_mode_reasoning_effort),
        summary: profile.model_reasoning_summary.or(file.model_reasoning_summary),
        verbosity: profile.model_verbosity.or(file.model_verbosity),
        supports_reasoning_summaries: file.model_supports_reasoning_summaries,
        model_catalog_json: path(profile.model_catalog_json.or(file.model_catalog_json)),
        personality: thread.personality.or(profile.personality).or(file.personality),
        service_tier: thread.service_tier.unwrap_or_else(|| profile.service_tier.or(file.service_tier)),

        approval_policy: thread.approval_policy.or(profile.approval_policy).or(file.approval_policy),
        approvals_reviewer: thread
            .approvals_reviewer
            .or(profile.approvals_reviewer)
            .or(file.approvals_reviewer)
            .unwrap_or(ApprovalsReviewer::User),
        auto_review_policy: inputs
            .managed_review_policy
            .clone()
            .or_else(|| file.auto_review.and_then(|table| table.policy).filter(|policy| !policy.trim().is_empty())),
        sandbox_mode,
        sandbox_workspace_write: workspace_write(file.sandbox_workspace_write.unwrap_or_default()),
        default_permissions,
        managed_network: managed_network.map(Arc::new),
        shell_environment_policy: environment(file.shell_environment_policy.unwrap_or_default()),
        allow_login_shell: file.allow_login_shell.unwrap_or(true),

        base_instructions: thread.base_instructions,
        developer_instructions: thread.developer_instructions.or(file.developer_instructions),
        include_permissions_instructions: profile
            .include_permissions_instructions
            .or(file.include_permissions_instructions)
            .unwrap_or(true),
        include_apps_instructions: profile.include_apps_instructions.or(file.include_apps_instructions).unwrap_or(true),
        include_environment_context: profile
            .include_environment_context
            .or(file.include_environment_context)
            .unwrap_or(true),
        compact_prompt: file.compact_prompt,
        instructions_file: path(profile.model_instructions_file.or(file.model_instructions_file)),
        compact_prompt_file: path(profile.experimental_compact_prompt_file.or(file.experimental_compact_prompt_file)),
        commit_attribution: file.commit_attribution,
        project_doc_max_bytes: file.project_doc_max_bytes.unwrap_or(DEFAULT_PROJECT_DOC_MAX_BYTES),
        project_doc_fallback_filenames: file.project_doc_fallback_filenames.unwrap_or_default(),
        project_root_markers: file.project_root_markers.unwrap_or_else(|| vec![".git".to_owned()]),

        tool_output_token_limit: file.tool_output_token_limit,
        background_terminal_max_timeout_ms: file.background_terminal_max_timeout,
        zsh_path: path(profile.zsh_path.or(file.zsh_path)),
        web_search: profile.web_search.or(file.web_search),
        web_search_tool: WebSearchTool {
            context_size: web_search_tool.context_size,
            allowed_domains: web_search_tool.allowed_domains,
            location: web_search_tool.location,
        },
        view_image: tools.view_image.unwrap_or(true),
        agents: agents(file.agents.unwrap_or_default()),
        skills: skills(file.skills.unwrap_or_default()),
        mcp_servers: file.mcp_servers.unwrap_or_default(),
        features,
        suppress_unstable_features_warning: file.suppress_unstable_features_warning.unwrap_or(false),

        history: History {
            persistence: history.persistence.unwrap_or(HistoryPersistence::SaveAll),
            max_bytes: history.max_bytes,
        },
        fsync: file.spindle.and_then(|own| own.fsync).unwrap_or(Fsync::Turn),
        notify: file.notify.filter(|argv| argv.first().is_some_and(|program| !program.is_empty())),
        hide_agent_reasoning: file.hide_agent_reasoning.unwrap_or(false),
        show_raw_agent_reasoning: file.show_raw_agent_reasoning.unwrap_or(false),
        chatgpt_base_url: chatgpt_base_url.trim_end_matches('/').to_owned(),
        oss_provider: profile.oss_provider.or(file.oss_provider),
        credentials_store: file.cli_auth_credentials_store.unwrap_or(CredentialsStore::File),
        forced_login_method: file.forced_login_method,
        forced_chatgpt_workspace_id: file.forced_chatgpt_workspace_id,
        sqlite_home: path(file.sqlite_home),
        log_dir: path(file.log_dir),
        feedback_enabled: file.feedback.and_then(|feedback| feedback.enabled).unwrap_or(true),
        analytics_enabled: profile.analytics.or(file.analytics).and_then(|analytics| analytics.enabled),
        otel: Otel::resolve(file.otel.unwrap_or_default(), &unknown_keys),

        requirements: Arc::default(),
        overruled: Vec::new(),
        layers: Arc::new(layers),
        unknown_keys,
    })
}

/// `a.b.0`.
fn dotted(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path::{Map, NewtypeStruct, NewtypeVariant, Root, Seq, Some as Wrapped};
    let below = |parent, key: &str| match dotted(parent) {
        parent if parent.is_empty() => key.to_owned(),
        parent => format!("{parent}.{key}"),
    };
    match path {
        Root => String::new(),
        Seq { parent, index } => below(parent, &index.to_string()),
        Map { parent, key } => below(parent, key),
        Wrapped { parent } | NewtypeStruct { parent } | NewtypeVariant { parent } => dotted(parent),
    }
}

/// Layers make their paths absolute; what still is relative comes from nowhere and means nothing.
fn path(text: Option<String>) -> Option<AbsPath> {
    AbsPath::new(text?).ok()
}

/// The file's switches, then the profile's; older top-level keys first.
fn features(
    runtime: &[(Feature, bool)],
    file: &ConfigToml,
    profile: &ProfileToml,
    unknown_keys: &mut Vec<String>,
) -> Features {
    let mut features = Features::default();
    for (feature, on) in runtime {
        features.set(*feature, *on);
    }
    let parts = [
        (file.experimental_use_unified_exec_tool, file.experimental_use_freeform_apply_patch, &file.features),
        (profile.experimental_use_unified_exec_tool, profile.experimental_use_freeform_apply_patch, &profile.features),
    ];
    for (unified_exec, freeform_patch, table) in parts {
        if let Some(on) = unified_exec {
            features.set(Feature::UnifiedExec, on);
        }
        if let Some(on) = freeform_patch {
            features.set(Feature::ApplyPatchFreeform, on);
        }
        let switches =
            table.iter().flatten().filter_map(|(key, value)| Some((key.as_str(), FeatureToml::switch(value)?)));
        let unknown = features.apply(switches);
        unknown_keys.extend(unknown.into_iter().map(|key| format!("features.{key}")));
    }
    features
}

fn workspace_write(file: SandboxWorkspaceWriteToml) -> SandboxWorkspaceWrite {
    SandboxWorkspaceWrite {
        writable_roots: file.writable_roots.into_iter().filter_map(|root| AbsPath::new(root).ok()).collect(),
        network_access: file.network_access,
        exclude_tmpdir_env_var: file.exclude_tmpdir_env_var,
        exclude_slash_tmp: file.exclude_slash_tmp,
    }
}

fn environment(file: ShellEnvironmentToml) -> ShellEnvironmentPolicy {
    ShellEnvironmentPolicy {
        inherit: file.inherit,
        ignore_default_excludes: file.ignore_default_excludes,
        exclude: file.exclude.unwrap_or_default(),
        set: file.set.unwrap_or_default(),
        include_only: file.include_only.unwrap_or_default(),
        use_profile: file.experimental_use_profile.unwrap_or(false),
    }
}

/// Roles have files, which are read later.
fn agents(file: AgentsToml) -> Agents {
    let AgentsToml { max_threads, max_depth, roles: role_tables, .. } = file;
    Agents { max_threads, max_depth, role_tables, ..Agents::default() }
}

fn skills(file: SkillsToml) -> Skills {
    let switches = file.config.into_iter().filter_map(|entry| {
        let skill = match (entry.path, entry.name) {
            (Some(text), None) => SkillSelector::Path(AbsPath::new(text).ok()?),
            (None, Some(name)) => SkillSelector::Name(name),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(SkillSwitch { skill, enabled: entry.enabled })
    });
    Skills {
        switches: switches.collect(),
        bundled: file.bundled.and_then(|bundled| bundled.enabled).unwrap_or(true),
        include_instructions: file.include_instructions.unwrap_or(true),
    }
}
