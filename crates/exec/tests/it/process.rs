//! Processes without a sandbox.

use std::time::Duration;

use exec::{Command, Io, PtySize, SpawnError, Stream};

use crate::kit::{abs, finish, gone, launcher, read_until, run, sh, within};

#[tokio::test]
async fn streams_and_exit_code_are_told_apart() {
    let done = run(sh("echo out; echo err >&2; exit 3")).await;
    assert_eq!((done.out().as_str(), done.err().as_str(), done.exit.code), ("out\n", "err\n", Some(3)));
}

#[tokio::test]
async fn a_signal_is_not_an_exit_code() {
    let done = run(sh("kill -9 $$")).await;
    assert_eq!((done.exit.code, done.exit.signal, done.exit.code_or_signal()), (None, Some(9), 137));
}

#[tokio::test]
async fn nothing_is_inherited() {
    // Other tests open descriptors at will; what a command sees is its own three and the one that lists them.
    let done = run(sh("ls /proc/self/fd; readlink /proc/self/fd/0; env; cat")).await;
    assert_eq!(done.out().lines().take(4).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    assert!(done.out().contains("\n/dev/null\n"), "{}", done.out());
    let names: Vec<_> = done.out().lines().filter_map(|l| l.split_once('=').map(|(n, _)| n.to_owned())).collect();
    assert!(
        names.iter().all(|name| ["PATH", "PWD", "SHLVL", "_", "OLDPWD", "SPINDLE_SERVER"].contains(&name.as_str())),
        "{names:?}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_arrive_as_they_are() {
    assert_eq!(run(sh(r"printf 'a\377\000b'")).await.stdout, b"a\xff\0b");
}

#[tokio::test]
async fn large_outputs_of_both_streams_arrive_whole() {
    let done = run(sh("head -c 3000000 /dev/zero & head -c 2000000 /dev/zero >&2; wait")).await;
    assert_eq!((done.stdout.len(), done.stderr.len()), (3_000_000, 2_000_000));
}

#[tokio::test]
async fn a_command_nobody_reads_is_held_up_and_can_be_killed() {
    let mut process = launcher().spawn(sh("yes")).await.unwrap();
    process.terminate(Duration::ZERO);
    assert_eq!(within(process.wait()).await.signal, Some(9));
}

#[tokio::test]
async fn input_is_written_and_closed() {
    let process = launcher().spawn(Command { io: Io::Pipes { stdin: true }, ..sh("cat") }).await.unwrap();
    let handle = process.handle();
    let big = vec![b'x'; 500_000];
    let writer = async {
        handle.write_stdin(&big).await.unwrap();
        handle.close_stdin();
    };
    let (done, ()) = tokio::join!(finish(process), writer);
    assert_eq!(done.stdout.len(), big.len());
    assert!(handle.write_stdin(b"x").await.is_err());
}

#[tokio::test]
async fn a_missing_program_and_a_missing_folder_are_errors() {
    let missing = Command { argv: vec!["no-such-program".into()], ..sh("") };
    let error = launcher().spawn(missing).await.unwrap_err();
    assert!(matches!(&error, SpawnError::Program { .. }), "{error}");
    assert_eq!(error.io_error().unwrap().kind(), std::io::ErrorKind::NotFound);
    let nowhere = Command { cwd: abs("/no/such/folder"), ..sh("") };
    assert!(matches!(launcher().spawn(nowhere).await, Err(SpawnError::Cwd { .. })));
    let empty = Command { argv: Vec::new(), ..sh("") };
    assert!(matches!(launcher().spawn(empty).await, Err(SpawnError::Empty)));
    let nul = Command { argv: vec!["a\0b".into()], ..sh("") };
    assert!(matches!(launcher().spawn(nul).await, Err(SpawnError::Nul)));
}

#[tokio::test]
async fn a_script_without_a_first_line_is_run_by_sh() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    std::fs::write(&script, "echo run by sh: $1\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let argv = vec![script.to_str().unwrap().to_owned(), "arg".into()];
    assert_eq!(run(Command { argv, ..sh("") }).await.out(), "run by sh: arg\n");
}

#[tokio::test]
async fn terminating_asks_first_and_kills_later() {
    let asked = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let mut process = launcher().spawn(sh(asked)).await.unwrap();
    read_until(&mut process, "ready").await;
    process.terminate(Duration::from_secs(60));
    let done = finish(process).await;
    assert_eq!((done.out().as_str(), done.exit.code), ("asked\n", Some(7)));

    let mut deaf = launcher().spawn(sh("trap '' TERM; echo ready; while :; do sleep 0.01; done")).await.unwrap();
    read_until(&mut deaf, "ready").await;
    deaf.terminate(Duration::from_millis(20));
    assert_eq!(within(deaf.wait()).await.signal, Some(9));
}

/// A command that starts children which leave its group and session, even with another environment and parent.
const STRAYS: &str = "\
    sleep 1000 & echo $!; \
    setsid sleep 1001 & echo $!; \
    env -i setsid sh -c 'sleep 1002 & echo $!' >/tmp/exec-test-$$; cat /tmp/exec-test-$$; rm /tmp/exec-test-$$; \
    echo ready;";

fn pids(output: &str) -> Vec<u32> {
    let pids: Vec<u32> = output.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(pids.len(), 3, "{output}");
    pids
}

#[tokio::test]
async fn dropping_a_process_ends_everything_it_has_started() {
    let mut process = launcher().spawn(sh(&format!("{STRAYS} wait"))).await.unwrap();
    let strays = pids(&read_until(&mut process, "ready").await);
    let pid = process.pid();
    drop(process);
    gone(pid).await;
    for pid in strays {
        gone(pid).await;
    }
}

#[tokio::test]
async fn terminating_ends_strays_too() {
    let mut process = launcher().spawn(sh(&format!("{STRAYS} wait"))).await.unwrap();
    let strays = pids(&read_until(&mut process, "ready").await);
    process.terminate(Duration::from_millis(20));
    assert_eq!(within(process.wait()).await.signal, Some(15));
    for pid in strays {
        gone(pid).await;
    }
}

#[tokio::test]
async fn output_ends_although_a_stray_holds_it_open() {
    let done = run(sh("setsid sleep 1000 & echo $!")).await;
    assert_eq!(done.exit.code, Some(0));
    gone(done.out().trim().parse().unwrap()).await;
}

#[tokio::test]
async fn a_dropped_spawn_leaves_nothing() {
    let marker = "1000.125";
    let command = Command { argv: vec!["sleep".into(), marker.into()], ..sh("") };
    let launcher = launcher();
    {
        let mut spawn = std::pin::pin!(launcher.spawn(command));
        // Polled once: forked, not yet known to run.
        let _ = futures_poll(spawn.as_mut()).await;
    }
    crate::kit::eventually(|| !any_process_with(marker), "no process of a dropped spawn").await;
}

/// Polls once.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

pub(crate) fn any_process_with(argument: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| line.split(|&byte| byte == 0).any(|part| part == argument.as_bytes()))
    })
}

#[tokio::test]
async fn no_zombie_and_no_guard_is_left() {
    let process = launcher().spawn(sh("exit 0")).await.unwrap();
    let parent = std::fs::read_to_string(format!("/proc/{}/stat", process.pid()));
    let guard: Option<u32> = parent.ok().and_then(|stat| stat.rsplit(')').next()?.split(' ').nth(2)?.parse().ok());
    finish(process).await;
    if let Some(guard) = guard.filter(|&guard| guard != std::process::id() && guard > 1) {
        gone(guard).await;
    }
}

// ---------------------------------------------------------------- terminals

fn pty(script: &str) -> Command {
    Command { io: Io::Pty(PtySize::default()), ..sh(script) }
}

#[tokio::test]
async fn a_terminal_is_one_and_has_a_size() {
    let done = run(pty("test -t 0 && test -t 1 && test -t 2 && echo tty; stty size; tty")).await;
    let out = done.out();
    assert!(out.starts_with("tty\r\n24 80\r\n/dev/"), "{out:?}");
}

#[tokio::test]
async fn a_terminal_echoes_and_takes_input() {
    let mut process = launcher().spawn(pty("read line; echo got $line")).await.unwrap();
    process.write_stdin(b"hello\n").await.unwrap();
    let seen = read_until(&mut process, "got hello").await;
    assert!(seen.starts_with("hello\r\n"), "{seen:?}");
    assert_eq!(finish(process).await.exit.code, Some(0));
}

#[tokio::test]
async fn a_terminal_can_be_resized() {
    let script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done";
    let mut process = launcher().spawn(pty(script)).await.unwrap();
    read_until(&mut process, "ready").await;
    process.resize(PtySize { rows: 45, cols: 132 }).unwrap();
    read_until(&mut process, "45 132").await;
    let piped = launcher().spawn(sh("sleep 1000")).await.unwrap();
    assert_eq!(piped.resize(PtySize::default()).unwrap_err().kind(), std::io::ErrorKind::Unsupported);
}

#[tokio::test]
async fn closing_the_input_of_a_terminal_is_its_end_of_file() {
    let mut process = launcher().spawn(pty("cat; echo over")).await.unwrap();
    process.write_stdin(b"x\n").await.unwrap();
    read_until(&mut process, "x\r\nx\r\n").await;
    process.close_stdin();
    read_until(&mut process, "over").await;
}

#[tokio::test]
async fn control_c_interrupts_what_runs_in_a_terminal() {
    let script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done";
    let mut process = launcher().spawn(pty(script)).await.unwrap();
    read_until(&mut process, "ready").await;
    process.write_stdin(b"\x03").await.unwrap();
    assert_eq!(finish(process).await.exit.code, Some(9));
}

#[tokio::test]
async fn output_of_a_terminal_arrives_whole_and_as_stdout() {
    let mut process = launcher().spawn(pty("head -c 300000 /dev/zero | tr '\\0' x; echo >&2")).await.unwrap();
    let mut count = 0;
    while let Some(chunk) = within(process.next_output()).await {
        assert_eq!(chunk.stream, Stream::Stdout);
        count += chunk.bytes.len();
    }
    assert_eq!(count, 300_002);
}
