//! Finding files by a few letters of their path.

use serde_json::{Value, json};

use crate::kit::{Client, TestServer};

const UPDATED: &str = "fuzzyFileSearch/sessionUpdated";
const COMPLETED: &str = "fuzzyFileSearch/sessionCompleted";

async fn server_with(files: &[&str]) -> TestServer {
    let server = TestServer::with_model([]).await;
    for file in files {
        let path = server.project.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    server
}

async fn start(client: &mut Client, id: &str, root: &str) {
    let started = client.request("fuzzyFileSearch/sessionStart", json!({ "sessionId": id, "roots": [root] })).await;
    assert_eq!(started, Ok(json!({})));
}

async fn update(client: &mut Client, id: &str, query: &str) -> Result<Value, Value> {
    client.request("fuzzyFileSearch/sessionUpdate", json!({ "sessionId": id, "query": query })).await
}

/// The paths of the next completed list for a query.
async fn completed(client: &mut Client, id: &str, query: &str) -> Vec<String> {
    let mut last = None;
    loop {
        let message = client
            .wait(|message| {
                (message["method"] == UPDATED || message["method"] == COMPLETED) && message["params"]["sessionId"] == id
            })
            .await;
        let params = &message["params"];
        if message["method"] == UPDATED {
            let files = params["files"].as_array().unwrap();
            let paths = files.iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect();
            last = (params["query"] == query).then_some(paths);
        } else if let Some(paths) = last {
            return paths;
        }
    }
}

#[tokio::test]
async fn files_are_found_with_score_and_letters() {
    let mut server = server_with(&["src/main.rs", "docs/manual.md"]).await;
    let root = server.project.to_string();
    let found = server.request("fuzzyFileSearch", json!({ "query": "main", "roots": [root] })).await.unwrap();
    let file = json!({
        "root": root, "path": "src/main.rs", "match_type": "file", "file_name": "main.rs", "score": 109,
        "indices": [4, 5, 6, 7],
    });
    assert_eq!(found, json!({ "files": [file] }));
}

#[tokio::test]
async fn the_last_of_several_searches_with_one_token_is_answered_in_full() {
    let mut server = server_with(&["alpha.txt"]).await;
    let params = json!({ "query": "alp", "roots": [server.project.to_string()], "cancellationToken": "t" });
    let first = server.post("fuzzyFileSearch", params.clone()).await;
    let second = server.request("fuzzyFileSearch", params.clone()).await.unwrap();
    server.answer(first).await.unwrap();
    let third = server.request("fuzzyFileSearch", params).await.unwrap();
    assert_eq!(third["files"][0]["path"], "alpha.txt");
    assert!(second["files"].as_array().is_some());
}

#[tokio::test]
async fn a_session_answers_each_query() {
    let mut server = server_with(&["alpha.txt", "beta.txt"]).await;
    let root = server.project.to_string();
    start(&mut server, "s", &root).await;
    for (query, paths) in [("ALP", vec!["alpha.txt"]), ("none-such", vec![]), ("bet", vec!["beta.txt"]), ("", vec![])] {
        assert_eq!(update(&mut server, "s", query).await, Ok(json!({})));
        assert_eq!(completed(&mut server, "s", query).await, paths, "{query}");
    }
}

#[tokio::test]
async fn sessions_are_shared_and_end_with_the_client_that_started_them() {
    let mut server = server_with(&["alpha.txt"]).await;
    let root = server.project.to_string();
    let mut other = server.connect(json!({ "experimentalApi": true })).await;
    start(&mut other, "s", &root).await;
    update(&mut server, "s", "alp").await.unwrap();
    assert_eq!(completed(&mut server, "s", "alp").await, ["alpha.txt"]);
    assert_eq!(completed(&mut other, "s", "alp").await, ["alpha.txt"]);
    other.close().await;
    // The session ends a moment later than the connection.
    while update(&mut server, "s", "x").await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_that_was_stopped_or_never_started_takes_no_query() {
    let mut server = server_with(&[]).await;
    let root = server.project.to_string();
    start(&mut server, "s", &root).await;
    for id in ["s", "unknown"] {
        let stopped = server.request("fuzzyFileSearch/sessionStop", json!({ "sessionId": id })).await;
        assert_eq!(stopped, Ok(json!({})));
        let error = update(&mut server, id, "x").await.unwrap_err();
        assert_eq!(error["message"], format!("fuzzy file search session not found: {id}"));
    }
    let params = json!({ "sessionId": "", "roots": [] });
    let error = server.request("fuzzyFileSearch/sessionStart", params).await.unwrap_err();
    assert_eq!(error["message"], "sessionId must not be empty");
}

#[tokio::test]
async fn starting_a_session_again_replaces_it_and_there_may_not_be_too_many() {
    let mut server = server_with(&["one/match.txt", "two/mate.txt"]).await;
    let (one, two) = (server.project.join("one").to_string(), server.project.join("two").to_string());
    start(&mut server, "0", &one).await;
    start(&mut server, "0", &two).await;
    update(&mut server, "0", "mat").await.unwrap();
    assert_eq!(completed(&mut server, "0", "mat").await, ["mate.txt"]);
    for id in 1..32 {
        start(&mut server, &id.to_string(), &one).await;
    }
    let params = json!({ "sessionId": "more", "roots": [] });
    let error = server.request("fuzzyFileSearch/sessionStart", params).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().starts_with("too many fuzzy file search sessions"), "{error}");
    start(&mut server, "0", &one).await;
}
