//! Roles of sub-agents.

use config::{Config, Feature};
use types::ReasoningEffort;

use crate::place::{Place, thread};

fn roles(config: &Config) -> Vec<(&str, &str)> {
    config.agents.roles.iter().map(|(name, role)| (name.as_str(), role.description.as_str())).collect()
}

#[test]
fn roles_come_from_tables_and_from_folders_of_files() {
    let place = Place::with_user(
        "[agents.tester]\ndescription = \" Tests \"\nconfig_file = \"roles/t.toml\"\nnickname_candidates = [\"Ada\"]\n\
         [agents.plain]\ndescription = \"Has no file\"\n[projects.\"ROOT/project\"]\ntrust_level = \"trusted\"\n",
    );
    place
        .write("home/roles/t.toml", "model = \"m\"\nmodel_reasoning_effort = \"high\"\n")
        .write("home/agents/writer.toml", "description = \"Writes\"\n")
        .write("home/agents/b.toml", "name = \"reader\"\ndescription = \"Reads\"\nnickname_candidates = [\"Bo\"]\n")
        .write("home/agents/notes.txt", "not a role")
        .write("project/.git/HEAD", "")
        .write("project/.codex/agents/writer.toml", "description = \"Writes here\"\n");
    let config = place.config();
    assert_eq!(
        roles(&config),
        [("plain", "Has no file"), ("reader", "Reads"), ("tester", "Tests"), ("writer", "Writes")]
    );
    let tester = &config.agents.roles["tester"];
    assert_eq!((tester.model.as_deref(), tester.effort), (Some("m"), Some(ReasoningEffort::High)));
    assert_eq!(tester.nicknames, ["Ada"]);
    assert_eq!(config.agents.roles["reader"].nicknames, ["Bo"]);
    assert_eq!(roles(&place.load("project").unwrap())[3], ("writer", "Writes here"));
    assert!(config.agents.faults.is_empty());
}

#[test]
fn a_role_that_cannot_be_used_is_left_out_and_named() {
    let place = Place::with_user(
        "[agents.gone]\ndescription = \"d\"\nconfig_file = \"gone.toml\"\n[agents.silent]\n[agents.good]\ndescription = \"d\"\n",
    );
    place
        .write("home/agents/broken.toml", "description = \n")
        .write("home/agents/wrong.toml", "description = \"d\"\nmodel = 5\n")
        .write("home/agents/number.toml", "description = 5\n");
    let config = place.config();
    assert_eq!(roles(&config), [("good", "d")]);
    let faults = config.agents.faults.join("\n").replace(place.root.to_str().unwrap(), "ROOT");
    for part in [
        "ROOT/home/agents/broken.toml:1:15: ",
        "ROOT/home/agents/wrong.toml: invalid type: integer `5`, expected a string",
        "ROOT/home/agents/number.toml: invalid type",
        "ROOT/home/gone.toml: No such file",
        "the role `silent` has no description",
    ] {
        assert!(faults.contains(part), "{part}\n---\n{faults}");
    }
    assert_eq!(config.agents.faults.len(), 5);
}

#[test]
fn a_role_is_laid_over_the_threads_configuration_and_under_the_administrators() {
    let place = Place::with_user(
        "model = \"user\"\nmodel_verbosity = \"low\"\n[agents.a]\ndescription = \"d\"\nconfig_file = \"a.toml\"\n",
    );
    place
        .write("home/a.toml", "model = \"role\"\nmodel_instructions_file = \"a.md\"\nreview_model = \"role\"\n")
        .write("home/a.md", "Be a role.")
        .write("etc/managed_config.toml", "review_model = \"administrator\"\n");
    let (loader, project) = (place.loader(), place.path("project"));
    let started = thread(&[("model", "thread".into()), ("model_context_window", 5000.into())]);
    let config = loader.load(Some(&project), Some(&started)).unwrap();
    assert_eq!(config.model.as_deref(), Some("thread"));
    let in_role = loader.with_role(&config, &project, &config.agents.roles["a"]).unwrap();
    assert_eq!(in_role.model.as_deref(), Some("role"));
    assert_eq!(in_role.base_instructions.as_deref(), Some("Be a role."));
    assert_eq!((in_role.context_window, in_role.verbosity), (Some(5000), config.verbosity));
    assert_eq!(in_role.review_model.as_deref(), Some("administrator"));
    assert!(in_role.agents.roles["a"].says("model") && !in_role.agents.roles["a"].says("model_verbosity"));
}

#[test]
fn a_role_counts_more_than_the_profile_in_use() {
    let place = Place::with_user(
        "profile = \"p\"\n[profiles.p]\nmodel = \"profile\"\nmodel_verbosity = \"high\"\n[profiles.p.features]\nmemories = true\n\
         [agents.a]\ndescription = \"d\"\nconfig_file = \"a.toml\"\n",
    );
    place.write("home/a.toml", "model = \"role\"\n[features]\nmemories = false\n");
    let (loader, config) = (place.loader(), place.config());
    assert_eq!(config.model.as_deref(), Some("profile"));
    let in_role = loader.with_role(&config, &place.path("project"), &config.agents.roles["a"]).unwrap();
    assert_eq!((in_role.model.as_deref(), in_role.verbosity), (Some("role"), config.verbosity));
    assert!(!in_role.features.enabled(Feature::Memories));
}
