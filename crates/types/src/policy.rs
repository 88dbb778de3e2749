//! Approval and sandbox policies.

use std::fmt;

use crate::AbsPath;
use crate::settings::named;

/// When the user is asked before the agent acts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ApprovalPolicy {
    /// Only commands known to be harmless run unasked (`untrusted`).
    UnlessTrusted,
    /// Everything runs in the sandbox; a failure there may be retried outside after asking (`on-failure`).
    OnFailure,
    /// The agent decides when to ask (`on-request`).
    #[default]
    OnRequest,
    /// As on-request, with each kind of question switched on or off.
    Granular(GranularApproval),
    /// Nobody is asked; what is not allowed fails.
    Never,
}

impl ApprovalPolicy {
    /// The name in configuration files, requests and prompts.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::UnlessTrusted => "untrusted",
            Self::OnFailure => "on-failure",
            Self::OnRequest => "on-request",
            Self::Granular(_) => "granular",
            Self::Never => "never",
        }
    }
}

/// Which kinds of question may reach the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GranularApproval {
    pub sandbox_approval: bool,
    pub rules: bool,
    pub skill_approval: bool,
    pub request_permissions: bool,
    pub mcp_elicitations: bool,
}

named! {
    /// Who answers approval requests.
    ApprovalsReviewer {
        User = "user",
        AutoReview = "auto_review",
        GuardianSubagent = "guardian_subagent",
    }
}

named! {
    /// The three everyday sandboxes, as configuration and command line name them.
    SandboxMode {
        ReadOnly = "read-only",
        WorkspaceWrite = "workspace-write",
        DangerFullAccess = "danger-full-access",
    }
}

/// What commands of a turn may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SandboxPolicy {
    DangerFullAccess,
    ReadOnly {
        access: ReadAccess,
        network_access: bool,
    },
    /// The client promises that the whole server runs in a sandbox of its own.
    ExternalSandbox {
        network_access: bool,
    },
    /// Reads as `read_only_access` says; writes in the working directory, `writable_roots` and the temporary folders.
    WorkspaceWrite {
        writable_roots: Vec<AbsPath>,
        read_only_access: ReadAccess,
        network_access: bool,
        exclude_tmpdir_env_var: bool,
        exclude_slash_tmp: bool,
    },
}

impl SandboxPolicy {
    /// Reads anywhere, writes nowhere, no network.
    #[must_use]
    pub fn read_only() -> Self {
        Self::ReadOnly { access: ReadAccess::Full, network_access: false }
    }

    /// Whether commands may open network connections.
    #[must_use]
    pub fn network_access(&self) -> bool {
        match self {
            Self::DangerFullAccess => true,
            Self::ReadOnly { network_access, .. }
            | Self::ExternalSandbox { network_access }
            | Self::WorkspaceWrite { network_access, .. } => *network_access,
        }
    }

    /// The everyday name of this policy.
    #[must_use]
    pub fn mode(&self) -> SandboxMode {
        match self {
            Self::DangerFullAccess | Self::ExternalSandbox { .. } => SandboxMode::DangerFullAccess,
            Self::ReadOnly { .. } => SandboxMode::ReadOnly,
            Self::WorkspaceWrite { .. } => SandboxMode::WorkspaceWrite,
        }
    }
}

/// What may be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReadAccess {
    #[default]
    Full,
    Restricted {
        /// Also what programs of the platform need to start (`/usr`, `/lib`, …).
        include_platform_defaults: bool,
        readable_roots: Vec<AbsPath>,
    },
}

/// Permissions in full: the network, and a list of paths where a later, more specific entry wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PermissionProfile {
    pub network_enabled: Option<bool>,
    pub file_system: Option<FileSystemPermissions>,
}

/// The file-system half of a [`PermissionProfile`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct FileSystemPermissions {
    pub entries: Vec<FileSystemEntry>,
    /// How deep glob patterns look for matches.
    pub glob_scan_max_depth: Option<usize>,
}

/// One rule of a permission profile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileSystemEntry {
    pub path: FileSystemPath,
    pub access: FileSystemAccess,
}

named! {
    /// What an entry allows.
    FileSystemAccess { Read = "read", Write = "write", None = "none" }
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FileSystemPath {
    Path(AbsPath),
    GlobPattern(String),
    Special(SpecialPath),
}

/// Places whose path is known only when a command runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SpecialPath {
    Root,
    /// What programs of the platform need to start.
    Minimal,
    CurrentWorkingDirectory,
    ProjectRoots {
        subpath: Option<String>,
    },
    /// `$TMPDIR`.
    Tmpdir,
    SlashTmp,
    /// A kind this version does not know; kept so that it can be shown again.
    Unknown {
        path: String,
        subpath: Option<String>,
    },
}

impl fmt::Display for FileSystemPath {
    /// In words, for people and models.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let special = match self {
            Self::Path(path) => return write!(f, "{path}"),
            Self::GlobPattern(pattern) => return f.write_str(pattern),
            Self::Special(special) => special,
        };
        match special {
            SpecialPath::Root => f.write_str("/"),
            SpecialPath::Minimal => f.write_str("what programs of the platform need to start"),
            SpecialPath::CurrentWorkingDirectory => f.write_str("the working directory"),
            SpecialPath::ProjectRoots { subpath: None } => f.write_str("the project's folders"),
            SpecialPath::ProjectRoots { subpath: Some(subpath) } => write!(f, "{subpath} in the project's folders"),
            SpecialPath::Tmpdir => f.write_str("$TMPDIR"),
            SpecialPath::SlashTmp => f.write_str("/tmp"),
            SpecialPath::Unknown { path, subpath: None } => write!(f, "{path}"),
            SpecialPath::Unknown { path, subpath: Some(subpath) } => write!(f, "{subpath} in {path}"),
        }
    }
}
