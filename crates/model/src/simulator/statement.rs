//! What a statement can be, once understood.

use std::time::Duration;

/// One statement of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// A message.
    Say {
        text: String,
        commentary: bool,
    },
    /// A message of so many words, for measuring.
    Words(usize),
    /// Reasoning, as a summary or raw.
    Think {
        text: String,
        aloud: bool,
    },
    /// A message about what the last tool call answered.
    Report,
    /// A message about what the history holds.
    Summarise,
    /// A message that says what the simulator understands.
    Help,
    /// A message that names what was not understood.
    NotUnderstood(String),
    /// A tool call, or several in one response.
    Call(Call),
    Together(Vec<Call>),
    /// Items of tools that the provider itself runs.
    Search(String),
    Open(String),
    Draw(String),
    /// A pause, once or between the words that follow.
    Wait(Duration),
    Pace(Duration),
    /// Nothing more comes, until the request is cancelled.
    Hang,
    Fail(Failure),
    /// What the response says about itself.
    Usage {
        input: i64,
        output: i64,
        cached: i64,
    },
    Limits(f64),
    Reroute(String),
    /// The rest is not carried out.
    Stop,
}

impl Statement {
    /// The tool calls it makes.
    pub(super) fn calls(&self) -> &[Call] {
        match self {
            Self::Call(call) => std::slice::from_ref(call),
            Self::Together(calls) => calls,
            _ => &[],
        }
    }
}

/// A tool call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    Run {
        command: String,
        escalated: bool,
        terminal: bool,
    },
    /// Input for the session that the last `Run` left behind.
    Type(String),
    /// The lines of a patch between its first and its last one.
    Patch(String),
    /// Steps and their status.
    Plan(Vec<(String, &'static str)>),
    View(String),
    Ask {
        question: String,
        options: Vec<String>,
    },
    /// Any tool by name, with JSON or text.
    Tool {
        name: String,
        input: String,
    },
}

/// How a response goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// Only so many times, then the statement is passed over. `None`: always.
    pub(super) times: Option<u32>,
}

/// See `docs/simulator.md` for the spelling of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    Status(u16),
    UsageLimit,
    NotIncluded,
    Quota,
    ContextWindow,
    Overloaded,
    RateLimit,
    Policy,
    InvalidPrompt,
    InvalidImage,
    Incomplete,
    Disconnect,
    Unreachable,
}
