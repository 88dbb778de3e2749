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

use anyhow::bail;

mod compat;
mod load;
mod reference;
mod surface;
mod tidy;

const USAGE: &str = "\
usage: cargo run -p xtask -- TASK

  tidy         compare the workspace with ARCHITECTURE.md and the house rules
  codegen      write the protocol's reference, docs/protocol/, from the types
  schema-diff  show what clients of the last release would notice; fail if one would no longer work
  load         put a built server under the load of many clients

TASK --help says more about one.";

/// What there is to say about one task, beginning with how it is called.
const TIDY_HELP: &str = "\
usage: cargo run -p xtask -- tidy

Compares the crates and their dependencies with the table in ARCHITECTURE.md, and the files with the house rules that no
lint knows.";

const CODEGEN_HELP: &str = "\
usage: cargo run -p xtask -- codegen

Writes docs/protocol/ from the types of crates/protocol and the prose of crates/xtask/src/reference/pages/. A test fails
when the pages are stale.";

const SCHEMA_DIFF_HELP: &str = "\
usage: cargo run -p xtask -- schema-diff [--release]

Compares the protocol's stable surface with crates/protocol/released.json, that of the last release. Fails when a client
of that release would no longer work; what is merely new is printed.

  --release  make the present surface the released one";

/// What the words of the command line ask for.
enum Task {
    Help(&'static str),
    Tidy,
    Codegen,
    SchemaDiff,
    Release,
    Load(load::Load),
}

impl Task {
    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let is_help = |word: &&str| matches!(*word, "--help" | "-h");
        Ok(match words {
            ["help" | "--help" | "-h"] => Self::Help(USAGE),
            [task, options @ ..] if options.iter().any(is_help) => Self::Help(match *task {
                "tidy" => TIDY_HELP,
                "codegen" => CODEGEN_HELP,
                "schema-diff" => SCHEMA_DIFF_HELP,
                "load" => load::HELP,
                _ => USAGE,
            }),
            ["tidy"] => Self::Tidy,
            ["codegen"] => Self::Codegen,
            ["schema-diff"] => Self::SchemaDiff,
            ["schema-diff", "--release"] => Self::Release,
            ["load", options @ ..] => Self::Load(load::Load::parse(options.iter().map(ToString::to_string))?),
            _ => bail!(USAGE),
        })
    }

    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Help(text) => {
                say(text);
                Ok(())
            }
            Self::Tidy => tidy::check(workspace_root()),
            Self::Codegen => reference::write(workspace_root()),
            Self::SchemaDiff => compat::check(workspace_root()),
            Self::Release => compat::release(workspace_root()),
            Self::Load(load) => load.run(say),
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Task::parse(&words).and_then(Task::run) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_its_help() {
        for task in ["tidy", "codegen", "schema-diff", "load"] {
            assert!(USAGE.contains(&format!("\n  {task} ")), "{task}");
            for words in [&[task, "--help"][..], &[task, "-h"], &[task, "program", "--help"]] {
                let Ok(Task::Help(text)) = Task::parse(words) else { panic!("{words:?}") };
                assert!(text.starts_with(&format!("usage: cargo run -p xtask -- {task}")), "{text}");
            }
        }
        for words in [&["help"][..], &["--help"], &["-h"], &["nothing", "--help"]] {
            assert!(matches!(Task::parse(words), Ok(Task::Help(USAGE))), "{words:?}");
        }
        for words in [&[][..], &["nothing"], &["tidy", "more"], &["load"], &["load", "program", "--clients"]] {
            assert!(Task::parse(words).is_err(), "{words:?}");
        }
    }
}
