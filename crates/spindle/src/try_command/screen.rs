//! The terminal, or whatever stands in its place: colours, and a status line below the text.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style as Look};

use crate::try_command::text::{Span, Style, cut, width};

/// The pictures of the spinner.
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Goes to the start of the line and empties it.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// Writes styled text. On a terminal it keeps a status line below the text, even below a line that is still growing.
#[derive(Debug)]
pub(crate) struct Screen<W> {
    output: W,
    colour: bool,
    /// Where the next text goes in its line.
    column: usize,
    /// The cursor stands in the status line.
    status_shown: bool,
    frame: usize,
}

impl<W: Write> Screen<W> {
    pub(crate) fn new(output: W, colour: bool) -> Self {
        Self { output, colour, column: 0, status_shown: false, frame: 0 }
    }

    /// Writes text, in one piece. Takes the status line away.
    pub(crate) fn print(&mut self, spans: &[Span]) -> io::Result<()> {
        if spans.is_empty() && !self.status_shown {
            return Ok(());
        }
        let mut bytes = self.without_status();
        for span in spans {
            let look = if self.colour { look(span.style) } else { Look::new() };
            bytes.push_str(&format!("{look}{}{look:#}", span.text));
            self.column = match span.text.rsplit_once('\n') {
                Some((_, line)) => width(line),
                None => self.column + width(&span.text),
            };
        }
        self.write(&bytes)
    }

    /// Draws the status line anew, with the next picture of the spinner. For terminals only.
    pub(crate) fn status(&mut self, doing: &str, elapsed: Duration, columns: Option<usize>) -> io::Result<()> {
        self.frame = (self.frame + 1) % FRAMES.len();
        let text = format!("{} {doing} · {} s · Ctrl-C interrupts", FRAMES[self.frame], elapsed.as_secs());
        let text = columns.map_or_else(|| text.clone(), |columns| cut(&text, columns.saturating_sub(1)));
        let look = if self.colour { look(Style::Dim) } else { Look::new() };
        let break_line = if !self.status_shown && self.column > 0 { "\n" } else { "" };
        self.status_shown = true;
        self.write(&format!("{break_line}{CLEAR_LINE}{look}{text}{look:#}"))
    }

    /// The user has ended a line: the cursor stands at the start of the next one.
    pub(crate) fn line_entered(&mut self) {
        self.column = 0;
        self.status_shown = false;
    }

    fn without_status(&mut self) -> String {
        if !std::mem::take(&mut self.status_shown) {
            return String::new();
        }
        match self.column {
            0 => CLEAR_LINE.to_owned(),
            // Back up to the end of the growing line; columns count from one.
            column => format!("{CLEAR_LINE}\x1b[A\x1b[{}G", column + 1),
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }
}

fn look(style: Style) -> Look {
    match style {
        Style::Plain => Look::new(),
        Style::Strong => Look::new().bold(),
        Style::Dim => Look::new().dimmed(),
        Style::Accent => AnsiColor::Cyan.on_default(),
        Style::Added => AnsiColor::Green.on_default(),
        Style::Removed => AnsiColor::Red.on_default(),
        Style::Warning => AnsiColor::Yellow.on_default(),
        Style::Error => AnsiColor::Red.on_default().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(colour: bool, steps: impl Fn(&mut Screen<&mut Vec<u8>>)) -> String {
        let mut bytes = Vec::new();
        steps(&mut Screen::new(&mut bytes, colour));
        String::from_utf8(bytes).unwrap().replace('\x1b', "ESC")
    }

    #[test]
    fn without_colour_the_text_is_plain() {
        let text = written(false, |screen| screen.print(&[Span::new(Style::Error, "no\n")]).unwrap());
        assert_eq!(text, "no\n");
    }

    #[test]
    fn colours_end_where_the_text_ends() {
        let text = written(true, |screen| screen.print(&[Span::new(Style::Added, "+a")]).unwrap());
        assert_eq!(text, "ESC[32m+aESC[0m");
    }

    #[test]
    fn a_growing_line_goes_on_where_it_was_left_for_the_status() {
        let text = written(false, |screen| {
            screen.print(&[Span::new(Style::Plain, "one\ntwo")]).unwrap();
            screen.status("thinking", Duration::from_secs(3), Some(80)).unwrap();
            screen.status("thinking", Duration::from_secs(4), Some(20)).unwrap();
            screen.print(&[Span::new(Style::Plain, " three\n")]).unwrap();
        });
        insta::assert_snapshot!(text.replace('\r', "CR"), @r"
        one
        two
        CRESC[2K⠙ thinking · 3 s · Ctrl-C interruptsCRESC[2K⠹ thinking · 4 s ·…CRESC[2KESC[AESC[4G three
        ");
    }
}
