//! Starts real processes and looks at what the system says about them.

mod kit;
mod process;
mod session;
