//! `thread/start`, `thread/unsubscribe`, `thread/inject_items`.

use engine::NewThread;
use protocol as p;
use types::ResponseItem;

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
        extended_history: params.persist_extended_history,
        history: Vec::new(),
    })?;
    cx.server.hub.subscribe(thread.id(), &cx.connection);
    let snapshot = thread.snapshot();
    cx.server.hub.otel.conversation_starts(thread.id(), &snapshot.settings);
    let shown = thread_view::of_loaded(&cx, &snapshot);
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
    let id = thread.id();
    Ok(Reply::new(response).then(move |cx| {
        cx.server.hub.broadcast_of(id, &p::ThreadStartedNotification { thread: shown });
        thread_settings::after_opening(cx, id, &snapshot.settings);
    }))
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
            None if engine::is_built_in_tool(&tool.name) => {
                let message = format_args!("dynamic tool name is taken by a built-in tool: {}", tool.name);
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

/// Puts items before the model. An answer of the model that is under way ends first; no other request waits for that.
pub(crate) async fn inject_items(cx: Cx, params: p::ThreadInjectItemsParams) -> Handled<p::ThreadInjectItemsResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    if params.items.is_empty() {
        return Err(RpcError::invalid_request("items must not be empty"));
    }
    let items: Vec<ResponseItem> = response_items(params.items).map_err(RpcError::invalid_request)?;
    let kept = thread.inject(items).await?;
    Ok(Reply::later(async move { Ok(kept.await.map(|()| p::ThreadInjectItemsResponse {})?) }))
}

/// Tells this client no more of the thread. Once nobody follows it and nothing happens in it, it is unloaded.
pub(crate) async fn unsubscribe(cx: Cx, params: p::ThreadUnsubscribeParams) -> Handled<p::ThreadUnsubscribeResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let status = if cx.server.engine.get(id).is_none() {
        p::ThreadUnsubscribeStatus::NotLoaded
    } else if cx.server.unsubscribe(id, cx.connection.id) {
        p::ThreadUnsubscribeStatus::Unsubscribed
    } else {
        p::ThreadUnsubscribeStatus::NotSubscribed
    };
    Ok(p::ThreadUnsubscribeResponse { status }.into())
}
