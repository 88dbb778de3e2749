//! A loaded thread as others hold it: the handle, what can be asked of it, and what readers see.
//!
//! Who answers is in `actor.rs`; what is done to a thread between turns and beside them in `actor/upkeep.rs`.

mod actor;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use config::Config;
use exec::Sessions;
use store::{Record, SessionMeta, StoreError, StoredThread};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use types::item::{NonSteerableTurn, UserInput};
use types::{AbsPath, ResponseItem, SessionSource, SubAgentSource, ThreadId, Turn, TurnId};

use self::actor::ThreadActor;
use crate::agents::AgentLink;
use crate::dynamic_tools::DynamicTools;
use crate::environment::Environment;
use crate::event::{EventSink, ThreadStatus};
use crate::live::LiveTurn;
use crate::log::{Conversation, Log};
use crate::prompts;
use crate::review::ReviewTarget;
use crate::settings::{ThreadSettings, TurnRequest};
use crate::status::StatusBoard;
use crate::task::Task;

/// Commands that wait for the actor. It never works long, so few wait; a full queue makes the sender wait, not fail.
const COMMAND_QUEUE: usize = 16;

/// What a thread's actor, its turns and its readers share. Everything in it is fixed, or small and behind a lock of its
/// own that is never held across an await.
pub(crate) struct ThreadShared {
    pub(crate) id: ThreadId,
    pub(crate) meta: SessionMeta,
    pub(crate) environment: Arc<Environment>,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) status: Arc<StatusBoard>,
    pub(crate) live: LiveTurn,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) grants: Arc<tools::Grants>,
    pub(crate) dynamic_tools: DynamicTools,
    /// The client wants to see raw Responses items.
    pub(crate) raw_events: bool,
    /// The rollout keeps tools' items, too.
    pub(crate) extended_history: bool,
    /// The provider lacks the model made for automatic reviews: the thread's own one does them.
    pub(crate) reviewer_model_missing: AtomicBool,
    /// Requests for input that clients show on their own and that are open.
    elicitations: Mutex<u64>,
    /// Fires when the thread ends.
    pub(crate) closed: CancellationToken,
    /// Where the rollout was when the thread was loaded, or will be; `None` for ephemeral threads.
    pub(crate) path: Option<AbsPath>,
    /// For threads that work for another thread.
    pub(crate) agent: AgentLink,
    view: Mutex<View>,
}

/// The part of a thread's state that readers see.
struct View {
    settings: Arc<ThreadSettings>,
    preview: String,
    name: Option<String>,
    updated_at: SystemTime,
}

impl ThreadShared {
    pub(crate) fn config(&self) -> Arc<Config> {
        self.view().settings.config.clone()
    }

    fn view(&self) -> std::sync::MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> Arc<ThreadSettings> {
        self.view().settings.clone()
    }

    /// Where the rollout is or will be; `None` for ephemeral threads. Another server may have archived the thread since it
    /// was loaded, or brought it back.
    pub(crate) fn rollout(&self) -> Option<AbsPath> {
        self.path.as_ref().map(|path| self.environment.store.current_path(path))
    }

    /// System instructions of the thread's model requests; empty ones are left out.
    pub(crate) fn instructions(&self, settings: &ThreadSettings) -> Option<String> {
        let text = settings.base_instructions.as_deref().unwrap_or(prompts::BASE);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether clients may mean the turn `running` by `id`. A review is told of under two ids: its own, and the one of
    /// the reviewer's turn.
    fn is_turn(&self, running: &TurnId, id: &TurnId) -> bool {
        id == running || self.live.get().is_some_and(|turn| turn.id == *id)
    }

    pub(crate) fn stream_max_retries(&self, settings: &ThreadSettings) -> u64 {
        settings.config.providers.get(&settings.provider_id).map_or(0, |provider| provider.stream_max_retries)
    }

    /// Who the thread works for, as providers are told.
    pub(crate) fn source_kind(&self) -> &'static str {
        match self.meta.source {
            SessionSource::SubAgent(_) => "subagent",
            _ => "user",
        }
    }

    pub(crate) fn sub_agent_headers(&self) -> Vec<(String, String)> {
        match &self.meta.source {
            SessionSource::SubAgent(SubAgentSource::ThreadSpawn { parent_thread_id, .. }) => vec![
                ("x-codex-parent-thread-id".to_owned(), parent_thread_id.to_string()),
                ("x-openai-subagent".to_owned(), "collab_spawn".to_owned()),
            ],
            SessionSource::SubAgent(SubAgentSource::Review) => {
                vec![("x-openai-subagent".to_owned(), "review".to_owned())]
            }
            SessionSource::SubAgent(SubAgentSource::Other(name)) => {
                vec![("x-openai-subagent".to_owned(), name.clone())]
            }
            _ => Vec::new(),
        }
    }
}

/// What anyone may know of a loaded thread, as of now.
#[derive(Clone)]
pub struct ThreadSnapshot {
    pub meta: SessionMeta,
    pub path: Option<AbsPath>,
    pub settings: Arc<ThreadSettings>,
    pub status: ThreadStatus,
    pub preview: String,
    pub name: Option<String>,
    pub updated_at: SystemTime,
    /// The turn in progress with its finished items.
    pub running: Option<Turn>,
}

/// What it takes to load a thread.
pub(crate) struct ThreadSeed {
    pub(crate) meta: SessionMeta,
    pub(crate) path: Option<AbsPath>,
    pub(crate) settings: ThreadSettings,
    pub(crate) log: Log,
    pub(crate) preview: String,
    pub(crate) name: Option<String>,
    pub(crate) updated_at: SystemTime,
    pub(crate) dynamic_tools: DynamicTools,
    pub(crate) raw_events: bool,
    pub(crate) extended_history: bool,
    pub(crate) agent: AgentLink,
}

/// A loaded thread as others hold it. Cheap to clone; the thread lives until it is closed.
#[derive(Clone)]
pub struct ThreadHandle {
    pub(crate) shared: Arc<ThreadShared>,
    commands: mpsc::Sender<Command>,
}

/// An accepted turn. It begins when this is dropped, so that the answer to the request can go first.
#[must_use]
#[derive(Debug)]
pub struct AcceptedTurn {
    pub id: TurnId,
    /// Fires on drop.
    _go: oneshot::Sender<()>,
}

/// A turn that was interrupted and is over. Its end is told when this is dropped, so that the answer to the request can
/// go first.
#[must_use]
#[derive(Debug)]
pub struct InterruptedTurn {
    /// Fires on drop.
    go: oneshot::Sender<()>,
    /// Fires when the end was told.
    told: oneshot::Receiver<()>,
}

impl InterruptedTurn {
    /// Lets the end be told, and waits until it was.
    pub async fn told(self) {
        drop(self.go);
        // An error means the same: nobody is left who would tell.
        let _ = self.told.await;
    }
}

/// Why a thread did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    #[error("thread is closed")]
    Closed,
    /// Too much waits for the running turn to end.
    #[error("Server overloaded; retry later.")]
    Overloaded,
    #[error("no active turn to steer")]
    NoActiveTurn,
    #[error("expected active turn id `{expected}` but found `{found}`")]
    OtherTurn { expected: TurnId, found: TurnId },
    #[error("no active turn to interrupt")]
    NothingToInterrupt,
    #[error("Cannot rollback while a turn is in progress.")]
    RollbackDuringTurn,
    #[error("thread rollback requires a persisted rollout path")]
    RollbackNotStored,
    #[error("failed to load rollout `{path}` for rollback replay: {}", .source.reason())]
    Replay { path: AbsPath, source: StoreError },
    #[error("cannot steer a {} turn", .0.as_str())]
    NotSteerable(NonSteerableTurn),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) enum Command {
    StartTurn {
        request: Box<TurnRequest>,
        reply: Reply<AcceptedTurn>,
    },
    /// Starts a turn of another kind, in the place of the one that runs.
    StartTask {
        task: Task,
        reply: Reply<AcceptedTurn>,
    },
    Steer {
        expected: Option<TurnId>,
        input: Vec<UserInput>,
        client_metadata: Vec<(String, String)>,
        reply: Reply<TurnId>,
    },
    Interrupt {
        turn: Option<TurnId>,
        reply: Reply<InterruptedTurn>,
    },
    Inject {
        items: Vec<ResponseItem>,
        reply: Reply<()>,
    },
    /// Shows what the model sees.
    Show {
        reply: Reply<Conversation>,
    },
    SetName {
        name: Option<String>,
        reply: Reply<()>,
    },
    /// Notes a fact about the thread in its rollout.
    Record {
        record: Box<Record>,
        reply: Reply<()>,
    },
    RollBack {
        num_turns: u32,
        reply: Reply<Box<StoredThread>>,
    },
    /// Runs a command of the user.
    UserShell {
        script: String,
        reply: oneshot::Sender<AcceptedTurn>,
    },
    /// Begins a command of the user that was accepted while a turn ran: beside the turn that runs now, if one does.
    UserShellAside {
        script: String,
    },
    /// Tells the model of something that happened; a running turn takes it up at once.
    Notify {
        items: Vec<ResponseItem>,
    },
    /// Ends the running turn as interrupted, then the actor.
    Close {
        reply: oneshot::Sender<()>,
    },
}

type Reply<T> = oneshot::Sender<Result<T, ThreadError>>;

impl ThreadHandle {
    /// Loads a thread. The actor runs until [`Self::close`], or until no handle is left.
    pub(crate) fn spawn(seed: ThreadSeed, environment: Arc<Environment>, sink: Arc<dyn EventSink>) -> Self {
        let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
        let id = seed.meta.id;
        let shared = Arc::new(ThreadShared {
            id,
            meta: seed.meta,
            sink: sink.clone(),
            status: Arc::new(StatusBoard::new(id, sink)),
            live: LiveTurn::default(),
            sessions: Arc::new(Sessions::new(environment.launcher.clone())),
            grants: Arc::new(tools::Grants::with_rules(seed.settings.command_rules.clone())),
            dynamic_tools: seed.dynamic_tools,
            raw_events: seed.raw_events,
            extended_history: seed.extended_history,
            reviewer_model_missing: AtomicBool::new(false),
            elicitations: Mutex::new(0),
            closed: CancellationToken::new(),
            path: seed.path,
            agent: seed.agent,
            view: Mutex::new(View {
                settings: Arc::new(seed.settings),
                preview: seed.preview,
                name: seed.name,
                updated_at: seed.updated_at,
            }),
            environment,
        });
        let actor = ThreadActor::new(shared.clone(), seed.log);
        shared.environment.tasks.spawn(actor.run(receiver));
        Self { shared, commands }
    }

    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.shared.id
    }

    /// The thread as it is now. Never waits for a turn. Looks at the disk for where its rollout is.
    #[must_use]
    pub fn snapshot(&self) -> ThreadSnapshot {
        let path = self.shared.rollout();
        let view = self.shared.view();
        ThreadSnapshot {
            meta: self.shared.meta.clone(),
            path,
            settings: view.settings.clone(),
            status: self.shared.status.get(),
            preview: view.preview.clone(),
            name: view.name.clone(),
            updated_at: view.updated_at,
            running: self.shared.live.get(),
        }
    }

    /// Starts a turn, or adds its input to the running one; the id is then one that never starts. A compaction or a
    /// review that runs is left to end first.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn start_turn(&self, request: TurnRequest) -> Result<AcceptedTurn, ThreadError> {
        self.ask(|reply| Command::StartTurn { request: Box::new(request), reply }).await
    }

    /// Starts a turn that makes the history short. A running turn is interrupted.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn compact(&self) -> Result<AcceptedTurn, ThreadError> {
        self.start_task(Task::Compact).await
    }

    /// Starts a turn in which a reviewer looks at changes. A running turn is interrupted.
    ///
    /// # Errors
    /// [`ThreadError::Closed`].
    pub async fn review(&self, target: ReviewTarget) -> Result<AcceptedTurn, ThreadError> {
        self.start_task(Task::Review(target)).await
    }

    async fn start_task(&self, task: Task) -> Result<AcceptedTurn, ThreadError> {
        self.ask(|reply| Command::StartTask { task, reply }).await
    }

    /// Adds input to the running turn.
    ///
    /// # Errors
    /// [`ThreadError::NoActiveTurn`], [`ThreadError::OtherTurn`], [`ThreadError::NotSteerable`]; [`ThreadError::Overloaded`]
    /// when the turn has not taken up much of what came before.
    pub async fn steer(
        &self,
        expected: Option<TurnId>,
        input: Vec<UserInput>,
        client_metadata: Vec<(String, String)>,
    ) -> Result<TurnId, ThreadError> {
        self.ask(|reply| Command::Steer { expected, input, client_metadata, reply }).await
    }

    /// Interrupts the running turn and returns once it is over. Its end is told when what is returned is dropped.
    ///
    /// # Errors
    /// [`ThreadError::NothingToInterrupt`], [`ThreadError::OtherTurn`].
    pub async fn interrupt(&self, turn: Option<TurnId>) -> Result<InterruptedTurn, ThreadError> {
        self.ask(|reply| Command::Interrupt { turn, reply }).await
    }

    /// Puts items before the model without a turn. What is given back waits until they are kept: an answer of the model
    /// or a compaction that is under way ends first.
    ///
    /// # Errors
    /// [`ThreadError::Closed`], and of the future [`ThreadError::Store`] when they could not be written.
    pub async fn inject(
        &self,
        items: Vec<ResponseItem>,
    ) -> Result<impl Future<Output = Result<(), ThreadError>> + Send + use<>, ThreadError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Inject { items, reply }).await?;
        Ok(async move { answer.await.map_err(|_| ThreadError::Closed)? })
    }

    /// Tells the model that the user approves what the automatic reviewer denied: `event` is the review.
    pub async fn overrule_review(&self, event: &serde_json::Value) {
        self.notify(vec![ResponseItem::developer(prompts::overruled(event))]).await;
    }

    /// What the model sees now; of an answer that is under way what has come so far.
    pub(crate) async fn conversation(&self) -> Result<Conversation, ThreadError> {
        self.ask(|reply| Command::Show { reply }).await
    }

    /// Names the thread.
    ///
    /// # Errors
    /// [`ThreadError::Store`] when the name could not be written.
    pub async fn set_name(&self, name: Option<String>) -> Result<(), ThreadError> {
        self.ask(|reply| Command::SetName { name, reply }).await
    }

    /// Interrupts what runs and unloads the thread; returns when it is gone.
    pub async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Close { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Tells the model of something without a turn; a running turn takes it up at once.
    pub(crate) async fn notify(&self, items: Vec<ResponseItem>) {
        // A closed thread needs to hear nothing.
        let _ = self.send(Command::Notify { items }).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ThreadError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| ThreadError::Closed)?
    }

    async fn send(&self, command: Command) -> Result<(), ThreadError> {
        self.commands.send(command).await.map_err(|_| ThreadError::Closed)
    }
}
