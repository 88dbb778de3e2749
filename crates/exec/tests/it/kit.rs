//! What the tests share: short ways to start something and to look at it.

use std::path::Path;
use std::time::Duration;

use exec::{Command, Exit, Io, Launcher, Options, Process, Sandbox, Stream};
use types::AbsPath;

/// Longer than anything here takes; a hung test fails instead of hanging.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn launcher() -> Launcher {
    Launcher::new(Options { tmpdir: None, codex_home: abs("/nonexistent/home"), path: None })
}

pub(crate) fn abs(path: impl AsRef<Path>) -> AbsPath {
    AbsPath::new(path).unwrap()
}

pub(crate) fn env() -> Vec<(String, String)> {
    vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".into())]
}

/// A script for `sh` in the root folder, with pipes and no input.
pub(crate) fn sh(script: &str) -> Command {
    Command {
        argv: vec!["sh".into(), "-c".into(), script.into()],
        cwd: abs("/"),
        env: env(),
        io: Io::Pipes { stdin: false },
        sandbox: Sandbox::None,
        proxy: None,
    }
}

/// What a finished process has left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) exit: Exit,
}

impl Finished {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

pub(crate) async fn finish(mut process: Process) -> Finished {
    within(async move {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(chunk) = process.next_output().await {
            match chunk.stream {
                Stream::Stdout => stdout.extend_from_slice(&chunk.bytes),
                Stream::Stderr => stderr.extend_from_slice(&chunk.bytes),
            }
        }
        let exit = process.wait().await;
        Finished { stdout, stderr, exit }
    })
    .await
}

pub(crate) async fn run(command: Command) -> Finished {
    finish(launcher().spawn(command).await.unwrap()).await
}

/// Reads until the output so far contains `needle`.
pub(crate) async fn read_until(process: &mut Process, needle: &str) -> String {
    within(async {
        let mut seen = String::new();
        while !seen.contains(needle) {
            let chunk = process.next_output().await.unwrap_or_else(|| panic!("ended after {seen:?}"));
            seen += &String::from_utf8_lossy(&chunk.bytes);
        }
        seen
    })
    .await
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("within the time of a test")
}

/// Waits until a process is gone, not even a zombie.
pub(crate) async fn gone(pid: u32) {
    eventually(|| !Path::new(&format!("/proc/{pid}")).exists(), &format!("process {pid} is gone")).await;
}

/// Waits for something another process brings about.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool, what: &str) {
    let end = std::time::Instant::now() + LONG;
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
