//! What users add: AGENTS.md files and skills.
//!
//! [`agents_md`] finds the instruction files of a project; [`skills`] finds skills, tells the model about them, and
//! turns a use of one into text for the model. All of it is blocking file I/O on small files; callers on an async
//! runtime move it to where blocking is allowed.
//!
//! This crate does not know the client's spelling of anything, or running turns. Open [`skills`] first.

pub mod agents_md;
pub mod skills;

pub use agents_md::Source;
pub use skills::{Skill, SkillsCache};
