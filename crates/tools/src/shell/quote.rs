//! Writes words so that a shell reads them back as they are.

/// Joins words to a command line for people and shells.
pub fn join<S: AsRef<str>>(words: &[S]) -> String {
    // A NUL byte cannot be quoted and never gets to a process either; showing it raw is all that is left.
    shlex::try_join(words.iter().map(AsRef::as_ref))
        .unwrap_or_else(|_| words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_needed() {
        let table = [
            (vec!["/bin/bash", "-lc", "echo hi"], "/bin/bash -lc 'echo hi'"),
            (vec!["/bin/bash", "-lc", "pwd"], "/bin/bash -lc pwd"),
            (vec!["/bin/bash", "-lc", "bash -lc 'ls'"], "/bin/bash -lc \"bash -lc 'ls'\""),
            (vec!["/bin/bash", "-lc", "touch 'a \"b\" c'"], "/bin/bash -lc \"touch 'a \\\"b\\\" c'\""),
            (vec!["sed", "-n", "1,3p", "a.txt"], "sed -n '1,3p' a.txt"),
            (vec!["bat", "--style=plain", "é"], "bat '--style=plain' 'é'"),
            (vec!["printf", ""], "printf ''"),
            (vec!["echo", "a^b", "a'b$c"], "echo a'^b' \"a'b\"'$c'"),
            (vec!["echo", "a\nb", "a]@+:"], "echo 'a\nb' a]@+:"),
        ];
        for (words, line) in table {
            assert_eq!(join(&words), line);
        }
    }
}
