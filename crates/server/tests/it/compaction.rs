//! Histories made short, by the provider or by a summary.

use serde_json::{Value, json};
use testkit::{Gate, Reply, Step, item_done, message_item};

use crate::kit::TestServer;

/// A server whose provider compacts histories.
async fn compacting(replies: impl IntoIterator<Item = Reply>) -> TestServer {
    let server = TestServer::uninitialized(replies).await;
    let file = server.home.join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace("name = \"Mock\"", "name = \"OpenAI\"")).unwrap();
    server.restart().await
}

fn answer(body: &Value) -> Reply {
    Reply::Http { status: 200, headers: Vec::new(), body: body.to_string() }
}

fn message(role: &str, text: &str) -> Value {
    json!({ "type": "message", "role": role, "content": [{ "type": "input_text", "text": text }] })
}

/// What a request tells the model, without what Spindle says of the surroundings.
fn conversation(body: &Value) -> Vec<Value> {
    let said = |item: &&Value| {
        item["type"] != "message"
            || item["content"][0]["text"]
                .as_str()
                .is_some_and(|text| item["role"] != "developer" && !text.starts_with('<'))
    };
    let short = |item: &Value| item["content"][0].get("text").unwrap_or(&item["encrypted_content"]).clone();
    body["input"].as_array().unwrap().iter().filter(said).map(short).collect()
}

#[tokio::test]
async fn a_provider_that_compacts_is_asked_to_and_its_items_stand_for_the_history() {
    let output = json!([
        message("user", "kept"),
        message("developer", "<permissions instructions>told anew</permissions instructions>"),
        message("user", "<environment_context>told anew</environment_context>"),
        { "type": "compaction", "encrypted_content": "secret" },
    ]);
    let script = [Reply::say("one"), answer(&json!({ "output": output })), Reply::say("two"), Reply::say("three")];
    let mut server = compacting(script).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "first").await;
    server.request("thread/compact/start", json!({ "threadId": thread })).await.unwrap();
    let end = server.expect("turn/completed").await;
    assert_eq!(end["params"]["turn"]["status"], "completed");
    server.run_turn(&thread, "second").await;

    let requests = server.model.requests();
    assert_eq!(requests[1].path, "/v1/responses/compact");
    assert_eq!(conversation(&requests[1].body), ["first", "one"]);
    assert!(requests[1].body["tools"].as_array().is_some_and(|tools| !tools.is_empty()));
    assert!(requests[1].body.get("stream").is_none());
    assert!(requests[1].header("x-codex-window-id").is_some_and(|window| window.ends_with(":0")));
    assert_eq!(conversation(&requests[2].body), ["kept", "secret", "second"]);

    let mut server = server.reopen().await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    server.run_turn(&thread, "third").await;
    assert_eq!(conversation(&server.model.requests()[3].body), ["kept", "secret", "second", "two", "third"]);
}

#[tokio::test]
async fn a_compaction_that_the_provider_fails_ends_the_turn_and_leaves_the_history() {
    for refusal in
        [Reply::error(500, "no"), answer(&json!({ "nothing": 1 })), answer(&json!({ "output": [] })), Reply::Disconnect]
    {
        let mut server = compacting([Reply::say("one"), refusal, Reply::say("two")]).await;
        let thread = server.start_thread().await;
        server.run_turn(&thread, "first").await;
        server.request("thread/compact/start", json!({ "threadId": thread })).await.unwrap();
        let end = server.expect("turn/completed").await;
        assert_eq!(end["params"]["turn"]["status"], "failed");
        let told = end["params"]["turn"]["error"]["message"].as_str().unwrap().to_owned();
        assert!(told.starts_with("the provider did not compact the history: "), "{told}");
        server.run_turn(&thread, "second").await;
        assert_eq!(conversation(&server.model.requests()[2].body), ["first", "one", "second"]);
    }
}

#[tokio::test]
async fn a_name_does_not_wait_for_the_end_of_a_compaction() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([Reply::say("hello"), Reply::new([gate.clone()])]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "hello").await;
    server.request("thread/compact/start", json!({ "threadId": thread })).await.unwrap();
    gate.reached().await;
    server.request("thread/name/set", json!({ "threadId": thread, "name": "Mine" })).await.unwrap();
    let rollout = std::fs::read_to_string(server.rollout()).unwrap();
    assert!(rollout.contains("thread_name_updated") && !rollout.contains("context_compacted"));
    gate.open();
    assert_eq!(server.expect("turn/completed").await["params"]["turn"]["status"], "completed");
}

#[tokio::test]
async fn items_that_come_during_a_compaction_wait_for_its_end_and_nobody_waits_for_them() {
    let gate = Gate::new();
    let summing_up = Reply::new([Step::from(gate.clone()), Step::from(item_done(&message_item("msg-1", "a summary")))]);
    let mut server = TestServer::with_model([Reply::say("first"), summing_up, Reply::say("second")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    server.request("thread/compact/start", json!({ "threadId": thread })).await.unwrap();
    gate.reached().await;
    let item =
        json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "by the way" }] });
    let injected = server.post("thread/inject_items", json!({ "threadId": thread, "items": [item] })).await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    gate.open();
    server.answer(injected).await.unwrap();
    server.expect("turn/completed").await;
    server.forget();
    server.run_turn(&thread, "two").await;
    let input = server.model.requests()[2].body["input"].to_string();
    assert!(input.find("a summary").unwrap() < input.find("by the way").unwrap(), "{input}");
}
