//! Glob patterns that deny paths.

use std::path::{Path, PathBuf};

use types::AbsPath;

/// An absolute glob pattern: `*` and `?` within a name, `[…]` one of a set, `**` any number of folders, `{a,b}` either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    /// The alternatives, each a pattern without braces, cut at the slashes.
    patterns: Vec<Vec<String>>,
}

/// More alternatives than this make a pattern invalid.
const MOST_ALTERNATIVES: usize = 256;

impl Glob {
    /// Reads a pattern; a relative one is about paths in `cwd`. `None`: not a pattern.
    pub(super) fn new(pattern: &str, cwd: &AbsPath) -> Option<Self> {
        let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{cwd}/{pattern}") };
        let mut alternatives = Vec::new();
        expand_braces(&absolute, &mut alternatives)?;
        let cut = |pattern: String| {
            let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
            parts.map(str::to_owned).collect::<Vec<_>>()
        };
        let patterns: Vec<_> = alternatives.into_iter().map(cut).collect();
        (!patterns.iter().any(|parts| parts.iter().any(|part| part == ".."))).then_some(Self { patterns })
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        let parts: Vec<String> = path.iter().skip(1).map(|part| part.to_string_lossy().into_owned()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.patterns.iter().any(|pattern| parts_match(pattern, &parts))
    }

    /// The folders to look through: for each alternative the part before the first wildcard.
    pub(super) fn starts(&self) -> impl Iterator<Item = PathBuf> {
        self.patterns.iter().map(|parts| {
            let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[']));
            Path::new("/").join(plain.collect::<PathBuf>())
        })
    }
}

/// Writes out the alternatives of the first innermost brace, again and again.
fn expand_braces(pattern: &str, out: &mut Vec<String>) -> Option<()> {
    let Some(close) = pattern.find('}') else {
        out.push(pattern.to_owned());
        return (out.len() <= MOST_ALTERNATIVES && !pattern.contains('{')).then_some(());
    };
    let open = pattern[..close].rfind('{')?;
    for alternative in pattern[open + 1..close].split(',') {
        expand_braces(&format!("{}{alternative}{}", &pattern[..open], &pattern[close + 1..]), out)?;
    }
    Some(())
}

fn parts_match(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((first, rest)), _) if first == "**" => {
            parts_match(rest, path) || path.split_first().is_some_and(|(_, later)| parts_match(pattern, later))
        }
        (Some((first, rest)), Some((name, later))) => name_matches(first, name) && parts_match(rest, later),
        (Some(_), None) => false,
    }
}

/// Matches one name; also used for names of variables.
pub(crate) fn name_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last star does not fit.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class_matches(&pattern[p..], name[n]),
            Some(&literal) => (literal == name[n]).then_some(1),
            None => None,
        };
        match (step, &mut star) {
            (Some(width), _) => {
                p += width;
                n += 1;
            }
            (None, Some((after, from))) => {
                *from += 1;
                (p, n) = (*after, *from);
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

/// Matches `[…]` at the start of `pattern`: the width of the class when `c` is in it. An unclosed one is a literal `[`.
fn class_matches(pattern: &[char], c: char) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = if negated { 2 } else { 1 };
    let Some(close) = (first + 1..pattern.len()).find(|&at| pattern[at] == ']') else {
        return (c == '[').then_some(1);
    };
    let mut within = false;
    let mut at = first;
    while at < close {
        if at + 2 < close && pattern[at + 1] == '-' {
            within |= (pattern[at]..=pattern[at + 2]).contains(&c);
            at += 3;
        } else {
            within |= pattern[at] == c;
            at += 1;
        }
    }
    (within != negated).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern, &AbsPath::new("/work").unwrap()).unwrap().matches(Path::new(path))
    }

    #[test]
    fn wildcards_stay_within_a_name_and_double_stars_do_not() {
        assert!(matches("/a/*.env", "/a/x.env"));
        assert!(!matches("/a/*.env", "/a/b/x.env"));
        assert!(matches("/a/**/*.env", "/a/b/c/x.env"));
        assert!(matches("/a/**/*.env", "/a/x.env"));
        assert!(matches("/a/**", "/a/b"));
        assert!(matches("**/.env", "/work/deep/.env"));
        assert!(!matches("**/.env", "/other/.env"));
    }

    #[test]
    fn classes_and_braces() {
        assert!(matches("/k[0-9]?", "/k7x"));
        assert!(!matches("/k[!0-9]", "/k7"));
        assert!(matches("/{a,b/{c,d}}", "/b/d"));
        assert!(Glob::new("/{a", &AbsPath::new("/").unwrap()).is_none());
        assert!(Glob::new("/a/../b*", &AbsPath::new("/").unwrap()).is_none());
    }
}
