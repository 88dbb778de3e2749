use std::collections::BTreeMap;

use serde_json::{Value, json};
use tools::{QuestionOption, UserAnswers, UserQuestion};
use types::{ApprovalPolicy, ModeKind};

use crate::kit::Thread;

fn planning() -> Thread {
    let mut thread = Thread::new();
    thread.cx.mode = ModeKind::Plan;
    thread
}

fn question() -> Value {
    json!({ "questions": [{
        "id": "q1", "header": "Pick", "question": "Which one?",
        "options": [{ "label": "A (Recommended)", "description": "first" }, { "label": "B", "description": "second" }]
    }] })
}

#[tokio::test]
async fn a_plan_is_shown() {
    let thread = Thread::new();
    let arguments = json!({ "explanation": "why", "plan": [
        { "step": "one", "status": "completed" }, { "step": "two", "status": "in_progress" },
        { "step": "three", "status": "pending" }
    ] });
    assert_eq!(thread.call("update_plan", "call-plan", arguments).await, "Plan updated");
    assert_eq!(thread.seen(), r#"plan Some("why") one:completed two:in_progress three:pending"#);
}

#[tokio::test]
async fn a_plan_needs_neither_explanation_nor_steps() {
    let thread = Thread::new();
    assert_eq!(thread.call("update_plan", "c", json!({ "plan": [] })).await, "Plan updated");
    assert_eq!(thread.seen(), "plan None ");
}

#[tokio::test]
async fn a_plan_is_not_tracked_while_planning() {
    let thread = planning();
    let text = thread.call("update_plan", "c", json!({ "plan": [{ "step": "one", "status": "pending" }] })).await;
    assert!(text.starts_with("update_plan is not available in plan mode"), "{text}");
    assert_eq!(thread.seen(), "");
}

#[tokio::test]
async fn a_question_is_asked_and_its_answer_told() {
    let thread = planning();
    let answers = BTreeMap::from([("q1".to_owned(), vec!["A (Recommended)".to_owned()])]);
    *thread.host.answers.lock().unwrap() = UserAnswers { answers };
    let text = thread.call("request_user_input", "call-q", question()).await;
    assert_eq!(text, r#"{"answers":{"q1":{"answers":["A (Recommended)"]}}}"#);
    let asked = thread.host.questions.lock().unwrap().pop().unwrap();
    assert_eq!(asked.item_id.as_str(), "call-q");
    let option =
        |label: &str, description: &str| QuestionOption { label: label.into(), description: description.into() };
    let expected = UserQuestion {
        id: "q1".into(),
        header: "Pick".into(),
        question: "Which one?".into(),
        is_other: true,
        is_secret: false,
        options: Some(vec![option("A (Recommended)", "first"), option("B", "second")]),
    };
    assert_eq!(asked.questions, [expected]);
}

#[tokio::test]
async fn no_answer_is_an_empty_one() {
    assert_eq!(planning().call("request_user_input", "c", question()).await, r#"{"answers":{}}"#);
}

#[tokio::test]
async fn a_question_without_options_is_refused() {
    for options in [json!([]), Value::Null] {
        let thread = planning();
        let mut arguments = question();
        arguments["questions"][0].as_object_mut().unwrap().remove("options");
        if !options.is_null() {
            arguments["questions"][0]["options"] = options;
        }
        let text = thread.call("request_user_input", "c", arguments).await;
        assert_eq!(text, "request_user_input needs options for every question; `q1` has none");
        assert_eq!(thread.seen(), "");
    }
}

#[tokio::test]
async fn questions_outside_plan_mode_have_to_be_switched_on() {
    let mut thread = Thread::new();
    let text = thread.call("request_user_input", "c", question()).await;
    assert!(text.starts_with("request_user_input is not available outside plan mode"), "{text}");
    thread.cx.switches.ask_in_every_mode = true;
    assert_eq!(thread.call("request_user_input", "c", question()).await, r#"{"answers":{}}"#);
}

#[tokio::test]
async fn an_interrupt_gives_the_question_up() {
    let mut thread = Thread::unanswered(ApprovalPolicy::Never);
    thread.cx.mode = ModeKind::Plan;
    let host = thread.host.clone();
    let cancel = thread.cx.cancel.clone();
    let (text, ()) = tokio::join!(thread.call("request_user_input", "c", question()), async {
        host.wait_for("asked").await;
        cancel.cancel();
    });
    assert_eq!(text, "aborted by user [turn ends]");
}
