//! A patch as a coloured diff.

use protocol::{FileUpdateChange, PatchApplyStatus, PatchChangeKind};

use crate::try_command::text::{Span, Style, cut, printable};

/// Lines shown of the change of one file.
const DIFF_LINES: usize = 40;

/// Columns before a line of a diff.
const MARGIN: usize = 2;

/// All files of a patch with what changes in them.
pub(super) fn changes(changes: &[FileUpdateChange], width: Option<usize>, out: &mut Vec<Span>) {
    for change in changes {
        let lines = lines(change);
        head(change, &lines, width, out);
        for (style, line) in lines.iter().take(DIFF_LINES) {
            let line = printable(line);
            let line = width.map_or_else(|| line.clone(), |width| cut(&line, width.saturating_sub(MARGIN + 1)));
            out.push(Span::new(*style, format!("  {line}\n")));
        }
        if lines.len() > DIFF_LINES {
            out.push(Span::new(Style::Dim, format!("  … {} more lines\n", lines.len() - DIFF_LINES)));
        }
    }
}

/// Only the names of the files, for a patch whose diff was shown further up.
pub(super) fn names(changes: &[FileUpdateChange], width: Option<usize>, out: &mut Vec<Span>) {
    for change in changes {
        head(change, &lines(change), width, out);
    }
}

/// How a patch ended.
pub(super) fn outcome(status: PatchApplyStatus, out: &mut Vec<Span>) {
    let (style, how) = match status {
        PatchApplyStatus::InProgress => (Style::Dim, "▸ not applied yet"),
        PatchApplyStatus::Completed => (Style::Dim, "✓ applied"),
        PatchApplyStatus::Failed => (Style::Error, "✗ could not be applied"),
        PatchApplyStatus::Declined => (Style::Warning, "✗ declined"),
    };
    out.push(Span::new(style, format!("  {how}\n")));
}

fn head(change: &FileUpdateChange, lines: &[(Style, String)], width: Option<usize>, out: &mut Vec<Span>) {
    let verb = match &change.kind {
        PatchChangeKind::Add => "add",
        PatchChangeKind::Delete => "delete",
        PatchChangeKind::Update { move_path: None } => "edit",
        PatchChangeKind::Update { move_path: Some(_) } => "move",
    };
    let to = match &change.kind {
        PatchChangeKind::Update { move_path: Some(path) } => format!(" → {}", path.display()),
        PatchChangeKind::Add | PatchChangeKind::Delete | PatchChangeKind::Update { move_path: None } => String::new(),
    };
    let name = printable(&format!("{}{to}", change.path));
    let name = width.map_or_else(|| name.clone(), |width| cut(&name, width.saturating_sub(20)));
    let count = |style| lines.iter().filter(|(found, _)| *found == style).count();
    out.push(Span::new(Style::Accent, format!("± {verb} ")));
    out.push(Span::new(Style::Strong, name));
    out.push(Span::new(Style::Dim, " ("));
    out.push(Span::new(Style::Added, format!("+{}", count(Style::Added))));
    out.push(Span::new(Style::Dim, " "));
    out.push(Span::new(Style::Removed, format!("−{}", count(Style::Removed))));
    out.push(Span::new(Style::Dim, ")\n"));
}

/// The lines of a change. Of a file that comes or goes the protocol gives the text, of another one the diff.
fn lines(change: &FileUpdateChange) -> Vec<(Style, String)> {
    match &change.kind {
        PatchChangeKind::Add => change.diff.lines().map(|line| (Style::Added, format!("+{line}"))).collect(),
        PatchChangeKind::Delete => change.diff.lines().map(|line| (Style::Removed, format!("-{line}"))).collect(),
        PatchChangeKind::Update { .. } => {
            // Where the file is moved to stands in the change itself.
            let diff = change.diff.split("\n\nMoved to: ").next().unwrap_or_default();
            let styled = diff.lines().map(|line| {
                let style = match line.as_bytes().first() {
                    Some(b'+') => Style::Added,
                    Some(b'-') => Style::Removed,
                    Some(b'@') => Style::Accent,
                    _ => Style::Plain,
                };
                (style, line.to_owned())
            });
            styled.collect()
        }
    }
}
