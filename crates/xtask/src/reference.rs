//! The protocol's reference, `docs/protocol/`: written from the types, with the prose of `reference/pages/` and the
//! conversations of `docs/protocol/examples/`.
//!
//! A page is a template and what the tables say. A template is Markdown; a line `{{example NAME}}`, `{{index}}` or
//! `{{errors}}` stands for what it names. The sections on requests, notifications and types follow by themselves.

mod example;
mod layout;
mod page;
mod schema_text;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::surface::Surface;

/// Where the pages are, below the workspace.
const FOLDER: &str = "docs/protocol";

/// Writes every page.
///
/// # Errors
/// A template or an example is broken; or a file could not be read or written.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    for (name, text) in pages(root)? {
        let path = root.join(FOLDER).join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The pages by file name.
fn pages(root: &Path) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let surface = Surface::read();
    let examples = example::load(&root.join(FOLDER).join("examples"))?;
    let layout = layout::Layout::new(&surface);
    let mut pages = BTreeMap::new();
    for page in layout::PAGES {
        let text = page::render(page, &surface, &layout, &examples).with_context(|| format!("page {}", page.file))?;
        pages.insert(page.file, text);
    }
    let shown = pages.values().flat_map(|text| text.lines());
    let shown: Vec<_> = shown.filter_map(|line| line.strip_prefix("<!-- example: ")?.strip_suffix(" -->")).collect();
    if let Some(unused) = examples.keys().find(|name| !shown.contains(&name.as_str())) {
        bail!("no page shows the example {unused}");
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::surface;

    fn written() -> BTreeMap<&'static str, String> {
        pages(crate::workspace_root()).unwrap()
    }

    #[test]
    fn the_committed_pages_are_what_the_types_say() {
        let folder = crate::workspace_root().join(FOLDER);
        for (name, text) in written() {
            let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(committed == text, "docs/protocol/{name} is stale; run `cargo run -p xtask -- codegen`");
        }
        let kept: BTreeSet<_> = written().into_keys().map(str::to_owned).chain(["examples".to_owned()]).collect();
        let there = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(there.collect::<BTreeSet<_>>(), kept, "files in docs/protocol that nobody writes");
    }

    /// The name by which a heading can be linked to, as Markdown viewers make it.
    fn anchor(heading: &str) -> String {
        let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    }

    #[test]
    fn every_link_leads_somewhere_and_no_two_headings_of_a_page_share_a_name() {
        let pages = written();
        let mut anchors = BTreeSet::new();
        for (name, text) in &pages {
            anchors.insert((*name).to_owned());
            for line in text.lines().filter(|line| line.starts_with('#')) {
                let anchor = anchor(line.trim_start_matches('#').trim());
                assert!(anchors.insert(format!("{name}#{anchor}")), "{name} has two headings #{anchor}");
            }
        }
        for (name, text) in &pages {
            for (_, rest) in text.match_indices("](").map(|(at, _)| text[at + 2..].split_at(0)) {
                let target = rest.split(')').next().unwrap_or_default();
                if target.starts_with("http") || target.starts_with("../") {
                    continue;
                }
                let full = if target.starts_with('#') { format!("{name}{target}") } else { target.to_owned() };
                assert!(anchors.contains(&full), "{name} links to {target}");
            }
        }
    }

    #[test]
    fn everything_is_documented() {
        let surface = Surface::read();
        let mut bare = Vec::new();
        for (name, schema) in &surface.types {
            undocumented(schema, name, &mut bare);
        }
        assert!(bare.is_empty(), "without a description: {}", bare.join(", "));
    }

    fn undocumented(schema: &Value, path: &str, bare: &mut Vec<String>) {
        if schema["description"].as_str().unwrap_or_default().trim().is_empty() {
            bare.push(path.to_owned());
        }
        let tag = surface::tag(schema).map(|(member, _)| member);
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            let says = !schema["description"].as_str().unwrap_or_default().trim().is_empty();
            if schema["properties"].is_object() {
                // What an externally tagged variant holds: its members speak for themselves.
                for (inner, schema) in schema["properties"].as_object().into_iter().flatten() {
                    undocumented(schema, &format!("{path}.{member}.{inner}"), bare);
                }
            } else if !says
                && Some(member.as_str()) != tag
                && schema["additionalProperties"].is_null()
                && !is_value(path)
            {
                bare.push(format!("{path}.{member}"));
            }
        }
        for (index, variant) in
            ["oneOf", "anyOf"].iter().flat_map(|union| schema[*union].as_array()).flatten().enumerate()
        {
            // A reference is documented where it leads, and `null` needs no words.
            if surface::reference(variant).is_none() && variant["type"] != "null" {
                undocumented(variant, &format!("{path}/{index}"), bare);
            }
        }
    }

    /// Whether a path leads to a variant, whose only member is its name.
    fn is_value(path: &str) -> bool {
        path.contains('/')
    }
}
