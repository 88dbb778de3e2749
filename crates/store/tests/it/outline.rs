//! What is read of a thread in parts is what the rules give for all of its records.

use std::fs;

use proptest::prelude::*;
use store::{
    EventRecord, Extended, LastTurn, Record, StoredThread, StoredTurns, ThreadStore as _, history_from, turns_from,
};
use types::item::{CallStatus, DynamicToolCall};
use types::{ContentItem, Item, ResponseItem, TokenUsage, TokenUsageTotals, ToolOutput, TurnErrorKind};

use crate::support::*;

/// Long enough that a few dozen of them make an outline worth keeping.
fn text(name: u8) -> String {
    format!("{name} {}", "x".repeat(usize::from(name) * 40))
}

fn message(role: &str, text: String) -> Record {
    Record::ResponseItem(ResponseItem::Message {
        id: None,
        role: role.to_owned(),
        content: vec![ContentItem::InputText { text }],
        end_turn: None,
        phase: None,
    })
}

fn tool(turn: &str, id: &str, status: CallStatus) -> Record {
    let item = DynamicToolCall {
        id: id.into(),
        namespace: None,
        tool: "t".to_owned(),
        arguments: serde_json::json!({}),
        status,
        content: None,
        success: None,
        duration: None,
    };
    let record = match status {
        CallStatus::InProgress => Extended::DynamicToolCallRequested { turn_id: turn.into(), item },
        _ => Extended::Item { turn_id: Some(turn.into()), item: Item::DynamicToolCall(item) },
    };
    event(EventRecord::Extended(Box::new(record)))
}

/// One line of a rollout. Turns are called by numbers, and often the wrong way.
fn record() -> impl Strategy<Value = Record> {
    let turn = || (0..6u8).prop_map(|number| format!("t{number}"));
    let said = || any::<u8>().prop_map(text);
    prop_oneof![
        4 => turn().prop_map(|id| started(&id)),
        3 => turn().prop_map(|id| completed(&id)),
        1 => turn().prop_map(|id| aborted(&id)),
        5 => said().prop_map(|text| user(&text)),
        5 => said().prop_map(|text| message("user", text)),
        5 => said().prop_map(|text| agent(&text)),
        1 => Just(agent("")),
        4 => said().prop_map(|text| Record::ResponseItem(ResponseItem::assistant(text))),
        1 => said().prop_map(|text| message("developer", text)),
        1 => said().prop_map(|text| message("user", format!("<environment_context>{text}</environment_context>"))),
        1 => Just(message("user", "<hook_prompt hook_run_id=\"1\">hi</hook_prompt>".to_owned())),
        2 => said().prop_map(|text| event(EventRecord::Reasoning { text })),
        1 => Just(event(EventRecord::ReasoningRaw { text: String::new() })),
        1 => Just(event(EventRecord::ContextCompacted)),
        2 => (turn(), 0..4u8).prop_map(|(turn, id)| tool(&turn, &format!("c{id}"), CallStatus::InProgress)),
        2 => (turn(), 0..4u8).prop_map(|(turn, id)| tool(&turn, &format!("c{id}"), CallStatus::Completed)),
        1 => (0..4u32).prop_map(rolled_back),
        1 => Just(error("broken", Some(TurnErrorKind::Other))),
        1 => (0..3u8).prop_map(|name| Record::Compacted { message: text(name), replacement: None }),
        1 => prop::collection::vec(said(), 0..3).prop_map(|texts| {
            let items = texts.into_iter().map(ResponseItem::user).chain([ResponseItem::assistant("kept")]);
            Record::Compacted { message: "replaced".to_owned(), replacement: Some(items.collect()) }
        }),
        2 => (0..4u8).prop_map(|id| Record::ResponseItem(ResponseItem::FunctionCall {
            id: None,
            name: "f".to_owned(),
            namespace: None,
            arguments: "{}".to_owned(),
            call_id: format!("f{id}"),
        })),
        2 => (0..4u8).prop_map(|id| Record::ResponseItem(
            ResponseItem::function_output(format!("f{id}"), ToolOutput::Text("out".to_owned()))
        )),
        1 => any::<u8>().prop_map(|total| {
            let usage = TokenUsage { total_tokens: total.into(), ..TokenUsage::default() };
            let totals = TokenUsageTotals { total: usage, last: usage, model_context_window: None };
            event(EventRecord::TokenCount { totals: Some(totals), rate_limits: None })
        }),
        1 => Just(Record::SessionMeta(Box::new(meta()))),
    ]
}

fn hold_against_the_rules(thread: &StoredThread) {
    let records = || thread.records().unwrap();
    for last in [LastTurn::Ended, LastTurn::Running] {
        let all = turns_from(records(), last);
        assert_eq!(thread.turns.all(last).unwrap(), all, "all turns");
        assert_eq!(thread.turns.len(), all.len());
        for (at, turn) in all.iter().enumerate() {
            assert_eq!(thread.turns.some(at..at + 1, last).unwrap(), std::slice::from_ref(turn), "turn {at} alone");
        }
    }
    let records = records().into_iter().map(|(_, record)| record);
    assert_eq!(thread.history().unwrap().items, history_from(records));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_thread_read_in_parts_is_the_thread_read_whole(
        appends in prop::collection::vec(prop::collection::vec(record(), 1..40), 1..4),
    ) {
        let home = home();
        let mut writer = home.store.create(meta());
        for records in &appends {
            writer.append(records).unwrap();
            // The second time with what was kept by the first.
            hold_against_the_rules(&home.store.read(writer.path()).unwrap());
            hold_against_the_rules(&home.store.read(writer.path()).unwrap());
        }
    }
}

#[test]
fn a_damaged_line_is_none_for_all_that_read_it() {
    let big = |id: &str| vec![started(id), agent(&"x".repeat(300 << 10)), completed(id)];
    // The line of a writer that did not see that the one before was half, and a block that never reached the disk.
    let glued =
        r#"ha{"timestamp":"2026-01-02T03:04:05.678Z","type":"event_msg","payload":{"type":"context_compacted"}}"#;
    let damaged = [glued, "ha\0\0\0\"}}"];
    let kinds = [
        r#""agent_message","message":""#,
        r#""agent_reasoning","text":""#,
        r#""user_message","message":""#,
        r#""task_complete","turn_id":"b","last_agent_message":""#,
    ];
    for (damaged, kind) in damaged.iter().flat_map(|damaged| kinds.map(|kind| (damaged, kind))) {
        for under_way in [vec![], vec![started("b"), user("b")]] {
            let home = home();
            let mut writer = home.store.create(meta());
            writer.append(&[big("a"), under_way].concat()).unwrap();
            let begin = r#"{"timestamp":"2026-01-02T03:04:05.678Z","type":"event_msg","payload":{"type":"#;
            append_bytes(writer.path(), format!("{begin}{kind}{damaged}\n").as_bytes());
            writer.append(&[vec![user("c")], big("d"), big("e")].concat()).unwrap();
            hold_against_the_rules(&home.store.read(writer.path()).unwrap());
        }
    }
}

/// What is read from the end is the end of what is there, however much of it is looked at.
fn hold_the_newest_against_all(home: &Home, thread: &StoredThread) {
    let all = thread.turns.all(LastTurn::Running).unwrap();
    let hold = |newest: &StoredTurns| {
        let newest = newest.all(LastTurn::Running).unwrap();
        assert_eq!(newest, all[all.len() - newest.len()..]);
        false
    };
    let whole = home.store.newest_turns(&thread.path, &hold).unwrap();
    assert_eq!((whole.len(), whole.have_older()), (all.len(), false));
}

/// Beyond what is counted in any rollout.
const MUCH: usize = 2 << 20;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_end_of_a_long_thread_is_the_end_of_the_thread(
        before in prop::collection::vec(record(), 0..20),
        after in prop::collection::vec(record(), 0..90),
        outlined in any::<bool>(),
        torn in any::<bool>(),
    ) {
        let home = home();
        let mut writer = home.store.create(meta());
        writer.append(&[&before[..], &[agent(&"x".repeat(MUCH))], &after].concat()).unwrap();
        let path = writer.path();
        if torn {
            append_bytes(path, br#"{"timestamp":"2026-01-02T03:04:05.678Z","type":"event_m"#);
        }
        let thread = home.store.read(path).unwrap();
        let all = turns_from(thread.records().unwrap(), LastTurn::Running);
        prop_assert_eq!(thread.turns.all(LastTurn::Running).unwrap(), all);
        if !outlined {
            fs::remove_dir_all(home.path.join("spindle")).unwrap();
        }
        hold_the_newest_against_all(&home, &thread);
    }
}

#[test]
fn the_newest_turns_of_a_long_thread_are_found_without_what_stands_before_them() {
    let home = home();
    let mut writer = home.store.create(meta());
    let turns = |range: std::ops::Range<u32>| range.flat_map(|number| turn(&format!("t{number}"))).collect::<Vec<_>>();
    writer.append(&[turns(0..9), vec![agent(&"x".repeat(MUCH))], turns(9..900)].concat()).unwrap();
    // Only what is not read may be damaged.
    let damage = |from: u64| {
        let file = fs::File::options().write(true).open(writer.path()).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![b'?'; 1000], from).unwrap();
    };
    let newest = |count: usize| home.store.newest_turns(writer.path(), &|turns| turns.len() >= count).unwrap();
    let expected = show(&newest(50).all(LastTurn::Ended).unwrap());
    assert!(newest(50).have_older() && outlines(&home).is_empty());
    damage(MUCH as u64 / 2);
    assert_eq!(show(&newest(50).all(LastTurn::Ended).unwrap()), expected);
    assert!(outlines(&home).is_empty());

    // All of them are found by way of an outline.
    // The long line is a turn of its own.
    assert_eq!(newest(1000).len(), 901);
    assert!(!newest(1000).have_older());
    assert_eq!(outlines(&home).len(), 1);
}

#[test]
fn a_turn_that_a_late_line_may_be_about_is_looked_for() {
    let home = home();
    for late in [completed("a"), aborted("a")] {
        let mut writer = home.store.create(meta());
        let long = vec![agent(&"x".repeat(MUCH))];
        writer.append(&[vec![started("a")], long, turn("b"), vec![started("c"), late, agent("c")]].concat()).unwrap();
        let all = home.store.read(writer.path()).unwrap().turns.all(LastTurn::Running).unwrap();
        let newest = home.store.newest_turns(writer.path(), &|_| true).unwrap();
        assert_eq!(newest.all(LastTurn::Running).unwrap(), all);
    }
}

#[test]
fn the_turns_after_a_rollback_are_the_newest_ones_whatever_it_took_away() {
    let home = home();
    let mut writer = home.store.create(meta());
    let long = vec![agent(&"x".repeat(MUCH))];
    writer.append(&[turn("a"), long, turn("b"), turn("c"), vec![rolled_back(3)], turn("d")].concat()).unwrap();
    let newest = home.store.newest_turns(writer.path(), &|turns| !turns.is_empty()).unwrap();
    assert_eq!(show(&newest.all(LastTurn::Ended).unwrap()).matches("completed").count(), 1);
    assert!(newest.have_older() && newest.position(&"d".into()) == Some(0));
    let all = home.store.read(writer.path()).unwrap().turns;
    assert_eq!((all.len(), all.position(&"d".into())), (2, Some(1)));
}

fn outlines(home: &Home) -> Vec<fs::DirEntry> {
    let folder = home.path.join("spindle/outlines");
    fs::read_dir(folder).map(|entries| entries.map(Result::unwrap).collect()).unwrap_or_default()
}

#[test]
fn an_outline_is_kept_of_long_threads_and_made_anew_when_it_is_damaged_or_of_another_file() {
    let home = home();
    let mut writer = home.store.create(meta());
    writer.append(&[turn("a"), vec![agent(&"x".repeat(100_000))]].concat()).unwrap();
    let show_turns = || show(&home.store.read(writer.path()).unwrap().turns.all(LastTurn::Ended).unwrap());
    let expected = show_turns();
    let [kept] = &outlines(&home)[..] else { panic!("one outline is kept") };

    let whole = fs::read(kept.path()).unwrap();
    for damaged in [&b""[..], b"outline1", b"something else", &whole[..whole.len() - 1], &[&whole[..], b"x"].concat()] {
        fs::write(kept.path(), damaged).unwrap();
        assert_eq!(show_turns(), expected);
        assert_eq!(fs::read(kept.path()).unwrap(), whole, "it was made anew");
    }
    // What is no file is not waited for.
    fs::remove_file(kept.path()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, kept.path(), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert_eq!(show_turns(), expected);

    // Another file under the same name, of the same length.
    let bytes = fs::read(writer.path()).unwrap();
    let other = String::from_utf8(bytes).unwrap().replace("re a", "by b");
    fs::remove_file(writer.path()).unwrap();
    fs::write(home.path.join("padding"), "takes the freed inode").unwrap();
    fs::write(writer.path(), other).unwrap();
    assert!(show_turns().contains("by b"));
}

#[test]
fn short_threads_leave_nothing_but_their_rollout() {
    let home = home();
    let mut writer = home.store.create(meta());
    writer.append(&turn("a")).unwrap();
    home.store.read(writer.path()).unwrap();
    assert!(outlines(&home).is_empty());
}
