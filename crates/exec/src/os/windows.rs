//! Windows: pipes only, without terminals and without a sandbox.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;

use super::{Confine, Started};
use crate::command::{Command, Io, PtySize, SpawnError};
use crate::launcher::{Finding, Mechanism, Options, Unavailable};
use crate::process::{CHUNK_BYTES, Exit};

const NO_SANDBOX: &str = "Spindle has no sandbox for this operating system";

/// There is no sandbox here yet.
pub(crate) fn detect(_options: &Options) -> Result<Mechanism, Unavailable> {
    Err(Unavailable::new(NO_SANDBOX))
}

/// See [`detect`].
pub(crate) fn survey(_options: &Options) -> Vec<Finding> {
    Vec::new()
}

/// See [`detect`].
pub(crate) fn try_out(_mechanism: &Mechanism, _options: &Options) -> Result<(), String> {
    Err(NO_SANDBOX.to_owned())
}

/// One end of a pipe.
pub(crate) struct Pipe(Mutex<End>);

enum End {
    Reading(Pin<Box<dyn AsyncRead + Send>>),
    Writing(Pin<Box<dyn AsyncWrite + Send>>),
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipe")
    }
}

impl Pipe {
    fn end(&self) -> MutexGuard<'_, End> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads once, appending up to [`CHUNK_BYTES`] to `buffer`. 0 is the end.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        if buffer.capacity() < CHUNK_BYTES / 8 {
            buffer.reserve(CHUNK_BYTES);
        }
        match &mut *self.end() {
            End::Reading(end) => poll_read_buf(end.as_mut(), cx, buffer),
            End::Writing(_) => Poll::Ready(Ok(0)),
        }
    }

    /// Writes everything, waiting while the pipe is full.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = std::future::poll_fn(|cx| match &mut *self.end() {
                End::Writing(end) => end.as_mut().poll_write(cx, bytes),
                End::Reading(_) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            });
            bytes = bytes.get(count.await?..).unwrap_or_default();
        }
        std::future::poll_fn(|cx| match &mut *self.end() {
            End::Writing(end) => end.as_mut().poll_flush(cx),
            End::Reading(_) => Poll::Ready(Ok(())),
        })
        .await
    }

    /// Only terminals are written to like this.
    pub(crate) fn try_write(&self, _bytes: &[u8]) {}

    /// There are no terminals.
    pub(crate) fn resize(&self, _size: PtySize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A started process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Guard {
    child: tokio::process::Child,
    pid: u32,
    control: Arc<Control>,
}

/// Ends a process.
#[derive(Debug, Default)]
pub(crate) struct Control {
    kill: CancellationToken,
}

/// Starts a command without a sandbox.
pub(crate) async fn spawn(command: &Command, confine: Option<Confine<'_>>) -> Result<Started, SpawnError> {
    if confine.is_some() {
        return Err(SpawnError::SandboxUnavailable(Unavailable::new(NO_SANDBOX)));
    }
    start(command)
}

fn start(command: &Command) -> Result<Started, SpawnError> {
    let [program, arguments @ ..] = command.argv.as_slice() else { return Err(SpawnError::Empty) };
    if command.argv.iter().any(|argument| argument.contains('\0')) {
        return Err(SpawnError::Nul);
    }
    #[expect(clippy::disallowed_methods, reason = "this is where processes are started")]
    let mut builder = tokio::process::Command::new(program);
    let variables = command.env.iter().map(|(name, value)| (name, value));
    builder.args(arguments).current_dir(&command.cwd).env_clear().envs(variables).kill_on_drop(true);
    match command.io {
        Io::Pipes { stdin } => {
            builder.stdin(if stdin { Stdio::piped() } else { Stdio::null() });
            builder.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        Io::Inherit => {}
        Io::Pty(_) => {
            return Err(SpawnError::System { step: "terminal", source: io::ErrorKind::Unsupported.into() });
        }
    }
    let mut child = builder.spawn().map_err(|source| SpawnError::Program { program: program.clone(), source })?;
    let reading = |end: Pin<Box<dyn AsyncRead + Send>>| Arc::new(Pipe(Mutex::new(End::Reading(end))));
    let stdin = child.stdin.take().map(|end| Arc::new(Pipe(Mutex::new(End::Writing(Box::pin(end))))));
    let stdout = child.stdout.take().map(|end| reading(Box::pin(end)));
    let stderr = child.stderr.take().map(|end| reading(Box::pin(end)));
    let pid = child.id().unwrap_or(0);
    let guard = Guard { child, pid, control: Arc::default() };
    Ok(Started { guard, stdin, stdout, stderr, terminal: false, outlets: None })
}

impl Guard {
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Waits for the command's end. Cancel safe.
    pub(crate) async fn exited(&mut self) -> Exit {
        let status = tokio::select! {
            status = self.child.wait() => status,
            () = self.control.kill.cancelled() => {
                // Fails when it has just ended.
                let _ = self.child.start_kill();
                self.child.wait().await
            }
        };
        Exit { code: status.ok().and_then(|status| status.code()), signal: None }
    }
}

impl Control {
    /// There is no asking here: the process is killed the next time its end is waited for.
    pub(crate) fn terminate(&self, _grace: Duration) {
        self.kill.cancel();
    }
}
