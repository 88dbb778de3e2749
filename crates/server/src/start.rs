//! Making a server from what the binary knows.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use auth::Login;
use config::{Loader, Overrides, ProviderEnvironment};
use engine::{Engine, Environment, Services};
use exec::{Launcher, Shell};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::{AbsPath, SessionSource, UpstreamProxies};

use crate::Server;
use crate::dispatch::MAX_REMOTE_IN_PROGRESS;
use crate::hub::Hub;

/// What the process was started with. Nothing in the library reads the process environment itself.
pub struct Options {
    /// `$CODEX_HOME`, or the default; exists.
    pub home: AbsPath,
    /// The configuration of the machine, with the administrator's files beside it; `None` for the usual place.
    pub system_file: Option<AbsPath>,
    /// The working directory of the process.
    pub cwd: AbsPath,
    /// The environment of the process.
    pub variables: Vec<(String, String)>,
    /// `-c`, `--enable`, `--disable`.
    pub overrides: Overrides,
    /// The version clients and rollouts are told.
    pub version: String,
    /// What new threads are said to come from.
    pub session_source: SessionSource,
    /// The server ends with its only connection, as over stdio.
    pub ends_with_connection: bool,
}

/// Facts that handlers need.
pub(crate) struct Info {
    pub(crate) home: AbsPath,
    pub(crate) version: String,
    pub(crate) session_source: SessionSource,
    pub(crate) ends_with_connection: bool,
    /// `CODEX_INTERNAL_ORIGINATOR_OVERRIDE`.
    pub(crate) originator: Option<String>,
    /// The terminal, for the user agent.
    pub(crate) terminal: String,
    /// Who the server is logged in as.
    pub(crate) login: Arc<Login>,
}

impl Server {
    /// Makes a server. Nothing is read, opened or written before a request needs it.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let Options { home, system_file, cwd, variables, overrides, version, session_source, ends_with_connection } =
            options;
        let variable = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let tmpdir = variable("TMPDIR").and_then(|dir| AbsPath::new(dir).ok());
        let hub = Arc::new(Hub::default());
        let providers = ProviderEnvironment {
            openai_base_url: variable("OPENAI_BASE_URL"),
            oss_base_url: variable("CODEX_OSS_BASE_URL"),
            oss_port: variable("CODEX_OSS_PORT").and_then(|port| port.parse().ok()),
        };
        let user_home = variable("HOME").and_then(|home| AbsPath::new(home).ok());
        let one_of = |names: [&str; 4]| names.into_iter().find_map(|name| variable(name).filter(|it| !it.is_empty()));
        let upstream = UpstreamProxies {
            http: one_of(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: one_of(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: variable("no_proxy").or_else(|| variable("NO_PROXY")),
        };
        let mut loader = Loader::new(home.clone())
            .with_overrides(overrides)
            .with_environment(providers)
            .with_upstream_proxies(upstream)
            .with_user_home(user_home);
        if let Some(file) = system_file {
            loader = loader.with_system_file(file);
        }
        let launcher = Launcher::new(exec::Options {
            tmpdir: tmpdir.as_ref().map(|dir| dir.as_path().to_owned()),
            codex_home: home.clone(),
            path: variable("PATH").map(Into::into),
        });
        let login = Arc::new(Login::new(home.clone()));
        let info = Info {
            home: home.clone(),
            version: version.clone(),
            session_source,
            ends_with_connection,
            originator: variable("CODEX_INTERNAL_ORIGINATOR_OVERRIDE"),
            terminal: terminal(&variable),
            login: login.clone(),
        };
        let environment = Environment::new(Services {
            home,
            cwd,
            version,
            tmpdir,
            shell: Shell::detect(variable("SHELL").as_deref()),
            launcher,
            loader,
            sink: hub.clone(),
            credentials: Arc::new(move || login.account().ok().flatten().map(|account| account.credentials)),
            variables,
        });
        Arc::new(Self {
            engine: Engine::new(environment),
            hub,
            info,
            remote_places: Arc::new(Semaphore::new(MAX_REMOTE_IN_PROGRESS)),
            requests: TaskTracker::new(),
            retirement: crate::retire::Retirement::default(),
            repeats: crate::repeats::Repeats::default(),
            searches: Arc::default(),
            skills_watch: crate::skills_watch::SkillsWatch::default(),
            router: OnceLock::new(),
            draining: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            finished: CancellationToken::new(),
        })
    }
}

/// The name of the terminal the server runs in, as user agents carry it.
fn terminal(variable: &dyn Fn(&str) -> Option<String>) -> String {
    match (variable("TERM_PROGRAM"), variable("TERM_PROGRAM_VERSION")) {
        (Some(program), Some(version)) if !program.is_empty() && !version.is_empty() => format!("{program}/{version}"),
        (Some(program), _) if !program.is_empty() => program,
        _ => variable("TERM").filter(|term| !term.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// The default home below the user's.
pub fn default_home(user_home: &std::path::Path) -> PathBuf {
    user_home.join(".codex")
}
