//! File searches that later requests change or end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use types::AbsPath;
use workspace::search::{Index, Match};

use crate::connection::ConnectionId;

/// How many sessions there may be at once, over all connections.
const MOST_SESSIONS: usize = 32;

/// The file searches of all clients. Sessions are shared: every client hears of them and may change them.
#[derive(Default)]
pub(crate) struct Searches {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Searches that a later one with the same token ends.
    replaceable: HashMap<(ConnectionId, String), Numbered<CancellationToken>>,
    /// The queries of sessions; a session ends when its sender is dropped.
    sessions: HashMap<String, Numbered<watch::Sender<String>>>,
    last_number: u64,
}

/// Something that may have been replaced under its name.
struct Numbered<T> {
    number: u64,
    value: T,
}

/// There are as many sessions as there may be.
#[derive(Debug, thiserror::Error)]
#[error("too many fuzzy file search sessions: stop one of the {MOST_SESSIONS} there are first")]
pub(crate) struct TooMany;

impl State {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// The place of a search with a token; given back when it is dropped.
pub(crate) struct Place {
    searches: Arc<Searches>,
    key: (ConnectionId, String),
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.searches.state();
        if state.replaceable.get(&self.key).is_some_and(|search| search.number == self.number) {
            state.replaceable.remove(&self.key);
        }
    }
}

impl Searches {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of the connection's search with this token, which ends. `stop` fires when it is taken again.
    pub(crate) fn replace(self: &Arc<Self>, connection: ConnectionId, token: String, stop: CancellationToken) -> Place {
        let mut state = self.state();
        let number = state.next_number();
        let key = (connection, token);
        if let Some(before) = state.replaceable.insert(key.clone(), Numbered { number, value: stop }) {
            before.value.cancel();
        }
        drop(state);
        Place { searches: self.clone(), key, number }
    }

    /// Makes a session, in the place of the one with the same id if there is one.
    pub(crate) fn start(self: &Arc<Self>, id: String, roots: Vec<AbsPath>) -> Result<Session, TooMany> {
        let mut state = self.state();
        if state.sessions.len() >= MOST_SESSIONS && !state.sessions.contains_key(&id) {
            return Err(TooMany);
        }
        let number = state.next_number();
        let (value, queries) = watch::channel(String::new());
        state.sessions.insert(id.clone(), Numbered { number, value });
        drop(state);
        Ok(Session { searches: self.clone(), id, number, roots, queries })
    }

    /// Whether there is such a session.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.state().sessions.contains_key(id)
    }

    /// Gives a session another query; one that has ended takes none.
    pub(crate) fn update(&self, id: &str, query: String) {
        if let Some(session) = self.state().sessions.get(id) {
            session.value.send_replace(query);
        }
    }

    /// Ends a session: nothing is heard of it any more.
    pub(crate) fn stop(&self, id: &str) {
        self.state().sessions.remove(id);
    }
}

/// A search that goes on while its query changes.
pub(crate) struct Session {
    searches: Arc<Searches>,
    id: String,
    number: u64,
    roots: Vec<AbsPath>,
    queries: watch::Receiver<String>,
}

/// What a session tells.
pub(crate) enum Told {
    /// The best matches for a query so far, or in the end.
    Matches { query: String, matches: Vec<Match> },
    /// The last matches were all there are.
    Completed,
}

impl Session {
    /// Searches for one query after the other until the session is stopped or replaced, or `ended` fires. `tell` must
    /// not come back to the searches.
    pub(crate) async fn run(self, ended: CancellationToken, tell: impl Fn(Told) + Send + Sync + 'static) {
        let tell = Arc::new(tell);
        let session = Arc::new(self);
        let mut queries = session.queries.clone();
        let mut index = Index::new(&session.roots);
        loop {
            let query = queries.borrow_and_update().clone();
            let (seen, ended_too) = (queries.clone(), ended.clone());
            let (session, tell) = (session.clone(), tell.clone());
            let searched = tokio::task::spawn_blocking(move || {
                let stop = || ended_too.is_cancelled() || !matches!(seen.has_changed(), Ok(false));
                // What is not current any more is not told, however late that shows.
                let tell_of = |matches, completed| {
                    let _state = session.searches.state();
                    if !stop() {
                        tell(Told::Matches { query: query.clone(), matches });
                        if completed {
                            tell(Told::Completed);
                        }
                    }
                };
                if let Some(matches) = index.search(&query, &stop, &mut |matches| tell_of(matches, false)) {
                    tell_of(matches, true);
                }
                index
            });
            match searched.await {
                Ok(searched) => index = searched,
                Err(error) => {
                    tracing::error!(%error, "a file search failed");
                    break;
                }
            }
            tokio::select! {
                changed = queries.changed() => if changed.is_err() { break },
                () = ended.cancelled() => break,
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut state = self.searches.state();
        if state.sessions.get(&self.id).is_some_and(|session| session.number == self.number) {
            state.sessions.remove(&self.id);
        }
    }
}
