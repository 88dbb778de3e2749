//! One address of a collector, and how it is spoken to.

use bytes::Bytes;
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde::Serialize;

use crate::answer::{Refusal, Taken};
use crate::client::client;
use crate::target::{Network, Protocol, Target, Unusable};
use crate::{answer, grpc};

/// What is sent; each kind has a service of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    Traces,
    Metrics,
}

/// A target that can be used.
#[derive(Debug)]
pub(crate) struct Destination {
    url: Url,
    headers: HeaderMap,
    protocol: Protocol,
    client: Client,
}

impl Destination {
    pub(crate) fn open(target: &Target, signal: Signal, network: &Network) -> Result<Self, Unusable> {
        let Target { endpoint, headers, protocol, tls } = target;
        let url = Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let mut url = url.ok_or_else(|| Unusable::Endpoint { endpoint: endpoint.clone() })?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let unusable = || Unusable::Header { name: name.clone() };
            let key = HeaderName::try_from(name).map_err(|_| unusable())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| unusable())?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        match protocol {
            Protocol::HttpBinary => {
                map.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
            }
            Protocol::HttpJson => {
                map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Protocol::Grpc => {
                grpc::add_headers(&mut map);
                url.set_path(grpc::path(signal));
                url.set_query(None);
            }
        }
        let client = client(&url, *protocol, tls, network)?;
        Ok(Self { url, headers: map, protocol: *protocol, client })
    }

    /// Where this is, for people: without what may be secret.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    /// Writes a message as this collector wants it.
    pub(crate) fn encode(&self, message: &(impl Message + Serialize)) -> Bytes {
        match self.protocol {
            Protocol::HttpBinary => message.encode_to_vec().into(),
            Protocol::HttpJson => serde_json::to_vec(message).expect("the messages are plain data").into(),
            Protocol::Grpc => grpc::frame(message),
        }
    }

    /// Sends once.
    pub(crate) async fn post(&self, body: Bytes) -> Result<Taken, Refusal> {
        let sent = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send();
        let response = sent.await.map_err(|error| Refusal::passing(root_cause(&error)))?;
        match self.protocol {
            Protocol::HttpBinary => answer::read(response, answer::binary).await,
            Protocol::HttpJson => answer::read(response, answer::json).await,
            Protocol::Grpc => grpc::read(response).await,
        }
    }
}

/// The innermost reason, such as "Connection refused"; those around it only say that a request failed.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
