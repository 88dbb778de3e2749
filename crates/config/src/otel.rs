//! `[otel]`: what is sent to OpenTelemetry collectors.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What stands for where messages come from when the file does not say.
const DEFAULT_ENVIRONMENT: &str = "dev";

/// The table as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OtelToml {
    pub environment: Option<String>,
    pub log_user_prompt: Option<bool>,
    pub exporter: Option<ExporterToml>,
    pub trace_exporter: Option<ExporterToml>,
    pub metrics_exporter: Option<ExporterToml>,
}

/// How one signal is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExporterToml {
    None,
    Statsig,
    OtlpHttp(OtlpHttp),
    OtlpGrpc(OtlpGrpc),
}

/// OTLP over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OtlpHttp {
    /// The whole URL.
    pub endpoint: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub protocol: OtlpProtocol,
    #[serde(default)]
    pub tls: OtlpTls,
}

/// OTLP over gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OtlpGrpc {
    /// A URL, of which scheme, host and port count.
    pub endpoint: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub tls: OtlpTls,
}

/// How messages are written for OTLP over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtlpProtocol {
    /// Protocol buffers.
    Binary,
    Json,
}

/// Paths of PEM files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct OtlpTls {
    pub ca_certificate: Option<String>,
    pub client_certificate: Option<String>,
    pub client_private_key: Option<String>,
}

/// A collector, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exporter {
    Http(OtlpHttp),
    Grpc(OtlpGrpc),
}

/// What is sent where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otel {
    /// What the messages say of where they come from.
    pub environment: String,
    pub logs: Option<Exporter>,
    pub traces: Option<Exporter>,
    pub metrics: Option<Exporter>,
    /// What the file asks for and is not done, in words for people.
    pub unserved: Vec<String>,
}

impl Otel {
    /// Whether anything is to be sent.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.logs.is_some() || self.traces.is_some() || self.metrics.is_some()
    }

    /// `unknown_keys` are those of the whole file that nobody knows, dotted.
    pub(crate) fn resolve(file: OtelToml, unknown_keys: &[String]) -> Self {
        let mut unserved = Vec::new();
        let mut served = |key: &str, exporter: Option<ExporterToml>| match exporter {
            None | Some(ExporterToml::None) => None,
            Some(ExporterToml::OtlpHttp(http)) => Some(Exporter::Http(http)),
            Some(ExporterToml::OtlpGrpc(grpc)) => Some(Exporter::Grpc(grpc)),
            Some(ExporterToml::Statsig) => {
                unserved.push(format!("otel.{key}: statsig is not available, use otlp-http or otlp-grpc"));
                None
            }
        };
        let logs = served("exporter", file.exporter);
        let traces = served("trace_exporter", file.trace_exporter);
        let metrics = served("metrics_exporter", file.metrics_exporter);
        if file.log_user_prompt == Some(true) {
            unserved.push("otel.log_user_prompt: what users write is never sent".to_owned());
        }
        let unknown = unknown_keys.iter().filter(|key| key.starts_with("otel."));
        unserved.extend(unknown.map(|key| format!("{key}: no such key")));
        let environment = file.environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
        Self { environment, logs, traces, metrics, unserved }
    }
}
