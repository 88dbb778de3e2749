//! Standing rules about hosts that commands reach.

use types::{DomainAccess, Host, NetworkProtocol};

use super::RuleDecision;

/// A rule about one host. It holds for every protocol: what is said by one could be said by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NetworkRule {
    pub(super) host: Host,
    pub(super) decision: RuleDecision,
}

/// A rule to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAmendment {
    pub host: Host,
    /// How the command spoke when the user decided.
    pub protocol: NetworkProtocol,
    pub access: DomainAccess,
}

impl HostAmendment {
    /// The rule as a line of a rules file. Source: what other servers on the same home write.
    pub(super) fn line(&self) -> String {
        let Self { host, protocol, access } = self;
        let verb = match access {
            DomainAccess::Allow => "Allow",
            DomainAccess::Deny => "Deny",
        };
        let by = match protocol {
            NetworkProtocol::Https => "https_connect",
            other => other.as_str(),
        };
        format!(
            "network_rule(host=\"{host}\", protocol=\"{protocol}\", decision=\"{access}\", \
             justification=\"{verb} {by} access to {host}\")"
        )
    }
}

/// Reads the arguments of a rule.
pub(super) fn read(host: &str, protocol: &str, decision: &str) -> Result<NetworkRule, String> {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let host = Host::parse(without_port).ok_or_else(|| format!("`{host}` is not the name of a single host"))?;
    if NetworkProtocol::parse(protocol).is_none() && !matches!(protocol, "https_connect" | "http-connect") {
        return Err(format!("protocol `{protocol}` is none of http, https, socks5_tcp, socks5_udp"));
    }
    let decision = match decision {
        "allow" => RuleDecision::Allow,
        "prompt" => RuleDecision::Prompt,
        "forbidden" | "deny" => RuleDecision::Forbidden,
        other => return Err(format!("decision `{other}` is none of allow, prompt, deny")),
    };
    Ok(NetworkRule { host, decision })
}
