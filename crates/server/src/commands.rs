//! The commands that a client runs beside any thread, as its connection knows them.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exec::{Input, ProcessHandle};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many commands of one connection may run at once.
const MOST: usize = 256;

/// The running commands of one connection.
#[derive(Default)]
pub(crate) struct Commands {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those with an id; `None` while one is being started.
    named: HashMap<String, Option<Arc<Control>>>,
    /// All of them.
    count: usize,
}

/// How requests reach a running command.
pub(crate) struct Control {
    pub(crate) handle: ProcessHandle,
    /// Where input goes; `None` when the command takes none. One message for each request in progress.
    pub(crate) input: Option<mpsc::UnboundedSender<Input>>,
    /// Whether the client has closed the input.
    pub(crate) input_closed: AtomicBool,
    pub(crate) stop: CancellationToken,
}

/// Why a command may not be started.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Another running command has its id.
    Duplicate,
    TooMany,
}

/// The place of a command; given back when it is dropped.
pub(crate) struct Place {
    commands: Arc<Commands>,
    id: Option<String>,
}

impl Commands {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a command that is about to start.
    pub(crate) fn enter(self: &Arc<Self>, id: Option<String>) -> Result<Place, Refused> {
        let mut state = self.state();
        if id.as_ref().is_some_and(|id| state.named.contains_key(id)) {
            return Err(Refused::Duplicate);
        }
        if state.count >= MOST {
            return Err(Refused::TooMany);
        }
        state.count += 1;
        if let Some(id) = &id {
            state.named.insert(id.clone(), None);
        }
        drop(state);
        Ok(Place { commands: self.clone(), id })
    }

    /// The running command with this id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Control>> {
        self.state().named.get(id)?.clone()
    }
}

impl Place {
    /// The command runs: requests can reach it.
    pub(crate) fn started(&self, control: Control) {
        if let Some(id) = &self.id {
            self.commands.state().named.insert(id.clone(), Some(Arc::new(control)));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.commands.state();
        state.count -= 1;
        if let Some(id) = &self.id {
            state.named.remove(id);
        }
    }
}
