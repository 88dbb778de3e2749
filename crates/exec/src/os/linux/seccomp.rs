//! The system call filter of sandboxed commands.
//!
//! A list of what is refused; everything else is allowed. It closes what file rules and namespaces leave open: sockets,
//! io_uring (which would do the work of other calls unfiltered), keys, kernel interfaces, new namespaces, and writing
//! into a terminal's input. Calls of the 32-bit interface are filtered by a list of their own.

mod numbers;
mod socket_rules;
#[cfg(test)]
mod tests;

use std::os::fd::RawFd;

use libc::{ENOSYS, ENOTSUP, EPERM};

use super::guard::{At, Failure, Step};
use super::sys;
#[cfg(target_arch = "x86_64")]
use numbers::compat_32;
use numbers::{CLONE3, FCHMODAT2, NATIVE, Numbers, YOUNG_EXTENDED};

/// What the filter depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) sockets: Sockets,
    /// The command has namespaces of its own: mounts that are read-only for everything, processes and System V objects
    /// that stay inside.
    pub(super) namespaces: bool,
}

/// Which sockets may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Connected pairs.
    Pairs,
    /// Pairs, and those for TCP, each made and connected by the server: see [`sockets`](super::sockets).
    Supervised,
    /// Pairs, and those of the internet: the network is the command's own. No Unix sockets, for their paths are not.
    Internet,
    /// All but Unix sockets other than pairs.
    NoUnix,
    /// All that everyday programs use.
    All,
}

/// A filter program, ready for the kernel.
#[derive(Debug, Clone)]
pub(super) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    pub(super) fn new(options: Options) -> Self {
        let mut code = Code(Vec::with_capacity(512));
        code.load(ARCH_OFFSET);
        #[cfg(target_arch = "x86_64")]
        {
            let mut compat = Code(Vec::new());
            compat.load(NUMBER_OFFSET);
            compat.rules(&compat_32::NUMBERS, options);
            compat.refuse(compat_32::SOCKETCALL, EPERM);
            if !options.namespaces {
                compat.refuse(compat_32::IPC, EPERM);
            }
            compat.allow();
            code.unless_equal(compat_32::ARCH, compat.0.len());
            code.0.append(&mut compat.0);
            code.load(ARCH_OFFSET);
        }
        code.unless_equal(NATIVE_ARCH, 1);
        code.jump(1);
        code.ret(error(EPERM));
        code.load(NUMBER_OFFSET);
        #[cfg(target_arch = "x86_64")]
        {
            // The x32 interface has the numbers of the native one with this bit set.
            code.push(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, 0x4000_0000);
            code.ret(error(ENOSYS));
        }
        code.rules(&NATIVE, options);
        code.allow();
        Self(code.0)
    }

    /// The program as bytes, as `bwrap --seccomp` reads it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let encode = |one: &libc::sock_filter| {
            let [c, d] = one.code.to_ne_bytes();
            let [k0, k1, k2, k3] = one.k.to_ne_bytes();
            [c, d, one.jt, one.jf, k0, k1, k2, k3]
        };
        self.0.iter().flat_map(encode).collect()
    }

    /// Puts the calling process under the filter, for good.
    pub(super) fn apply(&self) -> Result<(), Failure> {
        self.set(0).map(drop)
    }

    /// The same for a filter that asks; gives the descriptor on which it does.
    pub(super) fn apply_and_listen(&self) -> Result<RawFd, Failure> {
        const NEW_LISTENER: usize = 1 << 3;
        // What has been done for a call is not done again because a signal has interrupted it.
        const WAIT_KILLABLE: usize = 1 << 5;
        self.set(NEW_LISTENER | WAIT_KILLABLE).map(|fd| fd as RawFd)
    }

    fn set(&self, flags: usize) -> Result<i64, Failure> {
        let program =
            libc::sock_fprog { len: u16::try_from(self.0.len()).unwrap_or(0), filter: self.0.as_ptr().cast_mut() };
        let arguments = [SECCOMP_SET_MODE_FILTER, flags, &raw const program as usize, 0, 0, 0];
        // SAFETY: the program is valid for the call, which copies it and writes nothing.
        unsafe { sys::call(libc::SYS_seccomp, arguments) }.at(Step::Filter)
    }
}

const SECCOMP_SET_MODE_FILTER: usize = 1;

/// Offsets in `struct seccomp_data`.
const NUMBER_OFFSET: u32 = 0;
const ARCH_OFFSET: u32 = 4;

/// The offset of the lower half of an argument; the upper one follows. Both architectures are little-endian.
const fn argument_offset(index: u32) -> u32 {
    16 + 8 * index
}

#[cfg(target_arch = "x86_64")]
const NATIVE_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE_ARCH: u32 = 0xc000_00b7;

/// All flags that make a new namespace, of `clone` and `unshare` (the last in `unshare` only).
const NAMESPACE_FLAGS: u32 = 0x7e02_0000;
const NEW_TIME_NAMESPACE: u32 = 0x80;

/// Requests that change flags and attributes of a file, in all widths.
const CHANGE_FILE_FLAGS: [u32; 3] = [0x4008_6602, 0x4004_6602, 0x401c_5820];

/// Requests that put characters into a terminal's input.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;

/// A program under construction. The accumulator holds the call's number between rules.
struct Code(Vec<libc::sock_filter>);

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
/// The call waits until whoever holds the filter's listener has answered it.
const ASK: u32 = libc::SECCOMP_RET_USER_NOTIF;

/// The verdict that makes a call fail with `errno`.
fn error(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()
}

impl Code {
    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) {
        self.0.push(libc::sock_filter { code: code as u16, jt, jf, k });
    }

    fn load(&mut self, offset: u32) {
        self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    }

    fn ret(&mut self, verdict: u32) {
        self.push(libc::BPF_RET | libc::BPF_K, 0, 0, verdict);
    }

    fn allow(&mut self) {
        self.ret(ALLOW);
    }

    fn jump(&mut self, skip: usize) {
        self.push(libc::BPF_JMP | libc::BPF_JA, 0, 0, skip as u32);
    }

    /// Skips the next `skip` instructions, which may be many, unless the accumulator is `value`.
    fn unless_equal(&mut self, value: u32, skip: usize) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, value);
        self.jump(skip);
    }

    /// Goes on with the next instruction when the accumulator is `value`, else skips `skip`.
    fn if_equal(&mut self, value: u32, skip: u8) {
        self.push(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, value);
    }

    fn and(&mut self, mask: u32) {
        self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, mask);
    }

    fn refuse(&mut self, number: u32, errno: i32) {
        self.if_equal(number, 1);
        self.ret(error(errno));
    }

    /// Adds a rule about one call; `body` must end with a verdict on every way through it.
    fn rule(&mut self, number: u32, body: impl FnOnce(&mut Code)) {
        let mut code = Code(Vec::new());
        body(&mut code);
        self.if_equal(number, code.0.len() as u8);
        self.0.append(&mut code.0);
    }

    /// Ends with a verdict: allowed when the accumulator is one of `values`.
    fn allow_only(&mut self, values: &[u32], errno: i32) {
        for &value in values {
            self.if_equal(value, 1);
            self.allow();
        }
        self.ret(error(errno));
    }

    /// Ends with a verdict: refused when the accumulator is one of `values`.
    fn refuse_only(&mut self, values: &[u32], errno: i32) {
        for &value in values {
            self.if_equal(value, 1);
            self.ret(error(errno));
        }
        self.allow();
    }

    fn rules(&mut self, numbers: &Numbers, options: Options) {
        // The busiest call with a rule first.
        self.rule(numbers.ioctl, |code| {
            code.load(argument_offset(1));
            for request in CHANGE_FILE_FLAGS.into_iter().filter(|_| !options.namespaces) {
                code.refuse(request, EPERM);
            }
            code.refuse_only(&[TIOCSTI, TIOCLINUX], EPERM);
        });
        self.rule(numbers.clone, |code| code.refuse_flags(NAMESPACE_FLAGS));
        self.rule(numbers.unshare, |code| code.refuse_flags(NAMESPACE_FLAGS | NEW_TIME_NAMESPACE));
        // Its flags are in memory, where a filter cannot see them; programs fall back to clone.
        self.refuse(CLONE3, ENOSYS);
        self.socket_rules(numbers, options.sockets);
        for &number in numbers.refused {
            self.refuse(number, EPERM);
        }
        if !options.namespaces {
            self.without_namespaces(numbers);
        }
    }

    fn without_namespaces(&mut self, numbers: &Numbers) {
        for &number in numbers.refused_outside {
            self.refuse(number, EPERM);
        }
        // Programs that copy files take this for a file system without any.
        for &number in [numbers.file_attributes, &YOUNG_EXTENDED].into_iter().flatten() {
            self.refuse(number, ENOTSUP);
        }
        for &number in numbers.asked.iter().chain((!numbers.asked.is_empty()).then_some(&FCHMODAT2)) {
            self.if_equal(number, 1);
            self.ret(ASK);
        }
        for &number in numbers.only_self {
            self.rule(number, |code| {
                code.load(argument_offset(0));
                code.allow_only(&[0], EPERM);
            });
        }
        // Of a process, not of a group or a user, and of the calling one.
        for (number, a_process) in [(numbers.setpriority, 0), (numbers.ioprio_set, 1)] {
            self.rule(number, |code| {
                code.load(argument_offset(0));
                code.if_equal(a_process, 3);
                code.load(argument_offset(1));
                code.if_equal(0, 1);
                code.allow();
                code.ret(error(EPERM));
            });
        }
    }

    fn refuse_flags(&mut self, flags: u32) {
        self.load(argument_offset(0));
        self.and(flags);
        self.if_equal(0, 1);
        self.allow();
        self.ret(error(EPERM));
    }
}
