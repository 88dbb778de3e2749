//! Model providers: the built-in ones and `[model_providers.ID]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use types::AbsPath;

/// The provider that is used when none is named.
pub const DEFAULT_PROVIDER: &str = "openai";
/// The provider that answers from a script, without network.
pub const SIMULATOR: &str = "simulator";
/// Where the `openai` provider is, unless configured otherwise and unless a ChatGPT login is used.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";
/// Built-in providers that a file cannot redefine.
const RESERVED: &[&str] = &["lmstudio", "ollama", DEFAULT_PROVIDER];

const DEFAULT_REQUEST_MAX_RETRIES: u64 = 4;
const DEFAULT_STREAM_MAX_RETRIES: u64 = 5;
const MAX_RETRIES: u64 = 100;
const DEFAULT_STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The request format a provider understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireApi {
    /// The Responses API.
    #[default]
    Responses,
    /// Scripted answers, made in the server itself.
    Simulator,
}

impl<'de> Deserialize<'de> for WireApi {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "responses" => Ok(Self::Responses),
            "simulator" => Ok(Self::Simulator),
            "chat" => Err(D::Error::custom(
                "`wire_api = \"chat\"` is not supported: use a server that offers the Responses API and set \
                 `wire_api = \"responses\"`",
            )),
            other => Err(D::Error::unknown_variant(other, &["responses", "simulator"])),
        }
    }
}

/// `[model_providers.ID]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProviderToml {
    pub name: String,
    pub base_url: Option<String>,
    pub env_key: Option<String>,
    pub env_key_instructions: Option<String>,
    pub experimental_bearer_token: Option<String>,
    pub wire_api: Option<WireApi>,
    pub query_params: Option<BTreeMap<String, String>>,
    pub http_headers: Option<BTreeMap<String, String>>,
    pub env_http_headers: Option<BTreeMap<String, String>>,
    pub request_max_retries: Option<u64>,
    pub stream_max_retries: Option<u64>,
    pub stream_idle_timeout_ms: Option<u64>,
    pub requires_openai_auth: bool,
    pub supports_websockets: bool,
    /// Only for the simulator: the file with its answers.
    pub script: Option<String>,

    // Known, but read by nobody yet.
    pub auth: Option<toml::Value>,
    pub websocket_connect_timeout_ms: Option<u64>,
}

/// A provider, ready to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    pub id: String,
    /// For people.
    pub name: String,
    /// Without a trailing slash of its own; the API's path is appended.
    pub base_url: Option<String>,
    pub wire_api: WireApi,
    /// The environment variable that holds the key.
    pub env_key: Option<String>,
    /// Told to the user when that variable is not set.
    pub env_key_instructions: Option<String>,
    pub experimental_bearer_token: Option<String>,
    pub http_headers: BTreeMap<String, String>,
    /// Header name to the environment variable with its value; unset variables send no header.
    pub env_http_headers: BTreeMap<String, String>,
    pub query_params: BTreeMap<String, String>,
    /// At most 100.
    pub request_max_retries: u64,
    /// At most 100.
    pub stream_max_retries: u64,
    pub stream_idle_timeout: Duration,
    /// Whether the account's credentials are sent.
    pub requires_openai_auth: bool,
    pub supports_websockets: bool,
    /// The simulator's script.
    pub script: Option<AbsPath>,
}

impl ProviderConfig {
    /// The base URL for a ChatGPT login: subscriptions are served below `chatgpt_base_url` (as
    /// [`Config::chatgpt_base_url`](crate::Config::chatgpt_base_url) gives it), unless the provider has a URL of its own.
    #[must_use]
    pub fn chatgpt_base_url(&self, chatgpt_base_url: &str) -> Option<String> {
        match self.base_url.as_deref() {
            Some(OPENAI_BASE_URL) if self.requires_openai_auth => {
                Some(format!("{}/codex", chatgpt_base_url.trim_end_matches('/')))
            }
            other => other.map(ToOwned::to_owned),
        }
    }

    fn built_in(id: &str, name: &str) -> Self {
        ProviderToml { name: name.to_owned(), ..ProviderToml::default() }.resolve(id)
    }
}

impl ProviderToml {
    fn resolve(self, id: &str) -> ProviderConfig {
        let wire_api = if id == SIMULATOR { WireApi::Simulator } else { self.wire_api.unwrap_or_default() };
        ProviderConfig {
            id: id.to_owned(),
            name: if self.name.is_empty() { id.to_owned() } else { self.name },
            base_url: self.base_url,
            wire_api,
            env_key: self.env_key,
            env_key_instructions: self.env_key_instructions,
            experimental_bearer_token: self.experimental_bearer_token,
            http_headers: self.http_headers.unwrap_or_default(),
            env_http_headers: self.env_http_headers.unwrap_or_default(),
            query_params: self.query_params.unwrap_or_default(),
            request_max_retries: self.request_max_retries.unwrap_or(DEFAULT_REQUEST_MAX_RETRIES).min(MAX_RETRIES),
            stream_max_retries: self.stream_max_retries.unwrap_or(DEFAULT_STREAM_MAX_RETRIES).min(MAX_RETRIES),
            stream_idle_timeout: self.stream_idle_timeout_ms.map_or(DEFAULT_STREAM_IDLE_TIMEOUT, Duration::from_millis),
            requires_openai_auth: self.requires_openai_auth,
            supports_websockets: self.supports_websockets,
            // Paths of a layer are absolute by now; a relative one comes from nowhere and is dropped.
            script: self.script.and_then(|path| AbsPath::new(path).ok()),
        }
    }
}

/// What the environment says about the built-in providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderEnvironment {
    /// `OPENAI_BASE_URL`.
    pub openai_base_url: Option<String>,
    /// `CODEX_OSS_BASE_URL`.
    pub oss_base_url: Option<String>,
    /// `CODEX_OSS_PORT`.
    pub oss_port: Option<u16>,
}

/// The built-in providers and those of the file.
pub(crate) fn resolve(
    configured: BTreeMap<String, ProviderToml>,
    openai_base_url: Option<&str>,
    environment: &ProviderEnvironment,
) -> BTreeMap<String, ProviderConfig> {
    let local = |id: &str, name: &str, port: u16| ProviderConfig {
        base_url: Some(
            environment
                .oss_base_url
                .clone()
                .unwrap_or_else(|| format!("http://localhost:{}/v1", environment.oss_port.unwrap_or(port))),
        ),
        ..ProviderConfig::built_in(id, name)
    };
    let openai = ProviderConfig {
        base_url: Some(
            openai_base_url
                .or(environment.openai_base_url.as_deref())
                .unwrap_or(OPENAI_BASE_URL)
                .trim_end_matches('/')
                .to_owned(),
        ),
        env_http_headers: [("OpenAI-Organization", "OPENAI_ORGANIZATION"), ("OpenAI-Project", "OPENAI_PROJECT")]
            .map(|(header, variable)| (header.to_owned(), variable.to_owned()))
            .into(),
        requires_openai_auth: true,
        ..ProviderConfig::built_in(DEFAULT_PROVIDER, "OpenAI")
    };
    let mut providers: BTreeMap<_, _> = [
        openai,
        local("ollama", "Ollama", 11434),
        local("lmstudio", "LM Studio", 1234),
        ProviderConfig::built_in(SIMULATOR, "Simulator"),
    ]
    .map(|provider| (provider.id.clone(), provider))
    .into();
    for (id, provider) in configured {
        let resolved = provider.resolve(&id);
        providers.insert(id, resolved);
    }
    providers
}

/// Reads `model_providers` and refuses reserved ids and providers without a name.
pub(crate) fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, ProviderToml>, D::Error> {
    let providers = BTreeMap::<String, ProviderToml>::deserialize(deserializer)?;
    let reserved: Vec<_> = RESERVED.iter().filter(|id| providers.contains_key(**id)).collect();
    if !reserved.is_empty() {
        let list: Vec<_> = reserved.iter().map(|id| format!("`{id}`")).collect();
        return Err(D::Error::custom(format!(
            "model_providers contains reserved built-in provider IDs: {}. Built-in providers cannot be overridden. \
             Rename your custom provider (for example, `openai-custom`).",
            list.join(", ")
        )));
    }
    for (id, provider) in &providers {
        if id != SIMULATOR && provider.name.trim().is_empty() {
            return Err(D::Error::custom(format!("model_providers.{id}: provider name must not be empty")));
        }
    }
    Ok(providers)
}
