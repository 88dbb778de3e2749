//! What is sent, and what sends it.

use std::time::{Duration, SystemTime};

use telemetry::{LogEvent, Metric, Origin, Reading, Severity, Span, SpanId, Target, Targets, Telemetry, TraceId};

/// Far more than a test needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

fn origin() -> Origin {
    Origin { service: "tested", version: "1.2".to_owned(), attributes: vec![("env", "dev".into())] }
}

pub(crate) fn start(targets: &Targets) -> Telemetry {
    let read = || {
        vec![
            Metric { name: "open".to_owned(), description: "Open ones.", unit: "1", reading: Reading::Gauge(0) },
            Metric {
                name: "ends".to_owned(),
                description: "Ended ones.",
                unit: "1",
                reading: Reading::Counts(vec![(vec![("how", "well".into())], 3)]),
            },
            Metric {
                name: "time".to_owned(),
                description: "Their time.",
                unit: "s",
                reading: Reading::Times { bounds: &[0.1, 1.0], counts: vec![0, 2, 1], sum: 2.5 },
            },
        ]
    };
    Telemetry::start(targets, origin(), read).unwrap()
}

pub(crate) fn logs_to(target: Target) -> Telemetry {
    start(&Targets { logs: Some(target), ..Targets::default() })
}

pub(crate) fn event(number: i64) -> LogEvent {
    LogEvent {
        at: SystemTime::UNIX_EPOCH + Duration::from_nanos(5_000_000_001),
        name: "happened",
        severity: Severity::Info,
        attributes: vec![("number", number.into()), ("text", "a".into()), ("good", true.into())],
        trace: TraceId(0xab),
        span: SpanId(1),
    }
}

pub(crate) fn span() -> Span {
    Span {
        name: "work",
        trace: TraceId(1),
        id: SpanId(2),
        parent: SpanId(0),
        end: SystemTime::UNIX_EPOCH + Duration::from_secs(3),
        duration: Duration::from_secs(1),
        failed: true,
        attributes: vec![],
    }
}
