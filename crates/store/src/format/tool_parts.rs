//! Shapes inside tools' events: parsed commands, changes, results, states of sub-agents.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::AbsPath;
use types::item::{
    CallStatus, CollabAgentState, CollabAgentStatus, CommandAction, CommandSource, DynamicToolContent, FileChange,
    FileChangeKind, McpToolCall, WebSearchAction,
};

#[derive(Serialize, Deserialize, Default)]
pub(super) struct Elapsed {
    secs: u64,
    nanos: u32,
}

impl Elapsed {
    pub(super) fn new(duration: Option<Duration>) -> Self {
        let duration = duration.unwrap_or_default();
        Self { secs: duration.as_secs(), nanos: duration.subsec_nanos() }
    }

    pub(super) fn into_duration(self) -> Duration {
        Duration::from_secs(self.secs).saturating_add(Duration::from_nanos(self.nanos.into()))
    }
}

// Commands

/// Output beyond this is cut out of the middle before it is written.
const MAX_OUTPUT: usize = 10_000;

pub(super) fn capped(output: &str) -> Cow<'_, str> {
    if output.len() <= MAX_OUTPUT {
        return Cow::Borrowed(output);
    }
    let head = &output[..output.floor_char_boundary(MAX_OUTPUT / 2)];
    let tail = &output[output.ceil_char_boundary(output.len() - MAX_OUTPUT / 2)..];
    let cut = output[head.len()..output.len() - tail.len()].chars().count();
    Cow::Owned(format!("{head}…{cut} chars truncated…{tail}"))
}

pub(super) fn source_name(source: CommandSource) -> &'static str {
    match source {
        CommandSource::Agent => "agent",
        CommandSource::UserShell => "user_shell",
        CommandSource::UnifiedExecStartup => "unified_exec_startup",
        CommandSource::UnifiedExecInteraction => "unified_exec_interaction",
    }
}

pub(super) fn source_of(name: &str) -> CommandSource {
    match name {
        "user_shell" => CommandSource::UserShell,
        "unified_exec_startup" => CommandSource::UnifiedExecStartup,
        "unified_exec_interaction" => CommandSource::UnifiedExecInteraction,
        _ => CommandSource::Agent,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Parsed<'a> {
    Read {
        cmd: Cow<'a, str>,
        name: Cow<'a, str>,
        path: Cow<'a, Path>,
    },
    ListFiles {
        cmd: Cow<'a, str>,
        #[serde(default)]
        path: Option<Cow<'a, str>>,
    },
    Search {
        cmd: Cow<'a, str>,
        #[serde(default)]
        query: Option<Cow<'a, str>>,
        #[serde(default)]
        path: Option<Cow<'a, str>>,
    },
    #[serde(alias = "noop")]
    Unknown {
        cmd: Cow<'a, str>,
    },
}

impl<'a> Parsed<'a> {
    pub(super) fn new(action: &'a CommandAction) -> Self {
        match action {
            CommandAction::Read { command, name, path } => {
                Self::Read { cmd: command.into(), name: name.into(), path: path.as_path().into() }
            }
            CommandAction::ListFiles { command, path } => {
                Self::ListFiles { cmd: command.into(), path: path.as_deref().map(Cow::Borrowed) }
            }
            CommandAction::Search { command, query, path } => Self::Search {
                cmd: command.into(),
                query: query.as_deref().map(Cow::Borrowed),
                path: path.as_deref().map(Cow::Borrowed),
            },
            CommandAction::Unknown { command } => Self::Unknown { cmd: command.into() },
        }
    }

    pub(super) fn into_action(self, cwd: &AbsPath) -> CommandAction {
        match self {
            Self::Read { cmd, name, path } => {
                CommandAction::Read { command: cmd.into_owned(), name: name.into_owned(), path: cwd.join(path) }
            }
            Self::ListFiles { cmd, path } => {
                CommandAction::ListFiles { command: cmd.into_owned(), path: path.map(Cow::into_owned) }
            }
            Self::Search { cmd, query, path } => CommandAction::Search {
                command: cmd.into_owned(),
                query: query.map(Cow::into_owned),
                path: path.map(Cow::into_owned),
            },
            Self::Unknown { cmd } => CommandAction::Unknown { command: cmd.into_owned() },
        }
    }
}

// Patches

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Change<'a> {
    Add {
        content: Cow<'a, str>,
    },
    Delete {
        #[serde(default)]
        content: Cow<'a, str>,
    },
    Update {
        unified_diff: Cow<'a, str>,
        #[serde(default)]
        move_path: Option<Cow<'a, Path>>,
    },
}

/// What follows the diff of a moved file, where clients are told of the move in words too.
fn moved_to(target: &Path) -> String {
    format!("\n\nMoved to: {}", target.display())
}

impl<'a> Change<'a> {
    pub(super) fn new(change: &'a FileChange) -> Self {
        match &change.kind {
            FileChangeKind::Add => Self::Add { content: change.diff.as_str().into() },
            FileChangeKind::Delete => Self::Delete { content: change.diff.as_str().into() },
            FileChangeKind::Update { move_path } => {
                let diff = change.diff.as_str();
                let suffix = move_path.as_deref().map(moved_to).unwrap_or_default();
                Self::Update {
                    unified_diff: diff.strip_suffix(suffix.as_str()).unwrap_or(diff).into(),
                    move_path: move_path.as_deref().map(Cow::Borrowed),
                }
            }
        }
    }

    pub(super) fn into_change(self, path: String) -> FileChange {
        match self {
            Self::Add { content } => FileChange { path, kind: FileChangeKind::Add, diff: content.into_owned() },
            Self::Delete { content } => FileChange { path, kind: FileChangeKind::Delete, diff: content.into_owned() },
            Self::Update { unified_diff, move_path } => {
                let mut diff = unified_diff.into_owned();
                if let Some(target) = &move_path {
                    diff.push_str(&moved_to(target));
                }
                FileChange { path, kind: FileChangeKind::Update { move_path: move_path.map(Cow::into_owned) }, diff }
            }
        }
    }
}

// Tools of MCP servers

#[derive(Serialize, Deserialize)]
pub(super) struct Invocation<'a> {
    pub(super) server: Cow<'a, str>,
    pub(super) tool: Cow<'a, str>,
    #[serde(default)]
    pub(super) arguments: Cow<'a, Value>,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Outcome<'a> {
    Ok(McpResult<'a>),
    Err(Cow<'a, str>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct McpResult<'a> {
    #[serde(default)]
    pub(super) content: Cow<'a, [Value]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) structured_content: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) is_error: Option<bool>,
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<Cow<'a, Value>>,
}

impl<'a> Outcome<'a> {
    pub(super) fn new(item: &'a McpToolCall) -> Self {
        match (&item.result, &item.error) {
            (Some(result), _) => Self::Ok(McpResult {
                content: Cow::Borrowed(&result.content),
                structured_content: result.structured_content.as_ref().map(Cow::Borrowed),
                is_error: (item.status == CallStatus::Failed).then_some(true),
                meta: result.meta.as_ref().map(Cow::Borrowed),
            }),
            (None, error) => Self::Err(error.as_deref().unwrap_or_default().into()),
        }
    }
}

// Searches

#[derive(Serialize, Deserialize, Default)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Action<'a> {
    Search {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<Cow<'a, str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queries: Option<Cow<'a, [String]>>,
    },
    OpenPage {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<Cow<'a, str>>,
    },
    FindInPage {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<Cow<'a, str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<Cow<'a, str>>,
    },
    #[default]
    #[serde(other)]
    Other,
}

impl<'a> Action<'a> {
    pub(super) fn new(action: &'a WebSearchAction) -> Self {
        match action {
            WebSearchAction::Search { query, queries } => Self::Search {
                query: query.as_deref().map(Cow::Borrowed),
                queries: queries.as_deref().map(Cow::Borrowed),
            },
            WebSearchAction::OpenPage { url } => Self::OpenPage { url: url.as_deref().map(Cow::Borrowed) },
            WebSearchAction::FindInPage { url, pattern } => Self::FindInPage {
                url: url.as_deref().map(Cow::Borrowed),
                pattern: pattern.as_deref().map(Cow::Borrowed),
            },
            WebSearchAction::Other => Self::Other,
        }
    }

    pub(super) fn into_action(self) -> WebSearchAction {
        match self {
            Self::Search { query, queries } => {
                WebSearchAction::Search { query: query.map(Cow::into_owned), queries: queries.map(Cow::into_owned) }
            }
            Self::OpenPage { url } => WebSearchAction::OpenPage { url: url.map(Cow::into_owned) },
            Self::FindInPage { url, pattern } => {
                WebSearchAction::FindInPage { url: url.map(Cow::into_owned), pattern: pattern.map(Cow::into_owned) }
            }
            Self::Other => WebSearchAction::Other,
        }
    }
}

// Tools of the client

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Content<'a> {
    InputText {
        text: Cow<'a, str>,
    },
    InputImage {
        image_url: Cow<'a, str>,
    },
    #[serde(other, skip_serializing)]
    Other,
}

impl<'a> Content<'a> {
    pub(super) fn new(content: &'a DynamicToolContent) -> Self {
        match content {
            DynamicToolContent::Text(text) => Self::InputText { text: text.into() },
            DynamicToolContent::Image { url } => Self::InputImage { image_url: url.into() },
        }
    }

    pub(super) fn into_content(self) -> Option<DynamicToolContent> {
        match self {
            Self::InputText { text } => Some(DynamicToolContent::Text(text.into_owned())),
            Self::InputImage { image_url } => Some(DynamicToolContent::Image { url: image_url.into_owned() }),
            Self::Other => None,
        }
    }
}

// Sub-agents

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AgentStatus<'a> {
    PendingInit,
    Running,
    Interrupted,
    Completed(Option<Cow<'a, str>>),
    Errored(Cow<'a, str>),
    Shutdown,
    NotFound,
}

impl<'a> AgentStatus<'a> {
    pub(super) fn new(state: &'a CollabAgentState) -> Self {
        let message = state.message.as_deref().map(Cow::Borrowed);
        match state.status {
            CollabAgentStatus::PendingInit => Self::PendingInit,
            CollabAgentStatus::Running => Self::Running,
            CollabAgentStatus::Interrupted => Self::Interrupted,
            CollabAgentStatus::Completed => Self::Completed(message),
            CollabAgentStatus::Errored => Self::Errored(message.unwrap_or_default()),
            CollabAgentStatus::Shutdown => Self::Shutdown,
            CollabAgentStatus::NotFound => Self::NotFound,
        }
    }

    pub(super) fn into_state(self) -> CollabAgentState {
        let (status, message) = match self {
            Self::PendingInit => (CollabAgentStatus::PendingInit, None),
            Self::Running => (CollabAgentStatus::Running, None),
            Self::Interrupted => (CollabAgentStatus::Interrupted, None),
            Self::Completed(message) => (CollabAgentStatus::Completed, message),
            Self::Errored(message) => (CollabAgentStatus::Errored, Some(message)),
            Self::Shutdown => (CollabAgentStatus::Shutdown, None),
            Self::NotFound => (CollabAgentStatus::NotFound, None),
        };
        CollabAgentState { status, message: message.map(Cow::into_owned) }
    }
}
