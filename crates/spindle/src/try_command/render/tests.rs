//! What events look like, styles in brackets.

use protocol::{CommandExecutionStatus, FileUpdateChange, PatchApplyStatus, PatchChangeKind};
use serde_json::{Value, json};

use super::*;

/// Shows events at a width of 60 columns. A text that is not plain stands as `[style text]`.
fn shown(events: impl IntoIterator<Item = Event>) -> String {
    let mut transcript = Transcript::new(Some(60));
    marked(events.into_iter().flat_map(|event| transcript.apply(event)))
}

fn marked(spans: impl IntoIterator<Item = Span>) -> String {
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.style == span.style => last.text.push_str(&span.text),
            _ => merged.push(span),
        }
    }
    let marked = merged.iter().map(|Span { style, text }| match (style, text.strip_suffix('\n')) {
        (Style::Plain, _) => text.clone(),
        (_, Some(text)) => format!("[{} {text}]\n", format!("{style:?}").to_lowercase()),
        (_, None) => format!("[{} {text}]", format!("{style:?}").to_lowercase()),
    });
    marked.collect()
}

fn item(value: Value) -> ThreadItem {
    serde_json::from_value(value).unwrap()
}

fn turn(status: &str, error: Option<&str>, duration_ms: Option<i64>) -> Turn {
    let error = error.map(|message| json!({"message": message, "codexErrorInfo": null, "additionalDetails": null}));
    let turn = json!({
        "id": "u", "items": [], "status": status, "error": error, "startedAt": null, "completedAt": null,
        "durationMs": duration_ms,
    });
    serde_json::from_value(turn).unwrap()
}

fn usage(input: i64, cached: i64, output: i64) -> Event {
    let tokens = json!({
        "totalTokens": input + output, "inputTokens": input, "cachedInputTokens": cached, "outputTokens": output,
        "reasoningOutputTokens": 0,
    });
    let usage = json!({"total": tokens, "last": tokens, "modelContextWindow": 1000});
    Event::Usage(serde_json::from_value(usage).unwrap())
}

fn message_delta(delta: &str) -> Event {
    Event::MessageDelta { item_id: "m".to_owned(), delta: delta.to_owned() }
}

fn message(text: &str) -> Event {
    Event::ItemCompleted(item(json!({"type": "agentMessage", "id": "m", "text": text})))
}

fn command(status: CommandExecutionStatus, output: Option<&str>, exit_code: Option<i32>) -> ThreadItem {
    item(json!({
        "type": "commandExecution", "id": "c", "command": "/bin/bash -lc 'cargo test'", "cwd": "/project",
        "processId": null, "status": status, "commandActions": [], "aggregatedOutput": output, "exitCode": exit_code,
        "durationMs": exit_code.map(|_| 1234),
    }))
}

fn output(delta: &str) -> Event {
    Event::CommandOutput { item_id: "c".to_owned(), delta: delta.to_owned() }
}

fn running() -> Event {
    Event::ItemStarted(command(CommandExecutionStatus::InProgress, None, None))
}

#[test]
fn a_reply_streams_and_is_not_repeated_when_it_is_complete() {
    let text = "I will look at the tests first, then at the code that they are about. Give me a moment.";
    insta::assert_snapshot!(shown([
        message_delta(&text[..20]),
        message_delta(&text[20..]),
        message(text),
        Event::TurnCompleted(turn("completed", None, Some(4321))),
    ]), @"
    I will look at the tests first, then at the code that they
    are about. Give me a moment.

    [dim 4.3 s]
    ");
}

#[test]
fn a_reply_that_was_not_streamed_is_shown_at_its_end() {
    insta::assert_snapshot!(shown([message("Done.")]), @"Done.");
}

#[test]
fn reasoning_is_dimmed_and_indented() {
    let delta = |delta: &str| Event::ReasoningDelta { item_id: "r".to_owned(), delta: delta.to_owned() };
    insta::assert_snapshot!(shown([
        Event::ReasoningPart { item_id: "r".to_owned() },
        delta("**Looking around** The tests fail because of a path that "),
        delta("does not exist."),
        Event::ReasoningPart { item_id: "r".to_owned() },
        delta("**Fixing it**"),
        Event::ItemCompleted(item(json!({"type": "reasoning", "id": "r", "summary": ["a", "b"], "content": []}))),
        message("Fixed."),
    ]), @"
    [dim   **Looking around** The tests fail because of a path that
      does not exist.]

    [dim   **Fixing it**]

    Fixed.
    ");
}

#[test]
fn a_command_shows_its_output_as_it_comes() {
    insta::assert_snapshot!(shown([
        running(),
        output("running 2 tests\ntest a ... "),
        output("ok\n\x1b[31mtest b ... FAILED\x1b[0m\n"),
        output("10 %\r50 %\r100 %\nno line break at the end"),
        Event::ItemCompleted(command(CommandExecutionStatus::Failed, Some("(all of it)"), Some(101))),
    ]), @"
    [accent $ ][strong cargo test]
    [dim   │ running 2 tests
      │ test a ... ok
      │ test b ... FAILED
      │ 100 %
      │ no line break at the end]
    [error   ✗ exit status 101 · 1.2 s]
    ");
}

#[test]
fn of_a_long_output_the_beginning_and_the_end_are_shown() {
    let lines: Vec<_> = (1..=1000).map(|number| format!("line {number}")).collect();
    insta::assert_snapshot!(shown([
        running(),
        output(&lines.join("\n")),
        Event::ItemCompleted(command(CommandExecutionStatus::Completed, None, Some(0))),
    ]), @"
    [accent $ ][strong cargo test]
    [dim   │ line 1
      │ line 2
      │ line 3
      │ line 4
      │ line 5
      │ line 6
      │ line 7
      │ line 8
      │ line 9
      │ line 10
      │ line 11
      │ line 12
      … 982 lines left out
      │ line 995
      │ line 996
      │ line 997
      │ line 998
      │ line 999
      │ line 1000
      ✓ · 1.2 s]
    ");
}

#[test]
fn output_that_was_not_streamed_is_shown_at_the_end() {
    let done = command(
        CommandExecutionStatus::Completed,
        Some("a line that is much too long for a window of sixty columns\n"),
        Some(0),
    );
    insta::assert_snapshot!(shown([Event::ItemCompleted(done)]), @"
    [accent $ ][strong cargo test]
    [dim   │ a line that is much too long for a window of sixty colu…
      ✓ · 1.2 s]
    ");
}

#[test]
fn a_declined_command_says_so_once() {
    let declined = |output| Event::ItemCompleted(command(CommandExecutionStatus::Declined, output, None));
    insta::assert_snapshot!(shown([running(), declined(None), declined(Some("rejected"))]), @"
    [accent $ ][strong cargo test]
    [warning   ✗ declined]
    ");
}

#[test]
fn a_command_that_goes_on_after_something_else_is_named_again() {
    insta::assert_snapshot!(shown([
        running(),
        output("one\n"),
        message("Meanwhile:"),
        output("two\n"),
        Event::ItemCompleted(command(CommandExecutionStatus::Completed, None, Some(0))),
    ]), @"
    [accent $ ][strong cargo test]
    [dim   │ one]

    Meanwhile:

    [accent $ ][strong cargo test]
    [dim   │ two
      ✓ · 1.2 s]
    ");
}

fn file_change(status: PatchApplyStatus) -> ThreadItem {
    let change = |path: &str, kind, diff: &str| FileUpdateChange { path: path.to_owned(), kind, diff: diff.to_owned() };
    ThreadItem::FileChange {
        id: "f".to_owned(),
        changes: vec![
            change("/p/new.txt", PatchChangeKind::Add, "one\ntwo\n"),
            change("/p/old.txt", PatchChangeKind::Delete, "gone\n"),
            change(
                "/p/a.txt",
                PatchChangeKind::Update { move_path: Some("/p/b.txt".into()) },
                "@@ -1,2 +1,2 @@\n-line one\n+line 1\n line two\n\n\nMoved to: /p/b.txt",
            ),
        ],
        status,
    }
}

#[test]
fn a_patch_is_a_coloured_diff() {
    insta::assert_snapshot!(shown([
        Event::ItemStarted(file_change(PatchApplyStatus::InProgress)),
        Event::ItemCompleted(file_change(PatchApplyStatus::Completed)),
    ]), @"
    [accent ± add ][strong /p/new.txt][dim  (][added +2][dim  ][removed −0][dim )]
    [added   +one
      +two]
    [accent ± delete ][strong /p/old.txt][dim  (][added +0][dim  ][removed −1][dim )]
    [removed   -gone]
    [accent ± move ][strong /p/a.txt → /p/b.txt][dim  (][added +1][dim  ][removed −1][dim )]
    [accent   @@ -1,2 +1,2 @@]
    [removed   -line one]
    [added   +line 1]
       line two
    [dim   ✓ applied]
    ");
}

#[test]
fn a_patch_that_was_declined_after_a_question_is_named_again() {
    let mut transcript = Transcript::new(Some(60));
    transcript.apply(Event::ItemStarted(file_change(PatchApplyStatus::InProgress)));
    transcript.notes([Span::new(Style::Strong, "? apply this patch?\n")]);
    let spans = transcript.apply(Event::ItemCompleted(file_change(PatchApplyStatus::Declined)));
    insta::assert_snapshot!(marked(spans), @"

    [accent ± add ][strong /p/new.txt][dim  (][added +2][dim  ][removed −0][dim )]
    [accent ± delete ][strong /p/old.txt][dim  (][added +0][dim  ][removed −1][dim )]
    [accent ± move ][strong /p/a.txt → /p/b.txt][dim  (][added +1][dim  ][removed −1][dim )]
    [warning   ✗ declined]
    ");
}

#[test]
fn a_plan_has_marks() {
    let step = |step: &str, status| TurnPlanStep { step: step.to_owned(), status };
    let plan = |explanation: Option<&str>, second| Event::Plan {
        explanation: explanation.map(str::to_owned),
        steps: vec![
            step("read", TurnPlanStepStatus::Completed),
            step("write", second),
            step("rest", TurnPlanStepStatus::Pending),
        ],
    };
    insta::assert_snapshot!(shown([
        plan(Some("three steps"), TurnPlanStepStatus::InProgress),
        plan(None, TurnPlanStepStatus::Completed),
    ]), @"
    [strong plan][dim  three steps
      ✔ read]
    [accent   ▸ write]
      ☐ rest

    [strong plan][dim 
      ✔ read
      ✔ write]
      ☐ rest
    ");
}

#[test]
fn other_items_are_one_line_each() {
    let done = |value| Event::ItemCompleted(item(value));
    insta::assert_snapshot!(shown([
        done(json!({"type": "webSearch", "id": "1", "query": "rust", "action": null})),
        done(json!({"type": "webSearch", "id": "2", "query": "", "action": {"type": "openPage", "url": "https://x.example"}})),
        done(json!({"type": "imageView", "id": "3", "path": "/p/a.png"})),
        done(json!({"type": "contextCompaction", "id": "4"})),
        done(json!({
            "type": "mcpToolCall", "id": "5", "server": "memo", "tool": "read", "status": "failed",
            "arguments": {"name": "a\nb"}, "result": null, "error": {"message": "no such memo"}, "durationMs": 1,
        })),
    ]), @r#"
    [accent • ]searched the web for rust
    [accent • ]read https://x.example
    [accent • ]looked at /p/a.png
    [accent • ]compacted the conversation
    [accent • ]memo read {"name":"a\nb"}
    [error   ✗ no such memo]
    "#);
}

#[test]
fn warnings_retries_and_errors_stand_out_and_a_failed_turn_does_not_repeat_its_error() {
    let error = |message: &str, will_retry: bool| Event::Error {
        message: message.to_owned(),
        details: will_retry.then(|| "reset by peer".to_owned()),
        will_retry,
    };
    insta::assert_snapshot!(shown([
        Event::Warning("the model is old".to_owned()),
        error("reconnecting 1/5", true),
        error("reconnecting 2/5", true),
        error("stream lost", false),
        Event::TurnCompleted(turn("failed", Some("stream lost"), None)),
    ]), @"
    [warning warning: the model is old
    ↻ reconnecting 1/5 (reset by peer)
    ↻ reconnecting 2/5]
    [error error: stream lost]
    ");
    let failed = shown([Event::TurnCompleted(turn("failed", Some("no credentials"), None))]);
    assert_eq!(failed, "[error the turn failed: no credentials]\n");
}

#[test]
fn the_end_of_a_turn_counts_its_own_tokens() {
    insta::assert_snapshot!(shown([
        usage(1000, 0, 50),
        Event::TurnStarted(turn("inProgress", None, None)),
        usage(3_234_567, 1_000_000, 62),
        Event::TurnCompleted(turn("interrupted", None, Some(65_432))),
    ]), @"
    [warning interrupted]
    [dim 3,233,567 tokens in (1,000,000 cached), 12 out · 1 min 5 s]
    ");
}

#[test]
fn the_status_says_what_is_going_on() {
    let mut transcript = Transcript::new(None);
    transcript.apply(Event::TurnStarted(turn("inProgress", None, None)));
    assert_eq!(transcript.doing(), "thinking");
    transcript.apply(running());
    assert_eq!(transcript.doing(), "running cargo test");
    transcript.apply(message_delta("hi"));
    assert_eq!(transcript.doing(), "writing");
}
