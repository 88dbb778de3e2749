//! Linux: a guard process above each command, and three ways to confine it.
//!
//! [`guard`] is what runs between the server and the command; open it first. [`confine`] puts the pieces of a sandbox
//! together.

mod attributes;
mod birth;
mod bubblewrap;
mod caller;
mod cgroup;
mod confine;
mod detect;
mod guard;
mod landlock;
mod mark;
mod memory;
mod mounts;
mod orphans;
mod outlet;
mod placeholder;
mod privileges;
mod reaper;
mod seccomp;
mod sockets;
mod spawn;
mod supervisor;
mod sys;
mod visit;
mod way;

pub(crate) use cgroup::control_groups;
pub(crate) use detect::{detect, survey, try_out};
pub(crate) use orphans::mark_and_sweep;
pub(crate) use spawn::{Control, Guard, spawn};
