//! The skills that come with the server, unpacked into the home folder.

use std::{fs, io};

use sha2::{Digest as _, Sha256};
use types::AbsPath;

/// Names of the bundled skills.
pub const BUNDLED_NAMES: [&str; 5] = ["imagegen", "openai-docs", "plugin-creator", "skill-creator", "skill-installer"];

const TEXTS: [(&str, &str); 5] = [
    ("imagegen", include_str!("bundled/imagegen.md")),
    ("openai-docs", include_str!("bundled/openai-docs.md")),
    ("plugin-creator", include_str!("bundled/plugin-creator.md")),
    ("skill-creator", include_str!("bundled/skill-creator.md")),
    ("skill-installer", include_str!("bundled/skill-installer.md")),
];

/// Below the home folder.
const FOLDER: &str = "skills/.system";
/// Another program keeps its own bundled skills in this folder and marks them with this file; they are left alone.
const FOREIGN_MARKER: &str = ".codex-system-skills.marker";
const MARKER_PREFIX: &str = ".spindle-skills-";

/// Unpacks the bundled skills when they are missing or of another version, and says whether anything was written.
/// One `stat` when they are up to date.
///
/// # Errors
/// The file system's; skills may then be unpacked in part, and the next call starts again.
pub fn install_bundled(home: &AbsPath) -> io::Result<bool> {
    let folder = home.join(FOLDER);
    // The version is in the name, so that one look is enough.
    let marker = folder.join(marker_name());
    if marker.exists() || folder.join(FOREIGN_MARKER).exists() {
        return Ok(false);
    }
    fs::create_dir_all(&folder)?;
    for (name, text) in TEXTS {
        let skill = folder.join(name);
        fs::create_dir_all(&skill)?;
        fs::write(skill.join("SKILL.md"), text)?;
    }
    for entry in fs::read_dir(&folder)?.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(MARKER_PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    fs::write(&marker, "")?;
    Ok(true)
}

fn marker_name() -> String {
    use std::fmt::Write as _;
    let mut hash = Sha256::new();
    for (name, text) in TEXTS {
        hash.update(name);
        hash.update([0]);
        hash.update(text);
        hash.update([0]);
    }
    let mut marker = MARKER_PREFIX.to_owned();
    for byte in &hash.finalize()[..8] {
        write!(marker, "{byte:02x}").expect("writing to a String does not fail");
    }
    marker
}
