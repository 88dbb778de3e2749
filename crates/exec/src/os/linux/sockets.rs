//! The sockets of commands that are confined by Landlock alone and reach chosen hosts: made and connected by the server.
//!
//! Such a command shares the machine's network, so nothing may be left to it. Its filter asks for each socket and each
//! connection; everything else that carries an address is refused. The server makes the socket, hands a copy of it to
//! the command, and keeps one. When the command wants to connect, the server reads the address, once, compares it with
//! those of the proxies, connects its own copy to a listener that exists for this one connection, and gives the other
//! end to the proxy. Nothing the command does meanwhile has an effect on where the connection leads, and since it is the
//! same socket all along, its options and whoever waits for it are what they were.
//!
//! The proxies' ports are names only: nothing listens there, and nobody else can come to the proxies.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fstat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, connect_unspec, getsockname, socket_with};
use rustix::time::Timespec;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::caller::Caller;
use crate::outlet::{HTTP_PORT, Outlet, Outlets, SOCKS_PORT};

/// How many sockets of a command are kept that are not connected. Those that it has closed by now are among them, for
/// they are not told apart; the one not used for longest goes first, and cannot be connected any more.
const MOST_UNCONNECTED: usize = 64;

/// How many connections wait for a proxy that has its hands full: as many as with a listener.
const MOST_WAITING: usize = 128;

/// How long a connection may take. It is made at once, unless many wait already, or others crowd its listener.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is asked whether there is a place among those who wait.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// Makes and connects the sockets of one command.
pub(super) struct Sockets {
    /// By number of inode, the last used at the end.
    unconnected: VecDeque<(u64, OwnedFd)>,
    http: mpsc::Sender<TcpStream>,
    socks: mpsc::Sender<TcpStream>,
}

impl Sockets {
    /// With what comes out of it for the proxies.
    pub(super) fn new() -> (Self, Outlets) {
        let (http, http_outlet) = mpsc::channel(MOST_WAITING);
        let (socks, socks_outlet) = mpsc::channel(MOST_WAITING);
        let outlets = Outlets { http: Outlet::Connections(http_outlet), socks: Outlet::Connections(socks_outlet) };
        (Self { unconnected: VecDeque::new(), http, socks }, outlets)
    }

    /// Carries out `socket`: puts a socket into the caller, whose call returns its number.
    ///
    /// # Errors
    /// What the call is to fail with.
    pub(super) fn make(&mut self, caller: &Caller<'_>) -> io::Result<()> {
        let [family, kind, ..] = caller.arguments().map(|argument| argument as u32);
        let flags = SocketFlags::from_bits(kind & !KIND_MASK).ok_or(Errno::INVAL)?;
        let family = AddressFamily::from_raw(family as _);
        let socket = socket_with(family, SocketType::STREAM, flags | SocketFlags::CLOEXEC, None)?;
        let inode = fstat(&socket)?.st_ino;
        caller.give(socket.as_fd(), flags.contains(SocketFlags::CLOEXEC))?;
        self.keep(inode, socket);
        Ok(())
    }

    /// Carries out `connect`, if it is about a proxy.
    ///
    /// # Errors
    /// What the call is to fail with: for a socket that does not wait that it is under way, as always.
    pub(super) fn connect(&mut self, caller: &Caller<'_>) -> io::Result<()> {
        let [fd, address, length, ..] = caller.arguments();
        let inode = caller.socket(fd as i32)?;
        let to = read_address(caller, address, length as u32)?;
        caller.still_waits()?;
        let at = self.unconnected.iter().position(|(one, _)| *one == inode);
        let (_, socket) = at.and_then(|at| self.unconnected.remove(at)).ok_or(Errno::ISCONN)?;
        let connected = match self.behind(to) {
            Some(proxy) => hand_over(&socket, to.ip(), proxy),
            // As in a network in which nothing else is.
            None if to.ip().to_canonical().is_loopback() => Err(Errno::CONNREFUSED.into()),
            None => Err(Errno::NETUNREACH.into()),
        };
        match connected {
            Ok(done) => done,
            Err(error) => {
                self.keep(inode, socket);
                Err(error)
            }
        }
    }

    fn keep(&mut self, inode: u64, socket: OwnedFd) {
        if self.unconnected.len() >= MOST_UNCONNECTED {
            self.unconnected.pop_front();
        }
        self.unconnected.push_back((inode, socket));
    }

    /// The proxy that an address stands for.
    fn behind(&self, to: SocketAddr) -> Option<&mpsc::Sender<TcpStream>> {
        match (to.ip().to_canonical(), to.port()) {
            (IpAddr::V4(Ipv4Addr::LOCALHOST), HTTP_PORT) => Some(&self.http),
            (IpAddr::V4(Ipv4Addr::LOCALHOST), SOCKS_PORT) => Some(&self.socks),
            _ => None,
        }
    }
}

/// The bits of a socket's kind that are no flags.
const KIND_MASK: u32 = 0xf;

/// Connects a socket and gives the other end to the proxy. The outer error: it is not connected.
fn hand_over(socket: &OwnedFd, to: IpAddr, proxy: &mpsc::Sender<TcpStream>) -> io::Result<io::Result<()>> {
    let waits = !fcntl_getfl(socket)?.contains(OFlags::NONBLOCK);
    let place = place(proxy, waits)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    // Whatever the command has set, nothing with this source leaves the machine.
    match bind(socket, &SocketAddr::new(to, 0)) {
        // It is so already, from an earlier try.
        Ok(()) | Err(Errno::INVAL) if own_address(socket)?.ip() == to => {}
        Ok(()) => return Err(Errno::INVAL.into()),
        Err(error) => return Err(error.into()),
    }
    let done = match connect(socket, &SocketAddr::new(to, listener.local_addr()?.port())) {
        Ok(()) => Ok(()),
        Err(Errno::INPROGRESS) => Err(Errno::INPROGRESS.into()),
        Err(error) => return Err(error.into()),
    };
    match accept(&listener, own_address(socket)?) {
        Ok(other_end) => {
            place.send(other_end);
            Ok(done)
        }
        Err(error) => {
            // It must not go on trying, for the listener's port is somebody else's soon.
            connect_unspec(socket)?;
            Err(error)
        }
    }
}

/// A place among those who wait for the proxy. Who asks for more than there are is held up, as with a listener; but not
/// who does not want to wait, for it may have to say something on another connection before a place becomes free.
fn place(proxy: &mpsc::Sender<TcpStream>, waits: bool) -> io::Result<mpsc::Permit<'_, TcpStream>> {
    let end = Instant::now() + PATIENCE;
    loop {
        match proxy.try_reserve() {
            Ok(place) => return Ok(place),
            Err(TrySendError::Full(())) if waits && Instant::now() < end => std::thread::sleep(ASK_AGAIN),
            Err(TrySendError::Full(()) | TrySendError::Closed(())) => return Err(Errno::CONNREFUSED.into()),
        }
    }
}

fn own_address(socket: &OwnedFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(getsockname(socket)?)?)
}

/// Takes the connection from `peer`. Others that have come to the listener meanwhile are turned away.
fn accept(listener: &TcpListener, peer: SocketAddr) -> io::Result<TcpStream> {
    let end = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, from)) if from.port() == peer.port() && from.ip() == peer.ip().to_canonical() => {
                return Ok(stream);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(Errno::TIMEDOUT.into());
                }
                let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
                let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&left));
            }
            Err(error) => return Err(error),
        }
    }
}

/// An address of the internet in the caller's memory. Source of its form: the kernel's `sockaddr_in` and `sockaddr_in6`.
fn read_address(caller: &Caller<'_>, address: u64, length: u32) -> io::Result<SocketAddr> {
    let mut bytes = [0_u8; size_of::<libc::sockaddr_in6>()];
    let length = bytes.len().min(length as usize);
    caller.read(address, &mut bytes[..length])?;
    parse_address(&bytes[..length])
}

fn parse_address(bytes: &[u8]) -> io::Result<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk().ok_or(Errno::INVAL)?;
    let (port, rest) = rest.split_first_chunk().ok_or(Errno::INVAL)?;
    let ip = match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => {
            // Followed by zeros, which must be there.
            let (ip, _) = rest.split_first_chunk::<4>().filter(|(_, rest)| rest.len() >= 8).ok_or(Errno::INVAL)?;
            IpAddr::V4(Ipv4Addr::from(*ip))
        }
        libc::AF_INET6 => {
            let (_flow, rest) = rest.split_first_chunk::<4>().ok_or(Errno::INVAL)?;
            let (ip, _) = rest.split_first_chunk::<16>().ok_or(Errno::INVAL)?;
            IpAddr::V6(Ipv6Addr::from(*ip))
        }
        _ => return Err(Errno::AFNOSUPPORT.into()),
    };
    Ok(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_the_kernel_reads_it() {
        let mut v4 = [0_u8; 16];
        v4[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        v4[2..8].copy_from_slice(&[0xa8, 0x78, 127, 0, 0, 1]);
        assert_eq!(parse_address(&v4).unwrap(), "127.0.0.1:43128".parse().unwrap());
        assert!(parse_address(&v4[..15]).is_err());
        let mut v6 = [0_u8; 28];
        v6[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
        v6[2..4].copy_from_slice(&[0, 80]);
        v6[23] = 1;
        assert_eq!(parse_address(&v6).unwrap(), "[::1]:80".parse().unwrap());
        assert_eq!(parse_address(&v6[..24]).unwrap(), "[::1]:80".parse().unwrap());
        assert!(parse_address(&v6[..23]).is_err());
        let error = parse_address(&[0; 16]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT));
        assert!(parse_address(&[2]).is_err());
    }

    #[test]
    fn only_one_s_own_connection_is_taken() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let to = listener.local_addr().unwrap();
        let _stranger = TcpStream::connect(to).unwrap();
        let own = TcpStream::connect(to).unwrap();
        let taken = accept(&listener, own.local_addr().unwrap()).unwrap();
        assert_eq!(taken.peer_addr().unwrap(), own.local_addr().unwrap());
    }
}
