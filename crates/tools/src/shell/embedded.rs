//! Patches that a model writes as a shell command.

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

/// The patch of a script that is `[cd FOLDER &&] apply_patch <<WORD`, joined by `&&`, `;` or a line end.
fn whole_script(root: Node<'_>, script: &str) -> Option<EmbeddedPatch> {
    let statements: Vec<Node<'_>> = named_children(root).filter(|node| node.kind() != "comment").collect();
    let (before, [fed]) = statements.split_at(statements.len().checked_sub(1)?) else { return None };
    if fed.kind() != "redirected_statement" {
        return None;
    }
    let [body, heredoc] = named_children(*fed).collect::<Vec<_>>().try_into().ok()?;
    // The grammar hangs the here-document on the whole list that its command ends.
    let mut commands = before.to_vec();
    commands.extend(if body.kind() == "list" { joined_by_and(body)? } else { vec![body] });
    let commands: Option<Vec<Vec<String>>> = commands.into_iter().map(|command| words(command, script)).collect();
    let cd = match commands?.as_slice() {
        [apply] if is_apply(apply) => None,
        [cd, apply] if is_apply(apply) => match cd.as_slice() {
            [name, folder] if name == "cd" => Some(folder.clone()),
            _ => return None,
        },
        _ => return None,
    };
    Some(EmbeddedPatch { text: heredoc_text(heredoc, script)?, cd })
}

fn is_apply(words: &[String]) -> bool {
    matches!(words, [name] if NAMES.contains(&name.as_str()))
}

fn joined_by_and(list: Node<'_>) -> Option<Vec<Node<'_>>> {
    let mut operators = (0..list.child_count()).filter_map(|index| list.child(index)).filter(|node| !node.is_named());
    operators.all(|node| node.kind() == "&&").then(|| named_children(list).collect())
}

/// What the here-document says. Not even an unquoted one has its variables replaced: a patch means what it says.
fn heredoc_text(redirect: Node<'_>, script: &str) -> Option<String> {
    if redirect.kind() != "heredoc_redirect" {
        return None;
    }
    let children = || named_children(redirect);
    // Anything else in the redirection would be lost: `<<EOF | tee log`.
    if !children().all(|node| matches!(node.kind(), "heredoc_start" | "heredoc_body" | "heredoc_end")) {
        return None;
    }
    children().find(|node| node.kind() == "heredoc_body").map(|body| text(body, script).to_owned())
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
