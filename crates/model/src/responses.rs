//! The Responses wire API over HTTP: one call from top to bottom.
//!
//! `body.rs` writes the request, `refusal.rs` reads an error status, `limits.rs` the rate-limit headers, `sse.rs` cuts
//! the answer into events and `decode.rs` says what they mean. `compaction.rs` is the other thing that can be asked for.

mod body;
mod compaction;
mod decode;
mod drain;
mod limits;
mod refusal;
mod sse;
mod stream;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use async_trait::async_trait;
use auth::Credentials;
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Response, StatusCode, Url};
use tokio_util::sync::CancellationToken;
use types::{RateLimits, ResponseItem};

use self::drain::Drains;
use self::stream::Events;
use crate::provider::{ModelProvider, Options, ProviderInfo};
use crate::retry::{Failure, repeat};
use crate::{ModelError, Request, ResponseEvent, ResponseStream, http};

/// The provider that compacts histories, by its name. Source: the recorded requests.
const OFFICIAL_NAME: &str = "OpenAI";

/// Source: the protocol's providers; which one depends on how the user signed in.
const OFFICIAL_API: &str = "https://api.openai.com/v1";
const OFFICIAL_CHATGPT: &str = "https://chatgpt.com/backend-api/codex";

pub(crate) struct ResponsesProvider {
    info: ProviderInfo,
    credentials: Option<Credentials>,
    options: Options,
    url: Url,
    /// The headers that no request changes.
    headers: HeaderMap,
    /// Whether the provider keeps responses, so that items carry the ids under which it knows them.
    stores: bool,
    client: OnceLock<Client>,
    drains: Arc<Drains>,
}

impl ResponsesProvider {
    pub(crate) fn new(
        info: ProviderInfo,
        credentials: Option<Credentials>,
        options: Options,
    ) -> Result<Self, ModelError> {
        // A provider that does not ask for the user's credentials is not shown them.
        let credentials = credentials.filter(|_| info.requires_openai_auth);
        let base = info.base_url.as_deref().unwrap_or(match credentials {
            Some(Credentials::ChatGpt { .. }) => OFFICIAL_CHATGPT,
            _ => OFFICIAL_API,
        });
        let url = endpoint(base, &info)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, header_value("user-agent", &options.user_agent)?);
        headers.insert(HeaderName::from_static("originator"), header_value("originator", &options.originator)?);
        for (name, value) in &info.http_headers {
            headers.insert(header_name(name)?, header_value(name, value)?);
        }
        let stores = is_azure(&info.name, &url);
        Ok(Self { info, credentials, options, url, headers, stores, client: OnceLock::new(), drains: Arc::default() })
    }

    /// The client, made by the first request. Two first requests at once find the same one.
    fn client(&self) -> Result<&Client, ModelError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = http::client(&self.url, &*self.options.env)?;
        Ok(self.client.get_or_init(|| client))
    }

    fn headers(&self, request: &Request) -> Result<HeaderMap, ModelError> {
        let env = |variable: &str| (self.options.env)(variable).filter(|value| !value.trim().is_empty());
        let mut headers = self.headers.clone();
        for (name, variable) in &self.info.env_http_headers {
            if let Some(value) = env(variable) {
                headers.insert(header_name(name)?, header_value(name, &value)?);
            }
        }
        let token = match (&self.info.env_key, &self.info.experimental_bearer_token) {
            (Some(variable), _) => Some(env(variable).ok_or_else(|| ModelError::MissingEnv {
                variable: variable.clone(),
                instructions: self.info.env_key_instructions.clone(),
            })?),
            (None, Some(token)) => Some(token.clone()),
            (None, None) => match &self.credentials {
                Some(Credentials::ApiKey(key)) => Some(key.clone()),
                Some(Credentials::ChatGpt { access_token, account_id, .. }) => {
                    if let Some(account_id) = account_id {
                        let name = HeaderName::from_static("chatgpt-account-id");
                        headers.insert(name, header_value("chatgpt-account-id", account_id)?);
                    }
                    Some(access_token.clone())
                }
                None => None,
            },
        };
        if let Some(token) = token {
            let mut value = header_value("authorization", &format!("Bearer {token}"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &request.headers {
            headers.insert(header_name(name)?, header_value(name, value)?);
        }
        Ok(headers)
    }

    /// Sends once.
    async fn attempt(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
        let client = self.client().map_err(Failure::lasting)?;
        let sent = client.post(url.clone()).headers(headers).body(body).send();
        let response = match tokio::time::timeout(self.info.stream_idle_timeout, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Failure::passing(self.connection(&root_cause(&error)))),
            Err(_elapsed) => return Err(Failure::passing(self.connection("no answer within the idle timeout"))),
        };
        if response.status().is_success() { Ok(response) } else { Err(refusal::read(response, url).await) }
    }

    fn connection(&self, reason: &str) -> ModelError {
        ModelError::Connection { url: without_query(&self.url), reason: reason.to_owned() }
    }
}

#[async_trait]
impl ModelProvider for ResponsesProvider {
    async fn stream(&self, request: &Request, cancel: &CancellationToken) -> Result<ResponseStream, ModelError> {
        let headers = self.headers(request)?;
        let body = Bytes::from(body::encode(request, self.stores)?);
        let response = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(ModelError::Cancelled),
            response = repeat(self.info.request_max_retries, || {
                self.attempt(&self.url, headers.clone(), body.clone())
            }) => response?,
        };
        let first = first_events(response.headers());
        let events = Events::new(response.bytes_stream(), first, cancel.clone(), Arc::clone(&self.drains));
        Ok(ResponseStream::new(events, self.info.stream_idle_timeout))
    }

    fn compacts(&self) -> bool {
        self.info.name == OFFICIAL_NAME
    }

    async fn compact(&self, request: &Request, cancel: &CancellationToken) -> Result<Vec<ResponseItem>, ModelError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ModelError::Cancelled),
            items = self.ask_to_compact(request) => items,
        }
    }
}

/// What one event means, for replies that come from a file.
///
/// # Errors
/// When the event says that the response failed.
pub(crate) fn decode_event(data: &[u8], out: &mut VecDeque<ResponseEvent>) -> Result<(), ModelError> {
    decode::event(data, out)
}

/// What an error status means, for replies that come from a file.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &str, url: &Url) -> ModelError {
    refusal::understand(status, headers, body, url, SystemTime::now()).error
}

/// What the response's headers say, in the order clients hear it.
pub(crate) fn first_events(headers: &HeaderMap) -> Vec<ResponseEvent> {
    let mut events = Vec::new();
    if let Some(model) = headers.get("openai-model").and_then(|value| value.to_str().ok()) {
        events.push(ResponseEvent::ServerModel(model.to_owned()));
    }
    events.extend(limits::all(headers).into_iter().map(|limits: RateLimits| ResponseEvent::RateLimits(limits)));
    events
}

fn endpoint(base: &str, info: &ProviderInfo) -> Result<Url, ModelError> {
    let bad = |reason: String| ModelError::Provider { reason: format!("base_url {base:?}: {reason}") };
    let mut url = Url::parse(base).map_err(|error| bad(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("neither http nor https".to_owned()));
    }
    url.path_segments_mut().map_err(|()| bad("takes no path".to_owned()))?.pop_if_empty().push("responses");
    if !info.query_params.is_empty() {
        url.query_pairs_mut().extend_pairs(&info.query_params);
    }
    Ok(url)
}

/// Azure keeps responses and wants its own ids back. Source: recorded requests to a provider of that name, and
/// Azure's documented host names.
fn is_azure(name: &str, url: &Url) -> bool {
    const HOSTS: [&str; 5] = [".azure.com", ".azure-api.net", ".azurefd.net", ".azure.us", ".azure.cn"];
    name.eq_ignore_ascii_case("azure")
        || url.host_str().is_some_and(|host| HOSTS.iter().any(|suffix| host.ends_with(suffix)))
}

/// The URL for messages: parameters may hold secrets.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    let _ = url.set_password(None);
    url.into()
}

fn header_name(name: &str) -> Result<HeaderName, ModelError> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| ModelError::Provider { reason: format!("{name:?} is no header name") })
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, ModelError> {
    HeaderValue::from_str(value)
        .map_err(|_| ModelError::Provider { reason: format!("the value of header {name} has forbidden characters") })
}

/// The innermost reason; the outer layers only say that sending failed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
