//! Two servers on one home.

use serde_json::{Value, json};
use types::AbsPath;

use crate::client::Client;

#[tokio::test]
async fn a_thread_has_one_writer_and_another_server_takes_over_when_it_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let home = AbsPath::new(folder.path()).unwrap();
    std::fs::write(home.join("config.toml"), "model_provider = \"simulator\"\n").unwrap();
    let mut first = Client::start(&home, &home).await;
    let started = first.request("thread/start", json!({})).await;
    let thread = started["result"]["thread"]["id"].clone();
    run_turn(&mut first, &thread, "say one").await;

    let mut second = Client::start(&home, &home).await;
    let refused = second.request("thread/resume", json!({ "threadId": thread })).await;
    let message = refused["error"]["message"].as_str().unwrap();
    let holder = format!("process {}", first.pid().as_raw_pid());
    assert!(message.contains(&holder) && message.contains("spindle"), "{message}");
    let name = json!({ "threadId": thread, "name": "mine" });
    assert!(second.request("thread/name/set", name.clone()).await["error"].is_object(), "naming writes, too");

    // Reading works, and so does a copy.
    let read = second.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await;
    assert_eq!(read["result"]["thread"]["turns"].as_array().unwrap().len(), 1);
    let listed = second.request("thread/list", json!({})).await;
    assert_eq!(listed["result"]["data"][0]["id"], thread);
    let copied = second.request("thread/fork", json!({ "threadId": thread })).await;
    run_turn(&mut second, &copied["result"]["thread"]["id"], "say a copy goes on").await;

    first.kill().await;
    let resumed = second.request("thread/resume", json!({ "threadId": thread })).await;
    assert_eq!(resumed["result"]["thread"]["id"], thread, "{resumed}");
    run_turn(&mut second, &thread, "say two").await;
    assert!(second.request("thread/name/set", name).await["result"].is_object());
    second.disconnect().await;
    assert_eq!(std::fs::read_dir(home.join("spindle/locks")).unwrap().count(), 0, "locks are given back");
}

async fn run_turn(client: &mut Client, thread: &Value, text: &str) {
    let input = json!([{ "type": "text", "text": text }]);
    client.request("turn/start", json!({ "threadId": thread, "input": input })).await;
    let is_end = |message: &Value| message["method"] == "turn/completed" && message["params"]["threadId"] == *thread;
    assert_eq!(client.wait(is_end).await["params"]["turn"]["status"], "completed");
}
