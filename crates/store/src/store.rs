//! The threads of one home folder.

use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use types::{AbsPath, ThreadId};

use crate::copy;
use crate::error::StoreError;
use crate::git_patches::{self, GitPatch};
use crate::index::{Effort, Index};
use crate::index_file::or_nothing;
use crate::list::{ListQuery, Page, Summary};
use crate::lock::Locks;
use crate::names;
use crate::newest;
use crate::outline_file;
use crate::paths::{self, ARCHIVED, RolloutName, SESSIONS};
use crate::reader::Section;
use crate::record::{Record, SessionMeta};
use crate::stored_turns::StoredTurns;
use crate::thread::StoredThread;
use crate::thread_store::{ThreadStore, ThreadWriter};
use crate::writer::RolloutWriter;
use crate::{head, open};

/// Newest turns are looked for in so many bytes of a rollout's end; an outline finds sooner what stands before them.
const END: u64 = 1 << 20;

/// Where there is no outline, in this part of the rollout, as all of it would have to be read instead; within these limits,
/// as what is known of its lines stands in memory.
const END_SHARE: u64 = 8;
const END_WITHOUT_OUTLINE: RangeInclusive<u64> = 2 << 20..=128 << 20;

/// The threads of one home folder. Making one costs nothing; every call looks at the disk.
///
/// All methods block on the file system for as long as it takes to look at a few files.
#[derive(Debug)]
pub struct FileStore {
    pub(crate) home: AbsPath,
    zone: OnceLock<TimeZone>,
    /// Made for the first list.
    index: OnceLock<Index>,
    locks: Arc<Locks>,
}

/// A thread's rollout on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: AbsPath,
    pub archived: bool,
}

impl FileStore {
    /// The store under `home`. No I/O. File names are in the machine's time zone, which is asked for when first needed.
    #[must_use]
    pub fn new(home: AbsPath) -> Self {
        Self { locks: Locks::new(&home), home, zone: OnceLock::new(), index: OnceLock::new() }
    }

    /// The same with a time zone of the caller's.
    #[must_use]
    pub fn with_time_zone(home: AbsPath, zone: TimeZone) -> Self {
        Self { locks: Locks::new(&home), home, zone: OnceLock::from(zone), index: OnceLock::new() }
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        self.zone.get_or_init(TimeZone::system)
    }

    pub(crate) fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.home, self.zone().clone()))
    }

    /// The thread that a rollout is of: by its name, or by its first line where the name says nothing.
    fn id_of(&self, path: &AbsPath) -> Result<ThreadId, StoreError> {
        let named = path.file_name().and_then(RolloutName::parse).map(|name| name.id);
        let known = named.or_else(|| head::first_line(path).map(|head| head.id));
        // Reading it all says what is wrong, if it is.
        known.map_or_else(|| self.read(path).map(|thread| thread.meta.id), Ok)
    }

    /// Days near the time in the id first, all days after.
    fn find_in_days(&self, id: ThreadId) -> Result<Option<AbsPath>, StoreError> {
        let mut tried = Vec::new();
        if let Some(created) = created_at(id) {
            let day = Duration::from_secs(24 * 60 * 60);
            for at in [Some(created), created.checked_sub(day), created.checked_add(day)].into_iter().flatten() {
                let folder = RolloutName::new(id, at, self.zone()).day_folder(&self.home);
                if let Some(path) = find_in(&folder, id)? {
                    return Ok(Some(path));
                }
                tried.push(folder);
            }
        }
        for folder in day_folders(&self.home.join(SESSIONS))? {
            if !tried.contains(&folder)
                && let Some(path) = find_in(&folder, id)?
            {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    fn relocate(&self, path: &AbsPath, target: AbsPath) -> Result<AbsPath, StoreError> {
        let folder = target.parent().expect("a rollout's path has a file name");
        fs::create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
        // A rename would replace it, and with it what was said there.
        if fs::symlink_metadata(&target).is_ok() {
            let in_the_way = io::Error::new(io::ErrorKind::AlreadyExists, format!("`{target}` is in the way"));
            return Err(StoreError::io("move", path)(in_the_way));
        }
        fs::rename(path, &target).map_err(StoreError::io("move", path))?;
        Ok(target)
    }
}

impl ThreadStore for FileStore {
    fn close(&self) {
        if let Some(index) = self.index.get() {
            index.close();
        }
    }

    fn rollout_path(&self, id: ThreadId, created: SystemTime) -> AbsPath {
        let name = RolloutName::new(id, created, self.zone());
        name.day_folder(&self.home).join(name.file_name())
    }

    fn create(&self, meta: SessionMeta) -> Box<dyn ThreadWriter> {
        let path = self.rollout_path(meta.id, meta.created_at);
        Box::new(RolloutWriter::new(path, meta, self.locks.clone()))
    }

    fn open(&self, path: &AbsPath) -> Result<(StoredThread, Box<dyn ThreadWriter>), StoreError> {
        let lock = self.locks.take(self.id_of(path)?)?;
        let thread = self.read(path)?;
        if thread.torn_bytes > 0 {
            let file = File::options().write(true).open(path).map_err(StoreError::io("repair", path))?;
            let length = file.metadata().map_err(StoreError::io("repair", path))?.len();
            // A file that has grown since it was read has another writer, whose line this may be. The first append then
            // begins with a line feed, and the half line is skipped by readers.
            if length == thread.whole_bytes + thread.torn_bytes {
                tracing::warn!(%path, bytes = thread.torn_bytes, "half a line at the end is cut off");
                file.set_len(thread.whole_bytes).map_err(StoreError::io("repair", path))?;
            }
        }
        let writer = RolloutWriter::resume(path.clone(), thread.meta.clone(), lock)?;
        Ok((thread, Box::new(writer)))
    }

    fn copy(
        &self,
        original: &StoredThread,
        meta: SessionMeta,
        closing: &[Record],
    ) -> Result<Box<dyn ThreadWriter>, StoreError> {
        let lock = self.locks.take(meta.id)?;
        let path = self.rollout_path(meta.id, meta.created_at);
        copy::sweep(&path.parent().expect("a rollout's path has a file name"), &self.locks);
        copy::write(&path, original, &meta, closing)?;
        Ok(Box::new(RolloutWriter::resume(path, meta, lock)?.of_new_file()))
    }

    fn wait_for_release(&self, id: ThreadId, at_most: Duration) {
        self.locks.wait_for_release(id, at_most);
    }

    fn read(&self, path: &AbsPath) -> Result<StoredThread, StoreError> {
        let (file, facts) = open::for_reading(path).map_err(StoreError::io("open", path))?;
        let file = Arc::new(file);
        let updated_at = facts.modified().map_err(StoreError::io("read", path))?;
        let id = path.file_name().and_then(RolloutName::parse).map(|name| name.id);
        let outline = id.map(|id| outline_file::load(&self.home, id, &file, facts.len())).unwrap_or_default();
        let kept = outline.covered;
        let source = Box::new(file.clone());
        let name = |id| Ok(or_nothing(self.name(id)));
        StoredThread::continued(source, facts.len(), path.clone(), name, updated_at, outline, |outline| {
            // A file under another thread's name has no outline of its own.
            if let Some(id) = id.filter(|id| outline.id == Some(*id)) {
                outline_file::keep(&self.home, id, &file, outline, kept);
            }
        })
    }

    fn newest_turns(&self, path: &AbsPath, enough: &dyn Fn(&StoredTurns) -> bool) -> Result<StoredTurns, StoreError> {
        let (file, facts) = open::for_reading(path).map_err(StoreError::io("open", path))?;
        let file = Arc::new(file);
        let id = path.file_name().and_then(RolloutName::parse).map(|name| name.id);
        let outlined = id.is_some_and(|id| outline_file::is_kept(&self.home, id));
        let at_most = if outlined { END } else { end_without_outline(facts.len()) };
        // Whatever is wrong with it, reading all of it says so.
        if let Ok(Some(turns)) = newest::turns(&file, facts.len(), path, at_most, enough)
            && head::first_line_of(Section::new(&file, 0, u64::MAX)).is_some()
        {
            return Ok(turns);
        }
        Ok(self.read(path)?.turns)
    }

    fn find(&self, id: ThreadId) -> Result<Option<Found>, StoreError> {
        if let Some(path) = self.find_in_days(id)? {
            return Ok(Some(Found { path, archived: false }));
        }
        let archived = self.home.join(ARCHIVED);
        Ok(find_in(&archived, id)?.map(|path| Found { path, archived: true }))
    }

    fn current_path(&self, path: &AbsPath) -> AbsPath {
        let moved = || {
            let name = path.file_name().and_then(RolloutName::parse)?;
            let folders = [self.home.join(ARCHIVED), name.day_folder(&self.home)];
            folders.into_iter().map(|folder| folder.join(name.file_name())).find(|place| place.exists())
        };
        if path.exists() { path.clone() } else { moved().unwrap_or_else(|| path.clone()) }
    }

    fn archive(&self, path: &AbsPath) -> Result<AbsPath, StoreError> {
        let name = rollout_name(path)?;
        self.relocate(path, self.home.join(ARCHIVED).join(name.file_name()))
    }

    fn unarchive(&self, path: &AbsPath) -> Result<AbsPath, StoreError> {
        let name = rollout_name(path)?;
        let target = self.relocate(path, name.day_folder(&self.home).join(name.file_name()))?;
        let touched = File::options().write(true).open(&target).and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched {
            // It is back, which is what was asked for.
            tracing::warn!(path = %target, %error, "a rollout keeps the time of its last change");
        }
        Ok(target)
    }

    fn is_archived(&self, path: &AbsPath) -> bool {
        paths::is_archived(&self.home, path)
    }

    fn name(&self, id: ThreadId) -> Result<Option<String>, StoreError> {
        Ok(names::read(&self.home)?.remove(&id))
    }

    fn set_name(&self, id: ThreadId, name: &str) -> Result<(), StoreError> {
        names::append(&self.home, id, name, SystemTime::now())
    }

    fn git_patch(&self, id: ThreadId) -> Result<GitPatch, StoreError> {
        Ok(git_patches::read(&self.home)?.remove(&id).unwrap_or_default())
    }

    fn patch_git(&self, id: ThreadId, patch: GitPatch) -> Result<(), StoreError> {
        git_patches::append(&self.home, id, &self.git_patch(id)?.then(patch))
    }

    fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        Self::list(self, query)
    }

    fn summary(&self, path: &AbsPath) -> Result<Option<Summary>, StoreError> {
        Self::summary(self, path)
    }

    fn descendants(&self, id: ThreadId) -> Result<Vec<(ThreadId, AbsPath)>, StoreError> {
        match self.index().descendants(id, Effort::Little) {
            Some(found) => Ok(found),
            None => self.scan_descendants(id),
        }
    }
}

fn end_without_outline(length: u64) -> u64 {
    (length / END_SHARE).clamp(*END_WITHOUT_OUTLINE.start(), *END_WITHOUT_OUTLINE.end())
}

fn rollout_name(path: &AbsPath) -> Result<RolloutName, StoreError> {
    path.file_name()
        .and_then(RolloutName::parse)
        .ok_or_else(|| StoreError::NotARollout { path: path.as_path().to_owned() })
}

/// When an id of version 7 was made.
fn created_at(id: ThreadId) -> Option<SystemTime> {
    let (seconds, nanos) = id.as_uuid().get_timestamp()?.to_unix();
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

fn find_in(folder: &AbsPath, id: ThreadId) -> Result<Option<AbsPath>, StoreError> {
    Ok(rollouts_in(folder)?.into_iter().find(|name| name.id == id).map(|name| folder.join(name.file_name())))
}

/// The rollouts of one folder by their names, in no order. A folder that does not exist has none.
pub(crate) fn rollouts_in(folder: &AbsPath) -> Result<Vec<RolloutName>, StoreError> {
    Ok(entries(folder)?.iter().filter_map(|name| RolloutName::parse(name)).collect())
}

/// The folders of days, newest first.
pub(crate) fn day_folders(sessions: &AbsPath) -> Result<Vec<AbsPath>, StoreError> {
    let mut days = Vec::new();
    for year in numbered(sessions, 4)? {
        for month in numbered(&year, 2)? {
            days.extend(numbered(&month, 2)?);
        }
    }
    days.retain(|day| paths::day_of(day).is_some());
    Ok(days)
}

/// The folders in `folder` whose names are numbers of so many digits, highest first.
pub(crate) fn numbered(folder: &AbsPath, digits: usize) -> Result<Vec<AbsPath>, StoreError> {
    let is_number = |name: &str| name.len() == digits && name.bytes().all(|letter| letter.is_ascii_digit());
    let mut numbers = entries(folder)?;
    numbers.retain(|name| name.to_str().is_some_and(is_number));
    numbers.sort_unstable_by(|left, right| right.cmp(left));
    Ok(numbers.into_iter().map(|name| folder.join(name)).collect())
}

/// What is in a folder; nothing where there is none. In one that is closed there is nothing either, unless it is the one
/// that holds all threads: those in other folders are to be found.
fn entries(folder: &AbsPath) -> Result<Vec<std::ffi::OsString>, StoreError> {
    let holds_all = folder.ends_with(SESSIONS) || folder.ends_with(ARCHIVED);
    let listed = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) if is_closed(&error) && !holds_all => {
            tracing::warn!(path = %folder, %error, "a folder cannot be looked into; threads in it are left out");
            return Ok(Vec::new());
        }
        listed => listed,
    };
    listed
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect())
        .map_err(StoreError::io("list", folder))
}

/// Whether a folder is one that nobody, or not this user, can look into: that will be so the next time.
fn is_closed(error: &io::Error) -> bool {
    #[cfg(unix)]
    let leads_to_itself = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    let leads_to_itself = false;
    leads_to_itself || error.kind() == io::ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_an_end_is_looked_at_than_can_stand_in_memory() {
        for (length, end) in [(3 << 20, 2 << 20), (64 << 20, 8 << 20), (1 << 40, 128 << 20)] {
            assert_eq!(end_without_outline(length), end);
        }
    }
}
