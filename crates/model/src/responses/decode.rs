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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn decode(data: &str) -> Result<Vec<ResponseEvent>, ModelError> {
        let mut out = VecDeque::new();
        event(data.as_bytes(), &mut out).map(|()| out.into())
    }

    fn id(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_kind_of_event_is_understood() {
        let delta = || "a\"b".to_owned();
        for (data, expected) in [
            (r#"{"type":"response.created","response":{"id":"r"}}"#, ResponseEvent::Created { id: id("r") }),
            (r#"{"type":"response.created"}"#, ResponseEvent::Created { id: None }),
            (
                r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"a\"b"}"#,
                ResponseEvent::TextDelta { item_id: id("m"), delta: delta() },
            ),
            (
                r#"{"delta":"a\"b","type":"response.output_text.delta"}"#,
                ResponseEvent::TextDelta { item_id: None, delta: delta() },
            ),
            (
                r#"{"type":"response.reasoning_summary_part.added","summary_index":2,"part":{"text":""}}"#,
                ResponseEvent::ReasoningSummaryPartAdded { summary_index: 2 },
            ),
            (
                r#"{"type":"response.reasoning_summary_text.delta","item_id":"r","summary_index":1,"delta":"a\"b"}"#,
                ResponseEvent::ReasoningSummaryDelta { item_id: id("r"), delta: delta(), summary_index: 1 },
            ),
            (
                r#"{"type":"response.reasoning_text.delta","item_id":"r","content_index":3,"delta":"a\"b"}"#,
                ResponseEvent::ReasoningDelta { item_id: id("r"), delta: delta(), content_index: 3 },
            ),
            (
                r#"{"type":"response.custom_tool_call_input.delta","item_id":"i","call_id":"c","delta":"a\"b"}"#,
                ResponseEvent::ToolInputDelta { item_id: id("i"), call_id: id("c"), delta: delta() },
            ),
            (
                r#"{"type":"response.function_call_arguments.delta","item_id":"i","delta":"a\"b"}"#,
                ResponseEvent::ToolInputDelta { item_id: id("i"), call_id: None, delta: delta() },
            ),
            (
                r#"{"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"x"}]}}"#,
                ResponseEvent::ItemDone(ResponseItem::assistant("x")),
            ),
            (
                r#"{"type":"response.output_item.added","item":{"type":"message","role":"assistant","content":[]}}"#,
                ResponseEvent::ItemAdded(ResponseItem::message("assistant", Vec::new())),
            ),
            (
                r#"{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":3},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}}}"#,
                ResponseEvent::Completed {
                    id: id("r"),
                    usage: Some(TokenUsage {
                        input_tokens: 10,
                        cached_input_tokens: 3,
                        output_tokens: 5,
                        reasoning_output_tokens: 2,
                        total_tokens: 15,
                    }),
                },
            ),
            (
                r#"{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1,"input_tokens_details":null,"output_tokens":1,"total_tokens":2}}}"#,
                ResponseEvent::Completed {
                    id: id("r"),
                    usage: Some(TokenUsage {
                        input_tokens: 1,
                        output_tokens: 1,
                        total_tokens: 2,
                        ..TokenUsage::default()
                    }),
                },
            ),
            (
                r#"{"type":"response.completed","response":{"id":"r"}}"#,
                ResponseEvent::Completed { id: id("r"), usage: None },
            ),
            (r#"{"type":"response.completed"}"#, ResponseEvent::Completed { id: None, usage: None }),
        ] {
            assert_eq!(decode(data), Ok(vec![expected]), "{data}");
        }
    }

    #[test]
    fn the_model_may_be_named_when_the_response_begins() {
        let events = decode(r#"{"type":"response.created","response":{"id":"r","headers":{"OpenAI-Model":"other"}}}"#);
        assert_eq!(
            events,
            Ok(vec![ResponseEvent::Created { id: id("r") }, ResponseEvent::ServerModel("other".to_owned())])
        );
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        for data in [
            "",
            "[DONE]",
            "{broken",
            "null",
            "[]",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"response.in_progress","response":{}}"#,
            r#"{"type":"response.output_text.delta"}"#,
            r#"{"type":"response.output_text.delta","delta":7}"#,
            r#"{"type":"response.output_item.done"}"#,
            r#"{"type":"response.output_item.done","item":"text"}"#,
            "\u{feff}{}",
        ] {
            assert_eq!(decode(data), Ok(Vec::new()), "{data}");
        }
    }

    #[test]
    fn failures_are_told_apart_by_their_code() {
        let message = || "m".to_owned();
        for (code, expected) in [
            ("context_length_exceeded", ModelError::ContextWindowExceeded),
            ("insufficient_quota", ModelError::QuotaExceeded),
            ("usage_not_included", ModelError::UsageNotIncluded),
            ("invalid_prompt", ModelError::InvalidPrompt { message: message() }),
            ("cyber_policy", ModelError::CyberPolicy { message: message() }),
            ("server_is_overloaded", ModelError::Overloaded),
            ("slow_down", ModelError::Overloaded),
            ("rate_limit_exceeded", ModelError::disconnected("m")),
            ("something_new", ModelError::disconnected("m")),
        ] {
            let response =
                format!(r#"{{"type":"response.failed","response":{{"error":{{"code":"{code}","message":"m"}}}}}}"#);
            assert_eq!(decode(&response), Err(expected.clone()), "{code}");
            let flat = format!(r#"{{"type":"error","code":"{code}","message":"m"}}"#);
            assert_eq!(decode(&flat), Err(expected.clone()), "{code}");
            let nested = format!(r#"{{"type":"error","error":{{"code":"{code}","message":"m"}}}}"#);
            assert_eq!(decode(&nested), Err(expected), "{code}");
        }
        for vague in [
            r#"{"type":"response.failed"}"#,
            r#"{"type":"response.failed","response":{"id":"x"}}"#,
            r#"{"type":"response.failed","response":{"error":{"message":""}}}"#,
            r#"{"type":"error"}"#,
        ] {
            assert!(matches!(decode(vague), Err(ModelError::Disconnected { .. })), "{vague}");
        }
    }

    #[test]
    fn a_rate_limit_may_say_when_to_come_back() {
        let error = decode(
            r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"Please try again in 11ms."}}}"#,
        )
        .unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_millis(11)));
        assert!(error.retryable());
    }

    #[test]
    fn an_incomplete_response_is_a_failure_with_its_reason() {
        let error =
            decode(r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#)
                .unwrap_err();
        assert!(error.to_string().ends_with("reason: content_filter"), "{error}");
        assert!(decode(r#"{"type":"response.incomplete"}"#).unwrap_err().to_string().ends_with("reason: unknown"));
    }
}
