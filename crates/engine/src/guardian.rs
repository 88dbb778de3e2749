//! The automatic reviewer: decides about approval requests in the user's place, where the thread's settings say so.
//!
//! Each request gets a reviewer of its own, a thread that nobody sees and that may only read. It is shown what was said
//! and done so far ([`transcript`]) and the action, and answers with an [`assessment`]. Only a readable "allow" allows.

mod assessment;
mod transcript;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use config::{Config, Feature};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tools::{CommandApproval, NetworkApproval, PatchApproval, PermissionsRequest};
use types::item::{CommandSource, FileChangeKind, UserInput};
use types::{
    AbsPath, ApprovalPolicy, ApprovalsReviewer, Host, Item, ItemId, NetworkProtocol, PermissionProfile,
    ReasoningEffort, ResponseItem, SandboxPolicy, SessionSource, SubAgentSource, ThreadId, Turn, TurnError,
};

pub use assessment::{ApprovalReview, ReviewStatus, RiskLevel, UserAuthorization};

use self::transcript::Speaker;
use crate::context;
use crate::event::{EventSink, ThreadEvent};
use crate::live::TurnEvents;
use crate::prompts;
use crate::registry::NewThread;
use crate::settings::{ThreadSettings, TurnRequest};
use crate::thread::ThreadShared;

/// The model that reviews. Source: the recorded requests.
const MODEL: &str = "codex-auto-review";

/// What reviewers call themselves towards providers. Source: as above.
const SOURCE: &str = "guardian";

/// How long a review may take. Whoever waits for it is an agent at work; a reviewer that looks at files needs some
/// requests.
const TIME_LIMIT: Duration = Duration::from_secs(120);

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

/// What comes of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// With what the agent is told.
    Denied(String),
}

/// What the model sees, and which of it is the summary that a compaction has put there.
pub(crate) struct Conversation {
    pub(crate) history: Arc<Vec<ResponseItem>>,
    pub(crate) summary: Option<String>,
}

/// Asks the turn, which owns the log.
pub(crate) type ConversationRequest = oneshot::Sender<Conversation>;

/// Reviews on behalf of one turn. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guardian {
    pub(crate) thread: Arc<ThreadShared>,
    pub(crate) settings: Arc<ThreadSettings>,
    pub(crate) events: TurnEvents,
    /// The user wants everything reviewed for the rest of the turn.
    pub(crate) strict: Arc<AtomicBool>,
    pub(crate) conversation: mpsc::Sender<ConversationRequest>,
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
        let mut open = Open { guardian: self, id: uuid::Uuid::new_v4().to_string(), target, action, over: false };
        open.tell(ApprovalReview::in_progress());
        let review = match tokio::time::timeout(TIME_LIMIT, self.ask(planned)).await {
            Ok(Ok(answer)) => ApprovalReview::of_answer(&answer),
            Ok(Err(reason)) => ApprovalReview::failed(&reason),
            Err(_) => ApprovalReview::timed_out(),
        };
        let message = review.message();
        self.events.emit(ThreadEvent::ReviewerWarning(message));
        let verdict = match review.status {
            ReviewStatus::Approved => Verdict::Allowed,
            ReviewStatus::Denied | ReviewStatus::TimedOut | ReviewStatus::Aborted | ReviewStatus::InProgress => {
                Verdict::Denied(prompts::denied(review.rationale.as_deref().unwrap_or_default()))
            }
        };
        open.over = true;
        open.tell(review);
        verdict
    }

    /// Lets a reviewer work; what it says last, or why it says nothing.
    async fn ask(&self, planned: &Value) -> Result<String, String> {
        let gone = || "the turn is over".to_owned();
        let (reply, conversation) = oneshot::channel();
        self.conversation.send(reply).await.map_err(|_| gone())?;
        let text = {
            let Conversation { history, summary } = conversation.await.map_err(|_| gone())?;
            let speaker = match self.thread.meta.source {
                SessionSource::SubAgent(_) => Speaker::ParentAgent,
                _ => Speaker::User,
            };
            prompts::review_request(&transcript::of(&history, summary.as_deref(), speaker), planned)
        };
        let (done, ended) = oneshot::channel();
        let sink = Arc::new(Listener { state: Mutex::new(Heard { said: String::new(), done: Some(done) }) });
        let reviewer = self.thread.environment.start_hidden(
            NewThread {
                settings: reviewer_settings(&self.settings),
                source: SessionSource::SubAgent(SubAgentSource::Other(SOURCE.to_owned())),
                ephemeral: true,
                forked_from: None,
                git: None,
                dynamic_tools: Vec::new(),
                raw_events: false,
                extended_history: false,
                history: Vec::new(),
            },
            sink.clone(),
        );
        let request = TurnRequest {
            input: vec![UserInput::Text { text, elements: Vec::new() }],
            output_schema: Some(assessment::schema()),
            ..TurnRequest::default()
        };
        // The reviewer begins at once.
        drop(reviewer.start_turn(request).await.map_err(|error| error.to_string())?);
        let error = ended.await.map_err(|_| gone())?;
        reviewer.close().await;
        match error {
            Some(error) => Err(error.message),
            None => Ok(std::mem::take(&mut sink.heard().said)),
        }
    }
}

/// Permissions in words that a reviewer understands.
fn listed(profile: &PermissionProfile) -> Vec<String> {
    let network = (profile.network_enabled == Some(true)).then(|| "the network".to_owned());
    context::profile_entries(profile).chain(network).collect()
}

/// A reviewer looks and decides: it asks nobody, changes nothing, and reads no instructions that a project brings.
fn reviewer_settings(settings: &ThreadSettings) -> ThreadSettings {
    let mut config = Config::clone(&settings.config);
    for feature in [Feature::MultiAgent, Feature::RequestPermissionsTool, Feature::ExecPermissionApprovals] {
        config.features.set(feature, false);
    }
    config.project_doc_max_bytes = 0;
    config.skills.include_instructions = false;
    ThreadSettings {
        config: Arc::new(config),
        model: MODEL.to_owned(),
        effort: Some(ReasoningEffort::Low),
        mode: None,
        personality: None,
        approval_policy: ApprovalPolicy::Never,
        approvals_reviewer: ApprovalsReviewer::User,
        sandbox_policy: SandboxPolicy::read_only(),
        permission_profile: None,
        network: None,
        base_instructions: Some(prompts::GUARDIAN.to_owned()),
        developer_instructions: None,
        ..settings.clone()
    }
}

/// A review that clients have heard of. Dropped before it is over, it was broken off.
struct Open<'a> {
    guardian: &'a Guardian,
    id: String,
    target: &'a ItemId,
    action: ReviewedAction,
    over: bool,
}

impl Open<'_> {
    fn tell(&self, review: ApprovalReview) {
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
        if !self.over {
            self.tell(ApprovalReview::aborted());
        }
    }
}

/// Waits for a reviewer's last word.
struct Listener {
    /// Locked for a moment, never across an await.
    state: Mutex<Heard>,
}

struct Heard {
    said: String,
    /// Takes the error, if there is one, when the reviewer's turn is over.
    done: Option<oneshot::Sender<Option<TurnError>>>,
}

impl Listener {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, error: Option<TurnError>) {
        if let Some(done) = self.heard().done.take() {
            let _ = done.send(error);
        }
    }
}

impl EventSink for Listener {
    fn emit(&self, _reviewer: ThreadId, event: ThreadEvent) {
        match event {
            ThreadEvent::ItemCompleted { item: Item::AgentMessage { text, .. }, .. } => self.heard().said = text,
            ThreadEvent::TurnCompleted(Turn { error, .. }) => self.end(error),
            // Of a turn that never began there is no other end.
            ThreadEvent::Error { error, will_retry: false, .. } => self.end(Some(error)),
            _ => {}
        }
    }
}
