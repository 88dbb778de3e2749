//! Remembering what was found, for as long as the folders and files stay as they were.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use config::SkillSwitch;
use types::AbsPath;

use super::discover::{Places, Traces, search, switch};
use super::{Found, Scope};

/// Working directories that are remembered; beyond that all are forgotten and found again when needed.
const MAX_ENTRIES: usize = 64;

/// Finds skills, reading only what changed since the last time.
///
/// A hit costs one `stat` for each folder and file that was read. Nothing is watched.
#[derive(Debug, Default)]
pub struct SkillsCache {
    /// The lock is held for a look-up or an insertion only.
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
}

/// All that decides a search, besides the disk.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    roots: Vec<(AbsPath, Scope)>,
    switches: Vec<SkillSwitch>,
}

#[derive(Debug)]
struct Entry {
    traces: Traces,
    found: Arc<Found>,
}

impl SkillsCache {
    /// As [`discover`](super::discover()). Blocks for a few `stat`s, or for the search.
    #[must_use]
    pub fn discover(&self, places: &Places<'_>) -> Arc<Found> {
        let key = Key { roots: places.roots(), switches: places.config.switches.clone() };
        let known = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(entry) = known
            && entry.traces.still_hold()
        {
            return Arc::clone(&entry.found);
        }
        let (mut found, traces) = search(&key.roots);
        switch(&mut found, places.config);
        let found = Arc::new(found);
        let settled = traces.settled();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if settled {
            if entries.len() >= MAX_ENTRIES {
                entries.clear();
            }
            entries.insert(key, Arc::new(Entry { traces, found: Arc::clone(&found) }));
        } else {
            entries.remove(&key);
        }
        found
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
