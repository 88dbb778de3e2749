//! The reviewer at work: a hidden thread, and the model that it works with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use config::{Config, Feature};
use model::catalogue;
use model::{ModelError, ModelProvider, Request, ResponseStream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use types::item::UserInput;
use types::{
    ApprovalPolicy, ApprovalsReviewer, Item, ReasoningEffort, ResponseItem, SandboxPolicy, SessionSource,
    SubAgentSource, ThreadId, Turn, TurnError,
};

use super::assessment;
use crate::event::{EventSink, ThreadEvent};
use crate::prompts;
use crate::registry::NewThread;
use crate::settings::{ThreadSettings, TurnRequest};
use crate::thread::ThreadShared;

/// The model that was made for reviews. Source: the recorded requests.
const MODEL: &str = "codex-auto-review";

/// What reviewers call themselves towards providers. Source: as above.
const SOURCE: &str = "guardian";

/// Lets a reviewer of `thread` work on `text`; what it says last, or why it says nothing.
///
/// The model made for reviews does the work, and the thread's own one where the catalogue or the provider lacks that.
///
/// # Cancel safety
/// Dropping the future ends the reviewer.
pub(super) async fn ask(thread: &ThreadShared, settings: &ThreadSettings, text: &str) -> Result<String, String> {
    let mut refused = false;
    if !thread.reviewer_model_missing.load(Ordering::Relaxed) && is_in_catalogue(&settings.config).await {
        let provider = Arc::new(Asked { provider: settings.provider.clone(), refused: AtomicBool::new(false) });
        let special = ThreadSettings { provider: provider.clone(), ..reviewer_settings(settings, MODEL, None) };
        let answer = run(thread, special, text).await;
        refused = provider.refused.load(Ordering::Relaxed);
        if !refused {
            return answer;
        }
    }
    let answer = run(thread, reviewer_settings(settings, settings.model(), settings.effort()), text).await;
    if refused && answer.is_ok() {
        // It was the model.
        tracing::info!(provider = settings.provider_id, "the provider has no {MODEL}; the thread's own model reviews");
        thread.reviewer_model_missing.store(true, Ordering::Relaxed);
    }
    answer
}

async fn run(thread: &ThreadShared, settings: ThreadSettings, text: &str) -> Result<String, String> {
    let (done, ended) = oneshot::channel();
    let sink = Arc::new(Listener { state: Mutex::new(Heard { said: String::new(), done: Some(done) }) });
    let reviewer = thread.environment.start_hidden(
        NewThread {
            settings,
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
    let reviewer = reviewer.map_err(|error| error.to_string())?;
    let request = TurnRequest {
        input: vec![UserInput::Text { text: text.to_owned(), elements: Vec::new() }],
        output_schema: Some(assessment::schema()),
        ..TurnRequest::default()
    };
    // The reviewer begins at once.
    drop(reviewer.start_turn(request).await.map_err(|error| error.to_string())?);
    let error = ended.await.map_err(|_| "the turn is over".to_owned())?;
    reviewer.close().await;
    match error {
        Some(error) => Err(error.message),
        None => Ok(std::mem::take(&mut sink.heard().said)),
    }
}

/// Whether the catalogue that the configuration names has the model. The bundled one does.
async fn is_in_catalogue(config: &Config) -> bool {
    let Some(file) = &config.model_catalog_json else { return true };
    let Ok(text) = tokio::fs::read_to_string(file).await else { return true };
    catalogue::from_json(&text).map_or(true, |models| models.iter().any(|model| model.slug == MODEL))
}

/// A reviewer looks and decides: it asks nobody, changes nothing, and reads no instructions that a project brings. It
/// thinks briefly where its model can; otherwise as `effort` says.
fn reviewer_settings(settings: &ThreadSettings, model: &str, effort: Option<ReasoningEffort>) -> ThreadSettings {
    let mut config = Config::clone(&settings.config);
    for feature in [Feature::MultiAgent, Feature::RequestPermissionsTool, Feature::ExecPermissionApprovals] {
        config.features.set(feature, false);
    }
    config.project_doc_max_bytes = 0;
    config.skills.include_instructions = false;
    let efforts = catalogue::lookup(model).info.supported_efforts;
    let can_be_brief = efforts.iter().any(|(effort, _)| *effort == ReasoningEffort::Low);
    let instructions = prompts::guardian(config.auto_review_policy.as_deref());
    ThreadSettings {
        config: Arc::new(config),
        model: model.to_owned(),
        effort: if can_be_brief { Some(ReasoningEffort::Low) } else { effort },
        mode: None,
        personality: None,
        approval_policy: ApprovalPolicy::Never,
        approvals_reviewer: ApprovalsReviewer::User,
        sandbox_policy: SandboxPolicy::read_only(),
        permission_profile: None,
        network: None,
        base_instructions: Some(instructions),
        developer_instructions: None,
        ..settings.clone()
    }
}

/// A provider that is asked for a model which it may not have.
struct Asked {
    provider: Arc<dyn ModelProvider>,
    refused: AtomicBool,
}

#[async_trait]
impl ModelProvider for Asked {
    async fn stream(&self, request: &Request, cancel: &CancellationToken) -> Result<ResponseStream, ModelError> {
        let opened = self.provider.stream(request, cancel).await;
        opened.map_err(|error| {
            if !error.may_be_the_model() {
                return error;
            }
            self.refused.store(true, Ordering::Relaxed);
            // Asking again would not help.
            ModelError::Provider { reason: error.to_string() }
        })
    }

    fn compacts(&self) -> bool {
        self.provider.compacts()
    }

    async fn compact(&self, request: &Request, cancel: &CancellationToken) -> Result<Vec<ResponseItem>, ModelError> {
        self.provider.compact(request, cancel).await
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
            ThreadEvent::ItemCompleted { item: Item::AgentMessage { text, .. }, .. } => {
                self.heard().said = text.into_string();
            }
            ThreadEvent::TurnCompleted(Turn { error, .. }) => self.end(error),
            // Of a turn that never began there is no other end.
            ThreadEvent::Error { error, will_retry: false, .. } => self.end(Some(error)),
            _ => {}
        }
    }
}
