//! The names of threads: `<home>/session_index.jsonl`, append only, the newest entry of a thread wins.
//!
//! Shape of a line: `{"id":"<thread>","thread_name":"<name>","updated_at":"<RFC 3339>"}`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use types::{AbsPath, ThreadId};

use crate::error::StoreError;
use crate::format::rfc3339;
use crate::index_file;

pub(crate) const FILE: &str = "session_index.jsonl";

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    id: Cow<'a, str>,
    thread_name: Cow<'a, str>,
    #[serde(default)]
    updated_at: Cow<'a, str>,
}

/// All names.
pub(crate) fn read(home: &AbsPath) -> Result<HashMap<ThreadId, String>, StoreError> {
    let mut names = HashMap::new();
    read_from(home, 0, |id, name| {
        names.insert(id, name);
    })?;
    Ok(names)
}

/// The names in the lines from a byte on, older ones first. Gives the end of the last line that ended.
pub(crate) fn read_from(home: &AbsPath, from: u64, mut name: impl FnMut(ThreadId, String)) -> Result<u64, StoreError> {
    index_file::read_from(&home.join(FILE), from, |line| {
        if let Ok(entry) = serde_json::from_str::<Entry<'_>>(line)
            && let Ok(id) = entry.id.parse::<ThreadId>()
        {
            name(id, entry.thread_name.into_owned());
        }
    })
}

pub(crate) fn append(home: &AbsPath, id: ThreadId, name: &str, now: SystemTime) -> Result<(), StoreError> {
    let entry = Entry { id: id.to_string().into(), thread_name: name.into(), updated_at: rfc3339(now).into() };
    index_file::append(&home.join(FILE), &entry)
}
