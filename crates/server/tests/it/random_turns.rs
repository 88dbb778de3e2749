//! Models and clients that do anything at any time; what must hold, holds.
//!
//! `SPINDLE_RANDOM_TURNS` says how many turns are run, `SPINDLE_RANDOM_SEED` repeats the choices of a run.

mod driver;
mod replies;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Gate, Random, Reply, number};

use self::driver::Driver;
use crate::invariants::Watcher;
use crate::kit::{Client, TestServer};

/// How many turns are run when nothing else is said; 10,000 take some minutes.
const TURNS: u64 = 300;

/// So many turns ask everything there is to ask.
const MANY_TURNS: usize = 1_000;

/// Clients that each work on one thread at a time.
const DRIVERS: usize = 4;

/// Turns of a thread, after which the driver goes on with the next one.
const TURNS_PER_THREAD: usize = 15;

/// What is under development and makes questions, and a history that fills soon.
const CONFIGURATION: &str = "[features]\nrequest_permissions_tool = true\nexec_permission_approvals = true\n\
                             default_mode_request_user_input = true\n";
const COMPACTED_AT: &str = "model_auto_compact_token_limit = 50_000\n";

/// The name that is given to a thread when all is over.
const THE_END: &str = "the end";

#[tokio::test]
async fn whatever_models_and_clients_do_each_request_is_answered_and_each_turn_ends_once() {
    let seed = number("SPINDLE_RANDOM_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9);
    eprintln!("SPINDLE_RANDOM_SEED={seed}");
    let turns = usize::try_from(number("SPINDLE_RANDOM_TURNS").unwrap_or(TURNS)).expect("some turns");
    let mut server = TestServer::with_model([]).await;
    let file = server.home.join("config.toml");
    let configuration = std::fs::read_to_string(&file).expect("a configuration");
    std::fs::write(&file, [COMPACTED_AT, &configuration, CONFIGURATION].concat()).expect("it is written");
    let mut watcher = Watcher::default();
    let mut threads = Vec::new();
    for nth in 0..turns.div_ceil(TURNS_PER_THREAD).max(DRIVERS) {
        threads.push(start_thread(&mut server, nth % 2 == 0).await);
    }
    let run = Run {
        server: &server,
        // No other process is called with it.
        mark: format!("9{}.5", std::process::id()),
        calls: Cell::new(0),
        gates: RefCell::default(),
        questions: RefCell::default(),
    };
    let mut observer = server.connect_with_room(json!({ "experimentalApi": true }), 256 << 20).await;
    for thread in &threads {
        observer.request("thread/resume", json!({ "threadId": thread })).await.expect("it is subscribed");
    }
    let shares: Vec<Vec<String>> =
        (0..DRIVERS).map(|nth| threads.iter().skip(nth).step_by(DRIVERS).cloned().collect()).collect();
    let drive = async {
        let drivers =
            shares.into_iter().zip(1..).map(|(threads, nth)| run.drive(threads, Random::new(seed * 31 + nth)));
        join_all(drivers).await;
        let mut last = server.connect(json!({})).await;
        let end = json!({ "threadId": threads[0], "name": THE_END });
        last.request("thread/name/set", end).await.expect("it gets its name");
    };
    let watch = async {
        loop {
            let message = observer.read().await.expect("the observer is not cut off");
            watcher.see(&message);
            if message["method"] == "thread/name/updated" && message["params"]["threadName"] == THE_END {
                break;
            }
        }
    };
    tokio::join!(drive, watch);
    watcher.finish();
    assert!(watcher.turns() >= turns / 2, "most turns begin: {} of {turns}", watcher.turns());
    let asked = run.questions.borrow().clone();
    let all = ["commandExecution/requestApproval", "permissions/requestApproval", "tool/requestUserInput", "tool/call"];
    let missing: Vec<_> = all.iter().filter(|kind| !asked.contains(&format!("item/{kind}"))).collect();
    // A short run may miss one.
    let all_asked = missing.is_empty() && watcher.reviews() > 0;
    assert!(
        !asked.is_empty() && (all_asked || turns < MANY_TURNS),
        "never asked: {missing:?}, reviews: {}",
        watcher.reviews()
    );

    let mark = run.mark.clone();
    let mut client = server.connect(json!({ "experimentalApi": true })).await;
    let mut known = Vec::new();
    for thread in &threads {
        let read = json!({ "threadId": thread, "includeTurns": true });
        let read = client.request("thread/read", read).await.expect("a thread is read");
        assert_ne!(read["thread"]["status"]["type"], "active", "{read}");
        known.push(ended(&read["thread"]["turns"]));
    }
    drop((client, observer));

    // What was told is there for the next server.
    let mut server = server.reopen().await;
    for (thread, known) in threads.iter().zip(known) {
        let resumed = server.request("thread/resume", json!({ "threadId": thread })).await;
        let resumed = match resumed {
            Ok(resumed) => resumed,
            Err(error) => {
                assert!(known.is_empty(), "a thread with turns is not found again: {error}");
                continue;
            }
        };
        assert_eq!(ended(&resumed["thread"]["turns"]), known);
    }
    server.close().await;
    // The pool of connections to models is the process's.
    const OF_THE_PROCESS: usize = 1;
    let metrics = tokio::runtime::Handle::current().metrics();
    tokio::time::timeout(Duration::from_secs(60), async {
        while metrics.num_alive_tasks() > OF_THE_PROCESS || is_running(&mark) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("left: {} tasks, a process: {}", metrics.num_alive_tasks(), is_running(&mark)));
}

/// Ids and ends of turns, none of which is under way.
fn ended(turns: &Value) -> Vec<(String, String)> {
    let turns = turns.as_array().expect("turns");
    let facts = turns.iter().map(|turn| {
        assert_ne!(turn["status"], "inProgress", "{turn}");
        (turn["id"].as_str().expect("an id").to_owned(), turn["status"].to_string())
    });
    facts.collect()
}

/// Whether a process lives that was started by this test.
fn is_running(mark: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(mark))
}

async fn start_thread(server: &mut TestServer, extended_history: bool) -> String {
    let tool = json!({ "name": "lookup", "description": "Looks up.", "inputSchema": { "type": "object" } });
    let params = json!({
        "cwd": server.project.to_string(), "dynamicTools": [tool], "persistExtendedHistory": extended_history,
    });
    let started = server.request("thread/start", params).await.expect("a thread starts");
    let thread = started["thread"]["id"].as_str().expect("an id").to_owned();
    // Before it has a turn, nobody else can resume it.
    server.model.enqueue([Reply::say("hello")]);
    server.run_turn(&thread, "hello").await;
    // This client reads no further, and would be cut off for what it leaves unread.
    server.request("thread/unsubscribe", json!({ "threadId": thread })).await.expect("it unsubscribes");
    thread
}

/// What all drivers share.
struct Run<'a> {
    server: &'a TestServer,
    mark: String,
    calls: Cell<u64>,
    /// Closed, each before a point of a reply.
    gates: RefCell<Vec<Gate>>,
    /// The methods of what clients were asked.
    questions: RefCell<HashSet<String>>,
}

impl Run<'_> {
    /// Works through the threads.
    async fn drive(&self, threads: Vec<String>, random: Random) {
        let mut driver = Driver::new(self, random).await;
        for thread in threads {
            driver.work_on(thread, TURNS_PER_THREAD).await;
        }
    }

    async fn connect(&self) -> Client {
        self.server.connect(json!({ "experimentalApi": true })).await
    }

    /// Opens all gates.
    fn let_go(&self) {
        self.gates.borrow_mut().drain(..).for_each(|gate| gate.open());
    }
}
