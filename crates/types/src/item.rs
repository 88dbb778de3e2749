//! Turns and the items they are made of, as clients render them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::settings::named;
use crate::{AbsPath, ItemId, ReasoningEffort, Text, ThreadId, TurnId};

/// One exchange: the user's input and all the agent did for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub id: TurnId,
    pub items: Vec<Item>,
    pub status: TurnStatus,
    /// Set when `status` is [`TurnStatus::Failed`].
    pub error: Option<TurnError>,
    /// Unix seconds.
    pub started_at: Option<i64>,
    /// Unix seconds.
    pub completed_at: Option<i64>,
    pub duration: Option<Duration>,
}

named! {
    /// How far a turn is. The last three are final.
    TurnStatus { InProgress = "inProgress", Completed = "completed", Interrupted = "interrupted", Failed = "failed" }
}

/// Why a turn failed, or what went wrong on the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TurnError {
    pub message: String,
    pub kind: Option<TurnErrorKind>,
    pub details: Option<String>,
}

/// What a client can tell apart about a failure (`codexErrorInfo` on the wire).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnErrorKind {
    ContextWindowExceeded,
    UsageLimitExceeded,
    ServerOverloaded,
    CyberPolicy,
    HttpConnectionFailed {
        status: Option<u16>,
    },
    /// The provider refused the request before a stream began.
    ResponseStreamConnectionFailed {
        status: Option<u16>,
    },
    InternalServerError,
    Unauthorized,
    BadRequest,
    ThreadRollbackFailed,
    SandboxError,
    /// The stream ended before the response was complete.
    ResponseStreamDisconnected {
        status: Option<u16>,
    },
    /// All retries are used up.
    ResponseTooManyFailedAttempts {
        status: Option<u16>,
    },
    ActiveTurnNotSteerable {
        turn_kind: NonSteerableTurn,
    },
    Other,
}

named! {
    /// Turns that take no further input.
    NonSteerableTurn { Review = "review", Compact = "compact" }
}

/// What a user gives to a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum UserInput {
    Text {
        text: String,
        elements: Vec<TextElement>,
    },
    /// A `data:` or `https:` URL.
    Image {
        url: String,
    },
    LocalImage {
        path: PathBuf,
    },
    Skill {
        name: String,
        path: PathBuf,
    },
    Mention {
        name: String,
        path: String,
    },
}

/// A span of a text that the client draws in a special way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextElement {
    /// Byte offsets into the text.
    pub start: usize,
    pub end: usize,
    pub placeholder: Option<String>,
}

/// One thing a client renders.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    UserMessage {
        id: ItemId,
        content: Vec<UserInput>,
    },
    HookPrompt {
        id: ItemId,
        fragments: Vec<HookPromptFragment>,
    },
    AgentMessage {
        id: ItemId,
        text: Text,
        phase: Option<MessagePhase>,
        memory_citation: Option<MemoryCitation>,
    },
    Plan {
        id: ItemId,
        text: String,
    },
    Reasoning {
        id: ItemId,
        summary: Vec<String>,
        content: Vec<String>,
    },
    CommandExecution(CommandExecution),
    FileChange {
        id: ItemId,
        changes: Vec<FileChange>,
        status: PatchStatus,
    },
    McpToolCall(McpToolCall),
    DynamicToolCall(DynamicToolCall),
    CollabAgentToolCall(CollabAgentToolCall),
    WebSearch {
        id: ItemId,
        query: String,
        action: Option<WebSearchAction>,
    },
    ImageView {
        id: ItemId,
        path: AbsPath,
    },
    ImageGeneration {
        id: ItemId,
        status: String,
        revised_prompt: Option<String>,
        /// Base64 of the image.
        result: String,
        saved_path: Option<AbsPath>,
    },
    EnteredReviewMode {
        id: ItemId,
        review: String,
    },
    ExitedReviewMode {
        id: ItemId,
        review: String,
    },
    ContextCompaction {
        id: ItemId,
    },
}

impl Item {
    /// The item's id.
    #[must_use]
    pub fn id(&self) -> &ItemId {
        match self {
            Self::UserMessage { id, .. }
            | Self::HookPrompt { id, .. }
            | Self::AgentMessage { id, .. }
            | Self::Plan { id, .. }
            | Self::Reasoning { id, .. }
            | Self::FileChange { id, .. }
            | Self::WebSearch { id, .. }
            | Self::ImageView { id, .. }
            | Self::ImageGeneration { id, .. }
            | Self::EnteredReviewMode { id, .. }
            | Self::ExitedReviewMode { id, .. }
            | Self::ContextCompaction { id } => id,
            Self::CommandExecution(item) => &item.id,
            Self::McpToolCall(item) => &item.id,
            Self::DynamicToolCall(item) => &item.id,
            Self::CollabAgentToolCall(item) => &item.id,
        }
    }
}

named! {
    /// Whether a message is said on the way or ends the turn, where the model says so.
    MessagePhase { Commentary = "commentary", FinalAnswer = "final_answer" }
}

/// Text that a hook put before the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookPromptFragment {
    pub text: String,
    pub hook_run_id: String,
}

/// Which memories an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryCitation {
    pub entries: Vec<MemoryCitationEntry>,
    pub thread_ids: Vec<String>,
}

/// Lines of one memory file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryCitationEntry {
    pub path: String,
    pub line_start: u32,
    pub line_end: u32,
    pub note: String,
}

/// A command and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandExecution {
    pub id: ItemId,
    /// The command line, quoted for a shell.
    pub command: String,
    pub cwd: AbsPath,
    /// The session's number, for commands that later input can reach.
    pub process_id: Option<String>,
    pub source: CommandSource,
    pub status: CommandStatus,
    /// What the command seems to do, part by part.
    pub actions: Vec<CommandAction>,
    /// Standard output and error as they came, capped.
    pub aggregated_output: Option<String>,
    pub exit_code: Option<i32>,
    pub duration: Option<Duration>,
}

named! {
    /// Who started a command.
    CommandSource {
        Agent = "agent",
        UserShell = "userShell",
        UnifiedExecStartup = "unifiedExecStartup",
        UnifiedExecInteraction = "unifiedExecInteraction",
    }
}

named! {
    /// How far a command is.
    CommandStatus { InProgress = "inProgress", Completed = "completed", Failed = "failed", Declined = "declined" }
}

/// What one part of a command line does, as far as its text shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandAction {
    Read { command: String, name: String, path: AbsPath },
    ListFiles { command: String, path: Option<String> },
    Search { command: String, query: Option<String>, path: Option<String> },
    Unknown { command: String },
}

/// The change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub kind: FileChangeKind,
    /// The content for added and deleted files, a unified diff for changed ones.
    pub diff: String,
}

/// What happens to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChangeKind {
    Add,
    Delete,
    Update { move_path: Option<PathBuf> },
}

named! {
    /// How far a patch is.
    PatchStatus { InProgress = "inProgress", Completed = "completed", Failed = "failed", Declined = "declined" }
}

named! {
    /// How far a call of an outside tool is.
    CallStatus { InProgress = "inProgress", Completed = "completed", Failed = "failed" }
}

/// A call of a tool that an MCP server offers.
#[derive(Debug, Clone, PartialEq)]
pub struct McpToolCall {
    pub id: ItemId,
    pub server: String,
    pub tool: String,
    pub status: CallStatus,
    pub arguments: Value,
    pub app_resource_uri: Option<String>,
    pub result: Option<McpToolResult>,
    pub error: Option<String>,
    pub duration: Option<Duration>,
}

/// What an MCP tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct McpToolResult {
    pub content: Vec<Value>,
    pub structured_content: Option<Value>,
    pub meta: Option<Value>,
}

/// A call of a tool that the client offers.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicToolCall {
    pub id: ItemId,
    pub namespace: Option<String>,
    pub tool: String,
    pub arguments: Value,
    pub status: CallStatus,
    pub content: Option<Vec<DynamicToolContent>>,
    pub success: Option<bool>,
    pub duration: Option<Duration>,
}

/// A part of a dynamic tool's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DynamicToolContent {
    Text(String),
    Image { url: String },
}

/// A call of one of the sub-agent tools.
#[derive(Debug, Clone, PartialEq)]
pub struct CollabAgentToolCall {
    pub id: ItemId,
    pub tool: CollabAgentTool,
    pub status: CallStatus,
    pub sender: ThreadId,
    pub receivers: Vec<ThreadId>,
    pub prompt: Option<String>,
    pub model: Option<String>,
    pub reasoning_effort: Option<ReasoningEffort>,
    /// By thread id.
    pub agents: BTreeMap<String, CollabAgentState>,
}

named! {
    /// The sub-agent tools.
    CollabAgentTool {
        SpawnAgent = "spawnAgent",
        SendInput = "sendInput",
        ResumeAgent = "resumeAgent",
        Wait = "wait",
        CloseAgent = "closeAgent",
    }
}

/// What is known of a sub-agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollabAgentState {
    pub status: CollabAgentStatus,
    pub message: Option<String>,
}

named! {
    /// How far a sub-agent is.
    CollabAgentStatus {
        PendingInit = "pendingInit",
        Running = "running",
        Interrupted = "interrupted",
        Completed = "completed",
        Errored = "errored",
        Shutdown = "shutdown",
        NotFound = "notFound",
    }
}

/// What a web search did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebSearchAction {
    Search { query: Option<String>, queries: Option<Vec<String>> },
    OpenPage { url: Option<String> },
    FindInPage { url: Option<String>, pattern: Option<String> },
    Other,
}

/// A step of the agent's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStep {
    pub step: String,
    pub status: PlanStepStatus,
}

named! {
    /// How far a step is, in the model's spelling.
    PlanStepStatus { Pending = "pending", InProgress = "in_progress", Completed = "completed" }
}
