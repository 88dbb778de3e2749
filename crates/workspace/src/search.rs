//! Finding files by a few letters of their path.
//!
//! [`find`] looks once and remembers only the best matches. An [`Index`] remembers all paths, for queries that follow
//! each other while somebody types. Both block: call them where blocking is allowed.
//!
//! A query is one or more words, all of which must match in any order: `'exact`, `^start`, `end$`, `!not`, or letters
//! that follow each other with gaps. Neither case nor, unless the query has them, accents matter. Files and folders are
//! found, also hidden ones and those behind symbolic links; not what `.ignore` files name nor, inside a repository,
//! what git ignores. Source of these rules, of the scores and of the order: recorded conversations.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use ignore::WalkBuilder;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use types::AbsPath;

/// How many matches a search gives. Source: recorded conversations.
pub const MOST_MATCHES: usize = 50;

/// How many paths an index remembers: some 50 MiB. What comes after them is not found.
const MOST_PATHS: usize = 500_000;

/// How often a search that goes on tells what it has so far.
const INTERIM: Duration = Duration::from_millis(100);

/// How many remembered paths are looked at between two looks whether to stop.
const STEP: usize = 1024;

/// A path that matches a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which of the roots it is in, by position. With nested roots it is the innermost.
    pub root: usize,
    /// Relative to the root, with `/`; empty for the root itself. What is not UTF-8 is replaced.
    pub path: String,
    pub is_directory: bool,
    /// Higher is better.
    pub score: u32,
    /// The matching characters of the path, ascending.
    pub indices: Vec<u32>,
}

/// Looks for a query below the roots and gives the best matches, best first; those that are equally good are ordered by
/// path. Roots that are no folders hold nothing, and a blank query finds nothing. `None` once `stop` says so.
#[must_use]
pub fn find(query: &str, roots: &[AbsPath], stop: &dyn Fn() -> bool) -> Option<Vec<Match>> {
    let Some(mut best) = Best::of(query) else { return Some(Vec::new()) };
    for entry in Walk::new(roots) {
        if stop() {
            return None;
        }
        best.consider(&entry);
    }
    Some(best.matches())
}

/// The paths below some roots, read when they are first searched.
pub struct Index {
    /// What is still to be read.
    walk: Walk,
    known: Vec<Entry>,
}

impl Index {
    /// Makes an index. Reads nothing yet.
    #[must_use]
    pub fn new(roots: &[AbsPath]) -> Self {
        Self { walk: Walk::new(roots), known: Vec::new() }
    }

    /// As [`find`], in the paths the index knows and in those it has yet to read. `interim` hears now and then of the
    /// best so far, if there are any. A search that is stopped loses nothing: the next one reads on.
    pub fn search(
        &mut self,
        query: &str,
        stop: &dyn Fn() -> bool,
        interim: &mut dyn FnMut(Vec<Match>),
    ) -> Option<Vec<Match>> {
        let mut best = Best::of(query);
        for entries in self.known.chunks(STEP) {
            if stop() {
                return None;
            }
            if let Some(best) = &mut best {
                entries.iter().for_each(|entry| best.consider(entry));
            }
        }
        let mut told = Instant::now();
        while self.known.len() < MOST_PATHS
            && let Some(entry) = self.walk.next()
        {
            if let Some(best) = &mut best {
                best.consider(&entry);
                if best.improved && told.elapsed() >= INTERIM {
                    interim(best.matches());
                    told = Instant::now();
                }
            }
            self.known.push(entry);
            if stop() {
                return None;
            }
        }
        Some(best.map(|mut best| best.matches()).unwrap_or_default())
    }
}

/// A file or folder below a root.
struct Entry {
    root: usize,
    path: Box<str>,
    is_directory: bool,
}

/// Everything below some roots, one root after the other.
struct Walk {
    roots: Vec<AbsPath>,
    /// `None` without any folder to look in.
    entries: Option<ignore::Walk>,
}

impl Walk {
    fn new(roots: &[AbsPath]) -> Self {
        let mut folders = roots.iter().filter(|root| root.is_dir());
        let entries = folders.next().map(|first| {
            let mut builder = WalkBuilder::new(first);
            folders.for_each(|folder| {
                builder.add(folder);
            });
            builder.hidden(false).follow_links(true).build()
        });
        Self { roots: roots.to_vec(), entries }
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        // What cannot be read is left out.
        let entry = self.entries.as_mut()?.find_map(Result::ok)?;
        let inside = self.roots.iter().enumerate().filter_map(|(root, folder)| {
            let relative = entry.path().strip_prefix(folder).ok()?;
            Some((root, relative))
        });
        let (root, relative) = inside.min_by_key(|(_, relative)| relative.as_os_str().len())?;
        let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
        Some(Entry { root, path: relative.to_string_lossy().into(), is_directory })
    }
}

/// The best matches of a query so far.
struct Best {
    pattern: Pattern,
    matcher: Matcher,
    /// Characters of a path that is not ASCII, for the matcher.
    characters: Vec<char>,
    /// The worst is on top.
    heap: BinaryHeap<Ranked>,
    /// Whether there is something that nobody has been given yet.
    improved: bool,
}

impl Best {
    /// `None` when the query is blank.
    fn of(query: &str) -> Option<Self> {
        let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
        (!pattern.atoms.is_empty()).then(|| Self {
            pattern,
            matcher: Matcher::new(Config::DEFAULT.match_paths()),
            characters: Vec::new(),
            heap: BinaryHeap::with_capacity(MOST_MATCHES + 1),
            improved: false,
        })
    }

    fn consider(&mut self, entry: &Entry) {
        let Some(score) = self.pattern.score(Utf32Str::new(&entry.path, &mut self.characters), &mut self.matcher)
        else {
            return;
        };
        let full = self.heap.len() == MOST_MATCHES;
        if full && self.heap.peek().is_some_and(|worst| worst.rank() <= (u32::MAX - score, &entry.path)) {
            return;
        }
        self.heap.push(Ranked { score, path: entry.path.clone(), root: entry.root, is_directory: entry.is_directory });
        if full {
            self.heap.pop();
        }
        self.improved = true;
    }

    fn matches(&mut self) -> Vec<Match> {
        self.improved = false;
        let ranked = self.heap.clone().into_sorted_vec();
        ranked.into_iter().map(|ranked| self.with_indices(ranked)).collect()
    }

    fn with_indices(&mut self, ranked: Ranked) -> Match {
        let Ranked { score, path, root, is_directory } = ranked;
        let mut indices = Vec::new();
        let characters = Utf32Str::new(&path, &mut self.characters);
        self.pattern.indices(characters, &mut self.matcher, &mut indices);
        // The words of a query may match the same characters.
        indices.sort_unstable();
        indices.dedup();
        Match { root, path: path.into(), is_directory, score, indices }
    }
}

/// A match in the order of matches: the better is the lesser.
#[derive(Clone, PartialEq, Eq)]
struct Ranked {
    score: u32,
    path: Box<str>,
    root: usize,
    is_directory: bool,
}

impl Ranked {
    fn rank(&self) -> (u32, &str) {
        (u32::MAX - self.score, &self.path)
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank(), self.root, self.is_directory).cmp(&(other.rank(), other.root, other.is_directory))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::*;

    fn tree(files: &[&str]) -> (tempfile::TempDir, AbsPath) {
        let folder = tempfile::tempdir().unwrap();
        let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        (folder, root)
    }

    fn paths(matches: &[Match]) -> Vec<&str> {
        matches.iter().map(|found| found.path.as_str()).collect()
    }

    fn found(query: &str, roots: &[AbsPath]) -> Vec<Match> {
        find(query, roots, &|| false).unwrap()
    }

    #[test]
    fn the_best_come_first_with_their_letters() {
        let (_folder, root) = tree(&["abc", "abcde", "abexy", "zzz.txt", "sub/abce"]);
        let matches = found("abe", &[root]);
        let facts: Vec<_> = matches.iter().map(|m| (m.path.as_str(), m.score, m.indices.as_slice())).collect();
        assert_eq!(facts, [("abexy", 84, &[0, 1, 2][..]), ("sub/abce", 72, &[4, 5, 7]), ("abcde", 71, &[0, 1, 4])]);
    }

    #[test]
    fn more_than_fit_are_cut_off_by_path() {
        let files: Vec<String> = (0..120).map(|number| format!("match-{number:03}.txt")).collect();
        let (_folder, root) = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let matches = found("match", &[root]);
        assert_eq!(paths(&matches), files[..MOST_MATCHES]);
    }

    #[test]
    fn git_ignores_only_inside_a_repository() {
        let (_folder, root) = tree(&["in/.git/HEAD", "in/keep.log", "in/drop.log", "out/keep.log", "out/drop.log"]);
        for folder in ["in", "out"] {
            fs::write(root.join(folder).join(".gitignore"), "drop.log\n").unwrap();
        }
        assert_eq!(paths(&found("log", &[root.join("in")])), ["keep.log"]);
        assert_eq!(paths(&found("log", &[root.join("out")])), ["drop.log", "keep.log"]);
    }

    #[test]
    fn a_file_below_nested_roots_belongs_to_the_innermost() {
        let (_folder, root) = tree(&["sub/match.txt"]);
        let matches = found("match", &[root.clone(), root.join("sub")]);
        assert_eq!(paths(&matches), ["match.txt", "match.txt"]);
        assert!(matches.iter().all(|found| found.root == 1));
    }

    #[test]
    fn roots_that_are_no_folders_hold_nothing() {
        let (_folder, root) = tree(&["match.txt"]);
        assert!(found("match", &[]).is_empty());
        assert!(found("match", &[root.join("match.txt"), root.join("absent")]).is_empty());
        let matches = found("match", &[root.join("absent"), root]);
        assert_eq!(matches[0].root, 1);
    }

    #[test]
    fn a_blank_query_finds_nothing_and_a_negative_one_the_root_too() {
        let (_folder, root) = tree(&["test.rs", "other.rs"]);
        assert!(found(" ", std::slice::from_ref(&root)).is_empty());
        assert_eq!(paths(&found("!test", &[root])), ["", "other.rs"]);
    }

    #[test]
    fn a_stopped_search_gives_nothing() {
        let (_folder, root) = tree(&["match.txt"]);
        assert_eq!(find("match", &[root], &|| true), None);
    }

    #[test]
    fn an_index_reads_on_after_a_search_was_stopped() {
        let (_folder, root) = tree(&["alpha.txt", "alpine.txt", "beta.txt"]);
        let mut index = Index::new(&[root]);
        let looks = Cell::new(0);
        let stop = || looks.replace(looks.get() + 1) == 1;
        assert_eq!(index.search("alp", &stop, &mut |_| {}), None);
        let mut search = |query| index.search(query, &|| false, &mut |_| {}).unwrap();
        assert_eq!(paths(&search("alp")), ["alpha.txt", "alpine.txt"]);
        assert_eq!(paths(&search("beta")), ["beta.txt"]);
        assert!(search("").is_empty());
    }
}
