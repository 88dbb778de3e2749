//! Runs a started command to its end for somebody who watches it.

use std::io;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::process::{Chunk, Exit, Process, ProcessHandle};

/// How long a command that is to end may take to do so by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Takes the output of a command.
pub trait Watcher: Send {
    /// Waits until more output can be taken. Meanwhile the command is held up by its full pipe.
    ///
    /// # Cancel safety
    /// Must be cancel safe.
    fn ready(&mut self) -> impl Future<Output = ()> + Send;

    /// Takes a piece of output; false ends the command at once.
    fn output(&mut self, chunk: Chunk) -> bool;
}

/// Something to write to a command's standard input.
#[derive(Debug)]
pub struct Input {
    pub bytes: Vec<u8>,
    /// Whether standard input is closed afterwards.
    pub close: bool,
    /// Hears how it went; dropped unheard when the command has ended before.
    pub done: oneshot::Sender<io::Result<()>>,
}

/// Why a command has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited(Exit),
    /// Its time was up.
    TimedOut,
    /// It was stopped, or its watcher had seen enough.
    Stopped,
}

/// Watches a command until it has ended and all of its output is read; writes what `inputs` bring, in order. After
/// `timeout`, or when `stop` fires, the process group is asked to end and half a second later everything the command
/// has started is killed. Nothing of it is left when this returns.
///
/// # Cancel safety
/// Cancel safe: a dropped call kills the command and everything it has started.
pub async fn attend(
    mut process: Process,
    inputs: mpsc::UnboundedReceiver<Input>,
    timeout: Option<Duration>,
    stop: &CancellationToken,
    watcher: &mut impl Watcher,
) -> End {
    let handle = process.handle();
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut early = None;
    let feeding = feed(handle.clone(), inputs);
    tokio::pin!(feeding);
    let mut reading = true;
    loop {
        let next = async {
            if !reading {
                return Next::Exit(process.wait().await);
            }
            watcher.ready().await;
            Next::Output(process.next_output().await)
        };
        tokio::select! {
            biased;
            () = stop.cancelled(), if early.is_none() => {
                early = Some(End::Stopped);
                handle.terminate(GRACE);
            }
            () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() && early.is_none() => {
                early = Some(End::TimedOut);
                handle.terminate(GRACE);
            }
            next = next => match next {
                Next::Output(Some(chunk)) => {
                    if !watcher.output(chunk) && early.is_none() {
                        early = Some(End::Stopped);
                        handle.terminate(Duration::ZERO);
                    }
                }
                Next::Output(None) => reading = false,
                Next::Exit(exit) => return early.unwrap_or(End::Exited(exit)),
            },
            never = &mut feeding => match never {},
        }
    }
}

enum Next {
    Output(Option<Chunk>),
    Exit(Exit),
}

enum Never {}

/// Writes inputs one after the other. Its own future, because a write that has begun must not be dropped.
async fn feed(handle: ProcessHandle, mut inputs: mpsc::UnboundedReceiver<Input>) -> Never {
    while let Some(Input { bytes, close, done }) = inputs.recv().await {
        let written = handle.write_stdin(&bytes).await;
        if close {
            handle.close_stdin();
        }
        // Nobody may be waiting for it.
        let _ = done.send(written);
    }
    std::future::pending().await
}
