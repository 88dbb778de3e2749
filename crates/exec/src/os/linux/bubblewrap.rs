//! The sandbox as an argument list for the `bwrap` program.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, memfd_create};

use super::confine::failed;
use super::guard::{At, Failure, Step};
use super::seccomp::Filter;
use super::spawn::c_string;
use super::sys;
use super::visit::Visit;
use crate::command::SpawnError;
use crate::os::Network;
use crate::rules::{Access, Layout, PlaceKind};

/// A call of `bwrap`.
#[derive(Debug)]
pub(super) struct Wrapper {
    program: CString,
    arguments: Vec<CString>,
    /// What it reads: the filter, and the contents of files that hide others.
    files: Vec<OwnedFd>,
    /// How listeners come into its network.
    visit: Option<Visit>,
}

impl Wrapper {
    /// `reserved`: the places that the guard is to hold. `visit`: how listeners come into its network, where there are to be some.
    pub(super) fn new(
        program: &Path,
        layout: &Layout,
        reserved: &[CString],
        cwd: &Path,
        network: Network,
        visit: Option<Visit>,
    ) -> Result<Self, SpawnError> {
        let mut wrapper = Self { program: c_path(program)?, arguments: Vec::new(), files: Vec::new(), visit: None };
        wrapper.add(&["bwrap", "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc"])?;
        wrapper.add(&["--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"])?;
        if network != Network::On {
            wrapper.add(&["--unshare-net"])?;
        }
        if let Some(visit) = visit {
            wrapper.add(&visit.arguments().each_ref().map(String::as_str))?;
            wrapper.visit = Some(visit);
        }
        wrapper.base(layout)?;
        wrapper.add(&["--dev", "/dev", "--proc", "/proc"])?;
        // It covers these only against those it thinks could write to them, and misses root without capabilities.
        for settings in ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"] {
            wrapper.add(&["--ro-bind-try", settings, settings])?;
        }
        wrapper.places(layout, reserved)?;
        if layout.base == Access::None {
            wrapper.add(&["--dir"])?;
            wrapper.path(cwd)?;
            wrapper.add(&["--remount-ro", "/"])?;
        }
        wrapper.add(&["--chdir"])?;
        wrapper.path(cwd)?;
        Ok(wrapper)
    }

    fn base(&mut self, layout: &Layout) -> Result<(), SpawnError> {
        match layout.base {
            Access::Write => self.add(&["--bind", "/", "/"]),
            Access::Read => self.add(&["--ro-bind", "/", "/"]),
            Access::None => self.add(&["--tmpfs", "/"]),
        }
    }

    fn places(&mut self, layout: &Layout, reserved: &[CString]) -> Result<(), SpawnError> {
        let private = |path: &Path| path == Path::new("/dev") || path.starts_with("/proc");
        let mut covered: Vec<PathBuf> = Vec::new();
        for place in layout.places.iter().filter(|place| !private(&place.path)) {
            match (place.access, place.kind) {
                (Access::None, PlaceKind::Folder) => {
                    let hidden = layout.seen_within(&place.path).next().is_none();
                    self.add(&["--perms", if hidden { "0000" } else { "0111" }, "--tmpfs"])?;
                    self.path(&place.path)?;
                }
                (Access::None, PlaceKind::File) => {
                    let empty = memfd_create("empty", MemfdFlags::CLOEXEC).map_err(|e| failed("mounts")(e.into()))?;
                    self.add(&["--perms", "0000", "--ro-bind-data", &empty.as_raw_fd().to_string()])?;
                    self.path(&place.path)?;
                    self.files.push(empty);
                }
                // A link cannot be covered by this program, so the folder around it must not change.
                (Access::Read | Access::Write, PlaceKind::Link) => {
                    if let Some(folder) = place.path.parent().filter(|folder| !covered.iter().any(|one| one == folder))
                    {
                        self.split(folder, layout)?;
                        covered.push(folder.to_owned());
                    }
                }
                (Access::None, PlaceKind::Link) | (_, PlaceKind::Absent) => {}
                // Missing all the same where it cannot come into being.
                (_, PlaceKind::Folder) if reserved.contains(&c_path(&place.path)?) => {
                    self.add(&["--ro-bind-try"])?;
                    self.path(&place.path)?;
                    self.path(&place.path)?;
                }
                (access, PlaceKind::Folder | PlaceKind::File) => self.bind(&place.path, access)?,
            }
        }
        // Only now that all that lies in them is in place.
        for place in
            layout.places.iter().filter(|place| place.access == Access::None && place.kind == PlaceKind::Folder)
        {
            self.add(&["--remount-ro"])?;
            self.path(&place.path)?;
        }
        for (link, target) in layout.links.iter().filter(|_| layout.base == Access::None) {
            // Only where nothing else brings the name along.
            if layout.access_around(link) == Access::None
                && !layout.places.iter().any(|place| place.path.starts_with(link))
            {
                self.add(&["--symlink"])?;
                self.path(target)?;
                self.path(link)?;
            }
        }
        Ok(())
    }

    /// Makes a writable folder read-only and what it holds writable again, but for what is a place of its own.
    fn split(&mut self, folder: &Path, layout: &Layout) -> Result<(), SpawnError> {
        self.bind(folder, Access::Read)?;
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            match layout.places.iter().find(|place| place.path == path) {
                None if !is_link => self.bind(&path, Access::Write)?,
                Some(place) if place.kind != PlaceKind::Link => self.bind(&path, place.access)?,
                None | Some(_) => {}
            }
        }
        Ok(())
    }

    fn bind(&mut self, path: &Path, access: Access) -> Result<(), SpawnError> {
        self.add(&[if access == Access::Write { "--bind" } else { "--ro-bind" }])?;
        self.path(path)?;
        self.path(path)
    }

    fn add(&mut self, arguments: &[&str]) -> Result<(), SpawnError> {
        for argument in arguments {
            self.arguments.push(c_string(*argument)?);
        }
        Ok(())
    }

    fn path(&mut self, path: &Path) -> Result<(), SpawnError> {
        self.arguments.push(c_path(path)?);
        Ok(())
    }

    pub(super) fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        let file = memfd_create("filter", MemfdFlags::CLOEXEC)?;
        let program = filter.bytes();
        let mut written = 0;
        while written < program.len() {
            written += rustix::io::pwrite(&file, &program[written..], written as u64)?;
        }
        let number = CString::new(file.as_raw_fd().to_string())?;
        self.arguments.extend([c"--seccomp".to_owned(), number]);
        self.files.push(file);
        Ok(())
    }

    /// What the guard keeps open for the program, and for its visitor.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.inherited().chain(self.visit.iter().flat_map(Visit::ours))
    }

    fn inherited(&self) -> impl Iterator<Item = RawFd> {
        self.files.iter().map(AsRawFd::as_raw_fd).chain(self.visit.iter().flat_map(Visit::theirs))
    }

    /// Lets the program inherit what it is to read. It closes all of it before it runs the command.
    pub(super) fn pass_descriptors(&self) -> Result<(), Failure> {
        for fd in self.inherited() {
            sys::keep_on_exec(fd).at(Step::Mounts)?;
        }
        Ok(())
    }

    pub(super) fn visit(&self) -> Option<&Visit> {
        self.visit.as_ref()
    }

    /// Turns the command into arguments of the program.
    pub(super) fn wrap(&self, argv: &mut Vec<CString>, programs: &mut Vec<CString>) -> Result<(), SpawnError> {
        // It would say so on the command's standard error, where nobody could tell.
        if !programs.iter().any(|program| Path::new(OsStr::from_bytes(program.as_bytes())).exists()) {
            let program = argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
            return Err(SpawnError::Program { program, source: io::ErrorKind::NotFound.into() });
        }
        *programs = vec![self.program.clone()];
        let command = std::mem::take(argv);
        argv.extend(self.arguments.iter().cloned());
        argv.push(c_string("--")?);
        argv.extend(command);
        Ok(())
    }
}

fn c_path(path: &Path) -> Result<CString, SpawnError> {
    c_string(path.as_os_str().as_encoded_bytes())
}

/// Looks for the program in a `PATH`.
pub(super) fn find(path: Option<&OsStr>) -> Option<PathBuf> {
    let folders = path.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    std::env::split_paths(folders).map(|folder| folder.join("bwrap")).find(|path| path.is_absolute() && path.is_file())
}
