//! The guard's side of a control group: async-signal-safe, and without pointers, since the guard gives its memory back.

use std::ffi::CStr;
use std::os::fd::RawFd;

use super::super::sys;

/// What the name of a group may take: a prefix, four numbers and a nul.
const NAME_BYTES: usize = 96;

/// How often the guard tries to remove its group, and how long it waits in between: a process that has been collected,
/// or has failed to become the command, may need some microseconds to be gone.
const TRIES: usize = 20;
const BETWEEN_TRIES_US: i64 = 500;

/// The name of a group.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Name([u8; NAME_BYTES]);

impl Name {
    /// Takes a short name without nul.
    pub(super) fn new(name: &str) -> Self {
        let mut bytes = [0; NAME_BYTES];
        // The last byte stays nul.
        for (place, byte) in bytes.iter_mut().take(NAME_BYTES - 1).zip(name.bytes()) {
            *place = byte;
        }
        Self(bytes)
    }

    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        self.as_c_str().to_str().unwrap_or_default()
    }
}

/// A group to be made for a command.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Planned {
    /// The folder of the server's own group.
    pub(super) parent: RawFd,
    pub(super) name: Name,
}

impl Planned {
    pub(in super::super) fn parent(&self) -> RawFd {
        self.parent
    }

    pub(in super::super) fn name(&self) -> Name {
        self.name
    }

    /// Makes the group. `None`: there is to be none, as when the kernel does not let the server make more.
    pub(in super::super) fn make(self) -> Option<Made> {
        sys::make_folder(self.parent, self.name.as_c_str(), 0o755).ok()?;
        match sys::open_at(self.parent, self.name.as_c_str(), libc::O_PATH | libc::O_DIRECTORY) {
            Ok(folder) => Some(Made { planned: self, folder }),
            Err(_) => {
                let _ = sys::remove_folder(self.parent, self.name.as_c_str());
                None
            }
        }
    }
}

/// A group that is there.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Made {
    planned: Planned,
    folder: RawFd,
}

impl Made {
    pub(in super::super) fn folder(self) -> RawFd {
        self.folder
    }

    /// Kills everything in it, and whatever is forked meanwhile.
    pub(in super::super) fn kill(self) {
        if let Ok(file) = sys::open_at(self.folder, c"cgroup.kill", libc::O_WRONLY) {
            let _ = sys::write(file, b"1");
            sys::close(file);
        }
    }

    /// Removes it. Stays when it is not empty after a while.
    pub(in super::super) fn remove(self) {
        for _ in 0..TRIES {
            if sys::remove_folder(self.planned.parent, self.planned.name.as_c_str()) != Err(libc::EBUSY) {
                return;
            }
            self.kill();
            sys::sleep_us(BETWEEN_TRIES_US);
        }
    }
}
