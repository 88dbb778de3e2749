//! Control groups of commands. Where this process may make none, the tests say so and end.
#![expect(clippy::print_stderr, reason = "what is skipped must be seen")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use exec::{Command, Places, Rules, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use types::SandboxPolicy;

use crate::kit::{LONG, abs, eventually, finish, launcher, read_until, run, sh, within};
use crate::process::any_process_with;
use crate::sandbox::launchers;
use crate::server::processes_of;

/// The folder below which groups are made.
fn groups() -> Option<PathBuf> {
    let launcher = launcher();
    launcher.control_groups().map(Path::to_owned).inspect_err(|reason| eprintln!("SKIPPED, not here: {reason}")).ok()
}

fn read_only() -> Sandbox {
    let places = Places { tmpdir: None, codex_home: abs("/nonexistent/home") };
    Rules::from_policy(&SandboxPolicy::read_only(), &abs("/"), &places)
}

/// The group of each process with this argument; the last part of its path.
fn groups_of(argument: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        line.split('\0').any(|part| part == argument).then_some(())?;
        let groups = std::fs::read_to_string(entry.path().join("cgroup")).ok()?;
        let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
        Some(path.rsplit('/').next()?.to_owned())
    });
    processes.collect()
}

/// What a script writes to say which group it is in.
const SAY_GROUP: &str = "sed -n 's|^0::.*/||p' /proc/self/cgroup";

/// This test binary, with one of its ignored tests to run, and a mark to be found by.
fn again(test: &str, mark: &str) -> Vec<String> {
    let exe = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [&exe, "--exact", test, mark, "--ignored", "--nocapture"].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_command_and_what_it_starts_share_a_group_that_is_removed() {
    let Some(folder) = groups() else { return };
    let sandboxed = launchers().into_iter().map(|(_, launcher)| (launcher, read_only()));
    for (launcher, sandbox) in sandboxed.chain([(launcher(), Sandbox::None)]) {
        let script = "setsid sleep 1007.1 & env -i setsid sleep 1007.1 & sleep 1007.1 & echo ready; wait";
        let mut process = launcher.spawn(Command { sandbox, ..sh(script) }).await.unwrap();
        read_until(&mut process, "ready").await;
        eventually(|| groups_of("1007.1").len() == 3, "all three run").await;
        let found = groups_of("1007.1");
        let name = found.first().expect("a process").clone();
        assert!(found.iter().all(|one| *one == name), "{found:?}");
        assert!(name.starts_with("spindle-") && folder.join(&name).is_dir(), "{name}");
        drop(process);
        eventually(|| !folder.join(&name).exists(), "the group is gone").await;
        assert!(!any_process_with("1007.1"), "and all that was in it before");
    }
}

#[tokio::test]
async fn a_hundred_commands_leave_no_group() {
    let Some(folder) = groups() else { return };
    let mut names = Vec::new();
    for _ in 0..100 {
        let said = run(sh(SAY_GROUP)).await.out();
        assert!(said.starts_with("spindle-"), "{said:?}");
        names.push(folder.join(said.trim()));
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 100, "one for each");
    eventually(|| names.iter().all(|name| !name.exists()), "every group is gone").await;
}

#[tokio::test]
async fn a_command_that_cannot_be_started_leaves_no_group() {
    let Some(folder) = groups() else { return };
    let own = format!("-{}-", std::process::id());
    let ours = || {
        let names = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("spindle-") && name.contains(&own)).collect::<Vec<_>>()
    };
    for _ in 0..10 {
        let missing = Command { argv: vec!["no-such-program".into()], ..sh("") };
        launcher().spawn(missing).await.unwrap_err();
    }
    // Other tests of this process may have some for a while.
    eventually(|| ours().is_empty(), "no group is left").await;
}

#[tokio::test]
async fn what_a_command_has_started_ends_although_its_guard_was_killed() {
    let Some(folder) = groups() else { return };
    let script = format!("{SAY_GROUP}; env -i setsid sleep 1007.2 & echo ready; wait");
    let mut process = launcher().spawn(sh(&script)).await.unwrap();
    let said = read_until(&mut process, "ready").await;
    let group = folder.join(said.lines().next().unwrap());
    eventually(|| any_process_with("1007.2"), "what was started in the background runs").await;
    let guard = parent_of(process.pid());
    kill_process(guard, Signal::KILL).unwrap();
    assert_eq!(within(process.wait()).await.signal, Some(9));
    // One that is just executing its program has no arguments for a moment.
    eventually(|| any_process_with("1007.2"), "it has left the session, and nobody looks after it").await;
    drop(process);
    eventually(|| !any_process_with("1007.2"), "it ends with its group").await;
    eventually(|| !group.exists(), "which is removed").await;
}

fn parent_of(pid: u32) -> Pid {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(2)?.parse().ok());
    parent.and_then(Pid::from_raw).unwrap()
}

#[tokio::test]
async fn groups_that_a_command_has_made_go_with_its_own() {
    let Some(folder) = groups() else { return };
    let script = format!(
        "own={}/$({SAY_GROUP}); mkdir -p $own/a/b && echo 0 > $own/a/b/cgroup.procs && echo $own; \
         setsid sleep 1007.3 & echo ready; wait",
        folder.display()
    );
    let mut process = launcher().spawn(sh(&script)).await.unwrap();
    let said = read_until(&mut process, "ready").await;
    let group = PathBuf::from(said.lines().next().unwrap());
    eventually(|| groups_of("1007.3") == ["b"], "what was started in the background runs").await;
    drop(process);
    eventually(|| !group.exists(), "the group is gone, with those within").await;
    assert!(!any_process_with("1007.3"));
}

// ---------------------------------------------------------------- faster than the guard

/// How many processes there are that never stay: few, and with little of the processor, so that there is room for other
/// tests, and for the guard to collect the dead.
const CHAINS: usize = 4;

/// The mark of chains that are not in such a hurry.
const SLOWER: &str = "1007.9";

#[test]
#[ignore = "the next test runs it, as a command"]
#[expect(unsafe_code, reason = "forks as fast as can be")]
fn processes_that_fork_and_end() {
    // Without a guard the first process of the machine collects the dead, as fast as it likes.
    let pause = if std::env::args().any(|argument| argument == SLOWER) { 1_000 } else { 0 };
    println!("ready");
    for _ in 0..CHAINS {
        // SAFETY: the copies do nothing but fork and end.
        unsafe {
            if libc::fork() == 0 {
                libc::setsid();
                libc::nice(19);
                // Ends by itself in the end, or when the machine has no room.
                for _ in 0..200_000 {
                    if libc::fork() != 0 {
                        libc::_exit(0);
                    }
                    libc::usleep(pause);
                }
                libc::_exit(0);
            }
        }
    }
    std::thread::sleep(LONG);
}

/// As the kernel counts them: in `/proc`, what ends so soon is nearly always missed.
fn processes_in(group: &Path) -> usize {
    std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines().count()
}

fn is_populated(group: &Path) -> bool {
    std::fs::read_to_string(group.join("cgroup.events")).unwrap().lines().any(|line| line == "populated 1")
}

/// By the guard, and without it: then nobody goes after them one by one.
#[tokio::test]
async fn what_forks_and_ends_all_the_time_does_not_get_away() {
    let Some(folder) = groups() else { return };
    for (guarded, mark) in [(true, "1007.4"), (false, SLOWER)] {
        let argv = again("cgroup::processes_that_fork_and_end", mark);
        let mut process = launcher().spawn(Command { argv, ..sh("") }).await.unwrap();
        read_until(&mut process, "ready").await;
        let group = folder.join(groups_of(mark).first().expect("what has started them stays"));
        eventually(|| processes_in(&group) > 1, "the chains run").await;
        if !guarded {
            kill_process(parent_of(process.pid()), Signal::KILL).unwrap();
            within(process.wait()).await;
            assert!(is_populated(&group), "the chains go on");
        }
        drop(process);
        // One that is not empty cannot be removed.
        eventually(|| !group.exists(), "every chain ends").await;
    }
}

// ---------------------------------------------------------------- a server that is gone

#[tokio::test]
#[ignore = "the next test runs it, in a process of its own"]
async fn a_server_that_waits_for_its_end() {
    let script = format!("{SAY_GROUP}; env -i setsid sleep 1007.5 & echo ready; wait");
    let mut process = launcher().spawn(sh(&script)).await.unwrap();
    println!("\ngroup {}", read_until(&mut process, "ready").await);
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_next_server_ends_the_groups_of_one_that_was_killed_with_its_guards_and_no_others() {
    let Some(folder) = groups() else { return };
    let argv = again("cgroup::a_server_that_waits_for_its_end", "1007.6");
    // Not below a guard of ours, which would do all the work.
    #[expect(clippy::disallowed_methods, reason = "a server that nobody looks after")]
    let mut server =
        std::process::Command::new(&argv[0]).args(&argv[1..]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let said = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("group ")).expect("the name of a group");
    let group = folder.join(said.trim_start_matches("group "));
    eventually(|| any_process_with("1007.5"), "what was started in the background runs").await;

    // While it lives, nobody minds.
    sweep(&argv[0]).await;
    assert!(group.is_dir() && any_process_with("1007.5"), "a living server's group is its own");

    for process in processes_of(&argv[0], "1007.6") {
        let _ = kill_process(process, Signal::KILL);
    }
    server.wait().unwrap();
    // Unless another test has been faster.
    sweep(&argv[0]).await;
    eventually(|| !any_process_with("1007.5"), "the next server has, although there is no mark").await;
    eventually(|| !group.exists(), "and no group is left").await;
}

#[tokio::test]
#[ignore = "the test above runs it, in a process of its own"]
async fn a_server_with_one_command() {
    run(sh("true")).await;
    // It looks for what others have left meanwhile, and in the end for a thread of this name no more.
    let searches = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        threads.map(|one| std::fs::read_to_string(one.path().join("comm")).unwrap_or_default()).collect::<String>()
    };
    eventually(|| !searches().contains("exec-orphans"), "the search ends").await;
}

/// Has another server look for what was left.
async fn sweep(exe: &str) {
    #[expect(clippy::disallowed_methods, reason = "a server in the group that this one is in")]
    let mut next = std::process::Command::new(exe);
    next.args(["--exact", "cgroup::a_server_with_one_command", "--ignored"]);
    let ended = tokio::task::spawn_blocking(move || next.output().unwrap());
    let ended = within(ended).await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}

// ---------------------------------------------------------------- without

#[tokio::test]
#[ignore = "the next test runs it, where it may write nothing"]
async fn a_server_that_may_make_no_groups() {
    let reason = launcher().control_groups().expect_err("a folder that cannot be written to").to_string();
    println!("\nbecause {reason}");
    print!("\n{}", run(sh("echo runs all the same")).await.out());
    let mut process = launcher().spawn(sh("setsid sleep 1007.7 & echo ready; wait")).await.unwrap();
    read_until(&mut process, "ready").await;
    drop(process);
    eventually(|| !any_process_with("1007.7"), "and ends as a whole").await;
}

#[tokio::test]
async fn where_no_group_can_be_made_commands_run_without() {
    let argv = again("cgroup::a_server_that_may_make_no_groups", "1007.8");
    for (kind, launcher) in launchers() {
        let command = Command { argv: argv.clone(), sandbox: read_only(), ..sh("") };
        let done = finish(launcher.spawn(command).await.unwrap()).await;
        assert_eq!(done.exit.code, Some(0), "{kind:?}: {}{}", done.out(), done.err());
        let lines = ["\nbecause ", "\nruns all the same\n"];
        assert!(lines.iter().all(|line| done.out().contains(line)), "{kind:?}: {}", done.out());
    }
}
