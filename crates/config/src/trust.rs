//! Which projects the user trusts: reading and writing `[projects."PATH"]`.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use toml_edit::{DocumentMut, Item, TableLike};
use types::AbsPath;

use crate::edit::{parse, write_atomically};
use crate::error::ConfigError;
use crate::file::Trust;
use crate::load::FILE_NAME;

const GIT: &str = ".git";

/// The `projects` table.
pub(crate) struct Projects<'t>(Option<&'t Table>);

impl<'t> Projects<'t> {
    pub(crate) fn from_table(table: &'t Table) -> Self {
        Self(table.get("projects").and_then(Value::as_table))
    }

    /// What is said about a working directory: about itself, else about its repository.
    pub(crate) fn trust_of(&self, cwd: &AbsPath) -> Option<Trust> {
        self.entry(cwd).or_else(|| self.entry(&trust_root(cwd)))
    }

    /// What is said about the layer of `folder`, and by which entry: the folder's own, the project root's, the
    /// repository's. Without any, the entry that would settle it.
    pub(crate) fn trust_of_layer(&self, folder: &AbsPath, root: Option<&AbsPath>) -> (AbsPath, Option<Trust>) {
        let repository = trust_root(folder);
        for path in [Some(folder), root, Some(&repository)].into_iter().flatten() {
            if let Some(trust) = self.entry(path) {
                return (path.clone(), Some(trust));
            }
        }
        (repository, None)
    }

    /// An entry counts under the path as given and under the real one.
    fn entry(&self, path: &AbsPath) -> Option<Trust> {
        let projects = self.0?;
        let canonical = canonical(path);
        [canonical.as_path(), path.as_path()].into_iter().find_map(|path| {
            let level = projects.get(path.to_str()?)?.get("trust_level")?.as_str()?;
            Trust::parse(level)
        })
    }
}

pub(crate) fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The nearest of `start` and its parents that holds one of `markers`.
pub(crate) fn find_root(start: &AbsPath, markers: &[&str]) -> Option<AbsPath> {
    let mut folder = Some(start.clone());
    while let Some(current) = folder {
        if markers.iter().any(|marker| current.join(marker).exists()) {
            return Some(current);
        }
        folder = current.parent();
    }
    None
}

/// The folder whose entry decides about `cwd`: the top of the repository, for a linked working tree that of the main
/// one, and `cwd` itself outside a repository.
#[must_use]
pub fn trust_root(cwd: &AbsPath) -> AbsPath {
    let Some(root) = find_root(cwd, &[GIT]) else { return cwd.clone() };
    main_working_tree(&root).unwrap_or(root)
}

/// For the top of a linked working tree, the top of the main one.
fn main_working_tree(root: &AbsPath) -> Option<AbsPath> {
    let own = git_dir_of_pointer(&root.join(GIT))?;
    let common = own.join(fs::read_to_string(own.join("commondir")).ok()?.trim());
    // A bare repository has no main working tree.
    if common.file_name()? != GIT { None } else { common.parent() }
}

/// Where a `.git` file points to; `None` for a folder or for anything else.
pub(crate) fn git_dir_of_pointer(dot_git: &AbsPath) -> Option<AbsPath> {
    if !fs::metadata(dot_git).ok()?.is_file() {
        return None;
    }
    let text = fs::read_to_string(dot_git).ok()?;
    let target = text.lines().find_map(|line| line.strip_prefix("gitdir:"))?.trim();
    (!target.is_empty()).then(|| dot_git.join("..").join(target))
}

/// Marks the project at `root` as trusted in the user's file, and says whether anything was written. `root` is that of
/// [`trust_root`].
///
/// Comments, order and layout of the file stay; a symbolic link stays a link; a new file has mode 0600. An entry that
/// says `untrusted` is replaced.
///
/// # Errors
/// [`ConfigError::Parse`] when the file is not TOML, [`ConfigError::Read`] and [`ConfigError::Write`] for the disk's.
pub fn trust_project(home: &AbsPath, root: &AbsPath) -> Result<bool, ConfigError> {
    let file = home.join(FILE_NAME);
    let mut document = parse(&file)?;
    let key = canonical(root).to_string_lossy().into_owned();
    let known = document.get("projects").and_then(|projects| projects.get(&key)?.get("trust_level")?.as_str());
    if known == Some(Trust::Trusted.as_str()) {
        return Ok(false);
    }
    set_trust(&mut document, &key);
    write_atomically(&file, document.to_string().as_bytes())?;
    Ok(true)
}

fn set_trust(document: &mut DocumentMut, key: &str) {
    let implicit_table = || {
        let mut table = toml_edit::Table::new();
        // Only the headers of the projects themselves are written.
        table.set_implicit(true);
        Item::Table(table)
    };
    let projects = document.as_table_mut().entry("projects").or_insert_with(implicit_table);
    if !projects.is_table_like() {
        // No project entry of such a value can mean anything.
        *projects = implicit_table();
    }
    let projects = projects.as_table_like_mut().expect("it was made a table when it was none");
    let mut level = toml_edit::Value::from(Trust::Trusted.as_str());
    match projects.get_mut(key).and_then(Item::as_table_like_mut) {
        Some(project) => match project.get_mut("trust_level").and_then(Item::as_value_mut) {
            Some(old) => {
                *level.decor_mut() = old.decor().clone();
                *old = level;
            }
            None => {
                project.insert("trust_level", Item::Value(level));
            }
        },
        None => insert_project(projects, key, level),
    }
}

fn insert_project(projects: &mut dyn TableLike, key: &str, level: toml_edit::Value) {
    let mut project = toml_edit::Table::new();
    project.insert("trust_level", Item::Value(level));
    // An inline `projects = {}` converts what it takes to inline form by itself.
    projects.insert(key, Item::Table(project));
}
