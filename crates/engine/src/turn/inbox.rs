//! What reaches a turn while it runs, and when it is taken up.

use store::{Record, StoreError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use types::ResponseItem;
use types::item::UserInput;

use super::{RunningTurn, Stop, user_command};
use crate::log::{Conversation, Log};

/// What reaches a running turn.
pub(crate) enum TurnInput {
    /// More input of the user, taken up before the next model request.
    Steer { input: Vec<UserInput>, client_metadata: Vec<(String, String)>, place: OwnedSemaphorePermit },
    /// Something that happened meanwhile; the model sees it before the turn ends.
    Notice { items: Vec<ResponseItem> },
    /// Items for the model's eyes only.
    Inject { items: Vec<ResponseItem>, done: oneshot::Sender<Result<(), StoreError>> },
    /// A command of the user, to be run beside the turn.
    Command { script: String },
    /// To show what the model sees.
    Show { done: oneshot::Sender<Result<Conversation, StoreError>> },
    /// A fact about the thread that belongs into the rollout.
    Record { record: Box<Record>, done: oneshot::Sender<Result<(), StoreError>> },
}

/// What the model has to see before the turn may end.
pub(super) enum Pending {
    /// With its place among what a turn may have of it.
    Input(Vec<UserInput>, OwnedSemaphorePermit),
    Notice(Vec<ResponseItem>),
}

impl RunningTurn {
    /// Takes what has arrived, without waiting.
    pub(super) fn take_inbox(&mut self) {
        if self.events.begun() {
            for script in std::mem::take(&mut self.commands) {
                self.run_aside(script);
            }
        }
        self.take_injected();
        while let Ok(input) = self.inbox.try_recv() {
            self.take(input);
        }
    }

    /// Takes up the items for the model that have waited.
    pub(super) fn take_injected(&mut self) {
        for input in std::mem::take(&mut self.injected) {
            self.take(input);
        }
    }

    /// Takes what arrives while the model answers. Items for the model wait, so that none comes between two of the answer,
    /// which providers may refuse; facts about the thread do not.
    pub(super) fn take_meanwhile(&mut self, input: TurnInput) {
        match input {
            TurnInput::Inject { .. } => self.injected.push(input),
            TurnInput::Steer { .. }
            | TurnInput::Notice { .. }
            | TurnInput::Command { .. }
            | TurnInput::Show { .. }
            | TurnInput::Record { .. } => self.take(input),
        }
    }

    pub(super) fn take(&mut self, input: TurnInput) {
        match input {
            TurnInput::Steer { input, client_metadata, place } => {
                if !client_metadata.is_empty() {
                    self.client_metadata = client_metadata;
                }
                self.pending.push(Pending::Input(input, place));
            }
            TurnInput::Notice { items } => self.pending.push(Pending::Notice(items)),
            TurnInput::Command { script } if self.events.begun() => self.run_aside(script),
            TurnInput::Command { script } => self.commands.push(script),
            TurnInput::Inject { .. } | TurnInput::Show { .. } | TurnInput::Record { .. } => note(&mut self.log, input),
        }
    }

    /// Runs a command of the user beside the turn. It has begun when this returns, and so before the turn's end is told.
    fn run_aside(&self, script: String) {
        user_command::start_aside(&self.thread, &self.settings, &self.events, script, &self.cancel);
    }

    /// Puts the user's further input before the model.
    pub(super) async fn take_pending(&mut self) -> Result<(), Stop> {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Input(input, _place) => {
                    let (announce, records) = self.prepare(&input).await;
                    self.log.record(records)?;
                    self.events.item(announce);
                }
                Pending::Notice(items) => self.log.record(items.into_iter().map(Record::ResponseItem).collect())?,
            }
        }
        Ok(())
    }

    /// Waits for `work` until the turn is interrupted, and takes what arrives.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Stop::Interrupted),
                Some(input) = self.inbox.recv() => self.take_meanwhile(input),
                done = &mut work => return Ok(done),
            }
        }
    }

    /// Puts what a turn that was cut off did not take up into the log, so that the next one sees it. Input that needs a
    /// turn of its own is given back.
    pub(super) async fn keep_pending(&mut self, completed: bool) -> Vec<Vec<UserInput>> {
        self.take_inbox();
        let mut leftover = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let kept = match pending {
                // It came between the model's last word and the end, or clients have not heard of this turn.
                Pending::Input(input, _) if completed || !self.events.begun() => {
                    leftover.push(input);
                    Ok(())
                }
                Pending::Input(input, _) => {
                    let (announce, records) = self.prepare(&input).await;
                    self.log.record(records).map(|()| self.events.item(announce))
                }
                Pending::Notice(items) => self.log.record(items.into_iter().map(Record::ResponseItem).collect()),
            };
            if let Err(error) = kept {
                tracing::error!(%error, turn = %self.id, "what came for the model during a turn could not be stored");
            }
        }
        leftover
    }
}

/// What reached a turn that takes nothing up any more.
#[derive(Default)]
pub(super) struct Late {
    pub(super) input: Vec<Vec<UserInput>>,
    pub(super) commands: Vec<String>,
}

/// Closes the inbox of a turn that asks no model. What is for the log goes there.
pub(super) fn close(inbox: &mut mpsc::Receiver<TurnInput>, log: &mut Log) -> Late {
    inbox.close();
    let mut late = Late::default();
    while let Ok(input) = inbox.try_recv() {
        match input {
            TurnInput::Steer { input, client_metadata: _, place: _ } => late.input.push(input),
            TurnInput::Command { script } => late.commands.push(script),
            input => note(log, input),
        }
    }
    late
}

/// Does what is to be done with the log.
pub(crate) fn note(log: &mut Log, input: TurnInput) {
    match input {
        TurnInput::Inject { items, done } => {
            let _ = done.send(log.record(items.into_iter().map(Record::ResponseItem).collect()));
        }
        // Dropped, it is an answer, too: nobody has needed the history so far.
        TurnInput::Show { .. } if log.is_unread() => {}
        TurnInput::Show { done } => {
            let _ = done.send(Ok(log.conversation()));
        }
        TurnInput::Record { record, done } => {
            let _ = done.send(log.record(vec![*record]));
        }
        TurnInput::Notice { items } => {
            if let Err(error) = log.record(items.into_iter().map(Record::ResponseItem).collect()) {
                tracing::warn!(%error, "a notice for the model was lost");
            }
        }
        TurnInput::Command { .. } | TurnInput::Steer { .. } => {
            tracing::error!("input was sent to a turn that takes none");
        }
    }
}
