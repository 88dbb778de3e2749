//! One page: its prose, then what the tables say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use protocol::ERROR_CODES;

use super::example::Example;
use super::layout::{Layout, PAGES, Page};
use super::schema_text::{Writer, sentence, without_paths};
use crate::surface::{Call, Surface, description};

/// The first line of every page.
const NOTICE: &str = "<!-- Written by `cargo run -p xtask -- codegen` from the types, the prose in crates/xtask/src/reference/pages, and examples/. -->";

pub(super) fn render(
    page: &Page,
    surface: &Surface,
    layout: &Layout,
    examples: &BTreeMap<String, Example>,
) -> anyhow::Result<String> {
    let mut text = format!("{NOTICE}\n\n# {}\n\n", page.title);
    for line in page.template.lines() {
        match line.strip_prefix("{{").and_then(|line| line.strip_suffix("}}")) {
            None => {
                text.push_str(line);
                text.push('\n');
            }
            Some("index") => text.push_str(&index(surface, layout)),
            Some("errors") => text.push_str(&errors()),
            Some(directive) => match directive.split_once(' ') {
                Some(("example", name)) => {
                    let example = examples.get(name).with_context(|| format!("no example is called {name}"))?;
                    text.push_str(&example.render(name));
                }
                _ => bail!("nothing is called {directive}"),
            },
        }
    }
    let section = Section { writer: Writer { layout, page: page.file }, surface };
    section.calls("Requests", &surface.requests, &mut text);
    section.calls("Requests from the server", &surface.server_requests, &mut text);
    section.notifications(&mut text);
    section.types(&mut text);
    Ok(text.trim_end().to_owned() + "\n")
}

struct Section<'a> {
    writer: Writer<'a>,
    surface: &'a Surface,
}

impl Section<'_> {
    fn calls(&self, title: &str, calls: &[Call], text: &mut String) {
        let calls: Vec<_> = calls.iter().filter(|call| self.writer.layout.has(self.writer.page, call.name)).collect();
        if calls.is_empty() {
            return;
        }
        append(text, format_args!("\n## {title}\n"));
        for call in calls {
            append(text, format_args!("\n### `{}`\n\n", call.name));
            if call.experimental {
                append(text, format_args!("*Experimental: needs the `experimentalApi` capability.* "));
            }
            append(text, format_args!("{}\n", paragraphs(call.about)));
            match &call.params {
                Some(params) => self.carried("Params", params, text),
                None => append(text, format_args!("\nParams: none.\n")),
            }
            self.carried("Result", &call.result, text);
        }
    }

    fn notifications(&self, text: &mut String) {
        let notices = self.surface.notifications.iter();
        let notices: Vec<_> = notices.filter(|one| self.writer.layout.has(self.writer.page, one.name)).collect();
        if notices.is_empty() {
            return;
        }
        append(text, format_args!("\n## Notifications\n"));
        for notice in notices {
            let schema = &self.surface.types[&notice.payload];
            let (about, _) = description(schema);
            append(text, format_args!("\n### `{}`\n\n", notice.name));
            if !notice.listed {
                append(text, format_args!("*Experimental.* "));
            }
            append(text, format_args!("{}\n", paragraphs(about)));
            self.carried("Params", &notice.payload, text);
        }
    }

    /// What a message carries, in place.
    fn carried(&self, label: &str, name: &str, text: &mut String) {
        let schema = &self.surface.types[name];
        let body = self.writer.body(schema);
        if schema["properties"].as_object().is_none_or(serde_json::Map::is_empty) && schema["type"] == "object" {
            append(text, format_args!("\n{label}: `{{}}`.\n"));
        } else {
            append(text, format_args!("\n{label} (`{name}`):\n\n{}", body.trim_start_matches('\n')));
        }
    }

    fn types(&self, text: &mut String) {
        let names: Vec<_> = self.writer.layout.types_of(self.writer.page).collect();
        if names.is_empty() {
            return;
        }
        append(text, format_args!("\n## Types\n"));
        for name in names {
            let schema = &self.surface.types[name];
            let (about, experimental) = description(schema);
            append(text, format_args!("\n### Type {name}\n\n{}\n\n", sentence(about, experimental)));
            append(text, format_args!("{}", self.writer.body(schema).trim_start_matches('\n')));
        }
    }
}

/// Every page with its messages.
fn index(surface: &Surface, layout: &Layout) -> String {
    let mut text = String::new();
    for page in PAGES.iter().filter(|page| page.file != "README.md") {
        append(&mut text, format_args!("- **[{}]({})**: {}\n", page.title, page.file, page.about));
        let linked = |name: &str, mark: &str| {
            let anchor: String = name.chars().filter(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            format!("[`{name}`]({}#{}){mark}", page.file, anchor.to_lowercase())
        };
        let requests = surface.requests.iter().map(|call| (call.name, if call.experimental { "\\*" } else { "" }));
        let asked = surface.server_requests.iter().map(|call| (call.name, ""));
        let told = surface.notifications.iter().map(|notice| (notice.name, ""));
        for (kind, messages) in [
            ("Requests", requests.collect::<Vec<_>>()),
            ("The server asks", asked.collect()),
            ("The server tells", told.collect()),
        ] {
            let here = messages.into_iter().filter(|(name, _)| layout.has(page.file, name));
            let here: Vec<_> = here.map(|(name, mark)| linked(name, mark)).collect();
            if !here.is_empty() {
                append(&mut text, format_args!("  - {kind}: {}\n", here.join(", ")));
            }
        }
    }
    text.push_str("\n\\* experimental\n");
    text
}

fn errors() -> String {
    let mut text = String::new();
    for entry in ERROR_CODES {
        append(&mut text, format_args!("\n## `{}` {}\n\n{}\n\n", entry.code, entry.name, entry.advice));
        for condition in entry.conditions {
            append(&mut text, format_args!("- {condition}\n"));
        }
    }
    text.trim_start_matches('\n').to_owned()
}

/// Documentation as paragraphs: lines without the blank that a comment begins with.
fn paragraphs(about: &str) -> String {
    let lines: Vec<_> = about.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    without_paths(lines.join("\n").trim())
}

fn append(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a text takes everything");
}
