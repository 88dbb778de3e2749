//! Enumerations that have the same values inside and on the wire.

/// Converts between an enum of `types` and one of `protocol`. Both matches are exhaustive: a value that is added on one
/// side does not compile until the other has it.
macro_rules! same_values {
    ($($inner:path => $outer:path { $($value:ident),+ $(,)? })+) => {
        $(
            impl super::ToWire for $inner {
                type Wire = $outer;

                fn to_wire(&self) -> $outer {
                    use $inner as Inner;
                    use $outer as Outer;
                    match self {
                        $(Inner::$value => Outer::$value),+
                    }
                }
            }

            impl super::FromWire for $outer {
                type Inner = $inner;

                fn from_wire(self) -> $inner {
                    use $inner as Inner;
                    use $outer as Outer;
                    match self {
                        $(Outer::$value => Inner::$value),+
                    }
                }
            }
        )+
    };
}

same_values! {
    types::TurnStatus => protocol::TurnStatus { InProgress, Completed, Interrupted, Failed }
    types::item::NonSteerableTurn => protocol::NonSteerableTurnKind { Review, Compact }
    types::item::MessagePhase => protocol::MessagePhase { Commentary, FinalAnswer }
    types::item::CommandSource => protocol::CommandExecutionSource {
        Agent, UserShell, UnifiedExecStartup, UnifiedExecInteraction,
    }
    types::item::CommandStatus => protocol::CommandExecutionStatus { InProgress, Completed, Failed, Declined }
    types::item::PatchStatus => protocol::PatchApplyStatus { InProgress, Completed, Failed, Declined }
    types::item::CollabAgentTool => protocol::CollabAgentTool { SpawnAgent, SendInput, ResumeAgent, Wait, CloseAgent }
    types::item::CollabAgentStatus => protocol::CollabAgentStatus {
        PendingInit, Running, Interrupted, Completed, Errored, Shutdown, NotFound,
    }
    types::item::PlanStepStatus => protocol::TurnPlanStepStatus { Pending, InProgress, Completed }
    config::WebSearchMode => protocol::WebSearchMode { Disabled, Cached, Live }
    types::SandboxMode => protocol::SandboxMode { ReadOnly, WorkspaceWrite, DangerFullAccess }
    types::FileSystemAccess => protocol::FileSystemAccessMode { Read, Write, None }
    types::ReasoningSummary => protocol::ReasoningSummary { Auto, Concise, Detailed, None }
    types::ServiceTier => protocol::ServiceTier { Fast, Flex }
    types::Personality => protocol::Personality { None, Friendly, Pragmatic }
    types::ReviewStatus => protocol::GuardianApprovalReviewStatus { InProgress, Approved, Denied, TimedOut, Aborted }
    types::RiskLevel => protocol::GuardianRiskLevel { Low, Medium, High, Critical }
    types::UserAuthorization => protocol::GuardianUserAuthorization { Unknown, Low, Medium, High }
    engine::GrantScope => protocol::PermissionGrantScope { Turn, Session }
    types::ModeKind => protocol::ModeKind { Plan, Default }
}
