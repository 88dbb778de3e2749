//! `request_user_input`: questions to the user, with answers to choose from.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{ItemId, ModeKind, ToolSpec};

use super::object;
use crate::arguments;
use crate::host::{QuestionOption, UserQuestion, UserQuestions};
use crate::tool::{SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

/// Asks the user. By default only while planning; otherwise an agent at work would wait for someone who has left.
pub(crate) struct RequestUserInput;

#[derive(Deserialize)]
struct Arguments {
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    header: String,
    question: String,
    #[serde(default)]
    options: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    label: String,
    description: String,
}

#[derive(Serialize)]
struct Answers {
    answers: BTreeMap<String, Answer>,
}

#[derive(Serialize)]
struct Answer {
    answers: Vec<String>,
}

#[async_trait]
impl Tool for RequestUserInput {
    fn name(&self) -> &'static str {
        "request_user_input"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        let when = if cx.switches.ask_in_every_mode { "" } else { " Works in plan mode only." };
        let description = format!(
            "Asks the user up to three short questions and waits for the answers.{when} Ask only what you cannot find \
             out yourself and what changes what you will do."
        );
        let choice = object(
            json!({
                "label": { "type": "string", "description": "The answer, in one to five words." },
                "description": { "type": "string", "description": "What follows from it, in one sentence." },
            }),
            &["label", "description"],
        );
        let question = object(
            json!({
                "id": { "type": "string", "description": "A snake_case name that the answer comes back under." },
                "header": { "type": "string", "description": "A title of at most twelve characters." },
                "question": { "type": "string", "description": "The question, in one sentence." },
                "options": {
                    "type": "array",
                    "description": "Two or three answers that exclude each other, best first with \"(Recommended)\" \
                                    after its label. The user can always answer in own words; do not offer that here.",
                    "items": choice,
                },
            }),
            &["id", "header", "question", "options"],
        );
        let parameters = object(
            json!({ "questions": { "type": "array", "description": "One is best, three are the most.", "items": question } }),
            &["questions"],
        );
        Some(ToolSpec::Function { name: self.name().to_owned(), description, parameters, strict: false })
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        let Arguments { questions } = match arguments::parse(&call) {
            Ok(arguments) => arguments,
            Err(result) => return result,
        };
        if cx.mode != ModeKind::Plan && !cx.switches.ask_in_every_mode {
            return ToolResult::failed(
                "request_user_input is not available outside plan mode; decide yourself and say what you assumed",
            );
        }
        if let Some(question) = questions.iter().find(|question| question.options.is_empty()) {
            return ToolResult::failed(format!(
                "request_user_input needs options for every question; `{}` has none",
                question.id
            ));
        }
        let questions = questions.into_iter().map(UserQuestion::from).collect();
        let item_id = ItemId::from(call.call_id);
        let answers = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return ToolResult::aborted("aborted by user"),
            answers = cx.host.ask_user(UserQuestions { item_id, questions }) => answers,
        };
        let answers = answers.answers.into_iter().map(|(id, answers)| (id, Answer { answers })).collect();
        match serde_json::to_string(&Answers { answers }) {
            Ok(text) => ToolResult::ok(text),
            Err(error) => ToolResult::failed(format!("the answers could not be written down: {error}")),
        }
    }
}

impl From<Question> for UserQuestion {
    fn from(question: Question) -> Self {
        let option = |Choice { label, description }| QuestionOption { label, description };
        Self {
            id: question.id,
            header: question.header,
            question: question.question,
            is_other: true,
            is_secret: false,
            options: Some(question.options.into_iter().map(option).collect()),
        }
    }
}
