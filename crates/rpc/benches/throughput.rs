//! Lines a second of the reader, and the round trip of a small request in process: `cargo bench -p rpc`.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::time::Instant;

use rpc::{Incoming, Outgoing, Reader, RequestId, Responder, encode_notification, encode_request};

const LINES: usize = 500_000;
const TRIPS: i64 = 50_000;
const DELTA: &str = r#"{"threadId":"0199a3f2-0000-7000-8000-000000000000","turnId":"0199a3f2","delta":"some words"}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    reader().await;
    writer().await;
    round_trips().await;
}

async fn reader() {
    let line = format!("{{\"method\":\"item/agentMessage/delta\",\"params\":{DELTA}}}\n");
    let text = line.repeat(LINES);
    let start = Instant::now();
    let mut reader = Reader::new(text.as_bytes());
    let mut count = 0;
    while let Ok(Some(_)) = reader.next().await {
        count += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "reader       {:>10.0} lines/s  {:>6.0} MB/s",
        f64::from(count) / seconds,
        text.len() as f64 / seconds / 1e6
    );
}

async fn writer() {
    let (outgoing, writer) = Outgoing::new(tokio::io::sink());
    let params: serde_json::Value = serde_json::from_str(DELTA).unwrap();
    let writer = tokio::spawn(writer.run());
    let start = Instant::now();
    for index in 0..LINES {
        outgoing.push(encode_notification("item/agentMessage/delta", &params)).unwrap();
        if index % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    outgoing.close();
    writer.await.unwrap().unwrap();
    println!("writer       {:>10.0} lines/s", LINES as f64 / start.elapsed().as_secs_f64());
}

async fn round_trips() {
    let (client, server) = rpc::in_process();
    let (input, output) = tokio::io::split(server);
    let (outgoing, writer) = Outgoing::new(output);
    let server = tokio::spawn(async move {
        let writer = tokio::spawn(writer.run());
        let mut reader = Reader::new(input);
        while let Ok(Some(Incoming::Request { id, .. })) = reader.next().await {
            Responder::new(id, outgoing.clone()).respond(&Ok(()));
        }
        drop(outgoing);
        writer.await
    });
    let (input, output) = tokio::io::split(client);
    let (outgoing, writer) = Outgoing::new(output);
    let writer = tokio::spawn(writer.run());
    let mut reader = Reader::new(input);
    let mut times = Vec::new();
    for id in 0..TRIPS {
        let start = Instant::now();
        outgoing.push(encode_request(&RequestId::Int(id), "thread/read", &())).unwrap();
        reader.next().await.unwrap().unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    println!("round trip   median {:?}, 99th percentile {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    drop((outgoing, reader));
    writer.await.unwrap().unwrap();
    server.abort();
}
