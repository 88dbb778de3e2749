//! Turns: what the user says and what comes of it.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::collaboration::CollaborationMode;
use crate::experimental::gated;
use crate::item::ThreadItem;
use crate::model::{Personality, ReasoningEffort, ReasoningSummary, ServiceTier};
use crate::path::AbsolutePathBuf;
use crate::permissions::{ApprovalsReviewer, AskForApproval, PermissionProfile, SandboxPolicy};

/// What happens between something the user says and the agent being done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// Names the turn, a UUID in most cases.
    pub id: String,
    /// Its items in order, in answers that promise them; empty in notifications and in the answer to `turn/start`.
    pub items: Vec<ThreadItem>,
    /// How far it got.
    pub status: TurnStatus,
    /// Why it failed; `null` unless `status` is `failed`.
    pub error: Option<TurnError>,
    /// When it began, in seconds since 1970; `null` before.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub started_at: Option<i64>,
    /// When it ended, in seconds since 1970; `null` while it runs.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub completed_at: Option<i64>,
    /// How long it took, in milliseconds; `null` while it runs.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub duration_ms: Option<i64>,
}

/// A part of what the user says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum UserInput {
    /// A text.
    Text {
        /// The text, in Markdown or plain.
        text: String,
        /// Parts of the text that stand for something.
        #[serde(default)]
        text_elements: Vec<TextElement>,
    },
    /// A picture from elsewhere.
    Image {
        /// Its address: `https:`, or a `data:` URL with the picture itself.
        url: String,
    },
    /// A picture in a file on the server's machine.
    LocalImage {
        /// The path of the file.
        path: PathBuf,
    },
    /// A skill the agent is to use.
    Skill {
        /// Its name, as shown to the user.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// Something referred to: a file, an app, a plugin.
    Mention {
        /// Its name, as shown to the user.
        name: String,
        /// What it is, as an address.
        path: String,
    },
}

/// A part of a text that stands for something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TextElement {
    /// Where it stands in the text.
    pub byte_range: ByteRange,
    /// What a client shows in its place; `null` to show the text itself.
    pub placeholder: Option<String>,
}

/// A range of bytes in a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct ByteRange {
    /// The first byte of the UTF-8 text, counted from 0.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// How far a turn got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum TurnStatus {
    /// It ended well.
    Completed,
    /// It was stopped before the end, by a client or by the end of the server.
    Interrupted,
    /// It ended in failure; `error` says why.
    Failed,
    /// It is under way.
    InProgress,
}

/// Why a turn failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnError {
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
    /// What kind of failure it was, for programs; `null` where there is no kind for it.
    pub codex_error_info: Option<CodexErrorInfo>,
    /// More about it, in words for people; `null` when there is no more.
    #[serde(default)]
    pub additional_details: Option<String>,
}

/// Why a turn failed, for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CodexErrorInfo {
    /// The conversation is too long for the model.
    ContextWindowExceeded,
    /// The account's limit is used up.
    UsageLimitExceeded,
    /// The provider has too much to do.
    ServerOverloaded,
    /// The provider refuses for fear of misuse against computers.
    CyberPolicy,
    /// The provider cannot be reached.
    #[serde(rename_all = "camelCase")]
    HttpConnectionFailed {
        /// The HTTP status, if there was one.
        http_status_code: Option<u16>,
    },
    /// The answer's stream could not be opened.
    #[serde(rename_all = "camelCase")]
    ResponseStreamConnectionFailed {
        /// The HTTP status, if there was one.
        http_status_code: Option<u16>,
    },
    /// The provider failed (a status from 500).
    InternalServerError,
    /// The provider does not accept the log-in.
    Unauthorized,
    /// The provider does not accept the request.
    BadRequest,
    /// Turns could not be rolled back.
    ThreadRollbackFailed,
    /// A command could not be run as the sandbox policy demands.
    SandboxError,
    /// The answer broke off before its end.
    #[serde(rename_all = "camelCase")]
    ResponseStreamDisconnected {
        /// The HTTP status, if there was one.
        http_status_code: Option<u16>,
    },
    /// All attempts failed; the server has given up.
    #[serde(rename_all = "camelCase")]
    ResponseTooManyFailedAttempts {
        /// The HTTP status of the last one, if there was one.
        http_status_code: Option<u16>,
    },
    /// The turn takes no input while it runs.
    #[serde(rename_all = "camelCase")]
    ActiveTurnNotSteerable {
        /// What kind of turn it is.
        turn_kind: NonSteerableTurnKind,
    },
    /// Anything else.
    Other,
}

/// A turn that takes no input while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum NonSteerableTurnKind {
    /// A review.
    Review,
    /// A compaction.
    Compact,
}

gated! {
    /// Parameters of `turn/start`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct TurnStartParams {
        /// The id of the thread, a UUID.
        pub thread_id: String,
        /// What the user says: texts, pictures, skills and mentions, in order. All texts together have at most
        /// 1,048,576 characters.
        pub input: Vec<UserInput>,
        /// Data for the provider, passed on with every request of the turn.
        #[experimental("turn/start.responsesapiClientMetadata")]
        pub responsesapi_client_metadata: Option<HashMap<String, String>>,
        /// The environments the turn works in.
        #[experimental("turn/start.environments")]
        pub environments: Option<Vec<TurnEnvironmentParams>>,
        /// The working directory, from this turn on: absolute, or relative to the thread's.
        pub cwd: Option<PathBuf>,
        /// When the agent asks, from this turn on.
        pub approval_policy: Option<AskForApproval>,
        /// Who answers, from this turn on.
        pub approvals_reviewer: Option<ApprovalsReviewer>,
        /// What commands may do, from this turn on.
        pub sandbox_policy: Option<SandboxPolicy>,
        /// What commands may read, write and reach, from this turn on.
        pub permission_profile: Option<PermissionProfile>,
        /// The model, from this turn on.
        pub model: Option<String>,
        /// How fast and at what price the provider answers, from this turn on; `null` for the usual.
        #[serde(default, deserialize_with = "crate::double_option::deserialize", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "export", ts(as = "Option<Option<ServiceTier>>", optional = nullable))]
        pub service_tier: Option<Option<ServiceTier>>,
        /// How hard the model thinks, from this turn on.
        pub effort: Option<ReasoningEffort>,
        /// How its reasoning is summarised, from this turn on.
        pub summary: Option<ReasoningSummary>,
        /// How the agent speaks, from this turn on.
        pub personality: Option<Personality>,
        /// A JSON schema that the agent's last message of this turn has to follow; it is then JSON. For this turn
        /// only.
        pub output_schema: Option<Value>,
        /// How to work together, from this turn on. Stands above `model`, `effort` and the developer's instructions.
        #[experimental("turn/start.collaborationMode")]
        pub collaboration_mode: Option<CollaborationMode>,
    }
}

/// An environment a turn works in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnEnvironmentParams {
    /// Names the environment.
    pub environment_id: String,
    /// The working directory in it.
    pub cwd: AbsolutePathBuf,
}

/// Result of `turn/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct TurnStartResponse {
    /// The turn as it is now. Its items are told by `item/*`.
    pub turn: Turn,
}

gated! {
    /// Parameters of `turn/steer`.
    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    #[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
    #[serde(rename_all = "camelCase")]
    pub struct TurnSteerParams {
        /// The id of the thread, a UUID.
        pub thread_id: String,
        /// What the user adds: texts, pictures, skills and mentions, in order. Not empty.
        pub input: Vec<UserInput>,
        /// Data for the provider, passed on with further requests of the turn.
        #[experimental("turn/steer.responsesapiClientMetadata")]
        pub responsesapi_client_metadata: Option<HashMap<String, String>>,
        /// The id of the turn the input is meant for. The request is refused when another turn runs, or none.
        pub expected_turn_id: String,
    }
}

/// Result of `turn/steer`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnSteerResponse {
    /// The turn that took the input.
    pub turn_id: String,
}

/// Parameters of `turn/interrupt`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnInterruptParams {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn to stop; an empty text stops whichever runs.
    pub turn_id: String,
}

/// Result of `turn/interrupt`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct TurnInterruptResponse {}

/// Something went wrong in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ErrorNotification {
    /// What went wrong.
    pub error: TurnError,
    /// Whether the server tries again by itself; the turn is then not over.
    pub will_retry: bool,
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
}

/// A turn begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnStartedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The turn as it is now. Its items are told by `item/*`.
    pub turn: Turn,
}

/// A turn has ended, one way or another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnCompletedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The turn as it is now. Its items are told by `item/*`.
    pub turn: Turn,
}

/// The files the turn has changed, all changes together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnDiffUpdatedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// All changes of the turn so far, as one unified diff in the format of git.
    pub diff: String,
}

/// The agent's list of things to do has changed; all of it again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct TurnPlanUpdatedNotification {
    /// The id of the thread, a UUID.
    pub thread_id: String,
    /// The id of the turn.
    pub turn_id: String,
    /// Why it changed, in the agent's words; `null` when it did not say.
    pub explanation: Option<String>,
    /// All steps, in order. They replace those told before.
    pub plan: Vec<TurnPlanStep>,
}

/// A step of the agent's list of things to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct TurnPlanStep {
    /// What is to be done, in a few words.
    pub step: String,
    /// How far it got.
    pub status: TurnPlanStepStatus,
}

/// How far a step got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum TurnPlanStepStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Ended well.
    Completed,
}
