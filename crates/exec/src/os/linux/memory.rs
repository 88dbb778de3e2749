//! What the guard reads from `/proc/self`: its children, and the memory it can give back.

use std::ffi::CStr;
use std::os::fd::RawFd;

use super::sys;

/// Calls `found` for each process whose parent is the calling one (which has a single thread).
pub(super) fn for_each_child(mut found: impl FnMut(i32)) {
    match sys::open(c"/proc/thread-self/children", libc::O_RDONLY) {
        Ok(fd) => {
            for_each_number(fd, &mut found);
            sys::close(fd);
        }
        Err(_) => for_each_child_by_stat(&mut found),
    }
}

/// Parses numbers separated by blanks.
fn for_each_number(fd: RawFd, found: &mut impl FnMut(i32)) {
    let mut number: Option<i32> = None;
    let mut buffer = [0_u8; 1024];
    while let Ok(count @ 1..) = sys::read(fd, &mut buffer) {
        for &byte in buffer.iter().take(count) {
            if byte.is_ascii_digit() {
                let digit = i32::from(byte.wrapping_sub(b'0'));
                number = Some(number.unwrap_or(0).wrapping_mul(10).wrapping_add(digit));
            } else if let Some(pid) = number.take() {
                found(pid);
            }
        }
    }
    if let Some(pid) = number {
        found(pid);
    }
}

/// The same for kernels without `children`: looks through all of `/proc`.
fn for_each_child_by_stat(found: &mut impl FnMut(i32)) {
    let me = sys::getpid();
    let Ok(proc) = sys::open(c"/proc", libc::O_RDONLY | libc::O_DIRECTORY) else { return };
    let mut entries = [0_u64; 512];
    loop {
        let size = size_of_val(&entries);
        // SAFETY: the buffer is writable for `size` bytes and aligned for the records the kernel writes.
        let count =
            unsafe { sys::call(libc::SYS_getdents64, [proc as usize, entries.as_mut_ptr() as usize, size, 0, 0, 0]) };
        let Ok(count @ 1..) = count else { break };
        // SAFETY: the kernel has filled `count` of the buffer's bytes; any byte is a valid u8.
        let bytes = unsafe { std::slice::from_raw_parts(entries.as_ptr().cast::<u8>(), count as usize) };
        // A record: inode (8), offset (8), length (2), type (1), name, nul.
        let mut rest = bytes;
        while let Some(&[low, high]) = rest.get(16..18) {
            let length = usize::from(u16::from_ne_bytes([low, high]));
            let Some(name) = rest.get(19..length) else { break };
            if let Some(pid) = parse_pid(name)
                && parent_of(pid) == Some(me)
            {
                found(pid);
            }
            rest = rest.get(length..).unwrap_or(&[]);
        }
    }
    sys::close(proc);
}

/// A name that is all digits, up to its nul.
fn parse_pid(name: &[u8]) -> Option<i32> {
    let mut pid: i32 = 0;
    let mut digits = 0;
    for &byte in name.iter().take_while(|&&byte| byte != 0) {
        if !byte.is_ascii_digit() {
            return None;
        }
        digits += 1;
        pid = pid.wrapping_mul(10).wrapping_add(i32::from(byte.wrapping_sub(b'0')));
    }
    (digits > 0).then_some(pid)
}

fn parent_of(pid: i32) -> Option<i32> {
    let mut path = [0_u8; PROC_PATH_BYTES];
    let path = proc_path(&mut path, pid, b"/stat\0")?;
    let fd = sys::open(path, libc::O_RDONLY).ok()?;
    let mut buffer = [0_u8; 512];
    let read = sys::read(fd, &mut buffer);
    sys::close(fd);
    // `pid (name) state parent …`; the name may hold anything, so from the last parenthesis on.
    let stat = buffer.get(..read.ok()?)?;
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let mut fields = stat.get(end..)?.split(|&byte| byte == b' ');
    parse_pid(fields.nth(2)?)
}

/// Room for what [`proc_path`] makes.
pub(super) const PROC_PATH_BYTES: usize = 32;

/// The path of something about a process: `below` begins with a slash and ends with a nul.
pub(super) fn proc_path<'a>(buffer: &'a mut [u8; PROC_PATH_BYTES], pid: i32, below: &[u8]) -> Option<&'a CStr> {
    let mut digits = [0_u8; 10];
    let mut count: usize = 0;
    let mut rest = pid;
    while rest > 0 {
        *digits.get_mut(count)? = b'0'.wrapping_add((rest % 10) as u8);
        rest /= 10;
        count = count.wrapping_add(1);
    }
    let number = digits.get(..count)?.iter().rev().copied();
    for (place, byte) in buffer.iter_mut().zip(b"/proc/".iter().copied().chain(number).chain(below.iter().copied())) {
        *place = byte;
    }
    CStr::from_bytes_until_nul(buffer).ok()
}

/// Gives back the pages this forked copy shares with the server: anonymous writable memory, which is what is allocated.
/// Kept are the stack it runs on with the thread's own data, and the variables of the program and its libraries: the C
/// library's `memcpy`, which the compiler calls as it likes, reads some.
///
/// The copy then costs some kilobytes however large the server is or grows, and holds none of its secrets. Allocated
/// memory reads as zeros from now on: nothing may touch it.
pub(super) fn forget() {
    let Ok(fd) = sys::open(c"/proc/self/maps", libc::O_RDONLY) else { return };
    let mut line = [0_u8; 256];
    let mut length: usize = 0;
    let mut buffer = [0_u8; 4096];
    // Where the last mapping of a file, with the variables that follow it, ends.
    let mut variables_end = 0;
    while let Ok(count @ 1..) = sys::read(fd, &mut buffer) {
        for &byte in buffer.iter().take(count) {
            if byte == b'\n' {
                let mapping = line.get(..length).and_then(Mapping::parse);
                if let Some(mapping) = mapping {
                    if mapping.of_file || (mapping.start == variables_end && !mapping.heap) {
                        variables_end = mapping.end;
                    } else {
                        mapping.forget();
                    }
                }
                length = 0;
            } else if let Some(place) = line.get_mut(length) {
                *place = byte;
                length = length.wrapping_add(1);
            }
        }
    }
    sys::close(fd);
}

struct Mapping {
    start: usize,
    end: usize,
    of_file: bool,
    heap: bool,
    /// Private, writable, and neither a stack nor the kernel's.
    allocated: bool,
}

impl Mapping {
    /// Reads `start-end permissions offset device inode name`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
        let mut range = fields.next()?.split(|&byte| byte == b'-').map(parse_hex);
        let (start, end) = (range.next()??, range.next()??);
        let writable = fields.next()? == b"rw-p";
        let of_file = fields.nth(2)? != b"0";
        let name = fields.next();
        let heap = name == Some(b"[heap]");
        Some(Self { start, end, of_file, heap, allocated: writable && !of_file && (heap || name.is_none()) })
    }

    fn forget(&self) {
        let here = 0_u8;
        let here = std::ptr::from_ref(&here) as usize;
        let range = self.start..self.end;
        if !self.allocated || range.contains(&here) || range.contains(&thread_data()) {
            return;
        }
        let length = self.end.wrapping_sub(self.start);
        // SAFETY: the range is a private anonymous mapping of this process; dropping its pages keeps it mapped, reading
        // as zeros. By the contract of this module nothing in it is used any more.
        unsafe { libc::madvise(self.start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
    }
}

/// Where the thread's own data (errno, stack protector) lies: for the main thread it is not on the stack.
fn thread_data() -> usize {
    // SAFETY: only takes the address.
    unsafe { libc::__errno_location() as usize }
}

fn parse_hex(digits: &[u8]) -> Option<usize> {
    let mut value: usize = 0;
    for &byte in digits {
        let digit = (byte as char).to_digit(16)?;
        value = value.checked_mul(16)?.wrapping_add(digit as usize);
    }
    Some(value)
}
