//! Decides which hosts a sandboxed command reaches: by the rules, by what the user has said before, by asking.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use exec::{Outlet, Outlets, ProxyService};
use proxy::{Denial, Destination, Entrance, Gate, Lookups, Pass, Reason, Source, Upstream, is_public};
use tokio_util::sync::CancellationToken;
use types::{ApprovalPolicy, DomainAccess, DomainVerdict, Host as HostName, ItemId, NetworkPolicy, NetworkProtocol};

use crate::grants::Grants;
use crate::host::{Host, NetworkApproval, NetworkDecision, ToolEvent};
use crate::rules::{HostAmendment, RuleDecision};
use crate::turn::TurnTools;

/// The way out of one command's sandbox. Clones share what was decided.
#[derive(Clone)]
pub struct NetworkOutlet(Arc<CommandGate>);

struct CommandGate {
    policy: Arc<NetworkPolicy>,
    grants: Arc<Grants>,
    /// Through whom it goes out.
    upstream: Option<Upstream>,
    lookups: Lookups,
    /// Who is asked, if anybody.
    asking: Option<Asking>,
    /// Answers that hold for this command. Held while the user is asked, so that there is one question at a time.
    answers: tokio::sync::Mutex<HashMap<Destination, bool>>,
    /// The first refusal that a command is to be blamed for.
    refusal: Mutex<Option<Refusal>>,
}

struct Asking {
    host: Arc<dyn Host>,
    /// Ends questions, and is fired when the user wants the turn to end.
    stop: CancellationToken,
}

/// Why a connection was refused, as the command's own result says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    ByUser,
    ByRules(String),
}

impl NetworkOutlet {
    /// A way out on which nobody is asked: what no rule allows is refused.
    #[must_use]
    pub fn unattended(policy: Arc<NetworkPolicy>) -> Self {
        Self::new(policy, Arc::default(), None)
    }

    /// The way out of a command of a turn. `stop` ends questions with the command, and is fired when the user answers
    /// that the turn shall end.
    pub(crate) fn of_turn(policy: Arc<NetworkPolicy>, cx: &TurnTools, stop: CancellationToken) -> Self {
        let may_ask = match &cx.approval_policy {
            ApprovalPolicy::Never => false,
            ApprovalPolicy::Granular(kinds) => kinds.sandbox_approval,
            ApprovalPolicy::UnlessTrusted | ApprovalPolicy::OnFailure | ApprovalPolicy::OnRequest => true,
        };
        let asking = (policy.ask && may_ask).then(|| Asking { host: cx.host.clone(), stop });
        Self::new(policy, cx.grants.clone(), asking)
    }

    fn new(policy: Arc<NetworkPolicy>, grants: Arc<Grants>, asking: Option<Asking>) -> Self {
        let (answers, refusal) = (tokio::sync::Mutex::default(), Mutex::default());
        let upstream = Upstream::new(&policy.upstream);
        let lookups = Lookups::default();
        Self(Arc::new(CommandGate { policy, grants, upstream, lookups, asking, answers, refusal }))
    }

    /// Why the command was refused something that it, or the user, should hear of; the first time counts.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for NetworkOutlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetworkOutlet").field(&self.0.policy).finish()
    }
}

impl ProxyService for NetworkOutlet {
    fn socks5(&self) -> bool {
        self.0.policy.socks5
    }

    fn serve(&self, outlets: Outlets) -> io::Result<Box<dyn Any + Send + Sync>> {
        let Outlets { http, socks } = outlets;
        let socks = self.0.policy.socks5.then(|| entrance(socks));
        let serving = proxy::serve(entrance(http), socks, self.0.clone())?;
        Ok(Box::new(serving))
    }
}

fn entrance(outlet: Outlet) -> Entrance {
    match outlet {
        Outlet::Listener(listener) => Entrance::Listener(listener),
        Outlet::Connections(arrivals) => Entrance::Handed(arrivals),
    }
}

#[async_trait]
impl Gate for CommandGate {
    async fn decide(&self, to: &Destination) -> Result<Pass, Denial> {
        let (listed, rule) = self.said_of(&to.host);
        if is_denied(listed, rule) {
            return Err(self.refuse(to, Reason::Denied, Source::Policy));
        }
        let ruled = rule == Some(RuleDecision::Allow) && !self.policy.fixed;
        // What is named itself is meant; what a name leads to is not.
        let named = is_local(&to.host) && (listed == DomainVerdict::Named || ruled);
        let pass = Pass { local: self.policy.allow_local || named };
        if !pass.local && is_local(&to.host) {
            return Err(self.refuse(to, Reason::Local, Source::Policy));
        }
        let allowed = match listed {
            DomainVerdict::Allowed | DomainVerdict::Named => true,
            DomainVerdict::Denied | DomainVerdict::Unlisted => {
                ruled || (!self.policy.fixed && self.grants.allows_destination(to))
            }
        };
        if allowed {
            return Ok(pass);
        }
        match &self.asking {
            None => Err(self.refuse(to, Reason::NotAllowed, Source::Policy)),
            Some(asking) if self.ask(asking, to).await => Ok(pass),
            Some(_) => Err(Denial { reason: Reason::NotAllowed, source: Source::Decider }),
        }
    }

    fn denies(&self, address: IpAddr) -> bool {
        let (listed, rule) = self.said_of(&address.into());
        is_denied(listed, rule)
    }

    fn limited(&self) -> bool {
        self.policy.limited
    }

    fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }

    async fn look_up(&self, host: &HostName) -> io::Result<Vec<IpAddr>> {
        self.lookups.look_up(host).await
    }
}

impl CommandGate {
    /// What the configuration and the rules files say about a host.
    fn said_of(&self, host: &HostName) -> (DomainVerdict, Option<RuleDecision>) {
        (self.policy.domains.verdict(host), self.grants.check_host(host))
    }

    /// Whether the user lets the command through.
    async fn ask(&self, asking: &Asking, to: &Destination) -> bool {
        let mut answers = self.answers.lock().await;
        if let Some(answer) = answers.get(to) {
            return *answer;
        }
        // Another command may have been answered meanwhile.
        match self.grants.check_host(&to.host) {
            Some(RuleDecision::Allow) => return true,
            Some(RuleDecision::Forbidden) => return false,
            Some(RuleDecision::Prompt) | None => {}
        }
        let request = NetworkApproval {
            item_id: connection_id(to),
            host: to.host.clone(),
            port: to.port,
            protocol: to.protocol,
            reason: format!("{} is not in the allowed_domains", to.host),
        };
        let decision = tokio::select! {
            biased;
            () = asking.stop.cancelled() => return false,
            decision = asking.host.approve_network(request) => decision,
        };
        let allowed = match decision {
            NetworkDecision::Accept => true,
            NetworkDecision::AcceptForSession => {
                self.grants.allow_destination(to.clone());
                true
            }
            NetworkDecision::Amend(host, access) => {
                self.amend(asking, to, &host, access);
                access == DomainAccess::Allow
            }
            NetworkDecision::Decline => false,
            NetworkDecision::Cancel => {
                asking.stop.cancel();
                false
            }
        };
        if !allowed {
            self.remember(Refusal::ByUser);
        }
        answers.insert(to.clone(), allowed);
        allowed
    }

    fn amend(&self, asking: &Asking, to: &Destination, host: &str, access: DomainAccess) {
        let warn = |text: String| asking.host.emit(ToolEvent::Warning(text));
        let Some(host) = HostName::parse(host) else {
            return warn(format!("The rule to add is about `{host}`, which is no host; it was not added."));
        };
        if let Err(error) = self.grants.amend_host(HostAmendment { host, protocol: to.protocol, access }) {
            warn(format!("The rule holds for this session, but could not be kept for later ones: {error}"));
        }
    }

    fn refuse(&self, to: &Destination, reason: Reason, source: Source) -> Denial {
        // Where the user is asked, a command that could not be asked about has to say so; elsewhere it sees for itself.
        let why = match reason {
            Reason::Denied => Some("a rule denies this host, and it cannot be asked about"),
            Reason::NotAllowed => Some("no rule allows this host, and the approval policy allows no question"),
            Reason::Local | Reason::Method | Reason::Tunnel => None,
        };
        if let Some(why) = why.filter(|_| self.policy.ask) {
            self.remember(Refusal::ByRules(format!("Network access to \"{}\" was blocked: {why}.", to.host)));
        }
        Denial { reason, source }
    }

    fn remember(&self, refusal: Refusal) {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(refusal);
    }
}

fn is_denied(listed: DomainVerdict, rule: Option<RuleDecision>) -> bool {
    listed == DomainVerdict::Denied || rule == Some(RuleDecision::Forbidden)
}

/// Whether a host is this machine, or an address that is not public.
fn is_local(host: &HostName) -> bool {
    let name = host.as_str();
    name == "localhost" || name.ends_with(".localhost") || host.address().is_some_and(|address| !is_public(address))
}

/// What questions about a connection are known by.
fn connection_id(to: &Destination) -> ItemId {
    let protocol = match to.protocol {
        NetworkProtocol::Http => "http",
        NetworkProtocol::Https => "https",
        NetworkProtocol::Socks5Tcp => "socks5-tcp",
        NetworkProtocol::Socks5Udp => "socks5-udp",
    };
    ItemId::from(format!("network#{protocol}#{}#{}", to.host, to.port))
}
