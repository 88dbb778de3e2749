//! No process outlives what it was started for, however that ends, and no control group.
//!
//! `SPINDLE_LEAK_COMMANDS` says how many commands are cut off, `SPINDLE_LEAK_SEED` repeats a run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exec::{Launcher, Options};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use testkit::{Random, Reply, ScriptedModel, number};
use types::AbsPath;

use crate::client::Client;

/// How many commands are started when nothing else is said; 1,000 take some minutes.
const COMMANDS: u64 = 60;
const COMMANDS_PER_SERVER: u64 = 20;

/// What commands do. `MARK` becomes a number that no other process carries.
const SCRIPTS: [&str; 6] = [
    "echo ready; sleep MARK",
    "sleep MARK & setsid sleep MARK & env -i setsid sh -c 'sleep MARK & wait' & echo ready; wait",
    "trap '' TERM INT HUP; echo ready; while :; do sleep MARK; done",
    "for i in 1 2 3; do (setsid sh -c 'sleep MARK; :' &); done; echo ready; sleep MARK",
    "setsid sleep MARK & echo ready",
    "exec > /dev/null 2>&1 < /dev/null; setsid sh -c 'trap \"\" TERM; sleep MARK; :'",
];

#[tokio::test]
async fn commands_cut_off_at_random_leave_no_process() {
    let seed = number("SPINDLE_LEAK_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9);
    eprintln!("SPINDLE_LEAK_SEED={seed}");
    let mut random = Random::new(seed);
    let mut left = number("SPINDLE_LEAK_COMMANDS").unwrap_or(COMMANDS);
    // Every argument of a run begins with this.
    let mark = format!("9{}.", std::process::id());
    let (mut started, mut running) = (0, false);
    while left > 0 {
        let count = left.min(COMMANDS_PER_SERVER);
        left -= count;
        running |= one_server(count, &mut random, &mut started, &mark).await;
    }
    assert!(running, "no command ran long enough to be left behind");
}

/// Runs commands on a server until it is ended in one of three ways; nothing may be left then. Whether something was
/// running before.
async fn one_server(count: u64, random: &mut Random, started: &mut u64, mark: &str) -> bool {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let root = AbsPath::new(folder.path().canonicalize().expect("it exists")).expect("absolute");
    let (home, project) = (root.join("home"), root.join("project"));
    let mut script = |random: &mut Random| {
        *started += 1;
        random.pick(&SCRIPTS).replace("MARK", &format!("{mark}{started}"))
    };
    let background = json!({ "cmd": script(random), "yield_time_ms": 250 });
    let interrupted = json!({ "cmd": script(random), "yield_time_ms": 30_000 });
    let model = ScriptedModel::with_script([
        Reply::call("exec_command", &background),
        Reply::say("done"),
        Reply::call("exec_command", &interrupted),
        Reply::say("done"),
    ]);
    let model = model.await;
    for path in [&home, &project] {
        std::fs::create_dir(path).expect("a folder");
    }
    std::fs::write(home.join("config.toml"), configuration(&model, random)).expect("a configuration");
    let mut client = Client::start(&home, &project).await;

    let thread = client.request("thread/start", json!({ "cwd": project.to_string() })).await;
    let thread = thread["result"]["thread"]["id"].as_str().expect("a thread starts").to_owned();
    let turn = json!({ "threadId": thread, "input": [{ "type": "text", "text": "go" }] });
    let first = client.request("turn/start", turn.clone()).await;
    ended(&mut client, &first).await;
    let second = client.request("turn/start", turn).await;
    let interrupt = json!({ "threadId": thread, "turnId": second["result"]["turn"]["id"] });
    if random.below(2) == 0 {
        client.wait(|message| message["method"] == "item/started").await;
    }
    client.request("turn/interrupt", interrupt).await;
    ended(&mut client, &second).await;
    match random.below(3) {
        0 => drop(client.post("thread/backgroundTerminals/clean", json!({ "threadId": thread })).await),
        1 => {
            let own = json!({ "threadId": thread, "command": script(random) });
            client.post("thread/shellCommand", own).await;
        }
        _ => {}
    }

    for command in 0..count.saturating_sub(2) {
        let script = script(random);
        cut_off(&mut client, random, script, &format!("p{command}")).await;
    }
    // Commands that nothing has cut off yet; at the least the guard of one.
    let running = !processes(mark, &home).is_empty();
    match random.below(3) {
        0 => client.disconnect().await,
        1 => client.signal(Signal::TERM).await,
        _ => client.signal(Signal::KILL).await,
    }
    // While the server's own process is held, nobody else cleans up behind it.
    nothing_left(mark, &home, &project, client.pid()).await;
    running
}

fn configuration(model: &ScriptedModel, random: &mut Random) -> String {
    let mode = random.pick(&["danger-full-access", "read-only", "workspace-write"]);
    format!(
        "model = \"mock-model\"\nmodel_provider = \"mock\"\napproval_policy = \"never\"\nsandbox_mode = \"{mode}\"\n\n\
         [model_providers.mock]\nname = \"Mock\"\nbase_url = \"{}\"\n",
        model.url()
    )
}

async fn ended(client: &mut Client, started: &Value) {
    let turn = started["result"]["turn"]["id"].clone();
    client.wait(|message| message["method"] == "turn/completed" && message["params"]["turn"]["id"] == turn).await;
}

/// Starts a command and cuts it off: at once, when it has spoken, by its time, with the server, or not at all.
async fn cut_off(client: &mut Client, random: &mut Random, script: String, id: &str) {
    let policy = random.pick(&["dangerFullAccess", "readOnly", "workspaceWrite"]);
    let (tty, streamed) = (random.below(3) == 0, random.below(2) == 0);
    let mut params = json!({ "command": ["sh", "-c", script], "processId": id, "tty": tty,
        "streamStdoutStderr": streamed, "sandboxPolicy": { "type": policy } });
    let end = random.below(4);
    if end == 0 {
        params["timeoutMs"] = random.below(30).into();
    } else {
        params["disableTimeout"] = true.into();
    }
    let silent = params["command"][2].as_str().is_some_and(|script| script.starts_with("exec"));
    let running = client.post("command/exec", params).await;
    match end {
        0 => drop(client.answer(running).await),
        1 | 2 => {
            if end == 2 && (streamed || tty) && !silent {
                let told = |message: &Value| {
                    message["method"] == "command/exec/outputDelta" && message["params"]["processId"] == *id
                };
                client.wait(told).await;
            }
            client.request("command/exec/terminate", json!({ "processId": id })).await;
            if random.below(2) == 0 {
                client.answer(running).await;
            }
        }
        // The server's end has to do.
        _ => {}
    }
}

async fn nothing_left(mark: &str, home: &AbsPath, project: &AbsPath, server: Pid) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let left = processes(mark, home);
        let names: Vec<_> = std::fs::read_dir(project).expect("the project").flatten().map(|e| e.file_name()).collect();
        let groups = groups(home, server);
        if left.is_empty() && names.is_empty() && groups.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "left behind: {left:#?} {names:?} {groups:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Control groups of a server's commands. It has one itself, from this test, and they are within.
fn groups(home: &AbsPath, server: Pid) -> Vec<PathBuf> {
    let launcher = Launcher::new(Options { tmpdir: None, codex_home: home.clone(), path: None });
    let Ok(above) = launcher.control_groups() else { return Vec::new() };
    let within = |folder: &Path| -> Vec<PathBuf> {
        // One that is just being removed has nothing in it.
        let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
        entries.unwrap_or_default()
    };
    let own = format!("-{}-", server.as_raw_nonzero());
    let of_server = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(&own));
    within(above).iter().filter(|path| path.is_dir()).flat_map(|group| within(group)).filter(of_server).collect()
}

/// Command lines of the processes that carry the mark, and of the server on this home and its guards, which are copies
/// of it and keep its environment.
fn processes(mark: &str, home: &AbsPath) -> Vec<String> {
    let server = Path::new(env!("CARGO_BIN_EXE_spindle"));
    let variable = format!("CODEX_HOME={home}");
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let parts = |name: &str| -> Option<Vec<String>> {
                let bytes = std::fs::read(entry.path().join(name)).ok()?;
                Some(bytes.split(|&byte| byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect())
            };
            let line = parts("cmdline")?;
            let ours = || {
                std::fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == server)
                    && parts("environ").is_some_and(|variables| variables.contains(&variable))
            };
            (line.iter().any(|part| part.contains(mark)) || ours())
                .then(|| format!("{}: {}", entry.file_name().display(), line.join(" ")))
        })
        .collect()
}
