//! Opens a file without waiting for anything: a pipe in its place would have to be written to first.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// The file, and what the system knows of it. What is no file is refused.
pub(crate) fn for_reading(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    let file = options.open(path)?;
    let facts = file.metadata()?;
    if facts.is_file() {
        Ok((file, facts))
    } else if facts.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
    }
}
