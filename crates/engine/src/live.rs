//! Tells of a turn's events and keeps what a newcomer has to be shown of the turn in progress.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use store::{EventRecord, Extended, Record};
use types::{Item, Turn, TurnId, TurnStatus};

use crate::event::ThreadEvent;
use crate::thread::ThreadShared;
use crate::turn::Heard;

/// The turn in progress as a client sees it that comes in the middle: finished items, and tool calls that go on. A text
/// that is still written is not shown; its whole comes with its completion.
///
/// Written by the turn, read by requests; the lock is held for a push or a clone, never across an await.
#[derive(Debug, Default)]
pub(crate) struct LiveTurn(Mutex<Option<Turn>>);

impl LiveTurn {
    pub(crate) fn get(&self) -> Option<Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the turn in progress away: it is over.
    pub(crate) fn take(&self) -> Option<Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, turn: Option<Turn>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    /// Adds an item of the turn in progress, or what has become of it; one of an earlier turn, such as a session's, is no
    /// part of it.
    fn push(&self, is_this: impl FnOnce(&TurnId) -> bool, item: Item) {
        if let Some(turn) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && is_this(&turn.id)
        {
            match turn.items.iter_mut().find(|known| known.id() == item.id()) {
                Some(known) => *known = item,
                None => turn.items.push(item),
            }
        }
    }
}

/// Emits the events of one turn.
#[derive(Clone)]
pub(crate) struct TurnEvents {
    thread: Arc<ThreadShared>,
    turn_id: TurnId,
    /// The id under which clients were told of the turn's start, where it is another one.
    shown_as: Arc<OnceLock<TurnId>>,
}

impl TurnEvents {
    pub(crate) fn new(thread: Arc<ThreadShared>, turn_id: TurnId) -> Self {
        Self { thread, turn_id, shown_as: Arc::default() }
    }

    pub(crate) fn turn_id(&self) -> &TurnId {
        &self.turn_id
    }

    pub(crate) fn emit(&self, event: ThreadEvent) {
        self.thread.sink.emit(self.thread.id, event);
    }

    /// Tells that the turn runs.
    pub(crate) fn begin(&self, started_at: i64) {
        let turn = Turn {
            id: self.turn_id.clone(),
            items: Vec::new(),
            status: TurnStatus::InProgress,
            error: None,
            started_at: Some(started_at),
            completed_at: None,
            duration: None,
        };
        self.begin_as(turn);
    }

    /// Tells that the turn runs, as one of another id.
    pub(crate) fn begin_as(&self, turn: Turn) {
        // Only the first start counts; there is no second one.
        let _ = self.shown_as.set(turn.id.clone());
        self.thread.live.set(Some(turn.clone()));
        self.emit(ThreadEvent::TurnStarted(turn));
    }

    /// Whether clients have heard of the turn.
    pub(crate) fn begun(&self) -> bool {
        self.shown_as.get().is_some()
    }

    /// The turn is over.
    pub(crate) fn finish(&self) -> Heard {
        self.thread.live.take().map_or(Heard::Nothing, |_| Heard::Start)
    }

    pub(crate) fn item_started(&self, item: Item) {
        let is_text = matches!(
            item,
            Item::UserMessage { .. } | Item::AgentMessage { .. } | Item::Plan { .. } | Item::Reasoning { .. }
        );
        if !is_text {
            self.keep(&item);
        }
        self.emit(ThreadEvent::ItemStarted { turn_id: self.turn_id.clone(), item });
    }

    pub(crate) fn item_completed(&self, item: Item) {
        self.keep(&item);
        self.emit(ThreadEvent::ItemCompleted { turn_id: self.turn_id.clone(), item });
    }

    fn keep(&self, item: &Item) {
        self.thread.live.push(|live| live == self.shown_as.get().unwrap_or(&self.turn_id), item.clone());
    }

    /// What the rollout keeps of an item that ended; `None` where other records tell of it, or none is to.
    pub(crate) fn extended(&self, item: &Item) -> Option<Record> {
        if !self.thread.extended_history {
            return None;
        }
        let kept = Extended::of(&self.turn_id, item)?;
        Some(Record::Event(EventRecord::Extended(Box::new(kept))))
    }

    /// Keeps an item that ended after its call, when nobody at hand owns the log.
    pub(crate) fn keep_late(&self, item: &Item) {
        let Some(record) = self.extended(item) else { return };
        let environment = &self.thread.environment;
        let Some(thread) = environment.loaded.get(self.thread.id) else { return };
        let id = self.thread.id;
        environment.tasks.spawn(async move {
            if let Err(error) = thread.record(record).await {
                tracing::warn!(%error, thread = %id, "the end of a tool's item could not be stored");
            }
        });
    }

    /// Tells of an item that is complete from the start.
    pub(crate) fn item(&self, item: Item) {
        self.item_started(item.clone());
        self.item_completed(item);
    }
}
