//! What a scripted model answers: replies, the steps of a stream, and the events in them.
//!
//! Source of the events' shapes: the Responses API as the protocol's model providers speak it.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

/// The answer to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Status 200 and a stream of server-sent events.
    Stream {
        /// Response headers beside the usual ones.
        headers: Vec<(String, String)>,
        /// What happens, in order. After the last step the stream ends properly, whatever it held.
        steps: Vec<Step>,
    },
    /// Any other answer, as a whole.
    Http {
        /// The status code.
        status: u16,
        /// Response headers beside the usual ones, for example `Retry-After`.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The connection is dropped before anything is answered.
    Disconnect,
}

/// One step of a stream.
#[derive(Clone, Debug)]
pub enum Step {
    /// An event, named after its `type` member.
    Event(Value),
    /// Bytes as they are, for malformed streams.
    Raw(String),
    /// Waits until the test opens the gate.
    Gate(Gate),
    /// Drops the connection in the middle of the body.
    Disconnect,
}

impl From<Value> for Step {
    fn from(event: Value) -> Self {
        Self::Event(event)
    }
}

impl From<Gate> for Step {
    fn from(gate: Gate) -> Self {
        Self::Gate(gate)
    }
}

impl Reply {
    /// A whole response: created, the steps, completed.
    pub fn new(steps: impl IntoIterator<Item = impl Into<Step>>) -> Self {
        let created = Step::Event(event("response.created", json!({"response": {"id": "resp-1"}})));
        let completed = Step::Event(completed("resp-1", &usage(10, 5)));
        Self::stream([created].into_iter().chain(steps.into_iter().map(Into::into)).chain([completed]))
    }

    /// Exactly these steps, without events of its own around them.
    pub fn stream(steps: impl IntoIterator<Item = impl Into<Step>>) -> Self {
        Self::Stream { headers: Vec::new(), steps: steps.into_iter().map(Into::into).collect() }
    }

    /// A whole response that is one message.
    pub fn say(text: &str) -> Self {
        Self::new([message(text)])
    }

    /// A whole response that is one function call.
    pub fn call(name: &str, arguments: &Value) -> Self {
        Self::new([function_call("call-1", name, arguments)])
    }

    /// An error answer in the shape that model providers use.
    pub fn error(status: u16, message: &str) -> Self {
        Self::Http { status, headers: Vec::new(), body: json!({"error": {"message": message}}).to_string() }
    }

    /// Adds a response header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        match &mut self {
            Self::Stream { headers, .. } | Self::Http { headers, .. } => headers.push((name.into(), value.into())),
            Self::Disconnect => {}
        }
        self
    }
}

/// Holds a stream at one point until the test lets it go on. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: Arc<watch::Sender<bool>>,
    open: Arc<watch::Sender<bool>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// Makes a closed gate.
    pub fn new() -> Self {
        Self { reached: Arc::new(watch::Sender::new(false)), open: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets the stream go on, now or when it comes here.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until a stream has come here: everything before the gate has been sent.
    pub async fn reached(&self) {
        wait_until(&self.reached, |reached| *reached).await;
    }

    pub(crate) async fn pass(&self) {
        self.reached.send_replace(true);
        wait_until(&self.open, |open| *open).await;
    }
}

pub(crate) async fn wait_until<T>(sender: &watch::Sender<T>, condition: impl FnMut(&T) -> bool) {
    sender.subscribe().wait_for(condition).await.expect("the sender is borrowed here, so it lives");
}

/// An event of type `kind` with the members of `fields`.
pub fn event(kind: &str, fields: Value) -> Value {
    let mut event = json!({"type": kind});
    let (Value::Object(event_members), Value::Object(fields)) = (&mut event, fields) else {
        panic!("the fields of an event are an object");
    };
    event_members.extend(fields);
    event
}

/// Token counts: nothing cached, no reasoning.
pub fn usage(input: u64, output: u64) -> Value {
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + output,
    })
}

/// The event that ends a response.
pub fn completed(response_id: &str, usage: &Value) -> Value {
    event("response.completed", json!({"response": {"id": response_id, "usage": usage}}))
}

/// The event that ends a response with an error of the provider.
pub fn failed(code: &str, message: &str) -> Value {
    let error = json!({"code": code, "message": message});
    let response = json!({"id": "resp-1", "object": "response", "status": "failed", "error": error, "usage": null});
    event("response.failed", json!({"response": response}))
}

/// The event that ends a response before it is whole.
pub fn incomplete(reason: &str) -> Value {
    let response = json!({
        "id": "resp-1", "object": "response", "status": "incomplete", "incomplete_details": {"reason": reason},
    });
    event("response.incomplete", json!({"response": response}))
}

/// The event that begins an item.
pub fn item_added(item: &Value) -> Value {
    event("response.output_item.added", json!({"item": item}))
}

/// The event that completes an item.
pub fn item_done(item: &Value) -> Value {
    event("response.output_item.done", json!({"item": item}))
}

/// The item of an assistant's message.
pub fn message_item(item_id: &str, text: &str) -> Value {
    json!({
        "type": "message", "role": "assistant", "id": item_id, "content": [{"type": "output_text", "text": text}],
    })
}

/// A message that comes all at once.
pub fn message(text: &str) -> Value {
    item_done(&message_item("msg-1", text))
}

/// A message that is streamed in the given pieces.
pub fn message_in_pieces(pieces: &[&str]) -> Vec<Value> {
    let mut start = message_item("msg-1", "");
    start["content"] = json!([]);
    let delta = |piece: &&str| {
        let fields = json!({"item_id": "msg-1", "output_index": 0, "content_index": 0, "delta": *piece});
        event("response.output_text.delta", fields)
    };
    let end = message(&pieces.concat());
    [item_added(&start)].into_iter().chain(pieces.iter().map(delta)).chain([end]).collect()
}

/// A reasoning item that comes all at once.
pub fn reasoning(summary: &str) -> Value {
    item_done(&json!({
        "type": "reasoning", "id": "rs-1", "summary": [{"type": "summary_text", "text": summary}],
        "encrypted_content": "enc-1",
    }))
}

/// A call of a function tool. A text is passed as it is, to script arguments that are not JSON.
pub fn function_call(call_id: &str, name: &str, arguments: &Value) -> Value {
    let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
    item_done(&json!({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}))
}

/// A call of a tool that takes plain text.
pub fn custom_tool_call(call_id: &str, name: &str, input: &str) -> Value {
    item_done(&json!({"type": "custom_tool_call", "call_id": call_id, "name": name, "input": input}))
}
