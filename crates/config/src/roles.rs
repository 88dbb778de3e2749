//! Roles of sub-agents: `[agents.NAME]`, and the files in the `agents` folders beside configuration files.
//!
//! A role's file is a configuration of its own, laid over that of the thread that starts the agent. In an `agents` folder
//! it also says what the role is called. A role that cannot be used is left out and named in [`Agents::faults`].

use std::fs;
use std::sync::Arc;

use toml::{Table, Value};
use types::{AbsPath, ReasoningEffort};

use crate::error::ConfigError;
use crate::file::{AgentRoleToml, ConfigToml};
use crate::layer::{Layer, Layers, Source, set};
use crate::load::{Loader, one_line};
use crate::settings::{AgentRole, Config};

/// Beside a configuration file: a file a role.
const FOLDER: &str = "agents";

/// Members of a role's file that are about the role.
#[derive(Default)]
struct About {
    name: Option<String>,
    description: Option<String>,
    nicknames: Option<Vec<String>>,
}

impl About {
    /// Takes them out of the file's values.
    fn take(values: &mut Table) -> Result<Self, toml::de::Error> {
        let mut take = |key| values.remove(key);
        Ok(Self {
            name: take("name").map(Value::try_into).transpose()?,
            description: take("description").map(Value::try_into).transpose()?,
            nicknames: take("nickname_candidates").map(Value::try_into).transpose()?,
        })
    }
}

impl Loader {
    /// Reads the files of a configuration's roles.
    pub(crate) fn read_roles(&self, config: &mut Config) {
        let Config { agents, layers, .. } = config;
        let tables = std::mem::take(&mut agents.role_tables);
        let mut add = |read: Result<(String, AgentRole), String>| match read {
            Ok((name, role)) => drop(agents.roles.insert(name, role)),
            Err(fault) => agents.faults.push(fault),
        };
        folders(layers).iter().flat_map(files_in).for_each(|file| add(self.role_of_file(&file)));
        for (name, table) in tables {
            add(self.role_of_table(&name, table).map(|role| (name.clone(), role)));
        }
    }

    fn role_of_file(&self, file: &AbsPath) -> Result<(String, AgentRole), String> {
        let (about, values) = self.role_values(file)?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = about.name.unwrap_or_else(|| stem.into_owned());
        let role = role(&name, about.description, about.nicknames, values)?;
        Ok((name, role))
    }

    fn role_of_table(&self, name: &str, table: AgentRoleToml) -> Result<AgentRole, String> {
        let file = table.config_file.and_then(|file| AbsPath::new(file).ok());
        let (about, values) = match &file {
            Some(file) => self.role_values(file)?,
            None => (About::default(), Table::new()),
        };
        role(name, table.description.or(about.description), table.nickname_candidates.or(about.nicknames), values)
    }

    fn role_values(&self, file: &AbsPath) -> Result<(About, Table), String> {
        // A file that is missing is as good as empty elsewhere.
        fs::metadata(file).map_err(|error| format!("{file}: {error}"))?;
        let mut values = Table::clone(&*self.read(file).map_err(|error| error.to_string())?);
        let refused = |error: toml::de::Error| format!("{file}: {}", one_line(error.message()));
        let about = About::take(&mut values).map_err(refused)?;
        values.clone().try_into::<ConfigToml>().map_err(refused)?;
        Ok((about, values))
    }

    /// The configuration of an agent in that role, in `cwd`, which a thread with `config` starts.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn with_role(&self, config: &Config, cwd: &AbsPath, role: &AgentRole) -> Result<Config, ConfigError> {
        let mut layers: Vec<Layer> = config.layers.iter().cloned().collect();
        let managed = layers.iter().position(|layer| matches!(layer.source, Source::Managed { .. }));
        let values = Arc::new(over_profile(&role.values, &config.layers));
        let layer = Layer { source: Source::Thread, values, disabled: None };
        layers.insert(managed.unwrap_or(layers.len()), layer);
        let project = self.project_of(cwd)?;
        self.resolved(&Layers { layers }, project, Some(cwd), None)
    }
}

/// A role's values, said for the profile in use as well: a profile counts more than what is said for all.
fn over_profile(role: &Table, layers: &Layers) -> Table {
    let mut values = role.clone();
    let merged = layers.merged();
    let name = role.get("profile").or_else(|| merged.get("profile")).and_then(Value::as_str);
    let profile = name.and_then(|name| merged.get("profiles")?.get(name)?.as_table().map(|profile| (name, profile)));
    if let Some((name, profile)) = profile {
        let said = role.iter().filter(|(key, _)| profile.contains_key(*key));
        for (key, value) in said {
            set(&mut values, &["profiles".to_owned(), name.to_owned(), key.clone()], value.clone());
        }
    }
    values
}

fn role(
    name: &str,
    description: Option<String>,
    nicknames: Option<Vec<String>>,
    values: Table,
) -> Result<AgentRole, String> {
    let description = description.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let description = description.ok_or_else(|| format!("the role `{name}` has no description"))?;
    let text = |key: &str| values.get(key).and_then(Value::as_str);
    Ok(AgentRole {
        description,
        nicknames: nicknames.unwrap_or_default(),
        model: text("model").map(str::to_owned),
        effort: text("model_reasoning_effort").and_then(ReasoningEffort::parse),
        values: Arc::new(values),
    })
}

/// The folders with roles, those that count more after the others.
fn folders(layers: &Layers) -> Vec<AbsPath> {
    let layers = layers.iter().filter(|layer| layer.disabled.is_none());
    let beside = |layer: &Layer| match &layer.source {
        Source::System { file } | Source::User { file } => file.parent(),
        Source::Project { dot_codex } => Some(dot_codex.clone()),
        Source::SessionFlags | Source::Thread | Source::Managed { .. } => None,
    };
    layers.filter_map(beside).map(|folder| folder.join(FOLDER)).collect()
}

fn files_in(folder: &AbsPath) -> Vec<AbsPath> {
    // What is no folder has no roles.
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| folder.join(entry.file_name()));
    let mut files: Vec<_> = names.filter(|file| file.extension().is_some_and(|kind| kind == "toml")).collect();
    files.sort_unstable();
    files
}
