//! Records → what the model is to see.

use store::{Record, history_from};
use types::{ContentItem, ResponseItem, ToolOutput};

use crate::support::*;

/// One line an item: role and texts, or the kind and its id.
fn shown(records: &[Record]) -> String {
    let mut out = String::new();
    for item in history_from(records.iter().cloned()) {
        let line = match item {
            ResponseItem::Message { role, content, .. } => {
                let texts: Vec<_> = content
                    .iter()
                    .map(|part| match part {
                        ContentItem::InputText { text } | ContentItem::OutputText { text } => text.as_str(),
                        ContentItem::InputImage { .. } => "(image)",
                    })
                    .collect();
                format!("{role} {}", texts.join(" | "))
            }
            ResponseItem::FunctionCall { call_id, .. } => format!("call {call_id}"),
            ResponseItem::FunctionCallOutput { call_id, output } => format!("output {call_id} {}", text_of(&output)),
            ResponseItem::CustomToolCall { call_id, .. } => format!("custom call {call_id}"),
            ResponseItem::CustomToolCallOutput { call_id, output, .. } => {
                format!("custom output {call_id} {}", text_of(&output))
            }
            ResponseItem::ToolSearchOutput { call_id, .. } => format!("search output {call_id:?}"),
            other => format!("{other:?}"),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn text_of(output: &ToolOutput) -> &str {
    match output {
        ToolOutput::Text(text) => text,
        ToolOutput::Items(_) => "(items)",
    }
}

fn call(id: &str) -> Record {
    Record::ResponseItem(ResponseItem::FunctionCall {
        id: None,
        name: "f".to_owned(),
        namespace: None,
        arguments: "{}".to_owned(),
        call_id: id.to_owned(),
    })
}

fn custom_call(id: &str) -> Record {
    Record::ResponseItem(ResponseItem::CustomToolCall {
        id: None,
        status: None,
        call_id: id.to_owned(),
        name: "apply_patch".to_owned(),
        input: String::new(),
    })
}

fn output(id: &str, text: &str) -> Record {
    Record::ResponseItem(ResponseItem::function_output(id, ToolOutput::Text(text.to_owned())))
}

fn custom_output(id: &str, text: &str) -> Record {
    Record::ResponseItem(ResponseItem::CustomToolCallOutput {
        call_id: id.to_owned(),
        name: None,
        output: ToolOutput::Text(text.to_owned()),
    })
}

fn developer(text: &str) -> Record {
    Record::ResponseItem(ResponseItem::developer(text))
}

fn environment() -> Record {
    said("<environment_context>\n</environment_context>")
}

fn compacted(replacement: &[&str]) -> Record {
    let replacement = replacement.iter().map(|text| ResponseItem::user(*text)).collect();
    Record::Compacted { message: "summary".to_owned(), replacement: Some(replacement) }
}

#[test]
fn a_call_without_an_output_is_answered_as_aborted_right_after_it() {
    insta::assert_snapshot!(shown(&[call("1"), call("2"), custom_call("3"), output("2", "two"), said("go on")]), @r"
    call 1
    output 1 aborted
    call 2
    custom call 3
    custom output 3 aborted
    output 2 two
    user go on
    ");
}

#[test]
fn an_output_without_its_call_before_it_is_left_out() {
    insta::assert_snapshot!(
        shown(&[output("0", "lost"), output("1", "early"), call("1"), custom_output("1", "of another kind"), said("x")]),
        @r"
    call 1
    output 1 aborted
    user x
    "
    );
}

#[test]
fn a_compaction_replaces_what_came_before() {
    insta::assert_snapshot!(shown(&[turn("a"), vec![compacted(&["a", "summary"])], turn("b")].concat()), @r"
    user a
    user summary
    user b
    assistant re b
    ");
}

#[test]
fn a_compaction_without_a_replacement_keeps_the_users_messages() {
    let compacted = Record::Compacted { message: "summary".to_owned(), replacement: None };
    insta::assert_snapshot!(shown(&[vec![environment()], turn("a"), vec![compacted], turn("b")].concat()), @r"
    user a
    user summary
    user b
    assistant re b
    ");
}

#[test]
fn a_second_compaction_takes_the_summary_of_the_first_away() {
    let compacted = |message: &str| vec![Record::Compacted { message: message.to_owned(), replacement: None }];
    let records = [turn("a"), compacted("first"), turn("b"), compacted("second")].concat();
    insta::assert_snapshot!(shown(&records), @r"
    user a
    user b
    user second
    ");
}

#[test]
fn a_rollback_takes_whole_turns_with_the_context_that_came_with_them() {
    let second = vec![
        started("b"),
        developer("<permissions instructions>\nnew"),
        environment(),
        said("b"),
        call("1"),
        said("more input"),
        answered("re b"),
        completed("b"),
    ];
    let first_context = vec![developer("<permissions instructions>\nfirst"), environment()];
    insta::assert_snapshot!(
        shown(&[first_context, turn("a"), second, vec![rolled_back(1)], turn("c")].concat()),
        @r"
    developer <permissions instructions>
    first
    user <environment_context>
    </environment_context>
    user a
    assistant re a
    user c
    assistant re c
    "
    );
}

#[test]
fn a_rollback_of_everything_keeps_the_threads_first_context() {
    insta::assert_snapshot!(shown(&[vec![developer("first")], turn("a"), turn("b"), vec![rolled_back(9)]].concat()), @"developer first");
}

#[test]
fn turns_without_a_message_of_the_user_are_not_counted() {
    let command = vec![started("x"), said("<user_shell_command>\nls\n</user_shell_command>"), completed("x")];
    insta::assert_snapshot!(shown(&[turn("a"), turn("b"), command, vec![rolled_back(1)]].concat()), @r"
    user a
    assistant re a
    ");
}

#[test]
fn a_rollback_past_a_compaction_brings_the_history_before_it_back() {
    let records = |num_turns| {
        [turn("a"), turn("b"), vec![compacted(&["a", "b", "summary"])], turn("c"), vec![rolled_back(num_turns)]]
            .concat()
    };
    insta::assert_snapshot!(shown(&records(1)), @r"
    user a
    user b
    user summary
    ");
    insta::assert_snapshot!(shown(&records(2)), @r"
    user a
    assistant re a
    ");
    insta::assert_snapshot!(shown(&records(3)), @"");
}

#[test]
fn a_turn_rolled_back_takes_the_compaction_in_its_middle_with_it() {
    let turn_b = vec![started("b"), said("b"), compacted(&["a", "b", "summary"]), answered("re b"), completed("b")];
    insta::assert_snapshot!(shown(&[turn("a"), turn_b, vec![rolled_back(1)]].concat()), @r"
    user a
    assistant re a
    ");
}

#[test]
fn kinds_the_provider_would_refuse_are_left_out() {
    let unknown: ResponseItem = serde_json::from_str(r#"{"type":"novelty"}"#).unwrap();
    let snapshot: ResponseItem = serde_json::from_str(r#"{"type":"ghost_snapshot","ghost_commit":{}}"#).unwrap();
    insta::assert_snapshot!(shown(&[Record::ResponseItem(unknown), Record::ResponseItem(snapshot), said("a")]), @"user a");
}
