//! The process's HTTP clients: built at the first request that needs one, shared by all threads.

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Certificate, Client, NoProxy, Proxy, Url, redirect};

use crate::ModelError;
use crate::provider::Env;

/// A server that does not accept a connection within this time is not reachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What the environment says about the way to other machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The URL of the proxy for `http://`.
    pub http_proxy: Option<String>,
    /// The URL of the proxy for `https://`.
    pub https_proxy: Option<String>,
    /// The hosts that need none, separated by commas.
    pub no_proxy: Option<String>,
    /// A PEM file with authorities besides the well-known ones.
    pub ca_file: Option<String>,
}

impl Network {
    /// Looks at the usual variables; blank ones do not count.
    pub fn read(env: &Env) -> Self {
        let get = |names: &[&str]| names.iter().find_map(|name| env(name).filter(|value| !value.trim().is_empty()));
        Self {
            http_proxy: get(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https_proxy: get(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no_proxy: get(&["no_proxy", "NO_PROXY"]),
            ca_file: get(&["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"]),
        }
    }
}

/// What makes one client different from another. Equal settings share a client and its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settings {
    /// Without TLS a client is made in microseconds; loopback models never pay for certificates.
    tls: bool,
    network: Network,
}

/// The client for `url`. May read a certificate file, once per process and setting.
pub(crate) fn client(url: &Url, env: &Env) -> Result<Client, ModelError> {
    // Bounded by the settings that occur: two in a process whose environment does not change.
    static CLIENTS: Mutex<Vec<(Settings, Client)>> = Mutex::new(Vec::new());
    let settings = Settings::read(url, env);
    let mut clients = CLIENTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, client)) = clients.iter().find(|(known, _)| *known == settings) {
        return Ok(client.clone());
    }
    let client = build(&settings)?;
    clients.push((settings, client.clone()));
    Ok(client)
}

impl Settings {
    fn read(url: &Url, env: &Env) -> Self {
        let mut network = Network::read(env);
        let tls =
            url.scheme() == "https" || network.http_proxy.as_ref().is_some_and(|proxy| proxy.starts_with("https:"));
        network.ca_file = network.ca_file.filter(|_| tls);
        Self { tls, network }
    }
}

fn build(settings: &Settings) -> Result<Client, ModelError> {
    let unusable = |reason: String| ModelError::Provider { reason };
    let Settings { tls, network } = settings;
    let mut builder = Client::builder()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        // A model's address is what the configuration says; credentials do not follow redirects.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tls_built_in_root_certs(*tls);
    let no_proxy = network.no_proxy.as_deref().and_then(NoProxy::from_string);
    if let Some(url) = &network.http_proxy {
        let proxy = Proxy::http(url).map_err(|error| unusable(format!("bad HTTP proxy {url}: {error}")))?;
        builder = builder.proxy(proxy.no_proxy(no_proxy.clone()));
    }
    if let Some(url) = &network.https_proxy {
        let proxy = Proxy::https(url).map_err(|error| unusable(format!("bad HTTPS proxy {url}: {error}")))?;
        builder = builder.proxy(proxy.no_proxy(no_proxy));
    }
    if let Some(path) = &network.ca_file {
        let pem = fs::read(path).map_err(|error| unusable(format!("cannot read certificates {path}: {error}")))?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|error| unusable(format!("cannot use certificates {path}: {error}")))?;
        if certificates.is_empty() {
            return Err(unusable(format!("no certificate in {path}")));
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| unusable(format!("no HTTP client: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn settings(url: &str, pairs: &[(&'static str, &'static str)]) -> Settings {
        let pairs: BTreeMap<&str, &str> = pairs.iter().copied().collect();
        let env = move |name: &str| pairs.get(name).map(|value| (*value).to_owned());
        Settings::read(&Url::parse(url).unwrap(), &env)
    }

    #[test]
    fn a_plain_url_needs_no_tls_and_looks_at_no_certificates() {
        let ca = [("SSL_CERT_FILE", "/nowhere.pem")];
        assert_eq!(settings("http://127.0.0.1:1/v1", &ca), settings("http://h/", &[]));
        assert!(!settings("http://h/", &[]).tls);
        assert!(settings("https://h/", &[]).tls);
        assert!(settings("http://h/", &[("HTTP_PROXY", "https://proxy")]).tls);
    }

    #[test]
    fn proxies_come_from_the_usual_variables_and_blank_ones_do_not_count() {
        let found = settings(
            "https://h/",
            &[("HTTPS_PROXY", "http://a"), ("https_proxy", " "), ("ALL_PROXY", "http://b"), ("NO_PROXY", "c")],
        );
        let found = found.network;
        assert_eq!(found.https_proxy.as_deref(), Some("http://a"));
        assert_eq!(found.http_proxy.as_deref(), Some("http://b"));
        assert_eq!(found.no_proxy.as_deref(), Some("c"));
    }

    #[test]
    fn a_certificate_file_that_cannot_be_used_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in ["/nowhere/ca.pem", file.path().to_str().unwrap()] {
            let mut settings = settings("https://h/", &[]);
            settings.network.ca_file = Some(path.to_owned());
            let error = build(&settings).unwrap_err();
            assert!(error.to_string().contains(path), "{error}");
        }
    }

    #[test]
    fn a_proxy_that_is_no_url_is_named() {
        let error = build(&settings("http://h/", &[("http_proxy", "http://[")])).unwrap_err();
        assert!(error.to_string().contains("bad HTTP proxy"), "{error}");
    }
}
