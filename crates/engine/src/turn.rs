//! One turn: ask the model, run the tools it calls, ask again, until it has nothing more to do.
//!
//! That is what a turn of the user does; the other tasks of a turn are in `compacting.rs` and `reviewing.rs`.
//!
//! The turn owns the thread's [`Log`] while it runs and gives it back in [`TurnEnd`]. It hears from clients through its
//! inbox and stops when its token is cancelled. Every fact is recorded first and told afterwards.

mod answer;
mod arriving;
mod compacting;
mod inbox;
mod input;
mod offer;
mod request_clock;
mod reviewing;
mod sampling;
mod tool_calls;
pub(crate) mod user_command;

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::ModelError;
use model::catalogue::ModelInfo;
use serde_json::Value;
use store::{EventRecord, Record, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use types::item::UserInput;
use types::{Item, ItemId, ModeKind, RateLimits, ResponseItem, Turn, TurnError, TurnErrorKind, TurnId, TurnStatus};

use self::answer::Unfinished;
use self::arriving::Arriving;
use self::inbox::{Late, Pending, close};
pub(crate) use self::inbox::{TurnInput, note};
use crate::context::{self, ContextFacts};
use crate::environment::{Environment, unix_seconds};
use crate::event::{ThreadEvent, ThreadStatus};
use crate::guardian::Denials;
use crate::live::TurnEvents;
use crate::log::{Log, read_back};
use crate::settings::{ThreadSettings, TurnRequest};
use crate::task::Task;
use crate::thread::ThreadShared;

/// What clients have heard of a turn before its end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing: it failed, or was interrupted, before its start was recorded.
    Nothing,
    /// That it runs.
    Start,
    /// That there will be no such turn.
    Refusal,
}

/// How a turn ended, with what it borrowed.
pub(crate) struct TurnEnd {
    pub(crate) log: Log,
    pub(crate) turn: Turn,
    /// What the agent said last.
    pub(crate) last_message: Option<String>,
    /// The status of the thread afterwards.
    pub(crate) status: ThreadStatus,
    pub(crate) heard: Heard,
    /// Whether clients have heard of the turn's error.
    pub(crate) error_told: bool,
    /// Input of the user that came too late for this turn.
    pub(crate) leftover: Vec<Vec<UserInput>>,
    /// Commands of the user that came before clients heard of this turn, which they did not.
    pub(crate) commands: Vec<String>,
}

/// A turn about to run.
pub(crate) struct TurnTask {
    pub(crate) id: TurnId,
    pub(crate) environment: Arc<Environment>,
    pub(crate) thread: Arc<ThreadShared>,
    pub(crate) settings: Arc<ThreadSettings>,
    pub(crate) log: Log,
    pub(crate) task: Task,
    pub(crate) inbox: mpsc::Receiver<TurnInput>,
    pub(crate) cancel: CancellationToken,
    /// Fires before `cancel` when another turn takes this one's place.
    pub(crate) replaced: CancellationToken,
}

/// Why a turn stops before its natural end.
enum Stop {
    Interrupted,
    Failed(TurnError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(TurnError { message: error.to_string(), kind: Some(TurnErrorKind::Other), details: None })
    }
}

/// When the model goes on with a compacted history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Continue {
    /// At once: the context has to be in the history.
    ThisTurn,
    /// With the next message of the user, which brings the context.
    NextTurn,
}

/// A turn at work.
struct RunningTurn {
    id: TurnId,
    environment: Arc<Environment>,
    thread: Arc<ThreadShared>,
    settings: Arc<ThreadSettings>,
    model: ModelInfo,
    log: Log,
    output_schema: Option<Value>,
    client_metadata: Vec<(String, String)>,
    inbox: mpsc::Receiver<TurnInput>,
    pending: Vec<Pending>,
    /// Items that came in the middle of a response.
    injected: Vec<TurnInput>,
    /// Commands of the user that came before clients heard of the turn.
    commands: Vec<String>,
    cancel: CancellationToken,
    replaced: CancellationToken,
    events: TurnEvents,
    tools: Arc<tools::TurnTools>,
    specs: Arc<[types::ToolSpec]>,
    /// What the automatic reviewer has refused.
    denials: Arc<Denials>,
    started: Instant,
    first_token: Option<Duration>,
    last_message: Option<String>,
    rate_limits: Option<RateLimits>,
    error_told: bool,
    /// What the model had begun when its last answer was cut off.
    unfinished: Arriving,
}

impl TurnTask {
    /// Runs the turn to its end. Nothing is told before `go` fires (or is dropped), so that the answer to the request
    /// that started the turn comes first.
    ///
    /// # Cancel safety
    /// Not cancel safe: the log is lost with the future. Cancel the token instead.
    pub(crate) async fn run(mut self, go: oneshot::Receiver<()>) -> TurnEnd {
        let _ = go.await;
        let started_at = unix_seconds();
        if let Task::User(request) = &self.task {
            if let Some(id) = request.unknown_environment() {
                let reason = format!("unknown turn environment id `{id}`");
                return self.refuse(reason);
            }
            if let Some(environment) = request.environments.iter().flatten().next() {
                let cwd = environment.cwd.clone();
                self.settings = Arc::new(ThreadSettings { cwd, ..self.settings.as_ref().clone() });
            }
        }
        let lookup = self.settings.lookup_model();
        if !lookup.known && !matches!(self.task, Task::Compact) {
            let warning = unknown_model_warning(self.settings.model());
            self.thread.sink.emit(self.thread.id, ThreadEvent::Warning(warning));
        }
        if matches!(&self.task, Task::User(request) if request.input.is_empty()) {
            return self.refuse("input must not be empty".to_owned());
        }
        let (task, mut turn) = self.set_up(lookup.info);
        let outcome = match (turn.recall().await, task) {
            (Err(error), _) => Err(error),
            (Ok(()), Task::User(request)) => turn.work(*request, started_at).await,
            (Ok(()), Task::Compact) => turn.compact_alone(started_at).await,
            (Ok(()), Task::Review(target)) => turn.review(&target, started_at).await,
        };
        turn.end(outcome, started_at).await
    }

    fn set_up(self, model: ModelInfo) -> (Task, RunningTurn) {
        let events = TurnEvents::new(self.thread.clone(), self.id.clone());
        let works_nowhere =
            matches!(&self.task, Task::User(request) if request.environments.as_ref().is_some_and(Vec::is_empty));
        let switches = offer::switches(&self.settings.config, &model, works_nowhere);
        let tools = tool_calls::turn_tools(
            &self.environment,
            &self.thread,
            &self.settings,
            &model,
            switches,
            &events,
            &self.cancel,
        );
        let turn = RunningTurn {
            id: self.id,
            environment: self.environment,
            thread: self.thread,
            settings: self.settings,
            model,
            log: self.log,
            output_schema: None,
            client_metadata: Vec::new(),
            inbox: self.inbox,
            pending: Vec::new(),
            injected: Vec::new(),
            commands: Vec::new(),
            cancel: self.cancel,
            replaced: self.replaced,
            events,
            tools,
            specs: Arc::default(),
            denials: Arc::default(),
            started: Instant::now(),
            first_token: None,
            last_message: None,
            rate_limits: None,
            error_told: false,
            unfinished: Arriving::default(),
        };
        (self.task, turn)
    }

    /// There is nothing to work on, or nowhere: clients hear of an error, not of a turn.
    fn refuse(mut self, reason: String) -> TurnEnd {
        let error = TurnError { message: reason, kind: Some(TurnErrorKind::BadRequest), details: None };
        self.thread.status.set(ThreadStatus::SystemError);
        let event = ThreadEvent::Error { turn_id: self.id.clone(), error: error.clone(), will_retry: false };
        self.thread.sink.emit(self.thread.id, event);
        let Late { input: leftover, commands } = close(&mut self.inbox, &mut self.log);
        TurnEnd {
            log: self.log,
            turn: Turn {
                id: self.id,
                items: Vec::new(),
                status: TurnStatus::Failed,
                error: Some(error),
                started_at: None,
                completed_at: None,
                duration: None,
            },
            last_message: None,
            status: ThreadStatus::SystemError,
            heard: Heard::Refusal,
            error_told: true,
            leftover,
            commands,
        }
    }
}

impl RunningTurn {
    /// Reads what the model has seen, in the first turn of a thread that comes from disk.
    async fn recall(&mut self) -> Result<(), Stop> {
        if !self.log.is_unread() {
            return Ok(());
        }
        let Some(path) = self.thread.rollout() else { return Ok(()) };
        let (environment, limit) = (self.environment.clone(), self.tools.truncation);
        let read = tokio::task::spawn_blocking(move || read_back(environment.store.as_ref(), &path, limit));
        let (history, model) = read.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        self.log.replace(history, model.as_deref());
        Ok(())
    }

    async fn work(&mut self, request: TurnRequest, started_at: i64) -> Result<(), Stop> {
        let TurnRequest { input, output_schema, client_metadata, overrides: _, environments: _ } = request;
        self.output_schema = output_schema;
        self.client_metadata = client_metadata;
        self.specs = offer::specs(&self.tools, &self.thread, &self.settings, &self.model);
        self.begin(&input, started_at).await?;
        loop {
            self.take_inbox();
            self.take_pending().await?;
            let follow_up = self.sample_with_retries().await?;
            self.take_inbox();
            if !follow_up && self.pending.is_empty() {
                return Ok(());
            }
            if self.is_full() {
                self.compact(Continue::ThisTurn).await?;
            }
        }
    }

    /// Records the turn's start, what the model has to know, and the user's input; then tells of them. A history that
    /// is full is made short first.
    async fn begin(&mut self, input: &[UserInput], started_at: i64) -> Result<(), Stop> {
        self.thread.agent.turn_started();
        let mut records = vec![self.turn_started(self.id.clone(), started_at)];
        let full = self.is_full();
        let mut compacted = Ok(());
        if full {
            self.log.record(std::mem::take(&mut records))?;
            self.announce_turn(started_at);
            compacted = self.compact(Continue::NextTurn).await;
        }
        let facts = ContextFacts::gather(&self.environment, &self.thread, &self.settings, &self.model);
        if let Some(warning) = facts.warning() {
            self.events.emit(ThreadEvent::Warning(warning));
        }
        records.extend(facts.items_since(self.log.facts.as_ref()).into_iter().map(Record::ResponseItem));
        records.push(self.turn_context());
        let (announce, input_records) = self.prepare(input).await;
        records.extend(input_records);
        let raw = self.raw_items(&records);
        self.log.record(records)?;
        self.log.facts = Some(facts);
        // The input is kept even if the model will not be asked.
        compacted?;

        if !full {
            self.announce_turn(started_at);
        }
        for item in raw {
            self.events.emit(ThreadEvent::RawResponseItem { turn_id: self.id.clone(), item });
        }
        self.events.item(announce);
        Ok(())
    }

    /// The items among `records`, for clients that want to see them raw.
    fn raw_items(&self, records: &[Record]) -> Vec<ResponseItem> {
        if !self.thread.raw_events {
            return Vec::new();
        }
        let items = records.iter().filter_map(|record| match record {
            Record::ResponseItem(item) => Some(item.clone()),
            _ => None,
        });
        items.collect()
    }

    fn turn_started(&self, turn_id: TurnId, started_at: i64) -> Record {
        Record::Event(EventRecord::TurnStarted {
            turn_id,
            started_at: Some(started_at),
            model_context_window: Some(self.model.effective_context_window()),
            mode: self.mode(),
        })
    }

    fn turn_context(&self) -> Record {
        Record::TurnContext(Box::new(context::turn_context_record(&self.id, &self.settings)))
    }

    /// Tells that the turn runs.
    fn announce_turn(&self, started_at: i64) {
        self.thread.status.set(ThreadStatus::ACTIVE);
        self.events.begin(started_at);
    }

    /// The item to announce and the records to write for what the user says.
    async fn prepare(&self, input: &[UserInput]) -> (Item, Vec<Record>) {
        let known = self.environment.skills(&self.settings.config, &self.settings.cwd);
        input::prepare(input, known.as_ref().map_or(&[], |found| &found.skills)).await
    }

    fn mode(&self) -> ModeKind {
        self.settings.mode.as_ref().map_or(ModeKind::Default, |mode| mode.kind)
    }

    /// Asks the model once, and again while the failure is one that passes.
    async fn sample_with_retries(&mut self) -> Result<bool, Stop> {
        let limit = self.thread.stream_max_retries(&self.settings);
        let mut attempt = 0;
        loop {
            let error = match self.sample().await {
                Ok(follow_up) => return Ok(follow_up),
                Err(sampling::SampleError::Stop(stop)) => return Err(stop),
                Err(sampling::SampleError::Model(error)) => error,
            };
            if !error.retryable() || attempt >= limit {
                return Err(Stop::Failed(turn_error(&error)));
            }
            attempt += 1;
            let unfinished = std::mem::take(&mut self.unfinished);
            self.finish_arriving(unfinished, Unfinished::Dropped)?;
            self.wait_for_retry(&error, attempt, limit).await?;
            self.take_inbox();
            self.take_pending().await?;
        }
    }

    /// Tells that the model is asked once more, and waits until it is time.
    async fn wait_for_retry(&mut self, error: &ModelError, attempt: u64, limit: u64) -> Result<(), Stop> {
        tracing::warn!(%error, attempt, limit, "model stream failed, trying again");
        let told = TurnError {
            message: format!("Reconnecting... {attempt}/{limit}"),
            kind: Some(TurnErrorKind::ResponseStreamDisconnected { status: error.http_status() }),
            details: Some(error.to_string()),
        };
        self.events.emit(ThreadEvent::Error { turn_id: self.id.clone(), error: told, will_retry: true });
        let wait = error.retry_after().unwrap_or_else(|| model::backoff(attempt));
        self.meanwhile(tokio::time::sleep(wait)).await
    }

    /// Records the end. The thread's actor tells of it, once the thread can take the next turn.
    async fn end(mut self, outcome: Result<(), Stop>, started_at: i64) -> TurnEnd {
        self.inbox.close();
        let leftover = self.keep_pending(outcome.is_ok()).await;
        let completed_at = unix_seconds();
        let duration = self.started.elapsed();
        let aborted = matches!(outcome, Err(Stop::Interrupted));
        let replaced = self.replaced.is_cancelled();
        let mut records = Vec::new();
        if aborted {
            if !replaced {
                records.push(Record::ResponseItem(context::turn_aborted_item()));
            }
            records.push(Record::Event(EventRecord::TurnAborted {
                turn_id: Some(self.id.clone()),
                reason: if replaced { "replaced" } else { "interrupted" }.to_owned(),
                completed_at: Some(completed_at),
                duration: Some(duration),
            }));
        } else {
            records.push(Record::Event(EventRecord::TurnCompleted {
                turn_id: self.id.clone(),
                last_agent_message: self.last_message.clone(),
                completed_at: Some(completed_at),
                duration: Some(duration),
                time_to_first_token: self.first_token,
            }));
        }
        let mut outcome = outcome;
        if let Err(error) = self.log.record(records) {
            tracing::error!(%error, turn = %self.id, "the end of a turn could not be stored");
            if outcome.is_ok() {
                outcome = Err(error.into());
            }
        }
        let (status, thread_status, error) = match outcome {
            Ok(()) => (TurnStatus::Completed, ThreadStatus::Idle, None),
            Err(Stop::Interrupted) => (TurnStatus::Interrupted, ThreadStatus::Idle, None),
            Err(Stop::Failed(error)) => (TurnStatus::Failed, ThreadStatus::SystemError, Some(error)),
        };
        let heard = self.events.finish();
        TurnEnd {
            log: self.log,
            turn: Turn {
                id: self.id,
                items: Vec::new(),
                status,
                error,
                started_at: Some(started_at),
                completed_at: Some(completed_at),
                duration: Some(duration),
            },
            last_message: self.last_message,
            status: thread_status,
            heard,
            error_told: self.error_told,
            leftover,
            commands: self.commands,
        }
    }

    fn plan_item(&self, text: String) -> Item {
        Item::Plan { id: ItemId::from(format!("{}-plan", self.id)), text }
    }
}

fn turn_error(error: &ModelError) -> TurnError {
    TurnError { message: error.to_string(), kind: Some(error.kind()), details: None }
}

pub(crate) fn unknown_model_warning(model: &str) -> String {
    format!("no metadata for model `{model}`: cautious defaults are used, which may cost quality")
}
