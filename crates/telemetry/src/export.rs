//! The tasks that send, and the queues before them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Origin;
use crate::answer::{Again, Taken};
use crate::destination::Destination;
use crate::otlp;
use crate::record::{Attributes, LogEvent, Metric, Reading, Severity, Span, Value};

/// Records that may wait for a collector: some seconds of a busy server, in about a megabyte.
const QUEUE_RECORDS: usize = 2048;
/// Records sent at once. This and the queue's size are the usual ones of OpenTelemetry.
const BATCH_RECORDS: usize = 512;
/// How long a batch waits for more.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// How often metrics are sent.
const METRICS_INTERVAL: Duration = Duration::from_secs(60);
/// The waits before a batch is sent again to a collector that is away.
const RETRY_WAITS: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];
/// The longest wait that a collector may ask for: what comes meanwhile has to fit into the queue.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Counts what was not delivered. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Losses(Arc<AtomicU64>);

impl Losses {
    fn add(&self, records: usize) {
        self.0.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the tasks of all signals share.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    /// What comes with every message.
    source: Source,
    pub(crate) losses: Losses,
    /// Fires when what is queued is the last.
    pub(crate) closing: CancellationToken,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    resource: otlp::Resource,
    scope: otlp::Scope,
    /// Since when is counted.
    started: SystemTime,
}

impl Common {
    pub(crate) fn new(origin: Origin, started: SystemTime) -> Self {
        let Origin { service, version, attributes } = origin;
        let mut all: Attributes = vec![("service.name", service.into()), ("service.version", version.clone().into())];
        all.extend(attributes);
        let resource = otlp::Resource { attributes: key_values(all) };
        let scope = otlp::Scope { name: service.to_owned(), version };
        let source = Source { resource, scope, started };
        Self { source, losses: Losses::default(), closing: CancellationToken::new() }
    }
}

/// The way to the task of one signal.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    records: mpsc::Sender<T>,
    losses: Losses,
}

impl<T: Send + 'static> Queue<T> {
    /// Starts the task that sends what is queued, as `request` writes it.
    pub(crate) fn start<M: Message + Serialize + 'static>(
        to: Destination,
        common: Common,
        request: fn(&Source, Vec<T>) -> M,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (records, mut queued) = mpsc::channel(QUEUE_RECORDS);
        let queue = Self { records, losses: common.losses.clone() };
        tasks.spawn(async move {
            let Common { source, losses, closing } = common;
            let mut line = Line { to, closing, complained: false };
            while let Some(batch) = gather(&mut queued, &line.closing).await {
                let count = batch.len();
                let rejected = line.send(&request(&source, batch)).await;
                losses.add(rejected.map_or(count, |rejected| rejected.min(count)));
            }
        });
        queue
    }

    /// Queues a record, or counts it as lost. Never waits.
    pub(crate) fn push(&self, record: T) {
        if self.records.try_send(record).is_err() {
            self.losses.add(1);
        }
    }
}

/// The next batch; `None` when nothing comes any more.
async fn gather<T>(queued: &mut mpsc::Receiver<T>, closing: &CancellationToken) -> Option<Vec<T>> {
    let mut batch = Vec::new();
    let first = tokio::select! {
        biased;
        first = queued.recv() => first,
        () = closing.cancelled() => {
            queued.close();
            queued.recv().await
        }
    };
    batch.push(first?);
    let more = async {
        while batch.len() < BATCH_RECORDS {
            let Some(record) = queued.recv().await else { break };
            batch.push(record);
        }
    };
    tokio::select! {
        biased;
        () = more => {}
        () = closing.cancelled() => {
            while batch.len() < BATCH_RECORDS && let Ok(record) = queued.try_recv() {
                batch.push(record);
            }
        }
        () = tokio::time::sleep(BATCH_WAIT) => {}
    }
    Some(batch)
}

/// Sends the metrics of the moment every minute, and at the end.
pub(crate) async fn send_metrics(to: Destination, common: Common, read: impl Fn() -> Vec<Metric>) {
    let Common { source, closing, .. } = common;
    let mut line = Line { to, closing: closing.clone(), complained: false };
    let mut ticks = tokio::time::interval(METRICS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closing.cancelled() => {}
        }
        line.send(&metrics_request(&source, read())).await;
        if closing.is_cancelled() {
            return;
        }
    }
}

/// The connection to a collector.
struct Line {
    to: Destination,
    closing: CancellationToken,
    /// Not all of the last batch was taken. Said once, not for every batch.
    complained: bool,
}

impl Line {
    /// Sends a batch, again and again if need be. How many records of it the collector threw away; `None` if it did not
    /// take it at all.
    async fn send(&mut self, message: &(impl Message + Serialize)) -> Option<usize> {
        let body = self.to.encode(message);
        let mut waits = RETRY_WAITS.iter();
        let refusal = loop {
            let refusal = match self.to.post(body.clone()).await {
                Ok(taken) => return Some(self.taken(&taken)),
                Err(refusal) => refusal,
            };
            let (Again::After(asked), Some(wait)) = (refusal.again, waits.next()) else { break refusal };
            debug!(collector = self.to.shown(), %refusal, "a collector did not take a batch, which is sent again");
            let wait = asked.unwrap_or_default().clamp(*wait, LONGEST_WAIT);
            // Nobody waits at the end.
            if self.closing.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                break refusal;
            }
        };
        if !self.complained {
            warn!(collector = self.to.shown(), %refusal, "a collector takes nothing; what it does not take is dropped");
        }
        self.complained = true;
        None
    }

    fn taken(&mut self, Taken { rejected, said }: &Taken) -> usize {
        let complains = *rejected > 0 || !said.is_empty();
        if complains && !self.complained {
            warn!(collector = self.to.shown(), rejected, said, "a collector is not content with all that it was sent");
        }
        self.complained = complains;
        *rejected
    }
}

pub(crate) fn logs_request(source: &Source, events: Vec<LogEvent>) -> otlp::LogsRequest {
    let observed = nanoseconds(SystemTime::now());
    let record = |event: LogEvent| {
        let (severity_number, severity_text) = match event.severity {
            Severity::Info => (9, "INFO"),
            Severity::Error => (17, "ERROR"),
        };
        otlp::LogRecord {
            time_unix_nano: nanoseconds(event.at),
            observed_time_unix_nano: observed,
            severity_number,
            severity_text: severity_text.to_owned(),
            attributes: key_values(event.attributes),
            trace_id: id_bytes(&event.trace.0.to_be_bytes()),
            span_id: id_bytes(&event.span.0.to_be_bytes()),
            event_name: event.name.to_owned(),
        }
    };
    let log_records = events.into_iter().map(record).collect();
    let scope_logs = vec![otlp::ScopeLogs { scope: Some(source.scope.clone()), log_records }];
    let resource = Some(source.resource.clone());
    otlp::LogsRequest { resource_logs: vec![otlp::ResourceLogs { resource, scope_logs }] }
}

pub(crate) fn traces_request(source: &Source, spans: Vec<Span>) -> otlp::TracesRequest {
    /// Something that happens within the program.
    const KIND_INTERNAL: i32 = 1;
    const STATUS_ERROR: i32 = 2;
    let record = |span: Span| {
        let start = span.end.checked_sub(span.duration).unwrap_or(UNIX_EPOCH);
        otlp::SpanRecord {
            trace_id: id_bytes(&span.trace.0.to_be_bytes()),
            span_id: id_bytes(&span.id.0.to_be_bytes()),
            parent_span_id: id_bytes(&span.parent.0.to_be_bytes()),
            name: span.name.to_owned(),
            kind: KIND_INTERNAL,
            start_time_unix_nano: nanoseconds(start),
            end_time_unix_nano: nanoseconds(span.end),
            attributes: key_values(span.attributes),
            status: span.failed.then_some(otlp::Status { code: STATUS_ERROR }),
        }
    };
    let spans = spans.into_iter().map(record).collect();
    let scope_spans = vec![otlp::ScopeSpans { scope: Some(source.scope.clone()), spans }];
    let resource = Some(source.resource.clone());
    otlp::TracesRequest { resource_spans: vec![otlp::ResourceSpans { resource, scope_spans }] }
}

fn metrics_request(source: &Source, metrics: Vec<Metric>) -> otlp::MetricsRequest {
    /// Every figure is that since the start.
    const CUMULATIVE: i32 = 2;
    let (start_time_unix_nano, time_unix_nano) = (nanoseconds(source.started), nanoseconds(SystemTime::now()));
    let number = |attributes: Attributes, value: i64| otlp::NumberDataPoint {
        start_time_unix_nano,
        time_unix_nano,
        value: Some(otlp::NumberValue::AsInt(value)),
        attributes: key_values(attributes),
    };
    let record = |metric: Metric| {
        let data = match metric.reading {
            Reading::Gauge(value) => otlp::MetricData::Gauge(otlp::Gauge { data_points: vec![number(vec![], value)] }),
            Reading::Counts(counts) => otlp::MetricData::Sum(otlp::Sum {
                data_points: counts.into_iter().map(|(attributes, value)| number(attributes, value)).collect(),
                aggregation_temporality: CUMULATIVE,
                is_monotonic: true,
            }),
            Reading::Times { bounds, counts, sum } => otlp::MetricData::Histogram(otlp::Histogram {
                data_points: vec![otlp::HistogramDataPoint {
                    start_time_unix_nano,
                    time_unix_nano,
                    count: counts.iter().sum(),
                    sum: Some(sum),
                    bucket_counts: counts,
                    explicit_bounds: bounds.to_vec(),
                }],
                aggregation_temporality: CUMULATIVE,
            }),
        };
        let (description, unit) = (metric.description.to_owned(), metric.unit.to_owned());
        otlp::MetricRecord { name: metric.name, description, unit, data: Some(data) }
    };
    let metrics = metrics.into_iter().map(record).collect();
    let scope_metrics = vec![otlp::ScopeMetrics { scope: Some(source.scope.clone()), metrics }];
    let resource = Some(source.resource.clone());
    otlp::MetricsRequest { resource_metrics: vec![otlp::ResourceMetrics { resource, scope_metrics }] }
}

fn key_values(attributes: Attributes) -> Vec<otlp::KeyValue> {
    let pair = |(key, value): (&str, Value)| {
        let value = match value {
            Value::Text(text) => otlp::ValueKind::Text(text),
            Value::Int(number) => otlp::ValueKind::Int(number),
            Value::Bool(truth) => otlp::ValueKind::Bool(truth),
        };
        otlp::KeyValue { key: key.to_owned(), value: Some(otlp::AnyValue { value: Some(value) }) }
    };
    attributes.into_iter().map(pair).collect()
}

/// An identifier, or nothing for none.
fn id_bytes(bytes: &[u8]) -> Vec<u8> {
    if bytes.iter().all(|byte| *byte == 0) { Vec::new() } else { bytes.to_vec() }
}

fn nanoseconds(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}
