//! What differs between operating systems, each behind the same few names: [`spawn`], [`Started`], [`Guard`],
//! [`detect`].
//!
//! The only place of the workspace with `unsafe` code.
#![expect(unsafe_code, reason = "system calls; each block says why it is sound")]

#[cfg(unix)]
mod unix;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{Control, Guard, detect, spawn, try_out};
#[cfg(unix)]
pub(crate) use unix::Pipe;

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::*;

use std::sync::Arc;

use crate::launcher::Mechanism;
use crate::rules::Rules;

/// A process that has just been started.
pub(crate) struct Started {
    pub(crate) guard: Guard,
    pub(crate) stdin: Option<Arc<Pipe>>,
    pub(crate) stdout: Option<Arc<Pipe>>,
    pub(crate) stderr: Option<Arc<Pipe>>,
    /// Whether the streams are one terminal.
    pub(crate) terminal: bool,
}

/// A sandbox asked for: what it must enforce, and by which means.
pub(crate) struct Confine<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) mechanism: Mechanism,
}
