//! What large messages cost, and what is remembered. A binary of its own, whose tests wait for each other: the allocator
//! counts what all threads of it do.

use peak_alloc::PeakAlloc;
use serde_json::Value;
use server::{Options, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use types::{AbsPath, SessionSource};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Held by the test that measures.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const MIB: usize = 1024 * 1024;
const LARGE: usize = 100 * MIB;

/// A line of about [`LARGE`] bytes, in pieces: `filler` is repeated between `head` and `tail`.
async fn send(input: &mut (impl tokio::io::AsyncWrite + Unpin), head: &str, filler: &str, tail: &str) {
    let chunk = filler.repeat(MIB / filler.len());
    input.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..LARGE / MIB {
        input.write_all(chunk.as_bytes()).await.unwrap();
    }
    input.write_all(tail.as_bytes()).await.unwrap();
    input.write_all(b"\n").await.unwrap();
}

/// A client and its server.
struct Conversation {
    input: WriteHalf<DuplexStream>,
    answers: Lines<BufReader<ReadHalf<DuplexStream>>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Conversation {
    async fn begin(folder: &tempfile::TempDir, capabilities: &str) -> Self {
        let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        let home = root.join("home");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("config.toml"), "model_provider = \"simulator\"\n").unwrap();
        let server = Server::new(Options {
            home,
            system_file: None,
            cwd: root.clone(),
            variables: Vec::new(),
            overrides: config::Overrides::default(),
            version: "0.124.0".to_owned(),
            session_source: SessionSource::VsCode,
            ends_with_connection: true,
        });
        let (client, far) = rpc::in_process();
        let (far_input, far_output) = tokio::io::split(far);
        let serving = tokio::spawn(async move { server.serve(far_input, far_output).await });
        let (output, input) = tokio::io::split(client);
        let mut begun = Self { input, answers: BufReader::new(output).lines(), serving };
        let hello = format!(r#""clientInfo":{{"name":"it","version":"1"}},"capabilities":{capabilities}"#);
        begun.ask("initialize", &hello).await;
        begun
    }

    /// Sends a request, and gives its answer.
    async fn ask(&mut self, method: &str, params: &str) -> Value {
        let line = format!("{{\"id\":0,\"method\":\"{method}\",\"params\":{{{params}}}}}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
        self.heard(|message| message["id"] == 0 && message.get("method").is_none()).await
    }

    /// The first message that is wanted.
    async fn heard(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.answers.next_line().await.unwrap().expect("it comes before the end");
            let message: Value = serde_json::from_str(&line).unwrap();
            if wanted(&message) {
                return message;
            }
        }
    }
}

/// What a long answer leaves in memory.
async fn left_by_a_long_answer(capabilities: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Conversation::begin(&folder, capabilities).await;
    let started = client.ask("thread/start", "").await;
    let thread = started["result"]["thread"]["id"].as_str().unwrap();
    let before = ALLOCATOR.current_usage();
    let text = format!(r#""threadId":"{thread}","input":[{{"type":"text","text":"say 20000 words"}}]"#);
    client.ask("turn/start", &text).await;
    let is_end = |message: &Value| message["method"] == "turn/completed";
    assert_eq!(client.heard(is_end).await["params"]["turn"]["status"], "completed");
    ALLOCATOR.current_usage().saturating_sub(before)
}

#[tokio::test]
async fn what_is_remembered_of_a_thread_takes_a_mebibyte_at_most() {
    let _alone = ALONE.lock().await;
    let without = left_by_a_long_answer("{}").await;
    let with = left_by_a_long_answer(r#"{"spindle":{"eventNumbers":true}}"#).await;
    let remembered = with.saturating_sub(without);
    // Something is remembered; threads of the runtime may hold a little more or less at the one time than at the other.
    assert!((MIB / 8..MIB + MIB / 8).contains(&remembered), "{} KiB", remembered / 1024);
}

#[tokio::test]
async fn a_line_of_a_hundred_megabytes_is_answered_and_costs_a_small_multiple_of_its_length() {
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let Conversation { mut input, mut answers, serving } = Conversation::begin(&folder, "{}").await;

    let cases = [
        // As large as messages get in earnest: a text, such as a picture in base64, here one that nobody reads.
        (r#"{"id":1,"method":"thread/loaded/list","params":{"junk":""#, "AAAA", "\"}}", "result"),
        // What does not decode, and would take many times its length as a value.
        (r#"{"id":1,"method":"thread/read","params":{"threadId":["#, "1,", "1]}}", "error"),
    ];
    for (head, filler, tail, member) in cases {
        ALLOCATOR.reset_peak_usage();
        let before = ALLOCATOR.current_usage();
        send(&mut input, head, filler, tail).await;
        let answer: Value = serde_json::from_str(&answers.next_line().await.unwrap().unwrap()).unwrap();
        assert!(answer["id"] == 1 && answer.get(member).is_some(), "{head}…: {answer}");
        let peak = ALLOCATOR.peak_usage() - before;
        assert!(peak < 5 * LARGE, "{head}… took {} MiB", peak / MIB);
    }
    input.shutdown().await.unwrap();
    serving.await.unwrap().unwrap();
}

/// A rollout of so many turns, each of which has a text of 100 kB.
fn long_rollout(home: &AbsPath, id: &str, turns: usize) {
    let line = |kind: &str, payload: &str| {
        format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
    };
    let facts =
        r#""timestamp":"2026-01-02T03:04:05.678Z","cwd":"/","originator":"it","cli_version":"1","source":"vscode""#;
    let mut text = line("session_meta", &format!(r#"{{"id":"{id}",{facts}}}"#));
    for turn in 0..turns {
        let turn = format!("01a213ee-3e99-7eeb-a283-{turn:012}");
        text += &line("event_msg", &format!(r#"{{"type":"task_started","turn_id":"{turn}"}}"#));
        text += &line("event_msg", r#"{"type":"user_message","message":"go"}"#);
        let said = "abcde\\nfgh".repeat(10_000);
        text += &line("event_msg", &format!(r#"{{"type":"agent_message","message":"{said}"}}"#));
        text += &line("event_msg", &format!(r#"{{"type":"task_complete","turn_id":"{turn}"}}"#));
    }
    let folder = home.join("sessions/2026/01/02");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("rollout-2026-01-02T03-04-05-{id}.jsonl")), text).unwrap();
}

#[tokio::test]
async fn a_long_thread_is_read_in_a_few_mebibytes() {
    const TURNS: usize = 300;
    let _alone = ALONE.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let Conversation { mut input, answers, serving } = Conversation::begin(&folder, "{}").await;
    let mut output = answers.into_inner();
    let id = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1";
    let home = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap().join("home");
    long_rollout(&home, id, TURNS);

    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let request = format!("{{\"id\":1,\"method\":\"thread/resume\",\"params\":{{\"threadId\":\"{id}\"}}}}\n");
    input.write_all(request.as_bytes()).await.unwrap();
    // Nothing is kept of the answer here either.
    let (mut length, mut said) = (0, 0);
    loop {
        let piece = output.fill_buf().await.unwrap();
        let end = piece.iter().position(|byte| *byte == b'\n');
        let piece = &piece[..end.unwrap_or(piece.len())];
        said += piece.iter().filter(|byte| **byte == b'f').count();
        length += piece.len();
        let read = piece.len() + usize::from(end.is_some());
        output.consume(read);
        if length > TURNS * 90_000 && end.is_some() {
            break;
        }
    }
    assert!(said >= TURNS * 10_000, "all texts are there");
    let peak = ALLOCATOR.peak_usage() - before;
    assert!(peak < 16 * MIB, "an answer of {} MiB took {} MiB", length / MIB, peak / MIB);
    input.shutdown().await.unwrap();
    serving.await.unwrap().unwrap();
}
