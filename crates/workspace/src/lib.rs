//! The user's files: file system access, watching, search, git facts.
//!
//! This crate does not know threads or the client's spelling of anything. Open [`files`] first.

pub mod files;
pub mod git;
pub mod search;
pub mod watch;
