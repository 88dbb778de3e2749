//! Takes connections of one command and gives each a task.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::gate::Gate;
use crate::{http, socks};

/// How many connections a command may have open at once; more wait in the kernel. Each takes two of the server's files,
/// so fewer where the server may have few: no command gets more than a quarter of them.
const MOST_CONNECTIONS: usize = 256;

/// How long to wait when the system has no more descriptors to give.
const BREATH: Duration = Duration::from_millis(100);

/// Where the connections of a command come from.
#[derive(Debug)]
pub enum Entrance {
    /// A listener that only the command can come to.
    Listener(std::net::TcpListener),
    /// They are handed over as they are made.
    Handed(mpsc::Receiver<std::net::TcpStream>),
}

/// A proxy at work. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves HTTP at one entrance and SOCKS 5 at the other, if there is one. Must be called within a runtime.
///
/// # Errors
/// A listener is of no use to the runtime.
pub fn serve(http: Entrance, socks: Option<Entrance>, gate: Arc<dyn Gate>) -> io::Result<Serving> {
    let (http, socks) = (Arrivals::new(http)?, socks.map(Arrivals::new).transpose()?);
    let task = tokio::spawn(run(http, socks, gate));
    Ok(Serving(task.abort_handle()))
}

/// Owns the connections' tasks: they end with it.
async fn run(mut http: Arrivals, mut socks: Option<Arrivals>, gate: Arc<dyn Gate>) {
    let most = most_connections(getrlimit(Resource::Nofile).current);
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < most;
        tokio::select! {
            accepted = http.next(), if room => match accepted {
                Ok(stream) => drop(connections.spawn(http::serve(stream, Arc::clone(&gate)))),
                Err(error) => pause(&error).await,
            },
            accepted = next(socks.as_mut()), if room && socks.is_some() => match accepted {
                Ok(stream) => drop(connections.spawn(socks::serve(stream, Arc::clone(&gate)))),
                Err(error) => pause(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The limit is that of the server's open files; none where it may have any number.
fn most_connections(limit: Option<u64>) -> usize {
    let files = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    (files / 8).clamp(1, MOST_CONNECTIONS)
}

async fn next(arrivals: Option<&mut Arrivals>) -> io::Result<TcpStream> {
    match arrivals {
        Some(arrivals) => arrivals.next().await,
        None => std::future::pending().await,
    }
}

/// An [`Entrance`] that is known to the runtime.
enum Arrivals {
    Listener(TcpListener),
    Handed(mpsc::Receiver<std::net::TcpStream>),
}

impl Arrivals {
    fn new(entrance: Entrance) -> io::Result<Self> {
        Ok(match entrance {
            Entrance::Listener(listener) => {
                listener.set_nonblocking(true)?;
                Self::Listener(TcpListener::from_std(listener)?)
            }
            Entrance::Handed(arrivals) => Self::Handed(arrivals),
        })
    }

    /// The next connection; never comes where there can be no more. Cancel safe.
    async fn next(&mut self) -> io::Result<TcpStream> {
        match self {
            Self::Listener(listener) => listener.accept().await.map(|(stream, _)| stream),
            Self::Handed(arrivals) => match arrivals.recv().await {
                Some(stream) => {
                    stream.set_nonblocking(true)?;
                    TcpStream::from_std(stream)
                }
                None => std::future::pending().await,
            },
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::debug!(%error, "a connection of a sandboxed command could not be taken");
    tokio::time::sleep(BREATH).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_leaves_the_server_most_of_its_files() {
        for (limit, most) in [(None, 256), (Some(u64::MAX), 256), (Some(4096), 256), (Some(1024), 128), (Some(0), 1)] {
            assert_eq!(most_connections(limit), most, "{limit:?}");
        }
    }
}
