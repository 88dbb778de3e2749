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

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers the statuses it is told.
    #[derive(Default)]
    struct Told(Mutex<Vec<ThreadStatus>>);

    impl EventSink for Told {
        fn emit(&self, _thread: ThreadId, event: ThreadEvent) {
            if let ThreadEvent::StatusChanged(status) = event {
                self.0.lock().unwrap().push(status);
            }
        }
    }

    const WAITING: ThreadStatus = ThreadStatus::Active { waiting_on_approval: true, waiting_on_user_input: false };

    #[test]
    fn a_flag_stays_until_the_last_question_of_its_kind_is_settled() {
        let told = Arc::new(Told::default());
        let board = StatusBoard::new(ThreadId::new(), told.clone());
        board.set(ThreadStatus::ACTIVE);
        board.begin_wait(Wait::Approval);
        board.begin_wait(Wait::Approval);
        board.begin_wait(Wait::Client);
        board.end_wait(Wait::Approval);
        assert_eq!(board.get(), WAITING);
        board.end_wait(Wait::Approval);
        board.end_wait(Wait::Client);
        assert_eq!(*told.0.lock().unwrap(), [ThreadStatus::ACTIVE, WAITING, ThreadStatus::ACTIVE]);
    }

    #[test]
    fn only_changes_are_told() {
        let told = Arc::new(Told::default());
        let board = StatusBoard::new(ThreadId::new(), told.clone());
        board.set(ThreadStatus::Idle);
        board.set(ThreadStatus::SystemError);
        board.set(ThreadStatus::SystemError);
        assert_eq!(*told.0.lock().unwrap(), [ThreadStatus::SystemError]);
    }
}
