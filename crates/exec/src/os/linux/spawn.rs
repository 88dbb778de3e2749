//! The server's side of a guard: lays out the plan, forks, and talks to the guard through its two pipes.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use types::AbsPath;

use super::confine::{self, Confinement};
use super::guard::{self, CStrings, EXITED, FAILED, Plan, RECORD_BYTES, STARTED, Step};
use super::reaper::{self, Guarded};
use super::sockets::Sockets;
use super::{cgroup, outlet, supervisor, sys, way};
use crate::command::{Command, Io, SpawnError};
use crate::env::NETWORK_DISABLED_VARIABLE;
use crate::launcher::Mechanism;
use crate::os::files;
use crate::os::unix::{Pipe, open_terminal, watch};
use crate::os::{Confine, Network, Started};
use crate::outlet::{Outlets, proxy_variables};
use crate::process::Exit;

/// The stack of a command between its start and exec: a few frames and small buffers.
const STACK_BYTES: usize = 64 * 1024;

/// Where programs are looked for when the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The server's handle of a guard. Dropping it kills everything below the guard.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The command's pid, or the guard's own inside a process namespace.
    pid: u32,
    report: AsyncFd<OwnedFd>,
    control: Arc<Control>,
    guarded: Option<Guarded>,
}

/// The writing end of a guard's control pipe; closing it is the order to kill. Empty once the process is dropped.
#[derive(Debug)]
pub(crate) struct Control(Mutex<Option<OwnedFd>>);

/// Starts a command and waits until its program executes.
///
/// Forking copies the page tables of this process: some hundred microseconds that block the calling thread.
///
/// # Cancel safety
/// Cancel safe: a dropped call leaves no process.
pub(crate) async fn spawn(command: &Command, confine: Option<Confine<'_>>) -> Result<Started, SpawnError> {
    let (mut started, namespaced, way) = launch(command, confine.as_ref())?;
    match started.guard.record().await {
        Some((STARTED, pid, _)) => {
            if let (Some(way), Some(confine)) = (way, &confine) {
                started.outlets = attend(&way, confine)?;
            }
            if !namespaced {
                started.guard.pid = pid.unsigned_abs();
            }
            Ok(started)
        }
        Some((FAILED, step, errno)) => {
            Err(failure(command, Step::from_number(step), io::Error::from_raw_os_error(errno)))
        }
        _ => Err(SpawnError::System { step: Step::Guard.name(), source: io::ErrorKind::UnexpectedEof.into() }),
    }
}

/// Takes what a command that has started has sent, and begins to work for it.
fn attend(way: &OwnedFd, confine: &Confine<'_>) -> Result<Option<Outlets>, SpawnError> {
    let failed = |step: Step| move |source| SpawnError::Sandbox { step: step.name(), source };
    let proxied = matches!(confine.network, Network::Proxied { .. });
    if matches!(confine.mechanism, Mechanism::Landlock { .. }) {
        let (sockets, outlets) = proxied.then(Sockets::new).unzip();
        supervisor::serve(way, confine.rules.clone(), sockets).map_err(failed(Step::Filter))?;
        return Ok(outlets);
    }
    proxied.then(|| outlet::take(way)).transpose().map_err(failed(Step::Network))
}

fn failure(command: &Command, step: Step, source: io::Error) -> SpawnError {
    match step {
        Step::Exec => SpawnError::Program { program: command.argv.first().cloned().unwrap_or_default(), source },
        Step::Cwd => SpawnError::Cwd { cwd: command.cwd.clone(), source },
        Step::Guard | Step::Terminal => SpawnError::System { step: step.name(), source },
        Step::UserNamespace
        | Step::Mounts
        | Step::Network
        | Step::Landlock
        | Step::Privileges
        | Step::Filter
        | Step::Names => SpawnError::Sandbox { step: step.name(), source },
    }
}

/// Our ends of the streams.
struct Ours {
    stdin: Option<Arc<Pipe>>,
    stdout: Option<Arc<Pipe>>,
    stderr: Option<Arc<Pipe>>,
}

/// The command's ends of its streams.
struct Theirs {
    stdio: [OwnedFd; 3],
    /// The path of the terminal that all three are.
    terminal: Option<CString>,
}

fn system(step: &'static str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::System { step, source }
}

/// A guard that has been forked, not yet known to the runtime.
struct Forked {
    pid: Pid,
    group: Option<cgroup::Name>,
    control: OwnedFd,
    report: OwnedFd,
    namespaced: bool,
    /// On which the command sends what its sandbox has to send.
    way: Option<OwnedFd>,
}

fn fork_guard(command: &Command, confine: Option<&Confine<'_>>, theirs: Theirs) -> Result<Forked, SpawnError> {
    let (control_read, control_write) = pipe().map_err(system("control pipe"))?;
    let (report_read, report_write) = pipe().map_err(system("report pipe"))?;
    rustix::io::ioctl_fionbio(&control_write, true).map_err(|e| system("control pipe")(e.into()))?;
    let ways = match confine {
        Some(confine) if confine::sends(confine) => Some(way::way().map_err(system("way"))?),
        _ => None,
    };
    let (way, their_way) = ways.unzip();
    let their_way_number = their_way.as_ref().map_or(-1, AsRawFd::as_raw_fd);
    let confinement =
        confine.map(|confine| Confinement::new(command, confine, theirs.terminal, their_way_number)).transpose()?;
    let namespaces = confinement.as_ref().map_or(0, Confinement::namespaces);
    let fds = Descriptors {
        stdio: theirs.stdio.each_ref().map(AsRawFd::as_raw_fd),
        control: control_read.as_raw_fd(),
        report: report_write.as_raw_fd(),
    };
    let mut plan = plan(command, confinement, &fds)?;
    let pid = fork(&mut plan, namespaces).map_err(|error| match namespaces {
        0 => system(Step::Guard.name())(error),
        _ => SpawnError::Sandbox { step: Step::UserNamespace.name(), source: error },
    })?;
    let namespaced = namespaces & libc::CLONE_NEWPID != 0;
    let group = plan.group.map(|group| group.name());
    Ok(Forked { pid, group, control: control_write, report: report_read, namespaced, way })
}

fn launch(command: &Command, confine: Option<&Confine<'_>>) -> Result<(Started, bool, Option<OwnedFd>), SpawnError> {
    let (ours, theirs) = open_streams(command.io).map_err(system("standard streams"))?;
    let terminal = matches!(command.io, Io::Pty(_));
    let Forked { pid, group, control, report, namespaced, way } = fork_guard(command, confine, theirs)?;
    let guarded = Guarded { pid, pidfd: pidfd_open(pid, PidfdFlags::empty()).ok(), group };
    let mut guard = Unwatched { guarded: Some(guarded), control: Some(control) };
    let report = watch(report).map_err(system("report pipe"))?;
    let guard = Guard {
        pid: pid.as_raw_nonzero().get().unsigned_abs(),
        report,
        control: Arc::new(Control(Mutex::new(guard.control.take()))),
        guarded: guard.guarded.take(),
    };
    let Ours { stdin, stdout, stderr } = ours;
    Ok((Started { guard, stdin, stdout, stderr, terminal, outlets: None }, namespaced, way))
}

/// A process started to see whether it starts, without a runtime.
pub(super) struct Trial {
    pub(super) pid: Pid,
    pub(super) control: OwnedFd,
    pub(super) report: OwnedFd,
    /// Open, so that something can be sent; nothing is taken.
    _way: Option<OwnedFd>,
}

/// Starts a command with nothing to read and nobody to write to.
pub(super) fn trial(command: &Command, confine: &Confine<'_>) -> Result<Trial, SpawnError> {
    let null =
        || rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(io::Error::from);
    let stdio = || Ok([null()?, null()?, null()?]);
    let theirs = Theirs { stdio: stdio().map_err(system("standard streams"))?, terminal: None };
    let Forked { pid, control, report, way, .. } = fork_guard(command, Some(confine), theirs)?;
    Ok(Trial { pid, control, report, _way: way })
}

/// A guard that must not be forgotten while the rest of its handle is made.
struct Unwatched {
    guarded: Option<Guarded>,
    control: Option<OwnedFd>,
}

impl Drop for Unwatched {
    fn drop(&mut self) {
        drop(self.control.take());
        if let Some(guarded) = self.guarded.take() {
            reaper::adopt(guarded);
        }
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

fn open_streams(io: Io) -> io::Result<(Ours, Theirs)> {
    match io {
        Io::Pipes { stdin } => {
            let (out, out_theirs) = pipe()?;
            let (err, err_theirs) = pipe()?;
            let (stdin, in_theirs) = if stdin {
                let (theirs, ours) = pipe()?;
                (Some(Arc::new(Pipe::new(ours)?)), theirs)
            } else {
                (None, rustix::fs::open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
            };
            let (stdout, stderr) = (Some(Arc::new(Pipe::new(out)?)), Some(Arc::new(Pipe::new(err)?)));
            let theirs = Theirs { stdio: [in_theirs, out_theirs, err_theirs], terminal: None };
            Ok((Ours { stdin, stdout, stderr }, theirs))
        }
        Io::Inherit => {
            let same = |fd: BorrowedFd<'_>| fd.try_clone_to_owned();
            let stdio = [same(rustix::stdio::stdin())?, same(rustix::stdio::stdout())?, same(rustix::stdio::stderr())?];
            Ok((Ours { stdin: None, stdout: None, stderr: None }, Theirs { stdio, terminal: None }))
        }
        Io::Pty(size) => {
            let (master, slave) = open_terminal(size)?;
            let terminal = rustix::pty::ptsname(&master, Vec::new()).ok();
            let master = Arc::new(Pipe::new(master)?);
            let theirs = Theirs { stdio: [slave.try_clone()?, slave.try_clone()?, slave], terminal };
            Ok((Ours { stdin: Some(Arc::clone(&master)), stdout: Some(master), stderr: None }, theirs))
        }
    }
}

/// What stays open in the guard.
struct Descriptors {
    stdio: [RawFd; 3],
    control: RawFd,
    report: RawFd,
}

fn plan(command: &Command, confinement: Option<Confinement>, fds: &Descriptors) -> Result<Plan, SpawnError> {
    let Some(program) = command.argv.first() else { return Err(SpawnError::Empty) };
    let network = confinement.as_ref().map(Confinement::network);
    let env = environment(&command.env, network)?;
    let (mut argv, mut programs) = (strings(&command.argv)?, candidates(program, command)?);
    if let Some(confinement) = &confinement {
        confinement.wrap(&mut argv, &mut programs)?;
    }
    let mut script_argv = argv.clone();
    script_argv.insert(0, c"/bin/sh".to_owned());
    let group = cgroup::plan();
    let mut keep = vec![fds.control, fds.report];
    keep.extend(group.map(|group| group.parent()));
    keep.extend(fds.stdio);
    keep.extend(confinement.iter().flat_map(Confinement::descriptors));
    keep.sort_unstable();
    keep.dedup();
    Ok(Plan {
        programs,
        argv: CStrings::new(argv),
        script_argv: CStrings::new(script_argv),
        env: CStrings::new(env),
        cwd: path_string(&command.cwd)?,
        stdio: fds.stdio,
        terminal: matches!(command.io, Io::Pty(_)),
        files: files::usual(),
        control: fds.control,
        report: fds.report,
        keep,
        group,
        confinement,
        stack: vec![0; STACK_BYTES / size_of::<u128>()],
    })
}

/// The environment, with what a sandbox has to say of the network.
fn environment(given: &[(String, String)], network: Option<Network>) -> Result<Vec<CString>, SpawnError> {
    let told: Vec<(&str, String)> = match network {
        Some(Network::Off) => vec![(NETWORK_DISABLED_VARIABLE, "1".to_owned())],
        Some(Network::Proxied { socks5 }) => proxy_variables(socks5).collect(),
        Some(Network::On) | None => Vec::new(),
    };
    // Outside of a sandbox of ours, whoever set it knows better.
    let overruled = |name: &str| {
        network.is_some() && name == NETWORK_DISABLED_VARIABLE || told.iter().any(|(told, _)| *told == name)
    };
    let kept = given.iter().filter(|(name, _)| !overruled(name)).map(|(name, value)| (name.as_str(), value));
    let told = told.iter().map(|(name, value)| (*name, value));
    kept.chain(told).map(|(name, value)| c_string(format!("{name}={value}"))).collect()
}

/// Where a program may be: itself when it has a slash, else in each folder of the command's `PATH`.
fn candidates(program: &str, command: &Command) -> Result<Vec<CString>, SpawnError> {
    if program.contains('/') {
        return Ok(vec![c_string(program)?]);
    }
    let path = command.env.iter().rev().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, value)| value);
    let folders = path.split(':').map(|folder| if folder.is_empty() { "." } else { folder });
    folders.map(|folder| c_string(format!("{folder}/{program}"))).collect()
}

fn strings(strings: &[String]) -> Result<Vec<CString>, SpawnError> {
    strings.iter().map(|s| c_string(s.as_str())).collect()
}

pub(super) fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString, SpawnError> {
    CString::new(bytes).map_err(|_| SpawnError::Nul)
}

pub(super) fn path_string(path: &AbsPath) -> Result<CString, SpawnError> {
    c_string(path.as_os_str().as_encoded_bytes())
}

fn fork(plan: &mut Plan, namespaces: i32) -> io::Result<Pid> {
    let mask = sys::block_signals();
    // SAFETY: the copy only runs the guard, which keeps to what is async-signal-safe and never returns.
    let forked = unsafe { sys::fork(namespaces) };
    if forked == Ok(0) {
        guard::run(plan);
    }
    sys::restore_signals(&mask);
    let pid = forked.map_err(io::Error::from_raw_os_error)?;
    Ok(Pid::from_raw(pid).expect("fork answers a positive number in the parent"))
}

impl Guard {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the command's end. Cancel safe.
    pub(crate) async fn exited(&mut self) -> Exit {
        loop {
            match self.record().await {
                Some((EXITED, status, _)) => return exit(status),
                Some(_) => {}
                // The guard itself was killed, and the command with it.
                None => return Exit { code: None, signal: Some(libc::SIGKILL) },
            }
        }
    }

    /// The next record of the guard; `None` when it has ended. Cancel safe: records are written and read whole.
    async fn record(&mut self) -> Option<(i32, i32, i32)> {
        loop {
            let mut ready = self.report.readable().await.ok()?;
            match ready.try_io(|fd| read_record(fd.get_ref())) {
                Ok(Ok(record)) => return record,
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(_)) => return None,
                Err(_would_block) => {}
            }
        }
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }
}

/// Reads one record; `None` at the end.
pub(super) fn read_record(report: &OwnedFd) -> io::Result<Option<(i32, i32, i32)>> {
    let mut record = [0_u8; RECORD_BYTES];
    if rustix::io::read(report, &mut record)? < RECORD_BYTES {
        return Ok(None);
    }
    let number =
        |at: usize| record.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    Ok(Some((number(0), number(4), number(8))))
}

impl Control {
    /// SIGTERM to the group now (unless there is no grace), SIGKILL to everything after `grace`.
    pub(crate) fn terminate(&self, grace: Duration) {
        if let Some(control) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let ms = u32::try_from(grace.as_millis()).unwrap_or(u32::MAX);
            // A full or broken pipe: the guard is about to act on earlier messages, or gone.
            let _ = rustix::io::write(control, &ms.to_ne_bytes());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let control = self.control.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(Unwatched { guarded: self.guarded.take(), control });
    }
}

fn exit(status: i32) -> Exit {
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    let signal = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
    Exit { code, signal }
}
