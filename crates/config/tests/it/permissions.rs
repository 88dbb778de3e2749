//! Policies, and the permission profiles that say the same.

use std::fs;

use config::{ProfileError, permission_profile_of, policy_of};
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, FileSystemAccess, FileSystemEntry, FileSystemPath, PermissionProfile, ReadAccess, SandboxMode,
    SandboxPolicy, SpecialPath,
};

use crate::place::Place;

/// `root:read cwd:write /a:none`.
pub(crate) fn show(profile: &PermissionProfile, place: &Place) -> String {
    let entries = profile.file_system.iter().flat_map(|file_system| &file_system.entries);
    let entries: Vec<_> = entries
        .map(|entry| {
            let path = match &entry.path {
                FileSystemPath::Path(path) => path.to_string().replace(place.root.to_str().unwrap(), ""),
                FileSystemPath::GlobPattern(pattern) => pattern.clone(),
                FileSystemPath::Special(special) => match special {
                    SpecialPath::Root => "root".to_owned(),
                    SpecialPath::Minimal => "minimal".to_owned(),
                    SpecialPath::CurrentWorkingDirectory => "cwd".to_owned(),
                    SpecialPath::ProjectRoots { subpath } => format!("project({})", subpath.as_deref().unwrap_or("")),
                    SpecialPath::Tmpdir => "tmpdir".to_owned(),
                    SpecialPath::SlashTmp => "slash_tmp".to_owned(),
                    SpecialPath::Unknown { path, .. } => path.clone(),
                },
            };
            format!("{path}:{}", entry.access)
        })
        .collect();
    format!("{} net:{}", entries.join(" "), profile.network_enabled.unwrap())
}

fn read_profile(text: &str, place: &Place) -> PermissionProfile {
    let entries = text.split_whitespace().map(|part| {
        let (path, access) = part.rsplit_once(':').unwrap();
        let special = |special| FileSystemPath::Special(special);
        let path = match path {
            "root" => special(SpecialPath::Root),
            "minimal" => special(SpecialPath::Minimal),
            "cwd" => special(SpecialPath::CurrentWorkingDirectory),
            "project()" => special(SpecialPath::ProjectRoots { subpath: None }),
            "project(sub)" => special(SpecialPath::ProjectRoots { subpath: Some("sub".into()) }),
            "tmpdir" => special(SpecialPath::Tmpdir),
            "slash_tmp" => special(SpecialPath::SlashTmp),
            path if path.starts_with('/') => FileSystemPath::Path(place.path(&path[1..])),
            pattern => FileSystemPath::GlobPattern(pattern.to_owned()),
        };
        FileSystemEntry { path, access: FileSystemAccess::parse(access).unwrap() }
    });
    PermissionProfile {
        network_enabled: None,
        file_system: Some(FileSystemPermissions { entries: entries.collect(), glob_scan_max_depth: None }),
    }
}

fn profile(policy: &SandboxPolicy, place: &Place) -> String {
    show(&permission_profile_of(policy, &place.path("project")).unwrap(), place)
}

fn workspace(roots: Vec<AbsPath>) -> SandboxPolicy {
    SandboxPolicy::WorkspaceWrite {
        writable_roots: roots,
        read_only_access: ReadAccess::Full,
        network_access: false,
        exclude_tmpdir_env_var: false,
        exclude_slash_tmp: false,
    }
}

#[test]
fn every_mode_has_a_policy_and_a_profile() {
    let place = Place::new();
    let config = place.config();
    let profile = |mode| profile(&config.sandbox_policy(mode), &place);
    assert_eq!(profile(SandboxMode::ReadOnly), "root:read net:false");
    assert_eq!(profile(SandboxMode::DangerFullAccess), "root:write net:true");
    assert_eq!(
        profile(SandboxMode::WorkspaceWrite),
        "root:read cwd:write slash_tmp:write tmpdir:write /home/memories:write /project/.codex:read net:false"
    );
    let external = SandboxPolicy::ExternalSandbox { network_access: true };
    assert_eq!(permission_profile_of(&external, &place.path("project")), None);
}

#[test]
fn the_memories_folder_comes_after_the_configured_roots_unless_it_is_one() {
    let roots = |text: &str| {
        let place = Place::with_user(&format!("[sandbox_workspace_write]\nwritable_roots = {text}\n"));
        let SandboxPolicy::WorkspaceWrite { writable_roots, .. } =
            place.config().sandbox_policy(SandboxMode::WorkspaceWrite)
        else {
            panic!("the mode gives this policy");
        };
        writable_roots.iter().map(|root| root.to_string().replace(place.root.to_str().unwrap(), "")).collect::<Vec<_>>()
    };
    assert_eq!(roots("[\"ROOT/r\"]"), ["/r", "/home/memories"]);
    assert_eq!(roots("[\"ROOT/home/memories\", \"ROOT/r\"]"), ["/home/memories", "/r"]);
}

#[test]
fn what_writable_folders_hold_of_git_agents_and_codex_stays_read_only() {
    let place = Place::new();
    for name in ["project/.git", "project/.agents", "r1/.git", "r1/.codex", "r1/.agents", "elsewhere"] {
        fs::create_dir_all(place.path(name)).unwrap();
    }
    place.write("r2/.git", "gitdir: ROOT/elsewhere\n");
    let policy = workspace(vec![place.path("r1"), place.path("r2"), place.path("absent"), place.path("project")]);
    assert_eq!(
        profile(&policy, &place),
        "root:read cwd:write slash_tmp:write tmpdir:write /r1:write /r2:write /absent:write /project:write \
         /project/.git:read /project/.agents:read /project/.codex:read \
         /r1/.git:read /r1/.agents:read /r1/.codex:read /elsewhere:read /r2/.git:read net:false"
    );
}

#[test]
fn restricted_reading_is_spelled_out() {
    let place = Place::new();
    let access = |platform, roots: &[&str]| ReadAccess::Restricted {
        include_platform_defaults: platform,
        readable_roots: roots.iter().map(|root| place.path(root)).collect(),
    };
    let read_only = |access| SandboxPolicy::ReadOnly { access, network_access: true };
    assert_eq!(profile(&read_only(access(false, &["x"])), &place), "cwd:read /x:read net:true");
    assert_eq!(profile(&read_only(access(true, &[])), &place), "cwd:read minimal:read net:true");
    let policy = SandboxPolicy::WorkspaceWrite {
        writable_roots: vec![],
        read_only_access: access(true, &["x"]),
        network_access: true,
        exclude_tmpdir_env_var: true,
        exclude_slash_tmp: false,
    };
    assert_eq!(
        profile(&policy, &place),
        "minimal:read /x:read cwd:write slash_tmp:write /project/.codex:read net:true"
    );
}

#[test]
fn a_profile_has_the_policy_that_says_most_of_it() {
    let place = Place::new();
    let restricted = |platform, roots: &[&str]| ReadAccess::Restricted {
        include_platform_defaults: platform,
        readable_roots: roots
            .iter()
            .map(|root| if *root == "/" { AbsPath::new("/").unwrap() } else { place.path(root) })
            .collect(),
    };
    let read_only = |access| Ok(SandboxPolicy::ReadOnly { access, network_access: false });
    let write = |roots: &[&str], access, tmp: bool| {
        Ok(SandboxPolicy::WorkspaceWrite {
            writable_roots: roots.iter().map(|root| place.path(root)).collect(),
            read_only_access: access,
            network_access: false,
            exclude_tmpdir_env_var: !tmp,
            exclude_slash_tmp: !tmp,
        })
    };
    let outside = || Err(ProfileError::WritesOutsideWorkspace);
    for (text, expected) in [
        ("", read_only(restricted(false, &[]))),
        ("root:read", read_only(ReadAccess::Full)),
        ("root:none", read_only(restricted(false, &[]))),
        ("root:write", Ok(SandboxPolicy::ExternalSandbox { network_access: false })),
        ("root:read cwd:write", write(&[], ReadAccess::Full, false)),
        ("root:read cwd:write slash_tmp:write tmpdir:write", write(&[], ReadAccess::Full, true)),
        ("cwd:write", write(&[], restricted(false, &[]), false)),
        ("minimal:read cwd:write", write(&[], restricted(true, &[]), false)),
        ("minimal:read /r1:read", read_only(restricted(true, &["r1"]))),
        ("root:read project():write", write(&[], ReadAccess::Full, false)),
        ("root:read /project:write", write(&[], ReadAccess::Full, false)),
        ("root:read cwd:write /r1:write", write(&["r1"], ReadAccess::Full, false)),
        ("root:read cwd:write /r1/x:none", write(&[], restricted(false, &["/"]), false)),
        ("root:read cwd:write **/*.env:none", write(&[], restricted(false, &["/"]), false)),
        ("root:read cwd:write /project/x:read", write(&[], ReadAccess::Full, false)),
        ("cwd:read", read_only(restricted(false, &["project"]))),
        ("root:read project(sub):write", outside()),
        ("root:read /r1:write", outside()),
        ("root:read /project/sub:write", outside()),
        ("root:read slash_tmp:write", outside()),
        ("root:write /project:none", outside()),
    ] {
        // A readable root of "/" hides the others that it holds.
        let policy = policy_of(&read_profile(text, &place), &place.path("project"));
        assert_eq!(policy, expected, "{text}");
    }
}

#[test]
fn with_network_a_writable_root_is_full_access() {
    let place = Place::new();
    let profile = PermissionProfile { network_enabled: Some(true), ..read_profile("root:write", &place) };
    assert_eq!(policy_of(&profile, &place.path("project")), Ok(SandboxPolicy::DangerFullAccess));
}

#[test]
fn a_thread_that_adopts_a_profile_may_write_memories_when_it_may_write_at_all() {
    let place = Place::new();
    let config = place.config();
    let cwd = place.path("project");
    let adopt = |text: &str| config.adopt_profile(read_profile(text, &place), &cwd).unwrap();
    let (policy, profile) = adopt("root:read cwd:write");
    assert_eq!(show(&profile, &place), "root:read cwd:write /home/memories:write net:false");
    assert!(
        matches!(policy, SandboxPolicy::WorkspaceWrite { writable_roots, .. } if writable_roots == [place.path("home/memories")])
    );
    let (_, profile) = adopt("root:read");
    assert_eq!(show(&profile, &place), "root:read net:false");
}
