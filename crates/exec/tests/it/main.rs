//! Starts real processes and looks at what the system says about them.
#![cfg(target_os = "linux")]

mod cgroup;
mod escapes;
mod kit;
mod outlet;
mod process;
mod sandbox;
mod server;
mod session;
