//! Providers: how they are described and how one is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth::Credentials;
use tokio_util::sync::CancellationToken;
use types::ResponseItem;

use crate::responses::ResponsesProvider;
use crate::{ModelError, Request, ResponseStream, simulator};

/// A way to reach models: one wire API behind it.
#[async_trait]
pub trait ModelProvider: Send + Sync {
    /// Sends the request and returns the response's events as they come.
    ///
    /// A request that fails before a stream begins is repeated as often as the provider's configuration says, with
    /// growing waits; a stream that breaks is not.
    ///
    /// # Errors
    /// The last failure, when no stream began. [`ModelError::Cancelled`] as soon as `cancel` is cancelled, also from
    /// the stream.
    ///
    /// # Cancel safety
    /// Cancel safe in that dropping the future closes the connection; the provider may have begun to work.
    async fn stream(&self, request: &Request, cancel: &CancellationToken) -> Result<ResponseStream, ModelError>;

    /// Whether the provider makes histories short by itself: [`compact`](Self::compact) works.
    fn compacts(&self) -> bool {
        false
    }

    /// Has the provider make the request's input short. Gives the items that stand for it from now on, some of which
    /// only the provider understands. Repeated as [`stream`](Self::stream) is.
    ///
    /// # Errors
    /// The last failure. [`ModelError::Cancelled`] as soon as `cancel` is cancelled.
    ///
    /// # Cancel safety
    /// As for [`stream`](Self::stream).
    async fn compact(&self, request: &Request, cancel: &CancellationToken) -> Result<Vec<ResponseItem>, ModelError> {
        let _ = (request, cancel);
        Err(ModelError::Provider { reason: "it does not compact histories".to_owned() })
    }
}

/// A provider as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// Its key in the configuration.
    pub id: String,
    /// For people.
    pub name: String,
    /// Everything up to and without `/responses`. `None`: the official service, which depends on the credentials.
    pub base_url: Option<String>,
    pub wire_api: WireApi,
    /// The environment variable that holds the key.
    pub env_key: Option<String>,
    /// How to get that key, for the message when it is missing.
    pub env_key_instructions: Option<String>,
    /// A token in the configuration itself; used when there is no `env_key`.
    pub experimental_bearer_token: Option<String>,
    /// Sent with every request.
    pub http_headers: BTreeMap<String, String>,
    /// Header names to environment variables; a variable that is unset or blank sends no header.
    pub env_http_headers: BTreeMap<String, String>,
    /// Appended to the URL.
    pub query_params: BTreeMap<String, String>,
    /// How often a request is repeated that failed before a stream began. At most 100.
    pub request_max_retries: u64,
    /// How often the caller should repeat a stream that broke.
    pub stream_max_retries: u64,
    /// The longest silence within a stream.
    pub stream_idle_timeout: Duration,
    /// Whether the user's own credentials are shown to it.
    pub requires_openai_auth: bool,
    pub supports_websockets: bool,
}

impl Default for ProviderInfo {
    fn default() -> Self {
        Self {
            id: "openai".to_owned(),
            name: "OpenAI".to_owned(),
            base_url: None,
            wire_api: WireApi::Responses,
            env_key: None,
            env_key_instructions: None,
            experimental_bearer_token: None,
            http_headers: BTreeMap::new(),
            env_http_headers: BTreeMap::new(),
            query_params: BTreeMap::new(),
            request_max_retries: 4,
            stream_max_retries: 5,
            stream_idle_timeout: Duration::from_secs(300),
            requires_openai_auth: false,
            supports_websockets: false,
        }
    }
}

/// What a provider speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WireApi {
    /// `POST /responses`, answered by server-sent events.
    #[default]
    Responses,
    /// Nothing over the network: see [`simulator`].
    Simulator {
        /// A file of replies to play instead of following the user's words.
        script: Option<PathBuf>,
    },
}

/// What every provider of a process shares.
#[derive(Clone)]
pub struct Options {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The `originator` header.
    pub originator: String,
    /// Looks up environment variables: keys, headers, proxies, certificate files.
    pub env: Arc<Env>,
}

/// Looks up an environment variable; `None` when it is not set.
pub type Env = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Makes the provider that `info` describes.
///
/// Cheap: no I/O, no TLS set-up, no look at the environment before the first request.
///
/// # Errors
/// [`ModelError::Provider`] when the URL or a header is malformed.
pub fn connect(
    info: ProviderInfo,
    credentials: Option<Credentials>,
    options: Options,
) -> Result<Arc<dyn ModelProvider>, ModelError> {
    match info.wire_api {
        WireApi::Responses => Ok(Arc::new(ResponsesProvider::new(info, credentials, options)?)),
        WireApi::Simulator { script } => Ok(Arc::new(simulator::Simulator::new(script))),
    }
}
