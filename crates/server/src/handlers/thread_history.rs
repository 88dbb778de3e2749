//! What happened in a thread, and taking it back: `thread/read`, `thread/turns/list`, `thread/rollback`.

use engine::ThreadHandle;
use protocol as p;
use store::StoreError;
use types::{AbsPath, ThreadId};

use super::thread_turns::Wanted;
use super::thread_view;
use crate::answered_turns::AnsweredTurns;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::turns::{Running, Turns};

pub(crate) async fn read(cx: Cx, params: p::ThreadReadParams) -> Handled<p::ThreadReadResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let (mut thread, turns) = match cx.server.engine.get(id) {
        Some(thread) if params.include_turns => {
            let path = stored_at(&thread, "includeTurns")?;
            let cx = cx.clone();
            let read = move || -> Result<_, StoreError> {
                let read = || Ok(cx.server.engine.environment().store.read(&path)?.turns);
                let (turns, snapshot) = Turns::of_loaded(&thread, read, Running::Stored)?;
                Ok((thread_view::of_loaded(&cx, &snapshot), Some(AnsweredTurns::of(turns, id, &cx)?)))
            };
            thread_view::blocking(read).await??
        }
        Some(thread) => (thread_view::of_loaded(&cx, &thread.snapshot()), None),
        None => {
            let cx = cx.clone();
            thread_view::blocking(move || not_loaded(&cx, id, params.include_turns)).await??
        }
    };
    if thread.ephemeral {
        // What was said in a thread that leaves no trace is not shown of it.
        thread.preview.clear();
    }
    Ok(Reply::new(p::ThreadReadResponse { thread }).with_turns(turns))
}

/// A thread that is not loaded, with its turns where they are wanted.
fn not_loaded(cx: &Cx, id: ThreadId, turns: bool) -> Result<(p::Thread, Option<AnsweredTurns>), RpcError> {
    let store = &cx.server.engine.environment().store;
    let found = store.find(id)?.ok_or_else(|| unknown(id))?;
    if !turns && let Some(summary) = store.summary(&found.path)? {
        return Ok((super::thread_list::of_summary(cx, &summary), None));
    }
    let stored = store.read(&found.path)?;
    let shown = thread_view::of_stored(cx, &stored)?;
    Ok((shown, Some(AnsweredTurns::of(Turns::of_stored(stored.turns), id, cx)?)))
}

fn unknown(id: ThreadId) -> RpcError {
    RpcError::invalid_request(format_args!("thread not loaded: {id}"))
}

/// Where the rollout of a loaded thread is; `wanted_by` names the request in errors.
fn stored_at(thread: &ThreadHandle, wanted_by: &str) -> Result<AbsPath, RpcError> {
    let snapshot = thread.snapshot();
    let Some(path) = snapshot.path else {
        return Err(RpcError::invalid_request(format_args!("ephemeral threads do not support {wanted_by}")));
    };
    if !path.exists() {
        let id = thread.id();
        if !snapshot.preview.is_empty() {
            return Err(RpcError::invalid_request(format_args!("the rollout of thread {id} is gone: `{path}`")));
        }
        return Err(RpcError::invalid_request(format_args!(
            "thread {id} is not materialized yet; {wanted_by} is unavailable before first user message"
        )));
    }
    Ok(path)
}

/// Lists a thread's turns, the newest first unless asked otherwise.
pub(crate) async fn list_turns(cx: Cx, params: p::ThreadTurnsListParams) -> Handled<p::ThreadTurnsListResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let loaded = cx.server.engine.get(id);
    let loaded =
        loaded.map(|thread| Ok::<_, RpcError>((stored_at(&thread, "thread/turns/list")?, thread))).transpose()?;
    let wanted = Wanted::new(&params)?;
    let list = move || -> Result<_, RpcError> {
        let store = &cx.server.engine.environment().store;
        let read = |path: &AbsPath| {
            if wanted.begins_with_the_oldest() {
                store.read(path).map(|stored| stored.turns)
            } else {
                store.newest_turns(path, &|turns| wanted.is_among(turns))
            }
        };
        let turns = match loaded {
            Some((path, thread)) => Turns::of_loaded(&thread, || read(&path), Running::Stored)?.0,
            None => {
                let found = store.find(id)?.ok_or_else(|| unknown(id))?;
                Turns::of_stored(read(&found.path)?)
            }
        };
        wanted.page(&turns)
    };
    Ok(thread_view::blocking(list).await??.into())
}

/// Takes the last turns of a loaded thread back.
pub(crate) async fn rollback(cx: Cx, params: p::ThreadRollbackParams) -> Handled<p::ThreadRollbackResponse> {
    if params.num_turns == 0 {
        return Err(RpcError::invalid_request("numTurns must be >= 1"));
    }
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let stored = thread.roll_back(params.num_turns).await?;
    let turns = {
        let (cx, id) = (cx.clone(), thread.id());
        thread_view::blocking(move || AnsweredTurns::of(Turns::of_stored(stored.turns), id, &cx)).await??
    };
    let shown = thread_view::of_loaded(&cx, &thread.snapshot());
    Ok(Reply::new(p::ThreadRollbackResponse { thread: shown }).with_turns(Some(turns)))
}
