//! The automatic reviewer: decides about approval requests in the user's place, where the thread's settings say so.
//!
//! Each request gets a reviewer of its own, a thread that nobody sees and that may only read. It is shown what was said
//! and done so far ([`transcript`]) and the action, and answers with an [`assessment`]. Only a readable "allow" allows.

mod assessment;
mod denials;
mod reviewer;
mod transcript;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use config::Feature;
use serde_json::{Value, json};
use store::{ApprovalReviewRecord, EventRecord, Extended, Record};
use tools::{CommandApproval, NetworkApproval, PatchApproval, PermissionsRequest};
use types::item::FileChangeKind;
use types::{
    ApprovalPolicy, ApprovalReview, ApprovalsReviewer, ItemId, PermissionProfile, ReviewStatus, ReviewedAction,
    SessionSource,
};

pub(crate) use self::denials::Denials;
use self::transcript::Speaker;
use crate::context;
use crate::event::ThreadEvent;
use crate::live::TurnEvents;
use crate::log::Conversation;
use crate::prompts;
use crate::settings::ThreadSettings;
use crate::thread::{ThreadError, ThreadHandle, ThreadShared};

/// How long a review may take. Whoever waits for it is an agent at work; a reviewer that looks at files needs some
/// requests. Source: asked of the protocol's other server.
const TIME_LIMIT: Duration = Duration::from_secs(90);

/// What comes of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// With what the agent is told.
    Denied(String),
}

/// Reviews on behalf of one turn, also after it: a command that it has left running may ask later. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guardian {
    pub(crate) thread: Arc<ThreadShared>,
    pub(crate) settings: Arc<ThreadSettings>,
    pub(crate) events: TurnEvents,
    /// The user wants everything reviewed for the rest of the turn.
    pub(crate) strict: Arc<AtomicBool>,
    pub(crate) denials: Arc<Denials>,
}

impl Guardian {
    /// Whether the reviewer answers in the user's place. Policies that are about asking people stay with them.
    pub(crate) fn answers(&self) -> bool {
        let settings = &self.settings;
        settings.approvals_reviewer != ApprovalsReviewer::User
            && matches!(settings.approval_policy, ApprovalPolicy::OnRequest | ApprovalPolicy::Granular(_))
            && settings.config.features.enabled(Feature::GuardianApproval)
    }

    /// Whether commands and patches are reviewed.
    pub(crate) fn reviews_work(&self) -> bool {
        self.answers() || self.strict.load(Ordering::Relaxed)
    }

    pub(crate) async fn review_command(&self, approval: &CommandApproval) -> Verdict {
        let action = ReviewedAction::Command {
            source: approval.source,
            command: approval.command.clone(),
            cwd: approval.cwd.clone(),
        };
        let planned = json!({
            "tool": "command",
            "argv": approval.argv,
            "cwd": approval.cwd.to_string(),
            "runs": if approval.outside_sandbox { "outside the sandbox" } else { "in the sandbox" },
            "additional_permissions": approval.additional_permissions.as_ref().map(listed),
            "reason_given_by_the_agent": approval.reason,
        });
        self.review(&approval.item_id, action, &planned).await
    }

    pub(crate) async fn review_patch(&self, approval: &PatchApproval) -> Verdict {
        let files = approval.changes.iter().map(|change| approval.cwd.join(&change.path)).collect();
        let action = ReviewedAction::Patch { cwd: approval.cwd.clone(), files };
        let change = |change: &types::item::FileChange| {
            json!({
                "path": change.path,
                "kind": match &change.kind {
                    FileChangeKind::Add => "add",
                    FileChangeKind::Delete => "delete",
                    FileChangeKind::Update { .. } => "update",
                },
                "moved_to": match &change.kind {
                    FileChangeKind::Update { move_path } => move_path.as_deref(),
                    FileChangeKind::Add | FileChangeKind::Delete => None,
                },
                "diff": transcript::shortened(&change.diff),
            })
        };
        let planned = json!({
            "tool": "patch",
            "cwd": approval.cwd.to_string(),
            "changes": approval.changes.iter().map(change).collect::<Vec<_>>(),
        });
        self.review(&approval.item_id, action, &planned).await
    }

    pub(crate) async fn review_network(&self, approval: &NetworkApproval) -> Verdict {
        let NetworkApproval { item_id, host, port, protocol, reason: _ } = approval;
        let action = ReviewedAction::Network { host: host.clone(), port: *port, protocol: *protocol };
        let planned = json!({
            "tool": "a connection of a command that runs in the sandbox",
            "host": host.as_str(),
            "port": port,
            "protocol": protocol.as_str(),
        });
        self.review(item_id, action, &planned).await
    }

    pub(crate) async fn review_permissions(&self, request: &PermissionsRequest) -> Verdict {
        let action =
            ReviewedAction::Permissions { reason: request.reason.clone(), permissions: request.permissions.clone() };
        let planned = json!({
            "tool": "permissions for the rest of the turn",
            "cwd": request.cwd.to_string(),
            "permissions": listed(&request.permissions),
            "reason_given_by_the_agent": request.reason,
        });
        self.review(&request.item_id, action, &planned).await
    }

    /// Has an action reviewed and tells clients of it.
    ///
    /// # Cancel safety
    /// Dropping the future ends the reviewer and tells clients that the review was broken off.
    async fn review(&self, target: &ItemId, action: ReviewedAction, planned: &Value) -> Verdict {
        let mut open = Open { guardian: self, id: uuid::Uuid::new_v4().to_string(), target, action, told: false };
        open.tell(assessment::BEGUN).await;
        let answered = tokio::time::timeout(TIME_LIMIT, self.ask(planned)).await;
        let answered = answered.map(|answer| answer.and_then(|text| assessment::read(&text)));
        let given_up =
            self.denials.count(matches!(&answered, Ok(Ok(ApprovalReview { status: ReviewStatus::Denied, .. }))));
        let review = match answered {
            Ok(Ok(review)) => review,
            Ok(Err(reason)) => assessment::failed(&reason),
            Err(_) => assessment::timed_out(),
        };
        let verdict = match review.status {
            ReviewStatus::Approved => Verdict::Allowed,
            ReviewStatus::TimedOut => Verdict::Denied(prompts::REVIEW_TIMED_OUT.to_owned()),
            ReviewStatus::Denied | ReviewStatus::Aborted | ReviewStatus::InProgress => {
                Verdict::Denied(prompts::denied(review.rationale.as_deref().unwrap_or_default()))
            }
        };
        open.tell(review).await;
        if let Some(warning) = given_up {
            self.events.emit(ThreadEvent::ReviewerWarning(warning));
        }
        verdict
    }

    /// What a reviewer says, or why it says nothing.
    async fn ask(&self, planned: &Value) -> Result<String, String> {
        let thread = self.handle().ok_or_else(|| ThreadError::Closed.to_string())?;
        let Conversation { history, summary } = thread.conversation().await.map_err(|error| error.to_string())?;
        let speaker = match self.thread.meta.source {
            SessionSource::SubAgent(_) => Speaker::ParentAgent,
            _ => Speaker::User,
        };
        let transcript = transcript::of(&history, summary.as_deref(), speaker);
        drop(history);
        reviewer::ask(&self.thread, &self.settings, &prompts::review_request(&transcript, planned)).await
    }

    fn handle(&self) -> Option<ThreadHandle> {
        self.thread.environment.loaded.get(self.thread.id)
    }

    /// Puts a review into an extended history. When it returns, that is on disk, or cannot be.
    async fn keep(&self, record: impl FnOnce() -> ApprovalReviewRecord) {
        if !self.thread.extended_history {
            return;
        }
        let record = Record::Event(EventRecord::Extended(Box::new(Extended::ApprovalReview(record()))));
        let Some(thread) = self.handle() else { return };
        if let Err(error) = thread.record(record).await {
            tracing::warn!(%error, thread = %self.thread.id, "a review could not be stored");
        }
    }
}

/// Permissions in words that a reviewer understands.
fn listed(profile: &PermissionProfile) -> Vec<String> {
    let network = (profile.network_enabled == Some(true)).then(|| "the network".to_owned());
    context::profile_entries(profile).chain(network).collect()
}

/// A review under way. Dropped when clients have heard of its beginning only, it was broken off.
struct Open<'a> {
    guardian: &'a Guardian,
    id: String,
    target: &'a ItemId,
    action: ReviewedAction,
    /// Clients have heard of its beginning and not of its end.
    told: bool,
}

impl Open<'_> {
    /// Records how the review stands, then tells of it. An end is told once.
    async fn tell(&mut self, review: ApprovalReview) {
        let record = || ApprovalReviewRecord {
            id: self.id.clone(),
            target: self.target.clone(),
            turn_id: self.guardian.events.turn_id().clone(),
            action: self.action.clone(),
            review: review.clone(),
        };
        self.guardian.keep(record).await;
        self.told = review.status == ReviewStatus::InProgress;
        if !self.told {
            self.guardian.events.emit(ThreadEvent::ReviewerWarning(assessment::message(&review)));
        }
        self.emit(review);
    }

    fn emit(&self, review: ApprovalReview) {
        self.guardian.events.emit(ThreadEvent::ApprovalReview {
            turn_id: self.guardian.events.turn_id().clone(),
            review_id: self.id.clone(),
            target: self.target.clone(),
            action: self.action.clone(),
            review,
        });
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.told {
            self.emit(assessment::ABORTED);
        }
    }
}
