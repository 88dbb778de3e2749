//! What all patches of a turn changed, as git would show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sha1::{Digest, Sha1};
use similar::TextDiff;
use types::AbsPath;

use super::apply::Plan;

/// The longest search for a small diff; after that it is merely correct.
const DIFF_TIME: Duration = Duration::from_millis(500);

const NO_BLOB: &str = "0000000000000000000000000000000000000000";

/// Remembers each file as it was when a patch of the turn first touched it.
#[derive(Debug)]
pub struct TurnDiff {
    /// Paths are shown from here where possible.
    root: AbsPath,
    /// By the path at first touch.
    files: BTreeMap<AbsPath, Tracked>,
}

#[derive(Debug)]
struct Tracked {
    before: Option<Blob>,
    /// Where the file is now, if it still is.
    now: AbsPath,
}

#[derive(Debug, PartialEq, Eq)]
struct Blob {
    bytes: Vec<u8>,
    executable: bool,
}

impl TurnDiff {
    /// Nothing changed yet. Paths are shown relative to the repository that holds `cwd`, outside of one relative to
    /// `cwd` itself, and in full where a file is elsewhere.
    pub fn new(cwd: &AbsPath) -> Self {
        let root = cwd.ancestors().find(|folder| folder.join(".git").exists()).and_then(|root| AbsPath::new(root).ok());
        Self { root: root.unwrap_or_else(|| cwd.clone()), files: BTreeMap::new() }
    }

    /// Takes note of what `plan` is about to change. Call it before [`Plan::write`]; reads files, blocks meanwhile.
    pub fn record(&mut self, plan: &Plan) {
        for (path, target) in plan.moves() {
            let tracked = self.track(path);
            if let Some(target) = target {
                tracked.now = target.clone();
            }
        }
    }

    fn track(&mut self, path: &AbsPath) -> &mut Tracked {
        let origin = self.files.iter().find(|(_, tracked)| tracked.now == *path).map(|(origin, _)| origin.clone());
        self.files
            .entry(origin.unwrap_or_else(|| path.clone()))
            .or_insert_with(|| Tracked { before: Blob::read(path), now: path.clone() })
    }

    /// The diff from first touch to the files as they are on disk, empty when nothing changed. Blocks while it reads.
    pub fn unified(&self) -> String {
        let mut out = String::new();
        for (origin, tracked) in &self.files {
            self.file(&mut out, origin, tracked);
        }
        out
    }

    fn file(&self, out: &mut String, origin: &AbsPath, tracked: &Tracked) {
        let (before, after) = (tracked.before.as_ref(), Blob::read(&tracked.now));
        let after = after.as_ref();
        let moved = tracked.now != *origin && before.is_some() && after.is_some();
        if before == after && !moved {
            return;
        }
        let old = format!("a/{}", self.shown(origin));
        let new = format!("b/{}", self.shown(if moved { &tracked.now } else { origin }));
        let _ = writeln!(out, "diff --git {old} {new}");
        match (before, after) {
            (None, Some(after)) => {
                let _ = writeln!(out, "new file mode {}", after.mode());
            }
            (Some(before), None) => {
                let _ = writeln!(out, "deleted file mode {}", before.mode());
            }
            (Some(before), Some(after)) if before.executable != after.executable => {
                let _ = writeln!(out, "old mode {}\nnew mode {}", before.mode(), after.mode());
            }
            _ => {}
        }
        let bytes = |blob: Option<&Blob>| blob.map(|blob| blob.bytes.clone()).unwrap_or_default();
        let (old_bytes, new_bytes) = (bytes(before), bytes(after));
        if before.is_some() && after.is_some() && old_bytes == new_bytes {
            if moved {
                let _ = writeln!(out, "similarity index 100%\nrename from {}\nrename to {}", &old[2..], &new[2..]);
            }
            return;
        }
        let _ = writeln!(out, "index {}..{}", id(before), id(after));
        let old = if before.is_some() { &old } else { "/dev/null" };
        let new = if after.is_some() { &new } else { "/dev/null" };
        match (std::str::from_utf8(&old_bytes), std::str::from_utf8(&new_bytes)) {
            (Ok(old_text), Ok(new_text)) if old_text != new_text => {
                let _ = write!(out, "--- {old}\n+++ {new}\n{}", hunks(old_text, new_text, 3));
            }
            (Ok(_), Ok(_)) => {}
            _ => {
                let _ = writeln!(out, "Binary files {old} and {new} differ");
            }
        }
    }

    fn shown(&self, path: &AbsPath) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

impl Blob {
    fn read(path: &AbsPath) -> Option<Self> {
        let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let bytes = fs::read(path).ok()?;
        let executable = meta.permissions().mode() & 0o111 != 0;
        Some(Self { bytes, executable })
    }

    fn mode(&self) -> &'static str {
        if self.executable { "100755" } else { "100644" }
    }
}

/// The differences line by line, with `context` lines around each, without a header.
pub(super) fn hunks(old: &str, new: &str, context: usize) -> String {
    let diff = TextDiff::configure().timeout(DIFF_TIME).diff_lines(old, new);
    diff.unified_diff().context_radius(context).to_string()
}

/// The name git gives to a file's content.
fn id(blob: Option<&Blob>) -> String {
    let Some(blob) = blob else { return NO_BLOB.to_owned() };
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", blob.bytes.len()));
    hash.update(&blob.bytes);
    hash.finalize().iter().fold(String::with_capacity(NO_BLOB.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::{parse, plan};

    struct Project {
        folder: tempfile::TempDir,
        diff: TurnDiff,
    }

    impl Project {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join(".git")).unwrap();
            fs::write(folder.path().join("old.txt"), "before\n").unwrap();
            let diff = TurnDiff::new(&AbsPath::new(folder.path()).unwrap());
            Self { folder, diff }
        }

        fn patch(&mut self, body: &str) -> String {
            let patch = parse(&format!("*** Begin Patch\n{body}*** End Patch")).unwrap();
            let plan = plan(&patch, &AbsPath::new(self.folder.path()).unwrap()).unwrap();
            self.diff.record(&plan);
            plan.write().unwrap();
            self.diff.unified()
        }
    }

    const ADDED: &str = "diff --git a/new.txt b/new.txt\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..e5c5c5583f49a34e86ce622b59363df99e09d4c6\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+line one\n+line two\n";
    const UPDATED: &str = "diff --git a/old.txt b/old.txt\nindex 90be1f3056c4f471f977a28497b8d4b392c55a02..294186e497a23bf3fbfde12aacc7f720f668fe9a\n--- a/old.txt\n+++ b/old.txt\n@@ -1 +1 @@\n-before\n+after\n";

    #[test]
    fn files_of_all_patches_come_by_path() {
        let mut project = Project::new();
        assert_eq!(project.patch("*** Add File: new.txt\n+line one\n+line two\n"), ADDED);
        assert_eq!(project.patch("*** Update File: old.txt\n@@\n-before\n+after\n"), format!("{ADDED}{UPDATED}"));
    }

    #[test]
    fn the_base_is_the_file_at_first_touch() {
        let mut project = Project::new();
        project.patch("*** Add File: new.txt\n+line one\n+line two\n");
        assert_eq!(
            project.patch("*** Update File: new.txt\n@@\n-line one\n+line 1\n"),
            "diff --git a/new.txt b/new.txt\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..b5d4a015e850c8f41ad425a21bcb2a7c7fe33528\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+line 1\n+line two\n"
        );
        assert_eq!(project.patch("*** Delete File: new.txt\n"), "");
    }

    #[test]
    fn a_deleted_file_is_shown_whole() {
        assert_eq!(
            Project::new().patch("*** Delete File: old.txt\n"),
            "diff --git a/old.txt b/old.txt\ndeleted file mode 100644\nindex 90be1f3056c4f471f977a28497b8d4b392c55a02..0000000000000000000000000000000000000000\n--- a/old.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-before\n"
        );
    }

    #[test]
    fn a_moved_file_keeps_its_base() {
        let mut project = Project::new();
        assert_eq!(
            project.patch("*** Update File: old.txt\n*** Move to: moved.txt\n@@\n-before\n+after\n"),
            "diff --git a/old.txt b/moved.txt\nindex 90be1f3056c4f471f977a28497b8d4b392c55a02..294186e497a23bf3fbfde12aacc7f720f668fe9a\n--- a/old.txt\n+++ b/moved.txt\n@@ -1 +1 @@\n-before\n+after\n"
        );
        assert_eq!(
            project.patch("*** Update File: moved.txt\n@@\n-after\n+before\n"),
            "diff --git a/old.txt b/moved.txt\nsimilarity index 100%\nrename from old.txt\nrename to moved.txt\n"
        );
    }

    #[test]
    fn a_change_that_is_taken_back_is_none() {
        let mut project = Project::new();
        project.patch("*** Update File: old.txt\n@@\n-before\n+after\n");
        assert_eq!(project.patch("*** Update File: old.txt\n@@\n-after\n+before\n"), "");
    }

    #[test]
    fn bytes_that_are_no_text_are_not_shown() {
        let mut project = Project::new();
        fs::write(project.folder.path().join("data"), b"\xff\x00").unwrap();
        let diff = project.patch("*** Delete File: data\n");
        assert!(diff.ends_with("Binary files a/data and /dev/null differ\n"), "{diff}");
    }

    #[test]
    fn files_elsewhere_are_shown_in_full() {
        let elsewhere = tempfile::tempdir().unwrap();
        let path = elsewhere.path().join("x.txt");
        let diff = Project::new().patch(&format!("*** Add File: {}\n+x\n", path.display()));
        assert!(diff.starts_with(&format!("diff --git a/{0} b/{0}\n", path.display())), "{diff}");
    }
}
