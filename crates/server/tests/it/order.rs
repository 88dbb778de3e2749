//! The order of messages, as `docs/protocol/README.md` promises it.

use std::process::Stdio;

use serde_json::{Value, json};
use testkit::{Gate, Reply, Step, event, item_added, message_item};

use crate::kit::TestServer;

/// A reply that begins and does not end.
fn held() -> Reply {
    Reply::new([
        Step::from(item_added(&message_item("msg-1", ""))),
        Step::from(event("response.output_text.delta", json!({ "item_id": "msg-1", "delta": "Part" }))),
        Step::from(Gate::new()),
    ])
}

/// Sends a request and gives what comes up to `notification`, the answer as `answer`.
async fn until(server: &mut TestServer, method: &str, params: Value, notification: &str) -> Vec<String> {
    server.forget();
    let id = server.post(method, params).await;
    let mut told = Vec::new();
    loop {
        let said = server.read().await.expect("the server says more");
        let name =
            said["method"].as_str().unwrap_or_else(|| if said["id"] == id { "answer" } else { "another answer" });
        assert_eq!(said.get("error"), None, "{method}");
        told.push(name.to_owned());
        if name == notification {
            return told;
        }
    }
}

#[tokio::test]
async fn the_answer_comes_before_what_the_request_causes() {
    let mut server = TestServer::with_model([Reply::say("hi"), held()]).await;
    let cwd = server.project.to_string();
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    let input = json!([{ "type": "text", "text": "two" }]);
    let turn = |extra: Value| {
        let mut params = json!({ "threadId": thread });
        params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        params
    };
    let cases = [
        ("thread/start", json!({ "cwd": cwd }), "thread/started"),
        ("thread/fork", turn(json!({})), "thread/started"),
        ("thread/name/set", turn(json!({ "name": "n" })), "thread/name/updated"),
        ("turn/start", turn(json!({ "input": input })), "turn/started"),
    ];
    for (method, params, notification) in cases {
        let told = until(&mut server, method, params, notification).await;
        let first = told.iter().find(|name| *name != "warning").map(String::as_str);
        assert_eq!(first, Some("answer"), "{method}: {told:?}");
    }

    let started = server.expect("item/agentMessage/delta").await;
    let running = started["params"]["turnId"].clone();
    let told = until(&mut server, "turn/interrupt", turn(json!({ "turnId": running })), "turn/completed").await;
    assert_eq!(told, ["answer", "thread/status/changed", "turn/completed"]);

    // The thread is unloaded before it is put away, as clients have always been told.
    let told = until(&mut server, "thread/archive", turn(json!({})), "thread/archived").await;
    assert_eq!(told, ["thread/status/changed", "answer", "thread/archived"]);
    let told = until(&mut server, "thread/unarchive", turn(json!({})), "thread/unarchived").await;
    assert_eq!(told.first().map(String::as_str), Some("answer"), "{told:?}");

    let login = json!({ "type": "apiKey", "apiKey": "sk-x" });
    let told = until(&mut server, "account/login/start", login, "account/updated").await;
    assert_eq!(told, ["answer", "account/login/completed", "account/updated"]);
    let told = until(&mut server, "account/logout", json!(null), "account/updated").await;
    assert_eq!(told, ["answer", "account/updated"]);
}

#[tokio::test]
async fn a_turn_that_never_began_is_answered_first_too_when_it_is_interrupted() {
    // A review takes no input, so that the turn waits.
    let mut server = TestServer::with_model([held()]).await;
    let thread = server.start_thread().await;
    let review = json!({ "threadId": thread, "target": { "type": "custom", "instructions": "look" } });
    server.request("review/start", review).await.unwrap();
    server.model.wait_for_requests(1).await;
    let turn = server.start_turn(&thread, "next").await;
    let params = json!({ "threadId": thread, "turnId": turn });
    let told = until(&mut server, "turn/interrupt", params, "turn/completed").await;
    let told: Vec<_> =
        told.iter().filter(|name| ["answer", "turn/started", "turn/completed"].contains(&name.as_str())).collect();
    assert_eq!(told, ["answer", "turn/started", "turn/completed"]);
}

#[tokio::test]
async fn requests_for_one_thread_are_carried_out_in_the_order_in_which_they_came() {
    let mut server = TestServer::with_model([]).await;
    let thread = server.start_thread().await;
    let names: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    server.forget();
    let mut ids = Vec::new();
    for name in &names {
        ids.push(server.post("thread/name/set", json!({ "threadId": thread, "name": name })).await);
    }
    let (mut answered, mut told) = (Vec::new(), Vec::new());
    while told.len() < names.len() {
        let said = server.read().await.unwrap();
        match said["method"].as_str() {
            Some("thread/name/updated") => told.push(said["params"]["threadName"].as_str().unwrap().to_owned()),
            Some(_) => {}
            None => answered.push(said["id"].as_i64().unwrap()),
        }
    }
    assert_eq!(told, names);
    assert_eq!(answered, ids);
}

/// A request that ends when the test wants it to: a file is written into a pipe, which waits for a reader.
struct Slow {
    pipe: std::path::PathBuf,
    id: i64,
}

impl Slow {
    async fn start(server: &mut TestServer, name: &str) -> Self {
        let pipe = server.project.join(name).into_path_buf();
        #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
        let made = std::process::Command::new("mkfifo").arg(&pipe).stdin(Stdio::null()).status().unwrap();
        assert!(made.success());
        let path = pipe.display().to_string();
        let id = server.post("fs/writeFile", json!({ "path": path, "dataBase64": "eA==" })).await;
        Self { pipe, id }
    }

    async fn finish(self, server: &mut TestServer) {
        let read = tokio::task::spawn_blocking(move || std::fs::read(self.pipe));
        assert_eq!(server.answer(self.id).await, Ok(json!({})));
        assert_eq!(read.await.unwrap().unwrap(), b"x");
    }
}

#[tokio::test]
async fn a_slow_request_holds_up_no_other() {
    let mut server = TestServer::with_model([Reply::say("hi")]).await;
    let slow = Slow::start(&mut server, "pipe").await;
    let thread = server.start_thread().await;
    assert_eq!(server.run_turn(&thread, "go").await["status"], "completed");
    server.request("config/read", json!({})).await.unwrap();
    slow.finish(&mut server).await;
}

#[tokio::test]
async fn threads_do_not_wait_for_each_other() {
    let mut server = TestServer::with_model([held(), Reply::say("hi")]).await;
    let (one, other) = (server.start_thread().await, server.start_thread().await);
    let held = server.start_turn(&one, "go").await;
    server.expect("item/agentMessage/delta").await;
    assert_eq!(server.run_turn(&other, "go").await["status"], "completed");
    server.request("turn/interrupt", json!({ "threadId": one, "turnId": held })).await.unwrap();
    assert_eq!(server.turn_end(&held).await["status"], "interrupted");
}

#[tokio::test]
async fn a_question_comes_after_its_item_and_is_settled_before_the_turn_ends() {
    let call = json!({ "command": "touch made" });
    let mut server = TestServer::with_model([Reply::call("shell_command", &call)]).await;
    let cwd = server.project.to_string();
    let started = server.request("thread/start", json!({ "cwd": cwd, "approvalPolicy": "untrusted" })).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let input = json!([{ "type": "text", "text": "go" }]);
    let params = json!({ "threadId": thread, "input": input });
    let told = until(&mut server, "turn/start", params, "item/commandExecution/requestApproval").await;
    let items = told.iter().filter(|name| *name == "item/started").count();
    assert_eq!(items, 2, "the user's message and the command: {told:?}");
    let turn = json!({ "threadId": thread, "turnId": "" });
    let told = until(&mut server, "turn/interrupt", turn, "turn/completed").await;
    let at = |name: &str| told.iter().position(|told| told == name);
    assert!(at("serverRequest/resolved").is_some() && at("serverRequest/resolved") < at("turn/completed"), "{told:?}");
}
