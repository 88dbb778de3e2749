//! Thread events as notifications.

#![warn(clippy::wildcard_enum_match_arm)]

use engine::{ThreadEvent, ThreadStatus};
use protocol as p;
use rpc::RequestId;
use types::ThreadId;

use crate::hub::Hub;
use crate::wire::{IntoWire as _, ToWire as _};

/// Tells the thread's subscribers of an event that concerns only them.
pub(crate) fn publish(hub: &Hub, thread: ThreadId, event: ThreadEvent) {
    let thread_id = thread.to_string();
    match event {
        ThreadEvent::Warning(message) => {
            hub.publish(thread, &p::WarningNotification { thread_id: Some(thread_id), message });
        }
        ThreadEvent::ReviewerWarning(message) => {
            hub.publish(thread, &p::GuardianWarningNotification { thread_id, message });
        }
        ThreadEvent::ApprovalReview { turn_id, review_id, target, action, review } => {
            let (turn_id, target_item_id) = (turn_id.to_string(), Some(target.to_string()));
            let (review, action) = (review.to_wire(), action.to_wire());
            if review.status == p::GuardianApprovalReviewStatus::InProgress {
                hub.publish(
                    thread,
                    &p::ItemGuardianApprovalReviewStartedNotification {
                        thread_id,
                        turn_id,
                        review_id,
                        target_item_id,
                        review,
                        action,
                    },
                );
            } else {
                hub.publish(
                    thread,
                    &p::ItemGuardianApprovalReviewCompletedNotification {
                        thread_id,
                        turn_id,
                        review_id,
                        target_item_id,
                        decision_source: p::AutoReviewDecisionSource::Agent,
                        review,
                        action,
                    },
                );
            }
        }
        ThreadEvent::TurnStarted(turn) => {
            hub.publish(thread, &p::TurnStartedNotification { thread_id, turn: turn.into_wire() });
        }
        ThreadEvent::TurnCompleted(turn) => {
            hub.publish(thread, &p::TurnCompletedNotification { thread_id, turn: turn.into_wire() });
        }
        ThreadEvent::Error { turn_id, error, will_retry } => {
            let turn_id = turn_id.to_string();
            hub.publish(thread, &p::ErrorNotification { error: error.to_wire(), will_retry, thread_id, turn_id });
        }
        ThreadEvent::ItemStarted { turn_id, item } => {
            let turn_id = turn_id.to_string();
            hub.publish(thread, &p::ItemStartedNotification { item: item.into_wire(), thread_id, turn_id });
        }
        ThreadEvent::ItemCompleted { turn_id, item } => {
            let turn_id = turn_id.to_string();
            hub.publish(thread, &p::ItemCompletedNotification { item: item.into_wire(), thread_id, turn_id });
        }
        ThreadEvent::AgentMessageDelta { turn_id, item_id, delta } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            hub.publish_delta(thread, &p::AgentMessageDeltaNotification { thread_id, turn_id, item_id, delta });
        }
        ThreadEvent::PlanDelta { turn_id, item_id, delta } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            hub.publish_delta(thread, &p::PlanDeltaNotification { thread_id, turn_id, item_id, delta });
        }
        ThreadEvent::ReasoningSummaryPartAdded { turn_id, item_id, summary_index } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            let added = p::ReasoningSummaryPartAddedNotification { thread_id, turn_id, item_id, summary_index };
            hub.publish(thread, &added);
        }
        ThreadEvent::ReasoningSummaryDelta { turn_id, item_id, summary_index, delta } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            let delta = p::ReasoningSummaryTextDeltaNotification { thread_id, turn_id, item_id, delta, summary_index };
            hub.publish_delta(thread, &delta);
        }
        ThreadEvent::ReasoningDelta { turn_id, item_id, content_index, delta } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            let delta = p::ReasoningTextDeltaNotification { thread_id, turn_id, item_id, delta, content_index };
            hub.publish_delta(thread, &delta);
        }
        ThreadEvent::CommandOutputDelta { turn_id, item_id, delta } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            hub.publish_delta(
                thread,
                &p::CommandExecutionOutputDeltaNotification { thread_id, turn_id, item_id, delta },
            );
        }
        ThreadEvent::TerminalInteraction { turn_id, item_id, process_id, stdin } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            let interaction = p::TerminalInteractionNotification { thread_id, turn_id, item_id, process_id, stdin };
            hub.publish(thread, &interaction);
        }
        ThreadEvent::FileChangeOutputDelta { turn_id, item_id, delta } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            hub.publish_delta(thread, &p::FileChangeOutputDeltaNotification { thread_id, turn_id, item_id, delta });
        }
        ThreadEvent::FileChangePatchUpdated { turn_id, item_id, changes } => {
            let (turn_id, item_id) = (turn_id.to_string(), item_id.to_string());
            let changes = changes.into_wire();
            hub.publish(thread, &p::FileChangePatchUpdatedNotification { thread_id, turn_id, item_id, changes });
        }
        ThreadEvent::PlanUpdated { turn_id, explanation, steps } => {
            let turn_id = turn_id.to_string();
            let plan = steps.to_wire();
            hub.publish(thread, &p::TurnPlanUpdatedNotification { thread_id, turn_id, explanation, plan });
        }
        ThreadEvent::DiffUpdated { turn_id, diff } => {
            let turn_id = turn_id.to_string();
            hub.publish(thread, &p::TurnDiffUpdatedNotification { thread_id, turn_id, diff });
        }
        ThreadEvent::TokenUsageUpdated { turn_id, usage } => {
            let turn_id = turn_id.to_string();
            let token_usage = usage.to_wire();
            hub.publish(thread, &p::ThreadTokenUsageUpdatedNotification { thread_id, turn_id, token_usage });
        }
        ThreadEvent::RateLimitsUpdated(limits) => {
            let rate_limits = limits.to_wire();
            hub.publish(thread, &p::AccountRateLimitsUpdatedNotification { rate_limits });
        }
        ThreadEvent::RawResponseItem { turn_id, item } => raw_item(hub, thread, &turn_id.to_string(), &item),
        // For those who run the server.
        ThreadEvent::ModelRequestEnded(_) | ThreadEvent::ToolCallEnded(_) => {}
        ThreadEvent::Spawned { .. }
        | ThreadEvent::Closed
        | ThreadEvent::StatusChanged(_)
        | ThreadEvent::Asked(_)
        | ThreadEvent::Settled { .. } => tracing::error!("an event for everyone was taken for one of subscribers"),
    }
}

fn raw_item(hub: &Hub, thread: ThreadId, turn_id: &str, item: &types::ResponseItem) {
    // Both are spelled as the Responses API spells them.
    match serde_json::to_value(item).and_then(serde_json::from_value) {
        Ok(item) => {
            let (thread_id, turn_id) = (thread.to_string(), turn_id.to_owned());
            hub.publish(thread, &p::RawResponseItemCompletedNotification { thread_id, turn_id, item });
        }
        Err(error) => tracing::warn!(%error, "a raw item has no place in the contract"),
    }
}

pub(crate) fn status(thread: ThreadId, status: ThreadStatus) -> p::ThreadStatusChangedNotification {
    p::ThreadStatusChangedNotification { thread_id: thread.to_string(), status: status.to_wire() }
}

pub(crate) fn not_loaded(thread: ThreadId) -> p::ThreadStatusChangedNotification {
    p::ThreadStatusChangedNotification { thread_id: thread.to_string(), status: p::ThreadStatus::NotLoaded }
}

pub(crate) fn closed(thread: ThreadId) -> p::ThreadClosedNotification {
    p::ThreadClosedNotification { thread_id: thread.to_string() }
}

pub(crate) fn name_updated(thread: ThreadId, name: Option<String>) -> p::ThreadNameUpdatedNotification {
    p::ThreadNameUpdatedNotification { thread_id: thread.to_string(), thread_name: name }
}

pub(crate) fn resolved(thread: ThreadId, request: &RequestId) -> p::ServerRequestResolvedNotification {
    p::ServerRequestResolvedNotification {
        thread_id: thread.to_string(),
        request_id: match request {
            RequestId::Int(id) => p::RequestId::Integer(*id),
            RequestId::Text(id) => p::RequestId::String(id.clone()),
        },
    }
}
