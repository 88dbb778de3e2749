//! Takes connections of one command and gives each a task.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::gate::Gate;
use crate::{http, socks};

/// How many connections a command may have open at once; more wait in the kernel.
const MOST_CONNECTIONS: usize = 256;

/// How long to wait when the system has no more descriptors to give.
const BREATH: Duration = Duration::from_millis(100);

/// A proxy at work. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves HTTP on one listener and SOCKS 5 on the other, if there is one. Must be called within a runtime.
///
/// # Errors
/// A listener is of no use to the runtime.
pub fn serve(
    http: std::net::TcpListener,
    socks: Option<std::net::TcpListener>,
    gate: Arc<dyn Gate>,
) -> io::Result<Serving> {
    let register = |listener: std::net::TcpListener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    let (http, socks) = (register(http)?, socks.map(register).transpose()?);
    let task = tokio::spawn(run(http, socks, gate));
    Ok(Serving(task.abort_handle()))
}

/// Owns the connections' tasks: they end with it.
async fn run(http: TcpListener, socks: Option<TcpListener>, gate: Arc<dyn Gate>) {
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < MOST_CONNECTIONS;
        tokio::select! {
            accepted = http.accept(), if room => match accepted {
                Ok((stream, _)) => drop(connections.spawn(http::serve(stream, Arc::clone(&gate)))),
                Err(error) => pause(&error).await,
            },
            accepted = accept(socks.as_ref()), if room && socks.is_some() => match accepted {
                Ok(stream) => drop(connections.spawn(socks::serve(stream, Arc::clone(&gate)))),
                Err(error) => pause(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

async fn pause(error: &io::Error) {
    tracing::debug!(%error, "a connection of a sandboxed command could not be taken");
    tokio::time::sleep(BREATH).await;
}
