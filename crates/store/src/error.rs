//! What can go wrong with a thread on disk. Every message names the file.

use std::io;
use std::path::{Path, PathBuf};

/// A thread that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused; nothing was changed.
    #[error("failed to {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried, as in "failed to …".
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// There was no room for all of an append. The file is as long as it was before; appending works again once there
    /// is room.
    #[error("no space left to append to `{}`: {source}", .path.display())]
    Full {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The file holds nothing at all.
    #[error("rollout `{}` is empty", .path.display())]
    Empty { path: PathBuf },
    /// No readable line says which thread this is.
    #[error("rollout `{}` does not start with session metadata", .path.display())]
    NoSessionMeta { path: PathBuf },
    /// A name that no rollout has.
    #[error("`{}` is not the name of a rollout", .path.display())]
    NotARollout { path: PathBuf },
    /// A cursor that no page gave.
    #[error("invalid cursor: {cursor}")]
    InvalidCursor { cursor: String },
}

impl StoreError {
    /// Builds the mapping for `Result::map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Whether there is no such file.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What is wrong, without what was tried and with which file.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } | Self::Full { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    }

    /// Whether the cause is a full disk, a quota or a size limit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
