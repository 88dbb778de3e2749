//! Rules about the text of files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The only place that locked dependencies may come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every file of the workspace, build output aside.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    walk(root, &mut paths)?;
    paths.sort();
    let forbidden = machine_paths(root);
    let mut problems = Vec::new();
    for path in paths {
        // What is not text has no rules.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let relative = path.strip_prefix(root).expect("the walk started at the root");
        problems.extend(
            file(relative, &text, &forbidden).into_iter().map(|what| format!("{}: {what}", relative.display())),
        );
        if relative.ends_with("tests/it/main.rs") {
            problems.extend(forgotten_tests(&path, &text)?);
        }
    }
    Ok(problems)
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" && entry.file_name() != ".git" {
                walk(&entry.path(), paths)?;
            }
        } else if entry.file_type()?.is_file() && entry.file_name() != ".git" {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Paths that only this machine has: the workspace's own, unless it is too short to be telling, and Cargo's home.
fn machine_paths(root: &Path) -> Vec<String> {
    let telling = root.components().count() > 2;
    let own = telling.then(|| root.display().to_string());
    own.into_iter().chain([concat!("/.cargo", "/registry").to_owned()]).collect()
}

fn file(path: &Path, text: &str, forbidden: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(found) = forbidden.iter().find(|forbidden| text.contains(forbidden.as_str())) {
        problems.push(format!("holds {found}, a path of one machine"));
    }
    let in_source =
        path.starts_with("crates") && path.components().nth(2).is_some_and(|part| part.as_os_str() == "src");
    if in_source && path.extension().is_some_and(|extension| extension == "rs") && !text.starts_with("//!") {
        problems.push("does not start with what it is for (//!)".to_owned());
    }
    if path == Path::new("Cargo.lock") {
        let sources = text.lines().filter_map(|line| line.strip_prefix("source = "));
        if let Some(source) = sources.map(|source| source.trim_matches('"')).find(|source| *source != CRATES_IO) {
            problems.push(format!("locks a dependency from {source}"));
        }
    }
    if path.starts_with(".cargo") && (text.contains("[source") || text.contains("[registr")) {
        problems.push("names a registry; that belongs to a machine, not to the workspace".to_owned());
    }
    problems
}

/// A file beside `tests/it/main.rs` that it does not name is never compiled.
fn forgotten_tests(main: &Path, text: &str) -> anyhow::Result<Vec<String>> {
    let folder = main.parent().expect("a file stands in a folder");
    let mut problems = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        if name != "main" && is_module && !text.lines().any(|line| line.trim() == format!("mod {name};")) {
            problems.push(format!("{}: not a module of main.rs, so it never runs", path.display()));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> usize {
        file(Path::new(path), text, &["/some/where".to_owned()]).len()
    }

    #[test]
    fn a_source_file_says_what_it_is_for() {
        assert_eq!(problems("crates/a/src/b/c.rs", "//! Something.\n"), 0);
        assert_eq!(problems("crates/a/src/b/c.rs", "use b;\n"), 1);
        assert_eq!(problems("crates/a/tests/it/c.rs", "use b;\n"), 0);
    }

    #[test]
    fn paths_of_a_machine_are_found_anywhere() {
        assert_eq!(problems("README.md", "see /some/where/README.md"), 1);
    }

    #[test]
    fn locked_dependencies_come_from_the_public_registry() {
        let line = |source: &str| format!("[[package]]\nname = \"x\"\nsource = \"{source}\"\n");
        assert_eq!(problems("Cargo.lock", &line(CRATES_IO)), 0);
        assert_eq!(problems("Cargo.lock", &line("registry+https://mirror.example/index")), 1);
        assert_eq!(problems("Cargo.lock", &line("git+https://example.com/x")), 1);
    }

    #[test]
    fn the_cargo_configuration_names_no_registry() {
        assert_eq!(problems(".cargo/config.toml", "[alias]\nxtask = \"run -p xtask --\"\n"), 0);
        assert_eq!(problems(".cargo/config.toml", "[source.crates-io]\nreplace-with = \"x\"\n"), 1);
    }
}
