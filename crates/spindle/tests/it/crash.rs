//! What a client was told is on disk, whenever the server is killed.
//!
//! A server works on several threads at once and is killed after a number of messages that no one chose. The next one
//! must show every fact that was acknowledged or told; what was still under way may have happened or not.
//! `SPINDLE_CRASHES` says how often, `SPINDLE_CRASH_SEED` repeats a run.

use std::collections::HashMap;

use serde_json::{Value, json};
use testkit::{Random, number};
use types::AbsPath;

use crate::client::Client;

const CRASHES: u64 = 20;
/// Threads that something happens in at the same time.
const LANES: usize = 4;
/// Messages that a server may send before it is killed, at most.
const MESSAGES: u64 = 150;

/// A turn as `thread/read` shows it: what the user and the agent said.
type Said = (String, Option<String>);

/// A thread, and what is known of it.
#[derive(Debug, Clone, Default)]
struct Lane {
    id: String,
    turns: Vec<Said>,
    name: Option<String>,
    archived: bool,
    loaded: bool,
    pending: Option<Pending>,
}

#[derive(Debug, Clone)]
struct Pending {
    request: i64,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    Start,
    Resume,
    /// Until the turn has ended; with what was told of it.
    Turn {
        text: String,
        told: Option<Said>,
    },
    Name(String),
    Archive,
    Unarchive,
    RollBack(usize),
    Fork,
}

impl Lane {
    /// Asks for the next thing to happen.
    async fn go_on(&mut self, client: &mut Client, random: &mut Random, serial: &mut u64) {
        *serial += 1;
        let id = json!(self.id);
        let (method, params, step) = if self.id.is_empty() {
            ("thread/start", json!({}), Step::Start)
        } else if self.archived {
            ("thread/unarchive", json!({ "threadId": id }), Step::Unarchive)
        } else if !self.loaded {
            ("thread/resume", json!({ "threadId": id }), Step::Resume)
        } else {
            match random.below(if self.turns.is_empty() { 1 } else { 10 }) {
                0..4 => {
                    let text = format!("say fact {serial}");
                    let input = json!([{ "type": "text", "text": text }]);
                    let params = json!({ "threadId": id, "input": input });
                    ("turn/start", params, Step::Turn { text, told: None })
                }
                4 | 5 => {
                    let name = format!("name {serial}");
                    ("thread/name/set", json!({ "threadId": id, "name": name }), Step::Name(name))
                }
                6 => ("thread/archive", json!({ "threadId": id }), Step::Archive),
                7 | 8 => {
                    let turns = random.below(2) as usize + 1;
                    ("thread/rollback", json!({ "threadId": id, "numTurns": turns }), Step::RollBack(turns))
                }
                _ => ("thread/fork", json!({ "threadId": id }), Step::Fork),
            }
        };
        let request = client.post(method, params).await;
        self.pending = Some(Pending { request, step });
    }

    /// Takes in what the server says; whether it ends what was pending. A copy of the thread may come of it.
    fn hear(&mut self, message: &Value) -> (bool, Option<Lane>) {
        let Some(pending) = &mut self.pending else { return (false, None) };
        if message["id"] == pending.request {
            assert!(message.get("error").is_none(), "{:?} was refused: {message}", pending.step);
            let thread = &message["result"]["thread"];
            match &pending.step {
                Step::Turn { .. } => return (false, None),
                Step::Fork => {
                    let copy = Lane {
                        id: thread["id"].as_str().expect("a fork has an id").to_owned(),
                        turns: self.turns.clone(),
                        loaded: true,
                        ..Lane::default()
                    };
                    self.pending = None;
                    return (true, Some(copy));
                }
                Step::Start => thread["id"].as_str().expect("a thread has an id").clone_into(&mut self.id),
                _ => {}
            }
            let step = pending.step.clone();
            self.apply(&step);
            self.pending = None;
            return (true, None);
        }
        let Step::Turn { text, told, .. } = &mut pending.step else { return (false, None) };
        if message["params"]["threadId"] != *self.id {
            return (false, None);
        }
        match message["method"].as_str() {
            Some("item/completed") => {
                let item = &message["params"]["item"];
                match item["type"].as_str() {
                    Some("userMessage") => *told = Some((text.clone(), None)),
                    Some("agentMessage") => {
                        *told = Some((text.clone(), item["text"].as_str().map(str::to_owned)));
                    }
                    _ => {}
                }
                (false, None)
            }
            Some("turn/completed") => {
                assert_eq!(message["params"]["turn"]["status"], "completed", "{message}");
                self.turns.push(told.take().expect("a turn has the user's message"));
                self.pending = None;
                (true, None)
            }
            _ => (false, None),
        }
    }

    /// What a step does to what is known.
    fn apply(&mut self, step: &Step) {
        match step {
            Step::Start | Step::Resume => self.loaded = true,
            Step::Name(name) => self.name = Some(name.clone()),
            Step::Archive => (self.archived, self.loaded) = (true, false),
            Step::Unarchive => self.archived = false,
            Step::RollBack(turns) => self.turns.truncate(self.turns.len().saturating_sub(*turns)),
            Step::Turn { .. } | Step::Fork => {}
        }
    }

    /// Holds what a new server shows against what is known, and goes on from there. Whether there is such a thread.
    async fn check(&mut self, client: &mut Client) -> bool {
        let pending = self.pending.take().map(|pending| pending.step);
        self.loaded = false;
        if self.turns.is_empty() && self.name.is_none() && !matches!(pending, Some(Step::Turn { told: Some(_), .. })) {
            // Nothing was said in it: there need not be a file.
            return false;
        }
        let read = client.request("thread/read", json!({ "threadId": self.id, "includeTurns": true })).await;
        let thread = &read["result"]["thread"];
        let turns: Vec<Said> =
            thread["turns"].as_array().unwrap_or_else(|| panic!("{read}")).iter().map(said).collect();
        let mut after = self.clone();
        if let Some(step) = &pending {
            after.apply(step);
        }
        match &pending {
            Some(Step::Turn { text, told, .. }) => {
                assert_eq!(turns[..self.turns.len()], self.turns, "turns that had ended");
                match (told, &turns[self.turns.len()..]) {
                    (None, []) => {}
                    (None, [(user, _)]) => assert!(user == text || user.is_empty()),
                    (Some((_, None)), [(user, _)]) => assert_eq!(user, text, "a message that was told"),
                    (Some(told), [turn]) => assert_eq!(turn, told, "messages that were told"),
                    (told, turns) => panic!("told {told:?} of a turn, and there is {turns:?}"),
                }
            }
            _ => assert!(turns == self.turns || turns == after.turns, "{turns:?} is neither {self:?} nor {after:?}"),
        }
        let name = thread["name"].as_str().map(str::to_owned);
        assert!(name == self.name || name == after.name, "{name:?} is neither {self:?} nor {after:?}");
        let archived = thread["path"].as_str().expect("a path").contains("archived_sessions");
        assert!(archived == self.archived || archived == after.archived, "archived: {archived}, {self:?}");
        (self.turns, self.name, self.archived) = (turns, name, archived);
        if !archived {
            let resumed = client.request("thread/resume", json!({ "threadId": self.id })).await;
            let turns = resumed["result"]["thread"]["turns"].as_array().map(|turns| turns.iter().map(said).collect());
            assert_eq!(turns, Some(self.turns.clone()), "{resumed}");
            self.loaded = true;
        }
        true
    }
}

fn said(turn: &Value) -> Said {
    let item = |kind: &str| turn["items"].as_array().into_iter().flatten().find(|item| item["type"] == kind);
    let user = item("userMessage").and_then(|item| item["content"][0]["text"].as_str());
    let agent = item("agentMessage").and_then(|item| item["text"].as_str());
    (user.unwrap_or_default().to_owned(), agent.map(str::to_owned))
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_every_kill() {
    let seed = number("SPINDLE_CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9);
    eprintln!("SPINDLE_CRASH_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let root = AbsPath::new(folder.path().canonicalize().expect("it exists")).expect("absolute");
    let (home, project) = (root.join("home"), root.join("project"));
    for path in [&home, &project] {
        std::fs::create_dir(path).expect("a folder");
    }
    std::fs::write(home.join("config.toml"), "model_provider = \"simulator\"\n").expect("a configuration");

    let mut known: Vec<Lane> = Vec::new();
    let (mut serial, mut cut_off) = (0, HashMap::<&str, u64>::new());
    for _ in 0..number("SPINDLE_CRASHES").unwrap_or(CRASHES) {
        let mut client = Client::start(&home, &project).await;
        let mut checked = Vec::new();
        for mut lane in std::mem::take(&mut known) {
            if lane.check(&mut client).await {
                checked.push(lane);
            }
        }
        // Some of the old threads and some new ones; the others must stay as they are.
        while checked.len() < LANES {
            checked.push(Lane::default());
        }
        let mut lanes: Vec<Lane> = Vec::new();
        while lanes.len() < LANES {
            let at = random.below(checked.len() as u64) as usize;
            lanes.push(checked.swap_remove(at));
        }
        known = checked;

        for lane in &mut lanes {
            lane.go_on(&mut client, &mut random, &mut serial).await;
        }
        for _ in 0..random.below(MESSAGES) {
            let message = client.next().await;
            hear(&mut lanes, &mut known, &message, Some((&mut client, &mut random, &mut serial))).await;
        }
        for message in client.kill().await {
            hear(&mut lanes, &mut known, &message, None).await;
        }
        for pending in lanes.iter().filter_map(|lane| lane.pending.as_ref()) {
            *cut_off.entry(kind(&pending.step)).or_default() += 1;
        }
        known.extend(lanes.into_iter().filter(|lane| !lane.id.is_empty()));
    }
    eprintln!("cut off: {cut_off:?}; {} threads", known.len());
    assert!(!known.is_empty() && !cut_off.is_empty(), "something was under way");
}

/// Gives a message to the lane that it is for, which goes on when there is somebody to ask.
async fn hear(
    lanes: &mut [Lane],
    known: &mut Vec<Lane>,
    message: &Value,
    next: Option<(&mut Client, &mut Random, &mut u64)>,
) {
    for lane in lanes {
        let (done, copy) = lane.hear(message);
        // The copy stays loaded and idle until the server is killed.
        known.extend(copy);
        if done {
            if let Some((client, random, serial)) = next {
                lane.go_on(client, random, serial).await;
            }
            return;
        }
    }
}

fn kind(step: &Step) -> &'static str {
    match step {
        Step::Start => "start",
        Step::Resume => "resume",
        Step::Turn { .. } => "turn",
        Step::Name(_) => "name",
        Step::Archive => "archive",
        Step::Unarchive => "unarchive",
        Step::RollBack(_) => "rollback",
        Step::Fork => "fork",
    }
}
