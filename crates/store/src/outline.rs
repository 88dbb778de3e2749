//! What stands where in a rollout: enough to read some turns, or the model's history, without the rest.
//!
//! An outline is a fold over a rollout's lines, of which it keeps places and numbers but no content. It can be kept
//! between two readings and goes on with the lines that came since. The rules are those of [`crate::turns`] and
//! [`crate::history`]; a property test holds them against each other.

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;
use types::{ResponseItem, ThreadId};

use crate::format::{Shape, Step};
use crate::history::{Entry, Epochs, TurnInput, is_user_message};
use crate::turn_spans::Turns;

/// The place of a line, or of several: bytes from the beginning of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: u64,
    /// Where the next line begins.
    pub(crate) end: u64,
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
