//! Ways to processes outside, to the kernel's powers, and to more rights.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use super::files::said;
use super::kernel::{HERE, Outcome, at, c, call, clone_with, clone3_with, done, let_in};
use super::{Attempt, Place, always, depends};

pub(super) const ATTEMPTS: &[Attempt] = &[
    always("signal a process outside", |p| done(libc::SYS_kill, [p.bystander, 0])),
    always("kill a thread outside", |p| done(libc::SYS_tgkill, [p.bystander, p.bystander, 0])),
    always("signal a process outside by descriptor", |p| {
        let process = call(libc::SYS_pidfd_open, [p.bystander, 0]).map_err(|errno| errno.to_string())?;
        done(libc::SYS_pidfd_send_signal, [process, 0, 0, 0])
    }),
    always("signal the group of a process outside", |p| done(libc::SYS_kill, [p.bystander.wrapping_neg(), 0])),
    depends("trace a process outside", |p| {
        const SEIZE: usize = 0x4206;
        done(libc::SYS_ptrace, [SEIZE, p.bystander, 0, 0])
    }),
    depends("read memory of a process outside", |p| memory(p, libc::SYS_process_vm_readv)),
    depends("write memory of a process outside", |p| memory(p, libc::SYS_process_vm_writev)),
    depends("write to /proc/PID/mem outside", |p| {
        said(OpenOptions::new().write(true).open(format!("/proc/{}/mem", p.bystander))).map(drop)
    }),
    always("see the environment of a process outside", |p| {
        said(fs::read(format!("/proc/{}/environ", p.bystander))).map(drop)
    }),
    always("go through the root of a process outside", |p| {
        let root = format!("/proc/{}/root", p.bystander);
        said(fs::write(format!("{root}{}", p.outside("new").display()), "x"))
    }),
    always("go through the folder of a process outside", |p| {
        said(fs::read_dir(format!("/proc/{}/cwd/", p.bystander))).map(drop)
    }),
    depends("take a descriptor of a process outside", |p| {
        let process = call(libc::SYS_pidfd_open, [p.bystander, 0]).map_err(|errno| errno.to_string())?;
        done(libc::SYS_pidfd_getfd, [process, 0, 0])
    }),
    always("have a process outside killed when memory is short", |p| {
        let path = format!("/proc/{}/oom_score_adj", p.bystander);
        said(OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(b"500")))
    }),
    always("limit a process outside", |p| {
        let mut limit = [0_u64; 2];
        let limit = limit.as_mut_ptr() as usize;
        done(libc::SYS_prlimit64, [p.bystander, libc::RLIMIT_NOFILE as usize, 0, limit])?;
        done(libc::SYS_prlimit64, [p.bystander, libc::RLIMIT_NOFILE as usize, limit, 0])
    }),
    always("slow a process outside down", |p| {
        done(libc::SYS_setpriority, [libc::PRIO_PROCESS as usize, p.bystander, 1])
    }),
    always("slow everything of the user's down", |p| {
        // To where it is already: the machine shall not suffer from this test.
        done(libc::SYS_setpriority, [libc::PRIO_PROCESS as usize, p.server, 0])
    }),
    always("bind a process outside to a processor", |p| {
        let mut processors = [0_u64; 16];
        let processors = processors.as_mut_ptr() as usize;
        done(libc::SYS_sched_getaffinity, [p.bystander, 128, processors])?;
        done(libc::SYS_sched_setaffinity, [p.bystander, 128, processors])
    }),
    always("schedule a process outside last", |p| {
        let parameter = [0_i32];
        done(libc::SYS_sched_setscheduler, [p.bystander, libc::SCHED_OTHER as usize, parameter.as_ptr() as usize])
    }),
    always("give a process outside the disk last", |p| {
        const IDLE: usize = 3 << 13;
        done(libc::SYS_ioprio_set, [1, p.bystander, IDLE])
    }),
    always("move the memory of a process outside", |p| {
        let nodes = [1_u64];
        let nodes = nodes.as_ptr() as usize;
        done(libc::SYS_migrate_pages, [p.bystander, 64, nodes, nodes])
    }),
    always("take the guard's or the server's memory", |p| {
        let parents = [parent(), p.server];
        let names = |pid: &str| -> Vec<Vec<u8>> {
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let variables = variables.split(|&byte| byte == 0).map(|one| one.split(|&byte| byte == b'=').next());
            variables.flatten().map(<[u8]>::to_vec).collect()
        };
        // What one has oneself says nothing new.
        let own = names("self");
        let read = |pid: usize| names(&pid.to_string()).iter().any(|name| !own.contains(name));
        if parents.into_iter().any(read) { Ok(()) } else { Err("nothing to be read".to_owned()) }
    }),
    depends("type into the terminal", |_| {
        const TIOCSTI: usize = 0x5412;
        done(libc::SYS_ioctl, [0, TIOCSTI, b"x".as_ptr() as usize])
    })
    .on_a_terminal(),
    depends("paste into the console", |_| {
        const TIOCLINUX: usize = 0x541c;
        let_in(libc::SYS_ioctl, [0, TIOCLINUX, b"\x03".as_ptr() as usize])
    })
    .on_a_terminal(),
    // Shared objects that have no path.
    always("find shared memory of outside", |p| done(libc::SYS_shmget, [p.key, 4096, 0])),
    always("make shared memory", |p| {
        const CREATE: usize = libc::IPC_CREAT as usize | 0o600;
        let made = call(libc::SYS_shmget, [p.key.wrapping_add(1), 4096, CREATE]).map_err(|errno| errno.to_string())?;
        let seen_outside = call(libc::SYS_shmget, [p.key, 4096, 0]).is_ok();
        let _ = call(libc::SYS_shmctl, [made, libc::IPC_RMID as usize, 0]);
        if seen_outside { Ok(()) } else { Err("in a space of its own".to_owned()) }
    }),
    depends("find a message queue of outside", |p| done(libc::SYS_msgget, [p.key, 0])),
    depends("list the session's keys", |_| {
        const READ: usize = 11;
        const SESSION: usize = -3_isize as usize;
        let_in(libc::SYS_keyctl, [READ, SESSION, 0, 0])
    }),
    depends("add a key", |_| {
        let (kind, name) = (c("user"), c("escape"));
        let_in(libc::SYS_add_key, [at(&kind), at(&name), at(&name), 1, -3_isize as usize])
    }),
    // New views of the system.
    depends("make a user namespace", |_| clone_with(libc::CLONE_NEWUSER)),
    depends("make a user namespace by clone3", |_| clone3_with(libc::CLONE_NEWUSER)),
    depends("make a mount namespace", |_| let_in(libc::SYS_unshare, [libc::CLONE_NEWNS as usize])),
    depends("make a network namespace", |_| let_in(libc::SYS_unshare, [libc::CLONE_NEWNET as usize])),
    depends("enter the namespaces of a process outside", |p| {
        let process = call(libc::SYS_pidfd_open, [p.bystander, 0]).unwrap_or(0);
        let_in(libc::SYS_setns, [process, libc::CLONE_NEWNS as usize])
    }),
    depends("mount a folder of outside inside", |p| {
        let (from, to) = (c(p.outside("")), c(p.project("sub")));
        let_in(libc::SYS_mount, [at(&from), at(&to), 0, libc::MS_BIND as usize, 0])
    }),
    depends("make the root writable again", |_| {
        let root = c("/");
        let flags = libc::MS_REMOUNT | libc::MS_BIND;
        let_in(libc::SYS_mount, [at(&root), at(&root), 0, flags as usize, 0])
    }),
    depends("take the cover off .git", |p| let_in(libc::SYS_umount2, [at(&c(p.project(".git"))), 2])),
    depends("copy a mount", |_| let_in(libc::SYS_open_tree, [HERE, at(&c("/")), 1])),
    depends("move a mount", |_| {
        let path = c("/");
        let_in(libc::SYS_move_mount, [HERE, at(&path), HERE, at(&path), 0])
    }),
    depends("open a file system", |_| let_in(libc::SYS_fsopen, [at(&c("tmpfs")), 0])),
    depends("make mounts writable by attribute", |_| {
        let attributes = [0_u64, 1, 0, 0];
        let_in(libc::SYS_mount_setattr, [HERE, at(&c("/")), 0, attributes.as_ptr() as usize, 32])
    }),
    depends("change the root by pivot_root", |p| {
        let project = c(p.project(""));
        let_in(libc::SYS_pivot_root, [at(&project), at(&project)])
    }),
    depends("change the root by chroot", |p| let_in(libc::SYS_chroot, [at(&c(p.outside("")))])),
    // Parts of the kernel that answer to nobody's rules.
    depends("use io_uring", |_| let_in(libc::SYS_io_uring_setup, [1, [0_u8; 256].as_mut_ptr() as usize])),
    depends("load a BPF program", |_| let_in(libc::SYS_bpf, [0, [0_u8; 128].as_ptr() as usize, 128])),
    depends("watch performance counters", |_| {
        let_in(libc::SYS_perf_event_open, [[0_u8; 128].as_ptr() as usize, 0, usize::MAX, usize::MAX, 0])
    }),
    depends("handle page faults", |_| let_in(libc::SYS_userfaultfd, [0])),
    depends("watch all files", |_| {
        const CLASS_CONTENT: usize = 4;
        let_in(libc::SYS_fanotify_init, [CLASS_CONTENT, 0])
    }),
    depends("load a kernel", |_| let_in(libc::SYS_kexec_load, [0, 0, 0, usize::MAX])),
    depends("load a kernel from a file", |_| {
        let_in(libc::SYS_kexec_file_load, [usize::MAX, usize::MAX, 0, 0, usize::MAX])
    }),
    depends("load a module", |_| let_in(libc::SYS_init_module, [0, 0, 0])),
    depends("load a module from a file", |_| let_in(libc::SYS_finit_module, [usize::MAX, 0, 0])),
    depends("unload a module", |_| let_in(libc::SYS_delete_module, [at(&c("no-such-module")), 0])),
    depends("restart the machine", |_| let_in(libc::SYS_reboot, [0, 0, 0, 0])),
    depends("set the clock", |_| let_in(libc::SYS_clock_settime, [0, 0])),
    depends("name the machine", |_| {
        let name = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = name.trim_ascii_end();
        let_in(libc::SYS_sethostname, [name.as_ptr() as usize, name.len()])
    }),
    depends("swap to a file", |_| let_in(libc::SYS_swapon, [at(&c("/no/such/file")), 0])),
    depends("keep accounts of processes", |p| let_in(libc::SYS_acct, [at(&c(p.project("no-such-file")))])),
    depends("read the kernel's log", |_| let_in(libc::SYS_syslog, [3, [0_u8; 64].as_mut_ptr() as usize, 64])),
    depends("set a quota", |_| let_in(libc::SYS_quotactl, [0x0080_0001, 0, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    depends("use the machine's ports", |_| let_in(libc::SYS_iopl, [3])),
    // More rights.
    depends("take capabilities back", |_| {
        let header = [0x2008_0522_u32, 0];
        let all = [u32::MAX, u32::MAX, 0, 0x1ff, 0x1ff, 0];
        done(libc::SYS_capset, [header.as_ptr() as usize, all.as_ptr() as usize])
    }),
    depends("gain rights by executing", |_| {
        match call(libc::SYS_prctl, [libc::PR_GET_NO_NEW_PRIVS as usize, 0, 0, 0, 0]) {
            Ok(0) => Ok(()),
            other => Err(format!("no new privileges: {other:?}")),
        }
    }),
    always("execute from memory what is not on disk", |p| {
        let file = call(libc::SYS_memfd_create, [at(&c("escape")), 0]).map_err(|errno| errno.to_string())?;
        let script = format!("#!/bin/sh\necho x > {}\n", p.outside("new").display());
        done(libc::SYS_write, [file, script.as_ptr() as usize, script.len()])?;
        // The attempt ends here when it works, as another program under the same rules.
        let path = c(format!("/proc/self/fd/{file}"));
        let (arguments, nothing) = ([at(&path), 0], [0_usize]);
        done(libc::SYS_execve, [at(&path), arguments.as_ptr() as usize, nothing.as_ptr() as usize])
    }),
];

fn memory(p: &Place, number: libc::c_long) -> Outcome {
    let mut byte = [0_u8; 1];
    let local = [byte.as_mut_ptr() as usize, 1];
    let remote = [p.address, 1];
    done(number, [p.bystander, local.as_ptr() as usize, 1, remote.as_ptr() as usize, 1, 0])
}

fn parent() -> usize {
    call::<0>(libc::SYS_getppid, []).unwrap_or(0)
}
