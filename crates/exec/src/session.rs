//! Commands that go on running between tool calls.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capped::Capped;
use crate::command::{Command, PtySize, SpawnError};
use crate::launcher::Launcher;
use crate::process::{Exit, Process, ProcessHandle};

/// How many sessions a thread may have. Beyond it, one that has ended goes first, then the one not used for longest.
pub const MAX_SESSIONS: usize = 64;

/// How much output is kept for [`Session::collect`], and again for [`OutputSink::exited`]: the beginning and the end.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// How long a terminated session may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// The sessions of one thread. Dropping it ends them all.
#[derive(Debug)]
pub struct Sessions {
    launcher: Launcher,
    registry: Arc<Registry>,
    /// The tasks that read the sessions' output.
    tasks: TaskTracker,
    /// Cancelled when the sessions must end at once.
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Registry(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<i32, Entry>,
    /// Counts uses, to tell which was longest ago.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    session: Arc<Shared>,
    used: u64,
}

/// Hears what a session does, from the session's own task and in order.
///
/// The calls must not block: the session's output waits for them.
pub trait OutputSink: Send + Sync {
    /// A piece of output, cut anywhere (see [`Utf8Stream`](crate::Utf8Stream)).
    fn output(&self, bytes: &[u8]);

    /// The end of the session: called once, last. `aggregated` is all of its output, of which more than
    /// [`MAX_OUTPUT_BYTES`] the beginning and the end, and may be kept; `elapsed` the time since its start.
    fn exited(&self, exit: &Exit, aggregated: &Arc<Vec<u8>>, elapsed: Duration);
}

/// One running, or just ended, command.
#[derive(Debug, Clone)]
pub struct Session {
    shared: Arc<Shared>,
    registry: Weak<Registry>,
}

#[derive(Debug)]
struct Shared {
    id: i32,
    handle: ProcessHandle,
    printed: Mutex<Printed>,
    /// Set when all output has been read and the process has ended.
    exit: watch::Sender<Option<Exit>>,
}

/// What a session has printed. Most are looked at once, when they have ended: what that look and the sink are given is
/// kept once.
#[derive(Debug)]
struct Printed {
    whole: Capped,
    /// What came after the last look. `None` before the first: that is the whole.
    fresh: Option<Capped>,
    /// The whole, once the session has ended.
    ended: Option<Arc<Vec<u8>>>,
}

impl Printed {
    fn new() -> Self {
        Self { whole: Capped::new(MAX_OUTPUT_BYTES), fresh: None, ended: None }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.whole.push(bytes);
        if let Some(fresh) = &mut self.fresh {
            fresh.push(bytes);
        }
    }

    /// What came since the last look.
    fn look(&mut self) -> Arc<Vec<u8>> {
        match self.fresh.replace(Capped::new(MAX_OUTPUT_BYTES)) {
            Some(mut fresh) => Arc::new(fresh.take()),
            None => self.ended.take().unwrap_or_else(|| Arc::new(self.whole.copy())),
        }
    }

    /// The whole, to which nothing comes any more.
    fn end(&mut self) -> Arc<Vec<u8>> {
        let whole = Arc::new(self.whole.take());
        self.ended = Some(Arc::clone(&whole));
        whole
    }
}

/// What [`Session::collect`] has gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Output since the last call; of more than [`MAX_OUTPUT_BYTES`] the beginning and the end.
    pub output: Arc<Vec<u8>>,
    /// How the process ended, if it has. The session is then forgotten: its id is no longer known.
    pub exit: Option<Exit>,
    /// How long this call took.
    pub wall_time: Duration,
}

/// Why input did not reach a session.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The session has no input, or it was closed.
    #[error("standard input is closed")]
    Closed,
    /// The process has ended.
    #[error("process has ended")]
    Ended,
    /// The system refused.
    #[error("write to standard input")]
    Io(#[source] io::Error),
}

impl Sessions {
    /// A thread's sessions, none yet.
    #[must_use]
    pub fn new(launcher: Launcher) -> Self {
        Self { launcher, registry: Arc::default(), tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Starts a command and goes on reading its output into `sink`.
    ///
    /// # Errors
    /// As [`Launcher::spawn`]; `sink` has then heard nothing.
    ///
    /// # Cancel safety
    /// Cancel safe: a dropped call leaves no session.
    pub async fn start(&self, command: Command, sink: Arc<dyn OutputSink>) -> Result<Session, SpawnError> {
        let process = self.launcher.spawn(command).await?;
        let shared = self.registry.insert(process.handle());
        let task = follow(process, Arc::clone(&shared), sink, self.stop.clone());
        self.tasks.spawn(task);
        Ok(Session { shared, registry: Arc::downgrade(&self.registry) })
    }

    /// The session with this id, unless its end has been collected or it had to make room.
    #[must_use]
    pub fn get(&self, id: i32) -> Option<Session> {
        let mut table = self.registry.lock();
        table.clock += 1;
        let now = table.clock;
        let entry = table.sessions.get_mut(&id)?;
        entry.used = now;
        Some(Session { shared: Arc::clone(&entry.session), registry: Arc::downgrade(&self.registry) })
    }

    /// Ids of all sessions, in ascending order.
    #[must_use]
    pub fn list(&self) -> Vec<i32> {
        let mut ids: Vec<i32> = self.registry.lock().sessions.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Asks all sessions to end and forgets them. Their sinks hear of the end as usual.
    pub fn terminate_all(&self) {
        for (_, entry) in self.registry.lock().sessions.drain() {
            entry.session.handle.terminate(GRACE);
        }
    }

    /// Ends all sessions and waits until every sink has heard of it. No session can be started meanwhile.
    ///
    /// # Cancel safety
    /// Cancel safe: the sessions end all the same.
    pub async fn shut_down(&self) {
        self.terminate_all();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.tasks.close();
        self.stop.cancel();
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, handle: ProcessHandle) -> Arc<Shared> {
        let mut table = self.lock();
        while table.sessions.len() >= MAX_SESSIONS {
            let oldest = table.sessions.iter().min_by_key(|(_, entry)| (entry.session.ended().is_none(), entry.used));
            let Some(id) = oldest.map(|(id, _)| *id) else { break };
            if let Some(entry) = table.sessions.remove(&id) {
                entry.session.handle.terminate(GRACE);
            }
        }
        let id = table.free_id();
        let printed = Mutex::new(Printed::new());
        let shared = Arc::new(Shared { id, handle, printed, exit: watch::Sender::new(None) });
        table.clock += 1;
        let used = table.clock;
        table.sessions.insert(id, Entry { session: Arc::clone(&shared), used });
        shared
    }
}

impl Table {
    /// A random number of four or five digits that is not in use.
    fn free_id(&self) -> i32 {
        let random = RandomState::new();
        (0_u64..)
            .map(|attempt| 1000 + (random.hash_one(attempt) % 99_000) as i32)
            .find(|id| !self.sessions.contains_key(id))
            .expect("there are more ids than sessions")
    }
}

impl Session {
    /// The number by which the model and the client know it: four or five digits.
    pub fn id(&self) -> i32 {
        self.shared.id
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.shared.handle.pid()
    }

    /// Waits for `yield_time`, the end of the process or `cancel`, whichever comes first, and gives the output since
    /// the last call. When the process has ended, that is all of it.
    ///
    /// # Cancel safety
    /// Cancel safe: output is only taken by a call that returns it.
    pub async fn collect(&self, yield_time: Duration, cancel: &CancellationToken) -> Collected {
        let started = Instant::now();
        let mut exit = self.shared.exit.subscribe();
        tokio::select! {
            // The sender lives as long as `shared`, so there is no error.
            _ = exit.wait_for(Option::is_some) => {}
            () = tokio::time::sleep(yield_time) => {}
            () = cancel.cancelled() => {}
        }
        // Before the output: what is read after an end seen here does not exist.
        let exit = self.shared.ended();
        let output = self.shared.printed().look();
        if exit.is_some()
            && let Some(registry) = self.registry.upgrade()
        {
            registry.lock().sessions.remove(&self.shared.id);
        }
        Collected { output, exit, wall_time: started.elapsed() }
    }

    /// Writes all of `bytes` to the process.
    ///
    /// # Errors
    /// [`WriteError`]; a part may have been written.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped call may have written a part.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.shared.ended().is_some() {
            return Err(WriteError::Ended);
        }
        self.shared.handle.write_stdin(bytes).await.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => WriteError::Closed,
            _ => WriteError::Io(error),
        })
    }

    /// Tells a terminal its new size.
    ///
    /// # Errors
    /// As [`Process::resize`].
    pub fn resize(&self, size: PtySize) -> io::Result<()> {
        self.shared.handle.resize(size)
    }

    /// Asks the process to end, and kills it after two seconds.
    pub fn terminate(&self) {
        self.shared.handle.terminate(GRACE);
    }
}

impl Shared {
    fn ended(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of a session: reads until the end.
async fn follow(mut process: Process, shared: Arc<Shared>, sink: Arc<dyn OutputSink>, stop: CancellationToken) {
    let started = Instant::now();
    let mut stopping = false;
    loop {
        tokio::select! {
            chunk = process.next_output() => {
                let Some(chunk) = chunk else { break };
                shared.printed().push(&chunk.bytes);
                sink.output(&chunk.bytes);
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                process.terminate(Duration::ZERO);
            }
        }
    }
    let exit = tokio::select! {
        exit = process.wait() => exit,
        () = stop.cancelled() => {
            process.terminate(Duration::ZERO);
            process.wait().await
        }
    };
    // What the command has left behind ends with it.
    drop(process);
    let aggregated = shared.printed().end();
    sink.exited(&exit, &aggregated, started.elapsed());
    shared.exit.send_replace(Some(exit));
}
