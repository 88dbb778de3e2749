//! Remembering what was found, for as long as the folders and files stay as they were.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use config::SkillSwitch;
use types::AbsPath;

use super::discover::{FILE_NAME, Places, Traces, search, switch};
use super::{Found, Scope};

/// Working directories that are remembered; beyond that all are forgotten and found again when needed.
const MAX_ENTRIES: usize = 64;

/// Finds skills, reading only what changed since the last time.
///
/// A hit costs one `stat` for each folder and file that was read. Nothing is watched; who does watch is told what by
/// [`depends_on`](Self::depends_on), and what a change means by [`look_again`](Self::look_again).
#[derive(Debug, Default)]
pub struct SkillsCache {
    /// The lock is held for a look-up or an insertion only.
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
}

/// All that decides a search, besides the disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    roots: Vec<(AbsPath, Scope)>,
    switches: Vec<SkillSwitch>,
}

impl Key {
    /// Whether a path lies where bundled skills are: nobody but the server changes these.
    fn is_bundled(&self, path: &Path) -> bool {
        self.roots.iter().any(|(root, scope)| *scope == Scope::System && path.starts_with(root))
    }
}

#[derive(Debug, Clone)]
struct Entry {
    traces: Traces,
    found: Arc<Found>,
    /// Whether the traces show every later change.
    settled: bool,
    /// A search has seen a change that [`SkillsCache::look_again`] has not answered for.
    untold: bool,
}

impl Entry {
    fn new(key: &Key) -> Self {
        let (mut found, traces) = search(&key.roots);
        switch(&mut found, &key.switches);
        Self { settled: traces.settled(), traces, found: Arc::new(found), untold: false }
    }

    /// Whether there is something to tell of since `before`.
    fn differs_from(&self, before: &Self) -> bool {
        before.untold || !self.shows_the_same(before)
    }

    /// Whether all but the bundled skills are the same, and the same texts could not be read.
    fn shows_the_same(&self, other: &Self) -> bool {
        let own = |entry: &Self| {
            let skills = entry.found.skills.iter().filter(|skill| skill.scope != Scope::System);
            skills.cloned().collect::<Vec<_>>()
        };
        own(self) == own(other) && self.found.errors == other.found.errors
    }
}

impl SkillsCache {
    /// As [`discover`](super::discover()). Blocks for a few `stat`s, or for the search.
    #[must_use]
    pub fn discover(&self, places: &Places<'_>) -> Arc<Found> {
        let key = Key { roots: places.roots(), switches: places.config.switches.clone() };
        let known = self.entries().get(&key).cloned();
        if let Some(entry) = &known
            && entry.settled
            && entry.traces.still_hold()
        {
            return Arc::clone(&entry.found);
        }
        let mut entry = Entry::new(&key);
        entry.untold = known.is_some_and(|before| entry.differs_from(&before));
        let found = Arc::clone(&entry.found);
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, Arc::new(entry));
        found
    }

    /// The folders and files that decide what was found, also where there are none; those of bundled skills left out.
    #[must_use]
    pub fn depends_on(&self) -> BTreeSet<PathBuf> {
        let entries = self.entries();
        let paths = entries.iter().flat_map(|(key, entry)| entry.traces.paths().filter(|path| !key.is_bundled(path)));
        paths.map(Path::to_owned).collect()
    }

    /// Finds again what changes at these paths may have changed. Whether a list of skills, or a skill's text, is another
    /// one now. Blocks for the search.
    #[must_use]
    pub fn look_again(&self, changed: &[AbsPath]) -> bool {
        let known: Vec<_> = self.entries().iter().map(|(key, entry)| (key.clone(), entry.clone())).collect();
        let mut is_other = false;
        for (key, entry) in known {
            let concerned = |path: &&AbsPath| !key.is_bundled(path) && entry.traces.concern(path);
            let mut concerned = changed.iter().filter(concerned).peekable();
            if concerned.peek().is_none() {
                continue;
            }
            let is_text = concerned.any(|path| path.file_name().is_some_and(|name| name == FILE_NAME));
            let now = Entry::new(&key);
            is_other |= is_text || now.differs_from(&entry);
            self.entries().insert(key, Arc::new(now));
        }
        is_other
    }

    /// Makes the next searches look at the disk, whatever is known. What was searched still counts for
    /// [`depends_on`](Self::depends_on) and [`look_again`](Self::look_again).
    pub fn forget(&self) {
        for entry in self.entries().values_mut() {
            *entry = Arc::new(Entry { settled: false, ..Entry::clone(entry) });
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
