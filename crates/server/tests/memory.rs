//! What the largest messages cost. A binary of its own with one test: the allocator counts what all threads of it do.

use peak_alloc::PeakAlloc;
use serde_json::Value;
use server::{Options, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use types::{AbsPath, SessionSource};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

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

#[tokio::test]
async fn a_line_of_a_hundred_megabytes_is_answered_and_costs_a_small_multiple_of_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
    let server = Server::new(Options {
        home: root.join("home"),
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
    let (output, mut input) = tokio::io::split(client);
    let mut answers = BufReader::new(output).lines();
    let hello = r#"{"id":0,"method":"initialize","params":{"clientInfo":{"name":"it","version":"1"}}}"#;
    input.write_all(format!("{hello}\n").as_bytes()).await.unwrap();
    answers.next_line().await.unwrap().unwrap();

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
