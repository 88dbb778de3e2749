//! The user's rules about commands, and the files they stand in.

mod file;
mod network;
mod prefix;

use std::io;

use types::Host;

pub use file::SyntaxError;
pub use network::HostAmendment;
pub use prefix::{RuleSet, RulesError};

/// Rules that decide about commands by their words, and about the hosts they reach.
pub trait CommandRules: Send + Sync {
    /// What the rules say about one simple command, `None` when no rule matches. The strictest match counts.
    fn check(&self, argv: &[String]) -> Option<RuleMatch>;

    /// Allows commands that begin with `words` from now on, also after a restart. No words allow nothing.
    ///
    /// # Errors
    /// The rule could not be kept.
    fn remember(&self, words: &[String]) -> io::Result<()> {
        let _ = words;
        Ok(())
    }

    /// What the rules say about a host, `None` when no rule is about it. The strictest counts.
    fn check_host(&self, host: &Host) -> Option<RuleDecision> {
        let _ = host;
        None
    }

    /// Adds a rule about a host, also for after a restart.
    ///
    /// # Errors
    /// The rule could not be kept.
    fn remember_host(&self, rule: &HostAmendment) -> io::Result<()> {
        let _ = rule;
        Ok(())
    }
}

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch {
    pub decision: RuleDecision,
    /// The words that matched, for messages.
    pub prefix: Vec<String>,
    /// Why the user made the rule.
    pub justification: Option<String>,
}

/// What a rule says, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleDecision {
    /// Run it without asking, outside the sandbox.
    Allow,
    /// Ask first.
    Prompt,
    /// Never run it.
    Forbidden,
}

/// No rules at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRules;

impl CommandRules for NoRules {
    fn check(&self, _argv: &[String]) -> Option<RuleMatch> {
        None
    }
}
