//! Makes the outline of a rollout, or goes on with one; a long rollout is divided among processors.

use std::io::{self, Read as _};
use std::mem;
use std::ops::ControlFlow;

use memchr::memchr;

use crate::format::{self, Shape};
use crate::outline::{Outline, Span};
use crate::processors;
use crate::reader::{Lines, RawLine, Section, Text};
use crate::thread_store::Source;

/// How many bytes of lines one processor looks at before what it found is added to the outline, which bounds the memory
/// that takes.
const SHARE: u64 = 2 << 20;

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

impl Tail {
    fn of(at: Span, seen: Seen) -> Self {
        match seen.flatten() {
            Some(shape) => Self::Whole(at, shape),
            None => Self::Torn(at.end - at.start),
        }
    }
}

/// What a line is for an outline: `None` for a blank one, `Some(None)` for one that cannot be read.
pub(crate) type Seen = Option<Option<Shape>>;

/// Adds the whole lines of a rollout from `outline.covered` on to its outline; gives what follows the last line feed.
/// `length` is about the file's.
pub(crate) fn outline(source: &dyn Source, outline: &mut Outline, length: u64) -> io::Result<Tail> {
    outline_shares(source, outline, length, SHARE)?;
    let from = outline.covered;
    let mut lines = Lines::of(Section::new(source, from, u64::MAX), length.saturating_sub(from));
    while let Some(line) = lines.next()? {
        let at = Span { start: outline.covered, end: from + line.end };
        let seen = seen(&line);
        if !line.ended {
            return Ok(Tail::of(at, seen));
        }
        add(outline, at, seen);
    }
    Ok(Tail::None)
}

/// The same for most of the lines of a long rollout, on several processors: a line belongs to the share in which it
/// begins.
fn outline_shares(source: &dyn Source, outline: &mut Outline, length: u64, share: u64) -> io::Result<()> {
    let from = outline.covered;
    if processors::count() == 1 || length.saturating_sub(from) < 2 * share {
        return Ok(());
    }
    let starts: Vec<u64> = (0..(length - from) / share).map(|nth| from + nth * share).collect();
    let mut outcome = Ok(());
    let see = |buffer: &mut Vec<u8>, start: &u64| {
        let mut found = Vec::new();
        see(source, *start, start + share, *start == from, buffer, |at, seen| found.push((at, seen))).map(|_| found)
    };
    processors::in_order(&starts, see, |lines| match lines {
        Ok(lines) => {
            lines.into_iter().for_each(|(at, seen)| add(outline, at, seen));
            ControlFlow::Continue(())
        }
        Err(error) => {
            outcome = Err(error);
            ControlFlow::Break(())
        }
    });
    outcome
}

/// Gives the lines with an end that begin in a share; what follows the last line feed of the rollout is returned.
pub(crate) fn see(
    source: &dyn Source,
    start: u64,
    end: u64,
    line_begins: bool,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(Span, Seen),
) -> io::Result<Tail> {
    let mut at = start;
    if !line_begins {
        // The line that begins here follows a line feed.
        let Some(found) = line_after(source, start - 1, end)? else { return Ok(Tail::None) };
        at = found;
    }
    let from = at;
    let section = Section::new(source, from, u64::MAX);
    let mut lines = Lines::of(section, end.saturating_sub(from)).with_buffer(mem::take(buffer));
    let mut tail = Tail::None;
    while at < end
        && let Some(line) = lines.next()?
    {
        let span = Span { start: at, end: from + line.end };
        let seen = seen(&line);
        if !line.ended {
            tail = Tail::of(span, seen);
            break;
        }
        at = span.end;
        each(span, seen);
    }
    *buffer = lines.into_buffer();
    Ok(tail)
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

fn seen(line: &RawLine<'_>) -> Seen {
    match line.text() {
        Text::Blank if line.ended => None,
        Text::Blank | Text::Unreadable => Some(None),
        Text::Line(text) => Some(format::read_shape(text)),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
