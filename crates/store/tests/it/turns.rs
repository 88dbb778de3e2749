//! Records → turns as clients show them.

use store::{EventRecord, Extended, LastTurn, Record, ThreadStore as _, turns_from};
use types::item::{
    CallStatus, CommandExecution, CommandSource, CommandStatus, DynamicToolCall, MessagePhase, NonSteerableTurn,
};
use types::{
    AbsPath, ContentItem, Item, ResponseItem, TokenUsage, TokenUsageTotals, Turn, TurnErrorKind, TurnId, TurnStatus,
};

use crate::support::*;

/// The turns of lines near the beginning of a rollout.
fn turns_of(records: &[Record], last: LastTurn) -> Vec<Turn> {
    turns_from(records.iter().map(|record| (0, record.clone())), last)
}

fn shown(records: &[Record]) -> String {
    show(&turns_of(records, LastTurn::Ended))
}

fn command(id: &str, turn: &str, status: CommandStatus) -> Record {
    let item = Item::CommandExecution(CommandExecution {
        id: id.into(),
        command: "ls".to_owned(),
        cwd: AbsPath::new("/").unwrap(),
        process_id: None,
        source: CommandSource::Agent,
        status,
        actions: Vec::new(),
        aggregated_output: None,
        exit_code: Some(0),
        duration: None,
    });
    event(EventRecord::Extended(Box::new(Extended::of(&turn.into(), &item).unwrap())))
}

fn reasoning(text: &str) -> Record {
    event(EventRecord::Reasoning { text: text.to_owned() })
}

fn plan(turn: &str, id: &str, text: &str) -> Record {
    let item = Item::Plan { id: id.into(), text: text.to_owned() };
    event(EventRecord::ItemCompleted { thread_id: None, turn_id: turn.into(), item })
}

fn compacted() -> Record {
    Record::Compacted { message: "summary".to_owned(), replacement: Some(Vec::new()) }
}

#[test]
fn items_are_numbered_over_the_whole_thread() {
    insta::assert_snapshot!(shown(&[turn("a"), turn("b")].concat()), @r#"
        a completed ..200
          item-1 user "a"
          item-2 agent "re a"
        b completed ..200
          item-3 user "b"
          item-4 agent "re b"
        "#);
}

#[test]
fn a_last_turn_without_an_end_is_interrupted_unless_it_runs() {
    let records = [turn("a"), vec![started("b"), user("b")]].concat();
    let statuses = |last| turns_of(&records, last).iter().map(|turn| turn.status).collect::<Vec<_>>();
    assert_eq!(statuses(LastTurn::Ended), [TurnStatus::Completed, TurnStatus::Interrupted]);
    assert_eq!(statuses(LastTurn::Running), [TurnStatus::Completed, TurnStatus::InProgress]);
}

#[test]
fn an_earlier_turn_without_an_end_is_interrupted_even_while_the_last_one_runs() {
    let records = [started("a"), started("b")];
    let statuses: Vec<_> = turns_of(&records, LastTurn::Running).iter().map(|turn| turn.status).collect();
    assert_eq!(statuses, [TurnStatus::Interrupted, TurnStatus::InProgress]);
}

#[test]
fn without_announced_turns_each_user_message_begins_one_named_after_its_line() {
    insta::assert_snapshot!(shown(&[said("a"), user("a"), agent("x"), user("b")]), @r#"
        rollout-2 completed ..-
          item-1 user "a"
          item-2 agent "x"
        rollout-4 completed ..-
          item-3 user "b"
        "#);
}

#[test]
fn what_follows_an_interruption_belongs_to_the_interrupted_turn() {
    insta::assert_snapshot!(shown(&[started("a"), user("a"), aborted("a"), agent("late"), completed("a"), agent("stray")]), @r#"
        a interrupted ..200
          item-1 user "a"
          item-2 agent "late"
        rollout-6 completed ..-
          item-3 agent "stray"
        "#);
}

#[test]
fn an_end_with_an_unknown_id_ends_the_turn_under_way() {
    insta::assert_snapshot!(shown(&[started("a"), user("a"), completed("other"), started("b"), completed("a"), user("b")]), @r#"
        a completed ..200
          item-1 user "a"
        b interrupted ..-
          item-2 user "b"
        "#);
}

#[test]
fn a_rollback_takes_turns_and_their_numbers() {
    insta::assert_snapshot!(shown(&[turn("a"), turn("b"), vec![started("empty"), completed("empty"), rolled_back(2)], turn("c")].concat()), @r#"
        a completed ..200
          item-1 user "a"
          item-2 agent "re a"
        c completed ..200
          item-3 user "c"
          item-4 agent "re c"
        "#);
    insta::assert_snapshot!(shown(&[turn("a"), vec![rolled_back(99)]].concat()), @r#""#);
}

#[test]
fn an_error_fails_its_turn_for_good() {
    insta::assert_snapshot!(shown(&[started("a"), user("a"), error("no luck", Some(TurnErrorKind::Other)), completed("a"), error("alone", None)]), @r#"
        a failed (no luck) ..200
          item-1 user "a"
        "#);
}

#[test]
fn an_error_about_a_request_does_not_fail_the_turn_that_ran_meanwhile() {
    let kinds = [
        TurnErrorKind::ThreadRollbackFailed,
        TurnErrorKind::ActiveTurnNotSteerable { turn_kind: NonSteerableTurn::Review },
    ];
    for kind in kinds {
        assert_eq!(shown(&[started("a"), error("no", Some(kind)), completed("a")]), "a completed ..200\n");
    }
}

#[test]
fn paragraphs_of_reasoning_are_one_item_until_something_else_comes() {
    let raw = |text: &str| event(EventRecord::ReasoningRaw { text: text.to_owned() });
    insta::assert_snapshot!(shown(&[started("a"), reasoning("1"), reasoning("2"), raw("r"), agent("x"), raw("s"), reasoning("3"), completed("a")]), @r#"
        a completed ..200
          item-1 reasoning ["1", "2"] ["r"]
          item-2 agent "x"
          item-3 reasoning ["3"] ["s"]
        "#);
}

#[test]
fn tool_items_keep_their_ids_and_find_their_turn() {
    insta::assert_snapshot!(shown(&[
            started("a"),
            command("c1", "a", CommandStatus::Failed),
            command("c1", "a", CommandStatus::Completed),
            completed("a"),
            started("b"),
            command("c2", "a", CommandStatus::Declined),
            command("c3", "nowhere", CommandStatus::Completed),
            user("b"),
            completed("b"),
        ]), @r#"
        a completed ..200
          c1 command ls completed
          c2 command ls declined
        b completed ..200
          item-1 user "b"
        "#);
}

#[test]
fn a_clients_tool_call_is_in_progress_until_it_is_answered() {
    let call = |status, success| DynamicToolCall {
        id: "d".into(),
        namespace: None,
        tool: "lookup".to_owned(),
        arguments: serde_json::Value::Null,
        status,
        content: None,
        success,
        duration: None,
    };
    let asked = event(EventRecord::Extended(Box::new(Extended::DynamicToolCallRequested {
        turn_id: "a".into(),
        item: call(CallStatus::InProgress, None),
    })));
    let answer = Item::DynamicToolCall(call(CallStatus::Completed, Some(true)));
    let answer = event(EventRecord::Extended(Box::new(Extended::of(&"a".into(), &answer).unwrap())));
    insta::assert_snapshot!(shown(&[started("a"), asked.clone()]), @r#"
        a interrupted ..-
          d lookup inProgress
        "#);
    insta::assert_snapshot!(shown(&[started("a"), asked, answer]), @r#"
        a interrupted ..-
          d lookup completed
        "#);
}

#[test]
fn plans_without_a_text_or_a_turn_are_not_shown() {
    insta::assert_snapshot!(shown(&[started("a"), plan("a", "p1", "do it"), plan("a", "p2", ""), plan("b", "p3", "lost"), completed("a")]), @r#"
        a completed ..200
          p1 plan "do it"
        "#);
}

#[test]
fn empty_turns_are_shown_when_they_were_announced_or_compacted() {
    insta::assert_snapshot!(shown(&[started("a"), completed("a"), compacted(), user("b")]), @r#"
        a completed ..200
        rollout-3 completed ..-
          item-1 user "b"
        "#);
    insta::assert_snapshot!(shown(&[started("a"), compacted(), event(EventRecord::ContextCompacted), completed("a")]), @r#"
        a completed ..200
          item-1 compaction
        "#);
}

#[test]
fn a_message_of_images_alone_has_no_text() {
    let record = event(EventRecord::UserMessage {
        text: " ".to_owned(),
        images: vec!["https://example.com/a.png".to_owned()],
        local_images: vec!["/b.png".into()],
        elements: Vec::new(),
    });
    insta::assert_snapshot!(shown(&[started("a"), record, agent(""), completed("a")]), @r#"
        a completed ..200
          item-1 user image https://example.com/a.png, file /b.png
        "#);
}

#[test]
fn a_review_is_shown_by_its_hint_and_its_explanation() {
    let output = serde_json::json!({ "findings": [], "overall_explanation": " fine " });
    insta::assert_snapshot!(shown(&[
            started("a"),
            event(EventRecord::EnteredReview { target: serde_json::json!({}), hint: Some("changes".to_owned()) }),
            event(EventRecord::ExitedReview { output: Some(output) }),
            completed("a"),
        ]), @r#"
        a completed ..200
          item-1 review of "changes"
          item-2 review says "fine"
        "#);
}

#[test]
fn what_hooks_said_is_shown_without_taking_a_number() {
    let prompt = ResponseItem::message(
        "user",
        vec![ContentItem::InputText {
            text: "<hook_prompt hook_run_id=\"stop:0\">go &lt;on&gt; &amp;amp;</hook_prompt>".to_owned(),
        }],
    );
    insta::assert_snapshot!(shown(&[started("a"), user("a"), Record::ResponseItem(prompt), said("<hook_prompt> is a word"), agent("x"), completed("a")]), @r#"
        a completed ..200
          item-1 user "a"
          hook-prompt-3 hook ["go <on> &amp;"]
          item-2 agent "x"
        "#);
}

#[test]
fn phases_and_citations_are_kept() {
    let record = event(EventRecord::AgentMessage {
        text: "done".into(),
        phase: Some(MessagePhase::FinalAnswer),
        memory_citation: None,
    });
    let turns = turns_of(&[started("a"), record], LastTurn::Ended);
    assert!(matches!(turns[0].items[0], Item::AgentMessage { phase: Some(MessagePhase::FinalAnswer), .. }));
}

fn tokens(total: Option<i64>) -> Record {
    let usage = |total_tokens| TokenUsage { total_tokens, ..TokenUsage::default() };
    event(EventRecord::TokenCount {
        totals: total.map(|total| TokenUsageTotals { total: usage(total), last: usage(1), model_context_window: None }),
        rate_limits: None,
    })
}

#[test]
fn usage_belongs_to_the_turn_in_which_tokens_were_counted_last() {
    let owner = |records: &[Record]| {
        let home = home();
        let mut writer = home.store.create(meta());
        writer.append(records).unwrap();
        let usage = home.store.read(writer.path()).unwrap().usage().unwrap();
        usage.map(|(turn, totals)| (turn, totals.total.total_tokens))
    };
    let counted = |name: &str, total| vec![started(name), user(name), tokens(Some(total)), completed(name)];
    let of = |turn: &str, total| Some((TurnId::from(turn), total));

    assert_eq!(owner(&turn("a")), None);
    assert_eq!(owner(&[counted("a", 5), vec![started("b"), user("b")]].concat()), of("a", 5));
    assert_eq!(owner(&[counted("a", 5), vec![started("b"), tokens(None)]].concat()), of("b", 5));
    assert_eq!(owner(&[counted("a", 5), counted("b", 7), vec![rolled_back(1)]].concat()), of("a", 7));
    assert_eq!(owner(&[counted("a", 5), vec![rolled_back(1)]].concat()), of("", 5));
    assert_eq!(owner(&[user("a"), tokens(Some(3)), user("b")]), of("rollout-1", 3));
}
