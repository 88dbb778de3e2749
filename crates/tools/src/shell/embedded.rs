//! Patches that a model writes as a shell command.

use std::ops::Range;

use tree_sitter::Node;

use super::program;
use super::script::{literal, named_children, parse, shell_script, text};

/// What a command has to do with patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Embedded {
    /// Nothing.
    No,
    /// It applies a patch and does nothing else.
    Patch(EmbeddedPatch),
    /// It is the text of a patch, without a program to apply it.
    Bare,
    /// It applies a patch as one of several things, or in a form that cannot be taken out.
    Mixed,
}

/// A patch found in a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedPatch {
    pub text: String,
    /// Where the command changes to first.
    pub cd: Option<String>,
}

const NAMES: [&str; 2] = ["apply_patch", "applypatch"];

/// Finds a patch in a command: `apply_patch PATCH` as words, `apply_patch <<'EOF'` in a shell's script, there also
/// after `cd FOLDER &&`.
pub fn embedded_patch(argv: &[String]) -> Embedded {
    match argv {
        [name, text] if NAMES.contains(&name.as_str()) => {
            return Embedded::Patch(EmbeddedPatch { text: text.clone(), cd: None });
        }
        [text] if text.trim_start().starts_with("*** Begin Patch") => return Embedded::Bare,
        _ => {}
    }
    let Some(script) = shell_script(argv) else { return Embedded::No };
    if script.trim_start().starts_with("*** Begin Patch") {
        return Embedded::Bare;
    }
    // The parser costs more than this look.
    if !NAMES.iter().any(|name| script.contains(name)) {
        return Embedded::No;
    }
    let Some(tree) = parse(script) else { return Embedded::No };
    match whole_script(tree.root_node(), script) {
        Some(patch) => Embedded::Patch(patch),
        None if applies(tree.root_node(), script) => Embedded::Mixed,
        None => Embedded::No,
    }
}

/// The patch of a script that is `[cd FOLDER &&] apply_patch <<WORD`.
fn whole_script(root: Node<'_>, script: &str) -> Option<EmbeddedPatch> {
    let mut statements: Vec<Node<'_>> = named_children(root).filter(|node| node.kind() != "comment").collect();
    if statements.len() == 1 && statements[0].kind() == "list" {
        statements = joined_by_and(statements[0])?;
    }
    match statements.as_slice() {
        [apply] => from_heredoc(*apply, script, None),
        [cd, apply] => match words(*cd, script)?.as_slice() {
            [name, folder] if name == "cd" => from_heredoc(*apply, script, Some(folder.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn joined_by_and(list: Node<'_>) -> Option<Vec<Node<'_>>> {
    let operators = (0..list.child_count()).filter_map(|index| list.child(index)).filter(|node| !node.is_named());
    operators.into_iter().all(|node| node.kind() == "&&").then(|| named_children(list).collect())
}

fn from_heredoc(statement: Node<'_>, script: &str, cd: Option<String>) -> Option<EmbeddedPatch> {
    let parts: Vec<Node<'_>> = named_children(statement).collect();
    let (command, redirect) = match (statement.kind(), parts.as_slice()) {
        ("redirected_statement", [command, redirect]) if redirect.kind() == "heredoc_redirect" => (*command, *redirect),
        _ => return None,
    };
    if !matches!(words(command, script)?.as_slice(), [name] if NAMES.contains(&name.as_str())) {
        return None;
    }
    let children = || named_children(redirect);
    // Anything else in the redirection would be lost with it: `<<EOF | tee log`.
    if !children().all(|node| matches!(node.kind(), "heredoc_start" | "heredoc_body" | "heredoc_end")) {
        return None;
    }
    let quoted = children()
        .find(|node| node.kind() == "heredoc_start")
        .is_some_and(|node| text(node, script).starts_with(['\'', '"', '\\']));
    let body = children().find(|node| node.kind() == "heredoc_body")?;
    let range: Range<usize> = body.byte_range();
    let body = &script[range];
    // Without quotes the shell would put in the values of variables; a patch means what it says.
    let _ = quoted;
    Some(EmbeddedPatch { text: body.to_owned(), cd })
}

fn words(command: Node<'_>, script: &str) -> Option<Vec<String>> {
    if command.kind() != "command" {
        return None;
    }
    named_children(command).map(|word| literal(word, script)).collect()
}

/// Whether a command called `apply_patch` runs anywhere in the script.
fn applies(root: Node<'_>, script: &str) -> bool {
    let mut todo = vec![root];
    while let Some(node) = todo.pop() {
        if node.kind() == "command" && words(node, script).is_some_and(|words| NAMES.contains(&program(&words))) {
            return true;
        }
        todo.extend(named_children(node));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "*** Begin Patch\n*** Add File: a\n+it's $HOME\n*** End Patch\n";

    fn found(script: &str) -> Embedded {
        embedded_patch(&["bash".to_owned(), "-lc".to_owned(), script.to_owned()])
    }

    fn patch(cd: Option<&str>) -> Embedded {
        Embedded::Patch(EmbeddedPatch { text: PATCH.to_owned(), cd: cd.map(str::to_owned) })
    }

    #[test]
    fn a_here_document_is_taken_out() {
        for start in ["apply_patch <<'EOF'", "apply_patch <<\"EOF\"", "applypatch <<EOF", "apply_patch << 'EOF'"] {
            assert_eq!(found(&format!("{start}\n{PATCH}EOF\n")), patch(None), "{start}");
        }
        assert_eq!(found(&format!("cd sub && apply_patch <<'EOF'\n{PATCH}EOF")), patch(Some("sub")));
        assert_eq!(found(&format!("cd 'a b' && apply_patch <<'EOF'\n{PATCH}EOF")), patch(Some("a b")));
        assert_eq!(found(&format!("cd sub\napply_patch <<'EOF'\n{PATCH}EOF")), patch(Some("sub")));
        assert_eq!(found(&format!("cd sub; apply_patch <<'EOF'\n{PATCH}EOF")), patch(Some("sub")));
    }

    #[test]
    fn a_patch_as_an_argument_is_one_too() {
        assert_eq!(embedded_patch(&["apply_patch".to_owned(), PATCH.to_owned()]), patch(None));
    }

    #[test]
    fn a_patch_alone_is_told_apart() {
        assert_eq!(found(PATCH), Embedded::Bare);
        assert_eq!(embedded_patch(&[PATCH.to_owned()]), Embedded::Bare);
    }

    #[test]
    fn a_patch_among_other_commands_is_not_taken_out() {
        for script in [
            format!("echo hi && apply_patch <<'EOF'\n{PATCH}EOF"),
            format!("cd sub || apply_patch <<'EOF'\n{PATCH}EOF"),
            format!("apply_patch <<'EOF' && ls\n{PATCH}EOF"),
            format!("apply_patch <<'EOF' > log\n{PATCH}EOF"),
            format!("apply_patch '{}'", PATCH.replace('\'', "")),
        ] {
            assert_eq!(found(&script), Embedded::Mixed, "{script}");
        }
    }

    #[test]
    fn the_name_alone_is_no_patch() {
        for script in ["grep -rn apply_patch .", "echo apply_patch", "ls"] {
            assert_eq!(found(script), Embedded::No, "{script}");
        }
    }
}
