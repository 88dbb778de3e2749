//! The index's file: what is in it, and how it is opened.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;
use memchr::memmem;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

/// Counted up when the tables change, or what is read from rollouts for them. Also part of the file's name, so that an
/// older server keeps its own.
pub(super) const VERSION: i64 = 1;

/// The index of this version, under the home.
pub(super) const FILE: &str = "spindle/index-1.sqlite";

/// How long another process may write before an answer comes from the rollouts instead. It writes for milliseconds.
const PATIENCE: Duration = Duration::from_millis(200);

/// - `files`: a row a rollout. `folder`, `began` (`YYYYMMDDhhmmss`) and `id` are its path; `at` is `began` as an
///   instant and `changed` its last change, in milliseconds. `stamp` is null while the file has not been read; `head` is
///   null when that gave nothing to list, `preview` when the user has said nothing. `thread` is the id in the head, `name`
///   that thread's.
/// - `names`, `git`: what stands beside the rollouts. `beside`: how much of those files is in.
const SCHEMA: &str = "
    CREATE TABLE files (
        file INTEGER PRIMARY KEY,
        folder TEXT NOT NULL, began INTEGER NOT NULL, id BLOB NOT NULL,
        at INTEGER NOT NULL, changed INTEGER, stamp BLOB,
        thread BLOB, source INTEGER, parent BLOB, provider TEXT, cwd BLOB,
        head TEXT, preview TEXT, name TEXT,
        title TEXT AS (CASE WHEN preview IS NOT NULL THEN coalesce(name, preview) END) VIRTUAL,
        listed INTEGER AS (preview IS NOT NULL) VIRTUAL,
        UNIQUE (folder, began, id)
    );
    CREATE INDEX by_creation ON files (folder, at, id, began, changed, source, provider, cwd, title);
    CREATE INDEX by_change ON files (changed, id, folder, began, source, provider, cwd, listed);
    CREATE INDEX by_thread ON files (thread);
    CREATE INDEX by_parent ON files (parent) WHERE parent IS NOT NULL;
    CREATE TABLE names (id BLOB PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE git (id BLOB PRIMARY KEY, patch TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE beside (file TEXT PRIMARY KEY, stamp BLOB, read INTEGER NOT NULL, tail BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE facts (zone TEXT NOT NULL);
";

/// Finds the other names of a file: a stamp begins with the inode. Added to what servers of this version made before they
/// had it.
const BY_INODE: &str = "CREATE INDEX IF NOT EXISTS by_inode ON files (substr(stamp, 1, 8))";

/// Why the index cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("cannot make its folder")]
    Folder(#[source] io::Error),
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it is of version {0}, this server writes version {VERSION}")]
    OtherVersion(i64),
    #[error("a server in another time zone uses it")]
    OtherZone,
    /// The rollouts themselves could not be looked at; a scan says what is wrong.
    #[error("the rollouts cannot be looked at")]
    Disk,
}

/// What to do about an [`IndexError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Somebody else is busy with it, or the disk is: later it may work.
    Wait,
    /// Make a new one.
    Rebuild,
    /// Do without.
    GiveUp,
}

impl IndexError {
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::Disk => Remedy::Wait,
            Self::Damaged(_) => Remedy::Rebuild,
            Self::Folder(_) | Self::OtherVersion(_) | Self::OtherZone => Remedy::GiveUp,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => Remedy::Wait,
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Remedy::GiveUp,
                // Whatever it is, it is not of our making: a table that is missing, a value of another type.
                _ => Remedy::Rebuild,
            },
        }
    }
}

/// Opens the index, making it when there is none.
pub(super) fn open(path: &Path, zone: &TimeZone) -> Result<Connection, IndexError> {
    make_file(path).map_err(IndexError::Folder)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    // What a power cut takes is read again; an index that it leaves half written would not be noticed, hence `NORMAL`.
    // Where there can be no write-ahead log (some network file systems) SQLite goes on with the journal it has.
    db.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024;",
    )?;
    db.create_scalar_function(
        "contains",
        2,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |arguments| {
            // Kept from row to row.
            let term = arguments.get_or_create_aux(1, |term| {
                Ok::<_, rusqlite::types::FromSqlError>(memmem::Finder::new(term.as_bytes()?).into_owned())
            })?;
            let text = arguments.get_raw(0).as_bytes_or_null()?;
            Ok(text.is_some_and(|text| term.find(text).is_some()))
        },
    )?;
    let zone = zone_name(zone);
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match transaction.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute(BY_INODE, [])?;
            transaction.execute("INSERT INTO facts VALUES (?1)", [&zone])?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        VERSION => {
            // From now on the times in it are ours; they are compared with the names before the first answer.
            transaction.execute("UPDATE facts SET zone = ?1 WHERE zone IS NOT ?1", [&zone])?;
            transaction.execute(BY_INODE, [])?;
        }
        other => return Err(IndexError::OtherVersion(other)),
    }
    transaction.commit()?;
    check(&db)?;
    Ok(db)
}

/// Looks for damage. Reads all of the file: a millisecond for a thousand threads.
fn check(db: &Connection) -> Result<(), IndexError> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(IndexError::Damaged(verdict)) }
}

/// Says so when another process has put times of its own zone into the index.
pub(super) fn check_zone(db: &Connection, zone: &TimeZone) -> Result<(), IndexError> {
    let theirs: String = db.prepare_cached("SELECT zone FROM facts")?.query_row([], |row| row.get(0))?;
    if theirs == zone_name(zone) { Ok(()) } else { Err(IndexError::OtherZone) }
}

/// A text that two zones share only if they are the same for our purposes.
fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().map_or_else(
        || {
            let halves = (1990..2040).flat_map(|year| [date(year, 1, 1), date(year, 7, 1)]);
            let offset = |day: jiff::civil::Date| {
                let noon = day.at(12, 0, 0, 0);
                zone.to_ambiguous_timestamp(noon).compatible().map_or(0, |at| zone.to_offset(at).seconds()).to_string()
            };
            halves.map(offset).collect::<Vec<_>>().join(" ")
        },
        str::to_owned,
    )
}

/// Removes the index and what SQLite keeps beside it.
pub(super) fn remove(path: &Path) {
    for file in [beside(path, "-wal"), beside(path, "-shm"), path.to_owned()] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %file.display(), %error, "a part of the index of threads cannot be removed");
            }
            _ => {}
        }
    }
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes an empty file where there is none: its owner's alone, as the rollouts are. SQLite gives its other files the
/// same mode.
fn make_file(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    // A log that was left behind belongs to another file.
    remove(path);
    fs::create_dir_all(path.parent().expect("the index lies in a folder"))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
