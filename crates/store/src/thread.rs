//! A thread as its rollout has it, and the questions asked of it.

use std::sync::Arc;
use std::time::SystemTime;

use types::{AbsPath, RateLimits, ResponseItem, ThreadId, TokenUsageTotals, TurnId};

use crate::error::StoreError;
use crate::format;
use crate::history::{History, ModelHistory, is_user_message};
use crate::outline::{Marks, Outline, Said, Span};
use crate::outlining::{self, Tail};
use crate::record::{EventRecord, Record, SessionMeta, TurnContextRecord};
use crate::rollout::Rollout;
use crate::stored_turns::StoredTurns;
use crate::thread_store::Source;
use crate::turn_spans::TurnSpan;

/// A thread as its rollout had it when it was looked at. What is in it is read when it is asked for, from the file that
/// was opened then: later lines, another place or another file under its name change nothing.
///
/// Methods that read block on the file system, for as long as it takes to read what they give.
#[derive(Debug, Clone)]
pub struct StoredThread {
    pub meta: SessionMeta,
    pub path: AbsPath,
    /// The newest name the thread was given.
    pub name: Option<String>,
    /// When the rollout last changed.
    pub updated_at: SystemTime,
    /// Lines that could not be read; half a line at the end is not one of them.
    pub skipped: u64,
    /// Bytes after the last whole line, left by a writer that was killed. [`crate::ThreadStore::open`] cuts them off.
    pub torn_bytes: u64,
    /// Bytes before the end of the last whole line.
    pub(crate) whole_bytes: u64,
    pub turns: StoredTurns,
    rollout: Arc<Rollout>,
    outline: Arc<Outline>,
    /// The turn in which tokens were counted last; it may have been rolled back.
    counted_in: Option<TurnId>,
}

impl StoredThread {
    /// A thread whose rollout is `source`, of about `length` bytes, and is said to lie at `path`. Reads all of it.
    ///
    /// `name` is the name that the store has for it, besides what the rollout says.
    ///
    /// # Errors
    /// When it cannot be read or holds no session metadata.
    pub fn from_source(
        source: Box<dyn Source>,
        length: u64,
        path: AbsPath,
        name: impl FnOnce(ThreadId) -> Result<Option<String>, StoreError>,
        updated_at: SystemTime,
    ) -> Result<Self, StoreError> {
        Self::continued(source, length, path, name, updated_at, Outline::default(), |_| {})
    }

    /// The same, going on with what is known of it; `keep` is shown the outline of the whole lines.
    pub(crate) fn continued(
        source: Box<dyn Source>,
        length: u64,
        path: AbsPath,
        name: impl FnOnce(ThreadId) -> Result<Option<String>, StoreError>,
        updated_at: SystemTime,
        mut outline: Outline,
        keep: impl FnOnce(&Outline),
    ) -> Result<Self, StoreError> {
        let tail = outlining::outline(source.as_ref(), &mut outline, length).map_err(StoreError::io("read", &path))?;
        keep(&outline);
        let (mut whole_bytes, mut torn_bytes) = (outline.covered, 0);
        match tail {
            Tail::None => {}
            Tail::Torn(bytes) => torn_bytes = bytes,
            Tail::Whole(at, shape) => {
                outline.add(at, shape);
                whole_bytes = at.end;
            }
        }
        if outline.skipped > 0 {
            tracing::warn!(%path, lines = outline.skipped, "unreadable lines are skipped");
        }
        let rollout = Rollout { path, source };
        let Some(meta) = rollout.meta(&outline)? else {
            let path = rollout.path.into_path_buf();
            return Err(if length == 0 { StoreError::Empty { path } } else { StoreError::NoSessionMeta { path } });
        };
        let name = name(meta.id)?.or_else(|| outline.name.take());
        Ok(Self::new(meta, name, updated_at, [whole_bytes, torn_bytes], rollout, outline))
    }

    fn new(
        meta: SessionMeta,
        name: Option<String>,
        updated_at: SystemTime,
        [whole_bytes, torn_bytes]: [u64; 2],
        rollout: Rollout,
        mut outline: Outline,
    ) -> Self {
        let turns = std::mem::take(&mut outline.turns);
        let rollout = Arc::new(rollout);
        Self {
            meta,
            path: rollout.path.clone(),
            name,
            updated_at,
            skipped: outline.skipped,
            torn_bytes,
            whole_bytes,
            counted_in: turns.counted_in(),
            turns: StoredTurns::new(rollout.clone(), turns.finish()),
            rollout,
            outline: Arc::new(outline),
        }
    }

    /// What the model is to see before the next turn: after compaction and rollbacks, each tool call followed by its
    /// output, no output without its call. Reads from the newest compaction on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history(&self) -> Result<ModelHistory, StoreError> {
        self.read_history(&self.outline.history).map(History::finish)
    }

    /// The same after the last turns of the user were taken back.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history_without(&self, num_turns: u32) -> Result<ModelHistory, StoreError> {
        let mut marks = self.outline.history.clone();
        marks.roll_back(num_turns);
        let mut history = self.read_history(&marks)?;
        history.record(Record::Event(EventRecord::ThreadRolledBack { num_turns }));
        Ok(history.finish())
    }

    fn read_history(&self, marks: &Marks) -> Result<History, StoreError> {
        let (mut history, start) = match marks.start() {
            Some(start) => (History::before_compaction(self.carried(start.carried)?, start.input), start.offset),
            None => (History::default(), 0),
        };
        self.rollout.lines(Span { start, end: self.whole_bytes }, |_, line| {
            if let Some(record) = format::read_seen(line) {
                history.record(record);
            }
        })?;
        Ok(history)
    }

    fn carried(&self, messages: &[Said]) -> Result<Vec<ResponseItem>, StoreError> {
        let mut items = Vec::with_capacity(messages.len());
        for message in messages {
            let item = match (self.rollout.record_at(message.at)?, message.nth) {
                (Some(Record::ResponseItem(item)), None) => Some(item),
                (Some(Record::Compacted { replacement: Some(mut list), .. }), Some(nth)) => {
                    let nth = usize::try_from(nth).unwrap_or(usize::MAX);
                    (nth < list.len()).then(|| list.swap_remove(nth))
                }
                _ => None,
            };
            items.extend(item.filter(is_user_message));
        }
        Ok(items)
    }

    /// The newest token usage and the turn it belongs to: the one in which tokens were counted last, or the last one
    /// when that turn was rolled back. The id is empty in a thread without turns.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn usage(&self) -> Result<Option<(TurnId, TokenUsageTotals)>, StoreError> {
        let Some(EventRecord::TokenCount { totals: Some(totals), .. }) = self.event_at(self.outline.totals)? else {
            return Ok(None);
        };
        let counted = self.counted_in.clone().filter(|id| self.turns.position(id).is_some());
        let turn = counted.or_else(|| self.turns.spans().last().map(TurnSpan::id)).unwrap_or_else(|| TurnId::from(""));
        Ok(Some((turn, totals)))
    }

    /// The newest rate limits.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rate_limits(&self) -> Result<Option<RateLimits>, StoreError> {
        match self.event_at(self.outline.limits)? {
            Some(EventRecord::TokenCount { rate_limits, .. }) => Ok(rate_limits),
            _ => Ok(None),
        }
    }

    /// The settings of the newest turn.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_turn_context(&self) -> Result<Option<TurnContextRecord>, StoreError> {
        match self.outline.context.map(|at| self.rollout.record_at(at)).transpose()?.flatten() {
            Some(Record::TurnContext(context)) => Ok(Some(*context)),
            _ => Ok(None),
        }
    }

    /// The first message of the user; empty before there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn preview(&self) -> Result<String, StoreError> {
        match self.event_at(self.outline.first_message)? {
            Some(EventRecord::UserMessage { text, .. }) => Ok(text.trim().to_owned()),
            _ => Ok(String::new()),
        }
    }

    /// How often the history was compacted.
    #[must_use]
    pub fn compactions(&self) -> u64 {
        self.outline.compactions
    }

    /// All records after the first line, in order, each with the place of its line: the bytes before it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn records(&self) -> Result<Vec<(u64, Record)>, StoreError> {
        let start = self.outline.meta.map_or(0, |meta| meta.end);
        let mut records = Vec::new();
        self.rollout.lines(Span { start, end: self.whole_bytes }, |place, line| {
            records.extend(format::read_line(line).map(|record| (place, record)));
        })?;
        Ok(records)
    }

    /// The records from the beginning of the last turn on; none in a thread without turns.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_turn_records(&self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        if let Some(last) = self.turns.spans().last() {
            let at = Span { start: last.at.start, end: self.whole_bytes };
            self.rollout.lines(at, |_, line| records.extend(format::read_line(line)))?;
        }
        Ok(records)
    }

    /// Gives all readable lines, as they stand.
    pub(crate) fn each_line(&self, mut each: impl FnMut(&str)) -> Result<(), StoreError> {
        self.rollout.lines(Span { start: 0, end: self.whole_bytes }, |_, line| each(line))
    }

    fn event_at(&self, at: Option<Span>) -> Result<Option<EventRecord>, StoreError> {
        match at.map(|at| self.rollout.record_at(at)).transpose()?.flatten() {
            Some(Record::Event(event)) => Ok(Some(event)),
            _ => Ok(None),
        }
    }
}
