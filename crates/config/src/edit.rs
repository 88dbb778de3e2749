//! Changing the user's file: comments and layout stay, and readers never see half a file.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, process};

use serde_json::Value as Json;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};
use types::AbsPath;

use crate::error::{ConfigError, Located, Range};
use crate::file::ConfigToml;
use crate::layer::{self, Layer, Source, version_of};
use crate::load::Loader;
use crate::paths;
use crate::settings::SkillSelector;
use crate::trust::canonical;

/// One change of the user's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Keys joined by dots. There is no quoting: a key that holds a dot can only be written inside a table value.
    pub key_path: String,
    /// Null removes the key.
    pub value: Json,
    pub merge: Merge,
}

/// What happens to a table that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    Replace,
    /// Tables are merged; everything else is replaced.
    Upsert,
}

/// The result of an edit.
#[derive(Debug, Clone)]
pub struct Edited {
    pub file: AbsPath,
    /// The version of the user's layer now.
    pub version: String,
    /// A stronger layer decides about a key that was written.
    pub overridden: Option<Overridden>,
}

/// The first written key that a stronger layer decides.
#[derive(Debug, Clone)]
pub struct Overridden {
    pub layer: Layer,
    pub effective: Json,
}

/// Why nothing was written. The messages are those of the protocol.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The edit itself, or the file that it would make, is not valid.
    #[error("{0}")]
    Invalid(String),
    /// A key below an absent table cannot be removed.
    #[error("Path not found")]
    PathNotFound,
    /// The file is not the one that the client has seen.
    #[error("Configuration was modified since last read. Fetch latest version and retry.")]
    VersionConflict,
    /// The layers cannot be read, or the file cannot be written.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Loader {
    /// Applies edits to the user's file, in order, all or none. The result is validated once, as a whole; unknown keys
    /// pass. A file whose values stay the same is not touched. Blocks for reading and writing small files.
    /// Calls at once take turns.
    ///
    /// # Errors
    /// [`EditError`]; the file is then unchanged.
    pub fn edit(&self, edits: &[Edit], expected_version: Option<&str>) -> Result<Edited, EditError> {
        let _turn = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = self.layers(None, None)?;
        let user = layers.iter().find(|layer| matches!(layer.source, Source::User { .. }));
        let before = user.expect("there always is a user layer").version();
        if expected_version.is_some_and(|expected| expected != before) {
            return Err(EditError::VersionConflict);
        }
        let file = self.user_file();
        let mut document = parse(&file)?;
        for edit in edits {
            apply(&mut document, edit)?;
        }
        let text = document.to_string();
        let mut values: toml::Table =
            toml::from_str(&text).map_err(|error| EditError::Invalid(format!("Invalid configuration: {error}")))?;
        toml::Value::Table(values.clone())
            .try_into::<ConfigToml>()
            .map_err(|error| EditError::Invalid(format!("Invalid configuration: {error}")))?;
        paths::make_absolute(&mut values, self.home());
        let version = version_of(&values);
        if version != before {
            write_atomically(&file, text.as_bytes())?;
        }
        let layers = layers.with_user_values(&values);
        let merged = layers.merged();
        let overridden = edits.iter().find_map(|edit| {
            let path: Vec<_> = edit.key_path.split('.').collect();
            let layer = layers.origin(&path)?;
            let stronger = match layer.source {
                Source::SessionFlags | Source::Thread | Source::Managed { .. } => true,
                Source::System { .. } | Source::User { .. } | Source::Project { .. } => false,
            };
            let effective = layer::lookup(&merged, &path)?;
            (stronger && layer::lookup(&values, &path) != Some(effective))
                .then(|| Overridden { layer: layer.clone(), effective: layer::to_json(effective) })
        });
        Ok(Edited { file, version, overridden })
    }

    /// Switches a skill in the user's file: off adds a `[[skills.config]]` entry, on removes every entry for it.
    ///
    /// # Errors
    /// [`ConfigError`]; the file is then unchanged.
    pub fn switch_skill(&self, skill: &SkillSelector, enabled: bool) -> Result<(), ConfigError> {
        let _turn = self.edits.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.user_file();
        let mut document = parse(&file)?;
        let before = document.to_string();
        let (key, value) = match skill {
            SkillSelector::Path(path) => ("path", path.to_string()),
            SkillSelector::Name(name) => ("name", name.clone()),
        };
        remove_switches(&mut document, key, &value);
        if !enabled {
            let skills = document.as_table_mut().entry("skills").or_insert_with(implicit_table);
            if let Some(skills) = skills.as_table_like_mut() {
                let config = skills.entry("config").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
                let mut entry = Table::new();
                entry.insert(key, toml_edit::value(value));
                entry.insert("enabled", toml_edit::value(false));
                match config {
                    Item::ArrayOfTables(entries) => entries.push(entry),
                    Item::Value(Value::Array(entries)) => entries.push(entry.into_inline_table()),
                    other => {
                        let mut entries = ArrayOfTables::new();
                        entries.push(entry);
                        *other = Item::ArrayOfTables(entries);
                    }
                }
            }
        }
        let after = document.to_string();
        if after == before { Ok(()) } else { write_atomically(&file, after.as_bytes()) }
    }
}

fn remove_switches(document: &mut DocumentMut, key: &str, value: &str) {
    let Some(skills) = document.get_mut("skills").and_then(Item::as_table_like_mut) else { return };
    let is_it = |entry: &dyn TableLike| entry.get(key).and_then(Item::as_str) == Some(value);
    let empty = match skills.get_mut("config") {
        Some(Item::ArrayOfTables(entries)) => {
            entries.retain(|entry| !is_it(entry));
            entries.is_empty()
        }
        Some(Item::Value(Value::Array(entries))) => {
            entries.retain(|entry| !entry.as_inline_table().is_some_and(|entry| is_it(entry)));
            entries.is_empty()
        }
        _ => false,
    };
    if empty {
        skills.remove("config");
        if skills.is_empty() {
            document.remove("skills");
        }
    }
}

fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

fn apply(document: &mut DocumentMut, edit: &Edit) -> Result<(), EditError> {
    if edit.key_path.is_empty() {
        return Err(EditError::Invalid("keyPath must not be empty".to_owned()));
    }
    let keys: Vec<&str> = edit.key_path.split('.').collect();
    let (last, parents) = keys.split_last().expect("splitting gives at least one part");
    let value = match &edit.value {
        Json::Null => None,
        other => Some(item_of(other)?),
    };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in parents {
        if value.is_none() && !table.contains_key(key) {
            return Err(EditError::PathNotFound);
        }
        let next = table.entry(key).or_insert_with(implicit_table);
        table = next
            .as_table_like_mut()
            .ok_or_else(|| EditError::Invalid("cannot set value on non-table parent".to_owned()))?;
    }
    match value {
        None => {
            table.remove(last);
        }
        Some(value) => put(table, last, value, edit.merge),
    }
    Ok(())
}

fn put(table: &mut dyn TableLike, key: &str, value: Item, merge: Merge) {
    match (table.get_mut(key), value) {
        (Some(old), Item::Table(new)) if merge == Merge::Upsert && old.is_table_like() => {
            let old = old.as_table_like_mut().expect("the guard says so");
            for (key, value) in new {
                put(old, &key, value, merge);
            }
        }
        // A table stays where it is in the file, with its comments.
        (Some(Item::Table(old)), Item::Table(new)) => {
            old.clear();
            old.set_implicit(false);
            for (key, value) in new {
                old.insert(&key, value);
            }
        }
        (Some(Item::Value(old)), Item::Value(mut new)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        (_, new) => {
            table.insert(key, new);
        }
    }
}

/// Objects become tables with a header of their own, lists stay inline.
fn item_of(json: &Json) -> Result<Item, EditError> {
    let Json::Object(map) = json else { return value_of(json).map(Item::Value) };
    let mut table = Table::new();
    for (key, json) in map {
        table.insert(key, item_of(json)?);
    }
    // A table that only holds tables needs no header.
    table.set_implicit(!table.is_empty() && table.iter().all(|(_, item)| item.is_table()));
    Ok(Item::Table(table))
}

fn value_of(json: &Json) -> Result<Value, EditError> {
    Ok(match json {
        Json::Null => {
            let message = "invalid value: invalid type: null, expected any valid TOML value";
            return Err(EditError::Invalid(message.to_owned()));
        }
        Json::Bool(on) => (*on).into(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or(f64::INFINITY).into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => {
            let items: Result<Vec<Value>, _> = items.iter().map(value_of).collect();
            Value::Array(items?.into_iter().collect())
        }
        Json::Object(map) => {
            let mut table = toml_edit::InlineTable::new();
            for (key, json) in map {
                table.insert(key, value_of(json)?);
            }
            Value::InlineTable(table)
        }
    })
}

/// Makes the names of temporary files differ within this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Reads a file for editing; a missing one is empty.
pub(crate) fn parse(file: &AbsPath) -> Result<DocumentMut, ConfigError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(ConfigError::Read { path: file.clone(), reason: error.to_string() }),
    };
    text.parse().map_err(|error: toml_edit::TomlError| {
        ConfigError::Parse(Located {
            path: file.clone(),
            range: Range::of_span(&text, error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        })
    })
}

/// Replaces the file, or what a link at its place points to, in one step. An existing file keeps its mode; a new one
/// gets 0600.
pub(crate) fn write_atomically(file: &AbsPath, content: &[u8]) -> Result<(), ConfigError> {
    replace(file, content).map_err(|error| ConfigError::Write { path: file.clone(), reason: error.to_string() })
}

fn replace(file: &AbsPath, content: &[u8]) -> io::Result<()> {
    let target = canonical(file);
    let permissions = fs::metadata(&target).ok().map(|metadata| metadata.permissions());
    let folder = target.parent().ok_or_else(|| io::Error::other("the file has no folder"))?;
    fs::create_dir_all(folder)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".{name}.{}-{unique}.tmp", process::id()));
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let written = out
        .write_all(content)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| out.set_permissions(permissions)))
        .and_then(|()| out.sync_data())
        .and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}
