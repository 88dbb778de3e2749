//! A thread as read from its rollout, and the questions asked of it.

use std::time::SystemTime;

use types::{AbsPath, ResponseItem, TokenUsageTotals, Turn, TurnId};

use crate::history::history_from;
use crate::record::{EventRecord, Record, SessionMeta, TurnContextRecord};
use crate::turns::{LastTurn, turns_from, usage_from};

/// A thread as its rollout has it.
#[derive(Debug, Clone)]
pub struct StoredThread {
    pub meta: SessionMeta,
    pub path: AbsPath,
    /// The newest name the thread was given.
    pub name: Option<String>,
    pub records: Vec<Record>,
    /// When the rollout last changed.
    pub updated_at: SystemTime,
    /// Lines that could not be read; half a line at the end is not one of them.
    pub skipped: usize,
    /// Bytes after the last whole line, left by a writer that was killed. [`crate::Store::open`] cuts them off.
    pub torn_bytes: u64,
}

impl StoredThread {
    /// The turns with their items, as clients show them. A last turn that has no end is interrupted: whoever runs it
    /// asks [`turns_from`] instead.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn> {
        turns_from(&self.records, LastTurn::Ended)
    }

    /// What the model is to see before the next turn: after compaction and rollbacks, each tool call followed by its
    /// output, no output without its call.
    #[must_use]
    pub fn history(&self) -> Vec<ResponseItem> {
        history_from(&self.records)
    }

    /// The newest token usage and the turn it belongs to, see [`usage_from`].
    #[must_use]
    pub fn usage(&self) -> Option<(TurnId, TokenUsageTotals)> {
        usage_from(&self.records)
    }

    /// The settings of the newest turn.
    #[must_use]
    pub fn last_turn_context(&self) -> Option<&TurnContextRecord> {
        self.records.iter().rev().find_map(|record| match record {
            Record::TurnContext(context) => Some(context.as_ref()),
            _ => None,
        })
    }

    /// The first message of the user; empty before there is one.
    #[must_use]
    pub fn preview(&self) -> String {
        self.records
            .iter()
            .find_map(|record| match record {
                Record::Event(EventRecord::UserMessage { text, .. }) => Some(text.trim().to_owned()),
                _ => None,
            })
            .unwrap_or_default()
    }
}
