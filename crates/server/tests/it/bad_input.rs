//! What no client should send: an error that says what was wrong, or a skip; never silence where an answer is due, and
//! never the end of the connection.

use serde_json::{Value, json};
use testkit::Reply;

use crate::kit::TestServer;

/// Sends `line` before a request that is fine. Gives what is answered to `line`, if anything is: its error's code and
/// message.
async fn answers(server: &mut TestServer, line: &str) -> Vec<(i64, String)> {
    server.send_text(line).await;
    let id = server.post("thread/loaded/list", json!({})).await;
    let mut answers = Vec::new();
    loop {
        let said = server.read().await.expect("the connection goes on");
        if said["id"] == id && said.get("result").is_some() {
            return answers;
        }
        let error = &said["error"];
        answers.push((
            error["code"].as_i64().unwrap_or_default(),
            error["message"].as_str().unwrap_or_default().to_owned(),
        ));
    }
}

#[tokio::test]
async fn lines_that_are_no_messages_are_skipped() {
    let mut server = TestServer::with_model([]).await;
    let lines = [
        "",
        "   ",
        "{",
        "{\"id\": 1",
        "nonsense",
        "[]",
        "[{\"id\":900,\"method\":\"thread/loaded/list\",\"params\":{}}]",
        "\"text\"",
        "7",
        "null",
        "{}",
        "{\"id\":900}",
        "{\"id\":900,\"method\":7}",
        "{\"id\":900,\"method\":\"thread/loaded/list\",\"params\":{}} trailing",
        "{\"id\":900,\"id\":901,\"method\":\"thread/loaded/list\"}",
        "{\"id\":900,\"method\":\"thread/loaded/list\",\"params\":{\"a\":\"\u{0}\"}}",
        "{\"id\":900,\"result\":{}}",
        "{\"id\":900,\"error\":{\"code\":1,\"message\":\"m\"}}",
        "{\"id\":900,\"error\":\"no\"}",
    ];
    for line in lines {
        assert_eq!(answers(&mut server, line).await, [], "{line}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_skipped() {
    let mut server = TestServer::with_model([]).await;
    server.send_bytes(b"{\"id\":900,\"method\":\"thread/read\",\"params\":{\"threadId\":\"\xff\"}}\n\xc3\n").await;
    assert_eq!(answers(&mut server, "").await, []);
}

#[tokio::test]
async fn an_id_of_another_kind_makes_a_notification() {
    let mut server = TestServer::with_model([]).await;
    for id in ["null", "1.5", "true", "[]", "{}", "18446744073709551615", "-1e0"] {
        let line = format!("{{\"id\":{id},\"method\":\"thread/read\",\"params\":{{}}}}");
        assert_eq!(answers(&mut server, &line).await, [], "{id}");
    }
}

#[tokio::test]
async fn ids_come_back_as_they_were() {
    let mut server = TestServer::with_model([]).await;
    for id in [json!(0), json!(-1), json!(i64::MIN), json!(i64::MAX), json!(""), json!("7"), json!("ü\n\"")] {
        server.send(&json!({ "id": id, "method": "thread/loaded/list", "params": {} })).await;
        let answer = server.read().await.unwrap();
        assert_eq!((&answer["id"], answer.get("result").is_some()), (&id, true));
    }
}

#[tokio::test]
async fn params_that_do_not_decode_are_answered_with_what_was_wrong() {
    let mut server = TestServer::with_model([]).await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let cases = [
        // Missing.
        ("thread/read", "null", "missing field `params`"),
        ("thread/read", "{}", "missing field `threadId`"),
        ("turn/start", r#"{"threadId":"t"}"#, "missing field `input`"),
        ("turn/start", r#"{"threadId":"t","input":[{"type":"text"}]}"#, "missing field `text`"),
        ("turn/start", r#"{"threadId":"t","input":[{}]}"#, "missing field `type`"),
        // Of another type.
        ("thread/read", "7", "invalid type: integer `7`, expected struct ThreadReadParams"),
        ("thread/read", r#""text""#, "invalid type: string \"text\", expected struct ThreadReadParams"),
        ("thread/read", r#"{"threadId":null}"#, "invalid type: null, expected a string"),
        ("thread/read", r#"{"threadId":["t"]}"#, "invalid type: sequence, expected a string"),
        ("thread/read", r#"{"threadId":"t","includeTurns":"yes"}"#, "invalid type: string \"yes\", expected a boolean"),
        ("account/logout", "[]", "invalid type: sequence, expected unit"),
        // Out of range.
        ("thread/list", r#"{"limit":-1}"#, "invalid value: integer `-1`, expected u32"),
        ("thread/list", r#"{"limit":4294967296}"#, "invalid value: integer `4294967296`, expected u32"),
        ("thread/list", r#"{"limit":1.5}"#, "invalid type: floating point `1.5`, expected u32"),
        ("thread/list", r#"{"limit":1e400}"#, "number out of range"),
        // Unknown variants.
        (
            "thread/start",
            r#"{"sandbox":"none"}"#,
            "unknown variant `none`, expected one of `read-only`, `workspace-write`, `danger-full-access`",
        ),
        (
            "turn/start",
            r#"{"threadId":"t","input":[{"type":"song"}]}"#,
            "unknown variant `song`, expected one of `text`, `image`, `localImage`, `skill`, `mention`",
        ),
        // Relative paths.
        ("fs/readFile", r#"{"path":"a"}"#, "AbsolutePathBuf deserialized without a base path"),
        // Nested beyond all reason, where any JSON would do.
        ("thread/start", &format!(r#"{{"config":{{"a":{deep}}}}}"#), "recursion limit exceeded"),
        ("turn/start", &format!(r#"{{"threadId":"t","input":[],"outputSchema":{deep}}}"#), "recursion limit exceeded"),
        (
            "config/value/write",
            &format!(r#"{{"keyPath":"a","mergeStrategy":"replace","value":{deep}}}"#),
            "recursion limit exceeded",
        ),
        ("thread/inject_items", &format!(r#"{{"threadId":"t","items":[{deep}]}}"#), "recursion limit exceeded"),
    ];
    for (method, params, words) in cases {
        let line = format!(r#"{{"id":900,"method":"{method}","params":{params}}}"#);
        let expected = (-32600, format!("Invalid request: {words}"));
        assert_eq!(answers(&mut server, &line).await, [expected], "{}", line.chars().take(120).collect::<String>());
    }
}

#[tokio::test]
async fn members_nobody_knows_are_ignored_however_deep_they_are() {
    let mut server = TestServer::with_model([]).await;
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let line =
        format!(r#"{{"id":900,"method":"thread/loaded/list","params":{{"unheardOf":{deep}}},"alsoUnheardOf":{deep}}}"#);
    server.send_text(&line).await;
    let answer = server.read().await.unwrap();
    assert_eq!(answer, json!({ "id": 900, "result": { "data": [], "nextCursor": null } }));
}

#[tokio::test]
async fn every_method_answers_whatever_it_is_sent() {
    let mut server = TestServer::with_model([]).await;
    let params =
        [json!(null), json!({}), json!([]), json!(7), json!("x"), json!({ "threadId": 7, "path": 7, "type": 7 })];
    let no_effect = |method: &str| method != "initialize";
    for method in protocol::METHODS.iter().filter(|method| no_effect(method)) {
        for params in &params {
            match server.request(method, params.clone()).await {
                Ok(_) => {}
                Err(error) => {
                    let code = error["code"].as_i64();
                    let known = protocol::ERROR_CODES.iter().any(|entry| Some(entry.code) == code);
                    assert!(
                        known && error["message"].as_str().is_some_and(|text| !text.is_empty()),
                        "{method}: {error}"
                    );
                    assert_ne!(error["message"], "internal error", "{method} {params}");
                }
            }
        }
        server.forget();
    }
}

#[tokio::test]
async fn answers_to_questions_may_be_anything() {
    use testkit::Reply;
    let bad: [Value; 6] = [
        json!({ "result": null }),
        json!({ "result": 7 }),
        json!({ "result": { "decision": "perhaps" } }),
        json!({ "result": { "decision": { "acceptWithExecpolicyAmendment": 7 } } }),
        json!({ "error": { "code": "x" } }),
        json!({ "error": null, "result": [] }),
    ];
    for answer in bad {
        let call = json!({ "command": "touch made" });
        let mut server = TestServer::with_model([Reply::call("shell_command", &call), Reply::say("ok")]).await;
        let cwd = server.project.to_string();
        let params = json!({ "cwd": cwd, "approvalPolicy": "untrusted" });
        let started = server.request("thread/start", params).await.unwrap();
        let thread = started["thread"]["id"].as_str().unwrap().to_owned();
        let turn = server.start_turn(&thread, "go").await;
        let asked = server.expect("item/commandExecution/requestApproval").await;
        let mut answer = answer;
        answer["id"] = asked["id"].clone();
        server.send(&answer).await;
        assert_eq!(server.turn_end(&turn).await["status"], "completed", "{answer}");
        assert!(!server.project.join("made").exists(), "{answer} is no yes");
    }
}

#[tokio::test]
async fn a_picture_that_no_provider_could_read_does_not_reach_it() {
    let mut server = TestServer::with_model([Reply::say("one"), Reply::say("two")]).await;
    let damaged = server.project.join("damaged.png");
    std::fs::write(&damaged, b"\x89PNG\r\n\x1a\nrest").expect("it is written");
    let thread = server.start_thread().await;
    for path in [damaged.to_string(), server.project.join("absent.png").to_string()] {
        let input = json!([{ "type": "text", "text": "look" }, { "type": "localImage", "path": path }]);
        let started =
            server.request("turn/start", json!({ "threadId": thread, "input": input })).await.expect("it starts");
        let turn = started["turn"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(server.turn_end(&turn).await["status"], "completed");
        let request = server.model.requests().pop().expect("a request");
        let said = &request.body["input"].as_array().expect("items").last().expect("a message")["content"];
        assert_eq!(said.as_array().expect("parts").len(), 2, "{said}");
        let reason = said[1]["text"].as_str().expect("a text");
        assert!(reason.starts_with(&format!("The image `{path}` cannot be shown: ")), "{reason}");
    }
}
