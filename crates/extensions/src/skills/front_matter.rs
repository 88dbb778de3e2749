//! The YAML head of a `SKILL.md`.

use serde::Deserialize;

const MAX_NAME_CHARS: usize = 64;
const MAX_DESCRIPTION_CHARS: usize = 1024;

/// What the head says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrontMatter {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) short_description: Option<String>,
}

// The name of this type is part of an error text that clients see.
#[derive(Deserialize)]
struct SkillFrontmatter {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, rename = "short-description")]
    short_description: Option<String>,
}

/// Reads the head of `text`; `folder` is the name of a skill that gives none. The error is the message for clients.
pub(super) fn parse(text: &str, folder: &str) -> Result<FrontMatter, String> {
    let yaml = head(text).ok_or_else(|| "missing YAML frontmatter delimited by ---".to_owned())?;
    let head: SkillFrontmatter = serde_yaml_ng::from_str(&yaml).map_err(|error| format!("invalid YAML: {error}"))?;
    let name = head.name.as_deref().map(collapse).filter(|name| !name.is_empty()).unwrap_or_else(|| collapse(folder));
    let description = head.description.as_deref().map(collapse).unwrap_or_default();
    let short_description = head.metadata.short_description.as_deref().map(collapse).filter(|short| !short.is_empty());
    limit("name", &name, MAX_NAME_CHARS)?;
    if description.is_empty() {
        return Err("missing field `description`".to_owned());
    }
    limit("description", &description, MAX_DESCRIPTION_CHARS)?;
    if let Some(short) = &short_description {
        limit("metadata.short-description", short, MAX_DESCRIPTION_CHARS)?;
    }
    Ok(FrontMatter { name, description, short_description })
}

/// The lines between the first line, which must be `---`, and the next such line.
fn head(text: &str) -> Option<String> {
    let mut lines = text.lines();
    if lines.next()?.trim() != "---" {
        return None;
    }
    let mut head = Vec::new();
    for line in lines {
        if line.trim() == "---" {
            return (!head.is_empty()).then(|| head.join("\n"));
        }
        head.push(line);
    }
    None
}

/// One line, single spaces.
pub(super) fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn limit(field: &str, text: &str, max: usize) -> Result<(), String> {
    if text.chars().count() > max {
        return Err(format!("invalid {field}: exceeds maximum length of {max} characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> (String, String) {
        let head = parse(text, "folder").unwrap();
        (head.name, head.description)
    }

    #[test]
    fn names_and_descriptions_are_single_lines() {
        for (text, name, description) in [
            ("---\nname: n\ndescription: d\n---\n", "n", "d"),
            ("---\nname: 7\ndescription: 8\n---\n", "7", "8"),
            ("---\nname: '  spaced   name '\ndescription: many   spaces\n---\n", "spaced name", "many spaces"),
            ("---\nname: f\ndescription: >\n  first line\n  second line\n---\n", "f", "first line second line"),
            ("---\ndescription: d\n---\n", "folder", "d"),
            ("---\nname: ''\ndescription: d\n---\n", "folder", "d"),
        ] {
            assert_eq!(ok(text), (name.to_owned(), description.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn faults_are_named() {
        let missing = "missing YAML frontmatter delimited by ---";
        for (text, message) in [
            ("", missing),
            ("# Only text\n", missing),
            ("---\nname: x\n", missing),
            (
                "---\nname: [1]\ndescription: d\n---\n",
                "invalid YAML: name: invalid type: sequence, expected a string at line 1 column 7",
            ),
            ("---\nname: x\n---\n", "missing field `description`"),
            ("---\nname: x\ndescription: ''\n---\n", "missing field `description`"),
            ("---\n- a\n- b\n---\n", "invalid YAML: invalid type: sequence, expected struct SkillFrontmatter"),
            (
                "---\nname: x\ndescription: a: b\n---\n",
                "invalid YAML: mapping values are not allowed in this context at line 2 column 15",
            ),
        ] {
            assert_eq!(parse(text, "folder").unwrap_err(), message, "{text:?}");
        }
        let long = format!("---\nname: {}\ndescription: d\n---\n", "n".repeat(65));
        assert_eq!(parse(&long, "f").unwrap_err(), "invalid name: exceeds maximum length of 64 characters");
        let long = format!("---\nname: n\ndescription: {}\n---\n", "d".repeat(1025));
        assert_eq!(parse(&long, "f").unwrap_err(), "invalid description: exceeds maximum length of 1024 characters");
    }

    #[test]
    fn exactly_the_maximum_is_allowed() {
        let (name, description) = ("n".repeat(64), "d".repeat(1024));
        assert_eq!(ok(&format!("---\nname: {name}\ndescription: {description}\n---\n")), (name, description));
    }
}
