//! The simulator as a client developer meets it: prompts in, turns out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use types::{ContentItem, ResponseItem, ToolOutput, ToolSpec};

use super::Simulator;
use crate::{ModelError, ModelProvider as _, Request, ResponseEvent};

fn function(name: &str) -> ToolSpec {
    ToolSpec::Function { name: name.to_owned(), description: String::new(), parameters: json!({}), strict: false }
}

fn tools() -> Arc<[ToolSpec]> {
    let names = ["exec_command", "write_stdin", "update_plan", "request_user_input", "view_image"];
    let mut tools: Vec<_> = names.into_iter().map(function).collect();
    tools.push(ToolSpec::Freeform {
        name: "apply_patch".to_owned(),
        description: String::new(),
        grammar: String::new(),
    });
    tools.push(ToolSpec::Namespace {
        name: "mcp__docs__".to_owned(),
        description: String::new(),
        tools: vec![function("lookup")],
    });
    tools.into()
}

fn request(prompt: &str) -> Request {
    let context = "<environment_context>\n  <cwd>/somewhere</cwd>\n</environment_context>";
    Request {
        model: "simulator".to_owned(),
        input: Arc::new(vec![ResponseItem::user(context), ResponseItem::user(prompt)]),
        tools: tools(),
        prompt_cache_key: "thread".to_owned(),
        ..Request::default()
    }
}

/// One response in short lines, and the items it brought.
async fn respond(simulator: &Simulator, request: &Request) -> (Vec<String>, Vec<ResponseItem>) {
    let mut lines = Vec::new();
    let mut items = Vec::new();
    let mut streamed = String::new();
    let mut stream = match simulator.stream(request, &CancellationToken::new()).await {
        Ok(stream) => stream,
        Err(error) => return (vec![format!("refused: {error}")], items),
    };
    let mut ended = false;
    while let Some(event) = stream.next().await {
        assert!(!ended, "nothing follows the end");
        match event {
            Ok(
                ResponseEvent::TextDelta { delta, .. }
                | ResponseEvent::ReasoningSummaryDelta { delta, .. }
                | ResponseEvent::ReasoningDelta { delta, .. }
                | ResponseEvent::ToolInputDelta { delta, .. },
            ) => streamed.push_str(&delta),
            Ok(ResponseEvent::ItemDone(item)) => {
                if let Some(line) = short(&item) {
                    lines.push(line);
                }
                if let Some(whole) = whole(&item) {
                    assert_eq!(streamed, whole, "the deltas make up the item");
                }
                streamed.clear();
                items.push(item);
            }
            Ok(ResponseEvent::Completed { usage, .. }) => {
                assert!(usage.is_some());
                ended = true;
            }
            Ok(ResponseEvent::ServerModel(model)) => lines.push(format!("model: {model}")),
            Ok(ResponseEvent::RateLimits(limits)) => {
                lines.extend(limits.primary.map(|primary| format!("limits: {}", primary.used_percent)));
            }
            Ok(
                ResponseEvent::Created { .. }
                | ResponseEvent::ItemAdded(_)
                | ResponseEvent::ReasoningSummaryPartAdded { .. },
            ) => {}
            Err(error) => {
                lines.push(format!("failed: {error}"));
                ended = true;
            }
        }
    }
    assert!(ended, "a stream ends with a completion or an error");
    (lines, items)
}

fn short(item: &ResponseItem) -> Option<String> {
    Some(match item {
        ResponseItem::Message { content, phase, .. } => {
            let [ContentItem::OutputText { text }] = content.as_slice() else { panic!("one text") };
            format!("{}: {text}", phase.as_deref().unwrap_or("say"))
        }
        ResponseItem::Reasoning { summary, content, .. } => {
            format!("think: {} {}", json!(summary), json!(content))
        }
        ResponseItem::FunctionCall { name, namespace, arguments, .. } => {
            format!("{}{name} {arguments}", namespace.as_deref().unwrap_or_default())
        }
        ResponseItem::CustomToolCall { name, input, .. } => format!("{name} {input}"),
        ResponseItem::WebSearchCall { action, .. } => format!("web {}", json!(action)),
        ResponseItem::ImageGenerationCall { revised_prompt, result, .. } => {
            format!("image {revised_prompt:?} {}", result.len())
        }
        _ => return None,
    })
}

fn whole(item: &ResponseItem) -> Option<&str> {
    match item {
        ResponseItem::Message { content, .. } => match content.first()? {
            ContentItem::OutputText { text } => Some(text),
            _ => None,
        },
        ResponseItem::FunctionCall { arguments, .. } => Some(arguments),
        ResponseItem::CustomToolCall { input, .. } => Some(input),
        _ => None,
    }
}

/// A whole turn: every tool call is answered with `output`, until a response has none.
async fn turn_with(simulator: &Simulator, mut request: Request, output: &str) -> Vec<String> {
    let mut transcript = Vec::new();
    for _ in 0..50 {
        let (lines, items) = respond(simulator, &request).await;
        transcript.extend(lines);
        let calls: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                ResponseItem::FunctionCall { call_id, .. } => {
                    Some(ResponseItem::function_output(call_id.clone(), ToolOutput::Text(output.to_owned())))
                }
                ResponseItem::CustomToolCall { call_id, .. } => Some(ResponseItem::CustomToolCallOutput {
                    call_id: call_id.clone(),
                    name: None,
                    output: ToolOutput::Text(output.to_owned()),
                }),
                _ => None,
            })
            .collect();
        Arc::make_mut(&mut request.input).extend(items);
        if calls.is_empty() {
            return transcript;
        }
        Arc::make_mut(&mut request.input).extend(calls);
    }
    panic!("the turn does not end: {transcript:?}");
}

async fn turn(prompt: &str) -> Vec<String> {
    turn_with(&Simulator::new(None), request(prompt), "ok").await
}

const ENDED: &str = "Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\na.txt\nb.txt\n";

#[tokio::test]
async fn each_statement_makes_its_item() {
    for (prompt, expected) in [
        ("say hello there", "say: hello there"),
        ("Say: \"hello; then run ls\"", "say: hello; then run ls"),
        ("say two\\nlines", "say: two\nlines"),
        ("please say it", "say: it"),
        ("1. say it", "say: it"),
        ("- Say it", "say: it"),
        ("say 3 words", "say: warp weft yarn"),
        ("remark on the way", "commentary: on the way"),
        ("propose 1. do it", "say: <proposed_plan>\n1. do it\n</proposed_plan>"),
        ("think about life", r#"think: [{"text":"life","type":"summary_text"}] null"#),
        ("think aloud hm", r#"think: [] [{"text":"hm","type":"reasoning_text"}]"#),
        ("run `ls -la`", r#"exec_command {"cmd":"ls -la"}"#),
        ("run ls; pwd", r#"exec_command {"cmd":"ls; pwd"}"#),
        ("run `a; then say b`", r#"exec_command {"cmd":"a; then say b"}"#),
        (
            "run as root `id`",
            r#"exec_command {"cmd":"id","justification":"May the simulator run `id` outside the sandbox?","sandbox_permissions":"require_escalated"}"#,
        ),
        (
            "run `id` outside the sandbox",
            r#"exec_command {"cmd":"id","justification":"May the simulator run `id` outside the sandbox?","sandbox_permissions":"require_escalated"}"#,
        ),
        ("run in a terminal: `cat`", r#"exec_command {"cmd":"cat","tty":true}"#),
        ("type yes", r#"write_stdin {"chars":"yes\n","session_id":0}"#),
        ("press ctrl-c", r#"write_stdin {"chars":"\u0003","session_id":0}"#),
        (
            "write notes.txt: one\\ntwo",
            "apply_patch *** Begin Patch\n*** Add File: notes.txt\n+one\n+two\n*** End Patch",
        ),
        (
            "write `my notes.txt`: ```text\none; two\n\nthree\n```",
            "apply_patch *** Begin Patch\n*** Add File: my notes.txt\n+one; two\n+\n+three\n*** End Patch",
        ),
        (
            "edit a.rs: old line => new line",
            "apply_patch *** Begin Patch\n*** Update File: a.rs\n@@\n-old line\n+new line\n*** End Patch",
        ),
        (
            "edit a.rs: `a => b: c` => `d`",
            "apply_patch *** Begin Patch\n*** Update File: a.rs\n@@\n-a => b: c\n+d\n*** End Patch",
        ),
        ("delete a.rs", "apply_patch *** Begin Patch\n*** Delete File: a.rs\n*** End Patch"),
        (
            "plan: read / write",
            r#"update_plan {"plan":[{"status":"in_progress","step":"read"},{"status":"pending","step":"write"}]}"#,
        ),
        (
            "plan: [x] read / [~] write / test",
            r#"update_plan {"plan":[{"status":"completed","step":"read"},{"status":"in_progress","step":"write"},{"status":"pending","step":"test"}]}"#,
        ),
        ("view shot.png", r#"view_image {"path":"shot.png"}"#),
        ("look at shot.PNG", r#"view_image {"path":"shot.PNG"}"#),
        (
            "ask Which colour? red | green",
            r#"request_user_input {"questions":[{"header":"Question","id":"question","options":[{"description":"Choose red.","label":"red"},{"description":"Choose green.","label":"green"}],"question":"Which colour?"}]}"#,
        ),
        ("search the web for looms", r#"web {"query":"looms","type":"search"}"#),
        ("open https://example.com", r#"web {"type":"open_page","url":"https://example.com"}"#),
        ("draw a dot", r#"image Some("a dot") 96"#),
        ("call update_plan {\"a\": {\"b\": 1}}", r#"update_plan {"a": {"b": 1}}"#),
        ("call nothing", "nothing {}"),
        ("call lookup {\"id\": 7}", r#"mcp__docs__lookup {"id": 7}"#),
        ("call mcp__docs__lookup", "mcp__docs__lookup {}"),
        ("call mcp__docs__.lookup", "mcp__docs__lookup {}"),
        ("call apply_patch *** Begin Patch", "apply_patch *** Begin Patch"),
        ("fail with 404", "refused: unexpected status 404 Not Found: the simulator was told to fail, url: simulator:"),
        ("fail with a disconnect", "failed: stream disconnected before completion: the simulator was told to fail"),
        ("fail with overload", "failed: the model is overloaded at the moment; try again later or choose another one"),
        ("limits 80%", "limits: 80"),
        ("reroute to other", "model: other"),
        ("stop", ""),
    ] {
        let first = turn(prompt).await.into_iter().next().unwrap_or_default();
        assert_eq!(first, expected, "{prompt}");
    }
}

#[tokio::test]
async fn a_program_goes_on_behind_each_tool_call() {
    let prompt = "say starting\nrun `ls` then write a.txt: x; say written, then stop; say never";
    let transcript = turn_with(&Simulator::new(None), request(prompt), ENDED).await;
    insta::assert_snapshot!(transcript.join("\n---\n"), @r#"
    say: starting
    ---
    exec_command {"cmd":"ls"}
    ---
    apply_patch *** Begin Patch
    *** Add File: a.txt
    +x
    *** End Patch
    ---
    say: written
    "#);
}

#[tokio::test]
async fn a_turn_that_ends_with_a_call_reports_its_answer() {
    let transcript = turn_with(&Simulator::new(None), request("run `ls`"), ENDED).await;
    insta::assert_snapshot!(transcript.join("\n---\n"), @r#"
    exec_command {"cmd":"ls"}
    ---
    say: `ls` ended with exit code 0 and printed 2 lines:

    ```
    a.txt
    b.txt
    ```
    "#);
}

#[tokio::test]
async fn calls_in_parallel_come_in_one_response_and_count_as_many() {
    let simulator = Simulator::new(None);
    let request = request("in parallel: run `ls | wc` | run pwd | view a.png; say done");
    let (lines, _) = respond(&simulator, &request).await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    let transcript = turn_with(&simulator, request, "ok").await;
    assert_eq!(transcript.last().unwrap(), "say: done");
    assert_eq!(transcript.len(), 4);
}

#[tokio::test]
async fn repeated_statements_are_carried_out_one_by_one() {
    assert_eq!(turn("repeat 3: say x").await, ["say: x", "say: x", "say: x"]);
    assert_eq!(turn("repeat 2 times: run ls").await.len(), 3);
    assert!(turn("repeat 2: repeat 2: say x").await[0].contains("I do not understand"));
}

#[tokio::test]
async fn a_steering_message_replaces_what_was_left() {
    let simulator = Simulator::new(None);
    let mut request = request("run `one`; run `two`; say end");
    let (_, items) = respond(&simulator, &request).await;
    let ResponseItem::FunctionCall { call_id, .. } = items.last().unwrap() else { panic!("a call") };
    let output = ResponseItem::function_output(call_id.clone(), ToolOutput::Text("ok".to_owned()));
    Arc::make_mut(&mut request.input).extend(items);
    Arc::make_mut(&mut request.input).push(output);
    Arc::make_mut(&mut request.input).push(ResponseItem::user("say changed course"));
    Arc::make_mut(&mut request.input).push(ResponseItem::user("<turn_aborted>\nnot the user's words\n</turn_aborted>"));
    assert_eq!(turn_with(&simulator, request, "ok").await, ["say: changed course"]);
}

#[tokio::test]
async fn words_that_are_no_statement_get_help_and_nothing_is_done() {
    for prompt in ["", "Hello!", "write a poem", "run the tests", "frobnicate", "\u{1F9F5}", "fail with style"] {
        let transcript = turn(prompt).await;
        assert_eq!(transcript.len(), 1, "{prompt}: {transcript:?}");
        assert!(transcript[0].contains("simulator, not a model"), "{prompt}: {transcript:?}");
    }
    let transcript = turn("say a\nfrobnicate\nrun ls").await;
    assert_eq!(transcript.len(), 2);
    assert!(transcript[1].contains("I do not understand \"frobnicate\""));
}

#[tokio::test]
async fn a_request_to_look_around_gets_a_demonstration() {
    let transcript = turn_with(&Simulator::new(None), request("Look around, tell me what's here"), ENDED).await;
    assert_eq!(transcript.len(), 4, "{transcript:?}");
    assert!(transcript[1].contains("simulator, not a model"));
    assert_eq!(transcript[2], r#"exec_command {"cmd":"ls"}"#);
    assert!(transcript[3].contains("a.txt"));
}

#[tokio::test]
async fn a_request_for_a_summary_gets_an_honest_one() {
    let transcript = turn("Write a summary of the conversation so far.").await;
    assert!(transcript[0].contains("The history holds 2 items; the user spoke 1 times."), "{transcript:?}");
}

#[tokio::test]
async fn a_missing_tool_is_said_and_passed_over() {
    let mut request = request("run ls; say after");
    request.tools = Arc::new([]);
    let transcript = turn_with(&Simulator::new(None), request, "ok").await;
    assert!(transcript[0].contains("offers no tool"));
    assert_eq!(transcript[1], "say: after");
}

#[tokio::test]
async fn without_a_patch_tool_patches_go_through_the_shell() {
    let mut request = request("write a.txt: x");
    request.tools = Arc::new([function("exec_command")]);
    let transcript = turn_with(&Simulator::new(None), request, "ok").await;
    assert_eq!(
        transcript[0],
        r#"exec_command {"cmd":"apply_patch <<'EOF_PATCH'\n*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch\nEOF_PATCH"}"#
    );
}

#[tokio::test]
async fn typed_input_goes_to_the_session_that_is_still_running() {
    let simulator = Simulator::new(None);
    let running = "Chunk ID: 1\nProcess running with session ID 4711\nOutput:\n";
    let transcript = turn_with(&simulator, request("run in a tty `cat`; type hi"), running).await;
    assert_eq!(transcript[1], r#"write_stdin {"chars":"hi\n","session_id":4711}"#);
}

#[tokio::test]
async fn a_failure_can_be_limited_to_some_attempts() {
    let simulator = Simulator::new(None);
    let request = request("fail twice with 503; say recovered");
    for _ in 0..2 {
        let (lines, _) = respond(&simulator, &request).await;
        assert!(lines[0].starts_with("refused: unexpected status 503"), "{lines:?}");
    }
    assert_eq!(respond(&simulator, &request).await.0, ["say: recovered"]);
}

#[tokio::test]
async fn usage_is_estimated_unless_stated() {
    async fn usage(prompt: &str) -> types::TokenUsage {
        let mut stream = Simulator::new(None).stream(&request(prompt), &CancellationToken::new()).await.unwrap();
        while let Some(event) = stream.next().await {
            if let ResponseEvent::Completed { usage, .. } = event.unwrap() {
                return usage.unwrap();
            }
        }
        panic!("no completion")
    }
    let stated = usage("usage 1000/50/900; say x").await;
    assert_eq!((stated.input_tokens, stated.output_tokens, stated.cached_input_tokens), (1000, 50, 900));
    assert_eq!(stated.total_tokens, 1050);
    let estimated = usage("say 12345678").await;
    assert_eq!(estimated.output_tokens, 2);
    assert!(estimated.input_tokens > 20 && estimated.input_tokens < 200, "{estimated:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_take_their_time_and_words_keep_their_pace() {
    let start = tokio::time::Instant::now();
    assert_eq!(turn("pace 100 ms; wait 2 s; say a b c").await, ["say: a b c"]);
    assert_eq!(start.elapsed(), Duration::from_millis(2200));
}

#[tokio::test]
async fn cancelling_ends_a_stream_that_hangs() {
    let cancel = CancellationToken::new();
    let mut stream = Simulator::new(None).stream(&request("say x; hang"), &cancel).await.unwrap();
    let mut last = None;
    while let Some(event) = stream.next().await {
        if matches!(event, Ok(ResponseEvent::ItemDone(_))) {
            cancel.cancel();
        }
        last = Some(event);
    }
    assert_eq!(last, Some(Err(ModelError::Cancelled)));
}

#[tokio::test]
async fn ids_are_the_same_for_the_same_course_of_events() {
    let ids = async || {
        let (_, items) = respond(&Simulator::new(None), &request("say a; think b; run ls")).await;
        items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, ids().await);
}

#[tokio::test]
async fn no_prompt_makes_the_simulator_panic_or_run_on() {
    const PIECES: &[&str] = &[
        "say ",
        "run ",
        "`",
        "```",
        "\"",
        "{",
        "}",
        ";",
        " then ",
        "\n",
        "write ",
        "a.txt",
        ":",
        "=>",
        "edit ",
        "plan: ",
        "/",
        "[x]",
        "|",
        "ask ",
        "?",
        "in parallel: ",
        "repeat 3: ",
        "repeat 99999999999999999999: ",
        "fail with ",
        "429",
        "once ",
        "wait 0 s",
        "usage 1/",
        "9223372036854775807",
        "limits ",
        "NaN",
        "%",
        "call ",
        "é",
        "\u{1F9F5}",
        "\\",
        "\\n",
        " ",
        "\r",
        "\0",
        "-",
        "1.",
        "please ",
        "as root",
        "look at x.png",
        "type ",
        "press ",
        "delete ",
        "think ",
        "aloud ",
        "summary ",
        "stop",
        "reroute ",
        "pace 0",
        "<",
        ">",
        "```\nx\n```",
    ];
    // A linear congruential generator: the same prompts in every run.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..800 {
        let prompt: String = (0..next(12)).map(|_| PIECES[next(PIECES.len())]).collect();
        turn_with(&Simulator::new(None), request(&prompt), "x").await;
    }
}

#[tokio::test]
async fn reading_a_hostile_prompt_takes_no_long_time() {
    for piece in ["{", "`", "\"", " then say x", "; frob", "```", "repeat 9: say x;", "| run x"] {
        let prompt = piece.repeat(100_000 / piece.len());
        drop(super::language::parse(&prompt));
        drop(super::language::parse(&format!("say x{prompt}")));
        drop(super::language::parse(&format!("in parallel: run x{prompt}")));
    }
    assert!(turn(&"x".repeat(300_000)).await[0].contains("a prompt of 300000 bytes"));
}

/// The statements that a text for people shows as examples.
fn is_understood(example: &str) -> bool {
    use super::statement::Statement;
    !super::language::parse(example)
        .iter()
        .any(|statement| matches!(statement, Statement::NotUnderstood(_) | Statement::Summarise | Statement::Help))
        || ["help", "summarise"].contains(&example)
}

#[test]
fn every_example_of_the_help_is_understood() {
    let examples = super::performance::HELP.lines().filter_map(|line| line.strip_prefix("- "));
    let mut count = 0;
    for example in examples.flat_map(|line| line.split(" · ")) {
        assert!(is_understood(example), "{example}");
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn every_example_of_the_documentation_is_understood() {
    let text = include_str!("../../../../docs/simulator.md").replace("\\|", "\u{0}");
    let (statements, _) = text.split_once("## Scripts").unwrap();
    let mut prefix = "";
    let mut count = 0;
    for line in statements.lines() {
        if line.starts_with("| X") {
            prefix = "fail with ";
        }
        let Some(cell) = line.strip_prefix("| `").and_then(|_| line.split('|').nth(1)) else { continue };
        let spans: Vec<&str> = if cell.contains("``") {
            cell.split("``").skip(1).step_by(2).collect()
        } else {
            cell.split('`').skip(1).step_by(2).collect()
        };
        for span in spans {
            let example = format!("{prefix}{}", span.trim().replace('\u{0}', "|"));
            assert!(is_understood(&example), "{example}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
}

mod scripts {
    use std::io::Write as _;

    use super::*;

    fn script(text: &str) -> (Simulator, tempfile::NamedTempFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        (Simulator::new(Some(file.path().to_owned())), file)
    }

    const SAY: &str = r#"[{"type":"response.created","response":{"id":"r"}},{"delay_ms":1},{"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}]}},{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}}]"#;

    async fn replies(text: &str, count: usize) -> Vec<Vec<String>> {
        let (simulator, _file) = script(text);
        let mut replies = Vec::new();
        for _ in 0..count {
            let mut request = request("");
            Arc::make_mut(&mut request.input).clear();
            replies.push(one(&simulator, &request).await);
        }
        replies
    }

    async fn one(simulator: &Simulator, request: &Request) -> Vec<String> {
        let mut lines = Vec::new();
        match simulator.stream(request, &CancellationToken::new()).await {
            Err(error) => lines.push(format!("refused: {error}")),
            Ok(mut stream) => {
                while let Some(event) = stream.next().await {
                    match event {
                        Ok(ResponseEvent::ItemDone(item)) => lines.extend(short(&item)),
                        Ok(ResponseEvent::RateLimits(limits)) => {
                            lines.extend(limits.primary.map(|primary| format!("limits: {}", primary.used_percent)));
                        }
                        Ok(_) => {}
                        Err(error) => lines.push(format!("failed: {error}")),
                    }
                }
            }
        }
        lines
    }

    #[tokio::test]
    async fn replies_are_played_in_order_whatever_the_form_of_the_file() {
        for file in [
            format!("# two replies\n{SAY}\n\n{{\"events\": {SAY}}}\n"),
            format!("[{SAY},{SAY}]"),
            format!("[\n  {SAY},\n  {SAY}\n]\n"),
        ] {
            let replies = replies(&file, 3).await;
            assert_eq!(replies[0], ["say: hi"], "{file}");
            assert_eq!(replies[1], ["say: hi"], "{file}");
            assert!(replies[2][0].contains("it is over after 2 replies"), "{:?}", replies[2]);
        }
    }

    #[tokio::test]
    async fn errors_headers_and_broken_streams_can_be_scripted() {
        let file = r#"
            [{"http_error": 404, "body": {"error": {"message": "no such model"}}}]
            [{"headers": {"x-codex-primary-used-percent": 80}}, {"disconnect": true}]
            [{"type": "response.failed", "response": {"error": {"code": "insufficient_quota", "message": "m"}}}]
            [{"type": "response.created", "response": {"id": "r"}}]
        "#;
        insta::assert_json_snapshot!(replies(file, 4).await, @r#"
        [
          [
            "refused: unexpected status 404 Not Found: no such model, url: simulator:script"
          ],
          [
            "limits: 80",
            "failed: stream disconnected before completion: the script closed the stream"
          ],
          [
            "failed: the account's quota is used up; check its plan and billing"
          ],
          [
            "failed: stream disconnected before completion: stream closed before response.completed"
          ]
        ]
        "#);
    }

    #[tokio::test]
    async fn a_script_that_cannot_be_used_says_why() {
        for (file, why) in [("{", "EOF"), ("[1]", "did not match"), ("nonsense", "expected")] {
            let refusal = replies(file, 1).await[0][0].clone();
            assert!(refusal.contains(why), "{file}: {refusal}");
        }
        let simulator = Simulator::new(Some("/nowhere/at/all".into()));
        assert!(one(&simulator, &request("")).await[0].contains("No such file"));
    }
}
