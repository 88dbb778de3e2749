//! Files: what is written when, and what a damaged one still gives.

use std::fs;

use jiff::tz::TimeZone;
use store::{EventRecord, FileStore, LastTurn, Record, SessionMeta, StoreError, ThreadStore as _};
use types::{AbsPath, ResponseItem};

use crate::support::*;

async fn written(home: &Home, records: &[Record]) -> AbsPath {
    let mut writer = home.store.create(meta());
    writer.append(records).unwrap();
    writer.path().clone()
}

#[tokio::test]
async fn nothing_is_on_disk_before_the_first_append() {
    let home = home();
    let mut writer = home.store.create(meta());
    writer.append(&[]).unwrap();
    writer.sync().await.unwrap();
    assert_eq!(fs::read_dir(&home.path).unwrap().count(), 0);
    assert_eq!(writer.path(), &home.store.rollout_path(writer.meta().id, noon()));
}

#[tokio::test]
async fn the_first_append_writes_the_session_first_and_all_lines_have_the_same_time() {
    let home = home();
    let path = written(&home, &turn("a")).await;
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["session_meta", "event_msg", "response_item", "event_msg", "event_msg", "response_item", "event_msg"]
    );
    let time = lines[0]["timestamp"].as_str().unwrap();
    assert!(lines.iter().all(|line| line["timestamp"] == time), "{text}");
    assert_eq!((time.len(), time.ends_with('Z')), ("2026-01-02T03:04:05.678Z".len(), true));
    assert_eq!(lines[0]["payload"]["timestamp"], "2026-01-02T03:04:05.678Z");
    assert!(lines[0]["payload"]["base_instructions"].is_null());
}

#[tokio::test]
async fn what_is_appended_is_in_the_file_before_append_returns() {
    let home = home();
    let mut writer = home.store.create(meta());
    for name in ["a", "b", "c"] {
        writer.append(&turn(name)).unwrap();
        let turns = home.store.read(writer.path()).unwrap().turns.all(LastTurn::Ended).unwrap();
        assert_eq!(turns.last().unwrap().id.as_str(), name);
    }
    writer.sync().await.unwrap();
}

#[tokio::test]
async fn a_small_turn_costs_less_than_four_kilobytes() {
    let home = home();
    let mut writer = home.store.create(meta());
    writer.append(&turn("a")).unwrap();
    let before = fs::metadata(writer.path()).unwrap().len();
    writer.append(&turn("b")).unwrap();
    assert!(fs::metadata(writer.path()).unwrap().len() - before < 4096);
}

#[tokio::test]
async fn the_session_is_read_as_it_was_written() {
    let home = home();
    let meta = SessionMeta {
        base_instructions: Some("Mine.\n".to_owned()),
        memory_mode: Some("disabled".to_owned()),
        ..meta()
    };
    let mut writer = home.store.create(meta.clone());
    writer.append(&turn("a")).unwrap();
    let thread = home.store.read(writer.path()).unwrap();
    assert_eq!(thread.meta, meta);
    assert_eq!((thread.preview().unwrap().as_str(), thread.skipped, thread.torn_bytes), ("a", 0, 0));
}

#[tokio::test]
async fn a_session_line_said_again_changes_the_memory_mode_alone() {
    let home = home();
    let mut writer = home.store.create(meta());
    let again = SessionMeta {
        memory_mode: Some("disabled".to_owned()),
        originator: "other".to_owned(),
        ..writer.meta().clone()
    };
    let of_another = SessionMeta { memory_mode: Some("enabled".to_owned()), ..meta() };
    writer.append(&[Record::SessionMeta(Box::new(again)), Record::SessionMeta(Box::new(of_another))]).unwrap();
    let thread = home.store.read(writer.path()).unwrap();
    assert_eq!((thread.meta.memory_mode.as_deref(), thread.meta.originator.as_str()), (Some("disabled"), "tests"));
}

/// Every way a killed writer can leave a file.
#[tokio::test]
async fn a_file_cut_anywhere_loses_nothing_whole_and_takes_appends() {
    let home = home();
    let path = written(&home, &[started("a"), user("ü"), agent("a \"quoted\" answer"), completed("a")]).await;
    let whole = fs::read(&path).unwrap();
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let cut = &whole[..length];
        let ended = cut.iter().filter(|byte| **byte == b'\n').count();
        let tail_is_whole = whole.get(length) == Some(&b'\n');
        let lines = ended + usize::from(tail_is_whole);
        if lines == 0 {
            let error = home.store.open(&path).unwrap_err();
            assert!(matches!(error, StoreError::Empty { .. } | StoreError::NoSessionMeta { .. }), "{length}: {error}");
            assert!(error.to_string().contains(path.to_str().unwrap()));
            continue;
        }
        let (thread, mut writer) = home.store.open(&path).unwrap();
        assert_eq!((thread.records().unwrap().len(), thread.skipped), (lines - 1, 0), "cut at {length}");
        writer.append(&[agent("after")]).unwrap();
        let thread = home.store.read(&path).unwrap();
        assert_eq!(
            (thread.records().unwrap().len(), thread.skipped, thread.torn_bytes),
            (lines, 0, 0),
            "cut at {length}"
        );
        assert!(matches!(thread.records().unwrap().last(), Some((_, Record::Event(EventRecord::AgentMessage { .. })))));
    }
}

#[tokio::test]
async fn reading_changes_nothing_in_a_torn_file() {
    let home = home();
    let path = written(&home, &turn("a")).await;
    append_bytes(&path, b"{\"timestamp\":\"2026");
    let before = fs::read(&path).unwrap();
    let thread = home.store.read(&path).unwrap();
    assert_eq!((thread.turns.all(LastTurn::Ended).unwrap().len(), thread.skipped, thread.torn_bytes), (1, 0, 18));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_line_costs_that_line_only() {
    let damages: [&[u8]; 8] = [
        b"garbage\n",
        b"\0\0\0\0\0\0\0\0\n",
        b"{\"timestamp\":\"x\",\"type\":\"event_msg\",\"payload\":{\"type\":\"agent_message\",\"message\":\"\xff\"}}\n",
        b"{\"timestamp\":\"x\",\"type\":\"event_msg\"}\n",
        b"[1,2]\n",
        b"{\"type\":\"event_msg\",\"payload\":{\"type\":\"agent_mess\n",
        b"\"\n",
        b"null\n",
    ];
    for damage in damages {
        let home = home();
        let path = written(&home, &turn("a")).await;
        append_bytes(&path, damage);
        let (_, mut writer) = home.store.open(&path).unwrap();
        writer.append(&turn("b")).unwrap();
        let thread = home.store.read(&path).unwrap();
        assert_eq!(thread.turns.all(LastTurn::Ended).unwrap().len(), 2, "{damage:?}");
        let blank = damage.iter().all(|byte| matches!(byte, 0 | b'\n'));
        assert_eq!(thread.skipped, u64::from(!blank), "{damage:?}");
    }
}

#[tokio::test]
async fn a_block_of_nuls_before_a_line_is_not_part_of_it() {
    let home = home();
    let path = written(&home, &turn("a")).await;
    append_bytes(&path, &[0; 4096]);
    let (thread, mut writer) = home.store.open(&path).unwrap();
    assert_eq!(thread.torn_bytes, 4096);
    writer.append(&turn("b")).unwrap();
    assert_eq!(home.store.read(&path).unwrap().turns.all(LastTurn::Ended).unwrap().len(), 2);
}

#[tokio::test]
async fn lines_of_unknown_kinds_are_kept_as_they_came() {
    let home = home();
    let path = written(&home, &turn("a")).await;
    let lines = [
        r#"{"timestamp":"t","type":"novelty","payload":{"b":1,"a":[ 2 ]}}"#,
        r#"{"timestamp":"t","type":"event_msg","payload":{"type":"novelty","x":1e400}}"#,
        r#"{"timestamp":"t","type":"event_msg","payload":{"type":"agent_message"}}"#,
        r#"{"timestamp":"t","type":"turn_context","payload":{"cwd":"relative"}}"#,
        r#"{"timestamp":"t","type":"response_item","payload":{"type":"novelty","x":1}}"#,
    ];
    append_bytes(&path, (lines.join("\n") + "\n").as_bytes());
    let thread = home.store.read(&path).unwrap();
    assert_eq!((thread.skipped, thread.turns.all(LastTurn::Ended).unwrap().len()), (0, 1));

    let records: Vec<_> = thread.records().unwrap().into_iter().map(|(_, record)| record).collect();
    let copy = written(&home, &records).await;
    let copied = fs::read_to_string(copy).unwrap();
    for line in lines {
        let payload = line.split_once(",\"type\"").unwrap().1;
        assert!(copied.contains(payload), "{line}\nis not in\n{copied}");
    }
}

#[tokio::test]
async fn a_file_without_a_session_line_is_refused_with_its_name() {
    let home = home();
    let path = home.store.rollout_path(meta().id, noon());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\"timestamp\":\"t\",\"type\":\"event_msg\",\"payload\":{\"type\":\"context_compacted\"}}\n")
        .unwrap();
    let error = home.store.read(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("rollout `{path}` does not start with session metadata"));
    assert!(matches!(home.store.read(&home.path.join("none.jsonl")), Err(StoreError::Io { .. })));
}

#[tokio::test]
async fn the_half_line_of_another_writer_is_left_to_it() {
    let home = home();
    let mut ours = home.store.create(meta());
    ours.append(&turn("a")).unwrap();
    append_bytes(ours.path(), b"{\"half");
    ours.append(&turn("b")).unwrap();
    let thread = home.store.read(ours.path()).unwrap();
    assert_eq!((thread.turns.all(LastTurn::Ended).unwrap().len(), thread.skipped), (2, 1));
}

#[tokio::test]
async fn a_rollout_that_was_deleted_begins_anew() {
    let home = home();
    let mut writer = home.store.create(meta());
    writer.append(&turn("a")).unwrap();
    fs::remove_file(writer.path()).unwrap();
    writer.append(&turn("b")).unwrap();
    assert_eq!(home.store.read(writer.path()).unwrap().preview().unwrap(), "b");
}

#[tokio::test]
async fn an_append_that_fails_leaves_no_file_and_a_later_one_works() {
    let home = home();
    let mut writer = home.store.create(meta());
    fs::write(home.path.join("sessions"), "in the way").unwrap();
    let error = writer.append(&turn("a")).unwrap_err();
    assert!(error.to_string().contains("sessions"), "{error}");
    fs::remove_file(home.path.join("sessions")).unwrap();
    writer.append(&turn("b")).unwrap();
    assert_eq!(home.store.read(writer.path()).unwrap().turns.all(LastTurn::Ended).unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_rollout_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let path = written(&home, &turn("a")).await;
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_line_longer_than_a_read_is_read_whole() {
    let home = home();
    let long = "ü".repeat(700_000);
    let path = written(&home, &[vec![said(&long)], turn("a")].concat()).await;
    let thread = home.store.read(&path).unwrap();
    assert!(matches!(&thread.history().unwrap().items[0], ResponseItem::Message { .. }));
    assert_eq!(
        (thread.history().unwrap().items[0].clone(), thread.turns.all(LastTurn::Ended).unwrap().len()),
        (ResponseItem::user(long), 1)
    );
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_no_file_is_refused_and_not_waited_for() {
    let home = home();
    let pipe = home.path.join("pipe.jsonl");
    rustix::fs::mknodat(rustix::fs::CWD, &*pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    for path in [pipe, AbsPath::new("/dev/zero").unwrap(), home.path.clone()] {
        let error = home.store.read(&path).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(home.store.open(&path).is_err());
    }
}

#[tokio::test]
async fn what_a_killed_copy_has_left_goes_with_the_next_copy_and_nobody_elses() {
    let home = home();
    let original = home.store.read(&written(&home, &turn("a")).await).unwrap();
    let begun = |meta: &SessionMeta| {
        let path = home.store.rollout_path(meta.id, meta.created_at);
        let begun = path.with_file_name(format!("{}.unfinished", path.file_name().unwrap().to_str().unwrap()));
        fs::write(&begun, "{").unwrap();
        begun
    };
    let left = begun(&meta());
    let other_server = FileStore::with_time_zone(home.path.clone(), TimeZone::UTC);
    let at_work = meta();
    let mut writer = other_server.create(at_work.clone());
    writer.append(&turn("b")).unwrap();
    let in_use = begun(&at_work);

    let copy = home.store.copy(&original, meta(), &[]).unwrap();
    assert_eq!(home.store.read(copy.path()).unwrap().preview().unwrap(), "a");
    assert!(!left.exists() && in_use.exists());
}
