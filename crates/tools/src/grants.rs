//! What the tools of a thread remember from turn to turn: what the user has allowed, and whose the running commands are.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::permissions::Granted;
use crate::rules::{CommandRules, HostAmendment, NoRules, RuleDecision, RuleMatch};
use proxy::Destination;
use types::{AbsPath, DomainAccess, Host, ItemId, PermissionProfile};

/// Approvals for the session, and the user's standing command rules; shared by all turns of a thread.
pub struct Grants {
    rules: Arc<dyn CommandRules>,
    /// Permissions beyond the sandbox.
    pub(crate) permissions: Granted,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    commands: HashSet<CommandKey>,
    files: HashSet<AbsPath>,
    prefixes: Vec<Vec<String>>,
    destinations: HashSet<Destination>,
    hosts: HashMap<Host, DomainAccess>,
    /// Items of commands that are still running, by session.
    running: HashMap<i32, ItemId>,
}

/// What makes two commands the same to the user who allowed one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandKey {
    pub argv: Vec<String>,
    pub cwd: AbsPath,
    pub tty: bool,
    /// What it asks for beyond the sandbox.
    pub beyond: Beyond,
}

/// What a command asks for beyond the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Beyond {
    Nothing,
    Permissions(PermissionProfile),
    /// To run outside of it.
    Everything,
}

impl Default for Grants {
    fn default() -> Self {
        Self::with_rules(Arc::new(NoRules))
    }
}

impl Grants {
    /// No approvals and no rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// No approvals yet, beside standing rules.
    pub fn with_rules(rules: Arc<dyn CommandRules>) -> Self {
        Self { rules, permissions: Granted::new(), inner: Mutex::default() }
    }

    /// What rules say about one simple command: the strictest of the standing ones and of the prefixes allowed in
    /// this session.
    pub fn check(&self, argv: &[String]) -> Option<RuleMatch> {
        let allowed = self.lock().prefixes.iter().find(|prefix| argv.starts_with(prefix)).map(|prefix| RuleMatch {
            decision: RuleDecision::Allow,
            prefix: prefix.clone(),
            justification: None,
        });
        self.rules.check(argv).into_iter().chain(allowed).max_by_key(|found| found.decision)
    }

    /// Whether this command was accepted for the session.
    pub fn allows_command(&self, key: &CommandKey) -> bool {
        self.lock().commands.contains(key)
    }

    /// Remembers a command for the session.
    pub fn allow_command(&self, key: CommandKey) {
        self.lock().commands.insert(key);
    }

    /// Whether every one of `paths` was part of a patch accepted for the session.
    pub fn allows_files<'a>(&self, paths: impl IntoIterator<Item = &'a AbsPath>) -> bool {
        let inner = self.lock();
        paths.into_iter().all(|path| inner.files.contains(path))
    }

    /// Remembers files whose patches need no question any more.
    pub fn allow_files(&self, paths: impl IntoIterator<Item = AbsPath>) {
        self.lock().files.extend(paths);
    }

    /// Allows commands that begin with `words`, in this session and as a standing rule; no words allow nothing.
    ///
    /// # Errors
    /// The standing rule could not be kept; the session's holds.
    pub fn allow_prefix(&self, words: Vec<String>) -> io::Result<()> {
        let kept = self.rules.remember(&words);
        let mut inner = self.lock();
        if !words.is_empty() && !inner.prefixes.contains(&words) {
            inner.prefixes.push(words);
        }
        kept
    }

    /// What rules say about a host: the strictest of the standing ones and of what was said in this session.
    pub(crate) fn check_host(&self, host: &Host) -> Option<RuleDecision> {
        let said = self.lock().hosts.get(host).map(|access| match access {
            DomainAccess::Allow => RuleDecision::Allow,
            DomainAccess::Deny => RuleDecision::Forbidden,
        });
        self.rules.check_host(host).max(said)
    }

    /// Makes a rule about a host, in this session and as a standing one.
    ///
    /// # Errors
    /// The standing rule could not be kept; the session's holds.
    pub(crate) fn amend_host(&self, rule: HostAmendment) -> io::Result<()> {
        let kept = self.rules.remember_host(&rule);
        self.lock().hosts.insert(rule.host, rule.access);
        kept
    }

    /// Whether this destination was accepted for the session.
    pub(crate) fn allows_destination(&self, to: &Destination) -> bool {
        self.lock().destinations.contains(to)
    }

    /// Remembers a destination for the session.
    pub(crate) fn allow_destination(&self, to: Destination) {
        self.lock().destinations.insert(to);
    }

    /// Remembers which item the command of a session is.
    pub(crate) fn started(&self, session: i32, item: ItemId) {
        self.lock().running.insert(session, item);
    }

    /// Forgets a session whose command has ended.
    pub(crate) fn ended(&self, session: i32) {
        self.lock().running.remove(&session);
    }

    /// The item of a running command.
    pub(crate) fn item_of(&self, session: i32) -> Option<ItemId> {
        self.lock().running.get(&session).cloned()
    }

    /// The sets hold no invariant that a panic could break half-way.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn an_empty_prefix_allows_nothing() {
        let grants = Grants::new();
        grants.allow_prefix(Vec::new()).unwrap();
        assert_eq!(grants.check(&words("touch x")), None);
        grants.allow_prefix(words("touch")).unwrap();
        assert_eq!(grants.check(&words("touch x")).unwrap().decision, RuleDecision::Allow);
        assert_eq!(grants.check(&words("touchy x")), None);
    }

    #[test]
    fn a_standing_rule_that_forbids_wins_over_a_prefix_allowed_in_the_session() {
        struct Forbid;
        impl CommandRules for Forbid {
            fn check(&self, _argv: &[String]) -> Option<RuleMatch> {
                Some(RuleMatch { decision: RuleDecision::Forbidden, prefix: Vec::new(), justification: None })
            }
        }
        let grants = Grants::with_rules(Arc::new(Forbid));
        grants.allow_prefix(words("touch")).unwrap();
        assert_eq!(grants.check(&words("touch x")).unwrap().decision, RuleDecision::Forbidden);
    }

    #[test]
    fn a_patch_is_allowed_when_all_its_files_are() {
        let grants = Grants::new();
        let (a, b) = (AbsPath::new("/a").unwrap(), AbsPath::new("/b").unwrap());
        grants.allow_files([a.clone()]);
        assert!(grants.allows_files([&a]));
        assert!(!grants.allows_files([&a, &b]));
    }
}
