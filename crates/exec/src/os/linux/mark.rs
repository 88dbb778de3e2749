//! What names a server to later ones, so that they can tell whether it is gone.

use std::fs;

use rustix::process::getpid;

/// Who has started a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The process namespace in which `pid` means something.
    pub(super) namespace: u64,
    pub(super) pid: i32,
    /// In ticks since the machine was started; tells processes apart that had the same number.
    pub(super) started: u64,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.namespace, self.pid, self.started)
    }
}

impl Mark {
    /// This process'. `None` where `/proc` does not say who we are.
    pub(super) fn own() -> Option<Self> {
        let pid = getpid().as_raw_nonzero().get();
        Some(Self { namespace: namespace_of(pid)?, pid, started: Status::of(pid)?.started })
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mark = Self {
            namespace: parts.next()?.parse().ok()?,
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(mark)
    }

    pub(super) fn is_alive(&self) -> bool {
        Status::of(self.pid).is_some_and(|status| status.started == self.started)
    }
}

pub(super) fn namespace_of(pid: i32) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/pid")).ok()?;
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

/// What `/proc/PID/stat` says.
pub(super) struct Status {
    pub(super) parent: i32,
    pub(super) started: u64,
}

impl Status {
    /// `None` for a process that is not there, or is only waiting to be collected.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        let mut fields = stat.rsplit(") ").next()?.split(' ');
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        (!matches!(state, "Z" | "X")).then_some(Self { parent, started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_a_process_that_is_or_was() {
        let own = Mark::own().unwrap();
        assert_eq!(Mark::parse(&own.to_string()), Some(own));
        assert!(own.is_alive());
        assert!(!Mark { started: own.started + 1, ..own }.is_alive(), "another had the number");
        for wrong in ["", "1:2", "1:2:x", "1:2:3:4"] {
            assert_eq!(Mark::parse(wrong), None, "{wrong}");
        }
    }
}
