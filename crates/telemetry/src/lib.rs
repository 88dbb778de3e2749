//! Sends what a server notes and counts to an OpenTelemetry collector: log records, spans and metrics, as OTLP over HTTP.
//!
//! [`Telemetry`] is made when there is somewhere to send to; without it nothing here runs. [`Telemetry::log`] and
//! [`Telemetry::span`] never wait: what does not fit into a queue, because the collector is slow or away, is dropped and
//! counted. One task a signal gathers what came and sends it in batches, so that one collector does not hold up another.
//!
//! The crate does not know what is worth noting, nor what must not be told: that is up to who calls it. Open `record.rs`
//! first; `export.rs` has the tasks and `otlp.rs` the messages on the wire.

mod destination;
mod export;
mod otlp;
mod record;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

pub use destination::{Encoding, Target, TlsFiles, Unusable};
pub use record::{Attributes, LogEvent, Metric, Reading, Severity, Span, SpanId, TraceId, Value};

use crate::destination::Destination;
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
    /// the targets name, sends nothing yet. To be called within a Tokio runtime.
    ///
    /// # Errors
    /// Names what of a target cannot be used.
    pub fn start(
        targets: &Targets,
        origin: Origin,
        read: impl Fn() -> Vec<Metric> + Send + 'static,
    ) -> Result<Self, Unusable> {
        let open = |target: &Option<Target>| target.as_ref().map(Destination::open).transpose();
        let (logs, traces, metrics) = (open(&targets.logs)?, open(&targets.traces)?, open(&targets.metrics)?);
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
