//! `thread/archive` and `thread/unarchive`.

use protocol as p;
use types::{AbsPath, ThreadId};

use super::{thread_list, thread_view};
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;

/// Archives a thread and those that worked for it; what runs in them is interrupted.
pub(crate) async fn archive(cx: Cx, params: p::ThreadArchiveParams) -> Handled<p::ThreadArchiveResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let (path, descendants) = {
        let cx = cx.clone();
        thread_view::blocking(move || -> Result<_, RpcError> {
            let path = thread_view::find_active(&cx, id)?;
            Ok((path, cx.server.engine.environment().store.descendants(id)?))
        })
        .await??
    };
    move_away(&cx, id, &path).await?;
    let mut archived = vec![id];
    // Those deepest in the family first.
    for (id, path) in descendants.iter().rev() {
        match move_away(&cx, *id, path).await {
            Ok(()) => archived.push(*id),
            Err(error) => tracing::warn!(?error, thread = %id, "a descendant could not be archived"),
        }
    }
    Ok(Reply::new(p::ThreadArchiveResponse {}).then(move |cx| {
        for id in archived {
            cx.server.hub.broadcast_of(id, &p::ThreadArchivedNotification { thread_id: id.to_string() });
        }
    }))
}

async fn move_away(cx: &Cx, id: ThreadId, path: &AbsPath) -> Result<(), RpcError> {
    cx.server.unload(id).await;
    cx.server.engine.environment().store.archive(path)?;
    Ok(())
}

/// Puts an archived thread back among the others. It counts as changed now.
pub(crate) async fn unarchive(cx: Cx, params: p::ThreadUnarchiveParams) -> Handled<p::ThreadUnarchiveResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let store = &cx.server.engine.environment().store;
    let found = store
        .find(id)?
        .filter(|found| found.archived)
        .ok_or_else(|| RpcError::invalid_request(format_args!("no archived rollout found for thread id {id}")))?;
    let path = store.unarchive(&found.path)?;
    let summary =
        store.summary(&path)?.ok_or_else(|| RpcError::internal(format_args!("the rollout `{path}` cannot be read")))?;
    let thread = thread_list::of_summary(&cx, &summary);
    Ok(Reply::new(p::ThreadUnarchiveResponse { thread })
        .then(move |cx| cx.server.hub.broadcast_of(id, &p::ThreadUnarchivedNotification { thread_id: id.to_string() })))
}
