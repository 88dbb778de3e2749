//! A thread's memory: what is on disk and what the model sees, kept in step.

use store::{Record, StoreError, ThreadWriter};
use types::{ResponseItem, TokenUsage, TokenUsageTotals};

/// The rollout's writer with the model-visible history. Owned by whoever may change the thread: the turn while one
/// runs, the thread's actor otherwise.
pub(crate) struct Log {
    /// `None` for ephemeral threads.
    writer: Option<ThreadWriter>,
    history: Vec<ResponseItem>,
    usage: Option<TokenUsageTotals>,
    /// How often the history was compacted.
    pub(crate) window: u64,
}

impl Log {
    pub(crate) fn new(
        writer: Option<ThreadWriter>,
        history: Vec<ResponseItem>,
        usage: Option<TokenUsageTotals>,
        window: u64,
    ) -> Self {
        Self { writer, history, usage, window }
    }

    /// Puts records on disk, then into the history. On an error neither holds any of them.
    ///
    /// Blocks for one write to a local file (microseconds); nothing is buffered.
    pub(crate) fn record(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        if let Some(writer) = &mut self.writer {
            writer.append(&records)?;
        }
        self.history.extend(records.into_iter().filter_map(|record| match record {
            Record::ResponseItem(item) => Some(item),
            Record::SessionMeta(_)
            | Record::TurnContext(_)
            | Record::Compacted { .. }
            | Record::Event(_)
            | Record::Unknown { .. } => None,
        }));
        Ok(())
    }

    /// What the model sees, oldest first.
    pub(crate) fn history(&self) -> &[ResponseItem] {
        &self.history
    }

    /// Takes another history and usage; the caller has recorded why.
    pub(crate) fn reload(&mut self, history: Vec<ResponseItem>, usage: Option<TokenUsageTotals>) {
        self.history = history;
        self.usage = usage;
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

    /// Counts one response's tokens.
    pub(crate) fn count(&mut self, last: TokenUsage, context_window: Option<i64>) -> TokenUsageTotals {
        let totals = self.usage.get_or_insert_default();
        totals.total.add(&last);
        totals.last = last;
        totals.model_context_window = context_window;
        *totals
    }
}
