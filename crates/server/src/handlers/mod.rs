//! What each method does, one file a resource.

pub(crate) mod account;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod feature;
pub(crate) mod feedback;
pub(crate) mod fs;
pub(crate) mod initialize;
pub(crate) mod mcp;
pub(crate) mod model;
mod page;
pub(crate) mod permissions;
pub(crate) mod realtime;
pub(crate) mod review;
pub(crate) mod skill;
pub(crate) mod thread;
pub(crate) mod thread_archive;
pub(crate) mod thread_command;
pub(crate) mod thread_compact;
pub(crate) mod thread_history;
pub(crate) mod thread_list;
pub(crate) mod thread_metadata;
pub(crate) mod thread_resume;
pub(crate) mod thread_settings;
pub(crate) mod thread_turns;
pub(crate) mod thread_view;
pub(crate) mod turn;
pub(crate) mod windows;
