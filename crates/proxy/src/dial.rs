//! Asks the gate, looks the host up, checks what was found, connects.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::address::is_public;
use crate::gate::{Denial, Destination, Gate, Reason};

/// How long looking up and connecting may take together, the gate's time not counted.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no connection.
pub(crate) enum Failure {
    Denied(Denial),
    /// It may be reached, but cannot.
    Unreachable(io::Error),
}

/// A connection to the destination, if the gate lets it through.
pub(crate) async fn dial(gate: &dyn Gate, to: &Destination) -> Result<TcpStream, Failure> {
    let pass = gate.decide(to).await.map_err(Failure::Denied)?;
    let connected = tokio::time::timeout(PATIENCE, async {
        let addresses = match to.host.address() {
            Some(address) => vec![address],
            None => gate.look_up(&to.host).await.map_err(Failure::Unreachable)?,
        };
        // One address that is not public makes the whole answer suspect.
        if !pass.local && !addresses.iter().all(|address| is_public(*address)) {
            return Err(Failure::Denied(Denial::policy(Reason::Local)));
        }
        let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, to.port)).collect();
        TcpStream::connect(&*addresses).await.map_err(Failure::Unreachable)
    });
    let stream = connected.await.unwrap_or_else(|_| Err(Failure::Unreachable(io::ErrorKind::TimedOut.into())))?;
    // Fails for sockets that are already closed; then the first write tells.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
