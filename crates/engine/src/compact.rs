//! What a compaction makes of a history.
//!
//! Pure; how the model is asked for the summary is in `turn/compacting.rs`.

use std::io;

use types::{BYTES_PER_TOKEN, ContentItem, ResponseItem};

use crate::prompts;

/// How much of what the user said outlives a compaction, in tokens.
const USER_TEXT_TOKENS: usize = 20_000;

/// A history made short.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compacted {
    /// The last message of the history: the summary with what the model has to know about it.
    pub(crate) summary: String,
    pub(crate) history: Vec<ResponseItem>,
    /// Readers of the rollout come to the same history without being told of it.
    pub(crate) by_rule: bool,
}

/// Makes `history` short: what the user said stays, everything else is in `summary`.
///
/// Of very long conversations only the newest of the user's texts stay. Pictures go. `earlier` is the summary of the
/// compaction before, which the new one takes in. `context` is what the model has to know about its surroundings, to
/// stand before the newest message of the user; it is empty when the next turn brings it.
pub(crate) fn compacted(
    history: &[ResponseItem],
    earlier: Option<&str>,
    summary: &str,
    context: Vec<ResponseItem>,
) -> Compacted {
    let summary = format!("{}\n{summary}", prompts::SUMMARY.trim_end());
    let said: Vec<&ResponseItem> = history.iter().filter(|item| store::outlives_compaction(item, earlier)).collect();
    // Other readers know an earlier summary by their own words only, and would keep ours.
    let mut by_rule = context.is_empty() && earlier.is_none();
    let mut left = USER_TEXT_TOKENS * BYTES_PER_TOKEN;
    let mut kept = Vec::with_capacity(said.len() + context.len() + 1);
    for item in said.iter().rev() {
        if left == 0 {
            break;
        }
        let short = shortened(item, &mut left);
        by_rule &= short == **item;
        kept.push(short);
    }
    by_rule &= kept.len() == said.len();
    kept.reverse();
    let newest = kept.len().saturating_sub(1);
    kept.splice(newest..newest, context);
    kept.push(ResponseItem::user(summary.as_str()));
    Compacted { summary, history: kept, by_rule }
}

/// The history that a provider has made short, of which what Spindle tells the model by itself is left out: it is told
/// anew. `context` is as for [`compacted`].
pub(crate) fn compacted_by_provider(items: Vec<ResponseItem>, context: Vec<ResponseItem>) -> Compacted {
    let mut history: Vec<ResponseItem> = items
        .into_iter()
        .filter(|item| match item {
            ResponseItem::Message { role, .. } if role == "user" => store::outlives_compaction(item, None),
            ResponseItem::Message { role, .. } => role == "assistant",
            ResponseItem::Compaction { .. } => true,
            _ => false,
        })
        .collect();
    let newest = history.iter().rposition(|item| store::outlives_compaction(item, None)).unwrap_or(history.len());
    history.splice(newest..newest, context);
    Compacted { summary: String::new(), history, by_rule: false }
}

/// A message without its pictures, and with as much of its text as fits into `left` bytes.
fn shortened(item: &ResponseItem, left: &mut usize) -> ResponseItem {
    let ResponseItem::Message { role, content, .. } = item else { return item.clone() };
    let mut parts = Vec::with_capacity(content.len());
    for (at, part) in content.iter().enumerate() {
        match part {
            // The tag of a picture goes with it.
            ContentItem::InputText { .. } if is_picture_tag(content, at) => {}
            ContentItem::InputText { text } | ContentItem::OutputText { text } => {
                parts.push(ContentItem::InputText { text: cut_middle(text, *left) });
                *left = left.saturating_sub(text.len());
            }
            ContentItem::InputImage { .. } => {
                parts.push(ContentItem::InputText { text: prompts::PICTURE_LEFT_OUT.to_owned() });
            }
        }
    }
    ResponseItem::message(role, parts)
}

/// Whether a text only says where a picture begins or ends.
fn is_picture_tag(content: &[ContentItem], at: usize) -> bool {
    let is_picture = |at: usize| matches!(content.get(at), Some(ContentItem::InputImage { .. }));
    let ContentItem::InputText { text } = &content[at] else { return false };
    (text.starts_with("<image") && is_picture(at + 1))
        || (text == "</image>" && at.checked_sub(1).is_some_and(is_picture))
}

/// The text's beginning and end, `limit` bytes of it, with a word on what is missing; all of it when it fits.
pub(crate) fn cut_middle(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(limit / 2);
    let tail = text.ceil_char_boundary(text.len() - limit / 2);
    let missing = text[head..tail].chars().count();
    format!("{}[… {missing} characters left out …]{}", &text[..head], &text[tail..])
}

/// Takes the oldest item away, and the output of the call that it may be.
pub(crate) fn drop_oldest(input: &mut Vec<ResponseItem>) {
    let oldest = input.remove(0);
    if let Some(call) = call_id(&oldest) {
        input.retain(|item| output_id(item) != Some(call));
    }
}

fn call_id(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::FunctionCall { call_id, .. } | ResponseItem::CustomToolCall { call_id, .. } => Some(call_id),
        ResponseItem::LocalShellCall { call_id, .. } | ResponseItem::ToolSearchCall { call_id, .. } => {
            call_id.as_deref()
        }
        _ => None,
    }
}

fn output_id(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::FunctionCallOutput { call_id, .. } | ResponseItem::CustomToolCallOutput { call_id, .. } => {
            Some(call_id)
        }
        ResponseItem::ToolSearchOutput { call_id, .. } => call_id.as_deref(),
        _ => None,
    }
}

/// About how many tokens a request with these instructions and items has.
pub(crate) fn estimated_tokens(instructions: Option<&str>, items: &[ResponseItem]) -> i64 {
    let mut bytes = ByteCount(instructions.map_or(0, str::len));
    for item in items {
        // Nothing can fail: the writer takes everything, and items are made of plain values.
        let _ = serde_json::to_writer(&mut bytes, item);
    }
    i64::try_from(bytes.0.div_ceil(BYTES_PER_TOKEN)).unwrap_or(i64::MAX)
}

struct ByteCount(usize);

impl io::Write for ByteCount {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the agent said last in a history.
pub(crate) fn last_answer(history: &[ResponseItem]) -> Option<String> {
    history.iter().rev().find_map(|item| match item {
        ResponseItem::Message { role, content, .. } if role == "assistant" => {
            Some(output_text(content)).filter(|text| !text.trim().is_empty())
        }
        _ => None,
    })
}

/// The text of an answer.
pub(crate) fn output_text(content: &[ContentItem]) -> String {
    content
        .iter()
        .filter_map(|part| match part {
            ContentItem::OutputText { text } => Some(text.as_str()),
            ContentItem::InputText { .. } | ContentItem::InputImage { .. } => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use types::ToolOutput;

    use super::*;

    /// The history in short: the role's first letter and the text, without the words around a summary.
    fn shown(items: &[ResponseItem]) -> Vec<String> {
        let parts = |content: &[ContentItem]| -> String {
            let texts: Vec<&str> = content
                .iter()
                .map(|part| match part {
                    ContentItem::InputText { text } | ContentItem::OutputText { text } => text.as_str(),
                    ContentItem::InputImage { .. } => "(picture)",
                })
                .collect();
            texts.join("|").replace(prompts::SUMMARY.trim_end(), "summary:")
        };
        items
            .iter()
            .map(|item| match item {
                ResponseItem::Message { role, content, .. } => format!("{} {}", &role[..1], parts(content)),
                other => call_id(other).map_or_else(|| "output".to_owned(), |call| format!("call {call}")),
            })
            .collect()
    }

    fn call(id: &str) -> ResponseItem {
        ResponseItem::FunctionCall {
            id: None,
            name: "exec_command".to_owned(),
            namespace: None,
            arguments: "{}".to_owned(),
            call_id: id.to_owned(),
        }
    }

    fn output(id: &str) -> ResponseItem {
        ResponseItem::function_output(id, ToolOutput::Text("out".to_owned()))
    }

    fn environment() -> ResponseItem {
        ResponseItem::user("<environment_context>\n</environment_context>")
    }

    #[test]
    fn what_the_user_said_stays_and_the_summary_comes_after_it() {
        let history = [
            ResponseItem::developer("rules"),
            environment(),
            ResponseItem::user("one"),
            call("1"),
            output("1"),
            ResponseItem::assistant("answer"),
            ResponseItem::user("two"),
            ResponseItem::assistant("answer"),
        ];
        let short = compacted(&history, None, "what was done", Vec::new());
        assert_eq!(shown(&short.history), ["u one", "u two", "u summary:\nwhat was done"]);
        assert!(short.by_rule, "the rollout needs no copy of it");
    }

    #[test]
    fn the_context_of_a_turn_under_way_stands_before_its_message() {
        let history = [ResponseItem::user("one"), ResponseItem::assistant("a"), ResponseItem::user("two"), call("1")];
        let context = vec![ResponseItem::developer("rules"), environment()];
        let short = compacted(&history, None, "s", context);
        assert_eq!(
            shown(&short.history),
            ["u one", "d rules", "u <environment_context>\n</environment_context>", "u two", "u summary:\ns"]
        );
        assert!(!short.by_rule);
    }

    #[test]
    fn a_summary_takes_the_place_of_the_one_before_it() {
        let first = compacted(&[ResponseItem::user("one")], None, "first", Vec::new());
        let mut history = first.history;
        history.push(ResponseItem::user("two"));
        let second = compacted(&history, Some(&first.summary), "second", Vec::new());
        assert_eq!(shown(&second.history), ["u one", "u two", "u summary:\nsecond"]);
        assert!(!second.by_rule, "not every reader would leave the first summary out");
    }

    #[test]
    fn pictures_leave_a_word_in_their_place() {
        let picture = [
            ContentItem::InputText { text: "look:".to_owned() },
            ContentItem::InputText { text: "<image>".to_owned() },
            ContentItem::InputImage { image_url: "data:image/png;base64,AAAA".to_owned(), detail: None },
            ContentItem::InputText { text: "</image>".to_owned() },
        ];
        let short = compacted(&[ResponseItem::message("user", picture.to_vec())], None, "s", Vec::new());
        assert_eq!(shown(&short.history)[0], format!("u look:|{}", prompts::PICTURE_LEFT_OUT));
        assert!(!short.by_rule);
    }

    #[test]
    fn of_long_texts_the_newest_stay() {
        let limit = USER_TEXT_TOKENS * BYTES_PER_TOKEN;
        let history = [
            ResponseItem::user("oldest"),
            ResponseItem::user("a".repeat(limit)),
            ResponseItem::user("b".repeat(limit / 2)),
        ];
        let short = compacted(&history, None, "s", Vec::new());
        let texts = shown(&short.history);
        assert_eq!(texts.len(), 3, "the oldest is gone");
        let half = "a".repeat(limit / 4);
        assert_eq!(texts[0], format!("u {half}[… {} characters left out …]{half}", limit / 2));
        assert_eq!(texts[1].len(), 2 + limit / 2);
        assert!(!short.by_rule);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut_middle("äöüäöü", 6), "ä[… 4 characters left out …]ü");
        assert_eq!(cut_middle("äöü", 6), "äöü");
    }

    #[test]
    fn the_oldest_call_is_dropped_with_its_output() {
        let mut input = vec![call("1"), ResponseItem::user("x"), output("1"), call("2"), output("2")];
        drop_oldest(&mut input);
        assert_eq!(shown(&input), ["u x", "call 2", "output"]);
    }

    #[test]
    fn four_bytes_of_a_request_count_as_a_token() {
        assert_eq!(estimated_tokens(Some("12345678"), &[]), 2);
        let item = ResponseItem::user("hello");
        let json = serde_json::to_string(&item).expect("a message is plain JSON");
        assert_eq!(estimated_tokens(None, &[item]), i64::try_from(json.len().div_ceil(4)).unwrap());
    }
}
