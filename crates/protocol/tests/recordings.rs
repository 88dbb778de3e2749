//! Every recorded message decodes into our types and encodes to what was recorded.
//!
//! The recordings are no part of this repository: they are looked for in `$SPINDLE_SHARED`, then in `../shared` beside
//! the checkout, and the tests say so and pass when there are none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::methods::{self, Method, MethodVisitor};
use protocol::notifications::{self, Notification, NotificationVisitor};
use protocol::server_requests::{self, ServerMethod, ServerMethodVisitor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Gate = fn(Value) -> Option<&'static str>;
type Recode = fn(Value) -> Result<Value, serde_json::Error>;

fn recode<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, serde_json::Error> {
    serde_json::from_value::<T>(value).and_then(serde_json::to_value)
}

/// How to decode and encode again, by method name.
#[derive(Default)]
struct Codecs {
    params: BTreeMap<&'static str, Recode>,
    results: BTreeMap<&'static str, Recode>,
    notifications: BTreeMap<&'static str, Recode>,
    gates: BTreeMap<&'static str, Gate>,
    server_params: BTreeMap<&'static str, Recode>,
    server_results: BTreeMap<&'static str, Recode>,
}

impl Codecs {
    fn new() -> Self {
        let mut codecs = Self::default();
        methods::visit_methods(&mut codecs);
        notifications::visit_notifications(&mut codecs);
        server_requests::visit_server_methods(&mut codecs);
        codecs
    }
}

impl MethodVisitor for Codecs {
    fn visit<M: Method>(&mut self) {
        self.gates.insert(M::NAME, |params| {
            serde_json::from_value(params).ok().and_then(|params| M::experimental_use(&params))
        });
        self.params.insert(M::NAME, recode::<M::Params>);
        self.results.insert(M::NAME, recode::<M::Response>);
    }
}

impl NotificationVisitor for Codecs {
    fn visit<N: Notification>(&mut self) {
        self.notifications.insert(N::METHOD, recode::<N>);
    }
}

impl ServerMethodVisitor for Codecs {
    fn visit<M: ServerMethod>(&mut self) {
        self.server_params.insert(M::NAME, recode::<M::Params>);
        self.server_results.insert(M::NAME, recode::<M::Response>);
    }
}

/// Where the recordings are, if they are here.
fn recordings() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let given = std::env::var_os("SPINDLE_SHARED").map(PathBuf::from);
    let shared = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let golden = shared.join("conformance/golden");
    golden.is_dir().then_some(golden)
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for area in std::fs::read_dir(folder).unwrap() {
        let area = area.unwrap().path();
        if area.is_dir() {
            files.extend(std::fs::read_dir(area).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    files.retain(|file| file.extension().is_some_and(|ext| ext == "json"));
    files.sort();
    files
}

/// Recordings hold `<time>` and the like where a run's own values stood; puts plausible values there.
fn fill_placeholders(value: &mut Value, key: &str) {
    const NUMBERS: [&str; 11] = [
        "createdAt",
        "updatedAt",
        "startedAt",
        "completedAt",
        "createdAtMs",
        "modifiedAtMs",
        "durationMs",
        "inputTokens",
        "totalTokens",
        "exitCode",
        "resetsAt",
    ];
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| fill_placeholders(value, key)),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_placeholders(item, key)),
        Value::String(text) if text.starts_with('<') => {
            let placeholder = matches!(text.as_str(), "<time>" | "<ms>" | "<ignored>");
            if placeholder && NUMBERS.contains(&key) {
                *value = Value::from(7);
            } else if ["<cwd>", "<home>", "<root>", "<server cwd>"].iter().any(|folder| text.starts_with(folder)) {
                text.insert(0, '/');
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[derive(Default)]
struct Tally {
    checked: usize,
    /// An `<ignored>` placeholder stands where structure is needed.
    skipped: usize,
    unknown: BTreeMap<String, usize>,
    failures: BTreeMap<String, String>,
}

impl Tally {
    fn check(&mut self, file: &Path, what: String, codec: Option<&Recode>, mut value: Value) {
        let Some(codec) = codec else {
            *self.unknown.entry(what).or_default() += 1;
            return;
        };
        fill_placeholders(&mut value, "");
        self.checked += 1;
        let mut outcome = codec(value.clone());
        if what.starts_with("config/read") {
            // These recordings leave out the keys of the configuration that are `null`.
            drop_nulls(&mut value["config"]);
            outcome.iter_mut().for_each(|outcome| drop_nulls(&mut outcome["config"]));
        }
        match outcome {
            Ok(again) if again == value => {}
            Ok(again) => self.fail(what, file, &format!("have {again}\n  want {value}")),
            Err(_) if value.to_string().contains("<ignored>") => self.skipped += 1,
            Err(error) => self.fail(what, file, &format!("{error}\n  in {value}")),
        }
    }

    fn fail(&mut self, what: String, file: &Path, text: &str) {
        self.failures.entry(what).or_insert_with(|| format!("{}: {text}", file.display()));
    }
}

#[test]
fn recorded_server_messages_decode_and_encode_to_the_same_json() {
    let Some(golden) = recordings() else {
        println!("no recordings here; nothing to compare");
        return;
    };
    let codecs = Codecs::new();
    let mut tally = Tally::default();
    for file in json_files(&golden) {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let mut asked = BTreeMap::new();
        let mut asked_by_server = BTreeMap::new();
        for entry in recording["trace"].as_array().unwrap() {
            let message = &entry["msg"];
            let id = (entry["conn"].to_string(), message["id"].to_string());
            let method = message["method"].as_str();
            let from_server = entry["dir"] == "in";
            match (from_server, method, message.get("id")) {
                (true, Some(method), None) => {
                    let codec = codecs.notifications.get(method);
                    tally.check(&file, method.to_owned(), codec, message["params"].clone());
                }
                (true, Some(method), Some(_)) => {
                    asked_by_server.insert(id, method.to_owned());
                    let codec = codecs.server_params.get(method);
                    tally.check(&file, format!("{method} (asked)"), codec, message["params"].clone());
                }
                (true, None, Some(_)) => {
                    if let (Some(method), Some(result)) = (asked.get(&id), message.get("result")) {
                        let codec = codecs.results.get(method as &str);
                        tally.check(&file, format!("{method} (answer)"), codec, result.clone());
                    }
                }
                (false, Some(method), Some(_)) => {
                    asked.insert(id, method.to_owned());
                }
                _ => {}
            }
        }
    }
    println!("{} messages, {} skipped, unknown: {:?}", tally.checked, tally.skipped, tally.unknown);
    assert!(tally.failures.is_empty(), "{}", tally.failures.values().cloned().collect::<Vec<_>>().join("\n\n"));
    assert!(tally.checked > 0, "recordings without messages");
}

#[test]
fn recorded_requests_decode_or_fail_with_the_recorded_words() {
    let Some(golden) = recordings() else {
        println!("no recordings here; nothing to compare");
        return;
    };
    let codecs = Codecs::new();
    let (mut accepted, mut refused) = (0, 0);
    let mut failures = BTreeMap::new();
    for file in json_files(&golden) {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let mut asked = BTreeMap::new();
        for entry in recording["trace"].as_array().unwrap() {
            let message = &entry["msg"];
            let id = (entry["conn"].to_string(), message["id"].to_string());
            if entry["dir"] == "out" && message.get("method").is_some() && message.get("id").is_some() {
                asked.insert(id, message.clone());
            } else if entry["dir"] == "in"
                && message.get("method").is_none()
                && let Some(request) = asked.get(&id)
                && let Some(decode) = request["method"].as_str().and_then(|method| codecs.params.get(method))
            {
                let words =
                    message["error"]["message"].as_str().and_then(|text| text.strip_prefix("Invalid request: "));
                let mut params = request.get("params").cloned();
                params.iter_mut().for_each(|params| fill_placeholders(params, ""));
                let outcome = match params {
                    Some(params) => decode(params).map_err(|error| error.to_string()),
                    None => decode(Value::Null).map_err(|_| "missing field `params`".to_owned()),
                };
                match (words, outcome) {
                    (None, Ok(_)) => accepted += 1,
                    (Some(words), Err(error)) if words == error => refused += 1,
                    (words, outcome) => {
                        let key = (request["method"].to_string(), words.map(str::to_owned));
                        failures.entry(key).or_insert_with(|| {
                            format!("{}: {request}\n  have {outcome:?}\n  want {words:?}", file.display())
                        });
                    }
                }
            }
        }
    }
    println!("{accepted} requests accepted, {refused} refused");
    assert!(failures.is_empty(), "{}", failures.values().cloned().collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn recorded_clients_without_the_capability_are_told_what_is_experimental() {
    let Some(golden) = recordings() else {
        println!("no recordings here; nothing to compare");
        return;
    };
    let codecs = Codecs::new();
    let (mut open, mut gated) = (0, 0);
    for file in json_files(&golden) {
        let recording: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let mut capable = BTreeMap::new();
        let mut asked = BTreeMap::new();
        for entry in recording["trace"].as_array().unwrap() {
            let message = &entry["msg"];
            let connection = entry["conn"].to_string();
            let id = (connection.clone(), message["id"].to_string());
            if entry["dir"] == "out" && message["method"] == "initialize" {
                let flag = message.pointer("/params/capabilities/experimentalApi");
                capable.entry(connection).or_insert(flag == Some(&Value::Bool(true)));
            } else if entry["dir"] == "out" && message.get("method").is_some() {
                asked.insert(id, message.clone());
            } else if let Some(request) = asked.get(&id)
                && message.get("method").is_none()
                && capable.get(&connection) == Some(&false)
                && let Some(gate) = request["method"].as_str().and_then(|method| codecs.gates.get(method))
            {
                let mut params = request.get("params").cloned().unwrap_or_default();
                fill_placeholders(&mut params, "");
                let words = message["error"]["message"].as_str().unwrap_or_default();
                let told = words.strip_suffix(" requires experimentalApi capability");
                assert_eq!(gate(params), told, "{}: {request} answered {message}", file.display());
                *if told.is_some() { &mut gated } else { &mut open } += 1;
            }
        }
    }
    println!("{open} requests open, {gated} gated");
}
