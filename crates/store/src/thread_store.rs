//! What a store of threads can do, so that other back ends than files can stand in its place.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use types::{AbsPath, ThreadId};

use crate::error::StoreError;
use crate::git_patches::GitPatch;
use crate::list::{ListQuery, Page, Summary};
use crate::record::{Record, SessionMeta};
use crate::store::Found;
use crate::stored_turns::StoredTurns;
use crate::thread::StoredThread;

/// Keeps threads: their rollouts, names and what else is known of them.
///
/// A rollout is an append-only log of lines with a path; what is in it is read through [`StoredThread`], whatever holds
/// the lines ([`Source`](crate::Source)). [`FileStore`](crate::FileStore) keeps them as files under a home folder.
///
/// Methods block for as long as it takes to look at a few places; those that read or copy a thread, as long as that
/// takes.
pub trait ThreadStore: Debug + Send + Sync {
    /// Ends what goes on in the background. Waits some milliseconds at most. Everything goes on to work.
    fn close(&self);

    /// Where the rollout of a thread that begins at `created` is to lie.
    #[must_use]
    fn rollout_path(&self, id: ThreadId, created: SystemTime) -> AbsPath;

    /// Begins a thread. Nothing of it is stored before the first append.
    #[must_use]
    fn create(&self, meta: SessionMeta) -> Box<dyn ThreadWriter>;

    /// Reads a thread to go on with it. Half a line at the end is cut off (what a killed writer left), so that the next
    /// append starts a line of its own; nothing else is written.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when somebody has the thread open for writing, be it here; otherwise when the file cannot be
    /// read or holds no session metadata.
    fn open(&self, path: &AbsPath) -> Result<(StoredThread, Box<dyn ThreadWriter>), StoreError>;

    /// Begins a thread as a copy of another: its own facts, then the lines of `original` as they stand, except names,
    /// then `closing`. The copy is complete when it appears under its name.
    ///
    /// # Errors
    /// When the original cannot be read or the copy cannot be written; no file is left then.
    fn copy(
        &self,
        original: &StoredThread,
        meta: SessionMeta,
        closing: &[Record],
    ) -> Result<Box<dyn ThreadWriter>, StoreError>;

    /// Waits until this process no longer has a thread open for writing, but not longer than `at_most`. Blocks.
    fn wait_for_release(&self, id: ThreadId, at_most: Duration);

    /// Looks at a thread and leaves its file as it is, so that it may be another process that writes it.
    ///
    /// Reads what was written since the thread's outline was kept, or all of it.
    ///
    /// # Errors
    /// When the file cannot be read or holds no session metadata.
    fn read(&self, path: &AbsPath) -> Result<StoredThread, StoreError>;

    /// The newest turns of a thread, so many that they are `enough`, or all of them. Looks at the file as [`Self::read`]
    /// does, but at no more of its end than that takes where the turns stand there.
    ///
    /// `enough` is asked of more and more turns; it must not wait for anything.
    ///
    /// # Errors
    /// As those of [`Self::read`].
    fn newest_turns(&self, path: &AbsPath, enough: &dyn Fn(&StoredTurns) -> bool) -> Result<StoredTurns, StoreError>;

    /// Finds a thread's rollout by its id, archived or not, looking at names only.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    fn find(&self, id: ThreadId) -> Result<Option<Found>, StoreError>;

    /// Where a rollout is that was at `path`: there, or where archiving or unarchiving it has moved it since. `path` again
    /// when it is nowhere.
    #[must_use]
    fn current_path(&self, path: &AbsPath) -> AbsPath;

    /// Moves a thread's rollout among the archived ones; gives its new place. An open writer goes on writing to it.
    ///
    /// # Errors
    /// When the file is no rollout or cannot be moved.
    fn archive(&self, path: &AbsPath) -> Result<AbsPath, StoreError>;

    /// Moves an archived rollout back to the folder of its day and marks it as changed now, where that can be done; gives
    /// its new place.
    ///
    /// # Errors
    /// When the file is no rollout or cannot be moved.
    fn unarchive(&self, path: &AbsPath) -> Result<AbsPath, StoreError>;

    /// Whether a rollout lies among the archived ones.
    #[must_use]
    fn is_archived(&self, path: &AbsPath) -> bool;

    /// The newest name a thread was given.
    ///
    /// # Errors
    /// When the index of names cannot be read.
    fn name(&self, id: ThreadId) -> Result<Option<String>, StoreError>;

    /// Gives a thread a name. In the file before this returns; the rollout's own record of it is the caller's to append.
    ///
    /// # Errors
    /// When the index of names cannot be written; it is as long as before then.
    fn set_name(&self, id: ThreadId, name: &str) -> Result<(), StoreError>;

    /// What clients have changed of a thread's git facts.
    ///
    /// # Errors
    /// When the file of changes cannot be read.
    fn git_patch(&self, id: ThreadId) -> Result<GitPatch, StoreError>;

    /// Changes a thread's git facts, over earlier changes. In the file before this returns; the rollout stays as it is.
    ///
    /// # Errors
    /// When the file of changes cannot be read or written; it is as long as before then.
    fn patch_git(&self, id: ThreadId, patch: GitPatch) -> Result<(), StoreError>;

    /// Lists threads in which the user has said something. Those that cannot be read are left out.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`] for a cursor that is not from a page; otherwise when a folder cannot be listed.
    fn list(&self, query: &ListQuery) -> Result<Page, StoreError>;

    /// What a list shows of one thread, whatever is in it; `None` when its file cannot be read.
    ///
    /// # Errors
    /// When what stands beside the rollouts cannot be read.
    fn summary(&self, path: &AbsPath) -> Result<Option<Summary>, StoreError>;

    /// The threads that were started to work for `id`, theirs, and so on, as far as they are not archived: children
    /// before their own children, and older ones before newer ones.
    ///
    /// Where no index knows them, it takes the first lines of all threads that began no earlier than `id`.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    fn descendants(&self, id: ThreadId) -> Result<Vec<(ThreadId, AbsPath)>, StoreError>;
}

/// What holds the lines of a rollout: a file, or whatever reads like one.
///
/// Positions are bytes from its beginning. What was there once stays as it is; more may come at the end.
pub trait Source: Debug + Send + Sync {
    /// Reads some bytes from `position` on, at most as many as the buffer takes; 0 at the end.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self, buffer, position);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self, buffer, position);
        read
    }
}

impl<S: Source> Source for Arc<S> {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        S::read_at(self, buffer, position)
    }
}

/// The end of [`ThreadWriter::sync`].
pub type Synced = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// The one writer of a thread's rollout: while it lives, nobody else can open the thread for writing.
pub trait ThreadWriter: Debug + Send + Sync {
    /// Appends `records` and returns once they are in the file: a reader sees them, and they survive the end of this
    /// process however it comes. They survive the end of the machine only after [`Self::sync`].
    ///
    /// Shape: one line a record, in the order given, all with the time of this call; one `write(2)`. The first append of
    /// a new thread makes the file and writes the session metadata before.
    ///
    /// # Errors
    /// After an error the file is as long as it was before, and a later append works again once the cause is gone.
    ///
    /// Blocks, but not for long: a write into the page cache takes microseconds, less than handing it to another thread
    /// and back.
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// Where the rollout is, or will be from the first append on.
    #[must_use]
    fn path(&self) -> &AbsPath;

    /// The thread's facts, as the first line has them.
    #[must_use]
    fn meta(&self) -> &SessionMeta;

    /// Begins to put everything appended on the device, so that it survives a power cut. The future is there to wait for
    /// that; it goes on without.
    ///
    /// # Errors
    /// When the device refuses; what was appended may be lost then.
    fn sync(&mut self) -> Synced;
}
