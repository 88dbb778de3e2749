//! A turn's id as an outline keeps it.

use serde::{Deserialize, Serialize};
use types::TurnId;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// The id of a turn in little memory: there are many of them, and nearly all are UUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TurnKey {
    /// In the usual spelling, lower case with hyphens.
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl From<&str> for TurnKey {
    fn from(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]) == text => {
                Self::Uuid(uuid.into_bytes())
            }
            _ => Self::Text(text.into()),
        }
    }
}

impl From<&TurnId> for TurnKey {
    fn from(id: &TurnId) -> Self {
        Self::from(id.as_str())
    }
}

impl From<&TurnKey> for TurnId {
    fn from(key: &TurnKey) -> Self {
        match key {
            TurnKey::Uuid(bytes) => {
                Self::from(&*Uuid::from_bytes(*bytes).hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]))
            }
            TurnKey::Text(text) => Self::from(&**text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_as_it_was_spelled() {
        for (text, is_uuid) in [
            ("019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1", true),
            ("019A0B1C-2D3E-7F40-8A5B-6C7D8E9FA0B1", false),
            ("019a0b1c2d3e7f408a5b6c7d8e9fa0b1", false),
            ("{019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1}", false),
            ("rollout-7", false),
            ("", false),
        ] {
            let key = TurnKey::from(text);
            assert_eq!(matches!(key, TurnKey::Uuid(_)), is_uuid, "{text}");
            assert_eq!(TurnId::from(&key).as_str(), text);
        }
    }
}
