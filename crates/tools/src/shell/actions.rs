//! What the parts of a command line seem to do, for people who watch.

use std::path::Path;

use types::AbsPath;
use types::item::CommandAction;

use super::program;
use super::quote::join;
use super::safe::is_print_range;
use super::script::{Part, shell_script, split};

/// Tells what `argv` does, part by part: reading, listing or searching where its words show that, else one unknown
/// action with the whole command. `home` is what `~/` stands for.
///
/// Parts that only shape or accompany the output of others (`| head`, `echo …`, `cd …`) are left out.
pub fn actions(argv: &[String], cwd: &AbsPath, home: Option<&Path>) -> Vec<CommandAction> {
    let script = shell_script(argv);
    let whole = || script.map_or_else(|| join(argv), str::to_owned);
    let parts = match script {
        Some(script) => split(script),
        None => Some(vec![Part { words: argv.to_vec(), piped: false }]),
    };
    parts
        .and_then(|parts| known(&parts, &whole(), cwd.clone(), home))
        .unwrap_or_else(|| vec![CommandAction::Unknown { command: whole() }])
}

/// The actions of `parts`, `None` unless all that matter are known.
fn known(parts: &[Part], whole: &str, mut cwd: AbsPath, home: Option<&Path>) -> Option<Vec<CommandAction>> {
    let mut actions = Vec::new();
    for part in parts {
        match part.words.as_slice() {
            [cd, folder] if cd == "cd" && !folder.starts_with('-') => cwd = resolve(&cwd, folder, home),
            words if accompanies(words) || (part.piped && shapes(words)) => {}
            words => actions.push(action(words, &cwd, home)?),
        }
    }
    // Which lines of a file are read is part of what is shown.
    let ranges = parts.iter().any(|part| is_line_range(&part.words));
    if let ([CommandAction::Read { command, .. }], true, true) = (actions.as_mut_slice(), ranges, parts.len() > 1) {
        whole.clone_into(command);
    }
    (!actions.is_empty()).then_some(actions)
}

/// Whether the part says something or nothing, beside others that do the work.
fn accompanies(words: &[String]) -> bool {
    matches!(program(words), "echo" | "printf" | "true" | ":")
}

/// Whether the part only shapes what is piped into it.
fn shapes(words: &[String]) -> bool {
    let files = operands(&words[1..], &["-n", "-c", "-d", "-f", "-k", "-t", "-w"]).len();
    match program(words) {
        "head" | "tail" | "sort" | "uniq" | "wc" | "cut" | "nl" | "rev" | "column" => files == 0,
        "tr" => true,
        "sed" => is_line_range(words) && words.len() == 3,
        _ => false,
    }
}

fn is_line_range(words: &[String]) -> bool {
    program(words) == "sed" && matches!(words, [_, quiet, range, ..] if quiet == "-n" && is_print_range(range))
}

/// Makes the actions of one part.
struct Maker<'a> {
    command: String,
    cwd: &'a AbsPath,
    home: Option<&'a Path>,
}

impl Maker<'_> {
    /// Reads the file, if it is just one.
    fn read(self, files: &[&str]) -> Option<CommandAction> {
        let [file] = files else { return None };
        let name = Path::new(file).file_name().map_or_else(|| (*file).to_owned(), |name| name.to_string_lossy().into());
        Some(CommandAction::Read { name, path: resolve(self.cwd, file, self.home), command: self.command })
    }

    /// Lists the first of the paths, or the working directory.
    fn list(self, paths: &[&str]) -> Option<CommandAction> {
        Some(CommandAction::ListFiles { command: self.command, path: paths.first().map(|path| short(path)) })
    }

    /// Searches the first of the paths, or wherever the program does by itself.
    fn search(self, query: &str, paths: &[&str]) -> Option<CommandAction> {
        let (query, path) = (Some(query.to_owned()), paths.first().map(|path| short(path)));
        Some(CommandAction::Search { command: self.command, query, path })
    }

    /// Searches for a pattern, or lists the files that would be searched.
    fn searched(self, arguments: &[String], with_value: &[&str]) -> Option<CommandAction> {
        let words = operands(arguments, with_value);
        if arguments.iter().any(|word| word == "--files") {
            return self.list(&words);
        }
        let option = arguments.iter().position(|word| word == "-e" || word == "--regexp");
        let named = option.and_then(|at| arguments.get(at + 1));
        match (named, words.as_slice()) {
            // The operands begin with the pattern, which the option names.
            (Some(query), [_, rest @ ..]) => self.search(query, rest),
            (None, [query, rest @ ..]) => self.search(query, rest),
            (_, []) => None,
        }
    }

    /// `find`: searches by name or path, else lists.
    fn found(self, arguments: &[String]) -> Option<CommandAction> {
        let acts = |word: &String| ["-delete", "-exec", "-ok", "-f"].iter().any(|option| word.starts_with(option));
        if arguments.iter().any(acts) {
            return None;
        }
        let words = arguments.iter().map(String::as_str);
        let paths: Vec<&str> = words.take_while(|word| !word.starts_with(['-', '(', '!'])).collect();
        let tests = ["-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex"];
        let test = arguments.iter().position(|word| tests.contains(&word.as_str()));
        match test.and_then(|at| arguments.get(at + 1)) {
            Some(query) => self.search(query, &paths),
            None => self.list(&paths),
        }
    }
}

fn action(words: &[String], cwd: &AbsPath, home: Option<&Path>) -> Option<CommandAction> {
    let arguments = &words[1..];
    let make = Maker { command: join(words), cwd, home };
    match program(words) {
        "cat" | "less" | "more" | "bat" | "batcat" | "nl" => make.read(&operands(arguments, PAGER_VALUES)),
        "head" | "tail" => match arguments {
            [flag, ..] if flag == "-f" || flag == "-F" || flag.starts_with("-c") => None,
            _ => make.read(&operands(arguments, &["-n", "--lines"])),
        },
        "sed" if is_line_range(words) => make.read(&arguments[2..].iter().map(String::as_str).collect::<Vec<_>>()),
        "awk" => match operands(arguments, &["-F", "-v"]).as_slice() {
            [_, file] => make.read(&[file]),
            _ => None,
        },
        "ls" | "eza" | "exa" | "tree" | "du" => make.list(&operands(arguments, LS_VALUES)),
        "rg" | "rga" | "ag" | "ack" => make.searched(arguments, RG_VALUES),
        "grep" | "egrep" | "fgrep" => make.searched(arguments, GREP_VALUES),
        "git" => match arguments.split_first() {
            Some((grep, rest)) if grep == "grep" => make.searched(rest, GREP_VALUES),
            Some((files, rest)) if files == "ls-files" => make.list(&operands(rest, &["-x", "-X", "--exclude"])),
            _ => None,
        },
        "fd" | "fdfind" => match operands(arguments, FD_VALUES).as_slice() {
            [] => make.list(&[]),
            [query, rest @ ..] => make.search(query, rest),
        },
        "find" => make.found(arguments),
        _ => None,
    }
}

// Options that take the next word as their value, where leaving that out would make it look like a file.
const PAGER_VALUES: &[&str] = &["-s", "-w", "-v", "-i", "-l", "-r", "--theme", "--language", "--style"];
const LS_VALUES: &[&str] = &["-I", "-w", "-L", "-P", "-d", "--ignore", "--max-depth", "--level"];
const FD_VALUES: &[&str] = &["-t", "--type", "-e", "--extension", "-E", "--exclude", "-d", "--max-depth"];
const RG_VALUES: &[&str] = &[
    "-A",
    "-B",
    "-C",
    "-M",
    "-T",
    "-d",
    "-f",
    "-g",
    "-j",
    "-m",
    "-r",
    "-t",
    "--after-context",
    "--before-context",
    "--color",
    "--context",
    "--glob",
    "--iglob",
    "--ignore-file",
    "--max-columns",
    "--max-count",
    "--max-depth",
    "--replace",
    "--sort",
    "--threads",
    "--type",
    "--type-not",
];
const GREP_VALUES: &[&str] = &[
    "-A",
    "-B",
    "-C",
    "-m",
    "-f",
    "--after-context",
    "--before-context",
    "--context",
    "--max-count",
    "--exclude",
    "--include",
];

/// The arguments that are no options; options of `with_value` take the word after them along.
fn operands<'a>(arguments: &'a [String], with_value: &[&str]) -> Vec<&'a str> {
    let mut operands = Vec::new();
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == "--" {
            operands.extend(words.by_ref());
        } else if word.starts_with('-') && word.len() > 1 {
            if with_value.contains(&word) {
                words.next();
            }
        } else {
            operands.push(word);
        }
    }
    operands
}

fn resolve(cwd: &AbsPath, path: &str, home: Option<&Path>) -> AbsPath {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => cwd.join(home.join(rest)),
        _ => cwd.join(path),
    }
}

/// The path's last telling name.
fn short(path: &str) -> String {
    let dull = |name: &&str| matches!(*name, "build" | "dist" | "node_modules" | "src");
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    match names.iter().rev().find(|name| !dull(name)).or(names.last()) {
        Some(name) => (*name).to_owned(),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actions of a script, short: `read NAME PATH`, `list PATH`, `search QUERY PATH`, and the command where it is
    /// not the script itself.
    fn shown(script: &str) -> String {
        let argv = ["/bin/bash".to_owned(), "-lc".to_owned(), script.to_owned()];
        let cwd = AbsPath::new("/w").unwrap();
        let show = |action: CommandAction| {
            let none = || "-".to_owned();
            let (text, command) = match action {
                CommandAction::Read { command, name, path } => (format!("read {name} {path}"), command),
                CommandAction::ListFiles { command, path } => (format!("list {}", path.unwrap_or_else(none)), command),
                CommandAction::Search { command, query, path } => {
                    (format!("search {} {}", query.unwrap_or_else(none), path.unwrap_or_else(none)), command)
                }
                CommandAction::Unknown { command } => ("unknown".to_owned(), command),
            };
            if command == script { text } else { format!("{text} ({command})") }
        };
        actions(&argv, &cwd, Some(Path::new("/home/u"))).into_iter().map(show).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_read_is_named() {
        let table = [
            ("cat a.txt", "read a.txt /w/a.txt"),
            ("cat -n a.txt", "read a.txt /w/a.txt"),
            ("cat -- -x", "read -x /w/-x"),
            ("cat 'a b.txt'", "read a b.txt /w/a b.txt"),
            ("cat sub/../a.txt", "read a.txt /w/a.txt"),
            ("cat /etc/passwd", "read passwd /etc/passwd"),
            ("cat ~/a.txt", "read a.txt /home/u/a.txt (cat '~/a.txt')"),
            ("nl -ba a.txt", "read a.txt /w/a.txt"),
            ("head -n 5 a.txt", "read a.txt /w/a.txt"),
            ("tail -n +3 a.txt", "read a.txt /w/a.txt"),
            ("head a.txt", "read a.txt /w/a.txt"),
            ("less a.txt", "read a.txt /w/a.txt"),
            ("bat --style=plain a.txt", "read a.txt /w/a.txt (bat '--style=plain' a.txt)"),
            ("awk '{print}' a.txt", "read a.txt /w/a.txt"),
            ("sed -n 1,3p a.txt", "read a.txt /w/a.txt (sed -n '1,3p' a.txt)"),
            ("sed -n 10p a.txt", "read a.txt /w/a.txt"),
            ("cat a.txt | head", "read a.txt /w/a.txt (cat a.txt)"),
            ("cat a.txt | wc -l", "read a.txt /w/a.txt (cat a.txt)"),
            ("sed -n 1,3p a.txt | head", "read a.txt /w/a.txt"),
            ("nl -ba a.txt | sed -n '1,20p'", "read a.txt /w/a.txt"),
            ("cd sub && cat a.txt", "read a.txt /w/sub/a.txt (cat a.txt)"),
            ("echo hi && cat a.txt", "read a.txt /w/a.txt (cat a.txt)"),
            ("cat a.txt || true", "read a.txt /w/a.txt (cat a.txt)"),
        ];
        for (script, expected) in table {
            assert_eq!(shown(script), expected, "{script}");
        }
    }

    #[test]
    fn lists_and_searches_are_told_with_short_paths() {
        let table = [
            ("ls -a", "list -"),
            ("ls -la sub sub2", "list sub"),
            ("ls src/foo/bar", "list bar"),
            ("ls a/node_modules", "list a"),
            ("ls src", "list src"),
            ("ls /", "list /"),
            ("ls ..", "list .."),
            ("ls | head", "list - (ls)"),
            ("ls sub/ | sort", "list sub (ls sub/)"),
            ("tree sub", "list sub"),
            ("find .", "list ."),
            ("find sub -type f", "list sub"),
            ("rg --files", "list -"),
            ("rg --files sub", "list sub"),
            ("git ls-files sub", "list sub"),
            ("rg hello .", "search hello ."),
            ("rg -n foo sub", "search foo sub"),
            ("rg -g '*.rs' foo", "search foo -"),
            ("rg -e foo sub", "search foo sub"),
            ("rg --type rust foo a/b/c", "search foo c"),
            ("rg 'foo|bar' src tests", "search foo|bar src"),
            ("grep -n -C 2 foo a.txt", "search foo a.txt"),
            ("grep -n hello a.txt | head -n 2", "search hello a.txt (grep -n hello a.txt)"),
            ("git grep foo", "search foo -"),
            ("fd -t f foo sub", "search foo sub"),
            ("find . -name a.txt", "search a.txt ."),
            ("cd sub && rg foo .", "search foo . (rg foo .)"),
            ("ls && cat a.txt", "list - (ls), read a.txt /w/a.txt (cat a.txt)"),
            ("ls | grep foo", "list - (ls), search foo - (grep foo)"),
            ("cat a.txt\nls", "read a.txt /w/a.txt (cat a.txt), list - (ls)"),
        ];
        for (script, expected) in table {
            assert_eq!(shown(script), expected, "{script}");
        }
    }

    #[test]
    fn everything_else_is_one_unknown_action() {
        for script in [
            "echo hi",
            "pwd",
            "git status && echo ok",
            "pwd && ls",
            "cat a.txt b.txt",
            "cat < a.txt",
            "cat a.txt > b.txt",
            "cat $HOME/x",
            "cat",
            "head -c 10 a.txt",
            "tail -f a.txt",
            "sed -n 1,3p",
            "sed s/a/b/ a.txt",
            "wc -l a.txt",
            "(cat a.txt)",
            "cat a.txt &",
            "sudo cat a.txt",
            "bash -lc 'cat a.txt'",
            "find . -delete",
            "find . -exec rm {} +",
            "yes | rm x",
            "cd sub && pwd",
            "cd sub",
            "which ls",
            "",
        ] {
            assert_eq!(shown(script), "unknown", "{script}");
        }
    }

    #[test]
    fn words_without_a_shell_are_understood_too() {
        let argv = ["cat", "a.txt"].map(str::to_owned);
        let cwd = AbsPath::new("/w").unwrap();
        assert!(matches!(actions(&argv, &cwd, None).as_slice(), [CommandAction::Read { name, .. }] if name == "a.txt"));
        let argv = ["touch", "a b"].map(str::to_owned);
        let unknown = CommandAction::Unknown { command: "touch 'a b'".to_owned() };
        assert_eq!(actions(&argv, &cwd, None), [unknown]);
    }
}
