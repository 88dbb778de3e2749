//! Threads and turns.
//!
//! [`Engine`] holds the loaded threads. A thread is an actor ([`ThreadHandle`] is how others reach it); a turn is a task
//! of it that asks the model, runs tools and asks again. What happens is told through an [`EventSink`], in order, after
//! it is on disk.
//!
//! The crate knows no JSON-RPC, no connection and none of the client's spelling. Open `thread.rs` first, then `turn.rs`.

mod agents;
mod compact;
mod context;
mod dynamic_tools;
mod environment;
mod event;
mod fork;
mod guardian;
mod live;
mod log;
mod plan_block;
mod prompts;
mod provider;
mod questions;
mod registry;
mod review;
mod settings;
mod status;
mod task;
mod thread;
mod turn;

pub use dynamic_tools::DynamicTool;
pub use environment::{Environment, Services, is_built_in_tool};
pub use event::{
    Answer, EventSink, ModelFailure, ModelRequestEnd, Question, QuestionId, QuestionKind, ThreadEvent, ThreadStatus,
    ToolCallEnd,
};
pub use fork::{Fork, Forked};
pub use provider::{ProviderError, connect, provider_problem};
pub use registry::{Engine, NewThread, Opened, Resumed};
pub use review::ReviewTarget;
pub use settings::{ThreadSettings, TurnEnvironment, TurnOverrides, TurnRequest};
pub use thread::{AcceptedTurn, InterruptedTurn, ThreadError, ThreadHandle, ThreadSnapshot};
pub use tools::rules::{RuleSet, RulesError, SyntaxError};
pub use tools::{
    CommandApproval, CommandDecision, GrantScope, NetworkApproval, NetworkDecision, NetworkOutlet, PatchApproval,
    PatchDecision, PermissionsGrant, PermissionsRequest, QuestionOption, UserAnswers, UserQuestions,
};
