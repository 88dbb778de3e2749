//! Hears of changes in the folders of rollouts.
//!
//! Linux tells of a change (inotify) before the system call that makes it returns, and the queue is read without
//! waiting. So what is not in the queue has not happened, and nothing need be looked at again. There is no thread behind
//! it. Elsewhere, and where a folder cannot be watched, there is no [`Watch`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a watched folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Other folders: years, months, days.
    Tree(PathBuf),
    /// Rollouts; the folder's path under the home.
    Rollouts(Arc<str>),
}

/// What may be different now.
#[derive(Debug)]
pub(super) enum Change {
    /// A file of this folder.
    File(Arc<str>, OsString),
    /// Everything in this folder.
    Folder(Arc<str>),
    /// Which folders there are.
    Tree,
    /// Anything: more happened than the queue holds.
    Anything,
    /// Anything, and what is watched is no longer where it was.
    Moved,
}

#[cfg(target_os = "linux")]
pub(super) use linux::Watch;
#[cfg(not(target_os = "linux"))]
pub(super) use none::Watch;

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::ffi::OsStr;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;

    use super::{Change, Path, Place};

    /// Bytes of events read at once; one takes at most 272.
    const QUEUE_CHUNK: usize = 4096;

    /// File systems that only this machine's kernel changes, by `statfs(2)`. On others (network, FUSE) changes come
    /// about that inotify does not tell of.
    const LOCAL: [u64; 10] = [
        0xEF53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683E, // Btrfs
        0x0102_1994, // tmpfs
        0x8584_58F6, // ramfs
        0x794C_7630, // overlayfs
        0x2FC1_2FC1, // ZFS
        0xF2F5_2010, // F2FS
        0xCA45_1A4E, // bcachefs
        0x3153_464A, // JFS
    ];

    pub(in crate::index) struct Watch {
        queue: OwnedFd,
        places: HashMap<i32, Place>,
    }

    impl Watch {
        /// Nothing is watched yet. `None` when the system has no room for another watcher.
        pub(in crate::index) fn new() -> Option<Self> {
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            Some(Self { queue, places: HashMap::new() })
        }

        /// Watches a folder from now on. With `follow`, the one that a symbolic link names.
        ///
        /// `Some(true)` when it was not watched before as what it is now, `None` when it cannot be watched.
        pub(in crate::index) fn add(&mut self, folder: &Path, follow: bool, place: Place) -> Option<bool> {
            let kind = rustix::fs::statfs(folder).ok()?.f_type;
            if !u64::try_from(kind).is_ok_and(|kind| LOCAL.contains(&(kind & 0xFFFF_FFFF))) {
                return None;
            }
            let mut flags = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MODIFY
                | WatchFlags::ATTRIB
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::EXCL_UNLINK
                | WatchFlags::ONLYDIR;
            if !follow {
                flags |= WatchFlags::DONT_FOLLOW;
            }
            let id = inotify::add_watch(&self.queue, folder, flags).ok()?;
            match self.places.get(&id) {
                Some(known) if *known == place => Some(false),
                // Two paths of one folder: its events have one name only.
                Some(_) => None,
                None => {
                    self.places.insert(id, place);
                    Some(true)
                }
            }
        }

        /// Stops watching folders that `wanted` does not want any more.
        pub(in crate::index) fn keep(&mut self, wanted: impl Fn(&Place) -> bool) {
            let queue = &self.queue;
            self.places.retain(|id, place| {
                let keep = wanted(place);
                if !keep {
                    // It may be gone by itself.
                    let _ = inotify::remove_watch(queue, *id);
                }
                keep
            });
        }

        /// Gives what has happened since the last call to `change`. Does not wait.
        pub(in crate::index) fn changes(&mut self, mut change: impl FnMut(Change)) {
            let mut buffer = [MaybeUninit::uninit(); QUEUE_CHUNK];
            let mut events = Reader::new(&self.queue, &mut buffer);
            loop {
                let event = match events.next() {
                    Ok(event) => event,
                    Err(Errno::INTR) => continue,
                    Err(Errno::AGAIN) => return,
                    Err(error) => {
                        tracing::warn!(%error, "changes of threads on disk cannot be heard of");
                        return change(Change::Anything);
                    }
                };
                let kind = event.events();
                if kind.contains(ReadFlags::QUEUE_OVERFLOW) {
                    change(Change::Anything);
                    continue;
                }
                let Some(place) = self.places.get(&event.wd()) else { continue };
                if kind.contains(ReadFlags::MOVE_SELF) {
                    // So are the folders in it, which are not told of: all paths may be others.
                    change(Change::Moved);
                    continue;
                }
                if kind.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF) {
                    change(Change::Tree);
                    if kind.contains(ReadFlags::IGNORED) {
                        self.places.remove(&event.wd());
                    }
                    continue;
                }
                match (place, event.file_name()) {
                    (Place::Tree(_), _) => change(Change::Tree),
                    (Place::Rollouts(folder), Some(name)) => {
                        let name = OsStr::from_bytes(name.to_bytes()).to_owned();
                        change(Change::File(folder.clone(), name));
                    }
                    (Place::Rollouts(folder), None) => change(Change::Folder(folder.clone())),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::{Change, Path, Place};

    /// There is none on this system.
    pub(in crate::index) enum Watch {}

    impl Watch {
        pub(in crate::index) fn new() -> Option<Self> {
            None
        }

        pub(in crate::index) fn add(&mut self, _: &Path, _: bool, _: Place) -> Option<bool> {
            match *self {}
        }

        pub(in crate::index) fn keep(&mut self, _: impl Fn(&Place) -> bool) {
            match *self {}
        }

        pub(in crate::index) fn changes(&mut self, _: impl FnMut(Change)) {
            match *self {}
        }
    }
}
