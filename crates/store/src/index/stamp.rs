//! What tells that a file is as it was.

use std::fs::Metadata;
use std::time::SystemTime;
#[cfg(unix)]
use std::{os::unix::fs::MetadataExt as _, time::Duration};

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// Which file stands at a path, its length, and the times of its last changes. A file of the same stamp is taken for
/// unchanged: `ctime` is the system's own, and no program can set it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    changed: Instant,
    modified: Instant,
}

/// Seconds since the epoch and nanoseconds after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instant(i64, u32);

/// Bytes of a stamp in the index.
const LEN: usize = 8 + 8 + 12 + 12;

impl Stamp {
    #[cfg(unix)]
    pub(super) fn of(facts: &Metadata) -> Self {
        let instant = |seconds, nanos| Instant(seconds, u32::try_from(nanos).unwrap_or_default());
        Self {
            inode: facts.ino(),
            size: facts.len(),
            changed: instant(facts.ctime(), facts.ctime_nsec()),
            modified: instant(facts.mtime(), facts.mtime_nsec()),
        }
    }

    /// Systems without inodes and change times: a change that keeps length and time goes unnoticed.
    #[cfg(not(unix))]
    pub(super) fn of(facts: &Metadata) -> Self {
        let since = facts.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let modified =
            since.map_or(Instant(0, 0), |since| Instant(since.as_secs().cast_signed(), since.subsec_nanos()));
        Self { inode: 0, size: facts.len(), changed: modified, modified }
    }

    pub(super) fn inode(&self) -> u64 {
        self.inode
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// When the file was last written to.
    pub(super) fn modified(&self) -> SystemTime {
        let Instant(seconds, nanos) = self.modified;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let second = if seconds < 0 { SystemTime::UNIX_EPOCH - whole } else { SystemTime::UNIX_EPOCH + whole };
        second + Duration::from_nanos(nanos.into())
    }
}

impl ToSql for Stamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.extend_from_slice(&self.inode.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        for Instant(seconds, nanos) in [self.changed, self.modified] {
            bytes.extend_from_slice(&seconds.to_le_bytes());
            bytes.extend_from_slice(&nanos.to_le_bytes());
        }
        Ok(bytes.into())
    }
}

impl FromSql for Stamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes: &[u8; LEN] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let instant = |at: usize| {
            let nanos = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().expect("four bytes"));
            Instant(long(at).cast_signed(), nanos)
        };
        Ok(Self { inode: long(0), size: long(8), changed: instant(16), modified: instant(28) })
    }
}
