//! What can be sent.

use std::time::{Duration, SystemTime};

/// One value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// Names and values, in the order in which they are sent.
pub type Attributes = Vec<(&'static str, Value)>;

/// Identifies a trace; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceId(pub u128);

/// Identifies a span within its trace; 0 for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanId(pub u64);

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Info,
    /// Something failed.
    Error,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// When.
    pub at: SystemTime,
    /// What, such as `codex.tool_result`.
    pub name: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// The details.
    pub attributes: Attributes,
    /// The trace it belongs to.
    pub trace: TraceId,
    /// The span in there.
    pub span: SpanId,
}

/// Something that took time, and is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What.
    pub name: &'static str,
    /// The trace it belongs to.
    pub trace: TraceId,
    /// Its own identifier.
    pub id: SpanId,
    /// The span that it is a part of.
    pub parent: SpanId,
    /// When it ended.
    pub end: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// Whether it failed.
    pub failed: bool,
    /// The details.
    pub attributes: Attributes,
}

/// A figure of this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Such as `spindle.turns`.
    pub name: String,
    /// A sentence about it.
    pub description: &'static str,
    /// In the notation of UCUM, such as `s` or `By`.
    pub unit: &'static str,
    /// The figure.
    pub reading: Reading,
}

/// The kinds of figures.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Goes up and down.
    Gauge(i64),
    /// Only grows; a figure for each kind of thing counted.
    Counts(Vec<(Attributes, i64)>),
    /// How often something took how long.
    Times {
        /// Seconds, growing.
        bounds: &'static [f64],
        /// How often it took up to the bound of the same index and more than the one before; then, how often more than
        /// the last one.
        counts: Vec<u64>,
        /// Seconds in all.
        sum: f64,
    },
}
