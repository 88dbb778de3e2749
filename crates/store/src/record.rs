//! What a rollout is made of, in the words of `types`: the thread's facts and its records, one a line.
//!
//! The spelling of a line lives in `format`; nothing here knows JSON, apart from values that are kept as they came.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use serde_json::value::RawValue;
use types::item::{MemoryCitation, MessagePhase, TextElement};
use types::{
    AbsPath, ApprovalPolicy, ApprovalReview, CollaborationMode, GitFacts, Item, ItemId, ModeKind, PermissionProfile,
    Personality, RateLimits, ReasoningEffort, ReasoningSummary, ResponseItem, ReviewedAction, SandboxPolicy,
    SessionSource, Text, ThreadId, TokenUsageTotals, TurnErrorKind, TurnId,
};

/// The facts of a thread that never change: the rollout's first line.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionMeta {
    pub id: ThreadId,
    /// The thread this one continues as a copy.
    pub forked_from_id: Option<ThreadId>,
    /// Kept with millisecond precision. The rollout's file name has it in local time.
    pub created_at: SystemTime,
    pub cwd: AbsPath,
    /// The client's name, as it introduced itself.
    pub originator: String,
    pub cli_version: String,
    pub source: SessionSource,
    pub agent_nickname: Option<String>,
    pub agent_role: Option<String>,
    pub agent_path: Option<String>,
    pub model_provider: Option<String>,
    /// The instructions the thread started with; `None` for the model's own, which need no copy in every rollout.
    pub base_instructions: Option<String>,
    /// Tools the client offers, in the client's spelling.
    pub dynamic_tools: Option<Vec<Value>>,
    /// `enabled`, `disabled` or `polluted`.
    pub memory_mode: Option<String>,
    pub git: Option<GitFacts>,
}

/// One line of a rollout after the first.
#[derive(Debug, Clone)]
pub enum Record {
    /// What the model saw or said.
    ResponseItem(ResponseItem),
    /// The settings of the turn that begins.
    TurnContext(Box<TurnContextRecord>),
    /// The history before this line was replaced by a shorter one.
    Compacted {
        /// The summary.
        message: String,
        /// The history that stands from here on; `None` in old rollouts, which kept the user's messages and the summary.
        replacement: Option<Vec<ResponseItem>>,
    },
    /// What clients saw.
    Event(EventRecord),
    /// A thread's facts once more: those of the thread this one was copied from, or this one's own with another memory
    /// mode.
    SessionMeta(Box<SessionMeta>),
    /// A line of a kind this version does not know, kept as it came.
    Unknown { kind: String, payload: Box<RawValue> },
}

/// A turn's settings as they stood when it began.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnContextRecord {
    pub turn_id: Option<TurnId>,
    pub trace_id: Option<String>,
    pub cwd: AbsPath,
    /// `YYYY-MM-DD` where the user is.
    pub current_date: Option<String>,
    /// The IANA name.
    pub timezone: Option<String>,
    pub approval_policy: ApprovalPolicy,
    pub sandbox_policy: SandboxPolicy,
    pub permission_profile: Option<PermissionProfile>,
    /// Network rules beside the sandbox policy, kept as they came.
    pub network: Option<Value>,
    /// File-system rules beside the sandbox policy, kept as they came.
    pub file_system_sandbox_policy: Option<Value>,
    pub model: String,
    pub personality: Option<Personality>,
    pub collaboration_mode: Option<CollaborationMode>,
    pub realtime_active: Option<bool>,
    pub effort: Option<ReasoningEffort>,
    pub summary: ReasoningSummary,
    pub user_instructions: Option<String>,
    pub developer_instructions: Option<String>,
    pub final_output_json_schema: Option<Value>,
    pub truncation_policy: Option<TruncationPolicy>,
}

/// How much of a tool's output the model sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncationPolicy {
    Bytes(u64),
    Tokens(u64),
}

/// What clients saw of a turn, as far as rollouts keep it.
#[derive(Debug, Clone)]
pub enum EventRecord {
    TurnStarted {
        turn_id: TurnId,
        /// Unix seconds.
        started_at: Option<i64>,
        model_context_window: Option<i64>,
        mode: ModeKind,
    },
    TurnCompleted {
        turn_id: TurnId,
        last_agent_message: Option<String>,
        /// Unix seconds.
        completed_at: Option<i64>,
        /// Kept in milliseconds.
        duration: Option<Duration>,
        /// Kept in milliseconds.
        time_to_first_token: Option<Duration>,
    },
    TurnAborted {
        turn_id: Option<TurnId>,
        /// `interrupted`, `replaced` or `review_ended`.
        reason: String,
        /// Unix seconds.
        completed_at: Option<i64>,
        /// Kept in milliseconds.
        duration: Option<Duration>,
    },
    UserMessage {
        text: String,
        /// URLs.
        images: Vec<String>,
        local_images: Vec<PathBuf>,
        elements: Vec<TextElement>,
    },
    AgentMessage {
        text: Text,
        phase: Option<MessagePhase>,
        memory_citation: Option<MemoryCitation>,
    },
    /// A paragraph of a reasoning summary.
    Reasoning {
        text: String,
    },
    /// Raw reasoning, from models that show it.
    ReasoningRaw {
        text: String,
    },
    TokenCount {
        totals: Option<TokenUsageTotals>,
        rate_limits: Option<RateLimits>,
    },
    ThreadName {
        thread_id: ThreadId,
        name: Option<String>,
    },
    ContextCompacted,
    EnteredReview {
        /// What is reviewed, in the client's spelling.
        target: Value,
        /// What clients show.
        hint: Option<String>,
    },
    ExitedReview {
        /// The findings, in the review model's spelling; `None` for a review that came to none.
        output: Option<Value>,
    },
    /// The last `num_turns` turns are no longer part of the thread.
    ThreadRolledBack {
        num_turns: u32,
    },
    Error {
        message: String,
        kind: Option<TurnErrorKind>,
    },
    /// An item without an event of its own; only plans are kept.
    ItemCompleted {
        thread_id: Option<ThreadId>,
        turn_id: TurnId,
        item: Item,
    },
    ImageGenerationEnd {
        call_id: String,
        status: String,
        revised_prompt: Option<String>,
        /// Base64 of the image.
        result: String,
        saved_path: Option<AbsPath>,
    },
    /// Kept only in threads with an extended history.
    Extended(Box<Extended>),
    /// An event of a kind this version does not know, kept as it came.
    Unknown(Box<RawValue>),
}

/// What a thread with an extended history keeps besides.
#[derive(Debug, Clone)]
pub enum Extended {
    /// A tool's item as it ended. Items of other kinds are not kept this way; see [`Extended::of`].
    Item {
        /// The turn it belongs to, where the line says so; otherwise the turn in which it stands.
        turn_id: Option<TurnId>,
        item: Item,
    },
    /// A call of a client's tool that has not been answered yet.
    DynamicToolCallRequested { turn_id: TurnId, item: types::item::DynamicToolCall },
    /// A review of the automatic reviewer that begins or has ended.
    ApprovalReview(ApprovalReviewRecord),
    /// One that was read. Nothing is made of it, so it is kept as it came.
    ApprovalReviewRead(Box<RawValue>),
}

/// A review of the automatic reviewer, as it was at the time of the record.
#[derive(Debug, Clone)]
pub struct ApprovalReviewRecord {
    /// Names the review, in both of its records.
    pub id: String,
    /// The item the review is about.
    pub target: ItemId,
    pub turn_id: TurnId,
    pub action: ReviewedAction,
    pub review: ApprovalReview,
}

impl Extended {
    /// The record of an item that ended, or `None` for a kind that other records tell of already.
    #[must_use]
    pub fn of(turn_id: &TurnId, item: &Item) -> Option<Self> {
        let turn_id = match item {
            Item::CommandExecution(_) | Item::FileChange { .. } | Item::DynamicToolCall(_) => Some(turn_id.clone()),
            // Their lines do not say.
            Item::McpToolCall(_) | Item::CollabAgentToolCall(_) | Item::WebSearch { .. } | Item::ImageView { .. } => {
                None
            }
            Item::UserMessage { .. }
            | Item::HookPrompt { .. }
            | Item::AgentMessage { .. }
            | Item::Plan { .. }
            | Item::Reasoning { .. }
            | Item::ImageGeneration { .. }
            | Item::EnteredReviewMode { .. }
            | Item::ExitedReviewMode { .. }
            | Item::ContextCompaction { .. } => return None,
        };
        Some(Self::Item { turn_id, item: item.clone() })
    }
}
