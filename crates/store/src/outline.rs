//! What stands where in a rollout: enough to read some turns, or the model's history, without the rest.
//!
//! An outline is a fold over a rollout's lines, of which it keeps places and numbers but no content. It can be kept
//! between two readings and goes on with the lines that came since. The rules are those of [`crate::turns`] and
//! [`crate::history`]; a property test holds them against each other.

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;
use types::{ResponseItem, ThreadId, TurnId};

use crate::format::{Shape, Step};
use crate::history::{Entry, Epochs, TurnInput, is_user_message};

/// The place of a line, or of several: bytes from the beginning of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u64,
    /// Where the next line begins.
    pub(crate) end: u64,
}

/// Where a turn stands, as clients count them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TurnSpan {
    id: String,
    /// From the line that begins it to the last one that says something of it. What belongs to a command that ended late
    /// may stand among the lines of turns after it.
    pub(crate) at: Span,
    /// Lines before it, the first of the rollout not counted.
    pub(crate) lines_before: u64,
    /// Numbered items before it.
    pub(crate) items_before: u64,
    /// Items in it.
    items: u64,
    /// Those of them that have an id of their own, by hash.
    own: Vec<u64>,
    /// A rollback stands before it, after which items are numbered anew.
    pub(crate) after_rollback: bool,
}

impl TurnSpan {
    pub(crate) fn id(&self) -> TurnId {
        TurnId::from(self.id.as_str())
    }

    pub(crate) fn is(&self, id: &TurnId) -> bool {
        self.id == id.as_str()
    }
}

/// What stands where in a rollout, as far as it was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outline {
    /// Up to where lines have been read.
    pub(crate) covered: u64,
    /// Lines that could not be read.
    pub(crate) skipped: u64,
    /// The line of the thread's facts.
    pub(crate) meta: Option<Span>,
    /// The newest line that repeats the thread's own facts.
    pub(crate) meta_again: Option<Span>,
    /// The settings of the newest turn.
    pub(crate) context: Option<Span>,
    /// What the user said first.
    pub(crate) first_message: Option<Span>,
    /// The newest token totals, and the newest rate limits.
    pub(crate) totals: Option<Span>,
    pub(crate) limits: Option<Span>,
    /// The thread's newest name, as the rollout has it.
    pub(crate) name: Option<String>,
    /// How often the history was compacted.
    pub(crate) compactions: u64,
    pub(crate) turns: Turns,
    pub(crate) history: Marks,
    /// Whose it is; known from the line of its facts.
    #[serde(skip)]
    pub(crate) id: Option<ThreadId>,
}

impl Outline {
    /// Adds a line.
    pub(crate) fn add(&mut self, at: Span, shape: Shape) {
        match shape {
            Shape::Unknown => return,
            Shape::Meta(meta) => match self.id {
                None => {
                    self.id = Some(meta.id);
                    self.meta = Some(at);
                    // The first line is not counted.
                    return;
                }
                Some(id) if id == meta.id => self.meta_again = Some(at),
                Some(_) => {}
            },
            Shape::Context => self.context = Some(at),
            Shape::Item | Shape::Other => {}
            Shape::Said { item, hook_prompt } => {
                if hook_prompt {
                    self.turns.hook_prompt(at);
                }
                if is_user_message(&item) {
                    self.history.said(at, &item);
                }
            }
            Shape::Compacted { message, replacement } => {
                self.compactions += 1;
                self.turns.compacted(at);
                self.history.compacted(at, &message, replacement.as_deref());
            }
            Shape::Name { thread, name } => {
                if self.id == Some(thread) {
                    self.name = name;
                }
            }
            Shape::Counted { totals, limits } => {
                self.turns.counted();
                if totals {
                    self.totals = Some(at);
                }
                if limits {
                    self.limits = Some(at);
                }
            }
            Shape::Turn(step) => {
                match &step {
                    Step::Started(_) => self.history.epochs.turn_started(),
                    Step::Completed(_) | Step::Aborted(_) => self.history.epochs.turn_ended(),
                    Step::RolledBack(turns) => self.history.roll_back(*turns),
                    Step::UserMessage => self.first_message = self.first_message.or(Some(at)),
                    Step::Numbered | Step::Reasoning | Step::Put { .. } => {}
                }
                self.turns.step(at, step);
            }
        }
        self.turns.line_ends(at);
    }
}

/// The places of a thread's turns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Turns {
    closed: Vec<TurnSpan>,
    current: Option<Open>,
    lines: u64,
    items: u64,
    /// The turn in which tokens were counted last.
    counted_in: Option<String>,
    /// Nothing has come since a rollback.
    rolled_back: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Open {
    span: TurnSpan,
    announced: bool,
    compacted: bool,
    /// The last item is reasoning, and more of it is part of it.
    reasoning: bool,
}

impl Turns {
    /// Where the turns stand, oldest first, the one under way at the end.
    pub(crate) fn finish(mut self) -> Vec<TurnSpan> {
        if let Some(end) = self.current.as_ref().map(|open| open.span.at.end) {
            self.close(end);
        }
        self.closed
    }

    /// The turn in which tokens were counted last.
    pub(crate) fn counted_in(&self) -> Option<&str> {
        self.counted_in.as_deref()
    }

    fn step(&mut self, at: Span, step: Step) {
        match step {
            Step::Started(id) => {
                self.close(at.start);
                self.open_as(at, id.as_str().to_owned(), true);
            }
            Step::Completed(id) => self.end(at, Some(&id), true),
            Step::Aborted(id) => self.end(at, id.as_ref(), false),
            Step::UserMessage => {
                let goes_on = |open: &Open| open.announced || (open.compacted && open.span.items == 0);
                if !self.current.as_ref().is_none_or(goes_on) {
                    self.close(at.start);
                }
                self.push(at, false);
            }
            Step::Numbered => self.push(at, false),
            Step::Reasoning => {
                if !self.current.as_ref().is_some_and(|open| open.reasoning) {
                    self.push(at, true);
                }
            }
            Step::Put { turn, item } => self.put(at, turn.as_ref(), text_hash(item.as_str())),
            Step::RolledBack(turns) => {
                self.close(at.start);
                let kept = self.closed.len().saturating_sub(usize::try_from(turns).unwrap_or(usize::MAX));
                self.closed.truncate(kept);
                self.items = self.closed.iter().map(|span| span.items).sum();
                self.rolled_back = true;
            }
        }
    }

    /// The turn under way goes on to the end of this line.
    fn line_ends(&mut self, at: Span) {
        self.lines += 1;
        if let Some(open) = &mut self.current {
            open.span.at.end = at.end;
        }
    }

    fn hook_prompt(&mut self, at: Span) {
        let open = self.open(at);
        open.span.items += 1;
        open.reasoning = false;
    }

    fn compacted(&mut self, at: Span) {
        self.open(at).compacted = true;
    }

    fn counted(&mut self) {
        let current = self.current.as_ref().map(|open| &open.span);
        self.counted_in = current.or(self.closed.last()).map(|span| span.id.clone());
    }

    fn open(&mut self, at: Span) -> &mut Open {
        if self.current.is_none() {
            self.open_as(at, format!("rollout-{}", self.lines + 1), false);
        }
        self.current.as_mut().expect("one was opened if there was none")
    }

    fn open_as(&mut self, at: Span, id: String, announced: bool) {
        let (lines_before, items_before) = (self.lines, self.items);
        let after_rollback = std::mem::take(&mut self.rolled_back);
        let span = TurnSpan { id, at, lines_before, items_before, items: 0, own: Vec::new(), after_rollback };
        self.current = Some(Open { span, announced, compacted: false, reasoning: false });
    }

    fn push(&mut self, at: Span, reasoning: bool) {
        let open = self.open(at);
        open.span.items += 1;
        open.reasoning = reasoning;
        self.items += 1;
    }

    fn put(&mut self, at: Span, turn: Option<&TurnId>, item: u64) {
        let current = match turn {
            None => true,
            Some(id) => self.current.as_ref().is_some_and(|open| open.span.is(id)),
        };
        if current {
            let open = self.open(at);
            if !open.span.own.contains(&item) {
                open.span.own.push(item);
                open.span.items += 1;
                open.reasoning = false;
            }
        } else if let Some(span) = turn.and_then(|id| self.closed.iter_mut().rev().find(|span| span.is(id))) {
            if !span.own.contains(&item) {
                span.own.push(item);
                span.items += 1;
            }
            span.at.end = at.end;
        }
    }

    fn end(&mut self, at: Span, id: Option<&TurnId>, completed: bool) {
        let is_current = |open: &Open| id.is_none_or(|id| open.span.is(id));
        if !self.current.as_ref().is_some_and(is_current)
            && let Some(id) = id
            && let Some(span) = self.closed.iter_mut().rev().find(|span| span.is(id))
        {
            span.at.end = at.end;
        } else if completed {
            self.close(at.end);
        }
    }

    fn close(&mut self, end: u64) {
        if let Some(mut open) = self.current.take()
            && (open.announced || open.compacted || open.span.items > 0)
        {
            open.span.at.end = end;
            self.closed.push(open.span);
        }
    }
}

/// What of the model's history must be read from where.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Marks {
    epochs: Epochs<Said>,
    /// For each epoch but the first the place of its compaction.
    compactions: Vec<Compaction>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Compaction {
    at: Span,
    /// How far the turn had come in which it happened.
    input: TurnInput,
    /// So many of the epoch's messages come from before it.
    carried: usize,
}

/// A message of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    /// The line it stands in.
    pub(crate) at: Span,
    /// Where it stands among the items that a compaction has put in the place of the history.
    pub(crate) nth: Option<u32>,
    /// Of its text, if it is nothing but a text.
    text: Option<u64>,
}

impl Entry for Said {
    /// The line of the compaction, and the summary's hash.
    type Summary = (Span, u64);

    fn of_summary(&(at, text): &(Span, u64)) -> Self {
        Self { at, nth: None, text: Some(text) }
    }

    fn outlives(&self, earlier: Option<&(Span, u64)>) -> bool {
        earlier.is_none_or(|(_, summary)| self.text != Some(*summary))
    }

    fn is_context(&self) -> bool {
        false
    }
}

/// Where to begin to read the model's history.
pub(crate) struct HistoryStart<'a> {
    /// The line to begin with.
    pub(crate) offset: u64,
    /// How far the turn has come there.
    pub(crate) input: TurnInput,
    /// The messages from before that still count.
    pub(crate) carried: &'a [Said],
}

impl Marks {
    /// Where to begin to read the model's history: at the newest compaction that still stands, or at the beginning.
    pub(crate) fn start(&self) -> Option<HistoryStart<'_>> {
        let compaction = self.compactions.last()?;
        let carried = &self.epochs.epochs.last()?.items[..compaction.carried];
        Some(HistoryStart { offset: compaction.at.start, input: compaction.input, carried })
    }

    fn said(&mut self, at: Span, item: &ResponseItem) {
        self.epochs.item(Said { at, nth: None, text: only_text(item).map(text_hash) }, true);
    }

    fn compacted(&mut self, at: Span, message: &str, replacement: Option<&[ResponseItem]>) {
        let replaced = replacement.is_some();
        let replacement = replacement.map(|items| {
            let said = items.iter().zip(0..).filter(|(item, _)| is_user_message(item));
            said.map(|(item, nth)| Said { at, nth: Some(nth), text: only_text(item).map(text_hash) }).collect()
        });
        let input = self.epochs.input;
        self.epochs.compact((at, text_hash(message)), replacement);
        let messages = self.epochs.epochs.last().map_or(0, |epoch| epoch.items.len());
        // Without a replacement the last message is the summary.
        let carried = if replaced { 0 } else { messages.saturating_sub(1) };
        self.compactions.push(Compaction { at, input, carried });
    }

    pub(crate) fn roll_back(&mut self, turns: u32) {
        self.epochs.roll_back(turns);
        self.compactions.truncate(self.epochs.epochs.len().saturating_sub(1));
    }
}

fn only_text(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::Message { content, .. } => match &content[..] {
            [types::ContentItem::InputText { text }] => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The same in every version, unlike the standard library's.
pub(crate) fn text_hash(text: &str) -> u64 {
    bytes_hash(text.as_bytes())
}

pub(crate) fn bytes_hash(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}
