//! The client contract as data: methods, parameters, results, notifications, error codes, schema export.
//!
//! What a client and the server say to each other, and nothing else: this crate knows no other crate of ours, no
//! transport, no async, and touches no files (the `export` feature, which writes the schemas, excepted).
//!
//! Open [`methods`] first: one table there is the whole surface. The types it names stand in a module per resource
//! ([`thread`], [`turn`], [`item`], [`config`], …) and are re-exported here, except where the older [`v1`] types share
//! a name with a newer one.

#![warn(missing_docs)]

pub mod account;
pub mod additions;
pub mod app;
pub mod approval;
pub mod collaboration;
pub mod command;
pub mod config;
pub mod decode;
pub mod device_key;
pub mod elicitation;
pub mod error_code;
pub mod experimental;
#[cfg(feature = "export")]
pub mod export;
pub mod external_agent;
pub mod feature;
pub mod feedback;
pub mod fs;
pub mod fuzzy_search;
pub mod guardian;
pub mod hook;
pub mod initialize;
pub mod item;
pub mod jsonrpc;
pub mod mcp;
pub mod methods;
pub mod model;
pub mod no_params;
pub mod notifications;
pub mod path;
pub mod permissions;
pub mod plugin;
pub mod realtime;
pub mod response_item;
pub mod review;
pub mod server_requests;
pub mod skill;
pub mod text;
pub mod thread;
pub mod turn;
pub mod v1;
pub mod windows;
pub mod wire;

mod double_option;

pub use account::*;
pub use app::*;
pub use approval::*;
pub use collaboration::*;
pub use command::*;
pub use config::*;
pub use decode::{DecodeError, decode};
pub use device_key::*;
pub use elicitation::*;
pub use error_code::{ERROR_CODES, ErrorCode, ErrorCodeEntry};
pub use experimental::Experimental;
pub use external_agent::*;
pub use feature::*;
pub use feedback::*;
pub use fs::*;
pub use fuzzy_search::*;
pub use guardian::*;
pub use hook::*;
pub use initialize::*;
pub use item::*;
pub use jsonrpc::*;
pub use mcp::*;
pub use methods::{METHODS, Method};
pub use model::*;
pub use no_params::NoParams;
pub use notifications::{NOTIFICATIONS, Notification};
pub use path::AbsolutePathBuf;
pub use permissions::*;
pub use plugin::*;
pub use realtime::*;
pub use response_item::*;
pub use review::*;
pub use server_requests::{SERVER_METHODS, ServerMethod};
pub use skill::*;
pub use text::Text;
pub use thread::*;
pub use turn::*;
pub use v1::{
    ApplyPatchApprovalParams, ApplyPatchApprovalResponse, ConversationGitInfo, ConversationSummary,
    ExecCommandApprovalParams, ExecCommandApprovalResponse, FileChange, GetAuthStatusParams, GetAuthStatusResponse,
    GetConversationSummaryParams, GetConversationSummaryResponse, GitDiffToRemoteParams, GitDiffToRemoteResponse,
    GitSha, ParsedCommand, ReviewDecision,
};
pub use windows::*;

/// The default of switches that are on unless the sender says otherwise.
const fn default_true() -> bool {
    true
}
