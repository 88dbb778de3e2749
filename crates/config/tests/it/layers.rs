//! Which value wins, and where it comes from.

use config::{Feature, Source, ThreadOverrides};
use serde_json::json;

use crate::place::{Place, thread};

const TRUSTED: &str = "[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n";

#[test]
fn higher_layers_win_and_tables_are_merged() {
    let place = Place::with_user(&format!(
        "model = \"user\"\nreview_model = \"user\"\n[sandbox_workspace_write]\nnetwork_access = true\nexclude_slash_tmp = true\n{TRUSTED}"
    ));
    place
        .write("etc/config.toml", "model = \"system\"\nmodel_context_window = 5\n")
        .write("project/.git/HEAD", "")
        .write("project/.codex/config.toml", "model = \"root\"\nreview_model = \"root\"\n")
        .write("project/a/.codex/config.toml", "model = \"a\"\n[sandbox_workspace_write]\nnetwork_access = false\n");
    let cwd = place.path("project/a");

    let config = place.load("project/a").unwrap();
    assert_eq!(config.model.as_deref(), Some("a"));
    assert_eq!(config.review_model.as_deref(), Some("root"));
    assert_eq!(config.context_window, Some(5));
    assert!(!config.sandbox_workspace_write.network_access);
    assert!(config.sandbox_workspace_write.exclude_slash_tmp);
    assert_eq!(config.origin("model").unwrap().source, Source::Project { dot_codex: place.path("project/a/.codex") });
    assert_eq!(
        config.origin("model_context_window").unwrap().source,
        Source::System { file: place.path("etc/config.toml") }
    );
    assert_eq!(
        config.origin("review_model").unwrap().source,
        Source::Project { dot_codex: place.path("project/.codex") }
    );

    let loader = place.flags(&["model=flag"]);
    let config = loader.load(Some(&cwd), None).unwrap();
    assert_eq!(config.model.as_deref(), Some("flag"));
    assert_eq!(config.origin("model").unwrap().source, Source::SessionFlags);

    let config = loader.load(Some(&cwd), Some(&thread(&[("model", json!("thread"))]))).unwrap();
    assert_eq!(config.model.as_deref(), Some("thread"));
    assert_eq!(config.origin("model").unwrap().source, Source::Thread);
}

#[test]
fn a_profile_beats_the_keys_of_every_layer_and_a_threads_members_beat_the_profile() {
    let place = Place::with_user(
        "profile = \"p\"\nmodel = \"m\"\n[profiles.p]\nmodel = \"pm\"\nmodel_reasoning_effort = \"low\"\n[profiles.p.features]\nmemories = true\n",
    );
    assert_eq!(place.flags(&["model=flag"]).load(None, None).unwrap().model.as_deref(), Some("pm"));
    let overrides = ThreadOverrides { model: Some("tm".into()), ..thread(&[("model", json!("cm"))]) };
    let config = place.loader().load(None, Some(&overrides)).unwrap();
    assert_eq!(config.model.as_deref(), Some("tm"));
    assert!(config.features.enabled(Feature::Memories));

    let overrides = thread(&[("profile", json!("p"))]);
    let place = Place::with_user("[profiles.p]\nmodel = \"pm\"\n");
    assert_eq!(place.loader().load(None, Some(&overrides)).unwrap().model.as_deref(), Some("pm"));
}

#[test]
fn a_threads_dotted_keys_reach_into_tables() {
    let place = Place::new();
    let overrides = thread(&[
        ("sandbox_workspace_write.network_access", json!(true)),
        ("sandbox_workspace_write", json!({"writable_roots": ["rel"]})),
        ("features.memories", json!(true)),
        ("model", json!(null)),
    ]);
    let config = place.loader().load(Some(&place.path("project")), Some(&overrides)).unwrap();
    assert!(config.sandbox_workspace_write.network_access);
    assert_eq!(config.sandbox_workspace_write.writable_roots, [place.path("project/rel")]);
    assert!(config.features.enabled(Feature::Memories));
    assert_eq!(config.model, None, "null says nothing");
}

#[test]
fn a_project_layer_counts_only_when_its_folder_or_its_repository_is_trusted() {
    for (user, model, disabled) in [
        ("", None, Some(Disabled::UnknownProject { root: "project" })),
        (
            "[projects.\"ROOT/project\"]\ntrust_level = \"untrusted\"\n",
            None,
            Some(Disabled::UntrustedProject { root: "project" }),
        ),
        (TRUSTED, Some("a"), None),
        ("[projects.\"ROOT/project/a\"]\ntrust_level = \"trusted\"\n", Some("a"), None),
        ("[projects.\"ROOT\"]\ntrust_level = \"trusted\"\n", None, Some(Disabled::UnknownProject { root: "project" })),
    ] {
        let place = Place::with_user(user);
        place.write("project/.git/HEAD", "").write("project/a/.codex/config.toml", "model = \"a\"\n");
        let config = place.load("project/a").unwrap();
        assert_eq!(config.model.as_deref(), model, "{user}");
        let layer = config.layers.iter().next_back().unwrap();
        let expected = disabled.map(|disabled| match disabled {
            Disabled::UnknownProject { root } => config::Disabled::UnknownProject { root: place.path(root) },
            Disabled::UntrustedProject { root } => config::Disabled::UntrustedProject { root: place.path(root) },
        });
        assert_eq!(layer.disabled, expected, "{user}");
    }

    /// As the crate's own, with a name instead of a path.
    enum Disabled {
        UnknownProject { root: &'static str },
        UntrustedProject { root: &'static str },
    }
}

#[test]
fn without_a_root_only_the_working_directorys_own_folder_is_a_layer() {
    let place = Place::with_user("[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n");
    place
        .write("project/.codex/config.toml", "model = \"p\"\n")
        .write("project/a/.codex/config.toml", "model = \"a\"\n");
    assert_eq!(place.load("project").unwrap().model.as_deref(), Some("p"));
    assert_eq!(place.load("project/a").unwrap().model, None);
}

#[test]
fn root_markers_of_the_user_replace_git() {
    let place = Place::with_user(&format!("project_root_markers = [\".top\"]\n{TRUSTED}"));
    place
        .write("project/.git/HEAD", "")
        .write("project/.codex/config.toml", "review_model = \"root\"\n")
        .write("project/a/.top", "")
        .write("project/a/.codex/config.toml", "model = \"a\"\n");
    let config = place.load("project/a").unwrap();
    assert_eq!((config.model.as_deref(), config.review_model), (Some("a"), None));
    assert_eq!(config.project_root, Some(place.path("project/a")));
}

#[test]
fn relative_paths_are_meant_from_the_folder_of_their_file() {
    let place = Place::with_user(&format!(
        "model_instructions_file = \"x.md\"\nlog_dir = \"logs\"\n[sandbox_workspace_write]\nwritable_roots = [\"w\"]\n{TRUSTED}"
    ));
    place.write("home/x.md", "  From the home.\n\n").write("project/.codex/config.toml", "log_dir = \"../logs\"\n");
    let config = place.load("project").unwrap();
    assert_eq!(config.base_instructions.as_deref(), Some("From the home."));
    assert_eq!(config.log_dir, Some(place.path("project/logs")));
    assert_eq!(config.sandbox_workspace_write.writable_roots, [place.path("home/w")]);
}

#[test]
fn versions_follow_the_values_and_not_their_form() {
    let version = |user: &str| {
        let layers = Place::with_user(user).loader().layers(None, None).unwrap();
        layers.iter().nth(1).unwrap().version()
    };
    let dotted = version("a.b = 1\nmodel = \"m\"\n");
    assert_eq!(dotted, version("# a comment\nmodel   = 'm'\n[a]\nb = 1\n"));
    assert_ne!(dotted, version("a.b = 2\nmodel = \"m\"\n"));
    assert_eq!(version(""), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

#[test]
fn origins_are_listed_by_leaf_and_a_replaced_array_leaves_nothing_behind() {
    let place = Place::with_user("notify = [\"a\", \"b\"]\n[x]\ny = 1\n");
    let loader = place.flags(&["notify=[\"c\"]"]);
    let layers = loader.layers(None, None).unwrap();
    let origins: Vec<_> = layers.origins().into_iter().map(|(key, layer)| (key, layer.source.clone())).collect();
    let user = Source::User { file: place.path("home/config.toml") };
    assert_eq!(origins, [("notify.0".to_owned(), Source::SessionFlags), ("x.y".to_owned(), user)]);
}

#[test]
fn a_changed_file_is_read_again() {
    let place = Place::with_user("model = \"one\"\n");
    let loader = place.loader();
    assert_eq!(loader.load(None, None).unwrap().model.as_deref(), Some("one"));
    place.write("home/config.toml", "model = \"two\"\n");
    assert_eq!(loader.load(None, None).unwrap().model.as_deref(), Some("two"));
    std::fs::remove_file(place.path("home/config.toml")).unwrap();
    assert_eq!(loader.load(None, None).unwrap().model, None);
}

#[test]
fn unknown_keys_are_collected_and_do_no_harm() {
    let place = Place::with_user(
        "nonsense = 1\nmodel = \"m\"\n[tools]\nhammer = true\n[features]\nnope = true\n[tui]\ntheme = \"x\"\n",
    );
    let config = place.config();
    assert_eq!(config.model.as_deref(), Some("m"));
    assert_eq!(config.unknown_keys, ["nonsense", "tools.hammer", "features.nope"]);
}

#[test]
fn run_time_switches_lose_to_files_and_flags() {
    let place = Place::with_user("[features]\nmemories = false\n");
    let loader = place.loader();
    loader.set_runtime_features([(Feature::Memories, true), (Feature::Apps, false)]);
    let features = loader.load(None, None).unwrap().features;
    assert!(!features.enabled(Feature::Memories));
    assert!(!features.enabled(Feature::Apps));
    assert!(features.enabled(Feature::Plugins));
}
