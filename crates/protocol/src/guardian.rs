//! Automatic reviews of what the agent wants to do.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::approval::NetworkApprovalProtocol;
use crate::path::AbsolutePathBuf;
use crate::permissions::RequestPermissionProfile;

/// An automatic review begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ItemGuardianApprovalReviewStartedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// Names the review.
    pub review_id: String,
    /// The item the review is about; `null` when there is none.
    pub target_item_id: Option<String>,
    /// The state of the review.
    pub review: GuardianApprovalReview,
    /// What it is about.
    pub action: GuardianApprovalReviewAction,
}

/// The state of an automatic review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GuardianApprovalReview {
    /// How far it got.
    pub status: GuardianApprovalReviewStatus,
    /// How dangerous it finds the action.
    pub risk_level: Option<GuardianRiskLevel>,
    /// How clearly the user wanted it.
    pub user_authorization: Option<GuardianUserAuthorization>,
    /// Why it decides so.
    pub rationale: Option<String>,
}

/// How far an automatic review got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum GuardianApprovalReviewStatus {
    /// Under way.
    InProgress,
    /// The action may go ahead.
    Approved,
    /// It may not.
    Denied,
    /// It took too long, so the action may not go ahead.
    TimedOut,
    /// It was broken off.
    Aborted,
}

/// How dangerous an action is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum GuardianRiskLevel {
    /// Hardly.
    Low,
    /// Somewhat.
    Medium,
    /// Very.
    High,
    /// Extremely.
    Critical,
}

/// How clearly the user wanted an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum GuardianUserAuthorization {
    /// It cannot be told.
    Unknown,
    /// Hardly.
    Low,
    /// More or less.
    Medium,
    /// Clearly.
    High,
}

/// What an automatic review is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum GuardianApprovalReviewAction {
    /// A command.
    Command {
        /// What runs it.
        source: GuardianCommandSource,
        /// The command as text.
        command: String,
        /// The working directory: an absolute path.
        cwd: AbsolutePathBuf,
    },
    /// A program started by a command.
    Execve {
        /// What runs the command.
        source: GuardianCommandSource,
        /// The program.
        program: String,
        /// Its arguments, its own name first.
        argv: Vec<String>,
        /// The working directory: an absolute path.
        cwd: AbsolutePathBuf,
    },
    /// A patch.
    ApplyPatch {
        /// The working directory: an absolute path.
        cwd: AbsolutePathBuf,
        /// The files it touches.
        files: Vec<AbsolutePathBuf>,
    },
    /// Access to a host.
    NetworkAccess {
        /// Where to, in full.
        target: String,
        /// The name or address of the host, without a port.
        host: String,
        /// How.
        protocol: NetworkApprovalProtocol,
        /// The port.
        port: u16,
    },
    /// A call of an MCP server's tool.
    #[serde(rename_all = "camelCase")]
    McpToolCall {
        /// The server.
        server: String,
        /// The tool.
        tool_name: String,
        /// The app behind the tool, if it is one's.
        connector_id: Option<String>,
        /// The app's name.
        connector_name: Option<String>,
        /// The tool's name for people.
        tool_title: Option<String>,
    },
    /// A request for more permissions.
    RequestPermissions {
        /// Why, for people.
        reason: Option<String>,
        /// Which ones.
        permissions: RequestPermissionProfile,
    },
}

/// What runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum GuardianCommandSource {
    /// The shell tool.
    Shell,
    /// The tool for sessions.
    UnifiedExec,
}

/// An automatic review has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ItemGuardianApprovalReviewCompletedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// Names the review.
    pub review_id: String,
    /// The item the review is about; `null` when there is none.
    pub target_item_id: Option<String>,
    /// Who decided.
    pub decision_source: AutoReviewDecisionSource,
    /// The state of the review.
    pub review: GuardianApprovalReview,
    /// What it is about.
    pub action: GuardianApprovalReviewAction,
}

/// Who decided in an automatic review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum AutoReviewDecisionSource {
    /// The reviewing agent.
    Agent,
}

/// The automatic reviewer warns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct GuardianWarningNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
}
