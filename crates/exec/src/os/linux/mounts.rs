//! The file system as a sandboxed command sees it, built by the guard in a mount namespace of its own.
//!
//! Where everything may be read, the tree stays and becomes read-only as a whole, and what may be written is laid over
//! it as it was. Where reading is restricted, a new root is built from what may be read. Trees are taken (cloned) before
//! anything changes, so that each keeps the properties it has outside; a clone never needs to be made writable again.
//!
//! `/proc` and `/dev` are always the command's own.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::path::Path;

use super::guard::{At, Failure, Step};
use super::placeholder::{self, Held};
use super::sys;
use crate::command::SpawnError;
use crate::rules::{Access, Layout, Place, PlaceKind};

/// Everything the guard needs to build the view.
#[derive(Debug)]
pub(super) struct View {
    base: Base,
    places: Vec<Planned>,
    /// `0 0 1`: the user of the server, as itself.
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
    /// The slave of the command's terminal.
    terminal: Option<CString>,
}

#[derive(Debug)]
enum Base {
    /// Everything as it is, and read-only when so.
    Kept { read_only: bool },
    /// Nothing but this.
    New(Vec<Piece>),
}

/// Something to mount on.
#[derive(Debug)]
enum Piece {
    Folder(CString),
    File(CString),
    Link { target: CString, path: CString },
}

#[derive(Debug)]
struct Planned {
    /// Where it is, outside.
    source: CString,
    access: Access,
    kind: PlaceKind,
    /// Whether its name must be held first: nothing was there, or nothing but a placeholder.
    reserved: bool,
    /// The taken tree.
    tree: RawFd,
    /// Where nothing may be seen: what must be there all the same, to mount on.
    within: Vec<Piece>,
}

impl View {
    /// `reserved`: the places that the guard is to hold.
    pub(super) fn new(
        layout: &Layout,
        reserved: &[CString],
        cwd: &Path,
        terminal: Option<CString>,
    ) -> Result<Self, SpawnError> {
        let private = |path: &Path| ["/proc", "/dev"].map(Path::new).contains(&path);
        let of_interest = |place: &&Place| !private(&place.path) && !place.path.starts_with("/proc");
        let base = match layout.base {
            Access::Write => Base::Kept { read_only: false },
            Access::Read => Base::Kept { read_only: true },
            Access::None => Base::New(skeleton(layout, cwd)?),
        };
        let planned = |place| planned(place, layout, reserved);
        let places: Vec<_> = layout.places.iter().filter(of_interest).map(planned).collect::<Result<_, _>>()?;
        let map = |id: u32| format!("{id} {id} 1").into_bytes();
        Ok(Self {
            base,
            places,
            uid_map: map(rustix::process::geteuid().as_raw()),
            gid_map: map(rustix::process::getegid().as_raw()),
            terminal,
        })
    }

    /// Builds the view. Runs in the guard, which has just been made in new user and mount namespaces.
    pub(super) fn build(&mut self, held: &mut Held) -> Result<(), Failure> {
        self.map_ids().at(Step::UserNamespace)?;
        for place in self.places.iter_mut().filter(|place| place.reserved) {
            if held.hold(&place.source).at(Step::Names)? == placeholder::Place::Barred {
                place.kind = PlaceKind::Absent;
            }
        }
        self.build_mounts().at(Step::Mounts)
    }

    fn map_ids(&self) -> sys::Sys<()> {
        // Whether the server hides its memory must not decide who owns these files.
        sys::prctl(libc::PR_SET_DUMPABLE, 1)?;
        // Without the right to drop groups, mapping one's own group needs no privilege.
        write_file(c"/proc/self/setgroups", b"deny")?;
        write_file(c"/proc/self/gid_map", &self.gid_map)?;
        write_file(c"/proc/self/uid_map", &self.uid_map)
    }

    fn build_mounts(&mut self) -> sys::Sys<()> {
        mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
        for place in &mut self.places {
            if place.access != Access::None && place.kind != PlaceKind::Absent {
                place.tree = take_tree(&place.source, place.kind)?;
                if place.access == Access::Read {
                    make_read_only(place.tree, c"", true)?;
                }
            }
        }
        match &self.base {
            Base::Kept { read_only } => {
                if *read_only {
                    make_read_only(libc::AT_FDCWD, c"/", true)?;
                }
                self.proc_and_dev(c"/dev")?;
                self.lay_places(false)
            }
            Base::New(pieces) => {
                // Any folder will do to build it on; this one is sure to be there.
                mount(Some(c"tmpfs"), c"/proc", Some(c"tmpfs"), libc::MS_NOSUID | libc::MS_NODEV, Some(c"mode=755"))?;
                let devices = Devices::take(self.terminal.as_deref())?;
                sys::chdir(c"/proc")?;
                pieces.iter().try_for_each(|piece| piece.make(true))?;
                self.lay_places(true)?;
                mount_proc(c"proc")?;
                devices.lay(c"dev")?;
                pivot_root_here()?;
                cover_kernel_settings()?;
                make_read_only(libc::AT_FDCWD, c"/", false)
            }
        }
    }

    fn proc_and_dev(&self, dev: &CStr) -> sys::Sys<()> {
        let devices = Devices::take(self.terminal.as_deref())?;
        mount_proc(c"/proc")?;
        cover_kernel_settings()?;
        devices.lay(dev)
    }

    /// Puts the places where they belong, outer before inner. `relative`: below the working directory.
    fn lay_places(&self, relative: bool) -> sys::Sys<()> {
        let mut mask = None;
        for place in &self.places {
            let target = if relative { relative_to_root(&place.source) } else { place.source.as_c_str() };
            match (place.access, place.kind) {
                (Access::None, PlaceKind::Link) | (_, PlaceKind::Absent) => {}
                (Access::None, PlaceKind::Folder) => {
                    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
                    let mode = if place.within.is_empty() { c"mode=000" } else { c"mode=111" };
                    mount(Some(c"tmpfs"), target, Some(c"tmpfs"), flags, Some(mode))?;
                    place.within.iter().try_for_each(|piece| piece.make(relative))?;
                    make_read_only(libc::AT_FDCWD, target, false)?;
                }
                (Access::None, PlaceKind::File) => {
                    let source = match mask {
                        Some(source) => source,
                        None => *mask.insert(make_mask()?),
                    };
                    let tree = open_tree(source, c"file", 0)?;
                    make_read_only(tree, c"", false)?;
                    move_tree(tree, target)?;
                }
                (Access::Read | Access::Write, _) => move_tree(place.tree, target)?,
            }
        }
        if let Some(mask) = mask {
            sys::close(mask);
            detach(MASK)?;
        }
        Ok(())
    }
}

fn planned(place: &Place, layout: &Layout, reserved: &[CString]) -> Result<Planned, SpawnError> {
    let mut within = Vec::new();
    if place.access == Access::None && place.kind == PlaceKind::Folder {
        let between = |path: &Path| path.starts_with(&place.path) && path != place.path;
        within = pieces(layout.seen_within(&place.path), std::iter::empty(), between)?;
    }
    let source = c_path(&place.path)?;
    let reserved = reserved.contains(&source);
    Ok(Planned { source, access: place.access, kind: place.kind, reserved, tree: -1, within })
}

fn c_path(path: &Path) -> Result<CString, SpawnError> {
    super::spawn::c_string(path.as_os_str().as_encoded_bytes())
}

/// A new root: what is mounted on, where the command runs (it may not see what is there), and the links.
fn skeleton(layout: &Layout, cwd: &Path) -> Result<Vec<Piece>, SpawnError> {
    let root = Path::new("/");
    let real_cwd = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
    let mut links: Vec<(&Path, &Path)> = layout.links.iter().map(|(link, target)| (&**link, &**target)).collect();
    if real_cwd != cwd {
        links.push((cwd, &real_cwd));
    }
    let folders = ["/proc", "/dev"].into_iter().map(Path::new).chain([&*real_cwd]);
    let folders = folders.chain(links.iter().filter_map(|(link, _)| link.parent()));
    let mut pieces = pieces(layout.seen_within(root), folders, |path| path != root)?;
    for (link, target) in links {
        pieces.push(Piece::Link { target: c_path(target)?, path: c_path(link)? });
    }
    Ok(pieces)
}

/// Folders and files to mount on, parents first, as far as they are `wanted`.
fn pieces<'a>(
    places: impl Iterator<Item = &'a Place>,
    folders: impl Iterator<Item = &'a Path>,
    wanted: impl Fn(&Path) -> bool,
) -> Result<Vec<Piece>, SpawnError> {
    let mut made: BTreeSet<&Path> = folders.flat_map(Path::ancestors).filter(|path| wanted(path)).collect();
    let mut files = Vec::new();
    for place in places {
        match place.kind {
            PlaceKind::Folder | PlaceKind::Absent => made.extend(place.path.ancestors().filter(|path| wanted(path))),
            PlaceKind::File => {
                made.extend(place.path.ancestors().skip(1).filter(|path| wanted(path)));
                files.push(Piece::File(c_path(&place.path)?));
            }
            PlaceKind::Link => {}
        }
    }
    let mut pieces = Vec::with_capacity(made.len() + files.len());
    for folder in made {
        pieces.push(Piece::Folder(c_path(folder)?));
    }
    pieces.append(&mut files);
    Ok(pieces)
}

impl Piece {
    /// Makes the piece; `relative`: below the working directory. One that is there already is as good.
    fn make(&self, relative: bool) -> sys::Sys<()> {
        let at = |path: &'_ CString| if relative { relative_to_root(path).as_ptr() } else { path.as_ptr() };
        let made = match self {
            // SAFETY: the path is nul-terminated.
            Self::Folder(path) => sys::check(i64::from(unsafe { libc::mkdir(at(path), 0o755) })),
            // SAFETY: the path is nul-terminated.
            Self::File(path) => sys::check(i64::from(unsafe { libc::mknod(at(path), libc::S_IFREG | 0o644, 0) })),
            // SAFETY: both are nul-terminated.
            Self::Link { target, path } => sys::check(i64::from(unsafe { libc::symlink(target.as_ptr(), at(path)) })),
        };
        match made {
            Ok(_) | Err(libc::EEXIST) => Ok(()),
            // Below something that is not ours to build: the place will be missing, which denies it.
            Err(libc::ENOTDIR | libc::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

fn make_file(path: &CStr, mode: libc::mode_t) -> sys::Sys<i64> {
    // SAFETY: the path is nul-terminated.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC, mode) };
    let fd = sys::check(i64::from(fd))?;
    sys::close(fd as RawFd);
    Ok(0)
}

/// The device nodes every program may expect, taken from outside.
struct Devices {
    nodes: [(&'static CStr, RawFd); 6],
    terminal: Option<RawFd>,
}

impl Devices {
    fn take(terminal: Option<&CStr>) -> sys::Sys<Self> {
        let mut nodes = [
            (c"/dev/null", -1),
            (c"/dev/zero", -1),
            (c"/dev/full", -1),
            (c"/dev/random", -1),
            (c"/dev/urandom", -1),
            (c"/dev/tty", -1),
        ];
        for (path, tree) in &mut nodes {
            match take_tree(path, PlaceKind::File) {
                Ok(fd) => *tree = fd,
                // Small systems have no /dev/full or /dev/tty.
                Err(libc::ENOENT) => {}
                Err(errno) => return Err(errno),
            }
        }
        // Only for programs that ask for the terminal's name.
        let terminal = terminal.and_then(|path| take_tree(path, PlaceKind::File).ok());
        Ok(Self { nodes, terminal })
    }

    /// Builds the command's own `/dev`: these nodes, terminals of its own, shared memory of its own.
    fn lay(&self, dev: &CStr) -> sys::Sys<()> {
        mount(Some(c"tmpfs"), dev, Some(c"tmpfs"), libc::MS_NOSUID | libc::MS_NODEV, Some(c"mode=755"))?;
        let back = sys::open(c".", libc::O_PATH | libc::O_DIRECTORY)?;
        sys::chdir(dev)?;
        for (path, tree) in self.nodes.iter().filter(|(_, tree)| *tree >= 0) {
            let name = path.get_name();
            make_file(name, 0o666)?;
            move_tree(*tree, name)?;
        }
        if let Some(tree) = self.terminal {
            make_file(c"console", 0o620)?;
            move_tree(tree, c"console")?;
        }
        make_folder(c"pts", 0o755)?;
        let flags = libc::MS_NOSUID | libc::MS_NOEXEC;
        mount(Some(c"devpts"), c"pts", Some(c"devpts"), flags, Some(c"newinstance,ptmxmode=0666,mode=620"))?;
        make_folder(c"shm", 0o1777)?;
        for (target, link) in [
            (c"pts/ptmx", c"ptmx"),
            (c"/proc/self/fd", c"fd"),
            (c"/proc/self/fd/0", c"stdin"),
            (c"/proc/self/fd/1", c"stdout"),
            (c"/proc/self/fd/2", c"stderr"),
        ] {
            // SAFETY: both are nul-terminated.
            sys::check(i64::from(unsafe { libc::symlink(target.as_ptr(), link.as_ptr()) }))?;
        }
        // SAFETY: takes a descriptor.
        sys::check(i64::from(unsafe { libc::fchdir(back) }))?;
        sys::close(back);
        Ok(())
    }
}

trait Name {
    fn get_name(&self) -> &CStr;
}

impl Name for CStr {
    /// The part after `/dev/`.
    fn get_name(&self) -> &CStr {
        CStr::from_bytes_with_nul(self.to_bytes_with_nul().get(5..).unwrap_or_default()).unwrap_or(c"")
    }
}

fn make_folder(path: &CStr, mode: libc::mode_t) -> sys::Sys<()> {
    // SAFETY: the path is nul-terminated.
    sys::check(i64::from(unsafe { libc::mkdir(path.as_ptr(), mode) }))?;
    // The umask has had its say; this has the last word.
    // SAFETY: the path is nul-terminated.
    sys::check(i64::from(unsafe { libc::chmod(path.as_ptr(), mode) })).map(drop)
}

fn mount_proc(target: &CStr) -> sys::Sys<()> {
    mount(Some(c"proc"), target, Some(c"proc"), libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC, None)
}

/// Makes the parts of `/proc` read-only through which root, even without capabilities, could change the system.
fn cover_kernel_settings() -> sys::Sys<()> {
    for path in [c"/proc/sys", c"/proc/sysrq-trigger", c"/proc/irq", c"/proc/bus"] {
        match open_tree(libc::AT_FDCWD, path, AT_RECURSIVE) {
            Ok(tree) => {
                make_read_only(tree, c"", true)?;
                move_tree(tree, path)?;
            }
            Err(libc::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Where the file that stands for denied files is made, for a moment.
const MASK: &CStr = c"/proc";

/// Makes a file nobody may open, in a file system of its own over [`MASK`]; the folder's descriptor.
fn make_mask() -> sys::Sys<RawFd> {
    mount(Some(c"tmpfs"), MASK, Some(c"tmpfs"), libc::MS_NOSUID | libc::MS_NODEV, Some(c"mode=000,size=4k"))?;
    let folder = sys::open(MASK, libc::O_PATH | libc::O_DIRECTORY)?;
    // SAFETY: the name is nul-terminated.
    let file = unsafe { libc::openat(folder, c"file".as_ptr(), libc::O_CREAT | libc::O_CLOEXEC, 0) };
    sys::close(sys::check(i64::from(file))? as RawFd);
    Ok(folder)
}

/// Takes off the topmost mount at a path.
pub(super) fn detach(path: &CStr) -> sys::Sys<()> {
    // SAFETY: the path is nul-terminated.
    sys::check(i64::from(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) })).map(drop)
}

/// Makes the working directory the root and lets the old root go.
fn pivot_root_here() -> sys::Sys<()> {
    let here = c".".as_ptr() as usize;
    // SAFETY: both paths are nul-terminated.
    unsafe { sys::call(libc::SYS_pivot_root, [here, here, 0, 0, 0, 0]) }?;
    // The old root now lies over the new one.
    detach(c".")?;
    sys::chdir(c"/")
}

fn relative_to_root(path: &CStr) -> &CStr {
    CStr::from_bytes_with_nul(path.to_bytes_with_nul().get(1..).unwrap_or_default()).unwrap_or(c".")
}

fn write_file(path: &CStr, bytes: &[u8]) -> sys::Sys<()> {
    let fd = sys::open(path, libc::O_WRONLY)?;
    let written = sys::write(fd, bytes);
    sys::close(fd);
    written.map(drop)
}

fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    data: Option<&CStr>,
) -> sys::Sys<()> {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: all texts are nul-terminated or null.
    let done = unsafe { libc::mount(pointer(source), target.as_ptr(), pointer(kind), flags, pointer(data).cast()) };
    sys::check(i64::from(done)).map(drop)
}

const AT_RECURSIVE: usize = 0x8000;

fn open_tree(folder: RawFd, path: &CStr, flags: usize) -> sys::Sys<RawFd> {
    const CLONE: usize = 1;
    let flags = CLONE | libc::O_CLOEXEC as usize | flags;
    // SAFETY: the path is nul-terminated.
    unsafe { sys::call(libc::SYS_open_tree, [folder as usize, path.as_ptr() as usize, flags, 0, 0, 0]) }
        .map(|fd| fd as RawFd)
}

/// Clones what is mounted at a path and below. A link is taken as the link.
fn take_tree(path: &CStr, kind: PlaceKind) -> sys::Sys<RawFd> {
    let follow = if kind == PlaceKind::Link { libc::AT_SYMLINK_NOFOLLOW as usize } else { 0 };
    open_tree(libc::AT_FDCWD, path, AT_RECURSIVE | follow)
}

/// Puts a taken tree at a path; a link there is covered, not followed.
fn move_tree(tree: RawFd, target: &CStr) -> sys::Sys<()> {
    const FROM_EMPTY_PATH: usize = 4;
    let arguments =
        [tree as usize, c"".as_ptr() as usize, libc::AT_FDCWD as usize, target.as_ptr() as usize, FROM_EMPTY_PATH, 0];
    // SAFETY: both paths are nul-terminated.
    unsafe { sys::call(libc::SYS_move_mount, arguments) }?;
    sys::close(tree);
    Ok(())
}

/// Makes a mount read-only; `recursive`: with all mounts below. An empty path means `folder` itself.
fn make_read_only(folder: RawFd, path: &CStr, recursive: bool) -> sys::Sys<()> {
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    const READ_ONLY: u64 = 1;
    const NO_SET_USER_ID: u64 = 2;
    let attributes = Attributes { set: READ_ONLY | NO_SET_USER_ID, clear: 0, propagation: 0, user_namespace: 0 };
    let mut flags = if recursive { AT_RECURSIVE } else { 0 };
    if path.is_empty() {
        flags |= libc::AT_EMPTY_PATH as usize;
    }
    let arguments =
        [folder as usize, path.as_ptr() as usize, flags, &raw const attributes as usize, size_of::<Attributes>(), 0];
    // SAFETY: the path is nul-terminated, the attributes valid for their size.
    unsafe { sys::call(libc::SYS_mount_setattr, arguments) }.map(drop)
}
