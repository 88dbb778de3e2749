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

#[tokio::test]
async fn an_agent_in_a_role_works_as_the_roles_file_says() {
    let mut server = TestServer::with_model([]).await;
    let file = server.home.join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let table = "[agents.tester]\ndescription = \"Tests what was written.\"\nconfig_file = \"tester.toml\"\n\
                 nickname_candidates = [\"Ada\", \"Bo\"]\n[agents.silent]\n";
    std::fs::write(&file, format!("{config}\n{table}")).unwrap();
    let role = "model = \"gpt-5.4\"\nmodel_reasoning_effort = \"high\"\ndeveloper_instructions = \"Test it.\"\n";
    std::fs::write(server.home.join("tester.toml"), role).unwrap();

    let thread = server.start_thread().await;
    let warned = server.expect("warning").await;
    assert!(warned["params"]["message"].as_str().unwrap().contains("the role `silent` has no description"));
    let task = json!({ "message": "look", "agent_type": "tester", "model": "gpt-5.2", "reasoning_effort": "low" });
    let answer = call(&mut server, &thread, "spawn_agent", task).await;
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["nickname"], "Ada");
    server.model.wait_for_requests(3).await;
    let requests = server.model.requests();
    let tools = requests[0].body["tools"].to_string();
    assert!(
        tools.contains("- `tester`: Tests what was written. (always with the model `gpt-5.4` and the reasoning effort")
    );
    let child =
        requests.iter().find(|request| request.body["model"] == "gpt-5.4").expect("the agent has its role's model");
    assert_eq!(child.body["reasoning"]["effort"], "high");
    assert!(child.body["input"].to_string().contains("Test it."));
    drain(&mut server).await;

    for (arguments, expected) in [
        (json!({ "message": "look", "agent_type": "silent" }), "unknown agent_type 'silent'"),
        (json!({ "message": "look", "agent_type": "tester", "fork_context": true }), "leave out `agent_type`"),
    ] {
        let refused = call(&mut server, &thread, "spawn_agent", arguments).await;
        assert!(refused.contains(expected), "{refused}");
        drain(&mut server).await;
    }
}
