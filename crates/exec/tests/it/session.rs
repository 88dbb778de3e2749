//! Sessions: commands that outlive a tool call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exec::{Command, Exit, Io, MAX_OUTPUT_BYTES, MAX_SESSIONS, OutputSink, PtySize, Session, Sessions, WriteError};
use tokio_util::sync::CancellationToken;

use crate::kit::{LONG, eventually, gone, launcher, sh, within};

/// Writes down what it hears.
#[derive(Default)]
struct Heard {
    output: Mutex<Vec<u8>>,
    ends: Mutex<Vec<(Exit, Arc<Vec<u8>>)>>,
}

impl OutputSink for Heard {
    fn output(&self, bytes: &[u8]) {
        assert!(self.ends.lock().unwrap().is_empty(), "output after the end");
        self.output.lock().unwrap().extend_from_slice(bytes);
    }

    fn exited(&self, exit: &Exit, aggregated: &Arc<Vec<u8>>, _elapsed: Duration) {
        self.ends.lock().unwrap().push((*exit, Arc::clone(aggregated)));
    }
}

impl Heard {
    fn ended(&self) -> bool {
        !self.ends.lock().unwrap().is_empty()
    }
}

fn sessions() -> Sessions {
    Sessions::new(launcher())
}

async fn start(sessions: &Sessions, command: Command) -> (Session, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    (sessions.start(command, Arc::<Heard>::clone(&heard)).await.unwrap(), heard)
}

async fn collect(session: &Session, yield_time: Duration) -> exec::Collected {
    within(session.collect(yield_time, &CancellationToken::new())).await
}

#[tokio::test]
async fn a_session_that_ends_gives_everything_at_once() {
    let sessions = sessions();
    let (session, heard) = start(&sessions, sh("echo a; echo b >&2; exit 4")).await;
    assert!((1000..100_000).contains(&session.id()));
    let collected = collect(&session, LONG).await;
    assert_eq!(collected.exit.unwrap().code, Some(4));
    let mut lines: Vec<_> = collected.output.split(|&b| b == b'\n').collect();
    lines.sort_unstable();
    assert_eq!(lines, [&b""[..], b"a", b"b"]);
    let ends = heard.ends.lock().unwrap().clone();
    assert_eq!(ends, [(collected.exit.unwrap(), collected.output)]);
    assert!(sessions.get(session.id()).is_none(), "its end was collected");
}

#[tokio::test]
async fn a_session_goes_on_after_its_yield_time_and_takes_input() {
    let sessions = sessions();
    let command = Command { io: Io::Pty(PtySize::default()), ..sh("stty -echo; echo ready; read x; echo got $x") };
    let (session, heard) = start(&sessions, command).await;
    eventually(|| heard.output.lock().unwrap().ends_with(b"ready\r\n"), "ready").await;
    let first = collect(&session, Duration::from_millis(1)).await;
    assert_eq!((first.exit, first.output.as_slice()), (None, &b"ready\r\n"[..]));
    let same = sessions.get(session.id()).unwrap();
    same.write(b"you\n").await.unwrap();
    let second = collect(&same, LONG).await;
    assert_eq!(*second.output, b"got you\r\n");
    assert!(second.exit.unwrap().success());
    assert!(matches!(session.write(b"x").await, Err(WriteError::Ended)));
}

#[tokio::test]
async fn without_a_terminal_input_is_closed() {
    let sessions = sessions();
    let (session, _) = start(&sessions, sh("sleep 1000")).await;
    assert!(matches!(session.write(b"x").await, Err(WriteError::Closed)));
}

#[tokio::test]
async fn cancelling_a_collect_returns_what_there_is() {
    let sessions = sessions();
    let (session, heard) = start(&sessions, sh("echo hi; sleep 1000")).await;
    eventually(|| !heard.output.lock().unwrap().is_empty(), "output").await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let collected = within(session.collect(LONG, &cancel)).await;
    assert_eq!((collected.exit, collected.output.as_slice()), (None, &b"hi\n"[..]));
}

#[tokio::test]
async fn output_is_capped_at_its_beginning_and_end() {
    let sessions = sessions();
    let script = "echo first; head -c 3000000 /dev/zero; echo last";
    let (session, heard) = start(&sessions, sh(script)).await;
    let collected = collect(&session, LONG).await;
    assert_eq!(collected.output.len(), MAX_OUTPUT_BYTES);
    assert!(collected.output.starts_with(b"first\n") && collected.output.ends_with(b"last\n"));
    assert_eq!(heard.output.lock().unwrap().len(), 3_000_011, "the sink hears everything");
    assert_eq!(heard.ends.lock().unwrap()[0].1, collected.output);
}

#[tokio::test]
async fn terminating_and_dropping_end_sessions_and_tell_the_sink() {
    let sessions = sessions();
    let (one, heard_one) = start(&sessions, sh("sleep 1000")).await;
    let (two, heard_two) = start(&sessions, sh("trap '' TERM; while :; do sleep 0.01; done")).await;
    one.terminate();
    eventually(|| heard_one.ended(), "the end of a terminated session").await;
    assert_eq!(heard_one.ends.lock().unwrap()[0].0.signal, Some(15));
    drop(sessions);
    eventually(|| heard_two.ended(), "the end of a dropped session").await;
    gone(two.pid()).await;
}

#[tokio::test]
async fn shutting_down_waits_for_every_end() {
    let sessions = sessions();
    let (_, heard) = start(&sessions, sh("sleep 1000")).await;
    within(sessions.shut_down()).await;
    assert!(heard.ended());
    assert!(sessions.list().is_empty());
}

#[tokio::test]
async fn the_session_not_used_for_longest_makes_room_unless_one_has_ended() {
    let sessions = sessions();
    let (oldest, heard_oldest) = start(&sessions, sh("sleep 1000")).await;
    let (second, heard_second) = start(&sessions, sh("sleep 1000")).await;
    let (done, heard_done) = start(&sessions, sh("true")).await;
    eventually(|| heard_done.ended(), "the short one").await;
    for _ in 3..MAX_SESSIONS {
        start(&sessions, sh("sleep 1000")).await;
    }
    assert_eq!(sessions.list().len(), MAX_SESSIONS);
    start(&sessions, sh("sleep 1000")).await;
    assert!(sessions.get(done.id()).is_none());
    assert!(sessions.get(oldest.id()).is_some(), "just used");
    start(&sessions, sh("sleep 1000")).await;
    assert!(sessions.get(second.id()).is_none());
    eventually(|| heard_second.ended(), "the end of the evicted").await;
    assert!(!heard_oldest.ended());
}
