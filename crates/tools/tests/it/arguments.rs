use serde_json::json;
use tools::ToolInput;

use crate::kit::Thread;

#[tokio::test]
async fn wrong_arguments_are_answered_with_what_is_wrong() {
    let parse = "failed to parse function arguments: ";
    let table = [
        ("shell_command", r#"{"cmd": "echo a"}"#, "missing field `command` at line 1 column 17"),
        ("shell_command", r#"{"command": ["a"]}"#, "invalid type: sequence, expected a string at line 1 column 12"),
        (
            "shell",
            r#"{"command": "echo hi"}"#,
            "invalid type: string \"echo hi\", expected a sequence at line 1 column 21",
        ),
        ("shell", r#"{"command": []}"#, "`command` is empty; its first word is the program"),
        ("local_shell", r"{}", "missing field `command` at line 1 column 2"),
        ("exec_command", r"{}", "missing field `cmd` at line 1 column 2"),
        ("exec_command", r"", "EOF while parsing a value at line 1 column 0"),
        ("exec_command", r#"{"cmd": 5}"#, "invalid type: integer `5`, expected a string at line 1 column 9"),
        (
            "exec_command",
            r#"{"cmd": "x", "yield_time_ms": "5"}"#,
            "invalid type: string \"5\", expected a whole number that is not negative at line 1 column 33",
        ),
        (
            "exec_command",
            r#"{"cmd": "x", "yield_time_ms": -5}"#,
            "invalid type: integer `-5`, expected a whole number that is not negative at line 1 column 32",
        ),
        (
            "exec_command",
            r#"{"cmd": "x", "sandbox_permissions": "bogus"}"#,
            "unknown variant `bogus`, expected one of `use_default`, `require_escalated`, `with_additional_permissions` at line 1 column 43",
        ),
        ("write_stdin", r"{}", "missing field `session_id` at line 1 column 2"),
        (
            "write_stdin",
            r#"{"session_id": "x"}"#,
            "invalid type: string \"x\", expected a whole number that is not negative at line 1 column 18",
        ),
        ("update_plan", "{not json", "key must be a string at line 1 column 2"),
        ("update_plan", r#"{"plan": "x"}"#, "invalid type: string \"x\", expected a sequence at line 1 column 12"),
        (
            "update_plan",
            r#"{"plan": [{"step": "a", "status": "bogus"}]}"#,
            "unknown variant `bogus`, expected one of `pending`, `in_progress`, `completed` at line 1 column 41",
        ),
        ("update_plan", r#"{"plan": [{"status": "pending"}]}"#, "missing field `step` at line 1 column 31"),
        ("view_image", r"{}", "missing field `path` at line 1 column 2"),
        ("request_user_input", r"{}", "missing field `questions` at line 1 column 2"),
        ("apply_patch", r#"{"text": "x"}"#, "missing field `input` at line 1 column 13"),
        ("apply_patch", r#"{"input": ["x"]}"#, "invalid type: sequence, expected a string at line 1 column 10"),
    ];
    let thread = Thread::new();
    for (tool, arguments, expected) in table {
        let result = thread.call_with(tool, "c", ToolInput::Json(arguments.to_owned())).await;
        assert!(!result.success, "{tool} {arguments}");
        assert_eq!(thread.text(result), format!("{parse}{expected}"), "{tool} {arguments}");
    }
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn members_that_are_not_known_are_left_alone() {
    let thread = Thread::new();
    let arguments = r#"{"cmd": "echo x", "bogus": 1, "yield_time_ms": 1000.0, "workdir": ""}"#;
    let result = thread.call_with("exec_command", "c", ToolInput::Json(arguments.to_owned())).await;
    assert!(result.success);
}

#[tokio::test]
async fn a_function_called_with_free_text_says_what_it_takes() {
    let thread = Thread::new();
    for tool in ["exec_command", "write_stdin", "update_plan", "view_image", "shell_command"] {
        let result = thread.call_with(tool, "c", ToolInput::Text("echo hi".to_owned())).await;
        assert_eq!(
            thread.text(result),
            "failed to parse function arguments: this tool takes a JSON object, not free text"
        );
    }
}

#[tokio::test]
async fn permissions_of_a_single_command_have_to_be_switched_on() {
    let thread = Thread::new();
    for asked in [
        json!({ "cmd": "x", "sandbox_permissions": "with_additional_permissions" }),
        json!({ "cmd": "x", "additional_permissions": { "network": { "enabled": true } } }),
    ] {
        let text = thread.call("exec_command", "c", asked).await;
        assert!(
            text.starts_with("permissions for a single command are not available; use `require_escalated`"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_web_search_is_the_providers_to_run() {
    let thread = Thread::new();
    let result = thread.call_with("web_search", "c", ToolInput::Json("{}".to_owned())).await;
    assert_eq!(thread.text(result), "unsupported call: web_search");
}
