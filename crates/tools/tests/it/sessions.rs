use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::kit::Thread;

/// The number of the only session.
fn session(thread: &Thread) -> i32 {
    let sessions = thread.cx.sessions.list();
    assert_eq!(sessions.len(), 1);
    sessions[0]
}

async fn run(thread: &Thread, id: &str, arguments: Value) -> String {
    thread.call("exec_command", id, arguments).await
}

#[tokio::test]
async fn a_command_that_ends_in_time_returns_all_at_once() {
    let thread = Thread::new();
    let text = run(&thread, "call-e", json!({ "cmd": "echo hi" })).await;
    assert_eq!(
        text,
        "Chunk ID: _\nWall time: _ seconds\nProcess exited with code 0\nOriginal token count: 1\nOutput:\nhi\n"
    );
    assert_snapshot!(thread.seen(), @r#"
    started command call-e `/bin/bash -lc 'echo hi'` in CWD pid=_ unifiedExecStartup inProgress
    output call-e "hi\n"
    completed command call-e `/bin/bash -lc 'echo hi'` in CWD pid=_ unifiedExecStartup completed "hi\n" 0 timed
    "#);
}

#[tokio::test]
async fn another_exit_code_fails_the_item_and_not_the_call() {
    let thread = Thread::new();
    let text = run(&thread, "call-e", json!({ "cmd": "echo bad; exit 9" })).await;
    assert!(text.contains("\nProcess exited with code 9\n"), "{text}");
    let seen = thread.seen();
    assert!(seen.ends_with("pid=_ unifiedExecStartup failed \"bad\\n\" 9 timed"), "{seen}");
}

#[tokio::test]
async fn a_command_that_waits_is_fed_and_ends() {
    let thread = Thread::new();
    let arguments = json!({ "cmd": "read line; echo got $line", "yield_time_ms": 250, "tty": true });
    let text = run(&thread, "call-open", arguments).await;
    assert_eq!(
        text,
        "Chunk ID: _\nWall time: _ seconds\nProcess running with session ID _\nOriginal token count: 0\nOutput:\n"
    );
    let id = session(&thread);
    let arguments = json!({ "session_id": id, "chars": "abc\n", "yield_time_ms": 30_000 });
    let text = thread.call("write_stdin", "call-write", arguments).await;
    assert_eq!(
        text,
        "Chunk ID: _\nWall time: _ seconds\nProcess exited with code 0\nOriginal token count: 4\nOutput:\nabc\r\ngot abc\r\n"
    );
    let seen = thread.seen();
    let lines: Vec<_> = seen.lines().collect();
    let typed = lines.iter().position(|line| *line == "typed call-open pid=_ \"abc\\n\"").unwrap();
    assert_eq!(typed, 1, "input is told before what it leads to: {seen}");
    assert_eq!(
        lines[lines.len() - 1],
        "completed command call-open `/bin/bash -lc 'read line; echo got $line'` in CWD pid=_ unifiedExecStartup completed \"abc\\r\\ngot abc\\r\\n\" 0 timed"
    );
}

#[tokio::test]
async fn a_session_that_is_not_there_is_named() {
    let thread = Thread::new();
    for id in [424_242_u64, 1 << 40] {
        let text = thread.call("write_stdin", "call-w", json!({ "session_id": id, "chars": "x" })).await;
        assert!(text.starts_with(&format!("write_stdin failed: there is no session {id};")), "{text}");
    }
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn a_session_without_a_terminal_takes_no_input() {
    let thread = Thread::new();
    run(&thread, "call-e", json!({ "cmd": "exec sleep 60", "yield_time_ms": 250 })).await;
    let id = session(&thread);
    let text = thread.call("write_stdin", "call-w", json!({ "session_id": id, "chars": "x" })).await;
    assert!(text.starts_with("write_stdin failed: the session has no standard input;"), "{text}");
    assert!(!thread.seen().contains("typed"));
}

#[tokio::test]
async fn a_command_outlives_its_call_and_completes_when_it_ends() {
    let thread = Thread::new();
    let arguments = json!({ "cmd": "mkfifo gate; echo begun; read x < gate; echo over", "yield_time_ms": 250 });
    run(&thread, "call-e", arguments).await;
    thread.host.wait_for("output call-e").await;
    assert!(!thread.seen().contains("completed"));
    thread.call("shell_command", "call-s", json!({ "command": "echo x > gate" })).await;
    thread.host.wait_for("completed command call-e").await;
    let seen = thread.seen();
    let end = seen.lines().find(|line| line.starts_with("completed command call-e")).unwrap();
    assert!(end.ends_with("pid=_ unifiedExecStartup completed \"begun\\nover\\n\" 0 timed"), "{end}");
    let id = session(&thread);
    let text = thread.call("write_stdin", "call-w", json!({ "session_id": id })).await;
    assert!(text.contains("Process exited with code 0\n") && text.ends_with("over\n"), "{text}");
}

#[tokio::test]
async fn an_interrupt_ends_a_command_that_nobody_could_reach_any_more() {
    let thread = Thread::new();
    let cancel = thread.cx.cancel.clone();
    let host = thread.host.clone();
    let arguments = json!({ "cmd": "echo go; exec sleep 60", "yield_time_ms": 30_000 });
    let (text, ()) = tokio::join!(run(&thread, "call-e", arguments), async {
        host.wait_for("output").await;
        cancel.cancel();
    });
    assert_eq!(text, "aborted by user after _ [turn ends]");
    thread.host.wait_for("completed command call-e").await;
    let seen = thread.seen();
    assert!(seen.ends_with("pid=_ unifiedExecStartup failed \"go\\n\" 143 timed"), "{seen}");
}

#[tokio::test]
async fn the_shell_and_its_profile_may_be_chosen() {
    let thread = Thread::new();
    run(&thread, "call-1", json!({ "cmd": "echo x", "shell": "/bin/sh", "login": false })).await;
    run(&thread, "call-2", json!({ "cmd": "echo x", "shell": "sh" })).await;
    let seen = thread.seen();
    assert!(seen.contains("started command call-1 `/bin/sh -c 'echo x'`"), "{seen}");
    assert!(seen.contains("/sh -lc 'echo x'`"), "{seen}");
    let text = run(&thread, "call-3", json!({ "cmd": "echo x", "shell": "no-such-shell" })).await;
    assert_eq!(text, "there is no shell `no-such-shell` here; leave `shell` out to use /bin/bash");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let thread = Thread::new();
    let text = run(&thread, "call-e", json!({ "cmd": "pwd", "workdir": "none" })).await;
    assert_eq!(
        text,
        "cannot run `/bin/bash -lc pwd`: working directory CWD/none: No such file or directory (os error 2)"
    );
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn output_has_no_colours_and_pagers() {
    let thread = Thread::new();
    let text = run(&thread, "call-e", json!({ "cmd": "echo $TERM $NO_COLOR $PAGER" })).await;
    assert!(text.ends_with("Output:\ndumb 1 cat\n"), "{text}");
}

#[tokio::test]
async fn a_command_knows_its_thread() {
    let thread = Thread::new();
    let text = run(&thread, "call-e", json!({ "cmd": "echo $CODEX_THREAD_ID" })).await;
    assert!(text.ends_with(&format!("Output:\n{}\n", thread.cx.thread_id)), "{text}");
}

#[tokio::test]
async fn more_output_than_asked_for_is_shortened_in_the_middle() {
    let thread = Thread::new();
    let text = run(&thread, "call-e", json!({ "cmd": "seq 1 30000", "max_output_tokens": 50 })).await;
    assert!(text.contains("Original token count: 42224\nOutput:\nTotal output lines: 30000\n\n1\n2\n"), "{text}");
    assert!(text.contains("36\n3…42174 tokens truncated…984\n29985\n"), "{text}");
}
