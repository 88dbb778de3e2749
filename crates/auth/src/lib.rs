//! Accounts and credentials.

/// What a model provider is shown to prove who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A key of the provider's API.
    ApiKey(String),
    /// A ChatGPT login.
    ChatGpt { access_token: String, account_id: Option<String> },
}
