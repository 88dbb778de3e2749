//! `feedback/upload`. Nothing leaves the machine: spindle has nobody to send feedback to, and says so in its log.

use protocol as p;
use types::ThreadId;

use super::thread_settings::usable_config;
use super::thread_view;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

pub(crate) async fn upload(cx: Cx, params: p::FeedbackUploadParams) -> Handled<p::FeedbackUploadResponse> {
    let config = usable_config(&cx, &cx.server.engine.environment().cwd)?;
    if !config.feedback_enabled {
        return Err(RpcError::invalid_request("sending feedback is disabled by configuration"));
    }
    let thread_id = match &params.thread_id {
        Some(id) => thread_view::parse_id(id)?.to_string(),
        None => format!("no-active-thread-{}", ThreadId::new()),
    };
    tracing::info!(classification = params.classification, thread_id, "feedback is not sent anywhere by this build");
    Ok(p::FeedbackUploadResponse { thread_id }.into())
}
