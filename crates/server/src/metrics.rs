//! Figures for people who run the server, in the text format of Prometheus. Counts and times only: nothing of what users
//! or models say, no ids, no paths.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::ThreadEvent;
use types::{Item, ThreadId, TurnStatus};

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
    count: Counter,
    microseconds: Counter,
}

impl Times {
    fn observe(&self, time: Duration) {
        self.count.increase();
        self.microseconds.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
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

impl Server {
    /// The figures of this moment.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, String)]| {
            let _ = writeln!(text, "# HELP spindle_{name} {help}\n# TYPE spindle_{name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "spindle_{name}{labels} {value}");
            }
        };
        let metrics = &self.hub.metrics;
        let (connections, queued_bytes) = self.hub.queues();
        family("connections", "gauge", "Clients that are connected.", &one(&connections));
        family("connections_total", "counter", "Clients that have connected.", &one(&metrics.connections.get()));
        family("queued_bytes", "gauge", "Bytes that wait for clients to read them.", &one(&queued_bytes));
        family(
            "cut_off_total",
            "counter",
            "Clients disconnected for reading too slowly.",
            &one(&metrics.cut_off.get()),
        );
        family("requests_total", "counter", "Requests of clients.", &one(&metrics.requests.get()));
        family("requests_refused_total", "counter", "Requests that were too many.", &one(&metrics.refused.get()));
        family("requests_in_progress", "gauge", "Requests without an answer yet.", &one(&self.requests.len()));
        family("threads_loaded", "gauge", "Threads in memory.", &one(&self.engine.loaded().len()));
        family("turns_running", "gauge", "Threads with a running turn.", &one(&self.engine.running_turns()));
        let turns = [
            ("{status=\"completed\"}", metrics.completed.get().to_string()),
            ("{status=\"interrupted\"}", metrics.interrupted.get().to_string()),
            ("{status=\"failed\"}", metrics.failed.get().to_string()),
        ];
        family("turns_total", "counter", "Turns that have ended.", &turns);
        family("turn_seconds", "summary", "How long turns took.", &times(&metrics.turns));
        let help = "Time from a turn's start to the first the model says or does.";
        family("first_output_seconds", "summary", help, &times(&metrics.first_output));
        family(
            "model_retries_total",
            "counter",
            "Failed requests to models that were repeated.",
            &one(&metrics.retries.get()),
        );
        family("tool_calls_total", "counter", "Tool calls that have ended.", &one(&metrics.tool_calls.get()));
        let failed = metrics.failed_tool_calls.get();
        family("tool_calls_failed_total", "counter", "Tool calls that failed or were declined.", &one(&failed));
        text
    }
}

fn one(value: &impl ToString) -> [(&'static str, String); 1] {
    [("", value.to_string())]
}

#[expect(clippy::cast_precision_loss, reason = "a sum of times needs no more digits")]
fn times(times: &Times) -> [(&'static str, String); 2] {
    let seconds = times.microseconds.get() as f64 / 1e6;
    [("_sum", seconds.to_string()), ("_count", times.count.get().to_string())]
}
