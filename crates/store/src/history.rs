//! What the model is to see of a thread: response items after compaction and rollbacks, well formed.
//!
//! Pure: the same records give the same history, in this process or the next.

use std::borrow::Cow;
use std::collections::HashSet;

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
pub fn history_from(records: &[Record]) -> Vec<ResponseItem> {
    let mut builder = Builder::default();
    for record in records {
        match record {
            Record::ResponseItem(item) => builder.item(item),
            Record::Compacted { message, replacement } => builder.compact(message, replacement.as_deref()),
            Record::Event(EventRecord::TurnStarted { .. }) => builder.turn = TurnInput::Expected,
            Record::Event(EventRecord::TurnCompleted { .. } | EventRecord::TurnAborted { .. }) => {
                builder.turn = TurnInput::Any;
            }
            Record::Event(EventRecord::ThreadRolledBack { num_turns }) => builder.roll_back(*num_turns),
            Record::Event(_) | Record::TurnContext(_) | Record::SessionMeta(_) | Record::Unknown { .. } => {}
        }
    }
    pair_calls(&builder.epochs.pop().unwrap_or_default().items)
}

#[derive(Default)]
struct Builder<'a> {
    /// One for each compaction, and the first. The last one counts; those before it come back by a rollback only.
    epochs: Vec<Epoch<'a>>,
    turn: TurnInput,
}

/// The history since a compaction, or since the beginning.
#[derive(Default)]
struct Epoch<'a> {
    items: Vec<Cow<'a, ResponseItem>>,
    /// Where the first message of each user turn stands.
    user_turns: Vec<usize>,
    /// What the compaction that began it said.
    summary: Option<&'a str>,
}

/// What the next message of the user is.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum TurnInput {
    /// A user turn, and so is the one after it.
    #[default]
    Any,
    /// The beginning of the turn under way.
    Expected,
    /// More input to the turn under way.
    More,
}

impl<'a> Builder<'a> {
    fn epoch(&mut self) -> &mut Epoch<'a> {
        if self.epochs.is_empty() {
            self.epochs.push(Epoch::default());
        }
        self.epochs.last_mut().expect("one was pushed if there was none")
    }

    fn item(&mut self, item: &'a ResponseItem) {
        if matches!(item, ResponseItem::GhostSnapshot { .. } | ResponseItem::Other(_)) {
            return;
        }
        let begins = self.turn != TurnInput::More && is_user_message(item);
        if begins && self.turn == TurnInput::Expected {
            self.turn = TurnInput::More;
        }
        let epoch = self.epoch();
        if begins {
            epoch.user_turns.push(epoch.items.len());
        }
        epoch.items.push(Cow::Borrowed(item));
    }

    fn compact(&mut self, message: &'a str, replacement: Option<&'a [ResponseItem]>) {
        let earlier = self.epoch().summary;
        let items = match replacement {
            Some(items) => items.iter().map(Cow::Borrowed).collect(),
            // What no replacement means: the user's messages stay, and the summary after them.
            None => {
                let kept = self.epoch().items.iter().filter(|item| outlives_compaction(item, earlier)).cloned();
                kept.chain([Cow::Owned(ResponseItem::user(message))]).collect()
            }
        };
        self.epochs.push(Epoch { items, user_turns: Vec::new(), summary: Some(message) });
    }

    fn roll_back(&mut self, num_turns: u32) {
        self.turn = TurnInput::Any;
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
                while cut > 0 && is_context(&epoch.items[cut - 1]) {
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
fn is_user_message(item: &ResponseItem) -> bool {
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
fn pair_calls(items: &[Cow<'_, ResponseItem>]) -> Vec<ResponseItem> {
    // From the end: whether a call's output comes after it.
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
    let mut paired = Vec::with_capacity(items.len());
    for (item, answered) in items.iter().zip(answered) {
        if output_of(item).is_some_and(|output| !calls.contains(&output)) {
            continue;
        }
        paired.push(item.as_ref().clone());
        if let Some(call) = call_of(item) {
            calls.insert(call);
            if !answered {
                paired.push(call.aborted());
            }
        }
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
