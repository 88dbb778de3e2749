//! Commands that the user runs in a thread: outside any sandbox, asked by nobody but the user.
//!
//! Idle, a thread runs one as a turn of its own ([`CommandTurn`]); otherwise beside the turn that runs ([`aside`]). What it
//! printed is put before the model as a message in the user's role.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exec::{Exit, Io, OutputSink, Sandbox, Sessions, Utf8Stream};
use store::{EventRecord, Record, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use types::item::{CommandExecution, CommandSource, CommandStatus};
use types::{Item, ItemId, ModeKind, ResponseItem, Turn, TurnError, TurnErrorKind, TurnId, TurnStatus};

use super::inbox::{Late, close, note};
use super::{TurnEnd, TurnInput};
use crate::context;
use crate::environment::unix_seconds;
use crate::event::{ThreadEvent, ThreadStatus};
use crate::live::TurnEvents;
use crate::log::Log;
use crate::settings::{ThreadSettings, output_limit};
use crate::thread::ThreadShared;

/// What a command that was cut off leaves. Source: the protocol's recorded items.
const ABORTED: &str = "command aborted by user";

/// A turn that is a command of the user.
pub(crate) struct CommandTurn {
    pub(crate) id: TurnId,
    pub(crate) thread: Arc<ThreadShared>,
    pub(crate) settings: Arc<ThreadSettings>,
    pub(crate) log: Log,
    pub(crate) script: String,
    pub(crate) inbox: mpsc::Receiver<TurnInput>,
    pub(crate) cancel: CancellationToken,
    /// Fires before `cancel` when another turn takes this one's place.
    pub(crate) replaced: CancellationToken,
}

impl CommandTurn {
    /// Runs the turn to its end. Nothing is told before `go` fires (or is dropped).
    ///
    /// # Cancel safety
    /// Not cancel safe: the log is lost with the future. Cancel the token instead.
    pub(crate) async fn run(mut self, go: oneshot::Receiver<()>) -> TurnEnd {
        let _ = go.await;
        let (started_at, started) = (unix_seconds(), Instant::now());
        let outcome = self.work(started_at).await;
        let Late { input: leftover, commands } = close(&mut self.inbox, &mut self.log);
        let (completed_at, duration) = (unix_seconds(), started.elapsed());
        let interrupted = outcome.is_ok() && self.cancel.is_cancelled();
        let outcome = outcome.and_then(|()| self.record_end(interrupted, completed_at, duration));
        let (status, thread_status, error) = match outcome {
            Ok(()) if interrupted => (TurnStatus::Interrupted, ThreadStatus::Idle, None),
            Ok(()) => (TurnStatus::Completed, ThreadStatus::Idle, None),
            Err(error) => {
                let error = TurnError { message: error.to_string(), kind: Some(TurnErrorKind::Other), details: None };
                (TurnStatus::Failed, ThreadStatus::SystemError, Some(error))
            }
        };
        let heard = TurnEvents::new(self.thread.clone(), self.id.clone()).finish();
        TurnEnd {
            leftover,
            commands,
            log: self.log,
            turn: Turn {
                id: self.id,
                items: Vec::new(),
                status,
                error,
                started_at: Some(started_at),
                completed_at: Some(completed_at),
                duration: Some(duration),
            },
            last_message: None,
            status: thread_status,
            heard,
            error_told: false,
        }
    }

    async fn work(&mut self, started_at: i64) -> Result<(), StoreError> {
        let model = self.settings.lookup_model().info;
        self.log.record(vec![Record::Event(EventRecord::TurnStarted {
            turn_id: self.id.clone(),
            started_at: Some(started_at),
            model_context_window: Some(model.effective_context_window()),
            mode: self.settings.mode.as_ref().map_or(ModeKind::Default, |mode| mode.kind),
        })])?;
        let events = TurnEvents::new(self.thread.clone(), self.id.clone());
        self.thread.status.set(ThreadStatus::ACTIVE);
        events.begin(started_at);
        let script = std::mem::take(&mut self.script);
        let command = UserCommand::begin(self.thread.clone(), self.settings.clone(), events.clone(), script);
        let mut command = std::pin::pin!(command.run(&self.cancel));
        let finished = loop {
            tokio::select! {
                biased;
                finished = &mut command => break finished,
                Some(input) = self.inbox.recv() => match input {
                    TurnInput::Command { script } => {
                        start_aside(&self.thread, &self.settings, &events, script, &self.cancel);
                    }
                    input => note(&mut self.log, input),
                },
            }
        };
        let mut records: Vec<Record> = events.extended(&finished.item).into_iter().collect();
        records.push(Record::ResponseItem(finished.for_model));
        self.log.record(records)?;
        events.item_completed(finished.item);
        Ok(())
    }

    fn record_end(&mut self, interrupted: bool, completed_at: i64, duration: Duration) -> Result<(), StoreError> {
        if interrupted {
            let replaced = self.replaced.is_cancelled();
            let mut records = Vec::new();
            if !replaced {
                records.push(Record::ResponseItem(context::turn_aborted_item()));
            }
            records.push(Record::Event(EventRecord::TurnAborted {
                turn_id: Some(self.id.clone()),
                reason: if replaced { "replaced" } else { "interrupted" }.to_owned(),
                completed_at: Some(completed_at),
                duration: Some(duration),
            }));
            return self.log.record(records);
        }
        self.log.record(vec![Record::Event(EventRecord::TurnCompleted {
            turn_id: self.id.clone(),
            last_agent_message: None,
            completed_at: Some(completed_at),
            duration: Some(duration),
            time_to_first_token: None,
        })])
    }
}

/// Runs a command as part of a turn that something else keeps going. It goes on when that turn completes; it is stopped
/// when the turn is cancelled or the thread ends. Clients have heard of its beginning when this returns.
pub(super) fn start_aside(
    thread: &Arc<ThreadShared>,
    settings: &Arc<ThreadSettings>,
    events: &TurnEvents,
    script: String,
    turn: &CancellationToken,
) {
    let command = UserCommand::begin(thread.clone(), settings.clone(), events.clone(), script);
    thread.environment.tasks.spawn(aside(command, turn.clone()));
}

async fn aside(command: UserCommand, turn: CancellationToken) {
    let (thread, events) = (command.thread.clone(), command.events.clone());
    let cancel = thread.closed.child_token();
    let finished = {
        let mut running = std::pin::pin!(command.run(&cancel));
        tokio::select! {
            biased;
            finished = &mut running => finished,
            () = turn.cancelled() => {
                cancel.cancel();
                running.await
            }
        }
    };
    events.keep_late(&finished.item);
    events.item_completed(finished.item);
    if let Some(thread) = thread.environment.loaded.get(thread.id) {
        thread.notify(vec![finished.for_model]).await;
    }
}

/// A command that clients have heard of.
struct UserCommand {
    thread: Arc<ThreadShared>,
    settings: Arc<ThreadSettings>,
    events: TurnEvents,
    script: String,
    item: CommandExecution,
    argv: Vec<String>,
    env: Vec<(String, String)>,
}

/// A command that has ended.
struct Finished {
    item: Item,
    for_model: ResponseItem,
}

impl UserCommand {
    /// Tells that the command begins. It does when it is [run](Self::run).
    fn begin(thread: Arc<ThreadShared>, settings: Arc<ThreadSettings>, events: TurnEvents, script: String) -> Self {
        let environment = &thread.environment;
        let argv = environment.shell.argv(&script, true);
        let mut env = (*environment.command_env(&settings.config)).clone();
        exec::set_variables(&mut env, [(exec::THREAD_ID_VARIABLE, thread.id.to_string().as_str())]);
        let home = env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.clone());
        let item = CommandExecution {
            id: ItemId::new(),
            command: tools::shell::join(&argv),
            cwd: settings.cwd.clone(),
            process_id: None,
            source: CommandSource::UserShell,
            status: CommandStatus::InProgress,
            actions: tools::shell::actions(&argv, &settings.cwd, home.as_deref().map(Path::new)),
            aggregated_output: None,
            exit_code: None,
            duration: None,
        };
        events.item_started(Item::CommandExecution(item.clone()));
        Self { thread, settings, events, script, item, argv, env }
    }

    /// Runs the command and tells of its output; its end is the caller's to record and to tell.
    async fn run(self, cancel: &CancellationToken) -> Finished {
        let Self { thread, settings, events, script, mut item, argv, env } = self;
        let started = Instant::now();
        let command = exec::Command {
            argv,
            cwd: settings.cwd.clone(),
            env,
            io: Io::Pipes { stdin: false },
            sandbox: Sandbox::None,
            proxy: None,
        };
        let (code, output) = run(&thread, command, &item.id, &events, cancel).await;
        let duration = started.elapsed();
        item.status = if code == 0 { CommandStatus::Completed } else { CommandStatus::Failed };
        item.exit_code = Some(code);
        item.duration = Some(duration);

        let model = settings.lookup_model().info;
        let shown = output_limit(&model).middle(&output);
        item.aggregated_output = Some(output).filter(|output| !output.is_empty());
        // Source of the layout: the rollout format; other readers know the message by its tags.
        let text = format!(
            "<user_shell_command>\n<command>\n{script}\n</command>\n<result>\nExit code: {code}\nDuration: {:.4} \
             seconds\nOutput:\n{shown}\n</result>\n</user_shell_command>",
            duration.as_secs_f64()
        );
        Finished { item: Item::CommandExecution(item), for_model: ResponseItem::user(text) }
    }
}

/// The command's exit code and all it printed.
async fn run(
    thread: &ThreadShared,
    command: exec::Command,
    item: &ItemId,
    events: &TurnEvents,
    cancel: &CancellationToken,
) -> (i32, String) {
    // Not one of the thread's background sessions: the model is not to find it.
    let sessions = Sessions::new(thread.environment.launcher.clone());
    let (end, ended) = oneshot::channel();
    let state = State { decoder: Utf8Stream::default(), end: Some(end) };
    let sink = Arc::new(Ear { events: events.clone(), item: item.clone(), state: Mutex::new(state) });
    let session = tokio::select! {
        biased;
        () = cancel.cancelled() => return (-1, ABORTED.to_owned()),
        started = sessions.start(command, sink.clone()) => match started {
            Ok(session) => session,
            Err(error) => return (-1, error.to_string()),
        },
    };
    tokio::select! {
        biased;
        Ok((exit, output)) = ended => (exit.code_or_signal(), output),
        () = cancel.cancelled() => {
            sink.mute();
            // What does not end by itself is killed with `sessions`.
            session.terminate();
            (-1, ABORTED.to_owned())
        }
    }
}

/// Tells of a command's output and hears of its end.
struct Ear {
    events: TurnEvents,
    item: ItemId,
    /// Held while events are sent, so that they keep their order.
    state: Mutex<State>,
}

struct State {
    decoder: Utf8Stream,
    /// `None` when nobody wants to hear any more.
    end: Option<oneshot::Sender<(Exit, String)>>,
}

impl Ear {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mute(&self) {
        self.lock().end = None;
    }

    fn tell(&self, delta: String) {
        if !delta.is_empty() {
            let (turn_id, item_id) = (self.events.turn_id().clone(), self.item.clone());
            self.events.emit(ThreadEvent::CommandOutputDelta { turn_id, item_id, delta });
        }
    }
}

impl OutputSink for Ear {
    fn output(&self, bytes: &[u8]) {
        let mut state = self.lock();
        if state.end.is_some() {
            let delta = state.decoder.push(bytes);
            self.tell(delta);
        }
    }

    fn exited(&self, exit: &Exit, aggregated: &Arc<Vec<u8>>, _elapsed: Duration) {
        let mut state = self.lock();
        if let Some(end) = state.end.take() {
            let rest = state.decoder.finish();
            self.tell(rest);
            // Whoever waited may have been dropped with its thread.
            let _ = end.send((*exit, String::from_utf8_lossy(aggregated).into_owned()));
        }
    }
}
