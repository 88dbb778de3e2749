//! SOCKS 5 as far as programs use it without a name and a password: connecting by TCP (RFC 1928).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use types::{Host, NetworkProtocol};

use crate::dial::{Failure, dial_through};
use crate::gate::{Destination, Gate};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NOTHING_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;

/// How long a client may take to say where it wants to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// The second byte of an answer.
#[derive(Clone, Copy)]
enum Reply {
    Granted = 0,
    NotAllowed = 2,
    HostUnreachable = 4,
    Refused = 5,
    NoSuchCommand = 7,
    NoSuchAddressKind = 8,
}

/// Serves one connection to its end. What goes wrong ends it; there is nobody else to tell.
pub(crate) async fn serve(mut stream: TcpStream, gate: Arc<dyn Gate>) {
    let _ = converse(&mut stream, gate.as_ref()).await;
}

async fn converse(stream: &mut TcpStream, gate: &dyn Gate) -> io::Result<()> {
    let asked = tokio::time::timeout(PATIENCE, greet_and_read(stream)).await??;
    let to = match asked {
        Ok(to) => to,
        Err(reply) => return answer(stream, reply).await,
    };
    if gate.limited() {
        return answer(stream, Reply::NotAllowed).await;
    }
    match dial_through(gate, &to).await {
        Ok(mut there) => {
            answer(stream, Reply::Granted).await?;
            copy_bidirectional(stream, &mut there).await.map(drop)
        }
        Err(Failure::Denied(_)) => answer(stream, Reply::NotAllowed).await,
        Err(Failure::Unreachable(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            answer(stream, Reply::Refused).await
        }
        Err(Failure::Unreachable(_)) => answer(stream, Reply::HostUnreachable).await,
    }
}

/// The greeting and the request; a request that cannot be served gives its answer instead.
async fn greet_and_read(stream: &mut TcpStream) -> io::Result<Result<Destination, Reply>> {
    let not_spoken = || io::Error::from(io::ErrorKind::InvalidData);
    let [version, count] = read(stream).await?;
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await?;
    if version != VERSION {
        return Err(not_spoken());
    }
    if !methods.contains(&NO_AUTHENTICATION) {
        stream.write_all(&[VERSION, NOTHING_ACCEPTABLE]).await?;
        return Err(not_spoken());
    }
    stream.write_all(&[VERSION, NO_AUTHENTICATION]).await?;

    let [version, command, _reserved, kind] = read(stream).await?;
    if version != VERSION {
        return Err(not_spoken());
    }
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(stream).await?).to_string(),
        3 => {
            let [length] = read(stream).await?;
            let mut name = vec![0; usize::from(length)];
            stream.read_exact(&mut name).await?;
            // What is no text is no host either.
            String::from_utf8(name).unwrap_or_default()
        }
        4 => Ipv6Addr::from(read::<16>(stream).await?).to_string(),
        _ => return Ok(Err(Reply::NoSuchAddressKind)),
    };
    let port = u16::from_be_bytes(read(stream).await?);
    Ok(match Host::parse(&host) {
        _ if command != CONNECT => Err(Reply::NoSuchCommand),
        Some(host) => Ok(Destination { host, port, protocol: NetworkProtocol::Socks5Tcp }),
        None => Err(Reply::HostUnreachable),
    })
}

async fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The address in it is of no use to anybody, and none.
async fn answer(stream: &mut TcpStream, reply: Reply) -> io::Result<()> {
    stream.write_all(&[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}
