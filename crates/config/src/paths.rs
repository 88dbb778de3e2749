//! Paths inside configuration values: relative ones are meant from the folder of the file that holds them.

use std::fs;

use toml::{Table, Value};
use types::AbsPath;

use crate::error::ConfigError;
use crate::settings::Config;

/// Keys whose values are paths; `*` stands for any key or list element.
const PATH_KEYS: &[&[&str]] = &[
    &["model_instructions_file"],
    &["experimental_compact_prompt_file"],
    &["model_catalog_json"],
    &["log_dir"],
    &["sqlite_home"],
    &["zsh_path"],
    &["sandbox_workspace_write", "writable_roots", "*"],
    &["model_providers", "*", "script"],
    &["agents", "*", "config_file"],
    &["skills", "config", "*", "path"],
    &["otel", "*", "*", "tls", "ca-certificate"],
    &["otel", "*", "*", "tls", "client-certificate"],
    &["otel", "*", "*", "tls", "client-private-key"],
    &["profiles", "*", "model_instructions_file"],
    &["profiles", "*", "experimental_compact_prompt_file"],
    &["profiles", "*", "model_catalog_json"],
    &["profiles", "*", "zsh_path"],
];

/// Resolves relative paths against `base`. Values of a wrong type are left for the type check to refuse.
pub(crate) fn make_absolute(table: &mut Table, base: &AbsPath) {
    for keys in PATH_KEYS {
        let (first, rest) = keys.split_first().expect("no path key is empty");
        if let Some(value) = table.get_mut(*first) {
            visit(value, rest, base);
        }
    }
}

fn visit(value: &mut Value, keys: &[&str], base: &AbsPath) {
    match (keys.split_first(), value) {
        (None, Value::String(path)) if !path.is_empty() => *path = base.join(&path).to_string(),
        (Some((&"*", rest)), Value::Array(items)) => items.iter_mut().for_each(|item| visit(item, rest, base)),
        (Some((&"*", rest)), Value::Table(table)) => {
            table.iter_mut().for_each(|(_, item)| visit(item, rest, base));
        }
        (Some((key, rest)), Value::Table(table)) => {
            if let Some(value) = table.get_mut(*key) {
                visit(value, rest, base);
            }
        }
        _ => {}
    }
}

/// Replaces the names of prompt files by their content.
pub(crate) fn read_referenced_files(mut config: Config) -> Result<Config, ConfigError> {
    if let Some(path) = config.instructions_file.take()
        && config.base_instructions.is_none()
    {
        config.base_instructions = Some(read_prompt("model instructions", path)?);
    }
    if let Some(path) = config.compact_prompt_file.take()
        && config.compact_prompt.is_none()
    {
        config.compact_prompt = Some(read_prompt("experimental compact prompt", path)?);
    }
    Ok(config)
}

fn read_prompt(what: &'static str, path: AbsPath) -> Result<String, ConfigError> {
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Err(ConfigError::EmptyFile { what, path }),
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(ConfigError::ReferencedFile { what, path, reason: error.to_string() }),
    }
}
