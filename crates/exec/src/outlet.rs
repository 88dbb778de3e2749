//! The one way out of a sandbox whose network is closed: proxies that the caller runs.
//!
//! The command gets a network of its own, in which nothing is but two listeners. They are made inside and served from
//! outside: no port is opened on this machine, nobody else can come to them, and whoever serves them knows whose
//! connections they are. Where no network can be made the command is in the machine's, but all it can do there is to
//! have itself connected with whoever serves.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::net::{TcpListener, TcpStream};

use tokio::sync::mpsc;

/// The ways out of one command.
#[derive(Debug)]
pub struct Outlets {
    pub http: Outlet,
    pub socks: Outlet,
}

/// Where the connections of a command to one of its proxies come from.
#[derive(Debug)]
pub enum Outlet {
    /// A listener in the command's own network.
    Listener(TcpListener),
    /// They are handed over as they are made. What nobody takes counts as refused.
    Connections(mpsc::Receiver<TcpStream>),
}

/// Serves the ways out of commands.
pub trait ProxyService: Debug + Send + Sync {
    /// Whether commands are told of the SOCKS proxy.
    fn socks5(&self) -> bool;

    /// Serves one command, which runs by now. What comes out is kept as long as the process, and then dropped.
    ///
    /// # Errors
    /// They cannot be served; the command is killed.
    fn serve(&self, outlets: Outlets) -> io::Result<Box<dyn Any + Send + Sync>>;
}

/// Where the proxies are in the command's network.
pub(crate) const HTTP_PORT: u16 = 43128;
pub(crate) const SOCKS_PORT: u16 = 43129;

/// Variables with the address of the HTTP proxy.
const HTTP_VARIABLES: [&str; 21] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "WS_PROXY",
    "WSS_PROXY",
    "ws_proxy",
    "wss_proxy",
    "NPM_CONFIG_PROXY",
    "NPM_CONFIG_HTTP_PROXY",
    "NPM_CONFIG_HTTPS_PROXY",
    "npm_config_proxy",
    "npm_config_http_proxy",
    "npm_config_https_proxy",
    "YARN_HTTP_PROXY",
    "YARN_HTTPS_PROXY",
    "BUNDLE_HTTP_PROXY",
    "BUNDLE_HTTPS_PROXY",
    "PIP_PROXY",
    "DOCKER_HTTP_PROXY",
    "DOCKER_HTTPS_PROXY",
];

/// Variables with the address of the SOCKS proxy, or of the HTTP proxy where there is none.
const OTHER_VARIABLES: [&str; 4] = ["ALL_PROXY", "all_proxy", "FTP_PROXY", "ftp_proxy"];

/// Variables with what is reached without a proxy: the command's own network. Private networks are not among it, since
/// only the proxy can say why they are not reached.
const DIRECT_VARIABLES: [&str; 6] =
    ["NO_PROXY", "no_proxy", "NPM_CONFIG_NOPROXY", "npm_config_noproxy", "YARN_NO_PROXY", "BUNDLE_NO_PROXY"];

/// What tells programs of the proxies. Source: the programs' own documentation, and what commands of other servers of
/// the protocol find.
pub(crate) fn proxy_variables(socks5: bool) -> impl Iterator<Item = (&'static str, String)> {
    let http = format!("http://127.0.0.1:{HTTP_PORT}");
    let other = if socks5 { format!("socks5h://127.0.0.1:{SOCKS_PORT}") } else { http.clone() };
    let switches = [
        ("ELECTRON_GET_USE_PROXY", "true"),
        ("CODEX_NETWORK_PROXY_ACTIVE", "1"),
        ("CODEX_NETWORK_ALLOW_LOCAL_BINDING", "0"),
    ];
    let all = |names: &'static [&'static str], value: String| names.iter().map(move |name| (*name, value.clone()));
    all(&HTTP_VARIABLES, http)
        .chain(all(&OTHER_VARIABLES, other))
        .chain(all(&DIRECT_VARIABLES, "localhost,127.0.0.1,::1".to_owned()))
        .chain(switches.map(|(name, value)| (name, value.to_owned())))
}
