//! Reads a rollout line by line, whatever became of it.
//!
//! A line is skipped when it is not UTF-8, not JSON or longer than [`MAX_LINE`]; the lines around it are read all the
//! same. NUL bytes before a line (a block that never reached the disk) are not part of it.

use std::io::{self, Read};

use memchr::memchr;

use crate::thread_store::Source;

/// Longer lines are skipped: 64 MiB holds several inlined images and bounds the memory a broken file can take.
pub(crate) const MAX_LINE: usize = 64 << 20;

/// How much is read at once when all of a file is wanted.
const CHUNK: usize = 64 << 10;

/// A part of a rollout, read from its beginning.
pub(crate) struct Section<'a> {
    source: &'a dyn Source,
    pub(crate) at: u64,
    end: u64,
}

impl<'a> Section<'a> {
    pub(crate) fn new(source: &'a dyn Source, start: u64, end: u64) -> Self {
        Self { source, at: start, end }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        if length == 0 {
            return Ok(0);
        }
        let read = self.source.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The lines of a source, in bounded memory.
pub(crate) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// `buffer[start..end]` is read and not given out yet.
    start: usize,
    end: usize,
    /// Where `buffer[start]` stands in the source.
    position: u64,
    max_line: usize,
    /// How much is read at once.
    chunk: usize,
    at_end: bool,
}

/// One line as it stands in the source.
pub(crate) struct RawLine<'a> {
    /// Without the line feed; `None` for a line that was too long to keep.
    bytes: Option<&'a [u8]>,
    /// Whether a line feed followed.
    pub(crate) ended: bool,
    /// Where the next line begins.
    pub(crate) end: u64,
}

pub(crate) enum Text<'a> {
    Line(&'a str),
    /// Nothing but white space and NULs.
    Blank,
    /// Not UTF-8, or too long.
    Unreadable,
}

impl<'a> RawLine<'a> {
    pub(crate) fn text(&self) -> Text<'a> {
        let Some(bytes) = self.bytes else { return Text::Unreadable };
        let bytes = bytes.trim_ascii();
        let nuls = bytes.iter().take_while(|byte| **byte == 0).count();
        match simdutf8::basic::from_utf8(bytes[nuls..].trim_ascii()) {
            Ok("") => Text::Blank,
            Ok(text) => Text::Line(text),
            Err(_) => Text::Unreadable,
        }
    }
}

impl<R: Read> Lines<R> {
    /// The lines of a source of about so many bytes, all of which are wanted.
    pub(crate) fn of(source: R, length: u64) -> Self {
        let chunk = usize::try_from(length).map_or(CHUNK, |length| length.saturating_add(1).min(CHUNK));
        Self::new(source, MAX_LINE, chunk)
    }

    pub(crate) fn new(source: R, max_line: usize, chunk: usize) -> Self {
        Self { source, buffer: Vec::new(), start: 0, end: 0, position: 0, max_line, chunk, at_end: false }
    }

    /// Uses the memory of a buffer that is not needed any more.
    pub(crate) fn with_buffer(self, buffer: Vec<u8>) -> Self {
        Self { buffer, ..self }
    }

    /// The buffer, when the lines are read.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The next line, or `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        let mut searched = 0;
        let mut dropped = false;
        loop {
            if let Some(found) = memchr(b'\n', &self.buffer[self.start + searched..self.end]) {
                let length = searched + found;
                return Ok(Some(self.take(length, true, dropped)));
            }
            searched = self.end - self.start;
            if searched > self.max_line {
                dropped = true;
                self.position += searched as u64;
                self.start = self.end;
                searched = 0;
            }
            if self.at_end {
                return Ok((dropped || searched > 0).then(|| self.take(searched, false, dropped)));
            }
            self.fill()?;
        }
    }

    fn take(&mut self, length: usize, ended: bool, dropped: bool) -> RawLine<'_> {
        let from = self.start;
        let step = length + usize::from(ended);
        self.start += step;
        self.position += step as u64;
        let bytes = (!dropped).then(|| &self.buffer[from..from + length]);
        RawLine { bytes, ended, end: self.position }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + self.chunk {
            // Doubling keeps the copying of a long line linear.
            self.buffer.resize((self.end * 2).max(self.chunk), 0);
        }
        let read = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += read;
        self.at_end = read == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &[u8], max_line: usize) -> Vec<(Option<Vec<u8>>, bool, u64)> {
        let mut lines = Lines::new(source, max_line, CHUNK);
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push((line.bytes.map(<[u8]>::to_vec), line.ended, line.end));
        }
        out
    }

    #[test]
    fn lines_end_where_their_line_feed_does() {
        assert_eq!(lines(b"", 9), []);
        assert_eq!(
            lines(b"a\n\nbc", 9),
            [(Some(b"a".to_vec()), true, 2), (Some(vec![]), true, 3), (Some(b"bc".to_vec()), false, 5)]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let mut source = vec![b'x'; 3 * CHUNK];
        source.extend_from_slice(b"\nshort\n");
        let end = source.len() as u64;
        assert_eq!(lines(&source, CHUNK), [(None, true, end - 6), (Some(b"short".to_vec()), true, end)]);
    }

    #[test]
    fn a_long_line_within_the_limit_is_read_whole() {
        let source = vec![b'x'; 5 * CHUNK];
        assert_eq!(lines(&source, MAX_LINE), [(Some(source.clone()), false, source.len() as u64)]);
    }
}
