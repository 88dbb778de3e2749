//! Runs a command for any tool that does: asks, starts, watches, reports.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use exec::{Exit, Io, OutputSink, PtySize, Sandbox, Utf8Stream};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use types::item::{CommandExecution, CommandSource, CommandStatus};
use types::{AbsPath, ApprovalPolicy, Item, ItemId};

use super::apply_patch;
use crate::approval::{
    Candidate, Question, Refusal, Verdict, accepted_without_sandbox, command_verdict, retry_question, watched_question,
};
use crate::denial::looks_denied;
use crate::grants::{Beyond, Grants};
use crate::host::{CommandApproval, CommandDecision, Host, ToolEvent};
use crate::network::{NetworkOutlet, Refusal as NetworkRefusal};
use crate::output::{self, Progress};
use crate::permissions::Wanted;
use crate::shell::{self, Embedded};
use crate::tool::ToolResult;
use crate::truncate::Truncation;
use crate::turn::TurnTools;

/// What a refused command leaves in its item and says to the model.
const REJECTED: &str = "exec command rejected by user";

/// The exit code of a command that ran out of time, as `timeout` has it.
const TIMED_OUT: i32 = 124;

/// How long a stopped command may take to be gone, beyond the time it is given to end by itself.
const STOP_TIME: Duration = Duration::from_secs(10);

/// How a command is watched, and in what form its output is told.
pub(super) enum Watch {
    /// Until `yield_time` is over; then it goes on as a session.
    Session { yield_time: Duration, limit: Truncation },
    /// To its end, at most `timeout`.
    Whole { timeout: Duration, json: bool },
}

/// The sandbox a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SandboxPermissions {
    #[default]
    UseDefault,
    RequireEscalated,
    WithAdditionalPermissions,
}

impl SandboxPermissions {
    /// What a call asks for beyond the sandbox, with the permissions it names. Those alone ask for themselves.
    ///
    /// # Errors
    /// What does not go together, or what the model may ask for instead.
    pub(super) fn beyond(
        self,
        additional: Option<Wanted>,
        cwd: &AbsPath,
        cx: &TurnTools,
    ) -> Result<Beyond, ToolResult> {
        match (self, additional) {
            (Self::UseDefault, None) => Ok(Beyond::Nothing),
            (Self::RequireEscalated, None) => Ok(Beyond::Everything),
            _ if !cx.switches.command_permissions => Err(ToolResult::failed(
                "permissions for a single command are not available; use `require_escalated` with a justification to \
                 run the command outside the sandbox",
            )),
            (Self::RequireEscalated, Some(_)) => Err(ToolResult::failed(
                "`additional_permissions` does not go with `require_escalated`, which gives the command everything; \
                 use `with_additional_permissions`, or leave it out",
            )),
            (Self::UseDefault | Self::WithAdditionalPermissions, additional) => {
                additional.and_then(|wanted| wanted.resolve(cwd, cx.home())).map(Beyond::Permissions).ok_or_else(|| {
                    ToolResult::failed(
                        "`with_additional_permissions` needs `additional_permissions` that name paths in \
                         `file_system`, or `network` with `enabled`",
                    )
                })
            }
        }
    }
}

/// Runs `command` as the item `call_id`, with `env` as its environment.
///
/// # Cancel safety
/// As [`Tool::run`](crate::Tool::run). A command that ends with its call is stopped without a further word about it;
/// one that would have gone on as a session reports its end when it has come.
pub(super) async fn run(
    call_id: String,
    command: Candidate,
    mut env: Vec<(String, String)>,
    watch: Watch,
    cx: &TurnTools,
) -> ToolResult {
    match shell::embedded_patch(&command.argv) {
        Embedded::No => {}
        Embedded::Patch(patch) => {
            let cwd = patch.cd.map_or_else(|| command.cwd.clone(), |cd| command.cwd.join(cd));
            return apply_patch::apply(patch.text, cwd, call_id, cx).await;
        }
        Embedded::Bare => {
            return ToolResult::failed(
                "the command is the text of a patch; call the apply_patch tool with it, or put it behind `apply_patch <<'EOF'`",
            );
        }
        Embedded::Mixed => {
            return ToolResult::failed(
                "apply_patch cannot be combined with other commands, and takes the patch from a here-document; nothing \
                 was run. Call it alone, at most after `cd FOLDER &&`",
            );
        }
    }
    exec::set_variables(&mut env, [(exec::THREAD_ID_VARIABLE, cx.thread_id.to_string().as_str())]);
    let home = env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.clone());
    let item = CommandExecution {
        id: ItemId::from(call_id),
        command: command.shown.clone(),
        cwd: command.cwd.clone(),
        process_id: None,
        source: CommandSource::Agent,
        status: CommandStatus::InProgress,
        actions: shell::actions(&command.argv, &command.cwd, home.as_deref().map(Path::new)),
        aggregated_output: None,
        exit_code: None,
        duration: None,
    };
    let stop = cx.cancel.child_token();
    let mut run = Run { cx, command, env, watch, item, shown: false, allowed: None, stop, outlet: None };
    let result = run.decide().await;
    let result = result.unwrap_or_else(|stopped| stopped);
    let note = run.allowed.map(|words| {
        format!("The user has allowed every command that begins with: {}. It needs no approval.", shell::join(&words))
    });
    ToolResult { note, ..result }
}

/// One command on its way. Methods that end the way before its time give the result as an error.
struct Run<'a> {
    cx: &'a TurnTools,
    command: Candidate,
    env: Vec<(String, String)>,
    watch: Watch,
    item: CommandExecution,
    /// Whether the item has been started for clients.
    shown: bool,
    /// The first words of commands that the user has allowed from now on.
    allowed: Option<Vec<String>>,
    /// Fires when the command is to end before its time: with the turn, or as the user's answer to its connections.
    stop: CancellationToken,
    /// The command's way to the network, where that is decided host by host.
    outlet: Option<NetworkOutlet>,
}

impl Run<'_> {
    async fn decide(&mut self) -> Result<ToolResult, ToolResult> {
        let (sandbox, accepted) = match command_verdict(self.cx, &self.command) {
            Verdict::Run(sandbox) if self.cx.strict_review.load(Ordering::Relaxed) => {
                self.ask(watched_question(self.cx, &self.command), &sandbox).await?;
                (sandbox, false)
            }
            Verdict::Run(sandbox) => (sandbox, self.cx.grants.allows_command(&self.command.key())),
            Verdict::Refuse(Refusal::Call(reason)) => return Err(ToolResult::failed(reason)),
            Verdict::Refuse(Refusal::Command(reason)) => {
                self.show();
                self.complete_declined(&reason);
                return Err(ToolResult::failed(reason));
            }
            Verdict::Ask(question, sandbox) => {
                self.ask(question, &sandbox).await?;
                (sandbox, true)
            }
        };
        let confined = matches!(sandbox, Sandbox::Restricted(_));
        let may_retry =
            confined && matches!(self.cx.approval_policy, ApprovalPolicy::OnFailure | ApprovalPolicy::UnlessTrusted);
        match self.execute(sandbox, may_retry).await? {
            Outcome::Done(result) => Ok(result),
            Outcome::Denied(output) => {
                if !(accepted && accepted_without_sandbox(self.cx)) {
                    self.ask(retry_question(self.cx, &self.command), &Sandbox::None)
                        .await
                        .map_err(|result| with_output(result, &output))?;
                }
                match self.execute(Sandbox::None, false).await? {
                    Outcome::Done(result) | Outcome::Denied(result) => Ok(result),
                }
            }
        }
    }

    /// Starts the item for clients, once.
    fn show(&mut self) {
        if !self.shown {
            self.shown = true;
            self.cx.host.emit(ToolEvent::ItemStarted(Item::CommandExecution(self.item.clone())));
        }
    }

    fn complete(&self, status: CommandStatus, output: Option<String>, exit_code: Option<i32>, time: Option<Duration>) {
        let item = CommandExecution {
            status,
            aggregated_output: output.filter(|output| !output.is_empty()),
            exit_code,
            duration: time,
            ..self.item.clone()
        };
        self.cx.host.emit(ToolEvent::ItemCompleted(Item::CommandExecution(item)));
    }

    fn complete_declined(&self, reason: &str) {
        self.complete(CommandStatus::Declined, Some(reason.to_owned()), Some(-1), Some(Duration::ZERO));
    }

    /// Asks whether the command may run in `sandbox`.
    async fn ask(&mut self, question: Question, sandbox: &Sandbox) -> Result<(), ToolResult> {
        self.show();
        let mut available = vec![CommandDecision::Accept];
        // A rule would let the command out of the sandbox; whoever grants it a part of that is not asked for one.
        if question.additional_permissions.is_none() {
            available.extend(question.proposed_amendment.clone().map(CommandDecision::AcceptWithAmendment));
        }
        available.push(CommandDecision::Cancel);
        let request = CommandApproval {
            item_id: self.item.id.clone(),
            source: match self.watch {
                Watch::Session { .. } => CommandSource::UnifiedExecStartup,
                Watch::Whole { .. } => CommandSource::Agent,
            },
            command: self.command.shown.clone(),
            argv: self.command.argv.clone(),
            cwd: self.command.cwd.clone(),
            actions: self.item.actions.clone(),
            reason: question.reason,
            outside_sandbox: matches!(sandbox, Sandbox::None) || accepted_without_sandbox(self.cx),
            additional_permissions: question.additional_permissions,
            proposed_amendment: question.proposed_amendment,
            available,
        };
        let decision = tokio::select! {
            biased;
            () = self.cx.cancel.cancelled() => return Err(ToolResult::aborted("aborted by user")),
            decision = self.cx.host.approve_command(request) => decision,
        };
        match decision {
            CommandDecision::Accept => Ok(()),
            CommandDecision::AcceptForSession => {
                self.cx.grants.allow_command(self.command.key());
                Ok(())
            }
            CommandDecision::AcceptWithAmendment(words) if words.is_empty() => {
                let text = "The rule to add has no words, and would allow every command; it was not added.".to_owned();
                self.cx.host.emit(ToolEvent::Warning(text));
                Ok(())
            }
            CommandDecision::AcceptWithAmendment(words) => {
                self.allowed = Some(words.clone());
                if let Err(error) = self.cx.grants.allow_prefix(words) {
                    let text =
                        format!("The rule holds for this session, but could not be kept for later ones: {error}");
                    self.cx.host.emit(ToolEvent::Warning(text));
                }
                Ok(())
            }
            CommandDecision::Decline => Err(self.decline(REJECTED)),
            CommandDecision::Denied(reason) => Err(self.decline(&reason)),
            CommandDecision::Cancel => {
                self.complete(CommandStatus::Declined, None, None, None);
                Err(ToolResult::aborted(REJECTED))
            }
        }
    }

    fn decline(&self, reason: &str) -> ToolResult {
        self.complete(CommandStatus::Declined, None, None, None);
        // The protocol tells a refusal twice where a command ends with its call: the answer, then the end.
        if matches!(self.watch, Watch::Whole { .. }) {
            self.complete_declined(reason);
        }
        ToolResult::failed(reason)
    }

    async fn execute(&mut self, sandbox: Sandbox, may_retry: bool) -> Result<Outcome, ToolResult> {
        let io = if self.command.tty { Io::Pty(PtySize::default()) } else { Io::Pipes { stdin: false } };
        self.outlet = match (&sandbox, &self.cx.network) {
            (Sandbox::Restricted(_), Some(policy)) => {
                Some(NetworkOutlet::of_turn(policy.clone(), self.cx, self.stop.clone()))
            }
            _ => None,
        };
        let command = exec::Command {
            argv: self.command.argv.clone(),
            cwd: self.command.cwd.clone(),
            env: self.env.clone(),
            io,
            sandbox,
            proxy: self.outlet.clone().map(|outlet| Arc::new(outlet) as _),
        };
        let hold = match self.watch {
            Watch::Whole { .. } => Hold::Always,
            Watch::Session { .. } if may_retry => Hold::WhenDenied,
            Watch::Session { .. } => Hold::Never,
        };
        let sink = Arc::new(ItemSink::new(self.cx.host.clone(), self.cx.grants.clone(), hold));
        let started = tokio::select! {
            biased;
            () = self.cx.cancel.cancelled() => return Err(ToolResult::aborted("aborted by user")),
            started = self.cx.sessions.start(command, sink.clone()) => started,
        };
        let session = started.map_err(|error| self.not_started(&error))?;
        if matches!(self.watch, Watch::Session { .. }) {
            self.item.process_id = Some(session.id().to_string());
            self.item.source = CommandSource::UnifiedExecStartup;
        }
        self.show();
        sink.open(session.id(), self.item.clone());
        match self.watch {
            Watch::Session { yield_time, limit } => self.watch_session(&session, &sink, yield_time, limit).await,
            Watch::Whole { timeout, json } => self.watch_whole(&session, &sink, timeout, json, may_retry).await,
        }
    }

    fn not_started(&mut self, error: &exec::SpawnError) -> ToolResult {
        let reason = format!("cannot run `{}`: {error}", self.command.shown);
        if self.shown || matches!(self.watch, Watch::Whole { .. }) {
            self.show();
            self.complete(CommandStatus::Failed, Some(reason.clone()), Some(-1), Some(Duration::ZERO));
        }
        ToolResult::failed(reason)
    }

    async fn watch_session(
        &self,
        session: &exec::Session,
        sink: &ItemSink,
        yield_time: Duration,
        limit: Truncation,
    ) -> Result<Outcome, ToolResult> {
        let seen = session.collect(yield_time, &self.stop).await;
        if seen.exit.is_none() && self.stop.is_cancelled() {
            // The model never learns the session's number, so nobody could reach it any more.
            session.terminate();
            sink.release();
            let time = seen.wall_time.as_secs_f64();
            return Err(ToolResult::aborted(format!("aborted by user after {time:.1}s")));
        }
        if self.stop.is_cancelled() {
            sink.release();
            return Err(ToolResult::aborted(REJECTED));
        }
        let result = ToolResult::ok(look(&seen, session.id(), limit));
        if sink.end().is_some() {
            return Ok(Outcome::Denied(result));
        }
        sink.release();
        Ok(Outcome::Done(result))
    }

    async fn watch_whole(
        &self,
        session: &exec::Session,
        sink: &ItemSink,
        timeout: Duration,
        json: bool,
        may_retry: bool,
    ) -> Result<Outcome, ToolResult> {
        let mut seen = session.collect(timeout, &self.stop).await;
        if self.stop.is_cancelled() && !self.cx.cancel.is_cancelled() {
            session.terminate();
            sink.mute();
            self.complete(CommandStatus::Declined, None, None, None);
            return Err(ToolResult::aborted(REJECTED));
        }
        let mut timed_out = false;
        if seen.exit.is_none() {
            let elapsed = seen.wall_time;
            session.terminate();
            if self.cx.cancel.is_cancelled() {
                sink.mute();
                let time = elapsed.as_secs_f64();
                return Err(ToolResult::aborted(format!("Wall time: {time:.1} seconds\naborted by user")));
            }
            timed_out = true;
            seen = session.collect(STOP_TIME, &self.cx.cancel).await;
            seen.wall_time += elapsed;
        }
        let (end, time) = match sink.end() {
            Some(end) => (end, seen.wall_time),
            // It would not even be killed. What it still says is of no use to anyone.
            None => {
                sink.mute();
                (
                    End {
                        exit: Exit { code: Some(TIMED_OUT), signal: None },
                        output: seen.output,
                        time: seen.wall_time,
                    },
                    seen.wall_time,
                )
            }
        };
        if let Some(refusal) = self.outlet.as_ref().and_then(NetworkOutlet::refusal) {
            let reason = match refusal {
                NetworkRefusal::ByUser => REJECTED.to_owned(),
                NetworkRefusal::ByRules(reason) => reason,
            };
            self.complete_declined(&reason);
            return Err(ToolResult::failed(reason));
        }
        let text = String::from_utf8_lossy(&end.output);
        let code = if timed_out { TIMED_OUT } else { end.exit.code_or_signal() };
        let told = if timed_out {
            Cow::Owned(format!("command timed out after {} milliseconds\n{text}", time.as_millis()))
        } else {
            Cow::Borrowed(&*text)
        };
        let limit = self.cx.truncation;
        let result = ToolResult::ok(if json {
            output::finished_json(code, time, &told, limit)
        } else {
            output::finished(code, time, &told, limit)
        });
        if may_retry && !timed_out && looks_denied(&end.exit, &end.output) {
            return Ok(Outcome::Denied(result));
        }
        self.complete(status(code), Some(text.into_owned()), Some(code), Some(end.time));
        Ok(Outcome::Done(result))
    }
}

enum Outcome {
    Done(ToolResult),
    /// The sandbox seems to have stopped it; its item is still open.
    Denied(ToolResult),
}

/// Adds to a refusal what the command had said in the sandbox.
fn with_output(mut refusal: ToolResult, denied: &ToolResult) -> ToolResult {
    if let (types::ToolOutput::Text(text), types::ToolOutput::Text(output)) = (&mut refusal.output, &denied.output) {
        text.push_str("\nIt was not run again outside the sandbox. In the sandbox it had ended so:\n");
        text.push_str(output);
    }
    refusal
}

/// The text of a look at a session, for the model.
pub(super) fn look(seen: &exec::Collected, session: i32, limit: Truncation) -> String {
    let progress = match &seen.exit {
        Some(exit) => Progress::Exited(exit.code_or_signal()),
        None => Progress::Running(session),
    };
    let chunk_id = format!("{:06x}", RandomState::new().hash_one(session) & 0xff_ffff);
    output::look(&chunk_id, seen.wall_time, &progress, &String::from_utf8_lossy(&seen.output), limit)
}

/// How much of a session's output is told where the call does not say. Source: the protocol's tool of that name.
const DEFAULT_OUTPUT_TOKENS: usize = 10_000;

/// How much of a session's output a look tells. What the model gets of any output is limited beside ([`TurnTools`]).
pub(super) fn limit(max_output_tokens: Option<crate::arguments::Whole>) -> Truncation {
    let tokens = max_output_tokens.map(|tokens| usize::try_from(tokens.0).unwrap_or(usize::MAX));
    Truncation::Tokens(tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS))
}

fn status(exit_code: i32) -> CommandStatus {
    if exit_code == 0 { CommandStatus::Completed } else { CommandStatus::Failed }
}

/// Turns what a session does into events of its item.
struct ItemSink {
    host: Arc<dyn Host>,
    grants: Arc<Grants>,
    /// Held while events are sent, so that they keep their order.
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    hold: Hold,
    decoder: Utf8Stream,
    /// An end that clients have not been told of.
    end: Option<End>,
}

enum Phase {
    /// The item has not been started; output waits here.
    Waiting(Vec<u8>),
    Open {
        session: i32,
        item: Box<CommandExecution>,
    },
    /// Nobody is to hear any more.
    Muted,
}

/// Whether the end is kept for the tool instead of being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Never,
    WhenDenied,
    Always,
}

#[derive(Debug, Clone)]
struct End {
    exit: Exit,
    output: Arc<Vec<u8>>,
    time: Duration,
}

impl ItemSink {
    fn new(host: Arc<dyn Host>, grants: Arc<Grants>, hold: Hold) -> Self {
        let state = State { phase: Phase::Waiting(Vec::new()), hold, decoder: Utf8Stream::default(), end: None };
        Self { host, grants, state: Mutex::new(state) }
    }

    /// The item has been started: what has come so far is told, and from now on at once.
    fn open(&self, session: i32, item: CommandExecution) {
        let mut state = self.lock();
        self.grants.started(session, item.id.clone());
        let opened = Phase::Open { session, item: Box::new(item) };
        if let Phase::Waiting(output) = std::mem::replace(&mut state.phase, opened) {
            self.tell_output(&mut state, &output);
        }
        if let Some(end) = state.end.take() {
            self.settle(&mut state, end);
        }
    }

    /// The tool has no more use for the end: it is told when it comes, or now.
    fn release(&self) {
        let mut state = self.lock();
        state.hold = Hold::Never;
        if let Some(end) = state.end.take() {
            self.settle(&mut state, end);
        }
    }

    /// Nothing more is told.
    fn mute(&self) {
        let mut state = self.lock();
        if let Phase::Open { session, .. } = std::mem::replace(&mut state.phase, Phase::Muted) {
            self.grants.ended(session);
        }
    }

    /// The end, if it has come and is held.
    fn end(&self) -> Option<End> {
        self.lock().end.clone()
    }

    fn tell_output(&self, state: &mut State, bytes: &[u8]) {
        let chunk = state.decoder.push(bytes);
        self.tell_text(state, chunk);
    }

    fn tell_text(&self, state: &State, chunk: String) {
        if let Phase::Open { item, .. } = &state.phase
            && !chunk.is_empty()
        {
            self.host.emit(ToolEvent::CommandOutput { item_id: item.id.clone(), chunk });
        }
    }

    /// Tells the end or keeps it.
    fn settle(&self, state: &mut State, end: End) {
        let held = match state.hold {
            Hold::Always => true,
            Hold::WhenDenied => looks_denied(&end.exit, &end.output),
            Hold::Never => false,
        };
        let Phase::Open { session, item } = &state.phase else {
            state.end = Some(end);
            return;
        };
        self.grants.ended(*session);
        if held {
            state.end = Some(end);
            return;
        }
        let code = end.exit.code_or_signal();
        let text = String::from_utf8_lossy(&end.output).into_owned();
        let item = CommandExecution {
            status: status(code),
            aggregated_output: Some(text).filter(|text| !text.is_empty()),
            exit_code: Some(code),
            duration: Some(end.time),
            ..(**item).clone()
        };
        self.host.emit(ToolEvent::ItemCompleted(Item::CommandExecution(item)));
    }

    /// Nothing in here is left half-done by a panic of the host.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutputSink for ItemSink {
    fn output(&self, bytes: &[u8]) {
        let mut state = self.lock();
        match &mut state.phase {
            Phase::Waiting(output) => output.extend_from_slice(bytes),
            Phase::Open { .. } => self.tell_output(&mut state, bytes),
            Phase::Muted => {}
        }
    }

    fn exited(&self, exit: &Exit, aggregated: &Arc<Vec<u8>>, elapsed: Duration) {
        let mut state = self.lock();
        let rest = state.decoder.finish();
        self.tell_text(&state, rest);
        if !matches!(state.phase, Phase::Muted) {
            self.settle(&mut state, End { exit: *exit, output: Arc::clone(aggregated), time: elapsed });
        }
    }
}
