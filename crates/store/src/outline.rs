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
use crate::turn_key::TurnKey;
use crate::turns::{COUNTED, number};

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
    pub(crate) key: TurnKey,
    /// From the line that begins it to the last one that says something of it. What belongs to a command that ended late
    /// may stand among the lines of turns after it.
    pub(crate) at: Span,
    /// What is counted of a turn that begins where lines are.
    pub(crate) counted: Option<Box<Counted>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// Lines before it, the first of the rollout not counted.
    pub(crate) lines_before: u64,
    /// Numbered items before it.
    pub(crate) items_before: u64,
    /// Items in it.
    items: u64,
    /// Those of them that have an id of their own, by hash, once it is no longer the turn under way.
    own: Vec<u64>,
    /// A rollback stands before it, after which items are numbered anew.
    after_rollback: bool,
}

impl TurnSpan {
    pub(crate) fn id(&self) -> TurnId {
        TurnId::from(&self.key)
    }

    /// Whether its items do not go on with the numbers of the turn before it.
    pub(crate) fn is_counted_anew(&self) -> bool {
        self.counted.as_ref().is_some_and(|counted| counted.after_rollback)
    }

    fn count_item(&mut self) {
        if let Some(counted) = &mut self.counted {
            counted.items += 1;
        }
    }

    /// Something was said late of an item with an id of its own: it may be known.
    fn count_own(&mut self, item: u64) {
        if let Some(counted) = &mut self.counted
            && !counted.own.contains(&item)
        {
            counted.own.push(item);
            counted.items += 1;
        }
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
        if let Shape::Meta(meta) = &shape
            && self.id.is_none()
        {
            self.id = Some(meta.id);
            self.meta = Some(at);
            // The first line is not counted.
            return;
        }
        self.turns.add(at, &shape);
        match shape {
            Shape::Item | Shape::Other | Shape::Unknown => {}
            Shape::Meta(meta) => {
                if self.id == Some(meta.id) {
                    self.meta_again = Some(at);
                }
            }
            Shape::Context => self.context = Some(at),
            Shape::Said { item, .. } => {
                if is_user_message(&item) {
                    self.history.said(at, &item);
                }
            }
            Shape::Compacted { message, replacement } => {
                self.compactions += 1;
                self.history.compacted(at, &message, replacement.as_deref());
            }
            Shape::Name { thread, name } => {
                if self.id == Some(thread) {
                    self.name = name;
                }
            }
            Shape::Counted { totals, limits } => {
                if totals {
                    self.totals = Some(at);
                }
                if limits {
                    self.limits = Some(at);
                }
            }
            Shape::Turn(step) => match step {
                Step::Started(_) => self.history.epochs.turn_started(),
                Step::Completed(_) | Step::Aborted(_) => self.history.epochs.turn_ended(),
                Step::RolledBack(turns) => self.history.roll_back(turns),
                Step::UserMessage => self.first_message = self.first_message.or(Some(at)),
                Step::Numbered | Step::Reasoning | Step::Put { .. } => {}
            },
        }
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
    counted_in: Option<TurnKey>,
    /// Nothing has come since a rollback.
    rolled_back: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Open {
    span: TurnSpan,
    /// Its items that have an id of their own, by hash.
    own: Vec<u64>,
    announced: bool,
    compacted: bool,
    /// It has an item.
    filled: bool,
    /// The last item is reasoning, and more of it is part of it.
    reasoning: bool,
}

impl Turns {
    /// The turns that begin with lines of a rollout's end, the first of which begins one. `None` when it takes those
    /// before them to say what becomes of these.
    pub(crate) fn at_end<'a>(lines: impl IntoIterator<Item = &'a (Span, Shape)>) -> Option<Vec<TurnSpan>> {
        let mut turns = Self::default();
        for (at, shape) in lines {
            if turns.reaches_back(shape) {
                return None;
            }
            turns.add(*at, shape);
        }
        Some(turns.finish())
    }

    /// Whether a line is about turns before these, or may be.
    fn reaches_back(&self, shape: &Shape) -> bool {
        let Shape::Turn(step) = shape else { return false };
        let has = |id: &TurnId| {
            let (key, current) = (TurnKey::from(id), self.current.as_ref().map(|open| &open.span));
            current.into_iter().chain(self.closed.iter().rev()).any(|span| span.key == key)
        };
        match step {
            Step::Completed(id) | Step::Aborted(Some(id)) => !has(id),
            // What is put into a turn changes no other, and what a rollback takes away stands before what comes after it.
            Step::Started(_)
            | Step::Aborted(None)
            | Step::RolledBack(_)
            | Step::UserMessage
            | Step::Numbered
            | Step::Reasoning
            | Step::Put { .. } => false,
        }
    }

    /// Where the turns stand, oldest first, the one under way at the end.
    pub(crate) fn finish(mut self) -> Vec<TurnSpan> {
        if let Some(end) = self.current.as_ref().map(|open| open.span.at.end) {
            self.close(end);
        }
        self.closed
    }

    /// The turn in which tokens were counted last.
    pub(crate) fn counted_in(&self) -> Option<TurnId> {
        self.counted_in.as_ref().map(TurnId::from)
    }

    /// Adds a line.
    fn add(&mut self, at: Span, shape: &Shape) {
        match shape {
            Shape::Unknown => return,
            Shape::Meta(_) | Shape::Context | Shape::Item | Shape::Name { .. } | Shape::Other => {}
            Shape::Said { hook_prompt, .. } => {
                if *hook_prompt {
                    self.fill(at, false);
                }
            }
            Shape::Compacted { .. } => self.open(at).compacted = true,
            Shape::Counted { .. } => self.counted(),
            Shape::Turn(step) => self.step(at, step),
        }
        self.lines += 1;
        // The turn under way goes on to the end of this line.
        if let Some(open) = &mut self.current {
            open.span.at.end = at.end;
        }
    }

    fn step(&mut self, at: Span, step: &Step) {
        match step {
            Step::Started(id) => {
                self.close(at.start);
                self.open_as(at, TurnKey::from(id), true);
            }
            Step::Completed(id) => self.end(at, Some(TurnKey::from(id)), true),
            Step::Aborted(id) => self.end(at, id.as_ref().map(TurnKey::from), false),
            Step::UserMessage => {
                let goes_on = |open: &Open| open.announced || (open.compacted && !open.filled);
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
            Step::Put { turn, item } => self.put(at, turn.as_ref().map(TurnKey::from), text_hash(item.as_str())),
            Step::RolledBack(turns) => {
                self.close(at.start);
                let kept = self.closed.len().saturating_sub(usize::try_from(*turns).unwrap_or(usize::MAX));
                self.closed.truncate(kept);
                self.items = self.closed.iter().filter_map(|span| span.counted.as_ref()).map(|turn| turn.items).sum();
                self.rolled_back = true;
            }
        }
    }

    fn counted(&mut self) {
        let current = self.current.as_ref().map(|open| &open.span);
        self.counted_in = current.or(self.closed.last()).map(|span| span.key.clone());
    }

    fn open(&mut self, at: Span) -> &mut Open {
        if self.current.is_none() {
            let name = format!("rollout-{}", number(at.start, self.lines + 1));
            self.open_as(at, TurnKey::from(name.as_str()), false);
        }
        self.current.as_mut().expect("one was opened if there was none")
    }

    fn open_as(&mut self, at: Span, key: TurnKey, announced: bool) {
        let after_rollback = std::mem::take(&mut self.rolled_back);
        let counted = (at.start < COUNTED).then(|| {
            Box::new(Counted {
                lines_before: self.lines,
                items_before: self.items,
                items: 0,
                own: Vec::new(),
                after_rollback,
            })
        });
        let span = TurnSpan { key, at, counted };
        let own = Vec::new();
        self.current = Some(Open { span, own, announced, compacted: false, filled: false, reasoning: false });
    }

    /// Adds a numbered item.
    fn push(&mut self, at: Span, reasoning: bool) {
        self.fill(at, reasoning);
        self.items += 1;
    }

    fn fill(&mut self, at: Span, reasoning: bool) {
        let open = self.open(at);
        open.span.count_item();
        open.filled = true;
        open.reasoning = reasoning;
    }

    fn put(&mut self, at: Span, turn: Option<TurnKey>, item: u64) {
        let current = match &turn {
            None => true,
            Some(key) => self.current.as_ref().is_some_and(|open| open.span.key == *key),
        };
        if current {
            let open = self.open(at);
            if !open.own.contains(&item) {
                open.own.push(item);
                self.fill(at, false);
            }
        } else if let Some(span) = turn.and_then(|key| self.newest(&key)) {
            span.count_own(item);
            span.at.end = at.end;
        }
    }

    fn newest(&mut self, key: &TurnKey) -> Option<&mut TurnSpan> {
        self.closed.iter_mut().rev().find(|span| span.key == *key)
    }

    fn end(&mut self, at: Span, turn: Option<TurnKey>, completed: bool) {
        let is_current = |open: &Open| turn.as_ref().is_none_or(|key| open.span.key == *key);
        if !self.current.as_ref().is_some_and(is_current)
            && let Some(span) = turn.and_then(|key| self.newest(&key))
        {
            span.at.end = at.end;
        } else if completed {
            self.close(at.end);
        }
    }

    fn close(&mut self, end: u64) {
        if let Some(mut open) = self.current.take()
            && (open.announced || open.compacted || open.filled)
        {
            open.span.at.end = end;
            if let Some(counted) = &mut open.span.counted {
                counted.own = open.own;
            }
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
