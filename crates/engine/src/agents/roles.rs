//! Roles of sub-agents: what they are for, and what they change of the settings that an agent begins with.

use std::sync::Arc;

use config::Config;

use crate::environment::Environment;
use crate::provider;
use crate::settings::ThreadSettings;

/// The role of an agent that is given none.
const DEFAULT: &str = "default";

/// Roles that there are everywhere. A configured role of the same name stands in their place.
const BUILT_IN: [(&str, &str); 2] = [
    (
        "explorer",
        "Answers a question about the code by reading and searching, and changes nothing. Ask it something precise. \
         Several may look into different questions side by side; do not look into them yourself meanwhile.",
    ),
    (
        "worker",
        "Carries out a piece of work, such as a feature, a fix or a change across files. Tell it which files are its \
         own, and that others work beside it whose changes it has to leave alone.",
    ),
];

/// Names for sub-agents, so that people can tell them apart.
const NICKNAMES: &[&str] = &[
    "Alder", "Birch", "Cedar", "Clover", "Fern", "Hazel", "Heather", "Iris", "Juniper", "Laurel", "Linden", "Maple",
    "Olive", "Rowan", "Sage", "Sorrel", "Tansy", "Thyme", "Willow", "Yarrow",
];

/// The roles as the model is told of them.
pub(super) fn described(config: &Config) -> String {
    let mut text = "A role for it. Leave out for none. The roles:".to_owned();
    let mut add = |name: &str, description: &str, settled: &str| {
        text.push_str(&format!("\n- `{name}`: {description}{settled}"));
    };
    for (name, role) in &config.agents.roles {
        let model = role.model.as_ref().map(|model| format!("the model `{model}`"));
        let effort = role.effort.map(|effort| format!("the reasoning effort `{}`", effort.as_str()));
        let settled: Vec<_> = model.into_iter().chain(effort).collect();
        let settled =
            if settled.is_empty() { String::new() } else { format!(" (always with {})", settled.join(" and ")) };
        add(name, &role.description, &settled);
    }
    for (name, description) in BUILT_IN.iter().filter(|(name, _)| !config.agents.roles.contains_key(*name)) {
        add(name, description, "");
    }
    text
}

/// Names for an agent in a role.
pub(super) fn nicknames<'a>(config: &'a Config, role: Option<&str>) -> Vec<&'a str> {
    match role.and_then(|role| config.agents.roles.get(role)) {
        Some(role) if !role.nicknames.is_empty() => role.nicknames.iter().map(String::as_str).collect(),
        _ => NICKNAMES.to_vec(),
    }
}

/// Makes the settings of a thread those of its agent in a role: what the role's file says counts, but the permissions
/// stay. Blocks while files are read that have changed.
///
/// # Errors
/// There is no such role, or its file cannot be used under this configuration.
pub(super) fn take_on(environment: &Arc<Environment>, settings: &mut ThreadSettings, name: &str) -> Result<(), String> {
    let parent = settings.config.clone();
    let Some(role) = parent.agents.roles.get(name) else {
        let is_built_in = name == DEFAULT || BUILT_IN.iter().any(|(built_in, _)| *built_in == name);
        return if is_built_in { Ok(()) } else { Err(format!("unknown agent_type '{name}'")) };
    };
    let unusable = |error: &dyn std::fmt::Display| format!("the role `{name}` cannot be used: {error}");
    let config = environment.loader.with_role(&parent, &settings.cwd, role).map_err(|error| unusable(&error))?;
    if role.says("model_provider") {
        let (id, originator, user_agent) = (&config.model_provider, &settings.originator, &settings.user_agent);
        settings.provider =
            provider::connect(environment, &config, id, originator, user_agent).map_err(|error| unusable(&error))?;
        settings.provider_id.clone_from(id);
    }
    if let Some(model) = config.model.as_ref().filter(|_| role.says("model")) {
        settings.model.clone_from(model);
        settings.mode = None;
    }
    if role.says("model_reasoning_effort") {
        settings.effort = config.effort;
        settings.mode = None;
    }
    if role.says("model_reasoning_summary") {
        settings.summary = config.summary;
    }
    if role.says("personality") {
        settings.personality = config.personality;
    }
    if role.says("service_tier") {
        settings.service_tier = config.service_tier;
    }
    if role.says("model_instructions_file") {
        settings.base_instructions.clone_from(&config.base_instructions);
    }
    if role.says("developer_instructions") {
        settings.developer_instructions.clone_from(&config.developer_instructions);
    }
    settings.config = Arc::new(config);
    Ok(())
}
