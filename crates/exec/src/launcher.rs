//! The door through which every process is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use types::AbsPath;

use crate::command::{Command, Sandbox, SpawnError};
use crate::env::{SERVER_VARIABLE, set_variables};
use crate::os::{self, Network};
use crate::outlet::ProxyService;
use crate::process::Process;
use crate::rules::Rules;

/// Starts processes. Cheap to clone; all clones share what was found out about the machine.
#[derive(Debug, Clone)]
pub struct Launcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: Options,
    /// Found out when the first sandbox is asked for, since it starts processes.
    mechanism: OnceLock<Result<Mechanism, Unavailable>>,
    /// What names this process to later ones; made, and those of earlier ones looked for, with the first command.
    mark: OnceLock<Option<String>>,
}

/// What a launcher needs to know about its surroundings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's `$TMPDIR`.
    pub tmpdir: Option<PathBuf>,
    /// The folder with accounts and configuration, which sandboxed commands never write to.
    pub codex_home: AbsPath,
    /// The `PATH` in which sandbox programs are looked for.
    pub path: Option<OsString>,
}

/// How sandboxes are enforced on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    /// Namespaces made by this crate, with Landlock on top where the kernel has it.
    Namespaces {
        /// The version of Landlock, 0 without.
        landlock: u32,
    },
    /// The `bwrap` program.
    Bubblewrap {
        /// Where it is.
        path: PathBuf,
        /// Whether its network can be entered, to make listeners there. Not where it is set-user-id.
        proxies: bool,
    },
    /// Landlock alone: no namespaces.
    Landlock {
        /// Its version.
        abi: u32,
    },
    /// The `sandbox-exec` of macOS.
    #[cfg(target_os = "macos")]
    Seatbelt,
}

impl Mechanism {
    /// Whether a command can be given a way out of its own, served by a [`ProxyService`](crate::ProxyService).
    #[must_use]
    pub fn takes_proxies(&self) -> bool {
        match self {
            Self::Namespaces { .. } | Self::Landlock { .. } => true,
            Self::Bubblewrap { proxies, .. } => *proxies,
            #[cfg(target_os = "macos")]
            Self::Seatbelt => false,
        }
    }
}

/// What trying a mechanism out has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `namespaces`, `bwrap` or `landlock`; on macOS `seatbelt`.
    pub name: &'static str,
    /// The mechanism as it works here, or why it does not.
    pub works: Result<Mechanism, Unavailable>,
}

/// Why something cannot be had on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    reason: String,
}

impl Unavailable {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl Launcher {
    /// Makes a launcher. Starts nothing and asks nothing.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared { options, mechanism: OnceLock::new(), mark: OnceLock::new() }))
    }

    /// Makes a launcher that enforces sandboxes by this mechanism and no other. Tries it out at once.
    ///
    /// # Errors
    /// [`Unavailable`] says why it does not work here.
    pub fn with_mechanism(options: Options, mechanism: Mechanism) -> Result<Self, Unavailable> {
        os::try_out(&mechanism, &options).map_err(Unavailable::new)?;
        Ok(Self(Arc::new(Shared { options, mechanism: OnceLock::from(Ok(mechanism)), mark: OnceLock::new() })))
    }

    /// How sandboxes are enforced here. The first call finds out by trying, which takes some milliseconds.
    ///
    /// # Errors
    /// [`Unavailable`] says why nothing works.
    pub fn mechanism(&self) -> Result<Mechanism, Unavailable> {
        self.0.mechanism.get_or_init(|| os::detect(&self.0.options)).clone()
    }

    /// Tries every mechanism out, the strongest first. Takes some milliseconds each.
    #[must_use]
    pub fn survey(&self) -> Vec<Finding> {
        os::survey(&self.0.options)
    }

    /// The folder below which each command gets a control group of its own. The first call finds out by trying.
    ///
    /// # Errors
    /// [`Unavailable`] says why there are none. Commands end with what started them all the same.
    pub fn control_groups(&self) -> Result<&Path, Unavailable> {
        os::control_groups().map_err(Unavailable::new)
    }

    /// Starts a command and returns once its program executes.
    ///
    /// # Errors
    /// See [`SpawnError`]; nothing runs and nothing is left behind. A command that asks for a sandbox where there is
    /// none is refused, never run without.
    ///
    /// # Cancel safety
    /// Cancel safe: a dropped call leaves no process. The program may already have begun to run.
    pub async fn spawn(&self, mut command: Command) -> Result<Process, SpawnError> {
        let mark = self.0.mark.get_or_init(os::mark_and_sweep);
        let mechanism = match &command.sandbox {
            Sandbox::None => None,
            Sandbox::Restricted(_) => Some(self.mechanism()?),
        };
        // Elsewhere the kernel ends everything with the namespace.
        if !matches!(mechanism, Some(Mechanism::Namespaces { .. }))
            && let Some(mark) = mark
        {
            set_variables(&mut command.env, [(SERVER_VARIABLE, mark.as_str())]);
        }
        let confine = match (&command.sandbox, mechanism) {
            (Sandbox::Restricted(rules), Some(mechanism)) => {
                let network = network(rules, command.proxy.as_deref(), &mechanism);
                Some(os::Confine { rules, mechanism, network })
            }
            _ => None,
        };
        let mut started = os::spawn(&command, confine).await?;
        let served = match (&command.proxy, started.outlets.take()) {
            (Some(service), Some(outlets)) => {
                let served = service.serve(outlets);
                Some(served.map_err(|source| SpawnError::Sandbox { step: "network proxy", source })?)
            }
            _ => None,
        };
        Ok(Process::new(started, served))
    }
}

/// The network that a sandbox is to have.
fn network(rules: &Rules, proxy: Option<&dyn ProxyService>, mechanism: &Mechanism) -> Network {
    match proxy {
        Some(service) if mechanism.takes_proxies() => Network::Proxied { socks5: service.socks5() },
        Some(_) => Network::Off,
        None if rules.network() => Network::On,
        None => Network::Off,
    }
}
