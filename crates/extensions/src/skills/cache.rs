//! Remembering what was found, for as long as the folders and files stay as they were.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use types::AbsPath;

use super::discover::{Places, search, switch};
use super::{Found, Scope};

/// Working directories that are remembered; beyond that all are forgotten and found again when needed.
const MAX_ENTRIES: usize = 64;

/// Finds skills, reading only what changed since the last time.
///
/// A hit costs one `stat` for each folder and file that was read. Nothing is watched.
#[derive(Debug, Default)]
pub struct SkillsCache {
    /// By the folders to search. The lock is held for a look-up or an insertion only.
    entries: Mutex<HashMap<Vec<(AbsPath, Scope)>, Arc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    /// Before the configuration's switches.
    found: Found,
}

/// Changes whenever a folder gains or loses an entry, or a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    changed: (i64, i64),
    modified: (i64, i64),
    len: u64,
    inode: u64,
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        len: metadata.len(),
        inode: metadata.ino(),
    })
}

impl SkillsCache {
    /// As [`discover`](super::discover()). Blocks for a few `stat`s, or for the search.
    #[must_use]
    pub fn discover(&self, places: &Places<'_>) -> Found {
        let roots = places.roots();
        let known = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(&roots).cloned();
        let entry = match known.filter(|entry| entry.stamps.iter().all(|(path, old)| stamp(path) == *old)) {
            Some(entry) => entry,
            None => {
                let (found, paths) = search(&roots);
                // Stamps taken after reading could hide a change made in between; one taken too early only costs a
                // second search. Files are small, so the search is repeated rather than ordered.
                let stamps = paths.into_iter().map(|path| (stamp(&path), path)).map(|(stamp, path)| (path, stamp));
                let entry = Arc::new(Entry { stamps: stamps.collect(), found });
                let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
                if entries.len() >= MAX_ENTRIES {
                    entries.clear();
                }
                entries.insert(roots, Arc::clone(&entry));
                entry
            }
        };
        let mut found = entry.found.clone();
        switch(&mut found, places.config);
        found
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
