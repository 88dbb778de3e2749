//! What a request's history says to the simulator: the user's words, and how far the turn is.

use serde_json::Value;
use types::{ContentItem, ResponseItem, ToolOutput, ToolOutputItem};

/// A request's history, read for the simulator.
pub(super) struct Conversation<'a> {
    /// The last thing the user said.
    pub(super) prompt: String,
    /// Where that stands in the history.
    pub(super) at: usize,
    /// Tool calls made since.
    pub(super) calls: usize,
    /// How often the user spoke.
    pub(super) user_messages: usize,
    /// How many items there are in all.
    pub(super) items: usize,
    /// The last tool call since, and its answer.
    last: Option<(&'a ResponseItem, &'a ToolOutput)>,
}

impl<'a> Conversation<'a> {
    pub(super) fn read(input: &'a [ResponseItem]) -> Self {
        let mut conversation =
            Self { prompt: String::new(), at: 0, calls: 0, user_messages: 0, items: input.len(), last: None };
        for (at, item) in input.iter().enumerate() {
            if let Some(words) = users_words(item) {
                conversation.prompt = words;
                conversation.at = at;
                conversation.user_messages += 1;
            }
        }
        let since = &input[conversation.at.min(input.len())..];
        let mut calls: Vec<&ResponseItem> = Vec::new();
        for item in since {
            match item {
                ResponseItem::FunctionCall { .. }
                | ResponseItem::CustomToolCall { .. }
                | ResponseItem::LocalShellCall { .. } => calls.push(item),
                ResponseItem::FunctionCallOutput { call_id, output }
                | ResponseItem::CustomToolCallOutput { call_id, output, .. } => {
                    if let Some(call) = calls.iter().rev().find(|call| id_of(call) == Some(call_id)) {
                        conversation.last = Some((call, output));
                    }
                }
                _ => {}
            }
        }
        conversation.calls = calls.len();
        conversation
    }

    /// A sentence or two about the last tool call.
    pub(super) fn report(&self) -> String {
        let Some((call, output)) = self.last else { return "No tool has answered in this turn.".to_owned() };
        let output = text_of(output);
        let what = match call {
            ResponseItem::FunctionCall { name, arguments, .. } => match command_of(arguments) {
                Some(command) => format!("`{command}`"),
                None => format!("`{name}`"),
            },
            ResponseItem::CustomToolCall { name, .. } => format!("`{name}`"),
            _ => "the command".to_owned(),
        };
        let (status, printed) = match output.split_once("\nOutput:\n") {
            Some((head, printed)) => (exit_status(head), printed),
            None => (None, output.as_str()),
        };
        let printed = printed.trim_end();
        let ended = status.map(|code| format!(" ended with exit code {code} and")).unwrap_or_default();
        if printed.is_empty() {
            return format!("{what}{ended} printed nothing.");
        }
        let count = printed.lines().count();
        let lines = if count == 1 { "one line".to_owned() } else { format!("{count} lines") };
        let verb = if status.is_some() { "printed" } else { "answered" };
        format!("{what}{ended} {verb} {lines}:\n\n```\n{}\n```", shortened(printed))
    }

    /// The session that the last command left running.
    pub(super) fn session(&self) -> Option<i64> {
        const MARK: &str = "session ID ";
        let output = text_of(self.last?.1);
        let rest = &output[output.rfind(MARK)? + MARK.len()..];
        rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
    }
}

/// The text of a user message that the user wrote, without what the agent's program adds in the user's name.
fn users_words(item: &ResponseItem) -> Option<String> {
    let ResponseItem::Message { role, content, .. } = item else { return None };
    if role != "user" {
        return None;
    }
    let texts: Vec<&str> = content
        .iter()
        .filter_map(|part| match part {
            ContentItem::InputText { text } => Some(text.as_str()),
            ContentItem::InputImage { .. } | ContentItem::OutputText { .. } => None,
        })
        .filter(|text| !text.trim().is_empty() && !is_context(text))
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Context comes as one element (`<environment_context>…`) or under the heading of the instruction files.
fn is_context(text: &str) -> bool {
    let text = text.trim_start();
    let element = text.strip_prefix('<').is_some_and(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(rest.len());
        rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest[end..].starts_with(['>', ' '])
    });
    element || text.starts_with("# AGENTS.md")
}

fn id_of(call: &ResponseItem) -> Option<&String> {
    match call {
        ResponseItem::FunctionCall { call_id, .. } | ResponseItem::CustomToolCall { call_id, .. } => Some(call_id),
        ResponseItem::LocalShellCall { call_id, .. } => call_id.as_ref(),
        _ => None,
    }
}

fn text_of(output: &ToolOutput) -> String {
    match output {
        ToolOutput::Text(text) => text.clone(),
        ToolOutput::Items(items) => {
            let texts: Vec<&str> = items
                .iter()
                .map(|item| match item {
                    ToolOutputItem::InputText { text } => text.as_str(),
                    ToolOutputItem::InputImage { .. } => "(an image)",
                })
                .collect();
            texts.join("\n")
        }
    }
}

fn command_of(arguments: &str) -> Option<String> {
    let arguments: Value = serde_json::from_str(arguments).ok()?;
    let command = arguments.get("cmd").or_else(|| arguments.get("command"))?.as_str()?;
    Some(command.to_owned())
}

fn exit_status(head: &str) -> Option<i64> {
    const MARK: &str = "exited with code ";
    let rest = &head[head.find(MARK)? + MARK.len()..];
    rest.lines().next()?.trim().parse().ok()
}

/// The beginning of a long text.
fn shortened(text: &str) -> String {
    const LINES: usize = 20;
    const CHARS: usize = 2000;
    let lines: Vec<&str> = text.lines().take(LINES).collect();
    let mut out: String = lines.join("\n").chars().take(CHARS).collect();
    if out.len() < text.len() {
        out.push_str("\n…");
    }
    out
}
