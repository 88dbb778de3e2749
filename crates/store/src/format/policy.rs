//! Policies inside a turn's settings: when the user is asked, what commands may touch.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, ApprovalPolicy, FileSystemAccess, FileSystemEntry, FileSystemPath, GranularApproval, PermissionProfile,
    ReadAccess, SandboxPolicy, SpecialPath,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Approval {
    Untrusted,
    OnFailure,
    OnRequest,
    Never,
    Granular(Granular),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Granular {
    sandbox_approval: bool,
    rules: bool,
    #[serde(default)]
    skill_approval: bool,
    #[serde(default)]
    request_permissions: bool,
    mcp_elicitations: bool,
}

impl Approval {
    pub(super) fn new(policy: &ApprovalPolicy) -> Self {
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

    pub(super) fn into_policy(self) -> ApprovalPolicy {
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
pub(super) enum Policy<'a> {
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
pub(super) enum Network {
    #[default]
    Restricted,
    Enabled,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Reads<'a> {
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

    pub(super) fn new(access: &'a ReadAccess) -> Self {
        match access {
            ReadAccess::Full => Self::FullAccess,
            ReadAccess::Restricted { include_platform_defaults, readable_roots } => Self::Restricted {
                include_platform_defaults: *include_platform_defaults,
                readable_roots: paths_out(readable_roots),
            },
        }
    }

    pub(super) fn into_access(self) -> ReadAccess {
        match self {
            Self::FullAccess => ReadAccess::Full,
            Self::Restricted { include_platform_defaults, readable_roots } => {
                ReadAccess::Restricted { include_platform_defaults, readable_roots: paths_in(&readable_roots) }
            }
        }
    }
}

impl<'a> Policy<'a> {
    pub(super) fn new(policy: &'a SandboxPolicy) -> Self {
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

    pub(super) fn into_policy(self) -> Option<SandboxPolicy> {
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
pub(super) struct Profile<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<ProfileNetwork>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    file_system: Option<FileSystem<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProfileNetwork {
    #[serde(default)]
    enabled: Option<bool>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FileSystem<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    glob_scan_max_depth: Option<usize>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow)]
    path: EntryPath<'a>,
    #[serde(borrow)]
    access: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum EntryPath<'a> {
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
pub(super) enum Special<'a> {
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
    pub(super) fn new(profile: &'a PermissionProfile) -> Self {
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
    pub(super) fn into_profile(self) -> Option<PermissionProfile> {
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
    pub(super) fn into_entry(self) -> Option<FileSystemEntry> {
        Some(FileSystemEntry { path: self.path.into_path()?, access: FileSystemAccess::parse(&self.access)? })
    }
}

impl<'a> EntryPath<'a> {
    pub(super) fn new(path: &'a FileSystemPath) -> Self {
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

    pub(super) fn into_path(self) -> Option<FileSystemPath> {
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
