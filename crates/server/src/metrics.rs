//! Figures for people who run the server, in the text format of Prometheus. Counts and times only: nothing of what users
//! or models say, no ids, no paths.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::ThreadEvent;
use types::{Item, ThreadId, TokenUsage, TurnStatus};

use crate::Server;

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increase(&self) {
        self.add(1);
    }

    fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something took how long.
#[derive(Default)]
struct Times {
    /// By time: up to the bound of the same index in [`BOUNDS`] and above the one before; the last has no bound.
    counts: [Counter; BOUNDS.len() + 1],
    microseconds: Counter,
}

/// Seconds, from an answer that is on the machine already to a turn that works for an hour.
const BOUNDS: [f64; 16] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

impl Times {
    fn observe(&self, time: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < time.as_secs_f64());
        self.counts[bucket].increase();
        self.microseconds.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many there were.
    fn count(&self) -> u64 {
        self.counts.iter().map(Counter::get).sum()
    }
}

/// What is counted as it happens. Everything else is looked at when somebody asks.
#[derive(Default)]
pub(crate) struct Metrics {
    pub(crate) connections: Counter,
    /// Clients that left too much unread.
    pub(crate) cut_off: Counter,
    pub(crate) requests: Counter,
    /// Requests that were too many.
    pub(crate) refused: Counter,
    completed: Counter,
    interrupted: Counter,
    failed: Counter,
    tool_calls: Counter,
    failed_tool_calls: Counter,
    retries: Counter,
    /// Those that were answered.
    model_requests: Times,
    failed_model_requests: Counter,
    input_tokens: Counter,
    cached_input_tokens: Counter,
    output_tokens: Counter,
    reasoning_output_tokens: Counter,
    turns: Times,
    first_output: Times,
    /// Turns of which nothing has been heard yet, since their start.
    silent: Mutex<HashMap<ThreadId, Instant>>,
    /// How many those are, so that deltas need no lock.
    silent_count: AtomicU64,
}

impl Metrics {
    /// Takes notice of an event of a thread.
    pub(crate) fn observe(&self, thread: ThreadId, event: &ThreadEvent) {
        match event {
            ThreadEvent::TurnStarted(_) => {
                self.change_silent(|silent| silent.insert(thread, Instant::now()));
            }
            ThreadEvent::TurnCompleted(turn) => {
                self.change_silent(|silent| silent.remove(&thread));
                match turn.status {
                    TurnStatus::Completed => self.completed.increase(),
                    TurnStatus::Interrupted => self.interrupted.increase(),
                    TurnStatus::Failed | TurnStatus::InProgress => self.failed.increase(),
                }
                self.turns.observe(turn.duration.unwrap_or_default());
            }
            ThreadEvent::Error { will_retry: true, .. } => self.retries.increase(),
            ThreadEvent::ItemStarted { item: Item::UserMessage { .. }, .. } => {}
            ThreadEvent::ItemStarted { .. }
            | ThreadEvent::AgentMessageDelta { .. }
            | ThreadEvent::PlanDelta { .. }
            | ThreadEvent::ReasoningDelta { .. }
            | ThreadEvent::ReasoningSummaryDelta { .. } => self.first_output_of(thread),
            ThreadEvent::ModelRequestEnded(end) => match &end.outcome {
                Ok(usage) => {
                    self.model_requests.observe(end.duration);
                    self.count_tokens(usage.unwrap_or_default());
                }
                Err(_) => self.failed_model_requests.increase(),
            },
            ThreadEvent::ItemCompleted { item, .. } => {
                if let Some(succeeded) = tool_call(item) {
                    self.tool_calls.increase();
                    if !succeeded {
                        self.failed_tool_calls.increase();
                    }
                }
            }
            _ => {}
        }
    }

    fn count_tokens(&self, usage: TokenUsage) {
        let count = |counter: &Counter, tokens: i64| counter.add(u64::try_from(tokens).unwrap_or_default());
        count(&self.input_tokens, usage.input_tokens);
        count(&self.cached_input_tokens, usage.cached_input_tokens);
        count(&self.output_tokens, usage.output_tokens);
        count(&self.reasoning_output_tokens, usage.reasoning_output_tokens);
    }

    fn first_output_of(&self, thread: ThreadId) {
        if self.silent_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(since) = self.change_silent(|silent| silent.remove(&thread)) {
            self.first_output.observe(since.elapsed());
        }
    }

    fn change_silent(
        &self,
        change: impl FnOnce(&mut HashMap<ThreadId, Instant>) -> Option<Instant>,
    ) -> Option<Instant> {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = change(&mut silent);
        self.silent_count.store(silent.len() as u64, Ordering::Relaxed);
        before
    }
}

/// Whether an item is a tool call, and then whether it did what it should.
fn tool_call(item: &Item) -> Option<bool> {
    use types::item::{CommandStatus, PatchStatus};
    match item {
        Item::CommandExecution(command) => Some(command.status == CommandStatus::Completed),
        Item::FileChange { status, .. } => Some(*status == PatchStatus::Completed),
        Item::DynamicToolCall(call) => Some(call.success == Some(true)),
        Item::McpToolCall(call) => Some(call.error.is_none()),
        Item::CollabAgentToolCall(_)
        | Item::WebSearch { .. }
        | Item::ImageView { .. }
        | Item::ImageGeneration { .. } => Some(true),
        _ => None,
    }
}

/// A figure of this moment.
struct Figure {
    name: &'static str,
    help: &'static str,
    reading: Reading,
}

enum Reading {
    /// Goes up and down.
    Now(u64),
    /// Only grows.
    Count(u64),
    /// The same, for each value of a label.
    Counts(&'static str, Vec<(&'static str, u64)>),
    Times {
        /// As [`Times::counts`].
        counts: Vec<u64>,
        seconds: f64,
    },
}

impl From<&Counter> for Reading {
    fn from(counter: &Counter) -> Self {
        Self::Count(counter.get())
    }
}

impl From<&Times> for Reading {
    #[expect(clippy::cast_precision_loss, reason = "a sum of times needs no more digits")]
    fn from(times: &Times) -> Self {
        Self::Times {
            counts: times.counts.iter().map(Counter::get).collect(),
            seconds: times.microseconds.get() as f64 / 1e6,
        }
    }
}

/// The samples of a histogram for Prometheus, which counts up to each bound, all smaller ones included.
fn histogram(counts: &[u64], seconds: f64) -> Vec<(String, String)> {
    let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut count = 0;
    let mut samples = Vec::new();
    for (bound, more) in bounds.zip(counts) {
        count += more;
        samples.push((format!("_bucket{{le=\"{bound}\"}}"), count.to_string()));
    }
    samples.extend([("_sum".to_owned(), seconds.to_string()), ("_count".to_owned(), count.to_string())]);
    samples
}

impl Server {
    /// The figures of this moment, in the text format of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        for Figure { name, help, reading } in self.figures() {
            let (kind, samples) = match reading {
                Reading::Now(value) => ("gauge", vec![(String::new(), value.to_string())]),
                Reading::Count(value) => ("counter", vec![(String::new(), value.to_string())]),
                Reading::Counts(label, counts) => {
                    let sample = |(kind, count): (&str, u64)| (format!("{{{label}=\"{kind}\"}}"), count.to_string());
                    ("counter", counts.into_iter().map(sample).collect())
                }
                Reading::Times { counts, seconds } => ("histogram", histogram(&counts, seconds)),
            };
            let _ = writeln!(text, "# HELP spindle_{name} {help}\n# TYPE spindle_{name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "spindle_{name}{labels} {value}");
            }
        }
        text
    }

    /// The same for an OpenTelemetry collector; `spindle_` is `spindle.` there.
    pub(crate) fn figures_for_collector(&self) -> Vec<telemetry::Metric> {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let metric = |Figure { name, help, reading }| telemetry::Metric {
            name: format!("spindle.{name}"),
            description: help,
            unit: match reading {
                Reading::Times { .. } => "s",
                Reading::Now(_) | Reading::Count(_) | Reading::Counts(..) => "1",
            },
            reading: match reading {
                Reading::Now(value) => telemetry::Reading::Gauge(number(value)),
                Reading::Count(value) => telemetry::Reading::Counts(vec![(Vec::new(), number(value))]),
                Reading::Counts(label, counts) => {
                    let count = |(kind, count): (&str, u64)| (vec![(label, kind.into())], number(count));
                    telemetry::Reading::Counts(counts.into_iter().map(count).collect())
                }
                Reading::Times { counts, seconds } => {
                    telemetry::Reading::Times { bounds: &BOUNDS, counts, sum: seconds }
                }
            },
        };
        self.figures().into_iter().map(metric).collect()
    }

    fn figures(&self) -> Vec<Figure> {
        let figure = |name, help, reading| Figure { name, help, reading };
        let now = |value: usize| Reading::Now(value as u64);
        let metrics = &self.hub.metrics;
        let (connections, queued_bytes) = self.hub.queues();
        let turns = [
            ("completed", metrics.completed.get()),
            ("interrupted", metrics.interrupted.get()),
            ("failed", metrics.failed.get()),
        ];
        let model_requests =
            [("completed", metrics.model_requests.count()), ("failed", metrics.failed_model_requests.get())];
        let tokens = [
            ("input", metrics.input_tokens.get()),
            ("cached_input", metrics.cached_input_tokens.get()),
            ("output", metrics.output_tokens.get()),
            ("reasoning_output", metrics.reasoning_output_tokens.get()),
        ];
        let mut figures = vec![
            figure("connections", "Clients that are connected.", now(connections)),
            figure("connections_total", "Clients that have connected.", (&metrics.connections).into()),
            figure("queued_bytes", "Bytes that wait for clients to read them.", now(queued_bytes)),
            figure("cut_off_total", "Clients disconnected for reading too slowly.", (&metrics.cut_off).into()),
            figure("requests_total", "Requests of clients.", (&metrics.requests).into()),
            figure("requests_refused_total", "Requests that were too many.", (&metrics.refused).into()),
            figure("requests_in_progress", "Requests without an answer yet.", now(self.requests.len())),
            figure("threads_loaded", "Threads in memory.", now(self.engine.loaded().len())),
            figure("turns_running", "Threads with a running turn.", now(self.engine.running_turns())),
            figure("turns_total", "Turns that have ended.", Reading::Counts("status", turns.into())),
            figure("turn_seconds", "How long turns took.", (&metrics.turns).into()),
            figure(
                "first_output_seconds",
                "Time from a turn's start to the first the model says or does.",
                (&metrics.first_output).into(),
            ),
            figure(
                "model_requests_total",
                "Requests to models that have ended.",
                Reading::Counts("status", model_requests.into()),
            ),
            figure("model_request_seconds", "How long answers of models took.", (&metrics.model_requests).into()),
            figure("model_retries_total", "Failed requests to models that were repeated.", (&metrics.retries).into()),
            figure("model_tokens_total", "Tokens, as models counted them.", Reading::Counts("kind", tokens.into())),
            figure("tool_calls_total", "Tool calls that have ended.", (&metrics.tool_calls).into()),
            figure(
                "tool_calls_failed_total",
                "Tool calls that failed or were declined.",
                (&metrics.failed_tool_calls).into(),
            ),
        ];
        if let Some(lost) = self.hub.otel.lost() {
            let help = "Log records and spans that were not delivered to a collector.";
            figures.push(figure("telemetry_lost_total", help, Reading::Count(lost)));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_where_its_bound_is() {
        let times = Times::default();
        for milliseconds in [0, 10, 11, 3_600_000, 3_600_001] {
            times.observe(Duration::from_millis(milliseconds));
        }
        let Reading::Times { counts, seconds } = Reading::from(&times) else { panic!() };
        assert_eq!((counts[..2].to_vec(), counts[15..].to_vec(), times.count()), (vec![2, 1], vec![1, 1], 5));

        let samples = histogram(&counts, seconds);
        let sample = |name: &str| samples.iter().find(|(key, _)| key == name).unwrap().1.as_str();
        assert_eq!(sample("_bucket{le=\"0.01\"}"), "2");
        assert_eq!(sample("_bucket{le=\"60\"}"), "3");
        assert_eq!(sample("_bucket{le=\"+Inf\"}"), "5");
        assert_eq!((sample("_count"), sample("_sum")), ("5", "7200.022"));
    }
}
