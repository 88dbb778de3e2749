//! `review/*`.

use engine::{Fork, ReviewTarget, ThreadHandle};
use protocol as p;
use types::{Item, ItemId, Turn, TurnStatus, UserInput};

use super::thread_view;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::wire::IntoWire as _;

/// Starts a review, in the thread itself or in a copy of it. The response comes before the turn's first notification.
pub(crate) async fn start(cx: Cx, params: p::ReviewStartParams) -> Handled<p::ReviewStartResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let target = target(params.target)?;
    let hint = target.hint();
    let thread = match params.delivery.unwrap_or(p::ReviewDelivery::Inline) {
        p::ReviewDelivery::Inline => thread,
        p::ReviewDelivery::Detached => copy(&cx, thread).await?,
    };
    let accepted = thread.review(target).await?;
    let asked = Item::UserMessage {
        id: ItemId::from(accepted.id.as_str()),
        content: vec![UserInput::Text { text: hint, elements: Vec::new() }],
    };
    let turn = Turn {
        id: accepted.id.clone(),
        items: vec![asked],
        status: TurnStatus::InProgress,
        error: None,
        started_at: None,
        completed_at: None,
        duration: None,
    };
    let response = p::ReviewStartResponse { turn: turn.into_wire(), review_thread_id: thread.id().to_string() };
    // Dropping the accepted turn lets it begin.
    Ok(Reply::new(response).then(move |_| drop(accepted)))
}

fn target(target: p::ReviewTarget) -> Result<ReviewTarget, RpcError> {
    Ok(match target {
        p::ReviewTarget::UncommittedChanges => ReviewTarget::UncommittedChanges,
        p::ReviewTarget::BaseBranch { branch } => ReviewTarget::BaseBranch { branch: filled("branch", &branch)? },
        p::ReviewTarget::Commit { sha, title } => ReviewTarget::Commit {
            sha: filled("sha", &sha)?,
            title: title.map(|title| title.trim().to_owned()).filter(|title| !title.is_empty()),
        },
        p::ReviewTarget::Custom { instructions } => {
            ReviewTarget::Custom { instructions: filled("instructions", &instructions)? }
        }
    })
}

fn filled(name: &str, text: &str) -> Result<String, RpcError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RpcError::invalid_request(format_args!("{name} must not be empty")));
    }
    Ok(text.to_owned())
}

/// Copies a thread, so that the review does not stand in its way, and tells of the copy.
async fn copy(cx: &Cx, thread: ThreadHandle) -> Result<ThreadHandle, RpcError> {
    let failed = |reason: &str| RpcError::internal(format_args!("error creating detached review thread: {reason}"));
    let snapshot = thread.snapshot();
    let path = snapshot.path.ok_or_else(|| failed("the thread is not stored"))?;
    let engine = cx.server.engine.clone();
    let copied = thread_view::blocking(move || {
        let stored = engine.environment().store.read(&path)?;
        let fork = Fork {
            settings: snapshot.settings.as_ref().clone(),
            source: stored.meta.source.clone(),
            ephemeral: false,
            git: stored.meta.git.clone(),
            extended_history: false,
        };
        engine.fork(&stored, fork)
    });
    let copy = copied.await?.map_err(|error| failed(&error.reason()))?.thread;
    cx.server.hub.subscribe(copy.id(), &cx.connection);
    let shown = thread_view::of_loaded(cx, &copy.snapshot());
    cx.server.hub.broadcast(&p::ThreadStartedNotification { thread: shown });
    Ok(copy)
}
