//! `fs/*`: the file system of the server's machine for clients that are elsewhere.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol as p;
use types::AbsPath;
use workspace::files::{self, FileError};
use workspace::watch::{WatchError, Watches};

use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;
use crate::wire::{abs, millis};

/// A client that has more watches forgets to unwatch.
const MAX_WATCHES: usize = 256;

/// Does something that blocks off the threads that everything else runs on.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, RpcError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| RpcError::internal("the file operation failed"))??)
}

fn inner(path: &p::AbsolutePathBuf) -> AbsPath {
    AbsPath::new(path.as_path()).expect("an AbsolutePathBuf is absolute")
}

impl From<FileError> for RpcError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::internal(error),
            FileError::NotRegular => Self::invalid_request("fs/readFile only supports regular files"),
            FileError::NeedsRecursive => {
                Self::invalid_request("fs/copy requires recursive: true when sourcePath is a directory")
            }
            FileError::IntoItself => {
                Self::invalid_request("fs/copy cannot copy a directory to itself or one of its descendants")
            }
            FileError::OntoItself => Self::invalid_request("fs/copy cannot copy a file onto itself"),
            FileError::Special => {
                Self::invalid_request("fs/copy only supports regular files, directories, and symlinks")
            }
        }
    }
}

pub(crate) async fn read_file(_cx: Cx, params: p::FsReadFileParams) -> Handled<p::FsReadFileResponse> {
    let path = inner(&params.path);
    let data_base64 = blocking(move || Ok(STANDARD.encode(files::read(&path)?))).await?;
    Ok(p::FsReadFileResponse { data_base64 }.into())
}

pub(crate) async fn write_file(_cx: Cx, params: p::FsWriteFileParams) -> Handled<p::FsWriteFileResponse> {
    let content = STANDARD.decode(&params.data_base64).map_err(|error| {
        RpcError::invalid_request(format_args!("fs/writeFile requires valid base64 dataBase64: {error}"))
    })?;
    let path = inner(&params.path);
    blocking(move || files::write(&path, &content)).await?;
    Ok(p::FsWriteFileResponse {}.into())
}

pub(crate) async fn create_directory(
    _cx: Cx,
    params: p::FsCreateDirectoryParams,
) -> Handled<p::FsCreateDirectoryResponse> {
    let path = inner(&params.path);
    blocking(move || files::create_directory(&path, params.recursive.unwrap_or(true))).await?;
    Ok(p::FsCreateDirectoryResponse {}.into())
}

pub(crate) async fn get_metadata(_cx: Cx, params: p::FsGetMetadataParams) -> Handled<p::FsGetMetadataResponse> {
    let path = inner(&params.path);
    let metadata = blocking(move || files::metadata(&path)).await?;
    Ok(p::FsGetMetadataResponse {
        is_directory: metadata.is_directory,
        is_file: metadata.is_file,
        is_symlink: metadata.is_symlink,
        created_at_ms: unix_millis(metadata.created),
        modified_at_ms: unix_millis(metadata.modified),
    }
    .into())
}

/// Zero where the time is not known, or before 1970.
fn unix_millis(time: Option<SystemTime>) -> i64 {
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, millis)
}

pub(crate) async fn read_directory(_cx: Cx, params: p::FsReadDirectoryParams) -> Handled<p::FsReadDirectoryResponse> {
    let path = inner(&params.path);
    let entries = blocking(move || files::read_directory(&path)).await?;
    let entries = entries.into_iter().map(|entry| p::FsReadDirectoryEntry {
        file_name: entry.name.to_string_lossy().into_owned(),
        is_directory: entry.is_directory,
        is_file: entry.is_file,
    });
    Ok(p::FsReadDirectoryResponse { entries: entries.collect() }.into())
}

pub(crate) async fn remove(_cx: Cx, params: p::FsRemoveParams) -> Handled<p::FsRemoveResponse> {
    let path = inner(&params.path);
    blocking(move || files::remove(&path, params.recursive.unwrap_or(true), params.force.unwrap_or(true))).await?;
    Ok(p::FsRemoveResponse {}.into())
}

pub(crate) async fn copy(_cx: Cx, params: p::FsCopyParams) -> Handled<p::FsCopyResponse> {
    let (from, to) = (inner(&params.source_path), inner(&params.destination_path));
    blocking(move || files::copy(&from, &to, params.recursive)).await?;
    Ok(p::FsCopyResponse {}.into())
}

pub(crate) async fn watch(cx: Cx, params: p::FsWatchParams) -> Handled<p::FsWatchResponse> {
    let path = inner(&params.path);
    let watches = cx.connection.watches_or(|| tell(&cx));
    watches.add(&params.watch_id, &path).map_err(|error| match error {
        WatchError::Exists(_) | WatchError::TooMany { .. } => RpcError::invalid_request(error),
        WatchError::System { .. } => RpcError::internal(error),
    })?;
    Ok(p::FsWatchResponse { path: abs(&path) }.into())
}

/// The watches end with the connection, so they must not keep it alive.
fn tell(cx: &Cx) -> Watches {
    let (hub, connection) = (cx.server.hub.clone(), Arc::downgrade(&cx.connection));
    Watches::new(MAX_WATCHES, move |reports| {
        let Some(connection) = connection.upgrade() else { return };
        for (watch_id, paths) in reports {
            let changed_paths = paths.iter().map(abs).collect();
            hub.notify(&connection, &p::FsChangedNotification { watch_id, changed_paths });
        }
    })
}

/// Ending a watch that the connection does not have is fine.
pub(crate) async fn unwatch(cx: Cx, params: p::FsUnwatchParams) -> Handled<p::FsUnwatchResponse> {
    if let Some(watches) = cx.connection.watches() {
        watches.remove(&params.watch_id);
    }
    Ok(p::FsUnwatchResponse {}.into())
}
