//! Development tasks, so that they need nothing but Cargo.
//!
//! `tidy` compares the workspace with what `ARCHITECTURE.md` says about it and with the house rules that no lint
//! knows. It also runs as a test of this crate. `load` puts a built server under the load of many clients.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;

mod load;
mod tidy;

const USAGE: &str = "usage: cargo run -p xtask -- tidy
       cargo run -p xtask -- load PROGRAM [--clients N] [--threads N] [--seconds N]";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let outcome = match words.next().as_deref() {
        Some("tidy") => tidy::check(workspace_root()),
        Some("load") => load::Load::parse(words).and_then(|load| load.run(say)),
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
