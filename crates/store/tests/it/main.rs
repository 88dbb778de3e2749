//! The store through its public interface, on real files in temporary folders.

mod files;
mod history;
mod list;
mod support;
mod turns;
