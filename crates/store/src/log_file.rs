//! An append-only file: whole appends or none.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// What an append needs of a file; tests put a disk of their own in its place.
pub(crate) trait Storage {
    /// Bytes in the file, also those that others have appended.
    fn len(&self) -> io::Result<u64>;
    /// Writes at the end, possibly less than all.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// The last byte, `None` for an empty file.
    fn last_byte(&mut self) -> io::Result<Option<u8>>;
}

/// A file opened for appending. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<File>);

impl Disk {
    /// Opens `path`, making the file (not its folder) when there is none. A new file is its owner's alone: threads
    /// hold what commands print.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map(|file| Self(Arc::new(file)))
    }

    /// Whether the file has been deleted; what is written to it now is lost.
    pub(crate) fn is_deleted(&self) -> io::Result<bool> {
        #[cfg(unix)]
        let deleted = std::os::unix::fs::MetadataExt::nlink(&self.0.metadata()?) == 0;
        #[cfg(not(unix))]
        let deleted = false;
        Ok(deleted)
    }

    /// Waits until everything written is on the device.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_ref().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_ref().write(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn last_byte(&mut self) -> io::Result<Option<u8>> {
        let mut file = self.0.as_ref();
        if self.len()? == 0 {
            return Ok(None);
        }
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(Some(byte[0]))
    }
}

/// Appends whole lines to a [`Storage`].
#[derive(Debug)]
pub(crate) struct LogFile<S> {
    storage: S,
    /// The length after the last append that went well; another length means that somebody else has written.
    expected: Option<u64>,
}

impl<S: Storage> LogFile<S> {
    pub(crate) fn new(storage: S) -> Self {
        Self { storage, expected: None }
    }

    pub(crate) fn storage(&self) -> &S {
        &self.storage
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.storage.len()
    }

    /// Appends `lines`, which end with a line feed. After an error the file is as long as it was before.
    pub(crate) fn append(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        let before = self.storage.len()?;
        if self.expected != Some(before) && !matches!(self.storage.last_byte()?, None | Some(b'\n')) {
            // Half a line of somebody else's: it stays unreadable, ours does not join it.
            lines.insert(0, b'\n');
        }
        match self.write_all(lines) {
            Ok(()) => {
                self.expected = Some(before + lines.len() as u64);
                Ok(())
            }
            Err((written, error)) => {
                self.expected = None;
                // Only our own bytes are taken back. Should someone else have appended after them, they stay, and the
                // next append starts a line of its own.
                if written > 0 && self.storage.len().is_ok_and(|now| now == before + written as u64) {
                    self.storage.truncate(before)?;
                }
                Err(error)
            }
        }
    }

    /// One `write`, and more only where the system took less than all of it.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.storage.write(&bytes[written..]) {
                Ok(0) => return Err((written, io::ErrorKind::StorageFull.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }
}

/// Whether there was no room: a full disk, a quota, a size limit.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::WriteZero
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file on a disk with so much room.
    #[derive(Default)]
    struct Small {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Storage for Small {
        fn len(&self) -> io::Result<u64> {
            Ok(self.bytes.len() as u64)
        }

        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room - self.bytes.len());
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn truncate(&mut self, len: u64) -> io::Result<()> {
            self.bytes.truncate(usize::try_from(len).unwrap());
            Ok(())
        }

        fn last_byte(&mut self) -> io::Result<Option<u8>> {
            Ok(self.bytes.last().copied())
        }
    }

    #[test]
    fn an_append_that_does_not_fit_leaves_no_byte_and_a_later_one_works() {
        for room in 4..12 {
            let mut log = LogFile::new(Small { bytes: b"one\n".to_vec(), room });
            let error = log.append(&mut b"two and three\n".to_vec()).unwrap_err();
            assert!(is_full(&error), "{error}");
            assert_eq!(log.storage.bytes, b"one\n");

            log.storage.room = 100;
            log.append(&mut b"two\n".to_vec()).unwrap();
            assert_eq!(log.storage.bytes, b"one\ntwo\n");
        }
    }

    #[test]
    fn half_a_line_of_somebody_else_does_not_swallow_ours() {
        let mut log = LogFile::new(Small { bytes: Vec::new(), room: 100 });
        log.append(&mut b"one\n".to_vec()).unwrap();
        log.storage.bytes.extend_from_slice(b"hal");
        log.append(&mut b"two\n".to_vec()).unwrap();
        assert_eq!(log.storage.bytes, b"one\nhal\ntwo\n");
    }
}
