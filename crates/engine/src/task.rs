//! What a turn is for.

use types::item::NonSteerableTurn;

use crate::review::ReviewTarget;
use crate::settings::TurnRequest;

/// The work of a turn.
pub(crate) enum Task {
    /// Does what the user asks. The overrides of the request are the thread's settings by now.
    User(Box<TurnRequest>),
    /// Makes the history short.
    Compact,
    /// Has a reviewer look at changes.
    Review(ReviewTarget),
}

impl Task {
    /// Set for turns that take no input while they run.
    pub(crate) fn not_steerable(&self) -> Option<NonSteerableTurn> {
        match self {
            Self::User(_) => None,
            Self::Compact => Some(NonSteerableTurn::Compact),
            Self::Review(_) => Some(NonSteerableTurn::Review),
        }
    }
}
