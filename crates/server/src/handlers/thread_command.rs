//! Commands and requests of the user in a thread: `thread/shellCommand`, `thread/backgroundTerminals/clean`,
//! `thread/increment_elicitation`, `thread/decrement_elicitation`.

use protocol as p;

use super::thread_view;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;

/// Runs a command of the user without a sandbox. The response comes before what the command does.
pub(crate) async fn run(cx: Cx, params: p::ThreadShellCommandParams) -> Handled<p::ThreadShellCommandResponse> {
    let script = params.command.trim();
    if script.is_empty() {
        return Err(RpcError::invalid_request("command must not be empty"));
    }
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let accepted = thread.run_command(script.to_owned()).await?;
    // Dropping the accepted turn lets it begin.
    Ok(Reply::new(p::ThreadShellCommandResponse {}).then(move |_| drop(accepted)))
}

pub(crate) async fn clean_terminals(
    cx: Cx,
    params: p::ThreadBackgroundTerminalsCleanParams,
) -> Handled<p::ThreadBackgroundTerminalsCleanResponse> {
    thread_view::loaded(&cx, &params.thread_id)?.end_background_commands();
    Ok(p::ThreadBackgroundTerminalsCleanResponse {}.into())
}

pub(crate) async fn increment_elicitation(
    cx: Cx,
    params: p::ThreadIncrementElicitationParams,
) -> Handled<p::ThreadIncrementElicitationResponse> {
    let count = thread_view::loaded(&cx, &params.thread_id)?.elicitation_begins();
    Ok(p::ThreadIncrementElicitationResponse { count, paused: true }.into())
}

pub(crate) async fn decrement_elicitation(
    cx: Cx,
    params: p::ThreadDecrementElicitationParams,
) -> Handled<p::ThreadDecrementElicitationResponse> {
    let count = thread_view::loaded(&cx, &params.thread_id)?
        .elicitation_ends()
        .ok_or_else(|| RpcError::invalid_request("out-of-band elicitation count is already zero"))?;
    Ok(p::ThreadDecrementElicitationResponse { count, paused: count > 0 }.into())
}
