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
        /// The thread.
        pub thread_id: String,
        /// The turn.
        pub turn_id: String,
        /// The item.
        pub item_id: String,
        /// Names this question when one item asks several; absent when it asks once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approval_id: Option<String>,
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
        /// The access to the network it is about, when it is not about the command itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub network_approval_context: Option<NetworkApprovalContext>,
        /// The command as text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub command: Option<String>,
        /// Where it would run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cwd: Option<AbsolutePathBuf>,
        /// What it does, as far as it can be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub command_actions: Option<Vec<CommandAction>>,
        /// What it asks for beyond the sandbox.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[experimental("item/commandExecution/requestApproval.additionalPermissions")]
        pub additional_permissions: Option<AdditionalPermissionProfile>,
        /// A rule the user may add, to be asked less.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub proposed_execpolicy_amendment: Option<ExecPolicyAmendment>,
        /// Rules about hosts the user may add.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub proposed_network_policy_amendments: Option<Vec<NetworkPolicyAmendment>>,
        /// What to offer the user, in this order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[experimental("item/commandExecution/requestApproval.availableDecisions", shown)]
        pub available_decisions: Option<Vec<CommandExecutionApprovalDecision>>,
    }
}

/// The access to the network a question is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct NetworkApprovalContext {
    /// The host.
    pub host: String,
    /// How.
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
    /// The host.
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
    /// Run it.
    Accept,
    /// Run it, and the same again in this session without asking.
    AcceptForSession,
    /// Run it, and commands that begin alike from now on.
    AcceptWithExecpolicyAmendment {
        /// How they begin.
        execpolicy_amendment: ExecPolicyAmendment,
    },
    /// Treat a host differently from now on.
    ApplyNetworkPolicyAmendment {
        /// Which one and how.
        network_policy_amendment: NetworkPolicyAmendment,
    },
    /// Do not run it, but carry on.
    Decline,
    /// Do not run it, and stop the turn.
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
    /// The thread.
    pub thread_id: String,
    /// The turn.
    pub turn_id: String,
    /// The item.
    pub item_id: String,
    /// Why, for people.
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
    /// Apply it.
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
    /// The thread.
    pub thread_id: String,
    /// The turn.
    pub turn_id: String,
    /// The item.
    pub item_id: String,
    /// The questions.
    pub questions: Vec<ToolRequestUserInputQuestion>,
}

/// A question to the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ToolRequestUserInputQuestion {
    /// Names the question.
    pub id: String,
    /// A word or two about it.
    pub header: String,
    /// The question.
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
    /// Its name.
    pub label: String,
    /// What it means.
    pub description: String,
}

/// The client's answer to `item/tool/requestUserInput`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ToolRequestUserInputResponse {
    /// The answers, by question.
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
    /// The thread.
    pub thread_id: String,
    /// The turn.
    pub turn_id: String,
    /// The item.
    pub item_id: String,
    /// The working directory.
    pub cwd: AbsolutePathBuf,
    /// Why, for people.
    pub reason: Option<String>,
    /// What is asked for.
    pub permissions: RequestPermissionProfile,
}

/// The client's answer to `item/permissions/requestApproval`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct PermissionsRequestApprovalResponse {
    /// What is granted; what was not asked for is ignored.
    pub permissions: GrantedPermissionProfile,
    /// For how long.
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
    /// For this turn.
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
    /// The thread.
    pub thread_id: String,
    /// The request.
    pub request_id: RequestId,
}
