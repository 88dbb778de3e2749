//! What breaks a client of the last release.
//!
//! What clients send must go on being accepted: nothing they may send is refused, and nothing they need not send is
//! asked for. What they are sent must go on being what they expect: what was always there stays, and no value has a type
//! it had not before. Values and variants may be added to what they are sent, for they are told to expect that; such
//! additions are notable.

use std::collections::BTreeSet;

use serde_json::Value;

use super::alternatives::{Alternative, Alternatives, alternatives};
use super::stable::{Exchange, Stable};
use crate::surface::{Types, is_required};

/// A difference that somebody should know of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Whether it breaks clients; else it is only notable.
    pub(super) breaking: bool,
    /// Where and what.
    pub(super) text: String,
}

/// Who sends a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// Everything that differs in a way that matters.
pub(super) fn compare(old: &Stable, new: &Stable) -> Vec<Finding> {
    let mut comparison = Comparison { old: &old.types, new: &new.types, seen: BTreeSet::new(), findings: Vec::new() };
    for (method, old) in &old.requests {
        match new.requests.get(method) {
            Some(new) => comparison.exchange(method, old, new, Sender::Client),
            None => comparison.breaks(method, "the request is gone"),
        }
    }
    for (method, old) in &old.server_requests {
        match new.server_requests.get(method) {
            Some(new) => comparison.exchange(method, old, new, Sender::Server),
            None => comparison.breaks(method, "the server no longer asks it"),
        }
    }
    for method in new.server_requests.keys().filter(|method| !old.server_requests.contains_key(*method)) {
        comparison.notes(method, "the server asks something new; older clients refuse it");
    }
    for (method, old) in &old.notifications {
        match new.notifications.get(method) {
            Some(new) => comparison.named(old, new, Sender::Server, method),
            None => comparison.breaks(method, "the server no longer tells it"),
        }
    }
    comparison.findings
}

struct Comparison<'a> {
    old: &'a Types,
    new: &'a Types,
    /// Pairs of structs that were compared, by address: types refer to each other in circles.
    seen: BTreeSet<(*const Value, *const Value, bool)>,
    findings: Vec<Finding>,
}

impl<'a> Comparison<'a> {
    fn breaks(&mut self, path: &str, what: &str) {
        self.findings.push(Finding { breaking: true, text: format!("{path}: {what}") });
    }

    fn notes(&mut self, path: &str, what: &str) {
        self.findings.push(Finding { breaking: false, text: format!("{path}: {what}") });
    }

    fn exchange(&mut self, method: &str, old: &Exchange, new: &Exchange, asks: Sender) {
        let answers = if asks == Sender::Client { Sender::Server } else { Sender::Client };
        match (&old.params, &new.params) {
            (Some(old), Some(new)) => self.named(old, new, asks, &format!("{method} params")),
            (None, None) => {}
            (None, Some(_)) => self.breaks(method, "it takes parameters now"),
            (Some(_), None) => self.breaks(method, "it takes no parameters any more"),
        }
        self.named(&old.result, &new.result, answers, &format!("{method} result"));
    }

    fn named(&mut self, old: &str, new: &str, sender: Sender, path: &str) {
        let (old_types, new_types) = (self.old, self.new);
        match (old_types.get(old), new_types.get(new)) {
            (Some(old), Some(new)) => self.schemas(old, new, sender, path),
            _ => self.breaks(path, "its type is not described"),
        }
    }

    fn schemas(&mut self, old: &'a Value, new: &'a Value, sender: Sender, path: &str) {
        let (old, new) = (alternatives(old, self.old), alternatives(new, self.new));
        for (name, alternative) in &old {
            match new.get(name) {
                Some(new) => self.alternative(*alternative, *new, sender, path),
                None if sender == Sender::Client && !takes(&new, *alternative) => {
                    self.breaks(path, &format!("{name} is no longer accepted"));
                }
                None => {}
            }
        }
        for (name, alternative) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            if sender == Sender::Server && !takes(&old, *alternative) {
                let tagged = matches!(alternative, Alternative::Struct(_)) && name != "object";
                if tagged || matches!(alternative, Alternative::Value) {
                    self.notes(path, &format!("the server may send {name}, which older clients do not know"));
                } else {
                    self.breaks(path, &format!("the server may send {name} now"));
                }
            }
        }
    }

    /// Compares two versions of the same thing.
    fn alternative(&mut self, old: Alternative<'a>, new: Alternative<'a>, sender: Sender, path: &str) {
        match (old, new) {
            (Alternative::Integer(old_least, old_most), Alternative::Integer(new_least, new_most)) => {
                if sender == Sender::Client && (new_least > old_least || new_most < old_most) {
                    self.breaks(path, "the range of numbers that are accepted is smaller");
                } else if sender == Sender::Server && (new_least < old_least || new_most > old_most) {
                    self.breaks(path, "the range of numbers the server may send is larger");
                }
            }
            (Alternative::Array(old), Alternative::Array(new)) => match (old, new) {
                (Some(old), Some(new)) => self.schemas(old, new, sender, &format!("{path}[]")),
                (None, None) => {}
                _ => self.breaks(path, "its items changed"),
            },
            (Alternative::Map(old), Alternative::Map(new)) => self.schemas(old, new, sender, &format!("{path}{{}}")),
            (Alternative::Struct(old), Alternative::Struct(new)) => self.members(old, new, sender, path),
            (Alternative::Map(_), Alternative::Struct(_)) | (Alternative::Struct(_), Alternative::Map(_)) => {
                self.breaks(path, "an object with any members became one with fixed members, or the other way round");
            }
            _ => {}
        }
    }

    fn members(&mut self, old: &'a Value, new: &'a Value, sender: Sender, path: &str) {
        if !self.seen.insert((old, new, sender == Sender::Client)) {
            return;
        }
        let members = |schema: &'a Value| schema["properties"].as_object().into_iter().flatten();
        for (name, member) in members(old) {
            let path = format!("{path}.{name}");
            let Some(renewed) = new["properties"].get(name) else {
                self.breaks(&path, "the member is gone");
                continue;
            };
            match (sender, is_required(old, name), is_required(new, name)) {
                (Sender::Client, false, true) => self.breaks(&path, "the member must be there now"),
                (Sender::Server, true, false) => self.breaks(&path, "the member may be absent now"),
                _ => {}
            }
            self.schemas(member, renewed, sender, &path);
        }
        let added = members(new).filter(|(name, _)| old["properties"].get(*name).is_none());
        for (name, _) in added.filter(|(name, _)| sender == Sender::Client && is_required(new, name)) {
            self.breaks(&format!("{path}.{name}"), "a new member must be there");
        }
    }
}

/// Whether something of another name takes it in: any text is also this text.
fn takes(by: &Alternatives<'_>, alternative: Alternative<'_>) -> bool {
    by.contains_key("any")
        || matches!(alternative, Alternative::Value) && by.contains_key("string")
        || matches!(alternative, Alternative::Integer(..)) && by.contains_key("number")
}

#[cfg(test)]
mod tests;
