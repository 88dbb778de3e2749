//! Copies a rollout into a thread of its own, line by line: memory holds a piece of it at a time.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use types::AbsPath;

use crate::error::StoreError;
use crate::format;
use crate::lock::Locks;
use crate::log_file::{Disk, is_full};
use crate::paths::RolloutName;
use crate::record::{Record, SessionMeta};
use crate::thread::StoredThread;

/// How much is written at once.
const PIECE: usize = 256 << 10;

/// Follows the name of a copy until it is complete.
const UNFINISHED: &str = ".unfinished";

/// Writes the copy beside `path` and moves it there when it is complete: a copy that was cut off is no thread.
pub(crate) fn write(
    path: &AbsPath,
    original: &StoredThread,
    meta: &SessionMeta,
    closing: &[Record],
) -> Result<(), StoreError> {
    let folder = path.parent().expect("a rollout's path has a file name");
    fs::create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
    let unfinished = PathBuf::from(format!("{path}{UNFINISHED}"));
    let written = write_lines(&unfinished, original, meta, closing)
        .and_then(|()| fs::rename(&unfinished, path).map_err(StoreError::io("move", &unfinished)));
    written.inspect_err(|_| {
        // It may not have been made.
        let _ = fs::remove_file(&unfinished);
    })
}

/// Takes away what copies to a folder have left there whose writers were killed: nobody has their threads open.
pub(crate) fn sweep(folder: &AbsPath, locks: &Arc<Locks>) {
    // Whatever cannot be looked at or taken away stays.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let copied = name.to_str().and_then(|name| RolloutName::parse(OsStr::new(name.strip_suffix(UNFINISHED)?)));
        let is_left = |id| locks.take(id).is_ok_and(|lock| lock.keeps_others_out());
        if copied.is_some_and(|copied| is_left(copied.id)) && fs::remove_file(entry.path()).is_ok() {
            tracing::debug!(path = %entry.path().display(), "the beginning of a copy is removed; its writer is gone");
        }
    }
}

fn write_lines(path: &Path, original: &StoredThread, meta: &SessionMeta, closing: &[Record]) -> Result<(), StoreError> {
    let timestamp = format::rfc3339(SystemTime::now());
    let mut out = BufWriter::with_capacity(PIECE, Disk::open(path).map_err(StoreError::io("open", path))?);
    let mut lines = Vec::new();
    format::write_meta(&mut lines, &timestamp, meta);
    let mut written = out.write_all(&lines);
    original.each_line(|line| {
        if written.is_ok() && !format::is_name(line) {
            written = out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n"));
        }
    })?;
    lines.clear();
    for record in closing {
        format::write_record(&mut lines, &timestamp, record);
    }
    written.and_then(|()| out.write_all(&lines)).and_then(|()| out.flush()).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    if is_full(&source) { StoreError::Full { path, source } } else { StoreError::Io { action: "write", path, source } }
}
