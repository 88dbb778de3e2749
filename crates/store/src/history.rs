//! What the model is to see of a thread: response items after compaction and rollbacks, well formed.
//!
//! Pure: the same records give the same history, in this process or the next.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use types::{ContentItem, ResponseItem, ToolOutput};

use crate::record::{EventRecord, Record};

/// The output of a call that never got one.
const ABORTED: &str = "aborted";

/// Rebuilds the model-visible history of `records`, which are all records of a rollout in order.
///
/// A compaction replaces what came before. A rollback takes the last user turns with all that belongs to them: their
/// context messages, later input to the same turn, and a compaction that happened after one began, whose earlier
/// history then stands again. A turn without a message of the user (a compaction, a user's own command) is not counted.
///
/// In the result each tool call has its output after it (`aborted` where none is stored) and no output stands without
/// its call, which is what the Responses API asks for. Kinds that this version does not know are left out, because a
/// provider refuses a request with an item it does not know.
#[must_use]
pub fn history_from(records: impl IntoIterator<Item = Record>) -> Vec<ResponseItem> {
    let mut history = History::default();
    for record in records {
        history.record(record);
    }
    history.finish().items
}

/// What the model is to see, and the summary in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelHistory {
    pub items: Vec<ResponseItem>,
    /// What the newest compaction that still stands has said, if `items` has it as a message.
    pub summary: Option<String>,
}

/// The history as it stands after the records so far.
#[derive(Debug, Default)]
pub(crate) struct History(Epochs<ResponseItem>);

impl History {
    /// Begins right before a compaction that may carry `carried` over, in a turn that has come as far as `input`.
    pub(crate) fn before_compaction(carried: Vec<ResponseItem>, input: TurnInput) -> Self {
        Self(Epochs { epochs: vec![Epoch::new(carried, None)], input })
    }

    pub(crate) fn record(&mut self, record: Record) {
        match record {
            Record::ResponseItem(ResponseItem::GhostSnapshot { .. } | ResponseItem::Other(_)) => {}
            Record::ResponseItem(item) => {
                let said = is_user_message(&item);
                self.0.item(item, said);
            }
            Record::Compacted { message, replacement } => self.0.compact(message, replacement),
            Record::Event(EventRecord::TurnStarted { .. }) => self.0.turn_started(),
            Record::Event(EventRecord::TurnCompleted { .. } | EventRecord::TurnAborted { .. }) => self.0.turn_ended(),
            Record::Event(EventRecord::ThreadRolledBack { num_turns }) => self.0.roll_back(num_turns),
            Record::Event(_) | Record::TurnContext(_) | Record::SessionMeta(_) | Record::Unknown { .. } => {}
        }
    }

    pub(crate) fn finish(mut self) -> ModelHistory {
        let Epoch { items, summary, .. } = self.0.epochs.pop().unwrap_or_default();
        let summary = summary.filter(|summary| items.iter().any(|item| is_text(item, summary)));
        ModelHistory { items: pair_calls(items), summary }
    }
}

/// What a history is made of: the items themselves, or marks that stand for them.
pub(crate) trait Entry: Clone + std::fmt::Debug {
    /// A summary, or what stands for it.
    type Summary: Clone + std::fmt::Debug;

    /// The summary as a message of the user.
    fn of_summary(summary: &Self::Summary) -> Self;

    /// See [`outlives_compaction`].
    fn outlives(&self, earlier: Option<&Self::Summary>) -> bool;

    /// Whether it tells the model of its surroundings rather than being part of the conversation.
    fn is_context(&self) -> bool;
}

impl Entry for ResponseItem {
    type Summary = String;

    fn of_summary(summary: &String) -> Self {
        Self::user(summary.as_str())
    }

    fn outlives(&self, earlier: Option<&String>) -> bool {
        outlives_compaction(self, earlier.map(String::as_str))
    }

    fn is_context(&self) -> bool {
        is_context(self)
    }
}

/// The rules of compactions and rollbacks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "E: Serialize, E::Summary: Serialize",
    deserialize = "E: Deserialize<'de>, E::Summary: Deserialize<'de>"
))]
pub(crate) struct Epochs<E: Entry> {
    /// One for each compaction, and the first. The last one counts; those before it come back by a rollback only.
    pub(crate) epochs: Vec<Epoch<E>>,
    pub(crate) input: TurnInput,
}

impl<E: Entry> Default for Epochs<E> {
    fn default() -> Self {
        Self { epochs: Vec::new(), input: TurnInput::default() }
    }
}

/// The history since a compaction, or since the beginning.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "E: Serialize, E::Summary: Serialize",
    deserialize = "E: Deserialize<'de>, E::Summary: Deserialize<'de>"
))]
pub(crate) struct Epoch<E: Entry> {
    pub(crate) items: Vec<E>,
    /// Where the first message of each user turn stands.
    user_turns: Vec<usize>,
    /// What the compaction that began it said.
    summary: Option<E::Summary>,
}

impl<E: Entry> Default for Epoch<E> {
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl<E: Entry> Epoch<E> {
    fn new(items: Vec<E>, summary: Option<E::Summary>) -> Self {
        Self { items, user_turns: Vec::new(), summary }
    }
}

/// What the next message of the user is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TurnInput {
    /// A user turn, and so is the one after it.
    #[default]
    Any,
    /// The beginning of the turn under way.
    Expected,
    /// More input to the turn under way.
    More,
}

impl<E: Entry> Epochs<E> {
    fn epoch(&mut self) -> &mut Epoch<E> {
        if self.epochs.is_empty() {
            self.epochs.push(Epoch::default());
        }
        self.epochs.last_mut().expect("one was pushed if there was none")
    }

    pub(crate) fn turn_started(&mut self) {
        self.input = TurnInput::Expected;
    }

    pub(crate) fn turn_ended(&mut self) {
        self.input = TurnInput::Any;
    }

    /// `said`: whether it is a message of the user.
    pub(crate) fn item(&mut self, item: E, said: bool) {
        let begins = said && self.input != TurnInput::More;
        if begins && self.input == TurnInput::Expected {
            self.input = TurnInput::More;
        }
        let epoch = self.epoch();
        if begins {
            epoch.user_turns.push(epoch.items.len());
        }
        epoch.items.push(item);
    }

    pub(crate) fn compact(&mut self, summary: E::Summary, replacement: Option<Vec<E>>) {
        let epoch = self.epoch();
        let items = replacement.unwrap_or_else(|| {
            // What no replacement means: the user's messages stay, and the summary after them.
            let kept = epoch.items.iter().filter(|item| item.outlives(epoch.summary.as_ref())).cloned();
            kept.chain([E::of_summary(&summary)]).collect()
        });
        self.epochs.push(Epoch::new(items, Some(summary)));
    }

    pub(crate) fn roll_back(&mut self, num_turns: u32) {
        self.input = TurnInput::Any;
        let mut left = usize::try_from(num_turns).unwrap_or(usize::MAX);
        let compacted = self.epochs.len() > 1;
        while left > 0 {
            let Some(epoch) = self.epochs.last_mut() else { return };
            if epoch.user_turns.is_empty() {
                if self.epochs.len() > 1 {
                    self.epochs.pop();
                    continue;
                }
                return;
            }
            let first = epoch.user_turns.len().saturating_sub(left);
            left -= epoch.user_turns.len() - first;
            let mut cut = epoch.user_turns[first];
            epoch.user_turns.truncate(first);
            // Context that came with a turn goes with it. The thread's first context stays where it is: it was given
            // once and holds for the turns to come.
            if first > 0 || compacted {
                while cut > 0 && epoch.items[cut - 1].is_context() {
                    cut -= 1;
                }
            }
            epoch.items.truncate(cut);
        }
    }
}

/// Whether an item stays in the history when a compaction names no replacement: what the user said does, but not
/// `earlier`, the summary of the compaction before.
#[must_use]
pub fn outlives_compaction(item: &ResponseItem, earlier: Option<&str>) -> bool {
    is_user_message(item) && !earlier.is_some_and(|summary| is_text(item, summary))
}

fn is_text(item: &ResponseItem, expected: &str) -> bool {
    let ResponseItem::Message { content, .. } = item else { return false };
    matches!(&content[..], [ContentItem::InputText { text }] if text == expected)
}

/// Whether an item is what a user said, not what was put in their place.
pub(crate) fn is_user_message(item: &ResponseItem) -> bool {
    matches!(item, ResponseItem::Message { role, .. } if role == "user") && !is_context(item)
}

/// Whether an item tells the model of its surroundings rather than being part of the conversation.
fn is_context(item: &ResponseItem) -> bool {
    let ResponseItem::Message { role, content, .. } = item else { return false };
    let told: fn(&str) -> bool = match role.as_str() {
        "user" => is_context_of_user,
        "developer" => is_context_of_developer,
        _ => return false,
    };
    content.iter().any(|part| matches!(part, ContentItem::InputText { text } if told(text.trim())))
}

/// Texts in the user's role that the user did not say. Source: the rollout format's other writers.
fn is_context_of_user(text: &str) -> bool {
    const MARKS: [(&str, &str); 7] = [
        ("<environment_context>", "</environment_context>"),
        ("# AGENTS.md instructions for ", "</INSTRUCTIONS>"),
        ("<turn_aborted>", "</turn_aborted>"),
        ("<user_shell_command>", "</user_shell_command>"),
        ("<skill>", "</skill>"),
        ("<subagent_notification>", "</subagent_notification>"),
        ("<hook_prompt ", "</hook_prompt>"),
    ];
    MARKS.iter().any(|(open, close)| {
        let begins = text.get(..open.len()).is_some_and(|head| head.eq_ignore_ascii_case(open));
        let rest = text.len().checked_sub(close.len()).and_then(|at| text.get(at..));
        begins && rest.is_some_and(|tail| tail.eq_ignore_ascii_case(close))
    })
}

/// Texts in the developer's role that belong to the turn they stand before. Source: as above.
fn is_context_of_developer(text: &str) -> bool {
    const TAGS: [&str; 5] = [
        "<permissions instructions>",
        "<collaboration_mode>",
        "<model_switch>",
        "<personality_spec>",
        "<realtime_conversation>",
    ];
    TAGS.iter().any(|tag| text.starts_with(tag))
}

/// Gives every call an output and takes away outputs without a call.
fn pair_calls(items: Vec<ResponseItem>) -> Vec<ResponseItem> {
    // From the end: whether a call's output comes after it. From the start: whether an output's call came before.
    let mut outputs = HashSet::new();
    let mut answered = vec![true; items.len()];
    for (at, item) in items.iter().enumerate().rev() {
        if let Some(output) = output_of(item) {
            outputs.insert(output);
        } else if let Some(call) = call_of(item) {
            answered[at] = outputs.contains(&call);
        }
    }
    let mut calls = HashSet::new();
    let stands: Vec<bool> = items
        .iter()
        .map(|item| {
            calls.extend(call_of(item));
            output_of(item).is_none_or(|output| calls.contains(&output))
        })
        .collect();
    drop((outputs, calls));
    let mut paired = Vec::with_capacity(items.len());
    for ((item, answered), stands) in items.into_iter().zip(answered).zip(stands) {
        if !stands {
            continue;
        }
        let aborted = if answered { None } else { call_of(&item).map(Call::aborted) };
        paired.push(item);
        paired.extend(aborted);
    }
    paired
}

/// What ties a call and its output together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Call<'a> {
    Function(&'a str),
    Custom(&'a str),
    ToolSearch(&'a str),
}

impl Call<'_> {
    fn aborted(self) -> ResponseItem {
        match self {
            Self::Function(call_id) => ResponseItem::function_output(call_id, ToolOutput::Text(ABORTED.to_owned())),
            Self::Custom(call_id) => ResponseItem::CustomToolCallOutput {
                call_id: call_id.to_owned(),
                name: None,
                output: ToolOutput::Text(ABORTED.to_owned()),
            },
            Self::ToolSearch(call_id) => ResponseItem::ToolSearchOutput {
                call_id: Some(call_id.to_owned()),
                status: "completed".to_owned(),
                execution: "client".to_owned(),
                tools: Vec::new(),
            },
        }
    }
}

fn call_of(item: &ResponseItem) -> Option<Call<'_>> {
    match item {
        ResponseItem::FunctionCall { call_id, .. } | ResponseItem::LocalShellCall { call_id: Some(call_id), .. } => {
            Some(Call::Function(call_id))
        }
        ResponseItem::CustomToolCall { call_id, .. } => Some(Call::Custom(call_id)),
        ResponseItem::ToolSearchCall { call_id: Some(call_id), .. } => Some(Call::ToolSearch(call_id)),
        _ => None,
    }
}

/// The call that an output answers. What the provider searched for on its own needs no call.
fn output_of(item: &ResponseItem) -> Option<Call<'_>> {
    match item {
        ResponseItem::FunctionCallOutput { call_id, .. } => Some(Call::Function(call_id)),
        ResponseItem::CustomToolCallOutput { call_id, .. } => Some(Call::Custom(call_id)),
        ResponseItem::ToolSearchOutput { call_id: Some(call_id), execution, .. } if execution != "server" => {
            Some(Call::ToolSearch(call_id))
        }
        _ => None,
    }
}
