//! `gitDiffToRemote`.

use protocol as p;
use workspace::git::remote;

use super::thread_settings;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

pub(crate) async fn diff_to_remote(cx: Cx, params: p::GitDiffToRemoteParams) -> Handled<p::GitDiffToRemoteResponse> {
    let environment = cx.server.engine.environment();
    let config = thread_settings::usable_config(&cx, &environment.cwd)?;
    let env = environment.command_env(&config);
    let cwd = environment.cwd.join(&params.cwd);
    let difference = remote::diff(&environment.launcher, &env, &cwd).await.map_err(|error| {
        tracing::debug!(%cwd, error = &error as &dyn std::error::Error, "no difference to the remote");
        // Source of the text: recorded conversations.
        RpcError::invalid_request(format_args!("failed to compute git diff to remote for cwd: {:?}", params.cwd))
    })?;
    Ok(p::GitDiffToRemoteResponse { sha: p::GitSha(difference.sha), diff: difference.diff }.into())
}
