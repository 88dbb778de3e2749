//! Asks the gate, looks the host up, checks what was found, connects.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::address::is_public;
use crate::gate::{Denial, Destination, Gate, Reason};
use crate::upstream::Proxy;

/// How long looking up and connecting may take together, the gate's time not counted; and how long a proxy in front may
/// take to make a tunnel.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no connection.
pub(crate) enum Failure {
    Denied(Denial),
    /// It may be reached, but cannot.
    Unreachable(io::Error),
}

/// A connection that leads to a destination.
pub(crate) struct Dialled {
    pub(crate) stream: TcpStream,
    /// Who is at its other end, if not the destination itself.
    pub(crate) proxy: Option<Proxy>,
}

/// A connection to the destination, or to the proxy in front of it, if the gate lets it through.
pub(crate) async fn dial(gate: &dyn Gate, to: &Destination) -> Result<Dialled, Failure> {
    let pass = gate.decide(to).await.map_err(Failure::Denied)?;
    let connected = within(async {
        let mut proxy = gate.upstream().and_then(|upstream| upstream.towards(to));
        let addresses = match to.host.address() {
            Some(address) => vec![address],
            None => match gate.look_up(&to.host).await {
                Ok(addresses) => addresses,
                // Often only the proxy in front knows names of the internet.
                Err(_) if proxy.is_some() => Vec::new(),
                Err(error) => return Err(Failure::Unreachable(error)),
            },
        };
        if addresses.iter().any(|address| gate.denies(*address)) {
            return Err(Failure::Denied(Denial::policy(Reason::Denied)));
        }
        // One address that is not public makes the whole answer suspect.
        if !pass.local && !addresses.iter().all(|address| is_public(*address)) {
            return Err(Failure::Denied(Denial::policy(Reason::Local)));
        }
        // This machine is another one for the proxy.
        proxy = proxy.filter(|_| !addresses.iter().any(|address| address.to_canonical().is_loopback()));
        let stream = match &proxy {
            Some(proxy) => proxy.connect(gate).await,
            None => connect(addresses, to.port).await,
        };
        Ok(Dialled { stream: stream.map_err(Failure::Unreachable)?, proxy })
    });
    let dialled = connected.await?;
    // Fails for sockets that are already closed; then the first write tells.
    let _ = dialled.stream.set_nodelay(true);
    Ok(dialled)
}

/// Connects to the first address that answers.
pub(crate) async fn connect(addresses: Vec<IpAddr>, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    TcpStream::connect(&*addresses).await
}

/// As [`dial`]; through a proxy by a tunnel.
pub(crate) async fn dial_through(gate: &dyn Gate, to: &Destination) -> Result<Line, Failure> {
    let Dialled { stream, proxy } = dial(gate, to).await?;
    match proxy {
        None => Ok(Box::new(stream)),
        Some(proxy) => within(async { proxy.tunnel(stream, to).await.map_err(Failure::Unreachable) }).await,
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| Err(Failure::Unreachable(io::ErrorKind::TimedOut.into())))
}

/// Bytes to and from a destination.
pub(crate) type Line = Box<dyn Stream>;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
