//! The server that plays a script.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::http::{self, Request};
use crate::script::{Reply, Step, wait_until};

/// The header in which requests of sub-agents say whose they are.
const SUB_AGENT: &str = "x-openai-subagent";

/// A model server on the loopback interface. Dropping it closes its connections.
#[derive(Debug)]
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: AbortHandle,
}

/// A request that was made.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// In the order they came; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON, `null` if there was none.
    pub body: Value,
}

impl Recorded {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
    /// Replies for requests that name themselves so in `x-openai-subagent`.
    own_scripts: Mutex<HashMap<String, VecDeque<Reply>>>,
    requests: watch::Sender<Vec<Recorded>>,
    connections: watch::Sender<usize>,
    /// Clients that went away while a stream was held.
    disconnections: watch::Sender<usize>,
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, VecDeque<Reply>> {
        self.script.lock().expect("nothing panics with the script locked")
    }

    fn own_scripts(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Reply>>> {
        self.own_scripts.lock().expect("nothing panics with the scripts locked")
    }

    fn reply_to(&self, sub_agent: Option<&str>) -> Reply {
        let own = sub_agent.and_then(|name| self.own_scripts().get_mut(name)?.pop_front());
        own.or_else(|| self.script().pop_front()).unwrap_or_else(|| Reply::say("(no scripted reply left)"))
    }
}

impl ScriptedModel {
    /// Starts a server with an empty script on a free port.
    ///
    /// # Panics
    /// If the loopback interface has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on the loopback interface");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            script: Mutex::default(),
            own_scripts: Mutex::default(),
            requests: watch::Sender::new(Vec::new()),
            connections: watch::Sender::new(0),
            disconnections: watch::Sender::new(0),
        });
        let serving = tokio::spawn(accept(listener, shared.clone())).abort_handle();
        Self { address, shared, serving }
    }

    /// Starts a server with this script.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub async fn with_script(replies: impl IntoIterator<Item = Reply>) -> Self {
        let model = Self::start().await;
        model.enqueue(replies);
        model
    }

    /// The base URL to configure a provider with, such as `http://127.0.0.1:1234/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Adds replies to the script. Each request for a response uses one of them.
    pub fn enqueue(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.script().extend(replies);
    }

    /// The same for requests that a sub-agent of this name makes, which take others only when none of these are left.
    pub fn enqueue_for(&self, sub_agent: &str, replies: impl IntoIterator<Item = Reply>) {
        self.shared.own_scripts().entry(sub_agent.to_owned()).or_default().extend(replies);
    }

    /// How many replies for that sub-agent nobody has asked for yet.
    pub fn replies_left_for(&self, sub_agent: &str) -> usize {
        self.shared.own_scripts().get(sub_agent).map_or(0, VecDeque::len)
    }

    /// How many replies nobody has asked for yet.
    pub fn replies_left(&self) -> usize {
        self.shared.script().len()
    }

    /// The requests for responses so far, in the order they came.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.borrow().iter().filter(|request| request.method == "POST").cloned().collect()
    }

    /// Forgets the requests so far, and gives those for responses.
    pub fn take_requests(&self) -> Vec<Recorded> {
        let mut taken = self.shared.requests.send_replace(Vec::new());
        taken.retain(|request| request.method == "POST");
        taken
    }

    /// All requests so far, those for other paths included.
    pub fn all_requests(&self) -> Vec<Recorded> {
        self.shared.requests.borrow().clone()
    }

    /// Waits until there have been `count` requests for responses.
    pub async fn wait_for_requests(&self, count: usize) {
        let enough = |all: &Vec<Recorded>| all.iter().filter(|request| request.method == "POST").count() >= count;
        wait_until(&self.shared.requests, enough).await;
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        *self.shared.connections.borrow()
    }

    /// Waits until clients have gone away from `count` streams that were held by a gate.
    pub async fn wait_for_disconnections(&self, count: usize) {
        wait_until(&self.shared.disconnections, |seen| *seen >= count).await;
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Owns the connections' tasks: aborting this one aborts them.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.send_modify(|count| *count += 1);
        // How a connection ends is seen by its client, which is what a test looks at.
        connections.spawn(serve(stream, shared.clone()));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut input = BufReader::new(input);
    while let Some(request) = http::read_request(&mut input).await? {
        let post = request.method == "POST";
        let sub_agent = request.headers.iter().find(|(name, _)| name == SUB_AGENT).map(|(_, value)| value.clone());
        let models = request.path.split('?').next().is_some_and(|path| path.ends_with("/models"));
        record(&shared, request);
        if !post {
            let (status, body) = if models { (200, r#"{"object":"list","data":[],"models":[]}"#) } else { (404, "{}") };
            http::write_whole(&mut output, status, &[], body).await?;
            continue;
        }
        match shared.reply_to(sub_agent.as_deref()) {
            Reply::Http { status, headers, body } => http::write_whole(&mut output, status, &headers, &body).await?,
            Reply::Stream { headers, steps } => {
                if !play(&shared, &mut input, &mut output, &headers, steps).await? {
                    return Ok(());
                }
            }
            Reply::Disconnect => return Ok(()),
        }
    }
    Ok(())
}

fn record(shared: &Shared, request: Request) {
    let Request { method, path, headers, body } = request;
    let body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => Value::String(String::from_utf8_lossy(&body).into_owned()),
    };
    shared.requests.send_modify(|all| all.push(Recorded { method, path, headers, body }));
}

/// Plays the steps of a stream. `false` if the connection is over.
async fn play(
    shared: &Shared,
    input: &mut BufReader<OwnedReadHalf>,
    output: &mut OwnedWriteHalf,
    headers: &[(String, String)],
    steps: Vec<Step>,
) -> io::Result<bool> {
    let mut all = vec![
        ("content-type".to_owned(), "text/event-stream".to_owned()),
        ("transfer-encoding".to_owned(), "chunked".to_owned()),
    ];
    all.extend_from_slice(headers);
    http::write_head(output, 200, &all).await?;
    for step in steps {
        match step {
            Step::Event(event) => {
                let kind = event["type"].as_str().unwrap_or("message");
                http::write_chunk(output, &format!("event: {kind}\ndata: {event}\n\n")).await?;
            }
            Step::Raw(text) if text.is_empty() => {}
            Step::Raw(text) => http::write_chunk(output, &text).await?,
            Step::Disconnect => return Ok(false),
            Step::Gate(gate) => {
                // A client that waits for a stream sends nothing; what can be read here is its end.
                tokio::select! {
                    () = gate.pass() => {}
                    _ = input.read_u8() => {
                        shared.disconnections.send_modify(|count| *count += 1);
                        return Ok(false);
                    }
                }
            }
        }
    }
    http::write_chunk(output, "").await?;
    Ok(true)
}
