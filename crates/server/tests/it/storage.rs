//! What is on disk, and what comes back from it.

use std::io::Write as _;

use serde_json::json;
use testkit::Reply;

use crate::kit::TestServer;

#[tokio::test]
async fn a_thread_without_a_turn_leaves_no_file() {
    let mut server = TestServer::with_model([]).await;
    server.start_thread().await;
    assert!(!server.home.join("sessions").exists());
}

#[tokio::test]
async fn a_torn_rollout_resumes_and_takes_the_next_turn() {
    let mut server = TestServer::with_model([Reply::say("first"), Reply::say("second")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    let rollout = server.rollout();
    let mut file = std::fs::OpenOptions::new().append(true).open(&rollout).unwrap();
    file.write_all(b"{\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"type\":\"event_msg\",\"pay").unwrap();

    let mut server = server.restart().await;
    let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 1);
    assert_eq!(server.run_turn(&thread, "two").await["status"], "completed");

    let text = std::fs::read_to_string(&rollout).unwrap();
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "every line is whole");
    assert!(server.model.requests()[1].body.to_string().contains("first"), "the model sees the first turn");
}

#[tokio::test]
async fn what_a_client_was_told_is_in_the_rollout() {
    let mut server = TestServer::with_model([Reply::say("a memorable answer")]).await;
    let thread = server.start_thread().await;
    server.start_turn(&thread, "a memorable question").await;
    loop {
        let item = server.expect("item/completed").await["params"]["item"].take();
        let rollout = std::fs::read_to_string(server.rollout()).unwrap();
        match item["type"].as_str() {
            Some("userMessage") => assert!(rollout.contains("a memorable question")),
            Some("agentMessage") => {
                assert!(rollout.contains("a memorable answer"));
                break;
            }
            other => panic!("unexpected item {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_unreadable_rollout_is_named_in_the_error() {
    let mut server = TestServer::with_model([]).await;
    let path = server.home.join("sessions/broken.jsonl");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "not a rollout\n").unwrap();
    let params = json!({ "threadId": "", "path": path.to_string() });
    let error = server.request("thread/resume", params).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("broken.jsonl"), "{error}");
}

#[tokio::test]
async fn a_server_that_closes_leaves_whole_threads() {
    let mut server = TestServer::with_model([Reply::say("done")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "go").await;
    let rollout = server.rollout();
    let (_, _folder) = server.close().await;
    assert!(std::fs::read_to_string(rollout).unwrap().ends_with("}\n"));
}

#[tokio::test]
async fn a_thread_that_is_resumed_twice_at_once_is_loaded_once() {
    let mut server = TestServer::with_model([Reply::say("first"), Reply::say("second")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    let path = server.rollout();

    let mut server = server.restart().await;
    server.post("thread/resume", json!({ "threadId": thread })).await;
    let resumed = server.request("thread/resume", json!({ "threadId": "", "path": path })).await.unwrap();
    assert_eq!(resumed["thread"]["id"], thread);

    assert_eq!(server.run_turn(&thread, "two").await["status"], "completed");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("\"type\":\"task_started\"").count(), 2, "each turn began once");
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    assert_eq!(read["thread"]["turns"].as_array().unwrap().len(), 2);
}
