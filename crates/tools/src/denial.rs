//! Guesses whether a command failed because of the sandbox.

use exec::Exit;

/// `SIGSYS`: a system call that the sandbox's filter refuses.
const BAD_SYSTEM_CALL: i32 = 31;

/// What programs print when the system forbids something that works outside a sandbox.
const SIGNS: &[&str] = &[
    "operation not permitted",
    "permission denied",
    "read-only file system",
    "seccomp",
    "landlock",
    "sandbox",
    "could not resolve host",
    "temporary failure in name resolution",
    "network is unreachable",
    "failed to write file",
];

/// How much of the output's beginning and end is looked at. Programs say why they fail first or last.
const LOOK_BYTES: usize = 16 * 1024;

/// Whether a sandboxed command that ended with `exit` seems to have been stopped by the sandbox. A guess by its output;
/// only to be used where the user decides what follows, or has decided.
pub(crate) fn looks_denied(exit: &Exit, output: &[u8]) -> bool {
    if exit.code == Some(0) {
        return false;
    }
    // Shells report a signal of their child as 128 and its number.
    if exit.code_or_signal() == 128 + BAD_SYSTEM_CALL {
        return true;
    }
    // Wrong usage, not executable, not found: the command is wrong, not the sandbox.
    if matches!(exit.code, Some(2 | 127)) && !contains_sign(output, &SIGNS[..3]) {
        return false;
    }
    contains_sign(output, SIGNS)
}

fn contains_sign(output: &[u8], signs: &[&str]) -> bool {
    let head = &output[..output.len().min(LOOK_BYTES)];
    let tail = &output[output.len().saturating_sub(LOOK_BYTES).max(head.len())..];
    [head, tail].into_iter().any(|part| {
        let text = String::from_utf8_lossy(part).to_ascii_lowercase();
        signs.iter().any(|sign| text.contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32) -> Exit {
        Exit { code: Some(code), signal: None }
    }

    #[test]
    fn refusals_of_the_system_are_recognised() {
        assert!(looks_denied(&exit(1), b"touch: cannot touch '/x': Read-only file system\n"));
        assert!(looks_denied(&exit(126), b"sh: /x: Permission denied"));
        assert!(looks_denied(&exit(2), b"ls: cannot open directory '/root': Permission denied"));
        assert!(looks_denied(&exit(6), b"curl: (6) Could not resolve host: example.com"));
        assert!(looks_denied(&exit(159), b""));
        assert!(looks_denied(&Exit { code: None, signal: Some(31) }, b""));
    }

    #[test]
    fn ordinary_failures_are_not() {
        assert!(!looks_denied(&exit(0), b"Permission denied"));
        assert!(!looks_denied(&exit(1), b"assertion failed"));
        assert!(!looks_denied(&exit(127), b"sandbox: command not found"));
        assert!(!looks_denied(&Exit { code: None, signal: Some(9) }, b""));
    }

    #[test]
    fn the_end_of_a_long_output_counts() {
        let mut output = vec![b'x'; 1 << 20];
        output.extend_from_slice(b"Operation not permitted");
        assert!(looks_denied(&exit(1), &output));
    }
}
