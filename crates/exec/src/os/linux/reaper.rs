//! Collects guards that have ended, so that none stays behind as a zombie, and ends what the guard of a control group
//! could not end.
//!
//! One thread for the whole process, started with the first process that is dropped. It waits for exactly the guards
//! given to it; other children of the server are none of its business.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};
use rustix::time::Timespec;

use super::cgroup;

/// A guard to wait for. Without a pidfd (kernels before 5.3) it is asked for now and then.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) pid: Pid,
    pub(super) pidfd: Option<OwnedFd>,
    /// The group it may have made, and removes at its end.
    pub(super) group: Option<cgroup::Name>,
}

/// A group that is left although its guard has ended, and how often more it is tried to end it.
struct Left {
    group: cgroup::Name,
    tries: u32,
}

/// How often it is tried. What stays longer is stuck in the kernel, and a matter of a later server.
const MOST_TRIES: u32 = 100;

struct Reaper {
    wake: OwnedFd,
    arrivals: Mutex<Vec<Guarded>>,
}

/// How often guards without a pidfd are asked for, and groups that are left tried again.
const ASK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

static REAPER: OnceLock<io::Result<Reaper>> = OnceLock::new();

/// Waits for the guard's end in the background.
pub(super) fn adopt(guarded: Guarded) {
    match REAPER.get_or_init(start) {
        Ok(reaper) => {
            reaper.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(guarded);
            // Fails only when the counter is full, which wakes as well.
            let _ = rustix::io::write(&reaper.wake, &1_u64.to_ne_bytes());
        }
        // No thread and no descriptors to be had: the guard ends within milliseconds, so wait here.
        Err(_) => {
            let _ = waitpid(Some(guarded.pid), WaitOptions::empty());
            if let Some(group) = guarded.group {
                cgroup::end(&group);
            }
        }
    }
}

fn start() -> io::Result<Reaper> {
    let reaper =
        Reaper { wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?, arrivals: Mutex::new(Vec::new()) };
    std::thread::Builder::new().name("exec-reaper".into()).stack_size(64 * 1024).spawn(run)?;
    Ok(reaper)
}

fn run() {
    // `wait` and not `get`: the thread may be faster than the cell.
    let Ok(reaper) = REAPER.wait() else { return };
    let mut waiting: Vec<Guarded> = Vec::new();
    let mut left: Vec<Left> = Vec::new();
    loop {
        let mut fds = vec![PollFd::new(&reaper.wake, PollFlags::IN)];
        fds.extend(waiting.iter().filter_map(|one| Some(PollFd::new(one.pidfd.as_ref()?, PollFlags::IN))));
        let ask = !left.is_empty() || waiting.iter().any(|one| one.pidfd.is_none());
        let _ = poll(&mut fds, ask.then_some(&ASK_AGAIN));
        drop(fds);
        let _ = rustix::io::read(&reaper.wake, &mut [0_u8; 8]);
        waiting.append(&mut reaper.arrivals.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = waiting.extract_if(.., |one| has_ended(one));
        left.extend(ended.filter_map(|one| Some(Left { group: one.group?, tries: MOST_TRIES })));
        left.retain_mut(|one| {
            one.tries -= 1;
            !cgroup::end(&one.group) && one.tries > 0
        });
    }
}

fn has_ended(one: &Guarded) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    let id = match &one.pidfd {
        Some(pidfd) => WaitId::PidFd(pidfd.as_fd()),
        None => WaitId::Pid(one.pid),
    };
    // An error means that it is no longer ours to wait for.
    !matches!(waitid(id, options), Ok(None))
}
