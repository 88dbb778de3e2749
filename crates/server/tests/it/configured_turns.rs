//! What the configuration says about turns: what tools may say and do, what the model is offered and told.

use serde_json::{Value, json};
use testkit::{Recorded, Reply, event, function_call, item_added, item_done};

use crate::kit::TestServer;

/// Runs a turn in a new thread that is configured so; gives the thread.
async fn run_configured(server: &mut TestServer, config: Value) -> String {
    let params = json!({ "cwd": server.project.to_string(), "config": config });
    let started = server.request("thread/start", params).await.expect("a thread starts");
    let thread = started["thread"]["id"].as_str().expect("an id").to_owned();
    let turn = server.run_turn(&thread, "go").await;
    assert_eq!(turn["status"], "completed", "{turn}");
    thread
}

/// The outputs of tools that a request shows the model.
fn outputs(request: &Recorded) -> Vec<String> {
    let input = request.body["input"].as_array().expect("items");
    let outputs = input.iter().filter(|item| item["type"] == "function_call_output");
    outputs.map(|item| item["output"].as_str().expect("a text").to_owned()).collect()
}

/// A tool that a request offers.
fn tool<'a>(request: &'a Recorded, name: &str) -> &'a Value {
    let tools = request.body["tools"].as_array().expect("tools");
    tools.iter().find(|tool| tool["name"] == name || tool["type"] == name).expect("it is offered")
}

fn command(id: &str, mut arguments: Value) -> Reply {
    arguments["yield_time_ms"] = json!(30_000);
    Reply::new([function_call(id, "exec_command", &arguments)])
}

#[tokio::test]
async fn no_tool_tells_the_model_more_than_its_limit_whatever_the_call_asks_for() {
    // Twice the same: the second time with a limit of its own that is beyond all measure.
    let flood = json!({ "cmd": "seq 1 100000" });
    let more = json!({ "cmd": "seq 1 100000", "max_output_tokens": 1_000_000 });
    for (config, most) in [(json!({}), 12_000), (json!({ "tool_output_token_limit": 200 }), 960)] {
        let replies =
            [command("a", flood.clone()), command("b", more.clone()), Reply::say("done"), Reply::say("again")];
        let mut server = TestServer::with_model(replies).await;
        let thread = run_configured(&mut server, config.clone()).await;
        let seen = outputs(server.model.requests().last().expect("a request"));
        assert_eq!(seen.len(), 2);
        for output in &seen {
            assert!(output.contains(" chars truncated…") && output.ends_with("\n100000\n"), "{output}");
            assert!((most..most + 48).contains(&output.len()), "{} of {most}", output.len());
        }

        // A thread that comes from disk shows the model what it has seen.
        let mut server = server.reopen().await;
        let params = json!({ "threadId": thread, "config": config });
        server.request("thread/resume", params).await.expect("it is resumed");
        server.run_turn(&thread, "more").await;
        assert_eq!(outputs(server.model.requests().last().expect("a request")), seen);
    }
}

#[tokio::test]
async fn what_another_writer_has_stored_in_full_is_shortened_too() {
    let mut server = TestServer::with_model([command("a", json!({ "cmd": "echo here" })), Reply::say("done")]).await;
    let thread = run_configured(&mut server, json!({})).await;
    let rollout = server.rollout();
    let server = server.reopen().await;
    let stored = std::fs::read_to_string(&rollout).expect("a rollout");
    assert!(stored.contains("here\\n\""), "{stored}");
    std::fs::write(&rollout, stored.replace("here\\n\"", &format!("{}\"", "here ".repeat(20_000)))).expect("written");

    let mut server = server.restart().await;
    server.model.enqueue([Reply::say("again")]);
    server.request("thread/resume", json!({ "threadId": thread })).await.expect("it is resumed");
    server.run_turn(&thread, "more").await;
    let seen = outputs(server.model.requests().last().expect("a request"));
    assert!(seen[0].contains(" chars truncated…") && seen[0].len() < 12_100, "{}", seen[0].len());
}

#[tokio::test]
async fn the_model_may_ask_for_a_login_shell_unless_the_configuration_says_otherwise() {
    for (allowed, argv) in [(true, ["-lc", "-lc", "-c"].as_slice()), (false, &["-c", "-c"])] {
        let call = |id, more: Value| {
            let mut arguments = json!({ "cmd": "true" });
            arguments.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            command(id, arguments)
        };
        let replies = [
            call("a", json!({})),
            call("b", json!({ "login": true })),
            call("c", json!({ "login": false })),
            Reply::say("ok"),
        ];
        let mut server = TestServer::with_model(replies).await;
        run_configured(&mut server, json!({ "allow_login_shell": allowed })).await;
        let items = server.take_unclaimed();
        let begun = items.iter().filter(|message| {
            message["method"] == "item/started" && message["params"]["item"]["type"] == "commandExecution"
        });
        let commands: Vec<_> = begun.map(|message| message["params"]["item"]["command"].as_str().unwrap()).collect();
        let expected: Vec<_> = argv.iter().map(|flag| format!("/bin/bash {flag} true")).collect();
        assert_eq!(commands, expected);
        let requests = server.model.requests();
        let properties = &tool(&requests[0], "exec_command")["parameters"]["properties"];
        assert_eq!(properties.get("login").is_some(), allowed);
        assert_eq!(outputs(&requests[3])[1].contains("does not allow login shells"), !allowed);
    }
}

#[tokio::test]
async fn commands_end_with_their_calls_where_no_sessions_are_wanted_and_there_may_be_none_at_all() {
    let call = |name: &str| {
        let reply = Reply::new([function_call("c", name, &json!({ "cmd": "echo ran", "command": "echo ran" }))]);
        [reply, Reply::say("done")]
    };
    for (feature, name, runs) in [
        ("unified_exec", "shell_command", true),
        ("unified_exec", "exec_command", false),
        ("shell_tool", "exec_command", false),
        ("shell_tool", "shell_command", false),
    ] {
        let mut server = TestServer::with_model(call(name)).await;
        run_configured(&mut server, json!({ (format!("features.{feature}")): false })).await;
        let requests = server.model.requests();
        let offered = requests[0].body["tools"].as_array().expect("tools").iter().any(|tool| tool["name"] == name);
        assert_eq!(offered, runs, "{name} without {feature}");
        let output = &outputs(&requests[1])[0];
        assert_eq!(output.contains("Output:\nran\n"), runs, "{output}");
        assert_eq!(output == &format!("unsupported call: {name}"), !runs, "{output}");
    }
}

#[tokio::test]
async fn the_model_is_offered_what_the_configuration_says_of_searches_and_of_waiting() {
    let mut server = TestServer::with_model([Reply::say("ok")]).await;
    let config = json!({
        "web_search": "live", "background_terminal_max_timeout": 7_000,
        "tools.web_search": {
            "context_size": "high", "allowed_domains": ["example.org"], "location": { "country": "DE", "city": "Bonn" },
        },
    });
    run_configured(&mut server, config).await;
    let request = server.model.requests().remove(0);
    assert_eq!(
        tool(&request, "web_search"),
        &json!({
            "type": "web_search", "external_web_access": true, "filters": { "allowed_domains": ["example.org"] },
            "user_location": { "type": "approximate", "country": "DE", "city": "Bonn" }, "search_context_size": "high",
        })
    );
    let wait = &tool(&request, "write_stdin")["parameters"]["properties"]["yield_time_ms"]["description"];
    assert!(wait.as_str().expect("a text").contains("5000 to 7000"), "{wait}");
}

#[tokio::test]
async fn raw_reasoning_is_told_and_told_again_to_who_reads_the_thread() {
    let item = |content: Value| json!({ "type": "reasoning", "id": "rs-1", "summary": [], "content": content });
    let delta = json!({ "item_id": "rs-1", "content_index": 0, "delta": "hm" });
    let reply = Reply::new([
        item_added(&item(json!([]))),
        event("response.reasoning_text.delta", delta),
        item_done(&item(json!([{ "type": "reasoning_text", "text": "hm" }]))),
        testkit::message("so"),
    ]);
    let mut server = TestServer::with_model([reply]).await;
    let thread = run_configured(&mut server, json!({})).await;
    assert_eq!(server.expect("item/reasoning/textDelta").await["params"]["delta"], "hm");
    let of_kind = |items: &[Value]| items.iter().find(|item| item["type"] == "reasoning").expect("it thought").clone();
    let told: Vec<Value> = server.take_unclaimed().iter().map(|message| message["params"]["item"].clone()).collect();
    assert_eq!(
        told.iter().rev().find(|item| item["type"] == "reasoning").expect("it thought")["content"],
        json!(["hm"])
    );
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.expect("read");
    let items = read["thread"]["turns"][0]["items"].as_array().expect("items");
    assert_eq!(of_kind(items)["content"], json!(["hm"]));
}

#[tokio::test]
async fn commits_tell_of_the_agent_where_that_is_switched_on() {
    for (config, told) in [
        (json!({ "commit_attribution": "Me <me@example.org>" }), None),
        (json!({ "features.codex_git_commit": true, "commit_attribution": " " }), None),
        (
            json!({ "features.codex_git_commit": true, "commit_attribution": "Me <me@example.org>" }),
            Some("Co-authored-by: Me <me@example.org>"),
        ),
        (json!({ "features.codex_git_commit": true }), Some("Co-authored-by: ")),
    ] {
        let mut server = TestServer::with_model([Reply::say("ok")]).await;
        run_configured(&mut server, config).await;
        let input = server.model.requests()[0].body["input"].to_string();
        assert_eq!(input.contains(told.unwrap_or("Co-authored-by")), told.is_some(), "{input}");
    }
}
