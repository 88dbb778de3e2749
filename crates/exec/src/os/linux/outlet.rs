//! The listeners in the network of a command: made inside, served by the server outside.

use std::io;
use std::net::TcpListener;
use std::os::fd::{OwnedFd, RawFd};

use super::guard::{At as _, Failure, Step};
use super::{sys, way};
use crate::outlet::{HTTP_PORT, Outlet, Outlets, SOCKS_PORT};

/// Makes the listeners and sends them on the way, which is closed. Runs in a network namespace that is just being made.
pub(super) fn open(way: RawFd) -> Result<(), Failure> {
    for port in [HTTP_PORT, SOCKS_PORT] {
        let listener = sys::listen_on_loopback(port).at(Step::Network)?;
        sys::send_descriptor(way, listener).at(Step::Network)?;
        sys::close(listener);
    }
    sys::close(way);
    Ok(())
}

/// Takes the listeners of a command that has started.
pub(super) fn take(ours: &OwnedFd) -> io::Result<Outlets> {
    let listener = || Ok::<_, io::Error>(Outlet::Listener(TcpListener::from(way::receive(ours)?)));
    Ok(Outlets { http: listener()?, socks: listener()? })
}
