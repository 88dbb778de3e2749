//! What a model can do wrong: each turn ends once, the thread stays usable.

use serde_json::{Value, json};
use testkit::{Reply, Step, completed, event, failed, function_call, item_added, item_done, message_item, usage};

use crate::kit::TestServer;

/// Runs a turn with these replies; gives its end. A turn after it must work.
async fn turn_with(replies: Vec<Reply>) -> Value {
    let mut server = TestServer::with_model(replies).await;
    let thread = server.start_thread().await;
    let end = server.run_turn(&thread, "go").await;
    assert!(!server.methods().contains(&"turn/completed"), "a turn ends once");
    server.model.enqueue([Reply::say("fine")]);
    assert_eq!(server.run_turn(&thread, "again").await["status"], "completed");
    end
}

#[tokio::test]
async fn a_refused_request_fails_the_turn_with_the_providers_words() {
    let end = turn_with(vec![Reply::error(400, "no such parameter")]).await;
    assert_eq!(end["status"], "failed");
    assert!(end["error"]["message"].as_str().unwrap().contains("no such parameter"), "{end}");
}

#[tokio::test]
async fn a_stream_that_ends_early_is_tried_again_and_then_fails_the_turn() {
    let cut = || Reply::stream([item_done(&testkit::message_item("m", "half"))]);
    let end = turn_with(vec![cut(), cut()]).await;
    assert_eq!(end["status"], "failed");
}

#[tokio::test]
async fn a_full_context_window_is_told_as_such() {
    let end = turn_with(vec![Reply::stream([failed("context_length_exceeded", "too long")])]).await;
    assert_eq!(end["error"]["codexErrorInfo"], "contextWindowExceeded");
}

#[tokio::test]
async fn calls_that_make_no_sense_are_answered_and_the_turn_goes_on() {
    let calls = [
        ("no_such_tool", json!({})),
        ("exec_command", json!("not an object")),
        ("exec_command", json!({ "cmd": 5 })),
        ("update_plan", json!({ "plan": "none" })),
        ("view_image", json!({ "path": "absent.png" })),
        ("write_stdin", json!({ "session_id": 1 })),
    ];
    for (name, arguments) in calls {
        let call = Reply::new([function_call("call-1", name, &arguments)]);
        let end = turn_with(vec![call, Reply::say("noted")]).await;
        assert_eq!(end["status"], "completed", "{name} {arguments}");
    }
}

#[tokio::test]
async fn an_unreachable_provider_fails_the_turn() {
    let mut server = TestServer::with_model([]).await;
    let config = json!({
        "model_providers.gone": { "name": "Gone", "base_url": "http://127.0.0.1:9", "request_max_retries": 0,
                                  "stream_max_retries": 0 },
    });
    let params = json!({ "modelProvider": "gone", "config": config });
    let thread = server.request("thread/start", params).await.unwrap()["thread"]["id"].as_str().unwrap().to_owned();
    let end = server.run_turn(&thread, "go").await;
    assert_eq!(end["status"], "failed");
    assert!(end["error"]["message"].as_str().unwrap().contains("127.0.0.1:9"), "{end}");
}

#[tokio::test]
async fn an_unknown_provider_is_refused_by_name() {
    let mut server = TestServer::with_model([]).await;
    let error = server.request("thread/start", json!({ "modelProvider": "nobody" })).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("`nobody`"));
}

/// The items of the newest turn, by kind and text, as they are read from disk.
async fn stored(server: &mut TestServer, thread: &str) -> Vec<(String, String)> {
    let read = json!({ "threadId": thread, "includeTurns": true });
    let read = server.request("thread/read", read).await.unwrap();
    let items = read["thread"]["turns"].as_array().unwrap().last().unwrap()["items"].as_array().unwrap().clone();
    let text = |item: &Value| item.get("text").unwrap_or(&item["summary"][0]).as_str().unwrap_or_default().to_owned();
    items.iter().map(|item| (item["type"].as_str().unwrap().to_owned(), text(item))).collect()
}

/// Reasoning and two messages at once, of which nothing is finished.
fn begun() -> Vec<Value> {
    let reasoning = json!({ "type": "reasoning", "id": "rs-1", "summary": [] });
    let delta = |item: &str, text: &str| event("response.output_text.delta", json!({ "item_id": item, "delta": text }));
    vec![
        event("response.created", json!({ "response": { "id": "resp-1" } })),
        item_added(&reasoning),
        event(
            "response.reasoning_summary_text.delta",
            json!({ "item_id": "rs-1", "summary_index": 0, "delta": "I think" }),
        ),
        item_added(&message_item("msg-1", "")),
        item_added(&message_item("msg-2", "")),
        delta("msg-1", "the first"),
        delta("msg-2", "the second"),
    ]
}

#[tokio::test]
async fn what_a_whole_response_leaves_unfinished_is_ended_and_kept() {
    let whole = begun().into_iter().chain([completed("resp-1", &usage(1, 1))]);
    let mut server = TestServer::with_model([Reply::stream(whole), Reply::say("next")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "go").await;
    let ended = server.unclaimed().iter().filter(|told| told["method"] == "item/completed");
    let ended: Vec<Value> = ended.map(|told| told["params"]["item"]["id"].clone()).skip(1).collect();
    assert_eq!(ended, ["rs-1", "msg-1", "msg-2"]);
    let kept = stored(&mut server, &thread).await;
    let expected =
        [("userMessage", ""), ("reasoning", "I think"), ("agentMessage", "the first"), ("agentMessage", "the second")];
    assert_eq!(kept, expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())));

    server.run_turn(&thread, "again").await;
    let seen = server.model.requests()[1].body["input"].to_string();
    assert!(seen.contains("the first") && seen.contains("the second"), "{seen}");
}

#[tokio::test]
async fn what_a_broken_response_leaves_unfinished_is_ended_and_kept_but_not_shown_to_the_model() {
    let broken = begun().into_iter().map(Step::from).chain([Step::Disconnect]);
    let mut server = TestServer::with_model([Reply::stream(broken), Reply::say("said anew")]).await;
    let thread = server.start_thread().await;
    assert_eq!(server.run_turn(&thread, "go").await["status"], "completed");
    let kept = stored(&mut server, &thread).await;
    let texts: Vec<&str> = kept.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["", "I think", "the first", "the second", "said anew"]);
    assert!(!server.model.requests()[1].body["input"].to_string().contains("the first"));
}
