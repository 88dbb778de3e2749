//! Finds out which mechanism works on this machine, by running something in it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{WaitOptions, waitpid};
use types::AbsPath;

use super::guard::{EXITED, FAILED, STARTED, Step};
use super::{bubblewrap, landlock, spawn};
use crate::command::{Command, Io, Sandbox};
use crate::launcher::{Finding, Mechanism, Options, Unavailable};
use crate::os::{Confine, Network};
use crate::rules::{Places, Rules};

/// What the guard of a sandboxed command is forked into, with network or without.
pub(super) const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// How long a trial may take before the mechanism counts as broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// The strongest mechanism that works.
///
/// Own namespaces come before `bwrap`: both ask the same of the kernel, but under own namespaces Landlock can be added,
/// which closes FIFOs that lie on read-only mounts and abstract sockets; `bwrap` cannot mount under Landlock, and so
/// leaves these to the filter, which has to refuse Unix sockets as a whole. `bwrap` is for machines that let only that
/// program make namespaces. Landlock alone comes last: it cannot protect a name in a writable folder without closing
/// the folder itself for new names.
pub(crate) fn detect(options: &Options) -> Result<Mechanism, Unavailable> {
    let version = landlock::version();
    let mut reasons = Vec::new();
    for candidate in candidates(options, version) {
        match candidate.and_then(|mechanism| as_it_works(mechanism, options)) {
            Ok(mechanism) => return Ok(mechanism),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(Unavailable::new(reasons.join("; ")))
}

/// What each mechanism says when it is tried, the strongest first.
pub(crate) fn survey(options: &Options) -> Vec<Finding> {
    let candidates = candidates(options, landlock::version()).into_iter();
    let tried = candidates.map(|candidate| candidate.and_then(|one| as_it_works(one, options)));
    ["namespaces", "bwrap", "landlock"]
        .into_iter()
        .zip(tried)
        .map(|(name, tried)| {
            // The name stands beside it.
            let without_name = |reason: String| reason.strip_prefix(&format!("{name}: ")).unwrap_or(&reason).to_owned();
            Finding { name, works: tried.map_err(|reason| Unavailable::new(without_name(reason))) }
        })
        .collect()
}

fn candidates(options: &Options, version: u32) -> [Result<Mechanism, String>; 3] {
    let bwrap = bubblewrap::find(options.path.as_deref());
    [
        Ok(Mechanism::Namespaces { landlock: version }),
        bwrap
            .map(|path: PathBuf| Mechanism::Bubblewrap { path, proxies: true })
            .ok_or_else(|| "bwrap: not found in PATH".to_owned()),
        match version {
            0 => Err("landlock: not supported by the kernel".to_owned()),
            1..landlock::LEAST_VERSION => Err(format!("landlock: version {version} cannot keep files from truncation")),
            _ => Ok(Mechanism::Landlock { abi: version }),
        },
    ]
}

/// The candidate, or what of it works here.
fn as_it_works(candidate: Mechanism, options: &Options) -> Result<Mechanism, String> {
    match (try_out(&candidate, options), candidate) {
        (Err(_), Mechanism::Bubblewrap { path, proxies: true }) => {
            let without = Mechanism::Bubblewrap { path, proxies: false };
            try_out(&without, options).map(|()| without)
        }
        (tried, candidate) => tried.map(|()| candidate),
    }
}

/// Runs a program in the strictest everyday sandbox.
pub(crate) fn try_out(mechanism: &Mechanism, options: &Options) -> Result<(), String> {
    let name = match mechanism {
        Mechanism::Namespaces { .. } => "namespaces",
        Mechanism::Bubblewrap { .. } => "bwrap",
        Mechanism::Landlock { .. } => "landlock",
    };
    run_trial(mechanism, options).map_err(|reason| format!("{name}: {reason}"))
}

fn run_trial(mechanism: &Mechanism, options: &Options) -> Result<(), String> {
    let root = AbsPath::new("/").map_err(|error| error.to_string())?;
    let places = Places { tmpdir: None, codex_home: options.codex_home.clone() };
    let Sandbox::Restricted(rules) = Rules::from_policy(&types::SandboxPolicy::read_only(), &root, &places) else {
        return Err("rules do not restrict".to_owned());
    };
    let command = Command {
        argv: vec!["true".to_owned()],
        cwd: root,
        env: Vec::new(),
        io: Io::Pipes { stdin: false },
        sandbox: Sandbox::None,
        proxy: None,
    };
    let network = match mechanism {
        Mechanism::Bubblewrap { proxies: true, .. } => Network::Proxied { socks5: false },
        Mechanism::Namespaces { .. } | Mechanism::Bubblewrap { .. } | Mechanism::Landlock { .. } => Network::Off,
    };
    let confine = Confine { rules: &rules, mechanism: mechanism.clone(), network };
    let own = !matches!(mechanism, Mechanism::Bubblewrap { .. });
    let trial = spawn::trial(&command, &confine).map_err(|error| error.to_string())?;
    let end = Instant::now() + PATIENCE;
    let mut verdict = Err("ended without a word".to_owned());
    while let Some(record) = next_record(&trial, end)? {
        verdict = match record {
            // Starting tells all about our own mechanisms; a program has to show that it gets to the end.
            (STARTED, ..) => Ok(()),
            (EXITED, 0, _) => Ok(()),
            (EXITED, status, _) => Err(format!("ended with status {}", libc::WEXITSTATUS(status))),
            (FAILED, step, errno) => {
                let error = std::io::Error::from_raw_os_error(errno);
                match Step::from_number(step) {
                    // No such program, but everything before has worked.
                    Step::Exec if own && errno == libc::ENOENT => Ok(()),
                    step => Err(format!("{}: {error}", step.name())),
                }
            }
            _ => verdict,
        };
    }
    drop(trial.control);
    let _ = waitpid(Some(trial.pid), WaitOptions::empty());
    verdict
}

/// The guard's next record; `None` at its end.
fn next_record(trial: &spawn::Trial, end: Instant) -> Result<Option<(i32, i32, i32)>, String> {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("does not answer".to_owned());
        }
        let timeout = rustix::time::Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let mut fds = [PollFd::new(&trial.report, PollFlags::IN)];
        if poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready > 0) {
            return Ok(spawn::read_record(&trial.report).ok().flatten());
        }
    }
}
