//! Hears of changes in the folders of rollouts.
//!
//! Linux tells of a change (inotify) before the system call that makes it returns, and the queue is read without
//! waiting. So what is not in the queue has not happened, and nothing need be looked at again. There is no thread behind
//! it. Elsewhere, and where a folder cannot be watched, there is no [`Watch`].
//!
//! A folder tells of what happens to a file by its name there. A file with other names (hard links) is watched itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::paths::RolloutName;

/// What a watched place holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Other folders: years, months, days.
    Tree(PathBuf),
    /// Rollouts; the folder's path under the home.
    Rollouts(Arc<str>),
    /// It is one rollout with these names, each with its folder.
    Rollout(Vec<(Arc<str>, RolloutName)>),
}

/// What may be different now.
#[derive(Debug)]
pub(super) enum Change {
    /// A file of this folder, or which one that is.
    File(Arc<str>, OsString),
    /// What is in a rollout.
    Content(Arc<str>, RolloutName),
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

    use super::{Arc, Change, Path, Place, RolloutName};

    /// Says how many watches a user's processes may have in all.
    const WATCHES_AT_MOST: &str = "/proc/sys/fs/inotify/max_user_watches";

    /// The part of them that is used for files; editors and builds live from the rest.
    const SHARE: usize = 4;

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
        /// For so many more names of files there may be watches; `None` before the first.
        names_left: Option<usize>,
    }

    impl Watch {
        /// Nothing is watched yet. `None` when the system has no room for another watcher.
        pub(in crate::index) fn new() -> Option<Self> {
            let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            Some(Self { queue, places: HashMap::new(), names_left: None })
        }

        /// Watches a folder from now on. With `follow`, the one that a symbolic link names.
        ///
        /// `Some(true)` when it was not watched before as what it is now, `None` when it cannot be watched.
        pub(in crate::index) fn add(&mut self, folder: &Path, follow: bool, place: Place) -> Option<bool> {
            if !is_local(folder) {
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

        /// Watches a file from now on, by whatever name it is changed; what happens to it is told of by this one. The
        /// last part of `path` is not followed.
        ///
        /// `Some(true)` when it was not watched before by this name, `None` when it cannot be watched, or when too many
        /// are.
        pub(in crate::index) fn add_rollout(
            &mut self,
            path: &Path,
            folder: &Arc<str>,
            name: &RolloutName,
        ) -> Option<bool> {
            let left = *self.names_left.get_or_insert_with(|| {
                let all = std::fs::read_to_string(WATCHES_AT_MOST).ok().and_then(|text| text.trim().parse().ok());
                all.unwrap_or(0_usize) / SHARE
            });
            if left == 0 || !is_local(path) {
                return None;
            }
            let flags = WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::DELETE_SELF | WatchFlags::DONT_FOLLOW;
            let id = inotify::add_watch(&self.queue, path, flags).ok()?;
            let Place::Rollout(names) = self.places.entry(id).or_insert_with(|| Place::Rollout(Vec::new())) else {
                return None;
            };
            if names.iter().any(|known| known.0 == *folder && known.1 == *name) {
                return Some(false);
            }
            names.push((folder.clone(), *name));
            self.names_left = Some(left - 1);
            Some(true)
        }

        /// Stops watching places that `wanted` does not want any more.
        pub(in crate::index) fn keep(&mut self, wanted: impl Fn(&Place) -> bool) {
            let (queue, names_left) = (&self.queue, &mut self.names_left);
            self.places.retain(|id, place| {
                let keep = wanted(place);
                if !keep {
                    give_back(names_left, place);
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
                let is_gone = kind.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF);
                match (place, event.file_name()) {
                    (Place::Rollout(names), _) => {
                        names.iter().cloned().for_each(|(folder, name)| change(Change::Content(folder, name)));
                    }
                    _ if is_gone => change(Change::Tree),
                    (Place::Tree(_), _) => change(Change::Tree),
                    (Place::Rollouts(folder), Some(name)) => {
                        let name = OsStr::from_bytes(name.to_bytes()).to_owned();
                        change(Change::File(folder.clone(), name));
                    }
                    (Place::Rollouts(folder), None) => change(Change::Folder(folder.clone())),
                }
                if kind.contains(ReadFlags::IGNORED)
                    && let Some(place) = self.places.remove(&event.wd())
                {
                    give_back(&mut self.names_left, &place);
                }
            }
        }
    }

    /// A place is not watched any more.
    fn give_back(names_left: &mut Option<usize>, place: &Place) {
        if let (Some(left), Place::Rollout(names)) = (names_left, place) {
            *left += names.len();
        }
    }

    /// Whether all changes under a path are made by this machine.
    fn is_local(path: &Path) -> bool {
        rustix::fs::statfs(path)
            .is_ok_and(|facts| u64::try_from(facts.f_type).is_ok_and(|kind| LOCAL.contains(&(kind & 0xFFFF_FFFF))))
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::{Arc, Change, Path, Place, RolloutName};

    /// There is none on this system.
    pub(in crate::index) enum Watch {}

    impl Watch {
        pub(in crate::index) fn new() -> Option<Self> {
            None
        }

        pub(in crate::index) fn add(&mut self, _: &Path, _: bool, _: Place) -> Option<bool> {
            match *self {}
        }

        pub(in crate::index) fn add_rollout(&mut self, _: &Path, _: &Arc<str>, _: &RolloutName) -> Option<bool> {
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
