//! Messages in over a WebSocket connection whose handshake is done.
//!
//! Frames are taken apart by tungstenite. What it has to say in return (pongs) goes through the connection's one
//! [`Writer`](crate::Writer), between two messages.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::{debug, warn};

use crate::framing::Close;
use crate::message::Incoming;
use crate::receive::Receive;
use crate::writer::Outgoing;

/// The largest frame. Source: recorded conversations.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// The largest message, in however many frames.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// What one read asks for. A connection holds as much for as long as it lives, so that thousands of them stay cheap.
const READ_BYTES: usize = 4 * 1024;

/// The reading half of a WebSocket connection.
///
/// A text frame that is not a message is logged and skipped, and so is a binary one. A frame that breaks the rules of
/// WebSocket, is not UTF-8 or is too large ends the connection with a close code that says so.
#[derive(Debug)]
pub struct WebSocketReader<R> {
    stream: WebSocketStream<Input<R>>,
    outgoing: Outgoing,
    /// Silence after which the client is asked whether it is there, and after as much more given up.
    patience: Duration,
    /// How many messages had been written when the client was asked; `None` when it need not answer.
    asked: Option<u64>,
}

impl<R: AsyncRead + Unpin> WebSocketReader<R> {
    /// Reads from `input`, of which `read` was read with the handshake. A client that is silent for `patience` is sent
    /// a ping; when it is silent for as long again and takes no message meanwhile, the connection ends. The answer of one
    /// that reads slowly may take long: the ping lies behind all that it has not read. One that is in the middle of a
    /// frame is not silent, and can answer only after it.
    pub async fn new(input: R, read: Bytes, outgoing: Outgoing, patience: Duration) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_frame_size(Some(MAX_FRAME_BYTES))
            .max_message_size(Some(MAX_MESSAGE_BYTES));
        let input = Input { input, heard: 0, outgoing: outgoing.clone() };
        let stream = WebSocketStream::from_partially_read(input, read.into(), Role::Server, Some(config)).await;
        Self { stream, outgoing, patience, asked: None }
    }

    /// What the end of the frames means.
    fn ended(&self, error: Error) -> io::Result<Option<Incoming>> {
        let why = match error {
            Error::Io(error) => return Err(error),
            Error::ConnectionClosed | Error::AlreadyClosed => Close::NORMAL,
            Error::Utf8(_) => Close::NOT_UTF8,
            Error::Capacity(_) => Close::TOO_BIG,
            error => {
                debug!(%error, "the client broke the connection off, or the rules");
                Close::PROTOCOL
            }
        };
        self.outgoing.close_because(why);
        Ok(None)
    }
}

impl<R: AsyncRead + Unpin + Send> Receive for WebSocketReader<R> {
    async fn next(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            let heard = self.stream.get_ref().heard;
            let Ok(message) = tokio::time::timeout(self.patience, self.stream.next()).await else {
                if self.stream.get_ref().heard != heard {
                    self.asked = None;
                    continue;
                }
                let written = self.outgoing.written();
                if self.asked == Some(written) {
                    debug!("a client is silent and is given up");
                    let behind = self.outgoing.queued_bytes() > 0;
                    self.outgoing.abandon(if behind { Close::TOO_SLOW } else { Close::SILENT });
                    return Ok(None);
                }
                self.asked = Some(written);
                if self.outgoing.ping().is_err() {
                    return Ok(None);
                }
                continue;
            };
            self.asked = None;
            match message {
                Some(Ok(Message::Text(text))) => match Incoming::decode(text.as_bytes()) {
                    Ok(message) => return Ok(Some(message)),
                    Err(error) => warn!(bytes = text.len(), %error, "skipped a text that is not a message"),
                },
                Some(Ok(Message::Binary(bytes))) => warn!(bytes = bytes.len(), "skipped a binary message"),
                // Pongs must not gather for a client that sends pings and reads nothing.
                Some(Ok(Message::Ping(_))) => self.outgoing.ready().await,
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
                // Our own close frame is the answer.
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(error)) => return self.ended(error),
            }
        }
    }
}

/// The bytes that come in, and a way out for control frames.
#[derive(Debug)]
struct Input<R> {
    input: R,
    /// Bytes that have come in.
    heard: u64,
    outgoing: Outgoing,
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.input).poll_read(cx, buf);
        self.heard += (buf.filled().len() - before) as u64;
        read
    }
}

impl<R: Unpin> AsyncWrite for Input<R> {
    /// Takes control frames; tungstenite writes each in one piece.
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, frame: &[u8]) -> Poll<io::Result<usize>> {
        let pushed = self.outgoing.push_control(Bytes::copy_from_slice(frame));
        Poll::Ready(pushed.map(|()| frame.len()).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
