//! Small files beside the rollouts: append only, one JSON object a line.

use std::fs::File;
use std::io;

use serde::Serialize;
use types::AbsPath;

use crate::error::StoreError;
use crate::log_file::{Disk, LogFile, is_full};
use crate::reader::{Lines, Text};

/// Entries are short; a longer line is none.
const MAX_LINE: usize = 1 << 20;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// Gives every line to `entry`. Lines that cannot be read are skipped; a file that does not exist has none.
pub(crate) fn read(path: &AbsPath, mut entry: impl FnMut(&str)) -> Result<(), StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(StoreError::io("open", path))?,
    };
    let mut lines = Lines::new(file, MAX_LINE, CHUNK);
    while let Some(line) = lines.next().map_err(StoreError::io("read", path))? {
        if let Text::Line(text) = line.text() {
            entry(text);
        }
    }
    Ok(())
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
