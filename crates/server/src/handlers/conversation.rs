//! `getConversationSummary`: what a rollout says of its thread at a glance.
//!
//! Source of codes and texts: recorded conversations.

use std::time::SystemTime;

use jiff::Timestamp;
use protocol as p;
use store::Summary;
use types::{AbsPath, SessionSource};

use super::thread_view;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;
use crate::wire::ToWire as _;

pub(crate) async fn summary(
    cx: Cx,
    params: p::GetConversationSummaryParams,
) -> Handled<p::GetConversationSummaryResponse> {
    let summary = thread_view::blocking(move || find(&cx, params)).await??;
    Ok(p::GetConversationSummaryResponse { summary: to_wire(summary) }.into())
}

fn find(cx: &Cx, params: p::GetConversationSummaryParams) -> Result<Summary, RpcError> {
    let environment = cx.server.engine.environment();
    let path = match params {
        p::GetConversationSummaryParams::ThreadId { conversation_id: p::ThreadId(id) } => {
            // The id is a part of the params' form here, unlike in the methods of threads.
            let id = id.parse().map_err(|error| {
                RpcError::invalid_request(format_args!("Invalid request: invalid conversationId: {error}"))
            })?;
            let found = environment.store.find(id)?;
            let none = || RpcError::invalid_request(format_args!("no rollout found for conversation id {id}"));
            found.ok_or_else(none)?.path
        }
        p::GetConversationSummaryParams::RolloutPath { rollout_path } => {
            let path = environment.home.join(rollout_path);
            let whole = path.canonicalize().and_then(|whole| AbsPath::new(whole).map_err(std::io::Error::other));
            whole.map_err(|error| {
                RpcError::invalid_request(format_args!("failed to resolve rollout path `{path}`: {error}"))
            })?
        }
    };
    let unreadable = || RpcError::internal(format_args!("failed to load conversation summary from {path}"));
    environment.store.summary(&path)?.ok_or_else(unreadable)
}

fn to_wire(summary: Summary) -> p::ConversationSummary {
    p::ConversationSummary {
        conversation_id: p::ThreadId(summary.id.to_string()),
        path: summary.path.into_path_buf(),
        preview: summary.preview,
        timestamp: text(summary.created_at),
        updated_at: text(summary.updated_at),
        model_provider: summary.model_provider.unwrap_or_default(),
        cwd: summary.cwd.into_path_buf(),
        cli_version: summary.cli_version,
        source: source(&summary.source),
        git_info: summary.git.map(|git| p::ConversationGitInfo {
            sha: git.sha,
            branch: git.branch,
            origin_url: git.origin_url,
        }),
    }
}

/// As older clients spell it.
fn source(source: &SessionSource) -> p::v1::SessionSource {
    use p::v1::SessionSource as Wire;
    match source {
        SessionSource::Cli => Wire::Cli,
        SessionSource::VsCode => Wire::Vscode,
        SessionSource::Exec => Wire::Exec,
        SessionSource::AppServer => Wire::Mcp,
        SessionSource::Custom(name) => Wire::Custom(name.clone()),
        SessionSource::SubAgent(agent) => Wire::Subagent(agent.to_wire()),
        SessionSource::Unknown => Wire::Unknown,
    }
}

/// RFC 3339 with milliseconds, in UTC.
fn text(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| format!("{time:.3}"))
}
