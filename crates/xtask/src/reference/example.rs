//! The conversations that pages show. Each is a file that a test of the server replays; see `docs/protocol/examples`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// A conversation as its author wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// Messages with an arrow each, remarks between them.
    conversation: String,
    /// Notifications that come between the messages and are not shown.
    left_out: Option<String>,
}

/// Reads every example of a folder, by file name without extension.
pub(super) fn load(folder: &Path) -> anyhow::Result<BTreeMap<String, Example>> {
    let mut examples = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let example = parse(&text).with_context(|| format!("the example {name}"))?;
        examples.insert(name, example);
    }
    Ok(examples)
}

/// A head of `name: value` lines, a blank line, the conversation.
fn parse(text: &str) -> anyhow::Result<Example> {
    let (head, conversation) = text.split_once("\n\n").context("no blank line between head and conversation")?;
    let left_out = head.lines().find_map(|line| line.strip_prefix("left out: ")).map(str::to_owned);
    let starts = ["→ ", "← ", "// ", "  "];
    let strange =
        conversation.lines().find(|line| !line.is_empty() && !starts.iter().any(|start| line.starts_with(start)));
    ensure!(strange.is_none(), "a line is neither a message nor a remark: {}", strange.unwrap_or_default());
    Ok(Example { conversation: conversation.trim_end().to_owned(), left_out })
}

impl Example {
    pub(super) fn render(&self, name: &str) -> String {
        let mut text = format!("<!-- example: {name} -->\n\n```jsonc\n{}\n```\n", self.conversation);
        if let Some(left_out) = &self.left_out {
            let methods: Vec<_> = left_out.split(", ").map(|method| format!("`{method}`")).collect();
            text.push_str(&format!("\nNot shown, and told in between: {}.\n", methods.join(", ")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_not_shown_but_what_is_left_out_is_said() {
        let example = parse("model: {\"say\": [\"hi\"]}\nleft out: a/b, c\n\n→ {\"id\": 1}\n// a remark\n").unwrap();
        assert_eq!(
            example.render("x"),
            "<!-- example: x -->\n\n```jsonc\n→ {\"id\": 1}\n// a remark\n```\n\nNot shown, and told in between: `a/b`, `c`.\n"
        );
    }

    #[test]
    fn a_line_that_is_no_message_is_refused() {
        assert!(parse("model: {}\n\n{\"id\": 1}\n").is_err());
    }
}
