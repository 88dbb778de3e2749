//! Which skills a prompt asks for, and the text that then goes to the model.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use types::AbsPath;

use super::Skill;

/// A part of the user's input that may ask for a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mention<'a> {
    /// A skill that the client names by its `SKILL.md`.
    Item { path: &'a Path },
    /// Text that may hold `$name` or `[$name](path)`.
    Text(&'a str),
}

/// The enabled skills that the input asks for, each once: those named by items, in their order; then those that texts
/// link to, then those that texts name, both in the order of the list. Unknown names and paths mean nothing, and so
/// does a bare name that several skills share.
#[must_use]
pub fn mentioned<'s>(skills: &'s [Skill], mentions: &[Mention<'_>]) -> Vec<&'s Skill> {
    let mut linked: HashSet<PathBuf> = HashSet::new();
    let mut named: HashSet<&str> = HashSet::new();
    let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut found: Vec<&Skill> = Vec::new();
    for mention in mentions {
        match mention {
            Mention::Item { path } => {
                let path = canonical(path);
                add(&mut found, skills.iter().filter(|skill| skill.path.as_path() == path));
            }
            Mention::Text(text) => {
                for reference in references(text) {
                    match reference {
                        Reference::Link(path) => {
                            linked.insert(canonical(Path::new(path.strip_prefix("skill://").unwrap_or(path))));
                        }
                        Reference::Name(name) => {
                            named.insert(name);
                        }
                    }
                }
            }
        }
    }
    add(&mut found, skills.iter().filter(|skill| linked.contains(skill.path.as_path())));
    let owners = |name: &str| skills.iter().filter(|skill| skill.enabled && skill.name == name).count();
    add(&mut found, skills.iter().filter(|skill| named.contains(&*skill.name) && owners(&skill.name) == 1));
    found
}

/// Adds what is enabled and new.
fn add<'s>(found: &mut Vec<&'s Skill>, skills: impl Iterator<Item = &'s Skill>) {
    for skill in skills.filter(|skill| skill.enabled) {
        if !found.iter().any(|known| known.path == skill.path) {
            found.push(skill);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Reference<'a> {
    Name(&'a str),
    Link(&'a str),
}

/// Every `$name` and `[$name](path)` of a text.
fn references(text: &str) -> Vec<Reference<'_>> {
    let mut references = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        let rest = &text[at + 1..];
        let len = rest.bytes().take_while(|byte| is_name_byte(*byte)).count();
        from = at + 1 + len;
        if len == 0 {
            continue;
        }
        let link = text[..at].ends_with('[').then(|| link_target(&rest[len..])).flatten();
        match link {
            Some((target, after)) => {
                references.push(Reference::Link(target));
                from = text.len() - after.len();
            }
            // A sentence may end in a colon or a dot; names do not.
            None => references.push(Reference::Name(rest[..len].trim_end_matches(':'))),
        }
    }
    references
}

/// The target of `](target)` and what follows it.
fn link_target(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(']')?.trim_start().strip_prefix('(')?;
    let (target, after) = inner.split_once(')')?;
    let target = target.trim();
    (!target.is_empty()).then_some((target, after))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':')
}

/// The user message that gives the model a skill: the whole file. `None` when it cannot be read any more.
#[must_use]
pub fn injection(name: &str, path: &AbsPath) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(format!("<skill>\n<name>{name}</name>\n<path>{path}</path>\n{text}\n</skill>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skills::Scope;

    fn skill(name: &str, path: &str, enabled: bool) -> Skill {
        Skill {
            name: name.to_owned(),
            description: "d".to_owned(),
            short_description: None,
            interface: None,
            dependencies: Vec::new(),
            path: AbsPath::new(path).unwrap(),
            scope: Scope::Repo,
            enabled,
            implicit: true,
        }
    }

    fn check(mentions: &[Mention<'_>], expected: &[&str]) {
        let skills = [
            skill("one", "/s/one/SKILL.md", true),
            skill("two", "/s/two/SKILL.md", true),
            skill("off", "/s/off/SKILL.md", false),
            skill("twin", "/s/twin/SKILL.md", true),
            skill("twin", "/h/twin/SKILL.md", true),
            skill("p:q", "/p/q/SKILL.md", true),
        ];
        let paths: Vec<_> =
            mentioned(&skills, mentions).iter().map(|skill| skill.path.to_str().unwrap().to_owned()).collect();
        assert_eq!(paths, expected, "{mentions:?}");
    }

    #[test]
    fn names_in_text_count_as_whole_words() {
        check(&[Mention::Text("use $one and then $two, not $onerous")], &["/s/one/SKILL.md", "/s/two/SKILL.md"]);
        check(&[Mention::Text("use $p:q: now")], &["/p/q/SKILL.md"]);
        check(&[Mention::Text("costs $ 5, $PATH and $nobody")], &[]);
    }

    #[test]
    fn items_come_first_then_links_then_names_in_the_order_of_the_list() {
        let item = Mention::Item { path: Path::new("/s/two/SKILL.md") };
        check(&[Mention::Text("$one"), item], &["/s/two/SKILL.md", "/s/one/SKILL.md"]);
        check(&[Mention::Text("$two $one")], &["/s/one/SKILL.md", "/s/two/SKILL.md"]);
        check(&[Mention::Text("$two [$two](/s/two/SKILL.md) $one")], &["/s/two/SKILL.md", "/s/one/SKILL.md"]);
    }

    #[test]
    fn each_skill_comes_once() {
        let item = Mention::Item { path: Path::new("/s/one/SKILL.md") };
        check(&[Mention::Text("$one and $one"), item], &["/s/one/SKILL.md"]);
    }

    #[test]
    fn a_link_names_the_file() {
        check(&[Mention::Text("use [$one](/s/one/SKILL.md)")], &["/s/one/SKILL.md"]);
        check(&[Mention::Text("use [$twin](/h/twin/SKILL.md)")], &["/h/twin/SKILL.md"]);
        check(&[Mention::Text("use [$one](/nowhere)")], &[]);
    }

    #[test]
    fn disabled_ambiguous_and_wrong_ones_mean_nothing() {
        check(&[Mention::Text("$off $twin"), Mention::Item { path: Path::new("/s/off/SKILL.md") }], &[]);
        check(&[Mention::Item { path: Path::new("/s/nowhere/SKILL.md") }], &[]);
    }

    #[test]
    fn an_injection_holds_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = AbsPath::new(folder.path().join("SKILL.md")).unwrap();
        assert_eq!(injection("one", &path), None);
        fs::write(&path, "---\nname: one\n---\nBody.\n").unwrap();
        assert_eq!(
            injection("one", &path).unwrap(),
            format!("<skill>\n<name>one</name>\n<path>{path}</path>\n---\nname: one\n---\nBody.\n\n</skill>")
        );
    }
}
