//! Items: what a turn consists of, and how they grow.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::model::ReasoningEffort;
use crate::path::AbsolutePathBuf;
use crate::response_item::{MessagePhase, ResponseItem};
use crate::text::Text;
use crate::turn::UserInput;

/// A tool the client offers to the agent and carries out itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DynamicToolSpec {
    /// The group of tools it belongs to; absent for tools outside of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(optional))]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON schema of its arguments.
    pub input_schema: Value,
    /// Whether the model learns of it only when it searches for tools.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub defer_loading: bool,
}

impl<'de> Deserialize<'de> for DynamicToolSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// As clients may spell it: `exposeToContext` is the older name of the opposite of `deferLoading`.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", rename = "DynamicToolSpec")]
        struct Spelling {
            namespace: Option<String>,
            name: String,
            description: String,
            input_schema: Value,
            defer_loading: Option<bool>,
            expose_to_context: Option<bool>,
        }

        let spelling = Spelling::deserialize(deserializer)?;
        Ok(Self {
            namespace: spelling.namespace,
            name: spelling.name,
            description: spelling.description,
            input_schema: spelling.input_schema,
            defer_loading: spelling.defer_loading.unwrap_or(spelling.expose_to_context == Some(false)),
        })
    }
}

/// A piece of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ThreadItem {
    /// What the user said.
    UserMessage {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// Its parts.
        content: Vec<UserInput>,
    },
    /// What hooks told the model.
    HookPrompt {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// Hook by hook.
        fragments: Vec<HookPromptFragment>,
    },
    /// A message of the agent to the user.
    #[serde(rename_all = "camelCase")]
    AgentMessage {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// The text, in Markdown. Empty in `item/started` when it is streamed; whole in `item/completed`.
        #[cfg_attr(feature = "export", schemars(with = "String"), ts(type = "string"))]
        text: Text,
        /// Whether it is said on the way or is the final answer; `null` when the model does not say.
        #[serde(default)]
        phase: Option<MessagePhase>,
        /// The memories it rests on.
        #[serde(default)]
        memory_citation: Option<MemoryCitation>,
    },
    /// The plan the agent proposes.
    Plan {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// The text, in Markdown. Empty in `item/started` when it is streamed; whole in `item/completed`.
        text: String,
    },
    /// What the model thought, as far as it may be shown.
    Reasoning {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// Summaries, part by part.
        #[serde(default)]
        summary: Vec<String>,
        /// Raw reasoning, part by part, from models that show it.
        #[serde(default)]
        content: Vec<String>,
    },
    /// A command, of the agent's or of the user's.
    #[serde(rename_all = "camelCase")]
    CommandExecution {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// The command as one text, quoted for a shell.
        command: String,
        /// The working directory: an absolute path.
        cwd: AbsolutePathBuf,
        /// Names the session it runs in, when it may outlive the call; `null` when it has none.
        process_id: Option<String>,
        /// Who started it.
        #[serde(default)]
        source: CommandExecutionSource,
        /// How far it got: under way in `item/started`, one of the others in `item/completed`.
        status: CommandExecutionStatus,
        /// What the command does, part by part, as far as it can be told from its text: for a short line instead of
        /// the whole command.
        command_actions: Vec<CommandAction>,
        /// What it wrote to standard output and standard error, in the order in which it came, possibly cut in the
        /// middle; `null` while it runs and when it wrote nothing.
        aggregated_output: Option<String>,
        /// The exit code; `null` while it runs, and when it never ran.
        exit_code: Option<i32>,
        /// How long it took, in milliseconds; `null` while it runs and where it is not known.
        #[cfg_attr(feature = "export", ts(type = "number | null"))]
        duration_ms: Option<i64>,
    },
    /// Changes to files, by one patch.
    FileChange {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// What changes, file by file.
        changes: Vec<FileUpdateChange>,
        /// How far it got: under way in `item/started`, one of the others in `item/completed`.
        status: PatchApplyStatus,
    },
    /// A call of a tool of an MCP server.
    #[serde(rename_all = "camelCase")]
    McpToolCall {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// The server.
        server: String,
        /// The tool.
        tool: String,
        /// How far it got: under way in `item/started`, one of the others in `item/completed`.
        status: McpToolCallStatus,
        /// Its arguments, as the model gave them.
        arguments: Value,
        /// What to show for it, if the tool has a view of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        mcp_app_resource_uri: Option<String>,
        /// What it gave.
        result: Option<McpToolCallResult>,
        /// Why it failed.
        error: Option<McpToolCallError>,
        /// How long it took, in milliseconds; `null` while it runs and where it is not known.
        #[cfg_attr(feature = "export", ts(type = "number | null"))]
        duration_ms: Option<i64>,
    },
    /// A call of a tool that the client offered.
    #[serde(rename_all = "camelCase")]
    DynamicToolCall {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// The group of tools it belongs to; absent for tools outside of any.
        namespace: Option<String>,
        /// The tool.
        tool: String,
        /// Its arguments, as the model gave them.
        arguments: Value,
        /// How far it got: under way in `item/started`, one of the others in `item/completed`.
        status: DynamicToolCallStatus,
        /// What it gave; `null` while it runs.
        content_items: Option<Vec<DynamicToolCallOutputContentItem>>,
        /// Whether the client says it worked; `null` while it runs.
        success: Option<bool>,
        /// How long it took, in milliseconds; `null` while it runs and where it is not known.
        #[cfg_attr(feature = "export", ts(type = "number | null"))]
        duration_ms: Option<i64>,
    },
    /// The agent deals with other agents.
    #[serde(rename_all = "camelCase")]
    CollabAgentToolCall {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// What it does.
        tool: CollabAgentTool,
        /// How far it got: under way in `item/started`, one of the others in `item/completed`.
        status: CollabAgentToolCallStatus,
        /// The id of the thread whose agent acts.
        sender_thread_id: String,
        /// The ids of the threads of the other agents.
        receiver_thread_ids: Vec<String>,
        /// What it tells them.
        prompt: Option<String>,
        /// The model of a new agent.
        model: Option<String>,
        /// How hard a new agent's model thinks.
        reasoning_effort: Option<ReasoningEffort>,
        /// What the others were last seen doing, by thread.
        agents_states: HashMap<String, CollabAgentState>,
    },
    /// A search of the web.
    WebSearch {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// What is looked for; empty while it is not known.
        query: String,
        /// What it did; `null` while it is not known.
        action: Option<WebSearchAction>,
    },
    /// The agent looks at a picture.
    ImageView {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// The picture.
        path: AbsolutePathBuf,
    },
    /// The agent makes a picture.
    #[serde(rename_all = "camelCase")]
    ImageGeneration {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// How far it got: under way in `item/started`, one of the others in `item/completed`.
        status: String,
        /// The prompt it was really made from.
        revised_prompt: Option<String>,
        /// The picture, in base64.
        result: String,
        /// Where it was saved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional))]
        saved_path: Option<AbsolutePathBuf>,
    },
    /// A review begins.
    EnteredReviewMode {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// In `enteredReviewMode`, what is reviewed, in a few words; in `exitedReviewMode`, what the reviewer found,
        /// in Markdown.
        review: String,
    },
    /// A review ends.
    ExitedReviewMode {
        /// Names the item, in its turn and in every notification about it.
        id: String,
        /// In `enteredReviewMode`, what is reviewed, in a few words; in `exitedReviewMode`, what the reviewer found,
        /// in Markdown.
        review: String,
    },
    /// The conversation was condensed, to make room in the model's context.
    ContextCompaction {
        /// Names the item, in its turn and in every notification about it.
        id: String,
    },
}

/// Something a hook told the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct HookPromptFragment {
    /// What.
    pub text: String,
    /// The run of the hook.
    pub hook_run_id: String,
}

/// The memories a message rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MemoryCitation {
    /// Where they are written.
    pub entries: Vec<MemoryCitationEntry>,
    /// The threads they come from.
    pub thread_ids: Vec<String>,
}

/// A place in a file of memories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct MemoryCitationEntry {
    /// The path of the file.
    pub path: String,
    /// The first line.
    pub line_start: u32,
    /// The last line.
    pub line_end: u32,
    /// What it was used for.
    pub note: String,
}

/// Who started a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CommandExecutionSource {
    /// The agent, by a call that waits for the end.
    #[default]
    Agent,
    /// The user, by `thread/shellCommand`.
    UserShell,
    /// The agent, in a session that goes on.
    UnifiedExecStartup,
    /// The agent, by talking to a session.
    UnifiedExecInteraction,
}

/// How far a command got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CommandExecutionStatus {
    /// Under way.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Failed,
    /// Not allowed, so never begun.
    Declined,
}

/// What a command does, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum CommandAction {
    /// Reads a file.
    Read {
        /// The command.
        command: String,
        /// The file's name.
        name: String,
        /// The path of the file.
        path: AbsolutePathBuf,
    },
    /// Lists files.
    ListFiles {
        /// The command.
        command: String,
        /// Where it looks.
        path: Option<String>,
    },
    /// Searches in files.
    Search {
        /// The command.
        command: String,
        /// What it looks for.
        query: Option<String>,
        /// Where it looks.
        path: Option<String>,
    },
    /// Anything this version has no name for.
    Unknown {
        /// The command.
        command: String,
    },
}

/// A change to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FileUpdateChange {
    /// The path of the file, absolute.
    pub path: String,
    /// What happens to the file.
    pub kind: PatchChangeKind,
    /// The change as a unified diff; for a new or a deleted file, its text.
    pub diff: String,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum PatchChangeKind {
    /// It is made.
    Add,
    /// It is removed.
    Delete,
    /// It is changed.
    Update {
        /// Its new path, when the change also moves it; `null` when it stays.
        move_path: Option<PathBuf>,
    },
}

/// How far a patch got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum PatchApplyStatus {
    /// Under way.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Failed,
    /// Not allowed, so never begun.
    Declined,
}

/// How far a call of an MCP tool got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum McpToolCallStatus {
    /// Under way.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Failed,
}

/// What a call of an MCP tool gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpToolCallResult {
    /// What it gave, part by part.
    pub content: Vec<Value>,
    /// The same as data, if the tool has an output schema.
    pub structured_content: Option<Value>,
    /// Data the MCP server and the client share beside the protocol, passed on untouched.
    #[serde(rename = "_meta")]
    pub meta: Option<Value>,
}

/// Why a call of an MCP tool failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct McpToolCallError {
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
}

/// How far a call of a client's tool got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum DynamicToolCallStatus {
    /// Under way.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Failed,
}

/// A part of what a client's tool gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum DynamicToolCallOutputContentItem {
    /// Text.
    InputText {
        /// The text.
        text: String,
    },
    /// A picture.
    #[serde(rename_all = "camelCase")]
    InputImage {
        /// Its address, often a `data:` URL.
        image_url: String,
    },
}

/// What an agent does with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CollabAgentTool {
    /// Makes it.
    SpawnAgent,
    /// Tells it something.
    SendInput,
    /// Wakes it up.
    ResumeAgent,
    /// Waits for it.
    Wait,
    /// Closes it.
    CloseAgent,
}

/// How far a call about another agent got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CollabAgentToolCallStatus {
    /// Under way.
    InProgress,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Failed,
}

/// What an agent was last seen doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CollabAgentState {
    /// Its state.
    pub status: CollabAgentStatus,
    /// What it said about it.
    pub message: Option<String>,
}

/// The state of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CollabAgentStatus {
    /// Not begun yet.
    PendingInit,
    /// Under way.
    Running,
    /// Stopped before the end.
    Interrupted,
    /// Ended well.
    Completed,
    /// Ended in failure.
    Errored,
    /// Closed.
    Shutdown,
    /// There is no such agent.
    NotFound,
}

/// What a web search did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum WebSearchAction {
    /// Searched.
    Search {
        /// What for.
        query: Option<String>,
        /// What for, when it was more than one thing.
        queries: Option<Vec<String>>,
    },
    /// Opened a page.
    OpenPage {
        /// Its address.
        url: Option<String>,
    },
    /// Looked for something in a page.
    FindInPage {
        /// The page's address.
        url: Option<String>,
        /// What was looked for.
        pattern: Option<String>,
    },
    /// Anything else.
    Other,
}

/// Parameters of `item/tool/call`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DynamicToolCallParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The call.
    pub call_id: String,
    /// The group of tools it belongs to; absent for tools outside of any.
    pub namespace: Option<String>,
    /// The tool.
    pub tool: String,
    /// Its arguments, as the model gave them.
    pub arguments: Value,
}

/// The client's answer to `item/tool/call`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct DynamicToolCallResponse {
    /// What it gave.
    pub content_items: Vec<DynamicToolCallOutputContentItem>,
    /// Whether it worked.
    pub success: bool,
}

/// An item of a turn begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ItemStartedNotification {
    /// The item, as far as it is known.
    pub item: ThreadItem,
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
}

/// An item of a turn is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ItemCompletedNotification {
    /// The item as it stays.
    pub item: ThreadItem,
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
}

/// A piece of the conversation with the model, as the provider spells it. Only for threads that asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct RawResponseItemCompletedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The item.
    pub item: ResponseItem,
}

/// The agent's message grows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct AgentMessageDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// What is added to what came before.
    pub delta: String,
}

/// The agent's plan grows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PlanDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// What is added to what came before.
    pub delta: String,
}

/// A command of the agent has written something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecutionOutputDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// What is added to what came before.
    pub delta: String,
}

/// The agent has written to a session's terminal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TerminalInteractionNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// Names the process.
    pub process_id: String,
    /// What it wrote.
    pub stdin: String,
}

/// Applying a patch has something to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FileChangeOutputDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// What is added to what came before.
    pub delta: String,
}

/// The model's patch grows; all changes known by now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FileChangePatchUpdatedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// The changes.
    pub changes: Vec<FileUpdateChange>,
}

/// A call of an MCP tool tells how far it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct McpToolCallProgressNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// For people.
    pub message: String,
}

/// The summary of the model's reasoning grows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReasoningSummaryTextDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// What is added to what came before.
    pub delta: String,
    /// Which part, counted from 0.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub summary_index: i64,
}

/// The summary of the model's reasoning has a new part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReasoningSummaryPartAddedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// Which part, counted from 0.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub summary_index: i64,
}

/// The model's raw reasoning grows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReasoningTextDeltaNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// What is added to what came before.
    pub delta: String,
    /// Which part, counted from 0.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub content_index: i64,
}
