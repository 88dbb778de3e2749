//! What the filter says of sockets.

use libc::{EAFNOSUPPORT, ENOPROTOOPT, EPERM};

use super::numbers::Numbers;
use super::{ASK, Code, Sockets, argument_offset, error};

/// Options of Unix and internet sockets with which a filter program of the command's is put before a connection, or a
/// connection to a device of the machine's: `SO_BINDTODEVICE`, `SO_ATTACH_FILTER`, `SO_ATTACH_BPF`,
/// `SO_ATTACH_REUSEPORT_CBPF`, `SO_ATTACH_REUSEPORT_EBPF`, `SO_BINDTOIFINDEX`.
const REFUSED_OF_SOCKETS: [u32; 6] = [25, 26, 50, 51, 52, 62];

/// `IP_TOS`, `IP_TTL`, `IP_MTU_DISCOVER`, `IP_RECVERR`, `IP_BIND_ADDRESS_NO_PORT`. Others could send packets by another
/// way than that to the proxy.
const ALLOWED_OF_IP: [u32; 5] = [1, 2, 10, 11, 24];

/// `IPV6_UNICAST_HOPS`, `IPV6_MTU_DISCOVER`, `IPV6_RECVERR`, `IPV6_V6ONLY`, `IPV6_TCLASS`.
const ALLOWED_OF_IPV6: [u32; 5] = [16, 23, 25, 26, 67];

/// `TCP_NODELAY`, `TCP_MAXSEG`, `TCP_CORK`, `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `TCP_KEEPCNT`, `TCP_SYNCNT`,
/// `TCP_LINGER2`, `TCP_WINDOW_CLAMP`, `TCP_QUICKACK`, `TCP_CONGESTION`, `TCP_USER_TIMEOUT`, `TCP_NOTSENT_LOWAT`. Not
/// among them: connecting with the first data instead of when asked to.
const ALLOWED_OF_TCP: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 18, 25];

impl Code {
    pub(super) fn socket_rules(&mut self, numbers: &Numbers, sockets: Sockets) {
        match sockets {
            Sockets::Pairs => {
                self.refuse(numbers.socket, EPERM);
                self.refuse(numbers.connect, EPERM);
                self.without_addresses(numbers);
                self.connected_pairs_only(numbers);
            }
            Sockets::Supervised => {
                self.supervised(numbers);
                self.without_addresses(numbers);
                self.connected_pairs_only(numbers);
            }
            Sockets::Internet => {
                self.families(numbers, &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]);
                self.connected_pairs_only(numbers);
            }
            Sockets::NoUnix => self.families(numbers, &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]),
            Sockets::All => {
                self.families(numbers, &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_UNIX]);
            }
        }
    }

    fn families(&mut self, numbers: &Numbers, families: &[i32]) {
        self.rule(numbers.socket, |code| {
            code.load(argument_offset(0));
            for family in families {
                code.if_equal(family.unsigned_abs(), 1);
                code.allow();
            }
            code.ret(error(EAFNOSUPPORT));
        });
    }

    /// No socket can be given an address, other than by `connect`: not by the calls made for it, and not by `sendto`.
    /// `sendmsg` has its address in memory; so there may be no sockets but [connected
    /// pairs](Self::connected_pairs_only) and those that take an address from nobody while they send.
    fn without_addresses(&mut self, numbers: &Numbers) {
        self.rule(numbers.sendto, |code| {
            code.load(argument_offset(4));
            code.if_equal(0, 3);
            code.load(argument_offset(4) + 4);
            code.if_equal(0, 1);
            code.allow();
            code.ret(error(EPERM));
        });
        for &number in numbers.addressing {
            self.refuse(number, EPERM);
        }
    }

    /// Sockets for TCP, which are asked for, and so are their connections. Nothing else gives them an address or has an
    /// effect on where their packets go. An interface whose calls cannot be asked about can only use what it is given.
    fn supervised(&mut self, numbers: &Numbers) {
        if numbers.asked.is_empty() {
            self.refuse(numbers.socket, EPERM);
            self.refuse(numbers.connect, EPERM);
        } else {
            self.rule(numbers.socket, Self::ask_for_tcp);
            self.if_equal(numbers.connect, 1);
            self.ret(ASK);
        }
        // They could connect while they send; the flags of `sendto` are of no use without the address.
        for (number, flags) in [(numbers.sendmsg, 2), (numbers.sendmmsg, 3)] {
            self.rule(number, |code| {
                code.load(argument_offset(flags));
                code.and(libc::MSG_FASTOPEN.unsigned_abs());
                code.if_equal(0, 1);
                code.allow();
                code.ret(error(EPERM));
            });
        }
        self.rule(numbers.setsockopt, Self::harmless_options);
    }

    fn ask_for_tcp(&mut self) {
        self.load(argument_offset(0));
        self.if_equal(libc::AF_INET.unsigned_abs(), 1);
        self.jump(3);
        self.if_equal(libc::AF_INET6.unsigned_abs(), 1);
        self.jump(1);
        self.ret(error(EAFNOSUPPORT));
        self.load(argument_offset(1));
        self.and(0xf);
        self.if_equal(libc::SOCK_STREAM.unsigned_abs(), 5);
        self.load(argument_offset(2));
        self.if_equal(0, 1);
        self.ret(ASK);
        self.if_equal(libc::IPPROTO_TCP.unsigned_abs(), 1);
        self.ret(ASK);
        self.ret(error(EPERM));
    }

    fn harmless_options(&mut self) {
        let level = argument_offset(1);
        let option = argument_offset(2);
        for (wanted, allowed) in [
            (libc::IPPROTO_TCP, &ALLOWED_OF_TCP[..]),
            (libc::IPPROTO_IP, &ALLOWED_OF_IP[..]),
            (libc::IPPROTO_IPV6, &ALLOWED_OF_IPV6[..]),
        ] {
            let mut code = Self(Vec::new());
            code.load(option);
            code.allow_only(allowed, ENOPROTOOPT);
            self.load(level);
            self.if_equal(wanted.unsigned_abs(), code.0.len() as u8);
            self.0.append(&mut code.0);
        }
        self.load(level);
        self.if_equal(libc::SOL_SOCKET.unsigned_abs(), 14);
        self.load(option);
        self.refuse_only(&REFUSED_OF_SOCKETS, ENOPROTOOPT);
        self.ret(error(ENOPROTOOPT));
    }

    /// Of Unix sockets only pairs of the kinds that ignore an address. A pair of datagram sockets would not: a message
    /// can leave it for any path.
    fn connected_pairs_only(&mut self, numbers: &Numbers) {
        self.rule(numbers.socketpair, |code| {
            code.load(argument_offset(0));
            code.if_equal(libc::AF_UNIX.unsigned_abs(), 6);
            code.load(argument_offset(1));
            code.and(0xf);
            code.if_equal(libc::SOCK_STREAM.unsigned_abs(), 1);
            code.allow();
            code.if_equal(libc::SOCK_SEQPACKET.unsigned_abs(), 1);
            code.allow();
            code.ret(error(EPERM));
        });
    }
}
