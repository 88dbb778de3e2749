//! How messages stand in a connection's bytes: one a line, or one a WebSocket frame.

use bytes::Bytes;

/// How a connection's messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One message a line.
    Lines,
    /// One message a WebSocket text frame.
    WebSocket,
}

/// Why a connection ends. Only a WebSocket client is told. Source of the codes: RFC 6455 and its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    code: u16,
    reason: &'static str,
}

impl Close {
    /// The client has said that it ends, or was served to the end.
    pub const NORMAL: Self = Self { code: 1000, reason: "" };
    /// The server is stopping.
    pub const GOING_AWAY: Self = Self { code: 1001, reason: "the server is stopping" };
    /// The client has broken the rules of WebSocket.
    pub const PROTOCOL: Self = Self { code: 1002, reason: "not a valid frame" };
    /// A text frame that is no UTF-8.
    pub const NOT_UTF8: Self = Self { code: 1007, reason: "not valid UTF-8" };
    /// A message that is too large.
    pub const TOO_BIG: Self = Self { code: 1009, reason: "the message is too large" };
    /// The client leaves too much unread. It may come again.
    pub const TOO_SLOW: Self = Self { code: 1013, reason: "the client reads too slowly" };
    /// The client has been silent, pings included.
    pub const SILENT: Self = Self { code: 1001, reason: "the client does not answer pings" };

    pub(crate) fn frame(self) -> Bytes {
        let mut payload = self.code.to_be_bytes().to_vec();
        payload.extend_from_slice(self.reason.as_bytes());
        control(CLOSE, &payload)
    }
}

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

/// A ping without a payload.
pub(crate) fn ping() -> Bytes {
    control(PING, &[])
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let length = u8::try_from(payload.len()).expect("control frames are short");
    let mut frame = vec![FIN | opcode, length];
    frame.extend_from_slice(payload);
    Bytes::from(frame)
}

impl Framing {
    /// Writes what comes before a message of `length` bytes.
    pub(crate) fn begin(self, length: usize, out: &mut Vec<u8>) {
        match self {
            Self::Lines => {}
            Self::WebSocket => {
                out.push(FIN | TEXT);
                // Frames of a server are not masked. The length has the shortest of three forms.
                match (u8::try_from(length), u16::try_from(length)) {
                    (Ok(length @ ..=125), _) => out.push(length),
                    (_, Ok(length)) => {
                        out.push(126);
                        out.extend_from_slice(&length.to_be_bytes());
                    }
                    _ => {
                        out.push(127);
                        out.extend_from_slice(&(length as u64).to_be_bytes());
                    }
                }
            }
        }
    }

    /// Writes what comes after a message.
    pub(crate) fn end(self, out: &mut Vec<u8>) {
        if self == Self::Lines {
            out.push(b'\n');
        }
    }
}
