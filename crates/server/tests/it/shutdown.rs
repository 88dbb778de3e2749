//! The end of a server that has clients: running turns first.

use std::time::Duration;

use serde_json::json;
use testkit::{Gate, Reply, Step, completed, message, usage};

use crate::kit::TestServer;

fn gated(gate: &Gate) -> Reply {
    let steps = [Step::from(gate.clone()), Step::from(message("drained")), Step::from(completed("r", &usage(1, 1)))];
    Reply::new(steps)
}

#[tokio::test]
async fn running_turns_end_and_none_begins_while_the_server_drains() {
    let gate = Gate::new();
    let mut server = TestServer::with_model([gated(&gate)]).await;
    let mut client = server.connect(json!({ "experimentalApi": true })).await;
    let thread = client.start_thread_in(&server.project.to_string()).await;
    let idle = server.start_thread().await;
    let turn = client.start_turn(&thread, "hi").await;
    gate.reached().await;

    let draining = tokio::spawn({
        let server = server.server.clone();
        async move { server.drain(None).await }
    });
    let params = json!({ "threadId": idle, "input": [{ "type": "text", "text": "one more" }] });
    let error = loop {
        // The task above has to have begun.
        match client.request("turn/start", params.clone()).await {
            Err(error) => break error,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!((&error["code"], &error["message"]), (&json!(-32001), &json!("Server is stopping; retry later.")));
    client.request("thread/loaded/list", json!({})).await.expect("other requests are answered");

    gate.open();
    assert_eq!(client.turn_end(&turn).await["status"], "completed");
    draining.await.unwrap();
    server.server.stop();
    server.server.shutdown().await;
    client.rest().await;
}

#[tokio::test]
async fn a_turn_that_does_not_end_in_time_is_interrupted_and_its_client_hears_of_it() {
    let gate = Gate::new();
    let server = TestServer::with_model([gated(&gate)]).await;
    let mut client = server.connect(json!({ "experimentalApi": true })).await;
    let thread = client.start_thread_in(&server.project.to_string()).await;
    let turn = client.start_turn(&thread, "hi").await;
    gate.reached().await;

    server.server.drain(Some(Duration::from_millis(1))).await;
    server.server.stop();
    server.server.shutdown().await;
    let rest = client.rest().await;
    let end = rest.iter().find(|message| message["method"] == "turn/completed").expect("the turn has an end");
    assert_eq!((&end["params"]["turn"]["id"], &end["params"]["turn"]["status"]), (&json!(turn), &json!("interrupted")));
}

#[tokio::test]
async fn a_thread_that_is_loaded_after_all_others_have_ended_ends_too() {
    let mut server = TestServer::with_model([Reply::say("hello")]).await;
    let mut late = server.connect(json!({})).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "hi").await;
    server.server.shutdown().await;

    // As a request whose reading has taken longer than the server waits.
    late.request("thread/resume", json!({ "threadId": thread })).await.expect("it is answered");
    let lock = server.home.join(format!("spindle/locks/{thread}.lock"));
    let released = async {
        while lock.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), released).await.expect("nobody holds the thread");
}
