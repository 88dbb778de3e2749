//! The tool calls of one model response: started as they arrive, finished in any order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use model::catalogue::ModelInfo;
use store::Record;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use tools::{
    CommandApproval, CommandDecision, Granted, Host, NetworkApproval, NetworkDecision, PatchApproval, PatchDecision,
    PermissionsGrant, PermissionsRequest, Switches, ToolCall, ToolEvent, ToolInput, ToolResult, TurnDiff, TurnTools,
    UserAnswers, UserQuestions,
};
use types::{ModeKind, ResponseItem, ToolOutput};

use super::offer::takes_images;
use super::sampling::text_output;
use crate::agents;
use crate::dynamic_tools;
use crate::environment::Environment;
use crate::event::{Answer, QuestionKind, ThreadEvent, ToolCallEnd};
use crate::guardian::{Denials, Guardian, Verdict};
use crate::live::TurnEvents;
use crate::questions::Questions;
use crate::settings::{ThreadSettings, output_limit};
use crate::thread::ThreadShared;

/// What the tools of a turn may use.
pub(super) fn turn_tools(
    environment: &Arc<Environment>,
    thread: &Arc<ThreadShared>,
    settings: &Arc<ThreadSettings>,
    model: &ModelInfo,
    switches: Switches,
    events: &TurnEvents,
    cancel: &CancellationToken,
) -> Arc<TurnTools> {
    let questions = Questions {
        thread_id: thread.id,
        turn_id: events.turn_id().clone(),
        sink: thread.sink.clone(),
        status: thread.status.clone(),
    };
    Arc::new(TurnTools {
        thread_id: thread.id,
        turn_id: events.turn_id().clone(),
        cwd: settings.cwd.clone(),
        approval_policy: settings.approval_policy.clone(),
        sandbox_policy: settings.sandbox_policy.clone(),
        permission_profile: settings.permission_profile.clone(),
        network: settings.network.clone(),
        places: environment.places(),
        launcher: environment.launcher.clone(),
        sessions: thread.sessions.clone(),
        shell: environment.shell.clone(),
        env: environment.command_env(&settings.config),
        mode: settings.mode.as_ref().map_or(ModeKind::Default, |mode| mode.kind),
        switches,
        truncation: output_limit(model),
        image_input: takes_images(model),
        grants: thread.grants.clone(),
        turn_permissions: Arc::new(Granted::new()),
        strict_review: Arc::default(),
        cancel: cancel.clone(),
        diff: Arc::new(Mutex::new(TurnDiff::new(&settings.cwd))),
        host: Arc::new(TurnHost { events: events.clone(), questions }),
    })
}

/// The same tools for a call of its own.
fn with_host(tools: &TurnTools, host: Arc<dyn Host>) -> TurnTools {
    TurnTools { host, ..tools.clone() }
}

/// Passes what tools tell and ask on to clients.
struct TurnHost {
    events: TurnEvents,
    questions: Questions,
}

impl TurnHost {
    fn tell(&self, event: ToolEvent) {
        let turn_id = self.events.turn_id().clone();
        match event {
            ToolEvent::ItemStarted(item) => self.events.item_started(item),
            ToolEvent::ItemCompleted(item) => self.events.item_completed(item),
            ToolEvent::CommandOutput { item_id, chunk } => {
                self.events.emit(ThreadEvent::CommandOutputDelta { turn_id, item_id, delta: chunk });
            }
            ToolEvent::TerminalInteraction { item_id, process_id, stdin } => {
                self.events.emit(ThreadEvent::TerminalInteraction { turn_id, item_id, process_id, stdin });
            }
            ToolEvent::PatchOutput { item_id, text } => {
                self.events.emit(ThreadEvent::FileChangeOutputDelta { turn_id, item_id, delta: text });
            }
            ToolEvent::PlanUpdated { explanation, steps } => {
                self.events.emit(ThreadEvent::PlanUpdated { turn_id, explanation, steps });
            }
            ToolEvent::DiffUpdated(diff) => self.events.emit(ThreadEvent::DiffUpdated { turn_id, diff }),
            ToolEvent::Warning(message) => self.events.emit(ThreadEvent::Warning(message)),
        }
    }
}

#[async_trait]
impl Host for TurnHost {
    fn emit(&self, event: ToolEvent) {
        self.tell(event);
    }

    async fn approve_command(&self, approval: CommandApproval) -> CommandDecision {
        match self.questions.ask(QuestionKind::Command(approval)).await {
            Some(Answer::Command(decision)) => decision,
            _ => CommandDecision::Decline,
        }
    }

    async fn approve_network(&self, approval: NetworkApproval) -> NetworkDecision {
        match self.questions.ask(QuestionKind::Network(approval)).await {
            Some(Answer::Network(decision)) => decision,
            _ => NetworkDecision::Decline,
        }
    }

    async fn approve_patch(&self, approval: PatchApproval) -> PatchDecision {
        match self.questions.ask(QuestionKind::Patch(approval)).await {
            Some(Answer::Patch(decision)) => decision,
            _ => PatchDecision::Decline,
        }
    }

    async fn grant_permissions(&self, request: PermissionsRequest) -> PermissionsGrant {
        match self.questions.ask(QuestionKind::Permissions(request)).await {
            Some(Answer::Permissions(grant)) => grant,
            _ => PermissionsGrant::default(),
        }
    }

    async fn ask_user(&self, questions: UserQuestions) -> UserAnswers {
        match self.questions.ask(QuestionKind::UserInput(questions)).await {
            Some(Answer::UserInput(answers)) => answers,
            _ => UserAnswers::default(),
        }
    }
}

/// Holds back what a call tells from its item's completion on, until the output is recorded; has its questions answered
/// by the automatic reviewer where that is wanted.
struct CallHost {
    held: Arc<HeldEvents>,
    guardian: Guardian,
}

/// Events waiting for their call's output to be on disk. The lock is held for a push, never across an await.
pub(super) struct HeldEvents {
    state: Mutex<Held>,
    turn: Arc<dyn Host>,
    events: TurnEvents,
}

#[derive(Default)]
struct Held {
    events: Vec<ToolEvent>,
    holding: bool,
    released: bool,
}

impl HeldEvents {
    /// What an extended history keeps of the items that have ended.
    pub(super) fn extended(&self) -> Vec<Record> {
        let held = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let items = held.events.iter().filter_map(|event| match event {
            ToolEvent::ItemCompleted(item) => self.events.extended(item),
            _ => None,
        });
        items.collect()
    }

    /// Passes on what was held, and everything from now on at once.
    pub(super) fn release(&self) {
        let mut held = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        held.released = true;
        for event in held.events.drain(..) {
            self.turn.emit(event);
        }
    }
}

#[async_trait]
impl Host for CallHost {
    fn emit(&self, event: ToolEvent) {
        let mut held = self.held.state.lock().unwrap_or_else(PoisonError::into_inner);
        held.holding |= matches!(event, ToolEvent::ItemCompleted(_));
        if held.holding && !held.released {
            held.events.push(event);
        } else {
            if let ToolEvent::ItemCompleted(item) = &event {
                self.held.events.keep_late(item);
            }
            self.held.turn.emit(event);
        }
    }

    async fn approve_command(&self, approval: CommandApproval) -> CommandDecision {
        if !self.guardian.reviews_work() {
            return self.held.turn.approve_command(approval).await;
        }
        match self.guardian.review_command(&approval).await {
            Verdict::Allowed => CommandDecision::Accept,
            Verdict::Denied(reason) => CommandDecision::Denied(reason),
        }
    }

    async fn approve_network(&self, approval: NetworkApproval) -> NetworkDecision {
        if !self.guardian.reviews_work() {
            return self.held.turn.approve_network(approval).await;
        }
        match self.guardian.review_network(&approval).await {
            Verdict::Allowed => NetworkDecision::Accept,
            Verdict::Denied(_) => NetworkDecision::Decline,
        }
    }

    async fn approve_patch(&self, approval: PatchApproval) -> PatchDecision {
        if !self.guardian.reviews_work() {
            return self.held.turn.approve_patch(approval).await;
        }
        match self.guardian.review_patch(&approval).await {
            Verdict::Allowed => PatchDecision::Accept,
            Verdict::Denied(reason) => PatchDecision::Denied(reason),
        }
    }

    async fn grant_permissions(&self, request: PermissionsRequest) -> PermissionsGrant {
        if !self.guardian.answers() {
            return self.held.turn.grant_permissions(request).await;
        }
        match self.guardian.review_permissions(&request).await {
            Verdict::Allowed => PermissionsGrant { permissions: request.permissions, ..PermissionsGrant::default() },
            Verdict::Denied(_) => PermissionsGrant::default(),
        }
    }

    async fn ask_user(&self, questions: UserQuestions) -> UserAnswers {
        self.held.turn.ask_user(questions).await
    }
}

/// A finished call.
pub(super) struct ToolDone {
    /// What the model is told before the output.
    pub(super) note: Option<ResponseItem>,
    pub(super) output: ResponseItem,
    pub(super) events: Arc<HeldEvents>,
    pub(super) end: ToolCallEnd,
    /// The user wants the turn to end, or the automatic reviewer has refused too much.
    pub(super) abort_turn: bool,
}

/// The calls of one response.
pub(super) struct ToolCalls {
    tools: Arc<TurnTools>,
    thread: Arc<ThreadShared>,
    events: TurnEvents,
    guardian: Guardian,
    running: FuturesUnordered<BoxFuture<'static, ToolDone>>,
    /// What has no output yet, by call id, to be closed if the turn is cut off.
    open: HashMap<String, (ResponseItem, Instant)>,
    order: Vec<String>,
    made_any: bool,
    /// Tools that may run side by side read, the others write.
    turns: Arc<RwLock<()>>,
}

impl ToolCalls {
    pub(super) fn new(
        tools: Arc<TurnTools>,
        thread: Arc<ThreadShared>,
        settings: Arc<ThreadSettings>,
        events: TurnEvents,
        denials: Arc<Denials>,
    ) -> Self {
        let guardian = Guardian {
            thread: thread.clone(),
            settings,
            events: events.clone(),
            strict: tools.strict_review.clone(),
            denials,
        };
        Self {
            tools,
            thread,
            events,
            guardian,
            running: FuturesUnordered::new(),
            open: HashMap::new(),
            order: Vec::new(),
            made_any: false,
            turns: Arc::default(),
        }
    }

    pub(super) fn running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Whether the model has to see what its calls gave.
    pub(super) fn made_any(&self) -> bool {
        self.made_any
    }

    /// Starts what a call item asks for.
    pub(super) fn start(&mut self, item: ResponseItem) {
        let Some((name, call)) = parse_call(&item) else {
            tracing::warn!("a tool call without an id cannot be answered");
            return;
        };
        self.made_any = true;
        let call_id = call.call_id.clone();
        self.order.push(call_id.clone());
        self.open.insert(call_id.clone(), (item.clone(), Instant::now()));
        let held = Arc::new(HeldEvents {
            state: Mutex::default(),
            turn: self.tools.host.clone(),
            events: self.events.clone(),
        });
        let host = Arc::new(CallHost { held: held.clone(), guardian: self.guardian.clone() });
        let tools = with_host(&self.tools, host);
        let (thread, events, turns) = (self.thread.clone(), self.events.clone(), self.turns.clone());
        let denials = self.guardian.denials.clone();
        let cancel = self.tools.cancel.clone();
        let run = async move {
            let started = Instant::now();
            let result = run_tool(&name, call, &tools, &thread, &events, &turns, &cancel).await;
            ToolDone {
                note: result.note.map(ResponseItem::developer),
                output: output_item(&item, &call_id, tools.truncation.in_history().output(result.output)),
                end: ToolCallEnd {
                    turn_id: tools.turn_id.clone(),
                    call_id,
                    tool: name,
                    duration: started.elapsed(),
                    success: result.success,
                },
                events: held,
                abort_turn: result.abort_turn || denials.too_many(),
            }
        };
        self.running.push(Box::pin(run));
    }

    /// The next call to finish. `None` when none runs. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<ToolDone> {
        let done = self.running.next().await?;
        self.open.remove(&done.end.call_id);
        Some(done)
    }

    /// Drops what still runs; gives an output for each call that has none.
    pub(super) fn abandon(mut self, reason: &str) -> Vec<ResponseItem> {
        self.running.clear();
        let mut outputs = Vec::new();
        for call_id in std::mem::take(&mut self.order) {
            if let Some((item, started)) = self.open.remove(&call_id) {
                let text = format!("Wall time: {:.1} seconds\n{reason}", started.elapsed().as_secs_f64());
                outputs.push(output_item(&item, &call_id, text_output(&text)));
            }
        }
        outputs
    }
}

async fn run_tool(
    name: &str,
    call: ToolCall,
    tools: &TurnTools,
    thread: &Arc<ThreadShared>,
    events: &TurnEvents,
    turns: &RwLock<()>,
    cancel: &CancellationToken,
) -> ToolResult {
    let config = thread.config();
    let tool = if call.namespace.is_none() { thread.environment.tools.get(name, tools.switches) } else { None };
    let parallel = tool.is_some_and(tools::Tool::parallel_safe);
    let (_shared, _alone);
    if parallel {
        _shared = turns.read().await;
    } else {
        _alone = turns.write().await;
    }
    if cancel.is_cancelled() {
        return ToolResult::failed("aborted by user");
    }
    if let Some(tool) = tool {
        return tool.run(call, tools).await;
    }
    if call.namespace.is_none() && agents::handles(name) && agents::offered(thread, &config) {
        return agents::run(name, call, tools, thread).await;
    }
    if let Some(dynamic) = thread.dynamic_tools.find(call.namespace.as_deref(), name) {
        return dynamic_tools::run(dynamic, call, tools, &questions(thread, events)).await;
    }
    let shown = call.namespace.as_deref().map_or_else(|| name.to_owned(), |namespace| format!("{namespace}{name}"));
    ToolResult::failed(format!("unsupported call: {shown}"))
}

fn parse_call(item: &ResponseItem) -> Option<(String, ToolCall)> {
    match item {
        ResponseItem::FunctionCall { name, namespace, arguments, call_id, .. } => Some((
            name.clone(),
            ToolCall {
                call_id: call_id.clone(),
                namespace: namespace.clone(),
                input: ToolInput::Json(arguments.clone()),
            },
        )),
        ResponseItem::CustomToolCall { name, input, call_id, .. } => Some((
            name.clone(),
            ToolCall { call_id: call_id.clone(), namespace: None, input: ToolInput::Text(input.clone()) },
        )),
        ResponseItem::LocalShellCall { call_id, id, action, .. } => {
            let call_id = call_id.clone().or_else(|| id.clone())?;
            let input = ToolInput::Json(serde_json::to_string(action).ok()?);
            Some(("local_shell".to_owned(), ToolCall { call_id, namespace: None, input }))
        }
        _ => None,
    }
}

fn output_item(call: &ResponseItem, call_id: &str, output: ToolOutput) -> ResponseItem {
    match call {
        ResponseItem::CustomToolCall { .. } => {
            ResponseItem::CustomToolCallOutput { call_id: call_id.to_owned(), name: None, output }
        }
        _ => ResponseItem::function_output(call_id, output),
    }
}

/// Asks the client on behalf of a call that is not one of the built-in tools.
fn questions(thread: &ThreadShared, events: &TurnEvents) -> Questions {
    Questions {
        thread_id: thread.id,
        turn_id: events.turn_id().clone(),
        sink: thread.sink.clone(),
        status: thread.status.clone(),
    }
}
