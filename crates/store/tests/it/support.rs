//! Threads to test with: short ways to write records, and turns as text.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use store::{EventRecord, FileStore, Record, SessionMeta};
use tempfile::TempDir;
use types::{AbsPath, Item, ModeKind, ResponseItem, SessionSource, ThreadId, Turn, TurnErrorKind, UserInput};

/// A store in a folder of its own, which goes with it.
pub(crate) struct Home {
    pub(crate) store: FileStore,
    pub(crate) path: AbsPath,
    _folder: TempDir,
}

pub(crate) fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let path = AbsPath::new(folder.path()).unwrap();
    Home { store: FileStore::with_time_zone(path.clone(), TimeZone::UTC), path, _folder: folder }
}

/// 2026-01-02T03:04:05.678Z.
pub(crate) fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)
}

pub(crate) fn meta() -> SessionMeta {
    SessionMeta {
        id: ThreadId::new(),
        forked_from_id: None,
        created_at: noon(),
        cwd: AbsPath::new("/work/project").unwrap(),
        originator: "tests".to_owned(),
        cli_version: "1.2.3".to_owned(),
        source: SessionSource::VsCode,
        agent_nickname: None,
        agent_role: None,
        agent_path: None,
        model_provider: Some("provider".to_owned()),
        base_instructions: None,
        dynamic_tools: None,
        memory_mode: None,
        git: None,
    }
}

pub(crate) fn event(event: EventRecord) -> Record {
    Record::Event(event)
}

pub(crate) fn started(turn: &str) -> Record {
    event(EventRecord::TurnStarted {
        turn_id: turn.into(),
        started_at: Some(100),
        model_context_window: Some(1000),
        mode: ModeKind::Default,
    })
}

pub(crate) fn completed(turn: &str) -> Record {
    event(EventRecord::TurnCompleted {
        turn_id: turn.into(),
        last_agent_message: None,
        completed_at: Some(200),
        duration: Some(Duration::from_millis(5)),
        time_to_first_token: None,
    })
}

pub(crate) fn aborted(turn: &str) -> Record {
    event(EventRecord::TurnAborted {
        turn_id: Some(turn.into()),
        reason: "interrupted".to_owned(),
        completed_at: Some(300),
        duration: Some(Duration::from_millis(6)),
    })
}

/// What clients see of a user's message.
pub(crate) fn user(text: &str) -> Record {
    event(EventRecord::UserMessage {
        text: text.to_owned(),
        images: Vec::new(),
        local_images: Vec::new(),
        elements: Vec::new(),
    })
}

/// What clients see of an agent's message.
pub(crate) fn agent(text: &str) -> Record {
    event(EventRecord::AgentMessage { text: text.into(), phase: None, memory_citation: None })
}

/// What the model sees of a user's message.
pub(crate) fn said(text: &str) -> Record {
    Record::ResponseItem(ResponseItem::user(text))
}

/// What the model said.
pub(crate) fn answered(text: &str) -> Record {
    Record::ResponseItem(ResponseItem::assistant(text))
}

/// A whole turn: the user says `name`, the model answers `re name`.
pub(crate) fn turn(name: &str) -> Vec<Record> {
    let answer = format!("re {name}");
    vec![started(name), said(name), user(name), agent(&answer), answered(&answer), completed(name)]
}

pub(crate) fn rolled_back(num_turns: u32) -> Record {
    event(EventRecord::ThreadRolledBack { num_turns })
}

pub(crate) fn error(message: &str, kind: Option<TurnErrorKind>) -> Record {
    event(EventRecord::Error { message: message.to_owned(), kind })
}

/// Turns as text, a line a turn and an indented line an item.
pub(crate) fn show(turns: &[Turn]) -> String {
    let mut out = String::new();
    for turn in turns {
        let error = turn.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        let end = turn.completed_at.map_or("-".to_owned(), |at| at.to_string());
        out.push_str(&format!("{} {}{error} ..{end}\n", turn.id, turn.status));
        for item in &turn.items {
            out.push_str(&format!("  {} {}\n", item.id(), show_item(item)));
        }
    }
    out
}

fn show_item(item: &Item) -> String {
    match item {
        Item::UserMessage { content, .. } => {
            let parts: Vec<_> = content
                .iter()
                .map(|part| match part {
                    UserInput::Text { text, .. } => format!("{text:?}"),
                    UserInput::Image { url } => format!("image {url}"),
                    UserInput::LocalImage { path } => format!("file {}", path.display()),
                    UserInput::Skill { name, .. } | UserInput::Mention { name, .. } => name.clone(),
                })
                .collect();
            format!("user {}", parts.join(", "))
        }
        Item::AgentMessage { text, .. } => format!("agent {text:?}"),
        Item::Reasoning { summary, content, .. } => format!("reasoning {summary:?} {content:?}"),
        Item::CommandExecution(command) => format!("command {} {}", command.command, command.status),
        Item::FileChange { changes, status, .. } => format!("{} changes {status}", changes.len()),
        Item::Plan { text, .. } => format!("plan {text:?}"),
        Item::HookPrompt { fragments, .. } => {
            let texts: Vec<_> = fragments.iter().map(|fragment| fragment.text.as_str()).collect();
            format!("hook {texts:?}")
        }
        Item::EnteredReviewMode { review, .. } => format!("review of {review:?}"),
        Item::ExitedReviewMode { review, .. } => format!("review says {review:?}"),
        Item::ContextCompaction { .. } => "compaction".to_owned(),
        Item::DynamicToolCall(call) => format!("{} {}", call.tool, call.status),
        Item::ImageGeneration { status, .. } => format!("image {status}"),
        Item::McpToolCall(_) | Item::CollabAgentToolCall(_) | Item::WebSearch { .. } | Item::ImageView { .. } => {
            "tool".to_owned()
        }
    }
}

pub(crate) fn append_bytes(path: &AbsPath, bytes: &[u8]) {
    fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}
