//! From the engine to the client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::ThreadStatus;
use protocol::AbsolutePathBuf;
use types::item::{
    CallStatus, CollabAgentState, CommandAction, CommandExecution, DynamicToolCall, DynamicToolContent, FileChange,
    FileChangeKind, HookPromptFragment, McpToolCall, MemoryCitation, PlanStep, TextElement, WebSearchAction,
};
use types::{
    AbsPath, ApprovalPolicy, CollaborationMode, FileSystemEntry, FileSystemPath, GitFacts, Item, PermissionProfile,
    RateLimits, ReadAccess, ReasoningEffort, SandboxPolicy, SessionSource, SpecialPath, SubAgentSource, TokenUsage,
    TokenUsageTotals, Turn, TurnError, TurnErrorKind, UserInput,
};

use super::ToWire;

/// An absolute path on the wire.
pub(crate) fn abs(path: &AbsPath) -> AbsolutePathBuf {
    AbsolutePathBuf::new(path.as_path()).expect("an AbsPath is absolute")
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whole seconds since 1970.
pub(crate) fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}

impl ToWire for ThreadStatus {
    type Wire = protocol::ThreadStatus;

    fn to_wire(&self) -> Self::Wire {
        match self {
            Self::Idle => protocol::ThreadStatus::Idle,
            Self::SystemError => protocol::ThreadStatus::SystemError,
            Self::Active { waiting_on_approval, waiting_on_user_input } => {
                let mut active_flags = Vec::new();
                if *waiting_on_approval {
                    active_flags.push(protocol::ThreadActiveFlag::WaitingOnApproval);
                }
                if *waiting_on_user_input {
                    active_flags.push(protocol::ThreadActiveFlag::WaitingOnUserInput);
                }
                protocol::ThreadStatus::Active { active_flags }
            }
        }
    }
}

impl ToWire for Turn {
    type Wire = protocol::Turn;

    fn to_wire(&self) -> Self::Wire {
        protocol::Turn {
            id: self.id.to_string(),
            items: self.items.to_wire(),
            status: self.status.to_wire(),
            error: self.error.to_wire(),
            started_at: self.started_at,
            completed_at: self.completed_at,
            duration_ms: self.duration.map(millis),
        }
    }
}

impl ToWire for TurnError {
    type Wire = protocol::TurnError;

    fn to_wire(&self) -> Self::Wire {
        protocol::TurnError {
            message: self.message.clone(),
            codex_error_info: self.kind.to_wire(),
            additional_details: self.details.clone(),
        }
    }
}

impl ToWire for TurnErrorKind {
    type Wire = protocol::CodexErrorInfo;

    fn to_wire(&self) -> Self::Wire {
        use protocol::CodexErrorInfo as Wire;
        match self {
            Self::ContextWindowExceeded => Wire::ContextWindowExceeded,
            Self::UsageLimitExceeded => Wire::UsageLimitExceeded,
            Self::ServerOverloaded => Wire::ServerOverloaded,
            Self::CyberPolicy => Wire::CyberPolicy,
            Self::HttpConnectionFailed { status } => Wire::HttpConnectionFailed { http_status_code: *status },
            Self::ResponseStreamConnectionFailed { status } => {
                Wire::ResponseStreamConnectionFailed { http_status_code: *status }
            }
            Self::InternalServerError => Wire::InternalServerError,
            Self::Unauthorized => Wire::Unauthorized,
            Self::BadRequest => Wire::BadRequest,
            Self::ThreadRollbackFailed => Wire::ThreadRollbackFailed,
            Self::SandboxError => Wire::SandboxError,
            Self::ResponseStreamDisconnected { status } => {
                Wire::ResponseStreamDisconnected { http_status_code: *status }
            }
            Self::ResponseTooManyFailedAttempts { status } => {
                Wire::ResponseTooManyFailedAttempts { http_status_code: *status }
            }
            Self::ActiveTurnNotSteerable { turn_kind } => {
                Wire::ActiveTurnNotSteerable { turn_kind: turn_kind.to_wire() }
            }
            Self::Other => Wire::Other,
        }
    }
}

impl ToWire for UserInput {
    type Wire = protocol::UserInput;

    fn to_wire(&self) -> Self::Wire {
        match self {
            Self::Text { text, elements } => {
                protocol::UserInput::Text { text: text.clone(), text_elements: elements.to_wire() }
            }
            Self::Image { url } => protocol::UserInput::Image { url: url.clone() },
            Self::LocalImage { path } => protocol::UserInput::LocalImage { path: path.clone() },
            Self::Skill { name, path } => protocol::UserInput::Skill { name: name.clone(), path: path.clone() },
            Self::Mention { name, path } => protocol::UserInput::Mention { name: name.clone(), path: path.clone() },
        }
    }
}

impl ToWire for TextElement {
    type Wire = protocol::TextElement;

    fn to_wire(&self) -> Self::Wire {
        protocol::TextElement {
            byte_range: protocol::ByteRange { start: self.start, end: self.end },
            placeholder: self.placeholder.clone(),
        }
    }
}

impl ToWire for Item {
    type Wire = protocol::ThreadItem;

    fn to_wire(&self) -> Self::Wire {
        use protocol::ThreadItem as Wire;
        match self {
            Self::UserMessage { id, content } => Wire::UserMessage { id: id.to_string(), content: content.to_wire() },
            Self::HookPrompt { id, fragments } => {
                Wire::HookPrompt { id: id.to_string(), fragments: fragments.to_wire() }
            }
            Self::AgentMessage { id, text, phase, memory_citation } => Wire::AgentMessage {
                id: id.to_string(),
                text: text.clone(),
                phase: phase.to_wire(),
                memory_citation: memory_citation.to_wire(),
            },
            Self::Plan { id, text } => Wire::Plan { id: id.to_string(), text: text.clone() },
            Self::Reasoning { id, summary, content } => {
                Wire::Reasoning { id: id.to_string(), summary: summary.clone(), content: content.clone() }
            }
            Self::CommandExecution(item) => item.to_wire(),
            Self::FileChange { id, changes, status } => {
                Wire::FileChange { id: id.to_string(), changes: changes.to_wire(), status: status.to_wire() }
            }
            Self::McpToolCall(item) => item.to_wire(),
            Self::DynamicToolCall(item) => item.to_wire(),
            Self::CollabAgentToolCall(item) => Wire::CollabAgentToolCall {
                id: item.id.to_string(),
                tool: item.tool.to_wire(),
                status: match item.status {
                    CallStatus::InProgress => protocol::CollabAgentToolCallStatus::InProgress,
                    CallStatus::Completed => protocol::CollabAgentToolCallStatus::Completed,
                    CallStatus::Failed => protocol::CollabAgentToolCallStatus::Failed,
                },
                sender_thread_id: item.sender.to_string(),
                receiver_thread_ids: item.receivers.iter().map(ToString::to_string).collect(),
                prompt: item.prompt.clone(),
                model: item.model.clone(),
                reasoning_effort: item.reasoning_effort.to_wire(),
                agents_states: item.agents.iter().map(|(id, state)| (id.clone(), state.to_wire())).collect(),
            },
            Self::WebSearch { id, query, action } => {
                Wire::WebSearch { id: id.to_string(), query: query.clone(), action: action.to_wire() }
            }
            Self::ImageView { id, path } => Wire::ImageView { id: id.to_string(), path: abs(path) },
            Self::ImageGeneration { id, status, revised_prompt, result, saved_path } => Wire::ImageGeneration {
                id: id.to_string(),
                status: status.clone(),
                revised_prompt: revised_prompt.clone(),
                result: result.clone(),
                saved_path: saved_path.as_ref().map(abs),
            },
            Self::EnteredReviewMode { id, review } => {
                Wire::EnteredReviewMode { id: id.to_string(), review: review.clone() }
            }
            Self::ExitedReviewMode { id, review } => {
                Wire::ExitedReviewMode { id: id.to_string(), review: review.clone() }
            }
            Self::ContextCompaction { id } => Wire::ContextCompaction { id: id.to_string() },
        }
    }
}

impl ToWire for HookPromptFragment {
    type Wire = protocol::HookPromptFragment;

    fn to_wire(&self) -> Self::Wire {
        protocol::HookPromptFragment { text: self.text.clone(), hook_run_id: self.hook_run_id.clone() }
    }
}

impl ToWire for MemoryCitation {
    type Wire = protocol::MemoryCitation;

    fn to_wire(&self) -> Self::Wire {
        protocol::MemoryCitation {
            entries: self
                .entries
                .iter()
                .map(|entry| protocol::MemoryCitationEntry {
                    path: entry.path.clone(),
                    line_start: entry.line_start,
                    line_end: entry.line_end,
                    note: entry.note.clone(),
                })
                .collect(),
            thread_ids: self.thread_ids.clone(),
        }
    }
}

impl ToWire for CommandExecution {
    type Wire = protocol::ThreadItem;

    fn to_wire(&self) -> Self::Wire {
        protocol::ThreadItem::CommandExecution {
            id: self.id.to_string(),
            command: self.command.clone(),
            cwd: abs(&self.cwd),
            process_id: self.process_id.clone(),
            source: self.source.to_wire(),
            status: self.status.to_wire(),
            command_actions: self.actions.to_wire(),
            aggregated_output: self.aggregated_output.clone(),
            exit_code: self.exit_code,
            duration_ms: self.duration.map(millis),
        }
    }
}

impl ToWire for CommandAction {
    type Wire = protocol::CommandAction;

    fn to_wire(&self) -> Self::Wire {
        use protocol::CommandAction as Wire;
        match self.clone() {
            Self::Read { command, name, path } => Wire::Read { command, name, path: abs(&path) },
            Self::ListFiles { command, path } => Wire::ListFiles { command, path },
            Self::Search { command, query, path } => Wire::Search { command, query, path },
            Self::Unknown { command } => Wire::Unknown { command },
        }
    }
}

impl ToWire for FileChange {
    type Wire = protocol::FileUpdateChange;

    fn to_wire(&self) -> Self::Wire {
        let kind = match &self.kind {
            FileChangeKind::Add => protocol::PatchChangeKind::Add,
            FileChangeKind::Delete => protocol::PatchChangeKind::Delete,
            FileChangeKind::Update { move_path } => protocol::PatchChangeKind::Update { move_path: move_path.clone() },
        };
        protocol::FileUpdateChange { path: self.path.clone(), kind, diff: self.diff.clone() }
    }
}

impl ToWire for McpToolCall {
    type Wire = protocol::ThreadItem;

    fn to_wire(&self) -> Self::Wire {
        protocol::ThreadItem::McpToolCall {
            id: self.id.to_string(),
            server: self.server.clone(),
            tool: self.tool.clone(),
            status: match self.status {
                CallStatus::InProgress => protocol::McpToolCallStatus::InProgress,
                CallStatus::Completed => protocol::McpToolCallStatus::Completed,
                CallStatus::Failed => protocol::McpToolCallStatus::Failed,
            },
            arguments: self.arguments.clone(),
            mcp_app_resource_uri: self.app_resource_uri.clone(),
            result: self.result.as_ref().map(|result| protocol::McpToolCallResult {
                content: result.content.clone(),
                structured_content: result.structured_content.clone(),
                meta: result.meta.clone(),
            }),
            error: self.error.clone().map(|message| protocol::McpToolCallError { message }),
            duration_ms: self.duration.map(millis),
        }
    }
}

impl ToWire for DynamicToolCall {
    type Wire = protocol::ThreadItem;

    fn to_wire(&self) -> Self::Wire {
        protocol::ThreadItem::DynamicToolCall {
            id: self.id.to_string(),
            namespace: self.namespace.clone(),
            tool: self.tool.clone(),
            arguments: self.arguments.clone(),
            status: match self.status {
                CallStatus::InProgress => protocol::DynamicToolCallStatus::InProgress,
                CallStatus::Completed => protocol::DynamicToolCallStatus::Completed,
                CallStatus::Failed => protocol::DynamicToolCallStatus::Failed,
            },
            content_items: self.content.to_wire(),
            success: self.success,
            duration_ms: self.duration.map(millis),
        }
    }
}

impl ToWire for DynamicToolContent {
    type Wire = protocol::DynamicToolCallOutputContentItem;

    fn to_wire(&self) -> Self::Wire {
        use protocol::DynamicToolCallOutputContentItem as Wire;
        match self.clone() {
            Self::Text(text) => Wire::InputText { text },
            Self::Image { url } => Wire::InputImage { image_url: url },
        }
    }
}

impl ToWire for CollabAgentState {
    type Wire = protocol::CollabAgentState;

    fn to_wire(&self) -> Self::Wire {
        protocol::CollabAgentState { status: self.status.to_wire(), message: self.message.clone() }
    }
}

impl ToWire for WebSearchAction {
    type Wire = protocol::WebSearchAction;

    fn to_wire(&self) -> Self::Wire {
        use protocol::WebSearchAction as Wire;
        match self.clone() {
            Self::Search { query, queries } => Wire::Search { query, queries },
            Self::OpenPage { url } => Wire::OpenPage { url },
            Self::FindInPage { url, pattern } => Wire::FindInPage { url, pattern },
            Self::Other => Wire::Other,
        }
    }
}

impl ToWire for PlanStep {
    type Wire = protocol::TurnPlanStep;

    fn to_wire(&self) -> Self::Wire {
        protocol::TurnPlanStep { step: self.step.clone(), status: self.status.to_wire() }
    }
}

impl ToWire for TokenUsage {
    type Wire = protocol::TokenUsageBreakdown;

    fn to_wire(&self) -> Self::Wire {
        protocol::TokenUsageBreakdown {
            total_tokens: self.total_tokens,
            input_tokens: self.input_tokens,
            cached_input_tokens: self.cached_input_tokens,
            output_tokens: self.output_tokens,
            reasoning_output_tokens: self.reasoning_output_tokens,
        }
    }
}

impl ToWire for TokenUsageTotals {
    type Wire = protocol::ThreadTokenUsage;

    fn to_wire(&self) -> Self::Wire {
        protocol::ThreadTokenUsage {
            total: self.total.to_wire(),
            last: self.last.to_wire(),
            model_context_window: self.model_context_window,
        }
    }
}

impl ToWire for RateLimits {
    type Wire = protocol::RateLimitSnapshot;

    fn to_wire(&self) -> Self::Wire {
        let window = |window: &types::RateLimitWindow| protocol::RateLimitWindow {
            used_percent: percent(window.used_percent),
            window_duration_mins: window.window_minutes,
            resets_at: window.resets_at,
        };
        protocol::RateLimitSnapshot {
            limit_id: self.limit_id.clone(),
            limit_name: self.limit_name.clone(),
            primary: self.primary.as_ref().map(window),
            secondary: self.secondary.as_ref().map(window),
            credits: self.credits.as_ref().map(|credits| protocol::CreditsSnapshot {
                has_credits: credits.has_credits,
                unlimited: credits.unlimited,
                balance: credits.balance.clone(),
            }),
            plan_type: self.plan_type.as_deref().and_then(by_name),
            rate_limit_reached_type: self.reached_type.as_deref().and_then(by_name),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to 0..=100 before")]
fn percent(used: f64) -> i32 {
    used.round().clamp(0.0, 100.0) as i32
}

/// The value of a wire enum that is spelled `name`.
fn by_name<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(name.into()).ok()
}

impl ToWire for ApprovalPolicy {
    type Wire = protocol::AskForApproval;

    fn to_wire(&self) -> Self::Wire {
        use protocol::AskForApproval as Wire;
        match self {
            Self::UnlessTrusted => Wire::Untrusted,
            Self::OnFailure => Wire::OnFailure,
            Self::OnRequest => Wire::OnRequest,
            Self::Granular(granular) => Wire::Granular {
                sandbox_approval: granular.sandbox_approval,
                rules: granular.rules,
                skill_approval: granular.skill_approval,
                request_permissions: granular.request_permissions,
                mcp_elicitations: granular.mcp_elicitations,
            },
            Self::Never => Wire::Never,
        }
    }
}

impl ToWire for ReadAccess {
    type Wire = protocol::ReadOnlyAccess;

    fn to_wire(&self) -> Self::Wire {
        match self {
            Self::Full => protocol::ReadOnlyAccess::FullAccess,
            Self::Restricted { include_platform_defaults, readable_roots } => protocol::ReadOnlyAccess::Restricted {
                include_platform_defaults: *include_platform_defaults,
                readable_roots: readable_roots.iter().map(abs).collect(),
            },
        }
    }
}

impl ToWire for SandboxPolicy {
    type Wire = protocol::SandboxPolicy;

    fn to_wire(&self) -> Self::Wire {
        use protocol::SandboxPolicy as Wire;
        match self {
            Self::DangerFullAccess => Wire::DangerFullAccess,
            Self::ReadOnly { access, network_access } => {
                Wire::ReadOnly { access: access.to_wire(), network_access: *network_access }
            }
            Self::ExternalSandbox { network_access } => Wire::ExternalSandbox {
                network_access: if *network_access {
                    protocol::NetworkAccess::Enabled
                } else {
                    protocol::NetworkAccess::Restricted
                },
            },
            Self::WorkspaceWrite {
                writable_roots,
                read_only_access,
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            } => Wire::WorkspaceWrite {
                writable_roots: writable_roots.iter().map(abs).collect(),
                read_only_access: read_only_access.to_wire(),
                network_access: *network_access,
                exclude_tmpdir_env_var: *exclude_tmpdir_env_var,
                exclude_slash_tmp: *exclude_slash_tmp,
            },
        }
    }
}

impl ToWire for PermissionProfile {
    type Wire = protocol::PermissionProfile;

    fn to_wire(&self) -> Self::Wire {
        protocol::PermissionProfile {
            network: self
                .network_enabled
                .map(|enabled| protocol::PermissionProfileNetworkPermissions { enabled: Some(enabled) }),
            file_system: self.file_system.as_ref().map(|files| protocol::PermissionProfileFileSystemPermissions {
                entries: files.entries.to_wire(),
                glob_scan_max_depth: files.glob_scan_max_depth.and_then(std::num::NonZeroUsize::new),
            }),
        }
    }
}

impl ToWire for FileSystemEntry {
    type Wire = protocol::FileSystemSandboxEntry;

    fn to_wire(&self) -> Self::Wire {
        use protocol::{FileSystemPath as Path, FileSystemSpecialPath as Special};
        let path = match &self.path {
            FileSystemPath::Path(path) => Path::Path { path: abs(path) },
            FileSystemPath::GlobPattern(pattern) => Path::GlobPattern { pattern: pattern.clone() },
            FileSystemPath::Special(special) => Path::Special {
                value: match special.clone() {
                    SpecialPath::Root => Special::Root,
                    SpecialPath::Minimal => Special::Minimal,
                    SpecialPath::CurrentWorkingDirectory => Special::CurrentWorkingDirectory,
                    SpecialPath::ProjectRoots { subpath } => Special::ProjectRoots { subpath },
                    SpecialPath::Tmpdir => Special::Tmpdir,
                    SpecialPath::SlashTmp => Special::SlashTmp,
                    SpecialPath::Unknown { path, subpath } => Special::Unknown { path, subpath },
                },
            },
        };
        protocol::FileSystemSandboxEntry { path, access: self.access.to_wire() }
    }
}

impl ToWire for SessionSource {
    type Wire = protocol::SessionSource;

    fn to_wire(&self) -> Self::Wire {
        use protocol::SessionSource as Wire;
        match self {
            Self::Cli => Wire::Cli,
            Self::VsCode => Wire::Vscode,
            Self::Exec => Wire::Exec,
            Self::AppServer => Wire::AppServer,
            Self::Custom(name) => Wire::Custom(name.clone()),
            Self::SubAgent(source) => Wire::SubAgent(source.to_wire()),
            Self::Unknown => Wire::Unknown,
        }
    }
}

impl ToWire for SubAgentSource {
    type Wire = protocol::SubAgentSource;

    fn to_wire(&self) -> Self::Wire {
        use protocol::SubAgentSource as Wire;
        match self {
            Self::Review => Wire::Review,
            Self::Compact => Wire::Compact,
            Self::ThreadSpawn { parent_thread_id, depth, agent_path, agent_nickname, agent_role } => {
                Wire::ThreadSpawn {
                    parent_thread_id: protocol::ThreadId(parent_thread_id.to_string()),
                    depth: *depth,
                    agent_path: agent_path.clone().map(protocol::AgentPath),
                    agent_nickname: agent_nickname.clone(),
                    agent_role: agent_role.clone(),
                }
            }
            Self::MemoryConsolidation => Wire::MemoryConsolidation,
            Self::Other(name) => Wire::Other(name.clone()),
        }
    }
}

impl ToWire for ReasoningEffort {
    type Wire = protocol::ReasoningEffort;

    fn to_wire(&self) -> Self::Wire {
        use protocol::ReasoningEffort as Wire;
        match self {
            Self::None => Wire::None,
            Self::Minimal => Wire::Minimal,
            Self::Low => Wire::Low,
            Self::Medium => Wire::Medium,
            Self::High => Wire::High,
            Self::XHigh => Wire::Xhigh,
        }
    }
}

impl ToWire for GitFacts {
    type Wire = protocol::GitInfo;

    fn to_wire(&self) -> Self::Wire {
        protocol::GitInfo { sha: self.sha.clone(), branch: self.branch.clone(), origin_url: self.origin_url.clone() }
    }
}

impl ToWire for CollaborationMode {
    type Wire = protocol::CollaborationMode;

    fn to_wire(&self) -> Self::Wire {
        protocol::CollaborationMode {
            mode: self.kind.to_wire(),
            settings: protocol::Settings {
                model: self.model.clone(),
                reasoning_effort: self.reasoning_effort.to_wire(),
                developer_instructions: self.developer_instructions.clone(),
            },
        }
    }
}
