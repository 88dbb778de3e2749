//! The loaded threads of a server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use store::{SessionMeta, StoreError, StoredThread, ThreadWriter};
use types::{AbsPath, ContentItem, ResponseItem, SessionSource, ThreadId};

use crate::agents::AgentLink;
use crate::dynamic_tools::{DynamicTool, DynamicTools};
use crate::environment::Environment;
use crate::event::{EventSink, ThreadStatus};
use crate::log::Log;
use crate::settings::ThreadSettings;
use crate::thread::{ThreadHandle, ThreadSeed, ThreadShared};

/// Loads threads, finds them again, and ends them all.
#[derive(Clone)]
pub struct Engine {
    environment: Arc<Environment>,
}

/// Handles by id. The lock is held for a look-up, never across an await.
#[derive(Default)]
pub(crate) struct Loaded(Mutex<Table>);

#[derive(Default)]
struct Table {
    threads: HashMap<ThreadId, ThreadHandle>,
    /// The server ends and takes no more: what a late request still loads ends with that request's handle.
    closed: bool,
}

impl Loaded {
    pub(crate) fn get(&self, id: ThreadId) -> Option<ThreadHandle> {
        self.lock().threads.get(&id).cloned()
    }

    /// Takes a thread out that has ended by itself.
    pub(crate) fn forget(&self, id: ThreadId) {
        self.lock().threads.remove(&id);
    }

    /// How many loaded threads fit.
    pub(crate) fn count(&self, fits: impl Fn(&ThreadShared) -> bool) -> usize {
        self.lock().threads.values().filter(|handle| fits(&handle.shared)).count()
    }

    /// The loaded thread of that id, or the one that `make` gives. Nobody else can load it in between.
    fn get_or_insert_with(&self, id: ThreadId, make: impl FnOnce() -> ThreadHandle) -> Resumed {
        let mut table = self.lock();
        if table.closed {
            return Resumed { thread: make(), was_loaded: false };
        }
        match table.threads.entry(id) {
            Entry::Occupied(known) => Resumed { thread: known.get().clone(), was_loaded: true },
            Entry::Vacant(free) => Resumed { thread: free.insert(make()).clone(), was_loaded: false },
        }
    }

    /// Adds a thread whose id is new.
    fn add(&self, handle: ThreadHandle) {
        let mut table = self.lock();
        if !table.closed {
            table.threads.insert(handle.id(), handle);
        }
    }

    /// Takes all threads out, for good.
    fn close(&self) -> Vec<ThreadHandle> {
        let mut table = self.lock();
        table.closed = true;
        std::mem::take(&mut table.threads).into_values().collect()
    }

    /// Takes a thread out, and all that work for one of `family`, to which they are added.
    fn take_family(&self, id: ThreadId, family: &mut Vec<ThreadId>) -> Vec<ThreadHandle> {
        let loaded = &mut self.lock().threads;
        let mut taken: Vec<ThreadHandle> = loaded.remove(&id).into_iter().collect();
        family.extend(taken.iter().map(ThreadHandle::id));
        loop {
            let works_for = |handle: &ThreadHandle| handle.shared.agent.parent().is_some_and(|id| family.contains(&id));
            let next: Vec<ThreadHandle> = loaded.extract_if(|_, handle| works_for(handle)).map(|(_, it)| it).collect();
            if next.is_empty() {
                return taken;
            }
            family.extend(next.iter().map(ThreadHandle::id));
            taken.extend(next);
        }
    }

    /// The first name that no loaded sub-agent has; with a number when all are taken.
    pub(crate) fn free_nickname(&self, names: &[&str]) -> String {
        let taken: Vec<String> =
            self.lock().threads.values().filter_map(|handle| handle.shared.agent.name().0).collect();
        (0..)
            .flat_map(|round| names.iter().map(move |name| (round, name)))
            .map(|(round, name)| if round == 0 { (*name).to_owned() } else { format!("{name} {}", round + 1) })
            .find(|name| !taken.contains(name))
            .expect("the names with numbers are without end")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that does not exist yet.
pub struct NewThread {
    pub settings: ThreadSettings,
    pub source: SessionSource,
    /// Never written to disk.
    pub ephemeral: bool,
    pub forked_from: Option<ThreadId>,
    pub git: Option<types::GitFacts>,
    pub dynamic_tools: Vec<DynamicTool>,
    /// See [`crate::event::ThreadEvent::RawResponseItem`].
    pub raw_events: bool,
    /// The rollout keeps tools' items, too.
    pub extended_history: bool,
    /// What the model has seen before the thread's first turn.
    pub history: Vec<ResponseItem>,
}

/// A stored thread that is loaded now.
#[must_use]
pub struct Resumed {
    pub thread: ThreadHandle,
    /// It was loaded before, and is as it was: what came with the request is left aside.
    pub was_loaded: bool,
}

/// What [`Engine::open`] finds.
pub enum Opened {
    /// A thread that is not loaded, and the right to write it.
    Stored(Box<(StoredThread, Box<dyn ThreadWriter>)>),
    Loaded(ThreadHandle),
}

/// How long a thread that is being unloaded is waited for. Ending what runs in it takes seconds.
const UNLOADED_WITHIN: Duration = Duration::from_secs(10);

/// How often it is looked whether a thread that is open here was loaded meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Engine {
    #[must_use]
    pub fn new(environment: Arc<Environment>) -> Self {
        Self { environment }
    }

    #[must_use]
    pub fn environment(&self) -> &Arc<Environment> {
        &self.environment
    }

    /// Loads a new thread. Nothing is written before its first turn, unless it has a history.
    ///
    /// # Errors
    /// When the history cannot be written.
    pub fn start(&self, new: NewThread) -> Result<ThreadHandle, StoreError> {
        self.environment.start(new, AgentLink::default())
    }

    /// Reads the thread of a rollout to go on with it. One that is being unloaded is waited for. Blocks.
    ///
    /// # Errors
    /// As [`store::ThreadStore::open`].
    pub fn open(&self, path: &AbsPath) -> Result<Opened, StoreError> {
        self.environment.open(path)
    }

    /// Loads a stored thread, unless it is loaded. With `extended_history` its rollout keeps tools' items from now on.
    /// Blocks while a few lines of the rollout are read.
    ///
    /// # Errors
    /// When the rollout cannot be read any more.
    pub fn resume(
        &self,
        stored: &StoredThread,
        writer: Box<dyn ThreadWriter>,
        settings: ThreadSettings,
        extended_history: bool,
    ) -> Result<Resumed, StoreError> {
        self.environment.resume(stored, writer, settings, extended_history, AgentLink::default())
    }

    /// A loaded thread.
    #[must_use]
    pub fn get(&self, id: ThreadId) -> Option<ThreadHandle> {
        self.environment.loaded.get(id)
    }

    /// All loaded threads, by id.
    #[must_use]
    pub fn loaded(&self) -> Vec<ThreadHandle> {
        let mut handles: Vec<_> = self.environment.loaded.lock().threads.values().cloned().collect();
        handles.sort_by_key(ThreadHandle::id);
        handles
    }

    /// Unloads a thread and those that work for it; what runs in them ends as interrupted. Gives those that are
    /// unloaded, parents before their children; none when the thread was not loaded.
    ///
    /// Not cancel safe: a thread may be left to end by itself.
    pub async fn close(&self, id: ThreadId) -> Vec<ThreadId> {
        self.environment.close(id).await
    }

    /// Whether something happens in a thread, or in one that works for it.
    #[must_use]
    pub fn is_busy(&self, id: ThreadId) -> bool {
        let busy = |handle: &ThreadHandle| matches!(handle.shared.status.get(), ThreadStatus::Active { .. });
        let loaded = self.environment.loaded.lock();
        loaded
            .threads
            .values()
            .any(|handle| (handle.id() == id || handle.shared.agent.root() == Some(id)) && busy(handle))
    }

    /// How many threads have a running turn.
    pub fn running_turns(&self) -> usize {
        let loaded = self.environment.loaded.lock();
        loaded
            .threads
            .values()
            .filter(|handle| matches!(handle.shared.status.get(), ThreadStatus::Active { .. }))
            .count()
    }

    /// Interrupts every turn and unloads every thread, also those that are loaded from now on. Returns when all of it is
    /// written.
    pub async fn shutdown(&self) {
        let handles = self.environment.loaded.close();
        futures::future::join_all(handles.iter().map(ThreadHandle::close)).await;
        drop(handles);
        self.environment.tasks.close();
        self.environment.tasks.wait().await;
        self.environment.store.close();
    }
}

impl Environment {
    pub(crate) fn start(self: &Arc<Self>, new: NewThread, agent: AgentLink) -> Result<ThreadHandle, StoreError> {
        Ok(self.load(self.seed(new, agent)?))
    }

    /// Starts a thread that nobody finds: it ends with its handle, and what happens in it is told to `sink`.
    pub(crate) fn start_hidden(
        self: &Arc<Self>,
        new: NewThread,
        sink: Arc<dyn EventSink>,
    ) -> Result<ThreadHandle, StoreError> {
        Ok(ThreadHandle::spawn(self.seed(new, AgentLink::default())?, self.clone(), sink))
    }

    fn seed(&self, new: NewThread, agent: AgentLink) -> Result<ThreadSeed, StoreError> {
        let created_at = SystemTime::now();
        let (nickname, role) = agent.name();
        let dynamic_tools = DynamicTools::new(new.dynamic_tools);
        let meta = SessionMeta {
            id: ThreadId::new(),
            forked_from_id: new.forked_from,
            created_at,
            cwd: new.settings.cwd.clone(),
            originator: new.settings.originator.clone(),
            cli_version: self.version.clone(),
            source: new.source,
            agent_nickname: nickname,
            agent_role: role,
            agent_path: None,
            model_provider: Some(new.settings.provider_id.clone()),
            base_instructions: new.settings.base_instructions.clone(),
            dynamic_tools: dynamic_tools.to_stored(),
            memory_mode: None,
            git: new.git,
        };
        let path = (!new.ephemeral).then(|| self.store.rollout_path(meta.id, created_at));
        let writer = (!new.ephemeral).then(|| self.store.create(meta.clone()));
        Ok(ThreadSeed {
            path,
            settings: new.settings,
            preview: if agent.parent().is_none() { first_words(&new.history) } else { String::new() },
            log: Log::begin(writer, new.history)?,
            name: None,
            updated_at: created_at,
            dynamic_tools,
            raw_events: new.raw_events,
            extended_history: new.extended_history,
            agent,
            meta,
        })
    }

    /// See [`Engine::open`].
    pub(crate) fn open(&self, path: &AbsPath) -> Result<Opened, StoreError> {
        let until = Instant::now() + UNLOADED_WITHIN;
        loop {
            let thread = match self.store.open(path) {
                Ok(opened) => return Ok(Opened::Stored(Box::new(opened))),
                Err(StoreError::InUse { thread, by_us: true, .. }) if Instant::now() < until => thread,
                Err(error) => return Err(error),
            };
            if let Some(loaded) = self.loaded.get(thread) {
                return Ok(Opened::Loaded(loaded));
            }
            self.store.wait_for_release(thread, LOOK_AGAIN);
        }
    }

    pub(crate) fn resume(
        self: &Arc<Self>,
        stored: &StoredThread,
        writer: Box<dyn ThreadWriter>,
        settings: ThreadSettings,
        extended_history: bool,
        agent: AgentLink,
    ) -> Result<Resumed, StoreError> {
        let log = Log::of_stored(stored, writer)?;
        let seed = ThreadSeed {
            meta: stored.meta.clone(),
            path: Some(stored.path.clone()),
            settings,
            log,
            preview: stored.preview()?,
            name: stored.name.clone(),
            updated_at: stored.updated_at,
            dynamic_tools: DynamicTools::from_stored(stored.meta.dynamic_tools.as_deref()),
            raw_events: false,
            extended_history,
            agent,
        };
        let id = stored.meta.id;
        Ok(self.loaded.get_or_insert_with(id, || ThreadHandle::spawn(seed, self.clone(), self.sink.clone())))
    }

    /// Loads a thread whose id is new.
    pub(crate) fn load(self: &Arc<Self>, seed: ThreadSeed) -> ThreadHandle {
        let handle = ThreadHandle::spawn(seed, self.clone(), self.sink.clone());
        self.loaded.add(handle.clone());
        handle
    }

    /// See [`Engine::close`].
    pub(crate) async fn close(&self, id: ThreadId) -> Vec<ThreadId> {
        let mut family = Vec::new();
        // A parent may start another child before it has ended.
        loop {
            let taken = self.loaded.take_family(id, &mut family);
            if taken.is_empty() {
                return family;
            }
            futures::future::join_all(taken.iter().map(ThreadHandle::close)).await;
            taken.iter().for_each(|handle| handle.shared.agent.shut_down());
        }
    }
}

/// The first message of the user in a history that a client brings.
fn first_words(history: &[ResponseItem]) -> String {
    let texts = history.iter().filter_map(|item| match item {
        ResponseItem::Message { role, content, .. } if role == "user" => {
            let texts = content.iter().filter_map(|part| match part {
                ContentItem::InputText { text } => Some(text.as_str()),
                ContentItem::InputImage { .. } | ContentItem::OutputText { .. } => None,
            });
            Some(texts.collect::<String>())
        }
        _ => None,
    });
    texts.map(|text| text.trim().to_owned()).find(|text| !text.is_empty()).unwrap_or_default()
}
