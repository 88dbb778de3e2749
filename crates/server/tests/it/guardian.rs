//! The automatic reviewer: who is asked, what clients hear, and what a verdict does.

use serde_json::{Value, json};
use testkit::{Gate, Reply};
#[cfg(target_os = "linux")]
use testkit::{Step, item_done, message_item};

use crate::kit::TestServer;

/// A server whose model follows the script, and a thread in which a reviewer answers requests for approval.
async fn reviewed(replies: impl IntoIterator<Item = Reply>) -> (TestServer, String) {
    let mut server = TestServer::with_model(replies).await;
    let settings = json!({
        "cwd": server.project.to_string(), "approvalPolicy": "on-request", "sandbox": "read-only",
        "approvalsReviewer": "auto_review",
    });
    let started = server.request("thread/start", settings).await.unwrap();
    assert_eq!(started["approvalsReviewer"], "guardian_subagent", "all clients know the older name");
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    (server, thread)
}

/// The same with more in the configuration and in the settings of the thread.
async fn reviewed_with(config: &str, more: Value, replies: impl IntoIterator<Item = Reply>) -> (TestServer, String) {
    let mut server = TestServer::with_model(replies).await;
    let file = server.home.join("config.toml");
    let known = std::fs::read_to_string(&file).unwrap();
    // Keys come before tables.
    std::fs::write(&file, format!("{config}\n{known}")).unwrap();
    let mut settings = json!({
        "cwd": server.project.to_string(), "approvalPolicy": "on-request", "sandbox": "read-only",
        "approvalsReviewer": "auto_review",
    });
    for (member, value) in more.as_object().unwrap() {
        settings[member] = value.clone();
    }
    let started = server.request("thread/start", settings).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    (server, thread)
}

/// Asks to make a file outside the sandbox.
fn leave() -> Reply {
    let arguments = json!({
        "command": "touch made.txt", "sandbox_permissions": "require_escalated", "justification": "I need it",
    });
    Reply::call("shell_command", &arguments)
}

fn verdict(outcome: &str) -> Reply {
    let verdict = json!({
        "risk_level": "medium", "user_authorization": "low", "outcome": outcome, "rationale": "Because.",
    });
    Reply::say(&verdict.to_string())
}

#[tokio::test]
async fn what_the_reviewer_allows_is_done_and_nobody_is_asked() {
    let (mut server, thread) = reviewed([leave(), verdict("allow"), Reply::say("done")]).await;
    let turn = server.start_turn(&thread, "make the file").await;
    let started = server.expect("item/autoApprovalReview/started").await["params"].take();
    let command = started["action"]["command"].clone();
    let expected = json!({
        "threadId": thread, "turnId": turn, "reviewId": started["reviewId"], "targetItemId": started["targetItemId"],
        "action": { "type": "command", "source": "shell", "command": command, "cwd": server.project.to_string() },
        "review": { "status": "inProgress", "riskLevel": null, "userAuthorization": null, "rationale": null },
    });
    assert_eq!(started, expected);
    let completed = server.expect("item/autoApprovalReview/completed").await["params"].take();
    assert_eq!(completed["reviewId"], started["reviewId"]);
    assert_eq!(completed["decisionSource"], "agent");
    let review = json!({
        "status": "approved", "riskLevel": "medium", "userAuthorization": "low", "rationale": "Because.",
    });
    assert_eq!(completed["review"], review);
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert!(server.project.join("made.txt").exists());
    assert!(!server.methods().contains(&"item/commandExecution/requestApproval"));
    assert!(server.methods().contains(&"guardianWarning"));
}

#[tokio::test]
async fn the_reviewer_sees_what_was_said_and_may_only_read() {
    let (mut server, thread) = reviewed([leave(), verdict("allow"), Reply::say("done")]).await;
    server.run_turn(&thread, "make the file").await;
    let request = server.model.requests()[1].clone();
    assert_eq!(request.header("x-openai-subagent"), Some("guardian"));
    assert_eq!(request.body["model"], "codex-auto-review");
    assert_eq!(request.body["text"]["format"]["type"], "json_schema");
    let asked = request.body["input"].as_array().unwrap().last().unwrap()["content"][0]["text"].as_str().unwrap();
    for part in [
        "{\"by\":\"user\",\"text\":\"make the file\"}",
        "agent, calling shell_command",
        "I need it",
        "outside the sandbox",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    let context = request.body["input"].to_string();
    assert!(context.contains("read-only") && context.contains("`never`"), "{context}");
}

#[tokio::test]
async fn what_the_reviewer_does_not_clearly_allow_is_not_done() {
    for answer in [verdict("deny"), verdict("perhaps"), Reply::say("Go ahead!"), Reply::error(500, "broken")] {
        let (mut server, thread) = reviewed([leave(), answer, Reply::say("well")]).await;
        assert_eq!(server.run_turn(&thread, "make the file").await["status"], "completed");
        let completed = server.expect("item/autoApprovalReview/completed").await["params"].take();
        assert_eq!(completed["review"]["status"], "denied");
        assert!(!server.project.join("made.txt").exists());
        let told = server.model.requests().pop().unwrap().body.to_string();
        assert!(told.contains("the automatic reviewer, who decides for the user, does not allow it"), "{told}");
        let command = |message: &Value| {
            message["method"] == "item/completed" && message["params"]["item"]["type"] == "commandExecution"
        };
        assert_eq!(server.wait(command).await["params"]["item"]["status"], "declined");
    }
}

#[tokio::test]
async fn a_patch_and_further_permissions_are_reviewed_too() {
    let patch = "*** Begin Patch\n*** Add File: new.txt\n+x\n*** End Patch\n";
    let patch = Reply::call("shell_command", &json!({ "command": format!("apply_patch <<'EOF'\n{patch}EOF\n") }));
    let permissions = json!({ "permissions": { "file_system": { "write": ["."] } }, "reason": "to write" });
    let ask = Reply::call("request_permissions", &permissions);
    let replies = [patch.clone(), verdict("deny"), ask, verdict("allow"), patch, Reply::say("done")];
    let server = TestServer::with_model([]).await;
    let config = std::fs::read_to_string(server.home.join("config.toml")).unwrap();
    let features = "[features]\nrequest_permissions_tool = true\n";
    std::fs::write(server.home.join("config.toml"), config + features).unwrap();
    server.model.enqueue(replies);
    let mut server = server;
    let settings = json!({
        "cwd": server.project.to_string(), "approvalPolicy": "on-request", "sandbox": "read-only",
        "approvalsReviewer": "guardian_subagent",
    });
    let started = server.request("thread/start", settings).await.unwrap();
    server.run_turn(started["thread"]["id"].as_str().unwrap(), "write").await;
    let mut actions = Vec::new();
    for _ in 0..2 {
        let completed = server.expect("item/autoApprovalReview/completed").await["params"].take();
        actions.push((completed["action"]["type"].clone(), completed["review"]["status"].clone()));
    }
    let expected = [(json!("applyPatch"), json!("denied")), (json!("requestPermissions"), json!("approved"))];
    assert_eq!(actions, expected);
    assert!(server.project.join("new.txt").exists(), "the grant holds for the second patch");
}

#[tokio::test]
async fn a_review_that_is_cut_off_is_told_to_be() {
    let (mut server, thread) = reviewed([leave(), Reply::new([Gate::new()])]).await;
    let turn = server.start_turn(&thread, "make the file").await;
    server.expect("item/autoApprovalReview/started").await;
    server.request("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await.unwrap();
    assert_eq!(server.turn_end(&turn).await["status"], "interrupted");
    let completed = server.expect("item/autoApprovalReview/completed").await["params"].take();
    assert_eq!(completed["review"]["status"], "aborted");
    assert!(!server.project.join("made.txt").exists());
}

#[tokio::test]
async fn the_user_can_approve_what_was_denied() {
    let replies = [leave(), verdict("deny"), Reply::say("well"), leave(), verdict("allow"), Reply::say("done")];
    let (mut server, thread) = reviewed(replies).await;
    server.run_turn(&thread, "make the file").await;
    let denied = server.expect("item/autoApprovalReview/completed").await["params"].take();
    let event = |status: &str| {
        json!({
            "id": denied["reviewId"], "target_item_id": denied["targetItemId"], "turn_id": denied["turnId"],
            "status": status, "decision_source": "agent",
            "action": { "type": "command", "source": "shell", "command": "touch made.txt", "cwd": "/" },
        })
    };
    for (wrong, says) in [(json!({}), "missing field `id`"), (event("never"), "unknown variant `never`")] {
        let params = json!({ "threadId": thread, "event": wrong });
        let error = server.request("thread/approveGuardianDeniedAction", params).await.unwrap_err();
        assert_eq!(error["code"], -32600);
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("invalid Guardian denial event: ") && message.contains(says), "{message}");
    }
    for status in ["approved", "denied"] {
        let params = json!({ "threadId": thread, "event": event(status) });
        assert_eq!(server.request("thread/approveGuardianDeniedAction", params).await.unwrap(), json!({}));
    }
    server.run_turn(&thread, "now").await;
    let reviewer = server.model.requests()[4].body["input"].to_string();
    assert_eq!(reviewer.matches("approves that very action").count(), 1, "{reviewer}");
    assert!(server.project.join("made.txt").exists());
}

#[tokio::test]
async fn a_policy_that_is_about_asking_people_asks_them() {
    let touch = Reply::call("shell_command", &json!({ "command": "touch made.txt" }));
    let (mut server, thread) = reviewed([touch, Reply::say("well")]).await;
    let input = json!([{ "type": "text", "text": "make the file" }]);
    let params = json!({ "threadId": thread, "approvalPolicy": "untrusted", "input": input });
    let started = server.request("turn/start", params).await.unwrap();
    let asked = server.expect("item/commandExecution/requestApproval").await;
    server.send(&json!({ "id": asked["id"], "result": { "decision": "decline" } })).await;
    server.turn_end(started["turn"]["id"].as_str().unwrap()).await;
    assert!(!server.methods().contains(&"item/autoApprovalReview/started"));
}

#[tokio::test]
async fn a_user_who_grants_with_a_strict_review_has_the_rest_of_the_turn_reviewed() {
    let ask = Reply::call("request_permissions", &json!({ "permissions": { "file_system": { "write": ["."] } } }));
    let list = || Reply::call("shell_command", &json!({ "command": "ls" }));
    let replies = [ask, list(), verdict("deny"), Reply::say("well"), list(), Reply::say("done")];
    let mut server = TestServer::with_model(replies).await;
    let config = std::fs::read_to_string(server.home.join("config.toml")).unwrap();
    let features = "[features]\nrequest_permissions_tool = true\n";
    std::fs::write(server.home.join("config.toml"), config + features).unwrap();
    let settings = json!({ "cwd": server.project.to_string(), "approvalPolicy": "on-request" });
    let started = server.request("thread/start", settings).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let turn = server.start_turn(&thread, "look").await;
    let asked = server.expect("item/permissions/requestApproval").await;
    let grant = json!({ "permissions": asked["params"]["permissions"], "strictAutoReview": true });
    server.send(&json!({ "id": asked["id"], "result": grant })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    let completed = server.expect("item/autoApprovalReview/completed").await["params"].take();
    assert_eq!(completed["review"]["status"], "denied");
    server.forget();
    server.run_turn(&thread, "look again").await;
    assert!(!server.methods().contains(&"item/autoApprovalReview/started"), "only that turn");
}

/// Models that were asked to review, in order.
fn reviewers(server: &TestServer) -> Vec<String> {
    let requests = server.model.requests();
    let reviews = requests.iter().filter(|request| request.header("x-openai-subagent") == Some("guardian"));
    reviews.map(|request| request.body["model"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn where_the_provider_lacks_the_reviewers_model_the_threads_own_one_reviews() {
    for refusal in [
        Reply::error(404, "model not found"),
        Reply::error(400, "no such model"),
        Reply::error(403, "not for this project"),
    ] {
        let replies =
            [leave(), refusal, verdict("allow"), Reply::say("done"), leave(), verdict("deny"), Reply::say("no")];
        let (mut server, thread) = reviewed(replies).await;
        server.run_turn(&thread, "make the file").await;
        assert!(server.project.join("made.txt").exists());
        server.run_turn(&thread, "again").await;
        let asked = reviewers(&server);
        assert_eq!(asked, ["codex-auto-review", "mock-model", "mock-model"], "it is not asked for in vain again");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_for_another_reason_denies_and_says_nothing_about_models() {
    let refused = || Reply::error(400, "too long");
    let replies = [leave(), refused(), refused(), leave(), refused(), refused(), Reply::say("well")];
    let (mut server, thread) = reviewed(replies).await;
    server.run_turn(&thread, "make the file").await;
    assert!(!server.project.join("made.txt").exists());
    assert_eq!(reviewers(&server), ["codex-auto-review", "mock-model"].repeat(2));
}

#[tokio::test]
async fn a_catalogue_without_the_reviewers_model_leaves_the_work_to_the_threads_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("models.json");
    let model = json!({
        "slug": "mock-model", "display_name": "m", "supported_reasoning_levels": [], "shell_type": "shell_command",
        "visibility": "list", "supported_in_api": true, "priority": 1, "base_instructions": "", "context_window": 100_000,
        "supports_reasoning_summaries": false, "support_verbosity": false, "experimental_supported_tools": [],
        "truncation_policy": { "mode": "bytes", "limit": 10_000 }, "supports_parallel_tool_calls": false,
    });
    std::fs::write(&file, json!({ "models": [model] }).to_string()).unwrap();
    let config = format!("model_catalog_json = {}", json!(file));
    let replies = [leave(), verdict("allow"), Reply::say("done")];
    let (mut server, thread) = reviewed_with(&config, json!({}), replies).await;
    server.run_turn(&thread, "make the file").await;
    assert_eq!(reviewers(&server), ["mock-model"]);
    assert!(server.project.join("made.txt").exists());
}

#[tokio::test]
async fn the_reviewer_decides_by_the_policy_of_the_configuration() {
    for (config, own) in
        [("auto_review.policy = \"  Only on Sundays.\\n\"", true), ("auto_review.policy = \" \"", false)]
    {
        let replies = [leave(), verdict("deny"), Reply::say("well")];
        let (mut server, thread) = reviewed_with(config, json!({}), replies).await;
        server.run_turn(&thread, "make the file").await;
        let instructions = server.model.requests()[1].body["instructions"].as_str().unwrap().to_owned();
        assert_eq!(instructions.contains("\n\nOnly on Sundays.\n\n"), own, "{instructions}");
        assert_eq!(instructions.contains("Never allow what is critical"), !own, "{instructions}");
        assert!(!instructions.contains("{policy}"));
    }
}

#[tokio::test]
async fn an_agent_that_does_not_take_no_for_an_answer_is_stopped() {
    let denied = || [leave(), verdict("deny")];
    let failed = || [leave(), Reply::say("I cannot say")];
    let replies = [denied(), denied(), failed(), denied(), denied(), denied()].into_iter().flatten();
    let (mut server, thread) = reviewed(replies.chain([Reply::say("well")])).await;
    assert_eq!(server.run_turn(&thread, "make the file").await["status"], "interrupted");
    assert_eq!(server.model.replies_left(), 1, "a review without a verdict is no refusal, and ends the row");
    let told = server.unclaimed().iter().any(|message| {
        message["method"] == "guardianWarning"
            && message["params"]["message"].as_str().unwrap().contains("3 in a row, 5 in all")
    });
    assert!(told, "{:?}", server.unclaimed());
    assert_eq!(server.run_turn(&thread, "and now").await["status"], "completed", "only that turn");
}

#[tokio::test]
async fn a_reviewer_that_takes_too_long_denies_and_says_nothing_about_the_action() {
    let gate = Gate::new();
    let (mut server, thread) = reviewed([leave(), Reply::new([gate.clone()]), Reply::say("well")]).await;
    let turn = server.start_turn(&thread, "make the file").await;
    server.expect("item/autoApprovalReview/started").await;
    gate.reached().await;
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(91)).await;
    tokio::time::resume();
    let completed = server.expect("item/autoApprovalReview/completed").await["params"].take();
    assert_eq!(completed["review"]["status"], "timedOut");
    assert_eq!(completed["review"]["riskLevel"], json!(null));
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert!(!server.project.join("made.txt").exists());
    let told = server.model.requests().pop().unwrap().body.to_string();
    assert!(told.contains("says nothing about the action"), "{told}");
}

#[tokio::test]
async fn an_extended_history_keeps_reviews_and_is_read_again() {
    for (answer, status) in [(verdict("allow"), "approved"), (verdict("deny"), "denied")] {
        let replies = [leave(), answer, Reply::say("done"), Reply::say("still here")];
        let (mut server, thread) = reviewed_with("", json!({ "persistExtendedHistory": true }), replies).await;
        let turn = server.start_turn(&thread, "make the file").await;
        let told = server.expect("item/autoApprovalReview/started").await["params"].take();
        let kept = assessments(&server);
        assert_eq!(kept[0]["status"], "in_progress", "recorded, then told");
        server.turn_end(&turn).await;
        let kept = assessments(&server);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[1]["status"], status);
        for (member, as_told) in [("id", "reviewId"), ("target_item_id", "targetItemId"), ("turn_id", "turnId")] {
            assert_eq!(kept[1][member], told[as_told]);
        }
        assert_eq!(kept[1]["action"], told["action"]);

        let mut server = server.reopen().await;
        let resumed = server.request("thread/resume", json!({ "threadId": thread })).await.unwrap();
        assert_eq!(resumed["thread"]["turns"].as_array().unwrap().len(), 1);
        assert_eq!(server.run_turn(&thread, "and now").await["status"], "completed");
    }
    let (mut server, thread) = reviewed([leave(), verdict("allow"), Reply::say("done")]).await;
    server.run_turn(&thread, "make the file").await;
    assert_eq!(assessments(&server), [json!(null); 0]);
}

/// The reviews in the rollout.
fn assessments(server: &TestServer) -> Vec<Value> {
    let text = std::fs::read_to_string(server.rollout()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"].take());
    lines.filter(|payload| payload["type"] == "guardian_assessment").collect()
}

/// Begins a command that goes on in the background, and wants to reach a host when there is a file called `go`.
#[cfg(target_os = "linux")]
fn reaching_out_later() -> Reply {
    let command = "while [ ! -e go ]; do sleep 0.05; done; p=${HTTP_PROXY##*:}; exec 3<>/dev/tcp/127.0.0.1/${p%/}; \
                   printf 'GET http://example.test/ HTTP/1.1\\r\\nHost: example.test\\r\\n\\r\\n' >&3; head -n 1 <&3";
    Reply::call("exec_command", &json!({ "cmd": command, "yield_time_ms": 250 }))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_command_in_the_background_wants_is_reviewed_during_the_turn_and_after_it() {
    for during in [true, false] {
        let gate = Gate::new();
        let rest = Reply::new([Step::from(gate.clone()), Step::from(item_done(&message_item("msg-1", "done")))]);
        let mut server = TestServer::with_model([reaching_out_later(), rest, verdict("deny")]).await;
        let etc = server.home.join("etc");
        std::fs::create_dir(&etc).unwrap();
        std::fs::write(etc.join("requirements.toml"), "[experimental_network]\nenabled = true\n").unwrap();
        let settings = json!({
            "cwd": server.project.to_string(), "approvalPolicy": "on-request", "sandbox": "workspace-write",
            "approvalsReviewer": "auto_review", "persistExtendedHistory": true,
        });
        let started = server.request("thread/start", settings).await.unwrap();
        let thread = started["thread"]["id"].as_str().unwrap().to_owned();
        let turn = server.start_turn(&thread, "serve it").await;
        gate.reached().await;
        if !during {
            gate.open();
            assert_eq!(server.turn_end(&turn).await["status"], "completed");
        }
        std::fs::write(server.project.join("go"), "").unwrap();
        let review = server.expect("item/autoApprovalReview/completed").await["params"]["review"].take();
        assert_eq!((&review["status"], &review["rationale"]), (&json!("denied"), &json!("Because.")), "{review}");
        assert_eq!(assessments(&server).len(), 2, "its beginning and its end are kept");
        gate.open();
    }
}
