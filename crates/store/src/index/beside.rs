//! Takes the files beside the rollouts into the index: names and changed git facts.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use types::{AbsPath, ThreadId};

use super::db::IndexError;
use super::stamp::Stamp;
use crate::{git_patches, names};

/// How much before the place where reading goes on must be as it was.
const TAIL: u64 = 256;

/// Whether both files are as they were when they were taken in.
pub(super) fn is_current(db: &Connection, home: &AbsPath) -> Result<bool, IndexError> {
    for file in [names::FILE, git_patches::FILE] {
        if read_state(db, file)?.stamp != stamp(&home.join(file)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes in what is new.
pub(super) fn take_in(db: &Transaction<'_>, home: &AbsPath) -> Result<(), IndexError> {
    take_in_names(db, home)?;
    take_in_git(db, home)
}

/// The names of threads have grown with every thread ever named, so only what was appended is read where it can be.
fn take_in_names(db: &Transaction<'_>, home: &AbsPath) -> Result<(), IndexError> {
    let path = home.join(names::FILE);
    let known = read_state(db, names::FILE)?;
    let now = stamp(&path);
    if known.stamp == now {
        return Ok(());
    }
    let appended = match (&known.stamp, &now) {
        (Some(before), Some(now)) => before.inode() == now.inode() && known.read <= now.size(),
        _ => false,
    };
    let tail = if appended { tail_before(&path, known.read).map_err(|_| IndexError::Disk)? } else { Vec::new() };
    let goes_on = appended && tail == known.tail;
    let mut new: HashMap<ThreadId, String> = HashMap::new();
    let from = if goes_on { known.read } else { 0 };
    let read = names::read_from(home, from, |id, name| {
        new.insert(id, name);
    })
    .map_err(|_| IndexError::Disk)?;
    if goes_on {
        let mut name = db.prepare_cached("INSERT OR REPLACE INTO names VALUES (?1, ?2)")?;
        let mut file = db.prepare_cached("UPDATE files SET name = ?2 WHERE thread = ?1")?;
        for (id, text) in &new {
            name.execute(params![id.as_uuid().as_bytes(), text])?;
            file.execute(params![id.as_uuid().as_bytes(), text])?;
        }
    } else {
        db.execute("DELETE FROM names", [])?;
        let mut insert = db.prepare_cached("INSERT INTO names VALUES (?1, ?2)")?;
        for (id, text) in &new {
            insert.execute(params![id.as_uuid().as_bytes(), text])?;
        }
        db.execute(
            "UPDATE files SET name = (SELECT name FROM names WHERE id = thread)
             WHERE name IS NOT (SELECT name FROM names WHERE id = thread)",
            [],
        )?;
    }
    let tail = if read > 0 { tail_before(&path, read).map_err(|_| IndexError::Disk)? } else { Vec::new() };
    write_state(db, names::FILE, &State { stamp: now, read, tail })
}

/// Few threads are in it: it is read whole.
fn take_in_git(db: &Transaction<'_>, home: &AbsPath) -> Result<(), IndexError> {
    let now = stamp(&home.join(git_patches::FILE));
    if read_state(db, git_patches::FILE)?.stamp == now {
        return Ok(());
    }
    let patches = git_patches::read(home).map_err(|_| IndexError::Disk)?;
    db.execute("DELETE FROM git", [])?;
    let mut insert = db.prepare_cached("INSERT INTO git VALUES (?1, ?2)")?;
    for (id, patch) in &patches {
        let patch = serde_json::to_string(patch).expect("a patch has text keys only");
        insert.execute(params![id.as_uuid().as_bytes(), patch])?;
    }
    write_state(db, git_patches::FILE, &State { stamp: now, read: 0, tail: Vec::new() })
}

/// How much of a file is in.
#[derive(Default)]
struct State {
    /// `None`: there was no file.
    stamp: Option<Stamp>,
    /// Bytes of whole lines.
    read: u64,
    /// The last of these bytes.
    tail: Vec<u8>,
}

fn read_state(db: &Connection, file: &str) -> Result<State, IndexError> {
    let mut select = db.prepare_cached("SELECT stamp, read, tail FROM beside WHERE file = ?1")?;
    let state = select.query_row([file], |row| {
        Ok(State { stamp: row.get(0)?, read: row.get::<_, i64>(1)?.cast_unsigned(), tail: row.get(2)? })
    });
    Ok(state.optional()?.unwrap_or_default())
}

fn write_state(db: &Connection, file: &str, state: &State) -> Result<(), IndexError> {
    let mut insert = db.prepare_cached("INSERT OR REPLACE INTO beside VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![file, state.stamp, state.read.cast_signed(), state.tail])?;
    Ok(())
}

/// `None` when there is no such file; so is one that cannot be looked at, which reading it then says.
fn stamp(path: &AbsPath) -> Option<Stamp> {
    path.metadata().ok().map(|facts| Stamp::of(&facts))
}

fn tail_before(path: &AbsPath, end: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let from = end.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(end - from).read_to_end(&mut tail)?;
    Ok(tail)
}
