//! What a thread works with, and how a turn may change it.

use std::sync::Arc;

use config::Config;
use model::ModelProvider;
use model::catalogue::{Lookup, ModelInfo, Truncation};
use serde_json::Value;
use tools::CommandRules;
use types::item::UserInput;
use types::{
    AbsPath, ApprovalPolicy, ApprovalsReviewer, CollaborationMode, NetworkPolicy, PermissionProfile, Personality,
    ReasoningEffort, ReasoningSummary, SandboxPolicy, ServiceTier,
};

/// The settings of a thread. A turn works on the copy it started with; what a turn overrides sticks to the thread.
#[derive(Clone)]
pub struct ThreadSettings {
    pub config: Arc<Config>,
    pub model: String,
    /// The provider's id in the configuration.
    pub provider_id: String,
    pub provider: Arc<dyn ModelProvider>,
    pub cwd: AbsPath,
    pub approval_policy: ApprovalPolicy,
    pub approvals_reviewer: ApprovalsReviewer,
    pub sandbox_policy: SandboxPolicy,
    /// The user's standing rules about commands, as they were when the thread was loaded.
    pub command_rules: Arc<dyn CommandRules>,
    /// Set when permissions were given in full; they then win over `sandbox_policy`.
    pub permission_profile: Option<PermissionProfile>,
    /// The only hosts that sandboxed commands reach, whatever else is said of the network.
    pub network: Option<Arc<NetworkPolicy>>,
    pub effort: Option<ReasoningEffort>,
    pub summary: Option<ReasoningSummary>,
    pub personality: Option<Personality>,
    pub service_tier: Option<ServiceTier>,
    pub mode: Option<CollaborationMode>,
    /// `None`: Spindle's own.
    pub base_instructions: Option<String>,
    pub developer_instructions: Option<String>,
    /// The client's name as providers see it, and what it calls itself in full.
    pub originator: String,
    pub user_agent: String,
}

impl ThreadSettings {
    /// The model of the next request: the collaboration mode's, else the thread's.
    #[must_use]
    pub fn model(&self) -> &str {
        self.mode.as_ref().map_or(&self.model, |mode| &mode.model)
    }

    /// What is known of the model of the next request, with what the configuration says of it.
    pub(crate) fn lookup_model(&self) -> Lookup {
        let mut lookup = model::catalogue::lookup(self.model());
        if let Some(window) = self.config.context_window {
            lookup.info.context_window = lookup.info.configured_context_window(window);
        }
        if let Some(limit) = self.config.auto_compact_token_limit {
            lookup.info.auto_compact_token_limit = Some(limit);
        }
        if let Some(supported) = self.config.supports_reasoning_summaries {
            lookup.info.supports_reasoning_summaries = supported;
        }
        if let Some(tokens) = self.config.tool_output_token_limit {
            lookup.info.truncation = lookup.info.truncation.with_tokens(tokens);
        }
        lookup
    }

    /// The effort of the next request: the collaboration mode's, else the thread's.
    #[must_use]
    pub fn effort(&self) -> Option<ReasoningEffort> {
        match &self.mode {
            Some(mode) => mode.reasoning_effort,
            None => self.effort,
        }
    }

    /// Applies what a turn overrides.
    pub fn apply(&mut self, overrides: TurnOverrides) {
        let TurnOverrides {
            model,
            cwd,
            approval_policy,
            approvals_reviewer,
            sandbox_policy,
            permission_profile,
            effort,
            summary,
            personality,
            service_tier,
            mode,
        } = overrides;
        if let Some(model) = model {
            if let Some(mode) = &mut self.mode {
                mode.model.clone_from(&model);
            }
            self.model = model;
        }
        if let Some(effort) = effort {
            if let Some(mode) = &mut self.mode {
                mode.reasoning_effort = effort;
            }
            self.effort = effort;
        }
        if let Some(mode) = mode {
            self.model.clone_from(&mode.model);
            self.effort = mode.reasoning_effort;
            self.mode = Some(mode);
        }
        if let Some(cwd) = cwd {
            self.cwd = cwd;
        }
        if let Some(policy) = approval_policy {
            self.approval_policy = policy;
        }
        if let Some(reviewer) = approvals_reviewer {
            self.approvals_reviewer = reviewer;
        }
        if let Some(policy) = sandbox_policy {
            self.sandbox_policy = policy;
            self.permission_profile = permission_profile;
            // The default's rules go with the default.
            self.network = self.config.network_policy(false);
        }
        if let Some(summary) = summary {
            self.summary = Some(summary);
        }
        if let Some(personality) = personality {
            self.personality = Some(personality);
        }
        if let Some(tier) = service_tier {
            self.service_tier = tier;
        }
    }
}

/// What a turn changes; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct TurnOverrides {
    pub model: Option<String>,
    pub cwd: Option<AbsPath>,
    pub approval_policy: Option<ApprovalPolicy>,
    pub approvals_reviewer: Option<ApprovalsReviewer>,
    pub sandbox_policy: Option<SandboxPolicy>,
    /// Goes with `sandbox_policy`.
    pub permission_profile: Option<PermissionProfile>,
    pub effort: Option<Option<ReasoningEffort>>,
    pub summary: Option<ReasoningSummary>,
    pub personality: Option<Personality>,
    /// `Some(None)` goes back to the provider's default.
    pub service_tier: Option<Option<ServiceTier>>,
    pub mode: Option<CollaborationMode>,
}

/// A turn as a client asks for it.
#[derive(Debug, Clone, Default)]
pub struct TurnRequest {
    pub input: Vec<UserInput>,
    pub overrides: TurnOverrides,
    /// JSON Schema of the final message, for this turn only.
    pub output_schema: Option<Value>,
    /// Sent along with the turn's model requests.
    pub client_metadata: Vec<(String, String)>,
    /// Where the turn works, if not in the thread's working directory: in the first one. Nowhere if there is none; the
    /// agent then has no tools for commands and files.
    pub environments: Option<Vec<TurnEnvironment>>,
}

/// A place for a turn to work in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnEnvironment {
    pub id: String,
    pub cwd: AbsPath,
}

impl TurnEnvironment {
    /// The machine the server runs on, which is the only one there is.
    const LOCAL: &str = "local";
}

impl TurnRequest {
    /// The id of an environment that there is not.
    pub(crate) fn unknown_environment(&self) -> Option<&str> {
        let mut ids = self.environments.iter().flatten().map(|environment| environment.id.as_str());
        ids.find(|id| *id != TurnEnvironment::LOCAL)
    }
}

/// How much of an output tools tell.
pub(crate) fn output_limit(model: &ModelInfo) -> tools::Truncation {
    match model.truncation {
        Truncation::Bytes(bytes) => tools::Truncation::Bytes(bytes),
        Truncation::Tokens(tokens) => tools::Truncation::Tokens(tokens),
    }
}
