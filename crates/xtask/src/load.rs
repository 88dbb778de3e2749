//! A load run: many clients on many threads, some slow, some that come and go, each checking that it misses nothing.
//!
//! The server is a program of its own with the simulator as its model. Every client asks for numbered events: what it
//! gets must continue what it had, across disconnects too, and the pieces of a message must add up to the message.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) const HELP: &str = "\
usage: cargo run -p xtask -- load PROGRAM [--clients N] [--threads N] [--seconds N]

Starts PROGRAM, a built server such as target/release/spindle, with the simulator as its model, and lets clients follow
threads in which turns run: some read slowly, some come and go. Fails when one misses anything.

  --clients N  how many clients, at least one for each thread (1000)
  --threads N  how many threads (100)
  --seconds N  for how long (600)";

/// What each turn says.
const PROMPT: &str = "say 100 words";

/// How long clients may take at the end to hear the last of it.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// How large a run is.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The program that is tested.
    pub(crate) program: PathBuf,
    pub(crate) clients: usize,
    pub(crate) threads: usize,
    pub(crate) time: Duration,
}

impl Load {
    /// Reads `PROGRAM [--clients N] [--threads N] [--seconds N]`.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let program = words.next().context("which program is to be tested?")?;
        let mut load = Self { program: program.into(), clients: 1000, threads: 100, time: Duration::from_secs(600) };
        while let Some(word) = words.next() {
            let value = words.next().with_context(|| format!("{word} needs a number"))?;
            let value: usize = value.parse().with_context(|| format!("{word} {value}"))?;
            match word.as_str() {
                "--clients" => load.clients = value,
                "--threads" => load.threads = value,
                "--seconds" => load.time = Duration::from_secs(value as u64),
                _ => bail!("{word} means nothing here"),
            }
        }
        ensure!(load.threads > 0 && load.clients >= load.threads, "every thread needs a client");
        Ok(load)
    }

    /// Runs it and prints what was found.
    ///
    /// # Errors
    /// An event was lost or repeated, a message did not add up, or the server failed.
    pub(crate) fn run(self, mut say: impl FnMut(&str)) -> anyhow::Result<()> {
        let mut server = Server::start(&self.program)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let outcome = runtime.block_on(self.drive(&server, &mut say));
        server.stop()?;
        outcome
    }

    async fn drive(&self, server: &Server, say: &mut impl FnMut(&str)) -> anyhow::Result<()> {
        let totals = Arc::new(Totals::default());
        let end = Instant::now() + self.time;
        let mut tasks = tokio::task::JoinSet::new();
        for thread in 0..self.threads {
            let (told, state) = watch::channel(Thread::default());
            let driver = Client::new(server.address, totals.clone(), Habit::Steady, thread as u64);
            tasks.spawn(driver.drive(told, end));
            // The other clients are spread over the threads, every tenth slow, every twentieth one that comes and goes.
            for index in (self.threads + thread..self.clients).step_by(self.threads) {
                let habit = match index % 20 {
                    0 => Habit::Restless,
                    5 | 15 => Habit::Slow,
                    _ => Habit::Steady,
                };
                let client = Client::new(server.address, totals.clone(), habit, index as u64);
                tasks.spawn(client.follow(state.clone()));
            }
        }
        let mut ticks = tokio::time::interval(Duration::from_secs(10));
        loop {
            tokio::select! {
                ended = tasks.join_next() => match ended {
                    Some(ended) => ended??,
                    None => break,
                },
                _ = ticks.tick() => say(&format!("{}, {} KiB resident", totals.show(), server.resident_kib()?)),
            }
        }
        say(&format!("{}, {} KiB resident; nothing lost, nothing repeated", totals.show(), server.resident_kib()?));
        Ok(())
    }
}

/// The server that is tested, on a home of its own.
struct Server {
    child: Child,
    home: PathBuf,
    address: SocketAddr,
}

impl Server {
    fn start(program: &PathBuf) -> anyhow::Result<Self> {
        let home = std::env::temp_dir().join(format!("spindle-load-{}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        #[expect(clippy::disallowed_methods, reason = "no sandbox is wanted around the program under test")]
        let mut child = Command::new(program)
            .args(["app-server", "--simulate", "--listen", "ws://127.0.0.1:0"])
            .env("CODEX_HOME", &home)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut lines = BufReader::new(child.stderr.take().context("its errors are piped")?).lines();
        let address = loop {
            let line = lines.next().context("the server has ended")??;
            if let Some((_, address)) = line.split_once("listening on: ws://") {
                break address.parse()?;
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, home, address })
    }

    fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has a size")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        std::fs::remove_dir_all(&self.home)?;
        Ok(())
    }
}

#[derive(Default)]
struct Totals {
    events: AtomicU64,
    joined: AtomicU64,
    turns: AtomicU64,
    disconnects: AtomicU64,
    cut_off: AtomicU64,
    replayed: AtomicU64,
    read_again: AtomicU64,
}

impl Totals {
    fn show(&self) -> String {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        format!(
            "{} events ({} joined to others), {} turns, {} disconnects, {} cut off, {} replayed, {} read again",
            get(&self.events),
            get(&self.joined),
            get(&self.turns),
            get(&self.disconnects),
            get(&self.cut_off),
            get(&self.replayed),
            get(&self.read_again)
        )
    }
}

fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

/// What followers are told of their thread.
#[derive(Debug, Clone, Default)]
struct Thread {
    id: Option<String>,
    /// The number of its last event, once there will be no more.
    last: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Steady,
    /// Reads a message now and then.
    Slow,
    /// Leaves without a word and comes back.
    Restless,
}

type Socket = WebSocketStream<TcpStream>;

struct Client {
    address: SocketAddr,
    totals: Arc<Totals>,
    habit: Habit,
    /// For chances; the same in every run.
    random: u64,
    next_id: i64,
    /// The number of the last event, if it is known which one has to follow.
    seen: Option<u64>,
    /// The pieces of messages that have been seen from their beginning.
    texts: HashMap<String, String>,
}

impl Client {
    fn new(address: SocketAddr, totals: Arc<Totals>, habit: Habit, seed: u64) -> Self {
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { address, totals, habit, random, next_id: 1, seen: None, texts: HashMap::new() }
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.is_multiple_of(one_in)
    }

    async fn connect(&mut self) -> anyhow::Result<Socket> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{}/", self.address), stream).await?;
        let params = json!({
            "clientInfo": { "name": "load", "version": "0" },
            "capabilities": { "experimentalApi": true, "spindle": { "eventNumbers": true } },
        });
        self.call(&mut socket, "initialize", params).await?;
        Ok(socket)
    }

    async fn call(&mut self, socket: &mut Socket, method: &str, params: Value) -> anyhow::Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        socket.send(Message::text(json!({ "id": id, "method": method, "params": params }).to_string())).await?;
        loop {
            let message = next(socket).await?.with_context(|| format!("the connection ended during {method}"))?;
            if message["id"] == id && message.get("method").is_none() {
                ensure!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return Ok(message["result"].clone());
            }
            self.check(&message)?;
        }
    }

    /// Starts a thread and turn after turn in it.
    async fn drive(mut self, told: watch::Sender<Thread>, end: Instant) -> anyhow::Result<()> {
        let mut socket = self.connect().await?;
        let started = self.call(&mut socket, "thread/start", json!({ "approvalPolicy": "never" })).await?;
        let id = started["thread"]["id"].as_str().context("a thread has an id")?.to_owned();
        loop {
            let input = json!([{ "type": "text", "text": PROMPT }]);
            self.call(&mut socket, "turn/start", json!({ "threadId": id, "input": input })).await?;
            loop {
                let message = next(&mut socket).await?.context("a steady client is never cut off")?;
                self.check(&message)?;
                if message["method"] == "turn/completed" && message["params"]["threadId"] == id.as_str() {
                    ensure!(message["params"]["turn"]["status"] == "completed", "{message}");
                    break;
                }
            }
            count(&self.totals.turns);
            let last = (Instant::now() > end).then_some(self.seen).flatten();
            told.send_replace(Thread { id: Some(id.clone()), last });
            if last.is_some() {
                return Ok(());
            }
        }
    }

    /// Follows a thread to its last event.
    async fn follow(mut self, mut thread: watch::Receiver<Thread>) -> anyhow::Result<()> {
        let id = thread.wait_for(|thread| thread.id.is_some()).await?.id.clone().context("it was waited for")?;
        loop {
            let mut socket = self.connect().await?;
            self.catch_up(&mut socket, &id).await?;
            if self.listen(&mut socket, &mut thread).await? {
                return Ok(());
            }
            count(&self.totals.disconnects);
        }
    }

    async fn catch_up(&mut self, socket: &mut Socket, thread: &str) -> anyhow::Result<()> {
        if let Some(seen) = self.seen {
            let missed =
                self.call(socket, "thread/events/replay", json!({ "threadId": thread, "after": seen })).await?;
            if missed["complete"] == true {
                for event in missed["events"].as_array().into_iter().flatten() {
                    self.check(event)?;
                    count(&self.totals.replayed);
                }
                return Ok(());
            }
            count(&self.totals.read_again);
            self.seen = None;
        }
        self.texts.clear();
        self.call(socket, "thread/resume", json!({ "threadId": thread })).await?;
        Ok(())
    }

    /// Reads until the thread's last event (`true`), or until the connection ends.
    async fn listen(&mut self, socket: &mut Socket, thread: &mut watch::Receiver<Thread>) -> anyhow::Result<bool> {
        let mut deadline = None;
        loop {
            let last = thread.borrow_and_update().last;
            if let Some(last) = last {
                if self.seen == Some(last) {
                    return Ok(true);
                }
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + LAST_WORDS);
                ensure!(Instant::now() < deadline, "the last event was {last}, seen were those to {:?}", self.seen);
            }
            let message = tokio::select! {
                message = next(socket) => message?,
                // Nothing changes after the last event, and then nobody is there to change it.
                changed = thread.changed(), if last.is_none() => {
                    changed.ok();
                    continue;
                }
                () = tokio::time::sleep(Duration::from_secs(1)), if last.is_some() => {
                    // Who came after the last event has nothing to wait for.
                    if self.seen.is_none() {
                        return Ok(true);
                    }
                    continue;
                }
            };
            let Some(message) = message else {
                count(&self.totals.cut_off);
                return Ok(false);
            };
            self.check(&message)?;
            if self.habit == Habit::Slow && last.is_none() && self.chance(50) {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            if self.habit == Habit::Restless && self.chance(500) {
                return Ok(false);
            }
        }
    }

    /// A message continues those before it.
    fn check(&mut self, message: &Value) -> anyhow::Result<()> {
        let Some(seq) = message["seq"].as_u64() else { return Ok(()) };
        let first = message["firstSeq"].as_u64().unwrap_or(seq);
        if let Some(seen) = self.seen {
            ensure!(first == seen + 1, "after {seen} came {first}: {message}");
        }
        self.seen = Some(seq);
        count(&self.totals.events);
        self.totals.joined.fetch_add(seq - first, Ordering::Relaxed);
        let params = &message["params"];
        match message["method"].as_str() {
            Some("item/started") if params["item"]["type"] == "agentMessage" => {
                self.texts.insert(params["item"]["id"].to_string(), String::new());
            }
            Some("item/agentMessage/delta") => {
                if let Some(text) = self.texts.get_mut(&params["itemId"].to_string()) {
                    text.push_str(params["delta"].as_str().unwrap_or_default());
                }
            }
            Some("item/completed") if params["item"]["type"] == "agentMessage" => {
                if let Some(text) = self.texts.remove(&params["item"]["id"].to_string()) {
                    ensure!(params["item"]["text"] == text.as_str(), "{text} is not what {message} says");
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The next message; `None` at the end of the connection.
async fn next(socket: &mut Socket) -> anyhow::Result<Option<Value>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(Some(serde_json::from_str(&text)?)),
            Some(Ok(Message::Close(_))) | None => return Ok(None),
            Some(Ok(_)) => {}
            // Cut off while it was not looking.
            Some(Err(_)) => return Ok(None),
        }
    }
}
