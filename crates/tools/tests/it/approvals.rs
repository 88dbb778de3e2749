use std::sync::Arc;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tools::{CommandDecision, CommandRules, Grants, RuleDecision, RuleMatch};
use types::{ApprovalPolicy, GranularApproval, SandboxPolicy};

use crate::kit::{Thread, workspace_write};

fn thread(approval: ApprovalPolicy, sandbox: SandboxPolicy, answers: &[CommandDecision]) -> Thread {
    let thread = Thread::with(approval, sandbox);
    thread.host.commands.lock().unwrap().extend(answers.iter().cloned());
    thread
}

fn untrusted(answers: &[CommandDecision]) -> Thread {
    thread(ApprovalPolicy::UnlessTrusted, SandboxPolicy::DangerFullAccess, answers)
}

async fn shell(thread: &Thread, id: &str, command: &str) -> String {
    thread.call("shell_command", id, json!({ "command": command })).await
}

/// The parts of the recorded lines that begin with `asked`: id, reason, proposed words and offered answers.
fn asked(thread: &Thread) -> Vec<String> {
    let seen = thread.seen();
    let short = |line: &str| {
        let id = line.split(' ').nth(1).unwrap();
        format!("{id} {}", &line[line.find("reason=").unwrap()..])
    };
    seen.lines().filter(|line| line.starts_with("asked")).map(short).collect()
}

/// Whether `command` is asked about, and what is proposed.
async fn question(approval: ApprovalPolicy, sandbox: SandboxPolicy, arguments: Value) -> Option<String> {
    let thread = thread(approval, sandbox, &[]);
    thread.call("shell_command", "c", arguments).await;
    asked(&thread).pop()
}

#[tokio::test]
async fn an_accepted_command_runs() {
    let thread = untrusted(&[CommandDecision::Accept]);
    let text = shell(&thread, "call-s", "touch made.txt && echo made").await;
    assert_eq!(text, "Exit code: 0\nWall time: _ seconds\nOutput:\nmade\n");
    assert_snapshot!(thread.seen(), @r#"
    started command call-s `/bin/bash -lc 'touch made.txt && echo made'` in CWD agent inProgress
    asked call-s `/bin/bash -lc 'touch made.txt && echo made'` in CWD ["/bin/bash", "-lc", "touch made.txt && echo made"] reason=None proposed=Some(["touch", "made.txt"]) available=accept,amend(touch made.txt),cancel
    output call-s "made\n"
    completed command call-s `/bin/bash -lc 'touch made.txt && echo made'` in CWD agent completed "made\n" 0 timed
    "#);
}

#[tokio::test]
async fn an_accepted_command_keeps_its_sandbox_until_that_has_stopped_it() {
    for answer in [CommandDecision::Accept, CommandDecision::AcceptForSession] {
        let thread = thread(ApprovalPolicy::UnlessTrusted, workspace_write(), std::slice::from_ref(&answer));
        if !thread.has_sandbox() {
            return;
        }
        // Not below the temporary folder, which is writable.
        let outside = tempfile::tempdir_in("/var/tmp").unwrap();
        let file = outside.path().join("made");
        let quiet = format!("touch {} 2> /dev/null; echo went on", file.display());
        assert!(shell(&thread, "quiet", &quiet).await.ends_with("Output:\nwent on\n"));
        assert!(!file.exists(), "{answer:?}");

        thread.host.commands.lock().unwrap().push_back(answer.clone());
        let stopped = format!("touch {} && echo made", file.display());
        let again = if answer == CommandDecision::Accept { 1 } else { 2 };
        for _ in 0..again {
            assert!(shell(&thread, "stopped", &stopped).await.ends_with("Output:\nmade\n"));
            std::fs::remove_file(&file).unwrap();
        }
        assert_eq!(asked(&thread).len(), 2, "once for each command");
    }
}

#[tokio::test]
async fn an_accepted_command_does_not_leave_the_rules_about_hosts_without_a_question() {
    let accept = [CommandDecision::Accept, CommandDecision::Decline];
    let mut thread = thread(ApprovalPolicy::UnlessTrusted, workspace_write(), &accept);
    if !thread.has_sandbox() {
        return;
    }
    thread.cx.network = Some(Arc::default());
    let outside = tempfile::tempdir_in("/var/tmp").unwrap();
    let file = outside.path().join("made");
    let text = shell(&thread, "c", &format!("touch {} && echo made", file.display())).await;
    assert!(text.starts_with("exec command rejected by user"), "{text}");
    assert!(!file.exists());
    let asked = asked(&thread);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].starts_with(r#"c reason=Some("command failed; retry without sandbox?")"#), "{asked:?}");
}

#[tokio::test]
async fn an_accepted_session_gets_its_number_when_it_completes() {
    let thread = untrusted(&[CommandDecision::Accept]);
    thread.call("exec_command", "call-e", json!({ "cmd": "touch a" })).await;
    let seen = thread.seen();
    let lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines.len(), 3, "{seen}");
    assert_eq!(lines[0], "started command call-e `/bin/bash -lc 'touch a'` in CWD agent inProgress");
    assert_eq!(
        lines[2],
        "completed command call-e `/bin/bash -lc 'touch a'` in CWD pid=_ unifiedExecStartup completed - 0 timed"
    );
}

#[tokio::test]
async fn a_declined_command_is_told_twice_where_it_would_have_ended_with_its_call() {
    let thread = untrusted(&[]);
    assert_eq!(shell(&thread, "call-s", "touch made.txt").await, "exec command rejected by user");
    assert_snapshot!(thread.seen(), @r#"
    started command call-s `/bin/bash -lc 'touch made.txt'` in CWD agent inProgress
    asked call-s `/bin/bash -lc 'touch made.txt'` in CWD ["/bin/bash", "-lc", "touch made.txt"] reason=None proposed=Some(["touch", "made.txt"]) available=accept,amend(touch made.txt),cancel
    completed command call-s `/bin/bash -lc 'touch made.txt'` in CWD agent declined
    completed command call-s `/bin/bash -lc 'touch made.txt'` in CWD agent declined "exec command rejected by user" -1 timed
    "#);
    assert_eq!(thread.read("made.txt"), None);
}

#[tokio::test]
async fn a_declined_session_is_told_once() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[]);
    let arguments = json!({
        "cmd": "touch made.txt", "sandbox_permissions": "require_escalated", "justification": "Need to write outside"
    });
    let text = thread.call("exec_command", "call-e", arguments).await;
    assert_eq!(text, "exec command rejected by user");
    assert_snapshot!(thread.seen(), @r#"
    started command call-e `/bin/bash -lc 'touch made.txt'` in CWD agent inProgress
    asked call-e `/bin/bash -lc 'touch made.txt'` in CWD ["/bin/bash", "-lc", "touch made.txt"] reason=Some("Need to write outside") proposed=Some(["touch", "made.txt"]) available=accept,amend(touch made.txt),cancel
    completed command call-e `/bin/bash -lc 'touch made.txt'` in CWD agent declined
    "#);
}

#[tokio::test]
async fn a_cancelled_command_ends_the_turn() {
    let thread = untrusted(&[CommandDecision::Cancel]);
    assert_eq!(shell(&thread, "call-s", "touch made.txt").await, "exec command rejected by user [turn ends]");
    let seen = thread.seen();
    assert_eq!(seen.lines().filter(|line| line.starts_with("completed")).count(), 1, "{seen}");
}

#[tokio::test]
async fn acceptance_for_the_session_is_for_the_same_words_in_the_same_folder() {
    let thread = untrusted(&[CommandDecision::AcceptForSession]);
    thread.write("sub/x", "");
    shell(&thread, "1", "touch b").await;
    shell(&thread, "2", "touch b").await;
    shell(&thread, "3", "touch c").await;
    thread.call("shell_command", "4", json!({ "command": "touch b", "workdir": "sub" })).await;
    let ids: Vec<_> = asked(&thread).iter().map(|line| line[..1].to_owned()).collect();
    assert_eq!(ids, ["1", "3", "4"]);
}

#[tokio::test]
async fn an_accepted_amendment_allows_what_begins_with_its_words() {
    let thread = untrusted(&[CommandDecision::AcceptWithAmendment(vec!["touch".into()])]);
    shell(&thread, "1", "touch a").await;
    shell(&thread, "2", "touch b && ls").await;
    shell(&thread, "3", "touch b && mkdir d").await;
    assert_eq!(
        asked(&thread),
        [
            "1 reason=None proposed=Some([\"touch\", \"a\"]) available=accept,amend(touch a),cancel",
            "3 reason=None proposed=Some([\"mkdir\", \"d\"]) available=accept,amend(mkdir d),cancel",
        ]
    );
}

#[tokio::test]
async fn the_first_part_that_needs_consent_is_proposed() {
    let table = [
        ("touch x && mkdir d", "Some([\"touch\", \"x\"])"),
        ("ls && touch x", "Some([\"touch\", \"x\"])"),
        ("python3 -c 'print(1)'", "Some([\"python3\", \"-c\", \"print(1)\"])"),
        ("touch x > out", "Some([\"/bin/bash\", \"-lc\", \"touch x > out\"])"),
        ("echo $(pwd)", "Some([\"/bin/bash\", \"-lc\", \"echo $(pwd)\"])"),
        ("bash -lc 'touch x'", "Some([\"bash\", \"-lc\", \"touch x\"])"),
        ("env FOO=1 touch x", "Some([\"env\", \"FOO=1\", \"touch\", \"x\"])"),
        ("cat a.txt | sort | uniq | wc -l", "Some([\"sort\"])"),
    ];
    for (command, proposed) in table {
        let asked =
            question(ApprovalPolicy::UnlessTrusted, SandboxPolicy::DangerFullAccess, json!({ "command": command }))
                .await;
        let asked = asked.unwrap_or_else(|| panic!("{command} was not asked about"));
        assert!(asked.starts_with(&format!("c reason=None proposed={proposed} ")), "{command}: {asked}");
    }
}

#[tokio::test]
async fn nothing_is_proposed_for_a_here_document() {
    let arguments = json!({ "command": "cat <<EOF\nx\nEOF" });
    let asked = question(ApprovalPolicy::UnlessTrusted, SandboxPolicy::DangerFullAccess, arguments).await;
    assert_eq!(asked.as_deref(), Some("c reason=None proposed=None available=accept,cancel"));
}

#[tokio::test]
async fn harmless_commands_are_not_asked_about() {
    for command in ["ls", "cat a.txt", "ls && pwd", "git status"] {
        let asked =
            question(ApprovalPolicy::UnlessTrusted, SandboxPolicy::DangerFullAccess, json!({ "command": command }))
                .await;
        assert_eq!(asked, None, "{command}");
    }
}

#[tokio::test]
async fn dangerous_commands_are_asked_about_even_with_full_access() {
    for command in ["rm -f a.txt", "ls && rm -rf sub", "sudo rm -rf sub", "bash -lc 'rm -rf sub'"] {
        let asked =
            question(ApprovalPolicy::OnRequest, SandboxPolicy::DangerFullAccess, json!({ "command": command })).await;
        assert!(asked.is_some(), "{command}");
    }
    for command in ["rm a.txt", "touch x", "git reset --hard"] {
        let asked =
            question(ApprovalPolicy::OnRequest, SandboxPolicy::DangerFullAccess, json!({ "command": command })).await;
        assert_eq!(asked, None, "{command}");
    }
}

#[tokio::test]
async fn dangerous_commands_run_where_nobody_is_asked_and_everything_is_allowed() {
    let thread = Thread::new();
    thread.write("sub/x", "");
    assert!(shell(&thread, "c", "rm -rf sub").await.starts_with("Exit code: 0\n"));
}

#[tokio::test]
async fn dangerous_commands_are_refused_where_nobody_is_asked_in_a_sandbox() {
    let thread = thread(ApprovalPolicy::Never, workspace_write(), &[]);
    let text = shell(&thread, "c", "rm -rf x").await;
    assert_eq!(text, "`/bin/bash -lc 'rm -rf x'` rejected: blocked by policy");
    assert_snapshot!(thread.seen(), @r#"
    started command c `/bin/bash -lc 'rm -rf x'` in CWD agent inProgress
    completed command c `/bin/bash -lc 'rm -rf x'` in CWD agent declined "`/bin/bash -lc 'rm -rf x'` rejected: blocked by policy" -1 timed
    "#);
}

fn escalated(command: &str) -> Value {
    json!({ "command": command, "sandbox_permissions": "require_escalated", "justification": "May I?" })
}

#[tokio::test]
async fn leaving_the_sandbox_is_asked_with_the_models_reason() {
    let thread = thread(ApprovalPolicy::OnRequest, workspace_write(), &[CommandDecision::Accept]);
    let outside = thread.root().join("outside/made.txt");
    let text = thread.call("shell_command", "c", escalated(&format!("touch {outside} && echo ok"))).await;
    assert_eq!(text, "Exit code: 0\nWall time: _ seconds\nOutput:\nok\n");
    assert!(outside.exists());
    assert_eq!(
        asked(&thread),
        [
            "c reason=Some(\"May I?\") proposed=Some([\"touch\", \"ROOT/outside/made.txt\"]) available=accept,amend(touch ROOT/outside/made.txt),cancel"
        ]
    );
}

#[tokio::test]
async fn the_models_own_rule_is_proposed_if_it_is_enough_and_narrow() {
    let table = [
        ("touch q w", json!(["touch"]), "Some([\"touch\"])"),
        ("touch q && echo ok", json!(["touch"]), "Some([\"touch\"])"),
        ("touch x", json!(["touch", "y"]), "Some([\"touch\", \"x\"])"),
        ("git commit -m x && touch z", json!(["git", "commit"]), "Some([\"git\", \"commit\", \"-m\", \"x\"])"),
        ("python3 -c 'print(1)'", json!(["python3"]), "Some([\"python3\", \"-c\", \"print(1)\"])"),
        ("touch x", json!([]), "Some([\"touch\", \"x\"])"),
    ];
    for (command, rule, proposed) in table {
        let mut arguments = escalated(command);
        arguments["prefix_rule"] = rule;
        let asked = question(ApprovalPolicy::OnRequest, workspace_write(), arguments).await.unwrap();
        assert!(asked.contains(&format!("proposed={proposed} ")), "{command}: {asked}");
    }
}

#[tokio::test]
async fn leaving_the_sandbox_is_refused_where_it_cannot_be_asked_for() {
    let kinds = GranularApproval {
        sandbox_approval: true,
        rules: true,
        skill_approval: true,
        request_permissions: true,
        mcp_elicitations: true,
    };
    for (policy, name) in [
        (ApprovalPolicy::Never, "never"),
        (ApprovalPolicy::OnFailure, "on-failure"),
        (ApprovalPolicy::UnlessTrusted, "untrusted"),
        (ApprovalPolicy::Granular(kinds), "granular"),
    ] {
        let thread = thread(policy, SandboxPolicy::read_only(), &[CommandDecision::Accept]);
        let text = thread.call("shell_command", "c", escalated("touch made.txt")).await;
        assert_eq!(
            text,
            format!(
                "command rejected: under the approval policy `{name}` no command may ask for more than the sandbox allows; run it without sandbox_permissions, or do without it"
            )
        );
        assert_eq!(thread.seen(), "");
        assert_eq!(thread.read("made.txt"), None);
    }
}

#[tokio::test]
async fn full_access_needs_no_leave() {
    let thread = thread(ApprovalPolicy::OnRequest, SandboxPolicy::DangerFullAccess, &[]);
    assert!(thread.call("shell_command", "c", escalated("touch made.txt")).await.starts_with("Exit code: 0\n"));
    assert!(asked(&thread).is_empty());
}

#[tokio::test]
async fn an_interrupt_while_a_question_is_open_ends_the_call_without_a_word() {
    let thread = Thread::unanswered(ApprovalPolicy::UnlessTrusted);
    let host = thread.host.clone();
    let cancel = thread.cx.cancel.clone();
    let (text, ()) = tokio::join!(shell(&thread, "c", "touch made.txt"), async {
        host.wait_for("asked").await;
        cancel.cancel();
    });
    assert_eq!(text, "aborted by user [turn ends]");
    assert!(!thread.seen().contains("completed"));
}

#[tokio::test]
async fn a_command_stopped_by_the_sandbox_may_be_run_again_outside_after_asking() {
    let thread = thread(ApprovalPolicy::OnFailure, workspace_write(), &[CommandDecision::Accept]);
    if !thread.has_sandbox() {
        return;
    }
    let outside = thread.root().join("outside/made.txt");
    let text = shell(&thread, "c", &format!("touch {outside} && echo ok")).await;
    assert_eq!(text, "Exit code: 0\nWall time: _ seconds\nOutput:\nok\n");
    assert_eq!(
        asked(&thread),
        [
            "c reason=Some(\"command failed; retry without sandbox?\") proposed=Some([\"touch\", \"ROOT/outside/made.txt\"]) available=accept,amend(touch ROOT/outside/made.txt),cancel"
        ]
    );
}

#[tokio::test]
async fn a_session_stopped_by_the_sandbox_completes_once() {
    let thread = thread(ApprovalPolicy::OnFailure, workspace_write(), &[CommandDecision::Accept]);
    if !thread.has_sandbox() {
        return;
    }
    let outside = thread.root().join("outside/made.txt");
    let text = thread.call("exec_command", "c", json!({ "cmd": format!("touch {outside}") })).await;
    assert!(text.contains("Process exited with code 0"), "{text}");
    let seen = thread.seen();
    assert_eq!(seen.lines().filter(|line| line.starts_with("started")).count(), 1, "{seen}");
    assert_eq!(seen.lines().filter(|line| line.starts_with("completed")).count(), 1, "{seen}");
}

#[tokio::test]
async fn who_declines_the_second_run_lets_the_model_see_the_first() {
    let thread = thread(ApprovalPolicy::OnFailure, workspace_write(), &[]);
    if !thread.has_sandbox() {
        return;
    }
    let outside = thread.root().join("outside/made.txt");
    let text = shell(&thread, "c", &format!("touch {outside}")).await;
    assert!(text.starts_with("exec command rejected by user\nIt was not run again outside the sandbox."), "{text}");
    assert!(text.contains("Exit code: 1\n"), "{text}");
}

#[tokio::test]
async fn other_failures_in_a_sandbox_are_not_asked_about() {
    let thread = thread(ApprovalPolicy::OnFailure, workspace_write(), &[]);
    if !thread.has_sandbox() {
        return;
    }
    assert!(shell(&thread, "c", "exit 3").await.starts_with("Exit code: 3\n"));
    assert!(asked(&thread).is_empty());
}

#[tokio::test]
async fn nobody_is_asked_about_a_failure_under_on_request_and_never() {
    for policy in [ApprovalPolicy::OnRequest, ApprovalPolicy::Never] {
        let thread = thread(policy, workspace_write(), &[CommandDecision::Accept]);
        if !thread.has_sandbox() {
            return;
        }
        let outside = thread.root().join("outside/made.txt");
        assert!(shell(&thread, "c", &format!("touch {outside}")).await.starts_with("Exit code: 1\n"));
        assert!(asked(&thread).is_empty());
        assert!(!outside.exists());
    }
}

/// Rules by first word: `touch` is allowed, `mkdir` asked about, `rmdir` forbidden, `chmod` forbidden with a reason.
struct Rules;

impl CommandRules for Rules {
    fn check(&self, argv: &[String]) -> Option<RuleMatch> {
        let (decision, why) = match argv.first()?.as_str() {
            "touch" => (RuleDecision::Allow, None),
            "mkdir" => (RuleDecision::Prompt, None),
            "mv" => (RuleDecision::Prompt, Some("Think first.")),
            "rmdir" => (RuleDecision::Forbidden, None),
            "chmod" => (RuleDecision::Forbidden, Some("Files stay as they are.")),
            _ => return None,
        };
        Some(RuleMatch { decision, prefix: vec![argv[0].clone()], justification: why.map(str::to_owned) })
    }
}

fn ruled(approval: ApprovalPolicy, sandbox: SandboxPolicy) -> Thread {
    let mut thread = thread(approval, sandbox, &[CommandDecision::Accept, CommandDecision::Accept]);
    thread.cx.grants = Arc::new(Grants::with_rules(Arc::new(Rules)));
    thread
}

#[tokio::test]
async fn rules_allow_ask_and_forbid() {
    let thread = ruled(ApprovalPolicy::UnlessTrusted, SandboxPolicy::DangerFullAccess);
    assert!(shell(&thread, "1", "touch made.txt").await.starts_with("Exit code: 0\n"));
    assert!(shell(&thread, "2", "mkdir newdir").await.starts_with("Exit code: 0\n"));
    assert!(shell(&thread, "3", "mv made.txt other").await.starts_with("Exit code: 0\n"));
    assert_eq!(
        shell(&thread, "4", "touch x; rmdir newdir").await,
        "`/bin/bash -lc 'touch x; rmdir newdir'` rejected: policy forbids commands starting with `rmdir`"
    );
    assert_eq!(
        shell(&thread, "5", "chmod 600 x").await,
        "`/bin/bash -lc 'chmod 600 x'` rejected: Files stay as they are."
    );
    let seen = thread.seen();
    assert!(seen.ends_with(
        "in CWD agent declined \"`/bin/bash -lc 'chmod 600 x'` rejected: Files stay as they are.\" -1 timed"
    ));
    let asked: Vec<_> = seen
        .lines()
        .filter(|line| line.starts_with("asked"))
        .map(|line| &line[line.find("reason").unwrap()..])
        .collect();
    assert_eq!(
        asked,
        [
            "reason=Some(\"`/bin/bash -lc 'mkdir newdir'` requires approval by policy\") proposed=None available=accept,cancel",
            "reason=Some(\"`/bin/bash -lc 'mv made.txt other'` requires approval: Think first.\") proposed=None available=accept,cancel",
        ]
    );
}

#[tokio::test]
async fn a_rule_that_asks_is_refused_where_nobody_may_be_asked() {
    let thread = ruled(ApprovalPolicy::Never, SandboxPolicy::DangerFullAccess);
    assert_eq!(shell(&thread, "c", "mkdir d").await, "approval required by policy, but AskForApproval is set to Never");
    let kinds = GranularApproval {
        sandbox_approval: true,
        rules: false,
        skill_approval: false,
        request_permissions: false,
        mcp_elicitations: false,
    };
    let thread = ruled(ApprovalPolicy::Granular(kinds), workspace_write());
    assert_eq!(
        shell(&thread, "c", "mkdir d").await,
        "approval required by policy rule, but AskForApproval::Granular.rules is false"
    );
}

#[tokio::test]
async fn a_rule_that_allows_everything_in_a_command_takes_it_out_of_the_sandbox() {
    let thread = ruled(ApprovalPolicy::Never, SandboxPolicy::read_only());
    let outside = thread.root().join("outside/made.txt");
    assert!(shell(&thread, "c", &format!("touch {outside}")).await.starts_with("Exit code: 0\n"));
    assert!(outside.exists());
}
