//! Sandbox rules: a policy or permission profile resolved to paths of this machine.

mod glob;
mod layout;

use std::path::{Component, Path, PathBuf};

use types::policy::FileSystemPermissions;
use types::{AbsPath, FileSystemAccess, FileSystemPath, PermissionProfile, ReadAccess, SandboxPolicy, SpecialPath};

use crate::command::Sandbox;
use glob::Glob;
pub(crate) use glob::name_matches;
pub(crate) use layout::{Layout, Place, PlaceKind};

/// Names directly inside a writable folder that stay read-only, whether they exist or not: what is written there acts
/// later and elsewhere, through hooks, configuration and instructions.
pub const PROTECTED_NAMES: [&str; 3] = [".git", ".codex", ".agents"];

/// Where programs of the platform keep what they need to start.
const PLATFORM_PATHS: [&str; 15] = [
    "/bin",
    "/dev",
    "/etc",
    // Often a link to a generated file elsewhere.
    "/etc/resolv.conf",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt",
    "/proc",
    "/run/current-system/sw",
    "/sbin",
    "/sys",
    "/usr",
];

/// What a sandboxed process may touch: for each path the longest matching entry decides, and of equals the later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    entries: Vec<Entry>,
    denied: Vec<Glob>,
    glob_scan_max_depth: Option<usize>,
    network: bool,
}

/// What may be done with a path and all below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    None,
    Read,
    Write,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Symbolic links resolved, as far as the path exists.
    path: PathBuf,
    /// As it was written, when that differs.
    alias: Option<PathBuf>,
    access: Access,
    kind: Kind,
}

/// Why an entry is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The policy says so. The protected names inside are added.
    Stated,
    /// A folder for temporary files: everybody may create anything there anyway, so only what exists is protected.
    Temporary,
    /// A protected name inside a writable folder.
    Protected,
}

/// Folders whose place depends on the surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `$TMPDIR`.
    pub tmpdir: Option<AbsPath>,
    /// The folder with accounts and configuration; read-only inside writable folders.
    pub codex_home: AbsPath,
}

/// Why a permission profile cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A special path of a kind this version does not know is to be denied.
    #[error("unknown special path `{0}` cannot be denied")]
    UnknownSpecialPath(String),
    /// A glob pattern that cannot be read.
    #[error("invalid glob pattern `{0}`")]
    InvalidGlob(String),
    /// A subpath of the project roots that leaves them.
    #[error("subpath `{0}` leads out of the project roots")]
    Subpath(String),
}

impl Rules {
    /// The sandbox of an everyday policy for a command that runs in `cwd`. Resolves symbolic links of the paths named.
    #[must_use]
    pub fn from_policy(policy: &SandboxPolicy, cwd: &AbsPath, places: &Places) -> Sandbox {
        let mut builder = Builder::default();
        match policy {
            SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => return Sandbox::None,
            SandboxPolicy::ReadOnly { access, network_access: _ } => builder.read(access),
            SandboxPolicy::WorkspaceWrite {
                writable_roots,
                read_only_access,
                network_access: _,
                exclude_tmpdir_env_var,
                exclude_slash_tmp,
            } => {
                builder.read(read_only_access);
                if !exclude_slash_tmp {
                    builder.add(Path::new("/tmp"), Access::Write, Kind::Temporary);
                }
                if let Some(tmpdir) = places.tmpdir.as_ref().filter(|_| !exclude_tmpdir_env_var) {
                    builder.add(tmpdir, Access::Write, Kind::Temporary);
                }
                for root in writable_roots {
                    builder.add(root, Access::Write, Kind::Stated);
                }
                builder.add(cwd, Access::Write, Kind::Stated);
            }
        }
        Sandbox::Restricted(builder.finish(places, policy.network_access()))
    }

    /// The sandbox of a permission profile for a command that runs in `cwd`.
    ///
    /// A profile without a file-system half grants no file access at all. Nor does an entry that would grant by a glob
    /// pattern, or a special path of an unknown kind: what cannot be understood gives less, never more.
    ///
    /// # Errors
    /// [`RulesError`] for entries that deny and cannot be enforced.
    pub fn from_profile(profile: &PermissionProfile, cwd: &AbsPath, places: &Places) -> Result<Sandbox, RulesError> {
        let network = profile.network_enabled.unwrap_or(false);
        let mut builder = Builder::default();
        let none = FileSystemPermissions::default();
        let files = profile.file_system.as_ref().unwrap_or(&none);
        for entry in &files.entries {
            builder.profile_entry(&entry.path, entry.access, cwd, places)?;
        }
        builder.glob_scan_max_depth = files.glob_scan_max_depth;
        let everything = matches!(builder.entries.as_slice(), [only] if only.is_root() && only.access == Access::Write);
        if everything && network && builder.denied.is_empty() {
            return Ok(Sandbox::None);
        }
        Ok(Sandbox::Restricted(builder.finish(places, network)))
    }

    /// These rules and what `more` grants beside them. Nothing is taken away: an entry of `more` that denies is passed
    /// over, and what these rules deny stays denied unless `more` names exactly that path.
    ///
    /// # Errors
    /// [`RulesError::Subpath`].
    pub fn widened(&self, more: &PermissionProfile, cwd: &AbsPath, places: &Places) -> Result<Self, RulesError> {
        let mut granted = Builder::default();
        let entries = more.file_system.iter().flat_map(|files| &files.entries);
        for entry in entries.filter(|entry| entry.access != FileSystemAccess::None) {
            granted.profile_entry(&entry.path, entry.access, cwd, places)?;
        }
        let (writes, reads): (Vec<_>, Vec<_>) =
            granted.entries.into_iter().partition(|entry| entry.access == Access::Write);
        let mut builder = Builder {
            entries: self.entries.iter().filter(|entry| entry.kind != Kind::Protected).cloned().collect(),
            denied: self.denied.clone(),
            glob_scan_max_depth: self.glob_scan_max_depth,
        };
        // An entry to read would take the right to write away from what is below it.
        let readable = |read: &Entry| {
            self.access_of(&read.path) >= Access::Read || writes.iter().any(|write| read.path.starts_with(&write.path))
        };
        builder.entries.extend(reads.into_iter().filter(|read| !readable(read)));
        builder.entries.extend(writes.into_iter().filter(|write| self.access_of(&write.path) < Access::Write));
        Ok(builder.finish(places, self.network || more.network_enabled == Some(true)))
    }

    /// Whether network connections may be opened.
    #[must_use]
    pub fn network(&self) -> bool {
        self.network
    }

    /// Whether a file at `path` may be written or created. Follows symbolic links as far as the path exists.
    #[must_use]
    pub fn writable(&self, path: &AbsPath) -> bool {
        self.access(path) == Access::Write
    }

    /// Whether `path` may be read. Follows symbolic links as far as the path exists.
    #[must_use]
    pub fn readable(&self, path: &AbsPath) -> bool {
        self.access(path) >= Access::Read
    }

    /// The same for a path that is known to hold no symbolic links.
    pub(crate) fn writable_as_it_is(&self, path: &Path) -> bool {
        self.access_of(path) == Access::Write
    }

    fn access(&self, path: &Path) -> Access {
        let real = resolve(path);
        // A protected name that is itself a link counts under both its paths.
        let access = self.access_of(&real);
        match path.parent().zip(path.file_name()).map(|(parent, name)| resolve(parent).join(name)) {
            Some(entry) => access.min(self.access_of(&entry)),
            None => access,
        }
    }

    /// By the entries alone; `path` is resolved.
    fn access_of(&self, path: &Path) -> Access {
        if self.denied.iter().any(|glob| path.ancestors().any(|ancestor| glob.matches(ancestor))) {
            return Access::None;
        }
        let matching = self.entries.iter().filter(|entry| path.starts_with(&entry.path));
        // `max_by_key` gives the last of equals.
        matching.max_by_key(|entry| entry.path.components().count()).map_or(Access::None, |entry| entry.access)
    }
}

impl Entry {
    fn is_root(&self) -> bool {
        self.path == Path::new("/")
    }
}

#[derive(Default)]
struct Builder {
    entries: Vec<Entry>,
    denied: Vec<Glob>,
    glob_scan_max_depth: Option<usize>,
}

impl Builder {
    fn add(&mut self, path: &Path, access: Access, kind: Kind) {
        let real = resolve(path);
        let alias = (real != path).then(|| path.to_owned());
        self.entries.push(Entry { path: real, alias, access, kind });
    }

    fn read(&mut self, access: &ReadAccess) {
        match access {
            ReadAccess::Full => self.add(Path::new("/"), Access::Read, Kind::Stated),
            ReadAccess::Restricted { include_platform_defaults, readable_roots } => {
                if *include_platform_defaults {
                    self.minimal(Access::Read);
                }
                for root in readable_roots {
                    self.add(root, Access::Read, Kind::Stated);
                }
            }
        }
    }

    fn minimal(&mut self, access: Access) {
        for path in PLATFORM_PATHS.map(Path::new).into_iter().filter(|path| path.exists()) {
            self.add(path, access, Kind::Stated);
        }
    }

    fn profile_entry(
        &mut self,
        path: &FileSystemPath,
        access: FileSystemAccess,
        cwd: &AbsPath,
        places: &Places,
    ) -> Result<(), RulesError> {
        let access = match access {
            FileSystemAccess::Read => Access::Read,
            FileSystemAccess::Write => Access::Write,
            FileSystemAccess::None => Access::None,
        };
        match path {
            FileSystemPath::Path(path) => self.add(path, access, Kind::Stated),
            FileSystemPath::GlobPattern(pattern) if access == Access::None => {
                let glob = Glob::new(pattern, cwd).ok_or_else(|| RulesError::InvalidGlob(pattern.clone()))?;
                self.denied.push(glob);
            }
            // Which files it means would change while the command runs.
            FileSystemPath::GlobPattern(_) => {}
            FileSystemPath::Special(special) => self.special_entry(special, access, cwd, places)?,
        }
        Ok(())
    }

    fn special_entry(
        &mut self,
        special: &SpecialPath,
        access: Access,
        cwd: &AbsPath,
        places: &Places,
    ) -> Result<(), RulesError> {
        match special {
            SpecialPath::Root => self.add(Path::new("/"), access, Kind::Stated),
            SpecialPath::Minimal => self.minimal(access),
            SpecialPath::CurrentWorkingDirectory | SpecialPath::ProjectRoots { subpath: None } => {
                self.add(cwd, access, Kind::Stated);
            }
            SpecialPath::ProjectRoots { subpath: Some(subpath) } => {
                let within = Path::new(subpath);
                if !within.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
                    return Err(RulesError::Subpath(subpath.clone()));
                }
                self.add(&cwd.join(within), access, Kind::Stated);
            }
            SpecialPath::Tmpdir => {
                if let Some(tmpdir) = &places.tmpdir {
                    self.add(tmpdir, access, Kind::Temporary);
                }
            }
            SpecialPath::SlashTmp => self.add(Path::new("/tmp"), access, Kind::Temporary),
            SpecialPath::Unknown { path, .. } if access == Access::None => {
                return Err(RulesError::UnknownSpecialPath(path.clone()));
            }
            SpecialPath::Unknown { .. } => {}
        }
        Ok(())
    }

    /// Adds what is protected inside the writable folders. These come first, so that an entry of the policy about
    /// exactly the same path wins.
    fn finish(mut self, places: &Places, network: bool) -> Rules {
        let mut protected = Vec::new();
        let mut protect = |path: PathBuf| {
            protected.push(Entry { path, alias: None, access: Access::Read, kind: Kind::Protected });
        };
        let roots = self.entries.iter().filter(|entry| entry.access == Access::Write && !entry.is_root());
        for root in roots.clone() {
            for name in PROTECTED_NAMES {
                let path = root.path.join(name);
                if root.kind == Kind::Stated || path.symlink_metadata().is_ok() {
                    protect(path.clone());
                }
                for elsewhere in led_to(&path) {
                    if roots.clone().any(|root| elsewhere.starts_with(&root.path)) {
                        protect(elsewhere);
                    }
                }
            }
        }
        let home = resolve(&places.codex_home);
        if roots.clone().any(|root| home.starts_with(&root.path) && home != root.path) {
            protect(home);
        }
        protected.append(&mut self.entries);
        Rules { entries: protected, denied: self.denied, glob_scan_max_depth: self.glob_scan_max_depth, network }
    }
}

/// Where a protected name leads: the target of a link, the folder a `.git` file points to, and the folder that one
/// shares with other work trees.
fn led_to(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(metadata) = path.symlink_metadata() else { return found };
    if metadata.is_symlink() {
        found.push(resolve(path));
    }
    if path.is_file()
        && let Ok(text) = read_start(path)
        && let Some(target) = text.strip_prefix("gitdir:")
    {
        let folder = resolve(&path.parent().unwrap_or(path).join(target.trim()));
        if let Ok(common) = read_start(&folder.join("commondir")) {
            found.push(resolve(&folder.join(common.trim())));
        }
        found.push(folder);
    }
    found
}

/// The first kilobytes of a small text file.
fn read_start(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(8 * 1024).read_to_string(&mut text)?;
    Ok(text)
}

/// The path without symbolic links, as far as it exists; the rest is appended as it is.
fn resolve(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolve(parent).join(name),
        // Ends in `..`, or is the root.
        (Some(parent), None) => resolve(parent).parent().unwrap_or(Path::new("/")).to_owned(),
        (None, _) => path.to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use types::policy::FileSystemEntry;

    use super::*;

    fn abs(path: impl AsRef<Path>) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    fn places() -> Places {
        Places { tmpdir: Some(abs("/nowhere/tmp")), codex_home: abs("/work/project/state") }
    }

    fn workspace_write(writable_roots: Vec<AbsPath>) -> SandboxPolicy {
        SandboxPolicy::WorkspaceWrite {
            writable_roots,
            read_only_access: ReadAccess::Full,
            network_access: false,
            exclude_tmpdir_env_var: false,
            exclude_slash_tmp: false,
        }
    }

    fn restricted(sandbox: Sandbox) -> Rules {
        match sandbox {
            Sandbox::Restricted(rules) => rules,
            Sandbox::None => panic!("not restricted"),
        }
    }

    fn profile(entries: Vec<(FileSystemPath, FileSystemAccess)>) -> Result<Sandbox, RulesError> {
        let entries = entries.into_iter().map(|(path, access)| FileSystemEntry { path, access }).collect();
        let file_system = Some(FileSystemPermissions { entries, glob_scan_max_depth: None });
        Rules::from_profile(&PermissionProfile { network_enabled: None, file_system }, &abs("/work/project"), &places())
    }

    #[test]
    fn a_workspace_is_writable_but_for_protected_names() {
        let policy = workspace_write(vec![abs("/other")]);
        let rules = restricted(Rules::from_policy(&policy, &abs("/work/project"), &places()));
        for path in ["/work/project", "/work/project/a/b", "/other/x", "/tmp/x", "/nowhere/tmp/x", "/tmp/.git"] {
            assert!(rules.writable(&abs(path)), "{path}");
        }
        for path in ["/work", "/work/project2", "/work/project/.git/config", "/work/project/.codex", "/other/.agents/x"]
        {
            assert!(!rules.writable(&abs(path)), "{path}");
            assert!(rules.readable(&abs(path)), "{path}");
        }
        assert!(rules.writable(&abs("/work/project/sub/.codex")), "only directly inside the root");
        assert!(!rules.writable(&abs("/work/project/state/auth.json")), "accounts");
        assert!(!rules.network());
    }

    #[test]
    fn full_access_and_an_outer_sandbox_are_no_sandbox() {
        for policy in [SandboxPolicy::DangerFullAccess, SandboxPolicy::ExternalSandbox { network_access: false }] {
            let sandbox = Rules::from_policy(&policy, &abs("/"), &places());
            assert!(matches!(sandbox, Sandbox::None));
            assert!(sandbox.writable(&abs("/etc/passwd")));
        }
    }

    #[test]
    fn links_are_followed_before_it_is_decided() {
        let folder = tempfile::tempdir().unwrap();
        let root = abs(folder.path().canonicalize().unwrap());
        std::fs::create_dir(root.join("inside")).unwrap();
        std::fs::create_dir(root.join("outside")).unwrap();
        std::os::unix::fs::symlink(root.join("outside"), root.join("inside/link")).unwrap();
        std::os::unix::fs::symlink(root.join("inside"), root.join("alias")).unwrap();
        let policy = SandboxPolicy::WorkspaceWrite {
            writable_roots: vec![root.join("alias")],
            read_only_access: ReadAccess::Full,
            network_access: false,
            exclude_tmpdir_env_var: true,
            exclude_slash_tmp: true,
        };
        let rules = restricted(Rules::from_policy(&policy, &root.join("inside"), &places()));
        assert!(rules.writable(&root.join("alias/new")) && rules.writable(&root.join("inside/new/deep")));
        assert!(!rules.writable(&root.join("inside/link/new")));
    }

    #[test]
    fn the_longest_entry_decides_and_of_equals_the_later() {
        use FileSystemAccess::{None as No, Read, Write};
        let path = |path: &str| FileSystemPath::Path(abs(path));
        let rules = restricted(
            profile(vec![
                (path("/a/b/c"), Read),
                (FileSystemPath::Special(SpecialPath::Root), Read),
                (path("/a"), No),
                (path("/a/b"), Read),
                (path("/a/b"), Write),
                (path("/a/b/.git"), Write),
                (FileSystemPath::GlobPattern("/a/b/**/*.key".into()), No),
            ])
            .unwrap(),
        );
        let access = |path: &str| rules.access(Path::new(path));
        assert_eq!(access("/x"), Access::Read);
        assert_eq!(access("/a/x"), Access::None);
        assert_eq!(access("/a/b/x"), Access::Write);
        assert_eq!(access("/a/b/c/x"), Access::Read);
        assert_eq!(access("/a/b/.codex/x"), Access::Read);
        assert_eq!(access("/a/b/.git/x"), Access::Write, "the profile names exactly this path");
        assert_eq!(access("/a/b/deep/one.key"), Access::None);
    }

    #[test]
    fn what_is_granted_beside_widens_and_takes_nothing_away() {
        use FileSystemAccess::{None as No, Read, Write};
        let path = |path: &str| FileSystemPath::Path(abs(path));
        let entries = |entries: Vec<(FileSystemPath, FileSystemAccess)>| PermissionProfile {
            network_enabled: None,
            file_system: Some(FileSystemPermissions {
                entries: entries.into_iter().map(|(path, access)| FileSystemEntry { path, access }).collect(),
                glob_scan_max_depth: None,
            }),
        };
        let secret = FileSystemPath::GlobPattern("/data/**/*.key".into());
        let base = vec![(path("/work"), Write), (path("/data/closed"), No), (secret, No)];
        let base = restricted(profile(base).unwrap());
        let more = entries(vec![
            (path("/work/sub"), Read),
            (path("/data/x"), Read),
            (path("/data"), Write),
            (path("/other"), Read),
            (path("/work/.codex"), Write),
            (path("/other/denied"), No),
        ]);
        let rules = base.widened(&more, &abs("/work"), &places()).unwrap();
        let access = |path: &str| rules.access(Path::new(path));
        assert_eq!(access("/work/sub/a"), Access::Write, "a right to read takes no right to write");
        assert_eq!(access("/data/x/a"), Access::Write, "in whatever order they stand");
        assert_eq!(access("/data/closed/a"), Access::None);
        assert_eq!(access("/data/one.key"), Access::None);
        assert_eq!(access("/data/.git/config"), Access::Read, "protected as in any writable folder");
        assert_eq!(access("/work/.codex/x"), Access::Write, "named exactly");
        assert_eq!(access("/work/.git/x"), Access::Read);
        assert_eq!((access("/other/denied/x"), access("/elsewhere")), (Access::Read, Access::None));
        assert!(!rules.network());
        let online = PermissionProfile { network_enabled: Some(true), file_system: None };
        assert!(rules.widened(&online, &abs("/work"), &places()).unwrap().network());
    }

    #[test]
    fn what_is_not_understood_grants_nothing_and_denies_nothing_silently() {
        let unknown = || FileSystemPath::Special(SpecialPath::Unknown { path: "moon".into(), subpath: None });
        let rules = restricted(profile(vec![(unknown(), FileSystemAccess::Write)]).unwrap());
        assert!(!rules.readable(&abs("/moon")));
        assert!(profile(vec![(unknown(), FileSystemAccess::None)]).is_err());
        let broken = FileSystemPath::GlobPattern("/{a".into());
        assert!(profile(vec![(broken, FileSystemAccess::None)]).is_err());
        let out = FileSystemPath::Special(SpecialPath::ProjectRoots { subpath: Some("../..".into()) });
        assert!(profile(vec![(out, FileSystemAccess::Write)]).is_err());
    }
}
