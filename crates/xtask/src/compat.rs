//! Whether a client of the last release would still work: the stable surface of now against the one of then.
//!
//! The surface of the last release is `crates/protocol/released.json`. What counts as breaking stands in `rules.rs`.

mod alternatives;
mod rules;
mod stable;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use rules::Finding;
use stable::Stable;

use crate::surface::Surface;

/// Where the surface of the last release is, below the workspace.
const RELEASED: &str = "crates/protocol/released.json";

/// Compares with the last release, and prints what clients should know of.
///
/// # Errors
/// Something breaks clients of the last release; or a file could not be read.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let findings = compare(root)?;
    let (breaking, notable): (Vec<_>, Vec<_>) = findings.into_iter().partition(|finding| finding.breaking);
    for finding in notable {
        writeln!(std::io::stderr(), "note: {}", finding.text)?;
    }
    if breaking.is_empty() {
        return Ok(());
    }
    let breaking: Vec<_> = breaking.into_iter().map(|finding| finding.text).collect();
    bail!("breaks clients of the last release:\n- {}", breaking.join("\n- "))
}

/// Makes the surface of now the released one.
///
/// # Errors
/// The file could not be written.
pub(crate) fn release(root: &Path) -> anyhow::Result<()> {
    let path = root.join(RELEASED);
    let text = Stable::of(&Surface::read()).to_text();
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn compare(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let path = root.join(RELEASED);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let released: Stable = serde_json::from_str(&text).with_context(|| format!("{} is broken", path.display()))?;
    Ok(rules::compare(&released, &Stable::of(&Surface::read())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_the_last_release_still_work() {
        if let Err(error) = check(crate::workspace_root()) {
            panic!("{error:#}");
        }
    }

    #[test]
    fn what_is_written_at_a_release_differs_in_nothing_from_the_surface() {
        let now = Stable::of(&Surface::read());
        let written: Stable = serde_json::from_str(&now.to_text()).unwrap();
        assert_eq!(rules::compare(&written, &now), []);
    }
}
