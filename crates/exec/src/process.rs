//! A running process: its output, its input, its end.

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use crate::command::PtySize;
use crate::os::{self, Pipe};

/// The most that one [`Chunk`] holds. Also what a pipe holds by default, so a busy command is read in whole pipefuls.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// How long descendants of a command that has ended may go on holding its output open. Then they are killed: output has
/// an end even when a command leaves something behind.
const LINGER: Duration = Duration::from_millis(100);

/// A started process. Dropping it kills the process and everything it has started, and leaves no zombie.
///
/// Nothing is read ahead: output waits in the pipe until [`next_output`](Self::next_output) is called, and a command
/// that writes faster than it is read is held up by its full pipe.
#[derive(Debug)]
pub struct Process {
    guard: os::Guard,
    outputs: [Option<Output>; 2],
    handle: ProcessHandle,
    exit: Option<Exit>,
    /// When leftovers that hold the output open are killed.
    cut_off: Option<Instant>,
    /// What serves its way out; only to be dropped.
    _served: Option<Box<dyn Any + Send + Sync>>,
}

/// Which of the two output streams a chunk is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output, and everything of a terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of output as it was read: at most [`CHUNK_BYTES`], cut anywhere, even within a character
/// (see [`Utf8Stream`](crate::Utf8Stream)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub stream: Stream,
    pub bytes: Bytes,
}

/// How a process ended. Exactly one of the two is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, when the process ended by itself.
    pub code: Option<i32>,
    /// The signal, when it was ended by one.
    pub signal: Option<i32>,
}

impl Exit {
    /// The exit code as a shell shows it: 128 and the signal's number for a process ended by a signal.
    #[must_use]
    pub fn code_or_signal(&self) -> i32 {
        match (self.code, self.signal) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => -1,
        }
    }

    /// Whether the process ended by itself with code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

#[derive(Debug)]
struct Output {
    stream: Stream,
    pipe: Arc<Pipe>,
    buffer: BytesMut,
}

/// Writes to, resizes and ends a process while someone else reads its output. Does not keep the process alive.
#[derive(Debug, Clone)]
pub struct ProcessHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pid: u32,
    control: Arc<os::Control>,
    /// The writing end of standard input.
    input: Mutex<Option<Arc<Pipe>>>,
    /// Orders writers: what one call writes stays together.
    turn: tokio::sync::Mutex<()>,
    terminal: bool,
}

/// The character that ends a line-wise input of a terminal (Ctrl-D).
const END_OF_TRANSMISSION: &[u8] = b"\x04";

impl Process {
    /// `served`: what works for the process as long as it is there.
    pub(crate) fn new(started: os::Started, served: Option<Box<dyn Any + Send + Sync>>) -> Self {
        let os::Started { guard, stdin, stdout, stderr, terminal, outlets: _ } = started;
        let output =
            |stream, pipe: Option<Arc<Pipe>>| pipe.map(|pipe| Output { stream, pipe, buffer: BytesMut::new() });
        let handle = ProcessHandle(Arc::new(Inner {
            pid: guard.pid(),
            control: guard.control(),
            input: Mutex::new(stdin),
            turn: tokio::sync::Mutex::new(()),
            terminal,
        }));
        let outputs = [output(Stream::Stdout, stdout), output(Stream::Stderr, stderr)];
        Self { guard, outputs, handle, exit: None, cut_off: None, _served: served }
    }

    /// A handle for whoever does not read the output.
    #[must_use]
    pub fn handle(&self) -> ProcessHandle {
        self.handle.clone()
    }

    /// As [`ProcessHandle::pid`].
    pub fn pid(&self) -> u32 {
        self.handle.pid()
    }

    /// The next piece of output, in order within each stream. `None` when everything has been read.
    ///
    /// When the process has ended but something it started holds the output open, that is given a tenth of a second,
    /// and then killed.
    ///
    /// # Cancel safety
    /// Cancel safe: output is only taken by a call that returns it.
    pub async fn next_output(&mut self) -> Option<Chunk> {
        loop {
            let wait_exit = self.exit.is_none();
            let cut_off = self.cut_off;
            tokio::select! {
                biased;
                chunk = poll_fn(|cx| poll_outputs(&mut self.outputs, cx)) => return chunk,
                exit = self.guard.exited(), if wait_exit => self.set_exit(exit),
                () = tokio::time::sleep_until(cut_off.unwrap_or_else(Instant::now)), if cut_off.is_some() => {
                    self.cut_off = None;
                    self.handle.terminate(Duration::ZERO);
                }
            }
        }
    }

    /// As [`ProcessHandle::write_stdin`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped call may have written a part.
    pub async fn write_stdin(&self, bytes: &[u8]) -> io::Result<()> {
        self.handle.write_stdin(bytes).await
    }

    /// As [`ProcessHandle::close_stdin`].
    pub fn close_stdin(&self) {
        self.handle.close_stdin();
    }

    /// As [`ProcessHandle::resize`].
    ///
    /// # Errors
    /// As there.
    pub fn resize(&self, size: PtySize) -> io::Result<()> {
        self.handle.resize(size)
    }

    /// As [`ProcessHandle::terminate`].
    pub fn terminate(&self, grace: Duration) {
        self.handle.terminate(grace);
    }

    /// Waits for the end of the process. Its descendants live on until the process is dropped or terminated.
    ///
    /// Does not read output: a process that waits for its output to be read never ends by itself.
    ///
    /// # Cancel safety
    /// Cancel safe. May be called again and gives the same answer.
    pub async fn wait(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let exit = self.guard.exited().await;
        self.set_exit(exit);
        exit
    }

    fn set_exit(&mut self, exit: Exit) {
        self.exit = Some(exit);
        self.cut_off = Some(Instant::now() + LINGER);
    }
}

impl ProcessHandle {
    /// The number of the process; inside a sandbox with a process namespace, of the namespace's first process.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// Writes all of `bytes` to standard input. Waits while the process does not read.
    ///
    /// # Errors
    /// `BrokenPipe` when standard input is closed, by either side, or was never asked for.
    ///
    /// # Cancel safety
    /// Not cancel safe: a dropped call may have written a part.
    pub async fn write_stdin(&self, bytes: &[u8]) -> io::Result<()> {
        let _turn = self.0.turn.lock().await;
        let pipe = self.input().ok_or(io::ErrorKind::BrokenPipe)?;
        pipe.write_all(bytes).await
    }

    /// Closes standard input once writes under way are done. A terminal gets the end-of-file character instead.
    pub fn close_stdin(&self) {
        if self.0.terminal {
            if let Some(pipe) = self.input() {
                pipe.try_write(END_OF_TRANSMISSION);
            }
        } else {
            self.take_input();
        }
    }

    /// Tells a terminal, and through it the programs in it, its new size.
    ///
    /// # Errors
    /// `Unsupported` for a process without a terminal; `BrokenPipe` when the process is gone.
    pub fn resize(&self, size: PtySize) -> io::Result<()> {
        if !self.0.terminal {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.input().ok_or(io::ErrorKind::BrokenPipe)?.resize(size)
    }

    /// Asks the whole process group to end (SIGTERM), and kills it and every descendant (SIGKILL) after `grace`.
    /// Of several calls the earliest end counts; with a grace of zero nothing is asked.
    pub fn terminate(&self, grace: Duration) {
        self.0.control.terminate(grace);
    }

    fn input(&self) -> Option<Arc<Pipe>> {
        self.0.input.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_input(&self) {
        self.0.input.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Handles may outlive the process and must not hold its terminal open.
        self.handle.take_input();
    }
}

/// Reads from whichever stream has something; drops streams that have ended.
fn poll_outputs(outputs: &mut [Option<Output>; 2], cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
    let mut open = false;
    for place in outputs.iter_mut() {
        let Some(output) = place else { continue };
        match output.poll(cx) {
            Poll::Ready(Some(bytes)) => {
                let chunk = Chunk { stream: output.stream, bytes };
                // Takes turns when both streams are busy.
                outputs.swap(0, 1);
                return Poll::Ready(Some(chunk));
            }
            Poll::Ready(None) => *place = None,
            Poll::Pending => open = true,
        }
    }
    if open { Poll::Pending } else { Poll::Ready(None) }
}

impl Output {
    /// Reads once, straight into the chunk's own memory. An error ends the stream: for a terminal that is the normal end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match ready!(self.pipe.poll_read(cx, &mut self.buffer)) {
            Ok(0) | Err(_) => Poll::Ready(None),
            Ok(_) => Poll::Ready(Some(self.buffer.split().freeze())),
        }
    }
}
