//! Gives up what a sandboxed command must not have: capabilities, keys, ways to get privileges back.

use super::guard::{At, Failure, Step};
use super::sys;

/// Joins a fresh session keyring and forbids core dumps. Fails never: a kernel without keys has none to inherit, and
/// the calls that use keys are filtered.
pub(super) fn drop_inherited() {
    const JOIN_SESSION_KEYRING: usize = 1;
    // SAFETY: a null name asks for a new anonymous keyring.
    let _ = unsafe { sys::call(libc::SYS_keyctl, [JOIN_SESSION_KEYRING, 0, 0, 0, 0, 0]) };
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a local.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
}

/// Gives up all capabilities, now and through whatever is executed later.
pub(super) fn drop_capabilities() -> Result<(), Failure> {
    for capability in 0..64 {
        // EINVAL: beyond the last one. EPERM: not ours to drop, and then not ours to use either, see below.
        if sys::prctl(libc::PR_CAPBSET_DROP, capability) == Err(libc::EINVAL) {
            break;
        }
    }
    // Root gets no capabilities by executing something. Refused to those who have none anyway.
    let _ = sys::prctl(libc::PR_SET_SECUREBITS, SECURE_BITS);
    let _ = sys::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as usize);
    // Nothing executed later can gain any: no set-user-id, no file capabilities.
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).at(Step::Privileges)?;
    let header = CapabilityHeader { version: 0x2008_0522, pid: 0 };
    let sets = [[0_u32; 3]; 2];
    let arguments = [&raw const header as usize, sets.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: version 3 of the header takes two sets of three words.
    unsafe { sys::call(libc::SYS_capset, arguments) }.map(drop).at(Step::Privileges)
}

/// No root, no fix-ups of ids, no kept and no ambient capabilities; each locked.
const SECURE_BITS: usize = 0b1110_1111;

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}
