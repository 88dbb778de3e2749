//! Broken configurations: what is said, and where the fault is.

use config::{ConfigError, Position, Range};
use serde_json::json;

use crate::place::{Place, thread};

fn check(user: &str, message: &str) {
    assert_eq!(Place::with_user(user).error("project"), message, "{user}");
}

#[test]
fn faults_of_the_users_file_are_named_with_their_place() {
    for (user, message) in [
        ("model\n", "ROOT/home/config.toml:1:6: key with no value, expected `=`"),
        ("model = \"unfinished\n", "ROOT/home/config.toml:1:20: invalid basic string, expected `\"`"),
        ("model_context_window=\"many\"\n", "ROOT/home/config.toml:1:22: invalid type: string \"many\", expected i64"),
        (
            "approval_policy=\"sometimes\"\n",
            "ROOT/home/config.toml:1:17: unknown variant `sometimes`, expected one of `untrusted`, `on-failure`, \
             `on-request`, `granular`, `never`",
        ),
        (
            "model_reasoning_effort = \"huge\"\n",
            "ROOT/home/config.toml:1:26: unknown variant `huge`, expected one of `none`, `minimal`, `low`, `medium`, \
             `high`, `xhigh`",
        ),
        (
            "[features]\nmemories=\"yes\"\n",
            "ROOT/home/config.toml:2:10: invalid type: string \"yes\", expected a boolean",
        ),
        (
            "[projects.\"/x\"]\ntrust_level=\"maybe\"\n",
            "ROOT/home/config.toml:2:13: unknown variant `maybe`, expected `trusted` or `untrusted`",
        ),
        (
            "[shell_environment_policy]\ninherit=\"x\"\n",
            "ROOT/home/config.toml:2:9: unknown variant `x`, expected one of `core`, `all`, `none`",
        ),
        (
            "[history]\npersistence=\"x\"\n",
            "ROOT/home/config.toml:2:13: unknown variant `x`, expected `save-all` or `none`",
        ),
        (
            "web_search=\"x\"\n",
            "ROOT/home/config.toml:1:12: unknown variant `x`, expected one of `disabled`, `cached`, `live`",
        ),
        ("project_doc_max_bytes=-1\n", "ROOT/home/config.toml:1:23: invalid value: integer `-1`, expected usize"),
        (
            "[model_providers.ollama]\nname=\"x\"\n[model_providers.openai]\nname=\"z\"\n",
            "ROOT/home/config.toml:1:2: model_providers contains reserved built-in provider IDs: `ollama`, `openai`. \
             Built-in providers cannot be overridden. Rename your custom provider (for example, `openai-custom`).",
        ),
        (
            "[model_providers.x]\nbase_url=\"u\"\n",
            "ROOT/home/config.toml:1:2: model_providers.x: provider name must not be empty",
        ),
        ("profile=\"nope\"\n", "config profile `nope` not found"),
        ("model_provider=\"nope\"\n", "Model provider `nope` not found"),
        (
            "model_instructions_file=\"absent.md\"\n",
            "failed to read model instructions file ROOT/home/absent.md: No such file or directory (os error 2)",
        ),
        ("experimental_compact_prompt_file=\"config.toml\"\nprofile=\"nope\"\n", "config profile `nope` not found"),
    ] {
        check(user, message);
    }
}

#[test]
fn an_empty_prompt_file_is_an_error() {
    let place = Place::with_user("model_instructions_file = \"e.md\"\n");
    place.write("home/e.md", " \n");
    assert_eq!(place.error("project"), "model instructions file is empty: ROOT/home/e.md");
}

#[test]
fn a_file_that_is_no_text_is_an_error() {
    let place = Place::new();
    std::fs::write(place.path("home/config.toml"), b"model=\"\xff\"\n").unwrap();
    assert_eq!(
        place.error("project"),
        "Failed to read config file ROOT/home/config.toml: invalid utf-8 sequence of 1 bytes from index 7"
    );
    std::fs::remove_file(place.path("home/config.toml")).unwrap();
    std::fs::create_dir(place.path("home/config.toml")).unwrap();
    assert_eq!(
        place.error("project"),
        "Failed to read config file ROOT/home/config.toml: Is a directory (os error 21)"
    );
}

#[test]
fn a_trusted_projects_file_is_checked_and_an_untrusted_ones_is_not() {
    let place = Place::with_user("[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n");
    place.write("project/.codex/config.toml", "model = \"broken\n");
    assert_eq!(
        place.error("project"),
        "Error parsing project config file ROOT/project/.codex/config.toml: TOML parse error at line 1, column 16\n  |\n\
         1 | model = \"broken\n  |                ^\ninvalid basic string, expected `\"`\n"
    );
    place.write("project/.codex/config.toml", "model_context_window=\"many\"\n");
    assert_eq!(
        place.error("project"),
        "ROOT/project/.codex/config.toml:1:22: invalid type: string \"many\", expected i64"
    );
    place.write("home/config.toml", "");
    place.load("project").unwrap();
}

#[test]
fn a_threads_own_faults_name_the_key() {
    let place = Place::new();
    let overrides = thread(&[("sandbox_mode", json!("bogus"))]);
    let error = place.loader().load(Some(&place.path("project")), Some(&overrides)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown variant `bogus`, expected one of `read-only`, `workspace-write`, `danger-full-access`\n\
         in `sandbox_mode`\n"
    );
}

#[test]
fn a_fault_in_a_file_also_carries_the_message_that_names_the_key() {
    let place = Place::with_user("[profiles.x]\napproval_policy = \"bogus\"\n");
    let ConfigError::Type { message, .. } = place.load("project").unwrap_err() else { panic!("a type error") };
    assert!(message.ends_with("\nin `profiles.x.approval_policy`\n"), "{message}");
}

#[test]
fn the_start_up_warning_gives_path_and_range() {
    for (user, start, end) in [
        ("model\n", (1, 6), (1, 6)),
        ("\n\nmodel_context_window = \"many\"\n", (3, 24), (3, 29)),
        ("approval_policy = \"sometimes\"\n", (1, 19), (1, 29)),
        ("[model_providers.openai]\nname = \"x\"\n", (1, 2), (1, 16)),
        ("x = 1\n[tools\n", (2, 7), (2, 7)),
    ] {
        let place = Place::with_user(user);
        let warning = place.load("project").unwrap_err().warning();
        assert_eq!(warning.summary, "Invalid configuration; using defaults.");
        assert_eq!(warning.path, Some(place.path("home/config.toml")));
        let at = |(line, column)| Position { line, column };
        assert_eq!(warning.range, Some(Range { start: at(start), end: at(end) }), "{user}");
        let details = warning.details.unwrap().replace(place.root.to_str().unwrap(), "ROOT");
        assert!(details.starts_with(&format!("ROOT/home/config.toml:{}:{}: ", start.0, start.1)), "{details}");
    }
}

#[test]
fn defaults_keep_the_session_flags_and_fail_only_for_them() {
    let place = Place::with_user("broken");
    assert_eq!(place.flags(&["model=x"]).defaults(None).unwrap().model.as_deref(), Some("x"));
    let error = place.flags(&["model=3"]).defaults(None).unwrap_err();
    assert_eq!(error.to_string(), "invalid type: integer `3`, expected a string\nin `model`\n");
}
