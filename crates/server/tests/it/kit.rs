//! A server with a client and a scripted model.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use server::{Options, Server};
use tempfile::TempDir;
use testkit::{Reply, ScriptedModel};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use types::{AbsPath, SessionSource};

/// A hang is a failure, not an endless test run. Generous: it decides nothing else.
const LIMIT: Duration = Duration::from_secs(60);

/// A running server, the client that started it (to which it dereferences), and the model behind it.
pub(crate) struct TestServer {
    pub(crate) model: ScriptedModel,
    pub(crate) home: AbsPath,
    pub(crate) project: AbsPath,
    pub(crate) server: Arc<Server>,
    client: Client,
    serving: JoinHandle<std::io::Result<()>>,
    folder: TempDir,
}

impl Deref for TestServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for TestServer {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// One client of a server.
pub(crate) struct Client {
    input: Option<WriteHalf<DuplexStream>>,
    output: BufReader<ReadHalf<DuplexStream>>,
    next_id: i64,
    /// Messages that were read while waiting for others, oldest first.
    unclaimed: Vec<Value>,
}

impl TestServer {
    /// A server whose model follows the script; the client has introduced itself.
    pub(crate) async fn with_model(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut server = Self::uninitialized(replies).await;
        server.introduce().await;
        server
    }

    /// The same, before the client has introduced itself.
    pub(crate) async fn uninitialized(replies: impl IntoIterator<Item = Reply>) -> Self {
        let model = ScriptedModel::with_script(replies).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = AbsPath::new(folder.path().canonicalize().expect("it exists")).expect("it is absolute");
        let (home, project) = (root.join("home"), root.join("project"));
        std::fs::create_dir_all(&home).expect("a home");
        std::fs::create_dir_all(&project).expect("a project");
        let config = format!(
            "model = \"mock-model\"\nmodel_provider = \"mock\"\napproval_policy = \"never\"\n\
             sandbox_mode = \"danger-full-access\"\n\n[model_providers.mock]\nname = \"Mock\"\nbase_url = \"{}\"\n\
             request_max_retries = 0\nstream_max_retries = 1\n",
            model.url()
        );
        std::fs::write(home.join("config.toml"), config).expect("a configuration");
        Self::on(model, folder, home, project, &[])
    }

    /// The same home, project and model under a new server, as after a crash or an update.
    pub(crate) async fn restart(self) -> Self {
        let Self { model, home, project, folder, serving, .. } = self;
        serving.abort();
        // A process that ends takes its locks with it; this one goes on.
        let _ = std::fs::remove_dir_all(home.join("spindle/locks"));
        let mut server = Self::on(model, folder, home, project, &[]);
        server.introduce().await;
        server
    }

    /// The same after an orderly end.
    pub(crate) async fn reopen(self) -> Self {
        self.reopen_with(&[]).await
    }

    /// The same, with more in the server's environment.
    pub(crate) async fn reopen_with(self, variables: &[(&str, &str)]) -> Self {
        let Self { model, home, project, folder, serving, client, .. } = self;
        client.close().await;
        serving.await.expect("no panic").expect("an orderly end");
        // A process would end now, whatever still closes: a thousand threads may take longer than a server waits.
        let _ = std::fs::remove_dir_all(home.join("spindle/locks"));
        let mut server = Self::on(model, folder, home, project, variables);
        server.introduce().await;
        server
    }

    /// The client introduces itself.
    pub(crate) async fn introduce(&mut self) {
        self.initialize(json!({ "experimentalApi": true })).await;
    }

    fn on(model: ScriptedModel, folder: TempDir, home: AbsPath, project: AbsPath, variables: &[(&str, &str)]) -> Self {
        let home_text = home.to_string();
        let usual = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("SHELL", "/bin/bash"), ("HOME", home_text.as_str())];
        let variables = usual.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let server = Server::new(Options {
            home: home.clone(),
            // Nothing that the machine's administrator wants counts here.
            system_file: Some(home.join("etc/config.toml")),
            cwd: project.clone(),
            variables: variables.collect(),
            overrides: config::Overrides::default(),
            version: "0.124.0".to_owned(),
            session_source: SessionSource::VsCode,
            ends_with_connection: true,
        });
        let (client, far) = rpc::in_process();
        let (far_input, far_output) = tokio::io::split(far);
        let serving = tokio::spawn({
            let server = server.clone();
            async move { server.serve(far_input, far_output).await }
        });
        Self { model, home, project, server, client: Client::new(client), serving, folder }
    }

    /// One more client, as through a socket, that has introduced itself.
    pub(crate) async fn connect(&self, capabilities: Value) -> Client {
        self.connect_with_room(capabilities, rpc::QUEUE_BYTES).await
    }

    /// The same; it may leave `room` bytes unread.
    pub(crate) async fn connect_with_room(&self, capabilities: Value, room: usize) -> Client {
        let (client, far) = rpc::in_process();
        let (input, output) = tokio::io::split(far);
        let (outgoing, writer) = rpc::Outgoing::with_capacity(output, room);
        let server = self.server.clone();
        tokio::spawn(async move { server.serve_remote(rpc::Reader::new(input), outgoing, writer).await });
        let mut client = Client::new(client);
        client.initialize(capabilities).await;
        client
    }

    pub(crate) async fn start_thread(&mut self) -> String {
        let cwd = self.project.to_string();
        self.client.start_thread_in(&cwd).await
    }

    /// Ends the input, as a client that closes; gives what the server still said, and the folder with all files.
    pub(crate) async fn close(self) -> (Vec<Value>, TempDir) {
        let rest = self.client.close().await;
        self.serving.await.expect("no panic").expect("an orderly end");
        (rest, self.folder)
    }

    /// The only rollout of the home.
    pub(crate) fn rollout(&self) -> PathBuf {
        let mut found = Vec::new();
        let mut folders = vec![self.home.join("sessions").into_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        assert_eq!(found.len(), 1, "one rollout: {found:?}");
        found.remove(0)
    }
}

impl Client {
    fn new(stream: DuplexStream) -> Self {
        let (output, input) = tokio::io::split(stream);
        Self { input: Some(input), output: BufReader::new(output), next_id: 1, unclaimed: Vec::new() }
    }

    async fn initialize(&mut self, capabilities: Value) {
        let params = json!({ "clientInfo": { "name": "it", "version": "1" }, "capabilities": capabilities });
        self.request("initialize", params).await.expect("initialize succeeds");
        self.send(&json!({ "method": "initialized" })).await;
    }

    /// Writes one line, whatever it is.
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(bytes).await.expect("the server reads");
    }

    /// Sends a request and waits for its answer: the result, or the error.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.post(method, params).await;
        self.answer(id).await
    }

    /// Waits for the answer to a request.
    pub(crate) async fn answer(&mut self, id: i64) -> Result<Value, Value> {
        let mut answer = self.wait(move |message| message["id"] == id && message.get("method").is_none()).await;
        if answer.get("error").is_some() { Err(answer["error"].take()) } else { Ok(answer["result"].take()) }
    }

    /// Sends a request without waiting; gives its id.
    pub(crate) async fn post(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "id": id, "method": method, "params": params })).await;
        id
    }

    /// Starts a thread that works in `cwd`.
    pub(crate) async fn start_thread_in(&mut self, cwd: &str) -> String {
        let started = self.request("thread/start", json!({ "cwd": cwd })).await.expect("a thread starts");
        started["thread"]["id"].as_str().expect("a thread has an id").to_owned()
    }

    pub(crate) async fn start_turn(&mut self, thread: &str, text: &str) -> String {
        let params = json!({ "threadId": thread, "input": [{ "type": "text", "text": text }] });
        let started = self.request("turn/start", params).await.expect("a turn starts");
        started["turn"]["id"].as_str().expect("a turn has an id").to_owned()
    }

    /// Runs a turn to its end; gives the turn as `turn/completed` tells it.
    pub(crate) async fn run_turn(&mut self, thread: &str, text: &str) -> Value {
        let turn = self.start_turn(thread, text).await;
        self.turn_end(&turn).await
    }

    pub(crate) async fn turn_end(&mut self, turn: &str) -> Value {
        let turn = turn.to_owned();
        let mut end = self
            .wait(move |message| message["method"] == "turn/completed" && message["params"]["turn"]["id"] == turn)
            .await;
        end["params"]["turn"].take()
    }

    /// The next notification or request called `method`; what came before it stays unclaimed.
    pub(crate) async fn expect(&mut self, method: &'static str) -> Value {
        self.wait(move |message| message["method"] == method).await
    }

    /// The next message that is wanted; what came before it stays unclaimed.
    pub(crate) async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(position) = self.unclaimed.iter().position(&wanted) {
            return self.unclaimed.remove(position);
        }
        loop {
            let message = self.read().await.expect("the server says something more");
            if wanted(&message) {
                return message;
            }
            self.unclaimed.push(message);
        }
    }

    /// The next message that was not read before; `None` when the server has said its last.
    pub(crate) async fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = tokio::time::timeout(LIMIT, self.output.read_line(&mut line)).await.expect("no answer, no end");
        // The last line of a client that was cut off may lack its end.
        if read.expect("the server writes UTF-8 lines") == 0 || !line.ends_with('\n') {
            return None;
        }
        Some(serde_json::from_str(&line).expect("each line is one JSON message"))
    }

    /// Methods of all unclaimed messages, in the order in which they came.
    pub(crate) fn methods(&self) -> Vec<&str> {
        self.unclaimed.iter().filter_map(|message| message["method"].as_str()).collect()
    }

    /// Forgets what is unclaimed.
    pub(crate) fn forget(&mut self) {
        self.unclaimed.clear();
    }

    /// Ends the input, as a client that closes; gives what the server still said.
    pub(crate) async fn close(mut self) -> Vec<Value> {
        if let Some(mut input) = self.input.take() {
            input.shutdown().await.expect("the input closes");
        }
        self.rest().await
    }

    /// Everything the server says until it ends the connection.
    pub(crate) async fn rest(&mut self) -> Vec<Value> {
        let mut rest = std::mem::take(&mut self.unclaimed);
        while let Some(message) = self.read().await {
            rest.push(message);
        }
        rest
    }

    /// Waits until there is something to read. Cancel safe.
    pub(crate) async fn readable(&mut self) {
        self.output.fill_buf().await.expect("the server writes");
    }

    /// Takes everything that was read while waiting for something else.
    pub(crate) fn take_unclaimed(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.unclaimed)
    }

    /// Everything that was read while waiting for something else.
    pub(crate) fn unclaimed(&self) -> &[Value] {
        &self.unclaimed
    }
}
