//! The scripted model seen through a plain socket, as a model provider would see it.

use serde_json::json;
use testkit::{Gate, Reply, ScriptedModel, Step, function_call, message_in_pieces};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn connect(model: &ScriptedModel) -> TcpStream {
    let url = model.url();
    TcpStream::connect(url.trim_start_matches("http://").trim_end_matches("/v1")).await.unwrap()
}

async fn post(stream: &mut TcpStream, body: &str) {
    let head =
        format!("POST /v1/responses HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

/// Reads until `end` has been seen.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the connection ended before {end:?}: {text}");
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    text
}

/// What ends a chunked body.
const END: &str = "\r\n0\r\n\r\n";

#[tokio::test]
async fn replies_are_used_in_order_on_one_connection_and_requests_recorded() {
    let call = Reply::new([function_call("call-1", "shell", &json!({"command": ["ls"]}))]);
    let model = ScriptedModel::with_script([call, Reply::new(message_in_pieces(&["hel", "lo"]))]).await;
    let mut stream = connect(&model).await;

    post(&mut stream, r#"{"model":"m"}"#).await;
    let first = read_until(&mut stream, END).await;
    assert!(first.contains(r#""name":"shell""#), "{first}");
    post(&mut stream, r#"{"model":"n"}"#).await;
    let second = read_until(&mut stream, END).await;
    assert!(second.contains("event: response.output_text.delta\ndata: {"), "{second}");

    let requests = model.requests();
    assert_eq!(requests.iter().map(|request| &request.body["model"]).collect::<Vec<_>>(), ["m", "n"]);
    assert_eq!(requests[0].header("x-test"), Some("yes"));
    assert_eq!((model.connections(), model.replies_left()), (1, 0));
}

#[tokio::test]
async fn errors_have_their_status_and_headers() {
    let model = ScriptedModel::with_script([Reply::error(429, "slow down").with_header("Retry-After", "7")]).await;
    let mut stream = connect(&model).await;
    post(&mut stream, "{}").await;
    let answer = read_until(&mut stream, "slow down").await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("Retry-After: 7\r\n"), "{answer}");
}

#[tokio::test]
async fn a_gate_holds_the_stream_until_it_is_opened() {
    let gate = Gate::new();
    let model = ScriptedModel::with_script([Reply::new([Step::Gate(gate.clone())])]).await;
    let mut stream = connect(&model).await;
    post(&mut stream, "{}").await;
    gate.reached().await;
    read_until(&mut stream, "response.created").await;
    gate.open();
    read_until(&mut stream, "response.completed").await;
}

#[tokio::test]
async fn a_client_that_leaves_a_held_stream_is_noticed() {
    let gate = Gate::new();
    let model = ScriptedModel::with_script([Reply::new([gate.clone()])]).await;
    let mut stream = connect(&model).await;
    post(&mut stream, "{}").await;
    gate.reached().await;
    drop(stream);
    model.wait_for_disconnections(1).await;
}

#[tokio::test]
async fn a_disconnect_cuts_the_body() {
    let cut = Reply::stream([Step::Raw("data: half".to_owned()), Step::Disconnect]);
    let model = ScriptedModel::with_script([cut, Reply::Disconnect]).await;
    for expected in ["data: half\r\n", ""] {
        let mut stream = connect(&model).await;
        post(&mut stream, "{}").await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(expected) && !answer.contains(END), "{answer}");
    }
}

#[tokio::test]
async fn an_empty_script_says_so() {
    let model = ScriptedModel::start().await;
    let mut stream = connect(&model).await;
    post(&mut stream, "{}").await;
    read_until(&mut stream, "no scripted reply left").await;
    model.wait_for_requests(1).await;
}
