//! A thread's memory: what is on disk and what the model sees, kept in step.

use std::sync::Arc;

use store::{Record, StoreError, StoredThread, ThreadWriter};
use types::{ResponseItem, TokenUsage, TokenUsageTotals};

use crate::compact::Compacted;

/// The rollout's writer with the model-visible history. Owned by whoever may change the thread: the turn while one
/// runs, the thread's actor otherwise.
pub(crate) struct Log {
    /// `None` for ephemeral threads.
    writer: Option<ThreadWriter>,
    /// Shared with a request while it is sent; recorded to only in between, so that nothing is copied.
    history: Arc<Vec<ResponseItem>>,
    usage: Option<TokenUsageTotals>,
    /// How often the history was compacted.
    pub(crate) window: u64,
    /// The summary that the newest compaction put into the history.
    summary: Option<String>,
    /// Items of the history that the newest compaction left.
    compacted: usize,
}

impl Log {
    pub(crate) fn new(
        writer: Option<ThreadWriter>,
        history: Vec<ResponseItem>,
        usage: Option<TokenUsageTotals>,
        window: u64,
    ) -> Self {
        Self { writer, history: Arc::new(history), usage, window, summary: None, compacted: 0 }
    }

    /// Goes on where a stored thread stands.
    pub(crate) fn of_stored(stored: &StoredThread, writer: Option<ThreadWriter>) -> Self {
        let history = stored.history();
        let usage = stored.usage().map(|(_, usage)| usage);
        let summaries = || {
            stored.records.iter().rev().filter_map(|record| match record {
                Record::Compacted { message, .. } => Some(message),
                _ => None,
            })
        };
        // A compaction that was rolled back left nothing in the history.
        let summary = summaries().find(|message| history.contains(&ResponseItem::user(*message))).cloned();
        let window = summaries().count() as u64;
        Self { summary, ..Self::new(writer, history, usage, window) }
    }

    /// Puts records on disk, then into the history. On an error neither holds any of them.
    ///
    /// Blocks for one write to a local file (microseconds); nothing is buffered.
    pub(crate) fn record(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        if let Some(writer) = &mut self.writer {
            writer.append(&records)?;
        }
        Arc::make_mut(&mut self.history).extend(records.into_iter().filter_map(|record| match record {
            Record::ResponseItem(item) => Some(item),
            Record::SessionMeta(_)
            | Record::TurnContext(_)
            | Record::Compacted { .. }
            | Record::Event(_)
            | Record::Unknown { .. } => None,
        }));
        Ok(())
    }

    /// Records an item that the history cannot do without. If the disk refuses, the history in memory has it all the
    /// same; reading the rollout again would add it too.
    pub(crate) fn record_or_remember(&mut self, item: ResponseItem) {
        if let Err(error) = self.record(vec![Record::ResponseItem(item.clone())]) {
            tracing::error!(%error, "an output could not be stored");
            Arc::make_mut(&mut self.history).push(item);
        }
    }

    /// What the model sees, oldest first.
    pub(crate) fn history(&self) -> &[ResponseItem] {
        &self.history
    }

    /// Goes on where `stored` stands, which holds all that was recorded here; with another token usage.
    pub(crate) fn reload(&mut self, stored: &StoredThread, usage: Option<TokenUsageTotals>) {
        let writer = self.writer.take();
        *self = Self { usage, ..Self::of_stored(stored, writer) };
    }

    /// The history for a request, without copying it.
    pub(crate) fn shared_history(&self) -> Arc<Vec<ResponseItem>> {
        self.history.clone()
    }

    /// The summary that the newest compaction put into the history.
    pub(crate) fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// Whether anything came into the history since the newest compaction.
    pub(crate) fn grew(&self) -> bool {
        self.history.len() > self.compacted
    }

    /// Puts a compaction on disk, with the records that belong to it, then in the place of the history. On an error
    /// both are as before.
    pub(crate) fn compact(&mut self, compacted: Compacted, mut and: Vec<Record>) -> Result<(), StoreError> {
        let Compacted { summary, history, by_rule } = compacted;
        let replacement = if by_rule { None } else { Some(history.clone()) };
        and.insert(0, Record::Compacted { message: summary.clone(), replacement });
        self.record(and)?;
        self.compacted = history.len();
        self.history = Arc::new(history);
        self.summary = Some(summary);
        self.window += 1;
        Ok(())
    }

    pub(crate) fn usage(&self) -> Option<TokenUsageTotals> {
        self.usage
    }

    /// The provider says that the window is full.
    pub(crate) fn fill(&mut self, context_window: i64) {
        let totals = self.usage.get_or_insert_default();
        totals.last = TokenUsage { total_tokens: context_window, ..TokenUsage::default() };
        totals.total.total_tokens = context_window;
        totals.model_context_window = Some(context_window);
    }

    /// The next request will have about so many tokens.
    pub(crate) fn estimate(&mut self, tokens: i64, context_window: i64) {
        let totals = self.usage.get_or_insert_default();
        totals.last = TokenUsage { total_tokens: tokens, ..TokenUsage::default() };
        totals.model_context_window = Some(context_window);
    }

    /// Counts one response's tokens.
    pub(crate) fn count(&mut self, last: TokenUsage, context_window: Option<i64>) -> TokenUsageTotals {
        let totals = self.usage.get_or_insert_default();
        totals.total.add(&last);
        totals.last = last;
        totals.model_context_window = context_window;
        *totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compact;

    #[test]
    fn a_compaction_takes_the_place_of_the_history_and_opens_a_new_window() {
        let mut log = Log::new(None, vec![ResponseItem::user("one"), ResponseItem::assistant("answer")], None, 0);
        let compacted = compact::compacted(log.history(), log.summary(), "what was done", Vec::new());
        let history = compacted.history.clone();
        log.compact(compacted, Vec::new()).expect("nothing is written");
        assert_eq!(log.history(), history);
        assert_eq!(log.window, 1);
        assert!(!log.grew(), "another compaction would make it no shorter");

        log.record(vec![Record::ResponseItem(ResponseItem::user("two"))]).expect("nothing is written");
        assert!(log.grew());
        let again = compact::compacted(log.history(), log.summary(), "and then", Vec::new());
        assert_eq!(again.history.len(), 3, "both messages and the new summary");
    }
}
