use insta::assert_snapshot;
use serde_json::json;
use tools::{PatchDecision, ToolInput};
use types::{ApprovalPolicy, GranularApproval, SandboxPolicy};

use crate::kit::{Thread, workspace_write};

const ADD: &str = "*** Add File: new.txt\n+line one\n+line two\n";
const UPDATE: &str = "*** Update File: old.txt\n@@\n-before\n+after\n";

fn thread(approval: ApprovalPolicy, sandbox: SandboxPolicy, answers: &[PatchDecision]) -> Thread {
    let thread = Thread::with(approval, sandbox);
    thread.write("old.txt", "before\n");
    thread.host.patches.lock().unwrap().extend(answers.iter().cloned());
    thread
}

fn untrusted(answer: PatchDecision) -> Thread {
    thread(ApprovalPolicy::UnlessTrusted, workspace_write(), &[answer])
}

#[tokio::test]
async fn an_added_file_is_shown_written_and_told() {
    let thread = thread(ApprovalPolicy::Never, SandboxPolicy::DangerFullAccess, &[]);
    let text = thread.patch("call-p", ADD).await;
    assert_eq!(text, "Exit code: 0\nWall time: _ seconds\nOutput:\nSuccess. Updated the following files:\nA new.txt\n");
    assert_snapshot!(thread.seen(), @r#"
    started patch call-p inProgress add CWD/new.txt "line one\nline two\n"
    printed call-p "Success. Updated the following files:\nA new.txt\n"
    completed patch call-p completed add CWD/new.txt "line one\nline two\n"
    diff diff --git a/new.txt b/new.txt
    "#);
    assert_eq!(thread.read("new.txt").as_deref(), Some("line one\nline two\n"));
}

#[tokio::test]
async fn a_changed_a_deleted_and_a_moved_file_are_shown() {
    let thread = thread(ApprovalPolicy::Never, SandboxPolicy::DangerFullAccess, &[]);
    thread.patch("call-1", UPDATE).await;
    thread.patch("call-2", "*** Update File: old.txt\n*** Move to: moved.txt\n@@\n-after\n+later\n").await;
    let text = thread.patch("call-3", "*** Delete File: moved.txt\n").await;
    assert!(text.ends_with("Output:\nSuccess. Updated the following files:\nD moved.txt\n"), "{text}");
    assert_snapshot!(thread.seen(), @r#"
    started patch call-1 inProgress update CWD/old.txt "@@ -1 +1 @@\n-before\n+after\n"
    printed call-1 "Success. Updated the following files:\nM old.txt\n"
    completed patch call-1 completed update CWD/old.txt "@@ -1 +1 @@\n-before\n+after\n"
    diff diff --git a/old.txt b/old.txt
    started patch call-2 inProgress update to CWD/moved.txt CWD/old.txt "@@ -1 +1 @@\n-after\n+later\n\n\nMoved to: CWD/moved.txt"
    printed call-2 "Success. Updated the following files:\nM moved.txt\n"
    completed patch call-2 completed update to CWD/moved.txt CWD/old.txt "@@ -1 +1 @@\n-after\n+later\n\n\nMoved to: CWD/moved.txt"
    diff diff --git a/old.txt b/moved.txt
    started patch call-3 inProgress delete CWD/moved.txt "later\n"
    printed call-3 "Success. Updated the following files:\nD moved.txt\n"
    completed patch call-3 completed delete CWD/moved.txt "later\n"
    diff diff --git a/old.txt b/old.txt
    "#);
}

#[tokio::test]
async fn a_patch_may_come_as_json() {
    let thread = Thread::new();
    let input = format!("*** Begin Patch\n{ADD}*** End Patch\n");
    thread.call("apply_patch", "call-f", json!({ "input": input })).await;
    assert!(thread.read("new.txt").is_some());
}

#[tokio::test]
async fn a_patch_that_does_not_fit_shows_nothing_and_says_why() {
    let thread = thread(ApprovalPolicy::Never, SandboxPolicy::DangerFullAccess, &[]);
    assert_eq!(
        thread.patch("call-p", "*** Update File: old.txt\n@@\n-not there\n+after\n").await,
        "apply_patch verification failed: expected lines not found in CWD/old.txt:\nnot there"
    );
    let result = thread.call_with("apply_patch", "call-p", ToolInput::Text("nonsense".into())).await;
    assert!(!result.success);
    assert_eq!(
        thread.text(result),
        "apply_patch verification failed: invalid patch: it has to begin with the line `*** Begin Patch`"
    );
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn an_untrusting_policy_asks_before_every_patch() {
    let thread = untrusted(PatchDecision::Accept);
    thread.patch("call-p", ADD).await;
    assert_snapshot!(thread.seen(), @r#"
    started patch call-p inProgress add CWD/new.txt "line one\nline two\n"
    asked call-p patch reason=None root=None
    printed call-p "Success. Updated the following files:\nA new.txt\n"
    completed patch call-p completed add CWD/new.txt "line one\nline two\n"
    diff diff --git a/new.txt b/new.txt
    "#);
}

#[tokio::test]
async fn a_declined_patch_is_told_twice_and_changes_nothing() {
    let thread = untrusted(PatchDecision::Decline);
    assert_eq!(thread.patch("call-p", ADD).await, "patch rejected by user");
    assert_snapshot!(thread.seen(), @r#"
    started patch call-p inProgress add CWD/new.txt "line one\nline two\n"
    asked call-p patch reason=None root=None
    completed patch call-p declined add CWD/new.txt "line one\nline two\n"
    completed patch call-p declined add CWD/new.txt "line one\nline two\n"
    "#);
    assert_eq!(thread.read("new.txt"), None);
}

#[tokio::test]
async fn a_cancelled_patch_ends_the_turn() {
    let thread = untrusted(PatchDecision::Cancel);
    assert_eq!(thread.patch("call-p", ADD).await, "patch rejected by user [turn ends]");
    assert_snapshot!(thread.seen(), @r#"
    started patch call-p inProgress add CWD/new.txt "line one\nline two\n"
    asked call-p patch reason=None root=None
    completed patch call-p declined add CWD/new.txt "line one\nline two\n"
    "#);
}

#[tokio::test]
async fn acceptance_for_the_session_is_remembered_by_file() {
    let thread = thread(
        ApprovalPolicy::UnlessTrusted,
        workspace_write(),
        &[PatchDecision::AcceptForSession, PatchDecision::Decline],
    );
    thread.patch("call-1", ADD).await;
    thread.patch("call-2", "*** Update File: new.txt\n@@\n-line one\n+line 1\n").await;
    thread.patch("call-3", "*** Add File: other.txt\n+x\n").await;
    let seen = thread.seen();
    let asked: Vec<_> = seen.lines().filter(|line| line.starts_with("asked")).collect();
    assert_eq!(asked, ["asked call-1 patch reason=None root=None", "asked call-3 patch reason=None root=None"]);
    assert!(
        seen.ends_with("diff diff --git a/new.txt b/new.txt"),
        "the diff so far is told after a refusal too: {seen}"
    );
    assert_eq!(thread.read("new.txt").as_deref(), Some("line 1\nline two\n"));
}

#[tokio::test]
async fn on_request_asks_only_outside_the_writable_folders() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[PatchDecision::Accept]);
    thread.patch("call-1", ADD).await;
    assert!(!thread.seen().contains("asked"));
    let outside = thread.root().join("outside/x.txt");
    thread.patch("call-2", &format!("*** Add File: {outside}\n+x\n")).await;
    assert_snapshot!(thread.seen(), @r#"
    started patch call-2 inProgress add ROOT/outside/x.txt "x\n"
    asked call-2 patch reason=None root=None
    printed call-2 "Success. Updated the following files:\nA ROOT/outside/x.txt\n"
    completed patch call-2 completed add ROOT/outside/x.txt "x\n"
    diff diff --git a/ROOT/outside/x.txt b/ROOT/outside/x.txt + diff --git a/new.txt b/new.txt
    "#);
}

#[tokio::test]
async fn a_link_out_of_the_writable_folders_is_outside() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[]);
    std::os::unix::fs::symlink(thread.root().join("outside"), thread.cx.cwd.join("link")).unwrap();
    assert_eq!(thread.patch("call-1", "*** Add File: link/x.txt\n+x\n").await, "patch rejected by user");
}

#[tokio::test]
async fn what_may_be_neither_written_nor_asked_for_is_refused() {
    let kinds = GranularApproval {
        sandbox_approval: false,
        rules: true,
        skill_approval: true,
        request_permissions: true,
        mcp_elicitations: true,
    };
    for policy in [ApprovalPolicy::Never, ApprovalPolicy::Granular(kinds)] {
        let thread = thread(policy, SandboxPolicy::read_only(), &[]);
        assert_eq!(
            thread.patch("call-p", ADD).await,
            "patch rejected: the sandbox does not allow writing CWD/new.txt, and the approval policy does not allow asking for it; write somewhere else or tell the user what you would change"
        );
        assert_eq!(thread.seen(), "");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_fails_the_patch() {
    let thread = Thread::new();
    thread.write("file", "");
    let text = thread.patch("call-p", "*** Add File: file/x\n+x\n").await;
    assert!(text.starts_with("Exit code: 1\nWall time: _ seconds\nOutput:\ncannot write CWD/file/x: "), "{text}");
    let seen = thread.seen();
    assert!(seen.contains("\ncompleted patch call-p failed add CWD/file/x"), "{seen}");
}

#[tokio::test]
async fn an_interrupt_while_a_question_is_open_ends_the_call_without_a_word() {
    let thread = Thread::unanswered(ApprovalPolicy::UnlessTrusted);
    let host = thread.host.clone();
    let cancel = thread.cx.cancel.clone();
    let (text, ()) = tokio::join!(thread.patch("call-p", ADD), async {
        host.wait_for("asked").await;
        cancel.cancel();
    });
    assert_eq!(text, "aborted by user [turn ends]");
    assert!(!thread.seen().contains("completed"));
}

/// Accepts an update of `old.txt` while someone writes `text` into it.
async fn edited_while_asked(text: &'static str) -> (Thread, String) {
    let thread = untrusted(PatchDecision::Accept);
    let path = thread.cx.cwd.join("old.txt");
    *thread.host.meanwhile.lock().unwrap() = Some(Box::new(move || std::fs::write(path, text).unwrap()));
    let told = thread.patch("call-p", UPDATE).await;
    (thread, told)
}

#[tokio::test]
async fn an_edit_made_while_the_question_was_open_is_kept() {
    let (thread, _) = edited_while_asked("mine\nbefore\n").await;
    assert_eq!(thread.read("old.txt").as_deref(), Some("mine\nafter\n"));
}

#[tokio::test]
async fn a_patch_that_does_not_fit_any_more_fails() {
    let (thread, told) = edited_while_asked("mine\n").await;
    assert_eq!(
        told,
        "Exit code: 1\nWall time: _ seconds\nOutput:\nthe files changed in the meantime: expected lines not found in CWD/old.txt:\nbefore\n"
    );
    assert_eq!(thread.read("old.txt").as_deref(), Some("mine\n"));
    assert!(thread.seen().contains("completed patch call-p failed"));
}

#[tokio::test]
async fn a_patch_written_as_a_command_is_one() {
    let thread = Thread::new();
    std::fs::create_dir(thread.cx.cwd.join("sub")).unwrap();
    let script =
        |name: &str| format!("apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: {name}\n+x\n*** End Patch\nEOF\n");
    thread.call("exec_command", "call-1", json!({ "cmd": script("1") })).await;
    thread.call("exec_command", "call-2", json!({ "cmd": script("2"), "workdir": "sub" })).await;
    thread.call("shell_command", "call-3", json!({ "command": format!("cd sub && {}", script("3")) })).await;
    thread.call("shell", "call-4", json!({ "command": ["bash", "-lc", script("4")] })).await;
    let seen = thread.seen();
    let shown: Vec<_> = seen.lines().filter(|line| line.starts_with("started")).collect();
    assert_eq!(
        shown,
        [
            "started patch call-1 inProgress add CWD/1 \"x\\n\"",
            "started patch call-2 inProgress add CWD/sub/2 \"x\\n\"",
            "started patch call-3 inProgress add CWD/sub/3 \"x\\n\"",
            "started patch call-4 inProgress add CWD/4 \"x\\n\"",
        ]
    );
}

#[tokio::test]
async fn a_patch_that_cannot_be_told_from_its_command_is_refused_before_anything_runs() {
    let thread = Thread::new();
    let patch = format!("*** Begin Patch\n{ADD}*** End Patch\n");
    let mixed = format!("touch made; apply_patch <<'EOF'\n{patch}EOF\n");
    let text = thread.call("exec_command", "call-1", json!({ "cmd": mixed })).await;
    assert!(text.starts_with("apply_patch cannot be combined with other commands"), "{text}");
    let text = thread.call("exec_command", "call-2", json!({ "cmd": patch })).await;
    assert!(text.starts_with("the command is the text of a patch"), "{text}");
    assert_eq!((thread.read("made"), thread.read("new.txt"), thread.seen()), (None, None, String::new()));
}
