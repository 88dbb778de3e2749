//! `thread/events/replay`: what a client has missed of a thread while it was away.

use protocol::additions::{ThreadEventsReplayParams, ThreadEventsReplayResponse};
use rpc::Notice;
use serde_json::Value;

use super::thread_view;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::hub::Missed;

pub(crate) async fn replay(cx: Cx, params: ThreadEventsReplayParams) -> Handled<ThreadEventsReplayResponse> {
    let thread = thread_view::parse_id(&params.thread_id)?;
    let loaded = cx.server.engine.get(thread).is_some();
    let missed = loaded.then(|| cx.server.hub.missed(thread, params.after, &cx.connection)).flatten();
    let Some(Missed { notices, latest }) = missed else {
        return Ok(ThreadEventsReplayResponse { complete: false, events: Vec::new() }.into());
    };
    let events = notices.iter().map(event).collect::<Result<_, _>>().map_err(RpcError::internal)?;
    Ok(Reply::new(ThreadEventsReplayResponse { complete: true, events }).then(move |cx| {
        let joined = cx.server.hub.catch_up(thread, latest, &cx.connection);
        cx.server.hub.ask_again(&joined.open, &cx.connection);
    }))
}

/// A notification as it was sent, with its number.
fn event(notice: &Notice) -> serde_json::Result<Value> {
    let mut event: Value = serde_json::from_slice(notice.frame())?;
    event["seq"] = notice.number().into();
    Ok(event)
}
