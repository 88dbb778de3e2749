//! Development tasks, so that they need nothing but Cargo.
//!
//! `tidy` compares the workspace with what `ARCHITECTURE.md` says about it and with the house rules that no lint
//! knows. It also runs as a test of this crate.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};

mod tidy;

const USAGE: &str = "usage: cargo run -p xtask -- tidy";

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    match (words.next().as_deref(), words.next()) {
        (Some("tidy"), None) => {
            tidy::check(workspace_root())?;
            writeln!(std::io::stdout(), "tidy").context("cannot write to standard output")
        }
        _ => bail!("{USAGE}"),
    }
}

/// The workspace this program was built from.
fn workspace_root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate stands two folders below the root")
}
