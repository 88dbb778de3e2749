//! Development tasks, so that they need nothing but Cargo.
//!
//! - `tidy` compares the workspace with what `ARCHITECTURE.md` says about it and with the house rules that no lint
//!   knows.
//! - `codegen` writes the protocol's reference, `docs/protocol/`, from the types.
//! - `schema-diff` compares the protocol's stable surface with that of the last release, and fails when a client of that
//!   release would no longer work. `schema-diff --release` makes the present surface the released one.
//!
//! What they check is also checked by tests of this crate.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;

mod compat;
mod reference;
mod surface;
mod tidy;

const USAGE: &str = "usage: cargo run -p xtask -- tidy | codegen | schema-diff [--release]";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let outcome = match (words.next().as_deref(), words.next().as_deref()) {
        (Some("tidy"), None) => tidy::check(workspace_root()),
        (Some("codegen"), None) => reference::write(workspace_root()),
        (Some("schema-diff"), None) => compat::check(workspace_root()),
        (Some("schema-diff"), Some("--release")) => compat::release(workspace_root()),
        _ => Err(anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nowhere to say that nothing can be said.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace this program was built from.
fn workspace_root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate stands two folders below the root")
}
