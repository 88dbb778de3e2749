//! Changes modes, owners and times of files for commands that are confined by Landlock alone.
//!
//! Landlock has no rules for them, and a filter cannot tell one file from another. So the filter lets such calls wait
//! and asks here, in the server: the file is opened as the command means it, its path compared with the rules, and the
//! change made to that very file. The command's own call is never carried out, so nothing can be exchanged in between.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, chmod, stat, utimensat};
use rustix::io::Errno;

use super::caller::Caller;
use crate::rules::Rules;

/// What one command may change.
pub(super) struct Attributes {
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

impl Attributes {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, user: rustix::process::geteuid() }
    }

    /// Makes the change that a call asks for.
    ///
    /// # Errors
    /// What the call is to fail with.
    pub(super) fn change(&self, caller: &Caller<'_>) -> io::Result<()> {
        let (target, change) = meaning(caller)?;
        let file = target.open(caller)?;
        caller.still_waits()?;
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

/// What a call asks for. Source of the arguments' places: the kernel's table of system calls.
fn meaning(caller: &Caller<'_>) -> io::Result<(Target, Change)> {
    let [a, b, c, d, e, _] = caller.arguments();
    #[cfg(target_arch = "x86_64")]
    let at = |path: u64, follow: bool| Target::at(caller, libc::AT_FDCWD, path, follow);
    let flagged = |folder: u64, path: u64, flags: u64| {
        let flags = flags as i32;
        if flags & libc::AT_EMPTY_PATH != 0 && caller.path(path)?.as_os_str().is_empty() {
            return Ok(Target::Open(folder as i32));
        }
        Target::at(caller, folder as i32, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)
    };
    let mode = |mode: u64| Change::Mode(mode as u32 & 0o7777);
    let owner = |user: u64, group: u64| Change::Owner(user as u32, group as u32);
    let to = |times: u64| times_at(caller, times).map(Change::Times);
    Ok(match caller.number() {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => (at(a, true)?, mode(b)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chown => (at(a, true)?, owner(b, c)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown => (at(a, false)?, owner(b, c)),
        libc::SYS_fchmod => (Target::Open(a as i32), mode(b)),
        libc::SYS_fchmodat => (Target::at(caller, a as i32, b, true)?, mode(c)),
        FCHMODAT2 => (flagged(a, b, d)?, mode(c)),
        libc::SYS_fchown => (Target::Open(a as i32), owner(b, c)),
        libc::SYS_fchownat => (flagged(a, b, e)?, owner(c, d)),
        libc::SYS_utimensat if b == 0 => (Target::Open(a as i32), to(c)?),
        libc::SYS_utimensat => (flagged(a, b, d)?, to(c)?),
        _ => return Err(Errno::PERM.into()),
    })
}

impl Target {
    fn at(caller: &Caller<'_>, folder: i32, path: u64, follow: bool) -> io::Result<Self> {
        let path = caller.path(path)?;
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT.into());
        }
        Ok(Self::At { folder, path, follow })
    }

    fn open(&self, caller: &Caller<'_>) -> io::Result<OwnedFd> {
        match self {
            Self::Open(fd) => caller.open(*fd),
            Self::At { folder, path, follow } => caller.open_at(*folder, path, *follow),
        }
    }
}

/// Two times in the caller's memory; none means now.
fn times_at(caller: &Caller<'_>, address: u64) -> io::Result<Timestamps> {
    let mut times = [Timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW }; 2];
    if address != 0 {
        let mut bytes = [0_u8; 32];
        caller.read(address, &mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        for (time, number) in times.iter_mut().zip(numbers.chunks(2)) {
            *time = Timespec { tv_sec: i64::from_ne_bytes(number[0]), tv_nsec: i64::from_ne_bytes(number[1]) };
        }
    }
    let [last_access, last_modification] = times;
    Ok(Timestamps { last_access, last_modification })
}

/// Younger than some C libraries.
const FCHMODAT2: libc::c_long = 452;
