//! Server-sent events, cut out of a byte stream.
//!
//! Follows the HTML standard's event stream format: lines end in `\n`, `\r` or `\r\n`, a line that starts with a
//! colon is a comment, an empty line ends an event, several `data` lines of one event are joined by `\n`. Two
//! liberties: names and ids of events are not kept, because the data says its own kind, and an event that the end of
//! the stream leaves without its empty line is delivered, because half an event does not parse anyway.

use std::ops::Range;

use memchr::memchr2;

use crate::ModelError;

/// The longest event. Images come as base64 in one event, so this is far above any text.
const MAX_EVENT_BYTES: usize = 64 * 1024 * 1024;
/// A buffer that one event made larger than this is given back once that event is over.
const KEEP_BYTES: usize = 256 * 1024;

/// Takes bytes in pieces of any size and gives out the data of one event at a time.
///
/// One buffer holds what has arrived; an event's data is a slice of it, except that the rare event of several `data`
/// lines is joined in a second one. Nothing is allocated per line or event once the buffer has its size.
#[derive(Default)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    /// Where the event being read begins; everything before it is done with.
    event: usize,
    /// Where the line being read begins.
    line: usize,
    /// Up to where that line is known to hold no line end.
    scanned: usize,
    data: Data,
    joined: Vec<u8>,
    /// The last line ended in `\r` at the end of the buffer: a `\n` that follows belongs to it.
    after_cr: bool,
    /// A byte order mark may open the stream.
    started: bool,
}

#[derive(Default)]
enum Data {
    #[default]
    None,
    /// One line, in the buffer.
    Line(Range<usize>),
    /// Several, in `joined`.
    Joined,
}

impl Parser {
    /// Adds bytes. Take all events out before the next call, so that the buffer stays small.
    ///
    /// # Errors
    /// When one event grows beyond 64 MiB.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), ModelError> {
        self.forget_past();
        if self.buffer.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(ModelError::disconnected(format!("an event is longer than {MAX_EVENT_BYTES} bytes")));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The end of the stream: what is left counts as the last event.
    pub(super) fn finish(&mut self) {
        self.buffer.extend_from_slice(b"\n\n");
    }

    /// The data of the next complete event, if there is one. Events without data are passed over.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let end = self.scanned
                + memchr2(b'\n', b'\r', &self.buffer[self.scanned..]).or_else(|| {
                    self.scanned = self.buffer.len();
                    None
                })?;
            let line = self.line..end;
            let empty_after_cr = self.after_cr && line.is_empty() && self.buffer[end] == b'\n';
            self.after_cr = self.buffer[end] == b'\r';
            self.line = end + 1;
            self.scanned = self.line;
            if empty_after_cr {
                continue;
            }
            if !line.is_empty() {
                self.field(line);
                continue;
            }
            self.event = self.line;
            match std::mem::take(&mut self.data) {
                Data::None => {}
                Data::Line(range) => return Some(&self.buffer[range]),
                Data::Joined => return Some(&self.joined),
            }
        }
    }

    fn field(&mut self, mut line: Range<usize>) {
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        if !std::mem::replace(&mut self.started, true) && self.buffer[line.clone()].starts_with(BYTE_ORDER_MARK) {
            line.start += BYTE_ORDER_MARK.len();
        }
        let Some(value) = self.buffer[line.clone()].strip_prefix(b"data") else { return };
        let value = match value {
            [] => line.end..line.end,
            [b':', b' ', ..] => line.start + 6..line.end,
            [b':', ..] => line.start + 5..line.end,
            _ => return,
        };
        match std::mem::take(&mut self.data) {
            Data::None => self.data = Data::Line(value),
            Data::Line(first) => {
                self.joined.clear();
                self.joined.extend_from_slice(&self.buffer[first]);
                self.join(value);
            }
            Data::Joined => self.join(value),
        }
    }

    fn join(&mut self, value: Range<usize>) {
        self.joined.push(b'\n');
        self.joined.extend_from_slice(&self.buffer[value]);
        self.data = Data::Joined;
    }

    /// Moves what is still needed to the front of the buffer.
    fn forget_past(&mut self) {
        let done = std::mem::take(&mut self.event);
        if done == 0 {
            return;
        }
        self.buffer.copy_within(done.., 0);
        self.buffer.truncate(self.buffer.len() - done);
        if self.buffer.capacity() > KEEP_BYTES && self.buffer.len() < KEEP_BYTES {
            self.buffer.shrink_to(KEEP_BYTES);
        }
        self.line -= done;
        self.scanned -= done;
        if let Data::Line(range) = &mut self.data {
            *range = range.start - done..range.end - done;
        }
    }
}
