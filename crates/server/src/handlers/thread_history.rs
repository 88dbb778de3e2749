//! What happened in a thread, and taking it back: `thread/read`, `thread/turns/list`, `thread/rollback`.

use engine::ThreadHandle;
use protocol as p;
use serde::{Deserialize, Serialize};
use types::{ThreadId, Turn};

use super::thread_view::{self, Told};
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;
use crate::wire::ToWire as _;

/// Turns on a page when the request does not say.
const DEFAULT_PAGE: usize = 25;
/// Turns on a page at most.
const MAX_PAGE: usize = 100;

pub(crate) async fn read(cx: Cx, params: p::ThreadReadParams) -> Handled<p::ThreadReadResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    if let Some(thread) = cx.server.engine.get(id) {
        let (snapshot, turns) = if params.include_turns {
            let told = loaded_turns(&cx, thread, "includeTurns").await?;
            (told.snapshot, told.turns)
        } else {
            (thread.snapshot(), Vec::new())
        };
        let mut shown = thread_view::of_loaded(&cx, &snapshot, &turns);
        if snapshot.path.is_none() {
            // What was said in a thread that leaves no trace is not shown of it.
            shown.preview.clear();
        }
        return Ok(p::ThreadReadResponse { thread: shown }.into());
    }
    let (stored, shown) = {
        let cx = cx.clone();
        thread_view::blocking(move || stored_thread(&cx, id, params.include_turns)).await??
    };
    let turns = if params.include_turns { stored } else { Vec::new() };
    Ok(p::ThreadReadResponse { thread: p::Thread { turns: turns.to_wire(), ..shown } }.into())
}

/// A thread that is not loaded: its turns where they are wanted, and what else is shown of it.
fn stored_thread(cx: &Cx, id: ThreadId, turns: bool) -> Result<(Vec<Turn>, p::Thread), RpcError> {
    let store = &cx.server.engine.environment().store;
    let found = store.find(id)?.ok_or_else(|| not_loaded(id))?;
    if !turns && let Some(summary) = store.summary(&found.path)? {
        return Ok((Vec::new(), super::thread_list::of_summary(cx, &summary)));
    }
    let stored = store.read(&found.path)?;
    Ok((stored.turns(), thread_view::of_stored(cx, &stored, &[])))
}

fn not_loaded(id: ThreadId) -> RpcError {
    RpcError::invalid_request(format_args!("thread not loaded: {id}"))
}

/// A loaded thread with its turns; `wanted_by` names the request in errors.
async fn loaded_turns(cx: &Cx, thread: ThreadHandle, wanted_by: &str) -> Result<Told, RpcError> {
    let Some(path) = thread.snapshot().path else {
        return Err(RpcError::invalid_request(format_args!("ephemeral threads do not support {wanted_by}")));
    };
    if !path.exists() {
        let id = thread.id();
        return Err(RpcError::invalid_request(format_args!(
            "thread {id} is not materialized yet; {wanted_by} is unavailable before first user message"
        )));
    }
    let cx = cx.clone();
    Ok(thread_view::blocking(move || thread_view::told(&cx, &thread, &path)).await??)
}

/// Lists a thread's turns, the newest first unless asked otherwise.
pub(crate) async fn list_turns(cx: Cx, params: p::ThreadTurnsListParams) -> Handled<p::ThreadTurnsListResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let turns = match cx.server.engine.get(id) {
        Some(thread) => loaded_turns(&cx, thread, "thread/turns/list").await?.turns,
        None => {
            let cx = cx.clone();
            thread_view::blocking(move || stored_thread(&cx, id, true)).await??.0
        }
    };
    Ok(page(&turns, &params)?.into())
}

/// Where a page of turns begins.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor<'a> {
    turn_id: std::borrow::Cow<'a, str>,
    /// The page begins with that turn, not with the one after it.
    include_anchor: bool,
}

impl Cursor<'_> {
    fn of(turn: &Turn, include_anchor: bool) -> String {
        let cursor = Cursor { turn_id: turn.id.as_str().into(), include_anchor };
        serde_json::to_string(&cursor).expect("a text and a flag")
    }
}

fn page(turns: &[Turn], params: &p::ThreadTurnsListParams) -> Result<p::ThreadTurnsListResponse, RpcError> {
    let limit =
        params.limit.map_or(DEFAULT_PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX)).clamp(1, MAX_PAGE);
    let newest_first = !matches!(params.sort_direction, Some(p::SortDirection::Asc));
    let rest = match &params.cursor {
        None => turns,
        Some(text) => {
            let cursor: Cursor<'_> = serde_json::from_str(text)
                .map_err(|_| RpcError::invalid_request(format_args!("invalid cursor: {text}")))?;
            let anchor = turns
                .iter()
                .position(|turn| turn.id.as_str() == cursor.turn_id)
                .ok_or_else(|| RpcError::invalid_request("invalid cursor: anchor turn is no longer present"))?;
            if newest_first {
                &turns[..anchor + usize::from(cursor.include_anchor)]
            } else {
                &turns[anchor + usize::from(!cursor.include_anchor)..]
            }
        }
    };
    let shown: Vec<&Turn> =
        if newest_first { rest.iter().rev().take(limit).collect() } else { rest.iter().take(limit).collect() };
    let more = shown.len() < rest.len();
    Ok(p::ThreadTurnsListResponse {
        next_cursor: shown.last().filter(|_| more).map(|turn| Cursor::of(turn, false)),
        backwards_cursor: shown.first().map(|turn| Cursor::of(turn, true)),
        data: shown.into_iter().map(|turn| turn.to_wire()).collect(),
    })
}

/// Takes the last turns of a loaded thread back.
pub(crate) async fn rollback(cx: Cx, params: p::ThreadRollbackParams) -> Handled<p::ThreadRollbackResponse> {
    if params.num_turns == 0 {
        return Err(RpcError::invalid_request("numTurns must be >= 1"));
    }
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let stored = thread.roll_back(params.num_turns).await?;
    let shown = thread_view::of_loaded(&cx, &thread.snapshot(), &stored.turns());
    Ok(p::ThreadRollbackResponse { thread: shown }.into())
}

#[cfg(test)]
mod tests {
    use types::{TurnId, TurnStatus};

    use super::*;

    fn turns(count: usize) -> Vec<Turn> {
        (1..=count)
            .map(|number| Turn {
                id: TurnId::from(format!("t{number}")),
                items: Vec::new(),
                status: TurnStatus::Completed,
                error: None,
                started_at: None,
                completed_at: None,
                duration: None,
            })
            .collect()
    }

    fn list(
        turns: &[Turn],
        limit: u32,
        cursor: Option<String>,
        direction: p::SortDirection,
    ) -> p::ThreadTurnsListResponse {
        let params = p::ThreadTurnsListParams {
            thread_id: String::new(),
            cursor,
            limit: Some(limit),
            sort_direction: Some(direction),
        };
        page(turns, &params).unwrap()
    }

    fn ids(page: &p::ThreadTurnsListResponse) -> Vec<&str> {
        page.data.iter().map(|turn| turn.id.as_str()).collect()
    }

    #[test]
    fn pages_lead_to_the_oldest_turn() {
        let turns = turns(5);
        let first = list(&turns, 2, None, p::SortDirection::Desc);
        assert_eq!(ids(&first), ["t5", "t4"]);
        let second = list(&turns, 2, first.next_cursor, p::SortDirection::Desc);
        assert_eq!(ids(&second), ["t3", "t2"]);
        let third = list(&turns, 2, second.next_cursor, p::SortDirection::Desc);
        assert_eq!((ids(&third), third.next_cursor.as_ref()), (vec!["t1"], None));
    }

    #[test]
    fn the_backwards_cursor_gives_the_anchor_and_newer_turns_also_those_that_came_later() {
        let first = list(&turns(3), 2, None, p::SortDirection::Desc);
        let later = list(&turns(5), 10, first.backwards_cursor, p::SortDirection::Asc);
        assert_eq!(ids(&later), ["t3", "t4", "t5"]);
    }

    #[test]
    fn a_limit_of_zero_is_one() {
        assert_eq!(ids(&list(&turns(3), 0, None, p::SortDirection::Asc)), ["t1"]);
    }

    #[test]
    fn a_cursor_at_a_turn_that_was_rolled_back_is_refused() {
        let cursor = list(&turns(3), 1, None, p::SortDirection::Desc).backwards_cursor;
        let params = p::ThreadTurnsListParams { thread_id: String::new(), cursor, limit: None, sort_direction: None };
        let error = page(&turns(2), &params).unwrap_err().into_object();
        assert_eq!(error.message, "invalid cursor: anchor turn is no longer present");
    }
}
