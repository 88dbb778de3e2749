//! The environment of commands.

use std::collections::BTreeMap;

use crate::rules::name_matches;

/// Which variables of the server reach commands. Applied in the order of the fields; names are compared without regard
/// to case, patterns know `*`, `?` and `[…]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvPolicy {
    /// What to start from.
    pub inherit: Inherit,
    /// Keep variables whose names hold `KEY`, `SECRET` or `TOKEN`.
    pub ignore_default_excludes: bool,
    /// Patterns of names to leave out.
    pub exclude: Vec<String>,
    /// Variables to set.
    pub set: BTreeMap<String, String>,
    /// When not empty: patterns of names, and only what matches one is kept, set or inherited.
    pub include_only: Vec<String>,
}

/// Which variables a command starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inherit {
    /// All of the server's.
    #[default]
    All,
    /// Only those nearly every program needs.
    Core,
    /// None.
    None,
}

impl Default for EnvPolicy {
    /// Everything is inherited and nothing left out: the protocol's default.
    fn default() -> Self {
        Self {
            inherit: Inherit::All,
            ignore_default_excludes: true,
            exclude: Vec::new(),
            set: BTreeMap::new(),
            include_only: Vec::new(),
        }
    }
}

/// The variables of [`Inherit::Core`].
const CORE: [&str; 11] =
    ["HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "USER", "TMPDIR", "TEMP", "TMP"];

const DEFAULT_EXCLUDES: [&str; 3] = ["*KEY*", "*SECRET*", "*TOKEN*"];

/// What commands in sessions get on top, stronger than the policy: plain output without colours and pagers, in UTF-8.
pub const SESSION_ENV: [(&str, &str); 10] = [
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("LANG", "C.UTF-8"),
    ("LC_CTYPE", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("COLORTERM", ""),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GH_PAGER", "cat"),
    ("CODEX_CI", "1"),
];

/// The variable that tells a command which thread it belongs to; stronger than the policy.
pub const THREAD_ID_VARIABLE: &str = "CODEX_THREAD_ID";

/// Set to `1` by [`Launcher::spawn`](crate::Launcher::spawn) for sandboxed commands without network.
pub const NETWORK_DISABLED_VARIABLE: &str = "CODEX_SANDBOX_NETWORK_DISABLED";

/// Names the server of a command that runs outside a process namespace, so that a later server can tell what was left
/// behind. Set by [`Launcher::spawn`](crate::Launcher::spawn).
pub(crate) const SERVER_VARIABLE: &str = "SPINDLE_SERVER";

/// The variables of `parent` that `policy` lets through, and those it sets. Sorted by name, each name once.
#[must_use]
pub fn command_env(policy: &EnvPolicy, parent: &[(String, String)]) -> Vec<(String, String)> {
    let matches = |patterns: &[String], name: &str| patterns.iter().any(|pattern| matches_fold(pattern, name));
    let mut env: BTreeMap<String, String> = parent
        .iter()
        .filter(|(name, _)| match policy.inherit {
            Inherit::All => true,
            Inherit::Core => CORE.contains(&name.as_str()),
            Inherit::None => false,
        })
        .filter(|(name, _)| {
            policy.ignore_default_excludes || !DEFAULT_EXCLUDES.iter().any(|pattern| matches_fold(pattern, name))
        })
        .filter(|(name, _)| !matches(&policy.exclude, name))
        .cloned()
        .collect();
    env.extend(policy.set.clone());
    if !policy.include_only.is_empty() {
        env.retain(|name, _| matches(&policy.include_only, name));
    }
    env.into_iter().collect()
}

/// Sets variables in an environment, in place of those of the same name.
pub fn set_variables<'a>(env: &mut Vec<(String, String)>, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, value) in variables {
        match env.iter_mut().find(|(old, _)| old == name) {
            Some((_, old)) => value.clone_into(old),
            None => env.push((name.to_owned(), value.to_owned())),
        }
    }
}

fn matches_fold(pattern: &str, name: &str) -> bool {
    name_matches(&pattern.to_uppercase(), &name.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent() -> Vec<(String, String)> {
        [("PATH", "/bin"), ("HOME", "/home"), ("MY_KEY", "k"), ("monkey", "m"), ("API_TOKEN", "t"), ("PLAIN", "p")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    fn names(policy: &EnvPolicy) -> Vec<String> {
        command_env(policy, &parent()).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn everything_is_inherited_by_default() {
        assert_eq!(command_env(&EnvPolicy::default(), &parent()).len(), 6);
    }

    #[test]
    fn default_excludes_drop_names_of_secrets_in_any_case() {
        let policy = EnvPolicy { ignore_default_excludes: false, ..EnvPolicy::default() };
        assert_eq!(names(&policy), ["HOME=/home", "PATH=/bin", "PLAIN=p"]);
    }

    #[test]
    fn core_and_none_start_smaller() {
        let core = EnvPolicy { inherit: Inherit::Core, ..EnvPolicy::default() };
        assert_eq!(names(&core), ["HOME=/home", "PATH=/bin"]);
        let none = EnvPolicy { inherit: Inherit::None, ..EnvPolicy::default() };
        assert!(names(&none).is_empty());
    }

    #[test]
    fn what_is_set_outlives_the_excludes_but_not_include_only() {
        let set = BTreeMap::from([("PLAIN".to_owned(), "new".to_owned()), ("A_TOKEN".to_owned(), "x".to_owned())]);
        let policy = EnvPolicy {
            ignore_default_excludes: false,
            exclude: list(&["pl*n", "h[o]me"]),
            set: set.clone(),
            ..EnvPolicy::default()
        };
        assert_eq!(names(&policy), ["A_TOKEN=x", "PATH=/bin", "PLAIN=new"]);
        let only = EnvPolicy { include_only: list(&["pa*", "pl?in"]), set, ..EnvPolicy::default() };
        assert_eq!(names(&only), ["PATH=/bin", "PLAIN=new"]);
    }
}
