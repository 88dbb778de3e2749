//! Sandbox policies from the configuration, and the same rules spelled out as a permission profile.

use types::policy::FileSystemPermissions;
use types::{
    AbsPath, FileSystemAccess, FileSystemEntry, FileSystemPath, PermissionProfile, ReadAccess, SandboxMode,
    SandboxPolicy, SpecialPath,
};

use crate::load::PROJECT_FOLDER;
use crate::settings::Config;

/// Folder below the home that `workspace-write` may always write.
pub const MEMORIES_FOLDER: &str = "memories";

impl Config {
    /// The policy for a mode, with the details of `[sandbox_workspace_write]`.
    #[must_use]
    pub fn sandbox_policy(&self, mode: SandboxMode) -> SandboxPolicy {
        match mode {
            SandboxMode::ReadOnly => SandboxPolicy::read_only(),
            SandboxMode::DangerFullAccess => SandboxPolicy::DangerFullAccess,
            SandboxMode::WorkspaceWrite => {
                let details = &self.sandbox_workspace_write;
                let memories = self.home.join(MEMORIES_FOLDER);
                let mut writable_roots = vec![memories.clone()];
                writable_roots.extend(details.writable_roots.iter().filter(|root| **root != memories).cloned());
                SandboxPolicy::WorkspaceWrite {
                    writable_roots,
                    read_only_access: ReadAccess::Full,
                    network_access: details.network_access,
                    exclude_tmpdir_env_var: details.exclude_tmpdir_env_var,
                    exclude_slash_tmp: details.exclude_slash_tmp,
                }
            }
        }
    }
}

fn entry(path: FileSystemPath, access: FileSystemAccess) -> FileSystemEntry {
    FileSystemEntry { path, access }
}

fn special(path: SpecialPath, access: FileSystemAccess) -> FileSystemEntry {
    entry(FileSystemPath::Special(path), access)
}

/// The permission profile that says the same as `policy` for a thread in `cwd`. `None` for an external sandbox: nothing
/// is known about it.
///
/// `exists` tells whether a path is there: what is already in a writable root's `.git`, for one, stays read-only.
#[must_use]
pub fn permission_profile_of(
    policy: &SandboxPolicy,
    cwd: &AbsPath,
    exists: &dyn Fn(&AbsPath) -> bool,
) -> Option<PermissionProfile> {
    use FileSystemAccess::{Read, Write};
    let mut entries = Vec::new();
    let reads = |access: &ReadAccess, entries: &mut Vec<FileSystemEntry>| match access {
        ReadAccess::Full => entries.push(special(SpecialPath::Root, Read)),
        ReadAccess::Restricted { include_platform_defaults, readable_roots } => {
            if *include_platform_defaults {
                entries.push(special(SpecialPath::Minimal, Read));
            }
            entries.extend(readable_roots.iter().map(|root| entry(FileSystemPath::Path(root.clone()), Read)));
        }
    };
    match policy {
        SandboxPolicy::ExternalSandbox { .. } => return None,
        SandboxPolicy::DangerFullAccess => entries.push(special(SpecialPath::Root, Write)),
        SandboxPolicy::ReadOnly { access, .. } => reads(access, &mut entries),
        SandboxPolicy::WorkspaceWrite {
            writable_roots,
            read_only_access,
            exclude_tmpdir_env_var,
            exclude_slash_tmp,
            ..
        } => {
            reads(read_only_access, &mut entries);
            entries.push(special(SpecialPath::CurrentWorkingDirectory, Write));
            if !exclude_slash_tmp {
                entries.push(special(SpecialPath::SlashTmp, Write));
            }
            if !exclude_tmpdir_env_var {
                entries.push(special(SpecialPath::Tmpdir, Write));
            }
            entries.extend(writable_roots.iter().map(|root| entry(FileSystemPath::Path(root.clone()), Write)));
            let protected = |path: AbsPath| entry(FileSystemPath::Path(path), Read);
            for root in std::iter::once(cwd).chain(writable_roots) {
                for name in [".git", ".agents", PROJECT_FOLDER] {
                    let path = root.join(name);
                    // The project's own configuration is protected before it exists.
                    if exists(&path) || (root == cwd && name == PROJECT_FOLDER) {
                        entries.push(protected(path));
                    }
                }
            }
        }
    }
    Some(PermissionProfile {
        network_enabled: Some(policy.network_access()),
        file_system: Some(FileSystemPermissions { entries, glob_scan_max_depth: None }),
    })
}

/// Why a permission profile has no sandbox policy that says the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    #[error("permissions profile requests filesystem writes outside the workspace root, which is not supported")]
    WritesOutsideWorkspace,
}

/// The closest sandbox policy for a thread in `cwd`: everything it forbids, the profile forbids too, as far as a policy
/// can say it.
///
/// # Errors
/// [`ProfileError`] when the profile allows writing where no policy can.
pub fn policy_of(profile: &PermissionProfile, cwd: &AbsPath) -> Result<SandboxPolicy, ProfileError> {
    let network_access = profile.network_enabled.unwrap_or(false);
    let none = Vec::new();
    let entries = profile.file_system.as_ref().map_or(&none, |file_system| &file_system.entries);
    let mut reads_all = false;
    let mut writes_all = false;
    let mut platform = false;
    let (mut cwd_writable, mut tmpdir, mut slash_tmp) = (false, false, false);
    let (mut readable_roots, mut writable_roots) = (Vec::new(), Vec::new());
    for FileSystemEntry { path, access } in entries {
        let write = *access == FileSystemAccess::Write;
        if *access == FileSystemAccess::None {
            continue;
        }
        match path {
            FileSystemPath::Special(SpecialPath::Root) => {
                reads_all = true;
                writes_all |= write;
            }
            FileSystemPath::Special(SpecialPath::Minimal) => platform = true,
            FileSystemPath::Special(SpecialPath::CurrentWorkingDirectory) if write => cwd_writable = true,
            FileSystemPath::Special(SpecialPath::CurrentWorkingDirectory) => readable_roots.push(cwd.clone()),
            FileSystemPath::Special(SpecialPath::ProjectRoots { subpath }) => {
                let path = subpath.as_ref().map_or_else(|| cwd.clone(), |subpath| cwd.join(subpath));
                match (write, path == *cwd) {
                    (true, true) => cwd_writable = true,
                    (true, false) => writable_roots.push(path),
                    (false, _) => readable_roots.push(path),
                }
            }
            FileSystemPath::Special(SpecialPath::Tmpdir) if write => tmpdir = true,
            FileSystemPath::Special(SpecialPath::SlashTmp) if write => slash_tmp = true,
            FileSystemPath::Special(SpecialPath::Tmpdir | SpecialPath::SlashTmp | SpecialPath::Unknown { .. })
            | FileSystemPath::GlobPattern(_) => {}
            FileSystemPath::Path(path) if write && path == cwd => cwd_writable = true,
            FileSystemPath::Path(path) if write => writable_roots.push(path.clone()),
            FileSystemPath::Path(path) => readable_roots.push(path.clone()),
        }
    }
    let access = if reads_all {
        ReadAccess::Full
    } else {
        ReadAccess::Restricted { include_platform_defaults: platform, readable_roots }
    };
    if writes_all {
        return Ok(if network_access {
            SandboxPolicy::DangerFullAccess
        } else {
            SandboxPolicy::ExternalSandbox { network_access: false }
        });
    }
    if cwd_writable {
        return Ok(SandboxPolicy::WorkspaceWrite {
            writable_roots,
            read_only_access: access,
            network_access,
            exclude_tmpdir_env_var: !tmpdir,
            exclude_slash_tmp: !slash_tmp,
        });
    }
    if tmpdir || slash_tmp || !writable_roots.is_empty() {
        return Err(ProfileError::WritesOutsideWorkspace);
    }
    Ok(SandboxPolicy::ReadOnly { access, network_access })
}
