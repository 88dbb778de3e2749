//! From the engine to the client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::ThreadStatus;
use protocol::AbsolutePathBuf;
use types::item::PlanStep;
use types::{
    AbsPath, ApprovalPolicy, CollaborationMode, FileSystemEntry, FileSystemPath, GitFacts, PermissionProfile,
    RateLimits, ReadAccess, ReasoningEffort, SandboxPolicy, SessionSource, SpecialPath, SubAgentSource, TokenUsage,
    TokenUsageTotals,
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
