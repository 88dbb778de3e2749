//! Where the turns of a rollout stand: a fold over its lines, or over those of its end.
//!
//! The rules are those of [`crate::turns`]; here they say where turns begin and end, and nothing of what is in them.

use serde::{Deserialize, Serialize};
use types::TurnId;

use crate::format::{Shape, Step};
use crate::outline::{Span, text_hash};
use crate::turn_key::TurnKey;
use crate::turns::{COUNTED, number};

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
    pub(crate) fn add(&mut self, at: Span, shape: &Shape) {
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
