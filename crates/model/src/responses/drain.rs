//! Reads responses to their end after their last event, so that the connection can serve the next request.
//!
//! The end of the HTTP body often arrives a moment after the event that completes the response. Closing the
//! connection there would cost the next request a new one, with its TLS handshake.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// A server that keeps the body open longer than this after the last event loses the connection.
const LIMIT: Duration = Duration::from_secs(2);

pub(super) type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// The responses being read to their end. They are dropped with it.
#[derive(Default)]
pub(super) struct Drains(Mutex<JoinSet<()>>);

impl Drains {
    pub(super) fn finish(&self, mut body: Body) {
        // Without a runtime (it is shutting down) there is no next request.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut tasks = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(
            async move {
                // Nothing after the last event matters, errors included.
                let _ = tokio::time::timeout(LIMIT, async { while let Some(Ok(_)) = body.next().await {} }).await;
            },
            &runtime,
        );
    }

    /// Waits until all responses are read to their end.
    #[cfg(test)]
    pub(super) async fn settled(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        while tasks.join_next().await.is_some() {}
    }
}
