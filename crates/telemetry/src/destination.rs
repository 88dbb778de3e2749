//! One address of a collector, and how it is spoken to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Identity, StatusCode, Url, redirect};
use serde::Serialize;

/// How long a collector may take for one batch.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protocol buffers.
    Binary,
    /// JSON.
    Json,
}

/// Where one signal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole URL, such as `http://localhost:4318/v1/logs`.
    pub endpoint: String,
    /// Sent with every request, as they are.
    pub headers: Vec<(String, String)>,
    /// How messages are written.
    pub encoding: Encoding,
    /// What besides the usual is needed for `https://`.
    pub tls: TlsFiles,
}

/// PEM files for TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Who may vouch for the collector, besides the well-known authorities.
    pub ca_certificate: Option<PathBuf>,
    /// What the collector is shown.
    pub client_certificate: Option<PathBuf>,
    /// The key to that.
    pub client_private_key: Option<PathBuf>,
}

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum Unusable {
    #[error("`{endpoint}` is no http:// or https:// URL")]
    Endpoint { endpoint: String },
    #[error("`{name}` is no HTTP header, or has no value that one can have")]
    Header { name: String },
    #[error("{} cannot be read: {error}", path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("{} holds nothing that TLS can use: {error}", path.display())]
    Pem { path: PathBuf, error: reqwest::Error },
    #[error("a client certificate and its private key go together")]
    HalfAnIdentity,
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Another time it may be.
    #[error("{0}")]
    Passing(String),
    #[error("{0}")]
    Lasting(String),
}

/// A target that can be used.
#[derive(Debug)]
pub(crate) struct Destination {
    url: Url,
    headers: HeaderMap,
    encoding: Encoding,
    client: Client,
}

impl Destination {
    pub(crate) fn open(target: &Target) -> Result<Self, Unusable> {
        let Target { endpoint, headers, encoding, tls } = target;
        let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Unusable::Endpoint { endpoint: endpoint.clone() })?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let unusable = || Unusable::Header { name: name.clone() };
            let key = HeaderName::try_from(name).map_err(|_| unusable())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| unusable())?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        let content_type = match encoding {
            Encoding::Binary => "application/x-protobuf",
            Encoding::Json => "application/json",
        };
        map.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let client = client(&url, tls)?;
        Ok(Self { url, headers: map, encoding: *encoding, client })
    }

    /// Where this is, for people: without what may be secret.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    /// Writes a message as this collector wants it.
    pub(crate) fn encode(&self, message: &(impl Message + Serialize)) -> Bytes {
        match self.encoding {
            Encoding::Binary => message.encode_to_vec().into(),
            Encoding::Json => serde_json::to_vec(message).expect("the messages are plain data").into(),
        }
    }

    /// Sends once. Source of what may be tried again: the specification of OTLP.
    pub(crate) async fn post(&self, body: Bytes) -> Result<(), Refusal> {
        let sent = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send();
        let response = sent.await.map_err(|error| Refusal::Passing(root_cause(&error)))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Err(Refusal::Passing(status.to_string())),
            status => Err(Refusal::Lasting(status.to_string())),
        }
    }
}

fn client(url: &Url, tls: &TlsFiles) -> Result<Client, Unusable> {
    let mut builder = Client::builder()
        .http1_only()
        .timeout(TIMEOUT)
        // The headers may hold a key, which is for the address that was configured.
        .redirect(redirect::Policy::none())
        .no_proxy()
        // Without them a client is made in microseconds.
        .tls_built_in_root_certs(url.scheme() == "https");
    if let Some(path) = &tls.ca_certificate {
        let found = Certificate::from_pem_bundle(&read(path)?);
        for certificate in found.map_err(|error| Unusable::Pem { path: path.clone(), error })? {
            builder = builder.add_root_certificate(certificate);
        }
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

/// The innermost reason, such as "Connection refused"; those around it only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    fs::read(path).map_err(|error| Unusable::File { path: path.to_owned(), error })
}
