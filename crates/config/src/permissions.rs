//! Sandbox policies from the configuration, and the same rules spelled out as a permission profile.

use types::policy::FileSystemPermissions;
use types::{
    AbsPath, FileSystemAccess, FileSystemEntry, FileSystemPath, PermissionProfile, ReadAccess, SandboxMode,
    SandboxPolicy, SpecialPath,
};

use crate::load::PROJECT_FOLDER;
use crate::settings::Config;
use crate::trust::git_dir_of_pointer;

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
                let mut writable_roots = details.writable_roots.clone();
                if !writable_roots.contains(&memories) {
                    writable_roots.push(memories);
                }
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

fn path(path: AbsPath, access: FileSystemAccess) -> FileSystemEntry {
    entry(FileSystemPath::Path(path), access)
}

/// The permission profile that says the same as `policy` for a thread in `cwd`. `None` for an external sandbox: nothing
/// is known about it.
///
/// Looks at the disk: what writable folders hold of `.git`, `.agents` and `.codex` stays read-only, and so does the
/// folder that a `.git` file points to. The working directory's `.codex` is protected before it exists.
#[must_use]
pub fn permission_profile_of(policy: &SandboxPolicy, cwd: &AbsPath) -> Option<PermissionProfile> {
    use FileSystemAccess::{Read, Write};
    let mut entries = Vec::new();
    match policy {
        SandboxPolicy::ExternalSandbox { .. } => return None,
        SandboxPolicy::DangerFullAccess => entries.push(special(SpecialPath::Root, Write)),
        SandboxPolicy::ReadOnly { access, .. } => {
            if *access != ReadAccess::Full {
                entries.push(special(SpecialPath::CurrentWorkingDirectory, Read));
            }
            push_reads(access, &mut entries);
        }
        SandboxPolicy::WorkspaceWrite {
            writable_roots,
            read_only_access,
            exclude_tmpdir_env_var,
            exclude_slash_tmp,
            ..
        } => {
            push_reads(read_only_access, &mut entries);
            entries.push(special(SpecialPath::CurrentWorkingDirectory, Write));
            if !exclude_slash_tmp {
                entries.push(special(SpecialPath::SlashTmp, Write));
            }
            if !exclude_tmpdir_env_var {
                entries.push(special(SpecialPath::Tmpdir, Write));
            }
            entries.extend(writable_roots.iter().map(|root| path(root.clone(), Write)));
            push_protected(cwd, &mut entries);
            for root in writable_roots {
                push_protected_of_root(root, &mut entries);
            }
        }
    }
    Some(PermissionProfile {
        network_enabled: Some(policy.network_access()),
        file_system: Some(FileSystemPermissions { entries, glob_scan_max_depth: None }),
    })
}

fn push_reads(access: &ReadAccess, entries: &mut Vec<FileSystemEntry>) {
    use FileSystemAccess::Read;
    match access {
        ReadAccess::Full => entries.push(special(SpecialPath::Root, Read)),
        ReadAccess::Restricted { include_platform_defaults, readable_roots } => {
            if *include_platform_defaults {
                entries.push(special(SpecialPath::Minimal, Read));
            }
            entries.extend(readable_roots.iter().map(|root| path(root.clone(), Read)));
        }
    }
}

fn push_protected(cwd: &AbsPath, entries: &mut Vec<FileSystemEntry>) {
    push_protected_of_root(cwd, entries);
    push_new(cwd.join(PROJECT_FOLDER), entries);
}

fn push_protected_of_root(root: &AbsPath, entries: &mut Vec<FileSystemEntry>) {
    let dot_git = root.join(".git");
    if let Some(target) = git_dir_of_pointer(&dot_git) {
        push_new(target, entries);
    }
    for protected in [dot_git, root.join(".agents"), root.join(PROJECT_FOLDER)] {
        if protected.exists() {
            push_new(protected, entries);
        }
    }
}

fn push_new(protected: AbsPath, entries: &mut Vec<FileSystemEntry>) {
    let entry = path(protected, FileSystemAccess::Read);
    if !entries.contains(&entry) {
        entries.push(entry);
    }
}

/// Why a permission profile has no sandbox policy that says the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    #[error(
        "permissions profile requests filesystem writes outside the workspace root, which no sandbox policy allows"
    )]
    WritesOutsideWorkspace,
}

/// The closest sandbox policy for a thread in `cwd`, for clients that only know policies. The profile stays what is
/// enforced: a policy cannot say that something inside a readable or writable folder is forbidden.
///
/// # Errors
/// [`ProfileError`] when the profile allows writing somewhere without allowing it in `cwd`.
pub fn policy_of(profile: &PermissionProfile, cwd: &AbsPath) -> Result<SandboxPolicy, ProfileError> {
    let network_access = profile.network_enabled.unwrap_or(false);
    let mut allowed = Allowed::default();
    for entry in profile.file_system.iter().flat_map(|file_system| &file_system.entries) {
        allowed.add(entry, cwd);
    }
    let Allowed { root, forbids, minimal, workspace, tmpdir, slash_tmp, readable_roots, writable_roots } = allowed;
    if root == Some(FileSystemAccess::Write) && !forbids {
        // Files are free; without network only the outside of the server can enforce that.
        return Ok(match network_access {
            true => SandboxPolicy::DangerFullAccess,
            false => SandboxPolicy::ExternalSandbox { network_access: false },
        });
    }
    let access = if root.is_some() && !forbids {
        ReadAccess::Full
    } else {
        let top = root.map(|_| AbsPath::new("/").expect("the root is absolute"));
        let readable_roots = top.into_iter().chain(readable_roots).collect();
        ReadAccess::Restricted { include_platform_defaults: minimal, readable_roots }
    };
    if workspace {
        return Ok(SandboxPolicy::WorkspaceWrite {
            writable_roots,
            read_only_access: access,
            network_access,
            exclude_tmpdir_env_var: !tmpdir,
            exclude_slash_tmp: !slash_tmp,
        });
    }
    if tmpdir || slash_tmp || root == Some(FileSystemAccess::Write) || !writable_roots.is_empty() {
        return Err(ProfileError::WritesOutsideWorkspace);
    }
    Ok(SandboxPolicy::ReadOnly { access, network_access })
}

/// A profile's entries, sorted by what a policy can say.
#[derive(Default)]
struct Allowed {
    /// Read or write for the whole disk.
    root: Option<FileSystemAccess>,
    /// Something is forbidden explicitly.
    forbids: bool,
    minimal: bool,
    /// The working directory may be written.
    workspace: bool,
    tmpdir: bool,
    slash_tmp: bool,
    readable_roots: Vec<AbsPath>,
    writable_roots: Vec<AbsPath>,
}

impl Allowed {
    fn add(&mut self, entry: &FileSystemEntry, cwd: &AbsPath) {
        let write = match entry.access {
            FileSystemAccess::None => {
                // Forbidding everything is where a profile starts from.
                self.forbids |= entry.path != FileSystemPath::Special(SpecialPath::Root);
                return;
            }
            FileSystemAccess::Read => false,
            FileSystemAccess::Write => true,
        };
        match &entry.path {
            FileSystemPath::Path(path) => self.add_path(path.clone(), write, cwd),
            FileSystemPath::Special(special) => match special {
                SpecialPath::Root if write || self.root.is_none() => self.root = Some(entry.access),
                SpecialPath::Root | SpecialPath::Unknown { .. } => {}
                SpecialPath::Minimal => self.minimal = true,
                SpecialPath::CurrentWorkingDirectory => self.add_path(cwd.clone(), write, cwd),
                SpecialPath::ProjectRoots { subpath } => {
                    let path = subpath.as_ref().map_or_else(|| cwd.clone(), |subpath| cwd.join(subpath));
                    self.add_path(path, write, cwd);
                }
                SpecialPath::Tmpdir => self.tmpdir |= write,
                SpecialPath::SlashTmp => self.slash_tmp |= write,
            },
            // Patterns can only forbid.
            FileSystemPath::GlobPattern(_) => {}
        }
    }

    fn add_path(&mut self, path: AbsPath, write: bool, cwd: &AbsPath) {
        match write {
            true if path == *cwd => self.workspace = true,
            true => self.writable_roots.push(path),
            false => self.readable_roots.push(path),
        }
    }
}

impl Config {
    /// What a thread in `cwd` runs with when it is started with a permission profile: the profile, and the policy that
    /// clients are shown. A workspace that may be written brings the memories folder with it.
    ///
    /// # Errors
    /// As [`policy_of`].
    pub fn adopt_profile(
        &self,
        mut profile: PermissionProfile,
        cwd: &AbsPath,
    ) -> Result<(SandboxPolicy, PermissionProfile), ProfileError> {
        let mut policy = policy_of(&profile, cwd)?;
        if let SandboxPolicy::WorkspaceWrite { writable_roots, .. } = &mut policy {
            let memories = self.home.join(MEMORIES_FOLDER);
            if !writable_roots.contains(&memories) {
                writable_roots.push(memories.clone());
                let file_system = profile.file_system.get_or_insert_default();
                file_system.entries.push(path(memories, FileSystemAccess::Write));
            }
        }
        profile.network_enabled.get_or_insert(false);
        Ok((policy, profile))
    }
}
