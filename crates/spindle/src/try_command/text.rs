//! Styled text, and how it is broken into lines while it streams in.

use unicode_width::UnicodeWidthChar as _;
use unicode_width::UnicodeWidthStr as _;

/// What a piece of text is, for the eye. What it looks like is the screen's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Strong,
    Dim,
    Accent,
    Added,
    Removed,
    Warning,
    Error,
}

/// A piece of text of one style. Line breaks are part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) style: Style,
    pub(crate) text: String,
}

impl Span {
    pub(crate) fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into() }
    }
}

/// Columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a line to `columns`, with an ellipsis if something was lost.
pub(crate) fn cut(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |char: &char| {
        let width = char.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let mut text: String = line.chars().take_while(fits).collect();
    text.push('…');
    text
}

/// Takes away what would move the cursor or change colours: escape sequences and control characters. Line breaks
/// stay, tabs become blanks.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\x1b' => match chars.next() {
                // Parameters, then one final character.
                Some('[') => while chars.next().is_some_and(|char| !('@'..='~').contains(&char)) {},
                // A title or a link, up to a bell or to an escape and a backslash.
                Some(']') if chars.by_ref().find(|char| matches!(char, '\x07' | '\x1b')) == Some('\x1b') => {
                    chars.next();
                }
                _ => {}
            },
            '\t' => clean.push_str("    "),
            '\n' => clean.push('\n'),
            char if char.is_control() => {}
            char => clean.push(char),
        }
    }
    clean
}

/// Breaks streaming text into lines at words.
///
/// A word is held back until its end is seen. A broken line goes on under the text of its first line: deeper than its
/// blanks, and behind a list marker. Inside a fenced block of code nothing is broken.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Columns of a line; without it nothing is broken.
    width: Option<usize>,
    /// Columns that every line is moved to the right.
    indent: usize,
    column: usize,
    /// Where a broken line goes on.
    hang: usize,
    word: String,
    /// Blanks seen since the last word.
    blanks: usize,
    /// Nothing but blanks on this line so far.
    fresh: bool,
    /// The first word of this line is out, and no other.
    first_word: bool,
    fenced: bool,
}

impl Flow {
    pub(crate) fn new(width: Option<usize>, indent: usize) -> Self {
        Self {
            width,
            indent,
            column: 0,
            hang: indent,
            word: String::new(),
            blanks: 0,
            fresh: true,
            first_word: false,
            fenced: false,
        }
    }

    /// Takes more text and gives what can be shown of it.
    pub(crate) fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for char in printable(text).chars() {
            match char {
                '\n' => {
                    self.end_word(&mut out);
                    out.push('\n');
                    (self.column, self.blanks, self.hang) = (0, 0, self.indent);
                    (self.fresh, self.first_word) = (true, false);
                }
                ' ' => {
                    self.end_word(&mut out);
                    self.blanks += 1;
                }
                char => self.word.push(char),
            }
        }
        out
    }

    /// Gives the last word, and a line break if the line has begun.
    pub(crate) fn finish(&mut self) -> String {
        let mut out = String::new();
        self.end_word(&mut out);
        if self.column > 0 {
            out.push('\n');
        }
        *self = Self::new(self.width, self.indent);
        out
    }

    fn end_word(&mut self, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let columns = width(&word);
        if self.fresh {
            self.hang = self.indent + self.blanks;
            out.extend(std::iter::repeat_n(' ', self.hang));
            self.column = self.hang;
            if word.starts_with("```") {
                self.fenced = !self.fenced;
            }
        } else {
            if self.first_word {
                self.first_word = false;
                self.hang = self.column + self.blanks;
            }
            let end = self.column + self.blanks + columns;
            if self.width.is_some_and(|width| end > width && self.column > self.hang) && !self.fenced {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', self.hang));
                self.column = self.hang;
            } else {
                out.extend(std::iter::repeat_n(' ', self.blanks));
                self.column += self.blanks;
            }
        }
        self.first_word = self.fresh && is_list_marker(&word);
        out.push_str(&word);
        self.column += columns;
        self.blanks = 0;
        self.fresh = false;
    }
}

fn is_list_marker(word: &str) -> bool {
    let number = word.strip_suffix(['.', ')']);
    matches!(word, "-" | "*" | "+" | "•")
        || number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(width: usize, indent: usize, text: &str) -> String {
        let mut flow = Flow::new(Some(width), indent);
        let mut whole = flow.push(text);
        whole.push_str(&flow.finish());
        let mut pieces = String::new();
        for char in text.chars() {
            pieces.push_str(&flow.push(&char.to_string()));
        }
        pieces.push_str(&flow.finish());
        assert_eq!(whole, pieces, "it must not matter how the text comes in");
        whole
    }

    #[test]
    fn lines_are_broken_at_words() {
        insta::assert_snapshot!(flow(20, 0, "The quick brown fox jumps over the lazy dog."), @r"
        The quick brown fox
        jumps over the lazy
        dog.
        ");
    }

    #[test]
    fn broken_lines_go_on_under_their_text() {
        insta::assert_snapshot!(flow(20, 2, "- one two three four five\n  10. one two three four\nplain one two three"), @r"
          - one two three
            four five
            10. one two
                three four
          plain one two
          three
        ");
    }

    #[test]
    fn code_is_not_broken() {
        insta::assert_snapshot!(flow(12, 0, "a b c d e f g\n```\nlet a = b + c + d;\n```\na b c d e f g"), @r"
        a b c d e f
        g
        ```
        let a = b + c + d;
        ```
        a b c d e f
        g
        ");
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        insta::assert_snapshot!(flow(10, 0, "see https://example.com/a/long/path there"), @r"
        see
        https://example.com/a/long/path
        there
        ");
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(
            printable("a\x1b[31;1mred\x1b[0m\x1b]0;title\x07 b\x1b]8;;x\x1b\\c\td\x08\r\ne\x1b"),
            "ared bc    d\ne"
        );
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(cut("日本語日本語", 7), "日本語…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
