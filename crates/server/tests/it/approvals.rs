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

#[tokio::test]
async fn an_accepted_amendment_becomes_a_rule_that_holds_after_a_restart() {
    let again = Reply::call("exec_command", &json!({ "cmd": "touch made.txt && ls" }));
    let (mut server, thread, turn, asked) = asking([Reply::say("made"), again, Reply::say("again")]).await;
    let decision = json!({ "acceptWithExecpolicyAmendment": { "execpolicy_amendment": ["touch"] } });
    server.send(&json!({ "id": asked["id"], "result": { "decision": decision } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    let rules = std::fs::read_to_string(server.home.join("rules/default.rules")).unwrap();
    assert_eq!(rules, "prefix_rule(pattern=[\"touch\"], decision=\"allow\")\n");
    let seen = server.model.requests().pop().unwrap().body["input"].as_array().unwrap().clone();
    let [.., note, output] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((&note["role"], &output["type"]), (&json!("developer"), &json!("function_call_output")));
    assert!(note.to_string().contains("every command that begins with: touch"), "{note}");

    let mut server = server.restart().await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    let params = json!({
        "threadId": thread, "approvalPolicy": "untrusted", "input": [{ "type": "text", "text": "again" }],
    });
    let started = server.request("turn/start", params).await.unwrap();
    server.turn_end(started["turn"]["id"].as_str().unwrap()).await;
    let (rest, _folder) = server.close().await;
    assert!(rest.iter().all(|message| message["method"] != "item/commandExecution/requestApproval"), "{rest:?}");
}

#[tokio::test]
async fn rules_that_cannot_be_understood_are_told_and_not_used() {
    let call = Reply::call("exec_command", &json!({ "cmd": "touch made.txt" }));
    let server = TestServer::with_model([call, Reply::say("done")]).await;
    let file = server.home.join("rules/default.rules");
    std::fs::create_dir(server.home.join("rules")).unwrap();
    std::fs::write(&file, "prefix_rule([\"touch\"], \"forbidden\")\nfoo()\n").unwrap();
    let mut server = server.restart().await;
    let warning = server.expect("configWarning").await;
    assert_eq!(warning["params"]["path"], file.to_string());
    assert_eq!(warning["params"]["range"]["start"], json!({ "line": 2, "column": 1 }));
    let thread = server.start_thread().await;
    server.run_turn(&thread, "make it").await;
    assert!(server.project.join("made.txt").exists());

    std::fs::remove_dir_all(server.home.join("rules")).unwrap();
    std::fs::write(server.home.join("rules"), "no folder").unwrap();
    let error = server.request("thread/start", json!({})).await.unwrap_err();
    assert_eq!(error["code"], -32603);
    assert!(error["message"].as_str().unwrap().contains("failed to read rules files from"), "{error}");
}

/// Calls, outputs and what a client has put in between, in the order in which the model sees them.
fn order(body: &Value) -> Vec<&str> {
    let input = body["input"].as_array().expect("input");
    let kinds = input.iter().filter_map(|item| match item["type"].as_str() {
        Some(kind @ ("function_call" | "function_call_output")) => Some(kind),
        _ => item.to_string().contains("by the way").then_some("injected"),
    });
    kinds.collect()
}

#[tokio::test]
async fn items_that_come_while_a_question_is_open_are_kept_at_once_and_stay_in_their_place() {
    let (mut server, thread, turn, asked) = asking([Reply::say("made"), Reply::say("again")]).await;
    let item =
        json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "by the way" }] });
    server.request("thread/inject_items", json!({ "threadId": thread, "items": [item] })).await.unwrap();
    assert!(std::fs::read_to_string(server.rollout()).unwrap().contains("by the way"));
    server.send(&json!({ "id": asked["id"], "result": { "decision": "accept" } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    let expected = ["function_call", "injected", "function_call_output"];
    assert_eq!(order(&server.model.requests()[1].body), expected);

    let mut server = server.restart().await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    server.run_turn(&thread, "again").await;
    assert_eq!(order(&server.model.requests()[2].body), expected);
}
