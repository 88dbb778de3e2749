//! System calls, for attempts. An error is the `errno`.
#![allow(unsafe_code, reason = "the attempts are system calls")]

use std::ffi::CString;
use std::os::fd::AsRawFd as _;

/// What an attempt did: it got through, or why it did not.
pub(super) type Outcome = Result<(), String>;

/// The folder that relative paths start from.
pub(super) const HERE: usize = libc::AT_FDCWD as usize;

/// Makes a system call by number. Attempts pass pointers to data that outlives the call, or numbers.
pub(super) fn call<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> Result<usize, i32> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [a, b, c, d, e, f] = all;
    // SAFETY: this process exists for one attempt; the pointers it passes are to live locals of at least the size that
    // the call reads or writes, or invalid on purpose, which the kernel refuses.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    usize::try_from(result).map_err(|_| std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// The call got through unless the sandbox refused it; other errors mean that it had been let in.
pub(super) fn let_in<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> Outcome {
    match call(number, arguments) {
        Err(errno @ (libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EROFS | libc::EAFNOSUPPORT)) => {
            Err(std::io::Error::from_raw_os_error(errno).to_string())
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The call did what it should.
pub(super) fn done<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> Outcome {
    call(number, arguments).map(drop).map_err(|errno| std::io::Error::from_raw_os_error(errno).to_string())
}

/// The same for a descriptor that the caller closes by ending.
pub(super) fn descriptor<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> Result<usize, String> {
    call(number, arguments).map_err(|errno| std::io::Error::from_raw_os_error(errno).to_string())
}

pub(super) fn c(text: impl AsRef<std::path::Path>) -> CString {
    CString::new(text.as_ref().as_os_str().as_encoded_bytes()).expect("no nul in a path")
}

pub(super) fn at(text: &CString) -> usize {
    text.as_ptr() as usize
}

/// Whether a child could be made with these flags; it ends at once.
pub(super) fn clone_with(flags: i32) -> Outcome {
    let child = call(libc::SYS_clone, [(flags | libc::SIGCHLD) as usize, 0, 0, 0, 0]);
    if child == Ok(0) {
        // SAFETY: ends the copy without running anything of the test's.
        unsafe { libc::_exit(0) };
    }
    child.map(drop).map_err(|errno| std::io::Error::from_raw_os_error(errno).to_string())
}

/// The same through `clone3`, whose flags no filter can see.
pub(super) fn clone3_with(flags: i32) -> Outcome {
    clone3(u64::from(flags.cast_unsigned()), 0)
}

/// Whether a child could be made in a control group, for which a folder that can be read is enough.
pub(super) fn in_group(folder: &std::path::Path) -> Outcome {
    const INTO_CGROUP: u64 = 0x2_0000_0000;
    let folder = std::fs::File::open(folder).map_err(|error| error.to_string())?;
    clone3(INTO_CGROUP, folder.as_raw_fd() as u64)
}

fn clone3(flags: u64, group: u64) -> Outcome {
    let mut arguments = [0_u64; 11];
    arguments[0] = flags;
    arguments[4] = libc::SIGCHLD as u64;
    arguments[10] = group;
    let child = call(libc::SYS_clone3, [arguments.as_ptr() as usize, size_of_val(&arguments)]);
    if child == Ok(0) {
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    child.map(drop).map_err(|errno| std::io::Error::from_raw_os_error(errno).to_string())
}

/// A socket call of the 32-bit interface, all of whose arguments are in memory.
#[cfg(target_arch = "x86_64")]
pub(super) fn compat_socketcall() -> Outcome {
    // SAFETY: asks for low memory, where a 32-bit interface can read the arguments.
    let low = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
            -1,
            0,
        )
    };
    if low == libc::MAP_FAILED {
        return Err("no low memory".to_owned());
    }
    // SAFETY: the page was just mapped and is ours.
    unsafe { low.cast::<[u32; 3]>().write([libc::AF_INET as u32, libc::SOCK_STREAM as u32, 0]) };
    let mut result: i64 = 102;
    // SAFETY: a system call; `rbx` is saved around it, as the compiler keeps it for itself.
    unsafe {
        std::arch::asm!(
            "push rbx", "mov ebx, 1", "int 0x80", "pop rbx",
            inout("rax") result, in("rcx") low, out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    if (result as i32) >= 0 { Ok(()) } else { Err(std::io::Error::from_raw_os_error(-(result as i32)).to_string()) }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn compat_socketcall() -> Outcome {
    Err("there is no such interface".to_owned())
}
