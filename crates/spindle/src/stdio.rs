//! Standard input and output as a client uses them.
//!
//! Tokio reads and writes them on threads of their own, as it must: they may be anything. A client's are pipes or
//! sockets, which the runtime can wait for itself; that saves two changes of thread a message, which is most of what a
//! small request costs. The flags of the streams stay as they are, for others may share them.

#![expect(unsafe_code, reason = "the runtime has to be promised that a descriptor stays open")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::{FileType, fstat};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::unix::pipe;

/// The most that an ordinary user may have a pipe hold. Much output then needs fewer changes between the server and its
/// client: 10 MB take 10 instead of 160.
const PIPE_BYTES: usize = 1024 * 1024;

/// Standard input. To be called within a runtime.
pub(crate) fn input() -> Box<dyn AsyncRead + Send + Unpin> {
    waitable_input().unwrap_or_else(|| Box::new(tokio::io::stdin()))
}

/// Standard output. To be called within a runtime.
pub(crate) fn output() -> Box<dyn AsyncWrite + Send + Unpin> {
    waitable_output().unwrap_or_else(|| Box::new(tokio::io::stdout()))
}

fn waitable_input() -> Option<Box<dyn AsyncRead + Send + Unpin>> {
    let stream = io::stdin();
    match kind(stream.as_fd())? {
        // Opened anew, the pipe has flags of its own.
        FileType::Fifo => Some(Box::new(pipe::OpenOptions::new().open_receiver("/proc/self/fd/0").ok()?)),
        FileType::Socket => Some(Box::new(Socket::new(stream.as_fd(), Interest::READABLE).ok()?)),
        _ => None,
    }
}

fn waitable_output() -> Option<Box<dyn AsyncWrite + Send + Unpin>> {
    let stream = io::stdout();
    match kind(stream.as_fd())? {
        FileType::Fifo => {
            let sender = pipe::OpenOptions::new().open_sender("/proc/self/fd/1").ok()?;
            // Where the system does not want to give as much, what there is will do.
            let _ = rustix::pipe::fcntl_setpipe_size(&sender, PIPE_BYTES);
            Some(Box::new(sender))
        }
        FileType::Socket => Some(Box::new(Socket::new(stream.as_fd(), Interest::WRITABLE).ok()?)),
        _ => None,
    }
}

fn kind(stream: BorrowedFd<'_>) -> Option<FileType> {
    Some(FileType::from_raw_mode(fstat(stream).ok()?.st_mode))
}

/// A socket that others may share.
struct Socket(AsyncFd<OwnedFd>);

impl Socket {
    fn new(stream: BorrowedFd<'_>, interest: Interest) -> io::Result<Self> {
        let own = stream.try_clone_to_owned()?;
        // SAFETY: the descriptor is a new one, nobody else's, and stays open until it is dropped with the registration.
        let registered = unsafe { AsyncFd::register_with_interest(own, interest) };
        Ok(Self(registered?))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            let read = ready.try_io(|fd| Ok(recv(fd, buf.initialize_unfilled(), RecvFlags::DONTWAIT)?.0));
            if let Ok(read) = read {
                buf.advance(read?);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            let written = ready.try_io(|fd| Ok(send(fd, bytes, SendFlags::DONTWAIT)?));
            if let Ok(written) = written {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
