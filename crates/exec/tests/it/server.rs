//! What happens to commands when the process that started them is killed.

use std::io::{BufRead as _, BufReader};

use exec::{Command, Io, Places, PtySize, Rules, Sandbox};
use types::SandboxPolicy;

use crate::kit::{abs, eventually, launcher, read_until, sh, within};
use crate::process::any_process_with;

/// The argument by which the sleeping commands are found.
const MARKER: &str = "1004.5";

#[tokio::test]
#[ignore = "the next test runs it, in a process of its own"]
async fn a_server_that_waits_to_be_killed() {
    let strays = format!("setsid sleep {MARKER} & env -i setsid sleep {MARKER} & echo ready; wait");
    let mut processes = Vec::new();
    let places = Places { tmpdir: None, codex_home: abs("/nonexistent/home") };
    let restricted = Rules::from_policy(&SandboxPolicy::read_only(), &abs("/"), &places);
    let sandboxes = launcher().mechanism().map_or(vec![Sandbox::None], |_| vec![Sandbox::None, restricted]);
    for sandbox in sandboxes {
        for io in [Io::Pipes { stdin: false }, Io::Pty(PtySize::default())] {
            let command = Command { io, sandbox: sandbox.clone(), ..sh(&strays) };
            let mut process = launcher().spawn(command).await.unwrap();
            read_until(&mut process, "ready").await;
            processes.push(process);
        }
    }
    println!("all ready");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn killing_the_server_ends_every_command_and_its_descendants() {
    let exe = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let name = "server::a_server_that_waits_to_be_killed";
    let argv = [&exe, "--exact", name, "--ignored", "--nocapture"].map(str::to_owned).to_vec();
    let mut server = launcher().spawn(Command { argv, ..sh("") }).await.unwrap();
    read_until(&mut server, "all ready").await;
    assert!(any_process_with(MARKER));
    let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(within(server.wait()).await.signal, Some(9));
    // The server itself is still held here, so what it leaves behind is nobody else's to clean up.
    eventually(|| !any_process_with(MARKER), "no command outlives the server").await;
    drop(server);
}

/// As [`MARKER`], for commands whose guards die with the server.
const OTHER_MARKER: &str = "1005.5";

#[tokio::test]
#[ignore = "the next test runs it, in a process of its own"]
async fn a_server_that_waits_to_be_killed_with_its_guards() {
    // Without control groups, what has no environment cannot be found, and so is not started here.
    let strays = format!("(setsid sh -c 'sleep {OTHER_MARKER} & wait' &) ; sleep {OTHER_MARKER} & echo ready; wait");
    let mut process = launcher().spawn(sh(&strays)).await.unwrap();
    read_until(&mut process, "ready").await;
    println!("all ready");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_next_server_ends_what_a_server_killed_with_its_guards_has_left() {
    let exe = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let name = "server::a_server_that_waits_to_be_killed_with_its_guards";
    // Not below a guard of ours, which would do all the work.
    #[expect(clippy::disallowed_methods, reason = "a server that nobody looks after")]
    let mut server = std::process::Command::new(&exe)
        .args(["--exact", name, "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("all ready")));
    // A mark that a process of somebody else's has come by: no orphan, and not to be touched.
    let mut mark = None;
    let mut marked = || {
        mark = mark_of(OTHER_MARKER);
        mark.is_some()
    };
    eventually(&mut marked, "what was started in the background runs").await;
    let mark = mark.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a process that is none of ours")]
    let mut bystander = std::process::Command::new("sleep").arg("1006.5").env("SPINDLE_SERVER", mark).spawn().unwrap();

    for guard in processes_of(&exe, name) {
        let _ = rustix::process::kill_process(guard, rustix::process::Signal::KILL);
    }
    server.wait().unwrap();
    // Unless another test has been faster.
    let next = launcher();
    next.spawn(sh("true")).await.unwrap();
    eventually(|| !any_process_with(OTHER_MARKER), "the next server has").await;
    assert_eq!(bystander.try_wait().unwrap(), None);
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

/// The mark in the environment of a process with this argument.
fn mark_of(argument: &str) -> Option<String> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let read = |name: &str| std::fs::read_to_string(entry.path().join(name)).ok();
        read("cmdline")?.split('\0').any(|part| part == argument).then_some(())?;
        read("environ")?.split('\0').find_map(|variable| variable.strip_prefix("SPINDLE_SERVER=").map(str::to_owned))
    })
}

/// A test's server and its guards, which have the same command line.
pub(crate) fn processes_of(exe: &str, test: &str) -> Vec<rustix::process::Pid> {
    let with = |line: Vec<u8>| {
        let line = String::from_utf8_lossy(&line).into_owned();
        line.starts_with(exe) && line.split('\0').any(|part| part == test)
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        with(std::fs::read(entry.path().join("cmdline")).ok()?).then_some(rustix::process::Pid::from_raw(pid)?)
    });
    processes.collect()
}
