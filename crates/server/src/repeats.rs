//! Requests that a client may send again because it does not know whether they arrived.
//!
//! A client names such a request (see [`Repeatable`]). Under one name it is carried out once; when it comes again, after
//! a lost connection for example, it is answered as the first time.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::Method;
use protocol::additions::Repeatable;
use rpc::{ErrorObject, Outcome, Responder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::dispatch::Cx;
use crate::error::RpcError;

/// Methods whose requests may be named.
const REPEATABLE: [&str; 2] = [protocol::methods::ThreadStart::NAME, protocol::methods::TurnStart::NAME];

/// Names that are remembered, the newest ones. A client sends again what it has sent in the last minutes.
const MAX_KNOWN: usize = 4 * 1024;

/// Longer names are refused.
const MAX_NAME_BYTES: usize = 256;

/// The named requests of all clients.
#[derive(Default)]
pub(crate) struct Repeats(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    known: HashMap<Name, Known>,
    /// All names, oldest first.
    order: VecDeque<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    /// Clients choose names without knowing of each other.
    client: String,
    method: &'static str,
    id: String,
}

struct Known {
    /// Of the params, however they are laid out.
    fingerprint: u64,
    /// `None` while the request is being carried out.
    outcome: watch::Receiver<Option<Outcome>>,
}

/// What a request is.
pub(crate) enum Repeat {
    /// It has no name.
    Unnamed,
    /// The first of its name: to be carried out.
    First(First),
    /// It was sent before.
    Again(Again),
    /// Its name cannot be.
    Refused(RpcError),
}

impl Repeats {
    /// Finds out whether a request is a repetition.
    pub(crate) fn look_up(&self, cx: &Cx, method: &'static str, params: Option<&RawValue>) -> Repeat {
        let Some(client) = cx.connection.client().filter(|client| client.additions.client_request_ids) else {
            return Repeat::Unnamed;
        };
        let Some(params) = params.filter(|_| REPEATABLE.contains(&method)) else { return Repeat::Unnamed };
        let id = match serde_json::from_str::<Repeatable>(params.get()) {
            Ok(Repeatable { client_request_id: Some(id) }) => id,
            Ok(Repeatable { client_request_id: None }) => return Repeat::Unnamed,
            Err(error) => return Repeat::Refused(RpcError::invalid_request(format_args!("Invalid request: {error}"))),
        };
        if id.is_empty() || id.len() > MAX_NAME_BYTES {
            let message = format_args!("clientRequestId must have 1 to {MAX_NAME_BYTES} bytes");
            return Repeat::Refused(RpcError::invalid_request(message));
        }
        self.claim(Name { client: client.name.clone(), method, id }, fingerprint(params))
    }

    fn claim(&self, name: Name, fingerprint: u64) -> Repeat {
        let mut state = lock(&self.0);
        match state.known.entry(name.clone()) {
            Entry::Occupied(known) if known.get().fingerprint != fingerprint => {
                let message = format_args!("clientRequestId `{}` was used for another request", name.id);
                Repeat::Refused(RpcError::invalid_request(message))
            }
            Entry::Occupied(known) => Repeat::Again(Again(known.get().outcome.clone())),
            Entry::Vacant(place) => {
                let (sender, outcome) = watch::channel(None);
                place.insert(Known { fingerprint, outcome });
                state.order.push_back(name.clone());
                if state.order.len() > MAX_KNOWN
                    && let Some(oldest) = state.order.pop_front()
                {
                    state.known.remove(&oldest);
                }
                Repeat::First(First { name, sender, repeats: self.0.clone() })
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Both collections are whole after every operation; at worst one has a name that the other has not.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same for the same JSON, whatever its layout.
fn fingerprint(params: &RawValue) -> u64 {
    let value: Value = serde_json::from_str(params.get()).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

/// A named request that is being carried out. Dropped without an outcome, it counts as never sent.
pub(crate) struct First {
    name: Name,
    sender: watch::Sender<Option<Outcome>>,
    repeats: Arc<Mutex<State>>,
}

impl First {
    /// Answers the request, and all its repetitions. A failure is not remembered: the next attempt may succeed.
    pub(crate) fn respond(self, responder: Responder, result: Result<&impl Serialize, ErrorObject>) {
        let raw = |response| serde_json::value::to_raw_value(response);
        let outcome =
            result.and_then(|response| raw(response).map_err(|error| RpcError::internal(error).into_object()));
        responder.respond(&outcome);
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if !matches!(&*self.sender.borrow(), Some(Ok(_))) {
            let mut state = lock(&self.repeats);
            state.known.remove(&self.name);
            state.order.retain(|name| *name != self.name);
        }
    }
}

/// A repetition.
pub(crate) struct Again(watch::Receiver<Option<Outcome>>);

/// What the answers have in common that begin something.
#[derive(Deserialize)]
struct Started {
    thread: Option<StartedThread>,
}

#[derive(Deserialize)]
struct StartedThread {
    id: String,
}

impl Again {
    /// Answers as the first request was, once it is. A connection that repeats the start of a thread follows it, as the
    /// first one did.
    pub(crate) async fn respond(mut self, cx: &Cx, responder: Responder) {
        let outcome = match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_dropped) => None,
        };
        let outcome =
            outcome.unwrap_or_else(|| Err(RpcError::internal("the first request of this name failed").into_object()));
        let thread = outcome.as_ref().ok().and_then(|raw| serde_json::from_str::<Started>(raw.get()).ok()?.thread);
        let thread = thread.and_then(|thread| cx.server.engine.get(thread.id.parse().ok()?));
        let joined = thread.map(|thread| cx.server.hub.join(thread.id(), &cx.connection));
        responder.respond(&outcome);
        if let Some(joined) = joined {
            cx.server.hub.ask_again(&joined.open, &cx.connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: usize) -> Name {
        Name { client: "c".to_owned(), method: "m", id: id.to_string() }
    }

    fn first(repeat: Repeat) -> First {
        match repeat {
            Repeat::First(first) => first,
            Repeat::Unnamed | Repeat::Again(_) | Repeat::Refused(_) => panic!("it is the first of its name"),
        }
    }

    #[test]
    fn layout_does_not_make_another_request() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(fingerprint(&raw(r#"{"a":1,"b":[2]}"#)), fingerprint(&raw("{ \"a\": 1,\n\"b\": [ 2 ] }")));
        assert_ne!(fingerprint(&raw(r#"{"a":1}"#)), fingerprint(&raw(r#"{"a":2}"#)));
    }

    #[test]
    fn a_request_that_was_never_answered_may_be_sent_again() {
        let repeats = Repeats::default();
        drop(first(repeats.claim(name(1), 7)));
        let again = first(repeats.claim(name(1), 7));
        assert!(matches!(repeats.claim(name(1), 7), Repeat::Again(_)));
        assert!(matches!(repeats.claim(name(1), 8), Repeat::Refused(_)));
        drop(again);
        assert!(lock(&repeats.0).order.is_empty());
    }

    #[test]
    fn only_the_newest_names_are_remembered() {
        let repeats = Repeats::default();
        let firsts: Vec<First> = (0..=MAX_KNOWN).map(|id| first(repeats.claim(name(id), 0))).collect();
        assert!(matches!(repeats.claim(name(MAX_KNOWN), 0), Repeat::Again(_)));
        assert_eq!(lock(&repeats.0).known.len(), MAX_KNOWN);
        let _forgotten = first(repeats.claim(name(0), 0));
        drop(firsts);
    }
}
