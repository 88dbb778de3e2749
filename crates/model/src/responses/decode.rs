//! What the data of one server-sent event means.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;
use types::{ResponseItem, TokenUsage};

use crate::retry::parse_try_again;
use crate::{ModelError, ResponseEvent};

/// Decodes one event. Events of unknown kinds, and data that does not parse, are passed over.
///
/// # Errors
/// When the event says that the response failed.
pub(super) fn event(data: &[u8], out: &mut VecDeque<ResponseEvent>) -> Result<(), ModelError> {
    let wire: Wire<'_> = match serde_json::from_slice(data) {
        Ok(wire) => wire,
        Err(error) => {
            tracing::debug!(%error, bytes = data.len(), "skipping an event that does not parse");
            return Ok(());
        }
    };
    let Wire { item_id, call_id, delta, .. } = wire;
    let event = match &*wire.kind {
        "response.output_text.delta" => delta.map(|delta| ResponseEvent::TextDelta { item_id, delta }),
        "response.reasoning_summary_text.delta" => delta.map(|delta| ResponseEvent::ReasoningSummaryDelta {
            item_id,
            delta,
            summary_index: wire.summary_index.unwrap_or_default(),
        }),
        "response.reasoning_text.delta" => delta.map(|delta| ResponseEvent::ReasoningDelta {
            item_id,
            delta,
            content_index: wire.content_index.unwrap_or_default(),
        }),
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            delta.map(|delta| ResponseEvent::ToolInputDelta { item_id, call_id, delta })
        }
        "response.reasoning_summary_part.added" => {
            Some(ResponseEvent::ReasoningSummaryPartAdded { summary_index: wire.summary_index.unwrap_or_default() })
        }
        "response.output_item.added" => item(wire.item).map(ResponseEvent::ItemAdded),
        "response.output_item.done" => item(wire.item).map(ResponseEvent::ItemDone),
        "response.created" => {
            let created: Created = part(wire.response).unwrap_or_default();
            out.push_back(ResponseEvent::Created { id: created.id });
            created.headers.and_then(Headers::model).map(ResponseEvent::ServerModel)
        }
        "response.completed" => {
            let completed: Completed = part(wire.response).unwrap_or_default();
            Some(ResponseEvent::Completed { id: completed.id, usage: completed.usage.map(TokenUsage::from) })
        }
        "response.failed" => {
            let failed: Failed = part(wire.response).unwrap_or_default();
            return Err(failure(failed.error.unwrap_or_default()));
        }
        "error" => {
            let failed = part(wire.error).unwrap_or(Failure { code: wire.code, message: wire.message });
            return Err(failure(failed));
        }
        "response.incomplete" => {
            let incomplete: Incomplete = part(wire.response).unwrap_or_default();
            let reason = incomplete.incomplete_details.and_then(|details| details.reason);
            let reason = reason.as_deref().unwrap_or("unknown");
            return Err(ModelError::disconnected(format!("the response is incomplete, reason: {reason}")));
        }
        _ => None,
    };
    out.extend(event);
    Ok(())
}

/// The members of all kinds of events that matter. Objects stay raw until the kind is known.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    item_id: Option<String>,
    call_id: Option<String>,
    delta: Option<String>,
    summary_index: Option<i64>,
    content_index: Option<i64>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize, Default)]
struct Created {
    id: Option<String>,
    headers: Option<Headers>,
}

/// Headers that only became known once the response ran.
#[derive(Deserialize)]
struct Headers {
    #[serde(rename = "OpenAI-Model", alias = "openai-model")]
    model: Option<String>,
}

impl Headers {
    fn model(self) -> Option<String> {
        self.model
    }
}

#[derive(Deserialize, Default)]
struct Completed {
    id: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    input_tokens: i64,
    input_tokens_details: Option<InputDetails>,
    output_tokens: i64,
    output_tokens_details: Option<OutputDetails>,
    total_tokens: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct InputDetails {
    cached_tokens: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: i64,
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.input_tokens_details.unwrap_or_default().cached_tokens,
            output_tokens: usage.output_tokens,
            reasoning_output_tokens: usage.output_tokens_details.unwrap_or_default().reasoning_tokens,
            total_tokens: usage.total_tokens,
        }
    }
}

#[derive(Deserialize, Default)]
struct Failed {
    error: Option<Failure>,
}

#[derive(Deserialize, Default)]
struct Failure {
    code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize, Default)]
struct Incomplete {
    incomplete_details: Option<IncompleteDetails>,
}

#[derive(Deserialize)]
struct IncompleteDetails {
    reason: Option<String>,
}

fn part<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn item(raw: Option<&RawValue>) -> Option<ResponseItem> {
    match serde_json::from_str(raw?.get()) {
        // A text or a number is no item; an object of an unknown kind is.
        Ok(ResponseItem::Other(value)) if !value.is_object() => None,
        Ok(item) => Some(item),
        Err(error) => {
            tracing::debug!(%error, "skipping an item that does not parse");
            None
        }
    }
}

/// Source: the service's documented error codes, and recorded turns that fail with each of them.
fn failure(failure: Failure) -> ModelError {
    let message = failure
        .message
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| "the provider reported a failure without a reason".to_owned());
    match failure.code.as_deref() {
        Some("context_length_exceeded") => ModelError::ContextWindowExceeded,
        Some("insufficient_quota") => ModelError::QuotaExceeded,
        Some("usage_not_included") => ModelError::UsageNotIncluded,
        Some("invalid_prompt") => ModelError::InvalidPrompt { message },
        Some("cyber_policy") => ModelError::CyberPolicy { message },
        Some("server_is_overloaded" | "slow_down") => ModelError::Overloaded,
        Some("rate_limit_exceeded") => {
            ModelError::Disconnected { retry_after: parse_try_again(&message), reason: message }
        }
        _ => ModelError::disconnected(message),
    }
}
