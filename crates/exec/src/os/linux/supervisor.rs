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
use super::sockets::Sockets;
use super::way;
use crate::rules::Rules;

/// Takes the listener that a command which has started has sent, and answers for it from now on. `sockets`: where the
/// command may have some.
pub(super) fn serve(ours: &OwnedFd, rules: Rules, sockets: Option<Sockets>) -> io::Result<()> {
    let listener = way::receive(ours)?;
    let mut supervisor = Supervisor { listener, attributes: Attributes::new(rules), sockets };
    std::thread::Builder::new().name("exec-supervisor".into()).stack_size(64 * 1024).spawn(move || supervisor.run())?;
    Ok(())
}

struct Supervisor {
    listener: OwnedFd,
    attributes: Attributes,
    sockets: Option<Sockets>,
}

impl Supervisor {
    fn run(&mut self) {
        loop {
            let mut ready = [PollFd::new(&self.listener, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) if ready[0].revents().contains(PollFlags::IN) => {}
                Err(Errno::INTR) => continue,
                // Nobody is left under the filter.
                Ok(_) | Err(_) => return,
            }
            let Ok(caller) = Caller::next(&self.listener) else { continue };
            let done = match (caller.number(), &mut self.sockets) {
                (libc::SYS_socket, Some(sockets)) => match sockets.make(&caller) {
                    // With the socket the answer was given.
                    Ok(()) => continue,
                    Err(error) => Err(error),
                },
                (libc::SYS_connect, Some(sockets)) => sockets.connect(&caller),
                _ => self.attributes.change(&caller),
            };
            caller.answer(done.map_or_else(|error| error.raw_os_error().unwrap_or(libc::EPERM), |()| 0));
        }
    }
}
