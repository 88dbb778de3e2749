//! Sub-agents: threads that a thread starts to have part of its work done.
//!
//! A sub-agent is an ordinary thread with a parent. The parent's model starts it, talks to it, waits for it and closes
//! it through five tools; when a turn of the child ends, the parent's model is told. Names, arguments and answers of the
//! tools are as the protocol's clients have seen them recorded; the descriptions are ours.

mod roles;
mod specs;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use config::{Config, Feature};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tools::{ToolCall, ToolEvent, ToolInput, ToolResult, TurnTools};
use types::item::{CallStatus, CollabAgentState, CollabAgentStatus, CollabAgentTool, CollabAgentToolCall, UserInput};
use types::{
    Item, ItemId, ReasoningEffort, ResponseItem, SessionSource, SubAgentSource, ThreadId, ToolOutput, Turn, TurnStatus,
};

use crate::event::ThreadEvent;
use crate::registry::{NewThread, Opened};
use crate::settings::{ThreadSettings, TurnRequest};
use crate::thread::{ThreadHandle, ThreadShared};

pub(crate) use specs::specs;

/// How deep sub-agents may start sub-agents, where the configuration does not say.
const DEFAULT_MAX_DEPTH: i32 = 1;
/// How many sub-agents of one user's thread may be loaded at once, where the configuration does not say.
const DEFAULT_MAX_AGENTS: usize = 6;
const DEFAULT_WAIT: Duration = Duration::from_secs(30);
const MIN_WAIT: Duration = Duration::from_secs(10);
const MAX_WAIT: Duration = Duration::from_secs(3600);

const SPAWN: &str = "spawn_agent";
const SEND: &str = "send_input";
const RESUME: &str = "resume_agent";
const WAIT: &str = "wait_agent";
const CLOSE: &str = "close_agent";

/// How a thread hangs together with a parent. The default is a thread of its own.
#[derive(Default)]
pub(crate) struct AgentLink(Option<Child>);

struct Child {
    parent: ThreadId,
    /// The thread at the head of the family: that of a user, not of an agent.
    root: ThreadId,
    /// Not to keep the parent loaded.
    parent_thread: Weak<ThreadShared>,
    depth: i32,
    nickname: Option<String>,
    role: Option<String>,
    state: watch::Sender<CollabAgentState>,
}

impl AgentLink {
    pub(crate) fn depth(&self) -> i32 {
        self.0.as_ref().map_or(0, |child| child.depth)
    }

    /// Nickname and role.
    pub(crate) fn name(&self) -> (Option<String>, Option<String>) {
        self.0.as_ref().map_or((None, None), |child| (child.nickname.clone(), child.role.clone()))
    }

    /// The thread whose clients follow this one too.
    pub(crate) fn parent(&self) -> Option<ThreadId> {
        self.0.as_ref().map(|child| child.parent)
    }

    /// The thread at the head of the family, where that is another one.
    pub(crate) fn root(&self) -> Option<ThreadId> {
        self.0.as_ref().map(|child| child.root)
    }

    /// Tells waiting tools that the thread is gone.
    pub(crate) fn shut_down(&self) {
        if let Some(state) = self.state() {
            state.send_replace(CollabAgentState { status: CollabAgentStatus::Shutdown, message: None });
        }
    }

    fn state(&self) -> Option<&watch::Sender<CollabAgentState>> {
        self.0.as_ref().map(|child| &child.state)
    }

    pub(crate) fn turn_started(&self) {
        if let Some(state) = self.state() {
            state.send_replace(CollabAgentState { status: CollabAgentStatus::Running, message: None });
        }
    }

    /// Tells waiting tools and the parent's model how a turn ended.
    pub(crate) fn turn_ended(&self, thread: &ThreadShared, turn: &Turn, last_message: Option<String>) {
        let Some(child) = &self.0 else { return };
        // A failed turn counts as completed without a word.
        let (status, message) = match turn.status {
            TurnStatus::Interrupted => (CollabAgentStatus::Interrupted, None),
            TurnStatus::Completed => (CollabAgentStatus::Completed, last_message),
            TurnStatus::Failed | TurnStatus::InProgress => (CollabAgentStatus::Completed, None),
        };
        let state = CollabAgentState { status, message };
        child.state.send_replace(state.clone());
        if status == CollabAgentStatus::Interrupted {
            return;
        }
        let Some(parent) = child.parent_thread.upgrade().and_then(|parent| parent.environment.loaded.get(parent.id))
        else {
            return;
        };
        let told = json!({ "agent_path": thread.id.to_string(), "status": status_json(&state) });
        let text = format!("<subagent_notification>\n{told}\n</subagent_notification>");
        thread.environment.tasks.spawn(async move { parent.notify(vec![ResponseItem::user(text)]).await });
    }
}

/// Whether a thread's model may start sub-agents.
pub(crate) fn offered(thread: &ThreadShared, config: &Config) -> bool {
    let limit = config.agents.max_depth.unwrap_or(DEFAULT_MAX_DEPTH);
    config.features.enabled(Feature::MultiAgent) && thread.agent.depth() < limit
}

/// Whether `name` is one of the sub-agent tools.
pub(crate) fn handles(name: &str) -> bool {
    [SPAWN, SEND, RESUME, WAIT, CLOSE].contains(&name)
}

#[derive(Deserialize)]
struct SpawnArgs {
    message: Option<String>,
    items: Option<Vec<InputItem>>,
    agent_type: Option<String>,
    #[serde(default)]
    fork_context: bool,
    model: Option<String>,
    reasoning_effort: Option<String>,
}

#[derive(Deserialize)]
struct SendArgs {
    target: String,
    message: Option<String>,
    items: Option<Vec<InputItem>>,
    #[serde(default)]
    interrupt: bool,
}

#[derive(Deserialize)]
struct IdArgs {
    #[serde(alias = "target")]
    id: String,
}

#[derive(Deserialize)]
struct WaitArgs {
    targets: Vec<String>,
    timeout_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum InputItem {
    Text { text: String },
    Image { image_url: String },
    LocalImage { path: String },
    Skill { name: String, path: String },
    Mention { name: String, path: String },
}

/// What a tool answers, and whether that is a success.
type Outcome = Result<String, String>;

/// Runs one of the sub-agent tools.
pub(crate) async fn run(name: &str, call: ToolCall, tools: &TurnTools, thread: &Arc<ThreadShared>) -> ToolResult {
    let arguments = match &call.input {
        ToolInput::Json(text) | ToolInput::Text(text) => text.as_str(),
    };
    let cx = Cx { call_id: &call.call_id, tools, thread };
    let outcome = match name {
        SPAWN => with_args(arguments, |args| cx.spawn(args)).await,
        SEND => with_args(arguments, |args| cx.send(args)).await,
        RESUME => with_args(arguments, |args| cx.resume(args)).await,
        WAIT => with_args(arguments, |args| cx.wait(args)).await,
        _ => with_args(arguments, |args| cx.close(args)).await,
    };
    let success = outcome.is_ok();
    let text = outcome.unwrap_or_else(|reason| reason);
    ToolResult::new(ToolOutput::Text(text), success)
}

async fn with_args<'a, A, F>(text: &'a str, run: impl FnOnce(A) -> F) -> Outcome
where
    A: Deserialize<'a>,
    F: Future<Output = Outcome>,
{
    match serde_json::from_str(text) {
        Ok(args) => run(args).await,
        Err(error) => Err(format!("failed to parse function arguments: {error}")),
    }
}

struct Cx<'a> {
    call_id: &'a str,
    tools: &'a TurnTools,
    thread: &'a Arc<ThreadShared>,
}

impl Cx<'_> {
    fn item(&self, tool: CollabAgentTool) -> CollabAgentToolCall {
        CollabAgentToolCall {
            id: ItemId::from(self.call_id),
            tool,
            status: CallStatus::InProgress,
            sender: self.thread.id,
            receivers: Vec::new(),
            prompt: None,
            model: None,
            reasoning_effort: None,
            agents: BTreeMap::new(),
        }
    }

    fn started(&self, item: &CollabAgentToolCall) {
        self.tools.host.emit(ToolEvent::ItemStarted(Item::CollabAgentToolCall(item.clone())));
    }

    fn completed(&self, mut item: CollabAgentToolCall, status: CallStatus) {
        item.status = status;
        self.tools.host.emit(ToolEvent::ItemCompleted(Item::CollabAgentToolCall(item)));
    }

    async fn spawn(&self, mut args: SpawnArgs) -> Outcome {
        let input = input(args.message.take(), args.items.take())?;
        let settings = self.settings_for(&args).await?;
        let mut item = self.item(CollabAgentTool::SpawnAgent);
        item.prompt = Some(prompt(&input));
        item.model = Some(args.model.clone().unwrap_or_default());
        item.reasoning_effort = Some(ReasoningEffort::Medium);
        self.started(&item);
        match self.make(settings, &args).await {
            Ok(child) => {
                let settings = child.shared.settings();
                item.receivers.push(child.id());
                item.model = Some(settings.model().to_owned());
                item.reasoning_effort = settings.effort().or(Some(ReasoningEffort::Medium));
                item.agents.insert(child.id().to_string(), state_of(&child));
                self.completed(item, CallStatus::Completed);
                let (nickname, _) = child.shared.agent.name();
                let id = child.id().to_string();
                // The child runs on its own from here; its answer comes as a notice.
                self.begin(&child, input).await?;
                Ok(json!({ "agent_id": id, "nickname": nickname }).to_string())
            }
            Err(reason) => {
                self.completed(item, CallStatus::Failed);
                Err(reason)
            }
        }
    }

    async fn make(&self, settings: ThreadSettings, args: &SpawnArgs) -> Result<ThreadHandle, String> {
        let parent = self.thread.settings();
        let environment = &self.thread.environment;
        let limit = parent.config.agents.max_threads.unwrap_or(DEFAULT_MAX_AGENTS);
        let root = self.root();
        let loaded = environment.loaded.count(|thread| thread.agent.root() == Some(root));
        if loaded >= limit {
            return Err(format!("collab spawn failed: agent thread limit reached (max {limit})"));
        }
        let depth = self.thread.agent.depth() + 1;
        let names = roles::nicknames(&parent.config, args.agent_type.as_deref());
        let nickname = environment.loaded.free_nickname(&names);
        let link = AgentLink(Some(Child {
            parent: self.thread.id,
            root,
            parent_thread: Arc::downgrade(self.thread),
            depth,
            nickname: Some(nickname.clone()),
            role: args.agent_type.clone(),
            state: watch::Sender::new(CollabAgentState { status: CollabAgentStatus::PendingInit, message: None }),
        }));
        let new = NewThread {
            source: SessionSource::SubAgent(SubAgentSource::ThreadSpawn {
                parent_thread_id: self.thread.id,
                depth,
                agent_path: None,
                agent_nickname: Some(nickname),
                agent_role: args.agent_type.clone(),
            }),
            settings,
            ephemeral: self.thread.path.is_none(),
            forked_from: None,
            git: self.thread.meta.git.clone(),
            dynamic_tools: Vec::new(),
            raw_events: false,
            extended_history: self.thread.extended_history,
            history: if args.fork_context { self.history().await } else { Vec::new() },
        };
        let child = environment.start(new, link).map_err(|error| error.to_string())?;
        self.thread.sink.emit(child.id(), ThreadEvent::Spawned { parent: self.thread.id });
        Ok(child)
    }

    /// What an agent begins with.
    async fn settings_for(&self, args: &SpawnArgs) -> Result<ThreadSettings, String> {
        if args.fork_context && (args.agent_type.is_some() || args.model.is_some() || args.reasoning_effort.is_some()) {
            let reason = "an agent that begins with a copy of this conversation has your role, model and reasoning \
                          effort: leave out `agent_type`, `model` and `reasoning_effort`, or `fork_context`";
            return Err(reason.to_owned());
        }
        let mut settings = ThreadSettings::clone(&*self.thread.settings());
        if let Some(model) = &args.model {
            settings.model.clone_from(model);
            settings.mode = None;
        }
        if let Some(effort) = &args.reasoning_effort {
            let effort =
                ReasoningEffort::parse(effort).ok_or_else(|| format!("unknown reasoning effort '{effort}'"))?;
            settings.effort = Some(effort);
            settings.mode = None;
        }
        // What the role says counts more than the call.
        self.in_role(settings, args.agent_type.clone()).await
    }

    async fn in_role(&self, mut settings: ThreadSettings, role: Option<String>) -> Result<ThreadSettings, String> {
        let Some(role) = role else { return Ok(settings) };
        let environment = self.thread.environment.clone();
        let take_on = move || roles::take_on(&environment, &mut settings, &role).map(|()| settings);
        tokio::task::spawn_blocking(take_on).await.map_err(|error| error.to_string())?
    }

    /// What this thread's model has seen and said, for a child that begins with it: talk only, no tool calls.
    async fn history(&self) -> Vec<ResponseItem> {
        let Some(path) = self.thread.rollout() else { return Vec::new() };
        let environment = self.thread.environment.clone();
        // A whole rollout is not read on an async worker.
        let read = move || environment.store.read(&path)?.history();
        let history = tokio::task::spawn_blocking(read).await.ok().and_then(Result::ok).unwrap_or_default();
        history.items.into_iter().filter(|item| matches!(item, ResponseItem::Message { .. })).collect()
    }

    async fn begin(&self, child: &ThreadHandle, input: Vec<UserInput>) -> Outcome {
        let accepted = child.start_turn(TurnRequest { input, ..TurnRequest::default() }).await;
        accepted.map(|turn| turn.id.to_string()).map_err(|error| error.to_string())
    }

    async fn send(&self, args: SendArgs) -> Outcome {
        let id = parse_id(&args.target)?;
        let input = input(args.message, args.items)?;
        let mut item = self.item(CollabAgentTool::SendInput);
        item.receivers.push(id);
        item.prompt = Some(prompt(&input));
        self.started(&item);
        let Some(child) = self.child(id) else { return self.not_found(item, id) };
        // Nothing to interrupt is as good.
        if args.interrupt
            && let Ok(turn) = child.interrupt(None).await
        {
            turn.told().await;
        }
        let state = state_of(&child);
        let sent = self.begin(&child, input).await;
        item.agents.insert(id.to_string(), state);
        self.completed(item, if sent.is_ok() { CallStatus::Completed } else { CallStatus::Failed });
        sent.map(|turn| json!({ "submission_id": turn }).to_string())
    }

    async fn resume(&self, args: IdArgs) -> Outcome {
        let id = parse_id(&args.id)?;
        let mut item = self.item(CollabAgentTool::ResumeAgent);
        item.receivers.push(id);
        self.started(&item);
        let child = match self.child(id) {
            Some(child) => Some(child),
            None => self.load(id).await,
        };
        let Some(child) = child else { return self.not_found(item, id) };
        let state = state_of(&child);
        item.agents.insert(id.to_string(), state.clone());
        self.completed(item, CallStatus::Completed);
        Ok(json!({ "status": status_json(&state) }).to_string())
    }

    /// Loads a closed sub-agent of the family from disk.
    async fn load(&self, id: ThreadId) -> Option<ThreadHandle> {
        let (environment, root) = (&self.thread.environment, self.root());
        if environment.loaded.get(id).is_some() {
            // Somebody else's, or a user went on with it.
            return None;
        }
        let open = {
            let environment = environment.clone();
            move || {
                let family = environment.store.descendants(root).ok()?;
                let (_, path) = family.into_iter().find(|(member, _)| *member == id)?;
                environment.open(&path).ok()
            }
        };
        let (stored, writer) = match tokio::task::spawn_blocking(open).await.ok().flatten()? {
            Opened::Stored(opened) => *opened,
            Opened::Loaded(_) => return self.child(id),
        };
        let SessionSource::SubAgent(SubAgentSource::ThreadSpawn { depth, agent_nickname, agent_role, .. }) =
            &stored.meta.source
        else {
            return None;
        };
        let link = AgentLink(Some(Child {
            parent: self.thread.id,
            root,
            parent_thread: Arc::downgrade(self.thread),
            depth: *depth,
            nickname: agent_nickname.clone(),
            role: agent_role.clone(),
            state: watch::Sender::new(CollabAgentState { status: CollabAgentStatus::PendingInit, message: None }),
        }));
        let settings = (*self.thread.settings()).clone();
        // A role that is there no more leaves it with the thread's own settings.
        let mut settings = self.in_role(settings.clone(), agent_role.clone()).await.unwrap_or(settings);
        if let Ok(Some(context)) = stored.last_turn_context() {
            settings.model.clone_from(&context.model);
            settings.cwd = context.cwd.clone();
        }
        let resumed = environment.resume(&stored, writer, settings, self.thread.extended_history, link).ok()?;
        if resumed.was_loaded {
            return self.child(id);
        }
        self.thread.sink.emit(id, ThreadEvent::Spawned { parent: self.thread.id });
        Some(resumed.thread)
    }

    async fn wait(&self, args: WaitArgs) -> Outcome {
        if args.targets.is_empty() {
            return Err("targets must not be empty".to_owned());
        }
        let ids = args.targets.iter().map(|id| parse_id(id)).collect::<Result<Vec<_>, _>>()?;
        let timeout = args.timeout_ms.map_or(DEFAULT_WAIT, |ms| {
            Duration::from_millis(u64::try_from(ms).unwrap_or_default()).clamp(MIN_WAIT, MAX_WAIT)
        });
        let mut item = self.item(CollabAgentTool::Wait);
        item.receivers.clone_from(&ids);
        self.started(&item);
        let waits = ids.iter().map(|id| Box::pin(self.final_state(*id)));
        let timed_out = tokio::select! {
            _ = futures::future::select_all(waits) => false,
            () = tokio::time::sleep(timeout) => true,
            () = self.tools.cancel.cancelled() => true,
        };
        let mut status = serde_json::Map::new();
        let mut failed = false;
        for id in ids {
            let state = self.child(id).map_or_else(not_found, |child| state_of(&child));
            failed |= state.status == CollabAgentStatus::NotFound;
            if is_final(&state) {
                status.insert(id.to_string(), status_json(&state));
                item.agents.insert(id.to_string(), state);
            }
        }
        self.completed(item, if failed { CallStatus::Failed } else { CallStatus::Completed });
        Ok(json!({ "status": status, "timed_out": timed_out }).to_string())
    }

    /// Returns when the sub-agent has nothing more to do.
    async fn final_state(&self, id: ThreadId) {
        let Some(child) = self.child(id) else { return };
        let Some(state) = child.shared.agent.state() else { return };
        let mut state = state.subscribe();
        // The sender lives in `child`; an error cannot come while it is held.
        let _ = state.wait_for(is_final).await;
    }

    async fn close(&self, args: IdArgs) -> Outcome {
        let id = parse_id(&args.id)?;
        let mut item = self.item(CollabAgentTool::CloseAgent);
        item.receivers.push(id);
        self.started(&item);
        let Some(child) = self.child(id) else { return self.not_found(item, id) };
        let state = state_of(&child);
        for closed in self.thread.environment.close(id).await {
            self.thread.sink.emit(closed, ThreadEvent::Closed);
        }
        item.agents.insert(id.to_string(), state.clone());
        self.completed(item, CallStatus::Completed);
        Ok(json!({ "previous_status": status_json(&state) }).to_string())
    }

    /// A loaded sub-agent of the same family.
    fn child(&self, id: ThreadId) -> Option<ThreadHandle> {
        let root = self.root();
        self.thread.environment.loaded.get(id).filter(|thread| thread.shared.agent.root() == Some(root))
    }

    fn root(&self) -> ThreadId {
        self.thread.agent.root().unwrap_or(self.thread.id)
    }

    fn not_found(&self, mut item: CollabAgentToolCall, id: ThreadId) -> Outcome {
        item.agents.insert(id.to_string(), not_found());
        self.completed(item, CallStatus::Failed);
        Err(format!("agent with id {id} not found"))
    }
}

fn not_found() -> CollabAgentState {
    CollabAgentState { status: CollabAgentStatus::NotFound, message: None }
}

fn state_of(child: &ThreadHandle) -> CollabAgentState {
    child.shared.agent.state().map_or_else(not_found, |state| state.borrow().clone())
}

fn is_final(state: &CollabAgentState) -> bool {
    !matches!(
        state.status,
        CollabAgentStatus::PendingInit | CollabAgentStatus::Running | CollabAgentStatus::Interrupted
    )
}

/// A state as the model reads it.
fn status_json(state: &CollabAgentState) -> Value {
    match state.status {
        CollabAgentStatus::PendingInit => json!("pending_init"),
        CollabAgentStatus::Running => json!("running"),
        CollabAgentStatus::Interrupted => json!("interrupted"),
        CollabAgentStatus::Completed => json!({ "completed": state.message }),
        CollabAgentStatus::Errored => json!({ "errored": state.message }),
        CollabAgentStatus::Shutdown => json!("shutdown"),
        CollabAgentStatus::NotFound => json!("not_found"),
    }
}

fn parse_id(text: &str) -> Result<ThreadId, String> {
    text.parse().map_err(|error| format!("invalid agent id {text}: {error}"))
}

fn input(message: Option<String>, items: Option<Vec<InputItem>>) -> Result<Vec<UserInput>, String> {
    let input: Vec<UserInput> = match (message, items) {
        (Some(_), Some(_)) => return Err("give either message or items, not both".to_owned()),
        (Some(text), None) if text.trim().is_empty() => return Err("the message must not be empty".to_owned()),
        (Some(text), None) => vec![UserInput::Text { text, elements: Vec::new() }],
        (None, Some(items)) => items
            .into_iter()
            .map(|item| match item {
                InputItem::Text { text } => UserInput::Text { text, elements: Vec::new() },
                InputItem::Image { image_url } => UserInput::Image { url: image_url },
                InputItem::LocalImage { path } => UserInput::LocalImage { path: path.into() },
                InputItem::Skill { name, path } => UserInput::Skill { name, path: path.into() },
                InputItem::Mention { name, path } => UserInput::Mention { name, path },
            })
            .collect(),
        (None, None) => return Err("give a message or items".to_owned()),
    };
    if input.is_empty() { Err("items must not be empty".to_owned()) } else { Ok(input) }
}

/// The input as one text, for people.
fn prompt(input: &[UserInput]) -> String {
    let parts: Vec<String> = input
        .iter()
        .map(|part| match part {
            UserInput::Text { text, .. } => text.clone(),
            UserInput::Image { .. } => "[image]".to_owned(),
            UserInput::LocalImage { path } => format!("[image {}]", path.display()),
            UserInput::Skill { name, .. } => format!("[skill {name}]"),
            UserInput::Mention { name, .. } => format!("[mention {name}]"),
        })
        .collect();
    parts.join("\n")
}
