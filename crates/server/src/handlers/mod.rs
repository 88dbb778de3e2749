//! What each method does, one file a resource.

pub(crate) mod account;
pub(crate) mod initialize;
pub(crate) mod model;
pub(crate) mod permissions;
pub(crate) mod thread;
pub(crate) mod thread_settings;
pub(crate) mod thread_view;
pub(crate) mod turn;
