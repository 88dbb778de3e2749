//! What Spindle adds has schemas of its own and leaves the published ones alone.
#![cfg(feature = "export")]

use protocol::additions::{Additions, ThreadEventsReplay};
use protocol::export::{export_additions, json_schema_files, ts_files};
use protocol::{InitializeCapabilities, InitializeResponse, METHODS, Method as _};
use serde_json::{Value, json};

#[test]
fn additions_are_written_apart_and_appear_nowhere_else() {
    let folder = std::env::temp_dir().join(format!("protocol-additions-{}", std::process::id()));
    export_additions(&folder).unwrap();
    let text = std::fs::read_to_string(folder.join("spindle/ThreadEventsReplayParams.json")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["required"], json!(["after", "threadId"]));

    assert!(!METHODS.contains(&ThreadEventsReplay::NAME));
    let contract = [json_schema_files(true), ts_files(true).unwrap()];
    for (name, text) in contract.iter().flatten() {
        for word in ["eventNumbers", "clientRequestId", "thread/events/replay"] {
            assert!(!name.contains("spindle") && !text.contains(word), "{word} in {name}");
        }
    }
}

#[test]
fn a_client_that_does_not_ask_hears_nothing_of_them() {
    let plain: InitializeCapabilities = serde_json::from_value(json!({ "experimentalApi": true })).unwrap();
    assert_eq!(plain.spindle, None);
    let asked = json!({ "spindle": { "eventNumbers": true, "unknown": 1 } });
    let asked: InitializeCapabilities = serde_json::from_value(asked).unwrap();
    assert_eq!(asked.spindle, Some(Additions { event_numbers: true, client_request_ids: false }));
    let answer: InitializeResponse = serde_json::from_value(json!({
        "userAgent": "x", "codexHome": "/home", "platformFamily": "unix", "platformOs": "linux",
    }))
    .unwrap();
    assert!(serde_json::to_value(answer).unwrap().get("spindle").is_none());
}
