//! A long response that is written while it is made.

use std::io;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::writer::Closed;

/// The duty to give the parts of a response whose place in the queue is taken: together they are the frame of
/// [`crate::encode_result`], or an equal one. The connection writes nothing else until [`finish`](Self::finish); when
/// that never comes the connection ends, for half a message cannot be taken back.
#[derive(Debug)]
#[must_use = "a response has been begun"]
pub struct Parts {
    sender: mpsc::Sender<Part>,
    wanted: Option<oneshot::Receiver<()>>,
}

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Made {
    receiver: mpsc::Receiver<Part>,
    begin: Option<oneshot::Sender<()>>,
    over: bool,
}

#[derive(Debug)]
struct Part {
    bytes: Bytes,
    last: bool,
}

pub(crate) fn parts() -> (Parts, Made) {
    // One that waits while another is written: more would be memory for nothing.
    let (sender, receiver) = mpsc::channel(1);
    let (begin, wanted) = oneshot::channel();
    (Parts { sender, wanted: Some(wanted) }, Made { receiver, begin: Some(begin), over: false })
}

impl Parts {
    /// Waits until everything before this response is written. Nothing need be made, and kept, before.
    ///
    /// # Errors
    /// The connection is closed, and the response is not wanted any more.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn wanted(&mut self) -> Result<(), Closed> {
        if let Some(wanted) = &mut self.wanted {
            wanted.await.map_err(|_| Closed)?;
            self.wanted = None;
        }
        Ok(())
    }

    /// Gives a part. Waits while the client does not read those before it.
    ///
    /// # Errors
    /// As [`wanted`](Self::wanted).
    ///
    /// # Cancel safety
    /// Not cancel safe: the part is lost, and with it the response.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Closed> {
        self.sender.send(Part { bytes, last: false }).await.map_err(|_| Closed)
    }

    /// Gives the last part.
    ///
    /// # Errors
    /// As [`wanted`](Self::wanted).
    ///
    /// # Cancel safety
    /// As [`send`](Self::send).
    pub async fn finish(self, bytes: Bytes) -> Result<(), Closed> {
        self.sender.send(Part { bytes, last: true }).await.map_err(|_| Closed)
    }
}

impl Made {
    /// The next part, or `None` when all are there.
    ///
    /// # Errors
    /// Whoever makes the parts has given up.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(begin) = self.begin.take() {
            // Where nobody waits for it, the parts are on their way.
            let _ = begin.send(());
        }
        if self.over {
            return Ok(None);
        }
        let part = self.receiver.recv().await.ok_or_else(|| io::Error::other("a response ended in its middle"))?;
        self.over = part.last;
        Ok(Some(part.bytes))
    }
}
