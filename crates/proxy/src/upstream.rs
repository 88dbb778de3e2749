//! The proxies through which this one goes out itself, where the machine reaches the internet by others only.
//!
//! Spoken to by plain HTTP: requests for plain HTTP are handed on, everything else goes through a tunnel.

use std::fmt;
use std::io;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Method, Request, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use types::{Host, NetworkProtocol, UpstreamProxies};

use crate::dial::{Line, connect};
use crate::gate::{Destination, Gate, bracketed};

/// The largest head of a proxy's answer.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// Says for each destination which proxy leads there.
pub struct Upstream(Matcher);

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstream")
    }
}

impl Upstream {
    /// `None` where there are no proxies. What is no URL counts as none.
    #[must_use]
    pub fn new(proxies: &UpstreamProxies) -> Option<Self> {
        let UpstreamProxies { http, https, except } = proxies;
        let text = |one: &Option<String>| one.clone().unwrap_or_default();
        let matcher = || Matcher::builder().http(text(http)).https(text(https)).no(text(except)).build();
        (http.is_some() || https.is_some()).then(|| Self(matcher()))
    }

    /// The proxy that leads to a destination. None does to a name of this machine, which is another one there.
    pub(crate) fn towards(&self, to: &Destination) -> Option<Proxy> {
        let name = to.host.as_str();
        if name == "localhost" || name.ends_with(".localhost") {
            return None;
        }
        let scheme = if to.protocol == NetworkProtocol::Http { Scheme::HTTP } else { Scheme::HTTPS };
        let target = Uri::builder().scheme(scheme).authority(authority(to)?).path_and_query("/").build().ok()?;
        self.0.intercept(&target).map(Proxy)
    }
}

/// A proxy to go through.
pub(crate) struct Proxy(Intercept);

impl Proxy {
    pub(crate) async fn connect(&self, gate: &dyn Gate) -> io::Result<TcpStream> {
        let uri = self.0.uri();
        if uri.scheme() != Some(&Scheme::HTTP) {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the proxy in front is not spoken to by plain HTTP",
            ));
        }
        let host = uri.host().and_then(Host::parse).ok_or(io::ErrorKind::InvalidInput)?;
        let addresses = match host.address() {
            Some(address) => vec![address],
            None => gate.look_up(&host).await?,
        };
        connect(addresses, uri.port_u16().unwrap_or(80)).await
    }

    /// What the proxy wants to know of who we are.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }

    /// Makes a connection to the proxy a tunnel.
    pub(crate) async fn tunnel(&self, stream: TcpStream, to: &Destination) -> io::Result<Line> {
        let target = authority(to).ok_or(io::ErrorKind::InvalidInput)?;
        let host = HeaderValue::try_from(target.as_str()).map_err(io::Error::other)?;
        let uri = Uri::builder().authority(target).build().map_err(io::Error::other)?;
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = uri;
        request.headers_mut().insert(HOST, host);
        if let Some(authorization) = self.authorization() {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(MOST_HEAD_BYTES);
        let (mut sender, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let asked = async move {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            let status = response.status();
            if !status.is_success() {
                return Err(io::Error::other(format!("the proxy in front answers {status}")));
            }
            hyper::upgrade::on(response).await.map_err(io::Error::other)
        };
        // It has ended by itself when the connection is a tunnel; what it says of failures the other says better.
        let (upgraded, _) = tokio::join!(asked, driver.with_upgrades());
        Ok(Box::new(TokioIo::new(upgraded?)))
    }
}

/// Host and port as a request's target has them.
pub(crate) fn authority(to: &Destination) -> Option<Authority> {
    format!("{}:{}", bracketed(&to.host), to.port).parse().ok()
}
