//! `turn/*`.

use config::{NotAllowed, Requirements};
use engine::{TurnEnvironment, TurnOverrides, TurnRequest};
use protocol as p;
use serde_json::json;
use types::{TurnId, UserInput};

use super::{permissions, thread_view};
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::wire::FromWire as _;

/// Characters that all texts of one input may have together. Source: the protocol.
const MAX_INPUT_CHARS: usize = 1 << 20;

/// Starts a turn. The response comes before the turn's first notification.
pub(crate) async fn start(cx: Cx, params: p::TurnStartParams) -> Handled<p::TurnStartResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let input = params.input.from_wire();
    check_size(&input)?;
    if params.sandbox_policy.is_some() && params.permission_profile.is_some() {
        return Err(RpcError::invalid_request("`permissionProfile` cannot be combined with `sandboxPolicy`"));
    }
    let settings = thread.snapshot().settings;
    let cwd = params.cwd.map(|cwd| settings.cwd.join(cwd));
    let at = cwd.as_ref().unwrap_or(&settings.cwd);
    let (sandbox_policy, permission_profile) = match params.permission_profile.from_wire() {
        Some(profile) => {
            let (policy, profile) = permissions::of_profile(profile, at, "turn context override")?;
            (Some(policy), Some(profile))
        }
        None => (params.sandbox_policy.from_wire(), None),
    };
    let request = TurnRequest {
        input,
        overrides: TurnOverrides {
            model: params.model,
            cwd,
            approval_policy: params.approval_policy.from_wire(),
            approvals_reviewer: params.approvals_reviewer.from_wire(),
            sandbox_policy,
            permission_profile,
            effort: params.effort.map(|effort| Some(effort.from_wire())),
            summary: params.summary.from_wire(),
            personality: params.personality.from_wire(),
            service_tier: params.service_tier.map(|tier| tier.from_wire()),
            mode: params.collaboration_mode.from_wire(),
        },
        output_schema: params.output_schema,
        client_metadata: params.responsesapi_client_metadata.unwrap_or_default().into_iter().collect(),
        environments: params.environments.map(|environments| {
            let place = |place: p::TurnEnvironmentParams| TurnEnvironment {
                id: place.environment_id,
                cwd: place.cwd.from_wire(),
            };
            environments.into_iter().map(place).collect()
        }),
    };
    check_allowed(&settings.config.requirements, &request.overrides)
        .map_err(|error| RpcError::invalid_request(format_args!("invalid turn context override: {error}")))?;
    let accepted = thread.start_turn(request).await?;
    let turn = p::Turn {
        id: accepted.id.to_string(),
        items: Vec::new(),
        status: p::TurnStatus::InProgress,
        error: None,
        started_at: None,
        completed_at: None,
        duration_ms: None,
    };
    // Dropping the accepted turn lets it begin.
    Ok(Reply::new(p::TurnStartResponse { turn }).then(move |_| drop(accepted)))
}

/// Whether the administrator allows what a turn wants otherwise than its thread.
fn check_allowed(required: &Requirements, wanted: &TurnOverrides) -> Result<(), NotAllowed> {
    if let Some(policy) = &wanted.approval_policy {
        required.check_approval(policy)?;
    }
    if let Some(reviewer) = wanted.approvals_reviewer {
        required.check_reviewer(reviewer)?;
    }
    if let Some(policy) = &wanted.sandbox_policy {
        required.check_sandbox(policy.mode())?;
    }
    Ok(())
}

/// Adds input to the running turn.
pub(crate) async fn steer(cx: Cx, params: p::TurnSteerParams) -> Handled<p::TurnSteerResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    if params.expected_turn_id.is_empty() {
        return Err(RpcError::invalid_request("expectedTurnId must not be empty"));
    }
    let input = params.input.from_wire();
    check_size(&input)?;
    if input.is_empty() {
        return Err(RpcError::invalid_request("input must not be empty"));
    }
    let metadata = params.responsesapi_client_metadata.unwrap_or_default().into_iter().collect();
    let expected = TurnId::from(params.expected_turn_id);
    let turn = thread.steer(Some(expected), input, metadata).await?;
    Ok(p::TurnSteerResponse { turn_id: turn.to_string() }.into())
}

/// Interrupts the running turn; answers when it is over. The response comes before `turn/completed`.
pub(crate) async fn interrupt(cx: Cx, params: p::TurnInterruptParams) -> Handled<p::TurnInterruptResponse> {
    let thread = thread_view::loaded(&cx, &params.thread_id)?;
    let turn = Some(params.turn_id).filter(|turn| !turn.is_empty()).map(TurnId::from);
    let interrupted = thread.interrupt(turn).await?;
    // Dropping the interrupted turn lets its end be told.
    Ok(Reply::new(p::TurnInterruptResponse {}).then(move |_| drop(interrupted)))
}

fn check_size(input: &[UserInput]) -> Result<(), RpcError> {
    let chars: usize = input
        .iter()
        .map(|part| match part {
            UserInput::Text { text, .. } => text.chars().count(),
            UserInput::Image { .. }
            | UserInput::LocalImage { .. }
            | UserInput::Skill { .. }
            | UserInput::Mention { .. } => 0,
        })
        .sum();
    if chars <= MAX_INPUT_CHARS {
        return Ok(());
    }
    let message = format_args!("Input exceeds the maximum length of {MAX_INPUT_CHARS} characters.");
    Err(RpcError::invalid_params(message).with_data(json!({
        "input_error_code": "input_too_large",
        "max_chars": MAX_INPUT_CHARS,
        "actual_chars": chars,
    })))
}
