//! Which projects the user trusts: reading and writing `[projects."PATH"]`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use toml_edit::{DocumentMut, Item, TableLike};
use types::AbsPath;

use crate::error::{ConfigError, Located, Range};
use crate::file::Trust;
use crate::load::FILE_NAME;

/// The `projects` table.
pub(crate) struct Projects<'t>(Option<&'t Table>);

impl<'t> Projects<'t> {
    pub(crate) fn from_table(table: &'t Table) -> Self {
        Self(table.get("projects").and_then(Value::as_table))
    }

    /// What is said about `folder` itself, else about the root of its project.
    pub(crate) fn trust_of(&self, folder: &AbsPath, root: Option<&AbsPath>) -> Option<Trust> {
        self.entry(folder).or_else(|| self.entry(root?)).or_else(|| self.entry(&find_root(folder, &[".git"])?))
    }

    fn entry(&self, path: &AbsPath) -> Option<Trust> {
        let projects = self.0?;
        let canonical = canonical(path);
        [canonical.as_path(), path.as_path()].into_iter().find_map(|path| {
            let level = projects.get(path.to_str()?)?.get("trust_level")?.as_str()?;
            Trust::parse(level)
        })
    }
}

fn canonical(path: &Path) -> PathBuf {
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

/// Marks the project at `root` as trusted in the user's file, and says whether anything was written.
///
/// Comments, order and layout of the file stay; a symbolic link stays a link; a new file has mode 0600. An entry that
/// says `untrusted` is replaced.
///
/// # Errors
/// [`ConfigError::Parse`] when the file is not TOML, [`ConfigError::Write`] when it cannot be written.
pub fn trust_project(home: &AbsPath, root: &AbsPath) -> Result<bool, ConfigError> {
    let file = home.join(FILE_NAME);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(ConfigError::Read { path: file, reason: error.to_string() }),
    };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        ConfigError::Parse(Located {
            path: file.clone(),
            range: Range::of_span(&text, error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        })
    })?;
    let key = canonical(root).to_string_lossy().into_owned();
    let known = document.get("projects").and_then(|projects| projects.get(&key)?.get("trust_level")?.as_str());
    if known == Some(Trust::Trusted.as_str()) {
        return Ok(false);
    }
    set_trust(&mut document, &key);
    write_atomically(&file, document.to_string().as_bytes())
        .map_err(|error| ConfigError::Write { path: file, reason: error.to_string() })?;
    Ok(true)
}

fn set_trust(document: &mut DocumentMut, key: &str) {
    let level = toml_edit::value(Trust::Trusted.as_str());
    let projects = document.as_table_mut().entry("projects").or_insert_with(|| {
        let mut table = toml_edit::Table::new();
        // Only the headers of the projects themselves are written.
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(table) = projects.as_table_like_mut() else {
        // Not a table: no project entry of it can mean anything.
        let mut project = toml_edit::Table::new();
        project.insert("trust_level", level);
        let mut table = toml_edit::Table::new();
        table.set_implicit(true);
        table.insert(key, Item::Table(project));
        *projects = Item::Table(table);
        return;
    };
    match table.get_mut(key).and_then(Item::as_table_like_mut) {
        Some(project) => {
            project.insert("trust_level", level);
        }
        None => insert_project(table, key, level),
    }
}

fn insert_project(projects: &mut dyn TableLike, key: &str, level: Item) {
    let mut project = toml_edit::Table::new();
    project.insert("trust_level", level);
    // An inline `projects = {}` converts what it takes to inline form by itself.
    projects.insert(key, Item::Table(project));
}

/// Replaces the file that `path` names, or that a link at `path` points to, in one step.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let target = canonical(path);
    let mode = fs::metadata(&target).ok();
    let folder = target.parent().ok_or_else(|| std::io::Error::other("the file has no folder"))?;
    fs::create_dir_all(folder)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // Another server may write at the same moment; the name is its own.
    let unique =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos());
    let temporary = folder.join(format!(".{name}.{}.{unique}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file
        .write_all(content)
        .and_then(|()| mode.map_or(Ok(()), |metadata| file.set_permissions(metadata.permissions())))
        .and_then(|()| file.sync_data())
        .and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}
