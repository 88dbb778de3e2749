//! What can go wrong with a thread on disk. Every message names the file.

use std::io;
use std::path::{Path, PathBuf};

use types::ThreadId;

use crate::lock::Holder;

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
    /// Somebody else has the thread open for writing; reading works.
    #[error("thread {thread} is open for writing {}", where_else(*.by_us, .holder.as_deref()))]
    InUse {
        thread: ThreadId,
        /// This process itself has it open.
        by_us: bool,
        /// The other process, if it said who it is.
        holder: Option<Box<Holder>>,
    },
    /// A name that no rollout has.
    #[error("`{}` is not the name of a rollout", .path.display())]
    NotARollout { path: PathBuf },
    /// A cursor that no page gave.
    #[error("invalid cursor: {cursor}")]
    InvalidCursor { cursor: String },
}

fn where_else(by_us: bool, holder: Option<&Holder>) -> String {
    match holder {
        _ if by_us => "in this server already".to_owned(),
        Some(holder) => format!("in {holder}: close it there, or read or fork it here"),
        None => "in another process: close it there, or read or fork it here".to_owned(),
    }
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

    /// Whether the thread is open for writing already, here or elsewhere.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse { .. })
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
