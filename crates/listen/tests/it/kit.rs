//! A listener with a host that echoes, and clients that speak bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use listen::{Address, Client, Host, Limits, Listener, Options};
use rpc::{Close, Incoming, Receive as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A hang is a failure, not an endless test run.
const LIMIT: Duration = Duration::from_secs(60);

/// Answers each request with its method; `slow` and `stream` do what they are called.
struct Echo;

impl Host for Echo {
    async fn serve(&self, client: Client) {
        let Client { mut reader, outgoing, writer } = client;
        let writing = tokio::spawn(writer.run());
        while let Ok(Some(message)) = reader.next().await {
            if let Incoming::Request { id, method, .. } = message {
                if method == "slow" {
                    outgoing.abandon(Close::TOO_SLOW);
                    break;
                }
                if method == "stream" {
                    let (outgoing, message) = (outgoing.clone(), rpc::encode_notification("m", &"x".repeat(1024)));
                    tokio::spawn(async move { while outgoing.send(message.clone()).await.is_ok() {} });
                    continue;
                }
                outgoing.respond(&id, &Ok(method)).expect("the connection is open");
            }
        }
        outgoing.close();
        let _ = writing.await;
    }

    fn metrics(&self) -> String {
        "figures 1\n".to_owned()
    }
}

/// A running listener.
pub(crate) struct Door {
    pub(crate) addresses: Vec<Address>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Door {
    pub(crate) async fn open(options: Options) -> Self {
        let listener = Listener::bind(options).await.expect("it can be bound");
        let addresses = listener.addresses().cloned().collect();
        let stop = CancellationToken::new();
        let running = tokio::spawn(listener.run(Arc::new(Echo), stop.clone()));
        Self { addresses, stop, running }
    }

    /// One on loopback that lets everybody in.
    pub(crate) async fn plain() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        Self::open(Options { addresses: vec![loopback()], limits, ..Options::default() }).await
    }

    pub(crate) fn port(&self) -> SocketAddr {
        match &self.addresses[0] {
            Address::Ws(at) | Address::Wss(at) => *at,
            Address::Unix(path) => panic!("{path:?} is no port"),
        }
    }

    pub(crate) async fn connect(&self) -> Conversation<TcpStream> {
        Conversation(TcpStream::connect(self.port()).await.expect("it listens"))
    }

    /// A connection whose handshake is done.
    pub(crate) async fn websocket(&self) -> Conversation<TcpStream> {
        let mut conversation = self.connect().await;
        conversation.shake_hands("").await;
        conversation
    }

    /// Lets nobody in any more; returns when everyone has left.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        within(self.running).await.expect("no panic");
    }
}

pub(crate) fn loopback() -> Address {
    Address::Ws(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// The request of a handshake, with more headers if need be.
pub(crate) fn upgrade(headers: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A frame as a client sends it.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length @ ..65536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

pub(crate) fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}

/// What a client sends and hears.
pub(crate) struct Conversation<S>(pub(crate) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("it can be written to");
    }

    /// Reads the head of an answer and gives its status and the head.
    pub(crate) async fn head(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within(self.0.read_u8()).await.expect("an answer has a head"));
        }
        let head = String::from_utf8(head).expect("it is text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it has a status");
        (status, head)
    }

    pub(crate) async fn shake_hands(&mut self, headers: &str) {
        self.send(upgrade(headers)).await;
        let (status, head) = self.head().await;
        assert_eq!(status, 101, "{head}");
    }

    /// Reads one frame of the server: its first byte and its payload. `None` at the end.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = within(self.0.read_u8()).await.ok()?;
        let length = match self.0.read_u8().await.ok()? {
            126 => u64::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()?,
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        within(self.0.read_exact(&mut payload)).await.ok()?;
        Some((first, payload))
    }

    /// Reads one text message.
    pub(crate) async fn message(&mut self) -> String {
        match self.frame().await {
            Some((0x81, payload)) => String::from_utf8(payload).expect("it is text"),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// Reads a close frame and the end; gives the code.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let Some((0x88, payload)) = self.frame().await else { panic!("expected a close frame") };
        assert!(self.frame().await.is_none(), "a close frame is the last one");
        u16::from_be_bytes([payload[0], payload[1]])
    }

    /// Waits for the end of the connection.
    pub(crate) async fn ended(&mut self) {
        let mut rest = Vec::new();
        // Whether it ends in order or is reset makes no difference.
        let _ = within(self.0.read_to_end(&mut rest)).await;
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("no answer, no end")
}
