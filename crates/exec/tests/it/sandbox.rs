//! What a sandboxed command can and cannot do, for each mechanism that works on this machine.
//!
//! Every test runs once per mechanism and says so when one is not there.
#![expect(clippy::print_stderr, reason = "what is skipped must be seen")]

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use exec::{Command, Io, Launcher, Mechanism, Options, Places, PtySize, Rules, Sandbox, SpawnError};
use types::policy::{FileSystemEntry, FileSystemPermissions};
use types::{AbsPath, FileSystemAccess, FileSystemPath, PermissionProfile, ReadAccess, SandboxPolicy, SpecialPath};

use crate::kit::{Finished, abs, eventually, finish, gone, read_until, sh, within};

/// A folder of its own for one test: `project` to work in, `outside` to stay out of.
struct Yard {
    _folder: tempfile::TempDir,
    project: AbsPath,
    outside: AbsPath,
    home: AbsPath,
}

impl Yard {
    /// Not below `/tmp`, which is writable in most of these sandboxes.
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let root = abs(folder.path().canonicalize().unwrap());
        for name in ["project", "outside", "home"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        std::fs::write(root.join("outside/secret"), "secret").unwrap();
        Self { _folder: folder, project: root.join("project"), outside: root.join("outside"), home: root.join("home") }
    }

    fn places(&self) -> Places {
        Places { tmpdir: None, codex_home: self.home.clone() }
    }

    fn policy(&self, policy: &SandboxPolicy) -> Sandbox {
        Rules::from_policy(policy, &self.project, &self.places())
    }

    fn write(&self) -> Sandbox {
        self.policy(&workspace_write(false))
    }

    fn profile(&self, entries: Vec<(FileSystemPath, FileSystemAccess)>) -> Sandbox {
        let entries = entries.into_iter().map(|(path, access)| FileSystemEntry { path, access }).collect();
        let file_system = Some(FileSystemPermissions { entries, glob_scan_max_depth: None });
        let profile = PermissionProfile { network_enabled: None, file_system };
        Rules::from_profile(&profile, &self.project, &self.places()).unwrap()
    }

    fn command(&self, sandbox: Sandbox, script: &str) -> Command {
        Command { cwd: self.project.clone(), sandbox, ..sh(script) }
    }
}

fn workspace_write(network_access: bool) -> SandboxPolicy {
    SandboxPolicy::WorkspaceWrite {
        writable_roots: Vec::new(),
        read_only_access: ReadAccess::Full,
        network_access,
        exclude_tmpdir_env_var: false,
        exclude_slash_tmp: false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Namespaces,
    Bubblewrap,
    Landlock,
}

/// A launcher for each mechanism that works.
pub(crate) fn launchers() -> Vec<(Kind, Launcher)> {
    let options = || Options { tmpdir: None, codex_home: abs("/nonexistent"), path: bwrap_path() };
    let landlock = landlock_version();
    let bwrap = std::env::split_paths(&options().path.unwrap_or_default())
        .map(|folder| folder.join("bwrap"))
        .find(|path| path.is_file());
    let mut found = Vec::new();
    let mut add = |kind, mechanism| match Launcher::with_mechanism(options(), mechanism) {
        Ok(launcher) => found.push((kind, launcher)),
        Err(reason) => eprintln!("SKIPPED, not on this machine: {kind:?}: {reason}"),
    };
    add(Kind::Namespaces, Mechanism::Namespaces { landlock });
    add(Kind::Landlock, Mechanism::Landlock { abi: landlock });
    match bwrap {
        Some(path) => {
            let with_proxies = Mechanism::Bubblewrap { path: path.clone(), proxies: true };
            let proxies = Launcher::with_mechanism(options(), with_proxies).is_ok();
            add(Kind::Bubblewrap, Mechanism::Bubblewrap { path, proxies });
        }
        None => eprintln!("SKIPPED, not on this machine: bwrap"),
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "a test that looks for the machine's programs")]
fn bwrap_path() -> Option<OsString> {
    std::env::var_os("EXEC_TEST_BWRAP_PATH").or_else(|| std::env::var_os("PATH"))
}

/// What the launcher finds out by itself.
fn landlock_version() -> u32 {
    let options = Options { tmpdir: None, codex_home: abs("/nonexistent"), path: None };
    match Launcher::new(options).mechanism() {
        Ok(Mechanism::Namespaces { landlock } | Mechanism::Landlock { abi: landlock }) => landlock,
        Ok(Mechanism::Bubblewrap { .. }) | Err(_) => 0,
    }
}

async fn run(launcher: &Launcher, command: Command) -> Finished {
    match launcher.spawn(command).await {
        Ok(process) => finish(process).await,
        Err(error) => panic!("{error}: {:?}", error.io_error()),
    }
}

fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().symlink_metadata().is_ok()
}

pub(crate) fn python() -> bool {
    let found = ["/usr/bin/python3", "/usr/local/bin/python3"].iter().any(exists);
    if !found {
        eprintln!("SKIPPED, not on this machine: python3");
    }
    found
}

#[tokio::test]
async fn the_strongest_mechanism_is_found_by_trying() {
    let launcher = Launcher::new(Options { tmpdir: None, codex_home: abs("/nonexistent"), path: bwrap_path() });
    let found = launchers();
    match launcher.mechanism() {
        Ok(mechanism) => {
            assert!(!found.is_empty(), "{mechanism:?}");
            assert_eq!(launcher.clone().mechanism(), Ok(mechanism));
        }
        Err(reason) => {
            assert!(found.is_empty());
            let yard = Yard::new();
            let error = launcher.spawn(yard.command(yard.write(), "true")).await.unwrap_err();
            assert!(matches!(error, SpawnError::SandboxUnavailable(same) if same == reason));
        }
    }
}

#[tokio::test]
async fn writing_stays_inside() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::create_dir(yard.project.join("sub")).unwrap();
        std::fs::write(yard.project.join("old"), "old").unwrap();
        std::os::unix::fs::symlink(&yard.outside, yard.project.join("sub/way-out")).unwrap();
        let script = format!(
            "echo new > old && echo x > sub/new && mkdir sub/dir && mv sub/new sub/dir/moved && echo inside; \
             echo t > /tmp/exec-test-$$ && rm /tmp/exec-test-$$ && echo tmp; \
             echo x > {out}/new; echo x >> {out}/secret; rm -f {out}/secret; echo x > sub/way-out/new; \
             mkdir {out}/dir; ln {out}/secret sub/hard; mv {out}/secret sub/stolen; : > /var/tmp/exec-escape; true",
            out = yard.outside
        );
        let done = run(&launcher, yard.command(yard.write(), &script)).await;
        assert_eq!(done.out(), "inside\ntmp\n", "{kind:?}: {}", done.err());
        assert_eq!(std::fs::read_dir(&yard.outside).unwrap().count(), 1, "{kind:?}");
        assert_eq!(std::fs::read_to_string(yard.outside.join("secret")).unwrap(), "secret", "{kind:?}");
        assert!(!exists("/var/tmp/exec-escape"));
        assert_eq!(std::fs::read_to_string(yard.project.join("sub/dir/moved")).unwrap(), "x\n");
        assert_eq!(std::fs::read_to_string(yard.project.join("old")).unwrap(), "new\n");
    }
}

#[tokio::test]
async fn new_names_in_the_root_of_the_workspace_can_be_made() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        run(&launcher, yard.command(yard.write(), "echo x > new; mkdir dir; echo y > dir/file")).await;
        // Landlock alone cannot tell one new name from another.
        assert_eq!(exists(yard.project.join("dir/file")), kind != Kind::Landlock, "{kind:?}");
        assert_eq!(exists(yard.project.join("new")), kind != Kind::Landlock, "{kind:?}");
    }
}

#[tokio::test]
async fn read_only_reads_everything_and_writes_nothing() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let sandbox = yard.policy(&SandboxPolicy::read_only());
        let script = format!(
            "cat {}/secret; echo x > new; echo x > /tmp/exec-escape-ro; \
             echo y > /dev/null && head -c 2 /dev/zero | wc -c; echo $CODEX_SANDBOX_NETWORK_DISABLED",
            yard.outside
        );
        let done = run(&launcher, yard.command(sandbox, &script)).await;
        assert_eq!(done.out(), "secret2\n1\n", "{kind:?}: {}", done.err());
        assert!(!exists(yard.project.join("new")) && !exists("/tmp/exec-escape-ro"), "{kind:?}");
    }
}

#[tokio::test]
async fn temporary_folders_can_be_left_out() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let policy = |exclude| SandboxPolicy::WorkspaceWrite {
            writable_roots: Vec::new(),
            read_only_access: ReadAccess::Full,
            network_access: false,
            exclude_tmpdir_env_var: exclude,
            exclude_slash_tmp: exclude,
        };
        let places = Places { tmpdir: Some(yard.outside.clone()), codex_home: yard.home.clone() };
        let script = format!("echo x > {}/in-tmpdir; echo x > /tmp/exec-no-$$; rm /tmp/exec-no-$$", yard.outside);
        for exclude in [true, false] {
            let sandbox = Rules::from_policy(&policy(exclude), &yard.project, &places);
            let done = run(&launcher, yard.command(sandbox, &script)).await;
            assert_eq!(exists(yard.outside.join("in-tmpdir")), !exclude, "{kind:?}");
            assert_eq!(done.exit.success(), !exclude, "{kind:?}: {}", done.err());
        }
    }
}

#[tokio::test]
async fn a_mechanism_whose_program_is_missing_does_not_work() {
    let options = Options { tmpdir: None, codex_home: abs("/nonexistent"), path: None };
    let missing = Mechanism::Bubblewrap { path: "/nonexistent/bwrap".into(), proxies: true };
    let reason = Launcher::with_mechanism(options, missing).unwrap_err();
    assert_eq!(reason.to_string(), "bwrap: program: No such file or directory (os error 2)");
}

// ---------------------------------------------------------------- protected names

#[tokio::test]
async fn protected_names_that_exist_are_read_only() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        for name in [".git/hooks", ".codex", ".agents"] {
            std::fs::create_dir_all(yard.project.join(name)).unwrap();
            std::fs::write(yard.project.join(name).join("file"), "kept").unwrap();
        }
        let script = "for d in .git/hooks .codex .agents; do echo x > $d/file; echo x > $d/new; rm -f $d/file; done; \
                      mv .git moved; mv .codex moved; rm -rf .agents; cat .git/hooks/file .codex/file";
        let done = run(&launcher, yard.command(yard.write(), script)).await;
        assert_eq!(done.out(), "keptkept", "{kind:?}: {}", done.err());
        for name in [".git/hooks", ".codex", ".agents"] {
            let folder = yard.project.join(name);
            assert_eq!(std::fs::read_to_string(folder.join("file")).unwrap(), "kept", "{kind:?}");
            assert!(!exists(folder.join("new")), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn protected_names_that_do_not_exist_cannot_be_made_and_leave_no_trace() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let script = "mkdir .codex; echo x > .codex/config.toml; ln -s /tmp .agents; echo x > .agents/x; \
                      mkdir elsewhere; mv elsewhere .git; mv elsewhere .codex; rmdir .codex; mkdir .codex; \
                      ln -sfn /tmp .codex; echo > .git/config; echo inside > ok";
        run(&launcher, yard.command(yard.write(), script)).await;
        let left = || exec::PROTECTED_NAMES.iter().any(|name| exists(yard.project.join(name)));
        eventually(|| !left(), &format!("{kind:?}: no protected name is left")).await;
    }
}

#[tokio::test]
async fn sandboxes_at_once_share_the_protection_of_absent_names() {
    for (kind, launcher) in launchers().into_iter().filter(|(kind, _)| *kind != Kind::Landlock) {
        let yard = Yard::new();
        let long = Command {
            io: Io::Pipes { stdin: true },
            ..yard.command(yard.write(), "echo ready; read x; mkdir .codex/a; rmdir .codex; mkdir .codex && echo made")
        };
        let mut first = launcher.spawn(long.clone()).await.unwrap();
        read_until(&mut first, "ready").await;
        let mut second = launcher.spawn(long).await.unwrap();
        read_until(&mut second, "ready").await;
        first.write_stdin(b"\n").await.unwrap();
        assert_eq!(finish(first).await.out(), "", "{kind:?}");
        run(&launcher, yard.command(yard.write(), "true")).await;
        assert!(exists(yard.project.join(".codex")), "the second still holds it");
        second.write_stdin(b"\n").await.unwrap();
        assert_eq!(finish(second).await.out(), "", "{kind:?}");
        eventually(|| !exists(yard.project.join(".codex")), "the last has removed it").await;
    }
}

#[tokio::test]
async fn an_empty_folder_of_the_user_is_kept() {
    for (_, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::create_dir(yard.project.join(".codex")).unwrap();
        run(&launcher, yard.command(yard.write(), "rmdir .codex; echo x > .codex/x")).await;
        run(&launcher, yard.command(yard.write(), "true")).await;
        assert!(yard.project.join(".codex").is_dir());
        assert_eq!(std::fs::read_dir(yard.project.join(".codex")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_git_file_and_where_it_points_are_protected() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let main = yard.project.join("main-repository");
        let tree = main.join("worktrees/one");
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("commondir"), "../..\n").unwrap();
        std::fs::write(main.join("config"), "kept").unwrap();
        std::fs::write(yard.project.join(".git"), format!("gitdir: {tree}\n")).unwrap();
        let script = "echo x > .git; rm -f .git; echo x > main-repository/config; echo x > main-repository/new; \
                      echo x > main-repository/worktrees/one/new; mv main-repository gone; true";
        run(&launcher, yard.command(yard.write(), script)).await;
        assert!(std::fs::read_to_string(yard.project.join(".git")).unwrap().starts_with("gitdir:"), "{kind:?}");
        assert_eq!(std::fs::read_to_string(main.join("config")).unwrap(), "kept", "{kind:?}");
        assert!(!exists(main.join("new")) && !exists(tree.join("new")), "{kind:?}");
    }
}

#[tokio::test]
async fn a_link_as_a_protected_name_stays_and_commands_run() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::create_dir(yard.project.join("real-git")).unwrap();
        std::fs::write(yard.project.join("real-git/config"), "kept").unwrap();
        std::os::unix::fs::symlink("real-git", yard.project.join(".git")).unwrap();
        let script = "rm -f .git; ln -sfn /tmp .git; mv .git other; echo x > .git/config; echo x > real-git/config; \
                      mkdir .git; cat .git/config";
        let done = run(&launcher, yard.command(yard.write(), script)).await;
        assert_eq!(done.out(), "kept", "{kind:?}: {}", done.err());
        assert_eq!(std::fs::read_link(yard.project.join(".git")).unwrap(), Path::new("real-git"), "{kind:?}");
        assert_eq!(std::fs::read_to_string(yard.project.join("real-git/config")).unwrap(), "kept", "{kind:?}");
    }
}

#[tokio::test]
async fn the_folder_with_accounts_is_read_only_inside_a_workspace() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let home = yard.project.join("state");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("auth.json"), "kept").unwrap();
        let places = Places { tmpdir: None, codex_home: home.clone() };
        let sandbox = Rules::from_policy(&workspace_write(false), &yard.project, &places);
        run(&launcher, yard.command(sandbox, "echo x > state/auth.json; echo x > state/new")).await;
        assert_eq!(std::fs::read_to_string(home.join("auth.json")).unwrap(), "kept", "{kind:?}");
        assert!(!exists(home.join("new")), "{kind:?}");
    }
}

// ---------------------------------------------------------------- reading

#[tokio::test]
async fn restricted_reading_hides_the_rest() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::write(yard.project.join("mine"), "mine").unwrap();
        let policy = SandboxPolicy::ReadOnly {
            access: ReadAccess::Restricted {
                include_platform_defaults: true,
                readable_roots: vec![yard.project.clone()],
            },
            network_access: false,
        };
        let script = format!("cat mine; cat {}/secret; ls {}; echo x > new; : > /dev/null", yard.outside, yard.home);
        let done = run(&launcher, yard.command(yard.policy(&policy), &script)).await;
        assert_eq!(done.out(), "mine", "{kind:?}: {}", done.err());
        assert!(!exists(yard.project.join("new")), "{kind:?}");
    }
}

#[tokio::test]
async fn a_command_may_run_in_a_folder_it_may_not_see() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::write(yard.project.join("mine"), "mine").unwrap();
        let access = ReadAccess::Restricted { include_platform_defaults: true, readable_roots: Vec::new() };
        let policy = SandboxPolicy::ReadOnly { access, network_access: false };
        let done = run(&launcher, yard.command(yard.policy(&policy), "cat mine; echo on")).await;
        assert_eq!(done.out(), "on\n", "{kind:?}: {}", done.err());
    }
}

#[tokio::test]
async fn a_profile_reads_writes_and_denies_path_by_path() {
    use FileSystemAccess::{None as No, Read, Write};
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        for name in ["open", "open/closed", "open/closed/again"] {
            std::fs::create_dir(yard.project.join(name)).unwrap();
            std::fs::write(yard.project.join(name).join("file"), name).unwrap();
        }
        std::fs::write(yard.project.join("open/.env"), "token").unwrap();
        let path = |name: &str| FileSystemPath::Path(yard.project.join(name));
        let sandbox = yard.profile(vec![
            (FileSystemPath::Special(SpecialPath::Root), Read),
            (FileSystemPath::Special(SpecialPath::CurrentWorkingDirectory), Read),
            (path("open"), Write),
            (path("open/closed"), No),
            (path("open/closed/again"), Read),
            (FileSystemPath::GlobPattern("**/.env".into()), No),
        ]);
        let script = "cat open/file; cat open/closed/file; cat open/.env; echo ' '; \
                      echo x > new; echo w > open/file; echo w > open/closed/file; echo w > open/.env; true";
        let done = run(&launcher, yard.command(sandbox, script)).await;
        assert_eq!(done.out(), "open \n", "{kind:?}: {}", done.err());
        let read = |name: &str| std::fs::read_to_string(yard.project.join(name)).unwrap();
        assert_eq!(read("open/file"), "w\n", "{kind:?}");
        assert_eq!((read("open/closed/file"), read("open/.env")), ("open/closed".into(), "token".into()), "{kind:?}");
        assert!(!exists(yard.project.join("new")), "{kind:?}");
    }
}

#[tokio::test]
async fn the_current_folder_of_a_profile_is_the_command_s() {
    use FileSystemAccess::{Read, Write};
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::create_dir(yard.project.join("sub")).unwrap();
        let sandbox = yard.profile(vec![
            (FileSystemPath::Special(SpecialPath::Root), Read),
            (FileSystemPath::Special(SpecialPath::ProjectRoots { subpath: Some("sub".into()) }), Write),
        ]);
        std::fs::write(yard.project.join("sub/old"), "").unwrap();
        run(&launcher, yard.command(sandbox, "echo x > sub/old; echo x > new")).await;
        assert_eq!(std::fs::read_to_string(yard.project.join("sub/old")).unwrap(), "x\n", "{kind:?}");
        assert!(!exists(yard.project.join("new")), "{kind:?}");
    }
}

// ---------------------------------------------------------------- network and other ways out

/// Python that tries a way out; prints `out` when it works.
async fn try_python(launcher: &Launcher, yard: &Yard, sandbox: Sandbox, code: &str) -> Finished {
    let script = format!("import socket, os, sys, struct, ctypes, array\n{code}\nprint('out')\n");
    let file = yard.project.join("try.py");
    std::fs::write(&file, script).unwrap();
    run(launcher, yard.command(sandbox, "python3 try.py")).await
}

#[tokio::test]
async fn without_network_no_socket_leads_out() {
    if !python() {
        return;
    }
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp, udp) = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let path = yard.outside.join("socket");
        let _server = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let datagram = yard.outside.join("datagram");
        let receiver = std::os::unix::net::UnixDatagram::bind(&datagram).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let attempts = [
            format!("socket.create_connection(('127.0.0.1', {tcp}), 2)"),
            format!("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp}))"),
            format!("socket.socket(socket.AF_UNIX).connect('{path}')"),
            format!("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '{datagram}')"),
            format!(
                "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendmsg([b'x'], [], 0, '{datagram}')"
            ),
            format!("a, b = socket.socketpair()\na.sendto(b'x', '{datagram}')"),
            "s = socket.socket(socket.AF_UNIX); s.bind('\\0exec-test'); s.listen()".to_owned(),
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)".to_owned(),
            "socket.socket(40, socket.SOCK_STREAM)".to_owned(),
        ];
        for attempt in attempts {
            let done = try_python(&launcher, &yard, yard.write(), &attempt).await;
            assert!(!done.out().contains("out"), "{kind:?}: {attempt}");
            assert!(done.err().contains("Error"), "{kind:?}: {attempt}: {}", done.err());
        }
        assert!(receiver.recv(&mut [0; 8]).is_err(), "{kind:?}: nothing arrived");
        let pair = "a, b = socket.socketpair()\na.send(b'hi')\na.sendmsg([b'!'])\nassert b.recv(9)[:2] == b'hi'";
        let done = try_python(&launcher, &yard, yard.write(), pair).await;
        assert_eq!(done.out(), "out\n", "{kind:?}: a pair works: {}", done.err());
    }
}

#[tokio::test]
async fn with_network_connections_work_but_abstract_sockets_stay_in() {
    if !python() {
        return;
    }
    use std::os::linux::net::SocketAddrExt;
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let name = format!("exec-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _server = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let sandbox = yard.policy(&workspace_write(true));
        let connect = format!("socket.create_connection(('127.0.0.1', {port}), 5)");
        let done = try_python(&launcher, &yard, sandbox.clone(), &connect).await;
        assert_eq!(done.out(), "out\n", "{kind:?}: {}", done.err());
        for attempt in [
            format!("socket.socket(socket.AF_UNIX).connect('\\0{name}')"),
            "socket.socket(40, socket.SOCK_STREAM)".to_owned(),
            "socket.socket(38, socket.SOCK_SEQPACKET)".to_owned(),
        ] {
            let done = try_python(&launcher, &yard, sandbox.clone(), &attempt).await;
            assert!(!done.out().contains("out"), "{kind:?}: {attempt}");
        }
        let env = run(&launcher, yard.command(sandbox, "echo ${CODEX_SANDBOX_NETWORK_DISABLED-unset}")).await;
        assert_eq!(env.out(), "unset\n", "{kind:?}");
    }
}

#[tokio::test]
async fn system_calls_that_go_around_the_rules_are_refused() {
    if !python() {
        return;
    }
    // name, number on x86-64, arguments
    let calls = [
        ("io_uring_setup", 425, "1, buffer"),
        ("keyctl", 250, "0, -3, 0"),
        ("add_key", 248, "b'user', b'x', b'y', 1, -3"),
        ("unshare user", 272, "0x10000000"),
        ("unshare mounts", 272, "0x20000"),
        ("mount", 165, "b'none', b'/', None, 4096 | 32, None"),
        ("umount", 166, "b'/dev', 2"),
        ("bpf", 321, "0, buffer, 128"),
        ("userfaultfd", 323, "0"),
        ("perf_event_open", 298, "buffer, 0, -1, -1, 0"),
        ("open_by_handle_at", 304, "-100, buffer, 0"),
        ("chroot", 161, "b'/'"),
    ];
    if !cfg!(target_arch = "x86_64") {
        eprintln!("SKIPPED, numbers of x86-64");
        return;
    }
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        for (name, number, arguments) in calls {
            let code = format!(
                "libc = ctypes.CDLL(None, use_errno=True)\nbuffer = ctypes.create_string_buffer(4096)\n\
                 result = libc.syscall({number}, {arguments})\n\
                 assert result < 0 and ctypes.get_errno() == 1, (result, ctypes.get_errno())"
            );
            let sandbox = yard.policy(&workspace_write(true));
            let done = try_python(&launcher, &yard, sandbox, &code).await;
            assert_eq!(done.out(), "out\n", "{kind:?}: {name}: {}", done.err());
        }
    }
}

#[tokio::test]
async fn processes_outside_are_neither_seen_nor_signalled_nor_read() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let bystander = launcher.spawn(sh("sleep 1000")).await.unwrap();
        let (pid, me) = (bystander.pid(), std::process::id());
        let script = format!(
            "kill -0 {pid} && echo signalled; kill -0 {me} && echo signalled; \
             cat /proc/{me}/environ > /dev/null && echo read; \
             : > /proc/{me}/mem && echo opened; ls /proc/{me}/root/ > /dev/null && echo entered; \
             kill -9 {pid}; true"
        );
        let done = run(&launcher, yard.command(yard.write(), &script)).await;
        assert_eq!(done.out(), "", "{kind:?}");
        assert!(exists(format!("/proc/{pid}")), "{kind:?}");
        if kind != Kind::Landlock {
            let done = run(&launcher, yard.command(yard.write(), "cd /proc; echo [0-9]*")).await;
            assert!(done.out().split(' ').count() < 6, "{kind:?}: {}", done.out());
        }
    }
}

#[tokio::test]
async fn the_guard_s_copy_of_the_server_s_memory_cannot_be_read() {
    for (kind, launcher) in launchers().into_iter().filter(|(kind, _)| *kind == Kind::Namespaces) {
        let yard = Yard::new();
        let script = "cat /proc/1/environ && echo read; cat /proc/1/maps && echo read; head -c 1 /proc/1/mem; \
                      kill -9 1; kill -STOP 1; echo alive";
        let done = run(&launcher, yard.command(yard.write(), script)).await;
        assert_eq!(done.out(), "alive\n", "{kind:?}");
    }
}

#[tokio::test]
async fn no_capability_is_left_and_none_can_be_gained() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let done = run(
            &launcher,
            yard.command(yard.write(), "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ulimit -c"),
        )
        .await;
        for line in done.out().lines().filter(|line| line.starts_with("Cap")) {
            // Only who has capabilities can shrink the bounding set; for others it gives nothing to bound.
            let bound = line.starts_with("CapBnd") && kind == Kind::Landlock && !rustix::process::geteuid().is_root();
            assert!(bound || line.ends_with("\t0000000000000000"), "{kind:?}: {}", done.out());
        }
        assert!(done.out().contains("NoNewPrivs:\t1\nSeccomp:\t2\n"), "{kind:?}: {}", done.out());
        assert!(done.out().ends_with("\n0\n"), "{kind:?}: no core dumps");
    }
}

#[tokio::test]
async fn the_system_cannot_be_reconfigured_even_by_root() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        // Only opens: where the sandbox has a hole, the machine shall not suffer from this test.
        let script = "for name in sys/kernel/hostname sys/kernel/core_pattern sys/vm/drop_caches sysrq-trigger; do \
                      : >> /proc/$name && echo opened $name; done; true";
        let done = run(&launcher, yard.command(yard.write(), script)).await;
        assert_eq!(done.out(), "", "{kind:?}: {}", done.err());
    }
}

#[tokio::test]
async fn a_fifo_outside_cannot_be_written_to() {
    for (kind, launcher) in launchers().into_iter().filter(|(kind, _)| *kind != Kind::Bubblewrap) {
        let yard = Yard::new();
        let fifo = yard.outside.join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, fifo.as_path(), rustix::fs::FileType::Fifo, 0o666.into(), 0).unwrap();
        let reader = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let done = run(&launcher, yard.command(yard.write(), &format!("echo x > {fifo} && echo written"))).await;
        assert_eq!(done.out(), "", "{kind:?}");
        drop(reader);
    }
}

#[tokio::test]
async fn shared_objects_of_outside_are_out_of_reach() {
    if !python() {
        return;
    }
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let name = format!("/dev/shm/exec-test-{}-{kind:?}", std::process::id());
        std::fs::write(&name, "kept").unwrap();
        let code = format!("open('{name}', 'w').write('x')");
        try_python(&launcher, &yard, yard.write(), &code).await;
        assert_eq!(std::fs::read_to_string(&name).unwrap(), "kept", "{kind:?}");
        std::fs::remove_file(&name).unwrap();
        if kind != Kind::Landlock {
            let shm = "f = open('/dev/shm/x', 'w'); f.write('y')\nassert os.listdir('/dev/shm') == ['x']";
            let done = try_python(&launcher, &yard, yard.write(), shm).await;
            assert_eq!(done.out(), "out\n", "{kind:?}: {}", done.err());
        }
    }
}

// ---------------------------------------------------------------- processes and terminals inside

#[tokio::test]
async fn terminals_work_inside() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let script =
            "test -t 0 && test -t 1 && echo tty; stty size; : > /dev/tty && echo controlling; read x; echo got $x";
        let command = Command { io: Io::Pty(PtySize { rows: 31, cols: 101 }), ..yard.command(yard.write(), script) };
        let mut process = launcher.spawn(command).await.unwrap();
        let seen = read_until(&mut process, "controlling").await;
        assert!(seen.starts_with("tty\r\n31 101\r\n"), "{kind:?}: {seen:?}");
        process.write_stdin(b"it\n").await.unwrap();
        read_until(&mut process, "got it").await;
        assert!(finish(process).await.exit.success(), "{kind:?}");
    }
}

#[tokio::test]
async fn new_terminals_can_be_opened_inside_namespaces() {
    if !python() {
        return;
    }
    for (kind, launcher) in launchers().into_iter().filter(|(kind, _)| *kind != Kind::Landlock) {
        let yard = Yard::new();
        let done = try_python(&launcher, &yard, yard.write(), "import pty; pty.openpty()").await;
        assert_eq!(done.out(), "out\n", "{kind:?}: {}", done.err());
    }
}

#[tokio::test]
async fn exit_codes_and_signals_come_through() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        assert_eq!(run(&launcher, yard.command(yard.write(), "exit 42")).await.exit.code, Some(42), "{kind:?}");
        let killed = run(&launcher, yard.command(yard.write(), "kill -9 $$")).await;
        assert_eq!(killed.exit.code_or_signal(), 137, "{kind:?}");
    }
}

#[tokio::test]
async fn dropping_ends_everything_inside() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let argument = format!("1003.{}", kind as u32 + 1);
        let script = format!("setsid sleep {argument} & env -i setsid sleep {argument} & echo ready; wait");
        let mut process = launcher.spawn(yard.command(yard.write(), &script)).await.unwrap();
        read_until(&mut process, "ready").await;
        let pid = process.pid();
        drop(process);
        gone(pid).await;
        eventually(|| !crate::process::any_process_with(&argument), &format!("{kind:?}: sleeps are gone")).await;
    }
}

#[tokio::test]
async fn terminating_asks_inside_too() {
    for (kind, launcher) in launchers().into_iter().filter(|(kind, _)| *kind != Kind::Bubblewrap) {
        let yard = Yard::new();
        let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let mut process = launcher.spawn(yard.command(yard.write(), script)).await.unwrap();
        read_until(&mut process, "ready").await;
        process.terminate(Duration::from_secs(60));
        assert_eq!(within(process.wait()).await.code, Some(7), "{kind:?}");
    }
}

#[tokio::test]
async fn a_missing_program_is_an_error_inside_too() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        let command = Command { argv: vec!["no-such-program".into()], ..yard.command(yard.write(), "") };
        let error = launcher.spawn(command).await.unwrap_err();
        assert!(matches!(error, SpawnError::Program { .. }), "{kind:?}: {error}");
        eventually(|| !exists(yard.project.join(".codex")), "placeholders are removed").await;
    }
}

/// Only root can have a folder of another user's that it may write to outside, and not inside.
#[tokio::test]
async fn nothing_is_left_in_a_folder_that_belongs_to_somebody_else() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::os::unix::fs::chown(&yard.project, Some(NOBODY), Some(NOBODY)).unwrap();
        let done = run(&launcher, yard.command(yard.write(), "! mkdir .git 2> /dev/null && echo refused")).await;
        assert_eq!(done.out(), "refused\n", "{kind:?}: {}", done.err());
        eventually(|| std::fs::read_dir(&yard.project).unwrap().next().is_none(), &format!("{kind:?}: it is empty"))
            .await;
    }
}

#[tokio::test]
async fn modes_owners_and_times_of_own_files_can_be_changed() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::create_dir(yard.project.join("sub")).unwrap();
        let script = "cd sub && echo 'echo ran' > tool && chmod 755 tool && ./tool && cp -p tool copy && \
                      touch -d 2001-02-03T04:05:06 copy && chown $(id -u) copy && chmod u=rw copy && chmod g+x . && \
                      ln -s copy link && chmod 700 link && touch -h link && touch new && \
                      stat -c '%a %Y' copy && cd .. && ! chmod 700 absent 2> /dev/null && chmod 640 sub/new && echo all";
        let done = run(&launcher, yard.command(yard.write(), script)).await;
        assert_eq!(done.out(), "ran\n700 981173106\nall\n", "{kind:?}: {}", done.err());
    }
}

#[tokio::test]
async fn nobody_waits_for_the_questions_of_commands_that_have_ended() {
    const COMMANDS: usize = 40;
    let threads = || {
        let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        names
            .filter(|it| std::fs::read(it.path().join("comm")).is_ok_and(|it| it.starts_with(b"exec-supervisor")))
            .count()
    };
    for (_, launcher) in launchers().into_iter().filter(|(kind, _)| *kind == Kind::Landlock) {
        let yard = Yard::new();
        for _ in 0..COMMANDS {
            run(&launcher, yard.command(yard.write(), "true")).await;
        }
        // Other tests may run commands at the same time, but not so many.
        eventually(|| threads() < COMMANDS / 2, "the threads end").await;
    }
}

#[tokio::test]
async fn developer_tools_work_inside() {
    for (kind, launcher) in launchers() {
        let yard = Yard::new();
        std::fs::create_dir(yard.project.join("sub")).unwrap();
        let script = "cd sub && git init -q . && echo x > file && git add file && \
            git -c user.name=n -c user.email=e@e commit -qm first && git log --oneline | wc -l";
        let done = run(&launcher, yard.command(yard.write(), script)).await;
        assert_eq!(done.out().trim(), "1", "{kind:?}: {}", done.err());
    }
}
