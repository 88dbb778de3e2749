//! From a configured provider to a connected one.

use std::sync::Arc;

use config::{Config, ProviderConfig, WireApi};
use model::{ModelProvider, ProviderInfo};

use crate::environment::Environment;

/// A provider that cannot be used, with a reason for people.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("Model provider `{0}` not found")]
    Unknown(String),
    #[error("model provider `{id}`: {source}")]
    Unusable { id: String, source: model::ModelError },
}

/// Connects to the provider called `id`. No I/O happens before the first request.
///
/// # Errors
/// [`ProviderError`] names the provider and what is wrong with it.
pub fn connect(
    environment: &Arc<Environment>,
    config: &Config,
    id: &str,
    originator: &str,
    user_agent: &str,
) -> Result<Arc<dyn ModelProvider>, ProviderError> {
    let provider = config.providers.get(id).ok_or_else(|| ProviderError::Unknown(id.to_owned()))?;
    let unusable = |source| ProviderError::Unusable { id: id.to_owned(), source };
    let lookup = environment.clone();
    model::connect(
        info(id, provider),
        if provider.requires_openai_auth { (environment.credentials)() } else { None },
        model::Options {
            user_agent: user_agent.to_owned(),
            originator: originator.to_owned(),
            env: Arc::new(move |name| lookup.variable(name)),
        },
    )
    .map_err(unusable)
}

fn info(id: &str, provider: &ProviderConfig) -> ProviderInfo {
    ProviderInfo {
        id: id.to_owned(),
        name: provider.name.clone(),
        base_url: provider.base_url.clone(),
        wire_api: match provider.wire_api {
            WireApi::Responses => model::WireApi::Responses,
            WireApi::Simulator => model::WireApi::Simulator {
                script: provider.script.as_ref().map(|script| script.as_path().to_owned()),
            },
        },
        env_key: provider.env_key.clone(),
        env_key_instructions: provider.env_key_instructions.clone(),
        experimental_bearer_token: provider.experimental_bearer_token.clone(),
        http_headers: provider.http_headers.clone(),
        env_http_headers: provider.env_http_headers.clone(),
        query_params: provider.query_params.clone(),
        request_max_retries: provider.request_max_retries,
        stream_max_retries: provider.stream_max_retries,
        stream_idle_timeout: provider.stream_idle_timeout,
        requires_openai_auth: provider.requires_openai_auth,
        supports_websockets: provider.supports_websockets,
    }
}
