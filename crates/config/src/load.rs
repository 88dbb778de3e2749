//! Reading the layers from disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use toml::{Table, Value};
use types::{AbsPath, UpstreamProxies};

use crate::error::{ConfigError, Located, Range};
use crate::features::Feature;
use crate::file::{ConfigToml, Trust};
use crate::layer::{Disabled, Layer, Layers, Source};
use crate::overrides::{Overrides, ThreadOverrides};
use crate::providers::ProviderEnvironment;
use crate::requirements::Requirements;
use crate::resolve::{Inputs, resolve};
use crate::settings::Config;
use crate::stamp::Stamp;
use crate::{paths, trust};

/// Name of the folder with a project's configuration.
pub const PROJECT_FOLDER: &str = ".codex";
/// Name of the file in the home and in project folders.
pub const FILE_NAME: &str = "config.toml";
const SYSTEM_FILE: &str = "/etc/codex/config.toml";
/// Beside the system file: the administrator's values, which win over all others.
const MANAGED_NAME: &str = "managed_config.toml";
/// Beside the system file: what the administrator demands.
const REQUIREMENTS_NAME: &str = "requirements.toml";
const DEFAULT_ROOT_MARKER: &str = ".git";

/// Loads configurations. Cheap to clone; clones share the cache of parsed files.
#[derive(Debug, Clone)]
pub struct Loader {
    home: AbsPath,
    system_file: AbsPath,
    overrides: Overrides,
    environment: ProviderEnvironment,
    upstream: UpstreamProxies,
    user_home: Option<AbsPath>,
    /// Parsed files. The lock is held for a look-up or an insertion only.
    cache: Arc<Mutex<HashMap<AbsPath, Cached>>>,
    /// Shared by clones, kept in memory only. The lock is held to copy it.
    runtime_features: Arc<Mutex<BTreeMap<Feature, bool>>>,
    /// Held while the user's file is changed, so that no edit is lost.
    pub(crate) edits: Arc<Mutex<()>>,
}

#[derive(Debug, Clone)]
struct Cached {
    stamp: Stamp,
    values: Arc<Table>,
}

impl Loader {
    /// A loader for the home folder, with the machine's usual system file and no flags. No I/O.
    #[must_use]
    pub fn new(home: AbsPath) -> Self {
        Self {
            home,
            system_file: AbsPath::new(SYSTEM_FILE).expect("the constant is absolute"),
            overrides: Overrides::default(),
            environment: ProviderEnvironment::default(),
            upstream: UpstreamProxies::default(),
            user_home: None,
            cache: Arc::default(),
            runtime_features: Arc::default(),
            edits: Arc::default(),
        }
    }

    /// Uses another system file, and the administrator's file beside it.
    #[must_use]
    pub fn with_system_file(mut self, file: AbsPath) -> Self {
        self.system_file = file;
        self
    }

    /// Adds the session flags.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Adds the proxies that the server is to use itself.
    #[must_use]
    pub fn with_upstream_proxies(mut self, upstream: UpstreamProxies) -> Self {
        self.upstream = upstream;
        self
    }

    /// Adds what the environment says about providers.
    #[must_use]
    pub fn with_environment(mut self, environment: ProviderEnvironment) -> Self {
        self.environment = environment;
        self
    }

    /// Says what `~/` means in permission profiles.
    #[must_use]
    pub fn with_user_home(mut self, home: Option<AbsPath>) -> Self {
        self.user_home = home;
        self
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> &AbsPath {
        &self.home
    }

    /// The user's file, whether or not it exists.
    #[must_use]
    pub fn user_file(&self) -> AbsPath {
        self.home.join(FILE_NAME)
    }

    /// Switches features for all configurations loaded from now on, unless a file or flag says otherwise.
    pub fn set_runtime_features(&self, switches: impl IntoIterator<Item = (Feature, bool)>) {
        self.runtime_features.lock().unwrap_or_else(PoisonError::into_inner).extend(switches);
    }

    fn runtime_features(&self) -> Vec<(Feature, bool)> {
        let switches = self.runtime_features.lock().unwrap_or_else(PoisonError::into_inner);
        switches.iter().map(|(feature, on)| (*feature, *on)).collect()
    }

    /// The configuration for threads in `cwd`. Reads files that changed since the last call; blocks for that long.
    ///
    /// # Errors
    /// [`ConfigError`]; messages are made to stand after "failed to load configuration: ".
    pub fn load(&self, cwd: Option<&AbsPath>, thread: Option<&ThreadOverrides>) -> Result<Config, ConfigError> {
        let (layers, project) = self.gather(cwd, thread)?;
        self.resolved(&layers, project, cwd, thread)
    }

    pub(crate) fn resolved(
        &self,
        layers: &Layers,
        project: Project,
        cwd: Option<&AbsPath>,
        thread: Option<&ThreadOverrides>,
    ) -> Result<Config, ConfigError> {
        let mut inputs = self.inputs(cwd, project, thread);
        let required = self.requirements()?.unwrap_or_default();
        inputs.demand(&required);
        let config = match resolve(layers.clone(), &inputs) {
            Err(ConfigError::Type { message, located: None }) => {
                return Err(ConfigError::Type { message, located: self.locate(layers) });
            }
            other => other?,
        };
        let mut config = paths::read_referenced_files(config)?;
        required.enforce(&mut config);
        config.requirements = Arc::new(required);
        self.read_roles(&mut config);
        Ok(config)
    }

    /// The configuration when the files cannot be used: built-in values and session flags, under the administrator's
    /// demands.
    ///
    /// # Errors
    /// The session flags' own, and those of [`requirements`](Self::requirements): there is nothing to fall back to.
    pub fn defaults(&self, cwd: Option<&AbsPath>) -> Result<Config, ConfigError> {
        let flags = Layers { layers: vec![self.flags_layer()] };
        let required = self.requirements()?.unwrap_or_default();
        let mut inputs = self.inputs(cwd, Project::default(), None);
        inputs.demand(&required);
        let mut config = resolve(flags, &inputs)?;
        required.enforce(&mut config);
        config.requirements = Arc::new(required);
        Ok(config)
    }

    fn inputs<'a>(
        &'a self,
        cwd: Option<&'a AbsPath>,
        project: Project,
        thread: Option<&'a ThreadOverrides>,
    ) -> Inputs<'a> {
        Inputs {
            home: &self.home,
            cwd,
            project_root: project.root,
            trust: project.trust,
            thread,
            user_home: self.user_home.as_ref(),
            managed_network: None,
            managed_review_policy: None,
            environment: &self.environment,
            upstream: &self.upstream,
            runtime_features: self.runtime_features(),
        }
    }

    /// The administrator's requirements; `None` when there are none.
    ///
    /// # Errors
    /// [`ConfigError::Parse`], [`ConfigError::Read`]; [`ConfigError::Permissions`] and [`ConfigError::Type`] for demands
    /// that are not of the right shape.
    pub fn requirements(&self) -> Result<Option<Requirements>, ConfigError> {
        let Some(folder) = self.system_file.parent() else { return Ok(None) };
        let file = folder.join(REQUIREMENTS_NAME);
        let (table, managed) = (self.read(&file)?, self.managed(&folder)?);
        let required = Requirements::read(&file, Table::clone(&table))?.with_managed(managed);
        let demands_nothing =
            table.is_empty() && required.approval_policies.is_none() && required.sandbox_modes.is_none();
        Ok((!demands_nothing).then_some(required))
    }

    /// The administrator's configuration, by itself.
    fn managed(&self, folder: &AbsPath) -> Result<ConfigToml, ConfigError> {
        let file = folder.join(MANAGED_NAME);
        let values = self.read(&file)?;
        Table::clone(&values).try_into().map_err(|error: toml::de::Error| {
            let layers = Layers { layers: vec![Layer { source: Source::Managed { file }, values, disabled: None }] };
            ConfigError::Type { message: error.to_string(), located: self.locate(&layers) }
        })
    }

    /// The layers for `cwd`, lowest first. Session flags, `thread` and the administrator's file make layers
    /// only when they hold something.
    ///
    /// # Errors
    /// [`ConfigError::Parse`], [`ConfigError::ParseProject`], [`ConfigError::Read`].
    pub fn layers(&self, cwd: Option<&AbsPath>, thread: Option<&ThreadOverrides>) -> Result<Layers, ConfigError> {
        self.gather(cwd, thread).map(|(layers, _)| layers)
    }

    fn gather(
        &self,
        cwd: Option<&AbsPath>,
        thread: Option<&ThreadOverrides>,
    ) -> Result<(Layers, Project), ConfigError> {
        let user_file = self.user_file();
        let mut layers = Layers {
            layers: vec![
                Layer {
                    values: self.read(&self.system_file)?,
                    source: Source::System { file: self.system_file.clone() },
                    disabled: None,
                },
                Layer { values: self.read(&user_file)?, source: Source::User { file: user_file }, disabled: None },
            ],
        };
        let flags = self.flags_layer();
        let project = match cwd {
            Some(cwd) => self.add_project_layers(cwd, &mut layers, &flags)?,
            None => Project::default(),
        };
        if !flags.values.is_empty() {
            layers.layers.push(flags);
        }
        if let Some(thread) = thread {
            let mut values = thread.table();
            if !values.is_empty() {
                paths::make_absolute(&mut values, cwd.unwrap_or(&self.home));
                layers.layers.push(Layer { source: Source::Thread, values: Arc::new(values), disabled: None });
            }
        }
        if let Some(file) = self.system_file.parent().map(|folder| folder.join(MANAGED_NAME)) {
            let values = self.read(&file)?;
            if !values.is_empty() {
                layers.layers.push(Layer { source: Source::Managed { file }, values, disabled: None });
            }
        }
        Ok((layers, project))
    }

    /// What the layers above a project say about it.
    pub(crate) fn project_of(&self, cwd: &AbsPath) -> Result<Project, ConfigError> {
        self.gather(Some(cwd), None).map(|(_, project)| project)
    }

    fn flags_layer(&self) -> Layer {
        let mut values = self.overrides.table();
        paths::make_absolute(&mut values, &self.home);
        Layer { source: Source::SessionFlags, values: Arc::new(values), disabled: None }
    }

    fn add_project_layers(&self, cwd: &AbsPath, layers: &mut Layers, flags: &Layer) -> Result<Project, ConfigError> {
        // A project says neither where it begins nor whether it is trusted.
        let mut base = layers.merged();
        crate::layer::merge(&mut base, &flags.values);
        let root = project_root(cwd, &base);
        let projects = trust::Projects::from_table(&base);
        let project = Project { trust: projects.trust_of(cwd), root };
        for folder in self.project_folders(cwd, project.root.as_ref()) {
            let disabled = match projects.trust_of_layer(&folder, project.root.as_ref()) {
                (_, Some(Trust::Trusted)) => None,
                (root, Some(Trust::Untrusted)) => Some(Disabled::UntrustedProject { root }),
                (root, None) => Some(Disabled::UnknownProject { root }),
            };
            let dot_codex = folder.join(PROJECT_FOLDER);
            let values = match self.read(&dot_codex.join(FILE_NAME)) {
                Ok(values) => values,
                Err(_) if disabled.is_some() => Arc::default(),
                Err(ConfigError::Parse(located)) => {
                    let message = fs::read_to_string(&located.path)
                        .ok()
                        .and_then(|text| toml::from_str::<Table>(&text).err())
                        .map_or_else(|| located.message.clone(), |error| error.to_string());
                    return Err(ConfigError::ParseProject { located, message });
                }
                Err(other) => return Err(other),
            };
            layers.layers.push(Layer { source: Source::Project { dot_codex }, values, disabled });
        }
        Ok(project)
    }

    /// The folders with a `.codex` from the root down to `cwd`; without a root only `cwd` can be one.
    fn project_folders(&self, cwd: &AbsPath, root: Option<&AbsPath>) -> Vec<AbsPath> {
        let top = root.unwrap_or(cwd);
        let mut folders = Vec::new();
        let mut folder = Some(cwd.clone());
        while let Some(current) = folder {
            folder = if current == *top { None } else { current.parent() };
            let dot_codex = current.join(PROJECT_FOLDER);
            // The home may itself lie in a project; it is the user's layer, not the project's.
            if dot_codex != self.home && dot_codex.is_dir() {
                folders.push(current);
            }
        }
        folders.reverse();
        folders
    }

    /// Parses a file; a missing one is empty.
    pub(crate) fn read(&self, file: &AbsPath) -> Result<Arc<Table>, ConfigError> {
        let unreadable =
            |error: &dyn std::fmt::Display| ConfigError::Read { path: file.clone(), reason: error.to_string() };
        let stamp = match fs::metadata(file) {
            Ok(metadata) => Stamp::from(&metadata),
            Err(error) if is_missing(&error) => return Ok(Arc::default()),
            Err(error) => return Err(unreadable(&error)),
        };
        if let Some(cached) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(file)
            && cached.stamp == stamp
        {
            return Ok(Arc::clone(&cached.values));
        }
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if is_missing(&error) => return Ok(Arc::default()),
            Err(error) => return Err(unreadable(&error)),
        };
        let text = String::from_utf8(bytes).map_err(|error| unreadable(&error.utf8_error()))?;
        let mut values = toml::from_str::<Table>(&text).map_err(|error| {
            ConfigError::Parse(Located {
                path: file.clone(),
                range: Range::of_span(&text, error.span().unwrap_or_default()),
                message: one_line(error.message()),
            })
        })?;
        if let Some(folder) = file.parent() {
            paths::make_absolute(&mut values, &folder);
        }
        let values = Arc::new(values);
        if stamp.settled() {
            let cached = Cached { stamp, values: Arc::clone(&values) };
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone(), cached);
        }
        Ok(values)
    }

    /// Finds the file whose own text has a value that it cannot have, highest layer first.
    fn locate(&self, layers: &Layers) -> Option<Located> {
        layers.iter().rev().filter(|layer| layer.disabled.is_none()).find_map(|layer| {
            let file = match &layer.source {
                Source::System { file } | Source::User { file } | Source::Managed { file } => file.clone(),
                Source::Project { dot_codex } => dot_codex.join(FILE_NAME),
                Source::SessionFlags | Source::Thread => return None,
            };
            let text = fs::read_to_string(&file).ok()?;
            let error = toml::from_str::<ConfigToml>(&text).err()?;
            Some(Located {
                path: file,
                range: Range::of_span(&text, error.span().unwrap_or_default()),
                message: one_line(error.message()),
            })
        })
    }
}

/// What the layers above the project say about it.
#[derive(Debug, Default)]
pub(crate) struct Project {
    root: Option<AbsPath>,
    trust: Option<Trust>,
}

/// The nearest parent of `cwd`, itself included, with a root marker.
fn project_root(cwd: &AbsPath, base: &Table) -> Option<AbsPath> {
    let markers: Vec<&str> = match base.get("project_root_markers").and_then(Value::as_array) {
        Some(markers) => markers.iter().filter_map(Value::as_str).collect(),
        None => vec![DEFAULT_ROOT_MARKER],
    };
    trust::find_root(cwd, &markers)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(crate) fn one_line(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(", ")
}
