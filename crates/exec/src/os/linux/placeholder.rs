//! Keeps protected names from coming into being: while a sandbox runs, an empty folder holds the place of each that is
//! absent, for only what exists can be covered.
//!
//! Sandboxes that run at once, of any server, share a placeholder. Each holds a shared lock on it; whichever leaves last
//! gets the exclusive lock and removes it. A placeholder is told from a folder of the user's by its time of modification,
//! and is only ever removed empty. One that was left behind by a power failure is removed by the next sandbox there.
//!
//! The guard makes and removes them: it outlives the server, whatever kills that, so none is left behind. It also has the
//! rights of the command where namespaces take some away, and what it may not make, the command may not either.
//!
//! It is seen while a command runs. Nothing less visible would do: a mount needs something to lie on, and removing what
//! it lies on, outside, takes the mount away as well. An overlay with the workspace as its upper layer would bring the
//! names along by itself, but needs a work folder on the same file system, writes attributes of its own into the
//! workspace, and two at once over one workspace are undefined. Landlock knows folders and kinds, not names.

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::path::Path;

use super::{mounts, sys};

/// The time that marks a placeholder: one nanosecond into 1970, plus a number nobody else thinks of.
const MARK: libc::timespec = libc::timespec { tv_sec: 1, tv_nsec: 5_051_713 };

/// How long another guard may take to remove a placeholder before we believe that something else locks it.
const PATIENCE_MS: i64 = 2_000;

/// Whether a folder may be a placeholder, and so needs to be held: it is empty, or has just been removed.
pub(super) fn may_be_one(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

const MOST: usize = 64;
const MOST_PATH_BYTES: usize = 8 * 1024;

/// Whether a guard can hold all of these places.
pub(super) fn fit(places: &[CString]) -> bool {
    let bytes: usize = places.iter().map(|path| path.as_bytes_with_nul().len()).sum();
    places.len() <= MOST && bytes <= MOST_PATH_BYTES
}

/// What has become of a place that was to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder is there, and stays.
    Held,
    /// Something of the user's is there by now; the rules protect it as what it is.
    Taken,
    /// Nothing is there, and nothing can come into being: its folder is missing, or may not be written to.
    Barred,
}

/// The placeholders of a guard, without any pointers: the guard gives its memory back, but not its stack.
pub(super) struct Held {
    paths: [u8; MOST_PATH_BYTES],
    used: usize,
    locks: [RawFd; MOST],
    count: usize,
}

impl Held {
    pub(super) fn none() -> Self {
        Self { paths: [0; MOST_PATH_BYTES], used: 0, locks: [-1; MOST], count: 0 }
    }

    /// Holds the place of `path`, which does not exist or is an empty folder. Fails with `EBUSY` when something else
    /// than a guard keeps it locked, with `ENOBUFS` for more places than [`fit`].
    pub(super) fn hold(&mut self, path: &CStr) -> sys::Sys<Place> {
        let give_up_ms = sys::now_ms().wrapping_add(PATIENCE_MS);
        // Each turn of the loop means that somebody else has just removed it, or is about to.
        while sys::now_ms() < give_up_ms {
            match make(path) {
                Ok(()) | Err(libc::EEXIST) => {}
                Err(libc::ENOENT | libc::EACCES | libc::EPERM | libc::EROFS | libc::ENOTDIR | libc::EOVERFLOW) => {
                    return Ok(Place::Barred);
                }
                Err(errno) => return Err(errno),
            }
            let lock = match sys::open(path, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW) {
                Ok(lock) => lock,
                Err(libc::ENOENT) => continue,
                Err(libc::ENOTDIR | libc::ELOOP | libc::EACCES) => return Ok(Place::Taken),
                Err(errno) => return Err(errno),
            };
            match flock(lock, libc::LOCK_SH) {
                Ok(()) if names(path, lock) => return self.keep(path, lock),
                Ok(()) => {}
                // Being removed by a guard that then ends: some microseconds.
                Err(libc::EWOULDBLOCK) => sys::sleep_us(50),
                Err(errno) => {
                    sys::close(lock);
                    return Err(errno);
                }
            }
            sys::close(lock);
        }
        Err(libc::EBUSY)
    }

    fn keep(&mut self, path: &CStr, lock: RawFd) -> sys::Sys<Place> {
        let bytes = path.to_bytes_with_nul();
        let end = self.used.wrapping_add(bytes.len());
        match (self.paths.get_mut(self.used..end), self.locks.get_mut(self.count)) {
            (Some(place), Some(free)) => {
                place.copy_from_slice(bytes);
                *free = lock;
                self.used = end;
                self.count = self.count.wrapping_add(1);
                Ok(Place::Held)
            }
            _ => {
                remove_if_alone(lock, path);
                sys::close(lock);
                Err(libc::ENOBUFS)
            }
        }
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

/// Makes a placeholder where nothing is.
fn make(path: &CStr) -> sys::Sys<()> {
    // SAFETY: the path is nul-terminated.
    sys::check(i64::from(unsafe { libc::mkdir(path.as_ptr(), 0o755) }))?;
    let times = [MARK, MARK];
    // SAFETY: the path is nul-terminated, the times are the two expected.
    let marked = unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    match sys::check(i64::from(marked)) {
        // Another guard has been quick to remove it; the caller sees to that.
        Ok(_) | Err(libc::ENOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Never waits.
fn flock(fd: RawFd, operation: libc::c_int) -> sys::Sys<()> {
    // SAFETY: takes plain numbers.
    sys::check(i64::from(unsafe { libc::flock(fd, operation | libc::LOCK_NB) })).map(drop)
}

/// Whether `path` still names the open folder.
fn names(path: &CStr, lock: RawFd) -> bool {
    // SAFETY: zeroed structures are valid, the pointers are to locals, the path is nul-terminated.
    unsafe {
        let (mut open, mut named): (libc::stat, libc::stat) = (std::mem::zeroed(), std::mem::zeroed());
        libc::fstat(lock, &raw mut open) == 0
            && libc::lstat(path.as_ptr(), &raw mut named) == 0
            && (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino)
    }
}

/// Removes a placeholder unless somebody else holds it, or it is none, or no longer empty.
fn remove_if_alone(lock: RawFd, path: &CStr) {
    if flock(lock, libc::LOCK_EX).is_ok() && is_marked(lock) {
        // SAFETY: the path is nul-terminated. Fails when it is not empty, as it should.
        unsafe { libc::rmdir(path.as_ptr()) };
    }
}

fn is_marked(fd: RawFd) -> bool {
    // SAFETY: a zeroed structure is valid, the pointer is to a local.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat) == 0 && stat.st_mtime == MARK.tv_sec && stat.st_mtime_nsec == MARK.tv_nsec
    }
}
