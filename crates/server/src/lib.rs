//! The app-server: routes requests to the engine and its events to connections.
//!
//! [`Server`] is made once; [`Server::serve`] runs one connection over any pair of byte streams,
//! [`Server::serve_remote`] one that came in through a socket. Open `methods.rs` first:
//! it is the whole surface, method by method, each with its order and its handler. `wire/` holds every conversion
//! between the engine's nouns and the client's spelling; `hub.rs` knows who hears what.
//!
//! The crate does not know how a turn works inside, nor how a file is laid out.

mod answered_turns;
mod client_requests;
mod commands;
mod connection;
mod dispatch;
mod error;
mod handlers;
mod hub;
mod journal;
mod methods;
mod metrics;
mod notifications;
mod otel;
mod repeats;
mod retire;
mod searches;
mod skills_watch;
mod start;
mod turns;
mod turns_text;
mod wire;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::Engine;
use rpc::{Close, Incoming, Outgoing, Reader, Receive, Writer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use start::{Options, default_home};

use crate::connection::{Connection, Origin};
use crate::dispatch::{Cx, Dispatcher, Router};
use crate::hub::Hub;

/// How long requests that wait for no command or turn may take to be answered when the server ends.
const QUICK_GRACE: Duration = Duration::from_millis(500);
/// How long requests may take to be answered once all turns have ended.
const REQUESTS_GRACE: Duration = Duration::from_secs(2);
/// How long turns may take to end and be stored when the server ends.
const TURNS_GRACE: Duration = Duration::from_secs(5);
/// How often to look whether turns still run before the end.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// How long a client may take to read what it was told before the end.
const WRITER_GRACE: Duration = Duration::from_secs(2);

/// The app-server of one home.
pub struct Server {
    pub(crate) engine: Engine,
    pub(crate) hub: Arc<Hub>,
    pub(crate) info: start::Info,
    /// Bounds what clients over sockets have in progress together.
    pub(crate) remote_places: Arc<Semaphore>,
    /// Requests being worked on.
    pub(crate) requests: TaskTracker,
    pub(crate) retirement: retire::Retirement,
    /// Requests that may be sent again.
    pub(crate) repeats: repeats::Repeats,
    /// File searches of all clients.
    pub(crate) searches: Arc<searches::Searches>,
    pub(crate) skills_watch: skills_watch::SkillsWatch,
    router: OnceLock<Router>,
    /// Nothing is begun any more.
    draining: AtomicBool,
    stopping: CancellationToken,
    /// Everything that is worth telling has been told.
    finished: CancellationToken,
}

impl Server {
    pub(crate) fn router(&self) -> &Router {
        self.router.get_or_init(methods::router)
    }

    /// Serves the client that started this process until its input ends, it cannot be written to, or the server stops.
    ///
    /// # Errors
    /// When reading or writing fails in another way than by ending.
    pub async fn serve<R, W>(self: &Arc<Self>, input: R, output: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (outgoing, writer) = Outgoing::new(output);
        let writing = tokio::spawn(writer.run());
        let connection = self.hub.connect(outgoing, Origin::Local);
        let read = self.read(Reader::new(input), &connection).await;
        if self.info.ends_with_connection {
            self.answer_quick_requests().await;
        }
        connection.ended.cancel();
        if self.info.ends_with_connection {
            self.end_turns().await;
        }
        self.end_connection(&connection, writing).await?;
        read
    }

    /// Serves a client that came in through a socket until it leaves or the server stops. The server lives on.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub async fn serve_remote<M, W>(
        self: &Arc<Self>,
        messages: M,
        outgoing: Outgoing,
        writer: Writer<W>,
    ) -> io::Result<()>
    where
        M: Receive,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let writing = tokio::spawn(writer.run());
        let connection = self.hub.connect(outgoing, Origin::Remote);
        let read = self.read(messages, &connection).await;
        connection.ended.cancel();
        if self.stopping.is_cancelled() {
            // Answers to what it has asked, and the ends of its turns.
            self.finished.cancelled().await;
        }
        self.end_connection(&connection, writing).await?;
        read
    }

    async fn read<M: Receive>(self: &Arc<Self>, mut messages: M, connection: &Arc<Connection>) -> io::Result<()> {
        let mut dispatcher = Dispatcher::new(Cx { server: self.clone(), connection: connection.clone() });
        loop {
            let incoming = tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Ok(()),
                () = connection.closing.cancelled() => return Ok(()),
                incoming = messages.next() => incoming?,
            };
            match incoming {
                Some(Incoming::Request { id, method, params }) => {
                    // A client that does not read its answers gets no further requests in.
                    tokio::select! {
                        biased;
                        () = self.stopping.cancelled() => return Ok(()),
                        () = connection.closing.cancelled() => return Ok(()),
                        () = connection.outgoing.ready() => {}
                    }
                    tokio::select! {
                        biased;
                        () = self.stopping.cancelled() => return Ok(()),
                        () = connection.closing.cancelled() => return Ok(()),
                        () = dispatcher.dispatch(id, &method, params) => {}
                    }
                }
                Some(Incoming::Notification { method, .. }) => {
                    tracing::debug!(method, connection = connection.id.0, "notification from the client");
                }
                Some(Incoming::Response { id, outcome }) => self.hub.answer(&id, outcome),
                None => return Ok(()),
            }
        }
    }

    async fn end_connection(
        &self,
        connection: &Arc<Connection>,
        writing: tokio::task::JoinHandle<io::Result<()>>,
    ) -> io::Result<()> {
        self.disconnect(connection.id);
        if connection.lagged() {
            self.hub.metrics.cut_off.increase();
        }
        if self.stopping.is_cancelled() {
            connection.outgoing.close_because(Close::GOING_AWAY);
        } else {
            connection.outgoing.close();
        }
        let stop_writing = writing.abort_handle();
        let written = tokio::time::timeout(WRITER_GRACE, writing).await;
        stop_writing.abort();
        match written {
            Ok(Ok(written)) => match written {
                // A client that is gone needs no words.
                Err(error) if is_gone(&error) => Ok(()),
                other => other,
            },
            Ok(Err(panicked)) => Err(io::Error::other(panicked)),
            Err(_slow) => Ok(()),
        }
    }

    /// Why the configured model provider cannot be used, as far as that shows without asking it.
    #[must_use]
    pub fn provider_problem(&self) -> Option<String> {
        let environment = self.engine.environment();
        match environment.loader.load(Some(&environment.cwd), None) {
            Ok(config) => engine::provider_problem(environment, &config),
            Err(error) => Some(format!("the configuration cannot be used ({error})")),
        }
    }

    /// Lets running turns come to their end, at most for `limit`. Requests are answered meanwhile, but those that would
    /// begin a turn are refused.
    pub async fn drain(&self, limit: Option<Duration>) {
        self.draining.store(true, Ordering::Relaxed);
        let quiet = async {
            let mut quiet_looks = 0;
            // A turn that was accepted just before needs a moment to show itself.
            while quiet_looks < 2 {
                let busy = self.engine.running_turns() > 0;
                quiet_looks = if busy { 0 } else { quiet_looks + 1 };
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        let Some(limit) = limit else { return quiet.await };
        if tokio::time::timeout(limit, quiet).await.is_err() {
            tracing::warn!(?limit, "turns still run and are interrupted");
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Takes no more requests; connections end, those of sockets after [`shutdown`](Self::shutdown).
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Waits a moment for the requests in progress.
    async fn answer_quick_requests(&self) {
        self.requests.close();
        if tokio::time::timeout(QUICK_GRACE, self.requests.wait()).await.is_err() {
            tracing::debug!("requests wait for commands or turns to end");
        }
    }

    /// Ends in stages: turns end as interrupted and are stored, requests in progress are answered. Over standard input
    /// and output [`serve`](Self::serve) does it.
    pub async fn shutdown(&self) {
        self.answer_quick_requests().await;
        self.end_turns().await;
    }

    async fn end_turns(&self) {
        self.retirement.stop();
        if tokio::time::timeout(TURNS_GRACE, self.engine.shutdown()).await.is_err() {
            tracing::warn!("turns did not end in time");
        }
        // Requests that waited for a turn have their answers now.
        if tokio::time::timeout(REQUESTS_GRACE, self.requests.wait()).await.is_err() {
            tracing::warn!("requests are left without an answer");
        }
        self.finished.cancel();
        self.hub.otel.end().await;
    }
}

/// Whether an error says no more than that the client has left.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | NotConnected)
}
