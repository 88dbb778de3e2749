//! Items that the model has begun and not finished.
//!
//! Providers name the item that a piece belongs to, or leave that to the order; so do models that say two things at once.

use std::collections::BTreeMap;

use types::item::MessagePhase;
use types::{Item, ItemId};

use crate::plan_block::PlanSplitter;

#[derive(Default)]
pub(crate) struct Arriving {
    pub(super) messages: Vec<ArrivingMessage>,
    pub(super) reasoning: Vec<ArrivingReasoning>,
    /// Hosted items (web search, image) as they were announced.
    pub(super) hosted: Vec<Item>,
    /// Text of the newest plan block.
    pub(super) plan: Option<String>,
}

pub(super) struct ArrivingMessage {
    pub(super) id: ItemId,
    pub(super) phase: Option<MessagePhase>,
    /// Only in plan mode.
    pub(super) splitter: Option<PlanSplitter>,
    /// What was told of it: in plan mode without plan blocks.
    pub(super) told: String,
    pub(super) announced: bool,
}

pub(super) struct ArrivingReasoning {
    pub(super) id: ItemId,
    /// Parts of the summary and of the raw text that were told, by their numbers.
    pub(super) summary: BTreeMap<i64, String>,
    pub(super) content: BTreeMap<i64, String>,
}

impl Arriving {
    pub(super) fn begin_message(&mut self, message: ArrivingMessage) {
        self.messages.push(message);
    }

    pub(super) fn begin_reasoning(&mut self, id: ItemId) {
        self.reasoning.push(ArrivingReasoning { id, summary: BTreeMap::new(), content: BTreeMap::new() });
    }

    pub(super) fn begin_hosted(&mut self, item: Item) {
        self.hosted.push(item);
    }

    /// The message of that id, else the newest; with the plan, which pieces of it go to.
    pub(super) fn message(&mut self, id: Option<&str>) -> Option<(&mut ArrivingMessage, &mut Option<String>)> {
        let position = position(&self.messages, |message| &message.id, id)?;
        Some((&mut self.messages[position], &mut self.plan))
    }

    /// The reasoning of that id, else the newest.
    pub(super) fn reasoning(&mut self, id: Option<&str>) -> Option<&mut ArrivingReasoning> {
        let position = position(&self.reasoning, |reasoning| &reasoning.id, id)?;
        Some(&mut self.reasoning[position])
    }

    pub(super) fn take_message(&mut self, id: Option<&str>) -> Option<ArrivingMessage> {
        position(&self.messages, |message| &message.id, id).map(|position| self.messages.remove(position))
    }

    pub(super) fn take_reasoning(&mut self, id: Option<&str>) -> Option<ArrivingReasoning> {
        position(&self.reasoning, |reasoning| &reasoning.id, id).map(|position| self.reasoning.remove(position))
    }

    pub(super) fn take_hosted(&mut self, id: Option<&str>) -> Option<Item> {
        position(&self.hosted, Item::id, id).map(|position| self.hosted.remove(position))
    }
}

fn position<T>(items: &[T], id_of: impl Fn(&T) -> &ItemId, id: Option<&str>) -> Option<usize> {
    let named = id.and_then(|id| items.iter().position(|item| id_of(item).as_str() == id));
    named.or_else(|| items.len().checked_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_belongs_to_the_item_it_names_else_to_the_newest() {
        let mut arriving = Arriving::default();
        arriving.begin_reasoning("rs-1".into());
        arriving.begin_reasoning("rs-2".into());
        let mut belongs_to = |id| arriving.reasoning(id).map(|reasoning| reasoning.id.to_string());
        assert_eq!(belongs_to(Some("rs-1")).as_deref(), Some("rs-1"));
        assert_eq!(belongs_to(Some("other")).as_deref(), Some("rs-2"));
        assert_eq!(belongs_to(None).as_deref(), Some("rs-2"));
        assert_eq!(arriving.take_reasoning(Some("rs-1")).unwrap().id, "rs-1".into());
        assert_eq!(arriving.take_reasoning(None).unwrap().id, "rs-2".into());
        assert!(arriving.take_reasoning(None).is_none());
    }
}
