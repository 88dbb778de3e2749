//! Small files beside the rollouts: append only, one JSON object a line.

use std::io::{self, Seek as _, SeekFrom};

use serde::Serialize;
use types::AbsPath;

use crate::error::StoreError;
use crate::log_file::{Disk, LogFile, is_full};
use crate::open;
use crate::reader::{Lines, Text};

/// Entries are short; a longer line is none.
const MAX_LINE: usize = 1 << 20;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// Gives every line to `entry`. Lines that cannot be read are skipped; a file that does not exist has none.
pub(crate) fn read(path: &AbsPath, entry: impl FnMut(&str)) -> Result<(), StoreError> {
    read_from(path, 0, entry).map(drop)
}

/// The same from a byte on at which a line begins. Gives the end of the last line that ended.
pub(crate) fn read_from(path: &AbsPath, from: u64, mut entry: impl FnMut(&str)) -> Result<u64, StoreError> {
    let mut file = match open::for_reading(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened.map_err(StoreError::io("open", path))?.0,
    };
    file.seek(SeekFrom::Start(from)).map_err(StoreError::io("read", path))?;
    let mut lines = Lines::new(file, MAX_LINE, CHUNK);
    let mut ended = from;
    while let Some(line) = lines.next().map_err(StoreError::io("read", path))? {
        if let Text::Line(text) = line.text() {
            entry(text);
        }
        if line.ended {
            ended = from + line.end;
        }
    }
    Ok(ended)
}

/// Nothing where reading failed, which is said: what stands beside the rollouts may be missing, they are there.
pub(crate) fn or_nothing<T: Default>(read: Result<T, StoreError>) -> T {
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "threads are shown without what this file says of them");
        T::default()
    })
}

/// Appends one entry; in the file before this returns.
pub(crate) fn append(path: &AbsPath, entry: &impl Serialize) -> Result<(), StoreError> {
    let mut line = serde_json::to_vec(entry).expect("an entry has text keys only");
    line.push(b'\n');
    let mut file = Disk::open(path).map(LogFile::new).map_err(StoreError::io("open", path))?;
    file.append(&mut line).map_err(|source| {
        let path = path.as_path().to_owned();
        if is_full(&source) {
            StoreError::Full { path, source }
        } else {
            StoreError::Io { action: "append to", path, source }
        }
    })
}
