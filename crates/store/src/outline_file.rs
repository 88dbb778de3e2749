//! Outlines between two readings: one file a thread, made anew whenever it does not fit its rollout.
//!
//! Shape: `<home>/spindle/outlines/<thread id>` holds [`MAGIC`], a hash of what follows, and a [`Kept`] in postcard's
//! encoding. It is written beside its place and moved there; nobody waits for it to be on the device.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use types::{AbsPath, ThreadId};

use crate::open;
use crate::outline::{Outline, bytes_hash};
use crate::reader::Section;

const FOLDER: &str = "spindle/outlines";

/// Changes with the encoding, and with the hash.
const MAGIC: &[u8; 8] = b"outline3";

/// A rollout is outlined anew rather than kept when reading it takes no more than this.
const WORTH_KEEPING: u64 = 64 << 10;

/// So many bytes before the end of what is outlined have to be the same.
const CHECKED: u64 = 512;

/// An outline with what its rollout must look like.
#[derive(Serialize, Deserialize)]
struct Kept {
    file: FileId,
    /// Of the bytes before the end of what is outlined.
    check: u64,
    outline: Outline,
}

/// Which file it is, whatever its name.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(file: &File) -> io::Result<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let facts = file.metadata()?;
            Ok(Self { device: facts.dev(), inode: facts.ino() })
        }
        // Elsewhere the check alone has to tell.
        #[cfg(not(unix))]
        {
            let _ = file;
            Ok(Self { device: 0, inode: 0 })
        }
    }
}

/// The outline of a rollout as far as it was kept; an empty one if it was not, or no longer fits.
pub(crate) fn load(home: &AbsPath, id: ThreadId, rollout: &File, length: u64) -> Outline {
    if length < WORTH_KEEPING {
        return Outline::default();
    }
    let path = place(home, id);
    let read = || -> io::Result<Vec<u8>> {
        let (mut file, facts) = open::for_reading(&path)?;
        let mut bytes = Vec::with_capacity(usize::try_from(facts.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let kept = match read() {
        Ok(bytes) => decode(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Outline::default(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "an outline cannot be read; the rollout is read instead");
            return Outline::default();
        }
    };
    let fits = |kept: &Kept| -> io::Result<bool> {
        Ok(kept.outline.covered <= length
            && FileId::of(rollout)? == kept.file
            && check(rollout, kept.outline.covered)? == kept.check)
    };
    match kept {
        Some(kept) if fits(&kept).unwrap_or(false) => Outline { id: Some(id), ..kept.outline },
        _ => {
            tracing::debug!(path = %path.display(), "an outline does not fit its rollout and is made anew");
            Outline::default()
        }
    }
}

/// Whether there is an outline; it may not fit.
pub(crate) fn is_kept(home: &AbsPath, id: ThreadId) -> bool {
    place(home, id).exists()
}

/// Keeps an outline, if much was read since it was kept `from`.
pub(crate) fn keep(home: &AbsPath, id: ThreadId, rollout: &File, outline: &Outline, from: u64) {
    if outline.covered - from < WORTH_KEEPING {
        return;
    }
    let path = place(home, id);
    let write = || -> io::Result<()> {
        let kept = KeptRef { file: FileId::of(rollout)?, check: check(rollout, outline.covered)?, outline };
        let body = postcard::to_allocvec(&kept).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(MAGIC.len() + 8 + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&bytes_hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        let folder = path.parent().expect("it has a file name");
        fs::create_dir_all(folder)?;
        // Several may write at once; the last one stays.
        let temporary = folder.join(format!("{id}.{}", uuid::Uuid::new_v4().simple()));
        fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    };
    if let Err(error) = write() {
        tracing::warn!(path = %path.display(), %error, "an outline cannot be kept");
    }
}

#[derive(Serialize)]
struct KeptRef<'a> {
    file: FileId,
    check: u64,
    outline: &'a Outline,
}

fn decode(bytes: &[u8]) -> Option<Kept> {
    let (hash, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    (bytes_hash(body) == u64::from_le_bytes(*hash)).then(|| postcard::from_bytes(body).ok())?
}

fn place(home: &AbsPath, id: ThreadId) -> PathBuf {
    home.join(FOLDER).join(id.to_string()).into_path_buf()
}

fn check(rollout: &File, end: u64) -> io::Result<u64> {
    let mut bytes = Vec::with_capacity(CHECKED as usize);
    Section::new(rollout, end.saturating_sub(CHECKED), end).read_to_end(&mut bytes)?;
    Ok(bytes_hash(&bytes))
}
