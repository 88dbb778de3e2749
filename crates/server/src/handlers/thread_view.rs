//! A thread as clients see it.

use engine::{ThreadHandle, ThreadSnapshot};
use protocol as p;
use store::{StoreError, StoredThread};
use types::{AbsPath, GitFacts, ThreadId};

use super::permissions;
use crate::dispatch::Cx;
use crate::error::RpcError;
use crate::wire::{ToWire as _, abs, unix_seconds};

/// Reads a thread id.
pub(crate) fn parse_id(text: &str) -> Result<ThreadId, RpcError> {
    text.parse().map_err(|error| RpcError::invalid_request(format_args!("invalid thread id: {error}")))
}

/// A loaded thread.
pub(crate) fn loaded(cx: &Cx, text: &str) -> Result<ThreadHandle, RpcError> {
    let id = parse_id(text)?;
    cx.server.engine.get(id).ok_or_else(|| RpcError::thread_not_found(id))
}

/// Does what blocks for more than a moment, on the file system or by reading a whole rollout, beside the async workers.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RpcError> {
    tokio::task::spawn_blocking(work).await.map_err(RpcError::internal)
}

/// A loaded thread on the wire, without its turns.
pub(crate) fn of_loaded(cx: &Cx, thread: &ThreadSnapshot) -> p::Thread {
    let meta = &thread.meta;
    p::Thread {
        id: meta.id.to_string(),
        forked_from_id: meta.forked_from_id.map(|id| id.to_string()),
        preview: thread.preview.clone(),
        ephemeral: thread.path.is_none(),
        model_provider: meta.model_provider.clone().unwrap_or_else(|| thread.settings.provider_id.clone()),
        created_at: unix_seconds(meta.created_at),
        updated_at: unix_seconds(thread.updated_at),
        status: thread.status.to_wire(),
        path: thread.path.as_ref().map(|path| path.as_path().to_owned()),
        // Where it began; turns may work elsewhere.
        cwd: abs(&meta.cwd),
        cli_version: meta.cli_version.clone(),
        source: meta.source.to_wire(),
        agent_nickname: meta.agent_nickname.clone(),
        agent_role: meta.agent_role.clone(),
        // Known once the thread is stored.
        git_info: git(cx, meta.id, meta.git.clone().filter(|_| !thread.preview.is_empty())).to_wire(),
        name: thread.name.clone(),
        turns: Vec::new(),
    }
}

/// A stored thread that is not loaded, on the wire, without its turns.
///
/// # Errors
/// When its rollout cannot be read any more.
pub(crate) fn of_stored(cx: &Cx, thread: &StoredThread) -> Result<p::Thread, StoreError> {
    let meta = &thread.meta;
    Ok(p::Thread {
        id: meta.id.to_string(),
        forked_from_id: meta.forked_from_id.map(|id| id.to_string()),
        preview: thread.preview()?,
        ephemeral: false,
        model_provider: meta.model_provider.clone().unwrap_or_default(),
        created_at: unix_seconds(meta.created_at),
        updated_at: unix_seconds(thread.updated_at),
        status: p::ThreadStatus::NotLoaded,
        path: Some(thread.path.as_path().to_owned()),
        cwd: abs(&meta.cwd),
        cli_version: meta.cli_version.clone(),
        source: meta.source.to_wire(),
        agent_nickname: meta.agent_nickname.clone(),
        agent_role: meta.agent_role.clone(),
        git_info: git(cx, meta.id, meta.git.clone()).to_wire(),
        name: thread.name.clone(),
        turns: Vec::new(),
    })
}

/// A thread's git facts with what clients have changed of them.
fn git(cx: &Cx, id: ThreadId, facts: Option<GitFacts>) -> Option<GitFacts> {
    match cx.server.engine.environment().store.git_patch(id) {
        Ok(patch) => patch.apply(facts),
        Err(error) => {
            tracing::warn!(%error, thread = %id, "changed git facts cannot be read");
            facts
        }
    }
}

/// Where the rollout of a thread is that is not archived.
pub(crate) fn find_active(cx: &Cx, id: ThreadId) -> Result<AbsPath, RpcError> {
    match cx.server.engine.environment().store.find(id)? {
        Some(found) if !found.archived => Ok(found.path),
        _ => Err(no_rollout(id)),
    }
}

pub(crate) fn no_rollout(id: ThreadId) -> RpcError {
    RpcError::invalid_request(format_args!("no rollout found for thread id {id}"))
}

/// The settings of a loaded thread as answers to start, resume and fork show them.
pub(crate) struct SettingsView {
    pub(crate) model: String,
    pub(crate) model_provider: String,
    pub(crate) service_tier: Option<p::ServiceTier>,
    pub(crate) cwd: p::AbsolutePathBuf,
    pub(crate) instruction_sources: Vec<p::AbsolutePathBuf>,
    pub(crate) approval_policy: p::AskForApproval,
    pub(crate) approvals_reviewer: p::ApprovalsReviewer,
    pub(crate) sandbox: p::SandboxPolicy,
    pub(crate) permission_profile: Option<p::PermissionProfile>,
    pub(crate) reasoning_effort: Option<p::ReasoningEffort>,
}

pub(crate) fn settings_view(cx: &Cx, thread: &ThreadSnapshot) -> SettingsView {
    let settings = &thread.settings;
    let environment = cx.server.engine.environment();
    let sources = environment.agents_md(&settings.config, &settings.cwd);
    let profile = permissions::granted(&settings.sandbox_policy, settings.permission_profile.as_ref(), &settings.cwd);
    SettingsView {
        model: settings.model.clone(),
        model_provider: settings.provider_id.clone(),
        service_tier: settings.service_tier.to_wire(),
        cwd: abs(&settings.cwd),
        instruction_sources: sources.iter().map(|source| abs(&source.path)).collect(),
        approval_policy: settings.approval_policy.to_wire(),
        approvals_reviewer: settings.approvals_reviewer.to_wire(),
        sandbox: settings.sandbox_policy.to_wire(),
        permission_profile: profile.to_wire(),
        reasoning_effort: settings.effort.to_wire(),
    }
}
