//! `memory/reset`: forgetting what agents have noted for later threads.

use std::fs;
use std::io;
use std::path::Path;

use config::permissions::MEMORIES_FOLDER;
use protocol as p;

use super::thread_view::blocking;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

/// Empties the folder of notes, and makes it where there is none. What other programs on the same home keep in databases
/// of their own stays.
pub(crate) async fn reset(cx: Cx, _params: p::NoParams) -> Handled<p::MemoryResetResponse> {
    let folder = cx.server.info.home.join(MEMORIES_FOLDER);
    let emptied = blocking(move || {
        empty(&folder).map_err(|error| RpcError::internal(format_args!("cannot empty `{folder}`: {error}")))
    });
    emptied.await??;
    Ok(p::MemoryResetResponse {}.into())
}

/// Links are removed, and what they lead to stays.
fn empty(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::create_dir_all(folder),
        Ok(facts) if !facts.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
        facts => facts?,
    };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }?;
    }
    Ok(())
}
