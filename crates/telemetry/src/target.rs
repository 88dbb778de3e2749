//! Where signals go, as whoever starts the export says it.

use std::path::PathBuf;

/// How messages get to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Protocol buffers, posted to a URL.
    HttpBinary,
    /// JSON, posted to a URL.
    HttpJson,
    /// Calls of OTLP's services, over HTTP/2.
    Grpc,
}

/// Where one signal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole URL, such as `http://localhost:4318/v1/logs`; for gRPC only scheme, host and port of it count.
    pub endpoint: String,
    /// Sent with every request, as they are; for gRPC these are the call's metadata.
    pub headers: Vec<(String, String)>,
    /// How messages get there.
    pub protocol: Protocol,
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

/// What the network between here and the collectors asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// The URL of the proxy to `http://` collectors. Not used for gRPC, which such proxies do not pass on.
    pub http_proxy: Option<String>,
    /// The URL of the proxy to `https://` collectors.
    pub https_proxy: Option<String>,
    /// The hosts that are spoken to directly, separated by commas.
    pub no_proxy: Option<String>,
    /// A PEM file of more authorities that may vouch for collectors and proxies.
    pub ca_file: Option<PathBuf>,
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
    #[error("the proxy's address cannot be used: {0}")]
    Proxy(reqwest::Error),
    #[error("no HTTP client can be made: {0}")]
    Client(reqwest::Error),
}
