//! The store through its public interface, on real files in temporary folders.

mod files;
mod history;
mod list;
mod outline;
mod support;
mod turns;
