//! A thread as its rollout has it, and the questions asked of it.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::SystemTime;

use types::{AbsPath, RateLimits, ResponseItem, ThreadId, TokenUsageTotals, Turn, TurnId, TurnStatus};

use crate::error::StoreError;
use crate::format;
use crate::history::{History, ModelHistory, is_user_message};
use crate::outline::{Marks, Outline, Said, Span, TurnSpan};
use crate::outlining::{self, Tail};
use crate::processors;
use crate::reader::{Lines, Section, Text};
use crate::record::{EventRecord, Record, SessionMeta, TurnContextRecord};
use crate::thread_store::Source;
use crate::turns::{LastTurn, TurnBuilder, end_if_open};

/// Turns are read in pieces of at least so many bytes, so that short ones do not cost a call each.
const PIECE: u64 = 256 << 10;

/// So many bytes of turns are worth another processor.
const SHARE: u64 = 1 << 20;

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
    rollout: Arc<Rollout>,
    outline: Arc<Outline>,
    turns: Arc<[TurnSpan]>,
    /// The turn in which tokens were counted last; it may have been rolled back.
    counted_in: Option<TurnId>,
}

/// The file of a thread as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) path: AbsPath,
    pub(crate) source: Box<dyn Source>,
    /// Where the last whole line ends.
    pub(crate) end: u64,
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
        let (mut end, mut torn_bytes) = (outline.covered, 0);
        match tail {
            Tail::None => {}
            Tail::Torn(bytes) => torn_bytes = bytes,
            Tail::Whole(at, shape) => {
                outline.add(at, shape);
                end = at.end;
            }
        }
        if outline.skipped > 0 {
            tracing::warn!(%path, lines = outline.skipped, "unreadable lines are skipped");
        }
        let rollout = Rollout { path, source, end };
        let Some(meta) = rollout.meta(&outline)? else {
            let path = rollout.path.into_path_buf();
            return Err(if length == 0 { StoreError::Empty { path } } else { StoreError::NoSessionMeta { path } });
        };
        let name = name(meta.id)?.or_else(|| outline.name.take());
        Ok(Self::new(meta, name, updated_at, torn_bytes, rollout, outline))
    }

    fn new(
        meta: SessionMeta,
        name: Option<String>,
        updated_at: SystemTime,
        torn_bytes: u64,
        rollout: Rollout,
        mut outline: Outline,
    ) -> Self {
        let turns = std::mem::take(&mut outline.turns);
        Self {
            meta,
            path: rollout.path.clone(),
            name,
            updated_at,
            skipped: outline.skipped,
            torn_bytes,
            rollout: Arc::new(rollout),
            counted_in: turns.counted_in().map(TurnId::from),
            turns: turns.finish().into(),
            outline: Arc::new(outline),
        }
    }

    /// Bytes before the end of the last whole line.
    pub(crate) fn whole_bytes(&self) -> u64 {
        self.rollout.end
    }

    /// How many turns there are, as clients count them.
    #[must_use]
    pub fn turn_count(&self) -> usize {
        self.turns.len()
    }

    /// Which of the turns has that id, the first being 0; the newest if several have it.
    #[must_use]
    pub fn turn_position(&self, id: &TurnId) -> Option<usize> {
        self.turn_positions(id).next()
    }

    /// The same of all turns that have it, the newest first. No writer gives an id twice; a file may have it twice.
    pub fn turn_positions(&self, id: &TurnId) -> impl Iterator<Item = usize> {
        let turns = self.turns.iter().enumerate().rev();
        turns.filter(|(_, span)| span.is(id)).map(|(position, _)| position)
    }

    /// The turns with their items, as clients show them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn turns(&self, last: LastTurn) -> Result<Vec<Turn>, StoreError> {
        self.turns_in(0..self.turns.len(), last)
    }

    /// Some of the turns, oldest first. Reads these and what stands between them.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn turns_in(&self, range: Range<usize>, last: LastTurn) -> Result<Vec<Turn>, StoreError> {
        let mut turns = Vec::with_capacity(range.len());
        self.for_each_turn(range, last, |turn| turns.push(turn))?;
        Ok(turns)
    }

    /// Gives some of the turns one by one, oldest first, and keeps none: memory holds a few at a time.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn for_each_turn(&self, range: Range<usize>, last: LastTurn, each: impl FnMut(Turn)) -> Result<(), StoreError> {
        self.for_each_turn_by(&mut Vec::new(), range, last, each)
    }

    /// The same by way of a buffer that may have served before. Lines are read into it, and it grows as it has to.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn for_each_turn_by(
        &self,
        buffer: &mut Vec<u8>,
        range: Range<usize>,
        last: LastTurn,
        mut each: impl FnMut(Turn),
    ) -> Result<(), StoreError> {
        let mut next = range.start;
        while next < range.end {
            let first = &self.turns[next];
            let mut end = first.at.end;
            let mut count = 1;
            for span in &self.turns[next + 1..range.end] {
                if end - first.at.start >= PIECE || span.after_rollback {
                    break;
                }
                end = end.max(span.at.end);
                count += 1;
            }
            let mut builder = TurnBuilder::at(first, &self.turns[..next]);
            let piece = Span { start: first.at.start, end };
            self.rollout.lines_by(buffer, piece, |line| match format::read_shown(line) {
                Some(Some(record)) => builder.record(record),
                Some(None) => builder.skip(),
                None => {}
            })?;
            for (at, mut turn) in (next..).zip(builder.finish().into_iter().take(count)) {
                if last == LastTurn::Ended || at + 1 < self.turns.len() {
                    end_if_open(&mut turn);
                }
                each(turn);
            }
            next += count;
        }
        Ok(())
    }

    /// Makes something of each of several shares of the turns, of a long thread on several processors, and gives it to
    /// `take`, the oldest turns first. Memory holds a few shares at a time.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many turns, or when `begin` or `add` do.
    pub fn gather_turns<R: Send>(
        &self,
        range: Range<usize>,
        last: LastTurn,
        begin: impl Fn() -> R + Sync,
        add: impl Fn(&mut R, Turn) + Sync,
        mut take: impl FnMut(R),
    ) -> Result<(), StoreError> {
        let gather = |buffer: &mut Vec<u8>, share: &Range<usize>| {
            let mut gathered = begin();
            self.for_each_turn_by(buffer, share.clone(), last, |turn| add(&mut gathered, turn)).map(|()| gathered)
        };
        let mut outcome = Ok(());
        processors::in_order(&self.shares(range), gather, |gathered| match gathered {
            Ok(gathered) => {
                take(gathered);
                ControlFlow::Continue(())
            }
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        });
        outcome
    }

    /// Divides turns into shares that stand in about as many bytes of the rollout each, 1 MiB or a little more.
    ///
    /// # Panics
    /// When there are not so many turns.
    pub fn shares(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut shares = Vec::new();
        let mut first = range.start;
        for at in range.clone() {
            if self.turns[at].at.end.saturating_sub(self.turns[first].at.start) >= SHARE {
                shares.push(first..at + 1);
                first = at + 1;
            }
        }
        if first < range.end {
            shares.push(first..range.end);
        }
        shares
    }

    /// The id of the last turn, if it has no end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_turn(&self) -> Result<Option<TurnId>, StoreError> {
        let Some(last) = self.turns.len().checked_sub(1) else { return Ok(None) };
        let turns = self.turns_in(last..last + 1, LastTurn::Running)?;
        Ok(turns.into_iter().find(|turn| turn.status == TurnStatus::InProgress).map(|turn| turn.id))
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
        self.rollout.lines(Span { start, end: self.rollout.end }, |line| {
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
        let counted = self.counted_in.clone().filter(|id| self.turn_position(id).is_some());
        let turn = counted.or_else(|| self.turns.last().map(TurnSpan::id)).unwrap_or_else(|| TurnId::from(""));
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

    /// All records after the first line, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, StoreError> {
        let start = self.outline.meta.map_or(0, |meta| meta.end);
        let mut records = Vec::new();
        self.rollout.lines(Span { start, end: self.rollout.end }, |line| records.extend(format::read_line(line)))?;
        Ok(records)
    }

    /// The records from the beginning of the last turn on; none in a thread without turns.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_turn_records(&self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        if let Some(last) = self.turns.last() {
            let at = Span { start: last.at.start, end: self.rollout.end };
            self.rollout.lines(at, |line| records.extend(format::read_line(line)))?;
        }
        Ok(records)
    }

    /// Gives all readable lines, as they stand.
    pub(crate) fn each_line(&self, each: impl FnMut(&str)) -> Result<(), StoreError> {
        self.rollout.lines(Span { start: 0, end: self.rollout.end }, each)
    }

    fn event_at(&self, at: Option<Span>) -> Result<Option<EventRecord>, StoreError> {
        match at.map(|at| self.rollout.record_at(at)).transpose()?.flatten() {
            Some(Record::Event(event)) => Ok(Some(event)),
            _ => Ok(None),
        }
    }
}

impl Rollout {
    /// The thread's facts, with the newest memory mode.
    pub(crate) fn meta(&self, outline: &Outline) -> Result<Option<SessionMeta>, StoreError> {
        let read = |at: Option<Span>| -> Result<Option<SessionMeta>, StoreError> {
            match at.map(|at| self.record_at(at)).transpose()?.flatten() {
                Some(Record::SessionMeta(meta)) => Ok(Some(*meta)),
                _ => Ok(None),
            }
        };
        let Some(mut meta) = read(outline.meta)? else { return Ok(None) };
        if let Some(again) = read(outline.meta_again)? {
            meta.memory_mode = again.memory_mode;
        }
        Ok(Some(meta))
    }

    fn record_at(&self, at: Span) -> Result<Option<Record>, StoreError> {
        let mut found = None;
        self.lines(at, |line| found = format::read_line(line).ok())?;
        Ok(found)
    }

    /// Gives the readable lines of a part of the file.
    fn lines(&self, at: Span, each: impl FnMut(&str)) -> Result<(), StoreError> {
        self.lines_by(&mut Vec::new(), at, each)
    }

    /// The same, by way of a buffer that may have served before.
    fn lines_by(&self, buffer: &mut Vec<u8>, at: Span, mut each: impl FnMut(&str)) -> Result<(), StoreError> {
        let section = Section::new(self.source.as_ref(), at.start, at.end);
        let mut lines = Lines::of(section, at.end - at.start).with_buffer(std::mem::take(buffer));
        while let Some(line) = lines.next().map_err(StoreError::io("read", &self.path))? {
            if let Text::Line(text) = line.text() {
                each(text);
            }
        }
        *buffer = lines.into_buffer();
        Ok(())
    }
}
