//! A control group for each command, where the server may make one: what the kernel kills with one write, before it
//! can fork once more.
//!
//! ```text
//! the server's own group       server, guards
//! └─ spindle-NS-PID-STARTED-N  one command, and all that it starts
//! ```
//!
//! The [`guard`](super::guard) alone kills everything as well, but generation by generation, so that something that
//! forks faster than it looks can get away; and when it is killed itself, what has left the command's session is nobody's.
//! A group has neither weakness, but cannot be had everywhere. So the guard stays as it is, and works alone where there
//! is no group; that is no error, and nobody is told but who asks (`spindle doctor`).
//!
//! - **Where.** Below the group the server is in, in the second version's hierarchy, if its folder may be written to: for
//!   root nearly always, for others where it was delegated to them (a systemd user service, a container). Whether that
//!   works is tried out, as a whole, with the first command ([`try_out`]); nothing is asked or made before.
//! - **Life.** The guard makes the folder, starts the command in it ([`birth`](super::birth)) and removes it, so a server
//!   that is killed leaves none. The guard itself stays outside, with the server: it has to survive the killing, to
//!   report, to clean up and to remove the folder. What it starts besides (see [`visit`](super::visit)) runs its own
//!   code and is killed by it.
//! - **End.** When something is left, the guard writes to `cgroup.kill` and collects the dead as ever. A group that is
//!   not empty then (a server within the command has made groups of its own) is ended by the server, from the thread
//!   that collects guards ([`end`]), some seconds long; so is the group of a guard that was killed.
//! - **Later.** What is left by a server that was killed together with its guards is found by the first command of the
//!   next one in the same group ([`sweep`]). The name says whose it is; a living server's is never touched, nor one of
//!   another process namespace, about whose numbers nothing is known. Guards that are still at work do not mind: what
//!   they watch over dies a moment earlier.
//! - **Cost.** One group a command adds 0.1 ms to the 0.9 that one takes (Linux 6.18, two processors; making and opening
//!   it 30 µs, starting in it 15, removing it 17 when the command is over, the rest is contention), and nothing while it
//!   runs. That is too little to keep groups for another command, which would need to be asked whether they are empty,
//!   or to spare commands that have a process namespace of their own and would not need one.
//! - **No control but this.** No controller is switched on, so limits and accounts stay those of the server's group.
//! - **Leaving.** A process leaves its group by writing to another's `cgroup.procs`, or by starting a child in another,
//!   for which reading suffices. A sandbox leaves no folder of groups writable, and its filter refuses the call for the
//!   other. Who has full access may leave; the guard's own way finds it then.
//!
//! Kernels before 5.14 have no `cgroup.kill`; there, no groups are made.

mod find;
mod made;

use std::ffi::{CStr, c_int, c_void};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};

use super::mark::Mark;
use super::{birth, sys};
pub(super) use made::{Made, Name, Planned};

/// What every name begins with.
const PREFIX: &str = "spindle-";

/// How deep a command may nest groups of its own for them to be removed.
const MOST_DEPTH: usize = 16;

/// How often, and how far apart, a sweep tries to remove what has been killed.
const SWEEPS: u32 = 40;
const BETWEEN_SWEEPS: Duration = Duration::from_millis(50);

/// The groups of this process, or why it makes none. Of the process, since the names are.
static GROUPS: OnceLock<Result<Groups, String>> = OnceLock::new();

struct Groups {
    /// The folder of the server's own group.
    path: PathBuf,
    folder: OwnedFd,
    mark: Mark,
    made: AtomicU64,
}

/// Below which folder groups are made; tries it out when nobody has yet.
///
/// # Errors
/// Why none are made.
pub(crate) fn control_groups() -> Result<&'static Path, &'static str> {
    groups().map(|groups| &*groups.path)
}

fn groups() -> Result<&'static Groups, &'static str> {
    GROUPS.get_or_init(open).as_ref().map_err(String::as_str)
}

/// A group for the guard to make. `None` where none can be made.
pub(super) fn plan() -> Option<Planned> {
    let groups = groups().ok()?;
    Some(Planned { parent: groups.folder.as_raw_fd(), name: groups.next_name() })
}

fn open() -> Result<Groups, String> {
    let path = find::own_folder()?;
    let mark = Mark::own().ok_or("the server cannot see itself in /proc")?;
    let in_path = |error: Errno| format!("{}: {}", path.display(), io::Error::from(error));
    let folder = openat(CWD, &path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let groups = Groups { folder: folder.map_err(in_path)?, path: path.clone(), mark, made: AtomicU64::new(0) };
    groups.try_out().map_err(in_path)?;
    Ok(groups)
}

impl Groups {
    fn next_name(&self) -> Name {
        let Mark { namespace, pid, started } = self.mark;
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Name::new(&format!("{PREFIX}{namespace}-{pid}-{started}-{number}"))
    }

    /// Makes a group, starts a process in it that ends at once, and removes it.
    fn try_out(&self) -> Result<(), Errno> {
        let name = self.next_name();
        mkdirat(&self.folder, name.as_c_str(), Mode::from_raw_mode(0o755))?;
        let tried = self.start_in(name.as_c_str());
        let removed = unlinkat(&self.folder, name.as_c_str(), AtFlags::REMOVEDIR);
        tried.and(removed)
    }

    fn start_in(&self, name: &CStr) -> Result<(), Errno> {
        let group = openat(&self.folder, name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        drop(openat(&group, c"cgroup.kill", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?);
        let mut stack = vec![0_u128; 1024];
        // The handlers of the server's signals must not run in the child, which shares its memory.
        let mask = sys::block_signals();
        // SAFETY: the child does nothing but end, on a stack of its own.
        let started = unsafe { birth::in_group(&mut stack, group.as_raw_fd(), end_at_once, std::ptr::null_mut()) };
        sys::restore_signals(&mask);
        let pid = Pid::from_raw(started.map_err(Errno::from_raw_os_error)?).ok_or(Errno::SRCH)?;
        waitpid(Some(pid), WaitOptions::empty()).map(drop)
    }
}

extern "C" fn end_at_once(_: *mut c_void) -> c_int {
    0
}

/// Kills what is left in a group whose guard has ended, and removes it. False when it is not gone yet.
pub(super) fn end(name: &Name) -> bool {
    let Ok(groups) = groups() else { return true };
    match unlinkat(&groups.folder, name.as_c_str(), AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => true,
        Err(_) => kill_and_remove(&groups.path.join(name.as_str())),
    }
}

/// Ends the groups of servers that are gone. Waits a while for what it has killed.
pub(super) fn sweep() {
    let Ok(groups) = groups() else { return };
    let Ok(entries) = fs::read_dir(&groups.path) else { return };
    let mut left: Vec<_> =
        entries.flatten().filter(|one| is_left(&one.file_name().to_string_lossy(), &groups.mark)).collect();
    for _ in 0..SWEEPS {
        left.retain(|one| !kill_and_remove(&one.path()));
        if left.is_empty() {
            return;
        }
        std::thread::sleep(BETWEEN_SWEEPS);
    }
}

/// Whether a group of this name was made by a server that is gone.
fn is_left(name: &str, own: &Mark) -> bool {
    owner(name).is_some_and(|owner| owner.namespace == own.namespace && !owner.is_alive())
}

fn owner(name: &str) -> Option<Mark> {
    let (owner, number) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
    number.parse::<u64>().ok()?;
    Mark::parse(&owner.replace('-', ":"))
}

/// False when it is not gone yet.
fn kill_and_remove(group: &Path) -> bool {
    // Includes all groups within.
    let _ = fs::write(group.join("cgroup.kill"), "1");
    match remove(group, MOST_DEPTH) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn remove(group: &Path, depth: usize) -> io::Result<()> {
    if depth > 0 {
        for entry in fs::read_dir(group)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path(), depth - 1)?;
            }
        }
    }
    fs::remove_dir(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_the_group_is() {
        let own = Mark::own().unwrap();
        let name = |mark: &Mark| format!("{PREFIX}{}-{}-{}-12", mark.namespace, mark.pid, mark.started);
        assert_eq!(owner(&name(&own)), Some(own));
        for other in ["spindle-1-2-3", "spindle-1-2-3-x", "spindle-1-2-3-4-5", "spindle", "user-1-2-3-4", ""] {
            assert_eq!(owner(other), None, "{other}");
        }
        assert!(!is_left(&name(&own), &own), "its owner lives");
        let gone = Mark { started: own.started + 1, ..own };
        assert!(is_left(&name(&gone), &own));
        let elsewhere = Mark { namespace: own.namespace + 1, ..gone };
        assert!(!is_left(&name(&elsewhere), &own), "its number may belong to anybody there");
    }
}
