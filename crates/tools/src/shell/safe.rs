//! Which commands only read, so that nobody need be asked about them.
//!
//! Source of the list: what the protocol's recorded sessions run without a question under the `untrusted` policy.

use super::program;
use super::script::{Part, parts, shell_script};

/// Programs that only read whatever their arguments are.
const READERS: &[&str] = &[
    "cat", "cd", "cut", "echo", "expr", "false", "grep", "head", "id", "ls", "nl", "paste", "pwd", "rev", "seq",
    "stat", "tail", "tr", "true", "uname", "wc", "which", "whoami",
];

/// Whether every part of the command is known to do no more than read. Says no when in doubt.
pub fn is_known_safe(argv: &[String]) -> bool {
    if shell_script(argv).is_none() {
        return is_safe(argv);
    }
    parts(argv).is_some_and(|parts| parts.iter().all(|Part { words, .. }| is_known_safe(words)))
}

fn is_safe(words: &[String]) -> bool {
    let arguments = words.get(1..).unwrap_or_default();
    let none = |refused: &dyn Fn(&str) -> bool| !arguments.iter().any(|word| refused(word));
    match program(words) {
        "base64" => none(&|word| word.starts_with("-o") || word.starts_with("--o")),
        "find" => none(&|word| {
            ["-delete", "-exec", "-execdir", "-ok", "-okdir", "-fls"].contains(&word) || word.starts_with("-fprint")
        }),
        "rg" => none(&|word| {
            word == "--search-zip"
                || ["--pre", "--hostname-bin"].iter().any(|option| word.starts_with(option))
                || is_cluster_with(word, 'z')
        }),
        "sed" => {
            matches!(arguments, [quiet, range, ..] if quiet == "-n" && is_print_range(range) && arguments.len() <= 3)
        }
        // A second name is where it writes.
        "uniq" => arguments.iter().filter(|word| !word.starts_with('-')).count() < 2,
        "git" => git_reads(arguments),
        name => READERS.contains(&name),
    }
}

/// Whether `word` is a group of one-letter options that holds `letter`.
fn is_cluster_with(word: &str, letter: char) -> bool {
    word.strip_prefix('-').is_some_and(|letters| {
        !letters.starts_with('-')
            && letters.chars().all(|letter| letter.is_ascii_alphabetic())
            && letters.contains(letter)
    })
}

/// `Np` or `N,Mp`: prints lines.
pub(super) fn is_print_range(word: &str) -> bool {
    word.strip_suffix('p').is_some_and(|range| {
        range.splitn(2, ',').all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn git_reads(arguments: &[String]) -> bool {
    let Some((command, rest)) = arguments.split_first() else { return false };
    let runs_or_writes = |word: &String| {
        word.starts_with("--output")
            || word.starts_with("-o")
            || word.starts_with("--exec")
            || word == "--ext-diff"
            || word == "--textconv"
    };
    if rest.iter().any(runs_or_writes) {
        return false;
    }
    match command.as_str() {
        "status" | "log" | "diff" | "show" => true,
        "branch" => rest.iter().all(|word| {
            matches!(
                word.as_str(),
                "--show-current" | "--list" | "-l" | "-a" | "--all" | "-r" | "--remotes" | "-v" | "-vv" | "--verbose"
            ) || word.starts_with("--format=")
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(script: &str) -> bool {
        is_known_safe(&["/bin/bash".to_owned(), "-lc".to_owned(), script.to_owned()])
    }

    #[test]
    fn commands_that_only_read_are_known() {
        for script in [
            "ls -la",
            "cat a.txt",
            "pwd",
            "echo hi",
            "head -n 1 a.txt",
            "tail -n 1 a.txt",
            "wc -l a.txt",
            "grep hello a.txt",
            "stat a.txt",
            "uname -a",
            "whoami",
            "true",
            "false",
            "which ls",
            "cut -c1 a.txt",
            "uniq a.txt",
            "nl a.txt",
            "seq 3",
            "tr a b",
            "id",
            "expr 1 + 1",
            "rev a.txt",
            "paste a.txt",
            "git status",
            "git log -1",
            "git diff",
            "git show HEAD",
            "git branch",
            "git branch --show-current",
            "find . -name a.txt",
            "sed -n 1,2p a.txt",
            "sed -n 1p a.txt",
            "rg hello",
            "base64 a.txt",
            "ls && pwd",
            "ls; pwd",
            "ls || pwd",
            "cat a.txt | head -n 1",
            "ls\npwd",
            "ls 'a b'",
            "grep \"hello\" a.txt",
            "ls *.txt",
            "echo {a,b}",
            "echo ~",
            "bash -lc 'ls'",
            "bash -c 'ls && pwd'",
            "sh -c ls",
            "zsh -lc ls",
            "/bin/ls",
            "./ls",
        ] {
            assert!(safe(script), "{script}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for script in [
            "git branch -d x",
            "git -c a.b=c status",
            "git diff --output=x",
            "git add a.txt",
            "git commit -m x",
            "find . -delete",
            "find . -exec rm {} +",
            "find . -fprint x",
            "sed -i s/a/b/ a.txt",
            "sed s/a/b/ a.txt",
            "sed -n '1p;2p' a.txt",
            "rg --pre cat hello",
            "rg --search-zip hello",
            "rg -z hello",
            "base64 -o out a.txt",
            "env",
            "printenv",
            "ls | xargs rm",
            "ls && touch x",
            "touch x && ls",
            "ls & pwd",
            "(ls && pwd)",
            "cat a.txt | sort | uniq | wc -l",
            "ls > out",
            "cat < a.txt",
            "echo $(pwd)",
            "echo $HOME",
            "FOO=1 ls",
            "for i in 1; do ls; done",
            "cat <<EOF\nx\nEOF",
            "! ls",
            "ls -- 'x",
            "bash -lc 'touch x'",
            "bash script.sh",
            "sudo ls",
            "command ls",
            "exec ls",
            "xargs ls",
            "time ls",
            "nohup ls",
            "sort a.txt",
            "uniq in out",
            "git",
            "git branch new",
            "sed -n",
            "",
        ] {
            assert!(!safe(script), "{script}");
        }
        assert!(!is_known_safe(&[]));
    }
}
