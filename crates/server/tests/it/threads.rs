//! `thread/*`: keeping, finding, copying and putting away threads.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Gate, Reply, Step, completed, message, usage};

use crate::kit::TestServer;

/// A thread in which these were said and answered.
async fn thread_with(server: &mut TestServer, texts: &[&str]) -> String {
    let thread = server.start_thread().await;
    for text in texts {
        server.run_turn(&thread, text).await;
    }
    thread
}

async fn list(server: &mut TestServer, params: Value) -> Vec<String> {
    let page = server.request("thread/list", params).await.expect("threads are listed");
    page["data"].as_array().unwrap().iter().map(|thread| thread["preview"].as_str().unwrap().to_owned()).collect()
}

/// The first words of each turn.
fn said(turns: &Value) -> Vec<&str> {
    turns
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| turn["items"][0]["content"][0]["text"].as_str().unwrap_or_default())
        .collect()
}

async fn turns(server: &mut TestServer, thread: &str) -> Value {
    let params = json!({ "threadId": thread, "includeTurns": true });
    server.request("thread/read", params).await.expect("a thread is read")["thread"]["turns"].take()
}

fn held(gate: &Gate, text: &str) -> Reply {
    let mut steps = vec![Step::from(gate.clone())];
    steps.push(Step::from(message(text)));
    steps.push(Step::from(completed("resp-1", &usage(1, 1))));
    Reply::stream(steps)
}

#[tokio::test]
async fn a_list_shows_loaded_and_stored_threads_and_only_archived_ones_on_request() {
    let mut server = TestServer::with_model([Reply::say("a"), Reply::say("b")]).await;
    thread_with(&mut server, &["first"]).await;
    let mut server = server.restart().await;
    let second = thread_with(&mut server, &["second"]).await;
    let page = server.request("thread/list", json!({ "searchTerm": "first" })).await.unwrap();
    assert_eq!(page["data"][0]["status"]["type"], "notLoaded");
    let page = server.request("thread/list", json!({ "searchTerm": "second" })).await.unwrap();
    assert_eq!(page["data"][0]["status"]["type"], "idle");

    server.request("thread/archive", json!({ "threadId": second })).await.unwrap();
    assert_eq!(list(&mut server, json!({})).await, ["first"]);
    assert_eq!(list(&mut server, json!({ "archived": true })).await, ["second"]);
}

#[tokio::test]
async fn archiving_interrupts_and_unloads_and_everyone_hears_of_it() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([Reply::say("one"), held(&gate, "two")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let turn = server.start_turn(&thread, "two").await;
    gate.reached().await;
    server.request("thread/archive", json!({ "threadId": thread })).await.unwrap();

    assert_eq!(server.turn_end(&turn).await["status"], "interrupted");
    assert_eq!(server.expect("thread/archived").await["params"]["threadId"], thread);
    let loaded = server.request("thread/loaded/list", json!({})).await.unwrap();
    assert_eq!(loaded["data"], json!([]));
    let error = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap_err();
    assert_eq!(error["message"], format!("no rollout found for thread id {thread}"));

    let back = server.request("thread/unarchive", json!({ "threadId": thread })).await.unwrap();
    assert!(back["thread"]["path"].as_str().unwrap().contains("/sessions/"));
    assert_eq!(said(&turns(&mut server, &thread).await), ["one", "two"]);
}

#[tokio::test]
async fn a_fork_of_a_running_thread_has_its_turn_interrupted_and_leaves_the_original_alone() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([Reply::say("one"), held(&gate, "two"), Reply::say("three")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let turn = server.start_turn(&thread, "two").await;
    gate.reached().await;
    let fork = server.request("thread/fork", json!({ "threadId": thread })).await.unwrap()["thread"].take();
    assert_eq!((&fork["forkedFromId"], &fork["name"]), (&json!(thread), &Value::Null));
    assert_eq!(said(&fork["turns"]), ["one", "two"]);
    assert_eq!(fork["turns"][1]["status"], "interrupted");
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "completed");

    let fork = fork["id"].as_str().unwrap().to_owned();
    server.run_turn(&fork, "three").await;
    let request = server.model.requests()[2].body.to_string();
    assert!(request.contains("turn_aborted") && !request.contains("two\\n"), "the copy knows of the interruption");
    assert_eq!(said(&turns(&mut server, &fork).await), ["one", "two", "three"]);
    assert_eq!(said(&turns(&mut server, &thread).await), ["one", "two"]);
}

#[tokio::test]
async fn an_ephemeral_fork_leaves_no_file() {
    let mut server = TestServer::with_model([Reply::say("one"), Reply::say("two")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let params = json!({ "threadId": thread, "ephemeral": true });
    let fork = server.request("thread/fork", params).await.unwrap()["thread"].take();
    assert_eq!((&fork["path"], said(&fork["turns"])), (&Value::Null, vec!["one"]));
    server.run_turn(fork["id"].as_str().unwrap(), "two").await;
    server.rollout();
    assert_eq!(list(&mut server, json!({})).await, ["one"]);
}

#[tokio::test]
async fn a_rollback_is_what_the_model_sees_and_what_a_new_server_reads() {
    let replies = ["one", "two", "three", "four"].map(Reply::say);
    let mut server = TestServer::with_model(replies).await;
    let thread = thread_with(&mut server, &["alpha", "beta", "gamma"]).await;
    let params = json!({ "threadId": thread, "numTurns": 2 });
    let rolled_back = server.request("thread/rollback", params).await.unwrap();
    assert_eq!(said(&rolled_back["thread"]["turns"]), ["alpha"]);
    server.run_turn(&thread, "delta").await;
    let request = server.model.requests()[3].body.to_string();
    assert!(request.contains("alpha") && !request.contains("beta") && !request.contains("gamma"), "{request}");

    let mut server = server.restart().await;
    assert_eq!(said(&turns(&mut server, &thread).await), ["alpha", "delta"]);
}

#[tokio::test]
async fn a_rollback_during_a_turn_is_refused_and_leaves_the_turn_alone() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([Reply::say("one"), held(&gate, "two")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let turn = server.start_turn(&thread, "two").await;
    gate.reached().await;
    let error = server.request("thread/rollback", json!({ "threadId": thread, "numTurns": 1 })).await.unwrap_err();
    assert_eq!(error["message"], "Cannot rollback while a turn is in progress.");
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
}

#[tokio::test]
async fn changed_git_facts_survive_the_server_and_do_not_touch_the_thread() {
    let mut server = TestServer::with_model([Reply::say("one")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let rollout = server.rollout();
    let before = std::fs::read(&rollout).unwrap();
    let params = json!({ "threadId": thread, "gitInfo": { "branch": " topic " } });
    server.request("thread/metadata/update", params).await.unwrap();
    assert_eq!(std::fs::read(&rollout).unwrap(), before);

    let mut server = server.restart().await;
    let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(resumed["thread"]["gitInfo"]["branch"], "topic");
    let params = json!({ "threadId": thread, "gitInfo": { "branch": null } });
    let cleared = server.request("thread/metadata/update", params).await.unwrap();
    assert_eq!(cleared["thread"]["gitInfo"], Value::Null);
}

#[tokio::test]
async fn a_name_for_a_thread_that_is_not_loaded_is_in_its_rollout() {
    let mut server = TestServer::with_model([Reply::say("one")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let mut server = server.restart().await;
    server.request("thread/name/set", json!({ "threadId": thread, "name": " My name " })).await.unwrap();
    assert_eq!(server.expect("thread/name/updated").await["params"]["threadName"], "My name");
    let rollout = std::fs::read_to_string(server.rollout()).unwrap();
    assert_eq!(rollout.matches("thread_name_updated").count(), 1);
    let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(resumed["thread"]["name"], "My name");
}

#[tokio::test]
async fn a_command_of_the_user_is_a_turn_of_its_own_and_the_model_hears_of_it() {
    let mut server = TestServer::with_model([Reply::say("ok")]).await;
    let thread = server.start_thread().await;
    let params = json!({ "threadId": thread, "command": "echo one | tr a-z A-Z; exit 3" });
    server.request("thread/shellCommand", params).await.unwrap();
    let item = server.expect("item/completed").await["params"]["item"].take();
    assert_eq!((&item["source"], &item["status"]), (&json!("userShell"), &json!("failed")));
    assert_eq!((&item["aggregatedOutput"], &item["exitCode"]), (&json!("ONE\n"), &json!(3)));
    assert_eq!(server.expect("turn/completed").await["params"]["turn"]["status"], "completed");

    server.run_turn(&thread, "next").await;
    let request = server.model.requests()[0].body.to_string();
    assert!(request.contains("<user_shell_command>") && request.contains("Exit code: 3"), "{request}");
}

#[tokio::test]
async fn a_command_of_the_user_can_be_interrupted_and_input_waits_for_its_end() {
    let mut server = TestServer::with_model([Reply::say("ok")]).await;
    let thread = server.start_thread().await;
    let params = json!({ "threadId": thread, "command": "echo started; exec sleep 600" });
    server.request("thread/shellCommand", params).await.unwrap();
    let started = server.expect("item/commandExecution/outputDelta").await;
    let command = started["params"]["turnId"].as_str().unwrap().to_owned();
    let turn = server.start_turn(&thread, "after it").await;

    server.request("turn/interrupt", json!({ "threadId": thread, "turnId": command })).await.unwrap();

    assert_eq!(server.turn_end(&command).await["status"], "interrupted");
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert!(server.model.requests()[0].body.to_string().contains("command aborted by user"));
}

#[tokio::test]
async fn a_command_that_comes_as_the_turn_ends_does_not_begin_after_it() {
    // Each time the command comes a little later.
    for steps in 0..100 {
        let gate = Gate::new();
        let mut server = TestServer::with_model([held(&gate, "one")]).await;
        let thread = server.start_thread().await;
        server.start_turn(&thread, "go").await;
        gate.reached().await;
        gate.open();
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        server.post("thread/shellCommand", json!({ "threadId": thread, "command": "echo aside" })).await;
        let mut over = Vec::new();
        loop {
            let told = server.wait(|message| message["params"]["threadId"] == thread).await;
            let (method, params) = (told["method"].as_str().unwrap(), &told["params"]);
            let is_command = params["item"]["type"] == "commandExecution";
            match method {
                "turn/completed" => over.push(params["turn"]["id"].clone()),
                "item/started" if is_command => assert!(!over.contains(&params["turnId"]), "{told}"),
                "item/completed" if is_command => break,
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_command_beside_a_turn_belongs_to_it_and_is_seen_before_its_end() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held(&gate, "one"), Reply::say("two")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "go").await;
    gate.reached().await;
    let params = json!({ "threadId": thread, "command": "echo aside" });
    server.request("thread/shellCommand", params).await.unwrap();
    loop {
        let done = server.expect("item/completed").await;
        if done["params"]["item"]["type"] == "commandExecution" {
            assert_eq!(done["params"]["turnId"], turn);
            break;
        }
    }
    // What the thread is told first it has dealt with before what it is told next.
    server.request("thread/name/set", json!({ "threadId": thread, "name": "n" })).await.unwrap();
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert!(server.model.requests()[1].body.to_string().contains("aside"));
}

#[tokio::test]
async fn an_extended_history_has_the_commands_after_a_restart() {
    let call = Reply::call("shell_command", &json!({ "command": "echo out" }));
    let mut server = TestServer::with_model([call, Reply::say("done")]).await;
    let cwd = server.project.to_string();
    let params = json!({ "cwd": cwd, "persistExtendedHistory": true });
    let started = server.request("thread/start", params).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    server.run_turn(&thread, "run it").await;

    let mut server = server.restart().await;
    let turns = turns(&mut server, &thread).await;
    let command = &turns[0]["items"][1];
    assert_eq!((&command["type"], &command["aggregatedOutput"]), (&json!("commandExecution"), &json!("out\n")));
}

#[tokio::test]
async fn a_clients_tools_are_there_again_after_a_restart() {
    let mut server = TestServer::with_model([Reply::say("one"), Reply::say("two")]).await;
    let tool = json!({ "name": "lookup", "description": "Looks up.", "inputSchema": { "type": "object" } });
    let params = json!({ "cwd": server.project.to_string(), "dynamicTools": [tool] });
    let started = server.request("thread/start", params).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    server.run_turn(&thread, "one").await;

    let mut server = server.restart().await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    server.run_turn(&thread, "two").await;
    let body = &server.model.requests()[1].body;
    assert!(body["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "lookup"));
}

#[tokio::test]
async fn another_file_of_a_loaded_thread_is_refused_also_when_the_path_alone_names_it() {
    let mut server = TestServer::with_model([Reply::say("hello")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    let path = server.rollout();
    let (copy, link) = (server.home.join("copy.jsonl"), server.home.join("link.jsonl"));
    std::fs::copy(&path, &copy).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = server.request("thread/resume", json!({ "threadId": "", "path": copy.to_string() })).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("copy.jsonl"), "{error}");
    for same in [path.to_str().unwrap(), link.to_str().unwrap()] {
        let resumed = server.request("thread/resume", json!({ "threadId": "", "path": same })).await.unwrap();
        assert_eq!(resumed["thread"]["id"], thread);
    }
}

#[tokio::test]
async fn a_loaded_thread_is_not_resumed_from_another_file_or_with_another_history() {
    let mut server = TestServer::with_model([Reply::say("one")]).await;
    let thread = thread_with(&mut server, &["one"]).await;
    let rollout = server.rollout();
    let params = json!({ "threadId": thread, "path": "/elsewhere.jsonl" });
    let error = server.request("thread/resume", params).await.unwrap_err();
    let expected = format!(
        "cannot resume running thread {thread} with mismatched path: requested `/elsewhere.jsonl`, active `{}`",
        rollout.display()
    );
    assert_eq!(error["message"], expected);
    let item = json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "h" }] });
    let params = json!({ "threadId": thread, "history": [item] });
    let error = server.request("thread/resume", params).await.unwrap_err();
    assert_eq!(error["message"], format!("cannot resume thread {thread} with history while it is already running"));
    let params = json!({ "threadId": "not an id", "path": rollout });
    assert_eq!(server.request("thread/resume", params).await.unwrap()["thread"]["id"], thread);
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_nobody_follows_is_unloaded_after_half_an_hour() {
    const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);
    const SECOND: Duration = Duration::from_secs(1);
    let mut server = TestServer::with_model([]).await;
    let thread = server.start_thread().await;
    let follow = json!({ "threadId": thread });
    let unsubscribed = server.request("thread/unsubscribe", follow.clone()).await.unwrap();
    assert_eq!(unsubscribed["status"], "unsubscribed");

    tokio::time::advance(HALF_AN_HOUR - SECOND).await;
    let again = server.request("thread/unsubscribe", follow.clone()).await.unwrap();
    assert_eq!(again["status"], "notSubscribed", "it is still loaded");

    tokio::time::advance(SECOND).await;
    server.expect("thread/closed").await;
    assert!(server.methods().contains(&"thread/status/changed"));
    let gone = server.request("thread/unsubscribe", follow).await.unwrap();
    assert_eq!(gone["status"], "notLoaded");
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_followed_again_stays() {
    let mut server = TestServer::with_model([]).await;
    let thread = server.start_thread().await;
    let params = json!({ "threadId": thread });
    server.request("thread/name/set", json!({ "threadId": thread, "name": "stored" })).await.unwrap();
    server.request("thread/unsubscribe", params.clone()).await.unwrap();
    server.request("thread/resume", params).await.unwrap();
    tokio::time::advance(Duration::from_secs(2 * 60 * 60)).await;
    let loaded = server.request("thread/loaded/list", json!({})).await.unwrap();
    assert_eq!(loaded["data"], json!([thread]));
}

#[tokio::test]
async fn a_summary_is_found_by_id_and_by_file() {
    let mut server = TestServer::with_model([Reply::say("ok")]).await;
    let thread = server.start_thread().await;
    let by_id = json!({ "conversationId": thread });
    let error = server.request("getConversationSummary", by_id.clone()).await.unwrap_err();
    assert_eq!(error["message"], format!("no rollout found for conversation id {thread}"));
    server.run_turn(&thread, "summarize me").await;

    let summary = server.request("getConversationSummary", by_id).await.unwrap()["summary"].take();
    assert_eq!(summary["conversationId"], thread);
    assert_eq!(summary["preview"], "summarize me");
    assert_eq!(summary["source"], "vscode");
    for time in ["timestamp", "updatedAt"] {
        let time = summary[time].as_str().unwrap();
        assert!(time.len() == "2025-01-02T12:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    }
    let path = server.rollout();
    assert_eq!(summary["path"], path.to_str().unwrap());
    let relative = path.strip_prefix(&server.home).unwrap().to_owned();
    let by_path = server.request("getConversationSummary", json!({ "rolloutPath": relative })).await.unwrap();
    assert_eq!(by_path["summary"]["conversationId"], thread);

    let absent = server.request("getConversationSummary", json!({ "rolloutPath": "absent" })).await.unwrap_err();
    let start = format!("failed to resolve rollout path `{}`: ", server.home.join("absent"));
    assert!(absent["message"].as_str().unwrap().starts_with(&start), "{absent}");
    let invalid = server.request("getConversationSummary", json!({ "conversationId": "zzz" })).await.unwrap_err();
    assert!(invalid["message"].as_str().unwrap().starts_with("Invalid request: invalid conversationId: "), "{invalid}");
}
