//! What is done to a thread between turns and beside them: notes in its rollout, rollbacks, commands of the user.

use std::sync::PoisonError;
use std::time::SystemTime;

use store::{EventRecord, Record, StoreError, StoredThread};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use types::{ResponseItem, TokenUsage, TurnId};

use super::{Reins, Steering, TURN_INBOX, ThreadActor};
use crate::compact::estimated_tokens;
use crate::context::{ContextFacts, turn_context_record};
use crate::event::{ThreadEvent, ThreadStatus};
use crate::log::{Conversation, Log, read_back, shorten};
use crate::settings::output_limit;
use crate::thread::{AcceptedTurn, Command, Reply, ThreadError, ThreadHandle, ThreadShared};
use crate::turn::user_command::CommandTurn;
use crate::turn::{TurnInput, note};

impl ThreadHandle {
    /// Notes a fact about the thread in its rollout; a running turn goes on.
    ///
    /// # Errors
    /// [`ThreadError::Store`] when it could not be written.
    pub async fn record(&self, record: Record) -> Result<(), ThreadError> {
        self.ask(|reply| Command::Record { record: Box::new(record), reply }).await
    }

    /// Takes the last turns back, as the user counts them; gives the thread as it is stored afterwards.
    ///
    /// # Errors
    /// [`ThreadError::RollbackDuringTurn`], [`ThreadError::RollbackNotStored`], [`ThreadError::Replay`]; the thread's
    /// status says then that something failed.
    pub async fn roll_back(&self, num_turns: u32) -> Result<StoredThread, ThreadError> {
        self.ask(|reply| Command::RollBack { num_turns, reply }).await.map(|stored| *stored)
    }

    /// Runs a command of the user, outside any sandbox: as part of the running turn, or as a turn of its own.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn run_command(&self, script: String) -> Result<AcceptedTurn, ThreadError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::UserShell { script, reply }).await?;
        answer.await.map_err(|_| ThreadError::Closed)
    }

    /// Asks all commands that run in the background to end.
    pub fn end_background_commands(&self) {
        self.shared.sessions.terminate_all();
    }

    /// The client shows a request for input of its own; how many are open now.
    #[must_use]
    pub fn elicitation_begins(&self) -> u64 {
        let mut open = self.shared.elicitations.lock().unwrap_or_else(PoisonError::into_inner);
        *open += 1;
        *open
    }

    /// A request that [`Self::elicitation_begins`] counted is over; how many are open now. `None` when none was.
    #[must_use]
    pub fn elicitation_ends(&self) -> Option<u64> {
        let mut open = self.shared.elicitations.lock().unwrap_or_else(PoisonError::into_inner);
        *open = open.checked_sub(1)?;
        Some(*open)
    }
}

impl ThreadActor {
    pub(super) fn record(&mut self, record: Record, reply: Reply<()>) {
        if let Some(log) = &mut self.idle {
            let _ = reply.send(log.record(vec![record]).map_err(ThreadError::from));
        } else {
            self.pass_on(reply, |done| TurnInput::Record { record: Box::new(record), done });
        }
    }

    /// Puts items before the model. In a thread that has not begun its context comes first, as in a turn.
    pub(super) fn inject(&mut self, items: Vec<ResponseItem>, reply: Reply<()>) {
        let shared = &self.shared;
        let Some(log) = &mut self.idle else {
            self.pass_on(reply, |done| TurnInput::Inject { items, done });
            return;
        };
        if let Err(error) = recall(shared, log) {
            let _ = reply.send(Err(error.into()));
            return;
        }
        let mut records = Vec::new();
        let mut context = None;
        if log.facts.is_none() {
            let settings = shared.settings();
            let facts = ContextFacts::gather(&shared.environment, shared, &settings, &settings.lookup_model().info);
            records.extend(facts.items_since(None).into_iter().map(Record::ResponseItem));
            records.push(Record::TurnContext(Box::new(turn_context_record(&TurnId::new(), &settings))));
            context = Some(facts);
        }
        records.extend(items.into_iter().map(Record::ResponseItem));
        let done = log.record(records);
        if done.is_ok() && context.is_some() {
            log.facts = context;
        }
        let _ = reply.send(done.map_err(ThreadError::from));
    }

    /// Tells the model of something.
    pub(super) fn notify(&mut self, items: Vec<ResponseItem>) {
        let notice = TurnInput::Notice { items };
        match (&mut self.idle, &self.running) {
            (Some(log), _) => note(log, notice),
            (None, Some(running)) => {
                if let Err(error) = running.inbox.try_send(notice) {
                    self.late_notes.push(error.into_inner());
                }
            }
            (None, None) => {}
        }
    }

    /// Has the running turn, which owns the log, do something with it.
    fn pass_on<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        input: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> TurnInput,
    ) {
        let (done, answer) = oneshot::channel();
        let refused = match &self.running {
            Some(running) => match running.inbox.try_send(input(done)) {
                Ok(()) => None,
                Err(TrySendError::Closed(input)) if self.late_notes.len() < TURN_INBOX => {
                    self.late_notes.push(input);
                    None
                }
                Err(TrySendError::Closed(_) | TrySendError::Full(_)) => Some(ThreadError::Overloaded),
            },
            None => Some(ThreadError::Closed),
        };
        if let Some(refused) = refused {
            let _ = reply.send(Err(refused));
            return;
        }
        // Ends with the turn at the latest: then it is done, or `done` is dropped.
        self.shared.environment.tasks.spawn(async move {
            let outcome =
                answer.await.map_err(|_| ThreadError::Closed).and_then(|done| done.map_err(ThreadError::from));
            let _ = reply.send(outcome);
        });
    }

    /// Shows what the model sees.
    pub(super) fn show(&mut self, reply: Reply<Conversation>) {
        match &mut self.idle {
            Some(log) => {
                let shown = recall(&self.shared, log).map(|()| log.conversation());
                let _ = reply.send(shown.map_err(ThreadError::from));
            }
            None => self.pass_on(reply, |done| TurnInput::Show { done }),
        }
    }

    /// Reads the rollout from the newest compaction on (a few milliseconds a megabyte) in the actor's task: nothing may
    /// happen to the thread meanwhile, and nobody else of the server waits for it.
    pub(super) fn roll_back(&mut self, num_turns: u32) -> Result<StoredThread, ThreadError> {
        let outcome = self.try_roll_back(num_turns);
        if outcome.is_err() {
            self.shared.status.set(ThreadStatus::SystemError);
        }
        outcome
    }

    fn try_roll_back(&mut self, num_turns: u32) -> Result<StoredThread, ThreadError> {
        let shared = &self.shared;
        let log = self.idle.as_mut().ok_or(ThreadError::RollbackDuringTurn)?;
        let path = &shared.rollout().ok_or(ThreadError::RollbackNotStored)?;
        let replay = |source: StoreError| ThreadError::Replay { path: path.clone(), source };
        let before = shared.environment.store.read(path).map_err(replay)?;
        let mut history = before.history_without(num_turns).map_err(replay)?;
        let rate_limits = before.rate_limits().map_err(replay)?;
        let model = before.last_turn_context().map_err(replay)?.map(|context| context.model);

        let settings = shared.settings();
        shorten(&mut history, output_limit(&settings.lookup_model().info));
        let tokens = estimated_tokens(shared.instructions(&settings).as_deref(), &history.items);
        let mut usage = log.usage().unwrap_or_default();
        usage.last = TokenUsage { total_tokens: tokens, ..TokenUsage::default() };
        usage.model_context_window = Some(settings.lookup_model().info.effective_context_window());
        let counted = EventRecord::TokenCount { totals: Some(usage), rate_limits: rate_limits.clone() };
        let marker = EventRecord::ThreadRolledBack { num_turns };
        log.record(vec![Record::Event(counted), Record::Event(marker)])?;
        log.set_usage(usage);
        log.replace(history, model.as_deref());
        shared.view().updated_at = SystemTime::now();
        let event = ThreadEvent::TokenUsageUpdated { turn_id: TurnId::new(), usage };
        shared.sink.emit(shared.id, event);
        if let Some(limits) = rate_limits {
            shared.sink.emit(shared.id, ThreadEvent::RateLimitsUpdated(limits));
        }
        shared.environment.store.read(path).map_err(replay)
    }

    pub(super) fn run_command(&mut self, script: String, reply: oneshot::Sender<AcceptedTurn>) {
        let (go, gone) = oneshot::channel();
        let id = match &self.running {
            Some(running) => {
                let (thread, environment) = (self.shared.id, self.shared.environment.clone());
                self.shared.environment.tasks.spawn(async move {
                    let _ = gone.await;
                    // The turn may be over by now.
                    if let Some(thread) = environment.loaded.get(thread) {
                        // A thread that has ended runs no commands.
                        let _ = thread.send(Command::UserShellAside { script }).await;
                    }
                });
                running.id.clone()
            }
            None => self.start_command(script, gone),
        };
        let _ = reply.send(AcceptedTurn { id, _go: go });
    }

    /// Runs a command beside the running turn, which begins it as soon as clients have heard of the turn. A turn that
    /// has told its last gives it back.
    pub(super) fn run_command_aside(&mut self, script: String) {
        let Some(running) = &self.running else {
            // Nobody waits to be answered first.
            let (_, go) = oneshot::channel();
            self.start_command(script, go);
            return;
        };
        if let Err(error) = running.inbox.try_send(TurnInput::Command { script })
            && let TurnInput::Command { script } = error.into_inner()
        {
            self.late_commands.push(script);
        }
    }

    /// Runs a command as a turn of its own.
    fn start_command(&mut self, script: String, go: oneshot::Receiver<()>) -> TurnId {
        let id = TurnId::new();
        let Some(log) = self.idle.take() else {
            tracing::error!(thread = %self.shared.id, "a command was to run while the thread has no log");
            return id;
        };
        let (turn_id, thread, settings) = (id.clone(), self.shared.clone(), self.shared.settings());
        self.shared.view().updated_at = SystemTime::now();
        self.launch(id.clone(), Steering::Waits, |Reins { inbox, cancel, replaced }| {
            CommandTurn { id: turn_id, thread, settings, log, script, inbox, cancel, replaced }.run(go)
        });
        id
    }
}

/// Reads the history of a thread that comes from disk, if nothing has needed it so far.
fn recall(shared: &ThreadShared, log: &mut Log) -> Result<(), StoreError> {
    if log.is_unread()
        && let Some(path) = shared.rollout()
    {
        let limit = output_limit(&shared.settings().lookup_model().info);
        let (history, model) = read_back(shared.environment.store.as_ref(), &path, limit)?;
        log.replace(history, model.as_deref());
    }
    Ok(())
}
