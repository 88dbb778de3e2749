//! A thread as clients see it.

use engine::{ThreadHandle, ThreadSnapshot};
use protocol as p;
use store::{LastTurn, StoreError, StoredThread, turns_from};
use types::{AbsPath, GitFacts, ThreadId, TokenUsageTotals, Turn, TurnId, TurnStatus};

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

/// A loaded thread on the wire.
pub(crate) fn of_loaded(cx: &Cx, thread: &ThreadSnapshot, turns: &[Turn]) -> p::Thread {
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
        turns: turns.iter().map(|turn| turn.to_wire()).collect(),
    }
}

/// A stored thread that is not loaded, on the wire.
pub(crate) fn of_stored(cx: &Cx, thread: &StoredThread, turns: &[Turn]) -> p::Thread {
    let meta = &thread.meta;
    p::Thread {
        id: meta.id.to_string(),
        forked_from_id: meta.forked_from_id.map(|id| id.to_string()),
        preview: thread.preview(),
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
        turns: turns.iter().map(|turn| turn.to_wire()).collect(),
    }
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

/// A loaded thread with its turns, all as of one moment.
pub(crate) struct Told {
    pub(crate) snapshot: ThreadSnapshot,
    /// Those on disk, the running one as it is now.
    pub(crate) turns: Vec<Turn>,
    pub(crate) usage: Option<(TurnId, TokenUsageTotals)>,
}

/// Reads what is known of a loaded thread whose rollout is at `path`. Blocks while that is read.
pub(crate) fn told(cx: &Cx, thread: &ThreadHandle, path: &AbsPath) -> Result<Told, StoreError> {
    let store = &cx.server.engine.environment().store;
    let mut known_open = None;
    loop {
        let stored = store.read(path)?;
        // Taken after the rollout was read: a turn that runs now had not ended there.
        let snapshot = thread.snapshot();
        let turns = turns_from(&stored.records, LastTurn::Running);
        let open = open_turn(&turns).filter(|open| snapshot.running.as_ref().is_none_or(|turn| turn.id != **open));
        // A turn without an end that does not run may have ended since: then its end is on disk by now.
        if open.is_some() && open != known_open.as_ref() {
            known_open = open.cloned();
            continue;
        }
        let turns = with_running(turns, snapshot.running.as_ref());
        return Ok(Told { snapshot, turns, usage: stored.usage() });
    }
}

/// The last turn, if it has no end.
fn open_turn(turns: &[Turn]) -> Option<&TurnId> {
    turns.last().filter(|turn| turn.status == TurnStatus::InProgress).map(|turn| &turn.id)
}

/// Stored turns, of which the last one may have no end, with the running one as it is now.
fn with_running(mut turns: Vec<Turn>, running: Option<&Turn>) -> Vec<Turn> {
    if let Some(open) = turns.last_mut().filter(|turn| turn.status == TurnStatus::InProgress) {
        match running.filter(|running| running.id == open.id) {
            // What is not in the rollout (commands, patches) is known only here.
            Some(running) if running.items.len() > open.items.len() => open.items.clone_from(&running.items),
            Some(_) => {}
            // Nobody runs it any more.
            None => open.status = TurnStatus::Interrupted,
        }
    }
    if let Some(running) = running
        && turns.iter().all(|turn| turn.id != running.id)
    {
        turns.push(running.clone());
    }
    turns
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

#[cfg(test)]
mod tests {
    use types::{Item, ItemId};

    use super::*;

    fn turn(id: &str, status: TurnStatus, items: usize) -> Turn {
        let item = |number| Item::AgentMessage {
            id: ItemId::from(format!("item-{number}")),
            text: "said".to_owned(),
            phase: None,
            memory_citation: None,
        };
        Turn {
            id: TurnId::from(id),
            items: (0..items).map(item).collect(),
            status,
            error: None,
            started_at: None,
            completed_at: None,
            duration: None,
        }
    }

    fn shown(stored: Vec<Turn>, running: Option<&Turn>) -> Vec<(String, TurnStatus, usize)> {
        let turns = with_running(stored, running);
        turns.into_iter().map(|turn| (turn.id.to_string(), turn.status, turn.items.len())).collect()
    }

    #[test]
    fn a_turn_that_has_its_end_on_disk_is_not_opened_again() {
        let late = turn("t1", TurnStatus::InProgress, 3);
        for end in [TurnStatus::Completed, TurnStatus::Interrupted, TurnStatus::Failed] {
            assert_eq!(shown(vec![turn("t1", end, 1)], Some(&late)), [("t1".to_owned(), end, 1)]);
        }
        let stored = vec![turn("t1", TurnStatus::Completed, 1), turn("t2", TurnStatus::Completed, 1)];
        assert_eq!(shown(stored, Some(&late)).len(), 2, "nor is it shown twice");
    }

    #[test]
    fn the_running_turn_is_shown_with_what_only_the_process_knows() {
        let running = turn("t1", TurnStatus::InProgress, 3);
        let expected = [("t1".to_owned(), TurnStatus::InProgress, 3)];
        assert_eq!(shown(vec![turn("t1", TurnStatus::InProgress, 1)], Some(&running)), expected);
        assert_eq!(shown(Vec::new(), Some(&running)), expected, "also before it is on disk");
    }

    #[test]
    fn a_turn_without_end_that_nobody_runs_is_interrupted() {
        let stored = vec![turn("t1", TurnStatus::InProgress, 1)];
        assert_eq!(shown(stored.clone(), None), [("t1".to_owned(), TurnStatus::Interrupted, 1)]);
        let other = turn("t2", TurnStatus::InProgress, 0);
        let expected = [("t1".to_owned(), TurnStatus::Interrupted, 1), ("t2".to_owned(), TurnStatus::InProgress, 0)];
        assert_eq!(shown(stored, Some(&other)), expected);
    }
}
