//! The HTTP proxy: plain requests with a whole URL, and tunnels by `CONNECT` (RFC 9110, 9112).
//!
//! Where a request goes is what its target says. A `Host` that says otherwise is replaced in a plain request, as the
//! standard has it, and refused for a tunnel.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::Scheme;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use types::{Host, NetworkProtocol};

use crate::dial::{Dialled, Failure, Line, dial, dial_through};
use crate::gate::{Denial, Destination, Gate, REASON_HEADER, Reason, bracketed};
use crate::upstream::Proxy;

type Body = BoxBody<Bytes, hyper::Error>;

/// How long a client may take over the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How large the head of a request, or of an answer, may be.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// Methods that only read.
const READING: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];

/// One client's connection.
struct Connection {
    gate: Arc<dyn Gate>,
    /// What drives the connections to hosts; ends with this one.
    upstream: Mutex<JoinSet<()>>,
    /// The tunnel that this connection is to become.
    tunnel: Mutex<Option<(OnUpgrade, Line)>>,
}

/// Serves one connection to its end. What goes wrong ends it; there is nobody else to tell.
pub(crate) async fn serve(stream: TcpStream, gate: Arc<dyn Gate>) {
    let connection = Arc::new(Connection { gate, upstream: Mutex::new(JoinSet::new()), tunnel: Mutex::new(None) });
    let service = service_fn(|request| {
        let connection = Arc::clone(&connection);
        async move { Ok::<_, Infallible>(connection.answer(request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(MOST_HEAD_BYTES);
    let served = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    let tunnel = connection.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Ok(()), Some((client, mut there))) = (served, tunnel)
        && let Ok(client) = client.await
    {
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut there).await;
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let answered =
            if request.method() == Method::CONNECT { self.tunnel(request).await } else { self.forward(request).await };
        answered.unwrap_or_else(Refusal::response)
    }

    async fn tunnel(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let to = destination(request.uri(), NetworkProtocol::Https, None)?;
        if !names_the_same(request.headers(), request.uri()) {
            return Err(Refusal::BadRequest("the Host header is not about the target of the tunnel"));
        }
        if self.gate.limited() {
            return Err(Refusal::Denied(Denial::mode(Reason::Tunnel), to));
        }
        let there = dial_through(self.gate.as_ref(), &to).await.map_err(|failure| Refusal::of(failure, &to))?;
        let client = hyper::upgrade::on(request);
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some((client, there));
        Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed()))
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        if request.uri().scheme() != Some(&Scheme::HTTP) {
            return Err(Refusal::BadRequest("this is a proxy: plain requests name a whole http URL, others CONNECT"));
        }
        let to = destination(request.uri(), NetworkProtocol::Http, Some(80))?;
        if self.gate.limited() && !READING.contains(request.method()) {
            return Err(Refusal::Denied(Denial::mode(Reason::Method), to));
        }
        let Dialled { stream: there, proxy } =
            dial(self.gate.as_ref(), &to).await.map_err(|failure| Refusal::of(failure, &to))?;
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(MOST_HEAD_BYTES);
        let (mut sender, driver) = builder.handshake(TokioIo::new(there)).await.map_err(Refusal::unreachable)?;
        self.drive(async { drop(driver.await) });

        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let host = if to.port == 80 { bracketed(&to.host) } else { format!("{}:{}", bracketed(&to.host), to.port) };
        // Another proxy is told the whole of it.
        let target = if proxy.is_some() { format!("http://{host}{path}").parse() } else { path.parse() };
        let (target, host) = (target, HeaderValue::try_from(host));
        let (Ok(target), Ok(host)) = (target, host) else {
            return Err(Refusal::BadRequest("the URL cannot be sent on"));
        };
        *request.uri_mut() = target;
        strip_hop_by_hop(request.headers_mut());
        // What is asked for by TRACE comes back to the command as it went out.
        let known = proxy.as_ref().filter(|_| request.method() != Method::TRACE).and_then(Proxy::authorization);
        if let Some(authorization) = known {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        request.headers_mut().insert(HOST, host);
        let mut response = sender.send_request(request).await.map_err(Refusal::unreachable)?;
        strip_hop_by_hop(response.headers_mut());
        Ok(response.map(BodyExt::boxed))
    }

    /// Drives a connection to a host, for as long as the client's own lives.
    fn drive(&self, driver: impl Future<Output = ()> + Send + 'static) {
        let mut upstream = self.upstream.lock().unwrap_or_else(PoisonError::into_inner);
        while upstream.try_join_next().is_some() {}
        upstream.spawn(driver);
    }
}

/// Where a target leads. An absent port is `default_port`.
fn destination(uri: &Uri, protocol: NetworkProtocol, default_port: Option<u16>) -> Result<Destination, Refusal> {
    let host = uri.host().and_then(Host::parse).ok_or(Refusal::BadRequest("the target names no host"))?;
    // A port that is no number would be taken for none.
    let stated = uri.authority().is_some_and(|authority| {
        authority
            .as_str()
            .rsplit(']')
            .next()
            .is_some_and(|after| after.rsplit('@').next().unwrap_or(after).contains(':'))
    });
    let port = match uri.port_u16() {
        None if !stated => default_port,
        port => port,
    };
    let port = port.filter(|port| *port != 0).ok_or(Refusal::BadRequest("the target names no port"))?;
    Ok(Destination { host, port, protocol })
}

/// Whether the `Host` header, if any, is about the host of the target.
fn names_the_same(headers: &HeaderMap, target: &Uri) -> bool {
    headers.get_all(HOST).iter().all(|value| {
        let named = value.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
        let host = named.as_ref().and_then(Uri::host).and_then(Host::parse);
        host.is_some() && host == target.host().and_then(Host::parse)
    })
}

/// Takes away what is between two neighbours only, among it what `Connection` names.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let always = [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in named.into_iter().chain(always) {
        headers.remove(name);
    }
}

/// Why a request is not carried out.
enum Refusal {
    BadRequest(&'static str),
    Denied(Denial, Destination),
    Unreachable(String),
}

impl Refusal {
    fn of(failure: Failure, to: &Destination) -> Self {
        match failure {
            Failure::Denied(denial) => Self::Denied(denial, to.clone()),
            Failure::Unreachable(error) => Self::unreachable(error),
        }
    }

    fn unreachable(error: impl std::fmt::Display) -> Self {
        Self::Unreachable(error.to_string())
    }

    fn response(self) -> Response<Body> {
        match self {
            Self::BadRequest(message) => plain(StatusCode::BAD_REQUEST, "text/plain", format!("{message}\n")),
            Self::Unreachable(error) => {
                plain(StatusCode::BAD_GATEWAY, "text/plain", format!("the host cannot be reached: {error}\n"))
            }
            Self::Denied(denial, to) => {
                let (kind, body) = match to.protocol {
                    NetworkProtocol::Http => ("application/json", denial.body(&to)),
                    // Programs show no more of it than this, if anything.
                    NetworkProtocol::Https | NetworkProtocol::Socks5Tcp | NetworkProtocol::Socks5Udp => {
                        ("text/plain", denial.message().to_owned())
                    }
                };
                let mut response = plain(StatusCode::FORBIDDEN, kind, body);
                response.headers_mut().insert(REASON_HEADER, HeaderValue::from_static(denial.header()));
                response
            }
        }
    }
}

fn plain(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Full::from(body).map_err(|never: Infallible| match never {}).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
