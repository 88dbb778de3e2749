//! What clients saw: `event_msg`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use types::item::MessagePhase;
use types::{AbsPath, Item, ModeKind, Text, TurnErrorKind};

use super::approval_review::ReviewOut;
use super::parts::{Citation, Element, ErrorInfo, Limits, PlanItem, TokenInfo};
use super::{extended, from_millis, millis};
use crate::record::{EventRecord, Extended};

/// The payload of an event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum EventOut<'a> {
    Event(Out<'a>),
    Item(extended::ItemOut<'a>),
    Review(ReviewOut<'a>),
    AsItCame(&'a RawValue),
}

impl<'a> EventOut<'a> {
    /// `None` for items that are not kept this way, see [`Extended::of`].
    pub(super) fn new(event: &'a EventRecord) -> Option<Self> {
        match event {
            EventRecord::Extended(extended) => match extended.as_ref() {
                Extended::Item { turn_id, item } => extended::ItemOut::new(turn_id.as_ref(), item).map(Self::Item),
                Extended::DynamicToolCallRequested { turn_id, item } => {
                    Some(Self::Item(extended::ItemOut::requested(turn_id, item)))
                }
                Extended::ApprovalReview(record) => Some(Self::Review(ReviewOut::new(record))),
                Extended::ApprovalReviewRead(payload) => Some(Self::AsItCame(payload)),
            },
            EventRecord::Unknown(payload) => Some(Self::AsItCame(payload)),
            event => Out::new(event).map(Self::Event),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack, while it is written")]
pub(super) enum Out<'a> {
    TaskStarted {
        turn_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        started_at: Option<i64>,
        model_context_window: Option<i64>,
        collaboration_mode_kind: &'a str,
    },
    TaskComplete {
        turn_id: &'a str,
        last_agent_message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        completed_at: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        duration_ms: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        time_to_first_token_ms: Option<i64>,
    },
    TurnAborted {
        turn_id: Option<&'a str>,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        completed_at: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        duration_ms: Option<i64>,
    },
    UserMessage {
        message: &'a str,
        images: &'a [String],
        local_images: &'a [PathBuf],
        text_elements: Vec<Element<'a>>,
    },
    AgentMessage {
        message: &'a Text,
        phase: Option<&'a str>,
        memory_citation: Option<Citation<'a>>,
    },
    AgentReasoning {
        text: &'a str,
    },
    AgentReasoningRawContent {
        text: &'a str,
    },
    TokenCount {
        info: Option<TokenInfo>,
        rate_limits: Option<Limits<'a>>,
    },
    ThreadNameUpdated {
        thread_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_name: Option<&'a str>,
    },
    ContextCompacted,
    EnteredReviewMode {
        target: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_facing_hint: Option<&'a str>,
    },
    ExitedReviewMode {
        review_output: Option<&'a Value>,
    },
    ThreadRolledBack {
        num_turns: u32,
    },
    Error {
        message: &'a str,
        codex_error_info: Option<ErrorInfo>,
    },
    ItemCompleted {
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_id: Option<String>,
        turn_id: &'a str,
        item: PlanItem<'a>,
    },
    ImageGenerationEnd {
        call_id: &'a str,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        revised_prompt: Option<&'a str>,
        result: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        saved_path: Option<&'a Path>,
    },
}

impl<'a> Out<'a> {
    fn new(event: &'a EventRecord) -> Option<Self> {
        Some(match event {
            EventRecord::TurnStarted { turn_id, started_at, model_context_window, mode } => Self::TaskStarted {
                turn_id: turn_id.as_str(),
                started_at: *started_at,
                model_context_window: *model_context_window,
                collaboration_mode_kind: mode.as_str(),
            },
            EventRecord::TurnCompleted { turn_id, last_agent_message, completed_at, duration, time_to_first_token } => {
                Self::TaskComplete {
                    turn_id: turn_id.as_str(),
                    last_agent_message: last_agent_message.as_deref(),
                    completed_at: *completed_at,
                    duration_ms: duration.map(millis),
                    time_to_first_token_ms: time_to_first_token.map(millis),
                }
            }
            EventRecord::TurnAborted { turn_id, reason, completed_at, duration } => Self::TurnAborted {
                turn_id: turn_id.as_ref().map(types::TurnId::as_str),
                reason,
                completed_at: *completed_at,
                duration_ms: duration.map(millis),
            },
            EventRecord::UserMessage { text, images, local_images, elements } => Self::UserMessage {
                message: text,
                images,
                local_images,
                text_elements: elements.iter().map(Element::new).collect(),
            },
            EventRecord::AgentMessage { text, phase, memory_citation } => Self::AgentMessage {
                message: text,
                phase: phase.map(MessagePhase::as_str),
                memory_citation: memory_citation.as_ref().map(Citation::new),
            },
            EventRecord::Reasoning { text } => Self::AgentReasoning { text },
            EventRecord::ReasoningRaw { text } => Self::AgentReasoningRawContent { text },
            EventRecord::TokenCount { totals, rate_limits } => Self::TokenCount {
                info: totals.as_ref().map(TokenInfo::new),
                rate_limits: rate_limits.as_ref().map(Limits::new),
            },
            EventRecord::ThreadName { thread_id, name } => {
                Self::ThreadNameUpdated { thread_id: thread_id.to_string(), thread_name: name.as_deref() }
            }
            EventRecord::ContextCompacted => Self::ContextCompacted,
            EventRecord::EnteredReview { target, hint } => {
                Self::EnteredReviewMode { target, user_facing_hint: hint.as_deref() }
            }
            EventRecord::ExitedReview { output } => Self::ExitedReviewMode { review_output: output.as_ref() },
            EventRecord::ThreadRolledBack { num_turns } => Self::ThreadRolledBack { num_turns: *num_turns },
            EventRecord::Error { message, kind } => {
                Self::Error { message, codex_error_info: kind.as_ref().map(ErrorInfo::new) }
            }
            EventRecord::ItemCompleted { thread_id, turn_id, item } => {
                let Item::Plan { id, text } = item else { return None };
                Self::ItemCompleted {
                    thread_id: thread_id.map(|id| id.to_string()),
                    turn_id: turn_id.as_str(),
                    item: PlanItem::Plan { id: id.as_str().into(), text: text.as_str().into() },
                }
            }
            EventRecord::ImageGenerationEnd { call_id, status, revised_prompt, result, saved_path } => {
                Self::ImageGenerationEnd {
                    call_id,
                    status,
                    revised_prompt: revised_prompt.as_deref(),
                    result,
                    saved_path: saved_path.as_deref(),
                }
            }
            EventRecord::Extended(_) | EventRecord::Unknown(_) => return None,
        })
    }
}

/// Whether events of that kind say something of what the model sees.
pub(super) fn tells_the_model(kind: &str) -> bool {
    matches!(
        kind,
        "task_started" | "turn_started" | "task_complete" | "turn_complete" | "turn_aborted" | "thread_rolled_back"
    )
}

/// Reads an event's payload. `None` when its kind is not known or it lacks what its kind needs.
pub(super) fn read(kind: &str, payload: &str) -> Option<EventRecord> {
    fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Option<T> {
        serde_json::from_str(payload).ok()
    }
    Some(match kind {
        "token_count" => {
            let event: TokenCountIn = parse(payload)?;
            EventRecord::TokenCount {
                totals: event.info.map(TokenInfo::into_totals),
                rate_limits: event.rate_limits.map(Limits::into_limits),
            }
        }
        "agent_message" => {
            let event: AgentMessageIn = parse(payload)?;
            EventRecord::AgentMessage {
                text: Text::from_json(event.message).ok()?,
                phase: event.phase.as_deref().and_then(MessagePhase::parse),
                memory_citation: event.memory_citation.map(Citation::into_citation),
            }
        }
        "user_message" => {
            let event: UserMessageIn = parse(payload)?;
            EventRecord::UserMessage {
                text: event.message,
                images: event.images.unwrap_or_default(),
                local_images: event.local_images,
                elements: event.text_elements.into_iter().map(Element::into_element).collect(),
            }
        }
        "agent_reasoning" => EventRecord::Reasoning { text: parse::<TextIn>(payload)?.text },
        "agent_reasoning_raw_content" => EventRecord::ReasoningRaw { text: parse::<TextIn>(payload)?.text },
        "task_started" | "turn_started" => {
            let event: StartedIn = parse(payload)?;
            EventRecord::TurnStarted {
                turn_id: event.turn_id.into(),
                started_at: event.started_at,
                model_context_window: event.model_context_window,
                mode: event.collaboration_mode_kind.as_deref().and_then(ModeKind::parse).unwrap_or(ModeKind::Default),
            }
        }
        "task_complete" | "turn_complete" => {
            let event: CompleteIn = parse(payload)?;
            EventRecord::TurnCompleted {
                turn_id: event.turn_id.into(),
                last_agent_message: event.last_agent_message,
                completed_at: event.completed_at,
                duration: event.duration_ms.and_then(from_millis),
                time_to_first_token: event.time_to_first_token_ms.and_then(from_millis),
            }
        }
        "turn_aborted" => {
            let event: AbortedIn = parse(payload)?;
            EventRecord::TurnAborted {
                turn_id: event.turn_id.map(Into::into),
                reason: event.reason,
                completed_at: event.completed_at,
                duration: event.duration_ms.and_then(from_millis),
            }
        }
        "thread_name_updated" => {
            let event: NameIn = parse(payload)?;
            EventRecord::ThreadName { thread_id: event.thread_id.parse().ok()?, name: event.thread_name }
        }
        "context_compacted" => EventRecord::ContextCompacted,
        "entered_review_mode" => {
            let event: EnteredReviewIn = parse(payload)?;
            EventRecord::EnteredReview { target: event.target, hint: event.user_facing_hint }
        }
        "exited_review_mode" => EventRecord::ExitedReview { output: parse::<ExitedReviewIn>(payload)?.review_output },
        "thread_rolled_back" => EventRecord::ThreadRolledBack { num_turns: parse::<RolledBackIn>(payload)?.num_turns },
        "error" => {
            let event: ErrorIn = parse(payload)?;
            EventRecord::Error {
                message: event.message,
                kind: event
                    .codex_error_info
                    .map(|info| ErrorInfo::deserialize(info).map_or(TurnErrorKind::Other, ErrorInfo::into_kind)),
            }
        }
        "item_completed" => {
            let event: ItemCompletedIn<'_> = parse(payload)?;
            let PlanItem::Plan { id, text } = event.item;
            EventRecord::ItemCompleted {
                thread_id: event.thread_id.and_then(|id| id.parse().ok()),
                turn_id: event.turn_id.into(),
                item: Item::Plan { id: id.as_ref().into(), text: text.into_owned() },
            }
        }
        "image_generation_end" => {
            let event: ImageIn = parse(payload)?;
            EventRecord::ImageGenerationEnd {
                call_id: event.call_id,
                status: event.status,
                revised_prompt: event.revised_prompt,
                result: event.result,
                saved_path: event.saved_path.and_then(|path| AbsPath::new(path).ok()),
            }
        }
        "guardian_assessment" => EventRecord::Extended(Box::new(Extended::ApprovalReviewRead(parse(payload)?))),
        _ => EventRecord::Extended(Box::new(extended::read(kind, payload)?)),
    })
}

/// The end of a turn without what the agent said last, which can be long and which clients are told elsewhere.
pub(super) fn read_end(payload: &str) -> Option<EventRecord> {
    let event: EndIn = serde_json::from_str(payload).ok()?;
    Some(EventRecord::TurnCompleted {
        turn_id: event.turn_id.into(),
        last_agent_message: None,
        completed_at: event.completed_at,
        duration: event.duration_ms.and_then(from_millis),
        time_to_first_token: None,
    })
}

#[derive(Deserialize)]
struct EndIn {
    turn_id: String,
    #[serde(default)]
    completed_at: Option<i64>,
    #[serde(default)]
    duration_ms: Option<i64>,
}

/// The text of a `user_message` alone; its images can be long.
pub(super) fn read_message(payload: &str) -> Option<String> {
    let MessageIn { message } = serde_json::from_str(payload).ok()?;
    Some(message.trim().to_owned())
}

#[derive(Deserialize)]
struct MessageIn {
    message: String,
}

#[derive(Deserialize)]
struct TextIn {
    text: String,
}

#[derive(Deserialize)]
struct StartedIn {
    turn_id: String,
    #[serde(default)]
    started_at: Option<i64>,
    #[serde(default)]
    model_context_window: Option<i64>,
    #[serde(default)]
    collaboration_mode_kind: Option<String>,
}

#[derive(Deserialize)]
struct CompleteIn {
    turn_id: String,
    #[serde(default)]
    last_agent_message: Option<String>,
    #[serde(default)]
    completed_at: Option<i64>,
    #[serde(default)]
    duration_ms: Option<i64>,
    #[serde(default)]
    time_to_first_token_ms: Option<i64>,
}

#[derive(Deserialize)]
struct AbortedIn {
    #[serde(default)]
    turn_id: Option<String>,
    reason: String,
    #[serde(default)]
    completed_at: Option<i64>,
    #[serde(default)]
    duration_ms: Option<i64>,
}

#[derive(Deserialize)]
struct UserMessageIn {
    message: String,
    #[serde(default)]
    images: Option<Vec<String>>,
    #[serde(default)]
    local_images: Vec<PathBuf>,
    #[serde(default)]
    text_elements: Vec<Element<'static>>,
}

#[derive(Deserialize)]
struct AgentMessageIn {
    message: Box<RawValue>,
    #[serde(default)]
    phase: Option<String>,
    #[serde(default)]
    memory_citation: Option<Citation<'static>>,
}

#[derive(Deserialize)]
struct TokenCountIn {
    #[serde(default)]
    info: Option<TokenInfo>,
    #[serde(default)]
    rate_limits: Option<Limits<'static>>,
}

#[derive(Deserialize)]
struct NameIn {
    thread_id: String,
    #[serde(default)]
    thread_name: Option<String>,
}

#[derive(Deserialize)]
struct EnteredReviewIn {
    target: Value,
    #[serde(default)]
    user_facing_hint: Option<String>,
}

#[derive(Deserialize)]
struct ExitedReviewIn {
    #[serde(default)]
    review_output: Option<Value>,
}

#[derive(Deserialize)]
struct RolledBackIn {
    num_turns: u32,
}

#[derive(Deserialize)]
struct ErrorIn {
    message: String,
    #[serde(default)]
    codex_error_info: Option<Value>,
}

#[derive(Deserialize)]
struct ItemCompletedIn<'a> {
    #[serde(default)]
    thread_id: Option<String>,
    turn_id: String,
    #[serde(borrow)]
    item: PlanItem<'a>,
}

#[derive(Deserialize)]
struct ImageIn {
    call_id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    revised_prompt: Option<String>,
    #[serde(default)]
    result: String,
    #[serde(default)]
    saved_path: Option<PathBuf>,
}
