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

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the stream in pieces and collects the events.
    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        let mut take = |parser: &mut Parser| {
            while let Some(data) = parser.next() {
                events.push(String::from_utf8(data.to_vec()).unwrap());
            }
        };
        for piece in pieces {
            parser.feed(piece).unwrap();
            take(&mut parser);
        }
        parser.finish();
        take(&mut parser);
        events
    }

    const TABLE: &[(&str, &[&str])] = &[
        ("data: a\n\n", &["a"]),
        ("data: a\r\n\r\n", &["a"]),
        ("data: a\r\r", &["a"]),
        ("data: a\n\ndata: b\n\n", &["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", &["a", "b", "c"]),
        ("data:a\n\n", &["a"]),
        ("data:  a\n\n", &[" a"]),
        ("data: a\ndata: b\ndata:\ndata\ndata: c\n\n", &["a\nb\n\n\nc"]),
        ("data\n\n", &[""]),
        ("event: x\nid: 1\nretry: 5\ndata: a\n: comment\n\n", &["a"]),
        (": only a comment\n\n:\n\n", &[]),
        ("event: no.data\n\n", &[]),
        ("dataset: x\n\n", &[]),
        ("\n\n\n", &[]),
        ("\u{feff}data: a\n\n", &["a"]),
        ("data: \u{feff}a\n\n", &["\u{feff}a"]),
        ("data: without an empty line", &["without an empty line"]),
        ("data: without an empty line\r", &["without an empty line"]),
        ("", &[]),
        ("data: é\u{1F9F5}\n\n", &["é\u{1F9F5}"]),
    ];

    #[test]
    fn streams_are_cut_as_the_standard_says() {
        for (stream, expected) in TABLE {
            assert_eq!(events([stream.as_bytes()]), *expected, "{stream:?}");
        }
    }

    #[test]
    fn it_does_not_matter_where_the_network_cuts() {
        for (stream, expected) in TABLE {
            for at in 0..=stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(events([head, tail]), *expected, "{stream:?} at {at}");
            }
            assert_eq!(events(stream.as_bytes().chunks(1)), *expected, "{stream:?} byte by byte");
        }
    }

    #[test]
    fn an_event_may_be_large_but_not_endless() {
        let large = format!("data: {}\n\n", "x".repeat(3 << 20));
        let found = events(large.as_bytes().chunks(1000));
        assert_eq!(found[0].len(), 3 << 20);
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 8 << 20];
        let outcome: Result<(), ModelError> = (0..9).try_for_each(|_| {
            parser.feed(&chunk)?;
            assert!(parser.next().is_none());
            Ok(())
        });
        assert!(outcome.unwrap_err().to_string().contains("longer than"));
    }

    #[test]
    fn a_large_event_does_not_leave_its_buffer_behind() {
        let mut parser = Parser::default();
        parser.feed(format!("data: {}\n\n", "x".repeat(3 << 20)).as_bytes()).unwrap();
        assert!(parser.next().is_some());
        parser.feed(b"data: a\n\n").unwrap();
        assert!(parser.buffer.capacity() <= KEEP_BYTES);
        assert_eq!(parser.next(), Some(&b"a"[..]));
    }
}
