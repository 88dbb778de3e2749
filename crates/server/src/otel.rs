//! What an OpenTelemetry collector is told: that something happened, how long it took and how it ended. Nothing of what
//! users, models or tools say, no paths, no credentials.
//!
//! Source of names and attributes that begin with `codex.`: the events that collectors know from this protocol's servers.
//! Numbers that are texts there are texts here.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use config::{Exporter, OtlpGrpc, OtlpHttp, OtlpProtocol};
use engine::{
    Answer, CommandDecision, GrantScope, ModelFailure, ModelRequestEnd, NetworkDecision, PatchDecision, QuestionKind,
    ThreadEvent, ThreadSettings, ToolCallEnd,
};
use telemetry::{
    Attributes, LogEvent, Network, Origin, Protocol, Severity, Span, SpanId, Target, Targets, Telemetry, TlsFiles,
    TraceId, Unusable,
};
use types::item::UserInput;
use types::{
    DomainAccess, Item, ItemId, PermissionProfile, ReviewStatus, ReviewedAction, SandboxPolicy, ThreadId, Turn,
    TurnError, TurnId, TurnStatus,
};
use uuid::Uuid;

use crate::Server;
use crate::wire::ToWire as _;

/// How long the last messages may take when the server ends.
const END_GRACE: Duration = Duration::from_secs(2);

/// The way to collectors, once the configuration has named one.
#[derive(Default)]
pub(crate) struct Otel(OnceLock<Open>);

struct Open {
    telemetry: Telemetry,
    /// What every event says.
    version: String,
    terminal: String,
}

impl Server {
    /// Sends to the collectors that `config` names from now on, if there are any. The first configuration counts.
    pub(crate) fn start_export(self: &Arc<Self>, config: &config::Otel) -> Result<(), Unusable> {
        if !config.is_on() || self.hub.otel.0.get().is_some() {
            return Ok(());
        }
        let targets = Targets {
            logs: config.logs.as_ref().map(target),
            traces: config.traces.as_ref().map(target),
            metrics: config.metrics.as_ref().map(target),
            network: self.network(),
        };
        let origin = Origin {
            service: "spindle",
            version: self.info.version.clone(),
            attributes: vec![("env", config.environment.as_str().into())],
        };
        let server = Arc::downgrade(self);
        let read = move || server.upgrade().map(|server| server.figures_for_collector()).unwrap_or_default();
        let open = Open {
            telemetry: Telemetry::start(&targets, origin, read)?,
            version: self.info.version.clone(),
            terminal: self.info.terminal.clone(),
        };
        // Of two clients that came at once the first one's counts; the other has sent nothing yet.
        let _ = self.hub.otel.0.set(open);
        Ok(())
    }

    /// The way to collectors is that to models.
    fn network(&self) -> Network {
        let environment = self.engine.environment().clone();
        let variable = move |name: &str| environment.variable(name);
        let model::Network { http_proxy, https_proxy, no_proxy, ca_file } = model::Network::read(&variable);
        Network { http_proxy, https_proxy, no_proxy, ca_file: ca_file.map(Into::into) }
    }
}

fn target(exporter: &Exporter) -> Target {
    let (endpoint, headers, tls, protocol) = match exporter {
        Exporter::Http(OtlpHttp { endpoint, headers, protocol: OtlpProtocol::Binary, tls }) => {
            (endpoint, headers, tls, Protocol::HttpBinary)
        }
        Exporter::Http(OtlpHttp { endpoint, headers, protocol: OtlpProtocol::Json, tls }) => {
            (endpoint, headers, tls, Protocol::HttpJson)
        }
        Exporter::Grpc(OtlpGrpc { endpoint, headers, tls }) => (endpoint, headers, tls, Protocol::Grpc),
    };
    let path = |text: &Option<String>| text.as_ref().map(Into::into);
    Target {
        endpoint: endpoint.clone(),
        headers: headers.clone().into_iter().collect(),
        protocol,
        tls: TlsFiles {
            ca_certificate: path(&tls.ca_certificate),
            client_certificate: path(&tls.client_certificate),
            client_private_key: path(&tls.client_private_key),
        },
    }
}

impl Otel {
    /// What was not delivered; `None` when nothing is sent.
    pub(crate) fn lost(&self) -> Option<u64> {
        self.0.get().map(|open| open.telemetry.lost())
    }

    /// Sends what is left.
    pub(crate) async fn end(&self) {
        if let Some(open) = self.0.get() {
            open.telemetry.end(END_GRACE).await;
        }
    }

    /// A thread was loaded to work.
    pub(crate) fn conversation_starts(&self, thread: ThreadId, settings: &ThreadSettings) {
        let Some(open) = self.0.get() else { return };
        let attributes = vec![
            ("provider_name", settings.config.provider().name.as_str().into()),
            ("model", settings.model().into()),
            ("slug", settings.model().into()),
            ("approval_policy", settings.approval_policy.as_str().into()),
            ("sandbox_policy", sandbox_name(&settings.sandbox_policy).into()),
        ];
        open.log("codex.conversation_starts", Severity::Info, thread, None, attributes);
    }

    /// A client has answered.
    pub(crate) fn decided(&self, thread: ThreadId, turn: &TurnId, kind: &QuestionKind, answer: &Answer) {
        let Some(open) = self.0.get() else { return };
        let (tool, call) = match kind {
            QuestionKind::Command(approval) => ("command", &approval.item_id),
            QuestionKind::Network(approval) => ("network", &approval.item_id),
            QuestionKind::Patch(approval) => ("apply_patch", &approval.item_id),
            QuestionKind::Permissions(request) => ("request_permissions", &request.item_id),
            QuestionKind::UserInput(_) | QuestionKind::DynamicTool { .. } => return,
        };
        let decision = match answer {
            Answer::Command(CommandDecision::Accept) | Answer::Patch(PatchDecision::Accept) => "approved",
            Answer::Command(CommandDecision::AcceptForSession) | Answer::Patch(PatchDecision::AcceptForSession) => {
                "approved_for_session"
            }
            Answer::Command(CommandDecision::AcceptWithAmendment(_)) => "approved_with_amendment",
            Answer::Network(decision) => match decision {
                NetworkDecision::Accept => "approved",
                NetworkDecision::AcceptForSession => "approved_for_session",
                NetworkDecision::Amend(_, DomainAccess::Allow) => "approved_with_amendment",
                NetworkDecision::Amend(_, DomainAccess::Deny) | NetworkDecision::Decline => "denied",
                NetworkDecision::Cancel => "abort",
            },
            Answer::Permissions(grant) if grant.permissions != PermissionProfile::default() => match grant.scope {
                GrantScope::Turn => "approved",
                GrantScope::Session => "approved_for_session",
            },
            Answer::Command(CommandDecision::Cancel) | Answer::Patch(PatchDecision::Cancel) => "abort",
            _ => "denied",
        };
        open.tool_decision(thread, turn, tool, call, decision, "User");
    }

    /// Something happened in a thread.
    pub(crate) fn observe(&self, thread: ThreadId, event: &ThreadEvent) {
        let Some(open) = self.0.get() else { return };
        match event {
            ThreadEvent::ItemStarted { turn_id, item: Item::UserMessage { content, .. } } => {
                open.prompted(thread, turn_id, content);
            }
            ThreadEvent::ModelRequestEnded(end) => open.model_request_ended(thread, end),
            ThreadEvent::ToolCallEnded(end) => open.tool_call_ended(thread, end),
            ThreadEvent::TurnCompleted(turn) => open.turn_ended(thread, turn),
            ThreadEvent::ApprovalReview { turn_id, target, action, review, .. } => {
                open.reviewed(thread, turn_id, target, action, review.status);
            }
            _ => {}
        }
    }
}

impl Open {
    fn log(
        &self,
        name: &'static str,
        severity: Severity,
        thread: ThreadId,
        turn: Option<&TurnId>,
        mut details: Attributes,
    ) {
        let at = SystemTime::now();
        let timestamp = jiff::Timestamp::try_from(at).unwrap_or_default();
        let mut attributes: Attributes = vec![("event.name", name.into())];
        attributes.append(&mut details);
        attributes.extend([
            ("event.timestamp", format!("{timestamp:.3}").into()),
            ("conversation.id", thread.to_string().into()),
            ("app.version", self.version.as_str().into()),
            ("terminal.type", self.terminal.as_str().into()),
        ]);
        attributes.extend(turn.map(|turn| ("turn.id", turn.as_str().into())));
        let (trace, span) = turn.map(trace_of).unwrap_or_default();
        self.telemetry.log(LogEvent { at, name, severity, attributes, trace, span });
    }

    /// Queues a span of a turn's. It ends now.
    fn span(&self, name: &'static str, turn: &TurnId, duration: Duration, failed: bool, attributes: Attributes) {
        let (trace, parent) = trace_of(turn);
        let (_, id) = split(Uuid::new_v4());
        self.telemetry.span(Span { name, trace, id, parent, end: SystemTime::now(), duration, failed, attributes });
    }

    fn prompted(&self, thread: ThreadId, turn: &TurnId, content: &[UserInput]) {
        let length = |input: &UserInput| match input {
            UserInput::Text { text, .. } => text.chars().count(),
            _ => 0,
        };
        let length: usize = content.iter().map(length).sum();
        let attributes = vec![("prompt_length", length.to_string().into()), ("prompt", "[REDACTED]".into())];
        self.log("codex.user_prompt", Severity::Info, thread, Some(turn), attributes);
    }

    /// The automatic reviewer has decided, if it is done.
    fn reviewed(&self, thread: ThreadId, turn: &TurnId, call: &ItemId, action: &ReviewedAction, status: ReviewStatus) {
        let decision = match status {
            ReviewStatus::InProgress => return,
            ReviewStatus::Approved => "approved",
            ReviewStatus::Denied | ReviewStatus::TimedOut => "denied",
            ReviewStatus::Aborted => "abort",
        };
        let tool = match action {
            ReviewedAction::Command { .. } => "command",
            ReviewedAction::Patch { .. } => "apply_patch",
            ReviewedAction::Network { .. } => "network",
            ReviewedAction::Permissions { .. } => "request_permissions",
        };
        self.tool_decision(thread, turn, tool, call, decision, "AutomatedReviewer");
    }

    fn tool_decision(&self, thread: ThreadId, turn: &TurnId, tool: &str, call: &ItemId, decision: &str, source: &str) {
        let attributes = vec![
            ("tool_name", tool.into()),
            ("call_id", call.to_string().into()),
            ("decision", decision.into()),
            ("source", source.into()),
        ];
        self.log("codex.tool_decision", Severity::Info, thread, Some(turn), attributes);
    }

    fn model_request_ended(&self, thread: ThreadId, end: &ModelRequestEnd) {
        let ModelRequestEnd { turn_id, model, answered_after, duration, outcome } = end;
        let about = |details: Attributes| -> Attributes {
            let model = [("model", model.as_str().into()), ("slug", model.as_str().into())];
            details.into_iter().chain(model).collect()
        };
        let log = |name, severity, details| self.log(name, severity, thread, Some(turn_id), about(details));
        let request = |time: Duration, status: Option<u16>| -> Attributes {
            let mut details = vec![("duration_ms", milliseconds(time)), ("endpoint", "/responses".into())];
            details.extend(status.map(|status| ("http.response.status_code", i64::from(status).into())));
            details
        };
        match (answered_after, outcome) {
            (None, Ok(_)) => {}
            (None, Err(ModelFailure { name, status })) => {
                let mut details = request(*duration, *status);
                details.push(("error.message", (*name).into()));
                log("codex.api_request", Severity::Error, details);
            }
            (Some(time), outcome) => {
                log("codex.api_request", Severity::Info, request(*time, Some(200)));
                let mut details = vec![("duration_ms", milliseconds(*duration))];
                match outcome {
                    Ok(usage) => {
                        details.push(("event.kind", "response.completed".into()));
                        if let Some(usage) = usage {
                            details.extend([
                                ("input_token_count", usage.input_tokens.to_string().into()),
                                ("output_token_count", usage.output_tokens.to_string().into()),
                                ("cached_token_count", usage.cached_input_tokens.into()),
                                ("reasoning_token_count", usage.reasoning_output_tokens.into()),
                                ("tool_token_count", usage.total_tokens.to_string().into()),
                            ]);
                        }
                        log("codex.sse_event", Severity::Info, details);
                    }
                    Err(failure) => {
                        details.push(("event.kind", "response.failed".into()));
                        details.push(("error.message", failure.name.into()));
                        log("codex.sse_event", Severity::Error, details);
                    }
                }
            }
        }
        self.span("model_request", turn_id, *duration, outcome.is_err(), about(Vec::new()));
    }

    fn tool_call_ended(&self, thread: ThreadId, end: &ToolCallEnd) {
        let ToolCallEnd { turn_id, call_id, tool, duration, success } = end;
        let attributes = vec![
            ("tool_name", tool.as_str().into()),
            ("call_id", call_id.as_str().into()),
            ("duration_ms", milliseconds(*duration)),
            ("success", success.to_string().into()),
        ];
        self.log("codex.tool_result", Severity::Info, thread, Some(turn_id), attributes);
        self.span("tool_call", turn_id, *duration, !success, vec![("tool_name", tool.as_str().into())]);
    }

    fn turn_ended(&self, thread: ThreadId, turn: &Turn) {
        let duration = turn.duration.unwrap_or_default();
        let failed = turn.status == TurnStatus::Failed;
        let mut attributes = vec![("status", turn.status.as_str().into()), ("duration_ms", milliseconds(duration))];
        attributes.extend(turn.error.as_ref().map(|error| ("error.message", error_name(error).into())));
        let severity = if failed { Severity::Error } else { Severity::Info };
        self.log("spindle.turn", severity, thread, Some(&turn.id), attributes.clone());
        let (trace, id) = trace_of(&turn.id);
        let (name, parent, end) = ("turn", SpanId::default(), SystemTime::now());
        attributes.push(("conversation.id", thread.to_string().into()));
        self.telemetry.span(Span { name, trace, id, parent, end, duration, failed, attributes });
    }
}

/// A turn is a trace: its identifier, and that of the span of the whole turn. Both are nothing for a turn whose id is no
/// UUID.
fn trace_of(turn: &TurnId) -> (TraceId, SpanId) {
    Uuid::try_parse(turn.as_str()).map(split).unwrap_or_default()
}

fn split(id: Uuid) -> (TraceId, SpanId) {
    (TraceId(id.as_u128()), SpanId(id.as_u64_pair().1))
}

fn milliseconds(time: Duration) -> telemetry::Value {
    time.as_millis().to_string().into()
}

/// The kind of an error as clients know it; its message may hold what users or models said.
fn error_name(error: &TurnError) -> String {
    use serde_json::Value;
    match serde_json::to_value(error.kind.to_wire()) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(members)) => members.into_iter().next().map_or_else(String::new, |(name, _)| name),
        _ => "other".to_owned(),
    }
}

fn sandbox_name(policy: &SandboxPolicy) -> &'static str {
    match policy {
        SandboxPolicy::DangerFullAccess => "danger-full-access",
        SandboxPolicy::ReadOnly { .. } => "read-only",
        SandboxPolicy::ExternalSandbox { .. } => "external-sandbox",
        SandboxPolicy::WorkspaceWrite { .. } => "workspace-write",
    }
}
