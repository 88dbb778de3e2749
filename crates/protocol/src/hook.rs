//! Hooks: what the user has run on certain occasions.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::path::AbsolutePathBuf;

/// A hook begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct HookStartedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The turn; `null` outside of one.
    pub turn_id: Option<String>,
    /// The hook's run.
    pub run: HookRunSummary,
}

/// A hook's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct HookRunSummary {
    /// Names the run.
    pub id: String,
    /// The occasion.
    pub event_name: HookEventName,
    /// What the hook does.
    pub handler_type: HookHandlerType,
    /// Whether anybody waits for it.
    pub execution_mode: HookExecutionMode,
    /// What it belongs to.
    pub scope: HookScope,
    /// The file it is configured in.
    pub source_path: AbsolutePathBuf,
    /// What kind of file that is.
    #[serde(default)]
    pub source: HookSource,
    /// Its place among the hooks of the same occasion.
    pub display_order: i64,
    /// How far it got.
    pub status: HookRunStatus,
    /// What to show while it runs.
    pub status_message: Option<String>,
    /// When it began, in Unix seconds.
    pub started_at: i64,
    /// When it ended, in Unix seconds; `null` while it runs.
    pub completed_at: Option<i64>,
    /// How long it took, in milliseconds; `null` while it runs and where it is not known.
    pub duration_ms: Option<i64>,
    /// What it said.
    pub entries: Vec<HookOutputEntry>,
}

/// When hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookEventName {
    /// Before a tool is used.
    PreToolUse,
    /// Before the user is asked.
    PermissionRequest,
    /// After a tool was used.
    PostToolUse,
    /// When a thread begins or is taken up again.
    SessionStart,
    /// When the user has said something.
    UserPromptSubmit,
    /// When the agent would end its turn.
    Stop,
}

/// What a hook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookHandlerType {
    /// Runs a command.
    Command,
    /// Asks a model.
    Prompt,
    /// Asks an agent.
    Agent,
}

/// Whether anybody waits for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookExecutionMode {
    /// The agent waits.
    Sync,
    /// Nobody waits.
    Async,
}

/// What a hook's run belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookScope {
    /// The thread.
    Thread,
    /// The turn.
    Turn,
}

/// Where a hook is configured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookSource {
    /// The machine's file.
    System,
    /// The user's file.
    User,
    /// A project's file.
    Project,
    /// The device's management.
    Mdm,
    /// The command line.
    SessionFlags,
    /// The administrator's file, of the older kind.
    LegacyManagedConfigFile,
    /// The same, by way of the device's management.
    LegacyManagedConfigMdm,
    /// Anything this version has no name for.
    #[default]
    Unknown,
}

/// How far a hook's run got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookRunStatus {
    /// Under way.
    Running,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Failed,
    /// It refused the action.
    Blocked,
    /// It stopped the agent.
    Stopped,
}

/// Something a hook said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct HookOutputEntry {
    /// What it is for.
    pub kind: HookOutputEntryKind,
    /// What it said.
    pub text: String,
}

/// What something a hook said is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum HookOutputEntryKind {
    /// To warn the user.
    Warning,
    /// To say why it stops the agent.
    Stop,
    /// To tell the model what it thinks.
    Feedback,
    /// To tell the model more.
    Context,
    /// To say what went wrong in the hook.
    Error,
}

/// A hook has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct HookCompletedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The turn; `null` outside of one.
    pub turn_id: Option<String>,
    /// The hook's run.
    pub run: HookRunSummary,
}
