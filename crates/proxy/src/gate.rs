//! Who decides what may be reached, and how a refusal reads.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;
use serde_json::json;
use types::{Host, NetworkProtocol};

use crate::upstream::Upstream;

/// Decides for one command.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Whether a destination may be reached. May take as long as a person needs to answer.
    ///
    /// # Errors
    /// What the command is told.
    ///
    /// # Cancel safety
    /// The call is dropped when the command gives up or ends.
    async fn decide(&self, to: &Destination) -> Result<Pass, Denial>;

    /// Whether an address may not be reached by whatever name: asked about those that a name leads to.
    fn denies(&self, address: IpAddr) -> bool;

    /// Whether only plain HTTP requests that read go out.
    fn limited(&self) -> bool {
        false
    }

    /// The proxies to go out through, where there are some.
    fn upstream(&self) -> Option<&Upstream> {
        None
    }

    /// Addresses of a host that may be reached, or of a proxy on the way; see [`Lookups`](crate::Lookups).
    ///
    /// # Errors
    /// Those of the lookup.
    async fn look_up(&self, host: &Host) -> io::Result<Vec<IpAddr>>;
}

/// Where a command wants to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    pub host: Host,
    pub port: u16,
    pub protocol: NetworkProtocol,
}

/// An IPv6 address as URLs have it; other hosts as they are.
pub(crate) fn bracketed(host: &Host) -> String {
    if host.as_str().contains(':') { format!("[{host}]") } else { host.to_string() }
}

/// A destination may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Also at an address of this machine or of a private network.
    pub local: bool,
}

/// A destination may not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    pub reason: Reason,
    pub source: Source,
}

/// What stands against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A rule denies the host.
    Denied,
    /// No rule allows it, and neither did anybody who was asked.
    NotAllowed,
    /// It is an address of this machine or of a private network.
    Local,
    /// The method changes something, and only reading goes out.
    Method,
    /// A tunnel, of which nobody can say that it only reads.
    Tunnel,
}

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The rules.
    Policy,
    /// Whoever was asked about what the rules leave open.
    Decider,
    /// The limited mode.
    Mode,
}

/// The header that tells programs why they get no answer from the host itself.
pub(crate) const REASON_HEADER: &str = "x-proxy-error";

impl Denial {
    pub(crate) fn policy(reason: Reason) -> Self {
        Self { reason, source: Source::Policy }
    }

    pub(crate) fn mode(reason: Reason) -> Self {
        Self { reason, source: Source::Mode }
    }

    /// The value of [`REASON_HEADER`].
    pub(crate) fn header(self) -> &'static str {
        match self.reason {
            Reason::Denied => "blocked-by-denylist",
            Reason::NotAllowed | Reason::Local => "blocked-by-allowlist",
            Reason::Method => "blocked-by-method-policy",
            Reason::Tunnel => "blocked-by-mitm-required",
        }
    }

    /// For people, or for the model that reads the command's output.
    pub(crate) fn message(self) -> &'static str {
        match self.reason {
            Reason::Denied => "The sandbox denies this domain.",
            Reason::NotAllowed => "The sandbox does not allow this domain.",
            Reason::Local => "The sandbox does not allow addresses of this machine and of private networks.",
            Reason::Method => "The sandbox allows requests that read only: GET, HEAD, OPTIONS.",
            Reason::Tunnel => "The sandbox allows no tunnels, only plain HTTP requests that read.",
        }
    }

    /// The body of the answer to a plain request.
    pub(crate) fn body(self, to: &Destination) -> String {
        let reason = match self.reason {
            Reason::Denied => "denied",
            Reason::NotAllowed => "not_allowed",
            Reason::Local => "not_allowed_local",
            Reason::Method => "method_not_allowed",
            Reason::Tunnel => "mitm_required",
        };
        let source = match self.source {
            Source::Policy => "baseline_policy",
            Source::Decider => "decider",
            Source::Mode => "mode_guard",
        };
        json!({
            "status": "blocked",
            "host": to.host.as_str(),
            "reason": reason,
            "decision": "deny",
            "source": source,
            "protocol": to.protocol.as_str(),
            "port": to.port,
            "message": self.message(),
        })
        .to_string()
    }
}
