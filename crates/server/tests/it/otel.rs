//! What an OpenTelemetry collector is sent.

use serde_json::{Value, json};
use testkit::{Recorded, Reply, ScriptedModel};

use crate::kit::TestServer;

/// A server that sends all signals to a collector, which is a model that nobody asks anything.
async fn server_and_collector(replies: impl IntoIterator<Item = Reply>) -> (TestServer, ScriptedModel) {
    let collector = ScriptedModel::start().await;
    let to = |path: &str| {
        let url = collector.url();
        format!(
            "{{ otlp-http = {{ endpoint = \"{url}/{path}\", protocol = \"json\", headers = {{ x-key = \"k\" }} }} }}"
        )
    };
    let otel = format!(
        "[otel]\nenvironment = \"test\"\nexporter = {}\ntrace_exporter = {}\nmetrics_exporter = {}\n",
        to("logs"),
        to("traces"),
        to("metrics")
    );
    let mut server = TestServer::uninitialized(replies).await;
    configure(&server, &otel);
    server.introduce().await;
    (server, collector)
}

fn configure(server: &TestServer, more: &str) {
    let file = server.home.join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{text}\n{more}")).unwrap();
}

/// Everything of one signal, at `[resource][scope]` of each message.
fn records(collector: &ScriptedModel, path: &str, keys: [&str; 3]) -> Vec<Value> {
    let requests = collector.requests().into_iter().filter(|request| request.path.ends_with(path));
    let records = |request: Recorded| request.body[keys[0]][0][keys[1]][0][keys[2]].as_array().cloned().unwrap();
    requests.flat_map(records).collect()
}

/// An attribute as text, whatever its type.
fn attribute(record: &Value, key: &str) -> Option<String> {
    let found = record["attributes"].as_array()?.iter().find(|attribute| attribute["key"] == key)?;
    let value = found["value"].as_object()?.values().next()?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn events(collector: &ScriptedModel) -> Vec<Value> {
    records(collector, "/logs", ["resourceLogs", "scopeLogs", "logRecords"])
}

fn event(events: &[Value], name: &str) -> Value {
    let found = events.iter().find(|event| event["eventName"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {events:#?}")).clone()
}

#[tokio::test]
async fn a_collector_hears_of_turns_requests_and_tools_but_not_of_what_was_said() {
    let call = Reply::call("exec_command", &json!({ "cmd": "echo secret-output" }));
    let replies = [call, Reply::say("secret-answer"), Reply::error(400, "secret-failure")];
    let (mut server, collector) = server_and_collector(replies).await;
    let thread = server.start_thread().await;
    let turn = server.run_turn(&thread, "secret-question").await;
    let failed = server.run_turn(&thread, "another").await;
    assert_eq!((&turn["status"], &failed["status"]), (&json!("completed"), &json!("failed")));
    server.close().await;

    let requests = collector.requests();
    let sent = requests.iter().map(|request| request.body.to_string()).collect::<String>();
    assert!(!sent.contains("secret"), "{sent}");
    assert!(requests.iter().all(|request| request.header("x-key") == Some("k")));
    assert!(sent.contains(r#"{"key":"env","value":{"stringValue":"test"}}"#));

    let events = events(&collector);
    let names: Vec<_> = events.iter().filter_map(|event| event["eventName"].as_str()).collect();
    let expected = [
        "codex.conversation_starts",
        "codex.user_prompt",
        "codex.api_request",
        "codex.sse_event",
        "codex.tool_result",
        "codex.api_request",
        "codex.sse_event",
        "spindle.turn",
        "codex.user_prompt",
        "codex.api_request",
        "spindle.turn",
    ];
    assert_eq!(names, expected);
    assert!(events.iter().all(|event| attribute(event, "conversation.id").as_deref() == Some(&thread)));

    let prompt = event(&events, "codex.user_prompt");
    assert_eq!(attribute(&prompt, "prompt_length").as_deref(), Some("15"));
    assert_eq!(attribute(&prompt, "prompt").as_deref(), Some("[REDACTED]"));
    let result = event(&events, "codex.tool_result");
    assert_eq!(attribute(&result, "tool_name").as_deref(), Some("exec_command"));
    assert_eq!(attribute(&result, "success").as_deref(), Some("true"));
    let answer = event(&events, "codex.sse_event");
    assert_eq!(attribute(&answer, "event.kind").as_deref(), Some("response.completed"));
    assert!(attribute(&answer, "input_token_count").is_some());
    let refused = &events[9];
    assert_eq!(attribute(refused, "error.message").as_deref(), Some("invalid_request"));
    assert_eq!(attribute(&events[10], "status").as_deref(), Some("failed"));

    let spans = records(&collector, "/traces", ["resourceSpans", "scopeSpans", "spans"]);
    let of_turn = turn["id"].as_str().unwrap().replace('-', "");
    let of_turn: Vec<_> = spans.iter().filter(|span| span["traceId"] == of_turn.as_str()).collect();
    let names: Vec<_> = of_turn.iter().filter_map(|span| span["name"].as_str()).collect();
    assert_eq!(names, ["model_request", "tool_call", "model_request", "turn"]);
    assert!(of_turn[..3].iter().all(|span| span["parentSpanId"] == of_turn[3]["spanId"]));

    let metrics = records(&collector, "/metrics", ["resourceMetrics", "scopeMetrics", "metrics"]);
    let metric = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap();
    assert_eq!(metric("spindle.model_requests_total")["sum"]["dataPoints"][0]["asInt"], "2");
    assert_eq!(metric("spindle.tool_calls_total")["sum"]["dataPoints"][0]["asInt"], "1");
}

#[tokio::test]
async fn a_collector_hears_what_users_decide() {
    let call = Reply::call("exec_command", &json!({ "cmd": "touch made.txt" }));
    let (mut server, collector) = server_and_collector([call, Reply::say("as you wish")]).await;
    let thread = server.start_thread().await;
    let input = json!([{ "type": "text", "text": "make it" }]);
    let params = json!({ "threadId": thread, "approvalPolicy": "untrusted", "input": input });
    server.request("turn/start", params).await.unwrap();
    let asked = server.expect("item/commandExecution/requestApproval").await;
    server.send(&json!({ "id": asked["id"], "result": { "decision": "decline" } })).await;
    server.expect("turn/completed").await;
    server.close().await;

    let decision = event(&events(&collector), "codex.tool_decision");
    assert_eq!(attribute(&decision, "decision").as_deref(), Some("denied"));
    assert_eq!(attribute(&decision, "call_id").as_deref(), asked["params"]["itemId"].as_str());
    assert_eq!(attribute(&decision, "source").as_deref(), Some("User"));
}

#[tokio::test]
async fn a_collector_hears_what_the_automatic_reviewer_decides() {
    for (outcome, decision) in [("allow", "approved"), ("deny", "denied")] {
        let arguments = json!({
            "command": "touch made.txt", "sandbox_permissions": "require_escalated", "justification": "I need it",
        });
        let verdict = json!({
            "risk_level": "low", "user_authorization": "low", "outcome": outcome, "rationale": "secret-reason",
        });
        let replies = [Reply::call("shell_command", &arguments), Reply::say(&verdict.to_string()), Reply::say("done")];
        let (mut server, collector) = server_and_collector(replies).await;
        let settings = json!({
            "cwd": server.project.to_string(), "approvalPolicy": "on-request", "sandbox": "read-only",
            "approvalsReviewer": "auto_review",
        });
        let started = server.request("thread/start", settings).await.unwrap();
        let thread = started["thread"]["id"].as_str().unwrap();
        server.run_turn(thread, "make the file").await;
        server.close().await;

        let events = events(&collector);
        let heard = event(&events, "codex.tool_decision");
        assert_eq!(attribute(&heard, "decision").as_deref(), Some(decision));
        assert_eq!(attribute(&heard, "source").as_deref(), Some("AutomatedReviewer"));
        let result = event(&events, "codex.tool_result");
        assert_eq!(attribute(&heard, "call_id"), attribute(&result, "call_id"));
        assert!(!collector.requests().iter().any(|request| request.body.to_string().contains("secret")));
    }
}

#[tokio::test]
async fn a_collector_that_speaks_grpc_is_spoken_to_over_http_2() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut server = TestServer::uninitialized([]).await;
    let endpoint = listener.local_addr().unwrap();
    configure(&server, &format!("[otel]\nexporter = {{ otlp-grpc = {{ endpoint = \"http://{endpoint}\" }} }}\n"));
    server.introduce().await;
    server.start_thread().await;
    let (mut collector, _) = listener.accept().await.unwrap();
    let mut preface = [0; 24];
    tokio::io::AsyncReadExt::read_exact(&mut collector, &mut preface).await.unwrap();
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(!server.methods().contains(&"configWarning"));
    drop(collector);
    server.close().await;
}

#[tokio::test]
async fn a_collector_that_is_away_is_no_ones_concern() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let mut server = TestServer::uninitialized([Reply::say("hello")]).await;
    let endpoint = format!("{{ endpoint = \"http://{address}/v1/logs\", protocol = \"binary\" }}");
    configure(&server, &format!("[otel]\nexporter = {{ otlp-http = {endpoint} }}\n"));
    server.introduce().await;
    let thread = server.start_thread().await;
    assert_eq!(server.run_turn(&thread, "hi").await["status"], "completed");
    assert!(!server.methods().contains(&"configWarning"));
    let figures = server.server.clone();
    server.close().await;
    let lost =
        figures.metrics().lines().find_map(|line| line.strip_prefix("spindle_telemetry_lost_total ")?.parse().ok());
    assert!(lost.is_some_and(|lost: u64| lost > 0), "{lost:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_said() {
    for (otel, said) in [
        ("exporter = { otlp-grpc = { endpoint = \"localhost:4317\" } }", "`localhost:4317`"),
        ("exporter = \"statsig\"", "otel.exporter: statsig"),
        ("log_user_prompt = true", "otel.log_user_prompt"),
        ("exporter = { otlp-http = { endpoint = \"nowhere\", protocol = \"json\" } }", "`nowhere`"),
    ] {
        let mut server = TestServer::uninitialized([]).await;
        configure(&server, &format!("[otel]\n{otel}\n"));
        server.introduce().await;
        let warning = server.expect("configWarning").await;
        assert!(warning["params"]["details"].as_str().unwrap().contains(said), "{warning}");
    }
}
