//! `initialize` and the messages around it.

use serde_json::json;
use testkit::Reply;

use crate::kit::TestServer;

#[tokio::test]
async fn a_second_initialize_is_refused() {
    let mut server = TestServer::with_model([]).await;
    let params = json!({ "clientInfo": { "name": "it", "version": "1" } });
    let error = server.request("initialize", params).await.unwrap_err();
    assert_eq!(error["message"], "Already initialized");
}

#[tokio::test]
async fn malformed_lines_do_not_disturb_the_requests_around_them() {
    let mut server = TestServer::with_model([]).await;
    server.send_text("{\"id\": 1").await;
    server.send_text("[1, 2]").await;
    server.send_text("").await;
    let list = server.request("thread/loaded/list", json!({})).await.unwrap();
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn an_unknown_method_is_named_in_the_error() {
    let mut server = TestServer::with_model([]).await;
    let error = server.request("thread/nothing", json!({})).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().starts_with("Invalid request: unknown variant `thread/nothing`"));
}

#[tokio::test]
async fn requests_of_one_thread_are_answered_in_the_order_in_which_they_came() {
    let mut server = TestServer::with_model([Reply::say("hi")]).await;
    let thread = server.start_thread().await;
    let set = |name: &str| json!({ "threadId": thread, "name": name });
    for name in ["one", "two", "three"] {
        server.post("thread/name/set", set(name)).await;
    }
    server.run_turn(&thread, "hello").await;
    let read = server.request("thread/read", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(read["thread"]["name"], "three");
}
