//! Deciding about projects.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use config::{Trust, trust_project, trust_root};
use types::{ApprovalPolicy, SandboxMode};

use crate::place::{Place, exists};

#[test]
fn trust_decides_the_default_policies() {
    for (level, mode) in [
        ("trust_level = \"trusted\"", SandboxMode::WorkspaceWrite),
        ("trust_level = \"untrusted\"", SandboxMode::WorkspaceWrite),
        ("", SandboxMode::ReadOnly),
    ] {
        let place = Place::with_user(&format!("[projects.\"ROOT/project\"]\n{level}\n"));
        let config = place.load("project").unwrap();
        assert_eq!((config.approval_policy(), config.sandbox_mode()), (ApprovalPolicy::OnRequest, mode), "{level}");
    }
}

#[test]
fn an_entry_counts_under_the_real_path_and_under_the_path_as_given() {
    for name in ["link", "project"] {
        let place = Place::with_user(&format!("[projects.\"ROOT/{name}\"]\ntrust_level = \"trusted\"\n"));
        symlink(place.path("project"), place.path("link")).unwrap();
        assert_eq!(place.load("link").unwrap().trust, Some(Trust::Trusted), "{name}");
    }
}

#[test]
fn a_linked_working_tree_is_trusted_with_its_main_one() {
    let place = Place::with_user("[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n");
    place
        .write("project/.git/worktrees/wt/commondir", "../..\n")
        .write("wt/.git", "gitdir: ROOT/project/.git/worktrees/wt\n")
        .write("sub/.git", "gitdir: ROOT/project/.git/modules/sub\n");
    fs::create_dir_all(place.path("project/.git/modules/sub")).unwrap();
    assert_eq!(trust_root(&place.path("wt/a")), place.path("project"));
    assert_eq!(trust_root(&place.path("sub")), place.path("sub"), "a submodule decides for itself");
    assert_eq!(trust_root(&place.path("elsewhere")), place.path("elsewhere"));
    assert_eq!(place.load("wt").unwrap().trust, Some(Trust::Trusted));
    assert_eq!(place.load("sub").unwrap().trust, None);
}

fn check(before: &str, after: &str) {
    let place = Place::with_user(before);
    assert_eq!(trust_project(&place.path("home"), &place.path("project")), Ok(true), "{before}");
    assert_eq!(place.read("home/config.toml"), after);
    assert_eq!(place.load("project").unwrap().trust, Some(Trust::Trusted));
    assert_eq!(trust_project(&place.path("home"), &place.path("project")), Ok(false));
    assert_eq!(place.read("home/config.toml"), after, "trusting again changes nothing");
}

#[test]
fn trusting_keeps_comments_and_layout() {
    check("", "[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n");
    check("model = \"m\"", "model = \"m\"\n\n[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n");
    check(
        "# c\nmodel=\"m\" # hi\n\n[projects.\"/x\"]\ntrust_level = \"trusted\"\n\n[tui]\n",
        "# c\nmodel=\"m\" # hi\n\n[projects.\"/x\"]\ntrust_level = \"trusted\"\n\n[projects.\"ROOT/project\"]\ntrust_level = \
         \"trusted\"\n\n[tui]\n",
    );
    check(
        "[projects.\"ROOT/project\"] # note\ntrust_level = \"untrusted\" # for now\n",
        "[projects.\"ROOT/project\"] # note\ntrust_level = \"trusted\" # for now\n",
    );
    check(
        "projects = { \"/x\" = { trust_level = \"trusted\" } } # tail\n",
        "projects = { \"/x\" = { trust_level = \"trusted\" } , \"ROOT/project\" = { trust_level = \"trusted\" } } # tail\n",
    );
}

#[test]
fn a_new_file_is_private_and_an_existing_one_keeps_its_mode() {
    let mode = |place: &Place| fs::metadata(place.path("home/config.toml")).unwrap().permissions().mode() & 0o777;
    let place = Place::new();
    trust_project(&place.path("home"), &place.path("project")).unwrap();
    assert_eq!(mode(&place), 0o600);

    let place = Place::with_user("model = \"m\"\n");
    fs::set_permissions(place.path("home/config.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    trust_project(&place.path("home"), &place.path("project")).unwrap();
    assert_eq!(mode(&place), 0o644);
}

#[test]
fn a_link_stays_a_link() {
    let place = Place::new();
    place.write("elsewhere/real.toml", "model = \"m\"\n");
    symlink(place.path("elsewhere/real.toml"), place.path("home/config.toml")).unwrap();
    trust_project(&place.path("home"), &place.path("project")).unwrap();
    assert!(fs::symlink_metadata(place.path("home/config.toml")).unwrap().is_symlink());
    assert!(place.read("elsewhere/real.toml").contains("trusted"));
    let names: Vec<_> = fs::read_dir(place.path("elsewhere")).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file is left");
}

#[test]
fn a_broken_file_is_left_alone() {
    let place = Place::with_user("broken");
    assert!(trust_project(&place.path("home"), &place.path("project")).is_err());
    assert_eq!(place.read("home/config.toml"), "broken");
    assert!(exists(place.path("home")));
}
