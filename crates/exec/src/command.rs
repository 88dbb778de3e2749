//! What to run: the command, how its streams are connected, and why it could not be started.

use std::io;
use std::sync::Arc;

use types::AbsPath;

use crate::launcher::Unavailable;
use crate::outlet::ProxyService;
use crate::rules::Rules;

/// A command to start. Nothing is inherited: what is not said here the process does not get.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program and its arguments. A program without a slash is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The working directory; it must exist.
    pub cwd: AbsPath,
    /// The environment. What a sandbox has to say of the network is added, and outside of process namespaces a mark
    /// that names the server.
    pub env: Vec<(String, String)>,
    /// How the standard streams are connected.
    pub io: Io,
    /// What the process may touch.
    pub sandbox: Sandbox,
    /// Serves as the only way out, whatever the rules say of the network; of no effect without a sandbox. Where the
    /// sandbox has no room for it ([`Mechanism::takes_proxies`](crate::Mechanism::takes_proxies)), there is no network.
    pub proxy: Option<Arc<dyn ProxyService>>,
}

/// How the standard streams of a process are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// Two pipes for output. Input is a pipe when `stdin`, else `/dev/null`.
    Pipes {
        /// Whether the caller will write to standard input.
        stdin: bool,
    },
    /// The streams of this process itself: nothing can be read or written by the caller.
    Inherit,
    /// One terminal for all three streams; its output arrives as [`Stream::Stdout`](crate::Stream::Stdout).
    Pty(PtySize),
}

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PtySize {
    pub rows: u16,
    pub cols: u16,
}

impl Default for PtySize {
    /// 24 by 80, as terminals have always been.
    fn default() -> Self {
        Self { rows: 24, cols: 80 }
    }
}

/// What a process may touch.
#[derive(Debug, Clone)]
pub enum Sandbox {
    /// Whatever the user may.
    None,
    /// What the rules say, enforced by the operating system.
    Restricted(Rules),
}

impl Sandbox {
    /// Whether a file at `path` may be written or created. Follows symbolic links as far as the path exists.
    #[must_use]
    pub fn writable(&self, path: &AbsPath) -> bool {
        match self {
            Self::None => true,
            Self::Restricted(rules) => rules.writable(path),
        }
    }

    /// Whether `path` may be read. Follows symbolic links as far as the path exists.
    #[must_use]
    pub fn readable(&self, path: &AbsPath) -> bool {
        match self {
            Self::None => true,
            Self::Restricted(rules) => rules.readable(path),
        }
    }
}

/// Why a command was not started. Nothing of it runs, no process is left.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// `argv` is empty.
    #[error("command is empty")]
    Empty,
    /// An argument, variable or path holds a nul byte, which no process can be given.
    #[error("command contains a nul byte")]
    Nul,
    /// The program, or its interpreter, was not found or may not be executed.
    #[error("{program}: {source}")]
    Program {
        program: String,
        #[source]
        source: io::Error,
    },
    /// The working directory is not there, or not for this process.
    #[error("working directory {cwd}: {source}")]
    Cwd {
        cwd: AbsPath,
        #[source]
        source: io::Error,
    },
    /// A sandbox was asked for and this machine has none.
    #[error("sandbox unavailable: {0}")]
    SandboxUnavailable(#[from] Unavailable),
    /// The sandbox works here, but these rules could not be put in place.
    #[error("sandbox: {step}: {source}")]
    Sandbox {
        /// What was being set up.
        step: &'static str,
        #[source]
        source: io::Error,
    },
    /// The system is out of something: processes, descriptors, terminals.
    #[error("{step}: {source}")]
    System {
        /// What was being set up.
        step: &'static str,
        #[source]
        source: io::Error,
    },
}

impl SpawnError {
    /// The operating system's error, where there is one.
    #[must_use]
    pub fn io_error(&self) -> Option<&io::Error> {
        match self {
            Self::Program { source, .. }
            | Self::Cwd { source, .. }
            | Self::Sandbox { source, .. }
            | Self::System { source, .. } => Some(source),
            Self::Empty | Self::Nul | Self::SandboxUnavailable(_) => None,
        }
    }
}
