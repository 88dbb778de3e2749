//! Ways to speak with somebody outside.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::files::said;
use super::kernel::{Outcome, compat_socketcall, descriptor, done};
use super::{Attempt, Place, always, depends};

pub(super) const ATTEMPTS: &[Attempt] = &[
    always("connect by TCP", |p| said(TcpStream::connect(("127.0.0.1", p.tcp)).and_then(|mut to| to.write_all(b"x"))))
        .allowed_with_network(),
    depends("connect by TCP over IPv6", |p| said(TcpStream::connect(("::1", p.tcp))).map(drop)).allowed_with_network(),
    always("connect by TCP while the address is exchanged", |p| connect_while_exchanged(p.tcp)).allowed_with_network(),
    always("connect a socket anew that was connected", |p| connect_anew(p.tcp)).allowed_with_network(),
    depends("connect by several ways at once", |p| {
        let socket = descriptor(libc::SYS_socket, [INTERNET, STREAM, libc::IPPROTO_MPTCP as usize])?;
        done(libc::SYS_connect, connection(socket, &address_of(p.tcp)))
    })
    .allowed_with_network(),
    depends("connect by TCP with the first data", |p| send_at_once(p, false)).allowed_with_network(),
    depends("connect by TCP with a message", |p| send_at_once(p, true)).allowed_with_network(),
    always("listen on a TCP port", |_| said(TcpListener::bind("127.0.0.1:0")).map(drop)).stays_in_own_network(),
    always("send by UDP", |p| {
        said(UdpSocket::bind("127.0.0.1:0").and_then(|from| from.send_to(b"x", ("127.0.0.1", p.udp)))).map(drop)
    })
    .stays_in_own_network(),
    always("ask a name server", |p| {
        said(UdpSocket::bind("0.0.0.0:0").and_then(|from| {
            from.connect(("127.0.0.1", p.udp))?;
            from.send(b"\0\0\x01\0\0\x01")
        }))
        .map(drop)
    })
    .stays_in_own_network(),
    always("ask the kernel for routes", |_| socket(libc::AF_NETLINK, libc::SOCK_RAW, 0)).stays_in_own_network(),
    depends("open a raw socket", |_| socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)),
    depends("open a packet socket", |_| socket(libc::AF_PACKET, libc::SOCK_RAW, 0)),
    depends("open a socket to the host of a virtual machine", |_| socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)),
    depends("open a socket to the kernel's ciphers", |_| socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0)),
    depends("open a Bluetooth socket", |_| socket(libc::AF_BLUETOOTH, libc::SOCK_RAW, 1)),
    depends("open a key management socket", |_| socket(libc::AF_KEY, libc::SOCK_RAW, 2)),
    depends("open an express data path", |_| socket(libc::AF_XDP, libc::SOCK_RAW, 0)),
    depends("open a socket by the 32-bit interface", |_| compat_socketcall()).allowed_with_network(),
    depends("open a socket by the x32 interface", |_| {
        done(0x4000_0000 | libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0])
    })
    .allowed_with_network(),
    always("connect to a Unix socket by its path", |p| said(UnixStream::connect(p.outside("socket"))).map(drop))
        .allowed_with_network(),
    always("connect to a bus or a display", |p| said(UnixStream::connect(p.outside("bus"))).map(drop))
        .allowed_with_network(),
    always("send to a Unix socket by its path", |p| {
        said(UnixDatagram::unbound().and_then(|from| from.send_to(b"x", p.outside("datagram")))).map(drop)
    })
    .allowed_with_network(),
    always("send to a path from a pair of sockets", |p| send_from_pair(p, false)).allowed_with_network(),
    always("send to a path from a pair by a message", |p| send_from_pair(p, true)).allowed_with_network(),
    always("connect to an abstract socket", |p| {
        said(SocketAddr::from_abstract_name(&p.abstract_name).and_then(|to| UnixStream::connect_addr(&to))).map(drop)
    }),
    always("listen on an abstract socket", |p| {
        let name = format!("{}-mine", p.abstract_name);
        said(SocketAddr::from_abstract_name(name).and_then(|at| UnixListener::bind_addr(&at))).map(drop)
    })
    .allowed_with_network(),
];

fn socket(family: i32, kind: i32, protocol: i32) -> Outcome {
    done(libc::SYS_socket, [family as usize, kind as usize, protocol as usize])
}

/// A pair needs no address to be made; its datagrams can carry one all the same.
fn send_from_pair(p: &Place, as_message: bool) -> Outcome {
    let mut pair = [0_i32; 2];
    descriptor(
        libc::SYS_socketpair,
        [libc::AF_UNIX as usize, libc::SOCK_DGRAM as usize, 0, pair.as_mut_ptr() as usize],
    )?;
    let from = pair[0] as usize;
    let mut address = [0_u8; 110];
    address[0] = libc::AF_UNIX as u8;
    let path = p.outside("datagram");
    let path = path.as_os_str().as_encoded_bytes();
    address[2..2 + path.len()].copy_from_slice(path);
    let (to, length) = (address.as_ptr() as usize, 3 + path.len());
    if !as_message {
        return done(libc::SYS_sendto, [from, b"x".as_ptr() as usize, 1, 0, to, length]);
    }
    let piece = [b"x".as_ptr() as usize, 1];
    let message = [to, length, piece.as_ptr() as usize, 1, 0, 0, 0];
    done(libc::SYS_sendmsg, [from, message.as_ptr() as usize, 0])
}

const INTERNET: usize = libc::AF_INET as usize;
const STREAM: usize = libc::SOCK_STREAM as usize;

/// Where the first proxy is said to be.
const PROXY_PORT: u16 = 43128;

/// A `sockaddr_in` of this machine; atomic, so that somebody else may change it.
fn address_of(port: u16) -> [AtomicU32; 4] {
    let start = u32::from_ne_bytes({
        let ([a, b], [c, d]) = ((libc::AF_INET as u16).to_ne_bytes(), port.to_be_bytes());
        [a, b, c, d]
    });
    [start, u32::from_ne_bytes([127, 0, 0, 1]), 0, 0].map(AtomicU32::new)
}

fn connection(socket: usize, address: &[AtomicU32; 4]) -> [usize; 3] {
    [socket, address.as_ptr() as usize, size_of_val(address)]
}

/// Whoever checks the address must not see another one than is connected to.
fn connect_while_exchanged(port: u16) -> Outcome {
    const TRIES: usize = 5_000;
    let (allowed, wanted) = (address_of(PROXY_PORT), address_of(port));
    let address = address_of(PROXY_PORT);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for one in [&wanted, &allowed] {
                    address[0].store(one[0].load(Ordering::Relaxed), Ordering::Relaxed);
                }
            }
        });
        let mut connected = 0;
        let mut outcome = Err("never connected elsewhere".to_owned());
        for _ in 0..TRIES {
            let socket = descriptor(libc::SYS_socket, [INTERNET, STREAM, 0]);
            let reached = socket.clone().and_then(|socket| {
                done(libc::SYS_connect, connection(socket, &address))?;
                connected += 1;
                let (peer, length) = (address_of(0), size_of::<libc::sockaddr_in>() as u32);
                done(libc::SYS_getpeername, [socket, peer.as_ptr() as usize, &raw const length as usize])?;
                Ok(peer[0].load(Ordering::Relaxed) == wanted[0].load(Ordering::Relaxed))
            });
            let _ = socket.map(|socket| done(libc::SYS_close, [socket]));
            match reached {
                Ok(true) => outcome = Ok(()),
                Err(reason) if connected == 0 => outcome = Err(reason),
                Ok(false) | Err(_) => {}
            }
            // A listener whom nobody serves keeps only so many waiting.
            if outcome.is_ok() || connected == 50 {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        outcome
    })
}

fn connect_anew(port: u16) -> Outcome {
    let socket = descriptor(libc::SYS_socket, [INTERNET, STREAM, 0])?;
    // Nobody is there without a sandbox.
    let _ = done(libc::SYS_connect, connection(socket, &address_of(PROXY_PORT)));
    let nowhere = [0_u32; 4];
    let _ = done(libc::SYS_connect, [socket, nowhere.as_ptr() as usize, size_of_val(&nowhere)]);
    done(libc::SYS_connect, connection(socket, &address_of(port)))
}

/// Data may be sent with the packet that asks for a connection, without another call.
fn send_at_once(p: &Place, as_message: bool) -> Outcome {
    let socket = descriptor(libc::SYS_socket, [INTERNET, STREAM, 0])?;
    let (to, data, flags) = (address_of(p.tcp), b"x", libc::MSG_FASTOPEN as usize);
    let [_, address, length] = connection(socket, &to);
    if !as_message {
        return done(libc::SYS_sendto, [socket, data.as_ptr() as usize, 1, flags, address, length]);
    }
    let piece = [data.as_ptr() as usize, 1];
    let message = [address, length, piece.as_ptr() as usize, 1, 0, 0, 0];
    done(libc::SYS_sendmsg, [socket, message.as_ptr() as usize, flags])
}
