//! What is on disk, and what comes back from it.

use std::io::Write as _;

use serde_json::{Value, json};
use testkit::Reply;

use crate::invariants::check_request;
use crate::kit::TestServer;

#[tokio::test]
async fn a_thread_without_a_turn_leaves_no_file() {
    let mut server = TestServer::with_model([]).await;
    server.start_thread().await;
    assert!(!server.home.join("sessions").exists());
}

#[tokio::test]
async fn a_torn_rollout_resumes_and_takes_the_next_turn() {
    let mut server = TestServer::with_model([Reply::say("first"), Reply::say("second")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    let rollout = server.rollout();
    let mut file = std::fs::OpenOptions::new().append(true).open(&rollout).unwrap();
    file.write_all(b"{\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"type\":\"event_msg\",\"pay").unwrap();

    let mut server = server.restart().await;
    let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 1);
    assert_eq!(server.run_turn(&thread, "two").await["status"], "completed");

    let text = std::fs::read_to_string(&rollout).unwrap();
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "every line is whole");
    assert!(server.model.requests()[1].body.to_string().contains("first"), "the model sees the first turn");
}

#[tokio::test]
async fn what_a_client_was_told_is_in_the_rollout() {
    let mut server = TestServer::with_model([Reply::say("a memorable answer")]).await;
    let thread = server.start_thread().await;
    server.start_turn(&thread, "a memorable question").await;
    loop {
        let item = server.expect("item/completed").await["params"]["item"].take();
        let rollout = std::fs::read_to_string(server.rollout()).unwrap();
        match item["type"].as_str() {
            Some("userMessage") => assert!(rollout.contains("a memorable question")),
            Some("agentMessage") => {
                assert!(rollout.contains("a memorable answer"));
                break;
            }
            other => panic!("unexpected item {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_unreadable_rollout_is_named_in_the_error() {
    let mut server = TestServer::with_model([]).await;
    let path = server.home.join("sessions/broken.jsonl");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "not a rollout\n").unwrap();
    let params = json!({ "threadId": "", "path": path.to_string() });
    let error = server.request("thread/resume", params).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("broken.jsonl"), "{error}");
}

#[tokio::test]
async fn a_server_that_closes_leaves_whole_threads() {
    let mut server = TestServer::with_model([Reply::say("done")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "go").await;
    let rollout = server.rollout();
    let (_, _folder) = server.close().await;
    assert!(std::fs::read_to_string(rollout).unwrap().ends_with("}\n"));
}

#[tokio::test]
async fn a_thread_that_is_resumed_twice_at_once_is_loaded_once() {
    let mut server = TestServer::with_model([Reply::say("first"), Reply::say("second")]).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "one").await;
    let path = server.rollout();

    let mut server = server.restart().await;
    server.post("thread/resume", json!({ "threadId": thread })).await;
    let resumed = server.request("thread/resume", json!({ "threadId": "", "path": path })).await.unwrap();
    assert_eq!(resumed["thread"]["id"], thread);

    assert_eq!(server.run_turn(&thread, "two").await["status"], "completed");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("\"type\":\"task_started\"").count(), 2, "each turn began once");
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    assert_eq!(read["thread"]["turns"].as_array().unwrap().len(), 2);
}

/// Makes the one turn of a rollout so many, with texts of their own.
fn multiply_the_turn(rollout: &std::path::Path, turn: &str, count: usize) {
    let text = std::fs::read_to_string(rollout).unwrap();
    let began = text.find("{\"timestamp\":").into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let first = began.skip(1).find(|at| text[*at..].lines().next().is_some_and(|line| line.contains("task_started")));
    let (before, one) = text.split_at(first.expect("the turn begins"));
    let many = (0..count).map(|nth| one.replace(turn, &format!("{}{nth:04}", &turn[..turn.len() - 4])));
    std::fs::write(rollout, std::iter::once(before.to_owned()).chain(many).collect::<String>()).unwrap();
}

#[tokio::test]
async fn a_thread_too_long_to_stand_in_memory_is_answered_whole_and_in_its_place() {
    const TURNS: usize = 60;
    let mut server = TestServer::with_model([Reply::say(&"lorem \"ipsum\" ".repeat(8_000)), Reply::say("more")]).await;
    let thread = server.start_thread().await;
    let ended = server.run_turn(&thread, "one").await;
    let rollout = server.rollout();
    let mut server = server.restart().await;
    multiply_the_turn(&rollout, ended["id"].as_str().unwrap(), TURNS);
    assert!(rollout.metadata().unwrap().len() > 12 << 20, "it is long");

    let resuming = server.post("thread/resume", json!({ "threadId": thread })).await;
    let turn = server.start_turn(&thread, "another").await;
    server.turn_end(&turn).await;
    let place = |wanted: &dyn Fn(&Value) -> bool| server.unclaimed().iter().position(wanted).expect("it has come");
    let answered = place(&|message| message["id"] == resuming && message.get("method").is_none());
    assert!(answered < place(&|message| message["method"] == "turn/started"), "what happens later is told later");
    let resumed = server.answer(resuming).await.unwrap();

    let turns = resumed["thread"]["turns"].as_array().unwrap();
    assert_eq!(turns.len(), TURNS);
    let mut listed = Vec::new();
    let mut cursor = json!(null);
    loop {
        let params = json!({ "threadId": thread, "cursor": cursor, "limit": 7, "sortDirection": "asc" });
        let mut page = server.request("thread/turns/list", params).await.unwrap();
        listed.append(page["data"].as_array_mut().unwrap());
        cursor = page["nextCursor"].take();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(listed.len(), TURNS + 1);
    assert!(listed[..TURNS] == turns[..]);
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    assert!(read["thread"]["turns"].as_array().unwrap()[..] == listed[..]);
}

#[tokio::test]
async fn pages_from_the_newest_turn_on_are_a_long_thread_backwards() {
    const TURNS: usize = 60;
    let mut server = TestServer::with_model([Reply::say(&"lorem ipsum ".repeat(8_000)), Reply::say("more")]).await;
    let thread = server.start_thread().await;
    let ended = server.run_turn(&thread, "one").await;
    let rollout = server.rollout();
    let mut server = server.restart().await;
    multiply_the_turn(&rollout, ended["id"].as_str().unwrap(), TURNS);

    let (mut listed, mut cursor, mut newest) = (Vec::new(), Value::Null, Value::Null);
    for page in 0.. {
        let params = json!({ "threadId": thread, "cursor": cursor, "limit": 4 });
        let mut answer = server.request("thread/turns/list", params).await.unwrap();
        listed.append(answer["data"].as_array_mut().unwrap());
        cursor = answer["nextCursor"].take();
        match page {
            0 => newest = answer["backwardsCursor"].take(),
            // The thread is loaded, and goes on, while its turns are looked through.
            1 => drop(server.request("thread/resume", json!({ "threadId": thread })).await.unwrap()),
            2 => drop(server.run_turn(&thread, "another").await),
            _ => {}
        }
        if cursor.is_null() {
            break;
        }
    }
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    let turns = read["thread"]["turns"].as_array().unwrap();
    assert_eq!((turns.len(), listed.len()), (TURNS + 1, TURNS));
    assert!(listed.iter().rev().eq(&turns[..TURNS]));
    let params = json!({ "threadId": thread, "cursor": newest, "sortDirection": "asc" });
    let since = server.request("thread/turns/list", params).await.unwrap();
    assert!(since["data"].as_array().unwrap()[..] == turns[TURNS - 1..]);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_does_not_end_the_pages() {
    let mut server = TestServer::with_model([Reply::say("first"), Reply::say("second")]).await;
    let thread = server.start_thread().await;
    let first = server.run_turn(&thread, "one").await["id"].take();
    let rollout = server.rollout();
    let mut server = server.restart().await;
    let line = r#"{"timestamp":"2026-01-01T00:00:00.000Z","type":"event_msg","payload":{"type":"user_message","message":"hi","images":7}}"#;
    let mut file = std::fs::OpenOptions::new().append(true).open(&rollout).unwrap();
    writeln!(file, "{line}").unwrap();
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    let second = server.run_turn(&thread, "two").await["id"].take();

    for (direction, expected) in [("desc", [&second, &first]), ("asc", [&first, &second])] {
        let (mut listed, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let params = json!({ "threadId": thread, "cursor": cursor, "limit": 1, "sortDirection": direction });
            let mut page = server.request("thread/turns/list", params).await.unwrap();
            listed.extend(page["data"].as_array().unwrap().iter().map(|turn| turn["id"].clone()));
            cursor = page["nextCursor"].take();
            if cursor.is_null() {
                break;
            }
        }
        assert!(listed.iter().eq(expected), "{direction}: {listed:?}");
    }
}

#[tokio::test]
async fn a_call_has_its_output_before_the_model_even_if_the_disk_refuses_it() {
    // A folder in the way of the rollout: nothing can be written until it is gone.
    let call = Reply::call(
        "exec_command",
        &json!({ "cmd": "f=$(find \"$SESSIONS\" -type f) && rm \"$f\" && mkdir \"$f\"; echo seen" }),
    );
    let mut server = TestServer::with_model([Reply::say("first"), call, Reply::say("and on")]).await;
    let sessions = server.home.join("sessions");
    let config = json!({ "shell_environment_policy.set": { "SESSIONS": sessions.to_string() } });
    let started = server.request("thread/start", json!({ "config": config })).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    server.run_turn(&thread, "one").await;
    let rollout = server.rollout();
    assert_eq!(server.run_turn(&thread, "two").await["status"], "failed");
    std::fs::remove_dir(rollout).unwrap();

    assert_eq!(server.run_turn(&thread, "three").await["status"], "completed");
    let request = &server.model.requests()[2].body;
    check_request(request);
    assert!(request.to_string().contains("seen"), "{request:#}");
}

#[tokio::test]
async fn of_a_loaded_thread_whose_rollout_was_deleted_it_is_said_that_it_is_gone() {
    let mut server = TestServer::with_model([Reply::say("one")]).await;
    let thread = server.start_thread().await;
    let params = json!({ "threadId": thread });
    let error = server.request("thread/turns/list", params.clone()).await.unwrap_err();
    assert!(error.to_string().contains("not materialized yet"), "{error}");
    server.run_turn(&thread, "first").await;
    let rollout = server.rollout();
    std::fs::remove_file(&rollout).unwrap();
    let error = server.request("thread/turns/list", params).await.unwrap_err();
    let told = error["message"].as_str().unwrap();
    assert!(told.contains("is gone") && told.contains(rollout.to_str().unwrap()), "{told}");
}

/// Archives a thread as another server does.
fn archive_elsewhere(server: &TestServer, thread: &str) {
    let store = store::FileStore::new(server.home.clone());
    let found = store::ThreadStore::find(&store, thread.parse().unwrap()).unwrap().unwrap();
    store::ThreadStore::archive(&store, &found.path).unwrap();
}

#[tokio::test]
async fn a_loaded_thread_that_another_server_archives_goes_on_in_its_new_place() {
    let mut server = TestServer::with_model(["one", "two", "three"].map(Reply::say)).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "first").await;
    let mut server = server.restart().await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    archive_elsewhere(&server, &thread);

    assert_eq!(server.run_turn(&thread, "second").await["status"], "completed", "the history is read back");
    assert!(server.model.requests()[1].body.to_string().contains("first"));
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    assert_eq!(read["thread"]["turns"].as_array().unwrap().len(), 2);
    let place = read["thread"]["path"].as_str().unwrap();
    assert!(place.contains("archived_sessions"), "{place}");
    let turns = server.request("thread/turns/list", json!({ "threadId": thread })).await.unwrap();
    assert_eq!(turns["data"].as_array().unwrap().len(), 2);
    let resumed = server.request("thread/resume", json!({ "threadId": thread, "path": place })).await.unwrap();
    assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 2);
    let shorter = server.request("thread/rollback", json!({ "threadId": thread, "numTurns": 1 })).await.unwrap();
    assert_eq!(shorter["thread"]["turns"].as_array().unwrap().len(), 1);
    server.run_turn(&thread, "third").await;

    server.request("thread/unarchive", json!({ "threadId": thread })).await.unwrap();
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    assert_eq!(read["thread"]["turns"].as_array().unwrap().len(), 2);
    assert!(std::path::Path::new(read["thread"]["path"].as_str().unwrap()).exists());
}

#[tokio::test]
async fn a_history_that_a_client_brings_is_stored_before_the_answer() {
    let mut server = TestServer::with_model(["one", "two", "three"].map(Reply::say)).await;
    let item = json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "long ago" }] });
    let params = json!({ "threadId": "", "history": [item] });
    let thread = server.request("thread/resume", params).await.unwrap()["thread"]["id"].as_str().unwrap().to_owned();
    assert!(std::fs::read_to_string(server.rollout()).unwrap().contains("long ago"));
    let read = server.request("thread/read", json!({ "threadId": thread, "includeTurns": true })).await.unwrap();
    assert_eq!(read["thread"]["turns"], json!([]), "no turn of this thread");

    server.run_turn(&thread, "first").await;
    server.request("thread/rollback", json!({ "threadId": thread, "numTurns": 1 })).await.unwrap();
    server.run_turn(&thread, "second").await;
    let mut server = server.restart().await;
    server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
    server.run_turn(&thread, "third").await;
    let requests = server.model.requests();
    assert!(requests.iter().all(|request| request.body.to_string().contains("long ago")));
}

#[tokio::test]
async fn pages_lead_through_turns_that_share_an_id() {
    let mut server = TestServer::with_model(["one", "two"].map(Reply::say)).await;
    let thread = server.start_thread().await;
    let first = server.run_turn(&thread, "a").await["id"].as_str().unwrap().to_owned();
    let second = server.run_turn(&thread, "b").await["id"].as_str().unwrap().to_owned();
    let path = server.rollout();
    let mut server = server.restart().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, turns) = text.split_once('\n').unwrap();
    // One turn has an id of its own, five share another.
    let same = turns.replace(&second, &first);
    std::fs::write(&path, format!("{head}\n{same}{turns}{same}")).unwrap();

    let turn_texts = |page: &Value| -> Vec<String> {
        let text = |turn: &Value| turn["items"][0]["content"][0]["text"].as_str().unwrap().to_owned();
        page["data"].as_array().unwrap().iter().map(text).collect()
    };
    for (direction, expected) in [("asc", ["a", "b", "a", "b", "a", "b"]), ("desc", ["b", "a", "b", "a", "b", "a"])] {
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        for _ in expected {
            let params = json!({ "threadId": thread, "limit": 1, "sortDirection": direction, "cursor": cursor });
            let page = server.request("thread/turns/list", params).await.unwrap();
            seen.extend(turn_texts(&page));
            cursor = page["nextCursor"].clone();
            let back = if direction == "asc" { "desc" } else { "asc" };
            let params = json!({ "threadId": thread, "sortDirection": back, "cursor": page["backwardsCursor"] });
            let before = server.request("thread/turns/list", params).await.unwrap();
            assert_eq!(before["data"].as_array().unwrap().len(), seen.len(), "{direction}");
        }
        assert_eq!((seen.as_slice(), &cursor), (expected.map(str::to_owned).as_slice(), &Value::Null), "{direction}");
    }
}
