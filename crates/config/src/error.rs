//! Why a configuration could not be loaded, in a form that both a request's error and a start-up warning can use.

use std::fmt;

use types::AbsPath;

/// A place in a file. Lines and columns count from 1; columns count characters; `end` is the last character, not the
/// one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: Position,
    pub end: Position,
}

/// One end of a [`Range`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Range {
    /// Converts a byte span of `text`; a span that lies outside is moved to the nearest character.
    pub(crate) fn of_span(text: &str, span: std::ops::Range<usize>) -> Self {
        let start = span.start.min(text.len());
        let end = span.end.saturating_sub(1).clamp(start, text.len());
        Self { start: position(text, start), end: position(text, end) }
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before: &str = {
        let mut offset = offset;
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        &text[..offset]
    };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Position { line, column }
}

/// A message with the place in a file that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub path: AbsPath,
    pub range: Range,
    /// The reason alone, on one line.
    pub message: String,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.range.start;
        write!(f, "{}:{line}:{column}: {}", self.path, self.message)
    }
}

/// Why no [`Config`](crate::Config) could be made. Messages read after "failed to load configuration: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file is not TOML.
    #[error("{0}")]
    Parse(Located),
    /// The file of a trusted project is not TOML; the message shows the line.
    #[error("Error parsing project config file {}: {message}", located.path)]
    ParseProject { located: Located, message: String },
    /// A file could not be read, or is not UTF-8.
    #[error("Failed to read config file {path}: {reason}")]
    Read { path: AbsPath, reason: String },
    /// A key has a value that it cannot have. `message` names the key, on a line of its own; `located` is the place,
    /// when a file holds it, and then stands for the message.
    #[error("{}", located.as_ref().map_or(message as &dyn fmt::Display, |located| located))]
    Type { message: String, located: Option<Located> },
    /// `profile` names a profile that `profiles` does not hold.
    #[error("config profile `{0}` not found")]
    UnknownProfile(String),
    /// `model_provider` names a provider that is neither built in nor configured.
    #[error("Model provider `{0}` not found")]
    UnknownProvider(String),
    /// `default_permissions` and `[permissions]` do not fit, or a profile says what cannot be.
    #[error("{0}")]
    Permissions(String),
    /// A file named by a key could not be read.
    #[error("failed to read {what} file {path}: {reason}")]
    ReferencedFile { what: &'static str, path: AbsPath, reason: String },
    /// A file named by a key is empty.
    #[error("{what} file is empty: {path}")]
    EmptyFile { what: &'static str, path: AbsPath },
    /// `-c` without `=`, or with an empty key.
    #[error("invalid override `{0}`: expected key=value")]
    Override(String),
    /// `--enable` or `--disable` with a feature that does not exist.
    #[error("unknown feature `{0}`")]
    UnknownFeature(String),
    /// The user's file could not be changed.
    #[error("failed to write {path}: {reason}")]
    Write { path: AbsPath, reason: String },
}

/// What a client is told at start when the configuration is broken and defaults are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub summary: String,
    pub details: Option<String>,
    pub path: Option<AbsPath>,
    pub range: Option<Range>,
}

impl ConfigError {
    /// The place in a file, when there is one.
    #[must_use]
    pub fn located(&self) -> Option<&Located> {
        match self {
            Self::Parse(located) | Self::ParseProject { located, .. } => Some(located),
            Self::Type { located, .. } => located.as_ref(),
            Self::Read { .. }
            | Self::UnknownProfile(_)
            | Self::UnknownProvider(_)
            | Self::Permissions(_)
            | Self::ReferencedFile { .. }
            | Self::EmptyFile { .. }
            | Self::Override(_)
            | Self::UnknownFeature(_)
            | Self::Write { .. } => None,
        }
    }

    /// The warning for a server that goes on with defaults.
    #[must_use]
    pub fn warning(&self) -> Warning {
        let located = self.located();
        Warning {
            summary: "Invalid configuration; using defaults.".to_owned(),
            details: Some(located.map_or_else(|| self.to_string(), ToString::to_string)),
            path: located.map(|located| located.path.clone()),
            range: located.map(|located| located.range),
        }
    }
}
