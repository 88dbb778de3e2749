//! Who is logged in.

use std::fmt;

/// What is sent to a provider that takes the account's credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    ApiKey(String),
    ChatGpt {
        access_token: String,
        /// Sent along as a header, so that the right workspace pays.
        account_id: Option<String>,
    },
}

/// Says which kind, never the secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey(…)",
            Self::ChatGpt { .. } => "ChatGpt(…)",
        })
    }
}

/// How the user logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    ApiKey,
    ChatGpt,
    /// Tokens that the client holds and refreshes.
    ChatGptAuthTokens,
    AgentIdentity,
}

impl AuthMode {
    /// The spelling in `auth.json` and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "apikey",
            Self::ChatGpt => "chatgpt",
            Self::ChatGptAuthTokens => "chatgptAuthTokens",
            Self::AgentIdentity => "agentIdentity",
        }
    }

    /// Reads the spelling of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ApiKey, Self::ChatGpt, Self::ChatGptAuthTokens, Self::AgentIdentity]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }
}

/// A subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    Free,
    Go,
    Plus,
    Pro,
    ProLite,
    Team,
    SelfServeBusinessUsageBased,
    Business,
    EnterpriseCbpUsageBased,
    Enterprise,
    Edu,
    Unknown,
}

impl Plan {
    /// The spelling on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Go => "go",
            Self::Plus => "plus",
            Self::Pro => "pro",
            Self::ProLite => "prolite",
            Self::Team => "team",
            Self::SelfServeBusinessUsageBased => "self_serve_business_usage_based",
            Self::Business => "business",
            Self::EnterpriseCbpUsageBased => "enterprise_cbp_usage_based",
            Self::Enterprise => "enterprise",
            Self::Edu => "edu",
            Self::Unknown => "unknown",
        }
    }

    /// Reads a token's claim; case counts.
    #[must_use]
    pub fn from_claim(claim: Option<&str>) -> Self {
        const KNOWN: [Plan; 11] = [
            Plan::Free,
            Plan::Go,
            Plan::Plus,
            Plan::Pro,
            Plan::ProLite,
            Plan::Team,
            Plan::SelfServeBusinessUsageBased,
            Plan::Business,
            Plan::EnterpriseCbpUsageBased,
            Plan::Enterprise,
            Plan::Edu,
        ];
        match claim {
            Some("hc") => Self::Enterprise,
            Some(claim) => KNOWN.into_iter().find(|plan| plan.as_str() == claim).unwrap_or(Self::Unknown),
            None => Self::Unknown,
        }
    }
}

/// A login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub mode: AuthMode,
    pub credentials: Credentials,
    /// From the id token; a ChatGPT login without it cannot be shown to clients.
    pub email: Option<String>,
    /// `None` for API keys.
    pub plan: Option<Plan>,
}
