//! A thread's memory: what is on disk and what the model sees, kept in step.

use std::sync::Arc;

use store::{ModelHistory, Record, StoreError, StoredThread, ThreadStore, ThreadWriter};
use tools::Truncation;
use types::{AbsPath, ResponseItem, TokenUsage, TokenUsageTotals, ToolOutput};

use crate::compact::Compacted;
use crate::context::ContextFacts;

/// The rollout's writer with the model-visible history. Owned by whoever may change the thread: the turn while one
/// runs, the thread's actor otherwise.
pub(crate) struct Log {
    /// `None` for ephemeral threads.
    writer: Option<Box<dyn ThreadWriter>>,
    /// Shared with a request while it is sent; recorded to only in between, so that nothing is copied. Empty until
    /// [`read_back`] where the thread comes from disk.
    history: Arc<Vec<ResponseItem>>,
    /// Whether the history is on disk only.
    unread: bool,
    /// What the model was last told of its surroundings; `None` before it was told of any.
    pub(crate) facts: Option<ContextFacts>,
    usage: Option<TokenUsageTotals>,
    /// How often the history was compacted.
    pub(crate) window: u64,
    /// The summary that the newest compaction put into the history.
    summary: Option<String>,
    /// Items of the history that the newest compaction left.
    compacted: usize,
}

/// What the model sees, and which of it is the summary that a compaction has put there.
pub(crate) struct Conversation {
    pub(crate) history: Arc<Vec<ResponseItem>>,
    pub(crate) summary: Option<String>,
}

impl Log {
    pub(crate) fn new(
        writer: Option<Box<dyn ThreadWriter>>,
        history: Vec<ResponseItem>,
        usage: Option<TokenUsageTotals>,
        window: u64,
    ) -> Self {
        Self {
            writer,
            facts: ContextFacts::of_history(&history, None),
            history: Arc::new(history),
            unread: false,
            usage,
            window,
            summary: None,
            compacted: 0,
        }
    }

    /// Begins a thread whose model has seen `history` before. That is on disk when this returns.
    pub(crate) fn begin(
        mut writer: Option<Box<dyn ThreadWriter>>,
        history: Vec<ResponseItem>,
    ) -> Result<Self, StoreError> {
        if let Some(writer) = &mut writer {
            let seen: Vec<Record> = history.iter().cloned().map(Record::ResponseItem).collect();
            writer.append(&seen)?;
        }
        Ok(Self::new(writer, history, None, 0))
    }

    /// Goes on where a stored thread stands. What the model has seen is not read before a turn needs it.
    pub(crate) fn of_stored(stored: &StoredThread, writer: Box<dyn ThreadWriter>) -> Result<Self, StoreError> {
        let usage = stored.usage()?.map(|(_, usage)| usage);
        Ok(Self { unread: true, ..Self::new(Some(writer), Vec::new(), usage, stored.compactions()) })
    }

    /// Whether the history has to be [read](read_back) before it is used.
    pub(crate) fn is_unread(&self) -> bool {
        self.unread
    }

    /// Puts another history in the place of this one, of which `model` was told last.
    pub(crate) fn replace(&mut self, history: ModelHistory, model: Option<&str>) {
        self.facts = ContextFacts::of_history(&history.items, model);
        self.summary = history.summary;
        self.history = Arc::new(history.items);
        self.compacted = 0;
        self.unread = false;
    }

    /// Puts records on disk, then into the history. On an error neither holds any of them.
    ///
    /// Blocks for one write to a local file (microseconds); nothing is buffered.
    pub(crate) fn record(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        if let Some(writer) = &mut self.writer {
            writer.append(&records)?;
        }
        if self.unread {
            return Ok(());
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

    /// Begins to put all that was recorded on the device, so that it survives a power cut. The future ends when it does,
    /// or when the device has refused it; dropping it changes nothing.
    pub(crate) fn sync(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let synced = self.writer.as_mut().map(|writer| writer.sync());
        async move {
            if let Some(synced) = synced
                && let Err(error) = synced.await
            {
                tracing::error!(%error, "a thread may not survive a power cut");
            }
        }
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

    /// Says what tokens have been used, as a rollback has it.
    pub(crate) fn set_usage(&mut self, usage: TokenUsageTotals) {
        self.usage = Some(usage);
    }

    /// The history for a request, without copying it.
    pub(crate) fn shared_history(&self) -> Arc<Vec<ResponseItem>> {
        self.history.clone()
    }

    /// The history for those who only read it.
    pub(crate) fn conversation(&self) -> Conversation {
        Conversation { history: self.history.clone(), summary: self.summary.clone() }
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

/// Reads what the model has seen of a stored thread, and which model was told of it last. Blocks.
pub(crate) fn read_back(
    store: &dyn ThreadStore,
    path: &AbsPath,
    limit: Truncation,
) -> Result<(ModelHistory, Option<String>), StoreError> {
    let stored = store.read(path)?;
    let model = stored.last_turn_context()?.map(|context| context.model);
    let mut history = stored.history()?;
    shorten(&mut history, limit);
    Ok((history, model))
}

/// Shortens the outputs of tools as they are when they are new. Rollouts of other writers hold them in full.
pub(crate) fn shorten(history: &mut ModelHistory, limit: Truncation) {
    let limit = limit.in_history();
    for item in &mut history.items {
        if let ResponseItem::FunctionCallOutput { output, .. } | ResponseItem::CustomToolCallOutput { output, .. } =
            item
            && limit.exceeded_by(output)
        {
            let whole = std::mem::replace(output, ToolOutput::Text(String::new()));
            *output = limit.output(whole);
        }
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
