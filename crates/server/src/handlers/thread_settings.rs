//! From a request's parameters and the configuration to a thread's settings.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use config::{Config, Source, ThreadOverrides};
use engine::{RuleSet, RulesError, SyntaxError, ThreadSettings};
use protocol::{ConfigWarningNotification, TextPosition, TextRange, WarningNotification};
use serde_json::Value;
use types::{AbsPath, ApprovalPolicy, SandboxMode, ThreadId};

use super::permissions;
use crate::dispatch::Cx;
use crate::error::RpcError;
use crate::wire::FromWire as _;

/// What `thread/start`, `thread/resume` and `thread/fork` have in common.
pub(crate) struct Requested {
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) service_tier: Option<Option<protocol::ServiceTier>>,
    pub(crate) cwd: Option<String>,
    pub(crate) approval_policy: Option<protocol::AskForApproval>,
    pub(crate) approvals_reviewer: Option<protocol::ApprovalsReviewer>,
    pub(crate) sandbox: Option<protocol::SandboxMode>,
    pub(crate) permission_profile: Option<protocol::PermissionProfile>,
    pub(crate) config: Option<HashMap<String, Value>>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) personality: Option<protocol::Personality>,
}

/// Takes the members that [`Requested`] names out of a params struct.
macro_rules! requested {
    ($params:expr) => {
        $crate::handlers::thread_settings::requested!($params, personality: $params.personality.take())
    };
    ($params:expr, personality: $personality:expr) => {
        $crate::handlers::thread_settings::Requested {
            model: $params.model.take(),
            model_provider: $params.model_provider.take(),
            service_tier: $params.service_tier.take(),
            cwd: $params.cwd.take(),
            approval_policy: $params.approval_policy.take(),
            approvals_reviewer: $params.approvals_reviewer.take(),
            sandbox: $params.sandbox.take(),
            permission_profile: $params.permission_profile.take(),
            config: $params.config.take(),
            base_instructions: $params.base_instructions.take(),
            developer_instructions: $params.developer_instructions.take(),
            personality: $personality,
        }
    };
}
pub(crate) use requested;

/// What a stored thread brings along where the request says nothing.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) cwd: Option<AbsPath>,
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) effort: Option<types::ReasoningEffort>,
    pub(crate) base_instructions: Option<String>,
}

/// Refuses what contradicts itself.
pub(crate) fn check(requested: &Requested) -> Result<(), RpcError> {
    if requested.sandbox.is_some() && requested.permission_profile.is_some() {
        return Err(RpcError::invalid_request("`permissionProfile` cannot be combined with `sandbox`"));
    }
    Ok(())
}

/// Works the settings out: request, then stored thread, then configuration. Marks the project as trusted when the
/// request names a folder and a sandbox that may write there.
pub(crate) fn settings(cx: &Cx, requested: Requested, stored: Stored) -> Result<ThreadSettings, RpcError> {
    check(&requested)?;
    let environment = cx.server.engine.environment();
    let named = requested.cwd.map(|cwd| environment.cwd.join(cwd));
    let sandbox = requested.sandbox.from_wire();
    // What the administrator does not allow says nothing of trust.
    let is_allowed = |mode| {
        let required = environment.loader.requirements();
        required.is_ok_and(|required| required.is_none_or(|required| required.check_sandbox(mode).is_ok()))
    };
    if let (Some(cwd), Some(mode @ (SandboxMode::WorkspaceWrite | SandboxMode::DangerFullAccess))) = (&named, sandbox)
        && is_allowed(mode)
    {
        trust(&environment.home, cwd);
    }
    let cwd = named.or(stored.cwd).unwrap_or_else(|| environment.cwd.clone());
    let overrides = ThreadOverrides {
        config: requested.config.unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>(),
        model: requested.model.or(stored.model),
        model_provider: requested.model_provider.or(stored.model_provider),
        approval_policy: requested.approval_policy.from_wire(),
        approvals_reviewer: requested.approvals_reviewer.from_wire(),
        sandbox_mode: sandbox,
        service_tier: requested.service_tier.map(|tier| tier.from_wire()),
        personality: requested.personality.from_wire(),
        base_instructions: requested.base_instructions,
        developer_instructions: requested.developer_instructions,
    };
    let asked_provider = overrides.model_provider.clone();
    let config = load(cx, Some(&cwd), &overrides)?;
    let profile = requested.permission_profile.from_wire();
    let default = config.default_permissions.as_ref().filter(|_| profile.is_none() && sandbox.is_none());
    let network = config.network_policy(default.is_some());
    let (sandbox_policy, permission_profile) = match (profile, default) {
        (Some(profile), _) => {
            let (policy, profile) = permissions::of_profile(profile, &cwd, "permission profile")?;
            (policy, Some(profile))
        }
        (None, Some(default)) => {
            let adopted = config.adopt_profile(default.profile.clone(), &cwd);
            let (policy, profile) = adopted.map_err(|error| unusable(&error))?;
            (policy, Some(profile))
        }
        (None, None) => (config.sandbox_policy(config.sandbox_mode()), None),
    };
    // A mode that is not allowed has been replaced; permissions in full have no mode to take their place.
    config.requirements.check_sandbox(sandbox_policy.mode()).map_err(|error| unusable(&error))?;
    permissions::warn_of_weak_sandbox(cx, &sandbox_policy, network.is_some());
    let command_rules = standing_rules(cx, &config)?;
    let client = cx.connection.client();
    let originator = client.map(|client| client.name.clone()).unwrap_or_default();
    let user_agent = client.map(|client| client.user_agent.clone()).unwrap_or_default();
    let provider_id = asked_provider.unwrap_or_else(|| config.model_provider.clone());
    let provider = engine::connect(environment, &config, &provider_id, &originator, &user_agent)?;
    let model = config.model.clone().unwrap_or_else(|| default_model(&config));
    Ok(ThreadSettings {
        model,
        provider_id,
        provider,
        cwd,
        approval_policy: config.approval_policy(),
        approvals_reviewer: config.approvals_reviewer,
        sandbox_policy,
        command_rules,
        permission_profile,
        network,
        effort: config.effort.or(stored.effort),
        summary: config.summary,
        personality: config.personality,
        service_tier: config.service_tier,
        mode: None,
        base_instructions: config.base_instructions.clone().or(stored.base_instructions),
        developer_instructions: config.developer_instructions.clone(),
        originator,
        user_agent,
        config: Arc::new(config),
    })
}

/// The model a new user gets.
fn default_model(config: &Config) -> String {
    let models = super::model::usable_models(config);
    let default = models.iter().find(|model| model.is_default).or_else(|| models.first());
    default.map(|model| model.slug.clone()).unwrap_or_default()
}

/// The configuration for a thread. A broken file was told at `initialize`; threads then run on the defaults.
fn load(cx: &Cx, cwd: Option<&AbsPath>, overrides: &ThreadOverrides) -> Result<Config, RpcError> {
    let loader = &cx.server.engine.environment().loader;
    loader.load(cwd, Some(overrides)).map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::fmt::Display) -> RpcError {
    RpcError::invalid_request(format_args!("failed to load configuration: {error}"))
}

/// A project that cannot be marked is a matter for the log: the thread itself is fine.
fn trust(home: &AbsPath, cwd: &AbsPath) {
    let root = config::trust_root(cwd);
    if let Err(error) = config::trust_project(home, &root) {
        tracing::warn!(%error, "the project could not be marked as trusted");
    }
}

/// The rules about commands that hold under a configuration. Without those that cannot be understood: the user's own were
/// told of at `initialize`, a project's are now.
fn standing_rules(cx: &Cx, config: &Config) -> Result<Arc<RuleSet>, RpcError> {
    let home_rules = rules_folder(&cx.server.engine.environment().home);
    match RuleSet::load(&rules_folders(config), &home_rules) {
        Ok(rules) => Ok(Arc::new(rules)),
        Err(RulesError::Syntax { file, error }) => {
            if !file.starts_with(&home_rules) {
                warn_of_broken_rules(cx, &file, &error);
            }
            Ok(Arc::new(RuleSet::none(&home_rules)))
        }
        Err(error @ RulesError::Read { .. }) => {
            Err(RpcError::internal(format_args!("error creating thread: Fatal error: failed to load rules: {error}")))
        }
    }
}

fn rules_folder(of: &AbsPath) -> AbsPath {
    of.join("rules")
}

/// Where rules may lie: beside the files that configuration comes from, as far as these count.
fn rules_folders(config: &Config) -> Vec<AbsPath> {
    let beside =
        |file: &AbsPath| file.parent().map(|folder| AbsPath::new(folder.join("rules")).expect("it is absolute"));
    let layers = config.layers.iter().filter(|layer| layer.disabled.is_none());
    layers
        .filter_map(|layer| match &layer.source {
            Source::System { file } | Source::User { file } => beside(file),
            Source::Project { dot_codex } => Some(rules_folder(dot_codex)),
            Source::SessionFlags | Source::Thread | Source::Managed { .. } => None,
        })
        .collect()
}

fn warn_of_broken_rules(cx: &Cx, file: &AbsPath, error: &SyntaxError) {
    let at = || TextPosition { line: error.line, column: error.column };
    cx.server.hub.notify(
        &cx.connection,
        &ConfigWarningNotification {
            summary: "Error parsing rules; custom rules not applied.".to_owned(),
            details: Some(format!("{file}:{}:{}: {}", error.line, error.column, error.message)),
            path: Some(file.to_string()),
            range: Some(TextRange { start: at(), end: at() }),
        },
    );
}

/// The configuration for what does not depend on a thread. A broken file was told at `initialize`; the built-in values
/// and flags then count.
pub(crate) fn usable_config(cx: &Cx, cwd: &AbsPath) -> Result<Config, RpcError> {
    let loader = &cx.server.engine.environment().loader;
    let config = loader.load(Some(cwd), None);
    Ok(config.or_else(|_| loader.defaults(Some(cwd)))?)
}

/// Tells a new client what of the configuration cannot be used.
pub(crate) fn warn_of_broken_config(cx: &Cx) {
    let environment = cx.server.engine.environment();
    match environment.loader.load(Some(&environment.cwd), None) {
        Ok(config) => {
            if let Err(error) = super::model::models(&config) {
                warn(cx, "Invalid configuration; using defaults.".to_owned(), Some(error));
            }
            warn_of_disabled_layers(cx, &config);
            config.agents.faults.iter().for_each(|fault| warn(cx, left_out(fault), None));
            config.overruled.iter().for_each(|overruled| warn(cx, overruled.clone(), None));
            start_export(cx, &config.otel);
            let home_rules = rules_folder(&environment.home);
            if let Err(RulesError::Syntax { file, error }) = RuleSet::load(&rules_folders(&config), &home_rules) {
                warn_of_broken_rules(cx, &file, &error);
            }
        }
        Err(error) => {
            let warning = error.warning();
            let position = |at: config::Position| TextPosition { line: at.line, column: at.column };
            cx.server.hub.notify(
                &cx.connection,
                &ConfigWarningNotification {
                    summary: warning.summary,
                    details: warning.details,
                    path: warning.path.map(|path| path.to_string()),
                    range: warning
                        .range
                        .map(|range| TextRange { start: position(range.start), end: position(range.end) }),
                },
            );
        }
    }
}

/// Sends to collectors from now on, as far as it can be done.
fn start_export(cx: &Cx, otel: &config::Otel) {
    let unusable = cx.server.start_export(otel).err().map(|error| format!("otel: {error}; nothing is sent"));
    let details: Vec<String> = otel.unserved.iter().cloned().chain(unusable).collect();
    if !details.is_empty() {
        warn(cx, "Not all of the OpenTelemetry configuration is used.".to_owned(), Some(details.join("\n")));
    }
}

fn warn_of_disabled_layers(cx: &Cx, config: &Config) {
    let folders: Vec<String> = config
        .layers
        .iter()
        .filter(|layer| layer.disabled.is_some())
        .filter_map(|layer| match &layer.source {
            Source::Project { dot_codex } => Some(dot_codex.to_string()),
            Source::System { .. }
            | Source::User { .. }
            | Source::SessionFlags
            | Source::Thread
            | Source::Managed { .. } => None,
        })
        .collect();
    if !folders.is_empty() {
        let folders = folders.join(", ");
        warn(cx, format!("The project is not trusted; its configuration is not used (skills are): {folders}"), None);
    }
}

/// What follows the answer to a client that has opened a thread.
pub(crate) fn after_opening(cx: &Cx, thread: ThreadId, settings: &ThreadSettings) {
    warn_of_settings(cx, thread, settings);
    cx.server.watch_skills_at(settings.config.clone(), settings.cwd.clone());
}

/// Tells the client that has just loaded a thread what of the thread's settings is not, or no longer, to be relied on.
fn warn_of_settings(cx: &Cx, thread: ThreadId, settings: &ThreadSettings) {
    let config = &settings.config;
    let unfinished: Vec<_> = config.features.unfinished().map(|info| info.key).collect();
    let unfinished = (!unfinished.is_empty() && !config.suppress_unstable_features_warning).then(|| {
        let (features, file) = (unfinished.join(", "), config.home.join("config.toml"));
        format!(
            "These features are under development, and may fail or change: {features}. \
             `suppress_unstable_features_warning = true` in {file} hides this warning."
        )
    });
    let deprecated = (settings.approval_policy == ApprovalPolicy::OnFailure).then(|| {
        "The approval policy `on-failure` is deprecated. Use `on-request`, or `never` where nobody can be asked."
            .to_owned()
    });
    let roles = config.agents.faults.iter().map(|fault| left_out(fault));
    for message in unfinished.into_iter().chain(deprecated).chain(roles).chain(config.overruled.iter().cloned()) {
        let thread_id = Some(thread.to_string());
        cx.server.hub.notify(&cx.connection, &WarningNotification { thread_id, message });
    }
}

fn left_out(fault: &str) -> String {
    format!("A role of agents is left out: {fault}")
}

fn warn(cx: &Cx, summary: String, details: Option<String>) {
    cx.server.hub.notify(&cx.connection, &ConfigWarningNotification { summary, details, path: None, range: None });
}
