//! Automatic reviews.

use types::item::CommandSource;
use types::{ApprovalReview, ApprovalsReviewer, NetworkProtocol, ReviewedAction};

use super::{FromWire, ToWire, abs, additional_permissions};

impl ToWire for ApprovalsReviewer {
    type Wire = protocol::ApprovalsReviewer;

    /// The reviewer is shown by its older name, which all clients know.
    fn to_wire(&self) -> Self::Wire {
        match self {
            Self::User => protocol::ApprovalsReviewer::User,
            Self::AutoReview | Self::GuardianSubagent => protocol::ApprovalsReviewer::GuardianSubagent,
        }
    }
}

impl FromWire for protocol::ApprovalsReviewer {
    type Inner = ApprovalsReviewer;

    fn from_wire(self) -> ApprovalsReviewer {
        match self {
            Self::User => ApprovalsReviewer::User,
            Self::AutoReview => ApprovalsReviewer::AutoReview,
            Self::GuardianSubagent => ApprovalsReviewer::GuardianSubagent,
        }
    }
}

impl ToWire for ApprovalReview {
    type Wire = protocol::GuardianApprovalReview;

    fn to_wire(&self) -> Self::Wire {
        protocol::GuardianApprovalReview {
            status: self.status.to_wire(),
            risk_level: self.risk_level.to_wire(),
            user_authorization: self.user_authorization.to_wire(),
            rationale: self.rationale.clone(),
        }
    }
}

impl ToWire for NetworkProtocol {
    type Wire = protocol::NetworkApprovalProtocol;

    fn to_wire(&self) -> Self::Wire {
        match self {
            Self::Http => protocol::NetworkApprovalProtocol::Http,
            Self::Https => protocol::NetworkApprovalProtocol::Https,
            Self::Socks5Tcp => protocol::NetworkApprovalProtocol::Socks5Tcp,
            Self::Socks5Udp => protocol::NetworkApprovalProtocol::Socks5Udp,
        }
    }
}

impl ToWire for ReviewedAction {
    type Wire = protocol::GuardianApprovalReviewAction;

    fn to_wire(&self) -> Self::Wire {
        use protocol::GuardianApprovalReviewAction as Wire;
        match self {
            Self::Command { source, command, cwd } => Wire::Command {
                source: match source {
                    CommandSource::Agent | CommandSource::UserShell => protocol::GuardianCommandSource::Shell,
                    CommandSource::UnifiedExecStartup | CommandSource::UnifiedExecInteraction => {
                        protocol::GuardianCommandSource::UnifiedExec
                    }
                },
                command: command.clone(),
                cwd: abs(cwd),
            },
            Self::Patch { cwd, files } => Wire::ApplyPatch { cwd: abs(cwd), files: files.iter().map(abs).collect() },
            Self::Network { host, port, protocol } => Wire::NetworkAccess {
                target: self.target().unwrap_or_default(),
                host: host.to_string(),
                protocol: protocol.to_wire(),
                port: *port,
            },
            Self::Permissions { reason, permissions } => {
                let protocol::AdditionalPermissionProfile { network, file_system } =
                    additional_permissions(permissions);
                let permissions = protocol::RequestPermissionProfile { network, file_system };
                Wire::RequestPermissions { reason: reason.clone(), permissions }
            }
        }
    }
}
