//! Turns and items, from the engine to the client. They are moved: their texts can be long.

use types::item::{
    CallStatus, CollabAgentState, CollabAgentToolCall, CommandAction, CommandExecution, DynamicToolCall,
    DynamicToolContent, FileChange, FileChangeKind, HookPromptFragment, McpToolCall, MemoryCitation, TextElement,
    WebSearchAction,
};
use types::{Item, Text, Turn, TurnError, TurnErrorKind, UserInput};

use super::{IntoWire, ToWire, abs, millis};

impl IntoWire for Turn {
    type Wire = protocol::Turn;

    fn into_wire(self) -> Self::Wire {
        protocol::Turn {
            id: self.id.to_string(),
            items: self.items.into_wire(),
            status: self.status.to_wire(),
            error: self.error.to_wire(),
            started_at: self.started_at,
            completed_at: self.completed_at,
            duration_ms: self.duration.map(millis),
        }
    }
}

impl ToWire for TurnError {
    type Wire = protocol::TurnError;

    fn to_wire(&self) -> Self::Wire {
        protocol::TurnError {
            message: self.message.clone(),
            codex_error_info: self.kind.to_wire(),
            additional_details: self.details.clone(),
        }
    }
}

impl ToWire for TurnErrorKind {
    type Wire = protocol::CodexErrorInfo;

    fn to_wire(&self) -> Self::Wire {
        use protocol::CodexErrorInfo as Wire;
        match self {
            Self::ContextWindowExceeded => Wire::ContextWindowExceeded,
            Self::UsageLimitExceeded => Wire::UsageLimitExceeded,
            Self::ServerOverloaded => Wire::ServerOverloaded,
            Self::CyberPolicy => Wire::CyberPolicy,
            Self::HttpConnectionFailed { status } => Wire::HttpConnectionFailed { http_status_code: *status },
            Self::ResponseStreamConnectionFailed { status } => {
                Wire::ResponseStreamConnectionFailed { http_status_code: *status }
            }
            Self::InternalServerError => Wire::InternalServerError,
            Self::Unauthorized => Wire::Unauthorized,
            Self::BadRequest => Wire::BadRequest,
            Self::ThreadRollbackFailed => Wire::ThreadRollbackFailed,
            Self::SandboxError => Wire::SandboxError,
            Self::ResponseStreamDisconnected { status } => {
                Wire::ResponseStreamDisconnected { http_status_code: *status }
            }
            Self::ResponseTooManyFailedAttempts { status } => {
                Wire::ResponseTooManyFailedAttempts { http_status_code: *status }
            }
            Self::ActiveTurnNotSteerable { turn_kind } => {
                Wire::ActiveTurnNotSteerable { turn_kind: turn_kind.to_wire() }
            }
            Self::Other => Wire::Other,
        }
    }
}

impl IntoWire for UserInput {
    type Wire = protocol::UserInput;

    fn into_wire(self) -> Self::Wire {
        use protocol::UserInput as Wire;
        match self {
            Self::Text { text, elements } => Wire::Text { text, text_elements: elements.into_wire() },
            Self::Image { url } => Wire::Image { url },
            Self::LocalImage { path } => Wire::LocalImage { path },
            Self::Skill { name, path } => Wire::Skill { name, path },
            Self::Mention { name, path } => Wire::Mention { name, path },
        }
    }
}

impl IntoWire for TextElement {
    type Wire = protocol::TextElement;

    fn into_wire(self) -> Self::Wire {
        protocol::TextElement {
            byte_range: protocol::ByteRange { start: self.start, end: self.end },
            placeholder: self.placeholder,
        }
    }
}

impl IntoWire for Item {
    type Wire = protocol::ThreadItem;

    fn into_wire(self) -> Self::Wire {
        use protocol::ThreadItem as Wire;
        match self {
            Self::UserMessage { id, content } => Wire::UserMessage { id: id.to_string(), content: content.into_wire() },
            Self::HookPrompt { id, fragments } => {
                Wire::HookPrompt { id: id.to_string(), fragments: fragments.into_wire() }
            }
            Self::AgentMessage { id, text, phase, memory_citation } => Wire::AgentMessage {
                id: id.to_string(),
                text: text.into_wire(),
                phase: phase.to_wire(),
                memory_citation: memory_citation.into_wire(),
            },
            Self::Plan { id, text } => Wire::Plan { id: id.to_string(), text },
            Self::Reasoning { id, summary, content } => Wire::Reasoning { id: id.to_string(), summary, content },
            Self::CommandExecution(item) => item.into_wire(),
            Self::FileChange { id, changes, status } => {
                Wire::FileChange { id: id.to_string(), changes: changes.into_wire(), status: status.to_wire() }
            }
            Self::McpToolCall(item) => item.into_wire(),
            Self::DynamicToolCall(item) => item.into_wire(),
            Self::CollabAgentToolCall(item) => item.into_wire(),
            Self::WebSearch { id, query, action } => {
                Wire::WebSearch { id: id.to_string(), query, action: action.into_wire() }
            }
            Self::ImageView { id, path } => Wire::ImageView { id: id.to_string(), path: abs(&path) },
            Self::ImageGeneration { id, status, revised_prompt, result, saved_path } => Wire::ImageGeneration {
                id: id.to_string(),
                status,
                revised_prompt,
                result,
                saved_path: saved_path.as_ref().map(abs),
            },
            Self::EnteredReviewMode { id, review } => Wire::EnteredReviewMode { id: id.to_string(), review },
            Self::ExitedReviewMode { id, review } => Wire::ExitedReviewMode { id: id.to_string(), review },
            Self::ContextCompaction { id } => Wire::ContextCompaction { id: id.to_string() },
        }
    }
}

impl IntoWire for Text {
    type Wire = protocol::Text;

    fn into_wire(self) -> Self::Wire {
        self.into_json().map_or_else(protocol::Text::Plain, protocol::Text::Json)
    }
}

impl IntoWire for HookPromptFragment {
    type Wire = protocol::HookPromptFragment;

    fn into_wire(self) -> Self::Wire {
        protocol::HookPromptFragment { text: self.text, hook_run_id: self.hook_run_id }
    }
}

impl IntoWire for MemoryCitation {
    type Wire = protocol::MemoryCitation;

    fn into_wire(self) -> Self::Wire {
        let entries = self.entries.into_iter().map(|entry| protocol::MemoryCitationEntry {
            path: entry.path,
            line_start: entry.line_start,
            line_end: entry.line_end,
            note: entry.note,
        });
        protocol::MemoryCitation { entries: entries.collect(), thread_ids: self.thread_ids }
    }
}

impl IntoWire for CommandExecution {
    type Wire = protocol::ThreadItem;

    fn into_wire(self) -> Self::Wire {
        protocol::ThreadItem::CommandExecution {
            id: self.id.to_string(),
            command: self.command,
            cwd: abs(&self.cwd),
            process_id: self.process_id,
            source: self.source.to_wire(),
            status: self.status.to_wire(),
            command_actions: self.actions.into_wire(),
            aggregated_output: self.aggregated_output,
            exit_code: self.exit_code,
            duration_ms: self.duration.map(millis),
        }
    }
}

impl IntoWire for CommandAction {
    type Wire = protocol::CommandAction;

    fn into_wire(self) -> Self::Wire {
        use protocol::CommandAction as Wire;
        match self {
            Self::Read { command, name, path } => Wire::Read { command, name, path: abs(&path) },
            Self::ListFiles { command, path } => Wire::ListFiles { command, path },
            Self::Search { command, query, path } => Wire::Search { command, query, path },
            Self::Unknown { command } => Wire::Unknown { command },
        }
    }
}

impl IntoWire for FileChange {
    type Wire = protocol::FileUpdateChange;

    fn into_wire(self) -> Self::Wire {
        let kind = match self.kind {
            FileChangeKind::Add => protocol::PatchChangeKind::Add,
            FileChangeKind::Delete => protocol::PatchChangeKind::Delete,
            FileChangeKind::Update { move_path } => protocol::PatchChangeKind::Update { move_path },
        };
        protocol::FileUpdateChange { path: self.path, kind, diff: self.diff }
    }
}

impl IntoWire for McpToolCall {
    type Wire = protocol::ThreadItem;

    fn into_wire(self) -> Self::Wire {
        protocol::ThreadItem::McpToolCall {
            id: self.id.to_string(),
            server: self.server,
            tool: self.tool,
            status: match self.status {
                CallStatus::InProgress => protocol::McpToolCallStatus::InProgress,
                CallStatus::Completed => protocol::McpToolCallStatus::Completed,
                CallStatus::Failed => protocol::McpToolCallStatus::Failed,
            },
            arguments: self.arguments,
            mcp_app_resource_uri: self.app_resource_uri,
            result: self.result.map(|result| protocol::McpToolCallResult {
                content: result.content,
                structured_content: result.structured_content,
                meta: result.meta,
            }),
            error: self.error.map(|message| protocol::McpToolCallError { message }),
            duration_ms: self.duration.map(millis),
        }
    }
}

impl IntoWire for DynamicToolCall {
    type Wire = protocol::ThreadItem;

    fn into_wire(self) -> Self::Wire {
        protocol::ThreadItem::DynamicToolCall {
            id: self.id.to_string(),
            namespace: self.namespace,
            tool: self.tool,
            arguments: self.arguments,
            status: match self.status {
                CallStatus::InProgress => protocol::DynamicToolCallStatus::InProgress,
                CallStatus::Completed => protocol::DynamicToolCallStatus::Completed,
                CallStatus::Failed => protocol::DynamicToolCallStatus::Failed,
            },
            content_items: self.content.into_wire(),
            success: self.success,
            duration_ms: self.duration.map(millis),
        }
    }
}

impl IntoWire for DynamicToolContent {
    type Wire = protocol::DynamicToolCallOutputContentItem;

    fn into_wire(self) -> Self::Wire {
        use protocol::DynamicToolCallOutputContentItem as Wire;
        match self {
            Self::Text(text) => Wire::InputText { text },
            Self::Image { url } => Wire::InputImage { image_url: url },
        }
    }
}

impl IntoWire for CollabAgentToolCall {
    type Wire = protocol::ThreadItem;

    fn into_wire(self) -> Self::Wire {
        protocol::ThreadItem::CollabAgentToolCall {
            id: self.id.to_string(),
            tool: self.tool.to_wire(),
            status: match self.status {
                CallStatus::InProgress => protocol::CollabAgentToolCallStatus::InProgress,
                CallStatus::Completed => protocol::CollabAgentToolCallStatus::Completed,
                CallStatus::Failed => protocol::CollabAgentToolCallStatus::Failed,
            },
            sender_thread_id: self.sender.to_string(),
            receiver_thread_ids: self.receivers.iter().map(ToString::to_string).collect(),
            prompt: self.prompt,
            model: self.model,
            reasoning_effort: self.reasoning_effort.to_wire(),
            agents_states: self.agents.into_iter().map(|(id, state)| (id, state.into_wire())).collect(),
        }
    }
}

impl IntoWire for CollabAgentState {
    type Wire = protocol::CollabAgentState;

    fn into_wire(self) -> Self::Wire {
        protocol::CollabAgentState { status: self.status.to_wire(), message: self.message }
    }
}

impl IntoWire for WebSearchAction {
    type Wire = protocol::WebSearchAction;

    fn into_wire(self) -> Self::Wire {
        use protocol::WebSearchAction as Wire;
        match self {
            Self::Search { query, queries } => Wire::Search { query, queries },
            Self::OpenPage { url } => Wire::OpenPage { url },
            Self::FindInPage { url, pattern } => Wire::FindInPage { url, pattern },
            Self::Other => Wire::Other,
        }
    }
}
