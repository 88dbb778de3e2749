//! A thread that goes on from a copy of another one.

use std::sync::Arc;
use std::time::SystemTime;

use store::{EventRecord, LastTurn, Record, SessionMeta, StoreError, StoredThread, turns_from, usage_from};
use types::{GitFacts, SessionSource, ThreadId, TokenUsageTotals, Turn, TurnId};

use crate::agents::AgentLink;
use crate::context::{self, ContextFacts};
use crate::dynamic_tools::DynamicTools;
use crate::environment::Environment;
use crate::log::Log;
use crate::registry::Engine;
use crate::settings::ThreadSettings;
use crate::thread::{ThreadHandle, ThreadSeed};

/// What a copy has of its own.
pub struct Fork {
    pub settings: ThreadSettings,
    pub source: SessionSource,
    /// Never written to disk.
    pub ephemeral: bool,
    pub git: Option<GitFacts>,
    /// The rollout keeps tools' items, too.
    pub extended_history: bool,
}

/// A copy that is loaded.
pub struct Forked {
    pub thread: ThreadHandle,
    /// What it has taken over.
    pub turns: Vec<Turn>,
    pub usage: Option<(TurnId, TokenUsageTotals)>,
}

impl Engine {
    /// Loads a copy of `original`, which stays as it is. A turn that runs there, or was never ended, is interrupted in
    /// the copy. Unless it is ephemeral, the copy is on disk before this returns.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub fn fork(&self, original: &StoredThread, fork: Fork) -> Result<Forked, StoreError> {
        self.environment().fork(original, fork)
    }
}

impl Environment {
    fn fork(self: &Arc<Self>, original: &StoredThread, fork: Fork) -> Result<Forked, StoreError> {
        let records = copy(original);
        let meta = SessionMeta {
            id: ThreadId::new(),
            forked_from_id: Some(original.meta.id),
            created_at: SystemTime::now(),
            cwd: fork.settings.cwd.clone(),
            originator: fork.settings.originator.clone(),
            cli_version: self.version.clone(),
            source: fork.source,
            agent_nickname: None,
            agent_role: None,
            agent_path: None,
            model_provider: Some(fork.settings.provider_id.clone()),
            base_instructions: fork.settings.base_instructions.clone(),
            dynamic_tools: original.meta.dynamic_tools.clone(),
            memory_mode: original.meta.memory_mode.clone(),
            git: fork.git,
        };
        let mut writer = (!fork.ephemeral).then(|| self.store.create(meta.clone()));
        if let Some(writer) = &mut writer {
            writer.append(&records)?;
        }
        // A copy without a file shows what its original has.
        let shown = if fork.ephemeral { &original.records } else { &records };
        let turns = turns_from(shown, LastTurn::Ended);
        let usage = usage_from(shown);
        let model = original.last_turn_context().map(|context| context.model.as_str());
        let path = writer.as_ref().map(|writer| writer.path().clone());
        let copied = StoredThread {
            meta: meta.clone(),
            path: original.path.clone(),
            name: None,
            records,
            updated_at: meta.created_at,
            skipped: 0,
            torn_bytes: 0,
        };
        let log = Log::of_stored(&copied, writer);
        let thread = self.load(ThreadSeed {
            path,
            settings: fork.settings,
            facts: ContextFacts::of_history(log.history(), model),
            log,
            preview: original.preview(),
            name: None,
            updated_at: meta.created_at,
            dynamic_tools: DynamicTools::from_stored(meta.dynamic_tools.as_deref()),
            raw_events: false,
            extended_history: fork.extended_history,
            agent: AgentLink::default(),
            meta,
        });
        Ok(Forked { thread, turns, usage })
    }
}

/// The records a copy begins with: whose they were, and all of them but the name, which the copy does not inherit.
fn copy(original: &StoredThread) -> Vec<Record> {
    let mut records = vec![Record::SessionMeta(Box::new(original.meta.clone()))];
    let named = |record: &&Record| !matches!(record, Record::Event(EventRecord::ThreadName { .. }));
    records.extend(original.records.iter().filter(named).cloned());
    if let Some(turn_id) = open_turn(&original.records) {
        records.push(Record::ResponseItem(context::turn_aborted_item()));
        records.push(Record::Event(EventRecord::TurnAborted {
            turn_id,
            reason: "interrupted".to_owned(),
            // When it ended in the copy says nothing.
            completed_at: None,
            duration: None,
        }));
    }
    records
}

/// The turn that has no end, if there is one. Old rollouts have turns without an id.
fn open_turn(records: &[Record]) -> Option<Option<TurnId>> {
    let mut open = None;
    for record in records.iter().rev() {
        match record {
            Record::Event(EventRecord::TurnStarted { turn_id, .. }) => return Some(Some(turn_id.clone())),
            Record::Event(EventRecord::TurnCompleted { .. } | EventRecord::TurnAborted { .. }) => return open,
            Record::Event(EventRecord::UserMessage { .. }) => open = Some(None),
            _ => {}
        }
    }
    open
}
