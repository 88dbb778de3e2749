//! `command/exec*`: commands that clients run beside any thread.
//!
//! Source of codes and texts: recorded conversations.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::{Config, ConfigError, ThreadOverrides};
use engine::NetworkOutlet;
use exec::{
    Chunk, Command, End, Exit, Input, Io, ProxyService, PtySize, RulesError, Sandbox, SpawnError, Stream, Watcher,
};
use protocol as p;
use tokio::sync::{mpsc, oneshot};
use types::{AbsPath, PermissionProfile, SandboxMode, SandboxPolicy};

use super::{permissions, thread_settings};
use crate::Server;
use crate::commands::{Control, Place, Refused};
use crate::connection::Connection;
use crate::dispatch::{Cx, Handled, Reply};
use crate::error::RpcError;
use crate::hub::Hub;
use crate::wire::FromWire as _;

/// How long a command may run when the client does not say. Source: the protocol.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of each stream is kept when the client does not say. Source: the protocol.
const DEFAULT_OUTPUT_BYTES: usize = 1024 * 1024;

/// How much of a stream is ever held for the answer. A command that goes beyond it without being streamed is stopped,
/// rather than its output cut or the server's memory filled.
const MOST_HELD_BYTES: usize = 64 * 1024 * 1024;

/// How much of what a client has not read yet may be queued before commands whose output it streams are held up.
const MOST_UNREAD_BYTES: usize = 1024 * 1024;

/// The exit code of a command that ran out of time, as `timeout` has it.
const TIMED_OUT: i32 = 124;

pub(crate) async fn exec(cx: Cx, params: p::CommandExecParams) -> Handled<p::CommandExecResponse> {
    let request = Request::check(params)?;
    let command = request.command(&cx)?;
    let commands = &cx.connection.commands;
    let place = commands.enter(request.process_id.clone()).map_err(|refused| match refused {
        Refused::Duplicate => RpcError::invalid_request(format_args!(
            "duplicate active command/exec process id: {:?}",
            request.process_id.as_deref().unwrap_or_default()
        )),
        Refused::TooMany => RpcError::overloaded(),
    })?;
    let stop = cx.connection.ended.child_token();
    let process = cx.server.engine.environment().launcher.spawn(command).await.map_err(|error| not_started(&error))?;
    let (sender, inputs) = mpsc::unbounded_channel();
    place.started(Control {
        handle: process.handle(),
        input: request.takes_input().then_some(sender),
        input_closed: AtomicBool::new(false),
        stop: stop.clone(),
    });
    let mut output = Output::new(&request, cx.connection.clone(), cx.server.hub.clone());
    let (timeout, tty) = (request.timeout, request.tty.is_some());
    Ok(Reply::later(async move {
        let end = exec::attend(process, inputs, timeout, &stop, &mut output).await;
        // Its id is free before the client hears of the end.
        drop::<Place>(place);
        output.answer(end, tty)
    }))
}

pub(crate) async fn write(cx: Cx, params: p::CommandExecWriteParams) -> Handled<p::CommandExecWriteResponse> {
    let p::CommandExecWriteParams { process_id, delta_base64, close_stdin } = params;
    if delta_base64.is_none() && !close_stdin {
        return Err(RpcError::invalid_params("command/exec/write requires deltaBase64 or closeStdin"));
    }
    let bytes = STANDARD
        .decode(delta_base64.as_deref().unwrap_or_default())
        .map_err(|error| RpcError::invalid_params(format_args!("invalid deltaBase64: {error}")))?;
    let control = find(&cx, &process_id)?;
    let Some(input) = &control.input else {
        return Err(RpcError::invalid_request("stdin streaming is not enabled for this command/exec"));
    };
    let closed = || RpcError::invalid_request("stdin is already closed");
    if control.input_closed.fetch_or(close_stdin, Ordering::Relaxed) {
        return if delta_base64.is_some() { Err(closed()) } else { Ok(p::CommandExecWriteResponse {}.into()) };
    }
    let (done, written) = oneshot::channel();
    input.send(Input { bytes, close: close_stdin, done }).map_err(|_| not_active(&process_id))?;
    Ok(Reply::later(async move {
        match written.await {
            Ok(Ok(())) => Ok(p::CommandExecWriteResponse {}),
            // The command has closed its end.
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(closed()),
            Ok(Err(error)) => Err(RpcError::internal(format_args!("failed to write stdin: {error}"))),
            Err(_ended) => Err(not_active(&process_id)),
        }
    }))
}

pub(crate) async fn resize(cx: Cx, params: p::CommandExecResizeParams) -> Handled<p::CommandExecResizeResponse> {
    let size = terminal_size(&params.size)?;
    let control = find(&cx, &params.process_id)?;
    control.handle.resize(size).map_err(|error| match error.kind() {
        io::ErrorKind::Unsupported => {
            RpcError::invalid_request("failed to resize PTY: process is not attached to a PTY")
        }
        _ => RpcError::invalid_request(format_args!("failed to resize PTY: {error}")),
    })?;
    Ok(p::CommandExecResizeResponse {}.into())
}

pub(crate) async fn terminate(
    cx: Cx,
    params: p::CommandExecTerminateParams,
) -> Handled<p::CommandExecTerminateResponse> {
    find(&cx, &params.process_id)?.stop.cancel();
    Ok(p::CommandExecTerminateResponse {}.into())
}

fn find(cx: &Cx, process_id: &str) -> Result<Arc<Control>, RpcError> {
    cx.connection.commands.find(process_id).ok_or_else(|| not_active(process_id))
}

fn not_active(process_id: &str) -> RpcError {
    RpcError::invalid_request(format_args!("no active command/exec for process id {process_id:?}"))
}

fn not_started(error: &SpawnError) -> RpcError {
    match error {
        SpawnError::Program { source, .. } | SpawnError::Cwd { source, .. } => {
            RpcError::internal(format_args!("failed to spawn command: {source}"))
        }
        SpawnError::Empty
        | SpawnError::Nul
        | SpawnError::SandboxUnavailable(_)
        | SpawnError::Sandbox { .. }
        | SpawnError::System { .. } => RpcError::internal(format_args!("failed to spawn command: {error}")),
    }
}

fn terminal_size(size: &p::CommandExecTerminalSize) -> Result<PtySize, RpcError> {
    if size.rows == 0 || size.cols == 0 {
        return Err(RpcError::invalid_params("command/exec size rows and cols must be greater than 0"));
    }
    Ok(PtySize { rows: size.rows, cols: size.cols })
}

/// A request whose parts agree with each other.
struct Request {
    argv: Vec<String>,
    process_id: Option<String>,
    /// The terminal, if there is to be one.
    tty: Option<PtySize>,
    stream_stdin: bool,
    stream_output: bool,
    output_bytes: Option<usize>,
    timeout: Option<Duration>,
    cwd: Option<PathBuf>,
    env: Vec<(String, Option<String>)>,
    sandbox: Wanted,
}

impl Server {
    /// The command that `command/exec` would start for `argv`, in the server's folder and the configured sandbox, or
    /// that of `mode`.
    ///
    /// # Errors
    /// The configuration cannot be used, or the administrator does not allow `mode`.
    pub fn configured_command(
        &self,
        argv: Vec<String>,
        io: Io,
        mode: Option<SandboxMode>,
    ) -> Result<Command, ConfigError> {
        let environment = self.engine.environment();
        let cwd = environment.cwd.clone();
        let overrides = ThreadOverrides { sandbox_mode: mode, ..ThreadOverrides::default() };
        let config = environment.loader.load(Some(&cwd), Some(&overrides))?;
        if let Some(mode) = mode {
            let allowed = config.requirements.check_sandbox(mode);
            allowed.map_err(|error| ConfigError::Permissions(error.to_string()))?;
        }
        let env = environment.command_env(&config).as_ref().clone();
        let by_default = mode.is_none() && config.default_permissions.is_some();
        let sandbox = configured_sandbox(&config, by_default, &cwd, &environment.places())
            .map_err(|error| ConfigError::Permissions(error.to_string()))?;
        let proxy = outlet(&config, by_default);
        Ok(Command { argv, cwd, env, io, sandbox, proxy })
    }

    /// What starts the server's processes.
    pub fn launcher(&self) -> &exec::Launcher {
        &self.engine.environment().launcher
    }
}

/// The sandbox a request asks for.
enum Wanted {
    Configured,
    Policy(SandboxPolicy),
    Profile(PermissionProfile),
}

impl Request {
    fn check(params: p::CommandExecParams) -> Result<Self, RpcError> {
        let p::CommandExecParams {
            command: argv,
            process_id,
            tty,
            stream_stdin,
            stream_stdout_stderr,
            output_bytes_cap,
            disable_output_cap,
            disable_timeout,
            timeout_ms,
            cwd,
            env,
            size,
            sandbox_policy,
            permission_profile,
        } = params;
        if argv.is_empty() {
            return Err(RpcError::invalid_request("command must not be empty"));
        }
        if size.is_some() && !tty {
            return Err(RpcError::invalid_params("command/exec size requires tty: true"));
        }
        if output_bytes_cap.is_some() && disable_output_cap {
            return Err(RpcError::invalid_params("command/exec cannot set both outputBytesCap and disableOutputCap"));
        }
        if timeout_ms.is_some() && disable_timeout {
            return Err(RpcError::invalid_params("command/exec cannot set both timeoutMs and disableTimeout"));
        }
        let timeout = match timeout_ms {
            None => (!disable_timeout).then_some(DEFAULT_TIMEOUT),
            Some(ms) => Some(u64::try_from(ms).map(Duration::from_millis).map_err(|_| {
                RpcError::invalid_params(format_args!("command/exec timeoutMs must be non-negative, got {ms}"))
            })?),
        };
        let sandbox = match (sandbox_policy, permission_profile) {
            (Some(_), Some(_)) => {
                return Err(RpcError::invalid_request("`permissionProfile` cannot be combined with `sandboxPolicy`"));
            }
            (Some(policy), None) => Wanted::Policy(policy.from_wire()),
            (None, Some(profile)) => Wanted::Profile(profile.from_wire()),
            (None, None) => Wanted::Configured,
        };
        if process_id.is_none() && (tty || stream_stdin || stream_stdout_stderr) {
            return Err(RpcError::invalid_request(
                "command/exec tty or streaming requires a client-supplied processId",
            ));
        }
        let size = size.as_ref().map(terminal_size).transpose()?;
        Ok(Self {
            argv,
            process_id,
            tty: tty.then(|| size.unwrap_or_default()),
            stream_stdin,
            stream_output: stream_stdout_stderr || tty,
            output_bytes: (!disable_output_cap).then(|| output_bytes_cap.unwrap_or(DEFAULT_OUTPUT_BYTES)),
            timeout,
            cwd,
            env: env.unwrap_or_default().into_iter().collect(),
            sandbox,
        })
    }

    /// Refuses a sandbox that the administrator does not allow, also where it cannot be known what is allowed.
    fn check_sandbox(&self, cx: &Cx, cwd: &AbsPath) -> Result<(), RpcError> {
        let required = cx.server.engine.environment().loader.requirements().map_err(RpcError::internal)?;
        let Some(required) = required.filter(|required| required.sandbox_modes.is_some()) else { return Ok(()) };
        let mode = match &self.sandbox {
            // It is kept already.
            Wanted::Configured => return Ok(()),
            Wanted::Policy(policy) => policy.mode(),
            Wanted::Profile(profile) => permissions::of_profile(profile.clone(), cwd, "permission profile")?.0.mode(),
        };
        let allowed = required.check_sandbox(mode);
        allowed.map_err(|error| RpcError::invalid_request(format_args!("invalid sandbox policy: {error}")))
    }

    fn takes_input(&self) -> bool {
        self.stream_stdin || self.tty.is_some()
    }

    /// What to start. The environment is that of commands of threads, changed as the request says; the sandbox is the
    /// configured one unless the request names another. Relative to the command's working directory, so that it is the
    /// workspace that `workspaceWrite` lets it write to.
    fn command(&self, cx: &Cx) -> Result<Command, RpcError> {
        let environment = cx.server.engine.environment();
        let config = thread_settings::usable_config(cx, &environment.cwd)?;
        let cwd = self.cwd.as_ref().map_or_else(|| environment.cwd.clone(), |cwd| environment.cwd.join(cwd));
        let mut env = environment.command_env(&config).as_ref().clone();
        for (name, value) in &self.env {
            match value {
                Some(value) => exec::set_variables(&mut env, [(name.as_str(), value.as_str())]),
                None => env.retain(|(known, _)| known != name),
            }
        }
        self.check_sandbox(cx, &cwd)?;
        let places = environment.places();
        let by_default = matches!(self.sandbox, Wanted::Configured) && config.default_permissions.is_some();
        let sandbox = match &self.sandbox {
            Wanted::Configured => {
                configured_sandbox(&config, by_default, &cwd, &places).map_err(|error| invalid_profile(&error))?
            }
            Wanted::Policy(policy) => {
                if let SandboxPolicy::ExternalSandbox { network_access: false } = policy {
                    exec::set_variables(&mut env, [(exec::NETWORK_DISABLED_VARIABLE, "1")]);
                }
                exec::Rules::from_policy(policy, &cwd, &places)
            }
            Wanted::Profile(profile) => {
                exec::Rules::from_profile(profile, &cwd, &places).map_err(|error| invalid_profile(&error))?
            }
        };
        let io = self.tty.map_or(Io::Pipes { stdin: self.stream_stdin }, Io::Pty);
        let proxy = outlet(&config, by_default);
        Ok(Command { argv: self.argv.clone(), cwd, env, io, sandbox, proxy })
    }
}

/// The sandbox that the configuration has for commands: its default permissions, or its sandbox mode.
fn configured_sandbox(
    config: &Config,
    by_default: bool,
    cwd: &AbsPath,
    places: &exec::Places,
) -> Result<Sandbox, RulesError> {
    match config.default_permissions.as_ref().filter(|_| by_default) {
        Some(default) => exec::Rules::from_profile(&default.profile, cwd, places),
        None => Ok(exec::Rules::from_policy(&config.sandbox_policy(config.sandbox_mode()), cwd, places)),
    }
}

/// The way to the network where that is decided host by host; nobody is asked about these commands.
fn outlet(config: &Config, by_default: bool) -> Option<Arc<dyn ProxyService>> {
    config.network_policy(by_default).map(|policy| Arc::new(NetworkOutlet::unattended(policy)) as _)
}

fn invalid_profile(error: &RulesError) -> RpcError {
    RpcError::invalid_request(format_args!("invalid permission profile: {error}"))
}

/// What becomes of a command's output: told as it comes, or kept for the answer.
struct Output {
    to: To,
    /// How much of each stream counts.
    limit: Option<usize>,
    /// How much of each stream there was.
    seen: [usize; 2],
    connection: Arc<Connection>,
}

enum To {
    Client { process_id: String, hub: Arc<Hub> },
    Answer { held: [Vec<u8>; 2], too_much: bool },
}

impl Output {
    fn new(request: &Request, connection: Arc<Connection>, hub: Arc<Hub>) -> Self {
        let to = match &request.process_id {
            Some(process_id) if request.stream_output => To::Client { process_id: process_id.clone(), hub },
            _ => To::Answer { held: Default::default(), too_much: false },
        };
        Self { to, limit: request.output_bytes, seen: [0; 2], connection }
    }

    fn answer(self, end: End, tty: bool) -> Result<p::CommandExecResponse, RpcError> {
        let [stdout, stderr] = match self.to {
            To::Client { .. } => Default::default(),
            To::Answer { too_much: true, .. } => {
                return Err(RpcError::invalid_request(format_args!(
                    "command/exec output exceeds {MOST_HELD_BYTES} bytes; use streamStdoutStderr or outputBytesCap"
                )));
            }
            To::Answer { held, .. } => held.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        };
        Ok(p::CommandExecResponse { exit_code: exit_code(end, tty), stdout, stderr })
    }
}

/// What clients are told of a command's end. A signal has no number of its own on the wire. Source: recorded.
fn exit_code(end: End, tty: bool) -> i32 {
    match end {
        End::TimedOut => TIMED_OUT,
        End::Exited(Exit { code: Some(code), .. }) => code,
        End::Exited(Exit { code: None, .. }) | End::Stopped => {
            if tty {
                1
            } else {
                -1
            }
        }
    }
}

impl Watcher for Output {
    async fn ready(&mut self) {
        if let To::Client { .. } = self.to {
            self.connection.outgoing.below(MOST_UNREAD_BYTES).await;
        }
    }

    fn output(&mut self, chunk: Chunk) -> bool {
        let (place, stream) = match chunk.stream {
            Stream::Stdout => (0, p::CommandExecOutputStream::Stdout),
            Stream::Stderr => (1, p::CommandExecOutputStream::Stderr),
        };
        let before = self.seen[place];
        self.seen[place] = before.saturating_add(chunk.bytes.len());
        let room = self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(before));
        let bytes = &chunk.bytes[..chunk.bytes.len().min(room)];
        match &mut self.to {
            To::Client { process_id, hub } => {
                let cap_reached = self.limit.is_some_and(|limit| self.seen[place] >= limit);
                // The client has been told before that there is no more to come.
                if room > 0 || before == 0 {
                    let delta = p::CommandExecOutputDeltaNotification {
                        process_id: process_id.clone(),
                        stream,
                        delta_base64: STANDARD.encode(bytes),
                        cap_reached,
                    };
                    hub.notify(&self.connection, &delta);
                }
                true
            }
            To::Answer { held, too_much } => {
                *too_much |= held[place].len() + bytes.len() > MOST_HELD_BYTES;
                if !*too_much {
                    held[place].extend_from_slice(bytes);
                }
                !*too_much
            }
        }
    }
}
