//! Identifiers as newtypes, so that a turn id cannot be passed where a thread id is meant.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Identifies a thread for its whole life, on the wire and in its rollout's file name. Always a UUID; new ones are
/// version 7, so ids sort by creation time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(Uuid);

impl ThreadId {
    /// Makes a new, time-ordered id.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a fresh id is not a default value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The UUID itself, for ordering and compact storage.
    #[must_use]
    pub fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for ThreadId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

/// A thread id that is not a UUID; the message is the parser's, so that a client sees what was wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidThreadId(String);

impl FromStr for ThreadId {
    type Err = InvalidThreadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self).map_err(|error| InvalidThreadId(reason(text, &error)))
    }
}

/// What is wrong with a text that is no id. Names the first character that cannot be part of one, with its place
/// counted from 1, in the words that clients of the protocol know.
fn reason(text: &str, error: &uuid::Error) -> String {
    let stray = text.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit() && *c != '-');
    match stray {
        Some((position, c)) => format!(
            "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `{c}` at {}",
            position + 1
        ),
        None => error.to_string(),
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadId({self})")
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Makes a new, time-ordered id (a version 7 UUID).
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a fresh id is not a default value")]
            pub fn new() -> Self {
                Self(Uuid::now_v7().hyphenated().to_string().into())
            }

            /// The id as it appears on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

text_id! {
    /// Identifies a turn within its thread. New ones are UUIDs; rollouts written elsewhere may hold other texts.
    TurnId
}

text_id! {
    /// Identifies an item within its turn. The model's message or call id where it gave one, else a UUID.
    ItemId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_ids_round_trip_through_text() {
        let id = ThreadId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn new_ids_sort_by_creation() {
        let ids: Vec<_> = (0..100).map(|_| ThreadId::new()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_text_that_is_no_uuid_is_refused_with_the_reason() {
        let error = "nope".parse::<ThreadId>().unwrap_err();
        assert!(error.to_string().contains("invalid"), "{error}");
    }
}
