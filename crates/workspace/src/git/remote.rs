//! What a working tree has that its remotes do not, asked of git itself.

use std::time::Duration;

use exec::{Chunk, Command, End, Io, Launcher, Sandbox, SpawnError, Stream, Watcher};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use types::AbsPath;

/// How long one call of git may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a difference may be.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How many branches of remotes are looked at, the newest first. Their hashes must fit into a command line.
const MOST_BRANCHES: &str = "--count=5000";

/// Options of every difference, so that it looks the same under any configuration and starts no other program.
const DIFF: [&str; 7] =
    ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/"];

/// How a working tree differs from what its remotes are known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteDiff {
    /// The newest commit of the current history that a remote has too.
    pub sha: String,
    /// Everything since then, committed or not, as a unified diff; after it the files that git does not know yet and
    /// does not ignore.
    pub diff: String,
}

/// Why there is no difference to tell.
#[derive(Debug, thiserror::Error)]
pub enum RemoteDiffError {
    #[error("not inside a git repository")]
    NotARepository,
    #[error("no remote is known to have a commit of the current history")]
    NothingShared,
    #[error("the difference is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("failed to start git")]
    NotStarted(#[from] SpawnError),
    #[error("git {command} failed")]
    Failed { command: String },
    #[error("failed to look at the files for git")]
    Files(#[from] std::io::Error),
}

/// Compares the working tree around `cwd` with its remotes, as they were when git last spoke to them. Changes nothing
/// in the repository. `env` is the environment of git.
///
/// # Errors
/// See [`RemoteDiffError`].
///
/// # Cancel safety
/// Cancel safe: a dropped call leaves no process.
pub async fn diff(launcher: &Launcher, env: &[(String, String)], cwd: &AbsPath) -> Result<RemoteDiff, RemoteDiffError> {
    let root = super::repo_root(cwd).ok_or(RemoteDiffError::NotARepository)?;
    let mut git = Git { launcher, env: env.to_vec(), root };
    git.set("GIT_OPTIONAL_LOCKS", "0");
    let branches = git
        .run(&["for-each-ref", "--sort=-committerdate", MOST_BRANCHES, "--format=%(objectname)", "refs/remotes"])
        .await?;
    if branches.is_empty() {
        return Err(RemoteDiffError::NothingShared);
    }
    // The best ancestor that the head has in common with all branches taken together.
    let common: Vec<&str> = ["merge-base", "HEAD"].into_iter().chain(branches.lines()).collect();
    let sha = git.run(&common).await.map_err(|error| match error {
        RemoteDiffError::Failed { .. } => RemoteDiffError::NothingShared,
        other => other,
    })?;
    let sha = sha.trim().to_owned();
    let mut diff = git.run(&[&DIFF[..], &[&sha, "--"]].concat()).await?;
    diff.push_str(&git.unknown_files().await?);
    if diff.len() > MOST_BYTES {
        return Err(RemoteDiffError::TooLarge);
    }
    Ok(RemoteDiff { sha, diff })
}

/// Calls git in one working tree.
struct Git<'a> {
    launcher: &'a Launcher,
    env: Vec<(String, String)>,
    root: AbsPath,
}

impl Git<'_> {
    fn set(&mut self, name: &str, value: &str) {
        exec::set_variables(&mut self.env, [(name, value)]);
    }

    /// The files that git does not know, as differences from nothing: they are noted in a copy of the index.
    async fn unknown_files(&mut self) -> Result<String, RemoteDiffError> {
        let index = self.run(&["rev-parse", "--git-path", "index"]).await?;
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("index");
        match tokio::fs::copy(self.root.join(index.trim_end_matches('\n')), &copy).await {
            // A repository without an index knows no file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => drop(copied?),
        }
        self.set("GIT_INDEX_FILE", &copy.to_string_lossy());
        self.run(&["add", "--intent-to-add", "--ignore-errors", "--", "."]).await?;
        self.run(&[&DIFF[..], &["--diff-filter=A", "--"]].concat()).await
    }

    /// What git prints.
    async fn run(&self, arguments: &[&str]) -> Result<String, RemoteDiffError> {
        let quiet = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
        let command = Command {
            argv: quiet.iter().chain(arguments).map(|&word| word.to_owned()).collect(),
            cwd: self.root.clone(),
            env: self.env.clone(),
            io: Io::Pipes { stdin: false },
            sandbox: Sandbox::None,
            proxy: None,
        };
        let process = self.launcher.spawn(command).await?;
        let (_, no_input) = mpsc::unbounded_channel();
        let mut output = Output::default();
        let end = exec::attend(process, no_input, Some(TIMEOUT), &CancellationToken::new(), &mut output).await;
        match end {
            End::Exited(exit) if exit.code == Some(0) => Ok(String::from_utf8_lossy(&output.0).into_owned()),
            End::Stopped => Err(RemoteDiffError::TooLarge),
            End::Exited(_) | End::TimedOut => Err(RemoteDiffError::Failed { command: arguments[0].to_owned() }),
        }
    }
}

/// Standard output, up to its limit.
#[derive(Default)]
struct Output(Vec<u8>);

impl Watcher for Output {
    async fn ready(&mut self) {}

    fn output(&mut self, chunk: Chunk) -> bool {
        if chunk.stream == Stream::Stdout {
            self.0.extend_from_slice(&chunk.bytes);
        }
        self.0.len() <= MOST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Repo {
        launcher: Launcher,
        env: Vec<(String, String)>,
        root: AbsPath,
        _folder: tempfile::TempDir,
    }

    impl Repo {
        /// A repository with one commit and a remote that knows nothing.
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
            let options = exec::Options { tmpdir: None, codex_home: root.join("home"), path: None };
            let mut env = vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())];
            for who in ["AUTHOR", "COMMITTER"] {
                env.push((format!("GIT_{who}_NAME"), "Test".to_owned()));
                env.push((format!("GIT_{who}_EMAIL"), "test@example.com".to_owned()));
            }
            for place in ["GLOBAL", "SYSTEM"] {
                env.push((format!("GIT_CONFIG_{place}"), "/dev/null".to_owned()));
            }
            let repo = Self { launcher: Launcher::new(options), env, root: root.join("work"), _folder: folder };
            fs::create_dir(&repo.root).unwrap();
            repo.git(&["init", "-q", "-b", "main"]).await;
            repo.git(&["init", "-q", "--bare", "../remote"]).await;
            repo.git(&["remote", "add", "origin", "../remote"]).await;
            repo.commit("a.txt", "one\n").await;
            repo
        }

        async fn git(&self, arguments: &[&str]) -> String {
            let git = Git { launcher: &self.launcher, env: self.env.clone(), root: self.root.clone() };
            git.run(arguments).await.unwrap().trim().to_owned()
        }

        async fn commit(&self, name: &str, text: &str) {
            fs::write(self.root.join(name), text).unwrap();
            self.git(&["add", "."]).await;
            self.git(&["commit", "-q", "-m", name]).await;
        }

        async fn diff(&self) -> Result<RemoteDiff, RemoteDiffError> {
            diff(&self.launcher, &self.env, &self.root).await
        }
    }

    #[tokio::test]
    async fn a_remote_that_shares_nothing_gives_no_difference() {
        let repo = Repo::new().await;
        assert!(matches!(repo.diff().await, Err(RemoteDiffError::NothingShared)));
        let outside = repo.root.parent().unwrap();
        let outside = diff(&repo.launcher, &repo.env, &outside).await;
        assert!(matches!(outside, Err(RemoteDiffError::NotARepository)));
    }

    #[tokio::test]
    async fn commits_changes_and_unknown_files_are_told() {
        let repo = Repo::new().await;
        repo.git(&["push", "-q", "origin", "main"]).await;
        let sha = repo.git(&["rev-parse", "HEAD"]).await;
        assert_eq!(repo.diff().await.unwrap(), RemoteDiff { sha: sha.clone(), diff: String::new() });

        repo.git(&["checkout", "-q", "-b", "never-pushed"]).await;
        repo.commit("b.txt", "two\n").await;
        fs::write(repo.root.join("a.txt"), "changed\n").unwrap();
        fs::write(repo.root.join(".gitignore"), "ignored\n").unwrap();
        fs::write(repo.root.join("ignored"), "x").unwrap();
        let before = repo.git(&["status", "--porcelain"]).await;
        let told = repo.diff().await.unwrap();
        assert_eq!(told.sha, sha);
        let files: Vec<_> = told.diff.lines().filter(|line| line.starts_with("diff --git")).collect();
        let expected = ["a.txt", "b.txt", ".gitignore"].map(|name| format!("diff --git a/{name} b/{name}"));
        assert_eq!(files, expected);
        assert!(told.diff.ends_with("--- /dev/null\n+++ b/.gitignore\n@@ -0,0 +1 @@\n+ignored\n"), "{}", told.diff);
        assert_eq!(repo.git(&["status", "--porcelain"]).await, before, "nothing has changed");
    }

    #[tokio::test]
    async fn the_newest_shared_commit_counts_when_histories_have_parted() {
        let repo = Repo::new().await;
        let sha = repo.git(&["rev-parse", "HEAD"]).await;
        repo.commit("theirs.txt", "x\n").await;
        repo.git(&["push", "-q", "origin", "main"]).await;
        repo.git(&["reset", "-q", "--hard", &sha]).await;
        repo.commit("ours.txt", "x\n").await;
        let told = repo.diff().await.unwrap();
        assert_eq!(told.sha, sha);
        assert!(told.diff.contains("ours.txt") && !told.diff.contains("theirs.txt"), "{}", told.diff);
    }
}
