//! Rebuilds turns and their items from records, as clients show them.
//!
//! Pure: the same records give the same turns, in this process or the next.

use std::time::Duration;

use types::item::UserInput;
use types::{Item, ItemId, Turn, TurnError, TurnId, TurnStatus};

use crate::record::{EventRecord, Extended, Record};

/// What is known of a turn that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTurn {
    /// It runs: shown as in progress.
    Running,
    /// Nobody runs it any more: shown as interrupted.
    Ended,
}

/// Rebuilds the turns of `records`, which are all records of a rollout in order.
///
/// Shape: items without an id of their own (messages, reasoning, …) are numbered `item-1`, `item-2`, … over the whole
/// thread; after a rollback the numbers go on from what is left. Items outside any turn make one of their own, called
/// `rollout-N` after the line it begins with; in rollouts that never say when a turn begins, each user message does.
#[must_use]
pub fn turns_from(records: &[Record], last: LastTurn) -> Vec<Turn> {
    let mut builder = Builder::default();
    for record in records {
        // The first line is the session's; lines that nobody understands are not counted.
        let known = match record {
            Record::Unknown { kind, .. } => kind == "session_meta",
            Record::Event(EventRecord::Unknown(_)) => false,
            Record::Event(event) => {
                builder.event(event);
                true
            }
            Record::Compacted { .. } => {
                builder.compacted();
                true
            }
            Record::ResponseItem(_) | Record::TurnContext(_) => true,
        };
        builder.line += usize::from(known);
    }
    builder.finish(last)
}

#[derive(Default)]
struct Builder {
    turns: Vec<Turn>,
    /// The turn under way, with whether a line said that it began.
    current: Option<Open>,
    /// Lines before this one, the first not counted.
    line: usize,
    /// Numbered items so far.
    items: usize,
}

struct Open {
    turn: Turn,
    announced: bool,
    /// Whether the turn is shown even without items.
    compacted: bool,
}

impl Builder {
    fn event(&mut self, event: &EventRecord) {
        match event {
            EventRecord::TurnStarted { turn_id, started_at, .. } => {
                self.close();
                let turn = Turn { started_at: *started_at, ..empty(turn_id.clone(), TurnStatus::InProgress) };
                self.current = Some(Open { turn, announced: true, compacted: false });
            }
            EventRecord::TurnCompleted { turn_id, completed_at, duration, .. } => {
                self.end(Some(turn_id), TurnStatus::Completed, *completed_at, *duration);
            }
            EventRecord::TurnAborted { turn_id, completed_at, duration, .. } => {
                self.end(turn_id.as_ref(), TurnStatus::Interrupted, *completed_at, *duration);
            }
            EventRecord::UserMessage { text, images, local_images, elements } => {
                if self
                    .current
                    .as_ref()
                    .is_some_and(|open| !open.announced && !(open.compacted && open.turn.items.is_empty()))
                {
                    self.close();
                }
                let mut content = Vec::new();
                if !text.trim().is_empty() {
                    content.push(UserInput::Text { text: text.clone(), elements: elements.clone() });
                }
                content.extend(images.iter().map(|url| UserInput::Image { url: url.clone() }));
                content.extend(local_images.iter().map(|path| UserInput::LocalImage { path: path.clone() }));
                self.push(|id| Item::UserMessage { id, content });
            }
            EventRecord::AgentMessage { text, phase, memory_citation } => {
                if !text.is_empty() {
                    self.push(|id| Item::AgentMessage {
                        id,
                        text: text.clone(),
                        phase: *phase,
                        memory_citation: memory_citation.clone(),
                    });
                }
            }
            EventRecord::Reasoning { text } => {
                if text.is_empty() {
                } else if let Some(Item::Reasoning { summary, .. }) = self.last_item() {
                    summary.push(text.clone());
                } else {
                    self.push(|id| Item::Reasoning { id, summary: vec![text.clone()], content: Vec::new() });
                }
            }
            EventRecord::ReasoningRaw { text } => {
                if text.is_empty() {
                } else if let Some(Item::Reasoning { content, .. }) = self.last_item() {
                    content.push(text.clone());
                } else {
                    self.push(|id| Item::Reasoning { id, summary: Vec::new(), content: vec![text.clone()] });
                }
            }
            EventRecord::ContextCompacted => self.push(|id| Item::ContextCompaction { id }),
            EventRecord::EnteredReview { hint, .. } => {
                let review = hint.clone().unwrap_or_else(|| "Review requested.".to_owned());
                self.push(|id| Item::EnteredReviewMode { id, review });
            }
            EventRecord::ExitedReview { output } => {
                let review = review_text(output.as_ref());
                self.push(|id| Item::ExitedReviewMode { id, review });
            }
            EventRecord::ThreadRolledBack { num_turns } => self.roll_back(*num_turns),
            EventRecord::Error { message, kind } => {
                if let Some(open) = &mut self.current {
                    open.turn.status = TurnStatus::Failed;
                    open.turn.error = Some(TurnError { message: message.clone(), kind: kind.clone(), details: None });
                }
            }
            EventRecord::ItemCompleted { turn_id, item, .. } => self.put(Some(turn_id), item.clone()),
            EventRecord::ImageGenerationEnd { call_id, status, revised_prompt, result, saved_path } => {
                let item = Item::ImageGeneration {
                    id: call_id.as_str().into(),
                    status: status.clone(),
                    revised_prompt: revised_prompt.clone(),
                    result: result.clone(),
                    saved_path: saved_path.clone(),
                };
                self.put(None, item);
            }
            EventRecord::Extended(extended) => match extended.as_ref() {
                Extended::Item { turn_id, item } => self.put(turn_id.as_ref(), item.clone()),
                Extended::DynamicToolCallRequested { turn_id, item } => {
                    self.put(Some(turn_id), Item::DynamicToolCall(item.clone()));
                }
                Extended::GuardianAssessment(_) => {}
            },
            EventRecord::TokenCount { .. } | EventRecord::ThreadName { .. } | EventRecord::Unknown(_) => {}
        }
    }

    fn compacted(&mut self) {
        self.open().compacted = true;
    }

    /// The turn under way; one without a beginning where there is none.
    fn open(&mut self) -> &mut Open {
        let line = self.line + 1;
        self.current.get_or_insert_with(|| Open {
            turn: empty(TurnId::from(format!("rollout-{line}")), TurnStatus::Completed),
            announced: false,
            compacted: false,
        })
    }

    fn push(&mut self, item: impl FnOnce(ItemId) -> Item) {
        self.items += 1;
        let id = ItemId::from(format!("item-{}", self.items));
        self.open().turn.items.push(item(id));
    }

    /// Adds an item with an id of its own, or puts it in the place of the one it continues.
    fn put(&mut self, turn_id: Option<&TurnId>, item: Item) {
        let turn = match turn_id {
            None => &mut self.open().turn,
            Some(id) if self.current.as_ref().is_some_and(|open| open.turn.id == *id) => &mut self.open().turn,
            Some(id) => match self.turns.iter_mut().rev().find(|turn| turn.id == *id) {
                Some(turn) => turn,
                None => &mut self.open().turn,
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

    /// Ends the turn of that id, or the one under way.
    fn end(
        &mut self,
        turn_id: Option<&TurnId>,
        status: TurnStatus,
        completed_at: Option<i64>,
        duration: Option<Duration>,
    ) {
        let finish = |turn: &mut Turn| {
            if turn.status != TurnStatus::Failed || status == TurnStatus::Interrupted {
                turn.status = status;
            }
            turn.completed_at = completed_at;
            turn.duration = duration;
        };
        if let Some(id) = turn_id {
            match &mut self.current {
                Some(open) if open.turn.id == *id => {}
                _ => {
                    if let Some(turn) = self.turns.iter_mut().rev().find(|turn| turn.id == *id) {
                        finish(turn);
                        return;
                    }
                }
            }
        }
        if let Some(open) = &mut self.current {
            finish(&mut open.turn);
            self.close();
        }
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
        self.items = self.turns.iter().map(|turn| turn.items.len()).sum();
    }

    fn finish(mut self, last: LastTurn) -> Vec<Turn> {
        self.close();
        if let Some(turn) = self.turns.last_mut()
            && turn.status == TurnStatus::InProgress
            && last == LastTurn::Ended
        {
            turn.status = TurnStatus::Interrupted;
        }
        self.turns
    }
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
