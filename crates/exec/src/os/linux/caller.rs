//! A call of a sandboxed command that waits for the server's answer, and what the server sees of who makes it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use super::sys;

/// The longest path the kernel takes, with its nul.
const PATH_BYTES: usize = 4096;

/// A thread that waits for its call to be answered.
///
/// What is read of it counts only once [`still_waits`](Self::still_waits) has said so: before, all of it may have been
/// about another process that has got the number.
pub(super) struct Caller<'a> {
    listener: &'a OwnedFd,
    call: libc::seccomp_notif,
}

impl<'a> Caller<'a> {
    /// The next one of a filter's listener.
    pub(super) fn next(listener: &'a OwnedFd) -> sys::Sys<Self> {
        let call = sys::receive_notification(listener.as_raw_fd())?;
        Ok(Self { listener, call })
    }

    /// The number of the call.
    pub(super) fn number(&self) -> libc::c_long {
        libc::c_long::from(self.call.data.nr)
    }

    pub(super) fn arguments(&self) -> [u64; 6] {
        self.call.data.args
    }

    pub(super) fn still_waits(&self) -> io::Result<()> {
        sys::notification_is_valid(self.listener.as_raw_fd(), self.call.id).map_err(io::Error::from_raw_os_error)
    }

    /// Has the call fail with an errno, or succeed when that is 0.
    pub(super) fn answer(self, errno: sys::Errno) {
        // Fails when the caller has been killed meanwhile.
        let _ = sys::answer_notification(self.listener.as_raw_fd(), self.call.id, errno);
    }

    /// Puts a copy of a descriptor into the caller and has the call return its number.
    pub(super) fn give(&self, fd: BorrowedFd<'_>, close_on_exec: bool) -> io::Result<()> {
        let given = sys::answer_with_descriptor(self.listener.as_raw_fd(), self.call.id, fd.as_raw_fd(), close_on_exec);
        given.map_err(io::Error::from_raw_os_error)
    }

    /// The inode of a socket that a descriptor of the caller's is about.
    pub(super) fn socket(&self, fd: i32) -> io::Result<u64> {
        let link = std::fs::read_link(self.descriptor(fd)).map_err(|_| Errno::BADF)?;
        let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        Ok(inode.ok_or(Errno::NOTSOCK)?)
    }

    /// Opens what a descriptor of the caller's is about, without any right to read or write it.
    pub(super) fn open(&self, fd: i32) -> io::Result<OwnedFd> {
        Ok(openat(CWD, self.descriptor(fd), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// The same for a path, relative to a descriptor of the caller's.
    pub(super) fn open_at(&self, folder: i32, path: &Path, follow: bool) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let flags = if follow { flags } else { flags | OFlags::NOFOLLOW };
        if path.is_absolute() {
            return Ok(openat(CWD, path, flags, Mode::empty())?);
        }
        let start = match folder {
            libc::AT_FDCWD => self.about("cwd"),
            fd => self.descriptor(fd),
        };
        let start = openat(CWD, start, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(openat(start.as_fd(), path, flags, Mode::empty())?)
    }

    fn about(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.call.pid))
    }

    fn descriptor(&self, fd: i32) -> PathBuf {
        self.about(&format!("fd/{fd}"))
    }

    fn memory(&self) -> io::Result<File> {
        File::open(self.about("mem"))
    }

    /// Fills the buffer from the caller's memory.
    pub(super) fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        Ok(self.memory()?.read_exact_at(buffer, address).map_err(|_| Errno::FAULT)?)
    }

    /// A nul-terminated path in the caller's memory.
    pub(super) fn path(&self, address: u64) -> io::Result<PathBuf> {
        let memory = self.memory()?;
        let mut path = Vec::new();
        let mut at = address;
        while path.len() < PATH_BYTES {
            // Up to the end of the page: the next one may not be there.
            let mut piece = [0_u8; PATH_BYTES];
            let wanted = PATH_BYTES - (at % PATH_BYTES as u64) as usize;
            let read = memory.read_at(&mut piece[..wanted], at).map_err(|_| Errno::FAULT)?;
            let piece = &piece[..read];
            if let Some(end) = piece.iter().position(|&byte| byte == 0) {
                path.extend_from_slice(&piece[..end]);
                return Ok(PathBuf::from(OsStr::from_bytes(&path)));
            }
            if read == 0 {
                return Err(Errno::FAULT.into());
            }
            path.extend_from_slice(piece);
            at += read as u64;
        }
        Err(Errno::NAMETOOLONG.into())
    }
}
