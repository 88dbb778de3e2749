//! How many files may be open: as many as the system lets the server have, and no more than usual for its commands.
//! Programs that keep them in small tables, as `select` does, rely on what is usual.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What was usual before [`raise_file_limit`].
static USUAL: OnceLock<Rlimit> = OnceLock::new();

/// Lets this process have as many files open as the system allows. Commands started from now on get what it had before
/// (on Linux; elsewhere they get as many).
pub fn raise_file_limit() {
    let limit = *USUAL.get_or_init(|| getrlimit(Resource::Nofile));
    if limit.current != limit.maximum {
        // Where even that is refused, the limit stays as it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

/// What commands get, where it is not what this process has.
#[cfg(target_os = "linux")]
pub(crate) fn usual() -> Option<libc::rlimit> {
    let Rlimit { current, maximum } = *USUAL.get()?;
    let number = |limit: Option<u64>| limit.unwrap_or(libc::RLIM_INFINITY);
    Some(libc::rlimit { rlim_cur: number(current), rlim_max: number(maximum) })
}
