//! Development tasks, so that they need nothing but Cargo.
//!
//! - `tidy` compares the workspace with what `ARCHITECTURE.md` says about it and with the house rules that no lint
//!   knows.
//! - `codegen` writes the protocol's reference, `docs/protocol/`, from the types.
//! - `schema-diff` compares the protocol's stable surface with that of the last release, and fails when a client of that
//!   release would no longer work. `schema-diff --release` makes the present surface the released one.
//! - `load` puts a built server under the load of many clients.
//!
//! What the first three check is also checked by tests of this crate.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;

mod compat;
mod load;
mod reference;
mod surface;
mod tidy;

const USAGE: &str = "usage: cargo run -p xtask -- tidy | codegen | schema-diff [--release]
       cargo run -p xtask -- load PROGRAM [--clients N] [--threads N] [--seconds N]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["tidy"] => tidy::check(workspace_root()),
        ["codegen"] => reference::write(workspace_root()),
        ["schema-diff"] => compat::check(workspace_root()),
        ["schema-diff", "--release"] => compat::release(workspace_root()),
        ["load", ref options @ ..] => {
            load::Load::parse(options.iter().map(ToString::to_string)).and_then(|load| load.run(say))
        }
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

/// Prints a line of a report.
fn say(line: &str) {
    // Nowhere to say that nothing can be said.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The workspace this program was built from.
fn workspace_root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate stands two folders below the root")
}
