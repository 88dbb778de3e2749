//! One client: where its frames go, and what it said of itself.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use protocol::additions::Additions;
use rpc::{Close, Notice, Outgoing, TrySendError};
use tokio_util::sync::CancellationToken;
use workspace::watch::Watches;

use crate::commands::Commands;

/// Identifies a connection for as long as the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// How a client came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It started this process.
    Local,
    /// Through a socket, with others.
    Remote,
}

/// A client's connection.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) origin: Origin,
    pub(crate) outgoing: Outgoing,
    /// Set once, by `initialize`.
    client: OnceLock<Client>,
    /// The client left too much unread.
    lagged: AtomicBool,
    /// Fires when the connection is to end.
    pub(crate) closing: CancellationToken,
    /// Fires when the connection has ended. What runs for it alone (commands, searches) ends then.
    pub(crate) ended: CancellationToken,
    /// Made when something is watched; they end with the connection.
    watches: OnceLock<Watches>,
    /// What the client runs beside any thread.
    pub(crate) commands: Arc<Commands>,
    /// Whether the client has been told what the machine's sandbox lacks, if anything.
    pub(crate) sandbox_checked: AtomicBool,
}

/// What a client said when it introduced itself.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) user_agent: String,
    pub(crate) experimental: bool,
    /// Exact names of notifications it does not want.
    pub(crate) opted_out: HashSet<String>,
    /// What it wants besides the published contract.
    pub(crate) additions: Additions,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, outgoing: Outgoing, origin: Origin) -> Self {
        Self {
            id,
            origin,
            outgoing,
            client: OnceLock::new(),
            lagged: AtomicBool::new(false),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            watches: OnceLock::new(),
            commands: Arc::default(),
            sandbox_checked: AtomicBool::new(false),
        }
    }

    /// Whether the connection ends because the client left too much unread.
    pub(crate) fn lagged(&self) -> bool {
        self.lagged.load(Ordering::Relaxed)
    }

    /// `None` before `initialize`.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.client.get()
    }

    /// Whether the client had not introduced itself before.
    pub(crate) fn introduce(&self, client: Client) -> bool {
        self.client.set(client).is_ok()
    }

    /// What the client watches, if it ever watched anything.
    pub(crate) fn watches(&self) -> Option<&Watches> {
        self.watches.get()
    }

    pub(crate) fn watches_or(&self, make: impl FnOnce() -> Watches) -> &Watches {
        self.watches.get_or_init(make)
    }

    /// Whether the client wants to hear of `method`.
    pub(crate) fn wants(&self, method: &str) -> bool {
        self.client().is_some_and(|client| !client.opted_out.contains(method))
    }

    /// What the client wants besides the published contract.
    pub(crate) fn additions(&self) -> Additions {
        self.client().map(|client| client.additions).unwrap_or_default()
    }

    /// Whether notifications of threads that the client follows carry numbers.
    pub(crate) fn wants_numbers(&self) -> bool {
        self.additions().event_numbers
    }

    /// Queues a request of ours.
    pub(crate) fn send(&self, frame: Bytes) {
        self.check(self.outgoing.try_send(frame));
    }

    /// Queues a notification, with its number if `numbered`.
    pub(crate) fn tell(&self, notice: &Notice, numbered: bool) {
        self.check(self.outgoing.tell(notice, numbered));
    }

    /// A client that leaves more unread than the queue holds is cut off, rather than slowing others or missing something
    /// without knowing.
    fn check(&self, sent: Result<(), TrySendError>) {
        match sent {
            Ok(()) => {}
            Err(TrySendError::Lagging) => {
                if !self.closing.is_cancelled() {
                    tracing::warn!(connection = self.id.0, "the client reads too slowly and is disconnected");
                }
                self.lagged.store(true, Ordering::Relaxed);
                self.outgoing.abandon(Close::TOO_SLOW);
                self.closing.cancel();
            }
            Err(TrySendError::Closed) => self.closing.cancel(),
        }
    }
}
