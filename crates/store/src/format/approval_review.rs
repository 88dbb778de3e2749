//! `guardian_assessment`: a review of the automatic reviewer, once when it begins and once when it has come to an end.
//!
//! Written only; what is read stays as it came, because nothing is made of it.

use std::path::Path;

use serde::Serialize;
use types::item::CommandSource;
use types::{FileSystemAccess, FileSystemPath, PermissionProfile, ReviewStatus, ReviewedAction};

use crate::record::ApprovalReviewRecord;

#[derive(Serialize)]
#[serde(tag = "type", rename = "guardian_assessment")]
pub(super) struct ReviewOut<'a> {
    id: &'a str,
    target_item_id: &'a str,
    turn_id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_level: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_authorization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rationale: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_source: Option<&'a str>,
    action: Action<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Action<'a> {
    Command { source: &'a str, command: &'a str, cwd: &'a Path },
    ApplyPatch { cwd: &'a Path, files: Vec<&'a Path> },
    NetworkAccess { target: Option<String>, host: &'a str, protocol: &'a str, port: u16 },
    RequestPermissions { reason: Option<&'a str>, permissions: Permissions<'a> },
}

/// As the agent asks for them: paths to read and paths to write.
#[derive(Serialize)]
struct Permissions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_system: Option<Paths<'a>>,
}

#[derive(Serialize)]
struct Network {
    enabled: bool,
}

#[derive(Serialize)]
struct Paths<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    read: Vec<&'a Path>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    write: Vec<&'a Path>,
}

impl<'a> ReviewOut<'a> {
    pub(super) fn new(record: &'a ApprovalReviewRecord) -> Self {
        let ApprovalReviewRecord { id, target, turn_id, action, review } = record;
        Self {
            id,
            target_item_id: target.as_str(),
            turn_id: turn_id.as_str(),
            status: review.status.as_str(),
            risk_level: review.risk_level.map(types::RiskLevel::as_str),
            user_authorization: review.user_authorization.map(types::UserAuthorization::as_str),
            rationale: review.rationale.as_deref(),
            decision_source: (review.status != ReviewStatus::InProgress).then_some("agent"),
            action: Action::new(action),
        }
    }
}

impl<'a> Action<'a> {
    fn new(action: &'a ReviewedAction) -> Self {
        match action {
            ReviewedAction::Command { source, command, cwd } => {
                let source = match source {
                    CommandSource::Agent | CommandSource::UserShell => "shell",
                    CommandSource::UnifiedExecStartup | CommandSource::UnifiedExecInteraction => "unified_exec",
                };
                Self::Command { source, command, cwd }
            }
            ReviewedAction::Patch { cwd, files } => {
                Self::ApplyPatch { cwd, files: files.iter().map(types::AbsPath::as_path).collect() }
            }
            ReviewedAction::Network { host, port, protocol } => Self::NetworkAccess {
                target: action.target(),
                host: host.as_str(),
                protocol: protocol.as_str(),
                port: *port,
            },
            ReviewedAction::Permissions { reason, permissions } => {
                Self::RequestPermissions { reason: reason.as_deref(), permissions: Permissions::new(permissions) }
            }
        }
    }
}

impl<'a> Permissions<'a> {
    fn new(profile: &'a PermissionProfile) -> Self {
        let entries = profile.file_system.as_ref().map(|files| &files.entries);
        let paths = |wanted| {
            let entries = entries.into_iter().flatten().filter(move |entry| entry.access == wanted);
            // What the agent asks for has plain paths only.
            let paths = entries.filter_map(|entry| match &entry.path {
                FileSystemPath::Path(path) => Some(path.as_path()),
                FileSystemPath::GlobPattern(_) | FileSystemPath::Special(_) => None,
            });
            paths.collect()
        };
        Self {
            network: profile.network_enabled.map(|enabled| Network { enabled }),
            file_system: entries
                .map(|_| Paths { read: paths(FileSystemAccess::Read), write: paths(FileSystemAccess::Write) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use types::policy::FileSystemPermissions;
    use types::{AbsPath, ApprovalReview, FileSystemEntry, Host, NetworkProtocol, RiskLevel, UserAuthorization};

    use super::*;

    const BEGUN: ApprovalReview = ApprovalReview {
        status: ReviewStatus::InProgress,
        risk_level: None,
        user_authorization: None,
        rationale: None,
    };

    fn written(action: ReviewedAction, review: ApprovalReview) -> Value {
        let target = "call-s".into();
        let record = ApprovalReviewRecord { id: "r".to_owned(), target, turn_id: "t".into(), action, review };
        serde_json::to_value(ReviewOut::new(&record)).unwrap()
    }

    fn path(path: &str) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    #[test]
    fn a_review_says_who_decided_once_it_is_decided() {
        let action = || ReviewedAction::Command {
            source: CommandSource::Agent,
            command: "touch x".to_owned(),
            cwd: path("/work"),
        };
        let common = json!({
            "type": "guardian_assessment", "id": "r", "target_item_id": "call-s", "turn_id": "t", "status": "in_progress",
            "action": { "type": "command", "source": "shell", "command": "touch x", "cwd": "/work" },
        });
        assert_eq!(written(action(), BEGUN), common);
        let decided = ApprovalReview {
            status: ReviewStatus::Denied,
            risk_level: Some(RiskLevel::High),
            user_authorization: Some(UserAuthorization::Unknown),
            rationale: Some("No.".to_owned()),
        };
        let mut expected = common;
        for (member, value) in [
            ("status", "denied"),
            ("risk_level", "high"),
            ("user_authorization", "unknown"),
            ("rationale", "No."),
            ("decision_source", "agent"),
        ] {
            expected[member] = json!(value);
        }
        assert_eq!(written(action(), decided), expected);
    }

    #[test]
    fn every_action_is_spelled_as_other_readers_know_it() {
        let files = FileSystemPermissions {
            entries: vec![FileSystemEntry {
                path: FileSystemPath::Path(path("/data")),
                access: FileSystemAccess::Write,
            }],
            glob_scan_max_depth: None,
        };
        let permissions = PermissionProfile { network_enabled: Some(true), file_system: Some(files) };
        for (action, expected) in [
            (
                ReviewedAction::Patch { cwd: path("/work"), files: vec![path("/x.txt")] },
                json!({ "type": "apply_patch", "cwd": "/work", "files": ["/x.txt"] }),
            ),
            (
                ReviewedAction::Network {
                    host: Host::parse("a.test").unwrap(),
                    port: 443,
                    protocol: NetworkProtocol::Https,
                },
                json!({
                    "type": "network_access", "target": "https://a.test:443", "host": "a.test", "protocol": "https",
                    "port": 443,
                }),
            ),
            (
                ReviewedAction::Permissions { reason: Some("to write".to_owned()), permissions },
                json!({
                    "type": "request_permissions", "reason": "to write",
                    "permissions": { "network": { "enabled": true }, "file_system": { "write": ["/data"] } },
                }),
            ),
        ] {
            assert_eq!(written(action, BEGUN)["action"], expected);
        }
    }
}
