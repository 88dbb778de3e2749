//! The part of the surface that is promised: without experimental methods, members and variants, and without prose.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::surface::{Call, Surface, Types, description, references};

/// The promised surface, as it is kept from release to release.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stable {
    /// By method: the types of parameters and result.
    pub(super) requests: BTreeMap<String, Exchange>,
    /// By method: the types of parameters and result.
    pub(super) server_requests: BTreeMap<String, Exchange>,
    /// By method: the type of the payload.
    pub(super) notifications: BTreeMap<String, String>,
    pub(super) types: Types,
}

/// What a request carries and what its answer does, by name of type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exchange {
    pub(super) params: Option<String>,
    pub(super) result: String,
}

impl Stable {
    pub(super) fn of(surface: &Surface) -> Self {
        let exchanges = |calls: &[Call]| {
            let stable = calls.iter().filter(|call| !call.experimental);
            stable
                .map(|call| {
                    let exchange = Exchange { params: call.params.clone(), result: call.result.clone() };
                    (call.name.to_owned(), exchange)
                })
                .collect::<BTreeMap<_, _>>()
        };
        let listed = surface.notifications.iter().filter(|notice| notice.listed);
        let mut stable = Self {
            requests: exchanges(&surface.requests),
            server_requests: exchanges(&surface.server_requests),
            notifications: listed.map(|notice| (notice.name.to_owned(), notice.payload.clone())).collect(),
            types: surface.types.iter().map(|(name, schema)| (name.clone(), promised(schema))).collect(),
        };
        stable.forget_unused();
        stable
    }

    /// Drops types that only experimental parts use.
    fn forget_unused(&mut self) {
        let exchanges = self.requests.values().chain(self.server_requests.values());
        let mut open: Vec<&str> = exchanges
            .flat_map(|exchange| exchange.params.iter().chain([&exchange.result]))
            .chain(self.notifications.values())
            .map(String::as_str)
            .collect();
        let mut used = BTreeSet::new();
        while let Some(name) = open.pop() {
            if used.insert(name.to_owned()) {
                references(&self.types[name], &mut |name| open.push(name));
            }
        }
        self.types.retain(|name, _| used.contains(name));
    }

    /// JSON with one line a message and one a type, so that a difference is readable.
    pub(super) fn to_text(&self) -> String {
        let Value::Object(parts) = serde_json::to_value(self).expect("names and schemas are JSON") else {
            unreachable!("a struct is an object");
        };
        let parts = parts.iter().map(|(name, part)| {
            let lines = part.as_object().into_iter().flatten().map(|(key, value)| format!("\"{key}\": {value}"));
            format!("\"{name}\": {{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))
        });
        format!("{{\n{}\n}}\n", parts.collect::<Vec<_>>().join(",\n"))
    }
}

/// A schema without prose, and without what is experimental.
fn promised(schema: &Value) -> Value {
    const PROSE: [&str; 3] = ["description", "title", "default"];
    let stable = |schema: &&Value| description(schema).1.is_none();
    match schema {
        Value::Object(keywords) => {
            let kept = keywords.iter().filter(|(keyword, _)| !PROSE.contains(&keyword.as_str()));
            let kept = kept.map(|(keyword, value)| {
                let value = match value {
                    // Here a key is a member's name, never a keyword.
                    Value::Object(members) if keyword == "properties" => {
                        let members = members.iter().filter(|(_, member)| stable(member));
                        members
                            .map(|(name, member)| (name.clone(), promised(member)))
                            .collect::<serde_json::Map<_, _>>()
                            .into()
                    }
                    Value::Array(variants) => variants.iter().filter(stable).map(promised).collect(),
                    other => promised(other),
                };
                (keyword.clone(), value)
            });
            kept.collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(promised).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn experimental_members_and_variants_are_not_promised_and_prose_is_none() {
        let schema = json!({
            "description": "A type.",
            "properties": {
                "title": {"type": "string", "description": "A member that is called as a keyword is."},
                "new": {"type": "string", "description": "x\n\nExperimental: a.new"},
            },
            "oneOf": [{"enum": ["a"]}, {"enum": ["b"], "description": "Experimental: a.b"}],
        });
        assert_eq!(promised(&schema), json!({"properties": {"title": {"type": "string"}}, "oneOf": [{"enum": ["a"]}]}));
    }

    #[test]
    fn the_surface_has_what_is_stable_and_nothing_else() {
        let stable = Stable::of(&Surface::read());
        assert!(
            stable.requests.contains_key("thread/start") && !stable.requests.contains_key("mock/experimentalMethod")
        );
        let members = &stable.types["ThreadStartParams"]["properties"];
        assert!(members.get("cwd").is_some() && members.get("dynamicTools").is_none());
        assert!(!stable.types.contains_key("DynamicToolSpec"), "only an experimental member uses it");
    }
}
