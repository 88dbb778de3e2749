//! A turn's settings: `turn_context`, and the policies in it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, ApprovalPolicy, CollaborationMode, FileSystemAccess, FileSystemEntry, FileSystemPath, GranularApproval,
    ModeKind, PermissionProfile, Personality, ReadAccess, ReasoningEffort, ReasoningSummary, SandboxPolicy,
    SpecialPath,
};

use crate::record::{TruncationPolicy, TurnContextRecord};

#[derive(Serialize)]
pub(super) struct ContextOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    cwd: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_date: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    approval_policy: Approval,
    sandbox_policy: Policy<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_profile: Option<Profile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_system_sandbox_policy: Option<&'a Value>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    personality: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collaboration_mode: Option<Mode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    developer_instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_output_json_schema: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation_policy: Option<Truncation>,
}

impl<'a> ContextOut<'a> {
    pub(super) fn new(context: &'a TurnContextRecord) -> Self {
        Self {
            turn_id: context.turn_id.as_ref().map(types::TurnId::as_str),
            trace_id: context.trace_id.as_deref(),
            cwd: &context.cwd,
            current_date: context.current_date.as_deref(),
            timezone: context.timezone.as_deref(),
            approval_policy: Approval::new(&context.approval_policy),
            sandbox_policy: Policy::new(&context.sandbox_policy),
            permission_profile: context.permission_profile.as_ref().map(Profile::new),
            network: context.network.as_ref(),
            file_system_sandbox_policy: context.file_system_sandbox_policy.as_ref(),
            model: &context.model,
            personality: context.personality.map(Personality::as_str),
            collaboration_mode: context.collaboration_mode.as_ref().map(Mode::new),
            realtime_active: context.realtime_active,
            effort: context.effort.map(ReasoningEffort::as_str),
            summary: context.summary.as_str(),
            user_instructions: context.user_instructions.as_deref(),
            developer_instructions: context.developer_instructions.as_deref(),
            final_output_json_schema: context.final_output_json_schema.as_ref(),
            truncation_policy: context.truncation_policy.map(Truncation::new),
        }
    }
}

#[derive(Deserialize)]
struct ContextIn<'a> {
    #[serde(default)]
    turn_id: Option<String>,
    #[serde(default)]
    trace_id: Option<String>,
    cwd: PathBuf,
    #[serde(default)]
    current_date: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
    approval_policy: Approval,
    #[serde(borrow)]
    sandbox_policy: Policy<'a>,
    #[serde(default, borrow)]
    permission_profile: Option<Profile<'a>>,
    #[serde(default)]
    network: Option<Value>,
    #[serde(default)]
    file_system_sandbox_policy: Option<Value>,
    model: String,
    #[serde(default)]
    personality: Option<String>,
    #[serde(default, borrow)]
    collaboration_mode: Option<Mode<'a>>,
    #[serde(default)]
    realtime_active: Option<bool>,
    #[serde(default)]
    effort: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    user_instructions: Option<String>,
    #[serde(default)]
    developer_instructions: Option<String>,
    #[serde(default)]
    final_output_json_schema: Option<Value>,
    #[serde(default)]
    truncation_policy: Option<Truncation>,
}

/// Reads a payload; `None` when a member that every writer puts is missing or unknown. Names this version does not
/// know (a personality, an effort) are dropped rather than the line.
pub(super) fn read(payload: &str) -> Option<TurnContextRecord> {
    let context: ContextIn<'_> = serde_json::from_str(payload).ok()?;
    Some(TurnContextRecord {
        turn_id: context.turn_id.map(Into::into),
        trace_id: context.trace_id,
        cwd: AbsPath::new(context.cwd).ok()?,
        current_date: context.current_date,
        timezone: context.timezone,
        approval_policy: context.approval_policy.into_policy(),
        sandbox_policy: context.sandbox_policy.into_policy()?,
        permission_profile: context.permission_profile.and_then(Profile::into_profile),
        network: context.network,
        file_system_sandbox_policy: context.file_system_sandbox_policy,
        model: context.model,
        personality: context.personality.as_deref().and_then(Personality::parse),
        collaboration_mode: context.collaboration_mode.and_then(Mode::into_mode),
        realtime_active: context.realtime_active,
        effort: context.effort.as_deref().and_then(ReasoningEffort::parse),
        summary: context.summary.as_deref().and_then(ReasoningSummary::parse).unwrap_or(ReasoningSummary::Auto),
        user_instructions: context.user_instructions,
        developer_instructions: context.developer_instructions,
        final_output_json_schema: context.final_output_json_schema,
        truncation_policy: context.truncation_policy.map(Truncation::into_policy),
    })
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Approval {
    Untrusted,
    OnFailure,
    OnRequest,
    Never,
    Granular(Granular),
}

#[derive(Serialize, Deserialize)]
struct Granular {
    sandbox_approval: bool,
    rules: bool,
    #[serde(default)]
    skill_approval: bool,
    #[serde(default)]
    request_permissions: bool,
    mcp_elicitations: bool,
}

impl Approval {
    fn new(policy: &ApprovalPolicy) -> Self {
        match policy {
            ApprovalPolicy::UnlessTrusted => Self::Untrusted,
            ApprovalPolicy::OnFailure => Self::OnFailure,
            ApprovalPolicy::OnRequest => Self::OnRequest,
            ApprovalPolicy::Never => Self::Never,
            ApprovalPolicy::Granular(granular) => Self::Granular(Granular {
                sandbox_approval: granular.sandbox_approval,
                rules: granular.rules,
                skill_approval: granular.skill_approval,
                request_permissions: granular.request_permissions,
                mcp_elicitations: granular.mcp_elicitations,
            }),
        }
    }

    fn into_policy(self) -> ApprovalPolicy {
        match self {
            Self::Untrusted => ApprovalPolicy::UnlessTrusted,
            Self::OnFailure => ApprovalPolicy::OnFailure,
            Self::OnRequest => ApprovalPolicy::OnRequest,
            Self::Never => ApprovalPolicy::Never,
            Self::Granular(granular) => ApprovalPolicy::Granular(GranularApproval {
                sandbox_approval: granular.sandbox_approval,
                rules: granular.rules,
                skill_approval: granular.skill_approval,
                request_permissions: granular.request_permissions,
                mcp_elicitations: granular.mcp_elicitations,
            }),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Policy<'a> {
    DangerFullAccess,
    ReadOnly {
        #[serde(default, borrow, skip_serializing_if = "Reads::is_full")]
        access: Reads<'a>,
        #[serde(default, skip_serializing_if = "is_false")]
        network_access: bool,
    },
    ExternalSandbox {
        #[serde(default)]
        network_access: Network,
    },
    WorkspaceWrite {
        #[serde(default, borrow, skip_serializing_if = "<[_]>::is_empty")]
        writable_roots: Cow<'a, [Cow<'a, Path>]>,
        #[serde(default, borrow, skip_serializing_if = "Reads::is_full")]
        read_only_access: Reads<'a>,
        #[serde(default)]
        network_access: bool,
        #[serde(default)]
        exclude_tmpdir_env_var: bool,
        #[serde(default)]
        exclude_slash_tmp: bool,
    },
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Network {
    #[default]
    Restricted,
    Enabled,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Reads<'a> {
    #[default]
    FullAccess,
    Restricted {
        #[serde(default)]
        include_platform_defaults: bool,
        #[serde(default, borrow, skip_serializing_if = "<[_]>::is_empty")]
        readable_roots: Cow<'a, [Cow<'a, Path>]>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn paths_out(paths: &[AbsPath]) -> Cow<'_, [Cow<'_, Path>]> {
    paths.iter().map(|path| Cow::Borrowed(path.as_path())).collect()
}

fn paths_in(paths: &[Cow<'_, Path>]) -> Vec<AbsPath> {
    paths.iter().filter_map(|path| AbsPath::new(path).ok()).collect()
}

impl<'a> Reads<'a> {
    fn is_full(&self) -> bool {
        matches!(self, Self::FullAccess)
    }

    fn new(access: &'a ReadAccess) -> Self {
        match access {
            ReadAccess::Full => Self::FullAccess,
            ReadAccess::Restricted { include_platform_defaults, readable_roots } => Self::Restricted {
                include_platform_defaults: *include_platform_defaults,
                readable_roots: paths_out(readable_roots),
            },
        }
    }

    fn into_access(self) -> ReadAccess {
        match self {
            Self::FullAccess => ReadAccess::Full,
            Self::Restricted { include_platform_defaults, readable_roots } => {
                ReadAccess::Restricted { include_platform_defaults, readable_roots: paths_in(&readable_roots) }
            }
        }
    }
}

impl<'a> Policy<'a> {
    fn new(policy: &'a SandboxPolicy) -> Self {
        match policy {
            SandboxPolicy::DangerFullAccess => Self::DangerFullAccess,
            SandboxPolicy::ReadOnly { access, network_access } => {
                Self::ReadOnly { access: Reads::new(access), network_access: *network_access }
            }
            SandboxPolicy::ExternalSandbox { network_access } => Self::ExternalSandbox {
                network_access: if *network_access { Network::Enabled } else { Network::Restricted },
            },
            SandboxPolicy::WorkspaceWrite {
                writable_roots,
                read_only_access,
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            } => Self::WorkspaceWrite {
                writable_roots: paths_out(writable_roots),
                read_only_access: Reads::new(read_only_access),
                network_access: *network_access,
                exclude_tmpdir_env_var: *exclude_tmpdir_env_var,
                exclude_slash_tmp: *exclude_slash_tmp,
            },
        }
    }

    fn into_policy(self) -> Option<SandboxPolicy> {
        Some(match self {
            Self::DangerFullAccess => SandboxPolicy::DangerFullAccess,
            Self::ReadOnly { access, network_access } => {
                SandboxPolicy::ReadOnly { access: access.into_access(), network_access }
            }
            Self::ExternalSandbox { network_access } => {
                SandboxPolicy::ExternalSandbox { network_access: matches!(network_access, Network::Enabled) }
            }
            Self::WorkspaceWrite {
                writable_roots,
                read_only_access,
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            } => SandboxPolicy::WorkspaceWrite {
                writable_roots: paths_in(&writable_roots),
                read_only_access: read_only_access.into_access(),
                network_access,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            },
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Profile<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<ProfileNetwork>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    file_system: Option<FileSystem<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ProfileNetwork {
    #[serde(default)]
    enabled: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct FileSystem<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    glob_scan_max_depth: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    path: EntryPath<'a>,
    #[serde(borrow)]
    access: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum EntryPath<'a> {
    Path {
        #[serde(borrow)]
        path: Cow<'a, Path>,
    },
    GlobPattern {
        #[serde(borrow)]
        pattern: Cow<'a, str>,
    },
    Special {
        #[serde(borrow)]
        value: Special<'a>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Special<'a> {
    Root,
    Minimal,
    CurrentWorkingDirectory,
    ProjectRoots {
        #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
        subpath: Option<Cow<'a, str>>,
    },
    Tmpdir,
    SlashTmp,
    Unknown {
        #[serde(borrow)]
        path: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
        subpath: Option<Cow<'a, str>>,
    },
}

impl<'a> Profile<'a> {
    fn new(profile: &'a PermissionProfile) -> Self {
        Self {
            network: profile.network_enabled.map(|enabled| ProfileNetwork { enabled: Some(enabled) }),
            file_system: profile.file_system.as_ref().map(|files| FileSystem {
                entries: files
                    .entries
                    .iter()
                    .map(|entry| Entry { path: EntryPath::new(&entry.path), access: entry.access.as_str().into() })
                    .collect(),
                glob_scan_max_depth: files.glob_scan_max_depth,
            }),
        }
    }

    /// `None` when an entry is of a kind this version does not know: a profile with a rule less would allow more.
    fn into_profile(self) -> Option<PermissionProfile> {
        let file_system = match self.file_system {
            None => None,
            Some(files) => Some(FileSystemPermissions {
                entries: files.entries.into_iter().map(Entry::into_entry).collect::<Option<_>>()?,
                glob_scan_max_depth: files.glob_scan_max_depth,
            }),
        };
        Some(PermissionProfile { network_enabled: self.network.and_then(|network| network.enabled), file_system })
    }
}

impl Entry<'_> {
    fn into_entry(self) -> Option<FileSystemEntry> {
        Some(FileSystemEntry { path: self.path.into_path()?, access: FileSystemAccess::parse(&self.access)? })
    }
}

impl<'a> EntryPath<'a> {
    fn new(path: &'a FileSystemPath) -> Self {
        match path {
            FileSystemPath::Path(path) => Self::Path { path: path.as_path().into() },
            FileSystemPath::GlobPattern(pattern) => Self::GlobPattern { pattern: pattern.into() },
            FileSystemPath::Special(special) => Self::Special {
                value: match special {
                    SpecialPath::Root => Special::Root,
                    SpecialPath::Minimal => Special::Minimal,
                    SpecialPath::CurrentWorkingDirectory => Special::CurrentWorkingDirectory,
                    SpecialPath::ProjectRoots { subpath } => {
                        Special::ProjectRoots { subpath: subpath.as_deref().map(Cow::Borrowed) }
                    }
                    SpecialPath::Tmpdir => Special::Tmpdir,
                    SpecialPath::SlashTmp => Special::SlashTmp,
                    SpecialPath::Unknown { path, subpath } => {
                        Special::Unknown { path: path.into(), subpath: subpath.as_deref().map(Cow::Borrowed) }
                    }
                },
            },
        }
    }

    fn into_path(self) -> Option<FileSystemPath> {
        Some(match self {
            Self::Path { path } => FileSystemPath::Path(AbsPath::new(path).ok()?),
            Self::GlobPattern { pattern } => FileSystemPath::GlobPattern(pattern.into_owned()),
            Self::Special { value } => FileSystemPath::Special(match value {
                Special::Root => SpecialPath::Root,
                Special::Minimal => SpecialPath::Minimal,
                Special::CurrentWorkingDirectory => SpecialPath::CurrentWorkingDirectory,
                Special::ProjectRoots { subpath } => {
                    SpecialPath::ProjectRoots { subpath: subpath.map(Cow::into_owned) }
                }
                Special::Tmpdir => SpecialPath::Tmpdir,
                Special::SlashTmp => SpecialPath::SlashTmp,
                Special::Unknown { path, subpath } => {
                    SpecialPath::Unknown { path: path.into_owned(), subpath: subpath.map(Cow::into_owned) }
                }
            }),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Mode<'a> {
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow)]
    settings: ModeSettings<'a>,
}

#[derive(Serialize, Deserialize)]
struct ModeSettings<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(default, borrow)]
    reasoning_effort: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    developer_instructions: Option<Cow<'a, str>>,
}

impl<'a> Mode<'a> {
    fn new(mode: &'a CollaborationMode) -> Self {
        Self {
            mode: mode.kind.as_str().into(),
            settings: ModeSettings {
                model: mode.model.as_str().into(),
                reasoning_effort: mode.reasoning_effort.map(|effort| effort.as_str().into()),
                developer_instructions: mode.developer_instructions.as_deref().map(Cow::Borrowed),
            },
        }
    }

    fn into_mode(self) -> Option<CollaborationMode> {
        Some(CollaborationMode {
            kind: ModeKind::parse(&self.mode)?,
            model: self.settings.model.into_owned(),
            reasoning_effort: self.settings.reasoning_effort.as_deref().and_then(ReasoningEffort::parse),
            developer_instructions: self.settings.developer_instructions.map(Cow::into_owned),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "mode", content = "limit", rename_all = "snake_case")]
enum Truncation {
    Bytes(u64),
    Tokens(u64),
}

impl Truncation {
    fn new(policy: TruncationPolicy) -> Self {
        match policy {
            TruncationPolicy::Bytes(limit) => Self::Bytes(limit),
            TruncationPolicy::Tokens(limit) => Self::Tokens(limit),
        }
    }

    fn into_policy(self) -> TruncationPolicy {
        match self {
            Self::Bytes(limit) => TruncationPolicy::Bytes(limit),
            Self::Tokens(limit) => TruncationPolicy::Tokens(limit),
        }
    }
}
