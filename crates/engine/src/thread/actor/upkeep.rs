//! What is done to a thread between turns and beside them: notes in its rollout, rollbacks, commands of the user.

use std::sync::PoisonError;
use std::time::SystemTime;

use store::{EventRecord, Record, StoreError, StoredThread};
use tokio::sync::oneshot;
use types::{ResponseItem, TokenUsage, TurnId};

use super::{Idle, Reins, Steering, ThreadActor};
use crate::compact::estimated_tokens;
use crate::context::{ContextFacts, turn_context_record};
use crate::event::{ThreadEvent, ThreadStatus};
use crate::live::TurnEvents;
use crate::thread::{AcceptedTurn, Command, Reply, ThreadError, ThreadHandle};
use crate::turn::TurnInput;
use crate::turn::user_command::{self, CommandTurn};

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
        if let Some(idle) = &mut self.idle {
            let _ = reply.send(idle.log.record(vec![record]).map_err(ThreadError::from));
        } else {
            self.pass_on(reply, |done| TurnInput::Record { record: Box::new(record), done });
        }
    }

    /// Puts items before the model. In a thread that has not begun its context comes first, as in a turn.
    pub(super) fn inject(&mut self, items: Vec<ResponseItem>, reply: Reply<()>) {
        let shared = &self.shared;
        let Some(idle) = &mut self.idle else {
            self.pass_on(reply, |done| TurnInput::Inject { items, done });
            return;
        };
        let mut records = Vec::new();
        let mut context = None;
        if idle.facts.is_none() {
            let settings = shared.settings();
            let facts = ContextFacts::gather(&shared.environment, shared, &settings, &settings.lookup_model().info);
            records.extend(facts.items_since(None).into_iter().map(Record::ResponseItem));
            records.push(Record::TurnContext(Box::new(turn_context_record(&TurnId::new(), &settings))));
            context = Some(facts);
        }
        records.extend(items.into_iter().map(Record::ResponseItem));
        let done = idle.log.record(records);
        if done.is_ok() && context.is_some() {
            idle.facts = context;
        }
        let _ = reply.send(done.map_err(ThreadError::from));
    }

    /// Reads the whole rollout (a few milliseconds a megabyte) in the actor's task: nothing may happen to the thread
    /// meanwhile, and nobody else of the server waits for it.
    pub(super) fn roll_back(&mut self, num_turns: u32) -> Result<StoredThread, ThreadError> {
        let outcome = self.try_roll_back(num_turns);
        if outcome.is_err() {
            self.shared.status.set(ThreadStatus::SystemError);
        }
        outcome
    }

    fn try_roll_back(&mut self, num_turns: u32) -> Result<StoredThread, ThreadError> {
        let shared = &self.shared;
        let idle = self.idle.as_mut().ok_or(ThreadError::RollbackDuringTurn)?;
        let path = shared.path.as_ref().ok_or(ThreadError::RollbackNotStored)?;
        let replay = |source: StoreError| ThreadError::Replay { path: path.clone(), source };
        let mut stored = shared.environment.store.read(path).map_err(replay)?;
        let marker = Record::Event(EventRecord::ThreadRolledBack { num_turns });
        stored.records.push(marker.clone());

        let settings = shared.settings();
        let tokens = estimated_tokens(shared.instructions(&settings).as_deref(), &stored.history());
        let mut usage = idle.log.usage().unwrap_or_default();
        usage.last = TokenUsage { total_tokens: tokens, ..TokenUsage::default() };
        usage.model_context_window = Some(settings.lookup_model().info.effective_context_window());
        let rate_limits = stored.records.iter().rev().find_map(|record| match record {
            Record::Event(EventRecord::TokenCount { rate_limits, .. }) => rate_limits.clone(),
            _ => None,
        });
        let counted = EventRecord::TokenCount { totals: Some(usage), rate_limits: rate_limits.clone() };
        idle.log.record(vec![Record::Event(counted), marker])?;
        idle.log.reload(&stored, Some(usage));
        let model = stored.last_turn_context().map(|context| context.model.clone());
        idle.facts = ContextFacts::of_history(idle.log.history(), model.as_deref());
        shared.view().updated_at = SystemTime::now();
        let event = ThreadEvent::TokenUsageUpdated { turn_id: TurnId::new(), usage };
        shared.sink.emit(shared.id, event);
        if let Some(limits) = rate_limits {
            shared.sink.emit(shared.id, ThreadEvent::RateLimitsUpdated(limits));
        }
        Ok(stored)
    }

    pub(super) fn run_command(&mut self, script: String, reply: oneshot::Sender<AcceptedTurn>) {
        let (go, gone) = oneshot::channel();
        let settings = self.shared.settings();
        let id = match (&self.running, self.idle.take()) {
            (Some(running), idle) => {
                self.idle = idle;
                let events = TurnEvents::new(self.shared.clone(), running.id.clone());
                let aside =
                    user_command::aside(self.shared.clone(), settings, events, script, running.cancel.clone(), gone);
                self.shared.environment.tasks.spawn(aside);
                running.id.clone()
            }
            (None, Some(Idle { log, facts })) => {
                let id = TurnId::new();
                let (turn_id, thread) = (id.clone(), self.shared.clone());
                self.shared.view().updated_at = SystemTime::now();
                self.launch(id.clone(), Steering::Waits, |Reins { inbox, cancel, replaced }| {
                    let turn =
                        CommandTurn { id: turn_id, thread, settings, log, facts, script, inbox, cancel, replaced };
                    turn.run(gone)
                });
                id
            }
            (None, None) => {
                tracing::error!(thread = %self.shared.id, "a command was to run while the thread has no log");
                return;
            }
        };
        let _ = reply.send(AcceptedTurn { id, _go: go });
    }
}
