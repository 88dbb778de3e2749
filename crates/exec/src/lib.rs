//! Starts every process: terminals and pipes, output caps, stop then kill, the sandbox of each operating system.
//!
//! The only crate that starts one. [`Launcher::spawn`] takes a [`Command`], which says everything the process gets
//! (nothing is inherited), and answers a [`Process`], whose drop ends everything the command has started. [`attend`]
//! runs one to its end, [`Sessions`] keep commands of one thread running between tool calls. [`Rules`] turn a sandbox policy into paths; what enforces
//! them is found out by trying, and where nothing can, a sandboxed command is refused. A [`ProxyService`] is the way to
//! chosen hosts for a command whose network is closed.
//!
//! Does not know JSON-RPC, threads, the model, configuration files, or the environment of the server: all of it is
//! passed in.
//!
//! Open [`launcher`] first, then `os/linux/guard.rs`.

mod attend;
mod capped;
mod command;
mod env;
mod launcher;
mod os;
mod outlet;
mod process;
#[cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports, reason = "read by sandboxes"))]
mod rules;
mod session;
mod shell;
mod utf8;

pub use attend::{End, Input, Watcher, attend};
pub use command::{Command, Io, PtySize, Sandbox, SpawnError};
pub use env::{
    EnvPolicy, Inherit, NETWORK_DISABLED_VARIABLE, SESSION_ENV, THREAD_ID_VARIABLE, command_env, set_variables,
};
pub use launcher::{Finding, Launcher, Mechanism, Options, Unavailable};
#[cfg(unix)]
pub use os::raise_file_limit;
pub use outlet::{Outlet, Outlets, ProxyService};
pub use process::{CHUNK_BYTES, Chunk, Exit, Process, ProcessHandle, Stream};
pub use rules::{PROTECTED_NAMES, Places, Rules, RulesError};
pub use session::{Collected, MAX_OUTPUT_BYTES, MAX_SESSIONS, OutputSink, Session, Sessions, WriteError};
pub use shell::{Shell, ShellKind};
pub use utf8::Utf8Stream;
