//! Plays replies from a file, one a request, in order.
//!
//! Shape: a JSON array of replies, or one reply a line; empty lines and lines that begin with `#` are passed over. A
//! reply is an array of steps, or an object whose `events` is one. A step is an event as the Responses API streams
//! it (an object with a `type`), or one of `{"delay_ms": 100}`, `{"disconnect": true}`, `{"hang": true}`,
//! `{"headers": {…}}` and, as the only step, `{"http_error": 429, "headers": {…}, "body": …}`.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::performance::Step;
use crate::{ModelError, responses};

/// A file of replies and the place in it.
pub(super) struct Script {
    path: PathBuf,
    /// Read at the first request.
    replies: OnceLock<Result<Vec<Reply>, ModelError>>,
    next: AtomicUsize,
}

impl Script {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, replies: OnceLock::new(), next: AtomicUsize::new(0) }
    }

    /// The next reply's steps.
    ///
    /// # Errors
    /// What the reply's `http_error` means; a file that cannot be used; a script that is over.
    pub(super) fn next_reply(&self) -> Result<VecDeque<Step>, ModelError> {
        let unusable =
            |reason: String| ModelError::Provider { reason: format!("script {}: {reason}", self.path.display()) };
        let replies = self
            .replies
            .get_or_init(|| {
                let text = fs::read_to_string(&self.path).map_err(|error| unusable(error.to_string()))?;
                parse(&text).map_err(unusable)
            })
            .as_ref()
            .map_err(ModelError::clone)?;
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let reply = replies.get(at).ok_or_else(|| unusable(format!("it is over after {} replies", replies.len())))?;
        steps(reply)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Steps(Vec<Map<String, Value>>),
    Events { events: Vec<Map<String, Value>> },
}

fn parse(text: &str) -> Result<Vec<Reply>, String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let by_line: Result<Vec<Reply>, _> = lines().map(serde_json::from_str).collect();
    by_line.or_else(|by_line| {
        serde_json::from_str(text).map_err(|whole| {
            // Say what is wrong with the form that the file seems to have.
            if whole.is_eof() || text.trim_start().starts_with('[') { whole.to_string() } else { by_line.to_string() }
        })
    })
}

fn steps(reply: &Reply) -> Result<VecDeque<Step>, ModelError> {
    let (Reply::Steps(given) | Reply::Events { events: given }) = reply;
    let mut headers = HeaderMap::new();
    let mut steps = VecDeque::new();
    let mut events = VecDeque::new();
    for step in given {
        if let Some(given) = step.get("headers") {
            headers.extend(header_map(given));
        }
        if let Some(status) = step.get("http_error") {
            let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            let body = match step.get("body") {
                Some(Value::String(body)) => body.clone(),
                Some(body) => body.to_string(),
                None => String::new(),
            };
            let url = Url::parse("simulator:script").expect("a valid URL");
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(responses::refusal(status, &headers, &body, &url));
        }
        if let Some(millis) = step.get("delay_ms").and_then(Value::as_u64) {
            steps.push_back(Step::Delay(Duration::from_millis(millis)));
        } else if step.contains_key("hang") {
            steps.push_back(Step::Hang);
        } else if step.contains_key("disconnect") {
            steps.push_back(Step::Fail(ModelError::disconnected("the script closed the stream")));
        } else if step.contains_key("type") {
            let data = serde_json::to_vec(step).expect("JSON has a JSON form");
            let failure = responses::decode_event(&data, &mut events).err();
            steps.extend(events.drain(..).map(Step::Event));
            steps.extend(failure.map(Step::Fail));
        }
    }
    for event in responses::first_events(&headers).into_iter().rev() {
        steps.push_front(Step::Event(event));
    }
    Ok(steps)
}

fn header_map(given: &Value) -> HeaderMap {
    let given: BTreeMap<String, Value> = Deserialize::deserialize(given).unwrap_or_default();
    given
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(&value).ok()?))
        })
        .collect()
}
