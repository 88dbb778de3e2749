//! A loaded thread: one actor that owns it, and the handle others hold.
//!
//! The actor starts turns and hears how they end; a turn is a task of its own that owns the thread's log meanwhile.
//! `handle` is a synchronous match: state changes in one place, between awaits. What is done to a thread between turns
//! and beside them is in `upkeep.rs`.

mod upkeep;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use config::Config;
use exec::Sessions;
use store::{EventRecord, Record, SessionMeta, StoreError, StoredThread};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use types::item::{NonSteerableTurn, UserInput};
use types::{AbsPath, ResponseItem, SessionSource, SubAgentSource, ThreadId, Turn, TurnId};

use crate::agents::AgentLink;
use crate::context::ContextFacts;
use crate::dynamic_tools::DynamicTools;
use crate::environment::{Environment, unix_seconds};
use crate::event::{EventSink, ThreadEvent, ThreadStatus};
use crate::live::LiveTurn;
use crate::log::Log;
use crate::prompts;
use crate::review::ReviewTarget;
use crate::settings::{ThreadSettings, TurnRequest};
use crate::status::StatusBoard;
use crate::task::Task;
use crate::turn::{TurnEnd, TurnInput, TurnTask, unknown_model_warning};

/// Commands that wait for the actor. It never works long, so few wait; a full queue makes the sender wait, not fail.
const COMMAND_QUEUE: usize = 16;
/// Turns that may wait for the running one to end; more are refused.
const MAX_WAITING: usize = 64;
/// Input that waits for a running turn, which takes it between two model requests.
const TURN_INBOX: usize = 64;

/// What a thread's actor, its turns and its readers share. Everything in it is fixed, or small and behind a lock of its
/// own that is never held across an await.
pub(crate) struct ThreadShared {
    pub(crate) id: ThreadId,
    pub(crate) meta: SessionMeta,
    pub(crate) environment: Arc<Environment>,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) status: Arc<StatusBoard>,
    pub(crate) live: LiveTurn,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) grants: Arc<tools::Grants>,
    pub(crate) dynamic_tools: DynamicTools,
    /// The client wants to see raw Responses items.
    pub(crate) raw_events: bool,
    /// The rollout keeps tools' items, too.
    pub(crate) extended_history: bool,
    /// Requests for input that clients show on their own and that are open.
    elicitations: Mutex<u64>,
    /// Fires when the thread ends.
    pub(crate) closed: CancellationToken,
    /// Where the rollout is or will be; `None` for ephemeral threads.
    pub(crate) path: Option<AbsPath>,
    /// For threads that work for another thread.
    pub(crate) agent: AgentLink,
    view: Mutex<View>,
}

/// The part of a thread's state that readers see.
struct View {
    settings: Arc<ThreadSettings>,
    preview: String,
    name: Option<String>,
    updated_at: SystemTime,
}

impl ThreadShared {
    pub(crate) fn config(&self) -> Arc<Config> {
        self.view().settings.config.clone()
    }

    fn view(&self) -> std::sync::MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> Arc<ThreadSettings> {
        self.view().settings.clone()
    }

    /// System instructions of the thread's model requests; empty ones are left out.
    pub(crate) fn instructions(&self, settings: &ThreadSettings) -> Option<String> {
        let text = settings.base_instructions.as_deref().unwrap_or(prompts::BASE);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether clients may mean the turn `running` by `id`. A review is told of under two ids: its own, and the one of
    /// the reviewer's turn.
    fn is_turn(&self, running: &TurnId, id: &TurnId) -> bool {
        id == running || self.live.get().is_some_and(|turn| turn.id == *id)
    }

    pub(crate) fn stream_max_retries(&self, settings: &ThreadSettings) -> u64 {
        settings.config.providers.get(&settings.provider_id).map_or(0, |provider| provider.stream_max_retries)
    }

    /// Who the thread works for, as providers are told.
    pub(crate) fn source_kind(&self) -> &'static str {
        match self.meta.source {
            SessionSource::SubAgent(_) => "subagent",
            _ => "user",
        }
    }

    pub(crate) fn sub_agent_headers(&self) -> Vec<(String, String)> {
        match &self.meta.source {
            SessionSource::SubAgent(SubAgentSource::ThreadSpawn { parent_thread_id, .. }) => vec![
                ("x-codex-parent-thread-id".to_owned(), parent_thread_id.to_string()),
                ("x-openai-subagent".to_owned(), "collab_spawn".to_owned()),
            ],
            SessionSource::SubAgent(SubAgentSource::Review) => {
                vec![("x-openai-subagent".to_owned(), "review".to_owned())]
            }
            _ => Vec::new(),
        }
    }
}

/// What anyone may know of a loaded thread, as of now.
#[derive(Clone)]
pub struct ThreadSnapshot {
    pub meta: SessionMeta,
    pub path: Option<AbsPath>,
    pub settings: Arc<ThreadSettings>,
    pub status: ThreadStatus,
    pub preview: String,
    pub name: Option<String>,
    pub updated_at: SystemTime,
    /// The turn in progress with its finished items.
    pub running: Option<Turn>,
}

/// What it takes to load a thread.
pub(crate) struct ThreadSeed {
    pub(crate) meta: SessionMeta,
    pub(crate) path: Option<AbsPath>,
    pub(crate) settings: ThreadSettings,
    pub(crate) log: Log,
    pub(crate) facts: Option<ContextFacts>,
    pub(crate) preview: String,
    pub(crate) name: Option<String>,
    pub(crate) updated_at: SystemTime,
    pub(crate) dynamic_tools: DynamicTools,
    pub(crate) raw_events: bool,
    pub(crate) extended_history: bool,
    pub(crate) agent: AgentLink,
}

/// A loaded thread as others hold it. Cheap to clone; the thread lives until it is closed.
#[derive(Clone)]
pub struct ThreadHandle {
    pub(crate) shared: Arc<ThreadShared>,
    commands: mpsc::Sender<Command>,
}

/// An accepted turn. It begins when this is dropped, so that the answer to the request can go first.
#[must_use]
#[derive(Debug)]
pub struct AcceptedTurn {
    pub id: TurnId,
    /// Fires on drop.
    _go: oneshot::Sender<()>,
}

/// Why a thread did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    #[error("thread is closed")]
    Closed,
    /// Too much waits for the running turn to end.
    #[error("Server overloaded; retry later.")]
    Overloaded,
    #[error("no active turn to steer")]
    NoActiveTurn,
    #[error("expected active turn id `{expected}` but found `{found}`")]
    OtherTurn { expected: TurnId, found: TurnId },
    #[error("no active turn to interrupt")]
    NothingToInterrupt,
    #[error("Cannot rollback while a turn is in progress.")]
    RollbackDuringTurn,
    #[error("thread rollback requires a persisted rollout path")]
    RollbackNotStored,
    #[error("failed to load rollout `{path}` for rollback replay: {}", .source.reason())]
    Replay { path: AbsPath, source: StoreError },
    #[error("cannot steer a {} turn", .0.as_str())]
    NotSteerable(NonSteerableTurn),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) enum Command {
    StartTurn {
        request: Box<TurnRequest>,
        reply: Reply<AcceptedTurn>,
    },
    /// Starts a turn of another kind, in the place of the one that runs.
    StartTask {
        task: Task,
        reply: Reply<AcceptedTurn>,
    },
    Steer {
        expected: Option<TurnId>,
        input: Vec<UserInput>,
        client_metadata: Vec<(String, String)>,
        reply: Reply<TurnId>,
    },
    Interrupt {
        turn: Option<TurnId>,
        reply: Reply<()>,
    },
    Inject {
        items: Vec<ResponseItem>,
        reply: Reply<()>,
    },
    SetName {
        name: Option<String>,
        reply: Reply<()>,
    },
    /// Notes a fact about the thread in its rollout.
    Record {
        record: Box<Record>,
        reply: Reply<()>,
    },
    RollBack {
        num_turns: u32,
        reply: Reply<Box<StoredThread>>,
    },
    /// Runs a command of the user.
    UserShell {
        script: String,
        reply: oneshot::Sender<AcceptedTurn>,
    },
    /// Tells the model of something that happened; a running turn takes it up at once.
    Notify {
        items: Vec<ResponseItem>,
    },
    /// Ends the running turn as interrupted, then the actor.
    Close {
        reply: oneshot::Sender<()>,
    },
}

type Reply<T> = oneshot::Sender<Result<T, ThreadError>>;

impl ThreadHandle {
    /// Loads a thread. The actor runs until [`Self::close`], or until no handle is left.
    pub(crate) fn spawn(seed: ThreadSeed, environment: Arc<Environment>, sink: Arc<dyn EventSink>) -> Self {
        let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
        let id = seed.meta.id;
        let shared = Arc::new(ThreadShared {
            id,
            meta: seed.meta,
            sink: sink.clone(),
            status: Arc::new(StatusBoard::new(id, sink)),
            live: LiveTurn::default(),
            sessions: Arc::new(Sessions::new(environment.launcher.clone())),
            grants: Arc::default(),
            dynamic_tools: seed.dynamic_tools,
            raw_events: seed.raw_events,
            extended_history: seed.extended_history,
            elicitations: Mutex::new(0),
            closed: CancellationToken::new(),
            path: seed.path,
            agent: seed.agent,
            view: Mutex::new(View {
                settings: Arc::new(seed.settings),
                preview: seed.preview,
                name: seed.name,
                updated_at: seed.updated_at,
            }),
            environment,
        });
        let actor = ThreadActor {
            shared: shared.clone(),
            idle: Some(Idle { log: seed.log, facts: seed.facts }),
            running: None,
            waiting: VecDeque::new(),
            closing: false,
            closed: Vec::new(),
        };
        shared.environment.tasks.spawn(actor.run(receiver));
        Self { shared, commands }
    }

    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.shared.id
    }

    /// The thread as it is now. Never waits for a turn.
    #[must_use]
    pub fn snapshot(&self) -> ThreadSnapshot {
        let view = self.shared.view();
        ThreadSnapshot {
            meta: self.shared.meta.clone(),
            path: self.shared.path.clone(),
            settings: view.settings.clone(),
            status: self.shared.status.get(),
            preview: view.preview.clone(),
            name: view.name.clone(),
            updated_at: view.updated_at,
            running: self.shared.live.get(),
        }
    }

    /// Starts a turn, or adds its input to the running one; the id is then one that never starts. A compaction or a
    /// review that runs is left to end first.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn start_turn(&self, request: TurnRequest) -> Result<AcceptedTurn, ThreadError> {
        self.ask(|reply| Command::StartTurn { request: Box::new(request), reply }).await
    }

    /// Starts a turn that makes the history short. A running turn is interrupted.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn compact(&self) -> Result<AcceptedTurn, ThreadError> {
        self.start_task(Task::Compact).await
    }

    /// Starts a turn in which a reviewer looks at changes. A running turn is interrupted.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn review(&self, target: ReviewTarget) -> Result<AcceptedTurn, ThreadError> {
        self.start_task(Task::Review(target)).await
    }

    async fn start_task(&self, task: Task) -> Result<AcceptedTurn, ThreadError> {
        self.ask(|reply| Command::StartTask { task, reply }).await
    }

    /// Adds input to the running turn.
    ///
    /// # Errors
    /// [`ThreadError::NoActiveTurn`], [`ThreadError::OtherTurn`], [`ThreadError::NotSteerable`].
    pub async fn steer(
        &self,
        expected: Option<TurnId>,
        input: Vec<UserInput>,
        client_metadata: Vec<(String, String)>,
    ) -> Result<TurnId, ThreadError> {
        self.ask(|reply| Command::Steer { expected, input, client_metadata, reply }).await
    }

    /// Interrupts the running turn and returns once it has ended.
    ///
    /// # Errors
    /// [`ThreadError::NothingToInterrupt`], [`ThreadError::OtherTurn`].
    pub async fn interrupt(&self, turn: Option<TurnId>) -> Result<(), ThreadError> {
        self.ask(|reply| Command::Interrupt { turn, reply }).await
    }

    /// Puts items before the model without a turn.
    ///
    /// # Errors
    /// [`ThreadError::Store`] when they could not be written.
    pub async fn inject(&self, items: Vec<ResponseItem>) -> Result<(), ThreadError> {
        self.ask(|reply| Command::Inject { items, reply }).await
    }

    /// Names the thread.
    ///
    /// # Errors
    /// [`ThreadError::Store`] when the name could not be written.
    pub async fn set_name(&self, name: Option<String>) -> Result<(), ThreadError> {
        self.ask(|reply| Command::SetName { name, reply }).await
    }

    /// Interrupts what runs and unloads the thread; returns when it is gone.
    pub async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Close { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Tells the model of something without a turn; a running turn takes it up at once.
    pub(crate) async fn notify(&self, items: Vec<ResponseItem>) {
        // A closed thread needs to hear nothing.
        let _ = self.send(Command::Notify { items }).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ThreadError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| ThreadError::Closed)?
    }

    async fn send(&self, command: Command) -> Result<(), ThreadError> {
        self.commands.send(command).await.map_err(|_| ThreadError::Closed)
    }
}

/// What the actor keeps while no turn runs.
struct Idle {
    log: Log,
    facts: Option<ContextFacts>,
}

/// What becomes of input of the user while a turn runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Steering {
    /// It joins the turn.
    Joins,
    /// A turn of its own follows; this one cannot be steered.
    Refused(NonSteerableTurn),
    /// A turn of its own follows.
    Waits,
}

impl Running {
    /// Whether further input of the user becomes a part of this turn.
    fn takes_input(&self) -> bool {
        self.steering == Steering::Joins && !self.cancel.is_cancelled()
    }
}

struct Running {
    id: TurnId,
    /// What becomes of further input of the user.
    steering: Steering,
    cancel: CancellationToken,
    replaced: CancellationToken,
    inbox: mpsc::Sender<TurnInput>,
    task: JoinHandle<TurnEnd>,
    interrupts: Vec<Reply<()>>,
}

/// A turn that was accepted when the running one took no more input, or has to end first.
struct Waiting {
    id: TurnId,
    task: Task,
    go: oneshot::Receiver<()>,
}

struct ThreadActor {
    shared: Arc<ThreadShared>,
    /// `None` while a turn runs.
    idle: Option<Idle>,
    running: Option<Running>,
    waiting: VecDeque<Waiting>,
    /// Takes no more commands; ends with the running turn.
    closing: bool,
    /// Who wants to hear that the thread is gone.
    closed: Vec<oneshot::Sender<()>>,
}

enum Event {
    Command(Command),
    TurnEnded(Box<Result<TurnEnd, tokio::task::JoinError>>),
    /// No handle is left.
    Abandoned,
}

impl ThreadActor {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let event = tokio::select! {
                biased;
                end = ended(self.running.as_mut()) => Event::TurnEnded(Box::new(end)),
                command = commands.recv(), if !self.closing => {
                    command.map_or(Event::Abandoned, Event::Command)
                }
            };
            if self.handle(event).is_break() {
                break;
            }
        }
        self.shared.closed.cancel();
        self.shared.sessions.terminate_all();
        for reply in self.closed {
            let _ = reply.send(());
        }
    }

    fn handle(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Command(Command::StartTurn { request, reply }) => self.accept(request, reply),
            Event::Command(Command::StartTask { task, reply }) => self.replace(task, reply),
            Event::Command(Command::Steer { expected, input, client_metadata, reply }) => {
                let _ = reply.send(self.steer(expected, input, client_metadata));
            }
            Event::Command(Command::Interrupt { turn, reply }) => self.interrupt(turn, reply),
            Event::Command(Command::Inject { items, reply }) => self.inject(items, reply),
            Event::Command(Command::SetName { name, reply }) => self.set_name(name, reply),
            Event::Command(Command::Record { record, reply }) => self.record(*record, reply),
            Event::Command(Command::RollBack { num_turns, reply }) => {
                let _ = reply.send(self.roll_back(num_turns).map(Box::new));
            }
            Event::Command(Command::UserShell { script, reply }) => self.run_command(script, reply),
            Event::Command(Command::Notify { items }) => self.notify(items),
            Event::Command(Command::Close { reply }) => {
                self.closed.push(reply);
                return self.close();
            }
            Event::TurnEnded(end) => {
                self.turn_ended(*end);
                if self.closing {
                    return ControlFlow::Break(());
                }
            }
            Event::Abandoned => return self.close(),
        }
        ControlFlow::Continue(())
    }

    fn close(&mut self) -> ControlFlow<()> {
        match &self.running {
            Some(running) => {
                running.cancel.cancel();
                self.closing = true;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }

    fn accept(&mut self, request: Box<TurnRequest>, reply: Reply<AcceptedTurn>) {
        if self.waiting.len() >= MAX_WAITING {
            let _ = reply.send(Err(ThreadError::Overloaded));
            return;
        }
        let id = TurnId::new();
        let (go, gone) = oneshot::channel();
        self.apply(&request);
        let joins = self.running.as_ref().is_some_and(Running::takes_input) && !request.input.is_empty();
        if self.running.is_none() {
            self.start(id.clone(), Task::User(request), gone);
        } else if !(joins && self.join(&request)) {
            self.waiting.push_back(Waiting { id: id.clone(), task: Task::User(request), go: gone });
        }
        let _ = reply.send(Ok(AcceptedTurn { id, _go: go }));
    }

    /// Adds a turn's input to the running one; whether that took it.
    fn join(&self, request: &TurnRequest) -> bool {
        let Some(running) = &self.running else { return false };
        self.warn_of_unknown_model();
        let TurnRequest { input, client_metadata, .. } = request;
        let steer = TurnInput::Steer { input: input.clone(), client_metadata: client_metadata.clone() };
        running.inbox.try_send(steer).is_ok()
    }

    /// Ends the running turn, if there is one, and starts another after it.
    fn replace(&mut self, task: Task, reply: Reply<AcceptedTurn>) {
        if self.waiting.len() >= MAX_WAITING {
            let _ = reply.send(Err(ThreadError::Overloaded));
            return;
        }
        let id = TurnId::new();
        let (go, gone) = oneshot::channel();
        {
            let mut view = self.shared.view();
            view.updated_at = SystemTime::now();
            if let Task::Review(target) = &task
                && view.preview.is_empty()
            {
                view.preview = target.request();
            }
        }
        if let Some(running) = &self.running {
            running.replaced.cancel();
            running.cancel.cancel();
            self.waiting.push_back(Waiting { id: id.clone(), task, go: gone });
        } else {
            self.start(id.clone(), task, gone);
        }
        let _ = reply.send(Ok(AcceptedTurn { id, _go: go }));
    }

    fn warn_of_unknown_model(&self) {
        let settings = self.shared.settings();
        if !model::catalogue::lookup(settings.model()).known {
            let warning = unknown_model_warning(settings.model());
            self.shared.sink.emit(self.shared.id, ThreadEvent::Warning(warning));
        }
    }

    /// Makes the turn's overrides the thread's settings.
    fn apply(&self, request: &TurnRequest) {
        let mut view = self.shared.view();
        let mut settings = ThreadSettings::clone(&view.settings);
        settings.apply(request.overrides.clone());
        view.settings = Arc::new(settings);
        if view.preview.is_empty() {
            view.preview = preview(&request.input);
        }
        view.updated_at = SystemTime::now();
    }

    fn start(&mut self, id: TurnId, task: Task, go: oneshot::Receiver<()>) {
        let Some(Idle { log, facts }) = self.idle.take() else {
            tracing::error!(thread = %self.shared.id, "a turn was to start while the thread has no log");
            return;
        };
        let (inbox, receiver) = mpsc::channel(TURN_INBOX);
        let (cancel, replaced) = (CancellationToken::new(), CancellationToken::new());
        let steering = task.not_steerable().map_or(Steering::Joins, Steering::Refused);
        let turn = TurnTask {
            id: id.clone(),
            environment: self.shared.environment.clone(),
            thread: self.shared.clone(),
            settings: self.shared.settings(),
            log,
            facts,
            task,
            inbox: receiver,
            cancel: cancel.clone(),
            replaced: replaced.clone(),
        };
        let span = tracing::info_span!("turn", thread = %self.shared.id, turn = %id);
        let task = tokio::spawn(tracing::Instrument::instrument(turn.run(go), span));
        self.running = Some(Running { id, steering, cancel, replaced, inbox, task, interrupts: Vec::new() });
    }

    fn steer(
        &mut self,
        expected: Option<TurnId>,
        input: Vec<UserInput>,
        client_metadata: Vec<(String, String)>,
    ) -> Result<TurnId, ThreadError> {
        let running = self.running.as_ref().ok_or(ThreadError::NoActiveTurn)?;
        if let Some(expected) = expected
            && !self.shared.is_turn(&running.id, &expected)
        {
            return Err(ThreadError::OtherTurn { expected, found: running.id.clone() });
        }
        match running.steering {
            Steering::Joins => {}
            Steering::Refused(kind) => return Err(ThreadError::NotSteerable(kind)),
            Steering::Waits => return Err(ThreadError::NoActiveTurn),
        }
        // A turn that takes no more input is as good as over.
        if running.cancel.is_cancelled() {
            return Err(ThreadError::NoActiveTurn);
        }
        let steer = TurnInput::Steer { input, client_metadata };
        running.inbox.try_send(steer).map_err(|_| ThreadError::NoActiveTurn)?;
        Ok(running.id.clone())
    }

    fn interrupt(&mut self, turn: Option<TurnId>, reply: Reply<()>) {
        if let Some(turn) = &turn
            && let Some(position) = self.waiting.iter().position(|waiting| waiting.id == *turn)
        {
            self.waiting.remove(position);
            let _ = reply.send(Ok(()));
            return;
        }
        let Some(running) = &mut self.running else {
            let _ = reply.send(Err(ThreadError::NothingToInterrupt));
            return;
        };
        if let Some(expected) = turn
            && !self.shared.is_turn(&running.id, &expected)
        {
            let _ = reply.send(Err(ThreadError::OtherTurn { expected, found: running.id.clone() }));
            return;
        }
        running.cancel.cancel();
        running.interrupts.push(reply);
    }

    fn set_name(&mut self, name: Option<String>, reply: Reply<()>) {
        self.shared.view().name.clone_from(&name);
        self.record(Record::Event(EventRecord::ThreadName { thread_id: self.shared.id, name }), reply);
    }

    fn notify(&mut self, items: Vec<ResponseItem>) {
        let told = match (&mut self.idle, &self.running) {
            (Some(idle), _) => {
                let told = idle.log.record(items.into_iter().map(Record::ResponseItem).collect());
                told.map_err(|error| error.to_string())
            }
            (None, Some(running)) => {
                running.inbox.try_send(TurnInput::Notice { items }).map_err(|error| error.to_string())
            }
            (None, None) => Ok(()),
        };
        if let Err(error) = told {
            tracing::warn!(error, thread = %self.shared.id, "a notice for the model was lost");
        }
    }

    /// Has the running turn, which owns the log, do something with it.
    fn pass_on(&self, reply: Reply<()>, input: impl FnOnce(oneshot::Sender<Result<(), StoreError>>) -> TurnInput) {
        let (done, answer) = oneshot::channel();
        let sent = self.running.as_ref().is_some_and(|running| running.inbox.try_send(input(done)).is_ok());
        if !sent {
            let _ = reply.send(Err(ThreadError::Closed));
            return;
        }
        // Ends with the turn at the latest, which answers or drops `done`.
        self.shared.environment.tasks.spawn(async move {
            let outcome =
                answer.await.map_err(|_| ThreadError::Closed).and_then(|done| done.map_err(ThreadError::from));
            let _ = reply.send(outcome);
        });
    }

    fn turn_ended(&mut self, end: Result<TurnEnd, tokio::task::JoinError>) {
        let Some(running) = self.running.take() else { return };
        match end {
            Ok(end) => {
                self.idle = Some(Idle { log: end.log, facts: end.facts });
                self.shared.view().updated_at = SystemTime::now();
                // Who an agent works for hears of its work, not of its housekeeping.
                if !matches!(running.steering, Steering::Refused(_)) {
                    self.shared.agent.turn_ended(&self.shared, &end.turn, end.last_message);
                }
                self.tell_end(end.turn, end.status, end.announced, end.error_told);
                for input in end.leftover {
                    self.follow(input);
                }
            }
            Err(error) => {
                tracing::error!(%error, thread = %self.shared.id, turn = %running.id, "a turn crashed");
                self.recover(running.id.clone());
            }
        }
        for reply in running.interrupts {
            let _ = reply.send(Ok(()));
        }
        if self.closing {
            self.give_up_waiting();
        } else if let Some(Waiting { id, task, go }) = self.waiting.pop_front() {
            self.start(id, task, go);
        }
    }

    /// The thread ends before these turns could begin: who asked for them hears of it.
    fn give_up_waiting(&mut self) {
        for Waiting { id, .. } in self.waiting.drain(..) {
            let error = types::TurnError {
                message: "the thread was closed before the turn began".to_owned(),
                kind: Some(types::TurnErrorKind::Other),
                details: None,
            };
            let event = ThreadEvent::Error { turn_id: id, error, will_retry: false };
            self.shared.sink.emit(self.shared.id, event);
        }
    }

    /// Makes a turn of input that came too late for the one that has just ended.
    fn follow(&mut self, input: Vec<UserInput>) {
        let request = TurnRequest { input, ..TurnRequest::default() };
        // Nobody waits to be answered first.
        let (_, go) = oneshot::channel();
        self.waiting.push_back(Waiting { id: TurnId::new(), task: Task::User(Box::new(request)), go });
    }

    fn tell_end(&self, turn: Turn, status: ThreadStatus, announced: bool, error_told: bool) {
        let sink = &self.shared.sink;
        self.shared.status.end_turn(status);
        if let Some(error) = turn.error.clone().filter(|_| !error_told) {
            tracing::warn!(%error, thread = %self.shared.id, turn = %turn.id, "a turn failed");
            let event = ThreadEvent::Error { turn_id: turn.id.clone(), error, will_retry: false };
            sink.emit(self.shared.id, event);
        }
        // Of a turn that never began, the error is all there is to tell.
        if announced {
            sink.emit(self.shared.id, ThreadEvent::TurnCompleted(turn));
        }
    }

    /// The turn's task panicked and took the log with it: what is on disk is the truth.
    fn recover(&mut self, id: TurnId) {
        let mut turn = self.shared.live.take().unwrap_or_else(|| Turn {
            id: id.clone(),
            items: Vec::new(),
            status: types::TurnStatus::Failed,
            error: None,
            started_at: None,
            completed_at: None,
            duration: None,
        });
        let announced = turn.started_at.is_some();
        turn.items.clear();
        turn.status = types::TurnStatus::Failed;
        turn.error = Some(types::TurnError {
            message: "the turn ended with an internal error".to_owned(),
            kind: Some(types::TurnErrorKind::InternalServerError),
            details: None,
        });
        let mut log = self.reload();
        let aborted = EventRecord::TurnAborted {
            turn_id: Some(id),
            reason: "interrupted".to_owned(),
            completed_at: Some(unix_seconds()),
            duration: None,
        };
        if let Err(error) = log.record(vec![Record::Event(aborted)]) {
            tracing::error!(%error, thread = %self.shared.id, "the end of a crashed turn could not be stored");
        }
        self.idle = Some(Idle { log, facts: None });
        self.shared.agent.turn_ended(&self.shared, &turn, None);
        self.tell_end(turn, ThreadStatus::SystemError, announced, false);
    }

    fn reload(&self) -> Log {
        let Some(path) = &self.shared.path else { return Log::new(None, Vec::new(), None, 0) };
        match self.shared.environment.store.open(path) {
            Ok((stored, writer)) => Log::of_stored(&stored, Some(writer)),
            Err(error) => {
                tracing::error!(%error, "a thread could not be read back");
                Log::new(None, Vec::new(), None, 0)
            }
        }
    }
}

async fn ended(running: Option<&mut Running>) -> Result<TurnEnd, tokio::task::JoinError> {
    match running {
        Some(running) => (&mut running.task).await,
        None => std::future::pending().await,
    }
}

/// The first words of a thread: its first user message.
fn preview(input: &[UserInput]) -> String {
    input
        .iter()
        .filter_map(|part| match part {
            UserInput::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
