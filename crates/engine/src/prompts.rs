//! The texts that shape the agent, in our own words. How good the agent is depends on them: change them with care.

/// System instructions of a thread that brings none of its own.
pub(crate) const BASE: &str = include_str!("prompts/base.md");
pub(crate) const PLAN_MODE: &str = include_str!("prompts/plan_mode.md");
const DEFAULT_MODE: &str = include_str!("prompts/default_mode.md");
pub(crate) const ESCALATION: &str = include_str!("prompts/escalation.md");
pub(crate) const FRIENDLY: &str = include_str!("prompts/friendly.md");
pub(crate) const PRAGMATIC: &str = include_str!("prompts/pragmatic.md");

/// Told after a turn that the user cut off.
pub(crate) const TURN_ABORTED: &str = "<turn_aborted>\nThe user stopped the turn before it was finished. Commands and \
tools that were at work were cut off and may have done a part of their work; sessions started earlier may still run. Look \
at the state of things before you go on, and do not take up the old task again unless the user asks for \
it.\n</turn_aborted>";

/// Instructions of the default mode, where questions may or may not be possible.
pub(crate) fn default_mode(can_ask: bool) -> String {
    DEFAULT_MODE.replace("{question_tool}", if can_ask { "available" } else { "not available" })
}
