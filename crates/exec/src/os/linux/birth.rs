//! Starts a process that shares this one's memory, beside it or in a control group.
//!
//! It is in the group from its first instruction on. Joining a group afterwards would be too late for what has been
//! forked by then, and on most kernels waits milliseconds for every processor. The C libraries have no function for the
//! system call, and it cannot be made through their general one: the child comes back on a stack of its own, where there
//! is nothing to return to.

use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;

use super::sys;

/// What a child does; its result is the child's exit code.
pub(super) type Life = extern "C" fn(*mut c_void) -> c_int;

/// What the kernel takes, in the version that knows groups (5.7).
#[repr(C, align(8))]
#[derive(Default)]
struct Arguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Starts a child, and stops the calling thread until it executes a program or ends.
///
/// # Safety
/// `life` runs on `stack`, which nothing else may use, and in the memory of this process, in which it must leave
/// nothing that would surprise the calling thread. It must not unwind.
pub(super) unsafe fn beside(stack: &mut [u128], life: Life, argument: *mut c_void) -> sys::Sys<i32> {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: one past the end of the stack, aligned to 16 as stacks must be; the caller vouches for the rest.
    sys::check(i64::from(unsafe { libc::clone(life, top.cast(), flags, argument) })).map(|pid| pid as i32)
}

/// As [`beside`], with the child in a group: a folder, open in any way. Fails with `ENOSYS` where the kernel, a filter
/// or this crate (other processors) does not know how.
///
/// # Safety
/// As for [`beside`].
pub(super) unsafe fn in_group(stack: &mut [u128], group: RawFd, life: Life, argument: *mut c_void) -> sys::Sys<i32> {
    let arguments = Arguments {
        flags: (libc::CLONE_VM | libc::CLONE_VFORK) as u64 | INTO_CGROUP,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.as_mut_ptr() as u64,
        stack_size: size_of_val(stack) as u64,
        cgroup: group as u64,
        ..Arguments::default()
    };
    // SAFETY: the stack is writable for its length, a multiple of 16; the caller vouches for the rest.
    let result = unsafe { clone3(&arguments, life, argument) };
    if result < 0 { Err(result.wrapping_neg() as sys::Errno) } else { Ok(result as i32) }
}

/// Returns what the kernel does: a pid, or an errno below zero.
///
/// # Safety
/// As for [`in_group`]; `arguments` must have a stack.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
unsafe fn clone3(arguments: &Arguments, life: Life, argument: *mut c_void) -> isize {
    let mut result = libc::SYS_clone3 as isize;
    // SAFETY: the parent goes on behind the block with nothing changed but what is listed. The child, for which the
    // call returns 0, never leaves the block: it calls on its own, aligned stack, and ends.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "mov edi, eax",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            exit = const libc::SYS_exit,
            inlateout("rax") result,
            in("rdi") std::ptr::from_ref(arguments),
            in("rsi") size_of::<Arguments>(),
            in("r12") argument,
            in("r13") life,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// # Safety
/// None needed.
#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
unsafe fn clone3(_: &Arguments, _: Life, _: *mut c_void) -> isize {
    -(libc::ENOSYS as isize)
}
