//! A thread that goes on from a copy of another one.

use std::sync::Arc;
use std::time::SystemTime;

use store::{EventRecord, Record, SessionMeta, StoreError, StoredThread};
use types::{GitFacts, ResponseItem, SessionSource, ThreadId, TurnId};

use crate::agents::AgentLink;
use crate::context;
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
    /// What it has taken over. A copy without a file shows what its original has.
    pub stored: StoredThread,
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
        let closing = closing(original)?;
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
        let (log, stored) = if fork.ephemeral {
            let mut history = original.history()?;
            history.items.extend(closing_item(&closing));
            let model = original.last_turn_context()?.map(|context| context.model);
            let usage = original.usage()?.map(|(_, usage)| usage);
            let mut log = Log::new(None, Vec::new(), usage, original.compactions());
            log.replace(history, model.as_deref());
            (log, original.clone())
        } else {
            let writer = self.store.copy(original, meta.clone(), &closing)?;
            let stored = self.store.read(writer.path())?;
            (Log::of_stored(&stored, writer)?, stored)
        };
        let thread = self.load(ThreadSeed {
            path: (!fork.ephemeral).then(|| stored.path.clone()),
            settings: fork.settings,
            log,
            preview: original.preview()?,
            name: None,
            updated_at: meta.created_at,
            dynamic_tools: DynamicTools::from_stored(meta.dynamic_tools.as_deref()),
            raw_events: false,
            extended_history: fork.extended_history,
            agent: AgentLink::default(),
            meta,
        });
        Ok(Forked { thread, stored })
    }
}

/// What is put at the end of a copy: the end of a turn that has none in the original, for the model and for clients.
fn closing(original: &StoredThread) -> Result<Vec<Record>, StoreError> {
    let Some(turn_id) = open_turn(&original.last_turn_records()?) else { return Ok(Vec::new()) };
    Ok(vec![
        Record::ResponseItem(context::turn_aborted_item()),
        Record::Event(EventRecord::TurnAborted {
            turn_id,
            reason: "interrupted".to_owned(),
            // When it ended in the copy says nothing.
            completed_at: None,
            duration: None,
        }),
    ])
}

fn closing_item(closing: &[Record]) -> Option<ResponseItem> {
    closing.iter().find_map(|record| match record {
        Record::ResponseItem(item) => Some(item.clone()),
        _ => None,
    })
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
