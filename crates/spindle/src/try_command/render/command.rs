//! A command and its output, of which the beginning and the end are shown.

use std::collections::VecDeque;

use protocol::CommandExecutionStatus;

use super::seconds;
use crate::try_command::text::{Span, Style, cut, printable};

/// Lines shown as they come.
const HEAD_LINES: usize = 12;

/// Lines kept for the end of a longer output.
const TAIL_LINES: usize = 6;

/// Lines shown of a command that is a whole script.
const SCRIPT_LINES: usize = 8;

/// Columns before a line of output.
const MARGIN: usize = 4;

/// Columns of output where there is no terminal to tell.
const UNKNOWN_WIDTH: usize = 200;

/// What has been shown of one command.
#[derive(Debug)]
pub(super) struct CommandView {
    script: String,
    /// Output has come in pieces.
    streamed: bool,
    /// The line that is not complete yet.
    line: String,
    shown: usize,
    tail: VecDeque<String>,
    skipped: usize,
}

impl CommandView {
    pub(super) fn new(command: &str) -> Self {
        Self {
            script: script(command),
            streamed: false,
            line: String::new(),
            shown: 0,
            tail: VecDeque::new(),
            skipped: 0,
        }
    }

    /// The command in a few words.
    pub(super) fn short(&self) -> String {
        cut(&printable(self.script.lines().next().unwrap_or_default()), 40)
    }

    /// The command itself.
    pub(super) fn head(&self, width: Option<usize>, out: &mut Vec<Span>) {
        let columns = width.unwrap_or(UNKNOWN_WIDTH).saturating_sub(MARGIN);
        let count = self.script.lines().count();
        for (index, line) in self.script.lines().take(SCRIPT_LINES).enumerate() {
            out.push(Span::new(Style::Accent, if index == 0 { "$ " } else { "  " }));
            out.push(Span::new(Style::Strong, format!("{}\n", cut(&printable(line), columns))));
        }
        if count > SCRIPT_LINES {
            out.push(Span::new(Style::Dim, format!("  … {} more lines\n", count - SCRIPT_LINES)));
        }
    }

    /// More output.
    pub(super) fn output(&mut self, text: &str, width: Option<usize>, out: &mut Vec<Span>) {
        self.streamed = true;
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if self.line.ends_with('\n') {
                self.end_line(width, out);
            }
        }
    }

    fn end_line(&mut self, width: Option<usize>, out: &mut Vec<Span>) {
        let line = std::mem::take(&mut self.line);
        // A progress bar writes over its line; what stands there last counts.
        let line = line.trim_end_matches(['\n', '\r']);
        let line = printable(line.rsplit('\r').next().unwrap_or_default());
        if self.shown < HEAD_LINES {
            self.shown += 1;
            show(&line, width, out);
            return;
        }
        self.tail.push_back(line);
        if self.tail.len() > TAIL_LINES {
            self.tail.pop_front();
            self.skipped += 1;
        }
    }

    /// The rest of the output, and how the command ended.
    pub(super) fn finish(
        &mut self,
        aggregated_output: Option<&str>,
        status: CommandExecutionStatus,
        exit_code: Option<i32>,
        duration_ms: Option<i64>,
        width: Option<usize>,
        out: &mut Vec<Span>,
    ) {
        if !self.streamed
            && let Some(output) = aggregated_output
        {
            self.output(output, width, out);
        }
        if !self.line.is_empty() {
            self.end_line(width, out);
        }
        if self.skipped > 0 {
            out.push(Span::new(Style::Dim, format!("  … {} lines left out\n", self.skipped)));
        }
        for line in self.tail.drain(..) {
            show(&line, width, out);
        }
        let took = duration_ms.map_or_else(String::new, |duration| format!(" · {}", seconds(duration)));
        let (style, how) = match (status, exit_code) {
            (CommandExecutionStatus::InProgress, _) => (Style::Dim, "▸ still running".to_owned()),
            (CommandExecutionStatus::Declined, _) => (Style::Warning, "✗ declined".to_owned()),
            (CommandExecutionStatus::Completed, Some(0) | None) => (Style::Dim, "✓".to_owned()),
            (CommandExecutionStatus::Completed | CommandExecutionStatus::Failed, Some(code)) => {
                (Style::Error, format!("✗ exit status {code}"))
            }
            (CommandExecutionStatus::Failed, None) => (Style::Error, "✗ failed".to_owned()),
        };
        out.push(Span::new(style, format!("  {how}{took}\n")));
    }
}

fn show(line: &str, width: Option<usize>, out: &mut Vec<Span>) {
    let columns = width.unwrap_or(UNKNOWN_WIDTH).saturating_sub(MARGIN);
    out.push(Span::new(Style::Dim, format!("  │ {}\n", cut(line, columns))));
}

/// The script of a command that runs one through a shell (`/bin/bash -lc '…'`), else the command as it is.
pub(crate) fn script(command: &str) -> String {
    let shell = command.split_once(" -lc ").or_else(|| command.split_once(" -c "));
    let Some((shell, script)) = shell else { return command.to_owned() };
    if shell.contains(' ') || !shell.ends_with("sh") {
        return command.to_owned();
    }
    let quoted = script.strip_prefix('\'').and_then(|script| script.strip_suffix('\''));
    if let Some(inner) = quoted
        && !inner.replace("'\\''", "").contains('\'')
    {
        return inner.replace("'\\''", "'");
    }
    let quoted = script.strip_prefix('"').and_then(|script| script.strip_suffix('"'));
    match quoted {
        Some(inner) if !inner.contains(['"', '\\', '$', '`']) => inner.to_owned(),
        _ if script.contains(['\'', '"', '\\']) => command.to_owned(),
        _ => script.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_around_a_script_is_not_shown() {
        assert_eq!(script("/bin/bash -lc 'ls -l | head'"), "ls -l | head");
        assert_eq!(script(r"bash -c 'echo it'\''s'"), "echo it's");
        assert_eq!(script("/bin/zsh -lc ls"), "ls");
        assert_eq!(script(r#"/bin/bash -lc "echo 'a'""#), "echo 'a'");
    }

    #[test]
    fn anything_else_stays_as_it_is() {
        for command in ["ls -l", "cc -c x.c", "my tool.sh -c x", r"bash -c 'a' 'b'", r#"bash -c "echo $HOME""#] {
            assert_eq!(script(command), command);
        }
    }
}
