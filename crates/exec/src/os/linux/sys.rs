//! Thin wrappers over system calls, for the code that runs between fork and exec.
//!
//! Everything here is async-signal-safe: no allocation, no locks, no panics. An error is the `errno` as a number,
//! since `std::io::Error` would be more than a forked copy of a threaded process should touch. What the guard calls
//! after it has given its memory back goes to the kernel by number, so that no state of the C library is read.

use std::ffi::CStr;
use std::os::fd::RawFd;

/// An `errno`.
pub(super) type Errno = i32;

/// The result of a call made between fork and exec.
pub(super) type Sys<T> = Result<T, Errno>;

/// The `errno` of the calling thread.
pub(super) fn errno() -> Errno {
    // SAFETY: returns the address of the thread's own errno, always valid.
    unsafe { *libc::__errno_location() }
}

/// Turns the usual `-1 means errno` into a result.
pub(super) fn check(result: i64) -> Sys<i64> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// Makes a system call by number.
///
/// # Safety
/// `arguments` must be what the call `number` expects; pointers must be valid for what the kernel does with them.
pub(super) unsafe fn call(number: libc::c_long, arguments: [usize; 6]) -> Sys<i64> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller vouches for the arguments.
    check(unsafe { libc::syscall(number, a, b, c, d, e, f) } as i64)
}

pub(super) fn close(fd: RawFd) {
    // SAFETY: closing a number cannot violate memory; the forked copy owns all of its table.
    let _ = unsafe { call(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Closes every descriptor except those in `keep`, which must be sorted.
pub(super) fn close_all_but(keep: &[RawFd]) {
    let mut first: u32 = 0;
    for &fd in keep {
        let Ok(fd) = u32::try_from(fd) else { continue };
        if fd > first {
            close_between(first, fd.wrapping_sub(1));
        }
        first = fd.wrapping_add(1);
    }
    close_between(first, u32::MAX);
}

fn close_between(first: u32, last: u32) {
    // SAFETY: takes plain numbers.
    if unsafe { call(libc::SYS_close_range, [first as usize, last as usize, 0, 0, 0, 0]) }.is_ok() {
        return;
    }
    // Kernels before 5.9: one by one, up to the limit of the table.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    let end = u32::try_from(limit.rlim_max.min(65_536)).unwrap_or(65_536);
    for fd in first..end.min(last.saturating_add(1)) {
        close(fd as RawFd);
    }
}

pub(super) fn dup2(from: RawFd, to: RawFd) -> Sys<()> {
    // SAFETY: takes plain numbers.
    check(i64::from(unsafe { libc::dup2(from, to) })).map(drop)
}

/// Duplicates `fd` to a number of at least `least`, close-on-exec.
pub(super) fn dup_above(fd: RawFd, least: RawFd) -> Sys<RawFd> {
    // SAFETY: takes plain numbers.
    check(i64::from(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, least) })).map(|fd| fd as RawFd)
}

pub(super) fn open(path: &CStr, flags: i32) -> Sys<RawFd> {
    open_at(libc::AT_FDCWD, path, flags)
}

pub(super) fn open_at(folder: RawFd, name: &CStr, flags: i32) -> Sys<RawFd> {
    let (at, name) = (folder as usize, name.as_ptr() as usize);
    // SAFETY: `name` is nul-terminated; no mode is needed without O_CREAT.
    unsafe { call(libc::SYS_openat, [at, name, (flags | libc::O_CLOEXEC) as usize, 0, 0, 0]) }.map(|fd| fd as RawFd)
}

pub(super) fn make_folder(folder: RawFd, name: &CStr, mode: usize) -> Sys<()> {
    // SAFETY: `name` is nul-terminated.
    unsafe { call(libc::SYS_mkdirat, [folder as usize, name.as_ptr() as usize, mode, 0, 0, 0]) }.map(drop)
}

/// Removes an empty folder.
pub(super) fn remove_folder(folder: RawFd, name: &CStr) -> Sys<()> {
    let arguments = [folder as usize, name.as_ptr() as usize, libc::AT_REMOVEDIR as usize, 0, 0, 0];
    // SAFETY: `name` is nul-terminated.
    unsafe { call(libc::SYS_unlinkat, arguments) }.map(drop)
}

pub(super) fn read(fd: RawFd, buffer: &mut [u8]) -> Sys<usize> {
    // SAFETY: the buffer is writable for its length.
    unsafe { call(libc::SYS_read, [fd as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0]) }
        .map(|count| count as usize)
}

pub(super) fn write(fd: RawFd, bytes: &[u8]) -> Sys<usize> {
    // SAFETY: the buffer is readable for its length.
    unsafe { call(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0]) }
        .map(|count| count as usize)
}

pub(super) fn chdir(path: &CStr) -> Sys<()> {
    // SAFETY: `path` is nul-terminated.
    check(i64::from(unsafe { libc::chdir(path.as_ptr()) })).map(drop)
}

pub(super) fn setsid() {
    // SAFETY: no arguments; fails only for a group leader, which a fresh child is not.
    unsafe { libc::setsid() };
}

pub(super) fn lead_group() {
    // SAFETY: takes plain numbers.
    unsafe { libc::setpgid(0, 0) };
}

pub(super) fn getpid() -> i32 {
    // SAFETY: no arguments. The raw call, since a cached value would be the parent's.
    unsafe { libc::syscall(libc::SYS_getpid) as i32 }
}

pub(super) fn getppid() -> i32 {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_getppid) as i32 }
}

pub(super) fn kill(pid: i32, signal: i32) -> Sys<()> {
    // SAFETY: takes plain numbers.
    unsafe { call(libc::SYS_kill, [pid as usize, signal as usize, 0, 0, 0, 0]) }.map(drop)
}

pub(super) fn prctl(option: i32, argument: usize) -> Sys<i64> {
    // SAFETY: only called with options whose argument is a number or a nul-terminated static string.
    check(i64::from(unsafe { libc::prctl(option, argument, 0, 0, 0) }))
}

/// Ends the process at once.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: runs no handlers, as wanted in a forked copy.
    unsafe { libc::_exit(code) }
}

/// One child that has ended: its pid and raw wait status. `Ok(None)`: children are left, none has ended.
pub(super) fn reap() -> Sys<Option<(i32, i32)>> {
    let mut status: i32 = 0;
    let place = &raw mut status as usize;
    // SAFETY: the pointer is to a local; no resource usage is asked for.
    let pid = unsafe { call(libc::SYS_wait4, [-1_isize as usize, place, libc::WNOHANG as usize, 0, 0, 0]) }?;
    Ok((pid > 0).then_some((pid as i32, status)))
}

/// Milliseconds of the monotonic clock.
pub(super) fn now_ms() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let clock = libc::CLOCK_MONOTONIC as usize;
    // SAFETY: the pointer is to a local.
    let _ = unsafe { call(libc::SYS_clock_gettime, [clock, &raw mut time as usize, 0, 0, 0, 0]) };
    time.tv_sec.wrapping_mul(1000).wrapping_add(time.tv_nsec / 1_000_000)
}

/// Waits for so many microseconds, less than a second.
pub(super) fn sleep_us(count: i64) {
    let time = libc::timespec { tv_sec: 0, tv_nsec: count.wrapping_mul(1_000) };
    // SAFETY: the pointer is to a local; nothing is asked back.
    let _ = unsafe { call(libc::SYS_nanosleep, [&raw const time as usize, 0, 0, 0, 0, 0]) };
}

/// Waits until one of two descriptors can be read; `timeout_ms < 0` waits for ever.
pub(super) fn poll2(first: RawFd, second: RawFd, timeout_ms: i32) -> [bool; 2] {
    let mut fds = [
        libc::pollfd { fd: first, events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: second, events: libc::POLLIN, revents: 0 },
    ];
    let timeout = libc::timespec {
        tv_sec: (timeout_ms / 1000) as libc::time_t,
        tv_nsec: ((timeout_ms % 1000) as libc::c_long).wrapping_mul(1_000_000),
    };
    let timeout = if timeout_ms < 0 { std::ptr::null() } else { &raw const timeout };
    // SAFETY: the array has the two entries announced; the timeout is a local or null, the signal mask null.
    let _ = unsafe { call(libc::SYS_ppoll, [fds.as_mut_ptr() as usize, 2, timeout as usize, 0, 0, 0]) };
    let [a, b] = fds;
    [a.revents != 0, b.revents != 0]
}

/// Blocks every signal of the calling thread and returns the mask that was there.
pub(super) fn block_signals() -> libc::sigset_t {
    // SAFETY: zeroed sets are valid values and the pointers are to locals.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        old
    }
}

/// Restores a mask taken by [`block_signals`].
pub(super) fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: the pointer is to a valid set.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Gives every signal its default action and unblocks all: what a fresh program expects.
pub(super) fn default_signals() {
    // SAFETY: zeroed structures are valid (SIG_DFL, empty mask), pointers are to locals.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        for signal in 1..65 {
            // The two signals glibc keeps for itself and KILL/STOP answer EINVAL, which is fine.
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// A descriptor that becomes readable when a child ends.
pub(super) fn child_signal_fd() -> Sys<RawFd> {
    // SAFETY: a zeroed set is valid, the pointer is to a local.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        check(i64::from(libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC)))
            .map(|fd| fd as RawFd)
    }
}

/// Forks this process without running any library's fork handlers. Returns 0 in the copy.
///
/// # Safety
/// The copy has one thread of a process that may have many: until it executes a program or ends, it must only do what
/// is async-signal-safe, and must not unwind into the caller's frames.
pub(super) unsafe fn fork(namespaces: i32) -> Sys<i32> {
    let flags = (libc::SIGCHLD | namespaces) as usize;
    // SAFETY: no stack and no shared memory, so the copy goes on here on a copy of this stack; see above for the rest.
    // The argument order after the stack differs between architectures, but all of these are zero.
    unsafe { call(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]) }.map(|pid| pid as i32)
}

/// Whether an open descriptor is a folder.
pub(super) fn is_folder(fd: RawFd) -> bool {
    // SAFETY: a zeroed structure is valid, the pointer is to a local.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFDIR
    }
}

/// Sends a copy of a descriptor, with one byte, over a Unix socket.
pub(super) fn send_descriptor(socket: RawFd, fd: RawFd) -> Sys<()> {
    #[repr(C, align(8))]
    struct Control {
        header: libc::cmsghdr,
        fd: RawFd,
        padding: u32,
    }
    let length = size_of::<libc::cmsghdr>().wrapping_add(size_of::<RawFd>());
    // SAFETY: zeroed structures are valid.
    let (mut message, mut header): (libc::msghdr, libc::cmsghdr) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    header.cmsg_len = length as _;
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    let mut control = Control { header, fd, padding: 0 };
    let mut byte = 0_u8;
    let mut piece = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>() as _;
    // SAFETY: all that the message points to are locals.
    unsafe { call(libc::SYS_sendmsg, [socket as usize, &raw const message as usize, 0, 0, 0, 0]) }.map(drop)
}

/// Switches the loopback device of this network namespace on, which gives it its addresses.
pub(super) fn raise_loopback() -> Sys<()> {
    // SAFETY: a zeroed structure is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *place = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    let socket = internet_socket(libc::SOCK_DGRAM)?;
    let arguments = [socket as usize, libc::SIOCSIFFLAGS as usize, &raw const request as usize, 0, 0, 0];
    // SAFETY: the pointer is to a local.
    let raised = unsafe { call(libc::SYS_ioctl, arguments) };
    close(socket);
    raised.map(drop)
}

/// A listener at a port of 127.0.0.1. The loopback device need not be up yet.
pub(super) fn listen_on_loopback(port: u16) -> Sys<RawFd> {
    const BACKLOG: usize = 128;
    // SAFETY: a zeroed structure is valid.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = libc::INADDR_LOOPBACK.to_be();
    let socket = internet_socket(libc::SOCK_STREAM)?;
    let yes: libc::c_int = 1;
    let (level, option) = (libc::IPPROTO_IP as usize, libc::IP_FREEBIND as usize);
    let arguments = [socket as usize, level, option, &raw const yes as usize, size_of::<libc::c_int>(), 0];
    // SAFETY: the value is a local of the length given.
    let free = unsafe { call(libc::SYS_setsockopt, arguments) };
    let arguments = [socket as usize, &raw const address as usize, size_of::<libc::sockaddr_in>(), 0, 0, 0];
    // SAFETY: the address is a local of the length given.
    let bound = free.and_then(|_| unsafe { call(libc::SYS_bind, arguments) });
    // SAFETY: takes plain numbers.
    let listening = bound.and_then(|_| unsafe { call(libc::SYS_listen, [socket as usize, BACKLOG, 0, 0, 0, 0]) });
    listening.map(|_| socket).inspect_err(|_| close(socket))
}

/// The user namespace that a namespace belongs to.
pub(super) fn owner_of_namespace(namespace: RawFd) -> Sys<RawFd> {
    const GET_USER_NAMESPACE: usize = 0xb701;
    // SAFETY: the request takes no argument.
    unsafe { call(libc::SYS_ioctl, [namespace as usize, GET_USER_NAMESPACE, 0, 0, 0, 0]) }.map(|fd| fd as RawFd)
}

pub(super) fn enter_namespace(namespace: RawFd, kind: libc::c_int) -> Sys<()> {
    // SAFETY: takes plain numbers.
    unsafe { call(libc::SYS_setns, [namespace as usize, kind as usize, 0, 0, 0, 0]) }.map(drop)
}

fn internet_socket(kind: libc::c_int) -> Sys<RawFd> {
    let arguments = [libc::AF_INET as usize, (kind | libc::SOCK_CLOEXEC) as usize, 0, 0, 0, 0];
    // SAFETY: takes plain numbers.
    unsafe { call(libc::SYS_socket, arguments) }.map(|fd| fd as RawFd)
}

/// Takes a call that waits for an answer from a filter's listener.
pub(super) fn receive_notification(listener: RawFd) -> Sys<libc::seccomp_notif> {
    const RECEIVE: usize = 0xc050_2100;
    // SAFETY: a zeroed structure is valid, and wanted; the kernel fills it.
    unsafe {
        let mut call: libc::seccomp_notif = std::mem::zeroed();
        let place = &raw mut call as usize;
        self::call(libc::SYS_ioctl, [listener as usize, RECEIVE, place, 0, 0, 0])?;
        Ok(call)
    }
}

/// Whether the call with this number still waits.
pub(super) fn notification_is_valid(listener: RawFd, id: u64) -> Sys<()> {
    const VALID: usize = 0x4008_2102;
    // SAFETY: the pointer is to a local.
    unsafe { call(libc::SYS_ioctl, [listener as usize, VALID, &raw const id as usize, 0, 0, 0]) }.map(drop)
}

/// Has a waiting call fail with an errno, or succeed when that is 0.
pub(super) fn answer_notification(listener: RawFd, id: u64, errno: Errno) -> Sys<()> {
    const SEND: usize = 0xc018_2101;
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: errno.wrapping_neg(), flags: 0 };
    // SAFETY: the pointer is to a local.
    unsafe { call(libc::SYS_ioctl, [listener as usize, SEND, &raw mut answer as usize, 0, 0, 0]) }.map(drop)
}

/// Has a waiting call return the number of a copy of `fd` that is put into its process.
pub(super) fn answer_with_descriptor(listener: RawFd, id: u64, fd: RawFd, close_on_exec: bool) -> Sys<()> {
    const ADD: usize = 0x4018_2103;
    const AND_SEND: u32 = 2;
    let copy_flags = if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 };
    let added = libc::seccomp_notif_addfd { id, flags: AND_SEND, srcfd: fd as u32, newfd: 0, newfd_flags: copy_flags };
    // SAFETY: the pointer is to a local.
    unsafe { call(libc::SYS_ioctl, [listener as usize, ADD, &raw const added as usize, 0, 0, 0]) }.map(drop)
}

/// Lets a descriptor survive exec.
pub(super) fn keep_on_exec(fd: RawFd) -> Sys<()> {
    // SAFETY: takes plain numbers.
    check(i64::from(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) })).map(drop)
}
