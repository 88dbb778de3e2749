//! Questions to the client, and every way they can end.

use serde_json::{Value, json};
use testkit::Reply;

use crate::kit::TestServer;

async fn asking(answers: impl IntoIterator<Item = Reply>) -> (TestServer, String, String, Value) {
    let call = Reply::call("exec_command", &json!({ "cmd": "touch made.txt" }));
    let mut server = TestServer::with_model([call].into_iter().chain(answers)).await;
    let thread = server.start_thread().await;
    let params = json!({
        "threadId": thread, "approvalPolicy": "untrusted", "input": [{ "type": "text", "text": "make it" }],
    });
    let started = server.request("turn/start", params).await.unwrap();
    let turn = started["turn"]["id"].as_str().unwrap().to_owned();
    let asked = server.expect("item/commandExecution/requestApproval").await;
    (server, thread, turn, asked)
}

#[tokio::test]
async fn an_accepted_command_runs() {
    let (mut server, _, turn, asked) = asking([Reply::say("made")]).await;
    server.send(&json!({ "id": asked["id"], "result": { "decision": "accept" } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert!(server.project.join("made.txt").exists());
    assert_eq!(server.expect("serverRequest/resolved").await["params"]["requestId"], asked["id"]);
}

#[tokio::test]
async fn a_declined_command_does_not_run_and_the_turn_goes_on() {
    let (mut server, _, turn, asked) = asking([Reply::say("as you wish")]).await;
    server.send(&json!({ "id": asked["id"], "result": { "decision": "decline" } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert!(!server.project.join("made.txt").exists());
}

#[tokio::test]
async fn nonsense_and_errors_count_as_no() {
    for answer in [json!({ "result": { "decision": "perhaps" } }), json!({ "error": { "code": 1, "message": "no" } })] {
        let (mut server, _, turn, asked) = asking([Reply::say("well")]).await;
        let mut message = answer.clone();
        message["id"] = asked["id"].clone();
        server.send(&message).await;
        assert_eq!(server.turn_end(&turn).await["status"], "completed", "{answer}");
        assert!(!server.project.join("made.txt").exists(), "{answer}");
    }
}

#[tokio::test]
async fn a_cancelled_command_interrupts_the_turn() {
    let (mut server, _, turn, asked) = asking([]).await;
    server.send(&json!({ "id": asked["id"], "result": { "decision": "cancel" } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "interrupted");
}

#[tokio::test]
async fn a_question_is_settled_before_the_interrupted_turn_ends() {
    let (mut server, thread, turn, asked) = asking([]).await;
    server.request("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await.unwrap();
    server.turn_end(&turn).await;
    assert!(server.methods().contains(&"serverRequest/resolved"));
    // A late answer is ignored, the server goes on.
    server.send(&json!({ "id": asked["id"], "result": { "decision": "accept" } })).await;
    assert!(server.request("thread/loaded/list", json!({})).await.is_ok());
    assert!(!server.project.join("made.txt").exists());
}

#[tokio::test]
async fn a_client_that_resumes_is_asked_again() {
    let (mut server, thread, turn, asked) = asking([Reply::say("made")]).await;
    server.forget();
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    let again = server.expect("item/commandExecution/requestApproval").await;
    assert_eq!(again, asked);
    server.send(&json!({ "id": again["id"], "result": { "decision": "accept" } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
}
