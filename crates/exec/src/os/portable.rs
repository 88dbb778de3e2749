//! Unix systems other than Linux: process groups, without a guard and without a sandbox.
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

/// There is no sandbox here yet.
pub(crate) fn detect(_options: &Options) -> Result<Mechanism, Unavailable> {
    Err(Unavailable::new(NO_SANDBOX))
}

/// See [`detect`].
pub(crate) fn survey(_options: &Options) -> Vec<Finding> {
    Vec::new()
}

/// See [`detect`].
pub(crate) fn try_out(_mechanism: &Mechanism, _options: &Options) -> Result<(), String> {
    Err(NO_SANDBOX.to_owned())
}

/// Starts a command without a sandbox.
pub(crate) async fn spawn(command: &Command, confine: Option<Confine<'_>>) -> Result<Started, SpawnError> {
    if confine.is_some() {
        return Err(SpawnError::SandboxUnavailable(Unavailable::new(NO_SANDBOX)));
    }
    start(command)
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
    Ok(Started { guard, stdin, stdout, stderr, terminal })
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
