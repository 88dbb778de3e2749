//! The rules of the workspace that neither the compiler nor a lint can see.

mod architecture;
mod files;
mod metadata;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use architecture::Architecture;
use metadata::Package;

/// Checks everything and reports all that is wrong at once.
///
/// # Errors
/// A list of what is untidy; or a file could not be read.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let architecture = Architecture::parse(&read(&root.join("ARCHITECTURE.md"))?)?;
    let packages = metadata::load(root)?;
    let mut problems = Vec::new();
    let workspace: toml::Table = read(&root.join("Cargo.toml"))?.parse()?;
    problems.extend(members(&workspace, &architecture)?);
    for package in &packages {
        problems.extend(architecture.violations(package));
        problems.extend(manifest(package, is_released(&workspace, package))?);
    }
    problems.extend(files::check(root)?);
    if problems.is_empty() {
        return Ok(());
    }
    bail!("not tidy:\n- {}", problems.join("\n- "))
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The members stand in the order of the table in `ARCHITECTURE.md`, each in the folder of its name.
fn members(workspace: &toml::Table, architecture: &Architecture) -> anyhow::Result<Option<String>> {
    let members = workspace["workspace"]["members"].as_array().context("the workspace has members")?;
    let members: Vec<_> = members.iter().filter_map(toml::Value::as_str).collect();
    let expected: Vec<_> = architecture.crates.iter().map(|name| format!("crates/{name}")).collect();
    Ok((members != expected).then(|| format!("the members in Cargo.toml are not the table's: {}", expected.join(", "))))
}

/// Whether a crate is what users get: the workspace builds it by default. Only its version means something.
fn is_released(workspace: &toml::Table, package: &Package) -> bool {
    let defaults = workspace["workspace"].get("default-members").and_then(toml::Value::as_array);
    let folder = format!("crates/{}", package.name);
    defaults.into_iter().flatten().any(|member| member.as_str() == Some(&folder))
}

/// A crate takes lints and the versions of its dependencies from the workspace, and has no version of its own.
fn manifest(package: &Package, released: bool) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let name = &package.name;
    if !released && package.version != "0.0.0" {
        problems.push(format!("{name}: its version is not 0.0.0"));
    }
    let manifest: toml::Table = read(&package.manifest_path)?.parse()?;
    let inherits = |table: &toml::Value| table.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    if !manifest.get("lints").is_some_and(inherits) {
        problems.push(format!("{name}: lints.workspace = true is missing"));
    }
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = targets.into_iter().flatten().filter_map(|(_, target)| target.as_table()).chain([&manifest]);
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = table.get(kind).and_then(toml::Value::as_table).into_iter().flatten();
            for (dependency, _) in dependencies.filter(|(_, dependency)| !inherits(dependency)) {
                problems.push(format!("{name}: the version of {dependency} belongs into the workspace's Cargo.toml"));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        if let Err(error) = check(crate::workspace_root()) {
            panic!("{error:#}");
        }
    }

    #[test]
    fn members_out_of_order_are_named() {
        let architecture = Architecture::parse(architecture::tests::DOCUMENT).unwrap();
        let manifest = |members: &str| format!("[workspace]\nmembers = [{members}]").parse().unwrap();
        let in_order = r#""crates/top", "crates/left", "crates/right", "crates/base", "crates/testkit""#;
        assert_eq!(members(&manifest(in_order), &architecture).unwrap(), None);
        assert!(members(&manifest(r#""crates/left", "crates/top""#), &architecture).unwrap().is_some());
    }
}
