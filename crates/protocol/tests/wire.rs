//! How values look on the wire.

use std::collections::BTreeSet;

use protocol::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Decodes `value` and expects the same JSON back.
fn round_trip<T: DeserializeOwned + Serialize>(value: &Value) -> T {
    let decoded: T = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&decoded).unwrap(), value);
    decoded
}

#[test]
fn a_thread_says_null_where_it_has_nothing() {
    let thread: Thread = round_trip(&json!({
        "id": "t", "forkedFromId": null, "preview": "", "ephemeral": false, "modelProvider": "p", "createdAt": 1,
        "updatedAt": 2, "status": {"type": "idle"}, "path": null, "cwd": "/w", "cliVersion": "1", "source": "vscode",
        "agentNickname": null, "agentRole": null, "gitInfo": null, "name": null, "turns": [],
    }));
    assert_eq!(thread.status, ThreadStatus::Idle);
}

#[test]
fn a_turn_says_null_where_it_has_nothing() {
    let turn: Turn = round_trip(&json!({
        "id": "u", "items": [], "status": "inProgress", "error": null, "startedAt": 1, "completedAt": null,
        "durationMs": null,
    }));
    assert_eq!(turn.status, TurnStatus::InProgress);
}

#[test]
fn items_are_told_apart_by_their_type() {
    let item: ThreadItem = round_trip(&json!({
        "type": "commandExecution", "id": "i", "command": "ls", "cwd": "/w", "processId": null, "source": "agent",
        "status": "completed", "commandActions": [{"type": "listFiles", "command": "ls", "path": null}],
        "aggregatedOutput": "x", "exitCode": 0, "durationMs": 3,
    }));
    assert!(matches!(item, ThreadItem::CommandExecution { exit_code: Some(0), .. }));
    round_trip::<ThreadItem>(&json!({
        "type": "userMessage", "id": "i",
        "content": [{"type": "text", "text": "a", "text_elements": []}, {"type": "localImage", "path": "/p.png"}],
    }));
    round_trip::<ThreadItem>(&json!({
        "type": "fileChange", "id": "i", "status": "declined",
        "changes": [{"path": "a", "kind": {"type": "update", "move_path": null}, "diff": "d"}],
    }));
}

#[test]
fn policies_keep_the_spelling_of_the_configuration() {
    round_trip::<AskForApproval>(&json!("on-request"));
    round_trip::<AskForApproval>(&json!({"granular": {
        "sandbox_approval": true, "rules": false, "skill_approval": false, "request_permissions": false,
        "mcp_elicitations": true,
    }}));
    round_trip::<SandboxMode>(&json!("danger-full-access"));
    let policy: SandboxPolicy = serde_json::from_value(json!({"type": "workspaceWrite"})).unwrap();
    assert_eq!(
        serde_json::to_value(policy).unwrap(),
        json!({
            "type": "workspaceWrite", "writableRoots": [], "readOnlyAccess": {"type": "fullAccess"},
            "networkAccess": false, "excludeTmpdirEnvVar": false, "excludeSlashTmp": false,
        })
    );
}

#[test]
fn a_collaboration_mode_has_settings_in_snake_case_and_older_names() {
    let mode = json!({"mode": "plan", "settings": {
        "model": "m", "reasoning_effort": null, "developer_instructions": null,
    }});
    round_trip::<CollaborationMode>(&mode);
    assert_eq!(serde_json::from_value::<ModeKind>(json!("code")).unwrap(), ModeKind::Default);
    assert_eq!(
        serde_json::from_value::<ModeKind>(json!("wild")).unwrap_err().to_string(),
        "unknown variant `wild`, expected one of `plan`, `code`, `custom`, `default`, `execute`, `pair_programming`"
    );
}

#[test]
fn keys_of_the_configuration_without_a_member_are_kept() {
    let config: Config =
        serde_json::from_value(json!({"model": "m", "apps": {"_default": null, "x": {"enabled": false}}, "new": 1}))
            .unwrap();
    assert_eq!(config.additional["new"], 1);
    let apps = config.apps.unwrap();
    assert!(apps.default.is_none() && !apps.apps["x"].enabled);
}

#[test]
fn a_question_of_an_mcp_server_stands_beside_its_context() {
    let asked: McpServerElicitationRequestParams = round_trip(&json!({
        "threadId": "t", "turnId": null, "serverName": "s", "mode": "form", "_meta": null, "message": "who?",
        "requestedSchema": {
            "type": "object",
            "properties": {"name": {"type": "string", "minLength": 1}, "sure": {"type": "boolean", "default": false}},
            "required": ["name"],
        },
    }));
    assert!(matches!(asked.request, elicitation::McpServerElicitationRequest::Form { .. }));
}

#[test]
fn an_older_name_of_the_opposite_defers_a_tool() {
    let tool = |extra: &Value| {
        let mut tool = json!({"name": "n", "description": "d", "inputSchema": {}});
        tool.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value::<DynamicToolSpec>(tool).unwrap().defer_loading
    };
    assert!(!tool(&json!({})));
    assert!(tool(&json!({"deferLoading": true})));
    assert!(tool(&json!({"exposeToContext": false})));
    assert!(!tool(&json!({"exposeToContext": true})));
    assert!(!tool(&json!({"deferLoading": false, "exposeToContext": false})));
}

#[test]
fn an_item_of_the_conversation_with_an_unknown_type_is_not_an_error() {
    let item: ResponseItem = serde_json::from_value(json!({"type": "from_the_future", "x": 1})).unwrap();
    assert_eq!(item, ResponseItem::Other);
}

#[test]
fn reasoning_without_content_says_null() {
    round_trip::<ResponseItem>(&json!({"type": "reasoning", "summary": [], "content": null, "encrypted_content": "e"}));
}

#[test]
fn request_ids_are_numbers_or_texts() {
    assert_eq!(round_trip::<RequestId>(&json!(7)), RequestId::Integer(7));
    assert_eq!(round_trip::<RequestId>(&json!("7")), RequestId::String("7".to_owned()));
}

#[test]
fn an_unknown_method_is_answered_with_all_there_are() {
    let words = methods::unknown_method("no/such");
    assert!(words.starts_with("unknown variant `no/such`, expected one of `initialize`, `thread/start`, "), "{words}");
    assert!(words.ends_with(", `fuzzyFileSearch/sessionStop`"), "{words}");
}

#[test]
fn no_name_stands_twice_in_a_table() {
    for table in [METHODS, SERVER_METHODS, NOTIFICATIONS] {
        assert_eq!(table.iter().collect::<BTreeSet<_>>().len(), table.len());
    }
}
