//! Each code of the table of errors, under a condition the table names.

use serde_json::{Value, json};
use testkit::{Gate, Reply};

use crate::kit::TestServer;

async fn refused(server: &mut TestServer, method: &str, params: Value) -> Value {
    let error = server.request(method, params).await.unwrap_err();
    let known = protocol::ERROR_CODES.iter().any(|entry| error["code"] == entry.code);
    assert!(known, "{method}: {error}");
    error
}

#[tokio::test]
async fn invalid_request() {
    let mut server = TestServer::with_model([]).await;
    let thread = server.start_thread().await;
    let missing = "019c0000-0000-7000-8000-000000000000";
    for (method, params, message) in [
        ("no/such", json!({}), "Invalid request: unknown variant `no/such`"),
        ("thread/read", json!({}), "Invalid request: missing field `threadId`"),
        ("turn/start", json!({ "threadId": missing, "input": [] }), "thread not found: "),
        ("thread/read", json!({ "threadId": "x" }), "invalid thread id: "),
        ("thread/list", json!({ "cursor": "x" }), "invalid cursor: x"),
        ("turn/interrupt", json!({ "threadId": thread, "turnId": "x" }), "no active turn to interrupt"),
        ("turn/steer", json!({ "threadId": thread, "input": [], "expectedTurnId": "x" }), "input must not be empty"),
        ("initialize", json!({ "clientInfo": { "name": "a", "version": "1" } }), "Already initialized"),
    ] {
        let error = refused(&mut server, method, params).await;
        assert_eq!(error["code"], -32600, "{method}: {error}");
        assert!(error["message"].as_str().unwrap().starts_with(message), "{method}: {error}");
        assert_eq!(error.get("data"), None, "{method}");
    }
    let write = json!({ "keyPath": "model", "value": 7, "mergeStrategy": "replace" });
    let error = refused(&mut server, "config/value/write", write).await;
    assert_eq!(error["data"], json!({ "config_write_error_code": "configValidationError" }));
}

#[tokio::test]
async fn a_turn_that_takes_no_input_says_so_for_programs_too() {
    let mut server = TestServer::with_model([Reply::new([Gate::new()])]).await;
    let thread = server.start_thread().await;
    let review = json!({ "threadId": thread, "target": { "type": "custom", "instructions": "look" } });
    let started = server.request("review/start", review).await.unwrap();
    server.model.wait_for_requests(1).await;
    let turn = started["turn"]["id"].clone();
    let input = json!([{ "type": "text", "text": "and?" }]);
    let steer = json!({ "threadId": thread, "input": input, "expectedTurnId": turn });
    let error = refused(&mut server, "turn/steer", steer).await;
    assert_eq!(error["code"], -32600);
    assert_eq!(error["data"]["codexErrorInfo"], json!({ "activeTurnNotSteerable": { "turnKind": "review" } }));
}

#[tokio::test]
async fn invalid_params() {
    let mut server = TestServer::with_model([]).await;
    let thread = server.start_thread().await;
    let input = json!([{ "type": "text", "text": "x".repeat(1_048_577) }]);
    let error = refused(&mut server, "turn/start", json!({ "threadId": thread, "input": input })).await;
    assert_eq!(error["code"], -32602);
    let data = json!({ "input_error_code": "input_too_large", "max_chars": 1_048_576, "actual_chars": 1_048_577 });
    assert_eq!(error["data"], data);
    for params in [
        json!({ "command": ["true"], "size": { "rows": 1, "cols": 1 } }),
        json!({ "command": ["true"], "timeoutMs": -1 }),
        json!({ "command": ["true"], "timeoutMs": 1, "disableTimeout": true }),
    ] {
        let error = refused(&mut server, "command/exec", params).await;
        assert_eq!(error["code"], -32602, "{error}");
    }
    for params in [json!({ "enabled": true }), json!({ "enabled": true, "path": "/a", "name": "a" })] {
        let error = refused(&mut server, "skills/config/write", params).await;
        assert_eq!(error["code"], -32602);
    }
}

#[tokio::test]
async fn internal_error() {
    let mut server = TestServer::with_model([]).await;
    let missing = server.project.join("missing").to_string();
    let error = refused(&mut server, "fs/readFile", json!({ "path": missing })).await;
    assert_eq!(error["code"], -32603);
    assert!(error["message"].as_str().unwrap().contains("No such file"), "{error}");
    std::fs::write(server.home.join("config.toml"), "model = ").unwrap();
    let error = refused(&mut server, "config/read", json!({})).await;
    assert_eq!(error["code"], -32603);
}

#[tokio::test]
async fn overloaded() {
    let mut server = TestServer::with_model([Reply::new([Gate::new()])]).await;
    let thread = server.start_thread().await;
    let review = json!({ "threadId": thread, "target": { "type": "custom", "instructions": "look" } });
    server.request("review/start", review).await.unwrap();
    server.model.wait_for_requests(1).await;
    let input = json!([{ "type": "text", "text": "next" }]);
    let params = json!({ "threadId": thread, "input": input });
    for _ in 0..64 {
        server.request("turn/start", params.clone()).await.unwrap();
    }
    let error = refused(&mut server, "turn/start", params).await;
    assert_eq!(error, json!({ "code": -32001, "message": "Server overloaded; retry later." }));
}
