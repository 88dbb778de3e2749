//! What clients without the experimental capability may not use, and do not see.

use protocol::methods::*;
use protocol::server_requests::{ItemCommandExecutionRequestApproval, ServerMethod};
use serde_json::{Value, json};

fn used<M: Method>(params: Value) -> Option<&'static str> {
    M::experimental_use(&serde_json::from_value(params).unwrap())
}

#[test]
fn an_experimental_method_is_named_whatever_its_parameters() {
    assert_eq!(used::<MockExperimentalMethod>(json!({})), Some("mock/experimentalMethod"));
    assert_eq!(used::<MemoryReset>(json!(null)), Some("memory/reset"));
    assert_eq!(used::<ThreadRealtimeListVoices>(json!({})), Some("thread/realtime/listVoices"));
}

#[test]
fn an_experimental_field_is_named_when_it_says_something() {
    assert_eq!(used::<ThreadStart>(json!({"mockExperimentalField": "x"})), Some("thread/start.mockExperimentalField"));
    assert_eq!(used::<ThreadStart>(json!({"dynamicTools": []})), Some("thread/start.dynamicTools"));
    assert_eq!(used::<ThreadStart>(json!({"persistExtendedHistory": true})), Some("thread/start.persistFullHistory"));
    assert_eq!(used::<ThreadResume>(json!({"threadId": "t", "history": []})), Some("thread/resume.history"));
    assert_eq!(used::<ThreadFork>(json!({"threadId": "t", "path": "/x"})), Some("thread/fork.path"));
    assert_eq!(
        used::<TurnSteer>(json!({
            "threadId": "t", "input": [], "expectedTurnId": "u", "responsesapiClientMetadata": {},
        })),
        Some("turn/steer.responsesapiClientMetadata")
    );
}

#[test]
fn a_field_at_its_default_counts_as_absent() {
    assert_eq!(
        used::<ThreadStart>(json!({
            "mockExperimentalField": null,
            "dynamicTools": null,
            "persistExtendedHistory": false,
            "experimentalRawEvents": false,
        })),
        None
    );
}

#[test]
fn an_experimental_value_inside_a_stable_field_is_found() {
    let granular = json!({"granular": {"sandbox_approval": true, "rules": true, "mcp_elicitations": true}});
    let found = Some("askForApproval.granular");
    assert_eq!(used::<ThreadStart>(json!({"approvalPolicy": granular})), found);
    assert_eq!(used::<ThreadResume>(json!({"threadId": "t", "approvalPolicy": granular})), found);
    assert_eq!(used::<ThreadFork>(json!({"threadId": "t", "approvalPolicy": granular})), found);
    assert_eq!(used::<TurnStart>(json!({"threadId": "t", "input": [], "approvalPolicy": granular})), found);
    assert_eq!(used::<ThreadStart>(json!({"approvalPolicy": "never"})), None);
}

#[test]
fn one_way_to_log_in_is_experimental() {
    assert_eq!(
        used::<AccountLoginStart>(json!({"type": "chatgptAuthTokens", "accessToken": "a", "chatgptAccountId": "b"})),
        Some("account/login/start.chatgptAuthTokens")
    );
    assert_eq!(used::<AccountLoginStart>(json!({"type": "apiKey", "apiKey": "k"})), None);
}

#[test]
fn stable_methods_without_experimental_parts_are_open() {
    assert_eq!(used::<ThreadRead>(json!({"threadId": "t"})), None);
    assert_eq!(used::<AccountLogout>(json!(null)), None);
}

#[test]
fn an_approval_request_hides_the_permissions_it_asks_for() {
    let approval = json!({
        "threadId": "t", "turnId": "u", "itemId": "i", "command": "ls",
        "additionalPermissions": {"network": {"enabled": true}}, "availableDecisions": ["accept", "cancel"],
    });
    let mut params = serde_json::from_value(approval).unwrap();
    ItemCommandExecutionRequestApproval::hide_experimental(&mut params);
    assert_eq!(
        serde_json::to_value(params).unwrap(),
        json!({
            "threadId": "t", "turnId": "u", "itemId": "i", "command": "ls", "availableDecisions": ["accept", "cancel"],
        })
    );
}
