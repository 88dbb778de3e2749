//! Brings the index in step with the rollouts.
//!
//! Steps are small, and each holds SQLite's lock for writing from before it looks at the disk until it is written. So
//! whatever stands in the index was true when its writer had the lock, and of several servers on one home none can
//! overwrite what another has seen later.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use types::{AbsPath, SessionSource, SubAgentSource, ThreadId};
use uuid::Uuid;

use super::db::IndexError;
use super::stamp::Stamp;
use super::watch::{Change, Place, Watch};
use crate::format::{self, Head};
use crate::list::source_code;
use crate::paths::{ARCHIVED, RolloutName, SESSIONS};
use crate::store::{day_folders, numbered, rollouts_in};
use crate::{head, open};

/// Files a step looks at: with 50 µs for a head, a few milliseconds.
const FILES_AT_ONCE: usize = 64;

/// Files of which changes cannot be heard (symbolic links, unreadable ones) that are looked at for each answer. Where there
/// are more, nothing is taken for known.
const LOOSE_AT_MOST: usize = 100;

/// What is known of the disk, and what has still to be looked at.
pub(super) struct Disk {
    home: AbsPath,
    zone: TimeZone,
    watch: Option<Watch>,
    /// Which folders stood at the roots.
    roots: [Option<(u64, u64)>; 2],
    /// The folders there are may be others.
    tree: bool,
    /// Folders that may hold other files.
    folders: BTreeSet<Arc<str>>,
    /// Files that may have changed. The last one is the newest one that is not archived.
    files: BTreeSet<(Arc<str>, RolloutName)>,
    /// Files of which changes are not heard.
    loose: BTreeSet<(Arc<str>, RolloutName)>,
    /// There were more of them than can be looked at each time.
    too_loose: bool,
}

impl Disk {
    /// Nothing is known yet.
    pub(super) fn new(home: AbsPath, zone: TimeZone) -> Self {
        Self {
            home,
            zone,
            watch: Watch::new(),
            roots: [None; 2],
            tree: true,
            folders: BTreeSet::new(),
            files: BTreeSet::new(),
            loose: BTreeSet::new(),
            too_loose: false,
        }
    }

    /// Whether changes are heard of, so that what was looked at once stays known.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.is_some() && !self.too_loose
    }

    /// Takes note of what has happened since the last call: what has to be looked at for an answer of now.
    pub(super) fn listen(&mut self) {
        let roots = [SESSIONS, ARCHIVED].map(|root| identity(&self.home.join(root)));
        if roots != self.roots {
            self.roots = roots;
            self.tree = true;
        }
        let mut all = !self.is_watched();
        if let Some(watch) = &mut self.watch {
            let mut moved = false;
            watch.changes(|change| match change {
                Change::File(folder, name) => self.files.extend(RolloutName::parse(&name).map(|name| (folder, name))),
                Change::Content(folder, name) => {
                    self.files.insert((folder, name));
                }
                Change::Folder(folder) => {
                    self.folders.insert(folder);
                }
                Change::Tree => self.tree = true,
                Change::Anything => all = true,
                Change::Moved => (moved, all) = (true, true),
            });
            if moved {
                watch.keep(|_| false);
            }
        }
        if all {
            self.look_at_everything();
        }
        self.files.append(&mut self.loose);
    }

    /// Takes nothing for known.
    pub(super) fn look_at_everything(&mut self) {
        self.tree = true;
        self.loose.clear();
        if let Some(watch) = &mut self.watch {
            // The step that follows watches them anew and, because of that, looks into them.
            watch.keep(|_| false);
        }
    }

    /// Whether the index is in step with what was heard.
    pub(super) fn is_done(&self) -> bool {
        !self.tree && self.folders.is_empty() && self.files.is_empty()
    }

    /// Does a part of what is to be done.
    pub(super) fn step(&mut self, db: &mut Connection) -> Result<(), IndexError> {
        if self.tree {
            return self.walk(db);
        }
        if let Some(folder) = self.folders.last().cloned() {
            self.look_into(db, &folder)?;
            self.folders.remove(&folder);
            return Ok(());
        }
        self.look_at_files(db)
    }

    /// Finds the folders, watches them, and forgets those that are gone.
    fn walk(&mut self, db: &mut Connection) -> Result<(), IndexError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut folders = Folders { watch: self.watch.take(), ..Folders::default() };
        let found = folders.find(&self.home);
        self.watch = folders.watch;
        self.folders.extend(folders.new);
        found?;
        let Folders { tree, rollouts, .. } = folders;
        match &mut self.watch {
            Some(watch) => watch.keep(|place| match place {
                Place::Tree(path) => tree.contains(path),
                Place::Rollouts(folder) => rollouts.contains(folder),
                Place::Rollout(names) => names.iter().any(|(folder, _)| rollouts.contains(folder)),
            }),
            None => self.folders.extend(rollouts.iter().cloned()),
        }
        let known = transaction
            .prepare_cached("SELECT DISTINCT folder FROM files")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        for folder in known {
            if !rollouts.contains(folder.as_str()) {
                transaction.execute("DELETE FROM files WHERE folder = ?1", [folder])?;
            }
        }
        transaction.commit()?;
        self.folders.retain(|folder| rollouts.contains(folder));
        self.tree = false;
        Ok(())
    }

    /// Finds the files of a folder that are not as the index has them.
    fn look_into(&mut self, db: &mut Connection, folder: &Arc<str>) -> Result<(), IndexError> {
        let path = self.home.join(&**folder);
        let mut known = db
            .prepare_cached("SELECT began, id, at, stamp FROM files WHERE folder = ?1")?
            .query_map([&**folder], |row| {
                let name = RolloutName::from_key(row.get(0)?, read_id(row, 1)?).ok_or(rusqlite::Error::InvalidQuery)?;
                Ok((name, (row.get(2)?, row.get(3)?)))
            })?
            .collect::<Result<HashMap<RolloutName, (i64, Option<Stamp>)>, _>>()?;
        for name in rollouts_in(&path).map_err(|_| IndexError::Disk)? {
            let known = known.remove(&name);
            let file = path.join(name.file_name());
            let is_known = known.is_some_and(|(at, stamp)| {
                let now = fs::symlink_metadata(&file).ok();
                at == self.millis_of(&name)
                    && now.is_some_and(|facts| names_of(&facts) == Names::One && stamp == Some(Stamp::of(&facts)))
            });
            if !is_known {
                self.files.insert((folder.clone(), name));
            }
        }
        self.files.extend(known.into_keys().map(|name| (folder.clone(), name)));
        Ok(())
    }

    /// Reads files that are not as the index has them, newest first.
    fn look_at_files(&mut self, db: &mut Connection) -> Result<(), IndexError> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let batch: Vec<_> = self.files.iter().rev().take(FILES_AT_ONCE).cloned().collect();
        let (mut loose, mut others) = (Vec::new(), Vec::new());
        for file in &batch {
            let seen = self.look_at(&transaction, &file.0, &file.1)?;
            if seen.others {
                others.extend(others_of(&transaction, &file.0, &file.1)?);
            }
            if seen.heard == Heard::No {
                loose.push(file.clone());
            }
        }
        transaction.commit()?;
        for file in &batch {
            self.files.remove(file);
        }
        self.files.extend(others);
        self.loose.extend(loose);
        self.too_loose |= self.loose.len() > LOOSE_AT_MOST;
        Ok(())
    }

    fn look_at(&mut self, db: &Transaction<'_>, folder: &Arc<str>, name: &RolloutName) -> Result<Seen, IndexError> {
        let path = self.home.join(&**folder).join(name.file_name());
        let key = (&**folder, name.key(), *name.id.as_uuid().as_bytes());
        let known: Option<(i64, Option<Stamp>)> = db
            .prepare_cached("SELECT at, stamp FROM files WHERE folder = ?1 AND began = ?2 AND id = ?3")?
            .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let facts = fs::symlink_metadata(&path).and_then(|facts| match names_of(&facts) {
            Names::Link => Ok((fs::metadata(&path)?, Seen { heard: Heard::No, others: false })),
            Names::One => Ok((facts, Seen { heard: Heard::Yes, others: false })),
            Names::Several => {
                let watched = self.watch.as_mut().and_then(|watch| watch.add_rollout(&path, folder, name));
                let heard = if watched.is_some() { Heard::Yes } else { Heard::No };
                // What happened before it was watched was not heard.
                let is_new = watched == Some(true);
                let facts = if is_new { fs::symlink_metadata(&path)? } else { facts };
                Ok((facts, Seen { heard, others: is_new }))
            }
        });
        let (facts, seen) = match facts {
            Ok(found) => found,
            Err(error) => {
                db.prepare_cached("DELETE FROM files WHERE folder = ?1 AND began = ?2 AND id = ?3")?.execute(key)?;
                let gone = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
                // A link may come to lead somewhere.
                let is_link = gone && fs::symlink_metadata(&path).is_ok();
                let heard = if gone && !is_link { Heard::Yes } else { Heard::No };
                return Ok(Seen { heard, others: false });
            }
        };
        let (at, stamp) = (self.millis_of(name), Stamp::of(&facts));
        if known == Some((at, Some(stamp))) {
            return Ok(seen);
        }
        // A change that nobody told of has not been seen under its other names either.
        let seen = Seen { others: seen.others || seen.heard == Heard::No, ..seen };
        let read = open::for_reading(&path).and_then(|(file, _)| {
            head::read(file, |line| Some((format::read_head(line)?, format::shorten_head(line)?)))
        });
        match read {
            Ok(read) => {
                Entry { folder, name, at, stamp: Some(stamp), read }.write(db)?;
                Ok(seen)
            }
            Err(error) => {
                tracing::debug!(%path, %error, "a rollout cannot be read for the index");
                Entry { folder, name, at, stamp: None, read: None }.write(db)?;
                Ok(Seen { heard: Heard::No, ..seen })
            }
        }
    }

    fn millis_of(&self, name: &RolloutName) -> i64 {
        name.began_at(&self.zone).as_millisecond()
    }
}

/// The other names of a file that are known.
fn others_of(
    db: &Transaction<'_>,
    folder: &str,
    name: &RolloutName,
) -> Result<Vec<(Arc<str>, RolloutName)>, IndexError> {
    let others = db
        .prepare_cached(
            "SELECT theirs.folder, theirs.began, theirs.id FROM files AS ours, files AS theirs
             WHERE ours.folder = ?1 AND ours.began = ?2 AND ours.id = ?3 AND theirs.file <> ours.file
               AND substr(theirs.stamp, 1, 8) = substr(ours.stamp, 1, 8)",
        )?
        .query_map((folder, name.key(), *name.id.as_uuid().as_bytes()), |row| {
            let name = RolloutName::from_key(row.get(1)?, read_id(row, 2)?).ok_or(rusqlite::Error::InvalidQuery)?;
            Ok((Arc::from(row.get_ref(0)?.as_str()?), name))
        })?
        .collect::<Result<_, _>>()?;
    Ok(others)
}

/// What looking at a file has shown.
struct Seen {
    heard: Heard,
    /// It has other names, and what happened to it under these was not heard of until now.
    others: bool,
}

/// Whether changes of a file are heard of.
#[derive(PartialEq, Eq)]
enum Heard {
    Yes,
    No,
}

/// By what a file may be changed.
#[derive(PartialEq, Eq)]
enum Names {
    /// By its name in its folder.
    One,
    /// By other names of it, too.
    Several,
    /// It is the name of another file.
    Link,
}

fn names_of(facts: &fs::Metadata) -> Names {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(facts);
    #[cfg(not(unix))]
    let names = 1;
    if facts.is_symlink() {
        Names::Link
    } else if names > 1 {
        Names::Several
    } else {
        Names::One
    }
}

/// Which folder stands at a path.
fn identity(path: &AbsPath) -> Option<(u64, u64)> {
    let facts = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let identity = (std::os::unix::fs::MetadataExt::dev(&facts), std::os::unix::fs::MetadataExt::ino(&facts));
    #[cfg(not(unix))]
    let identity = (0, u64::from(facts.is_dir()));
    Some(identity)
}

/// The folders under a home, watched as long as all of them can be.
#[derive(Default)]
struct Folders {
    watch: Option<Watch>,
    /// Folders of folders.
    tree: BTreeSet<PathBuf>,
    /// Folders of rollouts, by their paths under the home.
    rollouts: BTreeSet<Arc<str>>,
    /// Those of them that were not watched before.
    new: Vec<Arc<str>>,
}

impl Folders {
    /// Looks into each folder after it is watched, so that nothing comes about in between.
    fn find(&mut self, home: &AbsPath) -> Result<(), IndexError> {
        let archived = home.join(ARCHIVED);
        if archived.is_dir() {
            self.add_rollouts(&archived, ARCHIVED.into(), true);
        }
        let sessions = home.join(SESSIONS);
        if !sessions.is_dir() {
            return Ok(());
        }
        self.add_tree(&sessions, true);
        for year in numbered(&sessions, 4).map_err(|_| IndexError::Disk)? {
            self.add_tree(&year, false);
            for month in numbered(&year, 2).map_err(|_| IndexError::Disk)? {
                self.add_tree(&month, false);
            }
        }
        for day in day_folders(&sessions).map_err(|_| IndexError::Disk)? {
            if day.is_dir() {
                let name = day.strip_prefix(&**home).expect("it was found there").to_string_lossy();
                self.add_rollouts(&day, name.into(), false);
            }
        }
        Ok(())
    }

    fn add_tree(&mut self, path: &AbsPath, follow: bool) {
        self.watch(path, follow, Place::Tree(path.as_path().to_owned()));
        self.tree.insert(path.as_path().to_owned());
    }

    fn add_rollouts(&mut self, path: &AbsPath, folder: Arc<str>, follow: bool) {
        if self.watch(path, follow, Place::Rollouts(folder.clone())) {
            self.new.push(folder.clone());
        }
        self.rollouts.insert(folder);
    }

    /// Whether the folder was not watched before.
    fn watch(&mut self, path: &AbsPath, follow: bool, place: Place) -> bool {
        let Some(watch) = &mut self.watch else { return false };
        let Some(new) = watch.add(path, follow, place) else {
            tracing::debug!(%path, "a folder of threads cannot be watched; lists look at all files");
            self.watch = None;
            return false;
        };
        new
    }
}

/// A file as it goes into the index.
struct Entry<'a> {
    folder: &'a str,
    name: &'a RolloutName,
    at: i64,
    /// `None`: to be read again.
    stamp: Option<Stamp>,
    /// The head, also as short text, and the first message of the user.
    read: Option<((Head, String), Option<String>)>,
}

impl Entry<'_> {
    fn write(self, db: &Transaction<'_>) -> Result<(), IndexError> {
        let Self { folder, name, at, stamp, read } = self;
        // As in a scan, a time that no calendar has is none.
        let changed = stamp
            .and_then(|stamp| Timestamp::from_millisecond(format::unix_millis(stamp.modified())).ok())
            .map(|changed| changed.as_millisecond());
        let (head, preview) = read.unzip();
        let (head, short) = head.unzip();
        let head = head.as_ref();
        let parent = head.and_then(|head| match &head.source {
            SessionSource::SubAgent(SubAgentSource::ThreadSpawn { parent_thread_id, .. }) => Some(parent_thread_id),
            _ => None,
        });
        db.prepare_cached(
            "INSERT INTO files
               (folder, began, id, at, changed, stamp, thread, source, parent, provider, cwd, head, preview, name)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, (SELECT name FROM names WHERE id = ?7))
             ON CONFLICT (folder, began, id) DO UPDATE SET
               at = excluded.at, changed = excluded.changed, stamp = excluded.stamp, thread = excluded.thread,
               source = excluded.source, parent = excluded.parent, provider = excluded.provider, cwd = excluded.cwd,
               head = excluded.head, preview = excluded.preview, name = excluded.name",
        )?
        .execute(params![
            folder,
            name.key(),
            name.id.as_uuid().as_bytes(),
            at,
            changed,
            stamp,
            head.map(|head| *head.id.as_uuid().as_bytes()),
            head.map(|head| source_code(&head.source)),
            parent.map(|id| *id.as_uuid().as_bytes()),
            head.and_then(|head| head.model_provider.as_deref()),
            head.map(|head| cwd_key(&head.cwd)),
            short,
            preview.flatten(),
        ])?;
        Ok(())
    }
}

/// A working directory as the index compares it.
pub(super) fn cwd_key(cwd: &AbsPath) -> &[u8] {
    cwd.as_os_str().as_encoded_bytes()
}

/// An id from a column.
pub(super) fn read_id(row: &Row<'_>, column: usize) -> rusqlite::Result<ThreadId> {
    Ok(Uuid::from_bytes(row.get(column)?).into())
}
