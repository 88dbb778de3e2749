//! Messages out: one ordered queue a connection, and the one task that writes it.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::framing::{Close, Framing, ping};
use crate::message::{ErrorObject, RequestId, encode_error, encode_notification, encode_result};
use crate::notice::Notice;
use crate::parts::{Parts, parts};
use crate::queue::{Entry, Queue, Written};

/// How much a connection may have queued before its client counts as slow.
///
/// Large enough for the answer that reads a long thread and for minutes of streamed text; small enough that a dozen
/// stuck clients do not fill a small machine.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;

/// Frames are gathered up to this size before they are written: a pipe takes as much in one system call. A frame of
/// at least this size is written as it is, without a copy.
const GATHER_BYTES: usize = 64 * 1024;

/// What an idle writer keeps of its buffers: enough for the usual message, so that it allocates nothing for it.
const KEPT_BYTES: usize = 2 * 1024;
/// The same for the entries of its queue.
const KEPT_ENTRIES: usize = 16;

/// The connection's writer has ended, or was told to end; the frame was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// Why [`Outgoing::try_send`] dropped a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrySendError {
    /// The client reads more slowly than we write, and its queue is full.
    #[error("the client lags behind")]
    Lagging,
    /// See [`Closed`].
    #[error("the connection is closed")]
    Closed,
}

impl From<Closed> for TrySendError {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// The clonable handle of a connection's writer. A frame is one encoded message without its line break.
///
/// There are three ways to send, all of them in one order, that of the calls:
/// [`try_send`](Self::try_send) for what may be lost when the client is slow (notifications),
/// [`push`](Self::push) for what is owed whatever happens (responses, our own requests), and
/// [`send`](Self::send) for a producer that can wait.
///
/// Responses are not refused, so whoever reads requests bounds them by waiting for [`ready`](Self::ready) before the
/// next one: a client that does not read its answers is not read either.
///
/// When the last clone is dropped the writer ends as after [`close`](Self::close).
#[derive(Clone, Debug)]
pub struct Outgoing {
    handle: Arc<Handle>,
}

/// Closes the queue when nobody can send any more.
#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    capacity: usize,
    framing: Framing,
    /// What a WebSocket client is told at the end.
    farewell: Mutex<Close>,
    /// What is queued is not worth writing any more.
    abandoned: AtomicBool,
    /// Tells the writer that the queue has changed. Only the writer waits for it.
    changed: Notify,
    /// Tells senders that there may be room again, or that there never will be.
    room: Notify,
    /// Cancelled once the writer has ended.
    ended: CancellationToken,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is locked; if something did, the queue would still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue unless it is closed, and tells the writer.
    fn change(&self, change: impl FnOnce(&mut Queue) -> Result<(), TrySendError>) -> Result<(), TrySendError> {
        {
            let mut queue = self.queue();
            if queue.closed {
                return Err(TrySendError::Closed);
            }
            change(&mut queue)?;
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Queues `entry` if there is room.
    fn try_push(&self, queue: &mut Queue, entry: Entry) -> Result<(), TrySendError> {
        if !queue.fits(entry.cost(), self.capacity) {
            return Err(TrySendError::Lagging);
        }
        queue.push(entry);
        Ok(())
    }

    /// Entries are written.
    fn release(&self, written: &Written) {
        self.queue().release(written);
        self.room.notify_waiters();
    }

    fn close(&self) {
        self.queue().closed = true;
        self.changed.notify_one();
        self.room.notify_waiters();
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }
}

impl Outgoing {
    /// Makes the writing half of a connection with room for [`QUEUE_BYTES`]. Nothing is written until
    /// [`Writer::run`] is polled.
    pub fn new<W>(output: W) -> (Self, Writer<W>) {
        Self::with_capacity(output, QUEUE_BYTES)
    }

    /// Like [`new`](Self::new), with room for `capacity` bytes.
    pub fn with_capacity<W>(output: W, capacity: usize) -> (Self, Writer<W>) {
        Self::framed(output, capacity, Framing::Lines)
    }

    /// Like [`with_capacity`](Self::with_capacity), for a connection whose messages are told apart by `framing`.
    pub fn framed<W>(output: W, capacity: usize, framing: Framing) -> (Self, Writer<W>) {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            capacity,
            framing,
            farewell: Mutex::new(Close::NORMAL),
            abandoned: AtomicBool::new(false),
            changed: Notify::new(),
            room: Notify::new(),
            ended: CancellationToken::new(),
        });
        (Self { handle: Arc::new(Handle(shared.clone())) }, Writer { output, end: End(shared) })
    }

    fn shared(&self) -> &Shared {
        &self.handle.0
    }

    /// Queues a frame if there is room. Never waits.
    ///
    /// # Errors
    /// The frame is dropped: the client lags behind, or the connection is closed.
    pub fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        let shared = self.shared();
        shared.change(|queue| shared.try_push(queue, Entry::Message(frame)))
    }

    /// Queues a notification if there is room, with its number if `numbered`. Never waits. For a client that lags a
    /// delta is added to the one it continues: the same text in fewer messages.
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn tell(&self, notice: &Notice, numbered: bool) -> Result<(), TrySendError> {
        let shared = self.shared();
        shared.change(|queue| {
            if queue.join(notice, shared.capacity) {
                return Ok(());
            }
            shared.try_push(queue, Entry::notice(notice, numbered))
        })
    }

    /// Queues a frame whether there is room or not. Never waits. For what is owed: see the type's description.
    ///
    /// # Errors
    /// The connection is closed; nobody is there to take the frame.
    pub fn push(&self, frame: Bytes) -> Result<(), Closed> {
        self.push_entry(Entry::Message(frame))
    }

    /// As [`push`](Self::push), for a frame in pieces.
    pub(crate) fn push_pieces(&self, pieces: Vec<Bytes>) -> Result<(), Closed> {
        self.push_entry(Entry::Pieces(pieces))
    }

    /// As [`push`](Self::push), for a frame that is still to be made.
    pub(crate) fn push_parts(&self) -> Result<Parts, Closed> {
        let (parts, made) = parts();
        self.push_entry(Entry::Parts(made)).map(|()| parts)
    }

    /// Whether a message can be written before all of it is there: not where its length comes first, as in WebSocket
    /// frames.
    pub fn takes_parts(&self) -> bool {
        self.shared().framing == Framing::Lines
    }

    /// Queues a WebSocket control frame, complete with its header.
    pub(crate) fn push_control(&self, frame: Bytes) -> Result<(), Closed> {
        self.push_entry(Entry::Control(frame))
    }

    /// Queues a WebSocket ping.
    pub(crate) fn ping(&self) -> Result<(), Closed> {
        self.push_control(ping())
    }

    fn push_entry(&self, entry: Entry) -> Result<(), Closed> {
        let pushed = self.shared().change(|queue| {
            queue.push(entry);
            Ok(())
        });
        pushed.map_err(|_| Closed)
    }

    /// Waits until there is room for a frame and queues it.
    ///
    /// # Errors
    /// The connection is closed, or was while this waited.
    ///
    /// # Cancel safety
    /// Cancel safe: when the future is dropped before it is done, the frame has not been queued.
    pub async fn send(&self, frame: Bytes) -> Result<(), Closed> {
        let shared = self.shared();
        let mut room = std::pin::pin!(shared.room.notified());
        loop {
            room.as_mut().enable();
            match self.try_send(frame.clone()) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed) => return Err(Closed),
                Err(TrySendError::Lagging) => room.as_mut().await,
            }
            room.set(shared.room.notified());
        }
    }

    /// Waits until the queue is no longer full, or the connection is closed.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ready(&self) {
        self.below(self.shared().capacity).await;
    }

    /// Waits until less than `bytes` are queued, or the connection is closed. For streams that would fill the queue for
    /// no good.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn below(&self, bytes: usize) {
        let shared = self.shared();
        let mut room = std::pin::pin!(shared.room.notified());
        loop {
            room.as_mut().enable();
            {
                let queue = shared.queue();
                if queue.closed || queue.bytes < bytes {
                    return;
                }
            }
            room.as_mut().await;
            room.set(shared.room.notified());
        }
    }

    /// Encodes a notification and queues it if there is room. For one that goes to several connections use
    /// [`encode_notification`] and [`try_send`](Self::try_send).
    ///
    /// # Errors
    /// As [`try_send`](Self::try_send).
    pub fn notify(&self, method: &str, params: &(impl Serialize + ?Sized)) -> Result<(), TrySendError> {
        self.try_send(encode_notification(method, params))
    }

    /// Queues the response to request `id`. Prefer a [`Responder`](crate::Responder), which cannot be forgotten.
    ///
    /// # Errors
    /// The connection is closed.
    pub fn respond(&self, id: &RequestId, result: &Result<impl Serialize, ErrorObject>) -> Result<(), Closed> {
        self.push(match result {
            Ok(result) => encode_result(id, result),
            Err(error) => encode_error(id, error),
        })
    }

    /// Bytes that are queued or being written, the cost of each frame included.
    pub fn queued_bytes(&self) -> usize {
        self.shared().queue().bytes
    }

    /// How many messages have been written, in all.
    pub(crate) fn written(&self) -> u64 {
        self.shared().queue().written
    }

    /// Accepts nothing more. The writer writes what is queued, flushes, shuts its output down and ends.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Like [`close`](Self::close); a WebSocket client is told why. Only the first reason counts.
    pub fn close_because(&self, why: Close) {
        let shared = self.shared();
        if !self.is_closed() {
            *shared.farewell.lock().unwrap_or_else(PoisonError::into_inner) = why;
        }
        shared.close();
    }

    /// Like [`close_because`](Self::close_because), but what is queued is dropped: the client has not read what came
    /// before it either.
    pub fn abandon(&self, why: Close) {
        self.shared().abandoned.store(true, Ordering::Relaxed);
        self.shared().queue().clear();
        self.close_because(why);
    }

    /// Whether frames are no longer accepted.
    pub fn is_closed(&self) -> bool {
        self.shared().queue().closed
    }

    /// Waits until the writer has ended: everything is flushed, the output has failed, or its task is gone.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn closed(&self) {
        self.shared().ended.cancelled().await;
    }
}

/// The writing half's task. It owns the output.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    end: End,
}

/// Marks the queue as ended when the writer goes, be it by return, panic or abort.
#[derive(Debug)]
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        {
            let mut queue = self.0.queue();
            queue.clear();
            queue.closed = true;
            queue.bytes = 0;
        }
        self.0.room.notify_waiters();
        self.0.ended.cancel();
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes what is queued until the connection is closed, and flushes whenever the queue is empty.
    ///
    /// # Errors
    /// The output's. What was queued is dropped then, and later frames are refused.
    ///
    /// # Cancel safety
    /// Not cancel safe: dropping the future ends the connection, maybe within a frame.
    pub async fn run(self) -> io::Result<()> {
        let Self { mut output, end } = self;
        let shared = &*end.0;
        let mut batch = Vec::new();
        let mut gathered = Gathered { bytes: Vec::new(), framing: shared.framing };
        loop {
            let closed = {
                let mut queue = shared.queue();
                queue.take(&mut batch);
                queue.closed
            };
            if batch.is_empty() {
                if closed {
                    let farewell = *shared.farewell.lock().unwrap_or_else(PoisonError::into_inner);
                    gathered.farewell(farewell, &mut output).await?;
                    output.flush().await?;
                    return output.shutdown().await;
                }
                output.flush().await?;
                shared.queue().shrink(KEPT_ENTRIES);
                if batch.capacity() > KEPT_ENTRIES {
                    batch = Vec::new();
                }
                gathered.bytes.shrink_to(KEPT_BYTES);
                // A change between the look above and here has left a permit, so that it is not missed.
                shared.changed.notified().await;
                continue;
            }
            let mut written = Written::default();
            for entry in batch.drain(..) {
                written.add(&entry);
                if shared.is_abandoned() {
                    continue;
                }
                if gathered.add(entry, &mut output).await? {
                    shared.release(&mem::take(&mut written));
                }
            }
            gathered.write(&mut output).await?;
            shared.release(&written);
        }
    }
}

/// Entries on their way into the output, as few writes as possible.
struct Gathered {
    bytes: Vec<u8>,
    framing: Framing,
}

impl Gathered {
    /// Adds an entry; whether all that was added until now is written.
    async fn add<W: AsyncWrite + Unpin>(&mut self, entry: Entry, output: &mut W) -> io::Result<bool> {
        match entry {
            Entry::Message(frame) => self.add_pieces("", &[&frame], output).await,
            Entry::Pieces(pieces) => {
                let pieces: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
                self.add_pieces("", &pieces, output).await
            }
            Entry::Parts(mut made) if self.framing == Framing::WebSocket => {
                let mut pieces = Vec::new();
                while let Some(part) = made.next().await? {
                    pieces.push(part);
                }
                let pieces: Vec<&[u8]> = pieces.iter().map(AsRef::as_ref).collect();
                self.add_pieces("", &pieces, output).await
            }
            Entry::Parts(mut made) => {
                // What came before does not wait for it.
                self.write(output).await?;
                while let Some(part) = made.next().await? {
                    output.write_all(&part).await?;
                }
                self.framing.end(&mut self.bytes);
                Ok(false)
            }
            Entry::Notice(grown) => {
                let (start, pieces) = grown.pieces();
                self.add_pieces(&start, &pieces, output).await
            }
            Entry::Control(frame) => {
                self.bytes.extend_from_slice(&frame);
                Ok(false)
            }
        }
    }

    async fn add_pieces<W: AsyncWrite + Unpin>(
        &mut self,
        start: &str,
        pieces: &[&[u8]],
        output: &mut W,
    ) -> io::Result<bool> {
        let length = start.len() + pieces.iter().map(|piece| piece.len()).sum::<usize>();
        self.framing.begin(length, &mut self.bytes);
        self.bytes.extend_from_slice(start.as_bytes());
        for piece in pieces {
            if piece.len() >= GATHER_BYTES {
                self.write(output).await?;
                output.write_all(piece).await?;
            } else {
                self.bytes.extend_from_slice(piece);
            }
        }
        self.framing.end(&mut self.bytes);
        let full = length >= GATHER_BYTES || self.bytes.len() >= GATHER_BYTES;
        if full {
            self.write(output).await?;
        }
        Ok(full)
    }

    async fn write<W: AsyncWrite + Unpin>(&mut self, output: &mut W) -> io::Result<()> {
        if !self.bytes.is_empty() {
            output.write_all(&self.bytes).await?;
            self.bytes.clear();
        }
        Ok(())
    }

    /// The last words, where the framing has any.
    async fn farewell<W: AsyncWrite + Unpin>(&mut self, why: Close, output: &mut W) -> io::Result<()> {
        match self.framing {
            Framing::Lines => Ok(()),
            Framing::WebSocket => output.write_all(&why.frame()).await,
        }
    }
}
