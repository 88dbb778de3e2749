//! Unloads threads that nobody follows and in which nothing happens.

use std::sync::Arc;
use std::time::Duration;

use engine::Engine;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::ThreadId;

use crate::Server;
use crate::connection::ConnectionId;
use crate::hub::Hub;
use crate::notifications;

/// How long a thread stays loaded that nobody follows and in which nothing happens. Source: the protocol.
const GRACE: Duration = Duration::from_secs(30 * 60);

/// The watch over threads that nobody follows: a task for each, which ends with the thread, when somebody follows it
/// again, or with the server.
#[derive(Default)]
pub(crate) struct Retirement {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Retirement {
    fn watch(&self, engine: Engine, hub: Arc<Hub>, thread: ThreadId, left: Instant) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = unload_when_quiet(&engine, &hub, thread, left) => {}
            }
        });
    }

    /// Nothing is unloaded any more.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

impl Server {
    /// The connection hears no more of the thread; whether it did before.
    pub(crate) fn unsubscribe(&self, thread: ThreadId, connection: ConnectionId) -> bool {
        let Some(left) = self.hub.unsubscribe(thread, connection) else { return false };
        if let Some(left) = left.last_at {
            self.retirement.watch(self.engine.clone(), self.hub.clone(), thread, left);
        }
        true
    }

    /// Forgets a connection. Its turns go on; its open questions wait for whoever comes.
    pub(crate) fn disconnect(&self, connection: ConnectionId) {
        for (thread, left) in self.hub.disconnect(connection) {
            self.retirement.watch(self.engine.clone(), self.hub.clone(), thread, left);
        }
    }

    /// Unloads a thread, if it is loaded; what runs in it is interrupted. Everyone hears that it is not loaded any more.
    pub(crate) async fn unload(&self, thread: ThreadId) {
        unload(&self.engine, &self.hub, thread).await;
    }
}

/// Gives the thread and those that worked for it, as far as they were loaded.
async fn unload(engine: &Engine, hub: &Hub, thread: ThreadId) -> Vec<ThreadId> {
    let unloaded = engine.close(thread).await;
    for thread in &unloaded {
        hub.forget_thread(*thread);
        hub.broadcast_of(*thread, &notifications::not_loaded(*thread));
    }
    unloaded
}

/// Returns when the thread is unloaded, or when it is not to be: somebody follows it, or did since.
async fn unload_when_quiet(engine: &Engine, hub: &Hub, thread: ThreadId, left: Instant) {
    let mut quiet_since = left;
    loop {
        tokio::time::sleep_until(quiet_since + GRACE).await;
        let Some(since) = hub.quiet_since(thread, left) else { return };
        if engine.get(thread).is_none() {
            return;
        }
        quiet_since = if engine.is_busy(thread) {
            Instant::now()
        } else if since > quiet_since {
            since
        } else {
            break;
        };
    }
    for thread in unload(engine, hub, thread).await {
        hub.broadcast_of(thread, &notifications::closed(thread));
    }
}
