//! The names of threads: `<home>/session_index.jsonl`, append only, the newest entry of a thread wins.
//!
//! Shape of a line: `{"id":"<thread>","thread_name":"<name>","updated_at":"<RFC 3339>"}`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use types::{AbsPath, ThreadId};

use crate::error::StoreError;
use crate::format::rfc3339;
use crate::log_file::{Disk, LogFile, is_full};
use crate::reader::{Lines, Text};

const FILE: &str = "session_index.jsonl";

/// Names are short; a longer line is no name.
const MAX_LINE: usize = 1 << 20;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    id: Cow<'a, str>,
    thread_name: Cow<'a, str>,
    #[serde(default)]
    updated_at: Cow<'a, str>,
}

/// All names. Lines that cannot be read are skipped.
pub(crate) fn read(home: &AbsPath) -> Result<HashMap<ThreadId, String>, StoreError> {
    let path = home.join(FILE);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        opened => opened.map_err(StoreError::io("open", &path))?,
    };
    let mut names = HashMap::new();
    let mut lines = Lines::new(file, MAX_LINE, CHUNK);
    while let Some(line) = lines.next().map_err(StoreError::io("read", &path))? {
        if let Text::Line(text) = line.text()
            && let Ok(entry) = serde_json::from_str::<Entry<'_>>(text)
            && let Ok(id) = entry.id.parse::<ThreadId>()
        {
            names.insert(id, entry.thread_name.into_owned());
        }
    }
    Ok(names)
}

pub(crate) fn append(home: &AbsPath, id: ThreadId, name: &str, now: SystemTime) -> Result<(), StoreError> {
    let path = home.join(FILE);
    let entry = Entry { id: id.to_string().into(), thread_name: name.into(), updated_at: rfc3339(now).into() };
    let mut line = serde_json::to_vec(&entry).expect("an entry has text keys only");
    line.push(b'\n');
    let mut file = Disk::open(&path).map(LogFile::new).map_err(StoreError::io("open", &path))?;
    file.append(&mut line).map_err(|source| {
        let path = path.as_path().to_owned();
        if is_full(&source) {
            StoreError::Full { path, source }
        } else {
            StoreError::Io { action: "append to", path, source }
        }
    })
}
