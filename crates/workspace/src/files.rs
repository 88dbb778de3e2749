//! Reading and changing files and folders on behalf of a client. Everything here blocks.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::SystemTime;

use types::AbsPath;

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system's answer.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Reading a pipe or a device would not end.
    #[error("only regular files can be read")]
    NotRegular,
    /// A folder is copied only when that is asked for.
    #[error("the source is a directory")]
    NeedsRecursive,
    /// The copy would contain itself.
    #[error("a directory cannot be copied into itself")]
    IntoItself,
    /// The file would be emptied.
    #[error("a file cannot be copied onto itself")]
    OntoItself,
    /// The source is a pipe, a socket or a device.
    #[error("only regular files, directories and symbolic links can be copied")]
    Special,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// As are the next member: of what a symbolic link points to.
    pub is_directory: bool,
    pub is_file: bool,
    /// Of the path itself.
    pub is_symlink: bool,
    /// Where the file system knows it.
    pub created: Option<SystemTime>,
    pub modified: Option<SystemTime>,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    pub is_directory: bool,
    pub is_file: bool,
}

/// The content of a regular file.
///
/// # Errors
/// [`FileError::NotRegular`], [`FileError::Io`].
pub fn read(path: &AbsPath) -> Result<Vec<u8>, FileError> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(FileError::NotRegular);
    }
    // Reading a folder is left to fail with the system's words.
    Ok(fs::read(path)?)
}

/// Gives a file this content, making it when there is none. Its folder must exist.
///
/// # Errors
/// [`FileError::Io`]; the file may then be cut short.
pub fn write(path: &AbsPath, content: &[u8]) -> Result<(), FileError> {
    Ok(fs::write(path, content)?)
}

/// Makes a folder; with `recursive` also those above it, and without complaint when it is there.
///
/// # Errors
/// [`FileError::Io`].
pub fn create_directory(path: &AbsPath, recursive: bool) -> Result<(), FileError> {
    Ok(if recursive { fs::create_dir_all(path) } else { fs::create_dir(path) }?)
}

/// What is at `path`.
///
/// # Errors
/// [`FileError::Io`], also for a symbolic link to nothing.
pub fn metadata(path: &AbsPath) -> Result<Metadata, FileError> {
    let metadata = fs::metadata(path)?;
    Ok(Metadata {
        is_directory: metadata.is_dir(),
        is_file: metadata.is_file(),
        is_symlink: fs::symlink_metadata(path)?.is_symlink(),
        created: metadata.created().ok(),
        modified: metadata.modified().ok(),
    })
}

/// The entries of a folder by name. Symbolic links count as what they point to; those to nothing are left out.
///
/// # Errors
/// [`FileError::Io`].
pub fn read_directory(path: &AbsPath) -> Result<Vec<Entry>, FileError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // What vanishes meanwhile is not there.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        entries.push(Entry { name: entry.file_name(), is_directory: metadata.is_dir(), is_file: metadata.is_file() });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Removes a file, a symbolic link itself, or a folder; a folder that holds something only with `recursive`. With
/// `force` it is fine when there is nothing.
///
/// # Errors
/// [`FileError::Io`]; a folder may then be removed in part.
pub fn remove(path: &AbsPath, recursive: bool, force: bool) -> Result<(), FileError> {
    let removed = fs::symlink_metadata(path).and_then(|metadata| {
        if !metadata.is_dir() {
            fs::remove_file(path)
        } else if recursive {
            fs::remove_dir_all(path)
        } else {
            fs::remove_dir(path)
        }
    });
    match removed {
        Err(error) if force && error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => Ok(other?),
    }
}

/// Copies a file over whatever file is at `to`, a symbolic link as a link, or with `recursive` a folder to a place where
/// nothing is yet. Pipes, sockets and devices inside a folder are left out.
///
/// # Errors
/// [`FileError`]; a folder may then be copied in part.
pub fn copy(from: &AbsPath, to: &AbsPath, recursive: bool) -> Result<(), FileError> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        if !recursive {
            return Err(FileError::NeedsRecursive);
        }
        if lies_in(to, from)? {
            return Err(FileError::IntoItself);
        }
    }
    if copy_one(from, to, kind)? { Ok(()) } else { Err(FileError::Special) }
}

/// Whether `path`, which need not exist, is `folder` or below it when links are followed.
fn lies_in(path: &AbsPath, folder: &AbsPath) -> io::Result<bool> {
    let folder = fs::canonicalize(folder)?;
    let mut existing = path.clone();
    loop {
        match fs::canonicalize(&existing) {
            Ok(real) => return Ok(real.starts_with(&folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match existing.parent() {
                Some(parent) => existing = parent,
                None => return Ok(false),
            },
            Err(error) => return Err(error),
        }
    }
}

/// Whether it is something that can be copied.
fn copy_one(from: &Path, to: &Path, kind: FileType) -> Result<bool, FileError> {
    if kind.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_one(&entry.path(), &to.join(entry.file_name()), entry.file_type()?)?;
        }
    } else if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if kind.is_file() {
        if is_same(from, to)? {
            return Err(FileError::OntoItself);
        }
        fs::copy(from, to)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Whether both are the same file, by whatever names.
fn is_same(from: &Path, to: &Path) -> io::Result<bool> {
    let from = fs::metadata(from)?;
    Ok(fs::metadata(to).is_ok_and(|to| (from.dev(), from.ino()) == (to.dev(), to.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, AbsPath) {
        let folder = tempfile::tempdir().unwrap();
        let path = AbsPath::new(fs::canonicalize(folder.path()).unwrap()).unwrap();
        (folder, path)
    }

    #[test]
    fn bytes_survive_a_round_trip() {
        let (_guard, folder) = folder();
        let content: Vec<u8> = (0..=255).collect();
        write(&folder.join("f"), &content).unwrap();
        assert_eq!(read(&folder.join("f")).unwrap(), content);
    }

    #[test]
    fn a_device_is_not_read() {
        assert!(matches!(read(&AbsPath::new("/dev/zero").unwrap()), Err(FileError::NotRegular)));
    }

    #[test]
    fn metadata_is_that_of_a_links_target() {
        let (_guard, folder) = folder();
        write(&folder.join("f"), b"x").unwrap();
        symlink("f", folder.join("link")).unwrap();
        symlink("gone", folder.join("broken")).unwrap();
        let link = metadata(&folder.join("link")).unwrap();
        assert_eq!((link.is_file, link.is_directory, link.is_symlink), (true, false, true));
        assert!(matches!(metadata(&folder.join("broken")), Err(FileError::Io(_))));
    }

    #[test]
    fn a_folder_is_listed_by_name_without_broken_links() {
        let (_guard, folder) = folder();
        create_directory(&folder.join("b"), false).unwrap();
        write(&folder.join("c"), b"").unwrap();
        symlink("b", folder.join("a")).unwrap();
        symlink("gone", folder.join("d")).unwrap();
        let entries = read_directory(&folder).unwrap();
        let entries: Vec<_> =
            entries.iter().map(|entry| (entry.name.to_str().unwrap(), entry.is_directory, entry.is_file)).collect();
        assert_eq!(entries, [("a", true, false), ("b", true, false), ("c", false, true)]);
    }

    #[test]
    fn removing_a_link_leaves_its_target() {
        let (_guard, folder) = folder();
        create_directory(&folder.join("d/e"), true).unwrap();
        symlink("d", folder.join("link")).unwrap();
        remove(&folder.join("link"), true, false).unwrap();
        assert!(folder.join("d/e").exists());
        assert!(remove(&folder.join("d"), false, true).is_err());
        remove(&folder.join("d"), true, false).unwrap();
        remove(&folder.join("d"), true, true).unwrap();
        assert!(remove(&folder.join("d"), true, false).is_err());
    }

    #[test]
    fn a_folder_is_copied_with_its_links_and_not_into_itself() {
        let (_guard, folder) = folder();
        let source = folder.join("d");
        create_directory(&source.join("sub"), true).unwrap();
        write(&source.join("sub/f"), b"x").unwrap();
        symlink("sub/f", source.join("link")).unwrap();
        symlink("d", folder.join("other-name")).unwrap();
        assert!(matches!(copy(&source, &folder.join("copy"), false), Err(FileError::NeedsRecursive)));
        copy(&source, &folder.join("copy"), true).unwrap();
        assert_eq!(fs::read_link(folder.join("copy/link")).unwrap(), Path::new("sub/f"));
        assert_eq!(read(&folder.join("copy/sub/f")).unwrap(), b"x");
        for inside in ["d", "d/new", "d/new/deeper", "other-name/new"] {
            assert!(matches!(copy(&source, &folder.join(inside), true), Err(FileError::IntoItself)), "{inside}");
        }
        assert!(!source.join("new").exists());
    }

    #[test]
    fn a_file_copied_onto_itself_keeps_its_content() {
        let (_guard, folder) = folder();
        let file = folder.join("f");
        write(&file, b"x").unwrap();
        fs::hard_link(&file, folder.join("g")).unwrap();
        for other in ["f", "g"] {
            assert!(matches!(copy(&file, &folder.join(other), false), Err(FileError::OntoItself)), "{other}");
        }
        assert_eq!(read(&file).unwrap(), b"x");
    }
}
