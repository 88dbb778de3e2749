//! Writes the contract as files for other languages: JSON schemas and TypeScript.
//!
//! Both are derived from the types and the method tables, and both come in two sets: the stable one, and the one with
//! what is experimental. Only this module (and only under the `export` feature) touches the file system.

mod json;
mod published_form;
mod typescript;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

pub use json::{documented_schema, json_schema, json_schema_files};
pub use typescript::ts_files;

/// Writes the JSON schemas below `dir`: a file per parameters, result and notification, one per direction with all
/// messages, and two with all definitions. Folders are made as needed; other files in `dir` are left alone.
pub fn export_json_schema(dir: &Path, experimental: bool) -> io::Result<()> {
    write(dir, &json_schema_files(experimental))
}

/// Writes the TypeScript types below `dir`: a file per type, an `index.ts` per folder.
pub fn export_ts(dir: &Path, experimental: bool) -> io::Result<()> {
    write(dir, &ts_files(experimental).map_err(io::Error::other)?)
}

/// Writes the JSON schemas of what Spindle adds to the contract below `dir`, in a folder of their own.
pub fn export_additions(dir: &Path) -> io::Result<()> {
    write(dir, &json::additions_files())
}

/// How the documentation of an experimental member begins its last line; see `experimental::gated`.
pub const EXPERIMENTAL_MARK: &str = "Experimental:";

/// Files by their path below the folder they are written to.
type Files = BTreeMap<String, String>;

fn write(dir: &Path, files: &Files) -> io::Result<()> {
    for (name, text) in files {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}
