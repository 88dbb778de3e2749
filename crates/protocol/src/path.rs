//! Absolute paths on the wire.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

/// An absolute path. A relative one does not decode: the receiver has no directory to resolve it against.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
pub struct AbsolutePathBuf(PathBuf);

impl AbsolutePathBuf {
    /// Takes `path` if it is absolute, and gives it back if it is not.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, PathBuf> {
        let path = path.into();
        if path.is_absolute() { Ok(Self(path)) } else { Err(path) }
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path, owned.
    pub fn into_path_buf(self) -> PathBuf {
        self.0
    }
}

impl<'de> Deserialize<'de> for AbsolutePathBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(PathBuf::deserialize(deserializer)?)
            .map_err(|_| D::Error::custom("AbsolutePathBuf deserialized without a base path"))
    }
}

impl Deref for AbsolutePathBuf {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for AbsolutePathBuf {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl From<AbsolutePathBuf> for PathBuf {
    fn from(path: AbsolutePathBuf) -> Self {
        path.0
    }
}

impl TryFrom<PathBuf> for AbsolutePathBuf {
    type Error = PathBuf;

    fn try_from(path: PathBuf) -> Result<Self, PathBuf> {
        Self::new(path)
    }
}

impl fmt::Debug for AbsolutePathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_round_trips() {
        let path: AbsolutePathBuf = serde_json::from_str("\"/a/b\"").unwrap();
        assert_eq!(path.as_path(), Path::new("/a/b"));
        assert_eq!(serde_json::to_string(&path).unwrap(), "\"/a/b\"");
    }

    #[test]
    fn a_relative_path_is_refused_with_the_protocols_words() {
        let error = serde_json::from_value::<AbsolutePathBuf>(serde_json::json!("a/b")).unwrap_err();
        assert_eq!(error.to_string(), "AbsolutePathBuf deserialized without a base path");
    }

    #[test]
    fn a_number_is_not_a_path() {
        let error = serde_json::from_value::<AbsolutePathBuf>(serde_json::json!(5.5)).unwrap_err();
        assert_eq!(error.to_string(), "invalid type: floating point `5.5`, expected path string");
    }
}
