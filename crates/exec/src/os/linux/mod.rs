//! Linux: a guard process above each command, and three ways to confine it.
//!
//! [`guard`] is what runs between the server and the command; open it first. [`confine`] puts the pieces of a sandbox
//! together.

mod confine;
mod guard;
mod memory;
mod reaper;
mod spawn;
mod sys;

pub(crate) use confine::detect;
pub(crate) use spawn::{Control, Guard, spawn};
