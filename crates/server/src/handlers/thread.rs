//! `thread/*`.

use engine::{NewThread, ThreadHandle};
use protocol as p;
use store::{StoredThread, ThreadWriter};
use types::{AbsPath, ResponseItem};

use super::thread_settings::{self, Stored, requested};
use super::thread_view::{self, SettingsView};
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::wire::{FromWire as _, response_items};

pub(crate) async fn start(cx: Cx, mut params: p::ThreadStartParams) -> Handled<p::ThreadStartResponse> {
    let dynamic_tools = params.dynamic_tools.take().unwrap_or_default();
    check_dynamic_tools(&dynamic_tools)?;
    let settings = thread_settings::settings(&cx, requested!(params), Stored::default())?;
    let git = workspace::git::facts(&settings.cwd);
    let thread = cx.server.engine.start(NewThread {
        settings,
        source: cx.server.info.session_source.clone(),
        ephemeral: params.ephemeral.unwrap_or(false),
        forked_from: None,
        git,
        dynamic_tools: dynamic_tools.from_wire(),
        raw_events: params.experimental_raw_events,
        history: Vec::new(),
    });
    cx.server.hub.subscribe(thread.id(), &cx.connection);
    let snapshot = thread.snapshot();
    let shown = thread_view::of_loaded(&snapshot, &[]);
    let SettingsView {
        model,
        model_provider,
        service_tier,
        cwd,
        instruction_sources,
        approval_policy,
        approvals_reviewer,
        sandbox,
        permission_profile,
        reasoning_effort,
    } = thread_view::settings_view(&cx, &snapshot);
    let response = p::ThreadStartResponse {
        thread: shown.clone(),
        model,
        model_provider,
        service_tier,
        cwd,
        instruction_sources,
        approval_policy,
        approvals_reviewer,
        sandbox,
        permission_profile,
        reasoning_effort,
    };
    Ok(Reply::new(response).then(move |cx| cx.server.hub.broadcast(&p::ThreadStartedNotification { thread: shown })))
}

fn check_dynamic_tools(tools: &[p::DynamicToolSpec]) -> Result<(), RpcError> {
    for (position, tool) in tools.iter().enumerate() {
        if tool.name.trim().is_empty() {
            return Err(RpcError::invalid_request("dynamic tool name must not be empty"));
        }
        match &tool.namespace {
            Some(namespace) if namespace.trim().is_empty() => {
                let message = format_args!("dynamic tool namespace must not be empty for {}", tool.name);
                return Err(RpcError::invalid_request(message));
            }
            Some(namespace) if namespace.starts_with("mcp__") => {
                let message = format_args!("dynamic tool namespace is reserved for {}: {namespace}", tool.name);
                return Err(RpcError::invalid_request(message));
            }
            None if tool.defer_loading => {
                let message = format_args!("deferred dynamic tool must include a namespace: {}", tool.name);
                return Err(RpcError::invalid_request(message));
            }
            _ => {}
        }
        if tools[..position].iter().any(|other| other.name == tool.name && other.namespace == tool.namespace) {
            return Err(RpcError::invalid_request(format_args!("duplicate dynamic tool name: {}", tool.name)));
        }
    }
    Ok(())
}

pub(crate) async fn resume(cx: Cx, params: p::ThreadResumeParams) -> Handled<p::ThreadResumeResponse> {
    if let Some(history) = &params.history {
        if history.is_empty() {
            return Err(RpcError::invalid_request("history must not be empty"));
        }
        return resume_history(&cx, params);
    }
    let path = params.path.as_ref().map(|path| cx.server.engine.environment().cwd.join(path));
    if path.is_none() {
        let id = thread_view::parse_id(&params.thread_id)?;
        if let Some(thread) = cx.server.engine.get(id) {
            return resume_loaded(&cx, &thread);
        }
    }
    let (stored, writer) = open(&cx, &params.thread_id, path)?;
    if let Some(thread) = cx.server.engine.get(stored.meta.id) {
        return resume_loaded(&cx, &thread);
    }
    let settings = stored_settings(&cx, params, &stored)?;
    let turns = stored.turns();
    let usage = stored.usage();
    let thread = cx.server.engine.resume(&stored, writer, settings, false);
    cx.server.hub.subscribe(thread.id(), &cx.connection);
    let response = resumed(&cx, &thread, &turns);
    let id = thread.id();
    Ok(Reply::new(response).then(move |cx| {
        if let Some((turn_id, usage)) = usage {
            tell_usage(cx, id, &turn_id, &usage);
        }
    }))
}

fn tell_usage(cx: &Cx, thread: types::ThreadId, turn: &types::TurnId, usage: &types::TokenUsageTotals) {
    use crate::wire::ToWire as _;
    cx.server.hub.notify(
        &cx.connection,
        &p::ThreadTokenUsageUpdatedNotification {
            thread_id: thread.to_string(),
            turn_id: turn.to_string(),
            token_usage: usage.to_wire(),
        },
    );
}

/// A thread that is loaded: the client joins as it is.
fn resume_loaded(cx: &Cx, thread: &ThreadHandle) -> Handled<p::ThreadResumeResponse> {
    let snapshot = thread.snapshot();
    if snapshot.path.as_ref().is_some_and(|path| !path.exists()) {
        return Err(no_rollout(thread.id()));
    }
    let turns = thread_view::turns_of(cx, &snapshot)?;
    cx.server.hub.subscribe(thread.id(), &cx.connection);
    let response = resumed(cx, thread, &turns);
    let id = thread.id();
    let usage = snapshot.path.as_ref().and_then(|path| cx.server.engine.environment().store.read(path).ok()?.usage());
    Ok(Reply::new(response).then(move |cx| {
        if let Some((turn_id, usage)) = usage {
            tell_usage(cx, id, &turn_id, &usage);
        }
        cx.server.hub.ask_again(id, &cx.connection);
    }))
}

/// A thread whose history the client brings.
fn resume_history(cx: &Cx, mut params: p::ThreadResumeParams) -> Handled<p::ThreadResumeResponse> {
    if let Ok(id) = params.thread_id.parse()
        && let Some(thread) = cx.server.engine.get(id)
        && thread.snapshot().running.is_some()
    {
        let message = format_args!("cannot resume thread {id} with history while it is already running");
        return Err(RpcError::invalid_request(message));
    }
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
        history,
    });
    cx.server.hub.subscribe(thread.id(), &cx.connection);
    Ok(resumed(cx, &thread, &[]).into())
}

fn resumed(cx: &Cx, thread: &ThreadHandle, turns: &[types::Turn]) -> p::ThreadResumeResponse {
    let snapshot = thread.snapshot();
    let view = thread_view::settings_view(cx, &snapshot);
    p::ThreadResumeResponse {
        thread: thread_view::of_loaded(&snapshot, turns),
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

fn no_rollout(id: impl std::fmt::Display) -> RpcError {
    RpcError::invalid_request(format_args!("no rollout found for thread id {id}"))
}

/// Opens a stored thread for writing, by path or by id.
fn open(cx: &Cx, id: &str, path: Option<AbsPath>) -> Result<(StoredThread, ThreadWriter), RpcError> {
    let path = match path {
        Some(path) => path,
        None => {
            let id = thread_view::parse_id(id)?;
            thread_view::find(cx, id)?.ok_or_else(|| no_rollout(id))?
        }
    };
    cx.server
        .engine
        .environment()
        .store
        .open(&path)
        .map_err(|error| RpcError::invalid_request(format_args!("failed to load rollout `{path}`: {}", error.reason())))
}

/// Settings of a stored thread: what the request says, what the thread had, what the configuration says.
fn stored_settings(
    cx: &Cx,
    mut params: p::ThreadResumeParams,
    stored: &StoredThread,
) -> Result<engine::ThreadSettings, RpcError> {
    let context = stored.last_turn_context();
    let kept = Stored {
        cwd: Some(context.map_or_else(|| stored.meta.cwd.clone(), |context| context.cwd.clone())),
        model: context.map(|context| context.model.clone()),
        model_provider: stored.meta.model_provider.clone(),
        effort: context.and_then(|context| context.effort),
        base_instructions: stored.meta.base_instructions.clone(),
    };
    thread_settings::settings(cx, requested!(params), kept)
}

pub(crate) async fn read(cx: Cx, params: p::ThreadReadParams) -> Handled<p::ThreadReadResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    if let Some(thread) = cx.server.engine.get(id) {
        let snapshot = thread.snapshot();
        if params.include_turns && snapshot.path.is_none() {
            return Err(RpcError::invalid_request("ephemeral threads do not support includeTurns"));
        }
        let turns = if params.include_turns { thread_view::turns_of(&cx, &snapshot)? } else { Vec::new() };
        return Ok(p::ThreadReadResponse { thread: thread_view::of_loaded(&snapshot, &turns) }.into());
    }
    let not_loaded = || RpcError::invalid_request(format_args!("thread not loaded: {id}"));
    let path = thread_view::find(&cx, id)?.ok_or_else(not_loaded)?;
    let stored = cx.server.engine.environment().store.read(&path)?;
    let turns = if params.include_turns { stored.turns() } else { Vec::new() };
    Ok(p::ThreadReadResponse { thread: thread_view::of_stored(&stored, &turns) }.into())
}

pub(crate) async fn loaded_list(cx: Cx, params: p::ThreadLoadedListParams) -> Handled<p::ThreadLoadedListResponse> {
    let mut ids: Vec<String> = cx.server.engine.loaded().iter().map(|thread| thread.id().to_string()).collect();
    if let Some(cursor) = &params.cursor {
        let after = thread_view::parse_id(cursor)
            .map_err(|_| RpcError::invalid_request(format_args!("invalid cursor: {cursor}")))?
            .to_string();
        ids.retain(|id| *id > after);
    }
    let limit = params.limit.map_or(usize::MAX, |limit| usize::try_from(limit.max(1)).unwrap_or(usize::MAX));
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next_cursor = if more { ids.last().cloned() } else { None };
    Ok(p::ThreadLoadedListResponse { data: ids, next_cursor }.into())
}

pub(crate) async fn inject_items(cx: Cx, params: p::ThreadInjectItemsParams) -> Handled<p::ThreadInjectItemsResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    if params.items.is_empty() {
        return Err(RpcError::invalid_request("items must not be empty"));
    }
    let items: Vec<ResponseItem> = response_items(params.items).map_err(RpcError::invalid_request)?;
    thread.inject(items).await?;
    Ok(p::ThreadInjectItemsResponse {}.into())
}

pub(crate) async fn set_name(cx: Cx, params: p::ThreadSetNameParams) -> Handled<p::ThreadSetNameResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let name = params.name.trim().to_owned();
    if name.is_empty() {
        return Err(RpcError::invalid_request("thread name must not be empty"));
    }
    let store = &cx.server.engine.environment().store;
    match cx.server.engine.get(id) {
        Some(thread) => thread.set_name(Some(name.clone())).await?,
        None if thread_view::find(&cx, id)?.is_some() => {}
        None => return Err(RpcError::thread_not_found(id)),
    }
    store.set_name(id, &name)?;
    Ok(Reply::new(p::ThreadSetNameResponse {}).then(move |cx| {
        cx.server.hub.broadcast(&crate::notifications::name_updated(id, Some(name)));
    }))
}

pub(crate) async fn unsubscribe(cx: Cx, params: p::ThreadUnsubscribeParams) -> Handled<p::ThreadUnsubscribeResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let status = if cx.server.engine.get(id).is_none() {
        p::ThreadUnsubscribeStatus::NotLoaded
    } else if cx.server.hub.unsubscribe(id, cx.connection.id) {
        p::ThreadUnsubscribeStatus::Unsubscribed
    } else {
        p::ThreadUnsubscribeStatus::NotSubscribed
    };
    Ok(p::ThreadUnsubscribeResponse { status }.into())
}
