//! Permissions beyond the sandbox: for the turn, for the session, and for a single command.

use serde_json::{Value, json};
use tools::{CommandDecision, GrantScope, Granted, PermissionsGrant, Switches};
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, ApprovalPolicy, FileSystemAccess, FileSystemEntry, FileSystemPath, GranularApproval, PermissionProfile,
    SandboxPolicy,
};

use crate::kit::{Thread, workspace_write};

/// A thread in which permissions can be asked for.
fn thread(policy: ApprovalPolicy, sandbox: SandboxPolicy, answers: &[CommandDecision]) -> Thread {
    let mut thread = Thread::with(policy, sandbox);
    thread.cx.switches = Switches { request_permissions: true, command_permissions: true, ..Switches::default() };
    thread.host.commands.lock().unwrap().extend(answers.iter().cloned());
    thread
}

fn write(path: AbsPath) -> PermissionProfile {
    let entry = FileSystemEntry { path: FileSystemPath::Path(path), access: FileSystemAccess::Write };
    let file_system = Some(FileSystemPermissions { entries: vec![entry], glob_scan_max_depth: None });
    PermissionProfile { network_enabled: None, file_system }
}

fn to_write(path: &str) -> Value {
    json!({ "permissions": { "file_system": { "write": [path] } }, "reason": "for the tests" })
}

/// A command that says whether it could make a file.
fn make(path: &str) -> Value {
    json!({ "command": format!("touch {path} 2> /dev/null && echo made || echo refused") })
}

fn granular(request_permissions: bool) -> ApprovalPolicy {
    ApprovalPolicy::Granular(GranularApproval {
        sandbox_approval: false,
        rules: false,
        skill_approval: false,
        request_permissions,
        mcp_elicitations: false,
    })
}

async fn runs(thread: &Thread, arguments: Value) -> bool {
    let text = thread.call("shell_command", "c", arguments).await;
    assert!(text.ends_with("made\n") || text.ends_with("refused\n"), "{text}");
    text.ends_with("made\n")
}

#[tokio::test]
async fn what_is_granted_holds_for_later_commands_and_patches_until_the_turn_ends() {
    let mut thread = thread(ApprovalPolicy::OnRequest, SandboxPolicy::read_only(), &[]);
    let text = thread.call("request_permissions", "p", to_write("../outside")).await;
    assert_eq!(text, r#"{"permissions":{"network":null,"file_system":{"write":["ROOT/outside"]}},"scope":"turn"}"#);
    assert_eq!(thread.seen(), "asked p permissions in CWD reason=Some(\"for the tests\") write:ROOT/outside");
    if thread.has_sandbox() {
        assert!(runs(&thread, make("../outside/one")).await);
        assert!(!runs(&thread, make("inside")).await);
    }
    assert!(thread.patch("a", "*** Add File: ../outside/two\n+x\n").await.starts_with("Exit code: 0\n"));
    assert!(!thread.seen().contains("asked"));

    // The next turn of the thread.
    thread.cx.turn_permissions = Granted::new().into();
    assert_eq!(thread.patch("b", "*** Add File: ../outside/three\n+x\n").await, "patch rejected by user");
}

#[tokio::test]
async fn a_grant_for_the_session_outlasts_the_turn() {
    let mut thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[]);
    let grant = PermissionsGrant {
        permissions: write(thread.root().join("outside")),
        scope: GrantScope::Session,
        ..PermissionsGrant::default()
    };
    thread.host.permissions.lock().unwrap().push_back(grant);
    let text = thread.call("request_permissions", "p", to_write("../outside")).await;
    assert!(text.ends_with("\"scope\":\"session\"}"), "{text}");
    thread.cx.turn_permissions = Granted::new().into();
    assert!(thread.patch("a", "*** Add File: ../outside/x\n+x\n").await.starts_with("Exit code: 0\n"));
}

#[tokio::test]
async fn a_grant_is_cut_to_what_was_asked_for() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[]);
    let mut permissions = write(thread.root());
    permissions.network_enabled = Some(true);
    thread.host.permissions.lock().unwrap().push_back(PermissionsGrant { permissions, ..PermissionsGrant::default() });
    let text = thread.call("request_permissions", "p", to_write("../outside")).await;
    assert_eq!(text, r#"{"permissions":{"network":null,"file_system":null},"scope":"turn"}"#);
    assert_eq!(thread.patch("a", "*** Add File: ../outside/x\n+x\n").await, "patch rejected by user");
}

#[tokio::test]
async fn a_policy_without_such_questions_grants_nothing_unasked() {
    for (policy, asks) in [
        (ApprovalPolicy::Never, false),
        (granular(false), false),
        (granular(true), true),
        (ApprovalPolicy::UnlessTrusted, true),
        (ApprovalPolicy::OnFailure, true),
    ] {
        let thread = thread(policy, workspace_write(), &[]);
        let text = thread.call("request_permissions", "p", to_write("../outside")).await;
        assert_eq!(text.contains("ROOT/outside"), asks, "{text}");
        assert_eq!(thread.seen().contains("asked"), asks);
    }
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_to_the_model() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[]);
    for (arguments, says) in [
        (json!({ "permissions": {} }), "request_permissions asked for nothing"),
        (json!({ "permissions": { "file_system": { "write": [] } } }), "request_permissions asked for nothing"),
        (json!({ "permissions": { "moon": true } }), "unknown field `moon`"),
        (json!({ "permissions": { "file_system": { "erase": ["/"] } } }), "unknown field `erase`"),
        (json!({ "reason": "why not" }), "missing field `permissions`"),
    ] {
        let text = thread.call("request_permissions", "p", arguments).await;
        assert!(text.contains(says), "{text}");
    }
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn without_the_feature_there_is_no_such_tool() {
    let thread = Thread::with(ApprovalPolicy::OnRequest, workspace_write());
    let text = thread.call("request_permissions", "p", to_write("/")).await;
    assert_eq!(text, "unsupported call: request_permissions");
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn an_interrupt_gives_the_question_up() {
    let mut thread = Thread::unanswered(ApprovalPolicy::OnRequest);
    thread.cx.switches.request_permissions = true;
    let host = thread.host.clone();
    let cancel = thread.cx.cancel.clone();
    let (text, ()) = tokio::join!(thread.call("request_permissions", "p", to_write("/x")), async {
        host.wait_for("asked").await;
        cancel.cancel();
    });
    assert_eq!(text, "aborted by user [turn ends]");
}

/// The same command with permissions of its own.
fn with_own(mut command: Value, write: &str) -> Value {
    command["sandbox_permissions"] = json!("with_additional_permissions");
    command["additional_permissions"] = json!({ "file_system": { "write": [write] } });
    command
}

#[tokio::test]
async fn a_command_gets_its_own_permissions_when_the_user_says_so() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[CommandDecision::Accept]);
    if !thread.has_sandbox() {
        return;
    }
    assert!(runs(&thread, with_own(make("../outside/a"), "../outside")).await);
    let seen = thread.seen();
    assert!(seen.contains(" reason=None write:ROOT/outside proposed="), "{seen}");
    assert!(seen.contains(" available=accept,cancel\n"), "no rule is offered that would end the sandbox: {seen}");
    assert!(!runs(&thread, make("../outside/b")).await, "it was for one command");
    assert!(!thread.seen().contains("asked"));
}

#[tokio::test]
async fn permissions_of_a_command_reach_no_further_than_they_say() {
    let answers = [CommandDecision::AcceptForSession, CommandDecision::Accept, CommandDecision::Decline];
    let thread = thread(ApprovalPolicy::OnRequest, SandboxPolicy::read_only(), &answers);
    if !thread.has_sandbox() {
        return;
    }
    assert!(!runs(&thread, with_own(make("inside"), "../outside")).await);
    assert!(thread.seen().contains("asked"));
    assert!(!runs(&thread, with_own(make("inside"), "../outside")).await);
    assert!(!thread.seen().contains("asked"), "accepted for the session");
    assert!(runs(&thread, with_own(make("inside"), ".")).await);
    assert!(thread.seen().contains("asked"), "other permissions are another question");
    let text = thread.call("shell_command", "c", with_own(make("more"), ".git")).await;
    assert_eq!(text, "exec command rejected by user");
}

#[tokio::test]
async fn what_was_granted_before_needs_no_further_question() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[CommandDecision::Accept]);
    if !thread.has_sandbox() {
        return;
    }
    thread.call("request_permissions", "p", to_write("../outside")).await;
    thread.seen();
    assert!(runs(&thread, with_own(make("../outside/a"), "../outside/a")).await);
    assert!(!thread.seen().contains("asked"));
    // Another question names it, too: the command will have it.
    runs(&thread, with_own(make("../home"), "../home")).await;
    assert!(thread.seen().contains(" write:ROOT/home write:ROOT/outside proposed="));
}

#[tokio::test]
async fn a_command_cannot_ask_where_nobody_can_be_asked() {
    for policy in [ApprovalPolicy::Never, ApprovalPolicy::OnFailure, ApprovalPolicy::UnlessTrusted, granular(true)] {
        let thread = thread(policy, workspace_write(), &[CommandDecision::Accept]);
        let text = thread.call("shell_command", "c", with_own(make("../outside/a"), "../outside")).await;
        assert!(text.starts_with("command rejected: under the approval policy"), "{text}");
        assert_eq!(thread.seen(), "");
    }
}

#[tokio::test]
async fn a_command_says_clearly_what_it_asks_for() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[]);
    let online = json!({ "network": { "enabled": true } });
    for (asked, says) in [
        (json!({ "sandbox_permissions": "with_additional_permissions" }), "needs `additional_permissions`"),
        (json!({ "additional_permissions": {} }), "needs `additional_permissions`"),
        (json!({ "sandbox_permissions": "require_escalated", "additional_permissions": online }), "does not go with"),
    ] {
        let mut arguments = make("x");
        arguments.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
        let text = thread.call("shell_command", "c", arguments).await;
        assert!(text.contains(says), "{text}");
    }
    assert_eq!(thread.seen(), "");
}
