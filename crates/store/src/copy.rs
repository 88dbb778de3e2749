//! Copies a rollout into a thread of its own, line by line: memory holds a piece of it at a time.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use types::AbsPath;

use crate::error::StoreError;
use crate::format;
use crate::log_file::{Disk, is_full};
use crate::record::{Record, SessionMeta};
use crate::thread::StoredThread;

/// How much is written at once.
const PIECE: usize = 256 << 10;

/// Writes the copy beside `path` and moves it there when it is complete: a copy that was cut off is no thread.
pub(crate) fn write(
    path: &AbsPath,
    original: &StoredThread,
    meta: &SessionMeta,
    closing: &[Record],
) -> Result<(), StoreError> {
    let folder = path.parent().expect("a rollout's path has a file name");
    fs::create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
    let unfinished = PathBuf::from(format!("{path}.unfinished"));
    let written = write_lines(&unfinished, original, meta, closing)
        .and_then(|()| fs::rename(&unfinished, path).map_err(StoreError::io("move", &unfinished)));
    written.inspect_err(|_| {
        // It may not have been made.
        let _ = fs::remove_file(&unfinished);
    })
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
