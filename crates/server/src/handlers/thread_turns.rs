//! A page of a thread's turns.

use std::borrow::Cow;
use std::ops::Range;

use protocol as p;
use serde::{Deserialize, Serialize};
use types::TurnId;

use crate::error::RpcError;
use crate::turns::Turns;
use crate::wire::IntoWire as _;

/// Turns on a page when the request does not say.
const DEFAULT_PAGE: usize = 25;
/// Turns on a page at most.
const MAX_PAGE: usize = 100;

/// A page of turns, the newest first unless asked otherwise.
pub(super) fn page(turns: &Turns, params: &p::ThreadTurnsListParams) -> Result<p::ThreadTurnsListResponse, RpcError> {
    let newest_first = !matches!(params.sort_direction, Some(p::SortDirection::Asc));
    let anchor = match &params.cursor {
        None => None,
        Some(text) => {
            let cursor: Cursor<'_> = serde_json::from_str(text)
                .map_err(|_| RpcError::invalid_request(format_args!("invalid cursor: {text}")))?;
            let position = turns
                .positions(&TurnId::from(cursor.turn_id.as_ref()))
                .nth(cursor.namesakes)
                .ok_or_else(|| RpcError::invalid_request("invalid cursor: anchor turn is no longer present"))?;
            Some((position, cursor.include_anchor))
        }
    };
    let (range, more) = shown(turns.len(), anchor, params.limit, newest_first);
    let mut data = Vec::with_capacity(range.len());
    turns.for_each(range.clone(), |turn| data.push(turn.into_wire()))?;
    let (mut first, mut last) = (range.start, range.end.saturating_sub(1));
    if newest_first {
        data.reverse();
        (first, last) = (last, first);
    }
    Ok(p::ThreadTurnsListResponse {
        next_cursor: data.last().filter(|_| more).map(|turn| cursor(turns, turn, last, false)),
        backwards_cursor: data.first().map(|turn| cursor(turns, turn, first, true)),
        data,
    })
}

/// Which of `count` turns are on a page, and whether there are more behind it. It begins at the anchor, or beside it.
fn shown(count: usize, anchor: Option<(usize, bool)>, limit: Option<u32>, newest_first: bool) -> (Range<usize>, bool) {
    let limit = limit.map_or(DEFAULT_PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX)).clamp(1, MAX_PAGE);
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
struct Cursor<'a> {
    turn_id: Cow<'a, str>,
    /// The page begins with that turn, not with the one after it.
    include_anchor: bool,
    /// How many newer turns have the same id.
    #[serde(default, skip_serializing_if = "is_zero")]
    namesakes: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn cursor(turns: &Turns, turn: &p::Turn, position: usize, include_anchor: bool) -> String {
    let namesakes = turns.positions(&TurnId::from(turn.id.as_str())).take_while(|other| *other > position).count();
    let cursor = Cursor { turn_id: turn.id.as_str().into(), include_anchor, namesakes };
    serde_json::to_string(&cursor).expect("a text, a flag and a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_to_the_oldest_turn() {
        assert_eq!(shown(5, None, Some(2), true), (3..5, true));
        assert_eq!(shown(5, Some((3, false)), Some(2), true), (1..3, true));
        assert_eq!(shown(5, Some((1, false)), Some(2), true), (0..1, false));
        assert_eq!(shown(0, None, None, true), (0..0, false));
    }

    #[test]
    fn the_backwards_cursor_gives_the_anchor_and_newer_turns_also_those_that_came_later() {
        assert_eq!(shown(5, Some((2, true)), Some(10), false), (2..5, false));
    }

    #[test]
    fn a_page_has_one_turn_at_least_and_a_hundred_at_most() {
        assert_eq!(shown(3, None, Some(0), false), (0..1, true));
        assert_eq!(shown(500, None, Some(1000), true), (400..500, true));
    }
}
