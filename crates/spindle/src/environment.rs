//! The process environment, read once.

#![expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use types::AbsPath;

use crate::cli;

/// The command line.
pub(crate) fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os()
}

/// Whether a client started us under the name of the program we can stand in for.
pub(crate) fn started_as_codex() -> bool {
    std::env::args_os().next().is_some_and(|program| cli::is_codex(Path::new(&program)))
}

/// Every variable that is valid Unicode.
pub(crate) fn variables() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// One variable; `None` when it is not set or empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The working directory.
pub(crate) fn working_directory() -> anyhow::Result<AbsPath> {
    let path = std::env::current_dir().context("the working directory cannot be read")?;
    AbsPath::new(path).context("the working directory is not absolute")
}

/// The home of the server: `$CODEX_HOME`, which must exist, or `~/.codex`, which is made.
pub(crate) fn home() -> anyhow::Result<AbsPath> {
    let path = match variable("CODEX_HOME") {
        Some(path) => std::fs::canonicalize(&path)
            .with_context(|| format!("CODEX_HOME points to `{path}`, which cannot be used"))?,
        None => {
            let user = variable("HOME").context("neither CODEX_HOME nor HOME is set")?;
            let path = server::default_home(Path::new(&user));
            std::fs::create_dir_all(&path).with_context(|| format!("`{}` cannot be made", path.display()))?;
            std::fs::canonicalize(&path)?
        }
    };
    AbsPath::new(path).context("the home is not an absolute path")
}
