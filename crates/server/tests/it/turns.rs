//! `turn/*`: the life of a turn.

use serde_json::{Value, json};
use testkit::{Gate, Reply, Step, event, item_added, item_done, message_item};

use crate::kit::TestServer;

fn held_message(gate: &Gate) -> Reply {
    Reply::new([
        Step::from(item_added(&message_item("msg-1", ""))),
        Step::from(event("response.output_text.delta", json!({ "item_id": "msg-1", "delta": "Part" }))),
        Step::from(gate.clone()),
        Step::from(item_done(&message_item("msg-1", "Part one"))),
    ])
}

#[tokio::test]
async fn a_turn_is_told_from_its_start_to_its_end_after_the_answer() {
    let mut server = TestServer::with_model([Reply::say("hello there")]).await;
    let thread = server.start_thread().await;
    server.forget();
    let turn = server.run_turn(&thread, "hi").await;
    assert_eq!(turn["status"], "completed");
    let quiet = ["warning", "account/rateLimits/updated", "thread/tokenUsage/updated", "item/agentMessage/delta"];
    let told: Vec<_> = server.methods().into_iter().filter(|method| !quiet.contains(method)).collect();
    assert_eq!(
        told,
        [
            "thread/started",
            "thread/status/changed",
            "turn/started",
            "item/started",
            "item/completed",
            "item/started",
            "item/completed",
            "thread/status/changed",
        ]
    );
}

#[tokio::test]
async fn interrupting_a_turn_ends_it_as_interrupted_and_closes_the_connection_to_the_model() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate), Reply::say("again")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "go").await;
    server.expect("item/agentMessage/delta").await;

    server.request("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await.unwrap();

    assert_eq!(server.turn_end(&turn).await["status"], "interrupted");
    server.model.wait_for_disconnections(1).await;
    assert_eq!(server.run_turn(&thread, "and now?").await["status"], "completed");
}

#[tokio::test]
async fn interrupting_without_a_turn_is_an_error_that_says_so() {
    let mut server = TestServer::with_model([]).await;
    let thread = server.start_thread().await;
    let error = server.request("turn/interrupt", json!({ "threadId": thread, "turnId": "x" })).await.unwrap_err();
    assert_eq!(error["message"], "no active turn to interrupt");
}

#[tokio::test]
async fn input_that_comes_while_a_turn_runs_joins_it() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate), Reply::say("both")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "first").await;
    gate.reached().await;
    let params = json!({
        "threadId": thread, "expectedTurnId": turn, "input": [{ "type": "text", "text": "second" }],
    });
    assert_eq!(server.request("turn/steer", params).await.unwrap()["turnId"], turn);
    gate.open();

    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    let requests = server.model.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].body.to_string().contains("second"), "the model saw it");
}

#[tokio::test]
async fn many_threads_run_at_once() {
    let gates: Vec<Gate> = (0..8).map(|_| Gate::new()).collect();
    let mut server = TestServer::with_model(gates.iter().map(held_message)).await;
    let mut turns = Vec::new();
    for _ in &gates {
        let thread = server.start_thread().await;
        turns.push(server.start_turn(&thread, "go").await);
    }
    // All are under way before the first one may end.
    for gate in &gates {
        gate.reached().await;
    }
    for gate in &gates {
        gate.open();
    }
    for turn in turns {
        assert_eq!(server.turn_end(&turn).await["status"], "completed");
    }
}

#[tokio::test]
async fn the_end_of_input_ends_the_server_and_the_turn_reads_back_as_interrupted() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate)]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "go").await;
    server.expect("item/agentMessage/delta").await;

    let mut server = server.restart().await;

    let params = json!({ "threadId": thread, "includeTurns": true });
    let read = server.request("thread/read", params).await.unwrap();
    let last = read["thread"]["turns"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["id"].as_str(), last["status"].as_str()), (Some(turn.as_str()), Some("interrupted")));
}

#[tokio::test]
async fn a_command_of_the_model_runs_and_its_output_is_told_and_sent_back() {
    let call = Reply::call("exec_command", &json!({ "cmd": "echo one two" }));
    let mut server = TestServer::with_model([call, Reply::say("done")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "run it").await;
    let done = loop {
        let item = server.expect("item/completed").await["params"]["item"].take();
        if item["type"] == "commandExecution" {
            break item;
        }
    };
    assert_eq!((done["exitCode"].as_i64(), done["aggregatedOutput"].as_str()), (Some(0), Some("one two\n")));
    assert!(server.model.requests()[1].body.to_string().contains("one two"));
}

#[tokio::test]
async fn input_after_an_interrupt_is_a_turn_of_its_own() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate), Reply::say("after")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "first").await;
    gate.reached().await;
    server.post("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
    let next = server.start_turn(&thread, "second").await;
    assert_eq!(server.turn_end(&turn).await["status"], "interrupted");
    // The start may have come before the interrupt; then the input is in the history of the interrupted turn.
    if server.model.requests().len() == 1 && !server.methods().contains(&"turn/started") {
        assert!(std::fs::read_to_string(server.rollout()).unwrap().contains("second"));
    } else {
        assert_eq!(server.turn_end(&next).await["status"], "completed");
    }
}

#[tokio::test]
async fn input_steered_into_a_turn_that_fails_is_seen_by_the_next_one() {
    let gate = Gate::new();
    let failing = Reply::stream([
        Step::from(item_added(&message_item("msg-1", ""))),
        Step::from(gate.clone()),
        Step::from(testkit::failed("invalid_prompt", "no")),
    ]);
    let mut server = TestServer::with_model([failing, Reply::say("seen")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "first").await;
    gate.reached().await;
    let params = json!({
        "threadId": thread, "expectedTurnId": turn, "input": [{ "type": "text", "text": "steered words" }],
    });
    server.request("turn/steer", params).await.unwrap();
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "failed");
    server.run_turn(&thread, "again").await;
    assert!(server.model.requests()[1].body.to_string().contains("steered words"));
}

#[tokio::test]
async fn what_a_turn_has_not_taken_up_of_the_user_s_input_is_bounded() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate), Reply::say("all read")]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "first").await;
    gate.reached().await;
    let mut taken = 0;
    let refused = loop {
        let text = format!("steered words {taken}.");
        let input = json!([{ "type": "text", "text": text }]);
        let params = json!({ "threadId": thread, "expectedTurnId": turn, "input": input });
        match server.request("turn/steer", params).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1000, "there is a bound");
    };
    assert_eq!(refused["code"], -32001, "{refused}");
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    let seen = server.model.requests()[1].body.to_string();
    assert!((0..taken).all(|nth| seen.contains(&format!("steered words {nth}."))), "what was taken is not lost");
}

#[tokio::test]
async fn a_thread_takes_a_name_while_the_model_speaks() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate)]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "go").await;
    gate.reached().await;
    server.request("thread/name/set", json!({ "threadId": thread, "name": "named" })).await.unwrap();
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
}

#[tokio::test]
async fn a_turn_that_cannot_be_stored_ends_with_an_error() {
    let mut server = TestServer::with_model([Reply::say("never")]).await;
    std::fs::write(server.home.join("sessions"), "in the way").unwrap();
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "go").await;
    let error = server.expect("error").await;
    assert_eq!((error["params"]["turnId"].as_str(), &error["params"]["willRetry"]), (Some(&*turn), &json!(false)));
    assert!(server.methods().contains(&"turn/started"));
    assert_eq!(server.turn_end(&turn).await["status"], "failed");
}

#[tokio::test]
async fn a_turn_that_waited_and_is_interrupted_has_an_end() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate)]).await;
    let thread = server.start_thread().await;
    let review = json!({ "threadId": thread, "target": { "type": "custom", "instructions": "look" } });
    server.request("review/start", review).await.unwrap();
    gate.reached().await;
    let waiting = server.start_turn(&thread, "after the review").await;
    server.request("turn/interrupt", json!({ "threadId": thread, "turnId": waiting })).await.unwrap();
    assert_eq!(server.turn_end(&waiting).await["status"], "interrupted");
}

#[tokio::test]
async fn what_is_sent_right_behind_initialize_finds_it_done() {
    for _ in 0..20 {
        let mut server = TestServer::uninitialized([]).await;
        let initialize =
            json!({ "id": 1, "method": "initialize", "params": { "clientInfo": { "name": "it", "version": "1" } } });
        let list = json!({ "id": 2, "method": "thread/loaded/list", "params": {} });
        server.send_text(&format!("{initialize}\n{list}")).await;
        assert!(server.answer(2).await.is_ok());
    }
}

#[tokio::test]
async fn a_client_that_joins_a_running_turn_misses_nothing_of_it() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([held_message(&gate)]).await;
    let thread = server.start_thread().await;
    let turn = server.start_turn(&thread, "go").await;
    gate.reached().await;
    server.request("thread/unsubscribe", json!({ "threadId": thread })).await.unwrap();

    let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    let last = resumed["thread"]["turns"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["id"].as_str(), last["status"].as_str()), (Some(turn.as_str()), Some("inProgress")));
    gate.open();
    assert_eq!(server.turn_end(&turn).await["status"], "completed");

    let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().last().unwrap()["status"], "completed");
}

#[tokio::test]
async fn a_client_cannot_offer_a_tool_under_the_name_of_a_built_in_one() {
    let mut server = TestServer::with_model([]).await;
    let cwd = server.project.to_string();
    let tool = |name: &str| json!({ "name": name, "description": "", "inputSchema": { "type": "object" } });
    for name in ["exec_command", "apply_patch", "shell", "spawn_agent"] {
        let params = json!({ "cwd": cwd, "dynamicTools": [tool("lookup"), tool(name)] });
        let error = server.request("thread/start", params).await.unwrap_err();
        assert!(error["message"].as_str().unwrap().ends_with(&format!("built-in tool: {name}")), "{error}");
    }
    let mut mine = tool("exec_command");
    mine["namespace"] = json!("mine");
    server.request("thread/start", json!({ "cwd": cwd, "dynamicTools": [mine] })).await.unwrap();
}

/// The names of the tools, and the texts about the working directory, of the model's last request.
fn last_request(server: &TestServer) -> (Vec<String>, Vec<String>) {
    let body = server.model.requests().pop().unwrap().body;
    let tools = body["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned));
    let texts = body["input"].as_array().unwrap().iter().filter_map(|item| item["content"][0]["text"].as_str());
    let places = texts.filter(|text| text.contains("<environment_context>")).map(str::to_owned);
    (tools.collect(), places.collect())
}

#[tokio::test]
async fn a_turn_works_where_it_is_told_to_and_the_next_one_where_the_thread_does() {
    let pwd = || Reply::call("shell_command", &json!({ "command": "pwd" }));
    let replies = [pwd(), Reply::say("there"), Reply::say("here")];
    let mut server = TestServer::with_model(replies).await;
    let thread = server.start_thread().await;
    let elsewhere = server.home.to_string();
    let environment = json!({ "environmentId": "local", "cwd": elsewhere });
    let input = json!([{ "type": "text", "text": "where are you?" }]);
    let params = json!({ "threadId": thread, "input": input, "environments": [environment] });
    let started = server.request("turn/start", params).await.unwrap();
    server.turn_end(started["turn"]["id"].as_str().unwrap()).await;
    let ran = server.expect("item/completed").await;
    assert_eq!(ran["params"]["item"]["type"], "userMessage");
    let ran = server.expect("item/completed").await;
    assert_eq!(ran["params"]["item"]["aggregatedOutput"], format!("{elsewhere}\n"));
    assert!(last_request(&server).1[0].contains(&elsewhere));
    server.run_turn(&thread, "and now?").await;
    assert!(last_request(&server).1[1].contains(&server.project.to_string()));
}

#[tokio::test]
async fn a_turn_without_an_environment_has_no_tools_for_commands_and_files() {
    let call = Reply::call("exec_command", &json!({ "cmd": "touch made.txt" }));
    let mut server = TestServer::with_model([call, Reply::say("well"), Reply::say("again")]).await;
    let thread = server.start_thread().await;
    let input = json!([{ "type": "text", "text": "just talk" }]);
    let params = json!({ "threadId": thread, "input": input, "environments": [] });
    let started = server.request("turn/start", params).await.unwrap();
    server.turn_end(started["turn"]["id"].as_str().unwrap()).await;
    assert!(!server.project.join("made.txt").exists());
    let (tools, _) = last_request(&server);
    assert!(!tools.contains(&"exec_command".to_owned()) && tools.contains(&"update_plan".to_owned()), "{tools:?}");
    server.run_turn(&thread, "now work").await;
    assert!(last_request(&server).0.contains(&"exec_command".to_owned()));
}

#[tokio::test]
async fn an_environment_that_is_not_there_is_an_error_and_no_turn() {
    let mut server = TestServer::with_model([Reply::say("fine")]).await;
    let thread = server.start_thread().await;
    let environment = json!({ "environmentId": "moon", "cwd": server.project.to_string() });
    let input = json!([{ "type": "text", "text": "go there" }]);
    let params = json!({ "threadId": thread, "input": input, "environments": [environment] });
    let started = server.request("turn/start", params).await.unwrap();
    let error = server.expect("error").await;
    assert_eq!(error["params"]["turnId"], started["turn"]["id"]);
    assert_eq!(error["params"]["error"]["codexErrorInfo"], "badRequest");
    assert_eq!(error["params"]["error"]["message"], "unknown turn environment id `moon`");
    assert!(!server.methods().contains(&"turn/started"));
    assert_eq!(server.run_turn(&thread, "stay").await["status"], "completed");
}

/// The moment is short, and there are several threads of the machine so that it can be met.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_comes_while_a_turn_is_being_refused_is_kept() {
    const ROUNDS: usize = 50;
    let mut server = TestServer::with_model((0..ROUNDS).map(|_| Reply::say("heard"))).await;
    let thread = server.start_thread().await;
    for round in 0..ROUNDS {
        let said = format!("words {round}");
        let nothing = json!({ "threadId": thread, "input": [] });
        let refused = server.post("turn/start", nothing).await;
        let named = server.post("thread/name/set", json!({ "threadId": thread, "name": said })).await;
        let input = json!([{ "type": "text", "text": said }]);
        let started = server.post("turn/start", json!({ "threadId": thread, "input": input })).await;
        for request in [refused, named, started] {
            server.answer(request).await.expect("it is accepted");
        }
        let told = |message: &Value| {
            message["method"] == "item/completed" && message["params"]["item"]["content"][0]["text"] == *said
        };
        server.wait(told).await;
        assert_eq!(server.expect("turn/completed").await["params"]["turn"]["status"], "completed");
    }
}
