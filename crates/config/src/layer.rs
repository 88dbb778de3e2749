//! Layers: where values come from, and how they are laid over each other.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};
use types::AbsPath;

use crate::error::ConfigError;
use crate::file::ConfigToml;

/// Where a layer's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The machine's file.
    System { file: AbsPath },
    /// The user's file.
    User { file: AbsPath },
    /// A `.codex` folder between the project root and the working directory.
    Project { dot_codex: AbsPath },
    /// `-c`, `--enable` and `--disable`.
    SessionFlags,
    /// `thread/start.config`. Clients see it as session flags.
    Thread,
    /// The administrator's file.
    Managed { file: AbsPath },
}

/// Why a project's layer is listed but has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disabled {
    /// The user has not been asked yet. An entry for `root` in the user's file would settle it.
    UnknownProject { root: AbsPath },
    /// The user said no, by the entry for `root`.
    UntrustedProject { root: AbsPath },
}

/// One source's values.
#[derive(Debug, Clone)]
pub struct Layer {
    pub source: Source,
    /// Relative paths are already absolute.
    pub values: Arc<Table>,
    pub disabled: Option<Disabled>,
}

impl Layer {
    /// A hash of the values, `sha256:<hex>`. Comments, spacing and the order of keys do not change it.
    #[must_use]
    pub fn version(&self) -> String {
        version_of(&self.values)
    }
}

/// The version of a layer with these values.
#[must_use]
pub fn version_of(values: &Table) -> String {
    use std::fmt::Write as _;
    let mut canonical = Vec::new();
    write_canonical(&Value::Table(values.clone()), &mut canonical);
    let digest = Sha256::digest(&canonical);
    let mut text = String::with_capacity("sha256:".len() + 64);
    text.push_str("sha256:");
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a String does not fail");
    }
    text
}

/// JSON with sorted keys.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Table(table) => {
            let mut keys: Vec<_> = table.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend(serde_json::Value::from(key.as_str()).to_string().into_bytes());
                out.push(b':');
                write_canonical(&table[key], out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        scalar => out.extend(to_json(scalar).to_string().into_bytes()),
    }
}

/// All layers of one working directory, lowest first.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    pub(crate) layers: Vec<Layer>,
}

impl Layers {
    /// The layers, lowest first; disabled ones included.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.layers.iter()
    }

    /// All values, higher layers over lower ones: tables are merged, everything else is replaced.
    #[must_use]
    pub fn merged(&self) -> Table {
        let mut merged = Table::new();
        for layer in self.enabled() {
            merge(&mut merged, &layer.values);
        }
        merged
    }

    /// The source of the value at `path` (one element a key), or of the highest value below it.
    #[must_use]
    pub fn origin(&self, path: &[&str]) -> Option<&Layer> {
        self.enabled().rev().find(|layer| lookup(&layer.values, path).is_some())
    }

    /// Every leaf of the merged values with the layer it comes from: keys joined by dots, array elements as `.0`, `.1`…
    #[must_use]
    pub fn origins(&self) -> Vec<(String, &Layer)> {
        let mut origins = std::collections::BTreeMap::new();
        for layer in self.enabled() {
            // An array or scalar replaces what lower layers had below the same key.
            collect_leaves("", &Value::Table((*layer.values).clone()), &mut |path, replaced| {
                if let Some(prefix) = replaced {
                    let below = format!("{prefix}.");
                    origins.retain(|known: &String, _| known != prefix && !known.starts_with(&below));
                }
                if let Some(path) = path {
                    origins.insert(path.to_owned(), layer);
                }
            });
        }
        origins.into_iter().collect()
    }

    /// Checks that every value has the type its key asks for; unknown keys pass.
    ///
    /// # Errors
    /// [`ConfigError::Type`] without a place.
    pub fn check(&self) -> Result<(), ConfigError> {
        match Value::Table(self.merged()).try_into::<ConfigToml>() {
            Ok(_) => Ok(()),
            Err(error) => Err(ConfigError::Type { message: error.to_string(), located: None }),
        }
    }

    /// The same layers after the user's file was given other values.
    pub(crate) fn with_user_values(mut self, values: &Table) -> Self {
        for layer in &mut self.layers {
            if matches!(layer.source, Source::User { .. }) {
                layer.values = Arc::new(values.clone());
            }
        }
        self
    }

    fn enabled(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.disabled.is_none())
    }
}

pub(crate) fn lookup<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_table()?, rest) }
}

/// Calls `leaf(path, replaced prefix)` for every scalar and array element.
fn collect_leaves(prefix: &str, value: &Value, leaf: &mut dyn FnMut(Option<&str>, Option<&str>)) {
    let join = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                collect_leaves(&join(key), value, leaf);
            }
        }
        Value::Array(items) => {
            leaf(None, Some(prefix));
            for (index, item) in items.iter().enumerate() {
                collect_leaves(&join(&index.to_string()), item, leaf);
            }
        }
        _ => leaf(Some(prefix), Some(prefix)),
    }
}

/// Lays `over` over `base`.
pub(crate) fn merge(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Sets the value at `path`, making tables on the way; a scalar in the way is replaced.
pub(crate) fn set(table: &mut Table, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        match (table.get_mut(first), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, &over),
            (_, value) => {
                table.insert(first.clone(), value);
            }
        }
        return;
    }
    let slot = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
    if !slot.is_table() {
        *slot = Value::Table(Table::new());
    }
    if let Value::Table(next) = slot {
        set(next, rest, value);
    }
}

/// TOML as JSON; dates become texts.
#[must_use]
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Boolean(on) => (*on).into(),
        Value::Datetime(time) => time.to_string().into(),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}

/// JSON as TOML. `None` for null, which TOML does not have; nulls inside lists and objects are left out.
#[must_use]
pub fn from_json(value: &serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match value {
        Json::Null => return None,
        Json::Bool(on) => Value::Boolean(*on),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().filter_map(from_json).collect()),
        Json::Object(map) => {
            Value::Table(map.iter().filter_map(|(key, value)| Some((key.clone(), from_json(value)?))).collect())
        }
    })
}
