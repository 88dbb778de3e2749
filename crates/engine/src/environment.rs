//! What all threads of a server share.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use config::{Config, Inherit, Loader, ShellEnvironmentPolicy};
use exec::{Launcher, Places, Shell};
use extensions::{agents_md, skills};
use model::Credentials;
use store::{FileStore, ThreadStore};
use tokio_util::task::TaskTracker;
use types::AbsPath;

use crate::agents;
use crate::event::EventSink;
use crate::registry::Loaded;

/// Services and facts that outlive every thread. The process environment was read by the caller.
pub struct Environment {
    pub home: AbsPath,
    /// Where the server was started; the working directory of threads that name none.
    pub cwd: AbsPath,
    /// The version that threads are stamped with.
    pub version: String,
    /// `$TMPDIR`, where it is an absolute path.
    pub tmpdir: Option<AbsPath>,
    pub shell: Shell,
    /// The environment that commands inherit from, after policy.
    pub variables: Vec<(String, String)>,
    pub launcher: Launcher,
    pub store: Box<dyn ThreadStore>,
    pub loader: Loader,
    pub(crate) tools: tools::Registry,
    pub skills: extensions::skills::SkillsCache,
    pub sink: Arc<dyn EventSink>,
    /// Who the server is logged in as.
    pub credentials: Arc<dyn Fn() -> Option<Credentials> + Send + Sync>,
    pub(crate) command_env: Mutex<Option<CachedEnv>>,
    pub(crate) installation_id: OnceLock<String>,
    /// Everything that runs on behalf of a thread, so that shutdown can wait for it.
    pub(crate) tasks: TaskTracker,
    pub(crate) loaded: Loaded,
}

/// The command environment of the configuration it was made for.
pub(crate) struct CachedEnv {
    policy: ShellEnvironmentPolicy,
    env: Arc<Vec<(String, String)>>,
}

/// What a server hands to its engine.
pub struct Services {
    pub home: AbsPath,
    /// Where the server was started; the working directory of threads that name none.
    pub cwd: AbsPath,
    /// The version that threads are stamped with.
    pub version: String,
    /// `$TMPDIR`, where it is an absolute path.
    pub tmpdir: Option<AbsPath>,
    pub shell: Shell,
    /// The environment of the server's process.
    pub variables: Vec<(String, String)>,
    pub launcher: Launcher,
    pub loader: Loader,
    pub sink: Arc<dyn EventSink>,
    /// Who the server is logged in as.
    pub credentials: Arc<dyn Fn() -> Option<Credentials> + Send + Sync>,
}

impl Environment {
    /// Takes the services. No I/O.
    #[must_use]
    pub fn new(services: Services) -> Arc<Self> {
        let Services { home, cwd, version, tmpdir, shell, variables, launcher, loader, sink, credentials } = services;
        Arc::new(Self {
            store: Box::new(FileStore::new(home.clone())),
            home,
            cwd,
            version,
            tmpdir,
            shell,
            variables,
            launcher,
            loader,
            tools: tools::Registry::builtin(),
            skills: extensions::skills::SkillsCache::default(),
            sink,
            credentials,
            command_env: Mutex::default(),
            installation_id: OnceLock::new(),
            tasks: TaskTracker::new(),
            loaded: Loaded::default(),
        })
    }

    /// Places that sandbox policies name indirectly.
    pub fn places(&self) -> Places {
        Places { tmpdir: self.tmpdir.clone(), codex_home: self.home.clone() }
    }

    /// The environment of commands, by the configured policy.
    pub fn command_env(&self, config: &Config) -> Arc<Vec<(String, String)>> {
        let policy = &config.shell_environment_policy;
        let mut cached = self.command_env.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some(known) if known.policy == *policy => known.env.clone(),
            _ => {
                let env = Arc::new(exec::command_env(&env_policy(policy), &self.variables));
                *cached = Some(CachedEnv { policy: policy.clone(), env: env.clone() });
                env
            }
        }
    }

    /// A variable of the server's own environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// The random id that providers count installations by; kept in the home, made at the first use.
    pub(crate) fn installation_id(&self) -> String {
        self.installation_id.get_or_init(|| read_or_make_installation_id(&self.home)).clone()
    }

    /// Instructions of the user in `AGENTS.md` files that apply at `cwd`.
    #[must_use]
    pub fn agents_md(&self, config: &Config, cwd: &AbsPath) -> Vec<agents_md::Source> {
        let limits = agents_md::Limits {
            max_bytes: config.project_doc_max_bytes,
            fallback_filenames: &config.project_doc_fallback_filenames,
            root_markers: &config.project_root_markers,
        };
        agents_md::load(&self.home, cwd, &limits)
    }
}

impl Environment {
    /// The skills that apply at `cwd`; `None` when their list is not wanted.
    pub(crate) fn skills(&self, config: &Config, cwd: &AbsPath) -> Option<Arc<skills::Found>> {
        config.skills.include_instructions.then(|| self.discover_skills(config, cwd, &[]))
    }

    /// All skills that apply at `cwd`, and those below the `extra` folders, after the bundled ones were unpacked where they
    /// are missing. Blocks for a few `stat`s, or for the search.
    #[must_use]
    pub fn discover_skills(&self, config: &Config, cwd: &AbsPath, extra: &[AbsPath]) -> Arc<skills::Found> {
        if config.skills.bundled
            && let Err(error) = skills::install_bundled(&self.home)
        {
            tracing::warn!(%error, "the bundled skills could not be unpacked");
        }
        self.find_skills(config, cwd, extra)
    }

    /// The same as they lie there.
    #[must_use]
    pub fn find_skills(&self, config: &Config, cwd: &AbsPath, extra: &[AbsPath]) -> Arc<skills::Found> {
        let user_home = self.variable("HOME").and_then(|home| AbsPath::new(home).ok());
        self.skills.discover(&skills::Places {
            home: &self.home,
            user_home: user_home.as_ref(),
            cwd: Some(cwd),
            root_markers: &config.project_root_markers,
            admin: &AbsPath::new(skills::ADMIN_FOLDER).expect("the constant is absolute"),
            extra,
            config: &config.skills,
        })
    }
}

/// Whether a tool that the engine runs itself answers to `name`, offered to the model or not.
#[must_use]
pub fn is_built_in_tool(name: &str) -> bool {
    agents::handles(name) || tools::Registry::builtin().get(name, tools::Switches::default()).is_some()
}

fn env_policy(policy: &ShellEnvironmentPolicy) -> exec::EnvPolicy {
    let defaults = exec::EnvPolicy::default();
    exec::EnvPolicy {
        inherit: match policy.inherit {
            Some(Inherit::All) => exec::Inherit::All,
            Some(Inherit::Core) => exec::Inherit::Core,
            Some(Inherit::None) => exec::Inherit::None,
            None => defaults.inherit,
        },
        ignore_default_excludes: policy.ignore_default_excludes.unwrap_or(defaults.ignore_default_excludes),
        exclude: policy.exclude.clone(),
        set: policy.set.clone(),
        include_only: policy.include_only.clone(),
    }
}

fn read_or_make_installation_id(home: &AbsPath) -> String {
    let path = home.join("installation_id");
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Ok(id) = uuid::Uuid::parse_str(text.trim())
    {
        return id.to_string();
    }
    let id = uuid::Uuid::new_v4().to_string();
    if let Err(error) = std::fs::write(&path, &id) {
        tracing::warn!(%error, path = %path, "the installation id could not be kept");
    }
    id
}

/// Now, as the protocol counts.
pub(crate) fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs().cast_signed())
}
