//! A network of a command's own, with a way out that the caller serves.

use std::any::Any;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use exec::{Command, Io, Launcher, Mechanism, Options, Outlet, Outlets, Places, ProxyService, Rules, Sandbox};
use types::SandboxPolicy;

use crate::kit::{abs, finish, launcher, sh};
use crate::sandbox::{Kind, launchers, python};

/// Greets whoever comes.
#[derive(Debug)]
struct Greeter {
    socks5: bool,
}

impl ProxyService for Greeter {
    fn socks5(&self) -> bool {
        self.socks5
    }

    fn serve(&self, outlets: Outlets) -> io::Result<Box<dyn Any + Send + Sync>> {
        greet(outlets);
        Ok(Box::new(()))
    }
}

fn greet(outlets: Outlets) {
    for (outlet, greeting) in [(outlets.http, "http"), (outlets.socks, "socks")] {
        let greet = move |mut stream: TcpStream| drop(stream.write_all(greeting.as_bytes()));
        std::thread::spawn(move || match outlet {
            Outlet::Listener(listener) => listener.incoming().flatten().for_each(greet),
            Outlet::Connections(mut arrivals) => std::iter::from_fn(|| arrivals.blocking_recv()).for_each(greet),
        });
    }
}

/// Greets whoever comes, but not at once.
#[derive(Debug, Default)]
struct Late(Mutex<Option<Outlets>>);

impl ProxyService for Late {
    fn socks5(&self) -> bool {
        true
    }

    fn serve(&self, outlets: Outlets) -> io::Result<Box<dyn Any + Send + Sync>> {
        *self.0.lock().unwrap() = Some(outlets);
        Ok(Box::new(()))
    }
}

fn read_only() -> Sandbox {
    let places = Places { tmpdir: None, codex_home: abs("/nonexistent/home") };
    Rules::from_policy(&SandboxPolicy::read_only(), &abs("/"), &places)
}

fn through(sandbox: Sandbox, script: &str) -> Command {
    Command { cwd: abs("/"), sandbox, proxy: Some(Arc::new(Greeter { socks5: true })), ..sh(script) }
}

/// The mechanisms that have room for proxies.
fn with_room() -> impl Iterator<Item = (Kind, Launcher)> {
    launchers().into_iter().filter(|(_, launcher)| launcher.mechanism().unwrap().takes_proxies())
}

fn bubblewrap() -> Option<Mechanism> {
    launchers().into_iter().find(|(kind, _)| *kind == Kind::Bubblewrap)?.1.mechanism().ok()
}

/// Reads what comes from the port that a variable ends in.
const CONNECT: &str = r#"read_from() { bash -c 'exec 3<>/dev/tcp/127.0.0.1/'"${1##*:}"' && cat <&3'; }; "#;

#[tokio::test]
async fn a_command_reaches_its_proxies_and_is_told_where_they_are() {
    let script =
        format!("{CONNECT} read_from $HTTP_PROXY; echo; read_from $ALL_PROXY; echo; env | grep -i proxy | sort");
    for (kind, launcher) in with_room() {
        let done = finish(launcher.spawn(through(read_only(), &script)).await.unwrap()).await;
        let out = done.out();
        assert!(out.starts_with("http\nsocks\n"), "{kind:?} {out}{}", done.err());
        assert!(out.contains("\nhttps_proxy=http://127.0.0.1:"), "{kind:?} {out}");
        assert!(out.contains("\nALL_PROXY=socks5h://127.0.0.1:"), "{kind:?} {out}");
        assert!(!out.contains("NETWORK_DISABLED"), "{kind:?} {out}");
    }
}

/// What clients do with their sockets: each line says what it has found.
const CLIENT: &str = r#"
import errno, os, select, socket, struct, threading
PROXY = ("127.0.0.1", 43128)

def greeting(s):
    s.setblocking(True)
    return s.recv(10).decode()

def new(family=socket.AF_INET, **more):
    return socket.socket(family, socket.SOCK_STREAM, **more)

def waiting():
    s = new()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 7, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.connect(PROXY)
    kept = struct.unpack("ll", s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))[0]
    return greeting(s), kept, s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), s.connect_ex(PROXY) == errno.EISCONN

def polling():
    s = new()
    s.setblocking(False)
    begun = s.connect_ex(PROXY) in (0, errno.EINPROGRESS)
    poll = select.poll()
    poll.register(s, select.POLLOUT)
    poll.poll()
    return begun, s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), os.get_blocking(s.fileno()), greeting(s)

def registered_before():
    s = new()
    s.setblocking(False)
    events = select.epoll()
    events.register(s, select.EPOLLIN | select.EPOLLET)
    s.connect_ex(PROXY)
    while True:
        if any(mask & select.EPOLLIN for _, mask in events.poll(10)):
            return greeting(s)

def mapped():
    s = new(socket.AF_INET6)
    s.connect(("::ffff:127.0.0.1", 43128))
    return greeting(s)

def by_a_thread_and_a_child():
    s = new()
    thread = threading.Thread(target=lambda: s.connect(PROXY))
    thread.start()
    thread.join()
    child = os.fork()
    if child == 0:
        other = new()
        other.connect(PROXY)
        os._exit(0 if greeting(other) == "http" else 1)
    return greeting(s), os.waitpid(child, 0)[1]

def in_a_row():
    made = []
    for _ in range(100):
        refused = new()
        made.append((refused.connect_ex(("127.0.0.1", 1)), refused))
        s = new()
        s.connect(PROXY)
        if greeting(s) != "http":
            return "lost"
        s.close()
    return {errno.errorcode[error] for error, _ in made}

def tried_again():
    s = new()
    first = s.connect_ex(("127.0.0.1", 1))
    s.connect(PROXY)
    return errno.errorcode[first], greeting(s)

def elsewhere():
    results = [new().connect_ex(to) for to in [("127.0.0.1", 1), ("127.0.0.2", 43128), ("192.0.2.1", 43128)]]
    results.append(new(socket.AF_INET6).connect_ex(("::1", 43128)))
    return [errno.errorcode[error] for error in results]

def flags():
    kept = []
    for inherited in (False, True):
        s = new()
        os.set_inheritable(s.fileno(), inherited)
        s.connect(PROXY)
        kept.append(os.get_inheritable(s.fileno()))
    return kept

for check in [waiting, polling, registered_before, mapped, by_a_thread_and_a_child, in_a_row, tried_again, elsewhere, flags]:
    print(check.__name__, check())
"#;

#[tokio::test]
async fn whatever_way_clients_connect_they_are_connected() {
    if !python() {
        return;
    }
    for (kind, launcher) in with_room() {
        let command = Command {
            argv: ["python3", "-c", CLIENT].map(str::to_owned).into(),
            io: Io::Pipes { stdin: false },
            ..through(read_only(), "")
        };
        let done = finish(launcher.spawn(command).await.unwrap()).await;
        let expected = [
            "waiting ('http', 7, 1, True)",
            "polling (True, 0, False, 'http')",
            "registered_before http",
            "mapped http",
            "by_a_thread_and_a_child ('http', 0)",
            "in_a_row {'ECONNREFUSED'}",
            "tried_again ('ECONNREFUSED', 'http')",
            "elsewhere ['ECONNREFUSED', 'ECONNREFUSED', 'ENETUNREACH', 'ECONNREFUSED']",
            "flags [False, True]",
        ];
        assert_eq!(done.out().lines().collect::<Vec<_>>(), expected, "{kind:?}: {}", done.err());
    }
}

#[tokio::test]
async fn a_crowd_of_connections_waits_until_it_is_served() {
    let script = "for i in {1..200}; do exec {fd}<>/dev/tcp/127.0.0.1/43128 || exit; all+=($fd); \
                  [ $i = 100 ] && echo begun; done; \
                  for fd in ${all[@]}; do cat <&$fd; done | wc -c";
    for (kind, launcher) in with_room() {
        let late = Arc::new(Late::default());
        let argv = ["bash", "-c", script].map(str::to_owned).into();
        let command = Command { argv, proxy: Some(late.clone()), ..through(read_only(), "") };
        let mut process = launcher.spawn(command).await.unwrap();
        crate::kit::read_until(&mut process, "begun\n").await;
        greet(late.0.lock().unwrap().take().unwrap());
        let done = finish(process).await;
        assert_eq!(done.out(), "800\n", "{kind:?}: {}", done.err());
    }
}

/// As many connections at once as a client has that never waits, to a proxy that takes none.
const EAGER: &str = r#"
import errno, socket
held = []
for _ in range(300):
    s = socket.socket()
    s.setblocking(False)
    held.append((s.connect_ex(("127.0.0.1", 43128)), s))
names = [errno.errorcode[error] for error, _ in held]
print(names[0], set(names) <= {"EINPROGRESS", "ECONNREFUSED"})
"#;

#[tokio::test]
async fn a_client_that_does_not_want_to_wait_is_not_held_up() {
    if !python() {
        return;
    }
    for (kind, launcher) in with_room() {
        let argv = ["python3", "-c", EAGER].map(str::to_owned).into();
        let never = Arc::new(Late::default());
        let command = Command { argv, proxy: Some(never.clone()), ..through(read_only(), "") };
        let done = finish(launcher.spawn(command).await.unwrap()).await;
        assert_eq!(done.out(), "EINPROGRESS True\n", "{kind:?}: {}", done.err());
    }
}

#[tokio::test]
async fn a_service_without_socks_is_not_advertised_as_one() {
    let command = Command { proxy: Some(Arc::new(Greeter { socks5: false })), ..through(read_only(), "env") };
    let Ok(process) = launcher().spawn(command).await else { return };
    let out = finish(process).await.out();
    assert!(!out.contains("socks5h"), "{out}");
}

#[tokio::test]
async fn each_command_has_a_network_of_its_own() {
    for (kind, launcher) in with_room() {
        let taken = "exec 3<>/dev/tcp/127.0.0.1/43128";
        let outside = finish(launcher.spawn(sh(&format!("bash -c '{taken}'"))).await.unwrap()).await;
        assert!(!outside.exit.success(), "nothing listens outside");
        let mut first = launcher.spawn(through(read_only(), "echo ready; sleep 1000")).await.unwrap();
        crate::kit::read_until(&mut first, "ready").await;
        let script = format!("{CONNECT} read_from $HTTP_PROXY");
        let second = finish(launcher.spawn(through(read_only(), &script)).await.unwrap()).await;
        assert_eq!(second.out(), "http", "{kind:?}");
    }
}

#[tokio::test]
async fn without_a_sandbox_a_command_keeps_the_network_it_has() {
    let done = finish(launcher().spawn(through(Sandbox::None, "env")).await.unwrap()).await;
    assert!(!done.out().contains("PROXY"), "{}", done.out());
}

/// A `bwrap` that does not say which process it has made, as one that nobody may look into.
const SECRETIVE: &str = r#"#!/bin/bash
for argument; do [ "$argument" = --info-fd ] && exit 1; done
exec "$REAL" "$@"
"#;

#[tokio::test]
async fn a_bwrap_whose_network_cannot_be_entered_leaves_commands_without() {
    let Some(Mechanism::Bubblewrap { path: real, .. }) = bubblewrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bwrap");
    std::fs::write(&path, SECRETIVE.replace("$REAL", real.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = || Options { tmpdir: None, codex_home: abs("/nonexistent"), path: Some(folder.path().into()) };
    let found = Launcher::new(options()).survey().into_iter().find(|finding| finding.name == "bwrap").unwrap();
    let mechanism = Mechanism::Bubblewrap { path: path.clone(), proxies: false };
    assert_eq!(found.works, Ok(mechanism.clone()));
    let reason = Launcher::with_mechanism(options(), Mechanism::Bubblewrap { path, proxies: true }).unwrap_err();
    assert!(reason.to_string().starts_with("bwrap: network namespace: "), "{reason}");

    let launcher = Launcher::with_mechanism(options(), mechanism).unwrap();
    let script = format!("{CONNECT} read_from :43128; echo $CODEX_SANDBOX_NETWORK_DISABLED$HTTP_PROXY");
    let done = finish(launcher.spawn(through(read_only(), &script)).await.unwrap()).await;
    assert_eq!(done.out(), "1\n", "{}", done.err());
}
