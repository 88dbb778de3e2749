//! What a repository says about itself, read from its files. No process is started, except for [`remote`].
//!
//! All functions here block for a few small reads; on an async runtime call them where blocking is allowed.

pub mod remote;

use std::fs;
use std::path::{Path, PathBuf};

use types::{AbsPath, GitFacts};

/// References to references that are followed before giving up.
const MAX_SYMBOLIC_REFS: usize = 5;

/// The nearest of `path` and its parents that holds a `.git`, which may be a folder or a file.
#[must_use]
pub fn repo_root(path: &AbsPath) -> Option<AbsPath> {
    let mut folder = Some(path.clone());
    while let Some(current) = folder {
        if current.join(".git").exists() {
            return Some(current);
        }
        folder = current.parent();
    }
    None
}

/// The commit, branch and origin of the repository around `cwd`; `None` outside a repository.
#[must_use]
pub fn facts(cwd: &AbsPath) -> Option<GitFacts> {
    let root = repo_root(cwd)?;
    let dirs = GitDirs::of(&root)?;
    let head = fs::read_to_string(dirs.own.join("HEAD")).ok()?;
    let head = head.trim();
    let (sha, branch) = match head.strip_prefix("ref:").map(str::trim) {
        // Repositories with another kind of reference storage keep this name here; it means nothing.
        Some("refs/heads/.invalid") => (None, None),
        Some(name) => (dirs.resolve(name), name.strip_prefix("refs/heads/").map(ToOwned::to_owned)),
        None => (is_hash(head).then(|| head.to_owned()), None),
    };
    Some(GitFacts { sha, branch, origin_url: dirs.origin_url() })
}

/// Where a working tree keeps its repository.
struct GitDirs {
    /// `HEAD` and what else is the working tree's own.
    own: PathBuf,
    /// References and configuration, shared between linked working trees.
    common: PathBuf,
}

impl GitDirs {
    fn of(root: &AbsPath) -> Option<Self> {
        let dot_git = root.join(".git");
        let own = if dot_git.is_dir() {
            dot_git.into_path_buf()
        } else {
            let text = fs::read_to_string(&dot_git).ok()?;
            let target = text.lines().find_map(|line| line.strip_prefix("gitdir:"))?.trim();
            root.join(target).into_path_buf()
        };
        let common = match fs::read_to_string(own.join("commondir")) {
            Ok(text) => AbsPath::new(&own).ok()?.join(text.trim()).into_path_buf(),
            Err(_) => own.clone(),
        };
        Some(Self { own, common })
    }

    /// The commit a reference stands for.
    fn resolve(&self, name: &str) -> Option<String> {
        let mut name = name.to_owned();
        for _ in 0..MAX_SYMBOLIC_REFS {
            let Some(text) = self.loose(&name) else { return self.packed(&name) };
            let text = text.trim();
            match text.strip_prefix("ref:") {
                Some(next) => name = next.trim().to_owned(),
                None => return is_hash(text).then(|| text.to_owned()),
            }
        }
        None
    }

    fn loose(&self, name: &str) -> Option<String> {
        // A name comes from a file of the repository; it may not lead out of it.
        if Path::new(name).components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
            return None;
        }
        [&self.own, &self.common].into_iter().find_map(|folder| fs::read_to_string(folder.join(name)).ok())
    }

    fn packed(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.common.join("packed-refs")).ok()?;
        text.lines().find_map(|line| {
            let (hash, packed) = line.split_once(' ')?;
            (packed == name && is_hash(hash)).then(|| hash.to_owned())
        })
    }

    fn origin_url(&self) -> Option<String> {
        let text = fs::read_to_string(self.common.join("config")).ok()?;
        let mut in_origin = false;
        let mut url = None;
        for line in text.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                in_origin = is_origin_header(header);
            } else if in_origin
                && let Some((key, value)) = line.split_once('=')
                && key.trim().eq_ignore_ascii_case("url")
            {
                // The first URL is the one that is fetched from.
                url.get_or_insert_with(|| unquote(value.trim()));
            }
        }
        url
    }
}

/// `remote "origin"]`, with any spacing.
fn is_origin_header(header: &str) -> bool {
    let Some((section, name)) = header.split_once('"') else { return false };
    section.trim().eq_ignore_ascii_case("remote") && name.split('"').next() == Some("origin")
}

/// A value of a git configuration file without quotes, escapes and comments.
fn unquote(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut quoted = false;
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => out.extend(characters.next()),
            '#' | ';' if !quoted => break,
            other => out.push(other),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// SHA-1 or SHA-256, in hexadecimal.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    struct Repo {
        _folder: tempfile::TempDir,
        root: AbsPath,
    }

    impl Repo {
        /// `ROOT` in a text stands for the temporary folder.
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
            for (name, text) in files {
                let path = root.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text.replace("ROOT", root.to_str().unwrap())).unwrap();
            }
            Self { _folder: folder, root }
        }

        fn check(&self, cwd: &str, sha: Option<&str>, branch: Option<&str>, origin_url: Option<&str>) {
            let facts = facts(&self.root.join(cwd)).unwrap();
            let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
            let expected = GitFacts { sha: owned(sha), branch: owned(branch), origin_url: owned(origin_url) };
            assert_eq!(facts, expected, "{cwd}");
        }
    }

    #[test]
    fn a_branch_is_found_loose_and_packed() {
        let repo = Repo::new(&[
            ("a/.git/HEAD", "ref: refs/heads/feature/x\n"),
            ("a/.git/refs/heads/feature/x", &format!("{A}\n")),
            ("a/.git/packed-refs", &format!("# pack-refs with: peeled\n{B} refs/heads/feature/x\n")),
            ("a/deep/file", ""),
            ("b/.git/HEAD", "ref: refs/heads/main\n"),
            ("b/.git/packed-refs", &format!("{A} refs/heads/main2\n{B} refs/heads/main\n^{A}\n")),
        ]);
        repo.check("a/deep", Some(A), Some("feature/x"), None);
        repo.check("b", Some(B), Some("main"), None);
    }

    #[test]
    fn a_detached_head_has_no_branch_and_an_unborn_one_no_commit() {
        let repo = Repo::new(&[("a/.git/HEAD", &format!("{A}\n")), ("b/.git/HEAD", "ref: refs/heads/main\n")]);
        repo.check("a", Some(A), None, None);
        repo.check("b", None, Some("main"), None);
    }

    #[test]
    fn the_origin_is_read_from_the_configuration() {
        let repo = Repo::new(&[
            ("a/.git/HEAD", "ref: refs/heads/main\n"),
            (
                "a/.git/config",
                "[core]\n\turl = no\n[remote \"upstream\"]\n\turl = no\n[remote \"origin\"]\n\tfetch = x\n\tURL = \
                 \"https://example.com/x#y.git\" ; note\n\turl = second\n[branch \"origin\"]\n\turl = no\n",
            ),
        ]);
        repo.check("a", None, Some("main"), Some("https://example.com/x#y.git"));
    }

    #[test]
    fn linked_working_trees_share_references_but_not_the_head() {
        let repo = Repo::new(&[
            ("main/.git/HEAD", "ref: refs/heads/main\n"),
            ("main/.git/refs/heads/main", A),
            ("main/.git/refs/heads/wt", B),
            ("main/.git/config", "[remote \"origin\"]\nurl = u\n"),
            ("main/.git/worktrees/wt/HEAD", "ref: refs/heads/wt\n"),
            ("main/.git/worktrees/wt/commondir", "../..\n"),
            ("wt/.git", "gitdir: ROOT/main/.git/worktrees/wt\n"),
            ("sub/.git", "gitdir: ../main/.git\n"),
        ]);
        repo.check("main", Some(A), Some("main"), Some("u"));
        repo.check("wt", Some(B), Some("wt"), Some("u"));
        repo.check("sub", Some(A), Some("main"), Some("u"));
    }

    #[test]
    fn odd_files_give_nothing_instead_of_nonsense() {
        let repo = Repo::new(&[
            ("loop/.git/HEAD", "ref: refs/heads/a\n"),
            ("loop/.git/refs/heads/a", "ref: refs/heads/a\n"),
            ("out/.git/HEAD", "ref: ../../secret\n"),
            ("secret", A),
            ("table/.git/HEAD", "ref: refs/heads/.invalid\n"),
            ("text/.git/HEAD", "hello\n"),
        ]);
        repo.check("loop", None, Some("a"), None);
        repo.check("out", None, None, None);
        repo.check("table", None, None, None);
        repo.check("text", None, None, None);
        assert_eq!(facts(&repo.root.join("secret")), None, "outside a repository");
        assert_eq!(repo_root(&repo.root.join("loop/x/y")), Some(repo.root.join("loop")));
    }
}
