//! What differs between operating systems, each behind the same few names: [`spawn`], [`Started`], [`Guard`],
//! [`detect`].
//!
//! The only place of the workspace with `unsafe` code.
#![allow(unsafe_code, reason = "system calls; each block says why it is sound; not every system needs any")]

#[cfg(unix)]
mod files;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
mod portable;
#[cfg(any(target_os = "macos", test))]
mod seatbelt;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use files::raise_file_limit;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Control, Guard, control_groups, detect, mark_and_sweep, spawn, survey, try_out};
#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) use portable::{Control, Guard, detect, spawn, survey, try_out};
#[cfg(unix)]
pub(crate) use unix::Pipe;
#[cfg(windows)]
pub(crate) use windows::{Control, Guard, Pipe, detect, spawn, survey, try_out};

use std::sync::Arc;

use crate::launcher::Mechanism;
use crate::outlet::Outlets;
use crate::rules::Rules;

/// Elsewhere nothing is known of processes whose server is gone.
#[cfg(not(target_os = "linux"))]
pub(crate) fn mark_and_sweep() -> Option<String> {
    None
}

/// Elsewhere there are no control groups.
#[cfg(not(target_os = "linux"))]
pub(crate) fn control_groups() -> Result<&'static std::path::Path, &'static str> {
    Err("this system has none")
}

/// A process that has just been started.
pub(crate) struct Started {
    pub(crate) guard: Guard,
    pub(crate) stdin: Option<Arc<Pipe>>,
    pub(crate) stdout: Option<Arc<Pipe>>,
    pub(crate) stderr: Option<Arc<Pipe>>,
    /// Whether the streams are one terminal.
    pub(crate) terminal: bool,
    /// The ways out, where the network is [`Network::Proxied`].
    pub(crate) outlets: Option<Outlets>,
}

/// A sandbox asked for: what it must enforce, and by which means.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no sandbox to tell"))]
pub(crate) struct Confine<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) mechanism: Mechanism,
    pub(crate) network: Network,
}

/// The network of a sandboxed command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Off,
    /// Nothing but the ways to two proxies.
    Proxied {
        socks5: bool,
    },
    /// The machine's.
    On,
}
