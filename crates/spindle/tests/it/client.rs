//! A server in a process of its own, and a client that speaks to it.

use std::time::Duration;

use exec::{Command, Io, Launcher, Options, Process, Sandbox, Stream};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use types::AbsPath;

/// Longer than anything here takes; a hang is a failure.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    server: Process,
    next_id: i64,
    /// What has been read of a line that is not whole yet.
    partial: Vec<u8>,
    /// Messages that were read while waiting for others.
    unclaimed: Vec<Value>,
}

impl Client {
    /// Starts a server on a home and introduces itself.
    pub(crate) async fn start(home: &AbsPath, cwd: &AbsPath) -> Self {
        Self::start_by(&[], home, cwd).await
    }

    /// The same by way of a program, which is given the server's command line.
    pub(crate) async fn start_by(program: &[&str], home: &AbsPath, cwd: &AbsPath) -> Self {
        let argv = program.iter().chain(&[env!("CARGO_BIN_EXE_spindle"), "app-server"]);
        let launcher = Launcher::new(Options { tmpdir: None, codex_home: home.clone(), path: None });
        let folder = home.to_string();
        let path = "/usr/local/bin:/usr/bin:/bin";
        let env = [("CODEX_HOME", &*folder), ("HOME", &*folder), ("SHELL", "/bin/sh"), ("PATH", path)];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let server = launcher.spawn(Command {
            argv: argv.map(|&argument| argument.to_owned()).collect(),
            cwd: cwd.clone(),
            env,
            io: Io::Pipes { stdin: true },
            sandbox: Sandbox::None,
            proxy: None,
        });
        let server = server.await.expect("the server starts");
        let mut client = Self { server, next_id: 1, partial: Vec::new(), unclaimed: Vec::new() };
        let introduction = json!({ "clientInfo": { "name": "it", "version": "1" },
            "capabilities": { "experimentalApi": true } });
        client.request("initialize", introduction).await;
        client
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.post(method, params).await;
        self.answer(id).await
    }

    pub(crate) async fn answer(&mut self, id: i64) -> Value {
        self.wait(|message| message["id"] == id && message.get("method").is_none()).await
    }

    /// Sends a request and goes on.
    pub(crate) async fn post(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        let line = format!("{}\n", json!({ "id": id, "method": method, "params": params }));
        self.server.write_stdin(line.as_bytes()).await.expect("the server reads");
        id
    }

    /// The first message that is wanted, of those read before or still to come.
    pub(crate) async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(position) = self.unclaimed.iter().position(&wanted) {
            return self.unclaimed.remove(position);
        }
        let read = async {
            loop {
                let message = self.read().await;
                if wanted(&message) {
                    return message;
                }
                self.unclaimed.push(message);
            }
        };
        tokio::time::timeout(LIMIT, read).await.expect("the message comes")
    }

    /// The next message, whatever it says.
    pub(crate) async fn next(&mut self) -> Value {
        if !self.unclaimed.is_empty() {
            return self.unclaimed.remove(0);
        }
        tokio::time::timeout(LIMIT, self.read()).await.expect("the server says something")
    }

    async fn read(&mut self) -> Value {
        loop {
            if let Some(end) = self.partial.iter().position(|&byte| byte == b'\n') {
                let rest = self.partial.split_off(end + 1);
                let line = std::mem::replace(&mut self.partial, rest);
                return serde_json::from_slice(&line).expect("a message");
            }
            let chunk = self.server.next_output().await.expect("the server runs");
            if chunk.stream == Stream::Stdout {
                self.partial.extend_from_slice(&chunk.bytes);
            }
        }
    }

    /// Ends the input and waits for the server's end.
    pub(crate) async fn disconnect(&mut self) {
        self.server.close_stdin();
        self.ended().await;
    }

    /// Kills the server; gives the messages that it had sent.
    pub(crate) async fn kill(&mut self) -> Vec<Value> {
        kill_process(self.pid(), Signal::KILL).expect("the server is there");
        let rest = async {
            while let Some(chunk) = self.server.next_output().await {
                if chunk.stream == Stream::Stdout {
                    self.partial.extend_from_slice(&chunk.bytes);
                }
            }
            self.server.wait().await;
        };
        tokio::time::timeout(LIMIT, rest).await.expect("the server ends");
        let mut messages = std::mem::take(&mut self.unclaimed);
        // The last line may not be whole.
        let whole = self.partial.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let lines = self.partial[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        messages.extend(lines.map(|line| serde_json::from_slice::<Value>(line).expect("a message")));
        messages
    }

    /// Sends a signal to the server alone and waits for its end.
    pub(crate) async fn signal(&mut self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the server is there");
        self.ended().await;
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.server.pid().cast_signed()).expect("a process has a number")
    }

    async fn ended(&mut self) {
        // Its output is read, or it might wait for that.
        let end = async {
            while self.server.next_output().await.is_some() {}
            self.server.wait().await
        };
        tokio::time::timeout(LIMIT, end).await.expect("the server ends");
    }
}
