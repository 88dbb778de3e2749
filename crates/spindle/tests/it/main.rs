//! The binary as its users start it.
#![cfg(target_os = "linux")]

mod client;
mod crash;
mod leaks;
mod writers;
