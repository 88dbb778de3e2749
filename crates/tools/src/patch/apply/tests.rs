//! Patches applied to files on disk.

use super::*;
use crate::patch::parse;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn root(&self) -> AbsPath {
        AbsPath::new(self.folder.path()).unwrap()
    }

    fn plan(&self, body: &str) -> Result<Plan, String> {
        let patch = parse(&format!("*** Begin Patch\n{body}*** End Patch\n")).unwrap();
        plan(&patch, &self.root()).map_err(|error| error.to_string().replace(&self.root().to_string(), "ROOT"))
    }

    fn apply(&self, body: &str) -> String {
        let plan = self.plan(body).unwrap();
        plan.write().unwrap();
        plan.summary()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

/// The text of a one-file project after an update with these chunks.
#[track_caller]
fn check(before: &str, chunks: &str, after: &str) {
    let project = Project::new(&[("a", before)]);
    project.apply(&format!("*** Update File: a\n{chunks}"));
    assert_eq!(project.text("a"), after);
}

#[test]
fn files_are_added_changed_moved_and_deleted_and_the_summary_says_so() {
    let project = Project::new(&[("gone", "x\n"), ("old", "before\n"), ("kept", "1\n2\n")]);
    let summary = project.apply(
        "*** Delete File: gone\n*** Update File: old\n*** Move to: deep/new\n@@\n-before\n+after\n*** Update File: kept\n@@\n-2\n+3\n*** Add File: z/y/x\n+hi\n*** Add File: b\n",
    );
    assert_eq!(summary, "Success. Updated the following files:\nA z/y/x\nA b\nM deep/new\nM kept\nD gone\n");
    assert_eq!(
        [project.text("deep/new"), project.text("kept"), project.text("z/y/x"), project.text("b")],
        ["after\n", "1\n3\n", "hi\n", ""]
    );
    assert!(!project.folder.path().join("gone").exists());
    assert!(!project.folder.path().join("old").exists());
}

#[test]
fn changes_for_clients_have_full_paths_in_order() {
    let project = Project::new(&[("old", "before\n"), ("gone", "x\n")]);
    let root = project.root();
    let plan = project
        .plan("*** Update File: old\n*** Move to: moved\n@@\n-before\n+after\n*** Delete File: gone\n*** Add File: a\n+1\n")
        .unwrap();
    let change = |name: &str, kind, diff: String| FileChange { path: root.join(name).to_string(), kind, diff };
    let moved = root.join("moved");
    assert_eq!(
        plan.changes(),
        [
            change("a", FileChangeKind::Add, "1\n".into()),
            change("gone", FileChangeKind::Delete, "x\n".into()),
            change(
                "old",
                FileChangeKind::Update { move_path: Some(moved.as_path().to_owned()) },
                format!("@@ -1 +1 @@\n-before\n+after\n\n\nMoved to: {moved}")
            ),
        ]
    );
}

#[test]
fn a_diff_for_clients_has_one_line_of_context() {
    let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
    let project = Project::new(&[("a", &text)]);
    let plan = project.plan("*** Update File: a\n@@\n-line 10\n+LINE 10\n@@\n-line 20\n+LINE 20\n").unwrap();
    assert_eq!(
        plan.changes()[0].diff,
        "@@ -9,3 +9,3 @@\n line 9\n-line 10\n+LINE 10\n line 11\n@@ -19,3 +19,3 @@\n line 19\n-line 20\n+LINE 20\n line 21\n"
    );
}

#[test]
fn an_added_file_may_take_the_place_of_another() {
    let project = Project::new(&[("a", "old\n")]);
    let plan = project.plan("*** Add File: a\n+new\n").unwrap();
    assert_eq!(plan.changes()[0].kind, FileChangeKind::Add);
    plan.write().unwrap();
    assert_eq!(project.text("a"), "new\n");
}

#[test]
fn later_parts_of_a_patch_see_the_earlier_ones() {
    let project = Project::new(&[("a", "1\n")]);
    let summary = project.apply(
        "*** Update File: a\n@@\n-1\n+2\n*** Update File: a\n@@\n-2\n+3\n*** Add File: b\n+x\n*** Update File: b\n@@\n-x\n+y\n",
    );
    assert_eq!(summary, "Success. Updated the following files:\nA b\nM a\n");
    assert_eq!([project.text("a"), project.text("b")], ["3\n", "y\n"]);
}

#[test]
fn a_file_that_is_deleted_and_added_is_an_update() {
    let project = Project::new(&[("a", "1\n")]);
    let plan = project.plan("*** Delete File: a\n*** Add File: a\n+2\n").unwrap();
    assert_eq!(plan.changes()[0].diff, "@@ -1 +1 @@\n-1\n+2\n");
}

#[test]
fn lines_are_found_in_spite_of_blanks_and_typography_and_kept_as_they_are() {
    check("foo   \nbar\n", "@@\n foo\n-bar\n+baz\n", "foo   \nbaz\n");
    check("\tfoo\nbar\n", "@@\n foo\n-bar\n+baz\n", "\tfoo\nbaz\n");
    check(
        "say \u{201c}hi\u{201d} \u{2014} ok\nx\n",
        "@@\n say \"hi\" - ok\n-x\n+y\n",
        "say \u{201c}hi\u{201d} \u{2014} ok\ny\n",
    );
}

#[test]
fn line_ends_of_the_file_are_kept() {
    check("a\r\nb\r\nc", "@@\n-b\n+B\n", "a\r\nB\r\nc\r\n");
    check("\u{feff}a\nb\n", "@@\n-a\n+A\n", "\u{feff}A\nb\n");
    check("x\ny", "@@\n x\n-y\n+z\n", "x\nz\n");
}

#[test]
fn anchors_tell_like_places_apart() {
    check("class A\n  f()\nclass B\n  f()\n", "@@ class B\n-  f()\n+  g()\n", "class A\n  f()\nclass B\n  g()\n");
    check("class B(Base):\n  x\n", "@@ class B\n-  x\n+  y\n", "class B(Base):\n  y\n");
    check("def f():\n  x\n", "@@ def f():\n def f():\n-  x\n+  y\n", "def f():\n  y\n");
    check("a\nx\nb\nx\n", "@@ b\n-x\n+y\n", "a\nx\nb\ny\n");
}

#[test]
fn lines_to_add_alone_go_below_the_anchor_or_to_the_end() {
    check("a\nb\n", "@@ a\n+new\n", "a\nnew\nb\n");
    check("a\nb\n", "@@\n+new\n", "a\nb\nnew\n");
    check("", "@@\n+new\n", "new\n");
}

#[test]
fn an_empty_line_at_the_chunks_end_need_not_be_in_the_file() {
    check("a\nb\n", "@@\n a\n-b\n+c\n\n", "a\nc\n");
    check("a\n\nb\n", "@@\n-a\n+c\n\n", "c\n\nb\n");
}

#[test]
fn chunks_out_of_order_are_put_where_they_fit_if_that_is_clear() {
    check("a\nb\nc\n", "@@\n-c\n+C\n@@\n-a\n+A\n", "A\nb\nC\n");
}

#[test]
fn the_end_of_the_file_is_meant_when_said() {
    check("x\ny\nx\n", "@@\n-x\n+z\n*** End of File\n", "x\ny\nz\n");
}

#[test]
fn emptying_a_file_leaves_nothing() {
    check("a\n", "@@\n-a\n", "");
}

#[test]
fn what_does_not_fit_is_said_with_what_is_there() {
    let project = Project::new(&[("a", "one\ntwo\nthree\n"), ("b", "x\n")]);
    fs::create_dir(project.folder.path().join("dir")).unwrap();
    fs::write(project.folder.path().join("bin"), b"\xff").unwrap();
    let table = [
        ("*** Update File: a\n@@\n-not there\n+x\n", "expected lines not found in ROOT/a:\nnot there"),
        (
            "*** Update File: a\n@@\n one\n-zwei\n+x\n",
            "expected lines not found in ROOT/a:\none\nzwei\n(Nearest: line 1 is as expected, but line 2 is `two`. Read the file again before the next patch.)",
        ),
        (
            "*** Update File: a\n@@\n two\n three\n-four\n",
            "expected lines not found in ROOT/a:\ntwo\nthree\nfour\n(Nearest: lines 2 to 3 are as expected, but the file ends there.)",
        ),
        (
            "*** Update File: a\n@@ class X\n-one\n+x\n",
            "anchor `class X` not found in ROOT/a: after `@@` comes a whole line of the file, or nothing",
        ),
        ("*** Update File: none\n@@\n-a\n", "cannot read ROOT/none: No such file or directory (os error 2)"),
        ("*** Delete File: none\n", "cannot read ROOT/none: No such file or directory (os error 2)"),
        ("*** Delete File: dir\n", "ROOT/dir is a folder"),
        ("*** Add File: dir\n+x\n", "ROOT/dir is a folder"),
        ("*** Update File: a\n*** Move to: dir\n@@\n-one\n", "ROOT/dir is a folder"),
        ("*** Update File: /dev/null\n@@\n-a\n", "/dev/null is a pipe, a device or the like; change it with a command"),
        ("*** Update File: bin\n@@\n-a\n", "ROOT/bin is not UTF-8 text; change it with a command"),
        (
            "*** Delete File: b\n*** Update File: b\n@@\n-x\n",
            "ROOT/b was moved or deleted earlier in this patch; use one patch for each step",
        ),
    ];
    for (body, expected) in table {
        assert_eq!(project.plan(body).unwrap_err(), expected, "{body}");
    }
}

#[test]
fn nothing_is_written_when_one_file_does_not_fit() {
    let project = Project::new(&[("a", "1\n")]);
    project.plan("*** Add File: new\n+x\n*** Update File: a\n@@\n-2\n+3\n").unwrap_err();
    assert!(!project.folder.path().join("new").exists());
}

#[test]
fn a_failure_half_way_says_what_is_changed_and_what_is_not() {
    let project = Project::new(&[("file", "x\n")]);
    let plan = project.plan("*** Add File: one\n+1\n*** Add File: file/two\n+2\n*** Add File: three\n+3\n").unwrap();
    let failure = plan.write().unwrap_err();
    assert_eq!(failure.path, project.root().join("file/two"));
    let text = failure.to_string();
    assert!(text.ends_with("\nAlready changed:\nA one\nNot changed:\nA file/two\nA three"), "{text}");
    assert_eq!(project.text("one"), "1\n");
    assert!(!project.folder.path().join("three").exists());
}

#[test]
fn mode_and_links_survive() {
    let project = Project::new(&[("run.sh", "#!/bin/sh\n")]);
    let file = project.folder.path().join("run.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("run.sh", project.folder.path().join("link")).unwrap();
    project.apply("*** Update File: link\n@@\n #!/bin/sh\n+echo\n");
    assert!(project.folder.path().join("link").is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(project.text("run.sh"), "#!/bin/sh\necho\n");
    assert_eq!(fs::read_dir(project.folder.path()).unwrap().count(), 2, "no file is left behind");
}
