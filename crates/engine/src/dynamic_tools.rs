//! Tools that the client offers and runs.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tools::{ToolCall, ToolEvent, ToolInput, ToolResult, TurnTools};
use types::item::{CallStatus, DynamicToolCall, DynamicToolContent};
use types::{Item, ItemId, ToolOutput, ToolOutputItem, ToolSpec};

use crate::event::{Answer, QuestionKind};
use crate::questions::Questions;

/// One tool of the client. Its serde form is the one that rollouts keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DynamicTool {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    /// Not told to the model up front; callable all the same.
    #[serde(default)]
    pub defer_loading: bool,
}

/// The tools of one thread's client.
#[derive(Debug, Default, Clone)]
pub(crate) struct DynamicTools(Vec<DynamicTool>);

impl DynamicTools {
    pub(crate) fn new(tools: Vec<DynamicTool>) -> Self {
        Self(tools)
    }

    /// The tools as a rollout keeps them; `None` where there are none.
    pub(crate) fn to_stored(&self) -> Option<Vec<Value>> {
        let stored: Vec<Value> = self.0.iter().filter_map(|tool| serde_json::to_value(tool).ok()).collect();
        (!stored.is_empty()).then_some(stored)
    }

    /// The tools that a rollout keeps. One that cannot be read is left out.
    pub(crate) fn from_stored(stored: Option<&[Value]>) -> Self {
        let read = |value: &Value| {
            DynamicTool::deserialize(value)
                .inspect_err(|error| tracing::warn!(%error, "a stored dynamic tool cannot be read"))
                .ok()
        };
        Self(stored.unwrap_or_default().iter().filter_map(read).collect())
    }

    pub(crate) fn find(&self, namespace: Option<&str>, name: &str) -> Option<&DynamicTool> {
        self.0.iter().find(|tool| tool.namespace.as_deref() == namespace && tool.name == name)
    }

    /// What the model is told: tools without namespace as they are, the others grouped by it.
    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        let mut specs: Vec<ToolSpec> = Vec::new();
        for tool in self.0.iter().filter(|tool| !tool.defer_loading) {
            let function = ToolSpec::Function {
                name: tool.name.clone(),
                description: tool.description.clone(),
                parameters: tool.input_schema.clone(),
                strict: false,
            };
            let Some(namespace) = &tool.namespace else {
                specs.push(function);
                continue;
            };
            let known = specs.iter_mut().find_map(|spec| match spec {
                ToolSpec::Namespace { name, tools, .. } if name == namespace => Some(tools),
                _ => None,
            });
            match known {
                Some(tools) => tools.push(function),
                None => specs.push(ToolSpec::Namespace {
                    name: namespace.clone(),
                    description: format!("Tools in the {namespace} namespace."),
                    tools: vec![function],
                }),
            }
        }
        specs
    }
}

/// Has the client run one of its tools.
pub(crate) async fn run(tool: &DynamicTool, call: ToolCall, tools: &TurnTools, questions: &Questions) -> ToolResult {
    let text = match &call.input {
        ToolInput::Json(text) | ToolInput::Text(text) => text.as_str(),
    };
    let arguments: Value = match serde_json::from_str(text) {
        Ok(arguments) => arguments,
        Err(error) => return ToolResult::failed(format!("failed to parse function arguments: {error}")),
    };
    let started = Instant::now();
    let mut item = DynamicToolCall {
        id: ItemId::from(call.call_id.as_str()),
        namespace: tool.namespace.clone(),
        tool: tool.name.clone(),
        arguments: arguments.clone(),
        status: CallStatus::InProgress,
        content: None,
        success: None,
        duration: None,
    };
    tools.host.emit(ToolEvent::ItemStarted(Item::DynamicToolCall(item.clone())));
    let kind = QuestionKind::DynamicTool {
        call_id: call.call_id,
        namespace: tool.namespace.clone(),
        tool: tool.name.clone(),
        arguments,
    };
    let (content, success) = match questions.ask(kind).await {
        Some(Answer::DynamicTool { content, success }) => (content, success),
        // Source of both texts: the protocol's recorded items.
        Some(Answer::Malformed(_)) => {
            (vec![DynamicToolContent::Text("dynamic tool response was invalid".to_owned())], false)
        }
        _ => (vec![DynamicToolContent::Text("dynamic tool request failed".to_owned())], false),
    };
    item.status = if success { CallStatus::Completed } else { CallStatus::Failed };
    item.success = Some(success);
    item.content = Some(content.clone());
    item.duration = Some(started.elapsed());
    tools.host.emit(ToolEvent::ItemCompleted(Item::DynamicToolCall(item)));
    ToolResult::new(output(content), success)
}

/// One text is a plain output, anything else a list.
fn output(content: Vec<DynamicToolContent>) -> ToolOutput {
    if let [DynamicToolContent::Text(text)] = &content[..] {
        return ToolOutput::Text(text.clone());
    }
    ToolOutput::Items(
        content
            .into_iter()
            .map(|part| match part {
                DynamicToolContent::Text(text) => ToolOutputItem::InputText { text },
                DynamicToolContent::Image { url } => {
                    ToolOutputItem::InputImage { image_url: url, detail: Some("high".to_owned()) }
                }
            })
            .collect(),
    )
}
