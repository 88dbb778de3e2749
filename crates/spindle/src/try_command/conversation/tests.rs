//! Whole conversations with a scripted server at the other end of the connection.

use std::sync::Arc;

use rpc::{Outgoing, Reader};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, ReadHalf};
use tokio::sync::watch;

use super::*;

/// A server that does what the test says.
struct Server {
    reader: Reader<ReadHalf<DuplexStream>>,
    outgoing: Outgoing,
}

impl Server {
    fn new(connection: DuplexStream) -> Self {
        let (input, output) = tokio::io::split(connection);
        let (outgoing, writer) = Outgoing::new(output);
        tokio::spawn(writer.run());
        Self { reader: Reader::new(input), outgoing }
    }

    /// The next message, as `method` or as the answer to a request, with its id and its content.
    async fn expect(&mut self, method: &str) -> (RequestId, Value) {
        let (found, id, value) = match self.reader.next().await.unwrap().expect("the client is there") {
            Incoming::Request { id, method, params } => (method, id, params),
            Incoming::Notification { method, params } => (method, RequestId::Int(-1), params),
            Incoming::Response { id, outcome } => ("response".to_owned(), id, Some(outcome.unwrap())),
        };
        assert_eq!(found, method);
        (id, value.map_or(Value::Null, |value| serde_json::from_str(value.get()).unwrap()))
    }

    async fn answer(&mut self, method: &str, result: Value) -> Value {
        let (id, params) = self.expect(method).await;
        self.outgoing.respond(&id, &Ok(result)).unwrap();
        params
    }

    fn notify(&self, method: &str, mut params: Value) {
        params["threadId"] = "t".into();
        params["turnId"] = "u".into();
        self.outgoing.notify(method, &params).unwrap();
    }

    async fn greet(&mut self) {
        let initialized = json!({"userAgent": "x", "codexHome": "/h", "platformFamily": "unix", "platformOs": "linux"});
        let params = self.answer("initialize", initialized).await;
        assert_eq!(params["clientInfo"]["name"], "spindle-try");
        self.expect("initialized").await;
        let thread = json!({
            "id": "t", "forkedFromId": null, "preview": "", "ephemeral": false, "modelProvider": "p", "createdAt": 0,
            "updatedAt": 0, "status": {"type": "idle"}, "path": null, "cwd": "/p", "cliVersion": "0", "source": "cli",
            "agentNickname": null, "agentRole": null, "gitInfo": null, "name": null, "turns": [],
        });
        let started = json!({
            "thread": thread, "model": "m", "modelProvider": "p", "serviceTier": null, "cwd": "/p",
            "instructionSources": [], "approvalPolicy": "on-request", "approvalsReviewer": "user",
            "sandbox": {"type": "dangerFullAccess"}, "reasoningEffort": null,
        });
        let params = self.answer("thread/start", started).await;
        assert_eq!(params["cwd"], "/p");
    }

    async fn start_turn(&mut self) -> Value {
        let params = self.answer("turn/start", json!({"turn": turn("inProgress")})).await;
        self.notify("turn/started", json!({"turn": turn("inProgress")}));
        params["input"][0]["text"].clone()
    }

    fn end_turn(&self, status: &str) {
        self.notify("turn/completed", json!({"turn": turn(status)}));
    }

    fn say(&self, text: &str) {
        self.notify("item/completed", json!({"item": {"type": "agentMessage", "id": "m", "text": text}}));
    }

    fn ask_to_run(&self, command: &str) {
        let params = json!({"threadId": "t", "turnId": "u", "itemId": "c", "command": command});
        let id = RequestId::Int(7);
        self.outgoing.push(rpc::encode_request(&id, "item/commandExecution/requestApproval", &params)).unwrap();
    }
}

fn turn(status: &str) -> Value {
    json!({
        "id": "u", "items": [], "status": status, "error": null, "startedAt": null, "completedAt": null,
        "durationMs": null,
    })
}

/// What was written, for both sides to see.
#[derive(Clone)]
struct Output(Arc<watch::Sender<String>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send_modify(|text| text.push_str(std::str::from_utf8(bytes).unwrap()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(String::new())))
    }

    /// The text, without status lines.
    fn text(&self) -> String {
        let text = self.0.borrow();
        // What follows a cleared line is a status, or the text that goes on.
        let parts = text.split("\r\x1b[2K").enumerate();
        parts.filter(|(index, part)| *index == 0 || !part.contains("Ctrl-C interrupts")).map(|(_, part)| part).collect()
    }

    /// Waits until the user can see `text` for the `count`th time.
    async fn shows(&self, text: &str, count: usize) {
        self.0.subscribe().wait_for(|shown| shown.matches(text).count() >= count).await.unwrap();
    }
}

/// The user: what is typed, and Ctrl-C.
struct User {
    lines: Option<mpsc::Sender<String>>,
    interrupt: mpsc::Sender<()>,
}

impl User {
    async fn types(&self, line: &str) {
        self.lines.as_ref().unwrap().send(line.to_owned()).await.unwrap();
    }
}

type Running = tokio::task::JoinHandle<anyhow::Result<End>>;

/// Starts a conversation, with a prompt or with a person at a terminal.
fn start(prompt: Option<&str>, interactive: bool) -> (Server, User, Output, Running) {
    let (client, server) = rpc::in_process();
    let output = Output::new();
    let (lines, typed) = mpsc::channel(16);
    let (interrupt, interrupts) = mpsc::channel(1);
    let inputs = Inputs { lines: typed, interrupts };
    let prompt = prompt.map(str::to_owned);
    let screen = Screen::new(output.clone(), false);
    let running = tokio::spawn(async move {
        let client = Client::new(client, None);
        let conversation = Conversation::start(client, screen, inputs, interactive, || Some(60), "/p".to_owned(), None);
        match prompt {
            Some(prompt) => conversation.await?.single(prompt).await,
            None => conversation.await?.interactive(None).await,
        }
    });
    (Server::new(server), User { lines: Some(lines), interrupt }, output, running)
}

#[tokio::test]
async fn a_prompt_is_one_turn() {
    let (mut server, _user, output, running) = start(Some("hello"), false);
    server.greet().await;
    assert_eq!(server.start_turn().await, "hello");
    server.say("Hello to you.");
    server.end_turn("completed");

    assert_eq!(running.await.unwrap().unwrap(), End::Completed);
    insta::assert_snapshot!(output.text(), @"
    m (p) · sandbox off · approvals on-request · /p

    Hello to you.
    ");
}

#[tokio::test]
async fn a_failed_turn_is_told() {
    let (mut server, _user, _output, running) = start(Some("hello"), false);
    server.greet().await;
    server.start_turn().await;
    server.end_turn("failed");
    assert_eq!(running.await.unwrap().unwrap(), End::Failed);
}

#[tokio::test]
async fn without_a_person_approvals_are_declined() {
    let (mut server, _user, output, running) = start(Some("clean up"), false);
    server.greet().await;
    server.start_turn().await;
    server.ask_to_run("rm -rf build");
    let (id, answer) = server.expect("response").await;
    assert_eq!((id, answer), (RequestId::Int(7), json!({"decision": "decline"})));
    server.end_turn("completed");

    running.await.unwrap().unwrap();
    assert!(output.text().contains("declined: nobody is there to ask"), "{}", output.text());
}

#[tokio::test]
async fn a_person_answers_at_the_terminal() {
    let (mut server, user, output, running) = start(Some("clean up"), true);
    server.greet().await;
    server.start_turn().await;
    server.ask_to_run("rm -rf build");
    output.shows("? run rm -rf build?", 1).await;
    user.types("what?").await;
    user.types("y").await;
    let (_, answer) = server.expect("response").await;
    assert_eq!(answer, json!({"decision": "accept"}));
    server.end_turn("completed");

    running.await.unwrap().unwrap();
    assert_eq!(
        output.text().matches("? run rm -rf build?").count(),
        2,
        "asked again after a line it did not understand"
    );
}

#[tokio::test]
async fn a_question_settled_elsewhere_is_not_waited_for() {
    let (mut server, _user, output, running) = start(Some("clean up"), true);
    server.greet().await;
    server.start_turn().await;
    server.ask_to_run("rm -rf build");
    server.notify("serverRequest/resolved", json!({"requestId": 7}));
    server.end_turn("completed");

    running.await.unwrap().unwrap();
    assert!(output.text().contains("(settled)"), "{}", output.text());
}

#[tokio::test]
async fn each_line_is_a_turn_until_the_input_ends() {
    let (mut server, mut user, output, running) = start(None, true);
    server.greet().await;
    for (index, line) in ["first", "second"].into_iter().enumerate() {
        output.shows(PROMPT, index + 1).await;
        user.types(line).await;
        assert_eq!(server.start_turn().await, line);
        server.end_turn("completed");
    }
    user.lines = None;
    assert_eq!(running.await.unwrap().unwrap(), End::Completed);
}

#[tokio::test]
async fn quit_ends_the_conversation() {
    let (mut server, user, _output, running) = start(None, true);
    server.greet().await;
    user.types("  /quit ").await;
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_line_typed_during_a_turn_steers_it() {
    let (mut server, user, _output, running) = start(Some("go"), true);
    server.greet().await;
    server.start_turn().await;
    user.types("and be quick").await;
    let params = server.answer("turn/steer", json!({"turnId": "u"})).await;
    assert_eq!((&params["expectedTurnId"], &params["input"][0]["text"]), (&json!("u"), &json!("and be quick")));
    server.end_turn("completed");
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_line_that_came_too_late_to_steer_is_the_next_turn() {
    let (mut server, user, _output, running) = start(Some("go"), true);
    server.greet().await;
    server.start_turn().await;
    user.types("and then rest").await;
    let (id, _) = server.expect("turn/steer").await;
    server.end_turn("completed");
    server.outgoing.respond(&id, &Err::<(), _>(rpc::ErrorObject::new(-32600, "no active turn to steer"))).unwrap();

    assert_eq!(server.start_turn().await, "and then rest");
    server.end_turn("completed");
    assert_eq!(running.await.unwrap().unwrap(), End::Completed);
}

#[tokio::test]
async fn ctrl_c_interrupts_the_turn_and_the_conversation_goes_on() {
    let (mut server, user, output, running) = start(None, true);
    server.greet().await;
    user.types("dream").await;
    server.start_turn().await;
    user.interrupt.send(()).await.unwrap();
    let params = server.answer("turn/interrupt", json!({})).await;
    assert_eq!(params, json!({"threadId": "t", "turnId": "u"}));
    server.end_turn("interrupted");

    output.shows(PROMPT, 2).await;
    user.types("wake up").await;
    assert_eq!(server.start_turn().await, "wake up");
    server.end_turn("completed");
    output.shows(PROMPT, 3).await;
    user.types("/quit").await;
    assert_eq!(running.await.unwrap().unwrap(), End::Completed);
    assert!(output.text().contains("interrupted\n"), "{}", output.text());
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_without_waiting() {
    let (mut server, user, _output, running) = start(None, true);
    server.greet().await;
    user.types("dream").await;
    server.start_turn().await;
    user.interrupt.send(()).await.unwrap();
    server.expect("turn/interrupt").await;
    user.interrupt.send(()).await.unwrap();
    assert_eq!(running.await.unwrap().unwrap(), End::Interrupted);
}

#[tokio::test]
async fn a_server_that_goes_away_is_an_error() {
    let (mut server, _user, _output, running) = start(Some("hello"), false);
    server.greet().await;
    server.start_turn().await;
    drop(server);
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn the_journal_holds_every_message_of_both_sides() {
    let (client, server) = rpc::in_process();
    let journal = Output::new();
    let mut client = Client::new(client, Some(Box::new(journal.clone())));
    let mut server = Server::new(server);
    let params = InitializeParams::default();
    let served = async {
        let (id, _) = server.expect("initialize").await;
        server.outgoing.notify("warning", &json!({"message": "hm"})).unwrap();
        server.outgoing.respond(&id, &Err::<(), _>(rpc::ErrorObject::new(-32600, "no"))).unwrap();
    };
    let (called, ()) = tokio::join!(client.call::<methods::Initialize>(&params), served);
    assert_eq!(format!("{:#}", called.unwrap_err()), "initialize failed: no (code -32600)");
    insta::assert_snapshot!(journal.text(), @r#"
    {"sent":{"method":"initialize","id":0,"params":{"clientInfo":{"name":"","title":null,"version":""},"capabilities":null}}}
    {"received":{"method":"warning","params":{"message":"hm"}}}
    {"received":{"id":0,"error":{"code":-32600,"message":"no"}}}
    "#);
}
