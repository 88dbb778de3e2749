//! One writer a thread: a lock of the operating system on a file of ours, `<home>/spindle/locks/<thread>.lock`.
//!
//! The system lets go of the lock when its holder ends, however that comes; there is no guessing whether a process is
//! alive. The file says who the holder is, for the message to others, and goes with the lock. Readers take none.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use types::{AbsPath, ThreadId};

use crate::error::StoreError;
use crate::format::rfc3339;

/// Where the locks lie, under the home.
const FOLDER: &str = "spindle/locks";

/// More than a holder says of itself.
const MAX_HOLDER: u64 = 4096;

/// Who writes a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    /// The machine's name; homes on a network are used by several.
    pub host: String,
    pub program: PathBuf,
    /// RFC 3339, UTC.
    pub since: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pid, host, program, since } = self;
        write!(f, "process {pid} on {host} (`{}`, since {since})", program.display())
    }
}

/// The locks of one home that this process holds or asks for.
#[derive(Debug)]
pub(crate) struct Locks {
    folder: AbsPath,
    /// Those of this process. Here, and not by the files alone, so that it works where files cannot be locked.
    held: Mutex<HashSet<ThreadId>>,
    released: Condvar,
    /// That files cannot be locked here was said.
    warned: AtomicBool,
}

/// The right to write a thread, until it is dropped.
#[derive(Debug)]
pub(crate) struct ThreadLock {
    locks: Arc<Locks>,
    id: ThreadId,
    /// Locked; `None` where files cannot be locked.
    file: Option<(File, AbsPath)>,
}

impl Locks {
    /// No I/O.
    pub(crate) fn new(home: &AbsPath) -> Arc<Self> {
        Arc::new(Self {
            folder: home.join(FOLDER),
            held: Mutex::default(),
            released: Condvar::new(),
            warned: AtomicBool::new(false),
        })
    }

    /// Takes a thread's lock, without waiting for it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when somebody has it.
    pub(crate) fn take(self: &Arc<Self>, id: ThreadId) -> Result<ThreadLock, StoreError> {
        if !self.held().insert(id) {
            return Err(StoreError::InUse { thread: id, by_us: true, holder: None });
        }
        // From here on the lock is ours within this process, and given back when the file's is not to be had.
        let mut lock = ThreadLock { locks: self.clone(), id, file: None };
        let path = self.folder.join(format!("{id}.lock"));
        match self.lock_file(&path) {
            Ok(Attempt::Locked(file)) => lock.file = Some((file, path)),
            Ok(Attempt::Held(holder)) => {
                return Err(StoreError::InUse { thread: id, by_us: false, holder: holder.map(Box::new) });
            }
            Err(error) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%path, %error, "threads cannot be locked; another server may write them, too");
                }
            }
        }
        Ok(lock)
    }

    fn lock_file(&self, path: &AbsPath) -> io::Result<Attempt> {
        fs::create_dir_all(&self.folder)?;
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(read_holder(&mut file))),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The holder before may have removed the file between the two calls.
            if is_at(&file, path) {
                if let Err(error) = write_holder(&mut file) {
                    tracing::debug!(%path, %error, "who holds a lock cannot be said");
                }
                return Ok(Attempt::Locked(file));
            }
        }
    }

    /// Waits until this process has given a thread's lock back, but not longer than `at_most`. Blocks.
    pub(crate) fn wait_for_release(&self, id: ThreadId, at_most: Duration) {
        let held = self.held();
        drop(self.released.wait_timeout_while(held, at_most, |held| held.contains(&id)));
    }

    fn held(&self) -> MutexGuard<'_, HashSet<ThreadId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ThreadLock {
    pub(crate) fn locks(&self) -> &Arc<Locks> {
        &self.locks
    }

    /// Whether it counts for other processes, too.
    pub(crate) fn keeps_others_out(&self) -> bool {
        self.file.is_some()
    }
}

enum Attempt {
    Locked(File),
    /// By this one, if it said so.
    Held(Option<Holder>),
}

impl Drop for ThreadLock {
    fn drop(&mut self) {
        if let Some((file, path)) = self.file.take() {
            // While it is locked, so that it is not somebody else's file that goes.
            if let Err(error) = fs::remove_file(&path) {
                tracing::debug!(%path, %error, "a lock's file stays behind");
            }
            // Not by closing alone: a process that is being started has a copy of the descriptor for a moment.
            if let Err(error) = file.unlock() {
                tracing::warn!(%path, %error, "a thread's lock may be held until this server ends");
            }
        }
        self.locks.held().remove(&self.id);
        self.locks.released.notify_all();
    }
}

/// Whether `file` is what stands at `path`.
fn is_at(file: &File, path: &AbsPath) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let there = file.metadata().and_then(|ours| Ok((ours, fs::metadata(path)?)));
        there.is_ok_and(|(ours, there)| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }
    #[cfg(not(unix))]
    {
        // A file that is open cannot be removed.
        let _ = file;
        path.exists()
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(MAX_HOLDER).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_holder(file: &mut File) -> io::Result<()> {
    #[cfg(unix)]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let host = String::new();
    let holder = Holder {
        pid: std::process::id(),
        host,
        program: std::env::current_exe().unwrap_or_default(),
        since: rfc3339(SystemTime::now()),
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks() -> (tempfile::TempDir, AbsPath) {
        let folder = tempfile::tempdir().unwrap();
        let home = AbsPath::new(folder.path()).unwrap();
        (folder, home)
    }

    #[test]
    fn a_lock_is_held_by_one_and_says_by_whom() {
        let (_folder, home) = locks();
        let (id, first, second) = (ThreadId::new(), Locks::new(&home), Locks::new(&home));
        let lock = first.take(id).unwrap();
        let StoreError::InUse { holder: Some(holder), by_us: false, .. } = second.take(id).unwrap_err() else {
            panic!()
        };
        assert_eq!(holder.pid, std::process::id());
        assert!(matches!(first.take(id), Err(StoreError::InUse { by_us: true, .. })));
        assert!(first.take(ThreadId::new()).is_ok(), "another thread is free");
        drop(lock);
        let lock = second.take(id).unwrap();
        assert!(first.take(id).is_err());
        drop(lock);
        assert_eq!(fs::read_dir(home.join(FOLDER)).unwrap().count(), 0, "nothing stays behind");
    }

    #[test]
    fn a_lock_that_a_killed_holder_left_is_taken_over() {
        let (_folder, home) = locks();
        let id = ThreadId::new();
        fs::create_dir_all(home.join(FOLDER)).unwrap();
        fs::write(home.join(FOLDER).join(format!("{id}.lock")), r#"{"pid":1,"host":"h","program":"p","since":"s"}"#)
            .unwrap();
        assert!(Locks::new(&home).take(id).is_ok());
    }

    #[test]
    fn where_files_cannot_be_made_there_is_one_writer_in_this_process_at_least() {
        let (_folder, home) = locks();
        fs::write(home.join("spindle"), "in the way").unwrap();
        let (id, locks) = (ThreadId::new(), Locks::new(&home));
        let lock = locks.take(id).unwrap();
        assert!(locks.take(id).is_err());
        drop(lock);
        assert!(locks.take(id).is_ok());
    }

    #[test]
    fn who_waits_for_a_release_goes_on_when_it_comes() {
        let (_folder, home) = locks();
        let (id, locks) = (ThreadId::new(), Locks::new(&home));
        let lock = locks.take(id).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| locks.wait_for_release(id, Duration::from_secs(600)));
            drop(lock);
        });
        assert!(locks.take(id).is_ok());
    }

    #[test]
    fn of_many_that_ask_at_once_one_has_it() {
        let (_folder, home) = locks();
        let id = ThreadId::new();
        let writers = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let locks = Locks::new(&home);
                    for _ in 0..200 {
                        if let Ok(_lock) = locks.take(id) {
                            assert_eq!(writers.fetch_add(1, Ordering::SeqCst), 0);
                            writers.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
    }
}
