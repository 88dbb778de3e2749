//! The JSON schemas, draft 7.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use schemars::r#gen::{SchemaGenerator, SchemaSettings};
use schemars::schema::RootSchema;
use serde_json::{Map, Value, json};

use super::{EXPERIMENTAL_MARK, Files, published_form};
use crate::additions;
use crate::jsonrpc::{
    JsonRpcError, JsonRpcErrorError, JsonRpcMessage, JsonRpcNotification, JsonRpcRequest, JsonRpcResponse, RequestId,
};
use crate::methods::{self, Method, MethodVisitor};
use crate::notifications::{self, CLIENT_NOTIFICATIONS, Notification, NotificationVisitor};
use crate::server_requests::{self, ServerMethod, ServerMethodVisitor};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of one type, with the definitions it needs.
pub fn json_schema<T: JsonSchema>(experimental: bool) -> Value {
    let mut value = serde_json::to_value(generator().into_root_schema_for::<T>()).expect("a schema is JSON");
    finish(&mut value, &T::schema_name(), experimental);
    value
}

/// The schema of one type with all that is documented: members and variants keep the descriptions for which the
/// published form has no place. For a reference that people read, not for clients.
pub fn documented_schema<T: JsonSchema>() -> Value {
    serde_json::to_value(generator().into_root_schema_for::<T>()).expect("a schema is JSON")
}

/// Every schema file: path below the export folder, and text.
pub fn json_schema_files(experimental: bool) -> Files {
    let mut schemas = Schemas::new(experimental);
    methods::visit_methods(&mut schemas);
    server_requests::visit_server_methods(&mut schemas);
    notifications::visit_notifications(&mut schemas);
    schemas.add::<RequestId>(Place::Root);
    schemas.add::<JsonRpcMessage>(Place::Root);
    schemas.add::<JsonRpcRequest>(Place::Root);
    schemas.add::<JsonRpcNotification>(Place::Root);
    schemas.add::<JsonRpcResponse>(Place::Root);
    schemas.add::<JsonRpcError>(Place::Root);
    schemas.add::<JsonRpcErrorError>(Place::Root);
    schemas.add_unions();
    schemas.into_files()
}

/// The schema files of [`additions`](crate::additions).
pub(super) fn additions_files() -> Files {
    fn file<T: JsonSchema>() -> (String, String) {
        (format!("spindle/{}.json", T::schema_name()), text(&json_schema::<T>(true)))
    }
    Files::from([
        file::<additions::Additions>(),
        file::<additions::Numbered>(),
        file::<additions::Repeatable>(),
        file::<additions::ThreadEventsReplayParams>(),
        file::<additions::ThreadEventsReplayResponse>(),
    ])
}

fn generator() -> SchemaGenerator {
    SchemaGenerator::new(SchemaSettings::draft07())
}

/// Brings a generated schema and its definitions into the published form and audience.
fn finish(root: &mut Value, name: &str, experimental: bool) {
    let definitions = root.get_mut("definitions").map(Value::take);
    finish_one(root, name, experimental);
    if let Some(Value::Object(mut definitions)) = definitions {
        for (name, definition) in &mut definitions {
            finish_one(definition, name, experimental);
        }
        root["definitions"] = Value::Object(definitions);
    }
}

fn finish_one(schema: &mut Value, name: &str, experimental: bool) {
    if !experimental {
        hide_experimental(schema);
    }
    published_form::apply(schema, name);
}

/// Takes out the properties that are marked experimental.
fn hide_experimental(schema: &mut Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|_, property| {
            !property["description"].as_str().is_some_and(|text| text.contains(EXPERIMENTAL_MARK))
        });
    }
}

/// Where a type's file stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Root,
    V1,
    V2,
}

/// The schemas of all messages, while they are collected.
struct Schemas {
    experimental: bool,
    types: BTreeMap<(Place, String), Value>,
    /// What only hidden messages use: among the definitions, but without a file.
    hidden: Map<String, Value>,
    requests: Union,
    server_requests: Union,
    notifications: Union,
}

/// All messages of one kind and direction.
struct Union {
    generator: SchemaGenerator,
    variants: Vec<Value>,
    /// The types of messages that are left out. What only they use stays among the definitions, as published.
    hidden: BTreeSet<String>,
}

impl Union {
    fn new() -> Self {
        Self { generator: generator(), variants: Vec::new(), hidden: BTreeSet::new() }
    }

    fn request<P: JsonSchema>(&mut self, method: &str) {
        let id = self.generator.subschema_for::<RequestId>();
        let params = serde_json::to_value(self.generator.subschema_for::<P>()).expect("a schema is JSON");
        let mut required = vec!["id", "method"];
        if params != json!({"type": "null"}) {
            required.push("params");
        }
        self.variants.push(json!({
            "title": format!("{}Request", capitalised(method)),
            "type": "object",
            "required": required,
            "properties": {"id": id, "method": {"type": "string", "enum": [method]}, "params": params},
        }));
    }

    fn notification<P: JsonSchema>(&mut self, method: &str) {
        let params = self.generator.subschema_for::<P>();
        self.variants.push(json!({
            "title": format!("{}Notification", capitalised(method)),
            "type": "object",
            "required": ["method", "params"],
            "properties": {"method": {"type": "string", "enum": [method]}, "params": params},
        }));
    }

    /// Leaves out a message, but keeps what its type uses.
    fn hide<P: JsonSchema>(&mut self) {
        self.generator.subschema_for::<P>();
        self.hidden.insert(P::schema_name());
    }

    fn finish(&mut self, name: &str, description: &str, experimental: bool) -> Value {
        let mut root = RootSchema { definitions: self.generator.take_definitions(), ..RootSchema::default() };
        root.definitions.retain(|name, _| !self.hidden.contains(name));
        for visitor in self.generator.visitors_mut() {
            visitor.visit_root_schema(&mut root);
        }
        let mut value = json!({
            "$schema": DRAFT,
            "title": name,
            "description": description,
            "oneOf": std::mem::take(&mut self.variants),
            "definitions": root.definitions,
        });
        finish(&mut value, name, experimental);
        value
    }
}

impl Schemas {
    fn new(experimental: bool) -> Self {
        Self {
            experimental,
            types: BTreeMap::new(),
            hidden: Map::new(),
            requests: Union::new(),
            server_requests: Union::new(),
            notifications: Union::new(),
        }
    }

    fn add<T: JsonSchema>(&mut self, place: Place) {
        let name = T::schema_name();
        if name != "Null" {
            self.types.entry((place, name)).or_insert_with(|| json_schema::<T>(self.experimental));
        }
    }

    fn hide<T: JsonSchema>(&mut self) {
        if let Value::Object(definitions) = json_schema::<T>(self.experimental)["definitions"].take() {
            self.hidden.extend(definitions);
        }
    }

    fn add_unions(&mut self) {
        let experimental = self.experimental;
        let unions = [
            (&mut self.requests, "ClientRequest", "Every request a client may send."),
            (&mut self.server_requests, "ServerRequest", "Every request the server may send."),
            (&mut self.notifications, "ServerNotification", "Every notification the server may send."),
        ];
        for (union, name, description) in unions {
            let schema = union.finish(name, description, experimental);
            self.types.insert((Place::Root, name.to_owned()), schema);
        }
        let client = json!({
            "$schema": DRAFT,
            "title": "ClientNotification",
            "description": "Every notification a client may send.",
            "oneOf": CLIENT_NOTIFICATIONS
                .iter()
                .map(|method| json!({
                    "title": format!("{}Notification", capitalised(method)),
                    "type": "object",
                    "required": ["method"],
                    "properties": {"method": {"type": "string", "enum": [method]}},
                }))
                .collect::<Vec<_>>(),
        });
        self.types.insert((Place::Root, "ClientNotification".to_owned()), client);
    }

    fn into_files(self) -> Files {
        let mut files = Files::new();
        for ((place, name), schema) in &self.types {
            let path = match place {
                Place::Root => format!("{name}.json"),
                Place::V1 => format!("v1/{name}.json"),
                Place::V2 => format!("v2/{name}.json"),
            };
            files.insert(path, text(schema));
        }
        let (root, v2) = self.definitions();
        let flat = self.flat_definitions(&v2);
        let nested = nest(root, v2);
        files.insert("codex_app_server_protocol.schemas.json".to_owned(), text(&bundle("AppServerProtocol", &nested)));
        files.insert(
            "codex_app_server_protocol.v2.schemas.json".to_owned(),
            text(&bundle("AppServerProtocolV2", &flat)),
        );
        files
    }

    /// All definitions: those of the second version, and those that are only used beside it.
    fn definitions(&self) -> (Map<String, Value>, Map<String, Value>) {
        let mut v2 = Map::new();
        for ((_, name), schema) in self.types.iter().filter(|((place, _), _)| *place == Place::V2) {
            insert_with_definitions(&mut v2, name, schema, |_| true);
        }
        for (name, definition) in &self.hidden {
            v2.entry(name.clone()).or_insert_with(|| definition.clone());
        }
        let mut root = Map::new();
        for ((place, name), schema) in self.types.iter().filter(|((place, _), _)| *place != Place::V2) {
            insert_with_definitions(&mut root, name, schema, |name| *place == Place::V1 || !v2.contains_key(name));
        }
        (root, v2)
    }

    /// The definitions of the second version, and the messages made of them, side by side.
    fn flat_definitions(&self, v2: &Map<String, Value>) -> Map<String, Value> {
        let mut flat = v2.clone();
        for name in ["ClientRequest", "ServerNotification"] {
            insert_with_definitions(&mut flat, name, &self.types[&(Place::Root, name.to_owned())], |_| true);
        }
        flat
    }
}

impl MethodVisitor for Schemas {
    fn visit<M: Method>(&mut self) {
        if M::LEGACY {
            return;
        }
        if M::EXPERIMENTAL && !self.experimental {
            self.requests.hide::<M::Params>();
            self.hide::<M::Params>();
            self.hide::<M::Response>();
            return;
        }
        let place = match M::NAME {
            "initialize" => Place::V1,
            name if name.starts_with("fuzzyFileSearch") => Place::Root,
            _ => Place::V2,
        };
        self.add::<M::Params>(place);
        self.add::<M::Response>(place);
        self.requests.request::<M::Params>(M::NAME);
    }
}

impl ServerMethodVisitor for Schemas {
    fn visit<M: ServerMethod>(&mut self) {
        self.add::<M::Params>(Place::Root);
        self.add::<M::Response>(Place::Root);
        self.server_requests.request::<M::Params>(M::NAME);
    }
}

impl NotificationVisitor for Schemas {
    fn visit<N: Notification>(&mut self) {
        self.add::<N>(if N::METHOD.starts_with("fuzzyFileSearch") { Place::Root } else { Place::V2 });
        if !N::INTERNAL {
            self.notifications.notification::<N>(N::METHOD);
        }
    }
}

/// Puts a schema and, of its definitions, those that `wanted` wants, into `all`.
fn insert_with_definitions(all: &mut Map<String, Value>, name: &str, schema: &Value, wanted: impl Fn(&str) -> bool) {
    let mut schema = schema.clone();
    let definitions = schema.as_object_mut().and_then(|schema| schema.remove("definitions"));
    if let Some(Value::Object(definitions)) = definitions {
        for (name, definition) in definitions {
            if wanted(&name) && !all.contains_key(&name) {
                all.insert(name, definition);
            }
        }
    }
    all.insert(name.to_owned(), schema);
}

/// One map with those of the second version one level down, references adjusted.
fn nest(mut root: Map<String, Value>, mut v2: Map<String, Value>) -> Map<String, Value> {
    let names: Vec<String> = v2.keys().cloned().collect();
    let inside = |name: &str| names.iter().any(|known| known == name).then(|| format!("#/definitions/v2/{name}"));
    v2.values_mut().chain(root.values_mut()).for_each(|schema| redirect(schema, &inside));
    root.insert("v2".to_owned(), Value::Object(v2));
    root
}

fn redirect(schema: &mut Value, to: &impl Fn(&str) -> Option<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(new) = reference.strip_prefix("#/definitions/").and_then(to)
            {
                *reference = new;
            }
            members.values_mut().for_each(|member| redirect(member, to));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn bundle(title: &str, definitions: &Map<String, Value>) -> Value {
    json!({"$schema": DRAFT, "title": title, "type": "object", "definitions": definitions})
}

fn text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).expect("a value is JSON")
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
