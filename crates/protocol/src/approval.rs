//! What the server asks before it acts, and what users decide.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::experimental::gated;
use crate::item::CommandAction;
use crate::jsonrpc::RequestId;
use crate::path::AbsolutePathBuf;
use crate::permissions::{AdditionalPermissionProfile, GrantedPermissionProfile, RequestPermissionProfile};

gated! {
    /// Parameters of `item/commandExecution/requestApproval`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct CommandExecutionRequestApprovalParams {
        /// The id of the thread, a UUID.
        pub thread_id: String,
        /// The id of the turn.
        pub turn_id: String,
        /// The id of the item, as in its `item/started`.
        pub item_id: String,
        /// Names this question when one item asks several; absent when it asks once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approval_id: Option<String>,
        /// Why it is asked, in the agent's words, to be shown to the user; absent or `null` when it gave no reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
        /// The access to the network it is about, when it is not about the command itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub network_approval_context: Option<NetworkApprovalContext>,
        /// The command as one text, quoted for a shell; absent when the question is about the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub command: Option<String>,
        /// The directory it would run in; absent when the question is about the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cwd: Option<AbsolutePathBuf>,
        /// What it does, as far as it can be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub command_actions: Option<Vec<CommandAction>>,
        /// What it asks for beyond the sandbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[experimental("item/commandExecution/requestApproval.additionalPermissions")]
        pub additional_permissions: Option<AdditionalPermissionProfile>,
        /// A beginning of commands that the user may allow for good, to be handed back with
        /// `acceptWithExecpolicyAmendment`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub proposed_execpolicy_amendment: Option<ExecPolicyAmendment>,
        /// Rules about hosts the user may add.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub proposed_network_policy_amendments: Option<Vec<NetworkPolicyAmendment>>,
        /// The decisions to offer the user, in this order. Clients that do not know the member offer `accept`,
        /// `decline` and `cancel`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[experimental("item/commandExecution/requestApproval.availableDecisions", shown)]
        pub available_decisions: Option<Vec<CommandExecutionApprovalDecision>>,
    }
}

/// The access to the network a question is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct NetworkApprovalContext {
    /// The name or address of the host, without a port.
    pub host: String,
    /// How the host would be reached.
    pub protocol: NetworkApprovalProtocol,
}

/// How a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum NetworkApprovalProtocol {
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
    /// TCP by way of SOCKS 5.
    Socks5Tcp,
    /// UDP by way of SOCKS 5.
    Socks5Udp,
}

/// The beginning of a command, word by word, that may run without being asked for from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(transparent)]
pub struct ExecPolicyAmendment(pub Vec<String>);

/// A host whose treatment changes from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct NetworkPolicyAmendment {
    /// The name or address of the host, without a port.
    pub host: String,
    /// Its treatment.
    pub action: NetworkPolicyRuleAction,
}

/// What happens to requests to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum NetworkPolicyRuleAction {
    /// They pass.
    Allow,
    /// They are refused.
    Deny,
}

/// What the user decides about a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CommandExecutionApprovalDecision {
    /// Run it, this time.
    Accept,
    /// Run it, and the same command again without asking as long as the thread is loaded.
    AcceptForSession,
    /// Run it, and all commands that begin like this from now on, also in other threads: a rule is written.
    AcceptWithExecpolicyAmendment {
        /// How they begin: the proposed words, or fewer or other ones.
        execpolicy_amendment: ExecPolicyAmendment,
    },
    /// Treat a host differently from now on.
    ApplyNetworkPolicyAmendment {
        /// Which host, and what is to happen to it.
        network_policy_amendment: NetworkPolicyAmendment,
    },
    /// Do not run it. The agent is told and carries on.
    Decline,
    /// Do not run it, and interrupt the turn.
    Cancel,
}

/// The client's answer to `item/commandExecution/requestApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CommandExecutionRequestApprovalResponse {
    /// What the user decided.
    pub decision: CommandExecutionApprovalDecision,
}

/// Parameters of `item/fileChange/requestApproval`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct FileChangeRequestApprovalParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// Why it is asked, in the agent's words, to be shown to the user; absent or `null` when it gave no reason.
    pub reason: Option<String>,
    /// The folder to make writable for the rest of the session; absent when only this patch is asked for.
    pub grant_root: Option<PathBuf>,
}

/// The client's answer to `item/fileChange/requestApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct FileChangeRequestApprovalResponse {
    /// What the user decided.
    pub decision: FileChangeApprovalDecision,
}

/// What the user decides about a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum FileChangeApprovalDecision {
    /// Apply it, this time.
    Accept,
    /// Apply it, and further ones to the same files in this session without asking.
    AcceptForSession,
    /// Do not apply it, but carry on.
    Decline,
    /// Do not apply it, and stop the turn.
    Cancel,
}

/// Parameters of `item/tool/requestUserInput`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ToolRequestUserInputParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// The questions, usually one to three, to be shown together.
    pub questions: Vec<ToolRequestUserInputQuestion>,
}

/// A question to the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ToolRequestUserInputQuestion {
    /// Names the question among those asked together; the answers are kept under it.
    pub id: String,
    /// A word or two to head it, for example on a tab.
    pub header: String,
    /// The question as a sentence.
    pub question: String,
    /// Whether the user may write something else.
    #[serde(default)]
    pub is_other: bool,
    /// Whether what is written must not be shown.
    #[serde(default)]
    pub is_secret: bool,
    /// The choices; `null` when the user shall write.
    pub options: Option<Vec<ToolRequestUserInputOption>>,
}

/// A choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ToolRequestUserInputOption {
    /// What to choose, in one to five words. It is also the answer.
    pub label: String,
    /// What it means to choose it, in a sentence.
    pub description: String,
}

/// The client's answer to `item/tool/requestUserInput`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ToolRequestUserInputResponse {
    /// By the id of the question: what the user chose or wrote. Questions that are left out count as not answered.
    pub answers: HashMap<String, ToolRequestUserInputAnswer>,
}

/// The answers to a question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ToolRequestUserInputAnswer {
    /// What was chosen or written.
    pub answers: Vec<String>,
}

/// Parameters of `item/permissions/requestApproval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PermissionsRequestApprovalParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// The id of the item, as in its `item/started`.
    pub item_id: String,
    /// The working directory: an absolute path.
    pub cwd: AbsolutePathBuf,
    /// Why it is asked, in the agent's words, to be shown to the user; absent or `null` when it gave no reason.
    pub reason: Option<String>,
    /// What the agent asks for. Paths are absolute.
    pub permissions: RequestPermissionProfile,
}

/// The client's answer to `item/permissions/requestApproval`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PermissionsRequestApprovalResponse {
    /// What is granted; what was not asked for is ignored.
    pub permissions: GrantedPermissionProfile,
    /// How long the grant holds. Absent: for this turn.
    #[serde(default)]
    pub scope: PermissionGrantScope,
    /// Whether the automatic reviewer looks at every action from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_auto_review: Option<bool>,
}

/// How long a grant holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum PermissionGrantScope {
    /// Until the turn ends.
    #[default]
    Turn,
    /// For the rest of the thread.
    Session,
}

/// A request of the server no longer waits for an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ServerRequestResolvedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the server's request that is settled.
    pub request_id: RequestId,
}
