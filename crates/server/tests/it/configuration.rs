//! `config/*`, `experimentalFeature/*`, `mcpServerStatus/list`.

use serde_json::{Value, json};

use crate::kit::TestServer;

fn replace(key: &str, value: &Value) -> Value {
    json!({ "keyPath": key, "value": value, "mergeStrategy": "replace" })
}

#[tokio::test]
async fn a_read_right_behind_a_write_sees_the_new_value() {
    let mut server = TestServer::with_model([]).await;
    server.post("config/value/write", replace("model", &json!("new"))).await;
    let read = server.request("config/read", json!({})).await.unwrap();
    assert_eq!(read["config"]["model"], "new");
    assert_eq!(read["origins"]["model"]["name"]["type"], "user");
    assert_eq!(read.get("layers"), None);
}

#[tokio::test]
async fn layers_are_listed_from_the_strongest_to_the_weakest() {
    let mut server = TestServer::with_model([]).await;
    let read = server.request("config/read", json!({ "includeLayers": true })).await.unwrap();
    let kinds: Vec<_> = read["layers"].as_array().unwrap().iter().map(|layer| &layer["name"]["type"]).collect();
    assert_eq!(kinds, ["user", "system"]);
    assert_eq!(read["layers"][0].get("disabledReason"), None);
}

#[tokio::test]
async fn a_write_names_why_it_was_refused() {
    let mut server = TestServer::with_model([]).await;
    let before = std::fs::read_to_string(server.home.join("config.toml")).unwrap();
    let mut stale = replace("model", &json!("x"));
    stale["expectedVersion"] = json!("sha256:old");
    let mut elsewhere = replace("model", &json!("x"));
    elsewhere["filePath"] = json!("/tmp/other.toml");
    for (params, code) in [
        (replace("model", &json!(3)), "configValidationError"),
        (replace("absent.key", &Value::Null), "configPathNotFound"),
        (stale, "configVersionConflict"),
        (elsewhere, "configLayerReadonly"),
    ] {
        let error = server.request("config/value/write", params).await.unwrap_err();
        assert_eq!(error["code"], -32600);
        assert_eq!(error["data"]["config_write_error_code"], code);
    }
    assert_eq!(std::fs::read_to_string(server.home.join("config.toml")).unwrap(), before);
}

#[tokio::test]
async fn a_batch_is_written_whole_or_not_at_all() {
    let mut server = TestServer::with_model([]).await;
    let edits = [replace("model", &json!("n")), replace("approval_policy", &json!("bogus"))];
    server.request("config/batchWrite", json!({ "edits": edits })).await.unwrap_err();
    let read = server.request("config/read", json!({})).await.unwrap();
    assert_eq!(read["config"]["model"], "mock-model");
}

#[tokio::test]
async fn a_feature_is_switched_for_as_long_as_the_server_runs_and_a_written_value_wins() {
    let mut server = TestServer::with_model([]).await;
    let set = json!({ "enablement": { "memories": true } });
    assert_eq!(server.request("experimentalFeature/enablement/set", set.clone()).await.unwrap(), set);
    assert_eq!(memories(&mut server).await, true);
    server.request("config/value/write", replace("features.memories", &json!(false))).await.unwrap();
    assert_eq!(memories(&mut server).await, false);
}

async fn memories(server: &mut TestServer) -> Value {
    let mut list = server.request("experimentalFeature/list", json!({})).await.unwrap();
    let features = list["data"].as_array_mut().unwrap();
    features.iter_mut().find(|feature| feature["name"] == "memories").unwrap()["enabled"].take()
}

#[tokio::test]
async fn a_feature_that_cannot_be_switched_spoils_the_whole_request() {
    let mut server = TestServer::with_model([]).await;
    let set = json!({ "enablement": { "memories": true, "shell_tool": false } });
    server.request("experimentalFeature/enablement/set", set).await.unwrap_err();
    assert_eq!(memories(&mut server).await, false);
}

#[tokio::test]
async fn whoever_configured_mcp_servers_is_told_that_there_are_none() {
    let mut server = TestServer::with_model([]).await;
    let none = json!({ "data": [], "nextCursor": null });
    assert_eq!(server.request("mcpServerStatus/list", json!({})).await.unwrap(), none);
    server.request("config/value/write", replace("mcp_servers.docs", &json!({ "command": "x" }))).await.unwrap();
    let error = server.request("mcpServerStatus/list", json!({})).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("docs"), "{error}");
}
