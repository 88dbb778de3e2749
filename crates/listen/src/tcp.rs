//! What the system is told about a TCP connection.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

/// Prepares a connection that has just come in; see [`Limits::patience`](crate::Limits::patience).
pub(crate) fn prepare(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    // Messages are written whole; nothing is gained by waiting for more.
    stream.set_nodelay(true)?;
    // Later than the server itself would, which tells the client why.
    give_up_after(stream, patience.saturating_mul(3))
}

/// Ends the connection when the other side's system has taken nothing of what was sent for `time`. What the server has
/// written may lie in this system's buffer, megabytes of it: as long as more fits, a client that went without a word
/// looks like one that reads, and the system by itself goes on for a quarter of an hour.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn give_up_after(stream: &TcpStream, time: Duration) -> io::Result<()> {
    // The system takes a number with a sign.
    let milliseconds = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds.unsigned_abs())?)
}

/// There is no such limit here: the queue of the connection fills up then.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn give_up_after(_stream: &TcpStream, _time: Duration) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_system_gives_up_clients_that_the_server_has_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        prepare(&stream, Duration::from_secs(30)).unwrap();
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&stream).unwrap(), 90_000);
        assert!(stream.nodelay().unwrap());
        // Longer than the system can say is as long as it can.
        prepare(&stream, Duration::MAX).unwrap();
    }
}
