//! What `ARCHITECTURE.md` says about crates: which there are, and which may know which.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};

use super::metadata::Package;

/// The crate that any other may use in its tests, and only there.
const TEST_CRATE: &str = "testkit";

/// The two tables of `ARCHITECTURE.md`.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// The crates in the order of their table.
    pub(crate) crates: Vec<String>,
    allowed: BTreeMap<String, Allowed>,
}

#[derive(Clone, Debug)]
enum Allowed {
    Anything,
    Only(BTreeSet<String>),
}

impl Architecture {
    /// Reads both tables.
    ///
    /// A rule is `from, from → to, to`; two or more blanks divide rules on one line. In place of `to` may stand
    /// `NAME only`, `nothing of ours`, or `and what a command of its own needs`, which allows anything. After a
    /// semicolon, `all of the above may use NAME` adds an edge to every crate that stands left of an arrow so far.
    pub(crate) fn parse(document: &str) -> anyhow::Result<Self> {
        let crates: Vec<_> = document
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name.to_owned())
            .collect();
        let (_, section) =
            document.split_once("## Allowed direction").context("no section on the allowed direction")?;
        let block = section.split("```").nth(1).context("no block of rules in the section on the allowed direction")?;

        let mut allowed = BTreeMap::new();
        for rule in block.lines().flat_map(|line| line.split("  ")).map(str::trim).filter(|rule| !rule.is_empty()) {
            let (from, to) = rule.split_once('→').with_context(|| format!("no arrow in the rule {rule:?}"))?;
            let (to, addition) = to.split_once(';').map_or((to, None), |(to, addition)| (to, Some(addition.trim())));
            let targets = targets(to.trim());
            for name in from.split(',') {
                allowed.insert(name.trim().to_owned(), targets.clone());
            }
            if let Some(addition) = addition {
                let Some(name) = addition.strip_prefix("all of the above may use ") else {
                    bail!("the rule {rule:?} ends with something unknown");
                };
                for targets in allowed.values_mut() {
                    if let Allowed::Only(names) = targets {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
        for name in allowed.values().flat_map(names).chain(allowed.keys()) {
            ensure!(crates.contains(name), "the rules name {name}, which is not in the table of crates");
        }
        for name in &crates {
            ensure!(allowed.contains_key(name), "no rule says what {name} may use");
        }
        Ok(Self { crates, allowed })
    }

    /// The dependencies of a crate that no rule allows.
    pub(crate) fn violations(&self, package: &Package) -> Vec<String> {
        let from = &package.name;
        let Some(allowed) = self.allowed.get(from) else {
            return vec![format!("{from} is not in the table of crates in ARCHITECTURE.md")];
        };
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let refused = ours.filter(|dependency| {
            let to = &dependency.name;
            let in_tests = dependency.kind.as_deref() == Some("dev");
            match allowed {
                _ if to == TEST_CRATE => !in_tests,
                Allowed::Anything => false,
                Allowed::Only(names) => !names.contains(to),
            }
        });
        refused.map(|to| format!("{from} → {}: ARCHITECTURE.md does not allow this edge", to.name)).collect()
    }
}

fn targets(text: &str) -> Allowed {
    if text.ends_with("and what a command of its own needs") {
        return Allowed::Anything;
    }
    if text == "nothing of ours" {
        return Allowed::Only(BTreeSet::new());
    }
    let text = text.strip_suffix(" only").unwrap_or(text);
    Allowed::Only(text.split(',').map(|name| name.trim().to_owned()).collect())
}

fn names(allowed: &Allowed) -> impl Iterator<Item = &String> {
    match allowed {
        Allowed::Anything => None,
        Allowed::Only(names) => Some(names),
    }
    .into_iter()
    .flatten()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::metadata::Dependency;
    use super::*;

    pub(in super::super) const DOCUMENT: &str = "
| crate | one line |
|---|---|
| `top` | . |
| `left` | . |
| `right` | . |
| `base` | . |
| `testkit` | . |

## Allowed direction

```
top → left, and what a command of its own needs
left → right      right → base only; all of the above may use base
base, testkit → nothing of ours
```
";

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, kind)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: Some("somewhere".into()),
        });
        Package {
            name: name.to_owned(),
            version: "0.0.0".to_owned(),
            manifest_path: "Cargo.toml".into(),
            dependencies: dependencies.collect(),
        }
    }

    fn allows(from: &str, to: &str) -> bool {
        Architecture::parse(DOCUMENT).unwrap().violations(&package(from, &[(to, None)])).is_empty()
    }

    #[test]
    fn edges_of_the_table_are_allowed_and_no_others() {
        assert!(allows("top", "left") && allows("top", "base"));
        assert!(allows("left", "right") && allows("left", "base") && allows("right", "base"));
        assert!(!allows("right", "left"), "upward");
        assert!(!allows("left", "top"), "upward");
        assert!(!allows("base", "right"), "out of the foundation");
    }

    #[test]
    fn test_support_is_for_tests() {
        let architecture = Architecture::parse(DOCUMENT).unwrap();
        assert!(architecture.violations(&package("base", &[("testkit", Some("dev"))])).is_empty());
        assert_eq!(architecture.violations(&package("base", &[("testkit", None)])).len(), 1);
        assert_eq!(architecture.violations(&package("top", &[("testkit", None)])).len(), 1);
        assert_eq!(architecture.violations(&package("base", &[("left", Some("dev"))])).len(), 1);
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_refused() {
        let architecture = Architecture::parse(DOCUMENT).unwrap();
        assert_eq!(architecture.violations(&package("other", &[])).len(), 1);
    }

    #[test]
    fn a_crate_without_a_rule_is_a_mistake_in_the_document() {
        let document = DOCUMENT.replace("base, testkit", "base");
        assert_eq!(Architecture::parse(&document).unwrap_err().to_string(), "no rule says what testkit may use");
    }
}
