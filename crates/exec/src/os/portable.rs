//! Unix systems other than Linux: process groups, without a guard; on macOS with the system's sandbox.
//!
//! What leaves the process group of its command is not followed here, and outlives a server that is killed.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::unix::{Pipe, open_terminal};
use super::{Confine, Started};
use crate::command::{Command, Io, SpawnError};
use crate::launcher::{Finding, Mechanism, Options, Unavailable};
use crate::process::Exit;

const NO_SANDBOX: &str = "Spindle has no sandbox for this operating system";

/// A started process. Dropping it kills its group.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Reaped by the runtime when it is dropped.
    child: tokio::process::Child,
    pid: u32,
    control: Arc<Control>,
}

/// Ends a process group; empty once its leader has been reaped, since the number may then belong to others.
#[derive(Debug)]
pub(crate) struct Control(Mutex<Option<Pid>>);

/// Where macOS keeps the program that confines others.
#[cfg(target_os = "macos")]
const SANDBOX_EXEC: &str = "/usr/bin/sandbox-exec";

/// The sandbox of macOS, where it works; other systems have none.
pub(crate) fn detect(options: &Options) -> Result<Mechanism, Unavailable> {
    match survey(options).pop() {
        Some(finding) => finding.works,
        None => Err(Unavailable::new(NO_SANDBOX)),
    }
}

/// See [`detect`].
#[cfg(target_os = "macos")]
pub(crate) fn survey(options: &Options) -> Vec<Finding> {
    let tried = try_out(&Mechanism::Seatbelt, options).map(|()| Mechanism::Seatbelt);
    vec![Finding { name: "seatbelt", works: tried.map_err(Unavailable::new) }]
}

/// See [`detect`].
#[cfg(not(target_os = "macos"))]
pub(crate) fn survey(_options: &Options) -> Vec<Finding> {
    Vec::new()
}

/// See [`detect`].
#[cfg(target_os = "macos")]
pub(crate) fn try_out(mechanism: &Mechanism, _options: &Options) -> Result<(), String> {
    if *mechanism != Mechanism::Seatbelt {
        return Err(NO_SANDBOX.to_owned());
    }
    #[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
    let mut trial = std::process::Command::new(SANDBOX_EXEC);
    trial.args(["-p", "(version 1)(allow default)", "/usr/bin/true"]).stdin(Stdio::null()).stderr(Stdio::null());
    match trial.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{SANDBOX_EXEC}: {status}")),
        Err(error) => Err(format!("{SANDBOX_EXEC}: {error}")),
    }
}

/// See [`detect`].
#[cfg(not(target_os = "macos"))]
pub(crate) fn try_out(_mechanism: &Mechanism, _options: &Options) -> Result<(), String> {
    Err(NO_SANDBOX.to_owned())
}

/// Starts a command.
pub(crate) async fn spawn(command: &Command, confine: Option<Confine<'_>>) -> Result<Started, SpawnError> {
    match confine {
        None => start(command),
        Some(confine) => start(&confined(command, &confine)?),
    }
}

/// The command that runs the command in a sandbox.
#[cfg(target_os = "macos")]
fn confined(command: &Command, confine: &Confine<'_>) -> Result<Command, SpawnError> {
    let failed = |text| SpawnError::Sandbox { step: "rules", source: io::Error::other(text) };
    let (layout, network) = (confine.rules.layout().map_err(failed)?, confine.network == Network::On);
    if command.argv.is_empty() {
        return Err(SpawnError::Empty);
    }
    let mut confined = command.clone();
    let wrapper = [SANDBOX_EXEC.to_owned(), "-p".to_owned(), super::seatbelt::profile(&layout, network)];
    confined.argv.splice(0..0, wrapper);
    confined.env.retain(|(name, _)| name != crate::env::NETWORK_DISABLED_VARIABLE);
    if !network {
        confined.env.push((crate::env::NETWORK_DISABLED_VARIABLE.to_owned(), "1".to_owned()));
    }
    Ok(confined)
}

#[cfg(not(target_os = "macos"))]
fn confined(_command: &Command, _confine: &Confine<'_>) -> Result<Command, SpawnError> {
    Err(SpawnError::SandboxUnavailable(Unavailable::new(NO_SANDBOX)))
}

fn system(step: &'static str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::System { step, source }
}

fn start(command: &Command) -> Result<Started, SpawnError> {
    let [program, arguments @ ..] = command.argv.as_slice() else { return Err(SpawnError::Empty) };
    if command.argv.iter().any(|argument| argument.contains('\0')) {
        return Err(SpawnError::Nul);
    }
    if let Err(source) = std::fs::read_dir(&command.cwd) {
        return Err(SpawnError::Cwd { cwd: command.cwd.clone(), source });
    }
    #[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
    let mut builder = tokio::process::Command::new(program);
    let variables = command.env.iter().map(|(name, value)| (name, value));
    builder.args(arguments).current_dir(&command.cwd).env_clear().envs(variables).kill_on_drop(true);
    let terminal = matches!(command.io, Io::Pty(_));
    let streams = connect(command.io, &mut builder).map_err(system("standard streams"))?;
    // SAFETY: only makes system calls, which is safe between fork and exec.
    unsafe {
        builder.pre_exec(move || {
            rustix::process::setsid()?;
            if terminal {
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            }
            Ok(())
        });
    }
    let child = builder.spawn().map_err(|source| SpawnError::Program { program: program.clone(), source })?;
    // The builder holds the command's ends of the streams.
    drop(builder);
    let pid = child.id().unwrap_or(0);
    let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let guard = Guard { child, pid, control: Arc::new(Control(Mutex::new(group))) };
    let [stdin, stdout, stderr] = streams;
    Ok(Started { guard, stdin, stdout, stderr, terminal, outlets: None })
}

/// Connects the streams and gives our ends: input, output, errors.
fn connect(io: Io, builder: &mut tokio::process::Command) -> io::Result<[Option<Arc<Pipe>>; 3]> {
    let watch = |fd: OwnedFd| Pipe::new(fd).map(Arc::new).map(Some);
    match io {
        Io::Pipes { stdin } => {
            let (out, out_theirs) = std::io::pipe()?;
            let (err, err_theirs) = std::io::pipe()?;
            builder.stdout(out_theirs).stderr(err_theirs).stdin(Stdio::null());
            let input = if stdin {
                let (theirs, ours) = std::io::pipe()?;
                builder.stdin(theirs);
                watch(ours.into())?
            } else {
                None
            };
            Ok([input, watch(out.into())?, watch(err.into())?])
        }
        Io::Inherit => Ok([None, None, None]),
        Io::Pty(size) => {
            let (master, slave) = open_terminal(size)?;
            builder.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
            let master = watch(master)?;
            Ok([master.clone(), master, None])
        }
    }
}

impl Guard {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Waits for the command's end. Cancel safe.
    pub(crate) async fn exited(&mut self) -> Exit {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.child.wait().await;
        // What is left of the group goes now: afterwards its number may be given to others.
        self.control.kill();
        self.control.forget();
        match status {
            Ok(status) => Exit { code: status.code(), signal: status.signal() },
            Err(_) => Exit { code: None, signal: Some(libc::SIGKILL) },
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.control.kill();
        self.control.forget();
    }
}

impl Control {
    /// SIGTERM to the group now (unless there is no grace), SIGKILL after `grace`.
    pub(crate) fn terminate(self: &Arc<Self>, grace: Duration) {
        if grace.is_zero() {
            return self.kill();
        }
        self.signal(Signal::TERM);
        let control = Arc::downgrade(self);
        // A thread, since the caller need not be in a runtime; it ends by itself.
        let waiter = std::thread::Builder::new().name("exec-grace".into()).spawn(move || {
            std::thread::sleep(grace);
            if let Some(control) = control.upgrade() {
                control.kill();
            }
        });
        if waiter.is_err() {
            self.kill();
        }
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // Fails when nothing is left of the group.
            let _ = kill_process_group(group, signal);
        }
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
