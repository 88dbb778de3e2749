//! Which commands are asked about even where everything else runs.

use super::program;
use super::script::{every_command, shell_script};

/// Whether a command would remove files without another question (`rm -f` in any spelling), also behind `sudo` and its
/// like, in a script given to a shell, and anywhere in such a script.
pub fn looks_dangerous(argv: &[String]) -> bool {
    if let Some(script) = shell_script(argv) {
        return every_command(script).iter().any(|words| looks_dangerous(words));
    }
    match program(argv) {
        "rm" => argv[1..].iter().take_while(|word| *word != "--").any(|word| forces(word)),
        "sudo" | "doas" | "env" | "command" | "exec" | "nohup" | "nice" | "time" | "xargs" => behind(&argv[1..]),
        _ => false,
    }
}

fn forces(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => long == "force",
        None => word.strip_prefix('-').is_some_and(|flags| flags.contains('f')),
    }
}

/// Whether the command behind a wrapper's own options and assignments is dangerous. An option's value is not told from
/// the command, so every word may be its beginning.
fn behind(words: &[String]) -> bool {
    let own = words.iter().take_while(|word| word.starts_with('-') || word.contains('=')).count();
    let options = own > 0;
    let starts = if options { own..(own + 3).min(words.len()) } else { 0..1.min(words.len()) };
    starts.into_iter().any(|start| looks_dangerous(&words[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dangerous(script: &str) -> bool {
        looks_dangerous(&["/bin/bash".to_owned(), "-lc".to_owned(), script.to_owned()])
    }

    #[test]
    fn forced_removal_is_dangerous_wherever_it_stands() {
        for script in [
            "rm -f a.txt",
            "rm -rf sub",
            "rm -fr sub",
            "rm -r -f sub",
            "rm --force x",
            "/bin/rm -rf x",
            "sudo rm -rf sub",
            "sudo -u root rm -rf sub",
            "env A=1 rm -rf x",
            "bash -lc 'rm -rf sub'",
            "ls && rm -rf sub",
            "rm -rf $HOME",
            "rm -rf x > log",
            "(rm -rf x)",
            "for d in a; do rm -rf $d; done",
            "ls | xargs rm -f",
            "ls | xargs -n 1 rm -f",
        ] {
            assert!(dangerous(script), "{script}");
        }
    }

    #[test]
    fn other_commands_are_not() {
        for script in [
            "rm a.txt",
            "rm -r sub",
            "git rm -f a.txt",
            "git reset --hard",
            "echo rm -rf x",
            "rm -- -f",
            "ls",
            "sudo ls",
            "",
        ] {
            assert!(!dangerous(script), "{script}");
        }
        assert!(!looks_dangerous(&[]));
    }
}
