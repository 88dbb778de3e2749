//! `windowsSandbox/setupStart`, which has nothing to set up on this system.

use protocol as p;

use crate::dispatch::{Cx, Handled, Reply};

pub(crate) async fn setup_start(
    _cx: Cx,
    params: p::WindowsSandboxSetupStartParams,
) -> Handled<p::WindowsSandboxSetupStartResponse> {
    let kind = match params.mode {
        p::WindowsSandboxSetupMode::Elevated => "elevated",
        p::WindowsSandboxSetupMode::Unelevated => "legacy",
    };
    let error = format!("{kind} Windows sandbox setup is only supported on Windows");
    let completed =
        p::WindowsSandboxSetupCompletedNotification { mode: params.mode, success: false, error: Some(error) };
    Ok(Reply::new(p::WindowsSandboxSetupStartResponse { started: true })
        .then(move |cx| cx.server.hub.notify(&cx.connection, &completed)))
}
