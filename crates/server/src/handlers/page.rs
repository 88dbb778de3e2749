//! Lists in pages: the cursor is the position of the next entry.

use std::ops::Range;

use crate::error::RpcError;

/// Which entries to answer, and the cursor of what follows them.
pub(crate) struct Page {
    pub(crate) range: Range<usize>,
    pub(crate) next_cursor: Option<String>,
}

impl Page {
    /// The page of a list of `total` entries. Without a limit it goes to the end; a limit of zero counts as one. `what`
    /// names the entries in the error.
    pub(crate) fn of(total: usize, cursor: Option<&str>, limit: Option<u32>, what: &str) -> Result<Self, RpcError> {
        let start = match cursor {
            Some(cursor) => {
                cursor.parse().map_err(|_| RpcError::invalid_request(format_args!("invalid cursor: {cursor}")))?
            }
            None => 0,
        };
        if start > total {
            return Err(RpcError::invalid_request(format_args!("cursor {start} exceeds total {what} {total}")));
        }
        let limit = limit.map_or(total, |limit| usize::try_from(limit.max(1)).unwrap_or(usize::MAX));
        let end = start.saturating_add(limit).min(total);
        Ok(Self { range: start..end, next_cursor: (end < total).then(|| end.to_string()) })
    }
}
