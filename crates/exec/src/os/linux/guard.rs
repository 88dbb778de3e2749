//! The guard: a small process between the server and each command, which no descendant of the command outlives.
//!
//! ```text
//! server ── control pipe ─▶ guard ── fork ─▶ command ─▶ …
//!        ◀─ report pipe ──
//! ```
//!
//! - The guard is the *subreaper* of the command: whatever the command starts, in whatever group or session, is handed
//!   to the guard when its parent dies, so the guard can find and kill all of it. The attribute belongs to the guard
//!   alone; in the server it would make every orphan the server's.
//! - The server holds the writing end of the control pipe. When it is closed, by dropping the process or by the death of
//!   the server for whatever reason, the guard kills everything below it and ends. A parent-death signal on the guard
//!   would do less: it fires when the *thread* that forked ends, and threads of a runtime come and go.
//! - Inside a process namespace the guard is process 1: it reaps orphans, cannot be signalled from within, and with it
//!   the kernel ends the whole namespace.
//! - The command gets a parent-death signal relative to the guard, which has one thread; so killing the guard with
//!   SIGKILL kills the command as well.
//! - Where it can, it puts the command into a control group ([`cgroup`](super::cgroup)), which the kernel kills at once
//!   however fast it forks, and which a later server finds where the guard was killed too.
//!
//! The guard is a forked copy that never executes a program: all it does is async-signal-safe, all it needs was laid out
//! before the fork in [`Plan`]. After the command has started it gives back the memory it shares with the server
//! ([`memory::forget`](super::memory)), so that it neither costs the server's size nor holds the server's secrets.

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::ptr;

use super::cgroup::{Made, Planned};
use super::confine::Confinement;
use super::placeholder::Held;
use super::visit::Visitor;
use super::{birth, memory, sys};

/// Everything the guard needs, in the form the kernel wants it.
pub(super) struct Plan {
    /// Paths to try for the program, in order.
    pub(super) programs: Vec<CString>,
    pub(super) argv: CStrings,
    /// `/bin/sh`, a place for the program's path, the rest of the arguments: for scripts without a first line.
    pub(super) script_argv: CStrings,
    pub(super) env: CStrings,
    pub(super) cwd: CString,
    /// Descriptors of the command's standard streams; a terminal's slave three times for a terminal.
    pub(super) stdio: [RawFd; 3],
    /// Whether `stdio` is a terminal that is to control the command's session.
    pub(super) terminal: bool,
    /// How many files the command may have open, where it is not what the server may.
    pub(super) files: Option<libc::rlimit>,
    pub(super) control: RawFd,
    pub(super) report: RawFd,
    /// What stays open in the guard, sorted: the five above and what the group and the confinement need.
    pub(super) keep: Vec<RawFd>,
    /// The control group to be made for the command, where one can be.
    pub(super) group: Option<Planned>,
    pub(super) confinement: Option<Confinement>,
    /// The stack of the child between its start and exec, where it shares the guard's memory.
    pub(super) stack: Vec<u128>,
}

/// A nul-terminated array of nul-terminated strings.
pub(super) struct CStrings {
    /// Owns what `pointers` point to.
    _strings: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
}

impl CStrings {
    pub(super) fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect();
        Self { _strings: strings, pointers }
    }
}

/// Where starting a command stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Step {
    Guard = 1,
    Terminal,
    Cwd,
    Exec,
    UserNamespace,
    Mounts,
    Network,
    Landlock,
    Privileges,
    Filter,
    Names,
}

impl Step {
    pub(super) fn from_number(number: i32) -> Self {
        match number {
            2 => Self::Terminal,
            3 => Self::Cwd,
            4 => Self::Exec,
            5 => Self::UserNamespace,
            6 => Self::Mounts,
            7 => Self::Network,
            8 => Self::Landlock,
            9 => Self::Privileges,
            10 => Self::Filter,
            11 => Self::Names,
            _ => Self::Guard,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Guard => "process guard",
            Self::Terminal => "terminal",
            Self::Cwd => "working directory",
            Self::Exec => "program",
            Self::UserNamespace => "user namespace",
            Self::Mounts => "mounts",
            Self::Network => "network namespace",
            Self::Landlock => "landlock rules",
            Self::Privileges => "dropping privileges",
            Self::Filter => "system call filter",
            Self::Names => "protected names",
        }
    }
}

/// A failed step and its errno.
pub(super) type Failure = (Step, sys::Errno);

/// Attaches a step to an errno.
pub(super) trait At<T> {
    fn at(self, step: Step) -> Result<T, Failure>;
}

impl<T> At<T> for sys::Sys<T> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.map_err(|errno| (step, errno))
    }
}

/// Records the guard writes into the report pipe: a kind and two numbers, each 32 bits in native order.
pub(super) const RECORD_BYTES: usize = 12;
/// The command runs; its pid (as the guard sees it).
pub(super) const STARTED: i32 = 1;
/// It could not be started; step and errno. The last record.
pub(super) const FAILED: i32 = 2;
/// The command has ended; its raw wait status. Descendants may be left, the guard keeps an eye on them.
pub(super) const EXITED: i32 = 3;

/// The message the server writes into the control pipe: SIGTERM now, SIGKILL after so many milliseconds (u32).
pub(super) const TERMINATE_BYTES: usize = 4;

/// How long the guard waits for killed processes to go, in milliseconds. Only processes stuck in the kernel take long.
const KILL_PATIENCE_MS: i64 = 3_000;

/// Runs the guard to its end. Called in the forked copy; `extern "C"` turns a panic into an abort instead of unwinding
/// into the copied frames of the server.
pub(super) extern "C" fn run(plan: &mut Plan) -> ! {
    let report_pipe = plan.report;
    let own_mounts = plan.confinement.as_ref().is_some_and(|one| one.namespaces() & libc::CLONE_NEWNS != 0);
    let mut held = Held::none();
    let mut group = None;
    let ended = start(plan, &mut held, &mut group).and_then(|mut guard| {
        // From here on the plan must not be touched: its strings are among what is given back.
        memory::forget();
        guard.watch();
        guard.failure.map_or(Ok(()), Err)
    });
    held.remove(own_mounts);
    if let Some(group) = group {
        group.remove();
    }
    // Only now: whoever is told of the failure shall find no trace of it.
    if let Err((step, errno)) = ended {
        report(report_pipe, FAILED, step as i32, errno);
    }
    sys::exit(0)
}

fn report(fd: RawFd, kind: i32, first: i32, second: i32) {
    let mut record = [0_u8; RECORD_BYTES];
    let (a, rest) = record.split_at_mut(4);
    let (b, c) = rest.split_at_mut(4);
    a.copy_from_slice(&kind.to_ne_bytes());
    b.copy_from_slice(&first.to_ne_bytes());
    c.copy_from_slice(&second.to_ne_bytes());
    // Nobody reads when the server is gone; SIGPIPE is blocked here.
    let _ = sys::write(fd, &record);
}

/// What the guard knows while the command runs.
struct Guard {
    control: RawFd,
    report: RawFd,
    children: RawFd,
    /// The command's pid, which is its process group and session as well; `None` once it has been reaped.
    command: Option<i32>,
    /// When everything is killed, on the monotonic clock.
    deadline_ms: Option<i64>,
    /// Whether this is process 1 of a process namespace.
    init: bool,
    /// Who has to end well before the command counts as started.
    visitor: Option<Visitor>,
    /// Why it does not count as started after all.
    failure: Option<Failure>,
    /// In which the command and all that it has started is, unless it had the power to leave.
    group: Option<Made>,
}

/// What is `held`, and the `group`, are there until the guard's end, also after a failure.
fn start(plan: &mut Plan, held: &mut Held, group: &mut Option<Made>) -> Result<Guard, Failure> {
    // A group of its own, so that signals for the server's do not count; not a session, which the scheduler would treat
    // as a newcomer to be served after all others.
    sys::lead_group();
    sys::close_all_but(&plan.keep);
    sys::prctl(libc::PR_SET_NAME, c"exec-guard".as_ptr() as usize).at(Step::Guard)?;
    sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1).at(Step::Guard)?;
    let children = sys::child_signal_fd().at(Step::Guard)?;
    let mut init = false;
    if let Some(confinement) = &mut plan.confinement {
        confinement.prepare(held)?;
        init = sys::getpid() == 1;
    }
    // Keeps the copied memory of the server out of the command's reach: no ptrace, no /proc/<guard>/mem.
    sys::prctl(libc::PR_SET_DUMPABLE, 0).at(Step::Guard)?;
    *group = plan.group.and_then(Planned::make);
    let group = *group;
    let command = spawn(plan, group)?;
    for fd in plan.stdio {
        sys::close(fd);
    }
    let (visitor, failure) = match plan.confinement.as_ref().map(Confinement::visit) {
        Some(Ok(visitor)) => (visitor, None),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, None),
    };
    if visitor.is_none() && failure.is_none() {
        report(plan.report, STARTED, command, 0);
    }
    let (control, report) = (plan.control, plan.report);
    Ok(Guard { control, report, children, command: Some(command), deadline_ms: None, init, visitor, failure, group })
}

impl Guard {
    /// Returns when nothing is left below the guard, or nothing that can be killed.
    fn watch(&mut self) {
        let mut buffer = [0_u8; 128];
        loop {
            if self.reap_all() {
                return;
            }
            if self.failure.is_some() {
                return self.kill_all();
            }
            let now = sys::now_ms();
            let timeout = match self.deadline_ms {
                Some(deadline) if deadline <= now => return self.kill_all(),
                Some(deadline) => i32::try_from(deadline.wrapping_sub(now)).unwrap_or(i32::MAX),
                None => -1,
            };
            let [told, ended] = sys::poll2(self.control, self.children, timeout);
            if ended {
                let _ = sys::read(self.children, &mut buffer);
            }
            if told && !self.obey() {
                return self.kill_all();
            }
        }
    }

    /// Reads one message; false when the server has gone or dropped the process.
    fn obey(&mut self) -> bool {
        let mut message = [0_u8; TERMINATE_BYTES];
        match sys::read(self.control, &mut message) {
            Ok(TERMINATE_BYTES) => {
                let grace_ms = u32::from_ne_bytes(message);
                let deadline = sys::now_ms().wrapping_add(i64::from(grace_ms));
                self.deadline_ms = Some(self.deadline_ms.map_or(deadline, |old| old.min(deadline)));
                if let Some(command) = self.command
                    && grace_ms > 0
                {
                    let _ = sys::kill(command.wrapping_neg(), libc::SIGTERM);
                    // A stopped process acts on SIGTERM only when it continues.
                    let _ = sys::kill(command.wrapping_neg(), libc::SIGCONT);
                }
                true
            }
            Err(libc::EINTR | libc::EAGAIN) => true,
            _ => false,
        }
    }

    /// Reaps what has ended and reports the command's end; true when no child is left.
    fn reap_all(&mut self) -> bool {
        loop {
            match sys::reap() {
                Ok(Some((pid, status))) => self.note_end(pid, status),
                Ok(None) => return false,
                Err(libc::EINTR) => {}
                Err(_) => return true,
            }
        }
    }

    fn note_end(&mut self, pid: i32, status: i32) {
        if let Some(visitor) = self.visitor.filter(|visitor| visitor.pid == pid) {
            self.visitor = None;
            match (status, self.command) {
                (0, Some(command)) => {
                    report(self.report, STARTED, command, 0);
                    visitor.let_go();
                }
                // It ends with an errno, unless it is killed.
                _ if libc::WIFEXITED(status) => self.fail(libc::WEXITSTATUS(status)),
                _ => self.fail(libc::ESRCH),
            }
        } else if self.command == Some(pid) {
            self.command = None;
            match (self.visitor, self.failure) {
                (None, None) => report(self.report, EXITED, status, 0),
                _ => self.fail(libc::ESRCH),
            }
        }
    }

    /// The network that the command was to have could not be made.
    fn fail(&mut self, errno: sys::Errno) {
        self.failure.get_or_insert((Step::Network, errno));
    }

    /// Kills everything below: the group at once, and what has left it or was never in one generation by generation:
    /// the children of a killed process become the guard's own.
    fn kill_all(&mut self) {
        if let Some(group) = self.group {
            group.kill();
        }
        let give_up_ms = sys::now_ms().wrapping_add(KILL_PATIENCE_MS);
        let mut buffer = [0_u8; 128];
        loop {
            if let Some(command) = self.command {
                let _ = sys::kill(command.wrapping_neg(), libc::SIGKILL);
            }
            if self.init {
                let _ = sys::kill(-1, libc::SIGKILL);
            } else {
                memory::for_each_child(|pid| {
                    let _ = sys::kill(pid, libc::SIGKILL);
                });
            }
            if self.reap_all() || sys::now_ms() > give_up_ms {
                return;
            }
            let [_, ended] = sys::poll2(-1, self.children, 10);
            if ended {
                let _ = sys::read(self.children, &mut buffer);
            }
        }
    }
}

/// Starts the command: a child that shares the guard's memory, and stops the guard, until it executes its program.
fn spawn(plan: &mut Plan, group: Option<Made>) -> Result<i32, Failure> {
    let stack = ptr::from_mut(&mut *plan.stack);
    let mut launch = Launch { plan: ptr::from_mut(plan), guard: sys::getpid(), failure: None };
    let argument = ptr::from_mut(&mut launch).cast();
    // SAFETY: the child runs on its own stack, which is not used otherwise; the guard is stopped until the child has
    // executed or ended, so the launch record and the plan are not accessed by two at once.
    let in_group =
        group.and_then(|group| unsafe { birth::in_group(&mut *stack, group.folder(), child, argument) }.ok());
    let pid = match in_group {
        Some(pid) => pid,
        // SAFETY: as above.
        None => unsafe { birth::beside(&mut *stack, child, argument) }.at(Step::Guard)?,
    };
    match launch.failure {
        None => Ok(pid),
        Some(failure) => Err(failure),
    }
}

struct Launch {
    plan: *mut Plan,
    guard: i32,
    /// Written by the child, read by the guard: they share memory.
    failure: Option<Failure>,
}

extern "C" fn child(launch: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes a launch record that outlives this child, and does not touch it meanwhile.
    let launch = unsafe { &mut *launch.cast::<Launch>() };
    // SAFETY: as above; the plan is the guard's own.
    let plan = unsafe { &mut *launch.plan };
    launch.failure = Some(become_command(plan, launch.guard));
    127
}

/// Returns only when something failed.
fn become_command(plan: &mut Plan, guard: i32) -> Failure {
    match prepare_command(plan, guard) {
        Ok(()) => (Step::Exec, execute(plan)),
        Err(failure) => failure,
    }
}

fn prepare_command(plan: &mut Plan, guard: i32) -> Result<(), Failure> {
    sys::setsid();
    place_streams(plan.stdio).at(Step::Guard)?;
    if plan.terminal {
        // SAFETY: descriptor 0 is the terminal; the argument 0 asks not to steal it from another session.
        sys::check(i64::from(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) })).at(Step::Terminal)?;
    }
    if let Some(limit) = &plan.files {
        // SAFETY: the pointer is to a limit. Lowering one's own cannot fail; if it did, the command would have more.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) };
    }
    sys::chdir(&plan.cwd).at(Step::Cwd)?;
    if let Some(confinement) = &plan.confinement {
        confinement.apply()?;
    }
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize).at(Step::Guard)?;
    if sys::getppid() != guard {
        sys::exit(127);
    }
    if let Some(confinement) = &plan.confinement {
        confinement.filter()?;
    }
    sys::default_signals();
    Ok(())
}

/// Moves the three streams to 0, 1 and 2. Everything else is close-on-exec.
fn place_streams(stdio: [RawFd; 3]) -> sys::Sys<()> {
    // First out of the way of each other: a source may itself be 0, 1 or 2.
    let mut sources = [0; 3];
    for (place, fd) in sources.iter_mut().zip(stdio) {
        *place = sys::dup_above(fd, 3)?;
    }
    for (target, fd) in sources.into_iter().enumerate() {
        sys::dup2(fd, target as RawFd)?;
    }
    Ok(())
}

/// Executes the first program that is there, as a shell's search does. Returns the errno to show.
fn execute(plan: &mut Plan) -> sys::Errno {
    let mut shown = libc::ENOENT;
    for program in &plan.programs {
        let errno = execve(program, &plan.argv, &plan.env);
        match errno {
            libc::ENOENT | libc::ENOTDIR => {}
            libc::EACCES => shown = errno,
            libc::ENOEXEC => {
                if let Some(place) = plan.script_argv.pointers.get_mut(1) {
                    *place = program.as_ptr();
                }
                return execve(c"/bin/sh", &plan.script_argv, &plan.env);
            }
            _ => return errno,
        }
    }
    shown
}

fn execve(program: &CStr, argv: &CStrings, env: &CStrings) -> sys::Errno {
    // SAFETY: all three are nul-terminated and owned by the plan.
    unsafe { libc::execve(program.as_ptr(), argv.pointers.as_ptr(), env.pointers.as_ptr()) };
    sys::errno()
}
