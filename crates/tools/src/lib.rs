//! The tools the model can call: their descriptions, arguments and work.
//!
//! A call comes in as the model wrote it, a [`ToolResult`] for the model goes out; on the way a tool tells the client
//! what it does and asks the user where the policies say so, both through [`Host`], which the engine implements.
//! Nothing here fails a turn: a tool that cannot do its work says why in a text the model can act on.
//!
//! What this crate does not know: JSON-RPC and the client's spelling of items, the model provider's wire format,
//! where threads are stored, how a process is started or sandboxed (that is `exec`).
//!
//! Open [`tool`] first, then [`turn`] and [`host`]; each built-in tool is one file in `builtin/`. [`patch`] is the
//! patch format, [`shell`] what can be told from a command's text.

mod approval;
mod arguments;
mod builtin;
mod denial;
pub mod grants;
pub mod host;
pub mod image;
mod network;
mod output;
pub mod patch;
mod permissions;
pub mod registry;
pub mod rules;
pub mod shell;
pub mod tool;
pub mod truncate;
pub mod turn;

pub use grants::Grants;
pub use host::{
    CommandApproval, CommandDecision, GrantScope, Host, NetworkApproval, NetworkDecision, PatchApproval, PatchDecision,
    PermissionsGrant, PermissionsRequest, QuestionOption, ToolEvent, UserAnswers, UserQuestion, UserQuestions,
};
pub use network::NetworkOutlet;
pub use patch::TurnDiff;
pub use permissions::Granted;
pub use registry::{Registry, unsupported_call};
pub use rules::{CommandRules, HostAmendment, RuleDecision, RuleMatch};
pub use tool::{Commands, Needs, PatchTool, SpecContext, Switches, Tool, ToolCall, ToolInput, ToolResult};
pub use truncate::Truncation;
pub use turn::TurnTools;
