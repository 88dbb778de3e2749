//! A thread's status, and telling clients when it changes.

use std::sync::{Arc, Mutex, PoisonError};

use types::ThreadId;

use crate::event::{EventSink, ThreadEvent, ThreadStatus};

/// Holds the status of one thread. Shared by the thread's actor (idle, active) and the open questions of its turn
/// (flags); the lock is held for a few instructions and never across an await.
pub(crate) struct StatusBoard {
    thread: ThreadId,
    sink: Arc<dyn EventSink>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    status: ThreadStatus,
    approvals: u32,
    inputs: u32,
}

/// Who a question waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Approval,
    UserInput,
    /// A program answers, not a person: no flag.
    Client,
}

impl StatusBoard {
    pub(crate) fn new(thread: ThreadId, sink: Arc<dyn EventSink>) -> Self {
        Self { thread, sink, state: Mutex::default() }
    }

    pub(crate) fn get(&self) -> ThreadStatus {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).status
    }

    /// Moves to `status`; says so only if it is a change.
    pub(crate) fn set(&self, status: ThreadStatus) {
        self.update(|state| state.status = status);
    }

    /// Moves to `status` at the end of a turn, unless something else than the turn has failed meanwhile.
    pub(crate) fn end_turn(&self, status: ThreadStatus) {
        self.update(|state| {
            if state.status != ThreadStatus::SystemError {
                state.status = status;
            }
        });
    }

    pub(crate) fn begin_wait(&self, wait: Wait) {
        self.update(|state| {
            match wait {
                Wait::Approval => state.approvals += 1,
                Wait::UserInput => state.inputs += 1,
                Wait::Client => {}
            }
            state.show_flags();
        });
    }

    pub(crate) fn end_wait(&self, wait: Wait) {
        self.update(|state| {
            match wait {
                Wait::Approval => state.approvals = state.approvals.saturating_sub(1),
                Wait::UserInput => state.inputs = state.inputs.saturating_sub(1),
                Wait::Client => {}
            }
            state.show_flags();
        });
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.status;
        change(&mut state);
        if state.status != before {
            // Under the lock, so that two changes are told in the order in which they happened.
            self.sink.emit(self.thread, ThreadEvent::StatusChanged(state.status));
        }
    }
}

impl State {
    fn show_flags(&mut self) {
        if matches!(self.status, ThreadStatus::Active { .. }) {
            self.status = ThreadStatus::Active {
                waiting_on_approval: self.approvals > 0,
                waiting_on_user_input: self.inputs > 0,
            };
        }
    }
}
