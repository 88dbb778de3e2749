//! What gives messages, whatever they come through.

use std::io;

use crate::message::Incoming;

/// The reading half of a connection.
pub trait Receive: Send {
    /// Waits for the next message. `None` is the end: the client has left, or has broken the rules of its transport.
    ///
    /// # Errors
    /// Those of the input itself; after one of them there is nothing left to read.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing read is lost when the future is dropped.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Incoming>>> + Send;
}

impl<R: tokio::io::AsyncRead + Unpin + Send> Receive for crate::Reader<R> {
    async fn next(&mut self) -> io::Result<Option<Incoming>> {
        Self::next(self).await
    }
}
