//! From a message to the handler it is for, in the right order, with exactly one answer.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use protocol::Method;
use protocol::additions::ThreadEventsReplay;
use rpc::{ErrorObject, Responder};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use types::ThreadId;

use crate::Server;
use crate::answered_turns::AnsweredTurns;
use crate::connection::{Connection, Origin};
use crate::error::RpcError;
use crate::repeats::Repeat;

/// What a handler knows besides its params.
#[derive(Clone)]
pub(crate) struct Cx {
    pub(crate) server: Arc<Server>,
    pub(crate) connection: Arc<Connection>,
}

/// What a request waits for: those with the same key run one after the other, in the order in which they arrived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// Nothing.
    Any,
    /// Earlier requests for the same thread.
    Thread(ThreadId),
    /// Earlier requests with the same text in the place of a thread's id.
    NoThread(String),
    /// Earlier requests about the process with this id.
    Process(String),
    /// Earlier requests of the same kind.
    Global(&'static str),
}

impl Order {
    /// The order of requests for a thread, however its id is spelled.
    pub(crate) fn thread(id: &str) -> Self {
        id.parse().map_or_else(|_| Self::NoThread(id.to_owned()), Self::Thread)
    }

    /// The order of requests about a process of the connection's.
    pub(crate) fn process(id: &str) -> Self {
        Self::Process(id.to_owned())
    }
}

/// An answer, and what follows it.
#[must_use]
pub(crate) struct Reply<T> {
    response: Response<T>,
    /// What stands in the place of the empty list of turns in the response.
    turns: Option<AnsweredTurns>,
    then: Option<After>,
}

enum Response<T> {
    Ready(T),
    Later(BoxFuture<Result<T, RpcError>>),
}

type After = Box<dyn FnOnce(&Cx) + Send>;

impl<T> Reply<T> {
    pub(crate) fn new(response: T) -> Self {
        Self { response: Response::Ready(response), turns: None, then: None }
    }

    /// Puts turns where the response has an empty list of them.
    pub(crate) fn with_turns(mut self, turns: Option<AnsweredTurns>) -> Self {
        self.turns = turns;
        self
    }

    /// Answers with what `rest` gives. Requests that wait for this one go on at once.
    pub(crate) fn later(rest: impl Future<Output = Result<T, RpcError>> + Send + 'static) -> Self {
        Self { response: Response::Later(Box::pin(rest)), turns: None, then: None }
    }

    /// Does something right after the answer is queued, so that what it sends comes behind it.
    pub(crate) fn then(mut self, after: impl FnOnce(&Cx) + Send + 'static) -> Self {
        self.then = Some(Box::new(after));
        self
    }
}

impl<T> From<T> for Reply<T> {
    fn from(response: T) -> Self {
        Self::new(response)
    }
}

/// What every handler gives.
pub(crate) type Handled<T> = Result<Reply<T>, RpcError>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// The part of a request that others wait for; gives the part that none does, if there is one.
type Work = BoxFuture<Option<BoxFuture<()>>>;
type Run = Box<dyn Fn(Cx, Responder, Option<Box<RawValue>>) -> (Order, Work) + Send + Sync>;

/// All methods with their order and handler.
#[derive(Default)]
pub(crate) struct Router {
    routes: HashMap<&'static str, Run>,
}

impl Router {
    /// Routes a method to its handler. Params are decoded once, before anything waits, so that malformed requests are
    /// answered at once and the order can be read from them.
    pub(crate) fn on<M, F>(
        mut self,
        _method: M,
        order: fn(&M::Params) -> Order,
        handler: fn(Cx, M::Params) -> F,
    ) -> Self
    where
        M: Method,
        F: Future<Output = Handled<M::Response>> + Send + 'static,
    {
        let run: Run = Box::new(move |cx, responder, raw| {
            let params = match protocol::decode::<M::Params>(raw.as_deref()) {
                Ok(params) => params,
                Err(error) => return (Order::Any, refuse(responder, RpcError::malformed(&error))),
            };
            let experimental = cx.connection.client().is_some_and(|client| client.experimental);
            if !experimental && let Some(what) = M::experimental_use(&params) {
                return (Order::Any, refuse(responder, RpcError::needs_experimental(what)));
            }
            let first = match cx.server.repeats.look_up(&cx, M::NAME, raw.as_deref()) {
                Repeat::Unnamed => None,
                Repeat::First(first) => Some(first),
                Repeat::Again(again) => {
                    let repeated = async move {
                        again.respond(&cx, responder).await;
                        None
                    };
                    return (Order::Any, Box::pin(repeated));
                }
                Repeat::Refused(error) => return (Order::Any, refuse(responder, error)),
            };
            let key = order(&params);
            let answer =
                move |cx: &Cx, responder: Responder, mut result, turns: Option<AnsweredTurns>, then: Option<After>| {
                    if !experimental && let Ok(response) = &mut result {
                        M::hide_experimental(response);
                    }
                    let with_turns = match (turns, &result) {
                        (Some(turns), Ok(response)) => turns.answer(cx, responder, response),
                        _ => Err(responder),
                    };
                    let rest = with_turns.unwrap_or_else(|responder| {
                        let result = result.map_err(RpcError::into_object);
                        match first {
                            Some(first) => first.respond(responder, result.as_ref().map_err(Clone::clone)),
                            None => responder.respond(&result),
                        }
                        None
                    });
                    if let Some(then) = then {
                        then(cx);
                    }
                    rest
                };
            let work = async move {
                match handler(cx.clone(), params).await {
                    Ok(Reply { response: Response::Ready(response), turns, then }) => {
                        answer(&cx, responder, Ok(response), turns, then)
                    }
                    Err(error) => answer(&cx, responder, Err(error), None, None),
                    Ok(Reply { response: Response::Later(rest), turns, then }) => {
                        let rest = async move {
                            if let Some(rest) = answer(&cx, responder, rest.await, turns, then) {
                                rest.await;
                            }
                        };
                        Some(Box::pin(rest) as BoxFuture<()>)
                    }
                }
            };
            (key, Box::pin(work))
        });
        self.routes.insert(M::NAME, run);
        self
    }

    /// Like [`unavailable`](Self::unavailable), for a method that clients over sockets may never call. Source: the
    /// protocol.
    pub(crate) fn local_only<M: Method>(self, method: M) -> Self {
        self.on(
            method,
            |_| Order::Any,
            |cx, _| async move {
                match cx.connection.origin {
                    Origin::Local => Err(RpcError::unavailable(M::NAME)),
                    Origin::Remote => {
                        let message = format_args!("{} is not available over remote transports", M::NAME);
                        Err(RpcError::invalid_request(message))
                    }
                }
            },
        )
    }

    /// Answers a method that this build does not serve, after the same checks as any other.
    pub(crate) fn unavailable<M: Method>(self, method: M) -> Self {
        self.on(method, |_| Order::Any, |_, _| async { Err(RpcError::unavailable(M::NAME)) })
    }

    #[cfg(test)]
    pub(crate) fn handles(&self, method: &str) -> bool {
        self.routes.contains_key(method)
    }
}

fn refuse(responder: Responder, error: RpcError) -> Work {
    responder.respond(&Err::<(), ErrorObject>(error.into_object()));
    Box::pin(std::future::ready(None))
}

/// The requests of one connection on their way to handlers.
pub(crate) struct Dispatcher {
    cx: Cx,
    /// Per key, the end of the newest request. Ended ones are swept out now and then.
    queues: HashMap<Order, oneshot::Receiver<()>>,
    places: Arc<Semaphore>,
}

/// Requests of one connection that may be in progress at once. A client that waits for its answers never has so many.
/// One that does not is read more slowly over standard input, where it harms only itself, and refused over a socket.
const MAX_IN_PROGRESS: usize = 1024;

/// The same for all connections over sockets together: a few dozen MiB of requests that wait.
pub(crate) const MAX_REMOTE_IN_PROGRESS: usize = 16 * 1024;

/// Methods that begin a turn. None begins while the server waits for the last ones to end.
const BEGIN_TURNS: [&str; 4] = [
    protocol::methods::TurnStart::NAME,
    protocol::methods::ReviewStart::NAME,
    protocol::methods::ThreadCompactStart::NAME,
    protocol::methods::ThreadShellCommand::NAME,
];

/// How many keys may gather before ended ones are swept out.
const SWEEP_AT: usize = 64;

impl Dispatcher {
    pub(crate) fn new(cx: Cx) -> Self {
        Self { cx, queues: HashMap::new(), places: Arc::new(Semaphore::new(MAX_IN_PROGRESS)) }
    }

    /// A place of this connection and one of those that all sockets have together, if there are both.
    fn remote_place(&self) -> Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let shared = self.cx.server.remote_places.clone().try_acquire_owned().ok()?;
        Some((place, Some(shared)))
    }

    /// Starts a request and returns, except that `initialize` is carried out first, so that what the client sends behind
    /// it finds it initialized, and that too many requests at once wait for earlier ones or are refused.
    pub(crate) async fn dispatch(&mut self, id: rpc::RequestId, method: &str, params: Option<Box<RawValue>>) {
        let responder = Responder::new(id, self.cx.connection.outgoing.clone());
        self.cx.server.hub.metrics.requests.increase();
        // Of what is not in the contract only those know who have asked for it.
        let known = method != ThreadEventsReplay::NAME || self.cx.connection.wants_numbers();
        let Some(route) = self.cx.server.router().routes.get(method).filter(|_| known) else {
            let message = format_args!("Invalid request: {}", protocol::methods::unknown_method(method));
            responder.respond(&Err::<(), _>(RpcError::invalid_request(message).into_object()));
            return;
        };
        if self.cx.connection.client().is_none() && method != protocol::methods::Initialize::NAME {
            responder.respond(&Err::<(), _>(RpcError::invalid_request("Not initialized").into_object()));
            return;
        }
        if self.cx.server.is_draining() && BEGIN_TURNS.contains(&method) {
            responder.respond(&Err::<(), _>(RpcError::stopping().into_object()));
            return;
        }
        let place = match self.cx.connection.origin {
            Origin::Local => self.places.clone().acquire_owned().await.ok().map(|place| (place, None)),
            Origin::Remote => self.remote_place(),
        };
        let Some(place) = place else {
            self.cx.server.hub.metrics.refused.increase();
            responder.respond(&Err::<(), _>(RpcError::overloaded().into_object()));
            return;
        };
        let span = tracing::debug_span!("request", method, id = %responder.id(), connection = self.cx.connection.id.0);
        let (order, work) = route(self.cx.clone(), responder, params);
        if method == protocol::methods::Initialize::NAME {
            if let Some(rest) = tracing::Instrument::instrument(work, span).await {
                rest.await;
            }
            return;
        }
        let (done, ended) = oneshot::channel();
        let before = if order == Order::Any { None } else { self.queues.insert(order, ended) };
        if self.queues.len() > SWEEP_AT {
            self.queues.retain(|_, ended| matches!(ended.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        }
        let work = async move {
            if let Some(before) = before {
                // An error means it ended by a panic; its place is free all the same.
                let _ = before.await;
            }
            let rest = work.await;
            drop(done);
            if let Some(rest) = rest {
                rest.await;
            }
            drop(place);
        };
        self.cx.server.requests.spawn(tracing::Instrument::instrument(work, span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_thread_id_share_one_order() {
        let id = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1";
        assert_eq!(Order::thread(id), Order::thread(&id.to_uppercase()));
        assert_eq!(Order::thread(id), Order::thread(&id.replace('-', "")));
        assert_ne!(Order::thread("x"), Order::thread("y"));
    }
}
