//! Threads: starting, finding, changing and following them.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::experimental::gated;
use crate::item::DynamicToolSpec;
use crate::model::{Personality, ReasoningEffort, ServiceTier};
use crate::path::AbsolutePathBuf;
use crate::permissions::{ApprovalsReviewer, AskForApproval, PermissionProfile, SandboxMode, SandboxPolicy};
use crate::response_item::ResponseItem;
use crate::turn::Turn;

gated! {
    /// Parameters of `thread/start`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct ThreadStartParams {
        /// The model's name, as its provider knows it, for example `gpt-5.4`. Absent: the configured one.
        pub model: Option<String>,
        /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
        pub model_provider: Option<String>,
        /// How fast and at what price the provider answers. `null` asks for the usual tier and absence for the
        /// configured one.
        #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(as = "Option<Option<ServiceTier>>", optional = nullable))]
        pub service_tier: Option<Option<ServiceTier>>,
        /// The working directory: absolute, or relative to the server's. Absent: the server's own.
        pub cwd: Option<String>,
        /// When the agent asks before it acts. Absent: as configured.
        pub approval_policy: Option<AskForApproval>,
        /// Who answers when the agent asks: the user, or another agent. Absent: as configured.
        pub approvals_reviewer: Option<ApprovalsReviewer>,
        /// What commands may do, by a word. Absent: as configured.
        pub sandbox: Option<SandboxMode>,
        /// What commands may read, write and reach, path by path. It cannot stand beside the sandbox policy.
        pub permission_profile: Option<PermissionProfile>,
        /// Configuration for this thread alone: values by dotted key, as in `config.toml`. They stand above all
        /// files.
        pub config: Option<HashMap<String, Value>>,
        /// What the thread is used for, for the records of the provider.
        pub service_name: Option<String>,
        /// Replaces the built-in instructions for the model. Absent: the built-in ones.
        pub base_instructions: Option<String>,
        /// Instructions of the client's own, told to the model beside the built-in ones.
        pub developer_instructions: Option<String>,
        /// How the agent speaks. Absent: as configured.
        pub personality: Option<Personality>,
        /// Whether the thread stays in memory only: it leaves no rollout, is not listed, and is gone when it is
        /// unloaded.
        pub ephemeral: Option<bool>,
        /// Why the thread begins, for hooks that run then. Absent: the client began.
        pub session_start_source: Option<ThreadStartSource>,
        /// Tools that the client offers to the agent in this thread, and carries out itself: each call comes as
        /// `item/tool/call`.
        #[experimental("thread/start.dynamicTools")]
        pub dynamic_tools: Option<Vec<DynamicToolSpec>>,
        /// Does nothing; there to try what experimental members do.
        #[experimental("thread/start.mockExperimentalField")]
        pub mock_experimental_field: Option<String>,
        /// Whether to tell every piece of the conversation as the provider spells it, by `rawResponseItem/completed`.
        #[serde(default)]
        #[experimental("thread/start.experimentalRawEvents")]
        pub experimental_raw_events: bool,
        /// Whether the rollout also keeps the output of commands and what patches changed, so that `thread/read` and
        /// `thread/resume` can show them again.
        #[serde(default)]
        #[experimental("thread/start.persistFullHistory")]
        pub persist_extended_history: bool,
    }
}

/// Why a thread begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ThreadStartSource {
    /// The client began.
    Startup,
    /// The user wanted an empty one.
    Clear,
}

/// Result of `thread/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadStartResponse {
    /// The thread as it is now.
    pub thread: Thread,
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: String,
    /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
    pub model_provider: String,
    /// How fast and at what price the provider answers.
    pub service_tier: Option<ServiceTier>,
    /// The working directory: an absolute path.
    pub cwd: AbsolutePathBuf,
    /// The `AGENTS.md` files whose instructions the thread has read, in the order in which the model is told of them.
    #[serde(default)]
    pub instruction_sources: Vec<AbsolutePathBuf>,
    /// When the agent asks before it acts.
    pub approval_policy: AskForApproval,
    /// Who answers when the agent asks: the user, or another agent.
    pub approvals_reviewer: ApprovalsReviewer,
    /// What commands may do, in full.
    pub sandbox: SandboxPolicy,
    /// What commands may read, write and reach, path by path.
    #[serde(default)]
    pub permission_profile: Option<PermissionProfile>,
    /// How hard the model thinks before it answers; `null` for the model's default.
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// A conversation with an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    /// Names the thread: a UUID whose order is that of creation.
    pub id: String,
    /// The id of the thread whose history it began with; `null` when it began empty.
    pub forked_from_id: Option<String>,
    /// The user's first words, for lists; empty before the first turn.
    pub preview: String,
    /// Whether the thread stays in memory only: it leaves no rollout, is not listed, and is gone when it is unloaded.
    pub ephemeral: bool,
    /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
    pub model_provider: String,
    /// When it began, in seconds since 1970.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub created_at: i64,
    /// When something was last added to it, in seconds since 1970.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub updated_at: i64,
    /// What it is doing now.
    pub status: ThreadStatus,
    /// Its rollout file, an absolute path; `null` for a thread that stays in memory.
    pub path: Option<PathBuf>,
    /// The working directory, an absolute path. Overrides of turns move it.
    pub cwd: AbsolutePathBuf,
    /// The version of the protocol that the server kept to which began it, for example `0.124.0`.
    pub cli_version: String,
    /// What kind of client began it.
    pub source: SessionSource,
    /// The sub-agent's nickname; `null` for a thread of the user's own.
    pub agent_nickname: Option<String>,
    /// The sub-agent's role; `null` for a thread of the user's own.
    pub agent_role: Option<String>,
    /// Where the working directory stood in git when it began; `null` outside of a repository.
    pub git_info: Option<GitInfo>,
    /// The name it was given by `thread/name/set`; `null` before.
    pub name: Option<String>,
    /// Its turns, oldest first, in answers that promise them (`thread/resume`, `thread/fork`, `thread/rollback`, and
    /// `thread/read` with `includeTurns`); empty elsewhere.
    pub turns: Vec<Turn>,
}

/// What a thread is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ThreadStatus {
    /// Nothing: it is on disk only, and has to be resumed before it takes a turn.
    NotLoaded,
    /// Nothing: it is loaded and takes the next turn.
    Idle,
    /// Nothing: its last turn failed. It takes the next one all the same.
    SystemError,
    /// A turn runs.
    #[serde(rename_all = "camelCase")]
    Active {
        /// What the turn waits for, if it waits for the user; empty while it works.
        active_flags: Vec<ThreadActiveFlag>,
    },
}

/// What a thread at work waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ThreadActiveFlag {
    /// That the user allows something.
    WaitingOnApproval,
    /// That the user answers a question.
    WaitingOnUserInput,
}

/// What kind of client began a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum SessionSource {
    /// A terminal client.
    Cli,
    /// An editor; also what a client is taken for that says nothing.
    Vscode,
    /// A single run without interaction.
    Exec,
    /// A client of this protocol.
    AppServer,
    /// A client with a name of its own, as given by `--session-source`.
    Custom(String),
    /// Another agent, for a task of its own.
    SubAgent(SubAgentSource),
    /// Anything this version has no name for.
    Unknown,
}

/// What a sub-agent is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "snake_case")]
pub enum SubAgentSource {
    /// A review.
    Review,
    /// A compaction.
    Compact,
    /// A task another agent gave it.
    ThreadSpawn {
        /// The other agent's thread.
        parent_thread_id: ThreadId,
        /// How many agents stand above it.
        depth: i32,
        /// Its place in the tree of agents.
        #[serde(default)]
        agent_path: Option<AgentPath>,
        /// The sub-agent's nickname.
        #[serde(default)]
        agent_nickname: Option<String>,
        /// Its role.
        #[serde(default)]
        agent_role: Option<String>,
    },
    /// Putting memories in order.
    MemoryConsolidation,
    /// Something else, by name.
    Other(String),
}

/// Names a thread: a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct ThreadId(pub String);

/// The place of a sub-agent in the tree of agents, as a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct AgentPath(pub String);

/// Where the working directory stood in git when the thread began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GitInfo {
    /// The commit, in full; `null` where there is none.
    pub sha: Option<String>,
    /// The branch; `null` when none is checked out.
    pub branch: Option<String>,
    /// The address of the remote `origin`.
    pub origin_url: Option<String>,
}

gated! {
    /// Parameters of `thread/resume`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct ThreadResumeParams {
        /// The id of the thread, a UUID.
        pub thread_id: String,
        /// The conversation to take up, instead of the rollout's.
        #[experimental("thread/resume.history")]
        pub history: Option<Vec<ResponseItem>>,
        /// The rollout file to take up, instead of the thread's.
        #[experimental("thread/resume.path")]
        pub path: Option<PathBuf>,
        /// The model's name, as its provider knows it, for example `gpt-5.4`. Absent: the thread's, else the
        /// configured one.
        pub model: Option<String>,
        /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
        pub model_provider: Option<String>,
        /// How fast and at what price the provider answers. `null` asks for the usual tier and absence for the
        /// configured one.
        #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(as = "Option<Option<ServiceTier>>", optional = nullable))]
        pub service_tier: Option<Option<ServiceTier>>,
        /// The working directory from now on; the thread's when absent.
        pub cwd: Option<String>,
        /// When the agent asks before it acts. Absent: as the thread had it, else as configured.
        pub approval_policy: Option<AskForApproval>,
        /// Who answers when the agent asks: the user, or another agent. Absent: as the thread had it, else as
        /// configured.
        pub approvals_reviewer: Option<ApprovalsReviewer>,
        /// What commands may do, by a word. Absent: as the thread had it, else as configured.
        pub sandbox: Option<SandboxMode>,
        /// What commands may read, write and reach, path by path. It cannot stand beside the sandbox policy.
        pub permission_profile: Option<PermissionProfile>,
        /// Configuration for this thread alone: values by dotted key, as in `config.toml`. They stand above all
        /// files.
        pub config: Option<HashMap<String, Value>>,
        /// Replaces the built-in instructions for the model. Absent: the built-in ones.
        pub base_instructions: Option<String>,
        /// Instructions of the client's own, told to the model beside the built-in ones.
        pub developer_instructions: Option<String>,
        /// How the agent speaks. Absent: as configured.
        pub personality: Option<Personality>,
        /// Whether the rollout also keeps what clients need to show commands and patches again.
        #[serde(default)]
        #[experimental("thread/resume.persistFullHistory")]
        pub persist_extended_history: bool,
    }
}

/// Result of `thread/resume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadResumeResponse {
    /// The thread as it is now.
    pub thread: Thread,
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: String,
    /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
    pub model_provider: String,
    /// How fast and at what price the provider answers.
    pub service_tier: Option<ServiceTier>,
    /// The working directory: an absolute path.
    pub cwd: AbsolutePathBuf,
    /// The `AGENTS.md` files whose instructions the thread has read, in the order in which the model is told of them.
    #[serde(default)]
    pub instruction_sources: Vec<AbsolutePathBuf>,
    /// When the agent asks before it acts.
    pub approval_policy: AskForApproval,
    /// Who answers when the agent asks: the user, or another agent.
    pub approvals_reviewer: ApprovalsReviewer,
    /// What commands may do, in full.
    pub sandbox: SandboxPolicy,
    /// What commands may read, write and reach, path by path.
    #[serde(default)]
    pub permission_profile: Option<PermissionProfile>,
    /// How hard the model thinks before it answers; `null` for the model's default.
    pub reasoning_effort: Option<ReasoningEffort>,
}

gated! {
    /// Parameters of `thread/fork`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct ThreadForkParams {
        /// The id of the thread, a UUID.
        pub thread_id: String,
        /// The rollout file to fork, instead of the thread's.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        #[experimental("thread/fork.path")]
        pub path: Option<PathBuf>,
        /// The model's name, as its provider knows it, for example `gpt-5.4`. Absent: the thread's, else the
        /// configured one.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub model: Option<String>,
        /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub model_provider: Option<String>,
        /// How fast and at what price the provider answers. `null` asks for the usual tier and absence for the
        /// configured one.
        #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(optional = nullable, as = "Option<Option<ServiceTier>>"))]
        pub service_tier: Option<Option<ServiceTier>>,
        /// The working directory of the fork; the thread's when absent.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub cwd: Option<String>,
        /// When the agent asks before it acts. Absent: as the thread had it, else as configured.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub approval_policy: Option<AskForApproval>,
        /// Who answers when the agent asks: the user, or another agent. Absent: as the thread had it, else as
        /// configured.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub approvals_reviewer: Option<ApprovalsReviewer>,
        /// What commands may do, by a word. Absent: as the thread had it, else as configured.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub sandbox: Option<SandboxMode>,
        /// What commands may read, write and reach, path by path. It cannot stand beside the sandbox policy.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub permission_profile: Option<PermissionProfile>,
        /// Configuration for this thread alone: values by dotted key, as in `config.toml`. They stand above all
        /// files.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub config: Option<HashMap<String, Value>>,
        /// Replaces the built-in instructions for the model. Absent: the built-in ones.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub base_instructions: Option<String>,
        /// Instructions of the client's own, told to the model beside the built-in ones.
        #[cfg_attr(feature = "export", ts(optional = nullable))]
        pub developer_instructions: Option<String>,
        /// Whether the thread stays in memory only: it leaves no rollout, is not listed, and is gone when it is
        /// unloaded.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub ephemeral: bool,
        /// Whether the rollout also keeps what clients need to show commands and patches again.
        #[serde(default)]
        #[experimental("thread/fork.persistFullHistory")]
        pub persist_extended_history: bool,
    }
}

/// Result of `thread/fork`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadForkResponse {
    /// The thread as it is now.
    pub thread: Thread,
    /// The model's name, as its provider knows it, for example `gpt-5.4`.
    pub model: String,
    /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
    pub model_provider: String,
    /// How fast and at what price the provider answers.
    pub service_tier: Option<ServiceTier>,
    /// The working directory: an absolute path.
    pub cwd: AbsolutePathBuf,
    /// The `AGENTS.md` files whose instructions the thread has read, in the order in which the model is told of them.
    #[serde(default)]
    pub instruction_sources: Vec<AbsolutePathBuf>,
    /// When the agent asks before it acts.
    pub approval_policy: AskForApproval,
    /// Who answers when the agent asks: the user, or another agent.
    pub approvals_reviewer: ApprovalsReviewer,
    /// What commands may do, in full.
    pub sandbox: SandboxPolicy,
    /// What commands may read, write and reach, path by path.
    #[serde(default)]
    pub permission_profile: Option<PermissionProfile>,
    /// How hard the model thinks before it answers; `null` for the model's default.
    pub reasoning_effort: Option<ReasoningEffort>,
}

/// Parameters of `thread/archive`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadArchiveParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/archive`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadArchiveResponse {}

/// Parameters of `thread/unsubscribe`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadUnsubscribeParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/unsubscribe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadUnsubscribeResponse {
    /// Whether there was anything to end.
    pub status: ThreadUnsubscribeStatus,
}

/// What there was to do to stop hearing of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ThreadUnsubscribeStatus {
    /// Nothing; it is not loaded.
    NotLoaded,
    /// Nothing; this connection was not told of it.
    NotSubscribed,
    /// This connection is no longer told of it.
    Unsubscribed,
}

/// Parameters of `thread/increment_elicitation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadIncrementElicitationParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/increment_elicitation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadIncrementElicitationResponse {
    /// How many questions are open now.
    pub count: u64,
    /// Whether time limits stand still.
    pub paused: bool,
}

/// Parameters of `thread/decrement_elicitation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadDecrementElicitationParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/decrement_elicitation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadDecrementElicitationResponse {
    /// How many questions are open now.
    pub count: u64,
    /// Whether time limits stand still.
    pub paused: bool,
}

/// Parameters of `thread/name/set`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadSetNameParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The name, not blank. Blanks around it are dropped.
    pub name: String,
}

/// Result of `thread/name/set`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadSetNameResponse {}

/// Parameters of `thread/metadata/update`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadMetadataUpdateParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What to change of its git facts.
    pub git_info: Option<ThreadMetadataGitInfoUpdateParams>,
}

/// What to change of a thread's git facts. An absent member stays, `null` removes, a value replaces.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadMetadataGitInfoUpdateParams {
    /// The commit.
    #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(as = "Option<String>", optional = nullable))]
    pub sha: Option<Option<String>>,
    /// The branch.
    #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(as = "Option<String>", optional = nullable))]
    pub branch: Option<Option<String>>,
    /// The address of the remote `origin`.
    #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "export", ts(as = "Option<String>", optional = nullable))]
    pub origin_url: Option<Option<String>>,
}

/// Result of `thread/metadata/update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadMetadataUpdateResponse {
    /// The thread as it is now.
    pub thread: Thread,
}

/// Parameters of `thread/memoryMode/set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadMemoryModeSetParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// Whether memories are made from it.
    pub mode: ThreadMemoryMode,
}

/// Whether memories are made from a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum ThreadMemoryMode {
    /// They are.
    Enabled,
    /// They are not.
    Disabled,
}

/// Result of `thread/memoryMode/set`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadMemoryModeSetResponse {}

/// Parameters of `thread/unarchive`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadUnarchiveParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/unarchive`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadUnarchiveResponse {
    /// The thread as it is now.
    pub thread: Thread,
}

/// Parameters of `thread/compact/start`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadCompactStartParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/compact/start`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadCompactStartResponse {}

/// Parameters of `thread/shellCommand`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadShellCommandParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The command, for the user's shell. It runs without a sandbox.
    pub command: String,
}

/// Result of `thread/shellCommand`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadShellCommandResponse {}

/// Parameters of `thread/approveGuardianDeniedAction`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadApproveGuardianDeniedActionParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The review that refused, as it was told.
    pub event: Value,
}

/// Result of `thread/approveGuardianDeniedAction`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadApproveGuardianDeniedActionResponse {}

/// Parameters of `thread/backgroundTerminals/clean`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadBackgroundTerminalsCleanParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// Result of `thread/backgroundTerminals/clean`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadBackgroundTerminalsCleanResponse {}

/// Parameters of `thread/rollback`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadRollbackParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// How many turns to take back, at least 1. Files are left as they are.
    pub num_turns: u32,
}

/// Result of `thread/rollback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadRollbackResponse {
    /// The thread, with the turns that are left.
    pub thread: Thread,
}

/// Parameters of `thread/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadListParams {
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub limit: Option<u32>,
    /// What to sort by; when they began, when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub sort_key: Option<ThreadSortKey>,
    /// Which end comes first; the newest, when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub sort_direction: Option<SortDirection>,
    /// Only threads of these model providers; of any when empty.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub model_providers: Option<Vec<String>>,
    /// Only threads begun so; interactive ones when absent or empty.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub source_kinds: Option<Vec<ThreadSourceKind>>,
    /// Whether to list archived threads instead of the others.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub archived: Option<bool>,
    /// Only threads that began exactly there.
    #[cfg_attr(feature = "export", ts(type = "string | Array<string> | null", optional = nullable))]
    pub cwd: Option<ThreadListCwdFilter>,
    /// Whether to go by the index alone, without looking at files: faster, and possibly behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub use_state_db_only: bool,
    /// Only threads whose name or first words hold this text, whatever its case.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub search_term: Option<String>,
}

/// What to sort threads by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "snake_case")]
pub enum ThreadSortKey {
    /// When they began.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
}

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum SortDirection {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

/// How a thread was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ThreadSourceKind {
    /// In the terminal.
    Cli,
    /// In an editor.
    Vscode,
    /// By a single run without interaction.
    Exec,
    /// By a client of this protocol.
    AppServer,
    /// By an agent, whatever for.
    SubAgent,
    /// By an agent, for a review.
    SubAgentReview,
    /// By an agent, for a compaction.
    SubAgentCompact,
    /// By an agent, for a task.
    SubAgentThreadSpawn,
    /// By an agent, for something else.
    SubAgentOther,
    /// Anything this version has no name for.
    Unknown,
}

/// Which working directories to list threads of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(untagged)]
pub enum ThreadListCwdFilter {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// Result of `thread/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadListResponse {
    /// The entries of this page, at most `limit`; empty when there are none.
    pub data: Vec<Thread>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
    /// Where to begin when reading the other way from here; `null` when there is nothing.
    pub backwards_cursor: Option<String>,
}

/// Parameters of `thread/loaded/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
pub struct ThreadLoadedListParams {
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    pub limit: Option<u32>,
}

/// Result of `thread/loaded/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadLoadedListResponse {
    /// The threads of this page, by id.
    pub data: Vec<String>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
}

/// Parameters of `thread/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadReadParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// Whether the answer shall hold the turns with their items.
    #[serde(default)]
    pub include_turns: bool,
}

/// Result of `thread/read`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadReadResponse {
    /// The thread as it is now.
    pub thread: Thread,
}

/// Parameters of `thread/turns/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadTurnsListParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// Where to go on: a cursor of an earlier answer, passed on as it is. Absent or `null` for the first page.
    pub cursor: Option<String>,
    /// How many entries a page may have at most. Absent or `null`: as many as the server likes.
    pub limit: Option<u32>,
    /// Which end comes first; the newest, when absent.
    pub sort_direction: Option<SortDirection>,
}

/// Result of `thread/turns/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadTurnsListResponse {
    /// The entries of this page, at most `limit`; empty when there are none.
    pub data: Vec<Turn>,
    /// Where the next page begins, to be passed as `cursor`; `null` after the last one.
    pub next_cursor: Option<String>,
    /// Where to begin when reading the other way from here; `null` when there is nothing.
    pub backwards_cursor: Option<String>,
}

/// Parameters of `thread/inject_items`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadInjectItemsParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What to add to what the model sees, as the Responses API spells it.
    pub items: Vec<Value>,
}

/// Result of `thread/inject_items`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadInjectItemsResponse {}

/// A thread is there: new, forked, or made by an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ThreadStartedNotification {
    /// The thread as it is now.
    pub thread: Thread,
}

/// A thread does something else now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadStatusChangedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What it does now.
    pub status: ThreadStatus,
}

/// A thread was archived.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadArchivedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// A thread is no longer archived.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadUnarchivedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// A thread was unloaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadClosedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
}

/// A thread has another name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadNameUpdatedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The name; absent when it has none now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_name: Option<String>,
}

/// A thread has used more tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadTokenUsageUpdatedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// What was used by the last request and by all so far.
    pub token_usage: ThreadTokenUsage,
}

/// How many tokens a thread has used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ThreadTokenUsage {
    /// All requests of the thread together.
    pub total: TokenUsageBreakdown,
    /// The last request to the model.
    pub last: TokenUsageBreakdown,
    /// How many the model takes; `null` if unknown.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub model_context_window: Option<i64>,
}

/// Tokens, by what they were used for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TokenUsageBreakdown {
    /// What the model was given and what it made, together.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub total_tokens: i64,
    /// What the model was given, what was cached included.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub input_tokens: i64,
    /// The part of that which the provider knew already.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub cached_input_tokens: i64,
    /// What the model made, reasoning included.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub output_tokens: i64,
    /// The part of that which was reasoning.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub reasoning_output_tokens: i64,
}

/// The conversation was condensed. Newer clients look for the item instead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ContextCompactedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
}
