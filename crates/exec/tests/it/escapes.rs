//! Attempts to get out of the sandbox, under every mechanism of this machine and every kind of policy.
//!
//! An attempt runs in a process of its own: this test binary, started once more inside the sandbox. It got out when it
//! says so, or when something outside has changed. Without a sandbox the same attempt has to work, so that what is
//! stopped is not merely broken; some ask for rights that not every user has, and are not asked for that.
//!
//! The table in `docs/sandbox.md` is made here: `EXEC_WRITE_DOCS=1 cargo test -p exec escapes` writes it.

mod files;
mod kernel;
mod sockets;
mod system;

use std::any::Any;
use std::os::fd::IntoRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exec::{Command, Io, Launcher, Mechanism, Outlets, Places, ProxyService, PtySize, Rules, Sandbox};
use types::policy::{FileSystemEntry, FileSystemPermissions};
use types::{FileSystemAccess, FileSystemPath, PermissionProfile, ReadAccess, SandboxPolicy, SpecialPath};

use crate::kit::{abs, env, eventually, finish, launcher, sh};
use crate::sandbox::{Kind, launchers};
use kernel::Outcome;

/// One way that should not lead out.
#[derive(Clone, Copy)]
struct Attempt {
    name: &'static str,
    run: fn(&Place) -> Outcome,
    /// Whether it must work without a sandbox, whoever runs the test.
    always: bool,
    /// Whether it is no escape where the network is allowed.
    network: bool,
    /// Whether it may well work in a network of one's own, where it leads nowhere.
    own_network: bool,
    terminal: bool,
}

const fn always(name: &'static str, run: fn(&Place) -> Outcome) -> Attempt {
    Attempt { name, run, always: true, network: false, own_network: false, terminal: false }
}

/// An attempt that may need rights of its own, a part of the kernel or a device.
const fn depends(name: &'static str, run: fn(&Place) -> Outcome) -> Attempt {
    Attempt { always: false, ..always(name, run) }
}

impl Attempt {
    const fn allowed_with_network(mut self) -> Self {
        self.network = true;
        self
    }

    const fn stays_in_own_network(mut self) -> Self {
        self.own_network = true;
        self.allowed_with_network()
    }

    const fn on_a_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }
}

fn attempts() -> impl Iterator<Item = &'static Attempt> {
    files::ATTEMPTS.iter().chain(system::ATTEMPTS).chain(sockets::ATTEMPTS).chain(files::READING)
}

/// What an attempt knows of the world; handed over in the environment.
struct Place {
    /// Holds `project`, where it runs, `outside` and `home`.
    root: PathBuf,
    bystander: usize,
    server: usize,
    /// Readable memory of the bystander's.
    address: usize,
    uid: u32,
    gid: u32,
    tcp: u16,
    udp: u16,
    abstract_name: String,
    /// The key of shared memory outside.
    key: usize,
    shm: PathBuf,
    shm_device: u64,
    /// A writable descriptor that the server forgot to close.
    inherited: usize,
    /// The folder below which the groups of commands are, and which is that of the server's own.
    groups: PathBuf,
}

impl Place {
    fn project(&self, name: &str) -> PathBuf {
        self.root.join("project").join(name)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.root.join("outside").join(name)
    }

    const VARIABLE: &str = "ESCAPE_PLACE";

    fn encode(&self) -> String {
        let Self { bystander, server, address, uid, gid, tcp, udp, key, shm_device, inherited, .. } = self;
        let (root, shm, groups) = (self.root.display(), self.shm.display(), self.groups.display());
        let name = &self.abstract_name;
        format!(
            "{root}\n{bystander}\n{server}\n{address}\n{uid}\n{gid}\n{tcp}\n{udp}\n{name}\n{key}\n{shm}\n{shm_device}\n\
             {inherited}\n{groups}"
        )
    }

    fn decode(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        Some(Self {
            root: lines.next()?.into(),
            bystander: lines.next()?.parse().ok()?,
            server: lines.next()?.parse().ok()?,
            address: lines.next()?.parse().ok()?,
            uid: lines.next()?.parse().ok()?,
            gid: lines.next()?.parse().ok()?,
            tcp: lines.next()?.parse().ok()?,
            udp: lines.next()?.parse().ok()?,
            abstract_name: lines.next()?.to_owned(),
            key: lines.next()?.parse().ok()?,
            shm: lines.next()?.into(),
            shm_device: lines.next()?.parse().ok()?,
            inherited: lines.next()?.parse().ok()?,
            groups: lines.next()?.into(),
        })
    }
}

/// The other side of this test: makes the attempt it is told to.
#[test]
#[ignore = "started by the other tests of this file, inside a sandbox"]
#[expect(clippy::disallowed_methods, reason = "what to do is said in the environment")]
fn attempter() {
    let place = std::env::var(Place::VARIABLE).ok().and_then(|text| Place::decode(&text)).expect("a place");
    let name = std::env::var("ESCAPE_NAME").expect("an attempt");
    let attempt = attempts().find(|attempt| attempt.name == name).expect("a known attempt");
    match (attempt.run)(&place) {
        Ok(()) => println!("{GOT_OUT}"),
        Err(reason) => println!("stopped: {reason}"),
    }
}

const GOT_OUT: &str = "GOT OUT";

// ---------------------------------------------------------------- policies

/// The kinds of policy; the names are the table's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    ReadOnly,
    WorkspaceWrite,
    WithNetwork,
    Proxied,
    Profile,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Stopped,
    /// It may work, but nothing outside notices.
    Inside,
    Allowed,
}

const POLICIES: [(Policy, &str); 5] = [
    (Policy::ReadOnly, "read-only"),
    (Policy::WorkspaceWrite, "workspace-write"),
    (Policy::WithNetwork, "with network"),
    (Policy::Proxied, "through proxies"),
    (Policy::Profile, "profile"),
];

impl Policy {
    fn expects(self, attempt: &Attempt) -> Expected {
        let reading = files::READING.iter().any(|one| one.name == attempt.name);
        match self {
            Self::Profile => Expected::Stopped,
            _ if reading => Expected::Allowed,
            Self::WithNetwork if attempt.network => Expected::Allowed,
            Self::Proxied if attempt.own_network => Expected::Inside,
            Self::ReadOnly | Self::WorkspaceWrite | Self::WithNetwork | Self::Proxied => Expected::Stopped,
        }
    }

    fn proxy(self) -> Option<Arc<dyn ProxyService>> {
        (self == Self::Proxied).then(|| Arc::new(Silent) as _)
    }

    fn sandbox(self, root: &Path) -> Sandbox {
        let project = abs(root.join("project"));
        let places = Places { tmpdir: None, codex_home: abs(root.join("home")) };
        let workspace_write = |network_access| SandboxPolicy::WorkspaceWrite {
            writable_roots: Vec::new(),
            read_only_access: ReadAccess::Full,
            network_access,
            exclude_tmpdir_env_var: false,
            exclude_slash_tmp: false,
        };
        match self {
            Self::ReadOnly => Rules::from_policy(&SandboxPolicy::read_only(), &project, &places),
            Self::WorkspaceWrite => Rules::from_policy(&workspace_write(false), &project, &places),
            Self::WithNetwork | Self::Proxied => Rules::from_policy(&workspace_write(true), &project, &places),
            Self::Profile => {
                let entry = |path, access| FileSystemEntry { path, access };
                let entries = vec![
                    entry(FileSystemPath::Special(SpecialPath::Root), FileSystemAccess::Read),
                    entry(FileSystemPath::Special(SpecialPath::CurrentWorkingDirectory), FileSystemAccess::Write),
                    entry(FileSystemPath::Path(project.join("closed")), FileSystemAccess::None),
                    entry(FileSystemPath::GlobPattern("**/.env".to_owned()), FileSystemAccess::None),
                ];
                let file_system = Some(FileSystemPermissions { entries, glob_scan_max_depth: None });
                let profile = PermissionProfile { network_enabled: Some(false), file_system };
                Rules::from_profile(&profile, &project, &places).unwrap()
            }
        }
    }
}

/// A proxy that takes nobody anywhere.
#[derive(Debug)]
struct Silent;

impl ProxyService for Silent {
    fn socks5(&self) -> bool {
        true
    }

    fn serve(&self, outlets: Outlets) -> std::io::Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(outlets))
    }
}

// ---------------------------------------------------------------- the world outside

/// Whoever could be reached outside.
struct World {
    tcp: std::net::TcpListener,
    _tcp6: Option<std::net::TcpListener>,
    udp: std::net::UdpSocket,
    _abstract: UnixListener,
    abstract_name: String,
    shared_memory: usize,
    key: usize,
    bystander: exec::Process,
}

impl World {
    async fn new() -> Self {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp6 = std::net::TcpListener::bind(("::1", tcp.local_addr().unwrap().port())).ok();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        // A number that no world beside this one has.
        let number = usize::from(udp.local_addr().unwrap().port());
        let abstract_name = format!("exec-escape-{number}");
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let key = 0x4500_0000 + 2 * number;
        let create = libc::IPC_CREAT as usize | 0o600;
        Self {
            tcp,
            _tcp6: tcp6,
            udp,
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            abstract_name,
            shared_memory: kernel::call(libc::SYS_shmget, [key, 4096, create]).unwrap_or(usize::MAX),
            key,
            bystander: launcher().spawn(sh("exec sleep 1000")).await.unwrap(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = kernel::call(libc::SYS_shmctl, [self.shared_memory, libc::IPC_RMID as usize, 0]);
    }
}

/// The folders around one attempt, fresh each time.
struct Yard {
    _folder: tempfile::TempDir,
    place: Place,
    _sockets: (UnixListener, UnixListener),
    datagram: UnixDatagram,
    _fifo: std::fs::File,
}

const SECRET: &str = "secret";

impl Yard {
    fn new(world: &World) -> Self {
        let folder = tempfile::Builder::new().prefix("escape-").tempdir_in("/var/tmp").unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["project/sub", "project/.git/hooks", "project/.codex", "project/closed", "outside", "home"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in [
            "outside/secret",
            "home/auth.json",
            "project/.git/config",
            "project/.git/hooks/pre-commit",
            "project/.codex/config.toml",
            "project/closed/key",
            "project/sub/.env",
        ] {
            std::fs::write(root.join(name), SECRET).unwrap();
        }
        let fifo = root.join("outside/fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o666.into(), 0).unwrap();
        let reader = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let sockets = ["socket", "bus"].map(|name| UnixListener::bind(root.join("outside").join(name)).unwrap());
        let datagram = UnixDatagram::bind(root.join("outside/datagram")).unwrap();
        datagram.set_nonblocking(true).unwrap();
        // Left open, and without the mark that would close it.
        let forgotten = std::fs::OpenOptions::new().append(true).open(root.join("outside/secret")).unwrap();
        rustix::io::fcntl_setfd(&forgotten, rustix::io::FdFlags::empty()).unwrap();
        let bystander = world.bystander.pid();
        let maps = std::fs::read_to_string(format!("/proc/{bystander}/maps")).unwrap_or_default();
        let shm = Path::new("/dev/shm");
        let place = Place {
            bystander: bystander as usize,
            server: std::process::id() as usize,
            address: maps.split('-').next().and_then(|text| usize::from_str_radix(text, 16).ok()).unwrap_or(0),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            tcp: world.tcp.local_addr().unwrap().port(),
            udp: world.udp.local_addr().unwrap().port(),
            abstract_name: world.abstract_name.clone(),
            key: world.key,
            shm: shm.join(root.file_name().unwrap()),
            shm_device: shm.metadata().map_or(0, |metadata| metadata.dev()),
            inherited: forgotten.into_raw_fd() as usize,
            groups: launcher().control_groups().unwrap_or("/nonexistent".as_ref()).to_owned(),
            root,
        };
        let [socket, bus] = sockets;
        Self { _folder: folder, place, _sockets: (socket, bus), datagram, _fifo: reader }
    }

    /// What is not as it was, if anything.
    fn changed(&self, world: &World) -> Option<String> {
        let root = &self.place.root;
        for name in [
            "outside/secret",
            "home/auth.json",
            "project/.git/config",
            "project/.git/hooks/pre-commit",
            "project/.codex/config.toml",
        ] {
            if std::fs::read(root.join(name)).ok().as_deref() != Some(SECRET.as_bytes()) {
                return Some(format!("{name} has changed"));
            }
        }
        let outside = std::fs::read_dir(root.join("outside")).unwrap().count();
        let checks = [
            (outside != 5, "something new lies outside"),
            (std::fs::read_dir(root.join("home")).unwrap().count() != 1, "something new lies in the home"),
            (!Path::new(&format!("/proc/{}", self.place.bystander)).exists(), "the bystander is dead"),
            (self.place.shm.exists(), "something lies in /dev/shm"),
            (self.datagram.recv(&mut [0; 8]).is_ok(), "a datagram has arrived"),
            (world.udp.recv(&mut [0; 8]).is_ok(), "a packet has arrived"),
        ];
        checks.into_iter().find_map(|(changed, what)| changed.then(|| what.to_owned()))
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.place.shm);
        let _ = kernel::call(libc::SYS_close, [self.place.inherited]);
    }
}

/// Runs an attempt: how it got out, or what stopped it.
async fn run(launcher: &Launcher, attempt: &Attempt, policy: Option<Policy>, world: &World) -> Result<String, String> {
    let yard = Yard::new(world);
    let exe = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let arguments = ["--exact", "escapes::attempter", "--ignored", "--nocapture", "--test-threads=1"];
    let argv = std::iter::once(exe).chain(arguments.map(str::to_owned)).collect();
    let mut variables = env();
    variables.push((Place::VARIABLE.to_owned(), yard.place.encode()));
    variables.push(("ESCAPE_NAME".to_owned(), attempt.name.to_owned()));
    let command = Command {
        argv,
        cwd: abs(yard.place.project("")),
        env: variables,
        io: if attempt.terminal { Io::Pty(PtySize::default()) } else { Io::Pipes { stdin: false } },
        sandbox: policy.map_or(Sandbox::None, |policy| policy.sandbox(&yard.place.root)),
        proxy: policy.and_then(Policy::proxy),
    };
    let process = launcher.spawn(command).await.map_err(|error| format!("not started: {error}"))?;
    let done = finish(process).await;
    let said = done.out();
    if let Some(changed) = yard.changed(world) {
        return Ok(changed);
    }
    // Without namespaces there is no inside.
    let shared = matches!(launcher.mechanism(), Ok(Mechanism::Landlock { .. }));
    let inside = !shared && policy.is_some_and(|policy| policy.expects(attempt) == Expected::Inside);
    if said.contains(GOT_OUT) && !inside {
        return Ok("as it says itself".to_owned());
    }
    if policy.is_some() {
        let agents = yard.place.project(".agents");
        eventually(|| agents.symlink_metadata().is_err(), &format!("{}: no .agents is left", attempt.name)).await;
    }
    let reason = said.lines().find_map(|line| line.split_once("stopped: ")).map(|(_, reason)| reason.to_owned());
    Err(reason.unwrap_or_else(|| format!("ended: {:?} {said}{}", done.exit, done.err())))
}

// ---------------------------------------------------------------- the tests

#[tokio::test]
async fn every_attempt_works_without_a_sandbox() {
    let world = World::new().await;
    let mut broken = Vec::new();
    for attempt in attempts().filter(|attempt| attempt.always) {
        if let Err(reason) = run(&launcher(), attempt, None, &world).await {
            broken.push(format!("{}: {reason}", attempt.name));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Runs every attempt that a policy does not allow, under every mechanism.
async fn no_attempt_gets_out(policy: Policy) {
    let world = World::new().await;
    for (kind, launcher) in launchers() {
        let mut out = Vec::new();
        for attempt in
            attempts().filter(|attempt| policy.expects(attempt) != Expected::Allowed && !known(kind, attempt))
        {
            if let Ok(how) = run(&launcher, attempt, Some(policy), &world).await {
                out.push(format!("{}: {how}", attempt.name));
            }
        }
        assert!(out.is_empty(), "{kind:?}, {policy:?}: {out:#?}");
    }
}

/// What a mechanism cannot stop. The table says so.
fn known(kind: Kind, attempt: &Attempt) -> bool {
    // A mount that is read-only is not so for a FIFO, and Landlock cannot be added to that program's mounts.
    kind == Kind::Bubblewrap && attempt.name == "write into a FIFO outside"
}

#[tokio::test]
async fn no_attempt_gets_out_of_read_only() {
    no_attempt_gets_out(Policy::ReadOnly).await;
}

#[tokio::test]
async fn no_attempt_gets_out_of_workspace_write() {
    no_attempt_gets_out(Policy::WorkspaceWrite).await;
}

#[tokio::test]
async fn no_attempt_gets_out_of_workspace_write_with_network() {
    no_attempt_gets_out(Policy::WithNetwork).await;
}

#[tokio::test]
async fn no_attempt_gets_out_of_a_network_of_its_own() {
    no_attempt_gets_out(Policy::Proxied).await;
}

#[tokio::test]
async fn no_attempt_gets_out_of_a_profile() {
    no_attempt_gets_out(Policy::Profile).await;
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whether to write is said from outside")]
fn the_documented_table_is_that_of_the_attempts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- attempts: begin -->\n", "<!-- attempts: end -->");
    let (before, rest) = text.split_once(begin).expect("the table's beginning");
    let (_, after) = rest.split_once(end).expect("the table's end");
    let wanted = format!("{before}{begin}{}{end}{after}", table());
    if std::env::var_os("EXEC_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(text == wanted, "docs/sandbox.md is not up to date; EXEC_WRITE_DOCS=1 cargo test -p exec escapes");
    }
}

fn table() -> String {
    let heads = POLICIES.map(|(_, name)| name).join(" | ");
    let mut table = format!("\n| attempt | {heads} |\n|---|{}\n", "---|".repeat(POLICIES.len()));
    for attempt in attempts() {
        let cells = POLICIES.map(|(policy, _)| match policy.expects(attempt) {
            Expected::Stopped => "stopped",
            Expected::Inside => "inside",
            Expected::Allowed => "allowed",
        });
        let note = if known(Kind::Bubblewrap, attempt) { " (not by bwrap)" } else { "" };
        table += &format!("| {}{note} | {} |\n", attempt.name, cells.join(" | "));
    }
    table += "\n";
    table
}

#[test]
fn each_attempt_has_a_name_of_its_own() {
    let mut names: Vec<_> = attempts().map(|attempt| attempt.name).collect();
    assert!(names.len() >= 60);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), attempts().count());
}
