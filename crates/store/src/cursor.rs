//! Places in a list of threads, and how cursors spell them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use types::ThreadId;

use crate::error::StoreError;
use crate::list::SortOrder;

/// Where a thread stands in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// To the millisecond.
    pub(crate) at: Timestamp,
    pub(crate) id: ThreadId,
}

/// The place after which a page begins: `<RFC 3339>`, and `|<thread>` where more threads have the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    pub(crate) at: Timestamp,
    pub(crate) id: Option<ThreadId>,
}

impl Cursor {
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let invalid = || StoreError::InvalidCursor { cursor: text.to_owned() };
        let (at, id) = match text.split_once('|') {
            Some((at, id)) => (at, Some(id.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        let at = match at.parse::<Timestamp>() {
            Ok(at) => at,
            // As file names have it, in UTC.
            Err(_) => DateTime::strptime("%Y-%m-%dT%H-%M-%S", at)
                .and_then(|at| jiff::tz::TimeZone::UTC.to_timestamp(at))
                .map_err(|_| invalid())?,
        };
        Ok(Self { at, id })
    }

    /// Continues after `last`, before which `next` does not come again.
    pub(crate) fn after(last: Position, next: Position) -> Self {
        Self { at: last.at, id: (last.at == next.at).then_some(last.id) }
    }

    /// Whether `position` comes after this place.
    pub(crate) fn is_before(&self, position: &Position, order: SortOrder) -> bool {
        let ordering = match self.id {
            Some(id) => position.cmp(&Position { at: self.at, id }),
            None => position.at.cmp(&self.at),
        };
        match order {
            SortOrder::NewestFirst => ordering.is_lt(),
            SortOrder::OldestFirst => ordering.is_gt(),
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.at)?;
        self.id.map_or(Ok(()), |id| write!(f, "|{id}"))
    }
}
