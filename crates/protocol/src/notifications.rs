//! What either side says without expecting an answer.

use crate::wire::Wire;
use crate::*;

/// The payload of a notification from the server.
pub trait Notification: Wire {
    /// The notification's name on the wire.
    const METHOD: &'static str;
    /// Whether it is meant for clients of our own only. The JSON schema does not list it.
    const INTERNAL: bool;
}

/// Something to be done with every notification; see [`visit_notifications`].
pub trait NotificationVisitor {
    /// Called once per notification.
    fn visit<N: Notification>(&mut self);
}

macro_rules! notifications {
    ($(
        $payload:ident = $name:literal $(, $mark:ident)?;
    )*) => {
        $(
            impl Notification for $payload {
                const METHOD: &'static str = $name;
                const INTERNAL: bool = notifications!(@internal $($mark)?);
            }
        )*

        /// Every notification's name, in the order in which the protocol lists them.
        pub const NOTIFICATIONS: &[&str] = &[$($name),*];

        /// Shows every notification of the table to `visitor`, in order.
        pub fn visit_notifications(visitor: &mut impl NotificationVisitor) {
            $(visitor.visit::<$payload>();)*
        }
    };
    (@internal internal) => { true };
    (@internal) => { false };
}

notifications! {
    ErrorNotification = "error";
    ThreadStartedNotification = "thread/started";
    ThreadStatusChangedNotification = "thread/status/changed";
    ThreadArchivedNotification = "thread/archived";
    ThreadUnarchivedNotification = "thread/unarchived";
    ThreadClosedNotification = "thread/closed";
    SkillsChangedNotification = "skills/changed";
    ThreadNameUpdatedNotification = "thread/name/updated";
    ThreadTokenUsageUpdatedNotification = "thread/tokenUsage/updated";
    TurnStartedNotification = "turn/started";
    HookStartedNotification = "hook/started";
    TurnCompletedNotification = "turn/completed";
    HookCompletedNotification = "hook/completed";
    TurnDiffUpdatedNotification = "turn/diff/updated";
    TurnPlanUpdatedNotification = "turn/plan/updated";
    ItemStartedNotification = "item/started";
    ItemGuardianApprovalReviewStartedNotification = "item/autoApprovalReview/started";
    ItemGuardianApprovalReviewCompletedNotification = "item/autoApprovalReview/completed";
    ItemCompletedNotification = "item/completed";
    RawResponseItemCompletedNotification = "rawResponseItem/completed", internal;
    AgentMessageDeltaNotification = "item/agentMessage/delta";
    PlanDeltaNotification = "item/plan/delta";
    CommandExecOutputDeltaNotification = "command/exec/outputDelta";
    CommandExecutionOutputDeltaNotification = "item/commandExecution/outputDelta";
    TerminalInteractionNotification = "item/commandExecution/terminalInteraction";
    FileChangeOutputDeltaNotification = "item/fileChange/outputDelta";
    FileChangePatchUpdatedNotification = "item/fileChange/patchUpdated";
    ServerRequestResolvedNotification = "serverRequest/resolved";
    McpToolCallProgressNotification = "item/mcpToolCall/progress";
    McpServerOauthLoginCompletedNotification = "mcpServer/oauthLogin/completed";
    McpServerStatusUpdatedNotification = "mcpServer/startupStatus/updated";
    AccountUpdatedNotification = "account/updated";
    AccountRateLimitsUpdatedNotification = "account/rateLimits/updated";
    AppListUpdatedNotification = "app/list/updated";
    ExternalAgentConfigImportCompletedNotification = "externalAgentConfig/import/completed";
    FsChangedNotification = "fs/changed";
    ReasoningSummaryTextDeltaNotification = "item/reasoning/summaryTextDelta";
    ReasoningSummaryPartAddedNotification = "item/reasoning/summaryPartAdded";
    ReasoningTextDeltaNotification = "item/reasoning/textDelta";
    ContextCompactedNotification = "thread/compacted";
    ModelReroutedNotification = "model/rerouted";
    ModelVerificationNotification = "model/verification";
    WarningNotification = "warning";
    GuardianWarningNotification = "guardianWarning";
    DeprecationNoticeNotification = "deprecationNotice";
    ConfigWarningNotification = "configWarning";
    FuzzyFileSearchSessionUpdatedNotification = "fuzzyFileSearch/sessionUpdated";
    FuzzyFileSearchSessionCompletedNotification = "fuzzyFileSearch/sessionCompleted";
    ThreadRealtimeStartedNotification = "thread/realtime/started";
    ThreadRealtimeItemAddedNotification = "thread/realtime/itemAdded";
    ThreadRealtimeTranscriptDeltaNotification = "thread/realtime/transcript/delta";
    ThreadRealtimeTranscriptDoneNotification = "thread/realtime/transcript/done";
    ThreadRealtimeOutputAudioDeltaNotification = "thread/realtime/outputAudio/delta";
    ThreadRealtimeSdpNotification = "thread/realtime/sdp";
    ThreadRealtimeErrorNotification = "thread/realtime/error";
    ThreadRealtimeClosedNotification = "thread/realtime/closed";
    WindowsWorldWritableWarningNotification = "windows/worldWritableWarning";
    WindowsSandboxSetupCompletedNotification = "windowsSandbox/setupCompleted";
    AccountLoginCompletedNotification = "account/login/completed";
}

/// The one notification a client sends: it has read the answer to `initialize` and is ready.
pub const INITIALIZED: &str = "initialized";

/// Every client notification's name.
pub const CLIENT_NOTIFICATIONS: &[&str] = &[INITIALIZED];
