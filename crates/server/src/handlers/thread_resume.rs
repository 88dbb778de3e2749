//! `thread/resume` and `thread/fork`: going on with a thread that is stored, loaded, or brought by the client.

use std::path::Path;

use engine::{Fork, Forked, NewThread, Opened, Resumed, ThreadHandle, ThreadSnapshot};
use protocol as p;
use store::{StoreError, StoredThread};
use types::{AbsPath, ThreadId, TokenUsageTotals, TurnId};

use super::thread_settings::{self, Requested, Stored, requested};
use super::thread_view;
use crate::answered_turns::AnsweredTurns;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::notifications;
use crate::turns::{Running, Turns};
use crate::wire::{ToWire as _, response_items};

pub(crate) async fn resume(cx: Cx, params: p::ThreadResumeParams) -> Handled<p::ThreadResumeResponse> {
    let named = params.thread_id.parse().ok().and_then(|id| cx.server.engine.get(id));
    if let Some(history) = &params.history {
        if history.is_empty() {
            return Err(RpcError::invalid_request("history must not be empty"));
        }
        if let Some(thread) = named {
            let message = format_args!("cannot resume thread {} with history while it is already running", thread.id());
            return Err(RpcError::invalid_request(message));
        }
        return resume_history(&cx, params);
    }
    let path = params.path.as_ref().map(|path| cx.server.engine.environment().cwd.join(path));
    if let Some(thread) = named {
        check_path(&thread, path.as_ref())?;
        return resume_loaded(&cx, &thread).await;
    }
    let place = path.clone().map_or_else(|| thread_view::parse_id(&params.thread_id).map(Err), |path| Ok(Ok(path)))?;
    let opened = {
        let cx = cx.clone();
        let open = move || -> Result<_, RpcError> {
            let path = place.or_else(|id| thread_view::find_active(&cx, id))?;
            let opened = cx.server.engine.open(&path).map_err(|error| unreadable(path.as_path(), error))?;
            Ok(match opened {
                Opened::Stored(opened) => {
                    let (stored, writer) = *opened;
                    let usage = stored.usage()?;
                    let turns = AnsweredTurns::of(Turns::of_stored(stored.turns.clone()), stored.meta.id, &cx)?;
                    Ok((stored, writer, turns, usage))
                }
                Opened::Loaded(thread) => Err(thread),
            })
        };
        thread_view::blocking(open).await??
    };
    let (stored, writer, turns, usage) = match opened {
        Ok(opened) => opened,
        Err(thread) => {
            check_path(&thread, path.as_ref())?;
            return resume_loaded(&cx, &thread).await;
        }
    };
    let extended_history = params.persist_extended_history;
    let mut params = params;
    let settings = stored_settings(&cx, requested!(params), &stored)?;
    let Resumed { thread, was_loaded } = cx.server.engine.resume(&stored, writer, settings, extended_history)?;
    if was_loaded {
        return resume_loaded(&cx, &thread).await;
    }
    announce(&cx, &thread);
    let snapshot = thread.snapshot();
    let response = resumed(&cx, &snapshot);
    let id = thread.id();
    let warning = other_model(&stored, &response.model)?;
    Ok(Reply::new(response).with_turns(Some(turns)).then(move |cx| {
        if let Some(message) = warning {
            let thread_id = Some(id.to_string());
            cx.server.hub.notify(&cx.connection, &p::WarningNotification { thread_id, message });
        }
        thread_settings::after_opening(cx, id, &snapshot.settings);
        tell_usage(cx, id, usage);
    }))
}

/// Says that the thread goes on with another model than it had, if it does.
fn other_model(stored: &StoredThread, model: &str) -> Result<Option<String>, RpcError> {
    let before = stored.last_turn_context()?.map(|context| context.model);
    Ok(before.filter(|before| before != model).map(|before| {
        format!("so far `{before}` worked in this thread, now `{model}` goes on: it may read what was said differently")
    }))
}

/// A request that means a loaded thread cannot mean another file.
fn check_path(thread: &ThreadHandle, requested: Option<&AbsPath>) -> Result<(), RpcError> {
    let active = thread.snapshot().path;
    match (requested, active) {
        (Some(requested), Some(active)) if !is_same_file(requested, &active) => {
            let id = thread.id();
            Err(RpcError::invalid_request(format_args!(
                "cannot resume running thread {id} with mismatched path: requested `{requested}`, active `{active}`"
            )))
        }
        _ => Ok(()),
    }
}

/// Also when one of them is a link.
fn is_same_file(one: &AbsPath, other: &AbsPath) -> bool {
    let canonical = |path: &AbsPath| path.canonicalize().ok();
    one == other || canonical(one).is_some_and(|one| canonical(other) == Some(one))
}

/// The client follows a thread that has just been loaded; everyone hears that it is.
fn announce(cx: &Cx, thread: &ThreadHandle) {
    cx.server.hub.subscribe(thread.id(), &cx.connection);
    let snapshot = thread.snapshot();
    cx.server.hub.otel.conversation_starts(thread.id(), &snapshot.settings);
    cx.server.hub.broadcast_of(thread.id(), &notifications::status(thread.id(), snapshot.status));
}

fn tell_usage(cx: &Cx, thread: ThreadId, usage: Option<(TurnId, TokenUsageTotals)>) {
    let Some((turn, usage)) = usage else { return };
    cx.server.hub.notify(
        &cx.connection,
        &p::ThreadTokenUsageUpdatedNotification {
            thread_id: thread.to_string(),
            turn_id: turn.to_string(),
            token_usage: usage.to_wire(),
        },
    );
}

/// A thread that is loaded: the client joins as it is, and what it asks for otherwise is left aside.
async fn resume_loaded(cx: &Cx, thread: &ThreadHandle) -> Handled<p::ThreadResumeResponse> {
    let id = thread.id();
    let path = thread.snapshot().path.filter(|path| path.exists()).ok_or_else(|| thread_view::no_rollout(id))?;
    // First of all, so that nothing is missed between what the answer shows and what is told.
    let joined = cx.server.hub.join(id, &cx.connection);
    let told = {
        let (cx, thread) = (cx.clone(), thread.clone());
        let read = move || -> Result<_, StoreError> {
            let mut usage = None;
            let read = || {
                let stored = cx.server.engine.environment().store.read(&path)?;
                usage = stored.usage()?;
                Ok(stored.turns)
            };
            let (turns, snapshot) = Turns::of_loaded(&thread, read, Running::Live)?;
            Ok((AnsweredTurns::of(turns, id, &cx)?, usage, snapshot))
        };
        thread_view::blocking(read).await
    };
    let (turns, usage, snapshot) = told.and_then(|told| Ok(told?)).inspect_err(|_| {
        if joined.new {
            cx.server.unsubscribe(id, cx.connection.id);
        }
    })?;
    let response = resumed(cx, &snapshot);
    Ok(Reply::new(response).with_turns(Some(turns)).then(move |cx| {
        tell_usage(cx, id, usage);
        cx.server.hub.ask_again(&joined.open, &cx.connection);
    }))
}

/// A thread whose history the client brings.
fn resume_history(cx: &Cx, mut params: p::ThreadResumeParams) -> Handled<p::ThreadResumeResponse> {
    let items = params.history.take().unwrap_or_default();
    let items = items.into_iter().map(|item| serde_json::to_value(item).unwrap_or_default()).collect();
    let history = response_items(items).map_err(RpcError::invalid_request)?;
    let settings = thread_settings::settings(cx, requested!(params), Stored::default())?;
    let thread = cx.server.engine.start(NewThread {
        git: workspace::git::facts(&settings.cwd),
        settings,
        source: cx.server.info.session_source.clone(),
        ephemeral: false,
        forked_from: None,
        dynamic_tools: Vec::new(),
        raw_events: false,
        extended_history: params.persist_extended_history,
        history,
    })?;
    announce(cx, &thread);
    let snapshot = thread.snapshot();
    let id = thread.id();
    Ok(Reply::new(resumed(cx, &snapshot)).then(move |cx| thread_settings::after_opening(cx, id, &snapshot.settings)))
}

/// Without the turns.
fn resumed(cx: &Cx, snapshot: &ThreadSnapshot) -> p::ThreadResumeResponse {
    let view = thread_view::settings_view(cx, snapshot);
    p::ThreadResumeResponse {
        thread: thread_view::of_loaded(cx, snapshot),
        model: view.model,
        model_provider: view.model_provider,
        service_tier: view.service_tier,
        cwd: view.cwd,
        instruction_sources: view.instruction_sources,
        approval_policy: view.approval_policy,
        approvals_reviewer: view.approvals_reviewer,
        sandbox: view.sandbox,
        permission_profile: view.permission_profile,
        reasoning_effort: view.reasoning_effort,
    }
}

fn unreadable(path: &Path, error: store::StoreError) -> RpcError {
    if error.is_in_use() {
        return error.into();
    }
    let path = path.display();
    RpcError::invalid_request(format_args!("failed to load rollout `{path}`: {}", error.reason()))
}

/// Settings of a stored thread: what the request says, what the thread had, what the configuration says.
fn stored_settings(cx: &Cx, requested: Requested, stored: &StoredThread) -> Result<engine::ThreadSettings, RpcError> {
    let context = stored.last_turn_context()?;
    let kept = Stored {
        cwd: Some(stored.meta.cwd.clone()),
        model: context.as_ref().map(|context| context.model.clone()),
        model_provider: stored.meta.model_provider.clone(),
        effort: context.and_then(|context| context.effort),
        base_instructions: stored.meta.base_instructions.clone(),
    };
    thread_settings::settings(cx, requested, kept)
}

/// Loads a copy of a thread, which may be loaded and in the middle of a turn itself.
pub(crate) async fn fork(cx: Cx, mut params: p::ThreadForkParams) -> Handled<p::ThreadForkResponse> {
    let requested = requested!(params, personality: None);
    thread_settings::check(&requested)?;
    let place = match params.path.take() {
        Some(path) => Ok(path),
        None => Err(thread_view::parse_id(&params.thread_id)?),
    };
    let original = {
        let cx = cx.clone();
        let read = move || -> Result<_, RpcError> {
            let (path, shown) = match place {
                Ok(path) => (cx.server.engine.environment().cwd.join(&path), path),
                Err(id) => {
                    let path = thread_view::find_active(&cx, id)?;
                    (path.clone(), path.into_path_buf())
                }
            };
            cx.server.engine.environment().store.read(&path).map_err(|error| unreadable(&shown, error))
        };
        thread_view::blocking(read).await??
    };
    let settings = stored_settings(&cx, requested, &original)?;
    let fork = Fork {
        git: workspace::git::facts(&settings.cwd),
        settings,
        source: cx.server.info.session_source.clone(),
        ephemeral: params.ephemeral,
        extended_history: params.persist_extended_history,
    };
    let (forked, turns, usage) = {
        let cx = cx.clone();
        let copy = move || -> Result<_, StoreError> {
            let Forked { thread, stored } = cx.server.engine.fork(&original, fork)?;
            let usage = stored.usage()?;
            Ok((thread, Turns::of_stored(stored.turns).to_wire()?, usage))
        };
        thread_view::blocking(copy).await??
    };
    let id = forked.id();
    cx.server.hub.subscribe(id, &cx.connection);
    let snapshot = forked.snapshot();
    cx.server.hub.otel.conversation_starts(id, &snapshot.settings);
    let thread = p::Thread { turns, ..thread_view::of_loaded(&cx, &snapshot) };
    let view = thread_view::settings_view(&cx, &snapshot);
    let response = p::ThreadForkResponse {
        thread: thread.clone(),
        model: view.model,
        model_provider: view.model_provider,
        service_tier: view.service_tier,
        cwd: view.cwd,
        instruction_sources: view.instruction_sources,
        approval_policy: view.approval_policy,
        approvals_reviewer: view.approvals_reviewer,
        sandbox: view.sandbox,
        permission_profile: view.permission_profile,
        reasoning_effort: view.reasoning_effort,
    };
    Ok(Reply::new(response).then(move |cx| {
        tell_usage(cx, id, usage);
        cx.server.hub.broadcast_of(id, &p::ThreadStartedNotification { thread });
        thread_settings::after_opening(cx, id, &snapshot.settings);
    }))
}
