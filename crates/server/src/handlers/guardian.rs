//! `thread/approveGuardianDeniedAction`.

use protocol as p;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::thread_view;
use crate::dispatch::{Cx, Handled};
use crate::error::RpcError;

/// A review as clients hold it, which is how the rollout spells it. Source: the protocol's clients; the name is part of
/// what they are told when it cannot be read.
#[derive(Deserialize, Serialize)]
struct GuardianAssessmentEvent {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_item_id: Option<String>,
    #[serde(default)]
    turn_id: String,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    risk_level: Option<RiskLevel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_authorization: Option<UserAuthorization>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rationale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision_source: Option<DecisionSource>,
    action: Action,
}

#[derive(Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Status {
    InProgress,
    Approved,
    Denied,
    TimedOut,
    Aborted,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum RiskLevel {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum UserAuthorization {
    Unknown,
    Low,
    Medium,
    High,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum DecisionSource {
    Agent,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Action {
    Command {
        source: CommandSource,
        command: String,
        cwd: String,
    },
    Execve {
        source: CommandSource,
        program: String,
        argv: Vec<String>,
        cwd: String,
    },
    ApplyPatch {
        cwd: String,
        files: Vec<String>,
    },
    NetworkAccess {
        target: String,
        host: String,
        protocol: Value,
        port: u16,
    },
    McpToolCall {
        server: String,
        tool_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connector_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connector_name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_title: Option<String>,
    },
    RequestPermissions {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        permissions: Value,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum CommandSource {
    Shell,
    UnifiedExec,
}

/// Lets the agent, and the next review, know that the user approves what the automatic reviewer denied. Reviews that
/// ended in another way leave nothing to approve.
pub(crate) async fn approve_denied_action(
    cx: Cx,
    params: p::ThreadApproveGuardianDeniedActionParams,
) -> Handled<p::ThreadApproveGuardianDeniedActionResponse> {
    let event: GuardianAssessmentEvent = serde_json::from_value(params.event)
        .map_err(|error| RpcError::invalid_request(format_args!("invalid Guardian denial event: {error}")))?;
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    if event.status == Status::Denied {
        // Written anew, so that the model sees what was understood and nothing else.
        let event = serde_json::to_value(&event).map_err(RpcError::internal)?;
        thread.overrule_review(&event).await;
    }
    Ok(p::ThreadApproveGuardianDeniedActionResponse {}.into())
}
