//! `thread/compact/*`.

use protocol as p;

use super::thread_view;
use crate::dispatch::{Cx, Handled, Reply};

/// Starts a turn that makes the history short. The response comes before the turn's first notification.
pub(crate) async fn start(cx: Cx, params: p::ThreadCompactStartParams) -> Handled<p::ThreadCompactStartResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let accepted = thread.compact().await?;
    // Dropping the accepted turn lets it begin.
    Ok(Reply::new(p::ThreadCompactStartResponse {}).then(move |_| drop(accepted)))
}
