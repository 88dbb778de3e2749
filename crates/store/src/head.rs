//! Reads the heads of rollouts: as much as a list shows.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::format::{self, Head};
use crate::open;
use crate::reader::{Lines, MAX_LINE, Text};

/// How far the first user message is looked for. What stands before it is the thread's context, a handful of lines.
const HEAD_LINES: usize = 1000;

/// How much of a file is read at once when only its head is wanted.
const HEAD_CHUNK: usize = 48 << 10;

/// How much of a file is read at once when only its first line is wanted. Longer ones take several reads.
const FIRST_LINE_CHUNK: usize = 2 << 10;

/// What `first` makes of the first line that it takes, and the first message of the user after it. `None` when it takes
/// none of the lines that stand near the beginning.
pub(crate) fn read<T>(file: File, first: impl Fn(&str) -> Option<T>) -> io::Result<Option<(T, Option<String>)>> {
    let mut lines = Lines::new(file, MAX_LINE, HEAD_CHUNK);
    let mut head = None;
    for _ in 0..HEAD_LINES {
        let Some(line) = lines.next()? else { break };
        let Text::Line(text) = line.text() else { continue };
        match head.take() {
            None => head = first(text),
            Some(head_read) => match format::read_preview(text) {
                Some(preview) => return Ok(Some((head_read, Some(preview)))),
                None => head = Some(head_read),
            },
        }
    }
    Ok(head.map(|head| (head, None)))
}

/// The first line alone, `None` when it cannot be read or is no head.
pub(crate) fn first_line(path: &Path) -> Option<Head> {
    let (file, _) = open::for_reading(path).ok()?;
    first_line_of(file)
}

/// The same of what stands at the beginning.
pub(crate) fn first_line_of(file: impl Read) -> Option<Head> {
    match Lines::new(file, MAX_LINE, FIRST_LINE_CHUNK).next().ok()??.text() {
        Text::Line(text) => format::read_head(text),
        Text::Blank | Text::Unreadable => None,
    }
}
