//! Measures what starting `true` and waiting for its end costs, without a sandbox and with each mechanism that works.
//!
//! `cargo run --release -p exec --example spawn_cost -- [megabytes] [bwrap folder]`: the first argument makes this
//! process as large as a busy server, since forking costs by size.
#![expect(clippy::print_stdout, reason = "its purpose")]

use std::time::{Duration, Instant};

use exec::{Command, Io, Launcher, Mechanism, Options, Places, Rules, Sandbox};
use types::policy::ReadAccess;
use types::{AbsPath, SandboxPolicy};

const ROUNDS: usize = 200;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let ballast = vec![1_u8; megabytes * 1024 * 1024];
    let bwrap = arguments.next().map(|folder| std::path::Path::new(&folder).join("bwrap"));
    let home = AbsPath::new("/nonexistent").expect("absolute");
    let options = Options { tmpdir: None, codex_home: home.clone(), path: None };
    let launcher = Launcher::new(options.clone());
    plain();
    report("no sandbox", &launcher, &Sandbox::None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let cwd = AbsPath::new(folder.path()).expect("absolute");
    let places = Places { tmpdir: None, codex_home: home };
    let policy = SandboxPolicy::WorkspaceWrite {
        writable_roots: Vec::new(),
        read_only_access: ReadAccess::Full,
        network_access: false,
        exclude_tmpdir_env_var: false,
        exclude_slash_tmp: false,
    };
    let version = match launcher.mechanism() {
        Ok(Mechanism::Namespaces { landlock } | Mechanism::Landlock { abi: landlock }) => landlock,
        Ok(Mechanism::Bubblewrap { .. }) | Err(_) => 0,
    };
    let mut mechanisms = vec![Mechanism::Namespaces { landlock: version }, Mechanism::Landlock { abi: version }];
    mechanisms.extend(bwrap.map(|path| Mechanism::Bubblewrap { path, proxies: true }));
    for mechanism in mechanisms {
        match Launcher::with_mechanism(options.clone(), mechanism.clone()) {
            Ok(launcher) => {
                let read_only = Rules::from_policy(&SandboxPolicy::read_only(), &cwd, &places);
                report(&format!("{mechanism:?}, read-only"), &launcher, &read_only).await;
                let write = Rules::from_policy(&policy, &cwd, &places);
                report(&format!("{mechanism:?}, workspace-write"), &launcher, &write).await;
            }
            Err(reason) => println!("{mechanism:?}: {reason}"),
        }
    }
    drop(ballast);
}

/// The standard library's way, to compare with: no guard, no group, streams not read.
fn plain() {
    let mut ended = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        #[expect(clippy::disallowed_methods, reason = "what is compared with")]
        let status = std::process::Command::new("/bin/true").status();
        assert!(status.is_ok_and(|status| status.success()), "true is true");
        ended.push(start.elapsed());
    }
    let (least, median) = spread(ended);
    println!("standard library: ended {least:?}, {median:?} (least, median of {ROUNDS})");
}

async fn report(name: &str, launcher: &Launcher, sandbox: &Sandbox) {
    let mut started = Vec::with_capacity(ROUNDS);
    let mut ended = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let command = Command {
            argv: vec!["/bin/true".into()],
            cwd: AbsPath::new("/").expect("absolute"),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            io: Io::Pipes { stdin: false },
            sandbox: sandbox.clone(),
            proxy: None,
        };
        let start = Instant::now();
        let mut process = launcher.spawn(command).await.expect("true starts");
        started.push(start.elapsed());
        while process.next_output().await.is_some() {}
        assert!(process.wait().await.success(), "true is true");
        ended.push(start.elapsed());
    }
    let (least, median) = spread(started);
    println!("{name}: started {least:?}, {median:?} (least, median of {ROUNDS})");
    let (least, median) = spread(ended);
    println!("{name}: ended {least:?}, {median:?}");
}

/// The least and the median.
fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[0], times[times.len() / 2])
}
