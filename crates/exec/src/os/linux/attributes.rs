//! Changes modes, owners and times of files for commands that are confined by Landlock alone.
//!
//! Landlock has no rules for them, and a filter cannot tell one file from another. So the filter lets such calls wait
//! and asks here, in the server: the file is opened as the command means it, its path compared with the rules, and the
//! change made to that very file. The command's own call is never carried out, so nothing can be exchanged in between.
//!
//! A thread for each command. It ends when the last process under the filter has ended, which is the guard's business.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, Uid, chmod, openat, stat, utimensat};
use rustix::io::Errno;

use super::{sys, way};
use crate::rules::Rules;

/// The longest path the kernel takes, with its nul.
const PATH_BYTES: usize = 4096;

/// Takes the listener that a command which has started has sent, and answers for it from now on.
pub(super) fn serve(ours: &OwnedFd, rules: Rules) -> io::Result<()> {
    let listener = way::receive(ours)?;
    let server = Server { listener, rules, user: rustix::process::geteuid() };
    std::thread::Builder::new().name("exec-attributes".into()).stack_size(64 * 1024).spawn(move || server.run())?;
    Ok(())
}

struct Server {
    listener: OwnedFd,
    rules: Rules,
    /// Whose files the command may change, as long as it may write to them.
    user: Uid,
}

/// A change to make.
enum Change {
    Mode(u32),
    /// To these, where they are not -1.
    Owner(u32, u32),
    Times(Timestamps),
}

/// What a call is about.
enum Target {
    /// A descriptor of the caller's.
    Open(i32),
    /// A path, relative to a descriptor of the caller's.
    At { folder: i32, path: PathBuf, follow: bool },
}

impl Server {
    fn run(&self) {
        loop {
            let mut ready = [PollFd::new(&self.listener, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) if ready[0].revents().contains(PollFlags::IN) => {}
                Err(Errno::INTR) => continue,
                // Nobody is left under the filter.
                Ok(_) | Err(_) => return,
            }
            let Ok(call) = sys::receive_notification(self.listener.as_raw_fd()) else { continue };
            let errno = match self.answer(&call) {
                Ok(()) => 0,
                Err(error) => error.raw_os_error().unwrap_or(libc::EPERM),
            };
            // Fails when the caller has been killed meanwhile.
            let _ = sys::answer_notification(self.listener.as_raw_fd(), call.id, errno);
        }
    }

    fn answer(&self, call: &libc::seccomp_notif) -> io::Result<()> {
        let caller = Caller { pid: call.pid };
        let (target, change) = caller.meaning(&call.data)?;
        let file = caller.open(&target)?;
        // Only now: before, all of it may have been about another process that has got the number.
        sys::notification_is_valid(self.listener.as_raw_fd(), call.id).map_err(io::Error::from_raw_os_error)?;
        // The file itself, wherever its name leads by now.
        let itself = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.check(&itself, &change)?;
        match change {
            Change::Mode(mode) => chmod(&itself, Mode::from_raw_mode(mode))?,
            // It is as it shall be.
            Change::Owner(..) => {}
            Change::Times(times) => utimensat(CWD, &itself, &times, AtFlags::empty())?,
        }
        Ok(())
    }

    /// Whether the rules and the file's owner permit the change. The server may be able to do more than the command.
    fn check(&self, itself: &Path, change: &Change) -> io::Result<()> {
        let path = std::fs::read_link(itself)?;
        let path = path.as_os_str().as_bytes();
        let path = Path::new(OsStr::from_bytes(path.strip_suffix(b" (deleted)").unwrap_or(path)));
        if !path.is_absolute() || !self.rules.writable_as_it_is(path) {
            return Err(Errno::PERM.into());
        }
        let found = stat(itself)?;
        let (owner, group) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
        let fits = match *change {
            Change::Owner(to, to_group) => {
                [u32::MAX, owner.as_raw()].contains(&to) && [u32::MAX, group.as_raw()].contains(&to_group)
            }
            Change::Mode(_) | Change::Times(_) => true,
        };
        if owner == self.user && fits { Ok(()) } else { Err(Errno::PERM.into()) }
    }
}

/// The thread that waits for its call to be answered.
struct Caller {
    pid: u32,
}

impl Caller {
    /// What the call asks for. Source of the arguments' places: the kernel's table of system calls.
    fn meaning(&self, data: &libc::seccomp_data) -> io::Result<(Target, Change)> {
        let [a, b, c, d, e, _] = data.args;
        #[cfg(target_arch = "x86_64")]
        let at = |path: u64, follow: bool| self.target(libc::AT_FDCWD, path, follow);
        let flagged = |folder: u64, path: u64, flags: u64| {
            let flags = flags as i32;
            if flags & libc::AT_EMPTY_PATH != 0 && self.path(path)?.as_os_str().is_empty() {
                return Ok(Target::Open(folder as i32));
            }
            self.target(folder as i32, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)
        };
        let mode = |mode: u64| Change::Mode(mode as u32 & 0o7777);
        let owner = |user: u64, group: u64| Change::Owner(user as u32, group as u32);
        Ok(match libc::c_long::from(data.nr) {
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chmod => (at(a, true)?, mode(b)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chown => (at(a, true)?, owner(b, c)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_lchown => (at(a, false)?, owner(b, c)),
            libc::SYS_fchmod => (Target::Open(a as i32), mode(b)),
            libc::SYS_fchmodat => (self.target(a as i32, b, true)?, mode(c)),
            FCHMODAT2 => (flagged(a, b, d)?, mode(c)),
            libc::SYS_fchown => (Target::Open(a as i32), owner(b, c)),
            libc::SYS_fchownat => (flagged(a, b, e)?, owner(c, d)),
            libc::SYS_utimensat if b == 0 => (Target::Open(a as i32), Change::Times(self.times(c)?)),
            libc::SYS_utimensat => (flagged(a, b, d)?, Change::Times(self.times(c)?)),
            _ => return Err(Errno::PERM.into()),
        })
    }

    fn target(&self, folder: i32, path: u64, follow: bool) -> io::Result<Target> {
        let path = self.path(path)?;
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT.into());
        }
        Ok(Target::At { folder, path, follow })
    }

    /// Opens what the call is about, without any right to read or write it.
    fn open(&self, target: &Target) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let descriptor = |fd: i32| format!("/proc/{}/fd/{fd}", self.pid);
        match target {
            Target::Open(fd) => Ok(openat(CWD, descriptor(*fd), flags, Mode::empty())?),
            Target::At { folder, path, follow } => {
                let flags = if *follow { flags } else { flags | OFlags::NOFOLLOW };
                if path.is_absolute() {
                    return Ok(openat(CWD, path, flags, Mode::empty())?);
                }
                let start = match *folder {
                    libc::AT_FDCWD => format!("/proc/{}/cwd", self.pid),
                    fd => descriptor(fd),
                };
                let start = openat(CWD, start, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
                Ok(openat(start.as_fd(), path, flags, Mode::empty())?)
            }
        }
    }

    fn memory(&self) -> io::Result<File> {
        File::open(format!("/proc/{}/mem", self.pid))
    }

    /// A nul-terminated path in the caller's memory.
    fn path(&self, address: u64) -> io::Result<PathBuf> {
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

    /// Two times in the caller's memory; none means now.
    fn times(&self, address: u64) -> io::Result<Timestamps> {
        let mut times = [Timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW }; 2];
        if address != 0 {
            let mut bytes = [0_u8; 32];
            self.memory()?.read_exact_at(&mut bytes, address).map_err(|_| Errno::FAULT)?;
            let (numbers, _) = bytes.as_chunks::<8>();
            for (time, number) in times.iter_mut().zip(numbers.chunks(2)) {
                *time = Timespec { tv_sec: i64::from_ne_bytes(number[0]), tv_nsec: i64::from_ne_bytes(number[1]) };
            }
        }
        let [last_access, last_modification] = times;
        Ok(Timestamps { last_access, last_modification })
    }
}

/// Younger than some C libraries.
const FCHMODAT2: libc::c_long = 452;
