//! What the server says, as far as a reader of the conversation wants to know.

use std::borrow::Cow;

use protocol::{
    AgentMessageDeltaNotification, CommandExecutionOutputDeltaNotification, ConfigWarningNotification,
    DeprecationNoticeNotification, ErrorNotification, GuardianWarningNotification, ItemCompletedNotification,
    ItemStartedNotification, Notification, PlanDeltaNotification, ReasoningSummaryPartAddedNotification,
    ReasoningSummaryTextDeltaNotification, ReasoningTextDeltaNotification, RequestId,
    ServerRequestResolvedNotification, ThreadItem, ThreadTokenUsage, ThreadTokenUsageUpdatedNotification, Turn,
    TurnCompletedNotification, TurnPlanStep, TurnPlanUpdatedNotification, TurnStartedNotification, WarningNotification,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A notification, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    TurnStarted(Turn),
    TurnCompleted(Turn),
    ItemStarted(ThreadItem),
    ItemCompleted(ThreadItem),
    MessageDelta {
        item_id: String,
        delta: String,
    },
    ReasoningDelta {
        item_id: String,
        delta: String,
    },
    /// A paragraph of the reasoning's summary begins.
    ReasoningPart {
        item_id: String,
    },
    PlanDelta {
        item_id: String,
        delta: String,
    },
    CommandOutput {
        item_id: String,
        delta: String,
    },
    Plan {
        explanation: Option<String>,
        steps: Vec<TurnPlanStep>,
    },
    Usage(ThreadTokenUsage),
    Warning(String),
    Error {
        message: String,
        details: Option<String>,
        will_retry: bool,
    },
    /// A question was settled, by us or by somebody else.
    Resolved(RequestId),
}

/// Whom a notification is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope<'a> {
    #[serde(borrow, default)]
    thread_id: Option<Cow<'a, str>>,
}

impl Event {
    /// Decodes a notification of `thread_id`, or of no thread at all. `None` for one that is about something else, or
    /// of a kind that came later than this program.
    pub(crate) fn decode(thread_id: &str, method: &str, params: Option<&RawValue>) -> Option<Self> {
        let text = params?.get();
        let scope: Scope<'_> = serde_json::from_str(text).ok()?;
        if scope.thread_id.is_some_and(|id| id != thread_id) {
            return None;
        }
        Some(match method {
            TurnStartedNotification::METHOD => Self::TurnStarted(read::<TurnStartedNotification>(text)?.turn),
            TurnCompletedNotification::METHOD => Self::TurnCompleted(read::<TurnCompletedNotification>(text)?.turn),
            ItemStartedNotification::METHOD => Self::ItemStarted(read::<ItemStartedNotification>(text)?.item),
            ItemCompletedNotification::METHOD => Self::ItemCompleted(read::<ItemCompletedNotification>(text)?.item),
            AgentMessageDeltaNotification::METHOD => {
                let AgentMessageDeltaNotification { item_id, delta, .. } = read(text)?;
                Self::MessageDelta { item_id, delta }
            }
            ReasoningSummaryTextDeltaNotification::METHOD => {
                let ReasoningSummaryTextDeltaNotification { item_id, delta, .. } = read(text)?;
                Self::ReasoningDelta { item_id, delta }
            }
            ReasoningTextDeltaNotification::METHOD => {
                let ReasoningTextDeltaNotification { item_id, delta, .. } = read(text)?;
                Self::ReasoningDelta { item_id, delta }
            }
            ReasoningSummaryPartAddedNotification::METHOD => {
                Self::ReasoningPart { item_id: read::<ReasoningSummaryPartAddedNotification>(text)?.item_id }
            }
            PlanDeltaNotification::METHOD => {
                let PlanDeltaNotification { item_id, delta, .. } = read(text)?;
                Self::PlanDelta { item_id, delta }
            }
            CommandExecutionOutputDeltaNotification::METHOD => {
                let CommandExecutionOutputDeltaNotification { item_id, delta, .. } = read(text)?;
                Self::CommandOutput { item_id, delta }
            }
            TurnPlanUpdatedNotification::METHOD => {
                let TurnPlanUpdatedNotification { explanation, plan: steps, .. } = read(text)?;
                Self::Plan { explanation, steps }
            }
            ThreadTokenUsageUpdatedNotification::METHOD => {
                Self::Usage(read::<ThreadTokenUsageUpdatedNotification>(text)?.token_usage)
            }
            ErrorNotification::METHOD => {
                let ErrorNotification { error, will_retry, .. } = read(text)?;
                Self::Error { message: error.message, details: error.additional_details, will_retry }
            }
            ServerRequestResolvedNotification::METHOD => {
                Self::Resolved(read::<ServerRequestResolvedNotification>(text)?.request_id)
            }
            WarningNotification::METHOD => Self::Warning(read::<WarningNotification>(text)?.message),
            GuardianWarningNotification::METHOD => Self::Warning(read::<GuardianWarningNotification>(text)?.message),
            ConfigWarningNotification::METHOD => {
                let ConfigWarningNotification { summary, details, .. } = read(text)?;
                Self::Warning(with_details(summary, details))
            }
            DeprecationNoticeNotification::METHOD => {
                let DeprecationNoticeNotification { summary, details } = read(text)?;
                Self::Warning(with_details(summary, details))
            }
            _ => return None,
        })
    }
}

fn read<N: Notification>(text: &str) -> Option<N> {
    serde_json::from_str(text).ok()
}

fn with_details(summary: String, details: Option<String>) -> String {
    match details {
        Some(details) => format!("{summary}\n{details}"),
        None => summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(method: &str, params: &str) -> Option<Event> {
        Event::decode("t1", method, Some(serde_json::from_str(params).unwrap()))
    }

    #[test]
    fn notifications_of_other_threads_are_left_out() {
        let params = |thread| format!(r#"{{"threadId":"{thread}","turnId":"u","itemId":"i","delta":"hi"}}"#);
        let delta = Event::MessageDelta { item_id: "i".to_owned(), delta: "hi".to_owned() };
        assert_eq!(decode("item/agentMessage/delta", &params("t1")), Some(delta));
        assert_eq!(decode("item/agentMessage/delta", &params("t2")), None);
    }

    #[test]
    fn warnings_may_be_about_no_thread() {
        let warning = Some(Event::Warning("careful".to_owned()));
        assert_eq!(decode("warning", r#"{"threadId":null,"message":"careful"}"#), warning);
        assert_eq!(decode("warning", r#"{"threadId":"t2","message":"careful"}"#), None);
        assert_eq!(decode("configWarning", r#"{"summary":"careful","details":null}"#), warning);
    }

    #[test]
    fn kinds_that_came_later_are_left_out() {
        assert_eq!(decode("thread/dreams", r#"{"threadId":"t1"}"#), None);
        assert_eq!(decode("item/started", r#"{"threadId":"t1","turnId":"u","item":{"type":"dream","id":"1"}}"#), None);
    }
}
