//! Standard input and output of every kind.

#![expect(clippy::disallowed_methods, reason = "the streams are what is tested, and `exec` has its own idea of them")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

fn introduction() -> String {
    let params = json!({ "clientInfo": { "name": "streams", "version": "1" } });
    format!("{}\n", json!({ "id": 1, "method": "initialize", "params": params }))
}

/// More than a pipe or a socket takes at once.
fn long_request() -> String {
    format!("{}\n", json!({ "id": 2, "method": "x".repeat(1024 * 1024) }))
}

fn start(home: &Path, input: Stdio, output: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spindle"));
    command.arg("app-server").env_clear().env("CODEX_HOME", home).env("HOME", home).env("PATH", "/usr/bin:/bin");
    command.stdin(input).stdout(output).stderr(Stdio::null()).spawn().expect("the server starts")
}

/// Reads the answers to both requests, the second of which names the method that it does not know.
fn check_answers(output: impl std::io::Read) {
    let mut answers = BufReader::new(output).lines().map(|line| -> Value {
        serde_json::from_str(&line.expect("the server writes lines")).expect("each line is a message")
    });
    assert!(answers.any(|answer| answer["id"] == 1 && answer.get("result").is_some()));
    let refusal = answers.find(|answer| answer["id"] == 2).expect("an answer to the second request");
    assert!(refusal["error"]["message"].as_str().expect("an error").len() > 1024 * 1024);
}

#[test]
fn pipes() {
    let home = tempfile::tempdir().unwrap();
    let mut server = start(home.path(), Stdio::piped(), Stdio::piped());
    let mut input = server.stdin.take().unwrap();
    let writing = std::thread::spawn(move || input.write_all((introduction() + &long_request()).as_bytes()));
    check_answers(server.stdout.take().unwrap());
    writing.join().unwrap().unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn one_socket_for_both() {
    let home = tempfile::tempdir().unwrap();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let theirs: OwnedFd = theirs.into();
    let mut server = start(home.path(), theirs.try_clone().unwrap().into(), theirs.into());
    let output = ours.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        ours.write_all((introduction() + &long_request()).as_bytes())?;
        ours.shutdown(Shutdown::Write)
    });
    check_answers(output);
    writing.join().unwrap().unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn files() {
    let home = tempfile::tempdir().unwrap();
    let (input, output) = (home.path().join("input"), home.path().join("output"));
    std::fs::write(&input, introduction() + &long_request()).unwrap();
    let mut server = start(home.path(), File::open(input).unwrap().into(), File::create(&output).unwrap().into());
    assert!(server.wait().unwrap().success());
    check_answers(File::open(output).unwrap());
}
