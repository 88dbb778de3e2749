//! Which system calls the filter has rules for, by number.

/// The numbers of the calls with rules.
pub(super) struct Numbers {
    pub(super) refused: &'static [u32],
    /// Refused without namespaces of one's own: what reaches other processes.
    pub(super) refused_outside: &'static [u32],
    /// The same: what changes attributes of files, which Landlock has no rules for. Old ways to change times are among
    /// them, which nobody uses any more.
    pub(super) file_attributes: &'static [u32],
    /// The same, and asked about: see [`attributes`](super::super::attributes).
    pub(super) asked: &'static [u32],
    /// Without namespaces of one's own only about the calling thread: the first argument must be 0.
    pub(super) only_self: &'static [u32],
    pub(super) setpriority: u32,
    pub(super) ioprio_set: u32,
    pub(super) clone: u32,
    pub(super) unshare: u32,
    pub(super) ioctl: u32,
    pub(super) socket: u32,
    pub(super) socketpair: u32,
    pub(super) connect: u32,
    pub(super) setsockopt: u32,
    pub(super) sendto: u32,
    pub(super) sendmsg: u32,
    pub(super) sendmmsg: u32,
    /// Refused where no socket has a name of its own: give it an address or use that.
    pub(super) addressing: &'static [u32],
}

/// Calls that have the same number everywhere, being younger than the numbering was unified.
pub(super) const CLONE3: u32 = 435;
pub(super) const FCHMODAT2: u32 = 452;
/// `setxattrat`, `removexattrat`, `file_setattr`.
pub(super) const YOUNG_EXTENDED: [u32; 3] = [463, 466, 469];

macro_rules! numbers {
    ($($name:ident),* $(,)?) => { &[$(libc::$name as u32),*] };
}

pub(super) static NATIVE: Numbers = Numbers {
    refused: numbers![
        SYS_add_key,
        SYS_request_key,
        SYS_keyctl,
        SYS_mount,
        SYS_umount2,
        SYS_pivot_root,
        SYS_chroot,
        SYS_setns,
        SYS_open_tree,
        SYS_move_mount,
        SYS_fsopen,
        SYS_fsconfig,
        SYS_fsmount,
        SYS_fspick,
        SYS_mount_setattr,
        SYS_io_uring_setup,
        SYS_io_uring_enter,
        SYS_io_uring_register,
        SYS_bpf,
        SYS_perf_event_open,
        SYS_userfaultfd,
        SYS_open_by_handle_at,
        SYS_kexec_load,
        SYS_kexec_file_load,
        SYS_init_module,
        SYS_finit_module,
        SYS_delete_module,
        SYS_quotactl,
        SYS_quotactl_fd,
        SYS_swapon,
        SYS_swapoff,
        SYS_reboot,
        SYS_settimeofday,
        SYS_clock_settime,
        SYS_acct,
        SYS_syslog,
        SYS_vhangup,
    ],
    refused_outside: numbers![
        SYS_ptrace,
        SYS_process_vm_readv,
        SYS_process_vm_writev,
        SYS_process_madvise,
        SYS_pidfd_getfd,
        SYS_kcmp,
        SYS_shmget,
        SYS_semget,
        SYS_msgget,
        SYS_mq_open,
    ],
    #[cfg(target_arch = "x86_64")]
    file_attributes: numbers![
        SYS_utime,
        SYS_utimes,
        SYS_futimesat,
        SYS_setxattr,
        SYS_lsetxattr,
        SYS_fsetxattr,
        SYS_removexattr,
        SYS_lremovexattr,
        SYS_fremovexattr,
    ],
    #[cfg(not(target_arch = "x86_64"))]
    file_attributes: numbers![
        SYS_setxattr,
        SYS_lsetxattr,
        SYS_fsetxattr,
        SYS_removexattr,
        SYS_lremovexattr,
        SYS_fremovexattr,
    ],
    #[cfg(target_arch = "x86_64")]
    asked: numbers![
        SYS_chmod,
        SYS_fchmod,
        SYS_fchmodat,
        SYS_chown,
        SYS_lchown,
        SYS_fchown,
        SYS_fchownat,
        SYS_utimensat,
    ],
    #[cfg(not(target_arch = "x86_64"))]
    asked: numbers![SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat],
    only_self: numbers![
        SYS_prlimit64,
        SYS_sched_setaffinity,
        SYS_sched_setscheduler,
        SYS_sched_setparam,
        SYS_sched_setattr,
        SYS_migrate_pages,
        SYS_move_pages,
    ],
    setpriority: libc::SYS_setpriority as u32,
    ioprio_set: libc::SYS_ioprio_set as u32,
    clone: libc::SYS_clone as u32,
    unshare: libc::SYS_unshare as u32,
    ioctl: libc::SYS_ioctl as u32,
    socket: libc::SYS_socket as u32,
    socketpair: libc::SYS_socketpair as u32,
    connect: libc::SYS_connect as u32,
    setsockopt: libc::SYS_setsockopt as u32,
    sendto: libc::SYS_sendto as u32,
    sendmsg: libc::SYS_sendmsg as u32,
    sendmmsg: libc::SYS_sendmmsg as u32,
    addressing: numbers![SYS_bind, SYS_listen, SYS_accept, SYS_accept4],
};

/// The 32-bit interface of x86, by number. Source: the kernel's table of system calls.
#[cfg(target_arch = "x86_64")]
pub(super) mod compat_32 {
    use super::{FCHMODAT2, Numbers};

    pub(in super::super) const ARCH: u32 = 0x4000_0003;
    /// One call for all socket calls, with its arguments in memory, where a filter cannot see them.
    pub(in super::super) const SOCKETCALL: u32 = 102;
    /// The same for System V objects.
    pub(in super::super) const IPC: u32 = 117;

    pub(in super::super) static NUMBERS: Numbers = Numbers {
        // In order of number: mount, umount, stime, acct, umount2, chroot, settimeofday, swapon, reboot, ioperm,
        // syslog, iopl, vhangup, swapoff, init_module, delete_module, quotactl, pivot_root, clock_settime, kexec_load,
        // add_key, request_key, keyctl, perf_event_open, open_by_handle_at, setns, finit_module, bpf, userfaultfd,
        // clock_settime64, io_uring_*, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr,
        // quotactl_fd.
        refused: &[
            21, 22, 25, 51, 52, 61, 79, 87, 88, 101, 103, 110, 111, 115, 128, 129, 131, 217, 264, 283, 286, 287, 288,
            336, 342, 346, 350, 357, 374, 404, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 443,
        ],
        // ptrace, mq_open, process_vm_readv, process_vm_writev, kcmp, semget, shmget, msgget, pidfd_getfd,
        // process_madvise.
        refused_outside: &[26, 277, 347, 348, 349, 393, 395, 399, 438, 440],
        // chmod, lchown, utime, fchmod, fchown, chown, lchown32, fchown32, chown32, setxattr, lsetxattr, fsetxattr,
        // removexattr, lremovexattr, fremovexattr, utimes, fchownat, futimesat, fchmodat, utimensat, utimensat_time64, fchmodat2.
        file_attributes: &[
            15, 16, 30, 94, 95, 182, 198, 207, 212, 226, 227, 228, 235, 236, 237, 271, 298, 299, 306, 320, 412,
            FCHMODAT2,
        ],
        asked: &[],
        // sched_setparam, sched_setscheduler, sched_setaffinity, migrate_pages, move_pages, prlimit64, sched_setattr.
        only_self: &[154, 156, 241, 294, 317, 340, 351],
        setpriority: 97,
        ioprio_set: 289,
        clone: 120,
        unshare: 310,
        ioctl: 54,
        socket: 359,
        socketpair: 360,
        connect: 362,
        setsockopt: 366,
        sendto: 369,
        sendmsg: 370,
        sendmmsg: 345,
        // bind, listen, accept4.
        addressing: &[361, 363, 364],
    };
}
