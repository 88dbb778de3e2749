//! `thread/realtime/*`. Spoken conversations are not part of this build: threads are checked, then the request is
//! refused.

use protocol as p;

use super::thread_view;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

fn refuse(cx: &Cx, thread_id: &str) -> RpcError {
    match thread_view::loaded(cx, thread_id) {
        Ok(_) => RpcError::internal("realtime conversations are not available in this build of spindle"),
        Err(error) => error,
    }
}

pub(crate) async fn start(cx: Cx, params: p::ThreadRealtimeStartParams) -> Handled<p::ThreadRealtimeStartResponse> {
    Err(refuse(&cx, &params.thread_id))
}

pub(crate) async fn append_audio(
    cx: Cx,
    params: p::ThreadRealtimeAppendAudioParams,
) -> Handled<p::ThreadRealtimeAppendAudioResponse> {
    Err(refuse(&cx, &params.thread_id))
}

pub(crate) async fn append_text(
    cx: Cx,
    params: p::ThreadRealtimeAppendTextParams,
) -> Handled<p::ThreadRealtimeAppendTextResponse> {
    Err(refuse(&cx, &params.thread_id))
}

pub(crate) async fn stop(cx: Cx, params: p::ThreadRealtimeStopParams) -> Handled<p::ThreadRealtimeStopResponse> {
    Err(refuse(&cx, &params.thread_id))
}

/// The voices of the two versions of the API.
pub(crate) async fn voices(
    _cx: Cx,
    _params: p::ThreadRealtimeListVoicesParams,
) -> Handled<p::ThreadRealtimeListVoicesResponse> {
    use protocol::RealtimeVoice::{
        Alloy, Arbor, Ash, Ballad, Breeze, Cedar, Coral, Cove, Echo, Ember, Juniper, Maple, Marin, Sage, Shimmer, Sol,
        Spruce, Vale, Verse,
    };
    let voices = p::RealtimeVoicesList {
        v1: vec![Juniper, Maple, Spruce, Ember, Vale, Breeze, Arbor, Sol, Cove],
        v2: vec![Alloy, Ash, Ballad, Coral, Echo, Sage, Shimmer, Verse, Marin, Cedar],
        default_v1: Cove,
        default_v2: Marin,
    };
    Ok(p::ThreadRealtimeListVoicesResponse { voices }.into())
}
