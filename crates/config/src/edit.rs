//! Changing the user's file: comments and layout stay, and readers never see half a file.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, process};

use toml_edit::DocumentMut;
use types::AbsPath;

use crate::error::{ConfigError, Located, Range};
use crate::trust::canonical;

/// Makes the names of temporary files differ within this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Reads a file for editing; a missing one is empty.
pub(crate) fn parse(file: &AbsPath) -> Result<DocumentMut, ConfigError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(ConfigError::Read { path: file.clone(), reason: error.to_string() }),
    };
    text.parse().map_err(|error: toml_edit::TomlError| {
        ConfigError::Parse(Located {
            path: file.clone(),
            range: Range::of_span(&text, error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        })
    })
}

/// Replaces the file, or what a link at its place points to, in one step. An existing file keeps its mode; a new one
/// gets 0600.
pub(crate) fn write_atomically(file: &AbsPath, content: &[u8]) -> Result<(), ConfigError> {
    replace(file, content).map_err(|error| ConfigError::Write { path: file.clone(), reason: error.to_string() })
}

fn replace(file: &AbsPath, content: &[u8]) -> io::Result<()> {
    let target = canonical(file);
    let permissions = fs::metadata(&target).ok().map(|metadata| metadata.permissions());
    let folder = target.parent().ok_or_else(|| io::Error::other("the file has no folder"))?;
    fs::create_dir_all(folder)?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".{name}.{}-{unique}.tmp", process::id()));
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let written = out
        .write_all(content)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| out.set_permissions(permissions)))
        .and_then(|()| out.sync_data())
        .and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}
