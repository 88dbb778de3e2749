//! Several clients on one server: who hears what, who may lag, and what a client finds that comes back.

use serde_json::{Value, json};
use testkit::{Gate, Reply, Step, completed, message_in_pieces, usage};

use crate::kit::{Client, TestServer};

fn numbers() -> Value {
    json!({ "experimentalApi": true, "spindle": { "eventNumbers": true } })
}

fn names() -> Value {
    json!({ "experimentalApi": true, "spindle": { "clientRequestIds": true } })
}

async fn resume(client: &mut Client, thread: &str) -> Value {
    client.request("thread/resume", json!({ "threadId": thread })).await.expect("the thread can be resumed")
}

/// A reply that waits at `gate` before its last piece.
fn held(first: &str, gate: &Gate, last: &str) -> Reply {
    let mut steps: Vec<Step> = message_in_pieces(&[first, last]).into_iter().map(Step::from).collect();
    let is_delta = |step: &Step| matches!(step, Step::Event(event) if event["type"] == "response.output_text.delta");
    let last_delta = steps.iter().rposition(is_delta).expect("there are deltas");
    steps.insert(last_delta, Step::from(gate.clone()));
    steps.push(Step::from(completed("r", &usage(1, 1))));
    Reply::new(steps)
}

/// The numbers of all messages that have one, in the order in which they came.
fn seqs(messages: &[Value]) -> Vec<u64> {
    messages.iter().filter_map(|message| message["seq"].as_u64()).collect()
}

fn is_gapless(seqs: &[u64]) -> bool {
    seqs.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[tokio::test]
async fn only_followers_hear_of_a_turn_and_everyone_of_the_status() {
    let mut server = TestServer::with_model([Reply::say("one"), Reply::say("two")]).await;
    let mut other = server.connect(json!({})).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "first").await;
    other.request("thread/loaded/list", json!({})).await.unwrap();
    let heard = other.methods();
    assert!(heard.contains(&"thread/started") && heard.contains(&"thread/status/changed"), "{heard:?}");
    assert!(heard.iter().all(|method| !method.starts_with("turn/") && !method.starts_with("item/")), "{heard:?}");

    resume(&mut other, &thread).await;
    let turn = server.start_turn(&thread, "second").await;
    assert_eq!(other.turn_end(&turn).await, server.turn_end(&turn).await);
}

#[tokio::test]
async fn who_comes_in_the_middle_sees_the_running_turn_and_hears_its_rest() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held("Hello ", &gate, "world")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "hi").await;
    server.expect("item/agentMessage/delta").await;

    let mut other = server.connect(json!({})).await;
    let resumed = resume(&mut other, &thread).await;
    assert_eq!(resumed["thread"]["turns"][0]["status"], "inProgress");
    assert_eq!(resumed["thread"]["turns"][0]["items"][0]["type"], "userMessage");
    gate.open();
    other.turn_end(&turn).await;
    let whole = other.expect("item/completed").await;
    assert_eq!(whole["params"]["item"]["text"], "Hello world");
}

#[tokio::test]
async fn one_answer_settles_a_question_for_all() {
    let call = Reply::call("shell_command", &json!({ "command": "touch made.txt" }));
    let mut server = TestServer::with_model([call, Reply::say("done")]).await;
    let params = json!({ "cwd": server.project.to_string(), "approvalPolicy": "untrusted" });
    let started = server.request("thread/start", params).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let turn = server.start_turn(&thread, "make it").await;
    let asked = server.expect("item/commandExecution/requestApproval").await;

    let mut other = server.connect(json!({})).await;
    resume(&mut other, &thread).await;
    let asked_again = other.expect("item/commandExecution/requestApproval").await;
    assert_eq!(asked["id"], asked_again["id"]);
    other.send(&json!({ "id": asked["id"], "result": { "decision": "decline" } })).await;
    server.expect("serverRequest/resolved").await;
    other.expect("serverRequest/resolved").await;
    server.send(&json!({ "id": asked["id"], "result": { "decision": "accept" } })).await;
    server.turn_end(&turn).await;
    assert!(!server.project.join("made.txt").as_path().exists(), "the second answer counts for nothing");
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_up_nobody_and_is_cut_off() {
    let text: Vec<String> =
        (0..4000).map(|index| format!("piece {index} of a long text, {}", "x".repeat(200))).collect();
    let pieces: Vec<&str> = text.iter().map(String::as_str).collect();
    let mut steps: Vec<Step> = message_in_pieces(&pieces).into_iter().map(Step::from).collect();
    steps.push(Step::from(completed("r", &usage(1, 1))));
    let mut server = TestServer::with_model([Reply::say("one"), Reply::new(steps), Reply::say("three")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "first").await;
    let mut slow = server.connect_with_room(json!({}), 100_000).await;
    resume(&mut slow, &thread).await;

    server.run_turn(&thread, "second").await;
    server.run_turn(&thread, "third").await;
    // What was on its way still arrives, and then the end; the server did not wait for it.
    let heard = slow.rest().await;
    assert!(heard.iter().all(|message| message["method"] != "turn/completed"), "it was cut off in the second turn");
}

#[tokio::test]
async fn a_client_that_lags_gets_the_same_text_in_fewer_messages() {
    const PIECES: usize = 4000;
    let text: Vec<String> =
        (0..PIECES).map(|index| format!("piece {index} \"quoted\" {}\n", "x".repeat(150))).collect();
    let pieces: Vec<&str> = text.iter().map(String::as_str).collect();
    let mut steps: Vec<Step> = message_in_pieces(&pieces).into_iter().map(Step::from).collect();
    steps.push(Step::from(completed("r", &usage(1, 1))));
    let mut server = TestServer::with_model([Reply::say("one"), Reply::new(steps)]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "first").await;
    let mut slow = server.connect(numbers()).await;
    resume(&mut slow, &thread).await;
    let turn = server.start_turn(&thread, "second").await;
    server.turn_end(&turn).await;

    // Only now it reads.
    slow.turn_end(&turn).await;
    let told = slow.unclaimed();
    let deltas: Vec<&Value> = told.iter().filter(|message| message["method"] == "item/agentMessage/delta").collect();
    let joined: String = deltas.iter().filter_map(|delta| delta["params"]["delta"].as_str()).collect();
    assert_eq!(joined, text.concat());
    assert!(deltas.len() < PIECES * 3 / 4, "{} messages", deltas.len());
    let mut next = seqs(told)[0];
    for message in told.iter().filter(|message| message.get("seq").is_some()) {
        assert_eq!(message.get("firstSeq").unwrap_or(&message["seq"]).as_u64(), Some(next), "{}", message["method"]);
        next = message["seq"].as_u64().unwrap() + 1;
    }
}

#[tokio::test]
async fn numbers_come_only_to_those_who_asked_and_only_of_threads_they_follow() {
    let mut server = TestServer::with_model([Reply::say("one")]).await;
    let mut numbered = server.connect(numbers()).await;
    let mut bystander = server.connect(numbers()).await;
    let thread = numbered.start_thread_in(&server.project.to_string()).await;
    resume_error(&mut server, &thread).await;
    let turn = numbered.start_turn(&thread, "hi").await;
    numbered.turn_end(&turn).await;
    bystander.request("thread/loaded/list", json!({})).await.unwrap();
    server.request("thread/loaded/list", json!({})).await.unwrap();
    assert!(seqs(numbered.unclaimed()).len() > 5 && is_gapless(&seqs(numbered.unclaimed())));
    assert!(!bystander.unclaimed().is_empty() && seqs(bystander.unclaimed()).is_empty());
    assert!(!server.unclaimed().is_empty() && seqs(server.unclaimed()).is_empty());
}

/// A thread without a turn cannot be resumed; its clients are not disturbed.
async fn resume_error(client: &mut Client, thread: &str) {
    client.request("thread/resume", json!({ "threadId": thread })).await.unwrap_err();
}

#[tokio::test]
async fn a_client_that_comes_back_is_given_what_it_missed_and_goes_on_from_there() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([Reply::say("one"), held("Hello ", &gate, "world")]).await;
    let thread = server.start_thread().await;
    let mut first = server.connect(numbers()).await;
    server.run_turn(&thread, "one").await;
    resume(&mut first, &thread).await;
    let turn = server.start_turn(&thread, "two").await;
    first.expect("turn/started").await;
    let seen = *seqs(first.unclaimed()).last().expect("it has heard of the turn's beginning") + 1;
    drop(first);
    server.expect("item/agentMessage/delta").await;

    let mut second = server.connect(numbers()).await;
    let replay = json!({ "threadId": thread, "after": seen });
    let replayed = second.request("thread/events/replay", replay).await.unwrap();
    assert_eq!(replayed["complete"], true);
    gate.open();
    second.turn_end(&turn).await;
    let events = replayed["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["method"] == "item/agentMessage/delta"), "{events:?}");
    let all = [seqs(events), seqs(second.unclaimed())].concat();
    assert_eq!(all[0], seen + 1);
    assert!(is_gapless(&all), "{all:?}");
}

#[tokio::test]
async fn who_was_away_for_too_long_is_told_to_read_the_thread_again() {
    let mut server = TestServer::with_model([Reply::say("one")]).await;
    let mut client = server.connect(numbers()).await;
    let thread = client.start_thread_in(&server.project.to_string()).await;
    for (thread, after) in [(&*thread, 1), (&*thread, u64::MAX), ("019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1", 1)] {
        let params = json!({ "threadId": thread, "after": after });
        let answer = client.request("thread/events/replay", params).await.unwrap();
        assert_eq!(answer, json!({ "complete": false, "events": [] }));
    }
    // To others the method does not exist.
    let error = server.request("thread/events/replay", json!({ "threadId": thread, "after": 1 })).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("unknown variant `thread/events/replay`"), "{error}");
}

#[tokio::test]
async fn open_questions_are_asked_again_after_a_replay() {
    let call = Reply::call("shell_command", &json!({ "command": "touch made.txt" }));
    let server = TestServer::with_model([call, Reply::say("done")]).await;
    let mut first = server.connect(numbers()).await;
    let params = json!({ "cwd": server.project.to_string(), "approvalPolicy": "untrusted" });
    let started = first.request("thread/start", params).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let turn = first.start_turn(&thread, "make it").await;
    let asked = first.expect("item/commandExecution/requestApproval").await;
    let seen = *seqs(first.unclaimed()).last().unwrap();
    drop(first);

    let mut second = server.connect(numbers()).await;
    second.request("thread/events/replay", json!({ "threadId": thread, "after": seen })).await.unwrap();
    let again = second.expect("item/commandExecution/requestApproval").await;
    assert_eq!(asked["id"], again["id"]);
    second.send(&json!({ "id": again["id"], "result": { "decision": "accept" } })).await;
    second.turn_end(&turn).await;
    assert!(server.project.join("made.txt").as_path().exists());
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_one_and_carried_out_once() {
    let server = TestServer::with_model([Reply::say("one")]).await;
    let start = json!({ "cwd": server.project.to_string(), "clientRequestId": "start-1" });
    let mut first = server.connect(names()).await;
    let started = first.request("thread/start", start.clone()).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let input = json!([{ "type": "text", "text": "hi" }]);
    let turn = json!({ "threadId": thread, "input": input, "clientRequestId": "turn-1" });
    let answer = first.request("turn/start", turn.clone()).await.unwrap();
    drop(first);

    let mut second = server.connect(names()).await;
    assert_eq!(second.request("thread/start", start.clone()).await.unwrap(), started);
    assert_eq!(second.request("turn/start", turn).await.unwrap(), answer);
    let id = answer["turn"]["id"].as_str().unwrap();
    let read = json!({ "threadId": thread, "includeTurns": true });
    if second.request("thread/read", read.clone()).await.unwrap()["thread"]["status"]["type"] == "active" {
        // Who repeats the start of a thread follows it.
        second.turn_end(id).await;
    }
    let turns = second.request("thread/read", read).await.unwrap();
    assert_eq!(turns["thread"]["turns"].as_array().unwrap().len(), 1);
    assert_eq!(server.model.requests().len(), 1);

    let other = json!({ "threadId": thread, "input": input, "clientRequestId": "turn-1", "effort": "high" });
    let error = second.request("turn/start", other).await.unwrap_err();
    assert_eq!(error["message"], "clientRequestId `turn-1` was used for another request");
    let error = second.request("thread/start", json!({ "clientRequestId": "" })).await.unwrap_err();
    assert_eq!(error["message"], "clientRequestId must have 1 to 256 bytes");
}

#[tokio::test]
async fn a_name_that_was_not_agreed_on_means_nothing() {
    let mut server = TestServer::with_model([]).await;
    let start = json!({ "cwd": server.project.to_string(), "clientRequestId": "start-1" });
    let first = server.request("thread/start", start.clone()).await.unwrap();
    let second = server.request("thread/start", start).await.unwrap();
    assert_ne!(first["thread"]["id"], second["thread"]["id"]);
}

#[tokio::test]
async fn granted_additions_are_said_and_only_to_those_who_asked() {
    let server = TestServer::with_model([]).await;
    let mut client = server.connect(json!({})).await;
    let error =
        client.request("initialize", json!({ "clientInfo": { "name": "it", "version": "1" } })).await.unwrap_err();
    assert_eq!(error["message"], "Already initialized");

    let mut plain = TestServer::uninitialized([]).await;
    let introduce =
        |capabilities| json!({ "clientInfo": { "name": "it", "version": "1" }, "capabilities": capabilities });
    let answer = plain.request("initialize", introduce(json!({ "experimentalApi": true }))).await.unwrap();
    assert!(answer.get("spindle").is_none());
    let mut asking = TestServer::uninitialized([]).await;
    let answer = asking.request("initialize", introduce(numbers())).await.unwrap();
    assert_eq!(answer["spindle"], json!({ "eventNumbers": true, "clientRequestIds": false }));
}

#[tokio::test]
async fn of_requests_that_come_all_at_once_some_are_refused_and_each_is_answered() {
    const SENT: i64 = 3000;
    let server = TestServer::with_model([]).await;
    let mut client = server.connect(json!({ "experimentalApi": true })).await;
    // More than one connection may have in progress, all of them behind one that takes its time.
    let line = |id: i64| json!({ "id": 10 + id, "method": "config/read", "params": {} }).to_string();
    client.send_text(&(0..SENT).map(line).collect::<Vec<_>>().join("\n")).await;
    let mut refused = 0;
    let mut answered = std::collections::HashSet::new();
    while answered.len() < SENT as usize {
        let answer = client.wait(|message| message.get("id").is_some()).await;
        assert!(answered.insert(answer["id"].as_i64()), "{answer}");
        if let Some(error) = answer.get("error") {
            assert_eq!(*error, json!({ "code": -32001, "message": "Server overloaded; retry later." }));
            refused += 1;
        }
    }
    assert!((1..SENT - 1000).contains(&refused), "{refused} refused");
    client.request("config/read", json!({})).await.expect("the rest is unaffected");
}

#[tokio::test]
async fn figures_tell_what_was_done_and_nothing_of_what_was_said() {
    let mut server = TestServer::with_model([Reply::say("a secret answer"), Reply::error(400, "no")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "a secret question").await;
    server.run_turn(&thread, "another").await;
    let figures = server.server.metrics();
    for line in [
        "spindle_connections 1",
        "spindle_threads_loaded 1",
        "spindle_turns_running 0",
        "spindle_turns_total{status=\"completed\"} 1",
        "spindle_turns_total{status=\"failed\"} 1",
        "spindle_turn_seconds_count 2",
        "spindle_first_output_seconds_count 1",
        "# TYPE spindle_queued_bytes gauge",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} is not in\n{figures}");
    }
    assert!(!figures.contains("secret") && !figures.contains(&thread));
}

#[tokio::test]
async fn keys_of_the_device_are_for_programs_on_it() {
    let server = TestServer::with_model([]).await;
    let mut client = server.connect(json!({ "experimentalApi": true })).await;
    let error = client.request("device/key/public", json!({ "keyId": "k" })).await.unwrap_err();
    assert_eq!(error["message"], "device/key/public is not available over remote transports");
}
