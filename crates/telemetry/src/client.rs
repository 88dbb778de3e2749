//! The HTTP client that speaks to one collector.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, Url, redirect};

use crate::target::{Network, Protocol, TlsFiles, Unusable};

/// How long a collector may take for one batch.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the client for `url`; connects to nothing yet.
pub(crate) fn client(url: &Url, protocol: Protocol, tls: &TlsFiles, network: &Network) -> Result<Client, Unusable> {
    let encrypted = url.scheme() == "https";
    let proxy = proxy(encrypted, protocol, network)?;
    let to_proxy = proxy.is_some() && network.http_proxy.as_ref().is_some_and(|url| url.starts_with("https:"));
    let trusts = encrypted || to_proxy;
    let mut builder = Client::builder()
        .timeout(TIMEOUT)
        .tcp_nodelay(true)
        // The headers may hold a key, which is for the address that was configured.
        .redirect(redirect::Policy::none())
        .no_proxy()
        // Without them a client is made in microseconds.
        .tls_built_in_root_certs(trusts);
    builder = match protocol {
        Protocol::HttpBinary | Protocol::HttpJson => builder.http1_only(),
        Protocol::Grpc => builder.http2_prior_knowledge(),
    };
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy);
    }
    for path in tls.ca_certificate.iter().chain(network.ca_file.iter().filter(|_| trusts)) {
        builder = trusting(builder, path)?;
    }
    match (&tls.client_certificate, &tls.client_private_key) {
        (Some(certificate), Some(key)) => {
            let pem = [read(key)?, b"\n".to_vec(), read(certificate)?].concat();
            let identity = Identity::from_pem(&pem);
            builder = builder.identity(identity.map_err(|error| Unusable::Pem { path: certificate.clone(), error })?);
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => return Err(Unusable::HalfAnIdentity),
    }
    builder.build().map_err(Unusable::Client)
}

/// The proxy on the way, if there is one. A proxy opens tunnels for `https://` only; what it passes on of `http://` is
/// HTTP/1, so that gRPC without TLS goes directly.
fn proxy(encrypted: bool, protocol: Protocol, network: &Network) -> Result<Option<Proxy>, Unusable> {
    let proxy = match (encrypted, protocol) {
        (true, _) => network.https_proxy.as_ref().map(Proxy::https),
        (false, Protocol::Grpc) => None,
        (false, Protocol::HttpBinary | Protocol::HttpJson) => network.http_proxy.as_ref().map(Proxy::http),
    };
    let exceptions = network.no_proxy.as_deref().and_then(NoProxy::from_string);
    Ok(proxy.transpose().map_err(Unusable::Proxy)?.map(|proxy| proxy.no_proxy(exceptions)))
}

fn trusting(mut builder: ClientBuilder, path: &Path) -> Result<ClientBuilder, Unusable> {
    let found = Certificate::from_pem_bundle(&read(path)?);
    for certificate in found.map_err(|error| Unusable::Pem { path: path.to_owned(), error })? {
        builder = builder.add_root_certificate(certificate);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    fs::read(path).map_err(|error| Unusable::File { path: path.to_owned(), error })
}
