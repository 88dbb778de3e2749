//! JSON-RPC between two programs: framing, pending requests both ways, one ordered writer a connection.
//!
//! A message is one JSON object, on one line or in one WebSocket text frame. [`Reader`] and [`WebSocketReader`] turn
//! bytes into [`Incoming`] messages, decoding the envelope only: `params` and results stay raw text until somebody who
//! knows their type asks. [`Outgoing`] is the
//! clonable handle of a connection's one [`Writer`]; what is sent through it arrives in the order of the calls.
//! [`PendingRequests`] holds the requests this side has sent and nobody has answered, [`Responder`] the duty to
//! answer one that the other side has sent.
//!
//! The crate knows no method name and no type of the protocol, and it starts no task: the caller spawns
//! [`Writer::run`] and owns its handle.
//!
//! Memory is bounded on both sides: a line has a limit ([`MAX_LINE_BYTES`]), and so has what a slow client may leave
//! unread ([`QUEUE_BYTES`]). Open [`message`](crate::Incoming) first, then `reader.rs` and `writer.rs`.

mod framing;
mod message;
mod notice;
mod parts;
mod pending;
mod queue;
mod reader;
mod receive;
mod responder;
mod websocket;
mod writer;

pub use framing::{Close, Framing};

pub use message::{
    DecodeError, ErrorObject, Incoming, Outcome, RequestId, encode_error, encode_notification, encode_request,
    encode_result,
};
pub use notice::Notice;
pub use parts::Parts;
pub use pending::{Answer, PendingRequests};
pub use reader::{MAX_LINE_BYTES, Reader};
pub use receive::Receive;
pub use responder::Responder;
pub use websocket::{MAX_FRAME_BYTES, MAX_MESSAGE_BYTES, WebSocketReader};
pub use writer::{Closed, Outgoing, QUEUE_BYTES, TrySendError, Writer};

use tokio::io::DuplexStream;

/// Bytes that one end of [`in_process`] may write before the other end reads: about what a pipe holds.
const IN_PROCESS_BYTES: usize = 64 * 1024;

/// Makes both ends of a connection that stays inside this process, for tests and for a client built into the binary.
pub fn in_process() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(IN_PROCESS_BYTES)
}
