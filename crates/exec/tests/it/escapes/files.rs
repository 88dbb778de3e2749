//! Ways to touch files that are none of the command's business.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::kernel::{HERE, Outcome, at, c, call, done, in_group, let_in};
use super::{Attempt, Place, always, depends};

pub(super) const ATTEMPTS: &[Attempt] = &[
    always("create a file outside", |p| said(fs::write(p.outside("new"), "x"))),
    always("overwrite a file outside", |p| said(fs::write(p.outside("secret"), "x"))),
    always("append to a file outside", |p| append(&p.outside("secret"))),
    always("truncate a file outside", |p| done(libc::SYS_truncate, [at(&c(p.outside("secret"))), 0])),
    always("delete a file outside", |p| said(fs::remove_file(p.outside("secret")))),
    always("make a folder outside", |p| said(fs::create_dir(p.outside("folder")))),
    always("make a FIFO outside", |p| {
        done(libc::SYS_mknodat, [HERE, at(&c(p.outside("f"))), libc::S_IFIFO as usize | 0o600, 0])
    }),
    always("move a file from outside in", |p| said(fs::rename(p.outside("secret"), p.project("stolen")))),
    always("move a file over one outside", |p| {
        said(fs::write(p.project("mine"), "x"))?;
        said(fs::rename(p.project("mine"), p.outside("secret")))
    }),
    always("exchange a file with one outside", |p| {
        said(fs::write(p.project("mine"), "x"))?;
        exchange(&p.project("mine"), &p.outside("secret"))
    }),
    always("write through `..`", |p| said(fs::write(p.project("sub/../../outside/secret"), "x"))),
    always("write through a symbolic link", |p| {
        said(symlink(p.outside(""), p.project("sub/way-out")))?;
        said(fs::write(p.project("sub/way-out/secret"), "x"))
    }),
    always("write through a hard link", |p| {
        said(fs::hard_link(p.outside("secret"), p.project("sub/hard")))?;
        said(fs::write(p.project("sub/hard"), "x"))
    }),
    always("write through a hard link to an open file", |p| {
        let file = said(File::open(p.outside("secret")))?;
        let from = c(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let to = c(p.project("sub/hard"));
        done(libc::SYS_linkat, [HERE, at(&from), HERE, at(&to), libc::AT_SYMLINK_FOLLOW as usize])?;
        said(fs::write(p.project("sub/hard"), "x"))
    }),
    always("write through /proc/self/root", |p| said(fs::write(through("/proc/self/root", &p.outside("secret")), "x"))),
    always("write through /proc/self/cwd", |_| said(fs::write("/proc/self/cwd/../outside/secret", "x"))),
    always("reopen a file that is open for reading", |p| {
        let file = said(File::open(p.outside("secret")))?;
        append(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
    }),
    always("write below an open folder", |p| {
        let folder = said(File::open(p.outside("")))?;
        said(fs::write(format!("/proc/self/fd/{}/new", folder.as_raw_fd()), "x"))
    }),
    depends("write through an inherited descriptor", |p| {
        let flags = [p.inherited, libc::F_GETFD as usize];
        done(libc::SYS_fcntl, flags)?;
        done(libc::SYS_write, [p.inherited, b"x".as_ptr() as usize, 1])
    }),
    always("change the mode of a file outside", |p| {
        said(fs::set_permissions(p.outside("secret"), fs::Permissions::from_mode(0o777)))
    }),
    always("change the mode through a symbolic link", |p| {
        said(symlink(p.outside("secret"), p.project("sub/link")))?;
        said(fs::set_permissions(p.project("sub/link"), fs::Permissions::from_mode(0o777)))
    }),
    always("change the mode by a relative path", |_| {
        said(fs::set_permissions("../outside/secret", fs::Permissions::from_mode(0o777)))
    }),
    always("change the mode below an open folder", |p| {
        let folder = said(File::open(p.outside("")))?;
        done(libc::SYS_fchmodat, [folder.as_raw_fd() as usize, at(&c("secret")), 0o777])
    }),
    always("change the mode of a hook", |p| {
        said(fs::set_permissions(p.project(".git/hooks/pre-commit"), fs::Permissions::from_mode(0o777)))
    }),
    always("change the owner of a file outside", |p| {
        said(std::os::unix::fs::lchown(p.outside("secret"), Some(p.uid), Some(p.gid)))
    }),
    always("change the times of a file outside", |p| {
        done(libc::SYS_utimensat, [HERE, at(&c(p.outside("secret"))), 0, 0])
    }),
    depends("change attributes of a file outside", |p| {
        let (path, name) = (c(p.outside("secret")), c("user.escape"));
        done(libc::SYS_setxattr, [at(&path), at(&name), b"x".as_ptr() as usize, 1, 0])
    }),
    depends("change flags of a file outside", |p| {
        const SETFLAGS: usize = 0x4008_6602;
        const NO_DUMP: u64 = 0x40;
        let file = said(File::open(p.outside("secret")))?;
        done(libc::SYS_ioctl, [file.as_raw_fd() as usize, SETFLAGS, [NO_DUMP].as_ptr() as usize])
    }),
    always("change the mode of an open file outside", |p| {
        let file = said(File::open(p.outside("secret")))?;
        done(libc::SYS_fchmod, [file.as_raw_fd() as usize, 0o777])
    }),
    always("write into a FIFO outside", |p| {
        let mut fifo = said(OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(p.outside("fifo")))?;
        said(fifo.write_all(b"x"))
    }),
    always("swap a folder for a link while writing", swap),
    always("write to the folder with accounts", |p| said(fs::write(p.root.join("home/auth.json"), "x"))),
    always("leave something in /dev/shm", |p| {
        said(fs::write(&p.shm, "x"))?;
        // One's own shared memory is nobody's business; the harness looks whether it is seen outside.
        if fs::metadata("/dev/shm").is_ok_and(|own| own_device(&own) != p.shm_device) {
            Err("a private one".into())
        } else {
            Ok(())
        }
    }),
    depends("write to a disk through a node of one's own", |p| {
        let node = c(p.project("sub/disk"));
        done(libc::SYS_mknodat, [HERE, at(&node), libc::S_IFBLK as usize | 0o600, libc::makedev(259, 0) as usize])?;
        said(OpenOptions::new().write(true).open(p.project("sub/disk"))).map(drop)
    }),
    depends("write to memory", |_| opened("/dev/mem")),
    depends("write to the kernel's log", |_| opened("/dev/kmsg")),
    depends("set the core pattern", |_| opened("/proc/sys/kernel/core_pattern")),
    depends("set a kernel setting", |_| opened("/proc/sys/vm/drop_caches")),
    depends("press a magic key", |_| opened("/proc/sysrq-trigger")),
    depends("set a setting in /sys", |_| opened("/sys/kernel/mm/transparent_hugepage/enabled")),
    depends("set a helper in /sys", |_| opened("/sys/kernel/uevent_helper")),
    depends("make a control group", |_| {
        let groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"];
        let made = groups.iter().any(|group| {
            let new = Path::new(group).join("escape");
            let made = fs::create_dir(&new).is_ok();
            made && fs::remove_dir(&new).is_ok()
        });
        if made { Ok(()) } else { Err("none could be made".to_owned()) }
    }),
    depends("leave the control group", |p| said(fs::write(p.groups.join("cgroup.procs"), "0"))),
    depends("kill a control group", |p| {
        // Only opened: nothing shall die of this test.
        let groups = said(fs::read_dir(&p.groups))?.flatten();
        let killed = groups
            .filter(|group| group.path().join("cgroup.kill").exists())
            .any(|group| OpenOptions::new().write(true).open(group.path().join("cgroup.kill")).is_ok());
        if killed { Ok(()) } else { Err("none could be".to_owned()) }
    }),
    depends("start a process in another control group", |p| in_group(&p.groups)),
    depends("open a file by its handle", |p| {
        // A handle: its length, its type, its bytes. Getting one is not refused everywhere, opening must be.
        let mut handle = [0_u32; 34];
        handle[0] = 128;
        let (mut mount, path) = (0_i32, c(p.outside("secret")));
        let _ = call(
            libc::SYS_name_to_handle_at,
            [HERE, at(&path), handle.as_mut_ptr() as usize, &raw mut mount as usize, 0],
        );
        let_in(libc::SYS_open_by_handle_at, [HERE, handle.as_ptr() as usize, libc::O_RDWR as usize])
    }),
    // Protected names inside the workspace.
    always("write a hook", |p| said(fs::write(p.project(".git/hooks/pre-commit"), "x"))),
    always("write the repository's configuration", |p| append(&p.project(".git/config"))),
    always("replace the repository's configuration", |p| {
        said(fs::write(p.project("sub/mine"), "x"))?;
        said(fs::rename(p.project("sub/mine"), p.project(".git/config")))
    }),
    always("rename .git", |p| said(fs::rename(p.project(".git"), p.project("sub/git")))),
    always("exchange .git", |p| exchange(&p.project("sub"), &p.project(".git"))),
    always("delete .codex", |p| said(fs::remove_dir_all(p.project(".codex")))),
    always("empty .codex", |p| said(fs::remove_file(p.project(".codex/config.toml")))),
    always("write a hook through a hard link", |p| {
        said(fs::hard_link(p.project(".git/config"), p.project("sub/hard")))?;
        said(fs::write(p.project("sub/hard"), "x"))
    }),
    always("write a hook through the work folder", |p| {
        let folder = said(File::open(p.project(".git/hooks")))?;
        said(fs::write(format!("/proc/self/fd/{}/pre-commit", folder.as_raw_fd()), "x"))
    }),
    always("make an absent .agents", |p| {
        said(fs::create_dir(p.project(".agents")))?;
        said(fs::write(p.project(".agents/x"), "x"))
    }),
    always("write into an absent .agents", |p| {
        said(fs::write(p.project(".agents/x"), "x")).or_else(|_| said(fs::create_dir_all(p.project(".agents/skills"))))
    }),
    always("make .agents a link", |p| said(symlink("/tmp", p.project(".agents")))),
    always("move a folder to .agents", |p| said(fs::rename(p.project("sub"), p.project(".agents")))),
    always("make .agents after removing it", |p| {
        let _ = fs::remove_dir(p.project(".agents"));
        said(symlink("/tmp", p.project(".agents")))
    }),
    always("move the workspace away", |p| said(fs::rename(p.project(""), p.root.join("moved")))),
];

/// What only a policy that denies reading stops.
pub(super) const READING: &[Attempt] = &[
    always("read a denied file", |p| said(fs::read(p.project("closed/key"))).map(drop)),
    always("list a denied folder", |p| said(fs::read_dir(p.project("closed"))).map(drop)),
    always("read a file denied by a pattern", |p| said(fs::read(p.project("sub/.env"))).map(drop)),
    always("read a denied file through a link", |p| {
        said(symlink(p.project("closed/key"), p.project("sub/link")))?;
        said(fs::read(p.project("sub/link"))).map(drop)
    }),
    always("read a denied file through a hard link", |p| {
        said(fs::hard_link(p.project("closed/key"), p.project("sub/hard")))?;
        said(fs::read(p.project("sub/hard"))).map(drop)
    }),
    always("read a denied file through /proc/self/root", |p| {
        said(fs::read(through("/proc/self/root", &p.project("closed/key")))).map(drop)
    }),
    always("read a denied file in a moved folder", |p| {
        said(fs::rename(p.project("closed"), p.project("sub/opened")))?;
        said(fs::read(p.project("sub/opened/key"))).map(drop)
    }),
];

pub(super) fn said<T>(result: std::io::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn opened(path: &str) -> Outcome {
    said(OpenOptions::new().write(true).open(path)).map(drop)
}

fn append(path: &Path) -> Outcome {
    said(OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(b"x")))
}

fn through(root: &str, path: &Path) -> std::path::PathBuf {
    Path::new(root).join(path.strip_prefix("/").expect("the yard's paths are absolute"))
}

fn exchange(one: &Path, other: &Path) -> Outcome {
    done(libc::SYS_renameat2, [HERE, at(&c(one)), HERE, at(&c(other)), libc::RENAME_EXCHANGE as usize])
}

fn own_device(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::dev(metadata)
}

/// Writes to a path that is a folder of one's own when it is looked at and a link when it is used.
fn swap(p: &Place) -> Outcome {
    let (path, folder, link) = (p.project("sub/swap"), p.project("sub/folder"), p.project("sub/link"));
    said(fs::create_dir(&folder))?;
    said(symlink(p.outside(""), &link))?;
    said(fs::rename(&folder, &path))?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2_000 {
                let _ = exchange(&path, &link);
            }
        });
        for _ in 0..2_000 {
            let _ = fs::write(path.join("swapped"), "x");
        }
    });
    if !path.is_symlink() {
        exchange(&path, &link)?;
    }
    let _ = fs::write(path.join("swapped"), "x");
    if p.outside("swapped").exists() { Ok(()) } else { Err("never arrived".to_owned()) }
}
