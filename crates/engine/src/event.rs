//! What a thread tells the world.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tools::{
    CommandApproval, CommandDecision, NetworkApproval, NetworkDecision, PatchApproval, PatchDecision, PermissionsGrant,
    PermissionsRequest, UserAnswers, UserQuestions,
};
use types::item::{DynamicToolContent, FileChange, PlanStep};
use types::{
    ApprovalReview, Item, ItemId, RateLimits, ResponseItem, ReviewedAction, ThreadId, TokenUsage, TokenUsageTotals,
    Turn, TurnError, TurnId,
};

/// Receives every event of every thread, in the order in which they happen within a thread.
///
/// Called from the thread's own tasks: an implementation must not block and must not call back into the engine.
/// Whatever an event tells is in the rollout already.
pub trait EventSink: Send + Sync {
    /// Takes one event of `thread`.
    fn emit(&self, thread: ThreadId, event: ThreadEvent);
}

/// How a loaded thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThreadStatus {
    /// No turn runs.
    #[default]
    Idle,
    /// The last turn failed; the next one may work.
    SystemError,
    /// A turn runs.
    Active {
        /// Somebody has to answer an approval request.
        waiting_on_approval: bool,
        /// Somebody has to answer a question of the agent.
        waiting_on_user_input: bool,
    },
}

impl ThreadStatus {
    /// Active and waiting for nobody.
    pub(crate) const ACTIVE: Self = Self::Active { waiting_on_approval: false, waiting_on_user_input: false };
}

/// Something that happened in a thread.
#[derive(Debug)]
pub enum ThreadEvent {
    /// A thread was loaded to work for another one; who follows the parent follows it too.
    Spawned {
        parent: ThreadId,
    },
    /// A thread that worked for another one is no longer loaded.
    Closed,
    StatusChanged(ThreadStatus),
    /// Says what the provider, the configuration or a tool wants people to know.
    Warning(String),
    TurnStarted(Turn),
    /// The last event of a turn; exactly one for each [`Self::TurnStarted`].
    TurnCompleted(Turn),
    /// Something failed. With `will_retry` the turn goes on; otherwise it ends as failed.
    Error {
        turn_id: TurnId,
        error: TurnError,
        will_retry: bool,
    },
    ItemStarted {
        turn_id: TurnId,
        item: Item,
    },
    ItemCompleted {
        turn_id: TurnId,
        item: Item,
    },
    AgentMessageDelta {
        turn_id: TurnId,
        item_id: ItemId,
        delta: String,
    },
    PlanDelta {
        turn_id: TurnId,
        item_id: ItemId,
        delta: String,
    },
    ReasoningSummaryPartAdded {
        turn_id: TurnId,
        item_id: ItemId,
        summary_index: i64,
    },
    ReasoningSummaryDelta {
        turn_id: TurnId,
        item_id: ItemId,
        summary_index: i64,
        delta: String,
    },
    ReasoningDelta {
        turn_id: TurnId,
        item_id: ItemId,
        content_index: i64,
        delta: String,
    },
    CommandOutputDelta {
        turn_id: TurnId,
        item_id: ItemId,
        delta: String,
    },
    TerminalInteraction {
        turn_id: TurnId,
        item_id: ItemId,
        process_id: String,
        stdin: String,
    },
    FileChangeOutputDelta {
        turn_id: TurnId,
        item_id: ItemId,
        delta: String,
    },
    FileChangePatchUpdated {
        turn_id: TurnId,
        item_id: ItemId,
        changes: Vec<FileChange>,
    },
    PlanUpdated {
        turn_id: TurnId,
        explanation: Option<String>,
        steps: Vec<PlanStep>,
    },
    /// All file changes of the turn so far, as one unified diff.
    DiffUpdated {
        turn_id: TurnId,
        diff: String,
    },
    TokenUsageUpdated {
        turn_id: TurnId,
        usage: TokenUsageTotals,
    },
    RateLimitsUpdated(RateLimits),
    /// The automatic reviewer has begun to look at something, or is done with it.
    ApprovalReview {
        turn_id: TurnId,
        review_id: String,
        /// The item that wants approval.
        target: ItemId,
        action: ReviewedAction,
        review: ApprovalReview,
    },
    /// What people should know of a review's outcome.
    ReviewerWarning(String),
    /// A request to the model is over. Nothing of an interrupted one is told.
    ModelRequestEnded(ModelRequestEnd),
    /// A tool call of the model's is over. Nothing of an interrupted one is told.
    ToolCallEnded(ToolCallEnd),
    /// An item as the model sent or will see it, for threads that asked for raw events.
    RawResponseItem {
        turn_id: TurnId,
        item: ResponseItem,
    },
    /// Somebody has to answer; the thread waits.
    Asked(Question),
    /// A question needs no answer any more: it was answered, or its turn ended.
    Settled {
        question: QuestionId,
    },
}

impl ThreadEvent {
    /// The same event as part of another turn. Events of a thread as a whole stay as they are.
    pub(crate) fn in_turn(mut self, id: &TurnId) -> Self {
        match &mut self {
            Self::Error { turn_id, .. }
            | Self::ItemStarted { turn_id, .. }
            | Self::ItemCompleted { turn_id, .. }
            | Self::AgentMessageDelta { turn_id, .. }
            | Self::PlanDelta { turn_id, .. }
            | Self::ReasoningSummaryPartAdded { turn_id, .. }
            | Self::ReasoningSummaryDelta { turn_id, .. }
            | Self::ReasoningDelta { turn_id, .. }
            | Self::CommandOutputDelta { turn_id, .. }
            | Self::TerminalInteraction { turn_id, .. }
            | Self::FileChangeOutputDelta { turn_id, .. }
            | Self::FileChangePatchUpdated { turn_id, .. }
            | Self::PlanUpdated { turn_id, .. }
            | Self::DiffUpdated { turn_id, .. }
            | Self::TokenUsageUpdated { turn_id, .. }
            | Self::ApprovalReview { turn_id, .. }
            | Self::RawResponseItem { turn_id, .. }
            | Self::ModelRequestEnded(ModelRequestEnd { turn_id, .. })
            | Self::ToolCallEnded(ToolCallEnd { turn_id, .. })
            | Self::Asked(Question { turn_id, .. }) => turn_id.clone_from(id),
            Self::Spawned { .. }
            | Self::Closed
            | Self::StatusChanged(_)
            | Self::Warning(_)
            | Self::TurnStarted(_)
            | Self::TurnCompleted(_)
            | Self::RateLimitsUpdated(_)
            | Self::ReviewerWarning(_)
            | Self::Settled { .. } => {}
        }
        self
    }
}

/// What a request to the model took and came to, for those who run the server.
#[derive(Debug, Clone)]
pub struct ModelRequestEnd {
    pub turn_id: TurnId,
    pub model: String,
    /// From the request to the beginning of the answer, if there was one.
    pub answered_after: Option<Duration>,
    /// From the request to the end of the answer, or to the failure.
    pub duration: Duration,
    /// The tokens that the provider counted, if it did.
    pub outcome: Result<Option<TokenUsage>, ModelFailure>,
}

/// The kind of a failed request to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFailure {
    /// See [`model::ModelError::name`].
    pub name: &'static str,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
}

/// What a tool call took and came to, for those who run the server.
#[derive(Debug, Clone)]
pub struct ToolCallEnd {
    pub turn_id: TurnId,
    pub call_id: String,
    /// As the model called it.
    pub tool: String,
    pub duration: Duration,
    pub success: bool,
}

/// Identifies a question for as long as the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionId(pub(crate) u64);

/// A question with the way to answer it. Dropping it unanswered means "no".
pub struct Question {
    pub id: QuestionId,
    pub turn_id: TurnId,
    pub kind: QuestionKind,
    /// Takes the first answer; the thread goes on when it is sent or dropped.
    pub reply: oneshot::Sender<Answer>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum QuestionKind {
    /// May this command run?
    Command(CommandApproval),
    /// May a running command reach this host?
    Network(NetworkApproval),
    /// May this patch be applied?
    Patch(PatchApproval),
    /// May the agent have these permissions?
    Permissions(PermissionsRequest),
    /// The agent's own questions.
    UserInput(UserQuestions),
    /// A call of a tool that the client offers.
    DynamicTool { call_id: String, namespace: Option<String>, tool: String, arguments: Value },
}

/// What was answered.
#[derive(Debug, Clone)]
pub enum Answer {
    Command(CommandDecision),
    Network(NetworkDecision),
    Patch(PatchDecision),
    Permissions(PermissionsGrant),
    UserInput(UserAnswers),
    DynamicTool {
        content: Vec<DynamicToolContent>,
        success: bool,
    },
    /// The client answered with an error.
    Refused(String),
    /// The client's answer makes no sense.
    Malformed(String),
}
