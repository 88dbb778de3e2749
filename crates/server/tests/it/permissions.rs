//! `item/permissions/requestApproval`, and what a grant does.

use serde_json::{Value, json};
use testkit::Reply;

use crate::kit::TestServer;

/// A thread whose agent has just asked for the folder beside the project; also the question and its turn.
async fn asking(replies: impl IntoIterator<Item = Reply>) -> (TestServer, String, String, Value) {
    let permissions = json!({ "file_system": { "write": ["../outside"] } });
    let call = Reply::call("request_permissions", &json!({ "permissions": permissions, "reason": "for the tests" }));
    let mut server = TestServer::with_model([call].into_iter().chain(replies)).await;
    let config = std::fs::read_to_string(server.home.join("config.toml")).unwrap();
    let features = "[features]\nrequest_permissions_tool = true\n";
    std::fs::write(server.home.join("config.toml"), config + features).unwrap();
    let cwd = server.project.to_string();
    let settings = json!({ "cwd": cwd, "approvalPolicy": "on-request", "sandbox": "read-only" });
    let started = server.request("thread/start", settings).await.unwrap();
    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let turn = server.start_turn(&thread, "go").await;
    let asked = server.expect("item/permissions/requestApproval").await;
    (server, thread, turn, asked)
}

/// Adds a file in the folder beside the project.
fn patch(name: &str) -> Reply {
    let patch = format!("*** Begin Patch\n*** Add File: ../outside/{name}\n+x\n*** End Patch\n");
    Reply::call("shell_command", &json!({ "command": format!("apply_patch <<'EOF'\n{patch}EOF\n") }))
}

#[tokio::test]
async fn a_client_is_asked_with_absolute_paths_in_both_spellings() {
    let (mut server, thread, turn, asked) = asking([Reply::say("well")]).await;
    let outside = server.project.join("../outside").to_string();
    let expected = json!({
        "threadId": thread, "turnId": turn, "itemId": asked["params"]["itemId"], "cwd": server.project.to_string(),
        "reason": "for the tests",
        "permissions": { "network": null, "fileSystem": {
            "read": null, "write": [outside], "entries": [{ "path": { "type": "path", "path": outside }, "access": "write" }],
        } },
    });
    assert_eq!(asked["params"], expected);
    server.send(&json!({ "id": asked["id"], "result": { "permissions": {} } })).await;
    assert_eq!(server.turn_end(&turn).await["status"], "completed");
    assert_eq!(server.expect("serverRequest/resolved").await["params"]["requestId"], asked["id"]);
    let flags: Vec<_> =
        server.unclaimed().iter().filter_map(|told| told["params"]["status"]["activeFlags"].as_array()).collect();
    assert!(flags.contains(&&vec![json!("waitingOnApproval")]), "{flags:?}");
    let warnings: Vec<_> = server.unclaimed().iter().filter(|told| told["method"] == "warning").collect();
    assert!(warnings[0].to_string().contains("under development"), "{warnings:?}");
}

#[tokio::test]
async fn a_grant_for_the_turn_ends_with_it_and_one_for_the_session_does_not() {
    for (scope, holds) in [("turn", false), ("session", true)] {
        let replies = [patch("one"), Reply::say("made"), patch("two"), Reply::say("again")];
        let (mut server, thread, turn, asked) = asking(replies).await;
        let granted = json!({ "permissions": asked["params"]["permissions"], "scope": scope });
        server.send(&json!({ "id": asked["id"], "result": granted })).await;
        assert_eq!(server.turn_end(&turn).await["status"], "completed");
        assert!(server.project.join("../outside/one").exists());

        let turn = server.start_turn(&thread, "again").await;
        if !holds {
            let asked = server.expect("item/fileChange/requestApproval").await;
            server.send(&json!({ "id": asked["id"], "result": { "decision": "decline" } })).await;
        }
        assert_eq!(server.turn_end(&turn).await["status"], "completed");
        assert_eq!(server.project.join("../outside/two").exists(), holds, "{scope}");
    }
}

#[tokio::test]
async fn nonsense_and_errors_grant_nothing() {
    for answer in [
        json!({ "result": { "permissions": null } }),
        json!({ "result": { "permissions": { "fileSystem": { "write": ["no/absolute/path"] } } } }),
        json!({ "result": { "permissions": {}, "scope": "forever" } }),
        json!({ "error": { "code": 1, "message": "no" } }),
    ] {
        let (mut server, _, turn, asked) = asking([Reply::say("well")]).await;
        let mut message = answer.clone();
        message["id"] = asked["id"].clone();
        server.send(&message).await;
        assert_eq!(server.turn_end(&turn).await["status"], "completed", "{answer}");
        let told = server.model.requests().pop().unwrap().body.to_string();
        assert!(told.contains(r#"\"file_system\":null},\"scope\":\"turn\"}"#), "{told}");
    }
}

#[tokio::test]
async fn what_an_administrator_does_not_allow_is_refused_wherever_it_is_asked_for() {
    let mut server = TestServer::with_model([Reply::say("hi")]).await;
    let etc = server.home.join("etc");
    std::fs::create_dir_all(&etc).unwrap();
    let demands = "allowed_approval_policies = [\"on-request\"]\nallowed_sandbox_modes = [\"read-only\"]\nenforce_residency = \"us\"\n";
    std::fs::write(etc.join("requirements.toml"), demands).unwrap();

    let read = server.request("configRequirements/read", json!({})).await.unwrap();
    assert_eq!(read["requirements"]["allowedApprovalPolicies"], json!(["on-request"]));
    assert_eq!(read["requirements"]["enforceResidency"], "us");
    let cwd = server.project.to_string();
    let params = json!({ "cwd": cwd, "approvalPolicy": "never", "sandbox": "danger-full-access" });
    let started = server.request("thread/start", params).await.unwrap();
    let config = std::fs::read_to_string(server.home.join("config.toml")).unwrap();
    assert!(!config.contains(&cwd), "the project is not trusted for that");
    assert_eq!((&started["approvalPolicy"], &started["sandbox"]["type"]), (&json!("on-request"), &json!("readOnly")));
    for key in ["approval_policy", "sandbox_mode"] {
        let warning = server.expect("warning").await;
        assert!(warning["params"]["message"].as_str().unwrap().starts_with(&format!("`{key}` cannot be")), "{warning}");
    }
    let root = json!({ "path": { "type": "special", "value": { "kind": "root" } }, "access": "write" });
    let everything = json!({ "network": { "enabled": true }, "fileSystem": { "entries": [root] } });
    let error = server.request("thread/start", json!({ "permissionProfile": everything })).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("`sandbox_mode` cannot be"), "{error}");

    let thread = started["thread"]["id"].as_str().unwrap().to_owned();
    let input = json!([{ "type": "text", "text": "go" }]);
    for wish in [
        json!({ "approvalPolicy": "never" }),
        json!({ "sandboxPolicy": { "type": "dangerFullAccess" } }),
        json!({ "permissionProfile": everything }),
    ] {
        let mut params = json!({ "threadId": thread, "input": input });
        params.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let error = server.request("turn/start", params).await.unwrap_err();
        assert_eq!(error["code"], -32600);
        assert!(error["message"].as_str().unwrap().starts_with("invalid turn context override: `"), "{error}");
    }
    for wish in [json!({ "sandboxPolicy": { "type": "dangerFullAccess" } }), json!({ "permissionProfile": everything })]
    {
        let mut params = json!({ "command": ["true"] });
        params.as_object_mut().unwrap().extend(wish.as_object().unwrap().clone());
        let error = server.request("command/exec", params).await.unwrap_err();
        assert!(error["message"].as_str().unwrap().starts_with("invalid sandbox policy: `sandbox_mode`"), "{error}");
    }
    assert_eq!(server.run_turn(&thread, "go").await["status"], "completed");
    assert_eq!(server.model.requests()[0].header("x-openai-internal-codex-residency"), Some("us"));
}

/// A server with this configuration around the usual one, whose administrator lets sandboxes only read, and data only stay
/// in one region.
async fn under_demands(before: &str, after: &str) -> TestServer {
    let server = TestServer::with_model([Reply::say("hi")]).await;
    let file = server.home.join("config.toml");
    let usual = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{before}\n{usual}{after}\n")).unwrap();
    std::fs::create_dir_all(server.home.join("etc")).unwrap();
    let demands = "allowed_sandbox_modes = [\"read-only\"]\nenforce_residency = \"us\"\n";
    std::fs::write(server.home.join("etc/requirements.toml"), demands).unwrap();
    server
}

#[tokio::test]
async fn default_permissions_that_are_not_allowed_give_way_for_threads_and_commands() {
    let permissions =
        "[permissions.all.filesystem]\n\":root\" = \"write\"\n[permissions.all.network]\nenabled = true\n";
    let mut server = under_demands("default_permissions = \"all\"", permissions).await;
    let made = server.project.join("made");
    let touch = json!({ "command": ["touch", made.to_string()] });
    let ended = server.request("command/exec", touch).await;
    assert!(!made.exists(), "{ended:?}");
    let started = server.request("thread/start", json!({})).await.unwrap();
    assert_eq!(started["sandbox"]["type"], "readOnly");
    let command = |mode| server.server.configured_command(vec!["true".to_owned()], exec::Io::Inherit, mode);
    assert!(command(None).is_ok() && command(Some(types::SandboxMode::ReadOnly)).is_ok());
    let error = command(Some(types::SandboxMode::DangerFullAccess)).err().unwrap().to_string();
    assert!(error.starts_with("`sandbox_mode` cannot be"), "{error}");
}

#[tokio::test]
async fn a_user_whose_configuration_is_broken_runs_no_commands_beyond_what_is_allowed() {
    let mut server = under_demands("broken", "").await;
    let made = server.project.join("made");
    let etc = server.home.join("etc");
    std::fs::remove_file(etc.join("requirements.toml")).unwrap();
    std::fs::write(etc.join("managed_config.toml"), "sandbox_mode = \"read-only\"\nmodel = 3\n").unwrap();
    let params = json!({ "command": ["touch", made.to_string()], "sandboxPolicy": { "type": "dangerFullAccess" } });
    let error = server.request("command/exec", params).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("managed_config.toml:2:9"), "{error}");
    assert!(!made.exists());
}

#[tokio::test]
async fn residency_is_told_whatever_headers_the_user_has() {
    let header = "env_http_headers = { \"X-OpenAI-Internal-Codex-Residency\" = \"SHELL\" }";
    let mut server = under_demands("", header).await;
    let thread = server.start_thread().await;
    server.run_turn(&thread, "go").await;
    assert_eq!(server.model.requests()[0].header("x-openai-internal-codex-residency"), Some("us"));
}
