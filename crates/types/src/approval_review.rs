//! Reviews of what the agent wants to do, by the automatic reviewer in the user's place.

use crate::item::CommandSource;
use crate::settings::named;
use crate::{AbsPath, Host, NetworkProtocol, PermissionProfile};

/// The state of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalReview {
    pub status: ReviewStatus,
    pub risk_level: Option<RiskLevel>,
    pub user_authorization: Option<UserAuthorization>,
    pub rationale: Option<String>,
}

named! {
    /// How far a review got.
    ReviewStatus {
        InProgress = "in_progress",
        Approved = "approved",
        Denied = "denied",
        TimedOut = "timed_out",
        /// It was broken off, as its turn was.
        Aborted = "aborted",
    }
}

named! {
    /// How much harm an action can do.
    RiskLevel { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

named! {
    /// How clearly the user wants an action.
    UserAuthorization { Unknown = "unknown", Low = "low", Medium = "medium", High = "high" }
}

/// What is reviewed, as clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewedAction {
    Command {
        /// Whether it would go on as a session.
        source: CommandSource,
        command: String,
        cwd: AbsPath,
    },
    Patch {
        cwd: AbsPath,
        files: Vec<AbsPath>,
    },
    /// A connection of a running command.
    Network {
        host: Host,
        port: u16,
        protocol: NetworkProtocol,
    },
    Permissions {
        reason: Option<String>,
        permissions: PermissionProfile,
    },
}

impl ReviewedAction {
    /// Where a connection would lead, in full; nothing for what is no connection.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        match self {
            Self::Network { host, port, protocol } => Some(format!("{protocol}://{host}:{port}")),
            Self::Command { .. } | Self::Patch { .. } | Self::Permissions { .. } => None,
        }
    }
}
