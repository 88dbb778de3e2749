//! A turn's settings: `turn_context`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{AbsPath, CollaborationMode, ModeKind, Personality, ReasoningEffort, ReasoningSummary};

use super::policy::{Approval, Policy, Profile};
use crate::record::{TruncationPolicy, TurnContextRecord};

#[derive(Serialize)]
pub(super) struct ContextOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    cwd: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_date: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    approval_policy: Approval,
    sandbox_policy: Policy<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_profile: Option<Profile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_system_sandbox_policy: Option<&'a Value>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    personality: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collaboration_mode: Option<Mode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realtime_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    developer_instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_output_json_schema: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation_policy: Option<Truncation>,
}

impl<'a> ContextOut<'a> {
    pub(super) fn new(context: &'a TurnContextRecord) -> Self {
        Self {
            turn_id: context.turn_id.as_ref().map(types::TurnId::as_str),
            trace_id: context.trace_id.as_deref(),
            cwd: &context.cwd,
            current_date: context.current_date.as_deref(),
            timezone: context.timezone.as_deref(),
            approval_policy: Approval::new(&context.approval_policy),
            sandbox_policy: Policy::new(&context.sandbox_policy),
            permission_profile: context.permission_profile.as_ref().map(Profile::new),
            network: context.network.as_ref(),
            file_system_sandbox_policy: context.file_system_sandbox_policy.as_ref(),
            model: &context.model,
            personality: context.personality.map(Personality::as_str),
            collaboration_mode: context.collaboration_mode.as_ref().map(Mode::new),
            realtime_active: context.realtime_active,
            effort: context.effort.map(ReasoningEffort::as_str),
            summary: context.summary.as_str(),
            user_instructions: context.user_instructions.as_deref(),
            developer_instructions: context.developer_instructions.as_deref(),
            final_output_json_schema: context.final_output_json_schema.as_ref(),
            truncation_policy: context.truncation_policy.map(Truncation::new),
        }
    }
}

#[derive(Deserialize)]
struct ContextIn<'a> {
    #[serde(default)]
    turn_id: Option<String>,
    #[serde(default)]
    trace_id: Option<String>,
    cwd: PathBuf,
    #[serde(default)]
    current_date: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
    approval_policy: Approval,
    #[serde(borrow)]
    sandbox_policy: Policy<'a>,
    #[serde(default, borrow)]
    permission_profile: Option<Profile<'a>>,
    #[serde(default)]
    network: Option<Value>,
    #[serde(default)]
    file_system_sandbox_policy: Option<Value>,
    model: String,
    #[serde(default)]
    personality: Option<String>,
    #[serde(default, borrow)]
    collaboration_mode: Option<Mode<'a>>,
    #[serde(default)]
    realtime_active: Option<bool>,
    #[serde(default)]
    effort: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    user_instructions: Option<String>,
    #[serde(default)]
    developer_instructions: Option<String>,
    #[serde(default)]
    final_output_json_schema: Option<Value>,
    #[serde(default)]
    truncation_policy: Option<Truncation>,
}

/// Reads a payload; `None` when a member that every writer puts is missing or unknown. Names this version does not
/// know (a personality, an effort) are dropped rather than the line.
pub(super) fn read(payload: &str) -> Option<TurnContextRecord> {
    let context: ContextIn<'_> = serde_json::from_str(payload).ok()?;
    Some(TurnContextRecord {
        turn_id: context.turn_id.map(Into::into),
        trace_id: context.trace_id,
        cwd: AbsPath::new(context.cwd).ok()?,
        current_date: context.current_date,
        timezone: context.timezone,
        approval_policy: context.approval_policy.into_policy(),
        sandbox_policy: context.sandbox_policy.into_policy()?,
        permission_profile: context.permission_profile.and_then(Profile::into_profile),
        network: context.network,
        file_system_sandbox_policy: context.file_system_sandbox_policy,
        model: context.model,
        personality: context.personality.as_deref().and_then(Personality::parse),
        collaboration_mode: context.collaboration_mode.and_then(Mode::into_mode),
        realtime_active: context.realtime_active,
        effort: context.effort.as_deref().and_then(ReasoningEffort::parse),
        summary: context.summary.as_deref().and_then(ReasoningSummary::parse).unwrap_or(ReasoningSummary::Auto),
        user_instructions: context.user_instructions,
        developer_instructions: context.developer_instructions,
        final_output_json_schema: context.final_output_json_schema,
        truncation_policy: context.truncation_policy.map(Truncation::into_policy),
    })
}

#[derive(Serialize, Deserialize)]
struct Mode<'a> {
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow)]
    settings: ModeSettings<'a>,
}

#[derive(Serialize, Deserialize)]
struct ModeSettings<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(default, borrow)]
    reasoning_effort: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    developer_instructions: Option<Cow<'a, str>>,
}

impl<'a> Mode<'a> {
    fn new(mode: &'a CollaborationMode) -> Self {
        Self {
            mode: mode.kind.as_str().into(),
            settings: ModeSettings {
                model: mode.model.as_str().into(),
                reasoning_effort: mode.reasoning_effort.map(|effort| effort.as_str().into()),
                developer_instructions: mode.developer_instructions.as_deref().map(Cow::Borrowed),
            },
        }
    }

    fn into_mode(self) -> Option<CollaborationMode> {
        Some(CollaborationMode {
            kind: ModeKind::parse(&self.mode)?,
            model: self.settings.model.into_owned(),
            reasoning_effort: self.settings.reasoning_effort.as_deref().and_then(ReasoningEffort::parse),
            developer_instructions: self.settings.developer_instructions.map(Cow::into_owned),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "mode", content = "limit", rename_all = "snake_case")]
enum Truncation {
    Bytes(u64),
    Tokens(u64),
}

impl Truncation {
    fn new(policy: TruncationPolicy) -> Self {
        match policy {
            TruncationPolicy::Bytes(limit) => Self::Bytes(limit),
            TruncationPolicy::Tokens(limit) => Self::Tokens(limit),
        }
    }

    fn into_policy(self) -> TruncationPolicy {
        match self {
            Self::Bytes(limit) => TruncationPolicy::Bytes(limit),
            Self::Tokens(limit) => TruncationPolicy::Tokens(limit),
        }
    }
}
