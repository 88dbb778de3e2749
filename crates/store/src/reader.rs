//! Reads a rollout line by line, whatever became of it.
//!
//! A line is skipped when it is not UTF-8, not JSON or longer than [`MAX_LINE`]; the lines around it are read all the
//! same. NUL bytes before a line (a block that never reached the disk) are not part of it.

use std::io::{self, Read};

use memchr::memchr;

use crate::format::{self, Shape};
use crate::outline::{Outline, Span};
use crate::processors;
use crate::thread_store::Source;

/// Longer lines are skipped: 64 MiB holds several inlined images and bounds the memory a broken file can take.
pub(crate) const MAX_LINE: usize = 64 << 20;

/// How much is read at once when all of a file is wanted.
const CHUNK: usize = 256 << 10;

/// What follows a rollout's last line feed.
#[derive(Default)]
pub(crate) enum Tail {
    /// Nothing, as it should be.
    #[default]
    None,
    /// A whole line that lacks its line feed.
    Whole(Span, Shape),
    /// So many bytes of less than a line.
    Torn(u64),
}

/// How many bytes of lines one processor looks at before what it found is added to the outline, which bounds the memory
/// that takes.
const SHARE: u64 = 2 << 20;

/// What a line is for an outline: `None` for a blank one, `Some(None)` for one that cannot be read.
type Seen = Option<Option<Shape>>;

/// Adds the whole lines of a rollout from `outline.covered` on to its outline; gives what follows the last line feed.
/// `length` is about the file's.
pub(crate) fn outline(source: &dyn Source, outline: &mut Outline, length: u64) -> io::Result<Tail> {
    outline_shares(source, outline, length, SHARE)?;
    let from = outline.covered;
    let mut lines = Lines::of(Section::new(source, from, u64::MAX), length.saturating_sub(from));
    while let Some(line) = lines.next()? {
        let at = Span { start: outline.covered, end: from + line.end };
        let seen = line.seen();
        if !line.ended {
            return Ok(match seen.flatten() {
                Some(shape) => Tail::Whole(at, shape),
                None => Tail::Torn(at.end - at.start),
            });
        }
        add(outline, at, seen);
    }
    Ok(Tail::None)
}

/// The same for most of the lines of a long rollout, on several processors: a line belongs to the share in which it
/// begins.
fn outline_shares(source: &dyn Source, outline: &mut Outline, length: u64, share: u64) -> io::Result<()> {
    let at_once = processors::count() as u64;
    loop {
        let from = outline.covered;
        let starts: Vec<u64> =
            (0..at_once).map(|nth| from + nth * share).take_while(|start| start + share <= length).collect();
        if starts.len() < 2 {
            return Ok(());
        }
        for lines in processors::map(&starts, |start| see(source, *start, start + share, *start == from)) {
            for (at, seen) in lines? {
                add(outline, at, seen);
            }
        }
        if outline.covered == from {
            // It is all one line without an end.
            return Ok(());
        }
    }
}

/// The lines with an end that begin in a share.
fn see(source: &dyn Source, start: u64, end: u64, line_begins: bool) -> io::Result<Vec<(Span, Seen)>> {
    let mut at = start;
    if !line_begins {
        // The line that begins here follows a line feed.
        let Some(found) = line_after(source, start - 1, end)? else { return Ok(Vec::new()) };
        at = found;
    }
    let from = at;
    let mut found = Vec::new();
    let mut lines = Lines::of(Section::new(source, from, u64::MAX), end.saturating_sub(from));
    while at < end
        && let Some(line) = lines.next()?
        && line.ended
    {
        let span = Span { start: at, end: from + line.end };
        at = span.end;
        found.push((span, line.seen()));
    }
    Ok(found)
}

/// Where the first line begins after a line feed at `start` or later, if it does before `end`.
fn line_after(source: &dyn Source, start: u64, end: u64) -> io::Result<Option<u64>> {
    let mut section = Section::new(source, start, end);
    let mut buffer = [0; 4096];
    loop {
        let at = section.at;
        let read = match section.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        if read == 0 {
            return Ok(None);
        }
        if let Some(found) = memchr(b'\n', &buffer[..read]) {
            let begins = at + found as u64 + 1;
            return Ok((begins < end).then_some(begins));
        }
    }
}

fn add(outline: &mut Outline, at: Span, seen: Seen) {
    match seen {
        None => {}
        Some(None) => outline.skipped += 1,
        Some(Some(shape)) => outline.add(at, shape),
    }
    outline.covered = at.end;
}

/// A part of a rollout, read from its beginning.
pub(crate) struct Section<'a> {
    source: &'a dyn Source,
    at: u64,
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
    fn seen(&self) -> Seen {
        match self.text() {
            Text::Blank if self.ended => None,
            Text::Blank | Text::Unreadable => Some(None),
            Text::Line(text) => Some(format::read_shape(text)),
        }
    }

    pub(crate) fn text(&self) -> Text<'a> {
        let Some(bytes) = self.bytes else { return Text::Unreadable };
        let bytes = bytes.trim_ascii();
        let nuls = bytes.iter().take_while(|byte| **byte == 0).count();
        match std::str::from_utf8(bytes[nuls..].trim_ascii()) {
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
    fn an_outline_made_in_shares_is_the_one_made_in_one_go() {
        let line = |length: usize| {
            let text = "x".repeat(length);
            let payload = format!(r#"{{"type":"agent_message","message":"{text}"}}"#);
            format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"event_msg\",\"payload\":{payload}}}\n")
        };
        let mut text = String::new();
        for (length, other) in
            [(3, "\n"), (400, "not json\n"), (1, ""), (5000, "\0\n  \n"), (7, ""), (90, "")].repeat(9)
        {
            text.push_str(&line(length));
            text.push_str(other);
        }
        let file = tempfile::tempfile().unwrap();
        for end in ["", "half a li", "\n"] {
            let text = format!("{text}{end}");
            std::os::unix::fs::FileExt::write_all_at(&file, text.as_bytes(), 0).unwrap();
            let length = text.len() as u64;
            file.set_len(length).unwrap();
            let mut whole = Outline::default();
            outline(&file, &mut whole, length).unwrap();
            for share in [1, 7, 64, 100, 256, 1000, 4096, 20_000] {
                let mut shared = Outline::default();
                outline_shares(&file, &mut shared, length, share).unwrap();
                assert!(processors::count() == 1 || shared.covered > length / 2, "{share}");
                outline(&file, &mut shared, length).unwrap();
                assert_eq!(format!("{shared:?}"), format!("{whole:?}"), "{share} {end:?}");
            }
        }
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
