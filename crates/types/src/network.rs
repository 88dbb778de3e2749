//! Which hosts sandboxed commands may reach, where that is decided host by host.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use crate::settings::named;

named! {
    /// How a command speaks to the proxy through which it reaches a host; also how rules files spell it.
    NetworkProtocol {
        /// A request of plain HTTP.
        Http = "http",
        /// A tunnel for whatever the command wants to say, usually TLS.
        Https = "https",
        Socks5Tcp = "socks5_tcp",
        Socks5Udp = "socks5_udp",
    }
}

named! {
    /// What is said about the hosts that match a pattern.
    DomainAccess { Allow = "allow", Deny = "deny" }
}

/// The rules under which a proxy lets sandboxed commands out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicy {
    pub domains: Domains,
    /// Whether only plain HTTP requests that read go out: `GET`, `HEAD`, `OPTIONS`. No tunnels, since nobody sees what is
    /// done in them.
    pub limited: bool,
    /// Whether addresses of this machine and of private networks count as any other. Without, one can be reached only
    /// when it is itself what a rule allows.
    pub allow_local: bool,
    /// Whether SOCKS 5 is offered beside HTTP.
    pub socks5: bool,
    /// Whether the user is asked about hosts that no rule is about. Without, they are refused.
    pub ask: bool,
    /// Whether neither rules of the user's nor answers add to the hosts that are allowed.
    pub fixed: bool,
    /// Through which proxies it goes out itself.
    pub upstream: UpstreamProxies,
}

/// Proxies as variables of an environment name them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UpstreamProxies {
    /// For plain HTTP; a URL, which may hold a name and a password.
    pub http: Option<String>,
    /// For everything else.
    pub https: Option<String>,
    /// What is reached without: hosts, domains and networks, with commas between them.
    pub except: Option<String>,
}

impl fmt::Debug for UpstreamProxies {
    /// Without what may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, https, except } = self;
        let mut shown = f.debug_struct("UpstreamProxies");
        shown.field("http", &http.is_some()).field("https", &https.is_some()).field("except", except).finish()
    }
}

/// What is said about hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Domains(BTreeMap<DomainPattern, DomainAccess>);

/// What [`Domains`] say about one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainVerdict {
    Denied,
    Allowed,
    /// Allowed by a rule that names this host and no other.
    Named,
    /// No rule is about it.
    Unlisted,
}

impl Domains {
    /// Adds a rule. One that denies stays, whatever is said of the same pattern besides.
    pub fn insert(&mut self, pattern: DomainPattern, access: DomainAccess) {
        let known = self.0.entry(pattern).or_insert(access);
        if access == DomainAccess::Deny {
            *known = access;
        }
    }

    /// Adds the rules of `other`.
    pub fn extend(&mut self, other: &Self) {
        for (pattern, access) in &other.0 {
            self.insert(pattern.clone(), *access);
        }
    }

    /// What is said about a host: what denies it wins over what allows it.
    #[must_use]
    pub fn verdict(&self, host: &Host) -> DomainVerdict {
        let mut verdict = DomainVerdict::Unlisted;
        for (pattern, access) in self.0.iter().filter(|(pattern, _)| pattern.matches(host)) {
            match access {
                DomainAccess::Deny => return DomainVerdict::Denied,
                DomainAccess::Allow if matches!(pattern, DomainPattern::Host(_)) => verdict = DomainVerdict::Named,
                DomainAccess::Allow if verdict == DomainVerdict::Unlisted => verdict = DomainVerdict::Allowed,
                DomainAccess::Allow => {}
            }
        }
        verdict
    }

    /// The rules, by pattern.
    pub fn iter(&self) -> impl Iterator<Item = (&DomainPattern, DomainAccess)> {
        self.0.iter().map(|(pattern, access)| (pattern, *access))
    }
}

/// A host's name in lower case and without a dot at its end, or its address as programs print it; an IPv4 address in
/// the clothes of IPv6 as the former.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// Reads a host as a URL or a header has it; an IPv6 address may stand in brackets. `None` for what is no host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').map_or(Some(text), |rest| rest.strip_suffix(']'))?;
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(address.into());
        }
        let name = bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase();
        let label = |label: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            (1..=63).contains(&label.len()) && label.chars().all(plain)
        };
        (name.len() <= 253 && bare == text && name.split('.').all(label)).then_some(Self(name))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when it is one. Other ways to write one (`127.1`, `0x7f000001`) are names, and turn out to be
    /// addresses only when they are looked up.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical().to_string())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hosts that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DomainPattern {
    /// `*`
    Every,
    /// `example.com`
    Host(Host),
    /// `*.example.com`: what lies below, not the domain itself.
    Below(Host),
    /// `**.example.com`: the domain and what lies below.
    From(Host),
}

/// A text that is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAPattern;

impl DomainPattern {
    /// Reads `*`, `HOST`, `*.DOMAIN` or `**.DOMAIN`.
    ///
    /// # Errors
    /// For everything else, such as a URL or a star elsewhere.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let (domain, make): (_, fn(Host) -> Self) = match text {
            "*" => return Ok(Self::Every),
            _ => match (text.strip_prefix("**."), text.strip_prefix("*.")) {
                (Some(domain), _) => (domain, Self::From),
                (None, Some(domain)) => (domain, Self::Below),
                (None, None) => (text, Self::Host),
            },
        };
        Host::parse(domain).map(make).ok_or(NotAPattern)
    }

    /// Whether the rule is about this host.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        let below = |domain: &Host| {
            let above = host.as_str().strip_suffix(domain.as_str());
            host.address().is_none() && above.is_some_and(|above| above.ends_with('.'))
        };
        match self {
            Self::Every => true,
            Self::Host(name) => name == host,
            Self::Below(domain) => below(domain),
            Self::From(domain) => domain == host || below(domain),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Host(host) => write!(f, "{host}"),
            Self::Below(domain) => write!(f, "*.{domain}"),
            Self::From(domain) => write!(f, "**.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn domains(rules: &[(&str, DomainAccess)]) -> Domains {
        let mut domains = Domains::default();
        for (pattern, access) in rules {
            domains.insert(DomainPattern::parse(pattern).unwrap(), *access);
        }
        domains
    }

    #[test]
    fn a_host_has_one_spelling() {
        assert_eq!(host("Example.COM.").as_str(), "example.com");
        assert_eq!(host("[::0:1]").as_str(), "::1");
        assert_eq!(host("127.0.0.1").address(), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(host("[::FFFF:127.0.0.1]").as_str(), "127.0.0.1");
        for wrong in ["", ".", "a..b", "a b", "http://a", "a:80", "[a]", "[::1", "*.a", "a/b", "fe80::1%lo", "a\0"] {
            assert_eq!(Host::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn patterns_match_whole_labels() {
        let matches = |pattern: &str, name: &str| DomainPattern::parse(pattern).unwrap().matches(&host(name));
        assert!(matches("*", "anything") && matches("Example.com", "example.com."));
        assert!(matches("*.example.com", "a.b.example.com") && !matches("*.example.com", "example.com"));
        assert!(matches("**.example.com", "example.com") && matches("**.example.com", "a.example.com"));
        assert!(!matches("**.example.com", "badexample.com") && !matches("*.0.0.1", "127.0.0.1"));
        for wrong in ["http://a.test/", "a.*.test", "*a.test", "***.a", "", "*.", "10.0.0.0/8"] {
            assert_eq!(DomainPattern::parse(wrong), Err(NotAPattern), "{wrong}");
        }
    }

    #[test]
    fn what_denies_wins() {
        use DomainAccess::{Allow, Deny};
        let mut rules =
            domains(&[("*", Allow), ("**.secret.test", Deny), ("open.secret.test", Allow), ("a.test", Allow)]);
        assert_eq!(rules.verdict(&host("open.secret.test")), DomainVerdict::Denied);
        assert_eq!(rules.verdict(&host("a.test")), DomainVerdict::Named);
        assert_eq!(rules.verdict(&host("b.test")), DomainVerdict::Allowed);
        rules.extend(&domains(&[("a.test", Deny)]));
        rules.extend(&domains(&[("a.test", Allow)]));
        assert_eq!(rules.verdict(&host("a.test")), DomainVerdict::Denied);
        assert_eq!(Domains::default().verdict(&host("a.test")), DomainVerdict::Unlisted);
    }
}
