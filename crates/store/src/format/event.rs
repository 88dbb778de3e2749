//! What clients saw: `event_msg`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use types::item::{MemoryCitation, MemoryCitationEntry, MessagePhase, NonSteerableTurn, TextElement};
use types::{
    AbsPath, Credits, Item, ModeKind, RateLimitWindow, RateLimits, TokenUsage, TokenUsageTotals, TurnErrorKind,
};

use super::{extended, from_millis, millis};
use crate::record::{EventRecord, Extended};

/// The payload of an event. An unknown event is written by the caller, as it came.
pub(super) struct EventOut<'a>(pub(super) &'a EventRecord);

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack, while it is written")]
enum Out<'a> {
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
        message: &'a str,
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
        item: Option<PlanItem<'a>>,
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

impl Serialize for EventOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            EventRecord::Extended(extended) => match extended.as_ref() {
                Extended::GuardianAssessment(payload) => payload.serialize(serializer),
                Extended::Item { turn_id, item } => {
                    extended::ItemOut::new(turn_id.as_ref(), item).serialize(serializer)
                }
                Extended::DynamicToolCallRequested { turn_id, item } => {
                    extended::ItemOut::requested(turn_id, item).serialize(serializer)
                }
            },
            EventRecord::Unknown(payload) => payload.serialize(serializer),
            event => Out::new(event).serialize(serializer),
        }
    }
}

impl<'a> Out<'a> {
    fn new(event: &'a EventRecord) -> Self {
        match event {
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
            EventRecord::ItemCompleted { thread_id, turn_id, item } => Self::ItemCompleted {
                thread_id: thread_id.map(|id| id.to_string()),
                turn_id: turn_id.as_str(),
                item: match item {
                    Item::Plan { id, text } => {
                        Some(PlanItem::Plan { id: id.as_str().into(), text: text.as_str().into() })
                    }
                    _ => None,
                },
            },
            EventRecord::ImageGenerationEnd { call_id, status, revised_prompt, result, saved_path } => {
                Self::ImageGenerationEnd {
                    call_id,
                    status,
                    revised_prompt: revised_prompt.as_deref(),
                    result,
                    saved_path: saved_path.as_deref(),
                }
            }
            EventRecord::Extended(_) | EventRecord::Unknown(_) => {
                unreachable!("written before it comes here: see `EventOut`")
            }
        }
    }
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
                text: event.message,
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
        "guardian_assessment" => EventRecord::Extended(Box::new(Extended::GuardianAssessment(parse(payload)?))),
        _ => EventRecord::Extended(Box::new(extended::read(kind, payload)?)),
    })
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
    message: String,
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

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum PlanItem<'a> {
    Plan {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow)]
        text: Cow<'a, str>,
    },
}

#[derive(Serialize, Deserialize)]
struct Element<'a> {
    byte_range: ByteRange,
    #[serde(default)]
    placeholder: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct ByteRange {
    start: usize,
    end: usize,
}

impl<'a> Element<'a> {
    fn new(element: &'a TextElement) -> Self {
        Self {
            byte_range: ByteRange { start: element.start, end: element.end },
            placeholder: element.placeholder.as_deref().map(Cow::Borrowed),
        }
    }

    fn into_element(self) -> TextElement {
        TextElement {
            start: self.byte_range.start,
            end: self.byte_range.end,
            placeholder: self.placeholder.map(Cow::into_owned),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Citation<'a> {
    entries: Vec<CitationEntry<'a>>,
    #[serde(default, alias = "threadIds")]
    rollout_ids: Cow<'a, [String]>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CitationEntry<'a> {
    path: Cow<'a, str>,
    line_start: u32,
    line_end: u32,
    note: Cow<'a, str>,
}

impl<'a> Citation<'a> {
    fn new(citation: &'a MemoryCitation) -> Self {
        Self {
            entries: citation
                .entries
                .iter()
                .map(|entry| CitationEntry {
                    path: entry.path.as_str().into(),
                    line_start: entry.line_start,
                    line_end: entry.line_end,
                    note: entry.note.as_str().into(),
                })
                .collect(),
            rollout_ids: Cow::Borrowed(&citation.thread_ids),
        }
    }

    fn into_citation(self) -> MemoryCitation {
        MemoryCitation {
            entries: self
                .entries
                .into_iter()
                .map(|entry| MemoryCitationEntry {
                    path: entry.path.into_owned(),
                    line_start: entry.line_start,
                    line_end: entry.line_end,
                    note: entry.note.into_owned(),
                })
                .collect(),
            thread_ids: self.rollout_ids.into_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct TokenInfo {
    total_token_usage: Usage,
    last_token_usage: Usage,
    #[serde(default)]
    model_context_window: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: i64,
    #[serde(default)]
    cached_input_tokens: i64,
    #[serde(default)]
    output_tokens: i64,
    #[serde(default)]
    reasoning_output_tokens: i64,
    #[serde(default)]
    total_tokens: i64,
}

impl Usage {
    fn new(usage: &TokenUsage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            output_tokens: usage.output_tokens,
            reasoning_output_tokens: usage.reasoning_output_tokens,
            total_tokens: usage.total_tokens,
        }
    }

    fn into_usage(self) -> TokenUsage {
        TokenUsage {
            input_tokens: self.input_tokens,
            cached_input_tokens: self.cached_input_tokens,
            output_tokens: self.output_tokens,
            reasoning_output_tokens: self.reasoning_output_tokens,
            total_tokens: self.total_tokens,
        }
    }
}

impl TokenInfo {
    fn new(totals: &TokenUsageTotals) -> Self {
        Self {
            total_token_usage: Usage::new(&totals.total),
            last_token_usage: Usage::new(&totals.last),
            model_context_window: totals.model_context_window,
        }
    }

    fn into_totals(self) -> TokenUsageTotals {
        TokenUsageTotals {
            total: self.total_token_usage.into_usage(),
            last: self.last_token_usage.into_usage(),
            model_context_window: self.model_context_window,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Limits<'a> {
    #[serde(default)]
    limit_id: Option<Cow<'a, str>>,
    #[serde(default)]
    limit_name: Option<Cow<'a, str>>,
    #[serde(default)]
    primary: Option<Window>,
    #[serde(default)]
    secondary: Option<Window>,
    #[serde(default)]
    credits: Option<CreditsLine<'a>>,
    #[serde(default)]
    plan_type: Option<Cow<'a, str>>,
    #[serde(default)]
    rate_limit_reached_type: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    used_percent: f64,
    #[serde(default)]
    window_minutes: Option<i64>,
    #[serde(default)]
    resets_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct CreditsLine<'a> {
    has_credits: bool,
    unlimited: bool,
    #[serde(default)]
    balance: Option<Cow<'a, str>>,
}

impl<'a> Limits<'a> {
    fn new(limits: &'a RateLimits) -> Self {
        fn window(window: &RateLimitWindow) -> Window {
            Window {
                used_percent: window.used_percent,
                window_minutes: window.window_minutes,
                resets_at: window.resets_at,
            }
        }
        Self {
            limit_id: limits.limit_id.as_deref().map(Cow::Borrowed),
            limit_name: limits.limit_name.as_deref().map(Cow::Borrowed),
            primary: limits.primary.as_ref().map(window),
            secondary: limits.secondary.as_ref().map(window),
            credits: limits.credits.as_ref().map(|credits| CreditsLine {
                has_credits: credits.has_credits,
                unlimited: credits.unlimited,
                balance: credits.balance.as_deref().map(Cow::Borrowed),
            }),
            plan_type: limits.plan_type.as_deref().map(Cow::Borrowed),
            rate_limit_reached_type: limits.reached_type.as_deref().map(Cow::Borrowed),
        }
    }

    fn into_limits(self) -> RateLimits {
        fn window(window: &Window) -> RateLimitWindow {
            RateLimitWindow {
                used_percent: window.used_percent,
                window_minutes: window.window_minutes,
                resets_at: window.resets_at,
            }
        }
        RateLimits {
            limit_id: self.limit_id.map(Cow::into_owned),
            limit_name: self.limit_name.map(Cow::into_owned),
            primary: self.primary.as_ref().map(window),
            secondary: self.secondary.as_ref().map(window),
            credits: self.credits.map(|credits| Credits {
                has_credits: credits.has_credits,
                unlimited: credits.unlimited,
                balance: credits.balance.map(Cow::into_owned),
            }),
            plan_type: self.plan_type.map(Cow::into_owned),
            reached_type: self.rate_limit_reached_type.map(Cow::into_owned),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ErrorInfo {
    ContextWindowExceeded,
    UsageLimitExceeded,
    ServerOverloaded,
    CyberPolicy,
    HttpConnectionFailed { http_status_code: Option<u16> },
    ResponseStreamConnectionFailed { http_status_code: Option<u16> },
    InternalServerError,
    Unauthorized,
    BadRequest,
    ThreadRollbackFailed,
    SandboxError,
    ResponseStreamDisconnected { http_status_code: Option<u16> },
    ResponseTooManyFailedAttempts { http_status_code: Option<u16> },
    ActiveTurnNotSteerable { turn_kind: TurnKind },
    Other,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TurnKind {
    Review,
    Compact,
}

impl ErrorInfo {
    fn new(kind: &TurnErrorKind) -> Self {
        match kind {
            TurnErrorKind::ContextWindowExceeded => Self::ContextWindowExceeded,
            TurnErrorKind::UsageLimitExceeded => Self::UsageLimitExceeded,
            TurnErrorKind::ServerOverloaded => Self::ServerOverloaded,
            TurnErrorKind::CyberPolicy => Self::CyberPolicy,
            TurnErrorKind::HttpConnectionFailed { status } => Self::HttpConnectionFailed { http_status_code: *status },
            TurnErrorKind::ResponseStreamConnectionFailed { status } => {
                Self::ResponseStreamConnectionFailed { http_status_code: *status }
            }
            TurnErrorKind::InternalServerError => Self::InternalServerError,
            TurnErrorKind::Unauthorized => Self::Unauthorized,
            TurnErrorKind::BadRequest => Self::BadRequest,
            TurnErrorKind::ThreadRollbackFailed => Self::ThreadRollbackFailed,
            TurnErrorKind::SandboxError => Self::SandboxError,
            TurnErrorKind::ResponseStreamDisconnected { status } => {
                Self::ResponseStreamDisconnected { http_status_code: *status }
            }
            TurnErrorKind::ResponseTooManyFailedAttempts { status } => {
                Self::ResponseTooManyFailedAttempts { http_status_code: *status }
            }
            TurnErrorKind::ActiveTurnNotSteerable { turn_kind } => Self::ActiveTurnNotSteerable {
                turn_kind: match turn_kind {
                    NonSteerableTurn::Review => TurnKind::Review,
                    NonSteerableTurn::Compact => TurnKind::Compact,
                },
            },
            TurnErrorKind::Other => Self::Other,
        }
    }

    fn into_kind(self) -> TurnErrorKind {
        match self {
            Self::ContextWindowExceeded => TurnErrorKind::ContextWindowExceeded,
            Self::UsageLimitExceeded => TurnErrorKind::UsageLimitExceeded,
            Self::ServerOverloaded => TurnErrorKind::ServerOverloaded,
            Self::CyberPolicy => TurnErrorKind::CyberPolicy,
            Self::HttpConnectionFailed { http_status_code: status } => TurnErrorKind::HttpConnectionFailed { status },
            Self::ResponseStreamConnectionFailed { http_status_code: status } => {
                TurnErrorKind::ResponseStreamConnectionFailed { status }
            }
            Self::InternalServerError => TurnErrorKind::InternalServerError,
            Self::Unauthorized => TurnErrorKind::Unauthorized,
            Self::BadRequest => TurnErrorKind::BadRequest,
            Self::ThreadRollbackFailed => TurnErrorKind::ThreadRollbackFailed,
            Self::SandboxError => TurnErrorKind::SandboxError,
            Self::ResponseStreamDisconnected { http_status_code: status } => {
                TurnErrorKind::ResponseStreamDisconnected { status }
            }
            Self::ResponseTooManyFailedAttempts { http_status_code: status } => {
                TurnErrorKind::ResponseTooManyFailedAttempts { status }
            }
            Self::ActiveTurnNotSteerable { turn_kind } => TurnErrorKind::ActiveTurnNotSteerable {
                turn_kind: match turn_kind {
                    TurnKind::Review => NonSteerableTurn::Review,
                    TurnKind::Compact => NonSteerableTurn::Compact,
                },
            },
            Self::Other => TurnErrorKind::Other,
        }
    }
}
