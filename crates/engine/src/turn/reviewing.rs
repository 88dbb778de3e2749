//! A review: a reviewer with a thread of its own works, and the turn shows what it does and what it found.

use std::sync::{Arc, Mutex, PoisonError};

use config::{Config, Feature, WebSearchMode};
use store::{EventRecord, Record};
use tokio::sync::oneshot;
use types::item::UserInput;
use types::{
    ApprovalPolicy, Item, ItemId, ResponseItem, SessionSource, SubAgentSource, ThreadId, Turn, TurnError, TurnId,
    TurnStatus,
};

use super::{RunningTurn, Stop};
use crate::event::{EventSink, ThreadEvent, ThreadStatus};
use crate::live::TurnEvents;
use crate::prompts;
use crate::registry::NewThread;
use crate::review::{Outcome, ReviewTarget};
use crate::settings::{ThreadSettings, TurnRequest};
use crate::thread::{ThreadError, ThreadHandle, ThreadShared};

/// The id of the message that repeats the result. Source: the protocol's clients.
const RESULT_MESSAGE: &str = "review_rollout_assistant";

impl RunningTurn {
    pub(super) async fn review(&mut self, target: &ReviewTarget, started_at: i64) -> Result<(), Stop> {
        let hint = target.hint();
        let entered = EventRecord::EnteredReview { target: target.to_json(), hint: Some(hint.clone()) };
        self.log.record(vec![Record::Event(entered)])?;
        let id = ItemId::from(self.id.as_str());
        self.events.item(Item::EnteredReviewMode { id: id.clone(), review: hint });

        let (outcome, end) = self.run_reviewer(target, started_at).await?;
        let said = outcome.said();
        self.log.record(vec![
            Record::ResponseItem(ResponseItem::user(outcome.told())),
            Record::Event(EventRecord::ExitedReview { output: outcome.to_json() }),
            Record::ResponseItem(ResponseItem::assistant(said.as_str())),
            Record::Event(EventRecord::AgentMessage { text: said.clone().into(), phase: None, memory_citation: None }),
        ])?;
        self.events.item(Item::ExitedReviewMode { id, review: outcome.shown() });
        self.events.item(Item::AgentMessage {
            id: ItemId::from(RESULT_MESSAGE),
            text: said.into(),
            phase: None,
            memory_citation: None,
        });
        end
    }

    /// Lets the reviewer work until it is done or the turn is interrupted. What came out, and how the turn goes on.
    async fn run_reviewer(
        &mut self,
        target: &ReviewTarget,
        started_at: i64,
    ) -> Result<(Outcome, Result<(), Stop>), Stop> {
        let (done, ended) = oneshot::channel();
        let sink = Arc::new(ReviewSink {
            thread: self.thread.clone(),
            events: self.events.clone(),
            state: Mutex::new(ReviewState { said: String::new(), done: Some(done) }),
        });
        let reviewer = self.environment.start_hidden(
            NewThread {
                settings: reviewer_settings(&self.settings),
                source: SessionSource::SubAgent(SubAgentSource::Review),
                ephemeral: self.thread.path.is_none(),
                forked_from: None,
                git: self.thread.meta.git.clone(),
                dynamic_tools: Vec::new(),
                raw_events: false,
                extended_history: false,
                history: Vec::new(),
            },
            sink.clone(),
        )?;
        let turn = self.start_reviewer(&reviewer, target, started_at).await?;
        let mut ended = std::pin::pin!(ended);
        let turn = loop {
            tokio::select! {
                biased;
                turn = &mut ended => break turn,
                () = self.cancel.cancelled() => {
                    // An error means that the reviewer is done by itself.
                    if let Ok(turn) = reviewer.interrupt(None).await {
                        turn.told().await;
                    }
                    break Ok(Turn { status: TurnStatus::Interrupted, ..turn });
                }
                // A review takes long: who has something for the log does not wait for it.
                Some(input) = self.inbox.recv() => self.take(input),
            }
        };
        reviewer.close().await;
        let turn = turn.map_err(|_| Stop::from(ThreadError::Closed))?;
        Ok(match (turn.status, turn.error) {
            (TurnStatus::Completed, _) => (Outcome::of_answer(&sink.said()), Ok(())),
            (_, Some(error)) => {
                // The reviewer's own event has told of it.
                self.error_told = true;
                (Outcome::Failed, Err(Stop::Failed(error)))
            }
            (_, None) => (Outcome::Interrupted, Err(Stop::Interrupted)),
        })
    }

    /// Starts the reviewer's turn, which stands for this one in the rollout.
    async fn start_reviewer(
        &mut self,
        reviewer: &ThreadHandle,
        target: &ReviewTarget,
        started_at: i64,
    ) -> Result<Turn, Stop> {
        let text = target.request();
        let input = vec![UserInput::Text { text: text.clone(), elements: Vec::new() }];
        let accepted = reviewer.start_turn(TurnRequest { input, ..TurnRequest::default() }).await?;
        let asked = || {
            Record::Event(EventRecord::UserMessage {
                text: text.clone(),
                images: Vec::new(),
                local_images: Vec::new(),
                elements: Vec::new(),
            })
        };
        // Twice, as the review's input and as the reviewer's. Source: the rollout format's other writers.
        self.log.record(vec![self.turn_started(accepted.id.clone(), started_at), asked(), asked()])?;
        let turn = Turn {
            id: accepted.id.clone(),
            items: Vec::new(),
            status: TurnStatus::InProgress,
            error: None,
            started_at: Some(started_at),
            completed_at: None,
            duration: None,
        };
        // The reviewer begins when `accepted` is dropped.
        drop(accepted);
        Ok(turn)
    }
}

impl From<ThreadError> for Stop {
    fn from(error: ThreadError) -> Self {
        Self::Failed(types::TurnError {
            message: format!("the reviewer could not work: {error}"),
            kind: Some(types::TurnErrorKind::Other),
            details: None,
        })
    }
}

/// A reviewer asks nobody, starts no agents and looks at nothing outside the project.
fn reviewer_settings(settings: &ThreadSettings) -> ThreadSettings {
    let mut config = Config::clone(&settings.config);
    config.features.set(Feature::MultiAgent, false);
    config.web_search = Some(WebSearchMode::Disabled);
    let model = config.review_model.clone().unwrap_or_else(|| settings.model().to_owned());
    ThreadSettings {
        config: Arc::new(config),
        model,
        effort: settings.effort(),
        mode: None,
        approval_policy: ApprovalPolicy::Never,
        base_instructions: Some(prompts::REVIEW.to_owned()),
        developer_instructions: None,
        ..settings.clone()
    }
}

/// Shows what happens in the reviewer's thread as part of the review's turn.
struct ReviewSink {
    thread: Arc<ThreadShared>,
    events: TurnEvents,
    /// Locked for a moment, never across an await.
    state: Mutex<ReviewState>,
}

struct ReviewState {
    /// What the reviewer said last.
    said: String,
    /// Takes the reviewer's turn when it has ended.
    done: Option<oneshot::Sender<Turn>>,
}

impl ReviewSink {
    fn said(&self) -> String {
        self.state().said.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ReviewState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(id: TurnId, error: TurnError) -> Turn {
    Turn {
        id,
        items: Vec::new(),
        status: TurnStatus::Failed,
        error: Some(error),
        started_at: None,
        completed_at: None,
        duration: None,
    }
}

impl EventSink for ReviewSink {
    fn emit(&self, _reviewer: ThreadId, event: ThreadEvent) {
        match event {
            // The review is over when its result has been told, not before.
            ThreadEvent::StatusChanged(ThreadStatus::Idle) => {}
            ThreadEvent::StatusChanged(status) => self.thread.status.set(status),
            ThreadEvent::TurnStarted(turn) => self.events.begin_as(turn),
            ThreadEvent::TurnCompleted(turn) => {
                if let Some(done) = self.state().done.take() {
                    let _ = done.send(turn);
                }
            }
            // Of a turn that never began there is no other end.
            ThreadEvent::Error { error, will_retry: false, turn_id } => {
                let told = ThreadEvent::Error { error: error.clone(), will_retry: false, turn_id: turn_id.clone() };
                self.events.emit(told.in_turn(self.events.turn_id()));
                if let Some(done) = self.state().done.take() {
                    let _ = done.send(failed(turn_id, error));
                }
            }
            // What the reviewer says is for the review to read and to show.
            ThreadEvent::ItemCompleted { item: Item::AgentMessage { text, .. }, .. } => {
                self.state().said = text.into_string();
            }
            ThreadEvent::ItemCompleted { item, .. } => self.events.item_completed(item),
            // Tokens and limits are shown for the thread's own requests.
            ThreadEvent::AgentMessageDelta { .. }
            | ThreadEvent::TokenUsageUpdated { .. }
            | ThreadEvent::RateLimitsUpdated(_)
            | ThreadEvent::RawResponseItem { .. }
            | ThreadEvent::Spawned { .. }
            | ThreadEvent::Closed => {}
            event => self.events.emit(event.in_turn(self.events.turn_id())),
        }
    }
}
