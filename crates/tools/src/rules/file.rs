//! Reads a rules file.
//!
//! The format is a small part of Starlark: calls of the functions below with texts and lists, names given to such values,
//! `+`, and comments. Whatever computes (functions, loops, conditions) is refused with the place where it stands.
//!
//! ```text
//! prefix_rule(pattern = ["git", ["add", "commit"]], decision = "prompt", justification = "Say why.",
//!             match = ["git add x"], not_match = [["git", "status"]])
//! host_executable(name = "git", paths = ["/usr/bin/git"])
//! network_rule(host = "example.com", protocol = "https", decision = "allow", justification = "Say why.")
//! ```

use std::collections::HashMap;

use super::RuleDecision;
use super::network::{self, NetworkRule};
use super::prefix::{PrefixRule, RuleSet};
use crate::shell;

/// Why a file is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub message: String,
}

/// Adds the rules of a file.
pub(super) fn parse(text: &str, rules: &mut RuleSet) -> Result<(), SyntaxError> {
    let mut parser = Parser { text: text.chars().collect(), at: 0, names: HashMap::new() };
    while parser.next_statement()? {
        parser.statement(rules)?;
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    List(Vec<Value>),
    None,
}

struct Parser {
    text: Vec<char>,
    at: usize,
    /// Values that the file has given a name.
    names: HashMap<String, Value>,
}

type Parsed<T> = Result<T, SyntaxError>;

/// How deep lists may lie in each other.
const MOST_NESTED: usize = 16;

impl Parser {
    fn error_at<T>(&self, at: usize, message: impl Into<String>) -> Parsed<T> {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.iter().filter(|&&c| c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|&&c| c != '\n').count() + 1;
        Err(SyntaxError { line, column, message: message.into() })
    }

    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        self.error_at(self.at, message)
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, c)| self.text.get(self.at + offset) == Some(&c))
    }

    /// Skips blanks and comments, and line ends as well where these mean nothing.
    fn skip(&mut self, line_ends: bool) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\n' if line_ends => self.at += 1,
                '\\' if self.text.get(self.at + 1) == Some(&'\n') => self.at += 2,
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Goes to the next statement; false at the end.
    fn next_statement(&mut self) -> Parsed<bool> {
        loop {
            self.skip(true);
            if !self.take(';') {
                break;
            }
        }
        if self.at > 0 && self.peek().is_some() && !matches!(self.text.get(self.at - 1), Some('\n' | ';')) {
            let line = self.text[..self.at].iter().rev().take_while(|&&c| c != '\n');
            if line.clone().all(|c| c.is_whitespace()) && line.count() > 0 {
                return self.error("unexpected indentation");
            }
        }
        Ok(self.peek().is_some())
    }

    fn statement(&mut self, rules: &mut RuleSet) -> Parsed<()> {
        let start = self.at;
        if matches!(self.peek(), Some('"' | '\'')) {
            // A text that stands alone says something to the reader.
            self.value(0)?;
        } else {
            let Some(name) = self.name() else { return self.error("expected a rule") };
            self.skip(false);
            if self.peek() == Some('=') && !self.starts_with("==") {
                self.at += 1;
                self.skip(false);
                let value = self.value(0)?;
                self.names.insert(name, value);
            } else if self.take('(') {
                let arguments = self.arguments()?;
                self.call(start, &name, arguments, rules)?;
            } else {
                return self.error_at(start, format!("`{name}` is not possible in a rules file; write the rules out"));
            }
        }
        self.skip(false);
        match self.peek() {
            None | Some('\n' | ';') => Ok(()),
            Some(c) => self.error(format!("unexpected `{c}`")),
        }
    }

    fn name(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
        if length == 0 || rest[0].is_numeric() {
            return None;
        }
        let name = rest[..length].iter().collect();
        self.at += length;
        Some(name)
    }

    /// The arguments of a call, up to its closing parenthesis.
    fn arguments(&mut self) -> Parsed<Vec<(Option<String>, Value)>> {
        let mut arguments = Vec::new();
        loop {
            self.skip(true);
            if self.take(')') {
                return Ok(arguments);
            }
            let start = self.at;
            let mut name = self.name();
            self.skip(true);
            if name.is_some() && self.peek() == Some('=') && !self.starts_with("==") {
                self.at += 1;
                self.skip(true);
            } else {
                (self.at, name) = (start, None);
            }
            arguments.push((name, self.value(0)?));
            self.skip(true);
            if !self.take(',') && self.peek() != Some(')') {
                return self.error("expected `,` or `)`");
            }
        }
    }

    /// A value, with what is added to it.
    fn value(&mut self, depth: usize) -> Parsed<Value> {
        let mut value = self.term(depth)?;
        loop {
            let (end, start) = (self.at, self.at);
            self.skip(depth > 0);
            if !self.take('+') {
                self.at = end;
                return Ok(value);
            }
            self.skip(true);
            value = match (value, self.term(depth)?) {
                (Value::Text(a), Value::Text(b)) => Value::Text(a + &b),
                (Value::List(mut a), Value::List(mut b)) => {
                    a.append(&mut b);
                    Value::List(a)
                }
                _ => return self.error_at(start, "only two texts or two lists can be added"),
            };
        }
    }

    fn term(&mut self, depth: usize) -> Parsed<Value> {
        let start = self.at;
        match self.peek() {
            Some('"' | '\'') => self.quoted(false).map(Value::Text),
            Some('r') if matches!(self.text.get(start + 1), Some('"' | '\'')) => {
                self.at += 1;
                self.quoted(true).map(Value::Text)
            }
            Some('[') if depth >= MOST_NESTED => self.error("lists lie too deep in each other"),
            Some('[') => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.skip(true);
                    if self.take(']') {
                        return Ok(Value::List(items));
                    }
                    items.push(self.value(depth + 1)?);
                    self.skip(true);
                    if !self.take(',') && self.peek() != Some(']') {
                        return self.error("expected `,` or `]`");
                    }
                }
            }
            _ => match self.name() {
                Some(name) if name == "None" => Ok(Value::None),
                Some(name) => match self.names.get(&name) {
                    Some(value) => Ok(value.clone()),
                    None => self.error_at(start, format!("`{name}` is not known")),
                },
                None => self.error("expected a text or a list"),
            },
        }
    }

    fn quoted(&mut self, raw: bool) -> Parsed<String> {
        let start = self.at;
        let quote = self.text[start];
        let triple = self.starts_with(&String::from(quote).repeat(3));
        let end = String::from(quote).repeat(if triple { 3 } else { 1 });
        self.at += end.len();
        let mut text = String::new();
        loop {
            if self.starts_with(&end) {
                self.at += end.len();
                return Ok(text);
            }
            match self.peek() {
                None => return self.error_at(start, "a text without its closing quote"),
                Some('\n') if !triple => return self.error_at(start, "a text without its closing quote"),
                Some('\\') => {
                    self.at += 1;
                    self.escape(raw, &mut text)?;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, raw: bool, text: &mut String) -> Parsed<()> {
        let Some(c) = self.peek() else { return self.error("a text without its closing quote") };
        self.at += 1;
        if raw {
            text.extend(['\\', c]);
            return Ok(());
        }
        let plain = match c {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            '\\' | '"' | '\'' => Some(c),
            _ => None,
        };
        text.extend(plain);
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            // A line end is left out.
            _ if plain.is_some() || c == '\n' => return Ok(()),
            other => return self.error(format!("`\\{other}` means nothing")),
        };
        let code: String = self.text.iter().skip(self.at).take(digits).collect();
        let character = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        match character {
            Some(character) if code.len() == digits => {
                self.at += digits;
                text.push(character);
                Ok(())
            }
            _ => self.error(format!("`\\{c}{code}` is no character")),
        }
    }

    fn call(
        &self,
        start: usize,
        function: &str,
        arguments: Vec<(Option<String>, Value)>,
        rules: &mut RuleSet,
    ) -> Parsed<()> {
        let fail = |message: String| self.error_at(start, message);
        let known: &[&str] = match function {
            "prefix_rule" => &["pattern", "decision", "match", "not_match", "justification"],
            "host_executable" => &["name", "paths"],
            "network_rule" => &["host", "protocol", "decision", "justification"],
            other => {
                let known = "prefix_rule, host_executable and network_rule";
                return fail(format!("`{other}` is not known; rules are {known}"));
            }
        };
        let mut given: HashMap<&str, Value> = HashMap::new();
        for (position, (name, value)) in arguments.into_iter().enumerate() {
            let name = match name {
                Some(name) => known.iter().find(|one| **one == name),
                None => known.get(position),
            };
            let Some(name) = name else { return fail(format!("{function} takes only {}", known.join(", "))) };
            if given.insert(name, value).is_some() {
                return fail(format!("`{name}` is given twice"));
            }
        }
        let added = match function {
            "prefix_rule" => prefix_rule(&given).map(|rule| rules.rules.push(rule)),
            "network_rule" => network_rule(&given).map(|rule| rules.hosts.push(rule)),
            _ => host_executable(&given).map(|(name, mut paths)| {
                rules.executables.entry(name).or_default().append(&mut paths);
            }),
        };
        added.or_else(fail)
    }
}

fn text(value: &Value, what: &str) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::List(_) | Value::None => Err(format!("{what} must be a text")),
    }
}

fn list<'a>(value: Option<&'a Value>, what: &str) -> Result<&'a [Value], String> {
    match value {
        Some(Value::List(items)) => Ok(items),
        None | Some(Value::None) => Ok(&[]),
        Some(Value::Text(_)) => Err(format!("{what} must be a list")),
    }
}

fn prefix_rule(given: &HashMap<&str, Value>) -> Result<PrefixRule, String> {
    let mut pattern = Vec::new();
    for element in list(given.get("pattern"), "pattern")? {
        let words = match element {
            Value::List(words) => words.iter().map(|word| text(word, "a word")).collect::<Result<Vec<_>, _>>()?,
            Value::Text(_) | Value::None => vec![text(element, "a word")?],
        };
        if words.is_empty() {
            return Err("alternatives cannot be empty".to_owned());
        }
        pattern.push(words);
    }
    if pattern.is_empty() {
        return Err("pattern cannot be empty".to_owned());
    }
    let decision = match given.get("decision") {
        None | Some(Value::None) => RuleDecision::Allow,
        Some(value) => match text(value, "decision")?.as_str() {
            "allow" => RuleDecision::Allow,
            "prompt" => RuleDecision::Prompt,
            "forbidden" => RuleDecision::Forbidden,
            other => return Err(format!("decision `{other}` is none of allow, prompt, forbidden")),
        },
    };
    let justification = justification(given)?;
    let rule = PrefixRule { pattern, decision, justification };
    for (name, wanted) in [("match", true), ("not_match", false)] {
        for example in list(given.get(name), name)? {
            let words = match example {
                Value::List(words) => words.iter().map(|word| text(word, "a word")).collect::<Result<Vec<_>, _>>()?,
                Value::Text(_) | Value::None => {
                    let line = text(example, "an example")?;
                    shlex::split(&line).ok_or_else(|| format!("the example `{line}` is no command"))?
                }
            };
            if rule.matches(&words).is_some() != wanted {
                let verb = if wanted { "does not match" } else { "matches" };
                return Err(format!("the example `{}` {verb}", shell::join(&words)));
            }
        }
    }
    Ok(rule)
}

fn justification(given: &HashMap<&str, Value>) -> Result<Option<String>, String> {
    match given.get("justification") {
        None | Some(Value::None) => Ok(None),
        Some(value) => match text(value, "justification")? {
            empty if empty.trim().is_empty() => Err("justification cannot be empty".to_owned()),
            text => Ok(Some(text)),
        },
    }
}

fn network_rule(given: &HashMap<&str, Value>) -> Result<NetworkRule, String> {
    let needed = |name| text(given.get(name).unwrap_or(&Value::None), name);
    justification(given)?;
    network::read(&needed("host")?, &needed("protocol")?, &needed("decision")?)
}

fn host_executable(given: &HashMap<&str, Value>) -> Result<(String, Vec<String>), String> {
    let name = text(given.get("name").unwrap_or(&Value::None), "name")?;
    if name.is_empty() || name.contains('/') {
        return Err(format!("`{name}` is not the name of a program"));
    }
    let mut paths = Vec::new();
    for path in list(given.get("paths"), "paths")? {
        let path = text(path, "a path")?;
        if !path.starts_with('/') || path.rsplit('/').next() != Some(name.as_str()) {
            return Err(format!("`{path}` is not an absolute path that ends in `{name}`"));
        }
        paths.push(path);
    }
    Ok((name, paths))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> RuleSet {
        let mut rules = RuleSet::default();
        parse(text, &mut rules).unwrap();
        rules
    }

    fn error(text: &str) -> (usize, usize, String) {
        let SyntaxError { line, column, message } = parse(text, &mut RuleSet::default()).unwrap_err();
        (line, column, message)
    }

    #[test]
    fn texts_lists_names_and_comments_are_understood() {
        let text = "\"\"\"About\nthese\"\"\"\n# one\nTOUCH = 'to' + \"uch\"  # two\n\n\
                    prefix_rule(\n  pattern = [TOUCH, [r\"a\\b\", \"\\u00e9\\\"\"],],  # three\n  decision = \"prompt\",\n\
                    \x20 justification = None,\n)\nprefix_rule([\"ls\"] + [\"-l\"], \"forbidden\"); prefix_rule([\"x\"])\n";
        let rules = rules(text);
        let patterns: Vec<_> = rules.rules.iter().map(|rule| (rule.pattern.clone(), rule.decision)).collect();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            patterns,
            [
                (vec![words(&["touch"]), words(&["a\\b", "é\""])], RuleDecision::Prompt),
                (vec![words(&["ls"]), words(&["-l"])], RuleDecision::Forbidden),
                (vec![words(&["x"])], RuleDecision::Allow),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_place() {
        for (text, line, column, message) in [
            ("prefix_rule(pattern=[\"a\"], decision=\"maybe\")", 1, 1, "decision `maybe` is none of"),
            ("\n\nfoo()", 3, 1, "`foo` is not known"),
            ("for x in y:\n  z()", 1, 1, "`for` is not possible"),
            ("prefix_rule(pattern=[\"a\"", 1, 25, "expected `,` or `]`"),
            ("x = 'a", 1, 5, "closing quote"),
            ("prefix_rule(pattern=[])", 1, 1, "pattern cannot be empty"),
            ("prefix_rule(pattern=[[]])", 1, 1, "alternatives cannot be empty"),
            ("prefix_rule(pattern=[y])", 1, 22, "`y` is not known"),
            ("prefix_rule(pattern=[\"a\"], wrong=\"b\")", 1, 1, "takes only pattern, decision"),
            ("prefix_rule([\"a\"], pattern=[\"b\"])", 1, 1, "`pattern` is given twice"),
            ("prefix_rule([\"a\"], match=[\"b c\"])", 1, 1, "the example `b c` does not match"),
            ("prefix_rule([\"a\"], not_match=[[\"a\", \"c\"]])", 1, 1, "the example `a c` matches"),
            ("prefix_rule([\"a\"], justification=\" \")", 1, 1, "justification cannot be empty"),
            ("host_executable(\"a\", [\"/bin/b\"])", 1, 1, "`/bin/b` is not an absolute path that ends in `a`"),
            (
                "network_rule(host=\"*.a.test\", protocol=\"http\", decision=\"allow\")",
                1,
                1,
                "`*.a.test` is not the name",
            ),
            ("network_rule(\"a.test\", \"ftp\", \"allow\")", 1, 1, "protocol `ftp` is none of"),
            ("network_rule(\"a.test\", \"http\", \"maybe\")", 1, 1, "decision `maybe` is none of"),
            ("network_rule(\"a.test\", \"http\")", 1, 1, "decision must be a text"),
            ("network_rule(\"a.test\", \"http\", \"deny\", \" \")", 1, 1, "justification cannot be empty"),
            ("x = 1", 1, 5, "expected a text or a list"),
            ("x = 'a' + ['b']", 1, 8, "only two texts or two lists"),
        ] {
            let found = error(text);
            assert_eq!((found.0, found.1), (line, column), "{text}: {}", found.2);
            assert!(found.2.contains(message), "{text}: {}", found.2);
        }
        let deep = format!("x = {}", "[".repeat(100_000));
        assert!(error(&deep).2.contains("too deep"));
    }
}
