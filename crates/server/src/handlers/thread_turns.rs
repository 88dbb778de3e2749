//! A page of a thread's turns.

use std::ops::Range;

use protocol as p;
use serde::{Deserialize, Serialize};
use store::StoredTurns;
use types::TurnId;

use crate::error::RpcError;
use crate::turns::Turns;
use crate::wire::IntoWire as _;

/// Turns on a page when the request does not say.
const DEFAULT_PAGE: usize = 25;
/// Turns on a page at most.
const MAX_PAGE: usize = 100;

/// A page as a request wants it.
pub(super) struct Wanted {
    newest_first: bool,
    limit: usize,
    cursor: Option<Cursor>,
}

impl Wanted {
    pub(super) fn new(params: &p::ThreadTurnsListParams) -> Result<Self, RpcError> {
        let cursor = params.cursor.as_deref().map(|text| {
            serde_json::from_str(text).map_err(|_| RpcError::invalid_request(format_args!("invalid cursor: {text}")))
        });
        let limit = params.limit.map_or(DEFAULT_PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Self {
            newest_first: !matches!(params.sort_direction, Some(p::SortDirection::Asc)),
            limit: limit.clamp(1, MAX_PAGE),
            cursor: cursor.transpose()?,
        })
    }

    /// Whether it takes all turns to say which is the first one on the page.
    pub(super) fn begins_with_the_oldest(&self) -> bool {
        !self.newest_first && self.cursor.is_none()
    }

    /// Whether these turns, the newest ones of a thread, have all of the page, and one behind it if there is one.
    pub(super) fn is_among(&self, newest: &StoredTurns) -> bool {
        let anchor = match &self.cursor {
            None => Some(newest.len()),
            Some(cursor) => cursor.among(newest.positions(&cursor.turn())),
        };
        // The page goes on to the end, or has so many turns before the anchor.
        anchor.is_some_and(|anchor| !self.newest_first || anchor > self.limit)
    }

    /// The page, the newest turns first unless asked otherwise.
    pub(super) fn page(&self, turns: &Turns) -> Result<p::ThreadTurnsListResponse, RpcError> {
        let anchor = self.cursor.as_ref().map(|cursor| {
            let position = cursor.among(turns.positions(&cursor.turn()));
            let position = position
                .ok_or_else(|| RpcError::invalid_request("invalid cursor: anchor turn is no longer present"))?;
            Ok::<_, RpcError>((position, cursor.include_anchor))
        });
        let (range, more) = shown(turns.len(), anchor.transpose()?, self.limit, self.newest_first);
        let mut data = Vec::with_capacity(range.len());
        turns.for_each(range.clone(), |turn| data.push(turn.into_wire()))?;
        let (mut first, mut last) = (range.start, range.end.saturating_sub(1));
        if self.newest_first {
            data.reverse();
            (first, last) = (last, first);
        }
        Ok(p::ThreadTurnsListResponse {
            // By places, as a turn of a message that cannot be read has nothing to show.
            next_cursor: more.then(|| cursor(turns, last, false)),
            backwards_cursor: (!range.is_empty()).then(|| cursor(turns, first, true)),
            data,
        })
    }
}

/// Which of `count` turns are on a page, and whether there are more behind it. It begins at the anchor, or beside it.
fn shown(count: usize, anchor: Option<(usize, bool)>, limit: usize, newest_first: bool) -> (Range<usize>, bool) {
    let rest = match anchor {
        None => 0..count,
        Some((at, included)) if newest_first => 0..at + usize::from(included),
        Some((at, included)) => at + usize::from(!included)..count,
    };
    let shown = rest.len().min(limit);
    let range = if newest_first { rest.end - shown..rest.end } else { rest.start..rest.start + shown };
    (range, shown < rest.len())
}

/// Where a page of turns begins.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    turn_id: String,
    /// The page begins with that turn, not with the one after it.
    include_anchor: bool,
    /// How many newer turns have the same id.
    #[serde(default, skip_serializing_if = "is_zero")]
    namesakes: usize,
}

impl Cursor {
    fn turn(&self) -> TurnId {
        TurnId::from(self.turn_id.as_str())
    }

    /// Which turn it is of those that have its id, the newest first.
    fn among(&self, mut namesakes: impl Iterator<Item = usize>) -> Option<usize> {
        namesakes.nth(self.namesakes)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn cursor(turns: &Turns, position: usize, include_anchor: bool) -> String {
    let turn = turns.id(position);
    let namesakes = turns.positions(&turn).take_while(|other| *other > position).count();
    let cursor = Cursor { turn_id: turn.to_string(), include_anchor, namesakes };
    serde_json::to_string(&cursor).expect("a text, a flag and a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_to_the_oldest_turn() {
        assert_eq!(shown(5, None, 2, true), (3..5, true));
        assert_eq!(shown(5, Some((3, false)), 2, true), (1..3, true));
        assert_eq!(shown(5, Some((1, false)), 2, true), (0..1, false));
        assert_eq!(shown(0, None, 25, true), (0..0, false));
    }

    #[test]
    fn the_backwards_cursor_gives_the_anchor_and_newer_turns_also_those_that_came_later() {
        assert_eq!(shown(5, Some((2, true)), 10, false), (2..5, false));
    }

    #[test]
    fn a_page_has_one_turn_at_least_and_a_hundred_at_most() {
        for (limit, expected) in [(None, 25), (Some(0), 1), (Some(7), 7), (Some(1000), 100)] {
            let params =
                p::ThreadTurnsListParams { thread_id: String::new(), cursor: None, limit, sort_direction: None };
            assert_eq!(Wanted::new(&params).unwrap().limit, expected);
        }
    }
}
