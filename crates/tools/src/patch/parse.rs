//! Reads the text of a patch.
//!
//! ```text
//! *** Begin Patch
//! *** Add File: PATH         then lines that begin with `+`
//! *** Delete File: PATH
//! *** Update File: PATH      then, if the file moves, `*** Move to: PATH`, then chunks:
//! @@ ANCHOR                  a line above the chunk, to tell like places apart; `@@` alone begins a chunk too
//!  kept, -removed, +added    lines
//! *** End of File            the chunk is at the end of the file
//! *** End Patch
//! ```
//!
//! Read with patience where the meaning is clear: blanks around markers, a here-document or code fence around the
//! whole, line numbers after `@@`, a kept empty line without its leading blank.

/// A whole patch; at least one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// In the order written.
    pub files: Vec<FilePatch>,
}

/// What the patch does to one file. Paths are as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePatch {
    Add { path: String, content: String },
    Delete { path: String },
    Update { path: String, move_to: Option<String>, chunks: Vec<Chunk> },
}

/// Lines that change together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chunk {
    /// Lines to find first, one below the other.
    pub anchors: Vec<String>,
    pub lines: Vec<Line>,
    /// The chunk's last kept or removed line is the file's last.
    pub at_end: bool,
}

/// One line of a chunk, without its marker and line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Keep(String),
    Remove(String),
    Add(String),
}

/// Why a text is no patch. Line numbers count from 1 in the text as given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("invalid patch: it has to begin with the line `*** Begin Patch`")]
    NoBegin,
    #[error("invalid patch: it has to end with the line `*** End Patch`")]
    NoEnd,
    #[error("invalid patch: there is no file between `*** Begin Patch` and `*** End Patch`")]
    Empty,
    #[error(
        "invalid hunk at line {line}, `{text}`: expected `*** Add File: PATH`, `*** Delete File: PATH` or \
         `*** Update File: PATH`{hint}"
    )]
    UnknownHeader { line: usize, text: String, hint: &'static str },
    #[error("invalid hunk at line {line}, the path is missing")]
    NoPath { line: usize },
    #[error(
        "invalid hunk at line {line}, the update of `{path}` changes nothing: add lines that begin with `-` or `+`"
    )]
    EmptyUpdate { line: usize, path: String },
    #[error(
        "invalid hunk at line {line}, `{text}`: every line of an update begins with a blank (kept), `-` (removed), \
         `+` (added) or `@@` (next chunk)"
    )]
    UnknownLine { line: usize, text: String },
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File:";
const DELETE: &str = "*** Delete File:";
const UPDATE: &str = "*** Update File:";
const MOVE: &str = "*** Move to:";
const END_OF_FILE: &str = "*** End of File";

/// Reads a patch.
///
/// # Errors
/// The first thing that does not fit the format.
pub fn parse(text: &str) -> Result<Patch, ParseError> {
    let numbered = envelope(text)?;
    let mut lines = Lines { lines: &numbered, at: 0 };
    let mut files = Vec::new();
    while let Some((number, line)) = lines.next() {
        let marker = line.trim();
        if marker.is_empty() {
            continue;
        }
        let path = |rest: &str| match rest.trim() {
            "" => Err(ParseError::NoPath { line: number }),
            path => Ok(path.to_owned()),
        };
        if let Some(rest) = marker.strip_prefix(ADD) {
            files.push(FilePatch::Add { path: path(rest)?, content: added(&mut lines) });
        } else if let Some(rest) = marker.strip_prefix(DELETE) {
            files.push(FilePatch::Delete { path: path(rest)? });
        } else if let Some(rest) = marker.strip_prefix(UPDATE) {
            files.push(update(number, path(rest)?, &mut lines)?);
        } else {
            let after_add = matches!(files.last(), Some(FilePatch::Add { .. }));
            let hint = if after_add { "; every line of an added file begins with `+`" } else { "" };
            return Err(ParseError::UnknownHeader { line: number, text: line.to_owned(), hint });
        }
    }
    if files.is_empty() { Err(ParseError::Empty) } else { Ok(Patch { files }) }
}

/// The numbered lines between the first and the last marker.
fn envelope(text: &str) -> Result<Vec<(usize, &str)>, ParseError> {
    let crlf = text.lines().count() > 1 && text.trim_end().split('\n').rev().skip(1).all(|line| line.ends_with('\r'));
    let mut lines: Vec<(usize, &str)> = text
        .split('\n')
        .map(|line| if crlf { line.strip_suffix('\r').unwrap_or(line) } else { line })
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .collect();
    trim_blank(&mut lines);
    if let [(_, first), .., (_, last)] = lines.as_slice()
        && is_wrapper(first, last)
    {
        lines.pop();
        lines.remove(0);
        trim_blank(&mut lines);
    }
    match lines.as_slice() {
        [(_, first), ..] if first.trim() != BEGIN => Err(ParseError::NoBegin),
        [] => Err(ParseError::NoBegin),
        [_, middle @ .., (_, last)] if last.trim() == END => Ok(middle.to_vec()),
        _ => Err(ParseError::NoEnd),
    }
}

/// Whether these lines put a here-document or a code fence around a patch.
fn is_wrapper(first: &str, last: &str) -> bool {
    let (first, last) = (first.trim(), last.trim());
    if first.starts_with("```") {
        return last == "```";
    }
    let Some((before, word)) = first.rsplit_once("<<") else { return false };
    let word = word.trim_start_matches('-').trim().trim_matches(['\'', '"']);
    matches!(before.trim(), "" | "apply_patch" | "applypatch") && !word.is_empty() && word == last
}

fn trim_blank(lines: &mut Vec<(usize, &str)>) {
    while lines.last().is_some_and(|(_, line)| line.trim().is_empty()) {
        lines.pop();
    }
    let blank = lines.iter().take_while(|(_, line)| line.trim().is_empty()).count();
    lines.drain(..blank);
}

struct Lines<'a> {
    lines: &'a [(usize, &'a str)],
    at: usize,
}

impl<'a> Lines<'a> {
    fn peek(&self) -> Option<(usize, &'a str)> {
        self.lines.get(self.at).copied()
    }

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let line = self.peek()?;
        self.at += 1;
        Some(line)
    }
}

/// The content of an added file. Empty lines between lines with a `+` belong to it.
fn added(lines: &mut Lines<'_>) -> String {
    let mut content = String::new();
    let mut empty = 0;
    while let Some((_, line)) = lines.lines.get(lines.at + empty) {
        if let Some(line) = line.strip_prefix('+') {
            content.extend(std::iter::repeat_n('\n', empty));
            content.push_str(line);
            content.push('\n');
            lines.at += empty + 1;
            empty = 0;
        } else if line.is_empty() {
            empty += 1;
        } else {
            break;
        }
    }
    content
}

fn update(header: usize, path: String, lines: &mut Lines<'_>) -> Result<FilePatch, ParseError> {
    let mut move_to = None;
    if let Some((number, line)) = lines.peek()
        && let Some(rest) = line.trim().strip_prefix(MOVE)
    {
        lines.next();
        match rest.trim() {
            "" => return Err(ParseError::NoPath { line: number }),
            target => move_to = Some(target.to_owned()),
        }
    }
    let mut chunks = Vec::new();
    let mut chunk = Chunk::default();
    while let Some((number, line)) = lines.peek() {
        if line.trim_end() == END_OF_FILE {
            chunk.at_end = true;
        } else if [ADD, DELETE, UPDATE].iter().any(|marker| line.trim_start().starts_with(marker))
            && !line.starts_with([' ', '+', '-'])
        {
            break;
        } else if let Some(anchor) = line.strip_prefix("@@") {
            if !chunk.lines.is_empty() {
                chunks.push(std::mem::take(&mut chunk));
            }
            chunk.anchors.extend(anchor_text(anchor));
        } else {
            if chunk.at_end {
                chunks.push(std::mem::take(&mut chunk));
            }
            chunk.lines.push(match line.split_at_checked(1) {
                None if line.is_empty() => Line::Keep(String::new()),
                Some((" ", rest)) => Line::Keep(rest.to_owned()),
                Some(("-", rest)) => Line::Remove(rest.to_owned()),
                Some(("+", rest)) => Line::Add(rest.to_owned()),
                _ => return Err(ParseError::UnknownLine { line: number, text: line.to_owned() }),
            });
        }
        lines.next();
    }
    chunks.push(chunk);
    let anchored_only = |chunk: &Chunk| chunk.lines.is_empty() && !chunk.anchors.is_empty();
    let without_blank_tail = |chunk: &Chunk| chunk.lines.iter().any(|line| *line != Line::Keep(String::new()));
    let any = chunks.iter().any(without_blank_tail);
    if chunks.iter().any(anchored_only) || (!any && move_to.is_none()) {
        return Err(ParseError::EmptyUpdate { line: header, path });
    }
    chunks.retain(without_blank_tail);
    Ok(FilePatch::Update { path, move_to, chunks })
}

/// What to find above the chunk, if `@@` is followed by more than line numbers.
fn anchor_text(text: &str) -> Option<String> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let text = text.strip_suffix("@@").map_or(text, str::trim_end);
    let numbers = |word: &str, sign: char| {
        word.strip_prefix(sign).is_some_and(|word| word.split(',').all(|part| part.parse::<u32>().is_ok()))
    };
    let mut words = text.split_whitespace();
    let is_range =
        matches!((words.next(), words.next()), (Some(old), Some(new)) if numbers(old, '-') && numbers(new, '+'));
    (!text.trim().is_empty() && !is_range).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(body: &str) -> Result<Vec<FilePatch>, ParseError> {
        parse(&format!("*** Begin Patch\n{body}*** End Patch\n")).map(|patch| patch.files)
    }

    fn message(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    fn add(path: &str, content: &str) -> FilePatch {
        FilePatch::Add { path: path.to_owned(), content: content.to_owned() }
    }

    #[test]
    fn all_kinds_of_changes_are_read_in_order() {
        let files = patch(
            "*** Add File: a b.txt\n+one\n+\n+two\n*** Delete File: gone\n*** Update File: old\n*** Move to: new\n@@ fn f()\n kept\n-out\n+in\n*** End of File\n",
        );
        let chunk = Chunk {
            anchors: vec!["fn f()".into()],
            lines: vec![Line::Keep("kept".into()), Line::Remove("out".into()), Line::Add("in".into())],
            at_end: true,
        };
        let expected = vec![
            add("a b.txt", "one\n\ntwo\n"),
            FilePatch::Delete { path: "gone".into() },
            FilePatch::Update { path: "old".into(), move_to: Some("new".into()), chunks: vec![chunk] },
        ];
        assert_eq!(files, Ok(expected));
    }

    #[test]
    fn a_here_document_or_a_code_fence_around_the_patch_is_ignored() {
        let inner = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch";
        for (before, after) in [
            ("<<EOF\n", "\nEOF"),
            ("<<'EOF'\n", "\nEOF\n"),
            ("apply_patch <<\"E\"\n", "\nE"),
            ("```\n", "\n```"),
            ("```diff\n\n", "\n\n```"),
            ("  ", "  \n\n"),
            ("\n\n", ""),
        ] {
            let text = format!("{before}{inner}{after}");
            assert_eq!(parse(&text).map(|patch| patch.files), Ok(vec![add("a", "x\n")]), "{text}");
        }
    }

    #[test]
    fn a_patch_with_windows_line_ends_is_read_without_them() {
        assert_eq!(
            parse("*** Begin Patch\r\n*** Add File: a\r\n+x\r\n*** End Patch").unwrap().files,
            [add("a", "x\n")]
        );
    }

    #[test]
    fn line_numbers_after_the_chunk_marker_are_no_anchor() {
        assert_eq!(anchor_text(" -1,2 +1,3 @@"), None);
        assert_eq!(anchor_text(" -1 +1 @@ fn f()"), None);
        assert_eq!(anchor_text(""), None);
        assert_eq!(anchor_text(" fn f() @@"), Some("fn f()".into()));
        assert_eq!(anchor_text("   indented"), Some("  indented".into()));
    }

    #[test]
    fn anchors_stack_and_chunks_need_no_marker_at_first() {
        let files = patch("*** Update File: a\n-x\n+y\n@@ class A\n@@ def f\n-1\n+2\n").unwrap();
        let FilePatch::Update { chunks, .. } = &files[0] else { panic!("{files:?}") };
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[1].anchors, ["class A", "def f"]);
    }

    #[test]
    fn a_file_may_move_without_a_change() {
        let files = patch("*** Update File: a\n*** Move to: b\n").unwrap();
        assert_eq!(files, [FilePatch::Update { path: "a".into(), move_to: Some("b".into()), chunks: vec![] }]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let begin = "*** Begin Patch\n";
        let end = "*** End Patch";
        let table = [
            ("".to_owned(), "invalid patch: it has to begin with the line `*** Begin Patch`"),
            ("nonsense".to_owned(), "invalid patch: it has to begin with the line `*** Begin Patch`"),
            (begin.to_owned(), "invalid patch: it has to end with the line `*** End Patch`"),
            (format!("{begin}{end}"), "invalid patch: there is no file between `*** Begin Patch` and `*** End Patch`"),
            (
                format!("{begin}*** Foo File: x\n{end}"),
                "invalid hunk at line 2, `*** Foo File: x`: expected `*** Add File: PATH`, `*** Delete File: PATH` or `*** Update File: PATH`",
            ),
            (
                format!("{begin}*** Add File: x\nno plus\n{end}"),
                "invalid hunk at line 3, `no plus`: expected `*** Add File: PATH`, `*** Delete File: PATH` or `*** Update File: PATH`; every line of an added file begins with `+`",
            ),
            (format!("{begin}*** Delete File:\n{end}"), "invalid hunk at line 2, the path is missing"),
            (
                format!("{begin}*** Update File: a\n{end}"),
                "invalid hunk at line 2, the update of `a` changes nothing: add lines that begin with `-` or `+`",
            ),
            (
                format!("{begin}*** Update File: a\n@@\n{end}"),
                "invalid hunk at line 2, the update of `a` changes nothing: add lines that begin with `-` or `+`",
            ),
            (
                format!("{begin}*** Update File: a\n@@\n-x\nbogus\n{end}"),
                "invalid hunk at line 5, `bogus`: every line of an update begins with a blank (kept), `-` (removed), `+` (added) or `@@` (next chunk)",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(message(&text), expected, "{text}");
        }
    }
}
