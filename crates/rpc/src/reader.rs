//! Bytes in, messages out: cuts the input into lines and decodes each line's envelope.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tracing::warn;

use crate::message::Incoming;

/// The longest line that is read. A longer one is skipped to its end without being kept.
///
/// An image travels inside a message as base64 text, and users attach several; nothing legitimate comes near this.
pub const MAX_LINE_BYTES: usize = 128 * 1024 * 1024;

/// What one read asks for at least. Most messages are far smaller, so that a read brings many of them.
const READ_BYTES: usize = 64 * 1024;

/// The largest buffer that is kept when it is empty. A long line's memory is given back.
const KEPT_BYTES: usize = 1024 * 1024;

/// The reading half of a connection.
///
/// A line that is not a message (broken JSON, a stray byte that is not UTF-8, an array, a text) is logged and skipped:
/// it harms nobody but its sender. Blank lines are skipped silently. The last line needs no line break.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    max_line_bytes: usize,
    /// What was read and not yet delivered. One buffer for all lines.
    buffer: Vec<u8>,
    /// Where the next line starts in `buffer`.
    start: usize,
    /// Up to where `buffer` is known to hold no line break, so that a long line is searched once.
    searched: usize,
    /// Bytes of an overlong line thrown away so far, if we are inside one.
    skipping: Option<usize>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads from `input` with the limit [`MAX_LINE_BYTES`]. Allocates nothing before the first read.
    pub fn new(input: R) -> Self {
        Self::with_limit(input, MAX_LINE_BYTES)
    }

    /// Reads from `input`; lines of more than `max_line_bytes` (without their line break) are skipped.
    pub fn with_limit(input: R, max_line_bytes: usize) -> Self {
        Self { input, max_line_bytes, buffer: Vec::new(), start: 0, searched: 0, skipping: None }
    }

    /// Waits for the next message. `None` is the end of the input.
    ///
    /// # Errors
    /// Only those of the input itself; after one of them there is nothing left to read.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing read is lost when the future is dropped.
    pub async fn next(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            while let Some(end) = self.find_line_end() {
                let line = self.start..end;
                self.start = end + 1;
                self.searched = self.start;
                if let Some(skipped) = self.skipping.take() {
                    warn!(bytes = skipped + line.len(), limit = self.max_line_bytes, "skipped an overlong line");
                } else if let Some(message) = self.decode(line) {
                    return Ok(Some(message));
                }
            }
            self.make_room();
            if self.input.read_buf(&mut self.buffer).await? == 0 {
                return Ok(self.finish());
            }
        }
    }

    fn find_line_end(&mut self) -> Option<usize> {
        match memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            Some(offset) => Some(self.searched + offset),
            None => {
                self.searched = self.buffer.len();
                None
            }
        }
    }

    fn decode(&self, line: std::ops::Range<usize>) -> Option<Incoming> {
        // Blanks count, or the pieces in which a line comes would decide.
        if line.len() > self.max_line_bytes {
            warn!(bytes = line.len(), limit = self.max_line_bytes, "skipped an overlong line");
            return None;
        }
        let line = &self.buffer[line];
        if line.trim_ascii().is_empty() {
            return None;
        }
        match Incoming::decode(line) {
            Ok(message) => Some(message),
            Err(error) => {
                warn!(bytes = line.len(), %error, "skipped a line that is not a message");
                None
            }
        }
    }

    /// Drops what was delivered and makes sure that the next read has space. Called when no whole line is left.
    fn make_room(&mut self) {
        let partial = self.buffer.len() - self.start;
        if self.skipping.is_some() || partial > self.max_line_bytes {
            *self.skipping.get_or_insert(0) += partial;
            self.buffer.clear();
        } else if self.start > 0 {
            self.buffer.drain(..self.start);
        }
        self.start = 0;
        self.searched = self.buffer.len();
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        let length = self.buffer.len();
        if self.buffer.capacity() - length < READ_BYTES {
            // Doubling keeps a long line from being moved at every read, the limit from being overshot.
            let wanted = (2 * self.buffer.capacity()).clamp(READ_BYTES, self.max_line_bytes.saturating_add(READ_BYTES));
            self.buffer.reserve_exact(wanted.saturating_sub(length).max(READ_BYTES));
        }
    }

    /// Delivers a last line without a line break. Everything is consumed after it.
    fn finish(&mut self) -> Option<Incoming> {
        let line = self.start..self.buffer.len();
        self.start = self.buffer.len();
        match self.skipping.take() {
            Some(skipped) => {
                warn!(bytes = skipped + line.len(), limit = self.max_line_bytes, "skipped an overlong line");
                None
            }
            None => self.decode(line),
        }
    }
}
