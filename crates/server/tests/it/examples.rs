//! The conversations of the protocol's reference: what `docs/protocol/examples` shows is what the server says.
//!
//! A file has a head of `name: value` lines, a blank line, and the conversation. In the head, a line `model: …` is the
//! model's next answer, `left out: …` names notifications that may come in between, and `connection: new` says that
//! the client introduces itself within the conversation. In a message, `…` stands for further members or items, or for
//! the rest of a text; a text `<name>` for a value that is the same wherever the name stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Gate, Reply, Step, custom_tool_call, message_in_pieces};

use crate::kit::TestServer;

/// One file.
struct Conversation {
    replies: Vec<Reply>,
    left_out: Vec<String>,
    introduced: bool,
    messages: Vec<Message>,
}

enum Message {
    FromClient(Value),
    FromServer(Value),
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol/examples");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_example_of_the_reference_is_what_the_server_says() {
    let files = files();
    assert!(!files.is_empty());
    let mut problems = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let conversation = parse(&std::fs::read_to_string(&file).unwrap());
        if let Err(problem) = replay(conversation).await {
            problems.push(format!("the example {name}: {problem}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

fn parse(text: &str) -> Conversation {
    let (head, body) = text.split_once("\n\n").expect("a blank line between head and conversation");
    let mut conversation =
        Conversation { replies: Vec::new(), left_out: Vec::new(), introduced: true, messages: Vec::new() };
    for line in head.lines() {
        match line.split_once(": ").expect("a name and a value") {
            ("model", reply) => conversation.replies.push(self::reply(&serde_json::from_str(reply).unwrap())),
            ("left out", methods) => conversation.left_out.extend(methods.split(", ").map(str::to_owned)),
            ("connection", "new") => conversation.introduced = false,
            other => panic!("the head of an example has {other:?}"),
        }
    }
    let mut messages: Vec<(bool, String)> = Vec::new();
    for line in body.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        if let Some(text) = line.strip_prefix("→ ") {
            messages.push((true, text.to_owned()));
        } else if let Some(text) = line.strip_prefix("← ") {
            messages.push((false, text.to_owned()));
        } else {
            messages.last_mut().expect("a message begins with an arrow").1.push_str(line);
        }
    }
    for (from_client, text) in messages {
        let message = message(&text);
        conversation.messages.push(if from_client {
            Message::FromClient(message)
        } else {
            Message::FromServer(message)
        });
    }
    conversation
}

/// What the model answers: `say` (pieces of a message), `call` (a tool, with `arguments`), `patch`, `hang` (pieces of a
/// message that never ends), or `status` (an error, with its `message`).
fn reply(script: &Value) -> Reply {
    let pieces = |key: &str| -> Vec<Value> {
        let pieces: Vec<_> = script[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        message_in_pieces(&pieces)
    };
    if script.get("say").is_some() {
        return Reply::new(pieces("say"));
    }
    if script.get("hang").is_some() {
        let mut steps: Vec<Step> = pieces("hang").into_iter().map(Step::from).collect();
        steps.pop();
        return Reply::new(steps.into_iter().chain([Gate::new().into()]));
    }
    if let Some(status) = script["status"].as_u64() {
        return Reply::error(status.try_into().unwrap(), script["message"].as_str().unwrap_or_default());
    }
    if let Some(patch) = script["patch"].as_str() {
        return Reply::new([custom_tool_call("call-1", "apply_patch", patch)]);
    }
    Reply::call(script["call"].as_str().expect("a model says or calls something"), &script["arguments"])
}

/// JSON in which `…` may stand for members or items.
fn message(text: &str) -> Value {
    let mut json = String::new();
    let mut open = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        match letter {
            '…' if !quoted => {
                json.push_str(if open.last() == Some(&'{') { r#""…":"…""# } else { r#""…""# });
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            '{' | '[' if !quoted => open.push(letter),
            '}' | ']' if !quoted => drop(open.pop()),
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        json.push(letter);
    }
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn replay(conversation: Conversation) -> Result<(), String> {
    let Conversation { replies, left_out, introduced, messages } = conversation;
    let mut server =
        if introduced { TestServer::with_model(replies).await } else { TestServer::uninitialized(replies).await };
    let mut known = BTreeMap::from([
        ("project".to_owned(), json!(server.project.to_string())),
        ("home".to_owned(), json!(server.home.to_string())),
    ]);
    for message in messages {
        match message {
            Message::FromClient(message) => server.send(&filled(&message, &known)).await,
            Message::FromServer(expected) => {
                let said = loop {
                    let said = server.read().await.ok_or_else(|| format!("the server ended before {expected}"))?;
                    if !left_out.iter().any(|method| said["method"] == **method) {
                        break said;
                    }
                };
                fit(&expected, &said, &mut known, "")
                    .map_err(|what| format!("{what}\n  want {expected}\n  have {said}"))?;
            }
        }
    }
    Ok(())
}

/// A message with values where names stood.
fn filled(message: &Value, known: &BTreeMap<String, Value>) -> Value {
    match message {
        Value::String(text) => name(text).and_then(|name| known.get(name)).cloned().unwrap_or_else(|| {
            let mut text = text.clone();
            for (name, value) in known {
                text = text.replace(&format!("<{name}>"), value.as_str().unwrap_or_default());
            }
            Value::String(text)
        }),
        Value::Array(items) => items.iter().map(|item| filled(item, known)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| (key.clone(), filled(member, known)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => message.clone(),
    }
}

fn name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('<')?.strip_suffix('>')?;
    name.chars().all(char::is_alphanumeric).then_some(name)
}

/// Compares what was said with what was expected, and learns what names stand for.
fn fit(expected: &Value, said: &Value, known: &mut BTreeMap<String, Value>, path: &str) -> Result<(), String> {
    if let Some(name) = expected.as_str().and_then(name)
        && !known.contains_key(name)
    {
        known.insert(name.to_owned(), said.clone());
        return Ok(());
    }
    match (expected, said) {
        (Value::Object(expected), Value::Object(said)) => {
            for (key, member) in expected.iter().filter(|(key, _)| *key != "…") {
                let said = said.get(key).ok_or_else(|| format!("{path}/{key} is missing"))?;
                fit(member, said, known, &format!("{path}/{key}"))?;
            }
            let extra = said.keys().find(|key| !expected.contains_key(*key));
            match extra {
                Some(key) if !expected.contains_key("…") => Err(format!("{path}/{key} is not expected")),
                _ => Ok(()),
            }
        }
        (Value::Array(expected), Value::Array(said)) => {
            let open = expected.last().is_some_and(|last| last == "…");
            let length = expected.len() - usize::from(open);
            if said.len() < length || (said.len() > length && !open) {
                return Err(format!("{path} has {} items", said.len()));
            }
            let pairs = expected.iter().zip(said).take(length).enumerate();
            pairs
                .into_iter()
                .try_for_each(|(index, (expected, said))| fit(expected, said, known, &format!("{path}/{index}")))
        }
        (expected, said) => {
            let expected = filled(expected, known);
            let start = expected.as_str().and_then(|text| text.strip_suffix('…'));
            let fits =
                start.map_or(expected == *said, |start| said.as_str().is_some_and(|said| said.starts_with(start)));
            if fits { Ok(()) } else { Err(format!("{path}: want {expected}, have {said}")) }
        }
    }
}
