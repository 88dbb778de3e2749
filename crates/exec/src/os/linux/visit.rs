//! Makes the listeners in the network of a `bwrap` that has one, but has not yet run the command.
//!
//! ```text
//! guard ── fork ─▶ bwrap ── info pipe: the process in the new namespaces ─▶ visitor
//!       ── fork ─▶ visitor: enters them, makes the listeners, sends them to the server, ends
//!       ── hold pipe, closed when the visitor has ended well ─▶ bwrap: runs the command
//! ```
//!
//! The visitor is a process of its own, since nobody comes back out of a user namespace. It is gone before anything of
//! the command runs. Where `bwrap` is set-user-id, its namespaces belong to somebody else and cannot be entered.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use rustix::pipe::{PipeFlags, pipe_with};

use super::guard::{At as _, Failure, Step};
use super::{memory, outlet, sys};

/// The two pipes, and the way to the server.
#[derive(Debug)]
pub(super) struct Visit {
    info: OwnedFd,
    hold: OwnedFd,
    /// The ends that `bwrap` inherits: it writes to the one and waits for the other.
    theirs: [OwnedFd; 2],
    way: RawFd,
}

/// A visitor under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visitor {
    pub(super) pid: i32,
    hold: RawFd,
}

impl Visit {
    pub(super) fn new(way: RawFd) -> io::Result<Self> {
        let (info, their_info) = pipe_with(PipeFlags::CLOEXEC)?;
        let (their_hold, hold) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self { info, hold, theirs: [their_info, their_hold], way })
    }

    /// What to tell `bwrap` of its two ends.
    pub(super) fn arguments(&self) -> [String; 4] {
        let [info, hold] = self.theirs.each_ref().map(|fd| fd.as_raw_fd().to_string());
        ["--info-fd".to_owned(), info, "--block-fd".to_owned(), hold]
    }

    /// What `bwrap` inherits.
    pub(super) fn theirs(&self) -> [RawFd; 2] {
        self.theirs.each_ref().map(|fd| fd.as_raw_fd())
    }

    /// What the guard needs beside it.
    pub(super) fn ours(&self) -> [RawFd; 2] {
        [self.info.as_raw_fd(), self.hold.as_raw_fd()]
    }

    /// In the guard, once `bwrap` runs: sends the visitor.
    pub(super) fn begin(&self) -> sys::Sys<Visitor> {
        // Otherwise nobody would notice that the program has ended without a word.
        for fd in self.theirs() {
            sys::close(fd);
        }
        let [info, hold] = self.ours();
        // SAFETY: the guard has one thread, and the copy does nothing but what is async-signal-safe until it ends.
        let pid = unsafe { sys::fork(0) }?;
        if pid == 0 {
            sys::close(hold);
            sys::exit(visit(info, self.way).err().map_or(0, |(_, errno)| errno));
        }
        sys::close(info);
        sys::close(self.way);
        Ok(Visitor { pid, hold })
    }
}

impl Visitor {
    /// In the guard, when the visitor has ended well: lets `bwrap` run the command.
    pub(super) fn let_go(self) {
        sys::close(self.hold);
    }
}

/// In the visitor.
fn visit(info: RawFd, way: RawFd) -> Result<(), Failure> {
    enter(info).at(Step::Network)?;
    outlet::open(way)
}

fn enter(info: RawFd) -> sys::Sys<()> {
    let inside = read_child(info)?;
    let mut path = [0_u8; memory::PROC_PATH_BYTES];
    let path = memory::proc_path(&mut path, inside, b"/ns/net\0").ok_or(libc::ESRCH)?;
    let network = sys::open(path, libc::O_RDONLY)?;
    // Not that of the process, which may be in a further one by now.
    let user = sys::owner_of_namespace(network)?;
    sys::enter_namespace(user, libc::CLONE_NEWUSER)?;
    sys::enter_namespace(network, libc::CLONE_NEWNET)
}

/// Reads what `bwrap` says, to the end: it writes in pieces, and must not find the pipe closed.
fn read_child(info: RawFd) -> sys::Sys<i32> {
    let mut text = [0_u8; 1024];
    let mut length: usize = 0;
    loop {
        let room = text.get_mut(length..).filter(|room| !room.is_empty()).ok_or(libc::EPROTO)?;
        match sys::read(info, room) {
            Ok(0) => return text.get(..length).and_then(child_pid).ok_or(libc::ESRCH),
            Ok(count) => length = length.wrapping_add(count),
            Err(libc::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The number after `"child-pid":`, if something follows it. Source: the manual of `bwrap`, which writes JSON.
fn child_pid(text: &[u8]) -> Option<i32> {
    const KEY: &[u8] = b"\"child-pid\":";
    let at = text.windows(KEY.len()).position(|window| window == KEY)?;
    let mut pid: Option<i32> = None;
    for &byte in text.get(at..)?.get(KEY.len()..)? {
        match (byte, pid) {
            (b'0'..=b'9', _) => {
                pid = Some(pid.unwrap_or(0).checked_mul(10)?.checked_add(i32::from(byte.wrapping_sub(b'0')))?);
            }
            (_, Some(pid)) => return Some(pid),
            (b' ' | b'\n' | b'\t', None) => {}
            (_, None) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_only_when_it_is_whole() {
        for (text, pid) in [
            ("{\n    \"child-pid\": 4711,\n    \"net-namespace\": 4026532211\n}\n", Some(4711)),
            ("{\"child-pid\":4711}", Some(4711)),
            ("{\n    \"child-pid\": 47", None),
            ("{\n    \"child-p", None),
            ("{\"child-pid\": null}", None),
            ("{\"child-pid\": 99999999999}", None),
        ] {
            assert_eq!(child_pid(text.as_bytes()), pid, "{text}");
        }
    }
}
