//! Starts real processes and looks at what the system says about them.

mod kit;
mod process;
#[cfg(target_os = "linux")]
mod sandbox;
mod session;
