//! Finds where a chunk's lines stand in a file.

/// How alike two lines must be, the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Exact,
    TrailingBlanks,
    Trimmed,
    Typography,
}

const LIKENESSES: [Likeness; 4] = [Likeness::Exact, Likeness::TrailingBlanks, Likeness::Trimmed, Likeness::Typography];

/// Finds `pattern` in `lines` at or after `start`: first as it is, then without regard to trailing blanks, to blanks at
/// both ends, and to typographic variants of quotes, dashes and blanks. With `at_end` the last lines are tried first.
pub(super) fn seek(lines: &[&str], pattern: &[&str], start: usize, at_end: bool) -> Option<usize> {
    let last = lines.len().checked_sub(pattern.len())?;
    if start > last {
        return None;
    }
    let matches =
        |at: usize, likeness| pattern.iter().zip(&lines[at..]).all(|(wanted, line)| alike(wanted, line, likeness));
    if at_end && let Some(_found) = LIKENESSES.into_iter().find(|&likeness| matches(last, likeness)) {
        return Some(last);
    }
    LIKENESSES.into_iter().find_map(|likeness| (start..=last).find(|&at| matches(at, likeness)))
}

/// Where `pattern` nearly stands: the place with most lines alike from its first on, and how many.
pub(super) fn nearest(lines: &[&str], pattern: &[&str]) -> Option<(usize, usize)> {
    let alike_from = |at: usize| {
        pattern.iter().zip(&lines[at..]).take_while(|(wanted, line)| alike(wanted, line, Likeness::Typography)).count()
    };
    (0..lines.len())
        .map(|at| (at, alike_from(at)))
        .filter(|&(at, count)| count > 0 && lines[at..at + count].iter().any(|line| !line.trim().is_empty()))
        .max_by_key(|&(at, count)| (count, std::cmp::Reverse(at)))
}

fn alike(wanted: &str, line: &str, likeness: Likeness) -> bool {
    match likeness {
        Likeness::Exact => wanted.strip_suffix('\r').unwrap_or(wanted) == line.strip_suffix('\r').unwrap_or(line),
        Likeness::TrailingBlanks => wanted.trim_end() == line.trim_end(),
        Likeness::Trimmed => wanted.trim() == line.trim(),
        Likeness::Typography => wanted.trim().chars().map(plain).eq(line.trim().chars().map(plain)),
    }
}

/// The character of the keyboard that a model writes for this one.
fn plain(character: char) -> char {
    match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stricter_likeness_wins_over_an_earlier_place() {
        assert_eq!(seek(&["  a", "a"], &["a"], 0, false), Some(1));
    }

    #[test]
    fn blanks_and_typography_may_differ() {
        assert_eq!(seek(&["x", "foo   "], &["foo"], 0, false), Some(1));
        assert_eq!(seek(&["x", "\tfoo"], &["foo"], 0, false), Some(1));
        assert_eq!(seek(&["say \u{201c}hi\u{201d}\u{a0}\u{2014} ok"], &["say \"hi\" - ok"], 0, false), Some(0));
        assert_eq!(seek(&["a\r"], &["a"], 0, false), Some(0));
    }

    #[test]
    fn the_end_is_tried_first_when_the_patch_says_so() {
        assert_eq!(seek(&["x", "y", "x"], &["x"], 0, true), Some(2));
        assert_eq!(seek(&["x", "y"], &["x"], 0, true), Some(0));
    }

    #[test]
    fn a_pattern_longer_than_the_rest_is_nowhere() {
        assert_eq!(seek(&["a"], &["a", "b"], 0, false), None);
        assert_eq!(seek(&["a", "b"], &["b"], 2, false), None);
    }

    #[test]
    fn the_nearest_place_has_most_lines_alike() {
        assert_eq!(nearest(&["a", "b", "a", "b", "c"], &["a", "b", "c", "d"]), Some((2, 3)));
        assert_eq!(nearest(&["", "a"], &["", "x"]), None);
    }
}
