//! Requests this side has sent and nobody has answered yet.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::message::{Outcome, RequestId};

/// The requests of this side, for all its connections together.
///
/// It does not know connections: the same id may be sent to several of them, and the first answer wins, whoever it
/// comes from. Clones share one registry. Ids count from 0.
#[derive(Clone, Debug, Default)]
pub struct PendingRequests {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    next_id: AtomicI64,
    waiting: Mutex<HashMap<i64, oneshot::Sender<Outcome>>>,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, HashMap<i64, oneshot::Sender<Outcome>>> {
        // The map is whole after every single operation on it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: &RequestId) -> Option<oneshot::Sender<Outcome>> {
        match id {
            RequestId::Int(id) => self.waiting().remove(id),
            RequestId::Text(_) => None,
        }
    }
}

impl PendingRequests {
    /// Makes an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a request. Send it under this id only after this call, or its answer may come too early to be known.
    pub fn register(&self) -> (RequestId, Answer) {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.shared.waiting().insert(id, sender);
        (RequestId::Int(id), Answer { id, receiver, shared: self.shared.clone() })
    }

    /// Delivers an answer. `false` if nobody waits for it: the id is unknown, was answered before, or was given up.
    pub fn resolve(&self, id: &RequestId, outcome: Outcome) -> bool {
        self.shared.take(id).is_some_and(|sender| sender.send(outcome).is_ok())
    }

    /// Gives a request up: its [`Answer`] yields `None`. `false` if nobody waited for it.
    pub fn cancel(&self, id: &RequestId) -> bool {
        self.shared.take(id).is_some()
    }

    /// How many requests wait for an answer.
    pub fn len(&self) -> usize {
        self.shared.waiting().len()
    }

    /// Whether no request waits for an answer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Resolves to the answer of a request, or to `None` if the request was cancelled. Dropping it gives the request up.
#[derive(Debug)]
#[must_use = "dropping it gives the request up"]
pub struct Answer {
    id: i64,
    receiver: oneshot::Receiver<Outcome>,
    shared: Arc<Shared>,
}

impl Future for Answer {
    type Output = Option<Outcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(Result::ok)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.shared.waiting().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::message::ErrorObject;

    fn result(text: &str) -> Outcome {
        Ok(RawValue::from_string(text.to_owned()).unwrap())
    }

    #[tokio::test]
    async fn the_first_answer_wins() {
        let pending = PendingRequests::new();
        let (id, answer) = pending.register();

        assert!(pending.resolve(&id, result("1")));
        assert!(!pending.resolve(&id, Err(ErrorObject::new(1, "late"))));

        assert_eq!(answer.await.unwrap().unwrap().get(), "1");
        assert!(pending.is_empty());
    }

    #[tokio::test]
    async fn ids_count_from_zero_over_all_clones() {
        let pending = PendingRequests::new();
        let clone = pending.clone();
        let (first, _keep) = pending.register();
        let (second, _keep) = clone.register();
        let (third, _keep) = pending.register();
        assert_eq!([first, second, third], [0, 1, 2].map(RequestId::Int));
    }

    #[test]
    fn unknown_ids_are_ignored() {
        let pending = PendingRequests::new();
        assert!(!pending.resolve(&RequestId::Int(999), result("{}")));
        assert!(!pending.resolve(&RequestId::Text("0".to_owned()), result("{}")));
    }

    #[tokio::test]
    async fn a_cancelled_request_yields_nothing() {
        let pending = PendingRequests::new();
        let (id, answer) = pending.register();
        assert!(pending.cancel(&id));
        assert!(answer.await.is_none());
    }

    #[test]
    fn dropping_the_answer_gives_the_request_up() {
        let pending = PendingRequests::new();
        let (id, answer) = pending.register();
        drop(answer);
        assert!(pending.is_empty());
        assert!(!pending.resolve(&id, result("1")));
    }
}
