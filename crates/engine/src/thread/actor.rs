//! The actor that owns a thread: it starts turns and hears how they end.
//!
//! A turn is a task of its own that owns the thread's log meanwhile. `handle` is a synchronous match: state changes in
//! one place, between awaits.

mod upkeep;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

use config::Fsync;
use store::{EventRecord, Record, StoreError};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use types::item::{NonSteerableTurn, UserInput};
use types::{Turn, TurnId};

use super::{AcceptedTurn, Command, InterruptedTurn, Reply, ThreadError, ThreadShared};
use crate::environment::unix_seconds;
use crate::event::{ThreadEvent, ThreadStatus};
use crate::log::Log;
use crate::settings::{ThreadSettings, TurnRequest};
use crate::task::Task;
use crate::turn::{Heard, TurnEnd, TurnInput, TurnTask, note, unknown_model_warning};

/// Turns that may wait for the running one to end; more are refused.
const MAX_WAITING: usize = 64;
/// Input that waits for a running turn, which takes it between two model requests.
const TURN_INBOX: usize = 64;
/// So often may the user speak before the running turn puts it before the model.
const MAX_STEERED: usize = 64;

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

struct Running {
    id: TurnId,
    /// What becomes of further input of the user.
    steering: Steering,
    cancel: CancellationToken,
    replaced: CancellationToken,
    inbox: mpsc::Sender<TurnInput>,
    /// Places for input of the user that the turn has not put before the model yet.
    places: Arc<Semaphore>,
    task: JoinHandle<TurnEnd>,
    interrupts: Vec<Reply<InterruptedTurn>>,
}

impl Running {
    /// Whether further input of the user becomes a part of this turn.
    fn takes_input(&self) -> bool {
        self.steering == Steering::Joins && !self.cancel.is_cancelled()
    }
}

/// How a running turn is reached: its ends of what [`Running`] holds.
struct Reins {
    inbox: mpsc::Receiver<TurnInput>,
    cancel: CancellationToken,
    replaced: CancellationToken,
}

/// A turn that was accepted when the running one took no more input, or has to end first.
struct Waiting {
    id: TurnId,
    task: Task,
    go: oneshot::Receiver<()>,
}

pub(super) struct ThreadActor {
    shared: Arc<ThreadShared>,
    /// `None` while a turn runs.
    idle: Option<Log>,
    running: Option<Running>,
    waiting: VecDeque<Waiting>,
    /// Commands of the user that came too late for the turn beside which they were to run.
    late_commands: Vec<String>,
    /// What is for the log and came when the running turn, which is as good as over, took nothing up any more.
    late_notes: Vec<TurnInput>,
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
    pub(super) fn new(shared: Arc<ThreadShared>, log: Log) -> Self {
        Self {
            shared,
            idle: Some(log),
            running: None,
            waiting: VecDeque::new(),
            late_commands: Vec::new(),
            late_notes: Vec::new(),
            closing: false,
            closed: Vec::new(),
        }
    }

    /// Runs until the thread is closed, or until no handle is left.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let event = tokio::select! {
                biased;
                end = ended(self.running.as_mut()) => Event::TurnEnded(Box::new(end)),
                command = commands.recv(), if !self.closing => {
                    command.map_or(Event::Abandoned, Event::Command)
                }
            };
            let _told = match event {
                Event::TurnEnded(_) => self.answer_interrupts().await,
                Event::Command(_) | Event::Abandoned => Vec::new(),
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
            Event::Command(Command::Show { reply }) => self.show(reply),
            Event::Command(Command::SetName { name, reply }) => self.set_name(name, reply),
            Event::Command(Command::Record { record, reply }) => self.record(*record, reply),
            Event::Command(Command::RollBack { num_turns, reply }) => {
                let _ = reply.send(self.roll_back(num_turns).map(Box::new));
            }
            Event::Command(Command::UserShell { script, reply }) => self.run_command(script, reply),
            Event::Command(Command::UserShellAside { script }) => self.run_command_aside(script),
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
        let refused = request.input.is_empty() || request.unknown_environment().is_some();
        let joins = self.running.as_ref().is_some_and(Running::takes_input) && !refused;
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
        let Ok(place) = running.places.clone().try_acquire_owned() else { return false };
        let steer = TurnInput::Steer { input: input.clone(), client_metadata: client_metadata.clone(), place };
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
        let Some(log) = self.idle.take() else {
            tracing::error!(thread = %self.shared.id, "a turn was to start while the thread has no log");
            return;
        };
        let steering = task.not_steerable().map_or(Steering::Joins, Steering::Refused);
        let (environment, thread) = (self.shared.environment.clone(), self.shared.clone());
        let settings = self.shared.settings();
        self.launch(id.clone(), steering, |Reins { inbox, cancel, replaced }| {
            TurnTask { id, environment, thread, settings, log, task, inbox, cancel, replaced }.run(go)
        });
    }

    /// Runs a turn as a task, and keeps the other ends of its reins. The configuration says whether the turn is put
    /// on the device, and whether the actor hears of its end, and with it the client, not before it is.
    fn launch<F>(&mut self, id: TurnId, steering: Steering, run: impl FnOnce(Reins) -> F)
    where
        F: Future<Output = TurnEnd> + Send + 'static,
    {
        let (inbox, receiver) = mpsc::channel(TURN_INBOX);
        let (cancel, replaced) = (CancellationToken::new(), CancellationToken::new());
        let turn = run(Reins { inbox: receiver, cancel: cancel.clone(), replaced: replaced.clone() });
        let (fsync, environment) = (self.shared.settings().config.fsync, self.shared.environment.clone());
        let turn = async move {
            let mut end = turn.await;
            match fsync {
                Fsync::Strict => end.log.sync().await,
                // Shutting down waits for it.
                Fsync::Turn => drop(environment.tasks.spawn(end.log.sync())),
                Fsync::Never => {}
            }
            end
        };
        let span = tracing::info_span!("turn", thread = %self.shared.id, turn = %id);
        let task = tokio::spawn(tracing::Instrument::instrument(turn, span));
        let places = Arc::new(Semaphore::new(MAX_STEERED));
        self.running = Some(Running { id, steering, cancel, replaced, inbox, places, task, interrupts: Vec::new() });
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
        let place = running.places.clone().try_acquire_owned().map_err(|_| ThreadError::Overloaded)?;
        let steer = TurnInput::Steer { input, client_metadata, place };
        running.inbox.try_send(steer).map_err(|refused| match refused {
            TrySendError::Full(_) => ThreadError::Overloaded,
            TrySendError::Closed(_) => ThreadError::NoActiveTurn,
        })?;
        Ok(running.id.clone())
    }

    fn interrupt(&mut self, turn: Option<TurnId>, reply: Reply<InterruptedTurn>) {
        if let Some(turn) = &turn
            && let Some(position) = self.waiting.iter().position(|waiting| waiting.id == *turn)
        {
            self.waiting.remove(position);
            let turn = never_begun(turn.clone(), types::TurnStatus::Interrupted, None);
            let shared = self.shared.clone();
            // Ends when the answer is out, or nobody is left who would send it.
            self.shared.environment.tasks.spawn(async move {
                let _told = answered(vec![reply]).await;
                shared.sink.emit(shared.id, ThreadEvent::TurnStarted(as_started(&turn)));
                shared.sink.emit(shared.id, ThreadEvent::TurnCompleted(turn));
            });
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

    /// Answers those who interrupted the turn that is over, before anybody is told of its end. The wait is short: all
    /// that stands between is the answer's place in a queue. What is given back is to be dropped when the end was told.
    async fn answer_interrupts(&mut self) -> Vec<oneshot::Sender<()>> {
        let interrupts = self.running.as_mut().map(|running| std::mem::take(&mut running.interrupts));
        answered(interrupts.unwrap_or_default()).await
    }

    fn turn_ended(&mut self, end: Result<TurnEnd, tokio::task::JoinError>) {
        let Some(running) = self.running.take() else { return };
        match end {
            Ok(end) => {
                self.idle = Some(end.log);
                self.shared.view().updated_at = SystemTime::now();
                // Who an agent works for hears of its work, not of its housekeeping.
                if !matches!(running.steering, Steering::Refused(_)) {
                    self.shared.agent.turn_ended(&self.shared, &end.turn, end.last_message);
                }
                self.tell_end(end.turn, end.status, end.heard, end.error_told);
                for input in end.leftover {
                    self.follow(input);
                }
                self.late_commands.extend(end.commands);
            }
            Err(error) => {
                tracing::error!(%error, thread = %self.shared.id, turn = %running.id, "a turn crashed");
                self.recover(running.id);
            }
        }
        let late_notes = std::mem::take(&mut self.late_notes);
        if let Some(log) = &mut self.idle {
            late_notes.into_iter().for_each(|input| note(log, input));
        }
        if self.closing {
            self.give_up_waiting();
        } else if let Some(Waiting { id, task, go }) = self.waiting.pop_front() {
            self.start(id, task, go);
        }
        if !self.closing {
            for script in std::mem::take(&mut self.late_commands) {
                self.run_command_aside(script);
            }
        }
    }

    /// The thread ends before these turns could begin: who asked for them hears of it.
    fn give_up_waiting(&mut self) {
        for Waiting { id, .. } in std::mem::take(&mut self.waiting) {
            let error = types::TurnError {
                message: "the thread was closed before the turn began".to_owned(),
                kind: Some(types::TurnErrorKind::Other),
                details: None,
            };
            let turn = never_begun(id, types::TurnStatus::Interrupted, Some(error));
            self.tell_end(turn, ThreadStatus::Idle, Heard::Nothing, false);
        }
    }

    /// Makes a turn of input that came too late for the one that has just ended.
    fn follow(&mut self, input: Vec<UserInput>) {
        let request = TurnRequest { input, ..TurnRequest::default() };
        // Nobody waits to be answered first.
        let (_, go) = oneshot::channel();
        self.waiting.push_back(Waiting { id: TurnId::new(), task: Task::User(Box::new(request)), go });
    }

    /// Tells how a turn ended. One that was accepted and never began is told from its start, so that who waits for its
    /// end is not left waiting.
    fn tell_end(&self, turn: Turn, status: ThreadStatus, heard: Heard, error_told: bool) {
        let tell = |event| self.shared.sink.emit(self.shared.id, event);
        if heard == Heard::Nothing {
            tell(ThreadEvent::TurnStarted(as_started(&turn)));
        }
        self.shared.status.end_turn(status);
        if let Some(error) = turn.error.clone().filter(|_| !error_told) {
            tracing::warn!(%error, thread = %self.shared.id, turn = %turn.id, "a turn failed");
            tell(ThreadEvent::Error { turn_id: turn.id.clone(), error, will_retry: false });
        }
        if heard != Heard::Refusal {
            tell(ThreadEvent::TurnCompleted(turn));
        }
    }

    /// The turn's task panicked and took the log with it: what is on disk is the truth.
    fn recover(&mut self, id: TurnId) {
        let begun = self.shared.live.take();
        let heard = if begun.is_some() { Heard::Start } else { Heard::Nothing };
        let mut turn = begun.unwrap_or_else(|| never_begun(id.clone(), types::TurnStatus::Failed, None));
        turn.items.clear();
        turn.status = types::TurnStatus::Failed;
        turn.error = Some(types::TurnError {
            message: "the turn ended with an internal error".to_owned(),
            kind: Some(types::TurnErrorKind::InternalServerError),
            details: None,
        });
        let aborted = EventRecord::TurnAborted {
            turn_id: Some(id),
            reason: "interrupted".to_owned(),
            completed_at: Some(unix_seconds()),
            duration: None,
        };
        let reloaded = self.reload().and_then(|mut log| {
            log.record(vec![Record::Event(aborted)])?;
            Ok(log)
        });
        self.shared.agent.turn_ended(&self.shared, &turn, None);
        self.tell_end(turn, ThreadStatus::SystemError, heard, false);
        match reloaded {
            Ok(log) => self.idle = Some(log),
            Err(error) => {
                // Nothing that happens from here on would be kept. A client that resumes the thread hears why it cannot.
                tracing::error!(%error, thread = %self.shared.id, "a thread cannot be read back and is closed");
                self.closing = true;
                self.shared.environment.loaded.forget(self.shared.id);
                self.shared.sink.emit(self.shared.id, ThreadEvent::Closed);
            }
        }
    }

    fn reload(&self) -> Result<Log, StoreError> {
        let Some(path) = self.shared.rollout() else { return Ok(Log::new(None, Vec::new(), None, 0)) };
        let (stored, writer) = self.shared.environment.store.open(&path)?;
        Log::of_stored(&stored, writer)
    }
}

/// Says that the turn is over, and waits until those who asked for it have passed that on.
async fn answered(interrupts: Vec<Reply<InterruptedTurn>>) -> Vec<oneshot::Sender<()>> {
    let (mut told, mut passed_on) = (Vec::new(), Vec::new());
    for reply in interrupts {
        let (go, gone) = oneshot::channel();
        let (tell, heard) = oneshot::channel();
        if reply.send(Ok(InterruptedTurn { go, told: heard })).is_ok() {
            told.push(tell);
            passed_on.push(gone);
        }
    }
    for gone in passed_on {
        // Nothing is sent: it fires on drop.
        let _ = gone.await;
    }
    told
}

/// A turn that ended before it began.
fn never_begun(id: TurnId, status: types::TurnStatus, error: Option<types::TurnError>) -> Turn {
    Turn { id, items: Vec::new(), status, error, started_at: None, completed_at: None, duration: None }
}

/// The turn as it would have been told at its start.
fn as_started(turn: &Turn) -> Turn {
    Turn { started_at: turn.started_at, ..never_begun(turn.id.clone(), types::TurnStatus::InProgress, None) }
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
