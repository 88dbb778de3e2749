//! Standing rules about the first words of commands, and the files in which they and those about hosts stand.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};

use types::{AbsPath, Host};

use super::file::{self, SyntaxError};
use super::network::{HostAmendment, NetworkRule};
use super::{CommandRules, RuleDecision, RuleMatch};

/// The rules of some files.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(super) rules: Vec<PrefixRule>,
    pub(super) hosts: Vec<NetworkRule>,
    /// The paths at which a program may lie to be taken for the one of a name.
    pub(super) executables: HashMap<String, Vec<String>>,
    /// Where amendments are written.
    amendments: Option<AbsPath>,
}

/// A rule about commands that begin with certain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrefixRule {
    /// For each of the first words those that match; none is empty.
    pub(super) pattern: Vec<Vec<String>>,
    pub(super) decision: RuleDecision,
    pub(super) justification: Option<String>,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A folder with rules, or a file in it, cannot be read.
    #[error("failed to read rules files from {folder}: {source}")]
    Read {
        folder: AbsPath,
        #[source]
        source: io::Error,
    },
    /// A file is not understood.
    #[error("{file}:{}:{}: {}", error.line, error.column, error.message)]
    Syntax { file: AbsPath, error: SyntaxError },
}

/// How large a rules file may be.
const MOST_FILE_BYTES: u64 = 1024 * 1024;

impl RuleSet {
    /// Reads every `*.rules` file directly in these folders; those that do not exist hold none. Amendments go into
    /// `default.rules` in `home_rules`.
    ///
    /// # Errors
    /// [`RulesError`]; rules are then not to be used at all, since what one file allows another may forbid.
    pub fn load(folders: &[AbsPath], home_rules: &AbsPath) -> Result<Self, RulesError> {
        let mut rules = Self { amendments: Some(home_rules.join("default.rules")), ..Self::default() };
        for folder in folders {
            let failed = |source| RulesError::Read { folder: folder.clone(), source };
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            let mut files = Vec::new();
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|extension| extension == "rules") && path.is_file() {
                    files.push(folder.join(path));
                }
            }
            files.sort();
            for file in files {
                let text = read(&file).map_err(failed)?;
                file::parse(&text, &mut rules).map_err(|error| RulesError::Syntax { file, error })?;
            }
        }
        Ok(rules)
    }

    /// No rules, but a place for amendments.
    #[must_use]
    pub fn none(home_rules: &AbsPath) -> Self {
        Self { amendments: Some(home_rules.join("default.rules")), ..Self::default() }
    }

    /// The same command with its program by name, where that may stand for its path.
    fn by_name(&self, argv: &[String]) -> Option<Vec<String>> {
        let path = argv.first()?;
        let name = path.strip_prefix('/')?.rsplit('/').next()?;
        let stands_for = self.executables.get(name).is_none_or(|paths| paths.contains(path));
        stands_for.then(|| std::iter::once(name.to_owned()).chain(argv[1..].iter().cloned()).collect())
    }
}

fn read(file: &AbsPath) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(MOST_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{file} is too large")));
    }
    Ok(text)
}

impl PrefixRule {
    /// The words that match.
    pub(super) fn matches(&self, argv: &[String]) -> Option<Vec<String>> {
        let words = argv.get(..self.pattern.len())?;
        let matching = self.pattern.iter().zip(words).all(|(alternatives, word)| alternatives.contains(word));
        matching.then(|| words.to_vec())
    }
}

impl CommandRules for RuleSet {
    fn check(&self, argv: &[String]) -> Option<RuleMatch> {
        let found = |argv: &[String]| {
            let matching = self.rules.iter().filter_map(|rule| {
                let (decision, justification) = (rule.decision, rule.justification.clone());
                Some(RuleMatch { decision, prefix: rule.matches(argv)?, justification })
            });
            matching.max_by_key(|found| found.decision)
        };
        found(argv).or_else(|| found(&self.by_name(argv)?))
    }

    fn remember(&self, words: &[String]) -> io::Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        self.append(&format!("prefix_rule(pattern={}, decision=\"allow\")", quoted(words)))
    }

    fn check_host(&self, host: &Host) -> Option<RuleDecision> {
        self.hosts.iter().filter(|rule| rule.host == *host).map(|rule| rule.decision).max()
    }

    fn remember_host(&self, rule: &HostAmendment) -> io::Result<()> {
        self.append(&rule.line())
    }
}

impl RuleSet {
    /// Adds a line to the file for amendments, unless it is there.
    fn append(&self, line: &str) -> io::Result<()> {
        let Some(file) = &self.amendments else { return Ok(()) };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(file)?;
        // Another server may be about to add the same.
        file.lock()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if text.lines().any(|known| known == line) {
            return Ok(());
        }
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        file.write_all(format!("{gap}{line}\n").as_bytes())
    }
}

/// A list of texts; JSON's way to write one is Starlark's as well.
fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use types::{DomainAccess, NetworkProtocol};

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn rules(text: &str) -> RuleSet {
        let mut rules = RuleSet::default();
        file::parse(text, &mut rules).unwrap();
        rules
    }

    #[test]
    fn the_strictest_of_the_rules_that_match_counts() {
        let rules = rules(
            "prefix_rule([\"git\"], \"prompt\")\nprefix_rule([\"git\", [\"add\", \"rm\"]])\n\
                           prefix_rule([\"git\", \"rm\"], \"forbidden\", justification=\"Keep it.\")",
        );
        let decision = |line: &str| rules.check(&words(line)).map(|found| found.decision);
        assert_eq!(decision("git add x"), Some(RuleDecision::Prompt));
        assert_eq!(decision("git rm x"), Some(RuleDecision::Forbidden));
        assert_eq!(decision("gitk"), None);
        let found = rules.check(&words("git rm x")).unwrap();
        assert_eq!((found.prefix, found.justification.as_deref()), (words("git rm"), Some("Keep it.")));
    }

    #[test]
    fn a_name_stands_for_a_path_unless_other_paths_are_named() {
        let rules = rules(
            "prefix_rule([\"touch\"])\nprefix_rule([\"ls\"])\n\
                           prefix_rule([\"/opt/ls\"], \"forbidden\")\nhost_executable(\"touch\", [\"/usr/bin/touch\"])",
        );
        let decision = |line: &str| rules.check(&words(line)).map(|found| found.decision);
        assert_eq!(decision("/usr/bin/touch x"), Some(RuleDecision::Allow));
        assert_eq!(decision("/opt/touch x"), None);
        assert_eq!(decision("./touch x"), None);
        assert_eq!(decision("/bin/ls"), Some(RuleDecision::Allow));
        assert_eq!(decision("/opt/ls"), Some(RuleDecision::Forbidden));
    }

    #[test]
    fn an_amendment_is_added_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let home_rules = AbsPath::new(folder.path()).unwrap().join("rules");
        let rules = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        let strange = vec!["a \"b\" \\c\n\u{1}é".to_owned(), String::new()];
        rules.remember(&[]).unwrap();
        assert!(!home_rules.exists());
        for _ in 0..2 {
            rules.remember(&strange).unwrap();
            rules.remember(&words("git add")).unwrap();
        }
        fs::write(home_rules.join("other.txt"), "no rules").unwrap();
        let text = fs::read_to_string(home_rules.join("default.rules")).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.ends_with("prefix_rule(pattern=[\"git\", \"add\"], decision=\"allow\")\n"), "{text}");
        let again = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        assert_eq!(again.check(&strange).unwrap().decision, RuleDecision::Allow);
    }

    #[test]
    fn rules_about_hosts_hold_for_every_protocol_and_the_strictest_counts() {
        let rules = rules(
            "network_rule(host=\"A.test.\", protocol=\"http\", decision=\"allow\")\n\
             network_rule(\"a.test:80\", \"https\", \"forbidden\")\nnetwork_rule(\"b.test\", \"socks5_tcp\", \"prompt\")",
        );
        let decision = |host: &str| rules.check_host(&Host::parse(host).unwrap());
        assert_eq!(decision("a.test"), Some(RuleDecision::Forbidden));
        assert_eq!(decision("b.test"), Some(RuleDecision::Prompt));
        assert_eq!(decision("x.a.test"), None);
    }

    #[test]
    fn a_host_is_amended_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let home_rules = AbsPath::new(folder.path()).unwrap().join("rules");
        let host = Host::parse("example.com").unwrap();
        let rule = HostAmendment { host: host.clone(), protocol: NetworkProtocol::Https, access: DomainAccess::Allow };
        for _ in 0..2 {
            RuleSet::none(&home_rules).remember_host(&rule).unwrap();
        }
        let text = fs::read_to_string(home_rules.join("default.rules")).unwrap();
        assert_eq!(
            text,
            "network_rule(host=\"example.com\", protocol=\"https\", decision=\"allow\", \
             justification=\"Allow https_connect access to example.com\")\n"
        );
        let again = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        assert_eq!(again.check_host(&host), Some(RuleDecision::Allow));
    }

    #[test]
    fn a_line_without_its_end_gets_one_before_an_amendment() {
        let folder = tempfile::tempdir().unwrap();
        let home_rules = AbsPath::new(folder.path()).unwrap();
        fs::write(home_rules.join("default.rules"), "prefix_rule([\"ls\"])").unwrap();
        RuleSet::none(&home_rules).remember(&words("touch")).unwrap();
        let rules = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        assert!(rules.check(&words("ls")).is_some() && rules.check(&words("touch x")).is_some());
    }
}
