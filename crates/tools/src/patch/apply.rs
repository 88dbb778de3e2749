//! Applies a patch: every file is checked first, then each is replaced at once.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use types::AbsPath;
use types::item::{FileChange, FileChangeKind};

use super::diff::hunks;
use super::parse::{Chunk, FilePatch, Line, Patch};
use super::seek::{nearest, seek};

/// Why a patch does not fit the files it is for. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("cannot read {path}: {error}")]
    Read { path: AbsPath, error: io::Error },
    #[error("{path} is a folder")]
    Folder { path: AbsPath },
    #[error("{path} is a pipe, a device or the like; change it with a command")]
    Special { path: AbsPath },
    #[error("{path} is not UTF-8 text; change it with a command")]
    NotText { path: AbsPath },
    #[error("{path} was moved or deleted earlier in this patch; use one patch for each step")]
    Gone { path: AbsPath },
    #[error("anchor `{anchor}` not found in {path}: after `@@` comes a whole line of the file, or nothing")]
    NoAnchor { path: AbsPath, anchor: String },
    #[error("expected lines not found in {path}:\n{lines}{hint}")]
    NoLines { path: AbsPath, lines: String, hint: String },
}

/// A file that could not be written, and how far the patch came.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {error}{}", progress(.done, .left))]
pub struct WriteFailure {
    pub path: AbsPath,
    pub error: io::Error,
    /// Summary lines of the files that are changed.
    pub done: Vec<String>,
    /// Summary lines of the files that are not, the failed one first.
    pub left: Vec<String>,
}

fn progress(done: &[String], left: &[String]) -> String {
    match done {
        [] => "\nNo file was changed.".to_owned(),
        done => format!("\nAlready changed:\n{}\nNot changed:\n{}", done.join("\n"), left.join("\n")),
    }
}

/// A patch that fits, with the new contents worked out.
#[derive(Debug)]
pub struct Plan {
    /// In the order of the patch; a path at most once.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: AbsPath,
    /// The path as the patch writes it.
    shown: String,
    /// What stood there before, if anything.
    before: Option<String>,
    after: After,
}

#[derive(Debug)]
enum After {
    Added(String),
    Deleted,
    Updated { text: String, move_to: Option<(AbsPath, String)> },
}

/// Checks `patch` against the files below `cwd` and works out their new contents. Reads files, blocks meanwhile.
///
/// # Errors
/// The first file that the patch does not fit.
pub fn plan(patch: &Patch, cwd: &AbsPath) -> Result<Plan, PlanError> {
    let mut plan = Plan { entries: Vec::new() };
    for file in &patch.files {
        match file {
            FilePatch::Add { path, content } => plan.add(cwd.join(path), path, content.clone())?,
            FilePatch::Delete { path } => plan.delete(cwd.join(path), path)?,
            FilePatch::Update { path, move_to, chunks } => {
                let move_to = move_to.as_ref().map(|shown| (cwd.join(shown), shown.clone()));
                plan.update(cwd.join(path), path, move_to, chunks)?;
            }
        }
    }
    Ok(plan)
}

impl Plan {
    /// Every file that is written or removed.
    pub fn paths(&self) -> impl Iterator<Item = &AbsPath> {
        self.entries.iter().flat_map(|entry| [Some(&entry.path), entry.target()]).flatten()
    }

    /// Where files move: from, to.
    pub(super) fn moves(&self) -> impl Iterator<Item = (&AbsPath, Option<&AbsPath>)> {
        self.entries.iter().map(|entry| (&entry.path, entry.target()))
    }

    /// The changes as clients see them, by path.
    pub fn changes(&self) -> Vec<FileChange> {
        let mut changes: Vec<FileChange> = self.entries.iter().map(Entry::change).collect();
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }

    /// What was done, for the model: a letter and a path a line, added files first, then changed ones, then deleted.
    pub fn summary(&self) -> String {
        let mut lines = self.lines();
        let rank = |line: &String| ["A", "M", "D"].iter().position(|letter| line.starts_with(letter));
        lines.sort_by_key(rank);
        format!("Success. Updated the following files:\n{}\n", lines.join("\n"))
    }

    /// Writes everything, one file after the other; each is either its old self or its new one, at any moment.
    /// Blocks meanwhile.
    ///
    /// # Errors
    /// The first file that could not be written; those before it stay changed.
    pub fn write(&self) -> Result<(), WriteFailure> {
        for (index, entry) in self.entries.iter().enumerate() {
            if let Err((path, error)) = entry.write() {
                let mut done = self.lines();
                let left = done.split_off(index);
                return Err(WriteFailure { path, error, done, left });
            }
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        self.entries.iter().map(Entry::summary).collect()
    }

    fn find(&self, path: &AbsPath) -> Option<usize> {
        self.entries.iter().position(|entry| entry.path == *path)
    }

    fn add(&mut self, path: AbsPath, shown: &str, content: String) -> Result<(), PlanError> {
        let after = After::Added(content);
        match self.find(&path) {
            None => {
                let before = match read(&path) {
                    Ok(text) => Some(text),
                    Err(PlanError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(PlanError::NotText { .. }) => Some(String::new()),
                    // Whether the folder can be made shows when it is written.
                    Err(PlanError::Read { .. }) => None,
                    Err(error) => return Err(error),
                };
                self.entries.push(Entry { path, shown: shown.to_owned(), before, after });
            }
            Some(index) => {
                let entry = &mut self.entries[index];
                entry.after = match (&entry.after, after) {
                    (After::Updated { move_to: Some(_), .. }, _) => return Err(PlanError::Gone { path }),
                    (After::Deleted, After::Added(text)) => After::Updated { text, move_to: None },
                    (_, after) => after,
                };
            }
        }
        Ok(())
    }

    fn delete(&mut self, path: AbsPath, shown: &str) -> Result<(), PlanError> {
        match self.find(&path) {
            None => {
                let before = match read(&path) {
                    Ok(text) => text,
                    Err(PlanError::NotText { .. }) => lossy(&path)?,
                    Err(error) => return Err(error),
                };
                self.entries.push(Entry { path, shown: shown.to_owned(), before: Some(before), after: After::Deleted });
            }
            Some(index) => match &self.entries[index].after {
                After::Deleted | After::Updated { move_to: Some(_), .. } => return Err(PlanError::Gone { path }),
                After::Added(_) if self.entries[index].before.is_none() => {
                    self.entries.remove(index);
                }
                After::Added(_) | After::Updated { .. } => self.entries[index].after = After::Deleted,
            },
        }
        Ok(())
    }

    fn update(
        &mut self,
        path: AbsPath,
        shown: &str,
        move_to: Option<(AbsPath, String)>,
        chunks: &[Chunk],
    ) -> Result<(), PlanError> {
        if let Some((target, _)) = &move_to {
            if target.is_dir() {
                return Err(PlanError::Folder { path: target.clone() });
            }
            if *target != path && self.find(target).is_some() {
                return Err(PlanError::Gone { path: target.clone() });
            }
        }
        let Some(index) = self.find(&path) else {
            let before = read(&path)?;
            let text = changed(&path, &before, chunks)?;
            let after = After::Updated { text, move_to };
            self.entries.push(Entry { path, shown: shown.to_owned(), before: Some(before), after });
            return Ok(());
        };
        let entry = &mut self.entries[index];
        match &mut entry.after {
            After::Deleted | After::Updated { move_to: Some(_), .. } => return Err(PlanError::Gone { path }),
            After::Added(text) => {
                *text = changed(&path, text, chunks)?;
                if let Some((target, shown)) = move_to {
                    (entry.path, entry.shown) = (target, shown);
                }
            }
            After::Updated { text, move_to: old } => {
                *text = changed(&path, text, chunks)?;
                *old = move_to;
            }
        }
        Ok(())
    }
}

impl Entry {
    fn target(&self) -> Option<&AbsPath> {
        match &self.after {
            After::Updated { move_to: Some((target, _)), .. } => Some(target),
            _ => None,
        }
    }

    fn summary(&self) -> String {
        match &self.after {
            After::Added(_) => format!("A {}", self.shown),
            After::Deleted => format!("D {}", self.shown),
            After::Updated { move_to, .. } => format!("M {}", move_to.as_ref().map_or(&self.shown, |(_, shown)| shown)),
        }
    }

    fn change(&self) -> FileChange {
        let before = self.before.as_deref().unwrap_or_default();
        let (kind, diff) = match &self.after {
            After::Added(text) => (FileChangeKind::Add, text.clone()),
            After::Deleted => (FileChangeKind::Delete, before.to_owned()),
            After::Updated { text, move_to } => {
                let diff = hunks(before, text, 1);
                match move_to {
                    None => (FileChangeKind::Update { move_path: None }, diff),
                    Some((target, _)) => {
                        let move_path = Some(target.as_path().to_owned());
                        (FileChangeKind::Update { move_path }, format!("{diff}\n\nMoved to: {target}"))
                    }
                }
            }
        };
        FileChange { path: self.path.to_string(), kind, diff }
    }

    fn write(&self) -> Result<(), (AbsPath, io::Error)> {
        let at = |path: &AbsPath| {
            let path = path.clone();
            move |error| (path, error)
        };
        match &self.after {
            After::Added(text) | After::Updated { text, move_to: None } => {
                replace(&self.path, &self.path, text).map_err(at(&self.path))
            }
            After::Deleted => fs::remove_file(&self.path).map_err(at(&self.path)),
            After::Updated { text, move_to: Some((target, _)) } => {
                replace(target, &self.path, text).map_err(at(target))?;
                if *target != self.path {
                    fs::remove_file(&self.path).map_err(at(&self.path))?;
                }
                Ok(())
            }
        }
    }
}

/// Puts `text` in the place of `path` in one step, with the owner and mode of `like` if that exists. A symbolic link is
/// followed; missing folders are made.
fn replace(path: &Path, like: &Path, text: &str) -> io::Result<()> {
    let target = if path.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    let folder = target.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned);
    fs::create_dir_all(&folder)?;
    match replace_by_rename(&folder, &target, like, text) {
        // The folder may be closed while the file is open for writing, or the file may be a mount of its own.
        Err(error) if target.exists() && is_about_the_folder(&error) => fs::write(&target, text),
        result => result,
    }
}

fn replace_by_rename(folder: &Path, target: &Path, like: &Path, text: &str) -> io::Result<()> {
    // As any new file's mode: what the process's mask leaves.
    let mode = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".patch-").permissions(mode).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(like) {
        let new = file.as_file().metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            std::os::unix::fs::chown(file.path(), Some(old.uid()), Some(old.gid()))?;
        }
        file.as_file().set_permissions(old.permissions())?;
    }
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

fn is_about_the_folder(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
            | io::ErrorKind::CrossesDevices
    )
}

fn read(path: &AbsPath) -> Result<String, PlanError> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(PlanError::Folder { path: path.clone() }),
        // A pipe might never end, and a device has no end.
        Ok(meta) if !meta.is_file() => return Err(PlanError::Special { path: path.clone() }),
        Ok(_) | Err(_) => {}
    }
    let bytes = fs::read(path).map_err(|error| PlanError::Read { path: path.clone(), error })?;
    String::from_utf8(bytes).map_err(|_| PlanError::NotText { path: path.clone() })
}

fn lossy(path: &AbsPath) -> Result<String, PlanError> {
    let bytes = fs::read(path).map_err(|error| PlanError::Read { path: path.clone(), error })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines that take the place of others.
struct Edit {
    /// The first line replaced; where `old` is 0, the line before which the new ones go.
    at: usize,
    old: usize,
    new: Vec<String>,
}

/// The text after `chunks`. Kept lines stay as the file has them; the file's line ends are kept, and the last line gets
/// one.
fn changed(path: &AbsPath, text: &str, chunks: &[Chunk]) -> Result<String, PlanError> {
    let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.last() == Some(&"") {
        lines.pop();
    }
    let crlf = lines.iter().filter(|line| line.ends_with('\r')).count() * 2 > lines.len();
    let mut edits: Vec<Edit> = Vec::with_capacity(chunks.len());
    let mut cursor = 0;
    for chunk in chunks {
        let edit = place(path, &lines, chunk, cursor, &edits)?;
        cursor = edit.at + edit.old;
        edits.push(edit);
    }
    edits.sort_by_key(|edit| edit.at);
    let mut out: Vec<&str> = Vec::with_capacity(lines.len());
    let mut next = 0;
    for edit in &edits {
        out.extend(&lines[next..edit.at]);
        out.extend(edit.new.iter().map(String::as_str));
        next = edit.at + edit.old;
    }
    out.extend(&lines[next..]);
    let end = if crlf { "\r\n" } else { "\n" };
    let mut result = mark.to_owned();
    for line in out {
        let line = if crlf { line.strip_suffix('\r').unwrap_or(line) } else { line };
        result.push_str(line);
        result.push_str(end);
    }
    Ok(result)
}

/// Finds where `chunk` goes, after `cursor` if possible.
fn place(path: &AbsPath, lines: &[&str], chunk: &Chunk, cursor: usize, edits: &[Edit]) -> Result<Edit, PlanError> {
    let mut start = cursor;
    let mut anchor_line = None;
    for anchor in &chunk.anchors {
        let found = seek(lines, &[anchor], start, false).or_else(|| containing(lines, anchor, start));
        let Some(found) = found else {
            return Err(PlanError::NoAnchor { path: path.clone(), anchor: anchor.clone() });
        };
        anchor_line = Some(found);
        start = found + 1;
    }
    let mut pattern = chunk.lines.as_slice();
    loop {
        let old: Vec<&str> = pattern.iter().filter_map(Line::old).collect();
        if old.is_empty() {
            let at = if anchor_line.is_some() { start } else { lines.len() };
            return Ok(Edit { at, old: 0, new: new_lines(lines, at, pattern) });
        }
        let found = seek(lines, &old, start, chunk.at_end)
            // The anchor may be the chunk's first line too.
            .or_else(|| anchor_line.and_then(|line| seek(lines, &old, line, false)))
            .or_else(|| only_place_before(lines, &old, start, edits));
        if let Some(at) = found {
            return Ok(Edit { at, old: old.len(), new: new_lines(lines, at, pattern) });
        }
        // Models leave an empty line before the next marker; it need not be one of the file.
        match pattern {
            [shorter @ .., Line::Keep(last)] if last.is_empty() && shorter.iter().any(|line| line.old().is_some()) => {
                pattern = shorter;
            }
            _ => break,
        }
    }
    let old: Vec<&str> = chunk.lines.iter().filter_map(Line::old).collect();
    Err(PlanError::NoLines { path: path.clone(), lines: old.join("\n"), hint: hint(lines, &old, start) })
}

/// The first line at or after `start` that holds `anchor`.
fn containing(lines: &[&str], anchor: &str, start: usize) -> Option<usize> {
    let anchor = anchor.trim();
    (start..lines.len()).find(|&at| lines[at].contains(anchor))
}

/// A place before `start` for a chunk out of order: only if there is just one, and no other chunk took it.
fn only_place_before(lines: &[&str], old: &[&str], start: usize, edits: &[Edit]) -> Option<usize> {
    let at = seek(lines, old, 0, false).filter(|&at| at < start)?;
    let again = seek(lines, old, at + 1, false);
    let free = |edit: &Edit| at + old.len() <= edit.at || edit.at + edit.old <= at;
    (again.is_none() && edits.iter().all(free)).then_some(at)
}

/// The chunk's lines after the change, kept ones as the file has them from line `at` on.
fn new_lines(lines: &[&str], at: usize, pattern: &[Line]) -> Vec<String> {
    let mut file = lines[at..].iter();
    let mut out = Vec::new();
    for line in pattern {
        match line {
            Line::Keep(_) => out.extend(file.next().map(|line| (*line).to_owned())),
            Line::Remove(_) => drop(file.next()),
            Line::Add(text) => out.push(text.clone()),
        }
    }
    out
}

/// What the file has instead, where part of the lines are there.
fn hint(lines: &[&str], old: &[&str], start: usize) -> String {
    if let Some(at) = seek(lines, old, 0, false).filter(|&at| at < start) {
        return format!(
            "\n(They are at line {}, above the chunk before; write chunks from top to bottom, or one patch each.)",
            at + 1
        );
    }
    let Some((at, count)) = nearest(lines, old) else { return String::new() };
    let first = at + 1;
    let alike = if count == 1 { format!("line {first} is") } else { format!("lines {first} to {} are", at + count) };
    match lines.get(at + count) {
        Some(line) => format!(
            "\n(Nearest: {alike} as expected, but line {} is `{}`. Read the file again before the next patch.)",
            at + count + 1,
            line.trim_end_matches('\r')
        ),
        None => format!("\n(Nearest: {alike} as expected, but the file ends there.)"),
    }
}

impl Line {
    /// The line as it is before the change, if it is there.
    fn old(&self) -> Option<&str> {
        match self {
            Self::Keep(text) | Self::Remove(text) => Some(text),
            Self::Add(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
