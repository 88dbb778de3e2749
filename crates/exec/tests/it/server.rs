//! What happens to commands when the process that started them is killed.

use exec::{Command, Io, Places, PtySize, Rules, Sandbox};
use types::SandboxPolicy;

use crate::kit::{abs, eventually, launcher, read_until, sh, within};
use crate::process::any_process_with;

/// The argument by which the sleeping commands are found.
const MARKER: &str = "1004.5";

#[tokio::test]
#[ignore = "the other test in this file runs it, in a process of its own"]
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
