//! Models and clients that do anything at any time; what must hold, holds.
//!
//! `SPINDLE_RANDOM_TURNS` says how many turns are run, `SPINDLE_RANDOM_SEED` repeats the choices of a run.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{
    Gate, Random, Reply, Step, completed, event, failed, function_call, incomplete, item_added, item_done, message,
    message_in_pieces, message_item, number, reasoning, usage,
};

use crate::invariants::{Watcher, check_request};
use crate::kit::{Client, TestServer};

/// How many turns are run when nothing else is said; 10,000 take some minutes.
const TURNS: u64 = 300;

/// Clients that each work on one thread at a time.
const DRIVERS: usize = 4;

/// Turns of a thread, after which the driver goes on with the next one.
const TURNS_PER_THREAD: usize = 15;

/// So many replies the model has in store at least.
const REPLIES: usize = 40;

/// The name that is given to a thread when all is over.
const THE_END: &str = "the end";

#[tokio::test]
async fn whatever_models_and_clients_do_each_request_is_answered_and_each_turn_ends_once() {
    let seed = number("SPINDLE_RANDOM_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9);
    eprintln!("SPINDLE_RANDOM_SEED={seed}");
    let turns = usize::try_from(number("SPINDLE_RANDOM_TURNS").unwrap_or(TURNS)).expect("some turns");
    let mut server = TestServer::with_model([]).await;
    let mut watcher = Watcher::default();
    let mut threads = Vec::new();
    for _ in 0..turns.div_ceil(TURNS_PER_THREAD).max(DRIVERS) {
        threads.push(start_thread(&mut server).await);
    }
    let run = Run {
        server: &server,
        // No other process is called with it.
        mark: format!("9{}.5", std::process::id()),
        calls: Cell::new(0),
        gates: RefCell::default(),
        questions: Cell::new(0),
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
    assert!(run.questions.get() > 0, "nothing was asked");

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

async fn start_thread(server: &mut TestServer) -> String {
    let tool = json!({ "name": "lookup", "description": "Looks up.", "inputSchema": { "type": "object" } });
    let params = json!({ "cwd": server.project.to_string(), "dynamicTools": [tool] });
    let started = server.request("thread/start", params).await.expect("a thread starts");
    let thread = started["thread"]["id"].as_str().expect("an id").to_owned();
    // Before it has a turn, nobody else can resume it.
    server.model.enqueue([Reply::say("hello")]);
    server.run_turn(&thread, "hello").await;
    thread
}

/// What all drivers share.
struct Run<'a> {
    server: &'a TestServer,
    mark: String,
    calls: Cell<u64>,
    /// Closed, each before a point of a reply.
    gates: RefCell<Vec<Gate>>,
    questions: Cell<u64>,
}

impl Run<'_> {
    /// Works through the threads.
    async fn drive(&self, threads: Vec<String>, random: Random) {
        let client = self.connect().await;
        let mut driver = Driver { run: self, client, random, thread: String::new(), late: Vec::new() };
        for thread in threads {
            driver.thread = thread;
            driver.resume().await;
            for _ in 0..TURNS_PER_THREAD {
                self.stock(&mut driver.random);
                driver.turn().await;
                driver.between().await;
                for request in self.server.model.take_requests() {
                    check_request(&request.body);
                }
            }
        }
    }

    async fn connect(&self) -> Client {
        self.server.connect(json!({ "experimentalApi": true })).await
    }

    /// Gives the model something to say.
    fn stock(&self, random: &mut Random) {
        while self.server.model.replies_left() < REPLIES {
            let mut reply = self.reply(random);
            self.calls.set(self.calls.get() + 1);
            if let Reply::Stream { steps, .. } = &mut reply {
                for step in steps {
                    if let Step::Event(event) = step {
                        // No two items of a thread have one id.
                        let text = event.to_string();
                        let own = |kind: &str| format!("\"{kind}-{}-", self.calls.get());
                        let text = text.replace("\"msg-", &own("msg")).replace("\"rs-", &own("rs"));
                        *event = serde_json::from_str(&text).expect("it was JSON");
                    }
                }
            }
            self.server.model.enqueue([reply]);
        }
    }

    fn reply(&self, random: &mut Random) -> Reply {
        let pieces = message_in_pieces(&["one ", "two ", "three"]);
        match random.below(24) {
            0..=4 => Reply::say("done"),
            5 => Reply::new(pieces),
            6 => Reply::new([reasoning("thinking"), message("thought")]),
            7 => {
                let gate = Gate::new();
                self.gates.borrow_mut().push(gate.clone());
                let mut steps: Vec<Step> = pieces.into_iter().map(Step::from).collect();
                steps.insert(random.below(steps.len() as u64 + 1) as usize, gate.into());
                Reply::new(steps)
            }
            8..=12 => Reply::new([self.call(random)]),
            13 | 14 => Reply::new((0..random.below(4)).map(|_| self.call(random)).collect::<Vec<_>>()),
            15 => Reply::new([message("first"), self.call(random), item_done(&message_item("msg-2", "then"))]),
            16 => Reply::error(*random.pick(&[400, 401, 429, 500, 503]), "not now"),
            17 => Reply::Disconnect,
            18 => {
                let created = event("response.created", json!({ "response": { "id": "resp-1" } }));
                let mut steps: Vec<Step> = [created].into_iter().chain(pieces).map(Step::from).collect();
                steps.truncate(random.below(steps.len() as u64 + 1) as usize);
                steps.push(Step::Disconnect);
                Reply::stream(steps)
            }
            19 => Reply::stream([failed(
                random.pick::<&str>(&["rate_limit_exceeded", "context_length_exceeded", "x"]),
                "no",
            )]),
            20 => Reply::stream([item_added(&message_item("msg-1", "")), incomplete("max_output_tokens")]),
            21 => Reply::new(vec![Step::Raw("data: {\"type\":\n\nevent: ?\ndata: nothing\n\n".to_owned())]),
            22 => Reply::new([event("response.output_item.done", json!({ "item": { "type": "message" } }))]),
            _ => {
                // Two items at once, and one that never ends.
                let steps = [item_added(&message_item("msg-1", "")), item_added(&message_item("msg-2", ""))];
                Reply::stream(steps.into_iter().chain([message("only one"), completed("resp-1", &usage(1, 1))]))
            }
        }
    }

    fn call(&self, random: &mut Random) -> Value {
        self.calls.set(self.calls.get() + 1);
        let number = self.calls.get();
        let id = format!("call-{number}");
        let command = |cmd: String| function_call(&id, "exec_command", &json!({ "cmd": cmd, "yield_time_ms": 250 }));
        let mark = &self.mark;
        match random.below(16) {
            0..=2 => command("true".to_owned()),
            3 => command("echo out; echo err >&2; exit 3".to_owned()),
            4 => command(format!("touch file-{}", number % 5)),
            5 => command(format!("sleep {mark}{number} & echo in the background")),
            6 => function_call(
                &id,
                "exec_command",
                &json!({ "cmd": format!("sleep {mark}{number}"), "yield_time_ms": 30_000 }),
            ),
            7 => command(format!("sleep {mark}{number}")),
            8 => command(format!(
                "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: new-{number}\n+text\n*** End Patch\nEOF\n"
            )),
            9 => command("apply_patch <<'EOF'\n*** Begin Patch\n*** Nonsense\nEOF\n".to_owned()),
            10 => function_call(&id, "update_plan", &json!({ "plan": [{ "step": "go", "status": "in_progress" }] })),
            11 => function_call(&id, "lookup", &json!({ "what": number })),
            12 => function_call(
                &id,
                "request_user_input",
                &json!({ "questions": [{
                    "id": "q", "header": "Q", "question": "Which?",
                    "options": [{ "label": "A", "description": "a" }, { "label": "B", "description": "b" }],
                }] }),
            ),
            13 => function_call(&id, "no_such_tool", &json!({})),
            14 => function_call(&id, "exec_command", &json!("{\"cmd\": [")),
            _ => function_call(&id, "write_stdin", &json!({ "session_id": number % 3, "chars": "x\n" })),
        }
    }

    /// Opens all gates.
    fn let_go(&self) {
        self.gates.borrow_mut().drain(..).for_each(|gate| gate.open());
    }
}

/// A client, and what it is at.
struct Driver<'a> {
    run: &'a Run<'a>,
    client: Client,
    random: Random,
    thread: String,
    /// Answers that come too late.
    late: Vec<Value>,
}

impl Driver<'_> {
    async fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.client.request(method, params).await
    }

    /// Subscribes to the thread; whether a turn runs.
    async fn resume(&mut self) -> bool {
        let params = json!({ "threadId": self.thread });
        let resumed = self.request("thread/resume", params).await.expect("a loaded thread is resumed");
        resumed["thread"]["status"]["type"] == "active"
    }

    /// Begins a turn of some kind and sees to it that it ends.
    async fn turn(&mut self) {
        let thread = self.thread.clone();
        let started = match self.random.below(12) {
            0 => {
                self.request(
                    "review/start",
                    json!({ "threadId": thread, "target": { "type": "custom", "instructions": "look" } }),
                )
                .await
            }
            1 => {
                let started = self.request("thread/compact/start", json!({ "threadId": thread })).await;
                started.map(|_| Value::Null)
            }
            2 => {
                let command = json!({ "threadId": thread, "command": "echo shell" });
                self.request("thread/shellCommand", command).await.map(|_| Value::Null)
            }
            _ => {
                let mut params = json!({
                    "threadId": thread, "input": [{ "type": "text", "text": "go on" }],
                    "approvalPolicy": self.random.pick(&["never", "on-request", "untrusted"]),
                });
                if self.random.one_in(4) {
                    let settings =
                        json!({ "model": "mock-model", "reasoning_effort": null, "developer_instructions": null });
                    params["collaborationMode"] =
                        json!({ "mode": self.random.pick(&["plan", "default"]), "settings": settings });
                }
                if self.random.one_in(20) {
                    params["input"] = json!([{ "type": "text", "text": 5 }]);
                }
                self.request("turn/start", params).await
            }
        };
        let Ok(started) = started else { return };
        let turn = match started["turn"]["id"].as_str() {
            Some(turn) => turn.to_owned(),
            None => {
                let begun = self.client.wait(|message| message["method"] == "turn/started").await;
                begun["params"]["turn"]["id"].as_str().expect("an id").to_owned()
            }
        };
        self.see_to_the_end(&turn).await;
    }

    async fn see_to_the_end(&mut self, turn: &str) {
        let thread = self.thread.clone();
        loop {
            match self.random.below(14) {
                0 => {
                    let _ = self.request("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
                }
                1 => {
                    let steer = json!({
                        "threadId": thread, "input": [{ "type": "text", "text": "rather so" }],
                        "expectedTurnId": if self.random.one_in(3) { "another" } else { turn },
                    });
                    let _ = self.request("turn/steer", steer).await;
                }
                2 => {
                    // What it has not read is lost to it, and the answers that it owes.
                    self.client = self.run.connect().await;
                    if !self.resume().await {
                        return;
                    }
                }
                3 => {
                    let read = json!({ "threadId": thread, "includeTurns": true });
                    // It may not be on disk yet.
                    let _ = self.request("thread/read", read).await;
                }
                4 => self.run.let_go(),
                _ => {}
            }
            let seen = std::mem::take(&mut self.late);
            for answer in seen {
                self.client.send(&answer).await;
            }
            if self.saw_the_end(turn).await {
                return;
            }
        }
    }

    /// Takes what has come, or waits for something; whether the turn has ended.
    async fn saw_the_end(&mut self, turn: &str) -> bool {
        let mut messages = self.client.take_unclaimed();
        if messages.is_empty() {
            messages.extend(self.next(turn).await);
        }
        let mut ended = false;
        for message in messages {
            ended |= message["method"] == "turn/completed" && message["params"]["turn"]["id"] == turn;
            if message.get("id").is_some() && message.get("method").is_some() {
                self.answer(&message).await;
            }
        }
        ended
    }

    /// The next message. When there is none for some time, what the turn waits for is let go, and it is interrupted.
    async fn next(&mut self, turn: &str) -> Option<Value> {
        let patience = Duration::from_millis(20 + self.random.below(300));
        if tokio::time::timeout(patience, self.client.readable()).await.is_ok() {
            return Some(self.client.read().await.expect("the server goes on"));
        }
        self.run.let_go();
        if self.random.one_in(2) {
            let interrupt = json!({ "threadId": self.thread, "turnId": turn });
            let _ = self.request("turn/interrupt", interrupt).await;
        }
        None
    }

    /// Answers a question of the server: rightly, wrongly, twice, late or not at all.
    async fn answer(&mut self, question: &Value) {
        self.run.questions.set(self.run.questions.get() + 1);
        let result = match question["method"].as_str() {
            Some("item/tool/call") => {
                json!({ "contentItems": [{ "type": "inputText", "text": "found" }], "success": self.random.one_in(2) })
            }
            Some("item/tool/requestUserInput") => json!({ "answers": { "q": { "answers": ["A"] } } }),
            _ => json!({ "decision": self.random.pick(&["accept", "acceptForSession", "decline", "cancel"]) }),
        };
        let right = json!({ "id": question["id"], "result": result });
        match self.random.below(10) {
            0 => self.client.send(&json!({ "id": question["id"], "result": { "decision": ["?"] } })).await,
            1 => self.client.send(&json!({ "id": question["id"], "error": { "code": -1, "message": "no" } })).await,
            2 => {
                self.client.send(&right).await;
                self.client.send(&right).await;
            }
            3 => self.late.push(right),
            4 => {}
            _ => self.client.send(&right).await,
        }
    }

    /// What a client may do while no turn runs.
    async fn between(&mut self) {
        let thread = self.thread.clone();
        match self.random.below(12) {
            0 => {
                let _ = self.request("thread/rollback", json!({ "threadId": thread, "numTurns": 1 })).await;
            }
            1 => {
                let fork = json!({ "threadId": thread, "ephemeral": self.random.one_in(2) });
                let _ = self.request("thread/fork", fork).await;
            }
            2 => {
                self.request("thread/unsubscribe", json!({ "threadId": thread })).await.expect("it unsubscribes");
                self.resume().await;
            }
            3 => {
                let turn = json!({ "threadId": thread, "turnId": "none" });
                assert!(self.request("turn/interrupt", turn).await.is_err(), "there is no turn to interrupt");
            }
            4 => {
                let clean = json!({ "threadId": thread });
                let _ = self.request("thread/backgroundTerminals/clean", clean).await;
            }
            5 => {
                let item = json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "known" }] });
                let _ = self.request("thread/inject_items", json!({ "threadId": thread, "items": [item] })).await;
            }
            _ => {}
        }
    }
}
