//! Absolute paths without `.` and `..`.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};

/// An absolute path, cleaned lexically: no `.`, no `..`, no trailing slash. Need not exist; symbolic links are kept.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AbsPath(PathBuf);

/// A relative path where an absolute one is required.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path is not absolute: {}", .0.display())]
pub struct NotAbsolute(pub PathBuf);

impl AbsPath {
    /// Takes an absolute path.
    ///
    /// # Errors
    /// [`NotAbsolute`] when `path` is relative.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, NotAbsolute> {
        let path = path.as_ref();
        if path.is_absolute() { Ok(Self(clean(path))) } else { Err(NotAbsolute(path.to_owned())) }
    }

    /// Resolves `path` against this folder; an absolute `path` stands for itself.
    #[must_use]
    pub fn join(&self, path: impl AsRef<Path>) -> Self {
        Self(clean(&self.0.join(path)))
    }

    /// The folder that holds this path, `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.parent().map(|parent| Self(parent.to_owned()))
    }

    /// The path as a standard library path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// Gives the owned standard library path back.
    #[must_use]
    pub fn into_path_buf(self) -> PathBuf {
        self.0
    }
}

/// Removes `.` and resolves `..` without asking the file system.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(component),
        }
    }
    out
}

impl Deref for AbsPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Borrow<Path> for AbsPath {
    fn borrow(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_and_the_root_has_no_parent() {
        let path = AbsPath::new("/a/./b/../c/").unwrap();
        assert_eq!(path.as_path(), Path::new("/a/c"));
        assert_eq!(path.join("../d").as_path(), Path::new("/a/d"));
        assert_eq!(path.join("/x").as_path(), Path::new("/x"));
        assert_eq!(AbsPath::new("/..").unwrap().as_path(), Path::new("/"));
        assert_eq!(AbsPath::new("/").unwrap().parent(), None);
    }

    #[test]
    fn a_relative_path_is_refused() {
        assert!(AbsPath::new("a/b").is_err());
    }
}
