//! Sends what a server notes and counts to an OpenTelemetry collector: log records, spans and metrics, as OTLP.
//!
//! [`Telemetry`] is made when there is somewhere to send to; without it nothing here runs. [`Telemetry::log`] and
//! [`Telemetry::span`] never wait: what does not fit into a queue, because the collector is slow or away, is dropped and
//! counted. One task a signal gathers what came and sends it in batches, so that one collector does not hold up another.
//!
//! The crate does not know what is worth noting, nor what must not be told: that is up to who calls it. Open `record.rs`
//! first; `export.rs` has the tasks, `destination.rs` the way to a collector and `otlp.rs` the messages on the wire.

mod answer;
mod client;
mod destination;
mod export;
mod grpc;
mod otlp;
mod record;
mod target;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

pub use record::{Attributes, LogEvent, Metric, Reading, Severity, Span, SpanId, TraceId, Value};
pub use target::{Network, Protocol, Target, TlsFiles, Unusable};

use crate::destination::{Destination, Signal};
use crate::export::{Common, Queue};

/// Where to send what. A signal without a target is not sent.
#[derive(Debug, Default)]
pub struct Targets {
    /// Log records.
    pub logs: Option<Target>,
    /// Spans.
    pub traces: Option<Target>,
    /// Metrics.
    pub metrics: Option<Target>,
    /// What is on the way to all of them.
    pub network: Network,
}

/// What everything that is sent comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The name of the program, as `service.name`.
    pub service: &'static str,
    /// Its version, as `service.version`.
    pub version: String,
    /// More about it, such as `env`.
    pub attributes: Attributes,
}

/// The exporting tasks of one process.
#[derive(Debug)]
pub struct Telemetry {
    logs: Option<Queue<LogEvent>>,
    traces: Option<Queue<Span>>,
    common: Common,
    tasks: Mutex<JoinSet<()>>,
}

impl Telemetry {
    /// Makes what sends to `targets`; `read` gives the metrics of a moment, once a minute and at the end. Reads the files
    /// the targets name, and connects to nothing before there is something to send. To be called within a Tokio runtime.
    ///
    /// # Errors
    /// Names what of a target cannot be used.
    pub fn start(
        targets: &Targets,
        origin: Origin,
        read: impl Fn() -> Vec<Metric> + Send + 'static,
    ) -> Result<Self, Unusable> {
        let open = |target: &Option<Target>, signal| {
            target.as_ref().map(|target| Destination::open(target, signal, &targets.network)).transpose()
        };
        let logs = open(&targets.logs, Signal::Logs)?;
        let traces = open(&targets.traces, Signal::Traces)?;
        let metrics = open(&targets.metrics, Signal::Metrics)?;
        let common = Common::new(origin, SystemTime::now());
        let mut tasks = JoinSet::new();
        let logs = logs.map(|to| Queue::start(to, common.clone(), export::logs_request, &mut tasks));
        let traces = traces.map(|to| Queue::start(to, common.clone(), export::traces_request, &mut tasks));
        if let Some(to) = metrics {
            tasks.spawn(export::send_metrics(to, common.clone(), read));
        }
        Ok(Self { logs, traces, common, tasks: Mutex::new(tasks) })
    }

    /// Queues a log record. Never waits.
    pub fn log(&self, event: LogEvent) {
        if let Some(queue) = &self.logs {
            queue.push(event);
        }
    }

    /// Queues a span that has ended. Never waits.
    pub fn span(&self, span: Span) {
        if let Some(queue) = &self.traces {
            queue.push(span);
        }
    }

    /// Log records and spans that were not delivered: the queue was full, or the collector refused them or did not answer.
    pub fn lost(&self) -> u64 {
        self.common.losses.get()
    }

    /// Sends what is queued and the last metrics, and ends. After `limit` the rest is given up.
    ///
    /// # Cancel safety
    /// Not cancel safe: the rest is given up then.
    pub async fn end(&self, limit: Duration) {
        self.common.closing.cancel();
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!(?limit, "the collector is slow, and not everything was sent to it");
        }
    }
}
