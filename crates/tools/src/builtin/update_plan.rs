//! `update_plan`: the list of steps that the user watches.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use types::item::{PlanStep, PlanStepStatus};
use types::{ModeKind, ToolSpec};

use super::object;
use crate::arguments;
use crate::host::ToolEvent;
use crate::tool::{SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct UpdatePlan;

const DESCRIPTION: &str = "\
Shows the user the steps of the task and how far you are. Call it when a task has several steps, and again whenever a \
step is done or the steps change. Always send the whole list; it replaces the last one. Keep one step in_progress \
while you work, and mark a step completed only when it really is.";

#[derive(Deserialize)]
struct Arguments {
    explanation: Option<String>,
    plan: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    InProgress,
    Completed,
}

#[async_trait]
impl Tool for UpdatePlan {
    fn name(&self) -> &'static str {
        "update_plan"
    }

    fn spec(&self, _cx: &SpecContext) -> Option<ToolSpec> {
        let step = object(
            json!({
                "step": { "type": "string", "description": "What is to be done, in a few words." },
                "status": { "type": "string", "enum": ["pending", "in_progress", "completed"] },
            }),
            &["step", "status"],
        );
        let parameters = object(
            json!({
                "explanation": { "type": "string", "description": "Why the plan changed, if it did." },
                "plan": { "type": "array", "description": "All steps, in order.", "items": step },
            }),
            &["plan"],
        );
        Some(ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters,
            strict: false,
        })
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        let Arguments { explanation, plan } = match arguments::parse(&call) {
            Ok(arguments) => arguments,
            Err(result) => return result,
        };
        if cx.mode == ModeKind::Plan {
            return ToolResult::failed(
                "update_plan is not available in plan mode, where nothing is carried out yet; put the plan into your answer",
            );
        }
        let steps = plan.into_iter().map(|Step { step, status }| PlanStep { step, status: status.into() }).collect();
        cx.host.emit(ToolEvent::PlanUpdated { explanation, steps });
        ToolResult::ok("Plan updated".to_owned())
    }
}

impl From<Status> for PlanStepStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::InProgress => Self::InProgress,
            Status::Completed => Self::Completed,
        }
    }
}
