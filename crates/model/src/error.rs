//! Why a model did not answer, and what to do about it.

use std::time::{Duration, SystemTime};

use types::{RateLimits, TurnErrorKind};

use crate::retry::MAX_RETRY_AFTER;

/// A failed call of a model. `Display` is the message a client shows.
///
/// The variants are what the caller can react to; [`ModelError::kind`] is what a client is told, and
/// [`ModelError::retryable`] whether the same request may succeed when sent again.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The provider wants a key from an environment variable that is not set.
    #[error("environment variable {variable} is not set{}", instructions.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    MissingEnv { variable: String, instructions: Option<String> },
    /// The provider's configuration cannot be used: a bad URL, header or certificate file.
    #[error("the model provider is not usable: {reason}")]
    Provider { reason: String },
    /// No HTTP response at all: refused, reset, no route, TLS failure, headers that never came.
    #[error("stream disconnected before completion: could not reach {url}: {reason}")]
    Connection { url: String, reason: String },
    /// A status that has no meaning of its own here.
    #[error("unexpected status {}: {message}, url: {url}{}", status_text(*status), trace_ids(ray.as_deref(), request_id.as_deref()))]
    Status {
        status: u16,
        message: String,
        url: String,
        /// The `cf-ray` header.
        ray: Option<String>,
        /// The `x-request-id` header.
        request_id: Option<String>,
        retry_after: Option<Duration>,
    },
    /// Status 400; the message is the body as it came.
    #[error("{body}")]
    InvalidRequest { body: String },
    /// The provider could not read an image of the request.
    #[error("the model could not read an image in the conversation; remove it and try again")]
    InvalidImage,
    /// The request was refused on account of its content.
    #[error("{message}")]
    CyberPolicy { message: String },
    /// The provider does not accept the prompt.
    #[error("{message}")]
    InvalidPrompt { message: String },
    /// The history no longer fits.
    #[error("the conversation no longer fits the model's context window; start a new thread or shorten the history")]
    ContextWindowExceeded,
    /// The account has no budget left.
    #[error("the account's quota is used up; check its plan and billing")]
    QuotaExceeded,
    /// The plan's allowance for the current window is used up.
    #[error("usage limit reached; try again {}", when(*resets_at))]
    UsageLimit {
        /// The plan as the back end names it.
        plan: Option<String>,
        resets_at: Option<SystemTime>,
        /// What the headers said, as in [`crate::ResponseEvent::RateLimits`].
        rate_limits: Box<[RateLimits]>,
    },
    /// The account's plan does not include this use.
    #[error("the account's plan does not include the use of this model")]
    UsageNotIncluded,
    /// Status 429 without a reason that is known.
    #[error("exceeded retry limit, last status: {}", status_text(*status))]
    RetryLimit { status: u16, retry_after: Option<Duration> },
    /// The model has no capacity at the moment.
    #[error("the model is overloaded at the moment; try again later or choose another one")]
    Overloaded,
    /// Status 500.
    #[error("the model provider had an internal error, which may be temporary")]
    InternalServer,
    /// The response broke off, or the provider said that it failed.
    #[error("stream disconnected before completion: {reason}")]
    Disconnected {
        reason: String,
        /// The wait the provider asked for.
        retry_after: Option<Duration>,
    },
    /// The caller's token was cancelled.
    #[error("the request was cancelled")]
    Cancelled,
}

impl ModelError {
    /// A stream that broke off.
    pub(crate) fn disconnected(reason: impl Into<String>) -> Self {
        Self::Disconnected { reason: reason.into(), retry_after: None }
    }

    /// What a client can tell apart. Source: the recorded turns that fail.
    pub fn kind(&self) -> TurnErrorKind {
        match self {
            Self::ContextWindowExceeded => TurnErrorKind::ContextWindowExceeded,
            Self::QuotaExceeded | Self::UsageLimit { .. } | Self::UsageNotIncluded => TurnErrorKind::UsageLimitExceeded,
            Self::Overloaded => TurnErrorKind::ServerOverloaded,
            Self::CyberPolicy { .. } => TurnErrorKind::CyberPolicy,
            Self::InternalServer => TurnErrorKind::InternalServerError,
            Self::InvalidImage => TurnErrorKind::BadRequest,
            Self::RetryLimit { status, .. } => TurnErrorKind::ResponseTooManyFailedAttempts { status: Some(*status) },
            Self::MissingEnv { .. }
            | Self::Provider { .. }
            | Self::Connection { .. }
            | Self::Status { .. }
            | Self::InvalidRequest { .. }
            | Self::InvalidPrompt { .. }
            | Self::Disconnected { .. }
            | Self::Cancelled => TurnErrorKind::Other,
        }
    }

    /// A short name for figures: nothing of what users or models say.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MissingEnv { .. } => "missing_env",
            Self::Provider { .. } => "provider",
            Self::Connection { .. } => "connection",
            Self::Status { .. } => "status",
            Self::InvalidRequest { .. } => "invalid_request",
            Self::InvalidImage => "invalid_image",
            Self::CyberPolicy { .. } => "cyber_policy",
            Self::InvalidPrompt { .. } => "invalid_prompt",
            Self::ContextWindowExceeded => "context_window_exceeded",
            Self::QuotaExceeded => "quota_exceeded",
            Self::UsageLimit { .. } => "usage_limit",
            Self::UsageNotIncluded => "usage_not_included",
            Self::RetryLimit { .. } => "retry_limit",
            Self::Overloaded => "overloaded",
            Self::InternalServer => "internal_server",
            Self::Disconnected { .. } => "disconnected",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the same request may succeed soon, so that the turn should try again.
    pub fn retryable(&self) -> bool {
        if self.retry_after().is_some_and(|wait| wait > MAX_RETRY_AFTER) {
            return false;
        }
        match self {
            Self::Connection { .. } | Self::Status { .. } | Self::InternalServer | Self::Disconnected { .. } => true,
            Self::MissingEnv { .. }
            | Self::Provider { .. }
            | Self::InvalidRequest { .. }
            | Self::InvalidImage
            | Self::CyberPolicy { .. }
            | Self::InvalidPrompt { .. }
            | Self::ContextWindowExceeded
            | Self::QuotaExceeded
            | Self::UsageLimit { .. }
            | Self::UsageNotIncluded
            | Self::RetryLimit { .. }
            | Self::Overloaded
            | Self::Cancelled => false,
        }
    }

    /// Whether the provider may have refused the request because it does not have the model, or not for this user.
    /// Providers do not agree on how to say so; a request that is wrong in another way looks the same.
    pub fn may_be_the_model(&self) -> bool {
        matches!(self, Self::Status { status: 403 | 404, .. } | Self::InvalidRequest { .. })
    }

    /// The wait the provider asked for, if it named one; otherwise use [`crate::backoff`].
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. }
            | Self::RetryLimit { retry_after, .. }
            | Self::Disconnected { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The HTTP status behind the error, where clients are told it.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::RetryLimit { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What a refusal's headers said about limits; empty for most errors.
    pub fn rate_limits(&self) -> &[RateLimits] {
        match self {
            Self::UsageLimit { rate_limits, .. } => rate_limits,
            _ => &[],
        }
    }
}

fn status_text(status: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    match reason {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

fn trace_ids(ray: Option<&str>, request_id: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(ray) = ray {
        text.push_str(", cf-ray: ");
        text.push_str(ray);
    }
    if let Some(request_id) = request_id {
        text.push_str(", request id: ");
        text.push_str(request_id);
    }
    text
}

/// "in 2 h 5 min", seen from now; "later" when the time is unknown or over.
fn when(at: Option<SystemTime>) -> String {
    let Some(left) = at.and_then(|at| at.duration_since(SystemTime::now()).ok()) else { return "later".to_owned() };
    let minutes = left.as_secs().div_ceil(60);
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("in {minutes} min"),
        (0, hours, minutes) => format!("in {hours} h {minutes} min"),
        (days, hours, _) => format!("in {days} d {hours} h"),
    }
}
