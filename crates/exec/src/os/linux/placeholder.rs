//! Keeps protected names from coming into being: while a sandbox runs, an empty folder holds the place of each that is
//! absent, for only what exists can be covered.
//!
//! Sandboxes that run at once, of any server, share a placeholder. Each holds a shared lock on it; whichever leaves last
//! gets the exclusive lock and removes it. A placeholder is told from a folder of the user's by its time of modification,
//! and is only ever removed empty. One that was left behind by a power failure is removed by the next sandbox there.
//!
//! It is seen while a command runs. Nothing less visible would do: a mount needs something to lie on, and removing what
//! it lies on, outside, takes the mount away as well. An overlay with the workspace as its upper layer would bring the
//! names along by itself, but needs a work folder on the same file system, writes attributes of its own into the
//! workspace, and two at once over one workspace are undefined. Landlock knows folders and kinds, not names.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, Timespec, Timestamps, flock, fstat, mkdir, open, statat, utimensat,
};
use rustix::io::Errno;

use super::{mounts, sys};

/// The time that marks a placeholder: one nanosecond into 1970, plus a number nobody else thinks of.
const MARK: Timespec = Timespec { tv_sec: 1, tv_nsec: 5_051_713 };

/// How long a guard may take to remove a placeholder before we believe that something else locks it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A locked placeholder, removed when it is dropped before a guard has it.
#[derive(Debug)]
pub(super) struct Placeholder {
    path: CString,
    lock: OwnedFd,
    handed_over: bool,
}

impl Placeholder {
    pub(super) fn descriptor(&self) -> RawFd {
        self.lock.as_raw_fd()
    }

    /// A guard has been forked, with a copy of the descriptor: the lock is now the guard's.
    pub(super) fn hand_over(&mut self) {
        self.handed_over = true;
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        if !self.handed_over {
            remove_if_alone(self.lock.as_raw_fd(), &self.path);
        }
    }
}

/// Holds the place of `path`, which does not exist or is an empty folder. `None`: it cannot come into being anyway, or
/// something else is there by now.
pub(super) fn hold(path: &Path) -> io::Result<Option<Placeholder>> {
    let give_up = Instant::now() + PATIENCE;
    // Each turn of the loop means that somebody else has just removed it, or is about to.
    while Instant::now() < give_up {
        match mkdir(path, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                let marked = Timestamps { last_access: MARK, last_modification: MARK };
                utimensat(rustix::fs::CWD, path, &marked, AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Err(Errno::EXIST) => {}
            // No folder to be in, or none we may write to: then nor may the command.
            Err(Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = match open(path, flags, Mode::empty()) {
            Ok(lock) => lock,
            Err(Errno::NOENT) => continue,
            // Something of the user's; the rules protect it as what it is.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match flock(&lock, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {}
            // Being removed by a guard that then ends: some microseconds.
            Err(Errno::WOULDBLOCK) => {
                std::thread::sleep(Duration::from_micros(50));
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        if is_still(&lock, path)? {
            let path = CString::new(path.as_os_str().as_encoded_bytes())?;
            return Ok(Some(Placeholder { path, lock, handed_over: false }));
        }
    }
    Err(io::Error::other("a protected name is locked by someone else"))
}

/// Whether `path` still names the open folder.
fn is_still(lock: &OwnedFd, path: &Path) -> io::Result<bool> {
    let ours = fstat(lock.as_fd())?;
    match statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(theirs) => Ok(ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a folder may be a placeholder, and so needs to be held: it is empty, or has just been removed.
pub(super) fn may_be_one(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The placeholders of a guard, without any pointers: the guard gives its memory back, but not its stack.
pub(super) struct Held {
    paths: [u8; 8 * 1024],
    locks: [RawFd; 64],
    count: usize,
}

/// What fits into [`Held`]. More placeholders than this are refused.
pub(super) const MOST: usize = 64;
pub(super) const MOST_PATH_BYTES: usize = 8 * 1024;

/// Whether the guard will be able to hold these.
pub(super) fn fit(placeholders: &[Placeholder]) -> bool {
    let bytes: usize = placeholders.iter().map(|one| one.path.as_bytes_with_nul().len()).sum();
    placeholders.len() <= MOST && bytes <= MOST_PATH_BYTES
}

impl Held {
    pub(super) fn new(placeholders: &[Placeholder]) -> Self {
        let mut held = Self { paths: [0; MOST_PATH_BYTES], locks: [-1; MOST], count: 0 };
        let mut at: usize = 0;
        for placeholder in placeholders {
            let path = placeholder.path.as_bytes_with_nul();
            let end = at.wrapping_add(path.len());
            if let (Some(place), Some(lock)) = (held.paths.get_mut(at..end), held.locks.get_mut(held.count)) {
                place.copy_from_slice(path);
                *lock = placeholder.lock.as_raw_fd();
                held.count = held.count.wrapping_add(1);
            }
            at = end;
        }
        held
    }

    /// Removes those that nobody else holds. `covered`: in a mount namespace of this process' own, first to be uncovered.
    pub(super) fn remove(&self, covered: bool) {
        let mut rest = &self.paths[..];
        for &lock in self.locks.iter().take(self.count) {
            let Ok(path) = CStr::from_bytes_until_nul(rest) else { return };
            rest = rest.get(path.count_bytes().wrapping_add(1)..).unwrap_or_default();
            if covered {
                let _ = mounts::detach(path);
            }
            remove_if_alone(lock, path);
            sys::close(lock);
        }
    }
}

/// Removes a placeholder unless somebody else holds it, or it is none, or no longer empty.
fn remove_if_alone(lock: RawFd, path: &CStr) {
    // SAFETY: takes plain numbers.
    let alone = unsafe { sys::call(libc::SYS_flock, [lock as usize, FLOCK_EXCLUSIVE, 0, 0, 0, 0]) }.is_ok();
    if alone && is_marked(lock) {
        let arguments = [libc::AT_FDCWD as usize, path.as_ptr() as usize, libc::AT_REMOVEDIR as usize, 0, 0, 0];
        // SAFETY: the path is nul-terminated. Fails when it is not empty, as it should.
        let _ = unsafe { sys::call(libc::SYS_unlinkat, arguments) };
    }
}

const FLOCK_EXCLUSIVE: usize = (libc::LOCK_EX | libc::LOCK_NB) as usize;

fn is_marked(fd: RawFd) -> bool {
    // SAFETY: a zeroed structure is valid, the pointer is to a local.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat) == 0 && stat.st_mtime == MARK.tv_sec && stat.st_mtime_nsec == MARK.tv_nsec
    }
}
