//! Landlock: file rules a process lays upon itself and its descendants.
//!
//! Rules only add: what is granted for a folder is granted for all below.

use std::ffi::CString;
use std::path::Path;

use super::guard::{At, Failure, Step};
use super::sys;

/// The version of Landlock this kernel has; 0 without.
pub(super) fn version() -> u32 {
    const VERSION_FLAG: usize = 1;
    // SAFETY: this form of the call takes no pointers.
    let version = unsafe { sys::call(libc::SYS_landlock_create_ruleset, [0, 0, VERSION_FLAG, 0, 0, 0]) };
    version.ok().and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Removing and making of every kind.
const CHANGE_DIR: u64 = 0b1_1111_1111 << 4;
/// Since version 2.
const REFER: u64 = 1 << 13;
/// Since version 3.
const TRUNCATE: u64 = 1 << 14;

/// What reading takes, including running programs.
pub(super) const READ: u64 = EXECUTE | READ_FILE | READ_DIR;
/// What writing takes, in folders and to files.
pub(super) const WRITE: u64 = WRITE_FILE | CHANGE_DIR | REFER | TRUNCATE;
/// What writing to existing files takes.
pub(super) const WRITE_FILES: u64 = WRITE_FILE | TRUNCATE;
/// The rights that make sense for something that is not a folder.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;

/// The version from which all of the file rights used here exist.
pub(super) const LEAST_VERSION: u32 = 3;
/// The version from which signals and abstract sockets can be kept in.
pub(super) const SCOPES_VERSION: u32 = 6;

/// Rules to apply, in the kernel's terms.
#[derive(Debug)]
pub(super) struct Ruleset {
    attributes: Attributes,
    attributes_bytes: usize,
    rules: Vec<(CString, u64)>,
}

#[derive(Debug, Default)]
#[repr(C)]
struct Attributes {
    handled_files: u64,
    handled_network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

impl Ruleset {
    /// Rules under which the rights in `handled` are refused except where granted. Without `network` TCP is refused;
    /// signals and abstract sockets are kept in as far as `version` can.
    pub(super) fn new(version: u32, handled: u64, network: bool) -> Self {
        let mut attributes = Attributes { handled_files: handled, ..Attributes::default() };
        let mut fields = 1;
        if version >= 4 {
            fields = 2;
            // Binding and connecting.
            attributes.handled_network = if network { 0 } else { 0b11 };
        }
        if version >= SCOPES_VERSION {
            fields = 3;
            // Abstract sockets and signals.
            attributes.scoped = 0b11;
        }
        Self { attributes, attributes_bytes: fields * size_of::<u64>(), rules: Vec::new() }
    }

    /// Grants rights at a path and below; a path that is not there when the rules are applied grants nothing.
    pub(super) fn grant(&mut self, path: &Path, rights: u64) {
        if let Ok(path) = CString::new(path.as_os_str().as_encoded_bytes()) {
            self.rules.push((path, rights & self.attributes.handled_files));
        }
    }

    /// Whether there is anything to apply.
    pub(super) fn is_empty(&self) -> bool {
        self.attributes.handled_files | self.attributes.handled_network | self.attributes.scoped == 0
    }

    /// Puts the calling process under the rules, for good. It must already have given up new privileges.
    pub(super) fn apply(&self) -> Result<(), Failure> {
        let attributes = &raw const self.attributes as usize;
        let arguments = [attributes, self.attributes_bytes, 0, 0, 0, 0];
        // SAFETY: the attributes are valid for the length given.
        let ruleset = unsafe { sys::call(libc::SYS_landlock_create_ruleset, arguments) }.at(Step::Landlock)?;
        for (path, rights) in &self.rules {
            let parent = match sys::open(path, libc::O_PATH) {
                Ok(fd) => fd,
                Err(libc::ENOENT | libc::EACCES | libc::ENOTDIR) => continue,
                Err(errno) => return Err((Step::Landlock, errno)),
            };
            let allowed = if sys::is_folder(parent) { *rights } else { rights & OF_FILES };
            if allowed != 0 {
                let rule = PathBeneath { allowed, parent };
                const PATH_BENEATH: usize = 1;
                let arguments = [ruleset as usize, PATH_BENEATH, &raw const rule as usize, 0, 0, 0];
                // SAFETY: the rule is valid for the call.
                unsafe { sys::call(libc::SYS_landlock_add_rule, arguments) }.at(Step::Landlock)?;
            }
            sys::close(parent);
        }
        // SAFETY: takes plain numbers.
        unsafe { sys::call(libc::SYS_landlock_restrict_self, [ruleset as usize, 0, 0, 0, 0, 0]) }.at(Step::Landlock)?;
        sys::close(ruleset as i32);
        Ok(())
    }
}
