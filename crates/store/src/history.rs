//! What the model is to see of a thread: response items after compaction and rollbacks, well formed.

use std::collections::HashSet;

use types::{ContentItem, ResponseItem, ToolOutput};

use crate::record::{EventRecord, Record};

/// The output of a call that never got one.
const ABORTED: &str = "aborted";

/// Rebuilds the model-visible history of `records`, which are all records of a rollout in order.
///
/// A compaction replaces what came before; a rollback takes the last user turns with all that belongs to them. In the
/// result each tool call is followed by its output (`aborted` where none is stored) and no output stands without its
/// call, which is what the Responses API asks for.
#[must_use]
pub fn history_from(records: &[Record]) -> Vec<ResponseItem> {
    let mut history = Vec::new();
    for record in records {
        match record {
            Record::ResponseItem(item) => history.push(item.clone()),
            Record::Compacted { replacement: Some(replacement), .. } => history.clone_from(replacement),
            Record::Compacted { message, replacement: None } => {
                history = compact_by_message(&history, message);
            }
            Record::Event(EventRecord::ThreadRolledBack { num_turns }) => roll_back(&mut history, *num_turns),
            Record::Event(_) | Record::TurnContext(_) | Record::Unknown { .. } => {}
        }
    }
    pair_calls(history)
}

/// What rollouts without a replacement history mean: the user's messages stay, and the summary after them.
fn compact_by_message(history: &[ResponseItem], message: &str) -> Vec<ResponseItem> {
    let mut kept: Vec<_> = history.iter().filter(|item| is_user_turn(item)).cloned().collect();
    kept.push(ResponseItem::user(message));
    kept
}

/// Drops the last `num_turns` user messages and all that follows the first of them.
fn roll_back(history: &mut Vec<ResponseItem>, num_turns: u32) {
    let starts: Vec<_> = history.iter().enumerate().filter(|(_, item)| is_user_turn(item)).map(|(at, _)| at).collect();
    let Ok(num_turns) = usize::try_from(num_turns) else { return };
    if num_turns == 0 {
        return;
    }
    let first = starts.len().saturating_sub(num_turns);
    if let Some(cut) = starts.get(first) {
        history.truncate(*cut);
    }
}

/// Whether an item is what a user said, not what was put in their place (environment, AGENTS.md, notices).
fn is_user_turn(item: &ResponseItem) -> bool {
    match item {
        ResponseItem::Message { role, content, .. } if role == "user" => !content.iter().any(|part| match part {
            ContentItem::InputText { text } => is_injected(text),
            ContentItem::InputImage { .. } | ContentItem::OutputText { .. } => false,
        }),
        _ => false,
    }
}

/// Texts that stand in the user's role without being said by the user.
fn is_injected(text: &str) -> bool {
    const TAGS: [&str; 6] = [
        "<environment_context>",
        "<user_instructions>",
        "# AGENTS.md instructions for ",
        "<turn_aborted>",
        "<user_shell_command>",
        "<skill>",
    ];
    let text = text.trim_start();
    TAGS.iter().any(|tag| text.starts_with(tag))
}

/// Gives every call an output and takes away outputs without a call.
fn pair_calls(history: Vec<ResponseItem>) -> Vec<ResponseItem> {
    let answered: HashSet<String> = history.iter().filter_map(|item| output_of(item).map(str::to_owned)).collect();
    let mut asked = HashSet::new();
    let mut paired = Vec::with_capacity(history.len());
    for item in history {
        if let Some(call_id) = output_of(&item)
            && !asked.contains(call_id)
        {
            continue;
        }
        let missing = match call_of(&item) {
            Some((call_id, kind)) => {
                asked.insert(call_id.to_owned());
                (!answered.contains(call_id)).then(|| kind.aborted(call_id))
            }
            None => None,
        };
        paired.push(item);
        paired.extend(missing);
    }
    paired
}

/// Which kind of output a call wants.
#[derive(Clone, Copy)]
enum CallKind {
    Function,
    Custom,
    ToolSearch,
}

impl CallKind {
    fn aborted(self, call_id: &str) -> ResponseItem {
        let call_id = call_id.to_owned();
        match self {
            Self::Function => ResponseItem::function_output(call_id, ToolOutput::Text(ABORTED.to_owned())),
            Self::Custom => {
                ResponseItem::CustomToolCallOutput { call_id, name: None, output: ToolOutput::Text(ABORTED.to_owned()) }
            }
            Self::ToolSearch => ResponseItem::ToolSearchOutput {
                call_id: Some(call_id),
                status: "completed".to_owned(),
                execution: "client".to_owned(),
                tools: Vec::new(),
            },
        }
    }
}

fn call_of(item: &ResponseItem) -> Option<(&str, CallKind)> {
    match item {
        ResponseItem::FunctionCall { call_id, .. } => Some((call_id, CallKind::Function)),
        ResponseItem::LocalShellCall { call_id: Some(call_id), .. } => Some((call_id, CallKind::Function)),
        ResponseItem::CustomToolCall { call_id, .. } => Some((call_id, CallKind::Custom)),
        ResponseItem::ToolSearchCall { call_id: Some(call_id), execution, .. } if execution == "client" => {
            Some((call_id, CallKind::ToolSearch))
        }
        _ => None,
    }
}

fn output_of(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::FunctionCallOutput { call_id, .. } | ResponseItem::CustomToolCallOutput { call_id, .. } => {
            Some(call_id)
        }
        ResponseItem::ToolSearchOutput { call_id: Some(call_id), execution, .. } if execution == "client" => {
            Some(call_id)
        }
        _ => None,
    }
}
