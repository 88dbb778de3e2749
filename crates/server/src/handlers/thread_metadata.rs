//! Facts about a thread: `thread/name/set`, `thread/metadata/update`, `thread/memoryMode/set`.

use engine::{Opened, ThreadHandle};
use protocol as p;
use store::{GitPatch, Record, SessionMeta};
use types::ThreadId;

use super::{thread_list, thread_view};
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;

/// A thread to change: loaded, or stored.
enum Target {
    Loaded(ThreadHandle),
    Stored(types::AbsPath),
}

/// A thread that is not archived.
fn target(cx: &Cx, id: ThreadId) -> Result<Target, RpcError> {
    if let Some(thread) = cx.server.engine.get(id) {
        return Ok(Target::Loaded(thread));
    }
    match cx.server.engine.environment().store.find(id)? {
        Some(found) if !found.archived => Ok(Target::Stored(found.path)),
        _ => Err(RpcError::thread_not_found(id)),
    }
}

/// Notes a fact in the thread's rollout, loaded or not.
async fn note(cx: &Cx, target: &Target, record: Record) -> Result<(), RpcError> {
    match target {
        Target::Loaded(thread) => thread.record(record).await?,
        Target::Stored(path) => {
            let (engine, path) = (cx.server.engine.clone(), path.clone());
            match thread_view::blocking(move || engine.open(&path)).await?? {
                Opened::Stored(mut opened) => opened.1.append(&[record])?,
                Opened::Loaded(thread) => thread.record(record).await?,
            }
        }
    }
    Ok(())
}

pub(crate) async fn set_name(cx: Cx, params: p::ThreadSetNameParams) -> Handled<p::ThreadSetNameResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let name = params.name.trim().to_owned();
    if name.is_empty() {
        return Err(RpcError::invalid_request("thread name must not be empty"));
    }
    match target(&cx, id)? {
        Target::Loaded(thread) => {
            thread.set_name(Some(name.clone())).await?;
            if thread.snapshot().path.is_some() {
                cx.server.engine.environment().store.set_name(id, &name)?;
            }
        }
        stored @ Target::Stored(_) => {
            let event = store::EventRecord::ThreadName { thread_id: id, name: Some(name.clone()) };
            note(&cx, &stored, Record::Event(event)).await?;
            cx.server.engine.environment().store.set_name(id, &name)?;
        }
    }
    Ok(Reply::new(p::ThreadSetNameResponse {}).then(move |cx| {
        cx.server.hub.broadcast_of(id, &crate::notifications::name_updated(id, Some(name)));
    }))
}

/// Changes git facts; the rollout and its time stay as they are.
pub(crate) async fn update(cx: Cx, params: p::ThreadMetadataUpdateParams) -> Handled<p::ThreadMetadataUpdateResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let patch = git_patch(params.git_info.unwrap_or_default())?;
    let store = &cx.server.engine.environment().store;
    if let Some(thread) = cx.server.engine.get(id) {
        if thread.snapshot().path.is_none() {
            let message = format_args!("ephemeral thread does not support metadata updates: {id}");
            return Err(RpcError::invalid_request(message));
        }
        store.patch_git(id, patch)?;
        let thread = thread_view::of_loaded(&cx, &thread.snapshot());
        return Ok(p::ThreadMetadataUpdateResponse { thread }.into());
    }
    let found = store.find(id)?.ok_or_else(|| RpcError::thread_not_found(id))?;
    store.patch_git(id, patch)?;
    let summary = store.summary(&found.path)?.ok_or_else(|| RpcError::thread_not_found(id))?;
    Ok(p::ThreadMetadataUpdateResponse { thread: thread_list::of_summary(&cx, &summary) }.into())
}

fn git_patch(info: p::ThreadMetadataGitInfoUpdateParams) -> Result<GitPatch, RpcError> {
    let patch = GitPatch {
        sha: fact("sha", info.sha)?,
        branch: fact("branch", info.branch)?,
        origin_url: fact("originUrl", info.origin_url)?,
    };
    if patch.is_empty() {
        return Err(RpcError::invalid_request("gitInfo must include at least one field"));
    }
    Ok(patch)
}

fn fact(name: &str, change: Option<Option<String>>) -> Result<Option<Option<String>>, RpcError> {
    let Some(Some(text)) = change else { return Ok(change) };
    let text = text.trim();
    if text.is_empty() {
        return Err(RpcError::invalid_request(format_args!("gitInfo.{name} must not be empty")));
    }
    Ok(Some(Some(text.to_owned())))
}

/// Says whether memories may be made of a thread: its facts are noted once more, with the other mode.
pub(crate) async fn set_memory_mode(
    cx: Cx,
    params: p::ThreadMemoryModeSetParams,
) -> Handled<p::ThreadMemoryModeSetResponse> {
    let id = thread_view::parse_id(&params.thread_id)?;
    let mode = match params.mode {
        p::ThreadMemoryMode::Enabled => "enabled",
        p::ThreadMemoryMode::Disabled => "disabled",
    };
    let target = target(&cx, id)?;
    let meta = match &target {
        Target::Loaded(thread) => {
            let snapshot = thread.snapshot();
            if snapshot.path.is_none() {
                let message = format_args!("ephemeral thread does not support memory mode updates: {id}");
                return Err(RpcError::invalid_request(message));
            }
            snapshot.meta
        }
        Target::Stored(path) => {
            let (cx, path) = (cx.clone(), path.clone());
            thread_view::blocking(move || cx.server.engine.environment().store.read(&path)).await??.meta
        }
    };
    let changed = SessionMeta { memory_mode: Some(mode.to_owned()), ..meta };
    note(&cx, &target, Record::SessionMeta(Box::new(changed))).await?;
    Ok(p::ThreadMemoryModeSetResponse {}.into())
}
