//! Rebuilds turns and their items from records, as clients show them.
//!
//! Pure: the same records give the same turns, in this process or the next.

use std::time::Duration;

use types::item::{HookPromptFragment, UserInput};
use types::{ContentItem, Item, ItemId, ResponseItem, Turn, TurnError, TurnErrorKind, TurnId, TurnStatus};

use crate::record::{EventRecord, Extended, Record};
use crate::turn_key::TurnKey;
use crate::turn_spans::TurnSpan;

/// What is known of a turn that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTurn {
    /// It runs: shown as in progress.
    Running,
    /// Nobody runs it any more: shown as interrupted.
    Ended,
}

/// Lines are counted that begin within so many bytes of a rollout, 2 MiB. What is further on is called after its place, so
/// that the end of a long rollout can be read without the rest.
pub(crate) const COUNTED: u64 = 2 << 20;

/// Rebuilds the turns of `records`, which are all records of a rollout in order, each with the place of its line: the
/// bytes before it.
///
/// Shape: items without an id of their own (messages, reasoning, …) are numbered `item-1`, `item-2`, … over the first
/// 2 MiB of a rollout, as its other readers do; after a rollback the numbers go on from what is left. From there on the
/// number is the place of the line. Items outside any turn make one of their own, called `rollout-N` after the number of
/// the line it begins with, or its place; in rollouts that never say when a turn begins, each user message does.
#[must_use]
pub fn turns_from(records: impl IntoIterator<Item = (u64, Record)>, last: LastTurn) -> Vec<Turn> {
    let mut builder = TurnBuilder::default();
    for (place, record) in records {
        builder.record(place, record);
    }
    let mut turns = builder.finish();
    let ended = match last {
        LastTurn::Running => turns.len().saturating_sub(1),
        LastTurn::Ended => turns.len(),
    };
    turns[..ended].iter_mut().for_each(end_if_open);
    turns
}

/// A turn that has begun and not ended is interrupted when nobody runs it any more.
pub(crate) fn end_if_open(turn: &mut Turn) {
    if turn.status == TurnStatus::InProgress {
        turn.status = TurnStatus::Interrupted;
    }
}

/// Builds turns record by record, from the beginning of a rollout or of one of its turns.
#[derive(Default)]
pub(crate) struct TurnBuilder<'a> {
    /// The turns before the first one that is built.
    earlier: &'a [TurnSpan],
    turns: Vec<Turn>,
    /// The turn under way, with whether a line said that it began.
    current: Option<Open>,
    /// Where this line stands.
    place: u64,
    /// Lines before it that are counted; the first is not.
    line: u64,
    /// Numbered items so far that are counted.
    items: u64,
}

/// What names a line or an item that would be the `counted`-th and stands at `place`.
pub(crate) fn number(place: u64, counted: u64) -> u64 {
    if place < COUNTED { counted } else { place }
}

struct Open {
    turn: Turn,
    announced: bool,
    /// Whether the turn is shown even without items.
    compacted: bool,
}

impl<'a> TurnBuilder<'a> {
    /// Begins with the turn `first`, before which stand `earlier` ones.
    pub(crate) fn at(first: &TurnSpan, earlier: &'a [TurnSpan]) -> Self {
        // Nothing is counted of a turn that begins further on.
        let (line, items) =
            first.counted.as_ref().map_or((0, 0), |counted| (counted.lines_before, counted.items_before));
        Self { earlier, line, items, ..Self::default() }
    }

    /// The next line, which stands at `place`.
    pub(crate) fn record(&mut self, place: u64, record: Record) {
        self.place = place;
        // Lines that nobody understands are not counted.
        match record {
            Record::Unknown { .. } | Record::Event(EventRecord::Unknown(_)) => return,
            Record::Event(event) => self.event(event),
            Record::Compacted { .. } => self.open().compacted = true,
            Record::ResponseItem(item) => self.response_item(&item),
            Record::TurnContext(_) | Record::SessionMeta(_) => {}
        }
        self.line += 1;
    }

    /// A line that shows nothing.
    pub(crate) fn skip(&mut self) {
        self.line += 1;
    }

    fn event(&mut self, event: EventRecord) {
        match event {
            EventRecord::TurnStarted { turn_id, started_at, .. } => {
                self.close();
                let turn = Turn { started_at, ..empty(turn_id, TurnStatus::InProgress) };
                self.current = Some(Open { turn, announced: true, compacted: false });
            }
            EventRecord::TurnCompleted { turn_id, completed_at, duration, .. } => {
                self.end(Some(&turn_id), TurnStatus::Completed, completed_at, duration);
            }
            EventRecord::TurnAborted { turn_id, completed_at, duration, .. } => {
                self.end(turn_id.as_ref(), TurnStatus::Interrupted, completed_at, duration);
            }
            EventRecord::UserMessage { text, images, local_images, elements } => {
                if self.current.as_ref().is_some_and(Open::ends_at_user_message) {
                    self.close();
                }
                let mut content = Vec::new();
                if !text.trim().is_empty() {
                    content.push(UserInput::Text { text, elements });
                }
                content.extend(images.into_iter().map(|url| UserInput::Image { url }));
                content.extend(local_images.into_iter().map(|path| UserInput::LocalImage { path }));
                self.push(|id| Item::UserMessage { id, content });
            }
            EventRecord::AgentMessage { text, phase, memory_citation } => {
                if !text.is_empty() {
                    self.push(|id| Item::AgentMessage { id, text, phase, memory_citation });
                }
            }
            EventRecord::Reasoning { text } => {
                if text.is_empty() {
                } else if let Some(Item::Reasoning { summary, .. }) = self.last_item() {
                    summary.push(text);
                } else {
                    self.push(|id| Item::Reasoning { id, summary: vec![text], content: Vec::new() });
                }
            }
            EventRecord::ReasoningRaw { text } => {
                if text.is_empty() {
                } else if let Some(Item::Reasoning { content, .. }) = self.last_item() {
                    content.push(text);
                } else {
                    self.push(|id| Item::Reasoning { id, summary: Vec::new(), content: vec![text] });
                }
            }
            EventRecord::ContextCompacted => self.push(|id| Item::ContextCompaction { id }),
            EventRecord::EnteredReview { hint, .. } => {
                let review = hint.unwrap_or_else(|| "Review requested.".to_owned());
                self.push(|id| Item::EnteredReviewMode { id, review });
            }
            EventRecord::ExitedReview { output } => {
                let review = review_text(output.as_ref());
                self.push(|id| Item::ExitedReviewMode { id, review });
            }
            EventRecord::ThreadRolledBack { num_turns } => self.roll_back(num_turns),
            EventRecord::Error { message, kind } => {
                if let Some(open) = &mut self.current
                    && fails_the_turn(kind.as_ref())
                {
                    open.turn.status = TurnStatus::Failed;
                    open.turn.error = Some(TurnError { message, kind, details: None });
                }
            }
            EventRecord::ItemCompleted { turn_id, item, .. } => {
                if is_shown(&item) {
                    self.put(Some(&turn_id), item);
                }
            }
            EventRecord::ImageGenerationEnd { call_id, status, revised_prompt, result, saved_path } => {
                let item =
                    Item::ImageGeneration { id: call_id.as_str().into(), status, revised_prompt, result, saved_path };
                self.put(None, item);
            }
            EventRecord::Extended(extended) => match *extended {
                Extended::Item { turn_id, item } => self.put(turn_id.as_ref(), item),
                Extended::DynamicToolCallRequested { turn_id, item } => {
                    self.put(Some(&turn_id), Item::DynamicToolCall(item));
                }
                Extended::ApprovalReview(_) | Extended::ApprovalReviewRead(_) => {}
            },
            EventRecord::TokenCount { .. } | EventRecord::ThreadName { .. } | EventRecord::Unknown(_) => {}
        }
    }

    fn response_item(&mut self, item: &ResponseItem) {
        if let Some(fragments) = hook_prompt(item) {
            let id = ItemId::from(format!("hook-prompt-{}", number(self.place, self.line + 1)));
            self.open().turn.items.push(Item::HookPrompt { id, fragments });
        }
    }

    /// The turn under way; one without a beginning where there is none.
    fn open(&mut self) -> &mut Open {
        let line = number(self.place, self.line + 1);
        self.current.get_or_insert_with(|| Open {
            turn: empty(TurnId::from(format!("rollout-{line}")), TurnStatus::Completed),
            announced: false,
            compacted: false,
        })
    }

    fn push(&mut self, item: impl FnOnce(ItemId) -> Item) {
        self.items += 1;
        let id = ItemId::from(format!("item-{}", number(self.place, self.items)));
        self.open().turn.items.push(item(id));
    }

    /// Adds an item with an id of its own, or puts it in the place of the one it continues. An item of a turn that is
    /// not there any more is dropped.
    fn put(&mut self, turn_id: Option<&TurnId>, item: Item) {
        let turn = match turn_id {
            None => &mut self.open().turn,
            Some(id) => match self.turn(id) {
                Some(turn) => turn,
                None => return,
            },
        };
        match turn.items.iter_mut().find(|known| known.id() == item.id()) {
            Some(known) => *known = item,
            None => turn.items.push(item),
        }
    }

    fn last_item(&mut self) -> Option<&mut Item> {
        self.current.as_mut()?.turn.items.last_mut()
    }

    /// The turn of that id: the one under way, else the newest.
    fn turn(&mut self, id: &TurnId) -> Option<&mut Turn> {
        match &mut self.current {
            Some(open) if open.turn.id == *id => Some(&mut open.turn),
            _ => self.turns.iter_mut().rev().find(|turn| turn.id == *id),
        }
    }

    /// Ends the turn of that id, or the one under way where none has it. A turn that failed or was interrupted does not
    /// complete any more. What follows an interruption still belongs to the turn, until another one begins.
    fn end(
        &mut self,
        turn_id: Option<&TurnId>,
        status: TurnStatus,
        completed_at: Option<i64>,
        duration: Option<Duration>,
    ) {
        let current = self.current.as_ref().map(|open| open.turn.id.clone());
        let known = turn_id.filter(|id| self.turn(id).is_some()).cloned();
        if known.is_none() && turn_id.is_some_and(|id| self.is_earlier(id)) {
            return;
        }
        let Some(id) = known.or_else(|| current.clone()) else { return };
        let Some(turn) = self.turn(&id) else { return };
        if status == TurnStatus::Interrupted || turn.status == TurnStatus::InProgress {
            turn.status = status;
        }
        turn.completed_at = completed_at;
        turn.duration = duration;
        if status == TurnStatus::Completed && current == Some(id) {
            self.close();
        }
    }

    fn is_earlier(&self, id: &TurnId) -> bool {
        let key = TurnKey::from(id);
        self.earlier.iter().any(|span| span.key == key)
    }

    fn close(&mut self) {
        if let Some(open) = self.current.take()
            && (open.announced || open.compacted || !open.turn.items.is_empty())
        {
            self.turns.push(open.turn);
        }
    }

    fn roll_back(&mut self, num_turns: u32) {
        self.close();
        let kept = self.turns.len().saturating_sub(usize::try_from(num_turns).unwrap_or(usize::MAX));
        self.turns.truncate(kept);
        self.items = self.turns.iter().map(|turn| turn.items.len() as u64).sum();
    }

    /// The turns as they stand; those that never ended are in progress.
    pub(crate) fn finish(mut self) -> Vec<Turn> {
        self.close();
        self.turns
    }
}

/// Whether clients are shown an item that has ended; an empty plan is not worth it.
pub(crate) fn is_shown(item: &Item) -> bool {
    !matches!(item, Item::Plan { text, .. } if text.is_empty())
}

impl Open {
    /// Without announced beginnings a user message is one; a compaction may stand before it.
    fn ends_at_user_message(&self) -> bool {
        let only_compacted = self.compacted && self.turn.items.is_empty();
        !self.announced && !only_compacted
    }
}

/// Some errors are about a request that came while the turn ran, not about the turn.
fn fails_the_turn(kind: Option<&TurnErrorKind>) -> bool {
    !matches!(kind, Some(TurnErrorKind::ThreadRollbackFailed | TurnErrorKind::ActiveTurnNotSteerable { .. }))
}

/// The fragments of a message that hooks put in the user's place: `<hook_prompt hook_run_id="…">…</hook_prompt>`, one a
/// part. `None` for any other item.
pub(crate) fn hook_prompt(item: &ResponseItem) -> Option<Vec<HookPromptFragment>> {
    let ResponseItem::Message { role, content, .. } = item else { return None };
    if role != "user" || content.is_empty() {
        return None;
    }
    content
        .iter()
        .map(|part| match part {
            ContentItem::InputText { text } => hook_fragment(text),
            ContentItem::InputImage { .. } | ContentItem::OutputText { .. } => None,
        })
        .collect()
}

fn hook_fragment(text: &str) -> Option<HookPromptFragment> {
    let rest = text.trim().strip_prefix("<hook_prompt hook_run_id=\"")?.strip_suffix("</hook_prompt>")?;
    let (hook_run_id, text) = rest.split_once("\">")?;
    if text.trim().is_empty() {
        return None;
    }
    Some(HookPromptFragment { text: unescape(text), hook_run_id: unescape(hook_run_id) })
}

/// Resolves the five entities of XML.
fn unescape(text: &str) -> String {
    let mut out = text.to_owned();
    for (entity, plain) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
        if out.contains(entity) {
            out = out.replace(entity, plain);
        }
    }
    out
}

fn empty(id: TurnId, status: TurnStatus) -> Turn {
    Turn { id, items: Vec::new(), status, error: None, started_at: None, completed_at: None, duration: None }
}

/// What clients show of a review: its explanation, or that there is none.
fn review_text(output: Option<&serde_json::Value>) -> String {
    output
        .and_then(|output| output.get("overall_explanation"))
        .and_then(serde_json::Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .unwrap_or("Reviewer failed to output a response.")
        .to_owned()
}
