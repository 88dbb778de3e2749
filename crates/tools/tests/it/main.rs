//! Tool calls against a real folder and real processes, with a host that records what clients would see.

mod approvals;
mod arguments;
mod commands;
mod kit;
#[cfg(target_os = "linux")]
mod network;
mod patches;
mod permissions;
mod plans_and_questions;
mod sessions;
mod view_image;
