//! Appends records to a thread's rollout.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use types::AbsPath;

use crate::error::StoreError;
use crate::format;
use crate::lock::{Locks, ThreadLock};
use crate::log_file::{Disk, LogFile, is_full};
use crate::record::{Record, SessionMeta};
use crate::thread_store::{Synced, ThreadWriter};

/// The one writer of a thread's rollout: while it lives, nobody else can open the thread for writing.
///
/// Shape: see `docs/storage.md`; nothing is ever rewritten. Of a new thread nothing is on disk before the first append.
#[derive(Debug)]
pub(crate) struct RolloutWriter {
    path: AbsPath,
    meta: SessionMeta,
    /// Open from the first append on.
    file: Option<LogFile<Disk>>,
    /// The lines under way; kept for its memory.
    lines: Vec<u8>,
    /// Whether the entry of a new file in its folder is on the device, and the folder's in its own.
    entry_synced: Arc<AtomicBool>,
    locks: Arc<Locks>,
    /// Held from the first append on, or from when the file was opened. Last, so that the file is closed before.
    lock: Option<ThreadLock>,
}

/// More memory than this is not kept between appends: a line with an image is rare.
const KEPT_BYTES: usize = 64 << 10;

/// Folders that may be as new as the file: of the day, the month, the year, all threads; and the home, which holds the
/// last one's entry.
const FOLDERS: usize = 5;

impl RolloutWriter {
    pub(crate) fn new(path: AbsPath, meta: SessionMeta, locks: Arc<Locks>) -> Self {
        Self { path, meta, file: None, lines: Vec::new(), entry_synced: Arc::default(), locks, lock: None }
    }

    /// Goes on with a rollout that exists. Opened now, so that the writer stays with it when it is moved.
    pub(crate) fn resume(path: AbsPath, meta: SessionMeta, lock: ThreadLock) -> Result<Self, StoreError> {
        let file = Disk::open(&path).map(LogFile::new).map_err(StoreError::io("open", &path))?;
        let locks = lock.locks().clone();
        Ok(Self {
            path,
            meta,
            file: Some(file),
            lines: Vec::new(),
            entry_synced: Arc::new(AtomicBool::new(true)),
            locks,
            lock: Some(lock),
        })
    }

    /// The same of a file that was made just now.
    pub(crate) fn of_new_file(self) -> Self {
        Self { entry_synced: Arc::default(), ..self }
    }

    /// The same with a clock of the caller's.
    pub(crate) fn append_now(&mut self, records: &[Record], now: SystemTime) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        if let Some(file) = &self.file
            && file.storage().is_deleted().map_err(StoreError::io("look at", &self.path))?
        {
            tracing::warn!(path = %self.path, "the rollout was deleted; a new one begins");
            self.file = None;
        }
        if self.lock.is_none() {
            self.lock = Some(self.locks.take(self.meta.id)?);
        }
        let fresh = self.file.is_none();
        if fresh {
            self.entry_synced = Arc::default();
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path)?),
        };
        let timestamp = format::rfc3339(now);
        self.lines.clear();
        let empty = fresh && file.len().map_err(StoreError::io("read the length of", &self.path))? == 0;
        if empty {
            format::write_meta(&mut self.lines, &timestamp, &self.meta);
        }
        for record in records {
            format::write_record(&mut self.lines, &timestamp, record);
        }
        let result = file.append(&mut self.lines).map_err(|source| {
            if is_full(&source) {
                StoreError::Full { path: self.path.as_path().to_owned(), source }
            } else {
                StoreError::Io { action: "append to", path: self.path.as_path().to_owned(), source }
            }
        });
        self.lines.shrink_to(KEPT_BYTES);
        if result.is_err() && empty {
            // No empty file stays behind; the next append begins anew.
            self.file = None;
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!(path = %self.path, %error, "an empty rollout stays behind");
            }
        }
        result
    }
}

impl ThreadWriter for RolloutWriter {
    fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.append_now(records, SystemTime::now())
    }

    fn path(&self) -> &AbsPath {
        &self.path
    }

    fn meta(&self) -> &SessionMeta {
        &self.meta
    }

    fn sync(&mut self) -> Synced {
        let Some(file) = &self.file else { return Box::pin(std::future::ready(Ok(()))) };
        let (disk, path, entry_synced) = (file.storage().clone(), self.path.clone(), self.entry_synced.clone());
        let syncing = tokio::task::spawn_blocking(move || {
            let sync = || -> io::Result<()> {
                disk.sync()?;
                let unsynced = if entry_synced.load(Ordering::Acquire) { 0 } else { FOLDERS };
                path.ancestors().skip(1).take(unsynced).try_for_each(|folder| fs::File::open(folder)?.sync_all())?;
                entry_synced.store(true, Ordering::Release);
                Ok(())
            };
            sync().map_err(StoreError::io("sync", &path))
        });
        Box::pin(async move { syncing.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())) })
    }
}

fn open(path: &AbsPath) -> Result<LogFile<Disk>, StoreError> {
    let opened = match Disk::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().expect("a rollout's path has a file name");
            fs::create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
            Disk::open(path)
        }
        opened => opened,
    };
    opened.map(LogFile::new).map_err(StoreError::io("open", path))
}
