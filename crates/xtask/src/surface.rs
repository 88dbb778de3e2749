//! Every message of the protocol with the schemas of what it carries, as data.

use std::collections::BTreeMap;

use protocol::export::{EXPERIMENTAL_MARK, documented_schema};
use protocol::methods::{Method, MethodVisitor, visit_methods};
use protocol::notifications::{Notification, NotificationVisitor, visit_notifications};
use protocol::server_requests::{ServerMethod, ServerMethodVisitor, visit_server_methods};
use serde_json::Value;

/// How a reference to a type begins.
const DEFINITIONS: &str = "#/definitions/";

/// Schemas by the name of their type. References in them are to names in the same map.
pub(crate) type Types = BTreeMap<String, Value>;

/// All there is to say, experimental parts included.
#[derive(Debug, Default)]
pub(crate) struct Surface {
    /// What a client may ask, in the order of the protocol.
    pub(crate) requests: Vec<Call>,
    /// What the server may ask, in the order of the protocol.
    pub(crate) server_requests: Vec<Call>,
    /// What the server tells, in the order of the protocol.
    pub(crate) notifications: Vec<Notice>,
    /// The types of all of it, and those they name.
    pub(crate) types: Types,
}

/// A request, in either direction.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) experimental: bool,
    /// The name of the type of its parameters; `None` if it takes none.
    pub(crate) params: Option<String>,
    /// The name of the type of its result.
    pub(crate) result: String,
}

/// A notification from the server.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) name: &'static str,
    /// Whether every client is promised it. Those that are not are told only when asked for by an experimental member.
    pub(crate) listed: bool,
    /// The name of the type of its payload.
    pub(crate) payload: String,
}

impl Surface {
    /// Reads the tables of the protocol.
    pub(crate) fn read() -> Self {
        let mut surface = Self::default();
        visit_methods(&mut surface);
        visit_server_methods(&mut surface);
        visit_notifications(&mut surface);
        surface
    }

    /// Adds the types of a schema; gives the name of the outermost.
    ///
    /// The first version of the protocol has types that share a name with newer ones. They get a name of their own.
    fn add(&mut self, mut schema: Value) -> String {
        let members = schema.as_object_mut().expect("the schema of a message is an object");
        let name = members.remove("title").and_then(|title| Some(title.as_str()?.to_owned())).expect("it has a title");
        members.remove("$schema");
        let mut types: Types = match members.remove("definitions") {
            Some(Value::Object(definitions)) => definitions.into_iter().collect(),
            _ => Types::new(),
        };
        types.insert(name.clone(), schema);
        let older: Vec<_> = types.keys().filter(|name| self.knows_another(name, &types[*name])).cloned().collect();
        for name in &older {
            let schema = types.remove(name).expect("it was found there");
            types.insert(older_name(name), schema);
        }
        for (name, mut schema) in types {
            rename(&mut schema, &older);
            assert!(!self.knows_another(&name, &schema), "two types are called {name}");
            self.types.insert(name, schema);
        }
        if older.contains(&name) { older_name(&name) } else { name }
    }

    fn knows_another(&self, name: &str, schema: &Value) -> bool {
        self.types.get(name).is_some_and(|known| known != schema)
    }
}

/// What a type of the first version is called when a newer one has its name.
fn older_name(name: &str) -> String {
    format!("{name}V1")
}

/// Redirects references to `older` types.
fn rename(schema: &mut Value, older: &[String]) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref")
                && older.iter().any(|name| target.strip_prefix(DEFINITIONS) == Some(name))
            {
                *target = older_name(target);
            }
            members.values_mut().for_each(|member| rename(member, older));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, older)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl MethodVisitor for Surface {
    fn visit<M: Method>(&mut self) {
        let params = documented_schema::<M::Params>();
        let call = Call {
            name: M::NAME,
            about: M::ABOUT,
            experimental: M::EXPERIMENTAL,
            params: (params["type"] != "null").then(|| self.add(params)),
            result: self.add(documented_schema::<M::Response>()),
        };
        self.requests.push(call);
    }
}

impl ServerMethodVisitor for Surface {
    fn visit<M: ServerMethod>(&mut self) {
        let call = Call {
            name: M::NAME,
            about: M::ABOUT,
            experimental: false,
            params: Some(self.add(documented_schema::<M::Params>())),
            result: self.add(documented_schema::<M::Response>()),
        };
        self.server_requests.push(call);
    }
}

impl NotificationVisitor for Surface {
    fn visit<N: Notification>(&mut self) {
        let notice = Notice { name: N::METHOD, listed: !N::INTERNAL, payload: self.add(documented_schema::<N>()) };
        self.notifications.push(notice);
    }
}

/// The description of a schema, and the name by which its experimental use is known, if it is experimental.
pub(crate) fn description(schema: &Value) -> (&str, Option<&str>) {
    let text = schema["description"].as_str().unwrap_or_default();
    match text.split_once(EXPERIMENTAL_MARK) {
        Some((text, name)) => (text.trim(), Some(name.trim())),
        None => (text.trim(), None),
    }
}

/// The type a schema refers to, when it is nothing but a reference.
pub(crate) fn reference(schema: &Value) -> Option<&str> {
    let target = schema.get("$ref").or_else(|| match schema["allOf"].as_array()?.as_slice() {
        [only] => only.get("$ref"),
        _ => None,
    })?;
    target.as_str()?.strip_prefix(DEFINITIONS)
}

/// Calls `found` with the name of every type a schema refers to, at any depth within it.
pub(crate) fn references<'a>(schema: &'a Value, found: &mut impl FnMut(&'a str)) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str) {
                found(name.strip_prefix(DEFINITIONS).unwrap_or(name));
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The member that tells a variant of a tagged union from the others, and its value there.
pub(crate) fn tag(variant: &Value) -> Option<(&str, &str)> {
    variant["properties"].as_object()?.iter().find_map(|(name, schema)| match schema["enum"].as_array()?.as_slice() {
        [Value::String(value)] => Some((name.as_str(), value.as_str())),
        _ => None,
    })
}

/// Whether a struct's value must have the member.
pub(crate) fn is_required(schema: &Value, member: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|name| name == member))
}
