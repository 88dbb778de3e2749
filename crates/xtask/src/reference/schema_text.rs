//! Schemas in words: what type a member has, and the sections that describe types.

use serde_json::Value;

use super::layout::Layout;
use crate::surface::{description, is_required, reference, tag};

/// Writes about types on one page.
pub(super) struct Writer<'a> {
    pub(super) layout: &'a Layout,
    pub(super) page: &'a str,
}

impl Writer<'_> {
    /// What a type is made of: members, variants or values.
    pub(super) fn body(&self, schema: &Value) -> String {
        if let Some(variants) = variants(schema) {
            let shared = self.members(schema, None);
            let variants = self.union(variants);
            return if shared.is_empty() { variants } else { format!("{shared}\nAnd one of:\n\n{variants}") };
        }
        if schema["properties"].is_object() {
            return self.members(schema, None);
        }
        if schema["type"] == "object" && schema.get("additionalProperties").is_none() {
            return "An object without members of its own.\n".to_owned();
        }
        format!("On the wire: {}.\n", self.expression(schema))
    }

    /// A table of a struct's members, without the one called `skip`.
    fn members(&self, schema: &Value, skip: Option<&str>) -> String {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let mut members: Vec<_> = properties.filter(|(name, _)| Some(name.as_str()) != skip).collect();
        members.sort_by_key(|(name, _)| !is_required(schema, name));
        let rows: Vec<_> = members
            .into_iter()
            .map(|(name, member)| {
                let mark = if is_required(schema, name) { "" } else { "?" };
                format!("| `{name}`{mark} | {} | {} |\n", self.expression(member), meaning(member))
            })
            .collect();
        let mut text = String::new();
        if !rows.is_empty() {
            text.push_str("| member | type | meaning |\n|---|---|---|\n");
            text.extend(rows);
        }
        if schema["additionalProperties"].as_bool() != Some(false)
            && let Some(further) = schema.get("additionalProperties")
        {
            text.push_str(&format!("\nFurther members are allowed: {}.\n", self.expression(further)));
        }
        text
    }

    fn union(&self, variants: &[Value]) -> String {
        let mut values = Vec::new();
        let mut others = String::new();
        for variant in variants {
            let (about, experimental) = description(variant);
            let about = sentence(about, experimental);
            if let Some(names) = strings(variant) {
                values.extend(names.map(|name| format!("| `\"{name}\"` | {about} |\n")));
            } else if let Some((member, value)) = tag(variant) {
                others.push_str(&format!("\n**`\"{member}\": \"{value}\"`** {about}\n"));
                others.push_str(&block(&self.members(variant, Some(member))));
            } else if let Some((member, inner)) = only_member(variant) {
                if inner["properties"].is_object() {
                    others.push_str(&format!("\n**`{{\"{member}\": {{…}}}}`** {about}\n"));
                    others.push_str(&block(&self.members(inner, None)));
                } else {
                    let inner = self.expression(inner);
                    others.push_str(&format!("\n**`{{\"{member}\": …}}`** {about} The value: {inner}.\n"));
                }
            } else if variant["properties"].is_object() {
                others.push_str(&format!("\n**An object.** {about}\n"));
                others.push_str(&block(&self.members(variant, None)));
            } else {
                others.push_str(&format!("\n**{}** {about}\n", capitalised(&self.expression(variant))));
            }
        }
        if values.is_empty() {
            return others.trim_start_matches('\n').to_owned();
        }
        format!("| value | meaning |\n|---|---|\n{}{others}", values.concat())
    }

    /// The type of a value in a few words, with links to the types it names.
    fn expression(&self, schema: &Value) -> String {
        if let Some(name) = reference(schema) {
            return self.layout.link(self.page, name);
        }
        if let Some(alternatives) = variants(schema) {
            let mut words: Vec<_> = alternatives.iter().map(|one| self.expression(one)).collect();
            words.dedup();
            return words.join(" or ");
        }
        if let Some(names) = strings(schema) {
            return names.map(|name| format!("`\"{name}\"`")).collect::<Vec<_>>().join(" or ");
        }
        let kinds: Vec<_> = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return "any JSON".to_owned(),
        };
        kinds.into_iter().map(|kind| self.kind(schema, kind)).collect::<Vec<_>>().join(" or ")
    }

    fn kind(&self, schema: &Value, kind: &str) -> String {
        match kind {
            "null" => "`null`".to_owned(),
            "array" => match &schema["items"] {
                Value::Array(items) => {
                    let items: Vec<_> = items.iter().map(|item| self.expression(item)).collect();
                    format!("array of exactly {}", items.join(", "))
                }
                items => format!("array of {}", self.expression(items)),
            },
            "object" => match schema.get("additionalProperties") {
                Some(Value::Bool(_)) | None => "object".to_owned(),
                Some(values) => format!("object of {}", self.expression(values)),
            },
            "integer" => match schema["format"].as_str() {
                // As wide as the server's words are; no client needs to know.
                Some("uint") => "integer (uint64)".to_owned(),
                Some(width) => format!("integer ({width})"),
                None => "integer".to_owned(),
            },
            other => other.to_owned(),
        }
    }
}

/// What a table says of a member.
fn meaning(member: &Value) -> String {
    let (about, experimental) = description(member);
    let mut text = sentence(about, experimental);
    match &member["default"] {
        Value::Null | Value::Array(_) | Value::Object(_) => {}
        default => text.push_str(&format!(" Default: `{default}`.")),
    }
    text
}

/// A description on one line, with the mark of what is experimental.
pub(super) fn sentence(about: &str, experimental: Option<&str>) -> String {
    let about = about.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let about = without_paths(&about);
    match experimental {
        Some(name) => format!("*Experimental (`{name}`).* {about}"),
        None => about,
    }
}

/// Names of items in Rust become plain names.
pub(super) fn without_paths(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((path, after)) = after.split_once("`]") else { break };
        out.push_str(before);
        out.push_str(&format!("`{}`", path.rsplit("::").next().unwrap_or(path)));
        rest = after;
    }
    out + rest
}

fn variants(schema: &Value) -> Option<&[Value]> {
    let variants = schema.get("oneOf").or_else(|| schema.get("anyOf"))?;
    variants.as_array().map(Vec::as_slice)
}

fn strings(schema: &Value) -> Option<impl Iterator<Item = &str>> {
    let names = schema.get("enum")?.as_array()?;
    (schema["type"] == "string").then(|| names.iter().filter_map(Value::as_str))
}

/// The member of an externally tagged variant: the only one, and nothing beside it.
fn only_member(variant: &Value) -> Option<(&str, &Value)> {
    let properties = variant["properties"].as_object()?;
    let closed = variant["additionalProperties"].as_bool() == Some(false);
    (closed && properties.len() == 1).then(|| properties.iter().next())?.map(|(name, schema)| (name.as_str(), schema))
}

/// A table stands apart from the text before it.
fn block(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!("\n{table}") }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
