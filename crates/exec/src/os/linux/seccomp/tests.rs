//! What the filter answers, as a small machine of our own runs it.

use libc::{EAFNOSUPPORT, ENOPROTOOPT};

use super::*;

/// Runs a filter as the kernel would.
fn verdict(options: Options, arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let Filter(program) = Filter::new(options);
    let mut data = Vec::new();
    data.extend(number.to_ne_bytes());
    data.extend(arch.to_ne_bytes());
    data.extend(0_u64.to_ne_bytes());
    data.extend(arguments.iter().flat_map(|argument| argument.to_ne_bytes()));
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let one = program[at];
        at += 1;
        let jump = |condition: bool| usize::from(if condition { one.jt } else { one.jf });
        match u32::from(one.code) {
            0x20 => accumulator = u32::from_ne_bytes(data[one.k as usize..][..4].try_into().unwrap()),
            0x54 => accumulator &= one.k,
            0x05 => at += one.k as usize,
            0x15 => at += jump(accumulator == one.k),
            0x35 => at += jump(accumulator >= one.k),
            0x06 => return one.k,
            other => panic!("instruction {other:#x}"),
        }
    }
}

const OFF: Options = Options { sockets: Sockets::Pairs, namespaces: true };
const ON: Options = Options { sockets: Sockets::All, namespaces: true };
const PROXIED: Options = Options { sockets: Sockets::Internet, namespaces: true };

fn native(options: Options, number: libc::c_long, arguments: [u64; 6]) -> u32 {
    verdict(options, NATIVE_ARCH, number as u32, arguments)
}

#[test]
fn ordinary_calls_are_allowed_and_foreign_interfaces_are_not() {
    assert_eq!(native(OFF, libc::SYS_read, [0; 6]), ALLOW);
    assert_eq!(native(OFF, libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(verdict(OFF, 0x1234, 0, [0; 6]), error(EPERM));
}

#[test]
fn without_namespaces_files_keep_their_attributes_and_other_processes_their_settings() {
    let alone = Options { namespaces: false, ..OFF };
    assert_eq!(native(alone, libc::SYS_fchmod, [0; 6]), ASK);
    assert_eq!(native(alone, libc::SYS_fsetxattr, [0; 6]), error(ENOTSUP));
    #[cfg(target_arch = "x86_64")]
    assert_eq!(verdict(alone, compat_32::ARCH, 94, [0; 6]), error(ENOTSUP));
    assert_eq!(native(OFF, libc::SYS_fchmod, [0; 6]), ALLOW);
    assert_eq!(native(alone, libc::SYS_ioctl, [3, 0x4008_6602, 0, 0, 0, 0]), error(EPERM));
    assert_eq!(native(OFF, libc::SYS_ioctl, [3, 0x4008_6602, 0, 0, 0, 0]), ALLOW);
    for (number, own) in [
        (libc::SYS_prlimit64, [0, 7, 0, 0, 0, 0]),
        (libc::SYS_setpriority, [0, 0, 5, 0, 0, 0]),
        (libc::SYS_ioprio_set, [1, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(native(alone, number, own), ALLOW);
        for argument in 0..2 {
            let mut other = own;
            other[argument] = 42;
            let matters = number != libc::SYS_prlimit64 || argument == 0;
            assert_eq!(native(alone, number, other), if matters { error(EPERM) } else { ALLOW });
            assert_eq!(native(OFF, number, other), ALLOW);
        }
    }
}

#[test]
fn without_network_nothing_carries_an_address() {
    for family in [libc::AF_INET, libc::AF_UNIX, libc::AF_NETLINK, libc::AF_VSOCK] {
        assert_eq!(native(OFF, libc::SYS_socket, [family as u64, 1, 0, 0, 0, 0]), error(EPERM));
    }
    let pair = |kind: i32| native(OFF, libc::SYS_socketpair, [libc::AF_UNIX as u64, kind as u64, 0, 0, 0, 0]);
    assert_eq!(pair(libc::SOCK_STREAM | libc::SOCK_CLOEXEC), ALLOW);
    assert_eq!(pair(libc::SOCK_SEQPACKET), ALLOW);
    assert_eq!(pair(libc::SOCK_DGRAM), error(EPERM));
    assert_eq!(pair(libc::SOCK_RAW), error(EPERM), "the kernel makes it a datagram socket");
    assert_eq!(native(OFF, libc::SYS_sendto, [0; 6]), ALLOW, "this is send");
    assert_eq!(native(OFF, libc::SYS_sendto, [0, 0, 0, 0, 1 << 40, 0]), error(EPERM));
    assert_eq!(native(OFF, libc::SYS_connect, [0; 6]), error(EPERM));
    assert_eq!(native(OFF, libc::SYS_sendmsg, [0; 6]), ALLOW);
}

#[test]
fn with_network_only_everyday_families_are_open() {
    let socket = |family: i32| native(ON, libc::SYS_socket, [family as u64, 1, 0, 0, 0, 0]);
    assert_eq!(socket(libc::AF_INET6), ALLOW);
    assert_eq!(socket(libc::AF_UNIX), ALLOW);
    assert_eq!(socket(libc::AF_VSOCK), error(EAFNOSUPPORT));
    assert_eq!(socket(libc::AF_ALG), error(EAFNOSUPPORT));
    assert_eq!(native(ON, libc::SYS_io_uring_setup, [0; 6]), error(EPERM));
}

#[test]
fn in_a_network_of_its_own_no_unix_socket_carries_an_address() {
    let socket = |family: i32| native(PROXIED, libc::SYS_socket, [family as u64, 1, 0, 0, 0, 0]);
    assert_eq!((socket(libc::AF_INET), socket(libc::AF_INET6)), (ALLOW, ALLOW));
    assert_eq!(socket(libc::AF_UNIX), error(EAFNOSUPPORT));
    assert_eq!(socket(libc::AF_VSOCK), error(EAFNOSUPPORT));
    let pair = |kind: i32| native(PROXIED, libc::SYS_socketpair, [libc::AF_UNIX as u64, kind as u64, 0, 0, 0, 0]);
    assert_eq!((pair(libc::SOCK_STREAM), pair(libc::SOCK_DGRAM)), (ALLOW, error(EPERM)));
    assert_eq!(native(PROXIED, libc::SYS_connect, [0; 6]), ALLOW);
}

#[test]
fn no_new_namespaces_and_no_injection() {
    let clone = |flags: i32| native(ON, libc::SYS_clone, [flags as u64, 0, 0, 0, 0, 0]);
    assert_eq!(clone(libc::CLONE_NEWUSER), error(EPERM));
    assert_eq!(native(ON, libc::SYS_unshare, [libc::CLONE_NEWNS as u64, 0, 0, 0, 0, 0]), error(EPERM));
    assert_eq!(native(ON, libc::SYS_unshare, [libc::CLONE_FILES as u64, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(native(ON, libc::SYS_clone3, [0; 6]), error(ENOSYS));
    assert_eq!(native(ON, libc::SYS_ioctl, [0, u64::from(TIOCSTI), 0, 0, 0, 0]), error(EPERM));
    let padded = u64::from(TIOCSTI) | 1 << 32;
    assert_eq!(native(ON, libc::SYS_ioctl, [0, padded, 0, 0, 0, 0]), error(EPERM));
}

#[test]
fn tracing_and_shared_objects_need_namespaces() {
    let bare = Options { namespaces: false, ..OFF };
    for number in [libc::SYS_ptrace, libc::SYS_shmget, libc::SYS_mq_open] {
        assert_eq!(native(bare, number, [0; 6]), error(EPERM));
        assert_eq!(native(OFF, number, [0; 6]), ALLOW);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_32_bit_interfaces_are_filtered_too() {
    let compat = |number, arguments| verdict(OFF, compat_32::ARCH, number, arguments);
    assert_eq!(compat(4, [0; 6]), ALLOW);
    assert_eq!(compat(compat_32::SOCKETCALL, [1, 0, 0, 0, 0, 0]), error(EPERM));
    assert_eq!(compat(359, [2, 1, 0, 0, 0, 0]), error(EPERM));
    assert_eq!(compat(21, [0; 6]), error(EPERM));
    assert_eq!(native(OFF, 0x4000_0000 | libc::SYS_socket, [0; 6]), error(ENOSYS));
}

#[test]
fn a_supervised_command_asks_for_each_socket_and_each_connection() {
    let supervised = Options { sockets: Sockets::Supervised, namespaces: false };
    let call = |number, arguments| native(supervised, number, arguments);
    let socket = |family: i32, kind: i32, protocol: i32| {
        call(libc::SYS_socket, [family as u64, kind as u64, protocol as u64, 0, 0, 0])
    };
    let stream = libc::SOCK_STREAM;
    for family in [libc::AF_INET, libc::AF_INET6] {
        assert_eq!(socket(family, stream, 0), ASK);
        assert_eq!(socket(family, stream | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, libc::IPPROTO_TCP), ASK);
        assert_eq!(socket(family, stream, libc::IPPROTO_MPTCP), error(EPERM));
        assert_eq!(socket(family, libc::SOCK_DGRAM, 0), error(EPERM));
        assert_eq!(socket(family, libc::SOCK_RAW, libc::IPPROTO_TCP), error(EPERM));
    }
    for family in [libc::AF_UNIX, libc::AF_NETLINK, libc::AF_VSOCK, libc::AF_TIPC] {
        assert_eq!(socket(family, stream, 0), error(EAFNOSUPPORT));
    }
    assert_eq!(call(libc::SYS_connect, [0; 6]), ASK);
    for number in [libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4] {
        assert_eq!(call(number, [0; 6]), error(EPERM));
    }
    assert_eq!(call(libc::SYS_socketpair, [libc::AF_UNIX as u64, stream as u64, 0, 0, 0, 0]), ALLOW);
    let at_once = libc::MSG_FASTOPEN as u64;
    assert_eq!(call(libc::SYS_sendto, [0, 0, 0, 0, 1, 16]), error(EPERM));
    assert_eq!(call(libc::SYS_sendmsg, [0, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(libc::SYS_sendmsg, [0, 0, at_once, 0, 0, 0]), error(EPERM));
    assert_eq!(call(libc::SYS_sendmmsg, [0, 0, at_once, 0, 0, 0]), ALLOW, "that is how many");
    assert_eq!(call(libc::SYS_sendmmsg, [0, 0, 1, at_once | 1, 0, 0]), error(EPERM));
}

#[test]
fn a_supervised_command_sets_only_options_that_lead_nowhere_else() {
    let supervised = Options { sockets: Sockets::Supervised, namespaces: false };
    let set =
        |level: i32, option: i32| native(supervised, libc::SYS_setsockopt, [0, level as u64, option as u64, 0, 0, 0]);
    for (level, option) in [
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
        (libc::IPPROTO_TCP, libc::TCP_NODELAY),
        (libc::IPPROTO_IP, libc::IP_TOS),
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
    ] {
        assert_eq!(set(level, option), ALLOW, "{level} {option}");
    }
    for (level, option) in [
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE),
        (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER),
        (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
        (libc::IPPROTO_TCP, libc::TCP_ULP),
        (libc::IPPROTO_IP, libc::IP_OPTIONS),
        (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
        (libc::IPPROTO_IPV6, libc::IPV6_RTHDR),
        (libc::IPPROTO_UDP, 1),
    ] {
        assert_eq!(set(level, option), error(ENOPROTOOPT), "{level} {option}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_32_bit_interface_cannot_be_asked_about_and_gets_no_sockets() {
    let supervised = Options { sockets: Sockets::Supervised, namespaces: false };
    let compat = |number, arguments| verdict(supervised, compat_32::ARCH, number, arguments);
    for number in [359, 361, 362, 363, 364, compat_32::SOCKETCALL] {
        assert_eq!(compat(number, [2, 1, 0, 0, 0, 0]), error(EPERM), "{number}");
    }
    // A socket may have been handed to it.
    assert_eq!(compat(370, [0, 0, libc::MSG_FASTOPEN as u64, 0, 0, 0]), error(EPERM));
    assert_eq!(compat(345, [0, 0, 1, libc::MSG_FASTOPEN as u64, 0, 0]), error(EPERM));
    assert_eq!(compat(366, [0, 6, 30, 0, 0, 0]), error(ENOPROTOOPT));
}
