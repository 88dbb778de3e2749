//! The exported schemas are the published ones, descriptions set aside.
//!
//! The published files are no part of this repository: they are looked for in `$SPINDLE_SHARED`, then in `../shared`
//! beside the checkout, and the comparison says so and passes when there are none.
#![cfg(feature = "export")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use protocol::export::{export_json_schema, export_ts, json_schema, json_schema_files, ts_files};
use protocol::methods::{Method, MethodVisitor, visit_methods};
use serde_json::{Map, Value};

/// Where the published files are, if they are here.
fn published() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let given = std::env::var_os("SPINDLE_SHARED").map(PathBuf::from);
    let shared = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let schema = shared.join("schema");
    schema.is_dir().then_some(schema)
}

/// The files below `folder`, by path.
fn files(folder: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, "", &mut found);
    found
}

/// A schema without its prose. Below `properties` a key is a member's name, never a keyword.
fn shape(schema: &Value, names: bool) -> Value {
    const PROSE: [&str; 3] = ["description", "title", "$schema"];
    match schema {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| names || !PROSE.contains(&key.as_str()));
            let shaped = kept.map(|(key, value)| {
                let value_names = !names && ["properties", "definitions"].contains(&key.as_str());
                (key.clone(), shape(value, value_names))
            });
            Value::Object(shaped.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| shape(item, false)).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

/// Every place where two shapes differ, by path.
fn differences(want: &Value, have: &Value, path: &str, found: &mut Vec<String>) {
    match (want, have) {
        (Value::Object(want), Value::Object(have)) => {
            for key in want.keys().chain(have.keys()).collect::<BTreeSet<_>>() {
                match (want.get(key), have.get(key)) {
                    (Some(want), Some(have)) => differences(want, have, &format!("{path}/{key}"), found),
                    (Some(_), None) => found.push(format!("{path}/{key} is missing")),
                    _ => found.push(format!("{path}/{key} is not published")),
                }
            }
        }
        (Value::Array(want), Value::Array(have)) => {
            for item in want.iter().filter(|item| !have.contains(item)) {
                found.push(format!("{path}: {item} is missing"));
            }
            for item in have.iter().filter(|item| !want.contains(item)) {
                found.push(format!("{path}: {item} is not published"));
            }
        }
        _ if want == have => {}
        _ => found.push(format!("{path}: want {want}, have {have}")),
    }
}

/// A TypeScript file without comments and layout, imports apart.
fn ts_shape(text: &str) -> (BTreeSet<String>, String) {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    code.push_str(rest);
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let (imports, body): (Vec<_>, Vec<_>) =
        lines.partition(|line| ["import ", "export * ", "export type {"].iter().any(|start| line.starts_with(start)));
    let words: Vec<_> = body.iter().flat_map(|line| line.split_whitespace()).collect();
    (imports.into_iter().map(str::to_owned).collect(), words.join(" ").replace(", }", " }"))
}

#[test]
fn json_schemas_are_the_published_ones() {
    let Some(published) = published() else {
        println!("no published schemas here; nothing to compare");
        return;
    };
    for (set, experimental) in [("stable", false), ("experimental", true)] {
        let have = json_schema_files(experimental);
        let want = files(&published.join(set));
        assert_eq!(have.keys().cloned().collect::<BTreeSet<_>>(), want, "the files of the {set} set");
        let mut found = Vec::new();
        for name in want {
            let text = std::fs::read(published.join(set).join(&name)).unwrap();
            let want = shape(&serde_json::from_slice(&text).unwrap(), false);
            let have = shape(&serde_json::from_str(&have[&name]).unwrap(), false);
            differences(&want, &have, &format!("{set}/{name}"), &mut found);
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn typescript_is_the_published_one() {
    let Some(published) = published() else {
        println!("no published types here; nothing to compare");
        return;
    };
    let have = ts_files(true).unwrap();
    let want = files(&published.join("ts"));
    assert_eq!(have.keys().cloned().collect::<BTreeSet<_>>(), want, "the files");
    let mut found = Vec::new();
    for name in want {
        let want = ts_shape(&std::fs::read_to_string(published.join("ts").join(&name)).unwrap());
        let have = ts_shape(&have[&name]);
        if want != have {
            found.push(format!("{name}:\n  want {want:?}\n  have {have:?}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The methods in whose parameters, at any depth, something is experimental.
#[derive(Default)]
struct Gated(Vec<&'static str>);

impl MethodVisitor for Gated {
    fn visit<M: Method>(&mut self) {
        if !M::EXPERIMENTAL && json_schema::<M::Params>(true).to_string().contains("Experimental:") {
            self.0.push(M::NAME);
        }
    }
}

#[test]
fn every_method_with_experimental_parameters_is_one_whose_gate_is_tested() {
    let mut gated = Gated::default();
    visit_methods(&mut gated);
    let tested = ["thread/start", "thread/resume", "thread/fork", "turn/start", "turn/steer", "account/login/start"];
    assert_eq!(gated.0, tested, "see tests/experimental.rs");
}

#[test]
fn the_stable_set_lacks_what_is_experimental() {
    let stable = ts_files(false).unwrap();
    let experimental = ts_files(true).unwrap();
    assert!(!stable.contains_key("v2/MockExperimentalMethodParams.ts"));
    assert!(experimental["v2/ThreadStartParams.ts"].contains("dynamicTools"));
    let start = &stable["v2/ThreadStartParams.ts"];
    for word in ["dynamicTools", "DynamicToolSpec", "experimentalRawEvents", "Experimental:"] {
        assert!(!start.contains(word), "{word} in {start}");
    }
    assert!(start.contains("sessionStartSource?: ThreadStartSource | null"), "{start}");
    assert!(json_schema_files(false)["v2/ThreadStartParams.json"].contains("sessionStartSource"));
}

#[test]
fn exports_are_written_below_the_given_folder() {
    let folder = std::env::temp_dir().join(format!("protocol-export-{}", std::process::id()));
    export_json_schema(&folder.join("json"), false).unwrap();
    export_ts(&folder.join("ts"), true).unwrap();
    let names = (files(&folder.join("json")), files(&folder.join("ts")));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(names.0.contains("v2/TurnStartParams.json"));
    assert!(names.1.contains("index.ts") && names.1.contains("serde_json/JsonValue.ts"));
}
