//! Skills on disk: finding, switching, remembering, unpacking.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::sync::Arc;

use config::settings::Skills;
use config::{SkillSelector, SkillSwitch};
use extensions::skills::{BUNDLED_NAMES, Found, Places, Scope, SkillsCache, discover, install_bundled, render};
use types::AbsPath;

struct Disk {
    _folder: tempfile::TempDir,
    root: AbsPath,
    home: AbsPath,
    user_home: AbsPath,
    cwd: AbsPath,
    admin: AbsPath,
    extra: Vec<AbsPath>,
    markers: Vec<String>,
    config: Skills,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        fs::create_dir_all(root.join("project/.git")).unwrap();
        Self {
            _folder: folder,
            home: root.join("user/.codex"),
            user_home: root.join("user"),
            cwd: root.join("project"),
            admin: root.join("etc/skills"),
            extra: Vec::new(),
            markers: vec![".git".into()],
            config: Skills { switches: Vec::new(), bundled: true, include_instructions: true },
            root,
        }
    }

    fn places(&self) -> Places<'_> {
        Places {
            home: &self.home,
            user_home: Some(&self.user_home),
            cwd: Some(&self.cwd),
            root_markers: &self.markers,
            admin: &self.admin,
            extra: &self.extra,
            config: &self.config,
        }
    }

    fn write(&self, path: &str, text: &str) -> AbsPath {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes `FOLDER/SKILL.md`; its name is that of the folder.
    fn skill(&self, folder: &str) -> AbsPath {
        let name = folder.rsplit('/').next().unwrap();
        let text = format!("---\nname: {name}\ndescription: Does things.\n---\nBody.\n");
        self.write(&format!("{folder}/SKILL.md"), &text)
    }

    fn found(&self) -> Found {
        discover(&self.places())
    }
}

fn names(found: &Found) -> Vec<(&str, Scope)> {
    found.skills.iter().map(|skill| (skill.name.as_str(), skill.scope)).collect()
}

#[test]
fn skills_are_found_in_all_places_and_listed_by_scope_and_name() {
    let mut disk = Disk::new();
    for folder in [
        "etc/skills/admin",
        "user/.codex/skills/.system/bundled",
        "user/.agents/skills/in-agents-home",
        "user/.codex/skills/in-codex-home",
        "project/.codex/skills/in-codex",
        "project/.agents/skills/in-agents",
        "more/extra",
    ] {
        disk.skill(folder);
    }
    disk.extra.push(disk.root.join("more"));
    assert_eq!(
        names(&disk.found()),
        [
            ("in-agents", Scope::Repo),
            ("in-codex", Scope::Repo),
            ("extra", Scope::User),
            ("in-agents-home", Scope::User),
            ("in-codex-home", Scope::User),
            ("bundled", Scope::System),
            ("admin", Scope::Admin),
        ]
    );
    disk.config.bundled = false;
    assert!(!names(&disk.found()).contains(&("bundled", Scope::System)));
}

#[test]
fn every_folder_from_the_root_to_the_working_directory_counts() {
    let mut disk = Disk::new();
    for folder in
        ["project/.codex/skills/at-root", "project/sub/.codex/skills/in-sub", "project/other/.agents/skills/in-other"]
    {
        disk.skill(folder);
    }
    disk.skill("project/sub/deep/.agents/skills/in-deep");
    disk.cwd = disk.root.join("project/sub/deep");
    assert_eq!(names(&disk.found()), [("at-root", Scope::Repo), ("in-deep", Scope::Repo), ("in-sub", Scope::Repo)]);
    fs::remove_dir(disk.root.join("project/.git")).unwrap();
    assert_eq!(names(&disk.found()), [("in-deep", Scope::Repo)], "without a root only the working directory");
}

#[test]
fn working_in_the_home_does_not_make_the_users_skills_a_projects() {
    let mut disk = Disk::new();
    disk.skill("user/.codex/skills/one");
    disk.skill("user/.agents/skills/two");
    disk.cwd = disk.root.join("user");
    assert_eq!(names(&disk.found()), [("one", Scope::User), ("two", Scope::User)]);
}

#[test]
fn nested_folders_are_searched_but_not_hidden_or_very_deep_ones() {
    let disk = Disk::new();
    for folder in ["one", "one/inner", "group/two", ".hidden", "a/b/c/d/e/f", "a/b/c/d/e/f/g"] {
        disk.skill(&format!("project/.codex/skills/{folder}"));
    }
    disk.write("project/.codex/skills/SKILL.md", "---\nname: top\ndescription: d\n---\n");
    disk.write("project/.codex/skills/lower/skill.md", "---\nname: lower\ndescription: d\n---\n");
    let found = disk.found();
    let names: Vec<_> = names(&found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["f", "inner", "one", "top", "two"]);
    assert!(found.errors.is_empty());
}

#[test]
fn linked_folders_are_followed_once_and_linked_files_are_not_read() {
    let disk = Disk::new();
    let real = disk.skill("elsewhere/linked");
    fs::create_dir_all(disk.root.join("project/.codex/skills/by-file")).unwrap();
    symlink(real.parent().unwrap(), disk.root.join("project/.codex/skills/link")).unwrap();
    symlink(disk.root.join("project/.codex/skills"), disk.root.join("project/.codex/skills/circle")).unwrap();
    symlink(&real, disk.root.join("project/.codex/skills/by-file/SKILL.md")).unwrap();
    let found = disk.found();
    let paths: Vec<_> = found.skills.iter().map(|skill| skill.path.clone()).collect();
    assert_eq!(paths, [real]);
}

#[test]
fn broken_files_are_errors_and_do_not_hide_the_others() {
    let disk = Disk::new();
    let broken = disk.write("project/.codex/skills/broken/SKILL.md", "no head\n");
    disk.write("user/.codex/skills/.system/ours/SKILL.md", "no head\n");
    disk.skill("project/.codex/skills/good");
    let found = disk.found();
    assert_eq!(names(&found), [("good", Scope::Repo)]);
    assert_eq!(found.errors.len(), 1, "bundled ones are not the user's to mend");
    assert_eq!(found.errors[0].path, broken);
}

#[test]
fn skills_are_switched_off_by_path_or_by_name() {
    let mut disk = Disk::new();
    let by_path = disk.skill("project/.codex/skills/by-path");
    let by_folder = disk.skill("project/.codex/skills/by-folder");
    disk.skill("project/.codex/skills/by-name");
    disk.skill("project/.codex/skills/on");
    let off = |skill| SkillSwitch { skill, enabled: false };
    disk.config.switches = vec![
        off(SkillSelector::Path(by_path)),
        off(SkillSelector::Path(by_folder.parent().unwrap())),
        off(SkillSelector::Name("by-name".into())),
        off(SkillSelector::Name("on".into())),
        SkillSwitch { skill: SkillSelector::Name("on".into()), enabled: true },
    ];
    let found = disk.found();
    let on: Vec<_> = found.skills.iter().filter(|skill| skill.enabled).map(|skill| skill.name.as_str()).collect();
    assert_eq!(on, ["on"]);
}

#[test]
fn skills_for_other_products_are_hidden() {
    let disk = Disk::new();
    disk.skill("project/.codex/skills/other");
    disk.write("project/.codex/skills/other/agents/openai.yaml", "policy:\n  products: [CHATGPT]\n");
    disk.skill("project/.codex/skills/quiet");
    disk.write("project/.codex/skills/quiet/agents/openai.yaml", "policy:\n  allow_implicit_invocation: false\n");
    let found = disk.found();
    assert_eq!(names(&found), [("quiet", Scope::Repo)]);
    assert_eq!(render(&found.skills, 8000), None, "the model may not pick it by itself");
}

/// Moves all times into the past, as if the files had been written long ago. Change times cannot be set, so the cache
/// is asked until it remembers.
fn remembered(cache: &SkillsCache, disk: &Disk) -> Arc<Found> {
    loop {
        let found = cache.discover(&disk.places());
        if Arc::ptr_eq(&found, &cache.discover(&disk.places())) {
            return found;
        }
    }
}

#[test]
fn the_cache_answers_from_memory_until_something_changes() {
    let mut disk = Disk::new();
    let one = disk.skill("project/.codex/skills/one");
    let cache = SkillsCache::default();
    let first = remembered(&cache, &disk);
    assert_eq!(names(&first), [("one", Scope::Repo)]);

    disk.skill("project/.codex/skills/two");
    assert_eq!(names(&cache.discover(&disk.places())), [("one", Scope::Repo), ("two", Scope::Repo)], "a new skill");

    remembered(&cache, &disk);
    fs::write(&one, "---\nname: renamed\ndescription: d\n---\n").unwrap();
    assert_eq!(names(&cache.discover(&disk.places()))[0].0, "renamed", "an edited file");

    remembered(&cache, &disk);
    disk.write("project/.codex/skills/two/agents/openai.yaml", "policy:\n  products: [CHATGPT]\n");
    assert_eq!(names(&cache.discover(&disk.places())).len(), 1, "new metadata");

    remembered(&cache, &disk);
    disk.skill("user/.agents/skills/late");
    assert_eq!(names(&cache.discover(&disk.places())).len(), 2, "a root that was not there before");

    disk.config.switches = vec![SkillSwitch { skill: SkillSelector::Name("late".into()), enabled: false }];
    assert!(!cache.discover(&disk.places()).skills[1].enabled, "another configuration");
}

#[test]
fn a_change_is_one_of_skills_when_a_text_or_the_list_is_another_one() {
    let disk = Disk::new();
    let one = AbsPath::new(disk.skill("project/.codex/skills/one")).unwrap();
    let cache = SkillsCache::default();
    assert_eq!(names(&cache.discover(&disk.places())), [("one", Scope::Repo)]);
    let folder = one.parent().unwrap();
    for part in [&folder, &folder.parent().unwrap(), &one, &disk.home.join("skills"), &disk.admin] {
        assert!(cache.depends_on().contains(part.as_path()), "{part}");
    }

    assert!(!cache.look_again(&[folder.join("notes.txt")]), "not a part of it");
    assert!(!cache.look_again(&[disk.root.join("elsewhere")]));
    fs::write(&one, "---\nname: one\ndescription: d\n---\nDo it otherwise.\n").unwrap();
    assert!(cache.look_again(std::slice::from_ref(&one)), "the same in a list, and another text");
    assert!(!cache.look_again(std::slice::from_ref(&folder)), "seen already");

    let two = AbsPath::new(disk.skill("project/.codex/skills/two")).unwrap();
    assert!(cache.look_again(&[two.parent().unwrap()]), "a new skill");
    assert!(cache.depends_on().contains(two.as_path()));
    fs::remove_dir_all(&folder).unwrap();
    assert!(cache.look_again(&[folder]), "one that is gone");
    disk.skill("user/.agents/skills/late");
    assert!(cache.look_again(&[disk.user_home.join(".agents")]), "the first of its root");

    install_bundled(&disk.home).unwrap();
    assert!(!cache.look_again(&[disk.home.join("skills"), disk.home.join("skills/.system")]), "the server's own");
    let dependence = cache.depends_on();
    assert!(!dependence.iter().any(|path| path.starts_with(disk.home.join("skills/.system"))));
}

#[test]
fn a_change_is_told_also_when_a_search_has_seen_it_before() {
    let disk = Disk::new();
    disk.skill("project/.codex/skills/one");
    let cache = SkillsCache::default();
    let _one = cache.discover(&disk.places());
    let two = AbsPath::new(disk.skill("project/.codex/skills/two")).unwrap().parent().unwrap();
    assert_eq!(cache.discover(&disk.places()).skills.len(), 2, "a turn that starts meanwhile looks, too");
    let _again = cache.discover(&disk.places());
    assert!(cache.look_again(std::slice::from_ref(&two)));
    assert!(!cache.look_again(&[two]), "told once");

    let three = AbsPath::new(disk.skill("project/.codex/skills/three")).unwrap().parent().unwrap();
    cache.forget();
    assert!(cache.depends_on().contains(three.parent().unwrap().as_path()), "it is watched on");
    assert_eq!(cache.discover(&disk.places()).skills.len(), 3);
    assert!(cache.look_again(&[three]));
}

#[cfg(unix)]
#[test]
fn a_linked_folder_of_skills_can_be_taken_away() {
    let disk = Disk::new();
    disk.skill("elsewhere/one");
    let link = disk.root.join("project/.codex/skills");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(disk.root.join("elsewhere"), &link).unwrap();
    let cache = SkillsCache::default();
    assert_eq!(remembered(&cache, &disk).skills.len(), 1);
    fs::remove_file(&link).unwrap();
    assert!(cache.discover(&disk.places()).skills.is_empty());
}

#[test]
fn bundled_skills_are_unpacked_once_and_are_all_good() {
    let disk = Disk::new();
    assert!(install_bundled(&disk.home).unwrap());
    let found = disk.found();
    assert!(found.errors.is_empty());
    assert_eq!(names(&found), BUNDLED_NAMES.map(|name| (name, Scope::System)));
    assert!(found.skills.iter().all(|skill| skill.short_description.is_some() && skill.implicit));
    for skill in &found.skills {
        assert!(fs::metadata(&skill.path).unwrap().size() <= 1536, "{} is small", skill.name);
    }

    fs::write(&found.skills[0].path, "changed by hand").unwrap();
    assert!(!install_bundled(&disk.home).unwrap(), "up to date");
    assert_eq!(fs::read_to_string(&found.skills[0].path).unwrap(), "changed by hand");
}

#[test]
fn another_version_replaces_the_bundled_skills() {
    let disk = Disk::new();
    let stale = disk.write("user/.codex/skills/.system/.spindle-skills-0000000000000000", "");
    disk.write("user/.codex/skills/.system/imagegen/SKILL.md", "old");
    assert!(install_bundled(&disk.home).unwrap());
    assert!(!stale.exists());
    assert_eq!(disk.found().skills.len(), BUNDLED_NAMES.len());
}

#[test]
fn another_programs_bundled_skills_are_left_alone() {
    let disk = Disk::new();
    disk.write("user/.codex/skills/.system/.codex-system-skills.marker", "x");
    assert!(!install_bundled(&disk.home).unwrap());
    assert!(disk.found().skills.is_empty());
}
