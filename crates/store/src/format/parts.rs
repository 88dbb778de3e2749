//! Shapes inside events: text elements, citations, token counts, limits, errors.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use types::item::{MemoryCitation, MemoryCitationEntry, NonSteerableTurn, TextElement};
use types::{Credits, RateLimitWindow, RateLimits, TokenUsage, TokenUsageTotals, TurnErrorKind};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
pub(super) enum PlanItem<'a> {
    Plan {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow)]
        text: Cow<'a, str>,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) struct Element<'a> {
    byte_range: ByteRange,
    #[serde(default)]
    placeholder: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ByteRange {
    start: usize,
    end: usize,
}

impl<'a> Element<'a> {
    pub(super) fn new(element: &'a TextElement) -> Self {
        Self {
            byte_range: ByteRange { start: element.start, end: element.end },
            placeholder: element.placeholder.as_deref().map(Cow::Borrowed),
        }
    }

    pub(super) fn into_element(self) -> TextElement {
        TextElement {
            start: self.byte_range.start,
            end: self.byte_range.end,
            placeholder: self.placeholder.map(Cow::into_owned),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Citation<'a> {
    entries: Vec<CitationEntry<'a>>,
    #[serde(default, alias = "threadIds")]
    rollout_ids: Cow<'a, [String]>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CitationEntry<'a> {
    path: Cow<'a, str>,
    line_start: u32,
    line_end: u32,
    note: Cow<'a, str>,
}

impl<'a> Citation<'a> {
    pub(super) fn new(citation: &'a MemoryCitation) -> Self {
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

    pub(super) fn into_citation(self) -> MemoryCitation {
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
pub(super) struct TokenInfo {
    total_token_usage: Usage,
    last_token_usage: Usage,
    #[serde(default)]
    model_context_window: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Usage {
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
    pub(super) fn new(usage: &TokenUsage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            output_tokens: usage.output_tokens,
            reasoning_output_tokens: usage.reasoning_output_tokens,
            total_tokens: usage.total_tokens,
        }
    }

    pub(super) fn into_usage(self) -> TokenUsage {
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
    pub(super) fn new(totals: &TokenUsageTotals) -> Self {
        Self {
            total_token_usage: Usage::new(&totals.total),
            last_token_usage: Usage::new(&totals.last),
            model_context_window: totals.model_context_window,
        }
    }

    pub(super) fn into_totals(self) -> TokenUsageTotals {
        TokenUsageTotals {
            total: self.total_token_usage.into_usage(),
            last: self.last_token_usage.into_usage(),
            model_context_window: self.model_context_window,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Limits<'a> {
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
pub(super) struct Window {
    used_percent: f64,
    #[serde(default)]
    window_minutes: Option<i64>,
    #[serde(default)]
    resets_at: Option<i64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CreditsLine<'a> {
    has_credits: bool,
    unlimited: bool,
    #[serde(default)]
    balance: Option<Cow<'a, str>>,
}

impl<'a> Limits<'a> {
    pub(super) fn new(limits: &'a RateLimits) -> Self {
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

    pub(super) fn into_limits(self) -> RateLimits {
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
pub(super) enum ErrorInfo {
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
pub(super) enum TurnKind {
    Review,
    Compact,
}

impl ErrorInfo {
    pub(super) fn new(kind: &TurnErrorKind) -> Self {
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

    pub(super) fn into_kind(self) -> TurnErrorKind {
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
