//! What clients of the first version of the protocol use.
//!
//! Some names here exist in the second version too, with another meaning; those are not re-exported by the crate.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::account::AuthMode;
use crate::thread::{SubAgentSource, ThreadId};

/// What kind of client began a thread, as older clients know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum SessionSource {
    /// A terminal client.
    Cli,
    /// An editor; also what a client is taken for that says nothing.
    Vscode,
    /// A single run without interaction.
    Exec,
    /// An app-server or MCP client.
    Mcp,
    /// A client with a name of its own, as given by `--session-source`.
    Custom(String),
    /// Another agent.
    Subagent(SubAgentSource),
    /// Anything this version has no name for.
    Unknown,
}

/// What a patch does to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum FileChange {
    /// Creates it.
    Add {
        /// All of its text.
        content: String,
    },
    /// Removes it.
    Delete {
        /// The text it had.
        content: String,
    },
    /// Changes it.
    Update {
        /// The change as a unified diff.
        unified_diff: String,
        /// Its new place, if it moves.
        move_path: Option<PathBuf>,
    },
}

/// Parameters of `getConversationSummary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(untagged)]
pub enum GetConversationSummaryParams {
    /// By rollout file.
    RolloutPath {
        /// The file; a relative one is taken from the server's home.
        #[serde(rename = "rolloutPath")]
        rollout_path: PathBuf,
    },
    /// By thread.
    ThreadId {
        /// The id of the thread, a UUID.
        #[serde(rename = "conversationId")]
        conversation_id: ThreadId,
    },
}

/// Result of `getConversationSummary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct GetConversationSummaryResponse {
    /// What the rollout says.
    pub summary: ConversationSummary,
}

/// What a rollout file says of its thread at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct ConversationSummary {
    /// The id of the thread, a UUID.
    pub conversation_id: ThreadId,
    /// The rollout file.
    pub path: PathBuf,
    /// The first words of the user.
    pub preview: String,
    /// When the thread began, as RFC 3339 text.
    pub timestamp: Option<String>,
    /// When it was last written to, as RFC 3339 text.
    pub updated_at: Option<String>,
    /// The name of the model provider: a built-in one, or a key of `model_providers` in the configuration.
    pub model_provider: String,
    /// The working directory: an absolute path.
    pub cwd: PathBuf,
    /// The version of the server that began it.
    pub cli_version: String,
    /// What kind of client began it.
    pub source: SessionSource,
    /// Where the working directory stood in git.
    pub git_info: Option<ConversationGitInfo>,
}

/// Where the working directory stood in git when the thread began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct ConversationGitInfo {
    /// The commit.
    pub sha: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The address of the remote `origin`.
    pub origin_url: Option<String>,
}

/// Parameters of `gitDiffToRemote`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct GitDiffToRemoteParams {
    /// The working directory: an absolute path.
    pub cwd: PathBuf,
}

/// Result of `gitDiffToRemote`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct GitDiffToRemoteResponse {
    /// The newest commit that the remote has too.
    pub sha: GitSha,
    /// Everything that came since, as a unified diff; files git does not know yet included.
    pub diff: String,
}

/// A commit's name in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct GitSha(pub String);

/// Parameters of `getAuthStatus`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct GetAuthStatusParams {
    /// Whether the answer shall hold the token.
    pub include_token: Option<bool>,
    /// Whether to refresh the token first.
    pub refresh_token: Option<bool>,
}

/// Result of `getAuthStatus`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct GetAuthStatusResponse {
    /// How the server is logged in; `null` when it is not.
    pub auth_method: Option<AuthMode>,
    /// The token, if it was asked for.
    pub auth_token: Option<String>,
    /// Whether the model provider in use needs a log-in at all.
    pub requires_openai_auth: Option<bool>,
}

/// The beginning of a command, word by word, that may run without being asked for from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(transparent)]
pub struct ExecPolicyAmendment(pub Vec<String>);

/// A host whose treatment changes from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct NetworkPolicyAmendment {
    /// The name or address of the host, without a port.
    pub host: String,
    /// Its treatment.
    pub action: NetworkPolicyRuleAction,
}

/// What happens to requests to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub enum NetworkPolicyRuleAction {
    /// They pass.
    Allow,
    /// They are refused.
    Deny,
}

/// Parameters of `applyPatchApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct ApplyPatchApprovalParams {
    /// The id of the thread, a UUID.
    pub conversation_id: ThreadId,
    /// The call that wants to patch.
    pub call_id: String,
    /// What would happen to each file.
    pub file_changes: HashMap<PathBuf, FileChange>,
    /// Why it is asked, in the agent's words, to be shown to the user; absent or `null` when it gave no reason.
    pub reason: Option<String>,
    /// The folder to make writable for the rest of the session; `null` when only this patch is asked for.
    pub grant_root: Option<PathBuf>,
}

/// The client's answer to `applyPatchApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct ApplyPatchApprovalResponse {
    /// What the user decided.
    pub decision: ReviewDecision,
}

/// What the user decides about a command or a patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "snake_case")]
pub enum ReviewDecision {
    /// Go ahead.
    Approved,
    /// Go ahead, also with commands that begin alike from now on.
    ApprovedExecpolicyAmendment {
        /// How they begin.
        proposed_execpolicy_amendment: ExecPolicyAmendment,
    },
    /// Go ahead, also with the same again in this session.
    ApprovedForSession,
    /// Treat a host differently from now on.
    NetworkPolicyAmendment {
        /// Which one and how.
        network_policy_amendment: NetworkPolicyAmendment,
    },
    /// Do not, but carry on.
    Denied,
    /// No answer came in time.
    TimedOut,
    /// Do not, and stop the turn.
    Abort,
}

/// Parameters of `execCommandApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct ExecCommandApprovalParams {
    /// The id of the thread, a UUID.
    pub conversation_id: ThreadId,
    /// The call that wants to run the command.
    pub call_id: String,
    /// Names this question when one call asks several; `null` when it asks once.
    pub approval_id: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The working directory: an absolute path.
    pub cwd: PathBuf,
    /// Why it is asked, in the agent's words, to be shown to the user; absent or `null` when it gave no reason.
    pub reason: Option<String>,
    /// What the command does, as far as it can be told.
    pub parsed_cmd: Vec<ParsedCommand>,
}

/// What a command does, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParsedCommand {
    /// Reads a file.
    Read {
        /// The command.
        cmd: String,
        /// The file's name.
        name: String,
        /// The path of the file.
        path: PathBuf,
    },
    /// Lists files.
    ListFiles {
        /// The command.
        cmd: String,
        /// Where it looks.
        path: Option<String>,
    },
    /// Searches in files.
    Search {
        /// The command.
        cmd: String,
        /// What it looks for.
        query: Option<String>,
        /// Where it looks.
        path: Option<String>,
    },
    /// Anything this version has no name for.
    Unknown {
        /// The command.
        cmd: String,
    },
}

/// The client's answer to `execCommandApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct ExecCommandApprovalResponse {
    /// What the user decided.
    pub decision: ReviewDecision,
}
