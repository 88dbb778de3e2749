//! Sub-agents: whose they are.

use serde_json::{Value, json};
use testkit::Reply;

use crate::kit::TestServer;

/// A server in which each thread may have one sub-agent.
async fn server_with_a_limit_of_one() -> TestServer {
    let server = TestServer::with_model([]).await;
    let path = server.home.join("config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}\n[agents]\nmax_threads = 1\n")).unwrap();
    server
}

/// Has the thread's model call a tool; gives what the tool answers.
async fn call(server: &mut TestServer, thread: &str, tool: &str, arguments: Value) -> String {
    let before = server.model.requests().len();
    server.model.enqueue([Reply::call(tool, &arguments)]);
    // A child asks as well, and news of it may cost its parent one more request.
    server.model.enqueue([Reply::say("done"), Reply::say("done"), Reply::say("done")]);
    assert_eq!(server.run_turn(thread, "go").await["status"], "completed");
    let requests = server.model.requests();
    let mut outputs = requests[before..].iter().flat_map(|request| request.body["input"].as_array().unwrap());
    let output = outputs.rfind(|item| item["type"] == "function_call_output").expect("the call was answered");
    output["output"].as_str().unwrap().to_owned()
}

/// Uses up what the model has left to say.
async fn drain(server: &mut TestServer) {
    let other = server.start_thread().await;
    while server.model.replies_left() > 0 {
        server.run_turn(&other, "go on").await;
    }
}

async fn spawn(server: &mut TestServer, thread: &str) -> String {
    let answer = call(server, thread, "spawn_agent", json!({ "message": "look" })).await;
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("no agent: {answer}"));
    let child = answer["agent_id"].as_str().unwrap().to_owned();
    let ended = |message: &Value| message["method"] == "turn/completed" && message["params"]["threadId"] == child;
    server.wait(ended).await;
    drain(server).await;
    child
}

#[tokio::test]
async fn each_thread_has_sub_agents_of_its_own() {
    let mut server = server_with_a_limit_of_one().await;
    let (one, other) = (server.start_thread().await, server.start_thread().await);
    let child = spawn(&mut server, &one).await;

    let refused = call(&mut server, &one, "spawn_agent", json!({ "message": "look" })).await;
    assert!(refused.contains("limit reached (max 1)"), "{refused}");
    drain(&mut server).await;

    spawn(&mut server, &other).await;
    for tool in ["close_agent", "resume_agent", "send_input"] {
        let arguments = json!({ "target": child, "message": "hi" });
        let answer = call(&mut server, &other, tool, arguments).await;
        assert_eq!(answer, format!("agent with id {child} not found"), "{tool}");
        drain(&mut server).await;
    }
    let loaded = server.request("thread/loaded/list", json!({})).await.unwrap();
    assert!(loaded["data"].as_array().unwrap().contains(&json!(child)), "it is still there");
}

#[tokio::test]
async fn sub_agents_are_unloaded_with_the_thread_they_work_for() {
    let mut server = server_with_a_limit_of_one().await;
    let thread = server.start_thread().await;
    let child = spawn(&mut server, &thread).await;
    let read = server.request("thread/read", json!({ "threadId": child })).await.unwrap();
    // What is not on disk is not archived by itself.
    std::fs::remove_file(read["thread"]["path"].as_str().unwrap()).unwrap();

    server.request("thread/archive", json!({ "threadId": thread })).await.unwrap();

    let loaded = server.request("thread/loaded/list", json!({})).await.unwrap();
    let loaded = loaded["data"].as_array().unwrap();
    assert!(!loaded.contains(&json!(thread)) && !loaded.contains(&json!(child)), "{loaded:?}");
}
