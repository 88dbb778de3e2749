//! What users add: AGENTS.md, skills, plugins, hooks.
