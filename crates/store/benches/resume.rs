//! Reading a long thread, with its outline and without: `cargo bench -p store --bench resume [-- PART OF A NAME]`.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

mod measure;

use std::fmt::Write as _;
use std::fs;

use jiff::tz::TimeZone;
use store::{FileStore, LastTurn, ThreadStore as _};
use types::{AbsPath, ThreadId};

use measure::often;

const ROUNDS: usize = 20;

fn main() {
    for turns in [500, 4_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let home = AbsPath::new(folder.path()).expect("it is absolute");
        let store = FileStore::with_time_zone(home.clone(), TimeZone::UTC);
        let id = ThreadId::new();
        let path = store.rollout_path(id, std::time::SystemTime::now());
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        let text = rollout(id, turns);
        fs::write(&path, &text).expect("it is written");
        println!("{turns} turns, {:.1} MB", text.len() as f64 / 1e6);
        often(ROUNDS, "the outline", || {
            let _ = fs::remove_dir_all(home.join("spindle/outlines"));
            drop(store.read(&path).expect("it is read"));
        });
        often(ROUNDS, "the last 50 turns from the end", || {
            let _ = fs::remove_dir_all(home.join("spindle/outlines"));
            let newest = store.newest_turns(&path, &|turns| turns.len() > 50).expect("they are found");
            drop(newest.some(newest.len() - 50..newest.len(), LastTurn::Ended));
        });
        drop(store.read(&path).expect("it is read"));
        often(ROUNDS, "with an outline", || drop(store.read(&path).expect("it is read")));
        let thread = store.read(&path).expect("it is read");
        let all = 0..thread.turns.len();
        assert_eq!(all.end, turns);
        often(ROUNDS, "all turns", || {
            let count = |items: &mut usize, turn: types::Turn| *items += turn.items.len();
            let mut items = 0;
            thread
                .turns
                .gather(all.clone(), LastTurn::Ended, || 0, count, |more| items += more)
                .expect("they are read");
            assert!(items >= turns);
        });
        often(ROUNDS, "the last 50 turns", || drop(thread.turns.some(all.end - 50..all.end, LastTurn::Ended)));
        often(ROUNDS, "the history", || drop(thread.history().expect("it is read")));
    }
}

/// A thread in which every other turn runs a command.
fn rollout(id: ThreadId, turns: usize) -> String {
    let mut text = String::new();
    let mut line = |kind: &str, payload: &str| {
        let stamp = "2026-01-02T03:04:05.678Z";
        let _ = writeln!(text, r#"{{"timestamp":"{stamp}","type":"{kind}","payload":{payload}}}"#);
    };
    line(
        "session_meta",
        &format!(
            r#"{{"id":"{id}","timestamp":"2026-01-02T03:04:05.678Z","cwd":"/work","originator":"bench","cli_version":"1.2.3","source":"vscode"}}"#
        ),
    );
    let (asked, answered, printed) = ("q".repeat(1000), "lorem ipsum ".repeat(330), "abcdefghi\\n".repeat(400));
    let count = r#"{"type":"token_count","info":{"total_token_usage":{"input_tokens":20,"cached_input_tokens":0,"output_tokens":2,"reasoning_output_tokens":0,"total_tokens":22},"last_token_usage":{"input_tokens":10,"cached_input_tokens":0,"output_tokens":1,"reasoning_output_tokens":0,"total_tokens":11},"model_context_window":258400},"rate_limits":{"limit_id":"codex","limit_name":null,"primary":null,"secondary":null,"credits":null,"plan_type":null,"rate_limit_reached_type":null}}"#;
    for turn in 0..turns {
        let turn_id = format!("01a213ee-3e99-7eeb-a283-{turn:012}");
        let runs = turn % 2 == 1;
        line(
            "event_msg",
            &format!(
                r#"{{"type":"task_started","turn_id":"{turn_id}","started_at":1795630709,"model_context_window":258400,"collaboration_mode_kind":"default"}}"#
            ),
        );
        line(
            "turn_context",
            &format!(
                r#"{{"turn_id":"{turn_id}","cwd":"/work","current_date":"2026-11-25","timezone":"Etc/UTC","approval_policy":"never","sandbox_policy":{{"type":"danger-full-access"}},"model":"mock-model","summary":"auto"}}"#
            ),
        );
        line(
            "response_item",
            &format!(r#"{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{asked}"}}]}}"#),
        );
        line(
            "event_msg",
            &format!(
                r#"{{"type":"user_message","message":"{asked}","images":[],"local_images":[],"text_elements":[]}}"#
            ),
        );
        line("event_msg", count);
        if runs {
            line(
                "response_item",
                &format!(
                    r#"{{"type":"function_call","name":"exec_command","arguments":"{{\"cmd\":\"yes\"}}","call_id":"call-{turn}"}}"#
                ),
            );
            line(
                "response_item",
                &format!(r#"{{"type":"function_call_output","call_id":"call-{turn}","output":"{printed}"}}"#),
            );
            line("event_msg", count);
        }
        let answered = if runs { "ok" } else { &answered };
        line(
            "event_msg",
            &format!(r#"{{"type":"agent_message","message":"{answered}","phase":null,"memory_citation":null}}"#),
        );
        line(
            "response_item",
            &format!(
                r#"{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"{answered}"}}]}}"#
            ),
        );
        line("event_msg", count);
        line(
            "event_msg",
            &format!(
                r#"{{"type":"task_complete","turn_id":"{turn_id}","last_agent_message":"{answered}","completed_at":1795630709,"duration_ms":2}}"#
            ),
        );
    }
    text
}
