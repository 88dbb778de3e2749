use insta::assert_snapshot;
use serde_json::json;
use tools::Truncation;

use crate::kit::Thread;

#[tokio::test]
async fn a_command_of_the_users_shell_runs_to_its_end() {
    let thread = Thread::new();
    let text = thread.call("shell_command", "call-s", json!({ "command": "echo hi" })).await;
    assert_eq!(text, "Exit code: 0\nWall time: _ seconds\nOutput:\nhi\n");
    assert_snapshot!(thread.seen(), @r#"
    started command call-s `/bin/bash -lc 'echo hi'` in CWD agent inProgress
    output call-s "hi\n"
    completed command call-s `/bin/bash -lc 'echo hi'` in CWD agent completed "hi\n" 0 timed
    "#);
}

#[tokio::test]
async fn output_is_told_as_it_comes() {
    let thread = Thread::new();
    // Each part is written only when the one before has been read by someone.
    let command = "mkfifo a; (read x < a; echo two) & echo one; echo x > a; wait";
    thread.call("shell_command", "call-s", json!({ "command": command })).await;
    let seen = thread.seen();
    let deltas: String = seen.lines().filter_map(|line| line.strip_prefix("output call-s ")).collect();
    assert_eq!(deltas.replace("\"\"", ""), "\"one\\ntwo\\n\"");
}

#[tokio::test]
async fn a_command_without_output_completes_without_one() {
    let thread = Thread::new();
    let text = thread.call("shell_command", "call-s", json!({ "command": "touch made.txt" })).await;
    assert_eq!(text, "Exit code: 0\nWall time: _ seconds\nOutput:\n");
    assert_snapshot!(thread.seen(), @r"
    started command call-s `/bin/bash -lc 'touch made.txt'` in CWD agent inProgress
    completed command call-s `/bin/bash -lc 'touch made.txt'` in CWD agent completed - 0 timed
    ");
}

#[tokio::test]
async fn a_folder_may_be_given() {
    let thread = Thread::new();
    thread.write("sub/x", "");
    let text = thread.call("shell_command", "call-s", json!({ "command": "pwd", "workdir": "sub" })).await;
    assert!(text.ends_with("Output:\nCWD/sub\n"), "{text}");
    assert!(thread.seen().starts_with("started command call-s `/bin/bash -lc pwd` in CWD/sub agent inProgress\n"));
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_stopped() {
    let thread = Thread::new();
    let arguments = json!({ "command": "exec sleep 60", "timeout_ms": 1 });
    let text = thread.call("shell_command", "call-s", arguments).await;
    assert_eq!(text, "Exit code: 124\nWall time: _ seconds\nOutput:\ncommand timed out after _ milliseconds\n");
    let seen = thread.seen();
    assert!(seen.ends_with("` in CWD agent failed - 124 timed"), "{seen}");
}

#[tokio::test]
async fn words_run_without_a_shell_and_are_answered_in_json() {
    let thread = Thread::new();
    let text = thread.call("shell", "call-a", json!({ "command": ["bash", "-lc", "echo argv"] })).await;
    assert_eq!(text, r#"{"output":"argv\n","metadata":{"duration_seconds":_,"exit_code":0}}"#);
    let action = json!({
        "type": "exec", "command": ["sh", "-c", "echo $A"], "timeout_ms": null, "working_directory": null,
        "env": { "A": "local" }, "user": null
    });
    let text = thread.call("local_shell", "call-l", action).await;
    assert_eq!(text, r#"{"output":"local\n","metadata":{"duration_seconds":_,"exit_code":0}}"#);
    assert_snapshot!(thread.seen(), @r#"
    started command call-a `bash -lc 'echo argv'` in CWD agent inProgress
    output call-a "argv\n"
    completed command call-a `bash -lc 'echo argv'` in CWD agent completed "argv\n" 0 timed
    started command call-l `sh -c 'echo $A'` in CWD agent inProgress
    output call-l "local\n"
    completed command call-l `sh -c 'echo $A'` in CWD agent completed "local\n" 0 timed
    "#);
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_its_item_and_says_so() {
    let thread = Thread::new();
    let text = thread.call("shell", "call-a", json!({ "command": ["/no/such/program"] })).await;
    assert_eq!(text, "cannot run `/no/such/program`: /no/such/program: No such file or directory (os error 2)");
    assert_snapshot!(thread.seen(), @r#"
    started command call-a `/no/such/program` in CWD agent inProgress
    completed command call-a `/no/such/program` in CWD agent failed "cannot run `/no/such/program`: /no/such/program: No such file or directory (os error 2)" -1 timed
    "#);
}

#[tokio::test]
async fn a_signal_shows_in_the_exit_code() {
    let thread = Thread::new();
    let text = thread.call("shell_command", "call-s", json!({ "command": "kill -9 $$" })).await;
    assert!(text.starts_with("Exit code: 137\n"), "{text}");
}

#[tokio::test]
async fn long_output_is_shortened_for_the_model_only() {
    let mut thread = Thread::new();
    thread.cx.truncation = Truncation::Tokens(10);
    let text = thread.call("shell_command", "call-s", json!({ "command": "seq 1 1000" })).await;
    assert_eq!(
        text,
        "Exit code: 0\nWall time: _ seconds\nTotal output lines: 1000\nOutput:\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10…964 tokens truncated…96\n997\n998\n999\n1000\n"
    );
    assert!(thread.seen().contains("\\n500\\n"));
}

#[tokio::test]
async fn an_interrupt_stops_the_command_without_a_further_word() {
    let thread = Thread::new();
    let cancel = thread.cx.cancel.clone();
    let host = thread.host.clone();
    let arguments = json!({ "command": "echo go; exec sleep 60", "timeout_ms": 60_000 });
    let (text, ()) = tokio::join!(thread.call("shell_command", "call-s", arguments), async {
        host.wait_for("output").await;
        cancel.cancel();
    });
    assert_eq!(text, "Wall time: _ seconds\naborted by user [turn ends]");
    thread.cx.sessions.shut_down().await;
    assert!(!thread.seen().contains("completed"));
}

#[tokio::test]
async fn what_a_command_does_is_told_with_its_item() {
    let thread = Thread::new();
    thread.write("a.txt", "hello\n");
    thread.call("shell_command", "call-1", json!({ "command": "cat a.txt && ls" })).await;
    let seen = thread.seen();
    assert!(
        seen.starts_with("started command call-1 `/bin/bash -lc 'cat a.txt && ls'` in CWD agent inProgress 2 actions"),
        "{seen}"
    );
}
