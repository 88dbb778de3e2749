//! What a model can do wrong: each turn ends once, the thread stays usable.

use serde_json::{Value, json};
use testkit::{Reply, failed, function_call, item_done};

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
