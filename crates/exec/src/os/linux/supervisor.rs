//! Answers the calls that a command's filter does not decide by itself: those of a command that is confined by Landlock
//! alone, and is let do some things by the server that no rule of the kernel can tell from others.
//!
//! A thread for each command. It ends when the last process under the filter has ended, which is the guard's business.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::caller::Caller;
use super::way;
use crate::rules::Rules;

/// Takes the listener that a command which has started has sent, and answers for it from now on.
pub(super) fn serve(ours: &OwnedFd, rules: Rules) -> io::Result<()> {
    let listener = way::receive(ours)?;
    let supervisor = Supervisor { listener, attributes: Attributes::new(rules) };
    std::thread::Builder::new().name("exec-supervisor".into()).stack_size(64 * 1024).spawn(move || supervisor.run())?;
    Ok(())
}

struct Supervisor {
    listener: OwnedFd,
    attributes: Attributes,
}

impl Supervisor {
    fn run(&self) {
        loop {
            let mut ready = [PollFd::new(&self.listener, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) if ready[0].revents().contains(PollFlags::IN) => {}
                Err(Errno::INTR) => continue,
                // Nobody is left under the filter.
                Ok(_) | Err(_) => return,
            }
            let Ok(caller) = Caller::next(&self.listener) else { continue };
            let errno = match self.attributes.change(&caller) {
                Ok(()) => 0,
                Err(error) => error.raw_os_error().unwrap_or(libc::EPERM),
            };
            caller.answer(errno);
        }
    }
}
