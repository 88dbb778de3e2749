//! Takes shell scripts apart into plain commands.

use std::ops::ControlFlow;

use tree_sitter::{Node, Parser, Tree};

use super::program;

/// One simple command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub words: Vec<String>,
    /// Whether it reads what the part before it writes.
    pub piped: bool,
}

/// The script that `argv` gives to a shell with `-c` or `-lc`, if that is all it does.
pub fn shell_script(argv: &[String]) -> Option<&str> {
    match argv {
        [_, flag, script]
            if matches!(program(argv), "bash" | "sh" | "zsh") && matches!(flag.as_str(), "-c" | "-lc") =>
        {
            Some(script)
        }
        _ => None,
    }
}

/// The simple commands of `argv`: those of the script it gives to a shell, or `argv` itself. `None` when the script is
/// more than plain commands, see [`split`].
pub fn parts(argv: &[String]) -> Option<Vec<Part>> {
    match shell_script(argv) {
        Some(script) => split(script),
        None => Some(vec![Part { words: argv.to_vec(), piped: false }]),
    }
}

/// Splits a script that is nothing but words joined by `&&`, `||`, `;`, `|` and line ends.
///
/// `None` for everything whose words are known only when it runs (variables, substitution), or whose effect is more
/// than that of its words (redirection, assignment, background, subshell, control words), and for syntax errors.
/// Globs, braces and the tilde stay as written.
pub fn split(script: &str) -> Option<Vec<Part>> {
    let tree = parse(script)?;
    if tree.root_node().has_error() {
        return None;
    }
    let mut parts = Vec::new();
    collect(tree.root_node(), script, false, &mut parts)?;
    (!parts.is_empty()).then_some(parts)
}

/// Whether a here-document or here-string feeds a command of the script.
pub fn has_heredoc(script: &str) -> bool {
    let Some(tree) = parse(script) else { return false };
    walk(tree.root_node(), &mut |node| match node.kind() {
        "heredoc_redirect" | "herestring_redirect" => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// The words of every simple command anywhere in the script, as far as they can be told; a word that is known only
/// when it runs stands as written.
pub(super) fn every_command(script: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    if let Some(tree) = parse(script) {
        let _ = walk(tree.root_node(), &mut |node| {
            if node.kind() == "command" {
                let words = |node: Node<'_>| literal(node, script).unwrap_or_else(|| text(node, script).to_owned());
                commands.push(named_children(node).filter(|node| is_word(*node)).map(words).collect());
            }
            ControlFlow::Continue(())
        });
    }
    commands
}

pub(super) fn parse(script: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    parser.parse(script, None)
}

/// Calls `visit` for every node, parents first.
fn walk(node: Node<'_>, visit: &mut impl FnMut(Node<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    // Scripts nest as deep as their author likes; a list of our own does not overflow as the stack would.
    let mut todo = vec![node];
    while let Some(node) = todo.pop() {
        visit(node)?;
        let mut cursor = node.walk();
        let children: Vec<_> = node.children(&mut cursor).collect();
        todo.extend(children.into_iter().rev());
    }
    ControlFlow::Continue(())
}

pub(super) fn named_children<'tree>(node: Node<'tree>) -> impl Iterator<Item = Node<'tree>> {
    (0..node.named_child_count()).filter_map(move |index| node.named_child(index))
}

pub(super) fn text<'a>(node: Node<'_>, script: &'a str) -> &'a str {
    &script[node.byte_range()]
}

/// Puts the commands below `node` into `parts`; `None` when something else is found. `piped` is about the first one.
fn collect(node: Node<'_>, script: &str, piped: bool, parts: &mut Vec<Part>) -> Option<()> {
    match node.kind() {
        "program" | "list" | "pipeline" => {
            let mut piped = piped;
            for index in 0..node.child_count() {
                let child = node.child(index)?;
                if child.is_named() {
                    if child.kind() == "comment" {
                        continue;
                    }
                    collect(child, script, piped, parts)?;
                    piped = false;
                } else {
                    match child.kind() {
                        "|" => piped = true,
                        "&&" | "||" | ";" | "\n" => {}
                        _ => return None,
                    }
                }
            }
            Some(())
        }
        "command" => {
            let mut words = Vec::new();
            for index in 0..node.child_count() {
                let child = node.child(index)?;
                if !is_word(child) {
                    return None;
                }
                words.push(literal(child, script)?);
            }
            parts.push(Part { words, piped });
            Some(())
        }
        _ => None,
    }
}

fn is_word(node: Node<'_>) -> bool {
    matches!(node.kind(), "command_name" | "word" | "number" | "string" | "raw_string" | "concatenation")
}

/// The word's value, if it does not depend on anything.
pub(super) fn literal(node: Node<'_>, script: &str) -> Option<String> {
    match node.kind() {
        "command_name" => literal(node.named_child(0)?, script),
        "word" | "number" => {
            let expands = named_children(node).next().is_some();
            (!expands).then(|| unescape(text(node, script), |_| true))
        }
        "raw_string" => Some(text(node, script).strip_prefix('\'')?.strip_suffix('\'')?.to_owned()),
        "string" => {
            let plain = named_children(node).all(|child| child.kind() == "string_content");
            let inner = text(node, script).strip_prefix('"')?.strip_suffix('"')?;
            plain.then(|| unescape(inner, |escaped| matches!(escaped, '"' | '\\' | '$' | '`' | '\n')))
        }
        "concatenation" => {
            let mut word = String::new();
            let mut end = node.start_byte();
            for index in 0..node.child_count() {
                let child = node.child(index)?;
                // The parts of one word touch; what lies between would be lost.
                if child.start_byte() != end {
                    return None;
                }
                end = child.end_byte();
                if child.is_named() {
                    word.push_str(&literal(child, script)?);
                } else {
                    word.push_str(text(child, script));
                }
            }
            Some(word)
        }
        "brace_expression" => Some(text(node, script).to_owned()),
        _ => None,
    }
}

/// Takes away backslashes before the characters that `special` names; an escaped line end goes altogether.
fn unescape(text: &str, special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match (character, rest.clone().next()) {
            ('\\', Some(next)) if special(next) => {
                rest.next();
                if next != '\n' {
                    out.push(next);
                }
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(script: &str) -> Option<String> {
        let parts = split(script)?;
        let part = |part: &Part| format!("{}{}", if part.piped { "| " } else { "" }, part.words.join("·"));
        Some(parts.iter().map(part).collect::<Vec<_>>().join(" / "))
    }

    #[test]
    fn plain_commands_are_split_into_words() {
        let table = [
            ("ls", "ls"),
            ("ls && pwd", "ls / pwd"),
            ("ls; pwd || true", "ls / pwd / true"),
            ("ls\npwd\n", "ls / pwd"),
            ("ls # why\n", "ls"),
            ("cat a.txt | sort | uniq && ls", "cat·a.txt / | sort / | uniq / ls"),
            ("ls 'a b' \"c d\"", "ls·a b·c d"),
            ("touch 'a \"b\" c'", "touch·a \"b\" c"),
            ("echo a\\ b \"x \\\"y\\\" \\n\"", "echo·a b·x \"y\" \\n"),
            ("echo a'b'\"c\"d", "echo·abcd"),
            ("head -n 5 *.txt ~/x {a,b}", "head·-n·5·*.txt·~/x·{a,b}"),
            ("sed -n 1,3p a.txt", "sed·-n·1,3p·a.txt"),
            ("find . -exec rm {} +", "find·.·-exec·rm·{}·+"),
            ("env FOO=1 touch x", "env·FOO=1·touch·x"),
            ("git -c a.b=c status", "git·-c·a.b=c·status"),
            ("ls\\\n -a", "ls·-a"),
            ("''", ""),
        ];
        for (script, expected) in table {
            assert_eq!(shown(script).as_deref(), Some(expected), "{script}");
        }
    }

    #[test]
    fn anything_more_is_not_split() {
        for script in [
            "ls > out",
            "cat < a.txt",
            "echo $(pwd)",
            "echo `pwd`",
            "echo $HOME",
            "FOO=1 ls",
            "FOO=1",
            "! ls",
            "for i in 1; do ls; done",
            "if true; then ls; fi",
            "echo \"$HOME\"",
            "cat <<EOF\nx\nEOF",
            "ls -- 'x",
            "ls & pwd",
            "(ls && pwd)",
            "{ ls; }",
            "ls |& cat",
            "ls &",
            "f() { ls; }; f",
            "[[ -f x ]] && ls",
            "export A=1",
            "echo $'a'",
            "cat <(ls)",
            "cat <<< x",
            "",
            "# only a comment",
            "echo $((1+1))",
            "ls && ",
            "echo ${A}",
        ] {
            assert_eq!(shown(script), None, "{script}");
        }
    }

    #[test]
    fn a_script_is_found_behind_a_shell() {
        let argv = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(shell_script(&argv(&["/bin/bash", "-lc", "ls"])), Some("ls"));
        assert_eq!(shell_script(&argv(&["sh", "-c", "ls"])), Some("ls"));
        assert_eq!(shell_script(&argv(&["bash", "script.sh"])), None);
        assert_eq!(shell_script(&argv(&["bash", "-lc", "ls", "x"])), None);
        assert_eq!(shell_script(&argv(&["python3", "-c", "ls"])), None);
    }

    #[test]
    fn here_documents_are_seen() {
        assert!(has_heredoc("cat <<EOF\nx\nEOF"));
        assert!(has_heredoc("ls && cat <<< x"));
        assert!(!has_heredoc("ls > out"));
    }

    #[test]
    fn commands_are_found_wherever_they_are() {
        let found = every_command("for d in a b; do rm -rf \"$d\" > log; done; echo $(rm 'x y')");
        assert!(found.contains(&vec!["rm".into(), "-rf".into(), "\"$d\"".into()]), "{found:?}");
        assert!(found.contains(&vec!["rm".into(), "x y".into()]), "{found:?}");
    }
}
