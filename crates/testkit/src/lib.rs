//! Scripted models for tests, and what makes their results comparable.
//!
//! [`ScriptedModel`] is an HTTP server on the loopback interface that speaks the Responses API: each request for a
//! response is answered by the next [`Reply`] of its script, and every request is recorded. [`Redactor`] replaces
//! ids, times and paths, so that a snapshot holds still.
//!
//! A test that forgets to script a reply gets an answer that says so. Nothing here sleeps: a [`Gate`] holds a stream
//! until the test opens it, and tells the test that the stream has come that far.
//!
//! For development only. The crate knows nothing of the crates it helps to test. Open `script.rs` first.

mod http;
mod model;
mod random;
mod redact;
mod script;

pub use model::{Recorded, ScriptedModel};
pub use random::{Random, number};
pub use redact::Redactor;
pub use script::{
    Gate, Reply, Step, completed, custom_tool_call, event, failed, function_call, incomplete, item_added, item_done,
    message, message_in_pieces, message_item, reasoning, usage,
};
