//! Ends what a server has left behind that was killed together with its guards.
//!
//! A guard survives its server and cleans up. Who kills both at once (`pkill -9 -f`, the kernel when memory is short)
//! leaves what commands had started in the background, unless it ran in a process namespace. So commands outside of
//! one carry a mark in their environment that names their server, and the first command of a server looks for marks of
//! servers that are gone. First of all it ends their control groups ([`cgroup`]), where there are some; marks are for
//! machines without, and for what has left its group.
//!
//! A mark alone is no proof: it may have been handed to a terminal or a scheduler that somebody else runs. Only orphans
//! are ended, generation by generation: processes whose parent is the first process, or one of this server's own
//! forebears, which are those that orphans are given to.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};

use super::cgroup;
use super::mark::{Mark, Status, namespace_of};
use crate::env::SERVER_VARIABLE;

/// How often the search is repeated while it finds something; each round ends a generation.
const MOST_ROUNDS: usize = 32;

/// The mark of this process, once the search for orphans has been started. `None` where `/proc` does not say who we are.
pub(crate) fn mark_and_sweep() -> Option<String> {
    let mark = Mark::own()?;
    let text = mark.to_string();
    let sweep = move || {
        cgroup::sweep();
        for _ in 0..MOST_ROUNDS {
            if sweep_once(&mark) == 0 {
                return;
            }
        }
    };
    // Without a thread there is no search; the next server tries again.
    let _ = std::thread::Builder::new().name("exec-orphans".into()).stack_size(128 * 1024).spawn(sweep);
    Some(text)
}

/// Ends one generation of orphans; how many there were.
fn sweep_once(own: &Mark) -> usize {
    let forebears = forebears(own.pid);
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != own.pid && end_orphan(*pid, own, &forebears).is_some()).count()
}

/// Kills a process if it is an orphan of a dead server.
fn end_orphan(pid: i32, own: &Mark, forebears: &HashSet<i32>) -> Option<()> {
    let folder = format!("/proc/{pid}");
    if fs::metadata(&folder).ok()?.uid() != geteuid().as_raw() {
        return None;
    }
    // First, so that what is read afterwards is about this process, or about nobody that could be signalled.
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let variables = fs::read(format!("{folder}/environ")).ok()?;
    let prefix = format!("{SERVER_VARIABLE}=");
    let named = variables.split(|&byte| byte == 0).find_map(|variable| variable.strip_prefix(prefix.as_bytes()))?;
    let mark = Mark::parse(std::str::from_utf8(named).ok()?)?;
    let here = mark.namespace == own.namespace && namespace_of(pid)? == own.namespace;
    let orphaned = forebears.contains(&Status::of(pid)?.parent);
    if !here || !orphaned || mark.is_alive() {
        return None;
    }
    pidfd_send_signal(&process, Signal::KILL).ok()
}

/// The parent of a process, its parent, and so on; and the first process.
fn forebears(pid: i32) -> HashSet<i32> {
    let mut found = HashSet::from([1]);
    let mut next = Status::of(pid);
    while let Some(status) = next {
        next = found.insert(status.parent).then(|| Status::of(status.parent)).flatten();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forebears_lead_to_the_first_process() {
        let own = std::process::id().cast_signed();
        let found = forebears(own);
        assert!(found.contains(&1) && !found.contains(&own));
        assert!(found.contains(&Status::of(own).unwrap().parent));
    }
}
