//! Changing the user's file.

use config::{Edit, EditError, Merge, SkillSelector, Source};
use serde_json::{Value, json};
use types::AbsPath;

use crate::place::Place;

fn replace(key_path: &str, value: Value) -> Edit {
    Edit { key_path: key_path.to_owned(), value, merge: Merge::Replace }
}

fn upsert(key_path: &str, value: Value) -> Edit {
    Edit { merge: Merge::Upsert, ..replace(key_path, value) }
}

fn check(before: &str, edits: &[Edit], after: &str) {
    let place = Place::with_user(before);
    let edited = place.loader().edit(edits, None).unwrap();
    assert_eq!(place.read("home/config.toml"), after, "{edits:?}");
    let layers = place.loader().layers(None, None).unwrap();
    assert_eq!(edited.version, layers.iter().nth(1).unwrap().version());
}

fn check_refused(before: &str, edit: Edit, message: &str) {
    let place = Place::with_user(before);
    let error = place.loader().edit(&[replace("model", json!("n")), edit], None).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(place.read("home/config.toml"), before, "all or none");
}

#[test]
fn values_are_set_and_comments_stay() {
    check(
        "# top\nmodel   =   \"m\"   # mine\n\n[tui]\n",
        &[replace("model", json!("n")), replace("review_model", json!("r"))],
        "# top\nmodel   =   \"n\"   # mine\nreview_model = \"r\"\n\n[tui]\n",
    );
    check(
        "model = \"m\"\n",
        &[replace("no_such_key", json!("x")), replace("features.no_such_feature", json!(true))],
        "model = \"m\"\nno_such_key = \"x\"\n\n[features]\nno_such_feature = true\n",
    );
}

#[test]
fn tables_are_replaced_or_merged_and_lists_are_always_replaced() {
    let before = "[sandbox_workspace_write]\nnetwork_access = true\nwritable_roots = [\"/a\"]\n";
    check(
        before,
        &[upsert("sandbox_workspace_write", json!({"writable_roots": ["/b"]}))],
        "[sandbox_workspace_write]\nnetwork_access = true\nwritable_roots = [\"/b\"]\n",
    );
    check(
        before,
        &[replace("sandbox_workspace_write", json!({"exclude_slash_tmp": true}))],
        "[sandbox_workspace_write]\nexclude_slash_tmp = true\n",
    );
    check(
        "model = \"m\"\n",
        &[replace("model_providers.mine", json!({"name": "x", "base_url": "http://127.0.0.1:1/v1"}))],
        "model = \"m\"\n\n[model_providers.mine]\nbase_url = \"http://127.0.0.1:1/v1\"\nname = \"x\"\n",
    );
}

#[test]
fn edits_apply_in_order_and_only_the_result_is_checked() {
    check(
        "model = \"m\"\n",
        &[
            replace("model", json!(3)),
            replace("model", json!("b")),
            upsert("review_model", json!("r")),
            replace("review_model", json!(null)),
        ],
        "model = \"b\"\n",
    );
    check("model = 3\n", &[replace("model", json!("healed"))], "model = \"healed\"\n");
}

#[test]
fn null_removes_a_key_and_an_emptied_header_stays() {
    check(
        "model = \"m\"\nreview_model = \"r\"\n[features]\nshell_snapshot = false\n[profiles.x]\nmodel = \"a\"\n",
        &[
            replace("review_model", json!(null)),
            replace("features.shell_snapshot", json!(null)),
            replace("profiles.x", json!(null)),
            replace("absent", json!(null)),
        ],
        "model = \"m\"\n[features]\n",
    );
    let place = Place::with_user("");
    let error = place.loader().edit(&[replace("absent.key", json!(null))], None).unwrap_err();
    assert!(matches!(error, EditError::PathNotFound));
}

#[test]
fn key_paths_are_split_at_every_dot() {
    check("", &[replace("apps.\"one.two\".enabled", json!(false))], "[apps.'\"one'.'two\"']\nenabled = false\n");
    check("", &[replace(".", json!("x"))], "[\"\"]\n\"\" = \"x\"\n");
}

#[test]
fn a_refused_edit_leaves_the_file_alone() {
    let file = "model = \"m\"\n";
    check_refused(file, replace("", json!(1)), "keyPath must not be empty");
    check_refused(file, replace("model.x", json!(1)), "cannot set value on non-table parent");
    check_refused(
        file,
        replace("profiles.x", json!({"model": null})),
        "invalid value: invalid type: null, expected any valid TOML value",
    );
    check_refused(
        file,
        replace("sandbox_workspace_write.network_access", json!("yes")),
        "Invalid configuration: invalid type: string \"yes\", expected a boolean\nin \
         `sandbox_workspace_write.network_access`\n",
    );
    check_refused(
        file,
        replace("model_providers.openai", json!({"name": "x"})),
        "Invalid configuration: model_providers contains reserved built-in provider IDs: `openai`. Built-in providers \
         cannot be overridden. Rename your custom provider (for example, `openai-custom`).\nin `model_providers`\n",
    );
}

#[test]
fn a_file_changed_by_somebody_else_is_a_conflict() {
    let place = Place::with_user("model = \"m\"\n");
    let loader = place.loader();
    let version = loader.layers(None, None).unwrap().iter().nth(1).unwrap().version();
    let version = loader.edit(&[replace("model", json!("n"))], Some(&version)).unwrap().version;
    place.write("home/config.toml", "model = \"changed outside\"\n");
    let error = loader.edit(&[replace("model", json!("o"))], Some(&version)).unwrap_err();
    assert!(matches!(error, EditError::VersionConflict));
}

#[test]
fn an_equal_value_does_not_touch_the_file() {
    check("model   =   'm'\n", &[replace("model", json!("m"))], "model   =   'm'\n");
    let place = Place::new();
    place.loader().edit(&[], None).unwrap();
    assert!(!place.path("home/config.toml").exists());
}

#[test]
fn a_stronger_layer_is_reported() {
    let place = Place::with_user("model = \"user\"\n");
    let loader = place.flags(&["model=flag"]);
    let edited = loader.edit(&[replace("review_model", json!("r")), replace("model", json!("x"))], None).unwrap();
    let overridden = edited.overridden.unwrap();
    assert_eq!((overridden.layer.source, overridden.effective), (Source::SessionFlags, json!("flag")));
    assert!(loader.edit(&[replace("review_model", json!("s"))], None).unwrap().overridden.is_none());
}

#[test]
fn skills_are_switched_off_by_an_entry_and_on_by_removing_it() {
    let place = Place::with_user("model = \"m\"\n");
    let loader = place.loader();
    let name = SkillSelector::Name("one".into());
    let path = SkillSelector::Path(AbsPath::new("/s/SKILL.md").unwrap());
    loader.switch_skill(&name, false).unwrap();
    loader.switch_skill(&name, false).unwrap();
    loader.switch_skill(&path, false).unwrap();
    assert_eq!(
        place.read("home/config.toml"),
        "model = \"m\"\n\n[[skills.config]]\nname = \"one\"\nenabled = false\n\n[[skills.config]]\npath = \"/s/SKILL.md\"\n\
         enabled = false\n"
    );
    assert_eq!(place.config().skills.switches.len(), 2);
    loader.switch_skill(&name, true).unwrap();
    loader.switch_skill(&path, true).unwrap();
    assert_eq!(place.read("home/config.toml"), "model = \"m\"\n");
}

#[test]
fn the_administrators_file_wins_over_flags_and_edits() {
    let place = Place::with_user("model = \"user\"\n");
    place.write("etc/managed_config.toml", "model = \"managed\"\n[features]\nshell_snapshot = false\n");
    let loader = place.flags(&["model=flag"]);
    assert_eq!(loader.load(None, None).unwrap().model.as_deref(), Some("managed"));
    let features = upsert("features", json!({"shell_snapshot": true, "memories": true}));
    let overridden = loader.edit(&[features], None).unwrap().overridden.unwrap();
    assert_eq!(overridden.effective, json!({"shell_snapshot": false, "memories": true}));
    assert!(loader.edit(&[replace("features.memories", json!(false))], None).unwrap().overridden.is_none());
    let removed = loader.edit(&[replace("model", Value::Null)], None).unwrap().overridden.unwrap();
    assert_eq!(removed.effective, json!("managed"));
}
