//! The binary as its users start it.
#![cfg(target_os = "linux")]

mod client;
mod crash;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod crowds;
mod leaks;
mod limits;
mod sandbox;
mod streams;
mod writers;
