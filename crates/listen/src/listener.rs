//! Listening sockets: accepts, shakes hands, and hands clients over.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rpc::{Framing, Outgoing, WebSocketReader, Writer};
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::address::Address;
use crate::auth::Auth;
use crate::http::{self, Answer, Rules};
use crate::origin::Origin;
use crate::tcp;
use crate::tls::Tls;

/// What one connection may have queued before its client counts as lost. Much less than what the one client of a
/// process may have: there are thousands of these.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Only the head of a request is read; this is a generous one.
const HEAD_BYTES: usize = 16 * 1024;

/// Connections that may wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 4096;

/// How long to wait before accepting again when the system has run out of something.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// What one listener puts up with.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Clients at one time, over all sockets.
    pub connections: usize,
    /// Handshakes at one time; more wait in the system's queue.
    pub handshakes: usize,
    /// How long a client may take from connecting to the end of its handshake, or of its one plain request or more.
    pub handshake: Duration,
    /// How long a client may be silent before it is sent a ping, and after that before it is given up. One whose system
    /// takes nothing of what is sent is given up after three times as long.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshakes: 512,
            handshake: Duration::from_secs(10),
            patience: Duration::from_secs(30),
        }
    }
}

/// Where clients come in, and which.
#[derive(Default)]
pub struct Options {
    /// Where to listen.
    pub addresses: Vec<Address>,
    /// Which clients may come in over TCP. Over a Unix socket it is whoever may open the file.
    pub auth: Auth,
    /// Values of `Origin` that are let in.
    pub allowed_origins: Vec<Origin>,
    /// The certificate for `wss://`.
    pub tls: Option<Tls>,
    /// Other machines may connect though nobody has to show a token.
    pub allow_unauthenticated: bool,
    /// What is put up with.
    pub limits: Limits,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum BindError {
    #[error(
        "{0} can be reached from other machines and asks nobody for a token: configure `--ws-auth`, \
         or pass `--insecure-allow-unauthenticated`"
    )]
    Unauthenticated(Address),
    #[error("{0} needs `--tls-cert` and `--tls-key`")]
    NoCertificate(Address),
    #[error("`--tls-cert` and `--tls-key` need a `wss://` address to listen on")]
    NothingToEncrypt,
    #[error("cannot listen on {address}: {error}")]
    Io { address: Address, error: io::Error },
}

/// Who serves the clients that are let in.
pub trait Host: Send + Sync + 'static {
    /// Serves one client until it leaves, or is to leave. Its connection ends with the future.
    fn serve(&self, client: Client) -> impl Future<Output = ()> + Send;

    /// The figures of the server, in the text format of Prometheus.
    fn metrics(&self) -> String;
}

/// A client that has been let in.
pub struct Client {
    /// What it says.
    pub reader: WebSocketReader<ReadHalf<Stream>>,
    /// What it is told.
    pub outgoing: Outgoing,
    /// Writes that; to be run as a task.
    pub writer: Writer<WriteHalf<Stream>>,
}

/// Any stream of bytes.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The bytes of one connection, over whatever they come.
pub type Stream = Box<dyn Io>;

enum Socket {
    Tcp(TcpListener),
    Tls(TcpListener, Tls),
    Unix(UnixListener, SocketFile),
}

/// The file of a Unix socket; goes with it.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            debug!(path = %self.0.display(), %error, "a socket file is left behind");
        }
    }
}

/// Bound sockets, from which nothing is accepted yet.
pub struct Listener {
    sockets: Vec<(Address, Socket)>,
    door: Arc<Door>,
}

/// What all sockets share.
struct Door {
    rules: Rules,
    /// The rules of Unix sockets.
    local_rules: Rules,
    limits: Limits,
    places: Arc<Semaphore>,
    /// Whether it was said that there is no place left.
    full: AtomicBool,
}

impl Listener {
    /// Binds every address.
    ///
    /// # Errors
    /// Names the address that cannot be had, or must not: see [`BindError`].
    pub async fn bind(options: Options) -> Result<Self, BindError> {
        let Options { addresses, auth, allowed_origins, tls, allow_unauthenticated, limits } = options;
        if tls.is_some() && !addresses.iter().any(|address| matches!(address, Address::Wss(_))) {
            return Err(BindError::NothingToEncrypt);
        }
        let mut sockets = Vec::new();
        for address in addresses {
            if auth.is_open() && !allow_unauthenticated && !address.is_local() {
                return Err(BindError::Unauthenticated(address));
            }
            let tls = match &address {
                Address::Wss(_) => Some(tls.clone().ok_or_else(|| BindError::NoCertificate(address.clone()))?),
                Address::Ws(_) | Address::Unix(_) => None,
            };
            let bound = bind(&address, tls).await;
            sockets.push(bound.map_err(|error| BindError::Io { address, error })?);
        }
        let door = Arc::new(Door {
            local_rules: Rules { auth: Auth::default(), allowed_origins: allowed_origins.clone() },
            rules: Rules { auth, allowed_origins },
            places: Arc::new(Semaphore::new(limits.connections)),
            limits,
            full: AtomicBool::new(false),
        });
        Ok(Self { sockets, door })
    }

    /// The addresses that are bound, with the ports that the system has chosen.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.sockets.iter().map(|(address, _)| address)
    }

    /// Lets clients in until `stop`, and returns when the last of them is served.
    pub async fn run<H: Host>(self, host: Arc<H>, stop: CancellationToken) {
        let clients = TaskTracker::new();
        let accepting = self.sockets.into_iter().map(|(_, socket)| {
            let accept = accept(socket, self.door.clone(), host.clone(), clients.clone());
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(accept).await })
        });
        for task in accepting.collect::<Vec<_>>() {
            if let Err(error) = task.await {
                warn!(%error, "a socket does not accept any more");
            }
        }
        clients.close();
        clients.wait().await;
    }
}

async fn bind(address: &Address, tls: Option<Tls>) -> io::Result<(Address, Socket)> {
    match address {
        Address::Ws(at) => {
            let listener = listen(*at)?;
            Ok((Address::Ws(listener.local_addr()?), Socket::Tcp(listener)))
        }
        Address::Wss(at) => {
            let listener = listen(*at)?;
            let tls = tls.expect("checked before binding");
            Ok((Address::Wss(listener.local_addr()?), Socket::Tls(listener, tls)))
        }
        Address::Unix(path) => {
            remove_stale(path).await?;
            let socket = UnixSocket::new_stream()?;
            socket.bind(path)?;
            let file = SocketFile(path.clone());
            // Before anybody can come in: whoever got in earlier would stay.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            Ok((address.clone(), Socket::Unix(socket.listen(BACKLOG)?, file)))
        }
    }
}

/// A TCP socket whose queue holds a crowd that comes all at once. Whoever finds it full tries again a second later.
fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

/// Removes a socket file on which nobody listens any more. Anything else at its place stays, and binding fails.
async fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            Ok(_) | Err(_) => Ok(()),
        },
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A connection that has only just come in.
enum Raw {
    Tcp(tokio::net::TcpStream),
    Tls(tokio::net::TcpStream, Tls),
    Unix(UnixStream),
}

impl Socket {
    async fn accept(&self) -> io::Result<Raw> {
        match self {
            Self::Tcp(listener) => Ok(Raw::Tcp(listener.accept().await?.0)),
            Self::Tls(listener, tls) => Ok(Raw::Tls(listener.accept().await?.0, tls.clone())),
            Self::Unix(listener, _file) => Ok(Raw::Unix(listener.accept().await?.0)),
        }
    }
}

impl Raw {
    /// The stream that HTTP is spoken on, and the rules for it.
    async fn open(self, door: &Door) -> io::Result<(Stream, &Rules)> {
        match self {
            Self::Tcp(stream) => {
                tcp::prepare(&stream, door.limits.patience)?;
                Ok((Box::new(stream), &door.rules))
            }
            Self::Tls(stream, tls) => {
                tcp::prepare(&stream, door.limits.patience)?;
                Ok((Box::new(tls.0.accept(stream).await?), &door.rules))
            }
            Self::Unix(stream) => Ok((Box::new(stream), &door.local_rules)),
        }
    }
}

/// Accepts for ever.
async fn accept<H: Host>(socket: Socket, door: Arc<Door>, host: Arc<H>, clients: TaskTracker) {
    let handshakes = Arc::new(Semaphore::new(door.limits.handshakes));
    let mut exhausted = false;
    loop {
        let handshake = handshakes.clone().acquire_owned().await.expect("it is never closed");
        let raw = match socket.accept().await {
            Ok(raw) => raw,
            Err(error) => {
                if !exhausted {
                    warn!(%error, "connections cannot be accepted for now");
                }
                exhausted = true;
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        exhausted = false;
        let (door, host) = (door.clone(), host.clone());
        clients.spawn(async move {
            let shaken = tokio::time::timeout(door.limits.handshake, shake_hands(raw, &door, &*host)).await;
            drop(handshake);
            match shaken {
                Ok(Ok(Some((client, _place)))) => host.serve(client).await,
                Ok(Ok(None)) => {}
                Ok(Err(error)) => debug!(%error, "a handshake failed"),
                Err(_slow) => debug!("a handshake took too long"),
            }
        });
    }
}

/// Speaks HTTP until a WebSocket connection begins. `None` when none did.
async fn shake_hands<H: Host>(
    raw: Raw,
    door: &Door,
    host: &H,
) -> Result<Option<(Client, tokio::sync::OwnedSemaphorePermit)>, Box<dyn std::error::Error + Send + Sync>> {
    let (stream, rules) = raw.open(door).await?;
    let place = std::sync::Mutex::new(None);
    let service = service_fn(|request| {
        let mut answer = rules.answer(&request);
        if matches!(answer, Answer::Upgrade(_)) {
            match door.take_place() {
                Some(free) => *place.lock().expect("nothing panics while it is locked") = Some(free),
                None => answer = Answer::Done(hyper::StatusCode::SERVICE_UNAVAILABLE, "too many clients".to_owned()),
            }
        }
        let response = http::response(answer, || host.metrics());
        std::future::ready(Ok::<_, std::convert::Infallible>(response))
    });
    let parts = hyper::server::conn::http1::Builder::new()
        // The whole handshake has a time limit of its own.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown()
        .await?;
    let (stream, read) = (parts.io.into_inner(), parts.read_buf);
    let Some(place) = place.into_inner().expect("nothing panicked") else { return Ok(None) };
    let (input, output) = tokio::io::split(stream);
    let (outgoing, writer) = Outgoing::framed(output, QUEUE_BYTES, Framing::WebSocket);
    let reader = WebSocketReader::new(input, read, outgoing.clone(), door.limits.patience).await;
    Ok(Some((Client { reader, outgoing, writer }, place)))
}

impl Door {
    fn take_place(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned().ok();
        let was_full = self.full.swap(place.is_none(), Ordering::Relaxed);
        if place.is_none() && !was_full {
            warn!(limit = self.limits.connections, "there are too many clients; more are turned away");
        }
        place
    }
}
