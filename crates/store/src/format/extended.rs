//! Tool items of threads with an extended history: one event a kind of tool.
//!
//! A line of another writer may hold more than an item does (a sub-agent's nickname, a patch's output); that part is not
//! kept. Nothing shows it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::item::{
    CallStatus, CollabAgentState, CollabAgentStatus, CollabAgentTool, CollabAgentToolCall, CommandExecution,
    CommandStatus, DynamicToolCall, McpToolCall, McpToolResult, PatchStatus,
};
use types::{AbsPath, Item, ItemId, ReasoningEffort, ThreadId, TurnId};

use super::tool_parts::{
    Action, AgentStatus, Change, Content, Elapsed, Invocation, Outcome, Parsed, capped, source_name, source_of,
};
use crate::record::Extended;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ItemOut<'a> {
    ExecCommandEnd {
        call_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        process_id: Option<&'a str>,
        turn_id: &'a str,
        command: Vec<String>,
        cwd: &'a Path,
        parsed_cmd: Vec<Parsed<'a>>,
        source: &'a str,
        // The output is written once, in `aggregated_output`; readers want the members all the same.
        stdout: &'a str,
        stderr: &'a str,
        aggregated_output: Cow<'a, str>,
        exit_code: i32,
        duration: Elapsed,
        formatted_output: &'a str,
        status: &'a str,
    },
    PatchApplyEnd {
        call_id: &'a str,
        turn_id: &'a str,
        stdout: &'a str,
        stderr: &'a str,
        success: bool,
        changes: BTreeMap<&'a str, Change<'a>>,
        status: &'a str,
    },
    McpToolCallEnd {
        call_id: &'a str,
        invocation: Invocation<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mcp_app_resource_uri: Option<&'a str>,
        duration: Elapsed,
        result: Outcome<'a>,
    },
    WebSearchEnd {
        call_id: &'a str,
        query: &'a str,
        action: Action<'a>,
    },
    ViewImageToolCall {
        call_id: &'a str,
        path: &'a Path,
    },
    DynamicToolCallRequest {
        #[serde(rename = "callId")]
        call_id: &'a str,
        #[serde(rename = "turnId")]
        turn_id: &'a str,
        namespace: Option<&'a str>,
        tool: &'a str,
        arguments: &'a Value,
    },
    DynamicToolCallResponse {
        call_id: &'a str,
        turn_id: &'a str,
        namespace: Option<&'a str>,
        tool: &'a str,
        arguments: &'a Value,
        content_items: Vec<Content<'a>>,
        success: bool,
        error: Option<&'a str>,
        duration: Elapsed,
    },
    CollabAgentSpawnEnd {
        call_id: &'a str,
        sender_thread_id: String,
        new_thread_id: Option<String>,
        prompt: &'a str,
        model: &'a str,
        reasoning_effort: &'a str,
        status: AgentStatus<'a>,
    },
    CollabAgentInteractionEnd {
        call_id: &'a str,
        sender_thread_id: String,
        receiver_thread_id: String,
        prompt: &'a str,
        status: AgentStatus<'a>,
    },
    CollabWaitingEnd {
        sender_thread_id: String,
        call_id: &'a str,
        statuses: BTreeMap<Cow<'a, str>, AgentStatus<'a>>,
    },
    CollabCloseEnd {
        call_id: &'a str,
        sender_thread_id: String,
        receiver_thread_id: String,
        status: AgentStatus<'a>,
    },
    CollabResumeEnd {
        call_id: &'a str,
        sender_thread_id: String,
        receiver_thread_id: String,
        status: AgentStatus<'a>,
    },
}

impl<'a> ItemOut<'a> {
    /// The line of a tool's item that ended; `None` for other items.
    pub(super) fn new(turn_id: Option<&'a TurnId>, item: &'a Item) -> Option<Self> {
        let turn_id = turn_id.map_or("", TurnId::as_str);
        Some(match item {
            Item::CommandExecution(item) => Self::ExecCommandEnd {
                call_id: item.id.as_str(),
                process_id: item.process_id.as_deref(),
                turn_id,
                command: shlex::split(&item.command).unwrap_or_else(|| vec![item.command.clone()]),
                cwd: &item.cwd,
                parsed_cmd: item.actions.iter().map(Parsed::new).collect(),
                source: source_name(item.source),
                stdout: "",
                stderr: "",
                aggregated_output: capped(item.aggregated_output.as_deref().unwrap_or_default()),
                exit_code: item.exit_code.unwrap_or(-1),
                duration: Elapsed::new(item.duration),
                formatted_output: "",
                status: match item.status {
                    CommandStatus::Completed => "completed",
                    CommandStatus::Failed | CommandStatus::InProgress => "failed",
                    CommandStatus::Declined => "declined",
                },
            },
            Item::FileChange { id, changes, status } => Self::PatchApplyEnd {
                call_id: id.as_str(),
                turn_id,
                stdout: "",
                stderr: "",
                success: *status == PatchStatus::Completed,
                changes: changes.iter().map(|change| (change.path.as_str(), Change::new(change))).collect(),
                status: match status {
                    PatchStatus::Completed => "completed",
                    PatchStatus::Failed | PatchStatus::InProgress => "failed",
                    PatchStatus::Declined => "declined",
                },
            },
            Item::McpToolCall(item) => Self::McpToolCallEnd {
                call_id: item.id.as_str(),
                invocation: Invocation {
                    server: item.server.as_str().into(),
                    tool: item.tool.as_str().into(),
                    arguments: Cow::Borrowed(&item.arguments),
                },
                mcp_app_resource_uri: item.app_resource_uri.as_deref(),
                duration: Elapsed::new(item.duration),
                result: Outcome::new(item),
            },
            Item::WebSearch { id, query, action } => Self::WebSearchEnd {
                call_id: id.as_str(),
                query,
                action: action.as_ref().map_or(Action::Other, Action::new),
            },
            Item::ImageView { id, path } => Self::ViewImageToolCall { call_id: id.as_str(), path },
            Item::DynamicToolCall(item) => Self::DynamicToolCallResponse {
                call_id: item.id.as_str(),
                turn_id,
                namespace: item.namespace.as_deref(),
                tool: &item.tool,
                arguments: &item.arguments,
                content_items: item.content.iter().flatten().map(Content::new).collect(),
                success: item.success.unwrap_or(item.status == CallStatus::Completed),
                error: None,
                duration: Elapsed::new(item.duration),
            },
            Item::CollabAgentToolCall(item) => Self::collab(item),
            Item::UserMessage { .. }
            | Item::HookPrompt { .. }
            | Item::AgentMessage { .. }
            | Item::Plan { .. }
            | Item::Reasoning { .. }
            | Item::ImageGeneration { .. }
            | Item::EnteredReviewMode { .. }
            | Item::ExitedReviewMode { .. }
            | Item::ContextCompaction { .. } => return None,
        })
    }

    /// The line of a client's tool call that waits for its answer.
    pub(super) fn requested(turn_id: &'a TurnId, item: &'a DynamicToolCall) -> Self {
        Self::DynamicToolCallRequest {
            call_id: item.id.as_str(),
            turn_id: turn_id.as_str(),
            namespace: item.namespace.as_deref(),
            tool: &item.tool,
            arguments: &item.arguments,
        }
    }

    fn collab(item: &'a CollabAgentToolCall) -> Self {
        let call_id = item.id.as_str();
        let sender_thread_id = item.sender.to_string();
        let receiver = item.receivers.first().map(ToString::to_string);
        let status = receiver.as_deref().and_then(|id| item.agents.get(id)).map_or(
            match item.status {
                CallStatus::Failed => AgentStatus::NotFound,
                CallStatus::Completed | CallStatus::InProgress => AgentStatus::Running,
            },
            AgentStatus::new,
        );
        let prompt = item.prompt.as_deref().unwrap_or_default();
        match item.tool {
            CollabAgentTool::SpawnAgent => Self::CollabAgentSpawnEnd {
                call_id,
                sender_thread_id,
                new_thread_id: receiver,
                prompt,
                model: item.model.as_deref().unwrap_or_default(),
                reasoning_effort: item.reasoning_effort.unwrap_or(ReasoningEffort::Medium).as_str(),
                status,
            },
            CollabAgentTool::SendInput => Self::CollabAgentInteractionEnd {
                call_id,
                sender_thread_id,
                receiver_thread_id: receiver.unwrap_or_default(),
                prompt,
                status,
            },
            CollabAgentTool::Wait => Self::CollabWaitingEnd {
                sender_thread_id,
                call_id,
                statuses: item.agents.iter().map(|(id, state)| (id.as_str().into(), AgentStatus::new(state))).collect(),
            },
            CollabAgentTool::CloseAgent => Self::CollabCloseEnd {
                call_id,
                sender_thread_id,
                receiver_thread_id: receiver.unwrap_or_default(),
                status,
            },
            CollabAgentTool::ResumeAgent => Self::CollabResumeEnd {
                call_id,
                sender_thread_id,
                receiver_thread_id: receiver.unwrap_or_default(),
                status,
            },
        }
    }
}

/// Reads a tool's event. `None` when its kind is not known or it lacks what its kind needs.
pub(super) fn read(kind: &str, payload: &str) -> Option<Extended> {
    fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Option<T> {
        serde_json::from_str(payload).ok()
    }
    match kind {
        "exec_command_end" => parse::<ExecIn<'_>>(payload)?.into_extended(),
        "patch_apply_end" => Some(parse::<PatchIn<'_>>(payload)?.into_extended()),
        "mcp_tool_call_end" => Some(parse::<McpIn<'_>>(payload)?.into_extended()),
        "web_search_end" => {
            let event: WebSearchIn<'_> = parse(payload)?;
            let item = Item::WebSearch {
                id: event.call_id.into(),
                query: event.query,
                action: Some(event.action.into_action()),
            };
            Some(Extended::Item { turn_id: None, item })
        }
        "view_image_tool_call" => {
            let event: ViewImageIn = parse(payload)?;
            let item = Item::ImageView { id: event.call_id.into(), path: AbsPath::new(event.path).ok()? };
            Some(Extended::Item { turn_id: None, item })
        }
        "dynamic_tool_call_request" => {
            let event: DynamicRequestIn = parse(payload)?;
            Some(Extended::DynamicToolCallRequested {
                turn_id: event.turn_id.into(),
                item: DynamicToolCall {
                    id: event.call_id.into(),
                    namespace: event.namespace,
                    tool: event.tool,
                    arguments: event.arguments,
                    status: CallStatus::InProgress,
                    content: None,
                    success: None,
                    duration: None,
                },
            })
        }
        "dynamic_tool_call_response" => {
            let event: DynamicResponseIn<'_> = parse(payload)?;
            let item = Item::DynamicToolCall(DynamicToolCall {
                id: event.call_id.into(),
                namespace: event.namespace,
                tool: event.tool,
                arguments: event.arguments,
                status: if event.success { CallStatus::Completed } else { CallStatus::Failed },
                content: Some(event.content_items.into_iter().filter_map(Content::into_content).collect()),
                success: Some(event.success),
                duration: Some(event.duration.into_duration()),
            });
            Some(Extended::Item { turn_id: Some(event.turn_id.into()), item })
        }
        "collab_agent_spawn_end" => parse::<SpawnIn<'_>>(payload)?.into_extended(),
        "collab_agent_interaction_end" => parse::<ReceiverIn<'_>>(payload)?.into_extended(CollabAgentTool::SendInput),
        "collab_close_end" => parse::<ReceiverIn<'_>>(payload)?.into_extended(CollabAgentTool::CloseAgent),
        "collab_resume_end" => parse::<ReceiverIn<'_>>(payload)?.into_extended(CollabAgentTool::ResumeAgent),
        "collab_waiting_end" => parse::<WaitingIn<'_>>(payload)?.into_extended(),
        _ => None,
    }
}

// Commands

#[derive(Deserialize)]
struct ExecIn<'a> {
    call_id: String,
    #[serde(default)]
    process_id: Option<String>,
    #[serde(default)]
    turn_id: Option<String>,
    command: Vec<String>,
    cwd: PathBuf,
    #[serde(default, borrow)]
    parsed_cmd: Vec<Parsed<'a>>,
    #[serde(default)]
    source: Cow<'a, str>,
    #[serde(default)]
    aggregated_output: String,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    duration: Elapsed,
    #[serde(default)]
    status: Cow<'a, str>,
}

impl ExecIn<'_> {
    fn into_extended(self) -> Option<Extended> {
        let cwd = AbsPath::new(self.cwd).ok()?;
        let status = match (self.status.as_ref(), self.exit_code) {
            ("completed", _) | ("", Some(0)) => CommandStatus::Completed,
            ("declined", _) => CommandStatus::Declined,
            _ => CommandStatus::Failed,
        };
        Some(Extended::Item {
            turn_id: self.turn_id.map(Into::into),
            item: Item::CommandExecution(CommandExecution {
                id: self.call_id.into(),
                command: shlex::try_join(self.command.iter().map(String::as_str))
                    .unwrap_or_else(|_| self.command.join(" ")),
                process_id: self.process_id,
                source: source_of(&self.source),
                status,
                actions: self.parsed_cmd.into_iter().map(|parsed| parsed.into_action(&cwd)).collect(),
                aggregated_output: Some(self.aggregated_output).filter(|output| !output.is_empty()),
                exit_code: self.exit_code,
                duration: Some(self.duration.into_duration()),
                cwd,
            }),
        })
    }
}

// Patches

#[derive(Deserialize)]
struct PatchIn<'a> {
    call_id: String,
    #[serde(default)]
    turn_id: Option<String>,
    #[serde(default)]
    success: bool,
    #[serde(default, borrow)]
    changes: BTreeMap<String, Change<'a>>,
    #[serde(default)]
    status: Cow<'a, str>,
}

impl PatchIn<'_> {
    fn into_extended(self) -> Extended {
        let status = match (self.status.as_ref(), self.success) {
            ("completed", _) | ("", true) => PatchStatus::Completed,
            ("declined", _) => PatchStatus::Declined,
            _ => PatchStatus::Failed,
        };
        Extended::Item {
            // Lines of old writers have an empty text here.
            turn_id: self.turn_id.filter(|id| !id.is_empty()).map(Into::into),
            item: Item::FileChange {
                id: self.call_id.into(),
                changes: self.changes.into_iter().map(|(path, change)| change.into_change(path)).collect(),
                status,
            },
        }
    }
}

// Tools of MCP servers

#[derive(Deserialize)]
struct McpIn<'a> {
    call_id: String,
    #[serde(borrow)]
    invocation: Invocation<'a>,
    #[serde(default)]
    mcp_app_resource_uri: Option<String>,
    #[serde(default)]
    duration: Elapsed,
    #[serde(borrow)]
    result: Outcome<'a>,
}

impl McpIn<'_> {
    fn into_extended(self) -> Extended {
        let (status, result, error) = match self.result {
            Outcome::Ok(result) => (
                if result.is_error == Some(true) { CallStatus::Failed } else { CallStatus::Completed },
                Some(McpToolResult {
                    content: result.content.into_owned(),
                    structured_content: result.structured_content.map(Cow::into_owned),
                    meta: result.meta.map(Cow::into_owned),
                }),
                None,
            ),
            Outcome::Err(error) => (CallStatus::Failed, None, Some(error.into_owned())),
        };
        Extended::Item {
            turn_id: None,
            item: Item::McpToolCall(McpToolCall {
                id: self.call_id.into(),
                server: self.invocation.server.into_owned(),
                tool: self.invocation.tool.into_owned(),
                status,
                arguments: self.invocation.arguments.into_owned(),
                app_resource_uri: self.mcp_app_resource_uri,
                result,
                error,
                duration: Some(self.duration.into_duration()),
            }),
        }
    }
}

// Searches and images

#[derive(Deserialize)]
struct WebSearchIn<'a> {
    call_id: String,
    #[serde(default)]
    query: String,
    #[serde(default, borrow)]
    action: Action<'a>,
}

#[derive(Deserialize)]
struct ViewImageIn {
    call_id: String,
    path: PathBuf,
}

// Tools of the client

#[derive(Deserialize)]
struct DynamicRequestIn {
    #[serde(alias = "callId")]
    call_id: String,
    #[serde(alias = "turnId")]
    turn_id: String,
    #[serde(default)]
    namespace: Option<String>,
    tool: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct DynamicResponseIn<'a> {
    #[serde(alias = "callId")]
    call_id: String,
    #[serde(alias = "turnId")]
    turn_id: String,
    #[serde(default)]
    namespace: Option<String>,
    tool: String,
    #[serde(default)]
    arguments: Value,
    #[serde(default, borrow)]
    content_items: Vec<Content<'a>>,
    #[serde(default)]
    success: bool,
    #[serde(default)]
    duration: Elapsed,
}

// Sub-agents

/// A call failed when an agent it is about did.
fn call_status(agents: &BTreeMap<String, CollabAgentState>) -> CallStatus {
    let failed =
        agents.values().any(|state| matches!(state.status, CollabAgentStatus::Errored | CollabAgentStatus::NotFound));
    if failed { CallStatus::Failed } else { CallStatus::Completed }
}

#[derive(Deserialize)]
struct SpawnIn<'a> {
    call_id: String,
    sender_thread_id: String,
    #[serde(default)]
    new_thread_id: Option<String>,
    #[serde(default)]
    prompt: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    reasoning_effort: Option<String>,
    #[serde(borrow)]
    status: AgentStatus<'a>,
}

impl SpawnIn<'_> {
    fn into_extended(self) -> Option<Extended> {
        let receiver = self.new_thread_id.and_then(|id| id.parse::<ThreadId>().ok());
        let state = self.status.into_state();
        let agents: BTreeMap<_, _> = receiver.iter().map(|id| (id.to_string(), state.clone())).collect();
        let status = if receiver.is_none() { CallStatus::Failed } else { call_status(&agents) };
        collab(CollabAgentToolCall {
            id: ItemId::from(self.call_id),
            tool: CollabAgentTool::SpawnAgent,
            status,
            sender: self.sender_thread_id.parse().ok()?,
            receivers: receiver.into_iter().collect(),
            prompt: Some(self.prompt),
            model: self.model,
            reasoning_effort: self.reasoning_effort.as_deref().and_then(ReasoningEffort::parse),
            agents,
        })
    }
}

#[derive(Deserialize)]
struct ReceiverIn<'a> {
    call_id: String,
    sender_thread_id: String,
    receiver_thread_id: String,
    #[serde(default)]
    prompt: Option<String>,
    #[serde(borrow)]
    status: AgentStatus<'a>,
}

impl ReceiverIn<'_> {
    fn into_extended(self, tool: CollabAgentTool) -> Option<Extended> {
        let receiver: ThreadId = self.receiver_thread_id.parse().ok()?;
        let agents = BTreeMap::from([(receiver.to_string(), self.status.into_state())]);
        collab(CollabAgentToolCall {
            id: ItemId::from(self.call_id),
            tool,
            status: call_status(&agents),
            sender: self.sender_thread_id.parse().ok()?,
            receivers: vec![receiver],
            prompt: self.prompt,
            model: None,
            reasoning_effort: None,
            agents,
        })
    }
}

#[derive(Deserialize)]
struct WaitingIn<'a> {
    call_id: String,
    sender_thread_id: String,
    #[serde(default, borrow)]
    statuses: BTreeMap<String, AgentStatus<'a>>,
}

impl WaitingIn<'_> {
    fn into_extended(self) -> Option<Extended> {
        let agents: BTreeMap<_, _> = self.statuses.into_iter().map(|(id, status)| (id, status.into_state())).collect();
        collab(CollabAgentToolCall {
            id: ItemId::from(self.call_id),
            tool: CollabAgentTool::Wait,
            status: call_status(&agents),
            sender: self.sender_thread_id.parse().ok()?,
            receivers: agents.keys().filter_map(|id| id.parse().ok()).collect(),
            prompt: None,
            model: None,
            reasoning_effort: None,
            agents,
        })
    }
}

fn collab(item: CollabAgentToolCall) -> Option<Extended> {
    Some(Extended::Item { turn_id: None, item: Item::CollabAgentToolCall(item) })
}
