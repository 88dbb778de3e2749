//! From a configured provider to a connected one.

use std::sync::Arc;

use config::{Config, ProviderConfig, WireApi};
use model::{ModelProvider, ProviderInfo};

use crate::environment::Environment;

/// Says where the provider must keep data. The name is the provider's.
const RESIDENCY_HEADER: &str = "x-openai-internal-codex-residency";

/// A provider that cannot be used, with a reason for people.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("Model provider `{0}` not found")]
    Unknown(String),
    #[error("model provider `{id}`: {source}")]
    Unusable { id: String, source: Box<model::ModelError> },
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
    let unusable = |source| ProviderError::Unusable { id: id.to_owned(), source: Box::new(source) };
    let lookup = environment.clone();
    let mut info = info(id, provider);
    if let Some(region) = config.requirements.residency {
        // In whatever spelling; what comes from the environment would count more.
        info.http_headers.retain(|name, _| !name.eq_ignore_ascii_case(RESIDENCY_HEADER));
        info.env_http_headers.retain(|name, _| !name.eq_ignore_ascii_case(RESIDENCY_HEADER));
        info.http_headers.insert(RESIDENCY_HEADER.to_owned(), region.as_str().to_owned());
    }
    model::connect(
        info,
        if provider.requires_openai_auth { (environment.credentials)() } else { None },
        model::Options {
            user_agent: user_agent.to_owned(),
            originator: originator.to_owned(),
            env: Arc::new(move |name| lookup.variable(name)),
        },
    )
    .map_err(unusable)
}

/// Why the configured provider cannot be used, as far as that shows without asking it: no such provider, or no key.
#[must_use]
pub fn provider_problem(environment: &Environment, config: &Config) -> Option<String> {
    let id = &config.model_provider;
    let Some(provider) = config.providers.get(id) else { return Some(ProviderError::Unknown(id.clone()).to_string()) };
    if let Some(variable) = &provider.env_key {
        let missing = environment.variable(variable).is_none();
        return missing.then(|| format!("model provider `{id}` needs a key in ${variable}"));
    }
    let keyless = provider.requires_openai_auth
        && provider.experimental_bearer_token.is_none()
        && (environment.credentials)().is_none();
    keyless.then(|| format!("model provider `{id}` needs a login, and there is none"))
}

fn info(id: &str, provider: &ProviderConfig) -> ProviderInfo {
    ProviderInfo {
        id: id.to_owned(),
        name: provider.name.clone(),
        base_url: provider.base_url.clone(),
        wire_api: match provider.wire_api {
            WireApi::Responses => model::WireApi::Responses,
            WireApi::Simulator => {
                model::WireApi::Simulator { script: provider.script.as_ref().map(|script| script.as_path().to_owned()) }
            }
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
