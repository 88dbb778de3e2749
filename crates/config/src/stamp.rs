//! Noticing that a file or folder changed, without reading it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The file system's clock moves in steps of at most this length.
const CLOCK_GRAIN: Duration = Duration::from_millis(20);

/// Changes whenever a file is written or replaced, or a folder gains or loses an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    len: u64,
    inode: u64,
    device: u64,
}

impl Stamp {
    /// The stamp of what is at `path`, following links; `None` when nothing is there.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }

    /// Whether every later change is sure to give another stamp. A file that changed just now may change again within
    /// the same step of the clock; what is read from it should not be remembered.
    #[must_use]
    pub fn settled(&self) -> bool {
        let (seconds, nanoseconds) = self.changed.max(self.modified);
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else { return true };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        SystemTime::now().duration_since(changed).is_ok_and(|age| age > CLOCK_GRAIN)
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            len: metadata.len(),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}
