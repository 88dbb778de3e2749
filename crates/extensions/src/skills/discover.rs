//! Finding skills on disk.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use config::stamp::Stamp;
use config::{SkillSelector, SkillSwitch};
use types::AbsPath;

use super::front_matter;
use super::metadata;
use super::{Found, Scope, Skill, SkillError};
use crate::agents_md::project_folders;

/// Where an administrator usually puts skills.
pub const ADMIN_FOLDER: &str = "/etc/codex/skills";
pub(super) const FILE_NAME: &str = "SKILL.md";
/// Folders deeper below a root are not searched.
const MAX_DEPTH: usize = 6;
/// Folders searched below one root.
const MAX_FOLDERS: usize = 2000;

/// Where skills may be, and which of them are on.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    /// The server's home folder.
    pub home: &'a AbsPath,
    /// The user's own home folder.
    pub user_home: Option<&'a AbsPath>,
    /// `None`: no project's skills.
    pub cwd: Option<&'a AbsPath>,
    pub root_markers: &'a [String],
    /// The administrator's folder, usually [`ADMIN_FOLDER`].
    pub admin: &'a AbsPath,
    /// More folders with the user's skills.
    pub extra: &'a [AbsPath],
    pub config: &'a config::settings::Skills,
}

impl Places<'_> {
    /// The folders to search, in order.
    pub(super) fn roots(&self) -> Vec<(AbsPath, Scope)> {
        let own = self.home.join("skills");
        let agents = self.user_home.map(|user_home| user_home.join(".agents/skills"));
        let mut roots = Vec::new();
        for folder in self.cwd.map(|cwd| project_folders(cwd, self.root_markers)).unwrap_or_default() {
            for name in [".codex/skills", ".agents/skills"] {
                let root = folder.join(name);
                // Working in the user's home does not make the user's skills a project's.
                if root != own && Some(&root) != agents.as_ref() {
                    roots.push((root, Scope::Repo));
                }
            }
        }
        roots.push((own, Scope::User));
        roots.extend(agents.map(|root| (root, Scope::User)));
        roots.extend(self.extra.iter().map(|root| (root.clone(), Scope::User)));
        if self.config.bundled {
            roots.push((self.home.join("skills/.system"), Scope::System));
        }
        roots.push((self.admin.clone(), Scope::Admin));
        roots
    }
}

/// Finds all skills. Blocks; see [`SkillsCache`](super::SkillsCache) for repeated calls.
#[must_use]
pub fn discover(places: &Places<'_>) -> Found {
    let (mut found, _) = search(&places.roots());
    switch(&mut found, &places.config.switches);
    found
}

/// What a search depends on: folders and files, each as it was before it was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Traces(Vec<(PathBuf, Option<Stamp>)>);

impl Traces {
    fn note(&mut self, path: &Path) {
        self.0.push((path.to_owned(), Stamp::of(path)));
    }

    /// Whether a new search would find the same.
    pub(super) fn still_hold(&self) -> bool {
        self.0.iter().all(|(path, stamp)| Stamp::of(path) == *stamp)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }

    /// Whether a new search may find something else because of a change at `changed`: it is one of these, lies right in
    /// one of these folders, or leads to one of these.
    pub(super) fn concern(&self, changed: &Path) -> bool {
        self.paths().any(|path| path.starts_with(changed) || changed.parent() == Some(path))
    }

    /// Whether every later change will show.
    pub(super) fn settled(&self) -> bool {
        self.0.iter().filter_map(|(_, stamp)| stamp.as_ref()).all(Stamp::settled)
    }
}

/// Finds all skills below `roots`, all of them enabled.
pub(super) fn search(roots: &[(AbsPath, Scope)]) -> (Found, Traces) {
    let mut found = Found::default();
    let mut traces = Traces::default();
    let mut seen = HashSet::new();
    for (root, scope) in roots {
        search_root(root, *scope, &mut seen, &mut found, &mut traces);
    }
    found.skills.sort_by(|a, b| (a.scope, &a.name, &a.path).cmp(&(b.scope, &b.name, &b.path)));
    (found, traces)
}

fn search_root(root: &AbsPath, scope: Scope, seen: &mut HashSet<PathBuf>, found: &mut Found, traces: &mut Traces) {
    let real = fs::canonicalize(root).ok();
    if real.as_deref() != Some(root.as_path()) {
        // It does not exist, or is a link, which may come to lead elsewhere.
        traces.note(root);
    }
    let Some(real) = real else { return };
    let mut queue = VecDeque::from([(real, 0)]);
    let mut visited = 0;
    while let Some((folder, depth)) = queue.pop_front() {
        // Links may lead in circles, and roots may lie in each other.
        if visited == MAX_FOLDERS || !seen.insert(folder.clone()) {
            continue;
        }
        visited += 1;
        traces.note(&folder);
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_file() {
                if name == FILE_NAME {
                    add(&entry.path(), scope, found, traces);
                }
            } else if depth < MAX_DEPTH && (kind.is_dir() || kind.is_symlink() && entry.path().is_dir()) {
                let path = if kind.is_symlink() { fs::canonicalize(entry.path()).ok() } else { Some(entry.path()) };
                queue.extend(path.map(|path| (path, depth + 1)));
            }
        }
    }
}

fn add(path: &Path, scope: Scope, found: &mut Found, traces: &mut Traces) {
    let Ok(path) = AbsPath::new(path) else { return };
    let Some(folder) = path.parent() else { return };
    traces.note(&path);
    traces.note(&folder.join(metadata::FILE));
    let folder_name = folder.file_name().unwrap_or_default().to_string_lossy();
    let parsed = fs::read_to_string(&path)
        .map_err(|error| format!("failed to read file: {error}"))
        .and_then(|text| front_matter::parse(&text, &folder_name));
    match parsed {
        Ok(head) => {
            let metadata = metadata::load(&folder);
            if metadata.for_us {
                found.skills.push(Skill {
                    name: head.name,
                    description: head.description,
                    short_description: head.short_description,
                    interface: metadata.interface,
                    dependencies: metadata.dependencies,
                    path,
                    scope,
                    enabled: true,
                    implicit: metadata.implicit,
                });
            }
        }
        // Nobody but us can mend a bundled skill.
        Err(_) if scope == Scope::System => {}
        Err(message) => found.errors.push(SkillError { path, message }),
    }
}

/// Applies the configuration's switches, in order.
pub(super) fn switch(found: &mut Found, switches: &[SkillSwitch]) {
    for switch in switches {
        let selected: Box<dyn Fn(&Skill) -> bool> = match &switch.skill {
            SkillSelector::Name(name) => Box::new(move |skill| skill.name == *name),
            SkillSelector::Path(path) => {
                let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.as_path().to_owned());
                Box::new(move |skill| {
                    let skill = skill.path.as_path();
                    skill == canonical || skill.parent() == Some(&canonical)
                })
            }
        };
        for skill in found.skills.iter_mut().filter(|skill| selected(skill)) {
            skill.enabled = switch.enabled;
        }
    }
}
