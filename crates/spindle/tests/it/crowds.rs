//! What many clients take, the server gives back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use exec::{Command, Io, Launcher, Options, Process, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use types::AbsPath;

/// Enough that what they take stands out, and no more than a shell's usual limit of open files.
const CLIENTS: usize = 400;

#[tokio::test]
async fn memory_is_given_back_when_a_crowd_has_left() {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let home = AbsPath::new(folder.path().canonicalize().expect("it exists")).expect("absolute");
    let (server, address) = listening(&home).await;
    // The first client brings code and tables into memory that stay.
    drop(client(address).await);
    let alone = private_bytes(&server);

    let mut crowd = Vec::new();
    for _ in 0..CLIENTS {
        crowd.push(client(address).await);
    }
    let crowded = private_bytes(&server);
    assert!(crowded > alone + 1024 * 1024, "{CLIENTS} clients take something: {alone}, {crowded}");
    drop(crowd);

    let end = Instant::now() + Duration::from_secs(20);
    while private_bytes(&server) > alone + (crowded - alone) / 2 {
        assert!(Instant::now() < end, "{alone} alone, {crowded} with a crowd, {} after it", private_bytes(&server));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn listening(home: &AbsPath) -> (Process, SocketAddr) {
    let launcher = Launcher::new(Options { tmpdir: None, codex_home: home.clone(), path: None });
    let folder = home.to_string();
    let env = [("CODEX_HOME", &*folder), ("HOME", &*folder), ("PATH", "/usr/bin:/bin")];
    let argv = [env!("CARGO_BIN_EXE_spindle"), "app-server", "--listen", "ws://127.0.0.1:0"];
    let server = launcher.spawn(Command {
        argv: argv.map(str::to_owned).to_vec(),
        cwd: home.clone(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        io: Io::Pipes { stdin: false },
        sandbox: Sandbox::None,
        proxy: None,
    });
    let mut server = server.await.expect("the server starts");
    let mut said = String::new();
    let address = loop {
        let chunk = server.next_output().await.expect("the server says where it listens");
        said.push_str(&String::from_utf8_lossy(&chunk.bytes));
        let line = said.lines().find_map(|line| line.trim().strip_prefix("listening on: ws://"));
        if let Some(address) = line.filter(|_| said.ends_with('\n')) {
            break address.parse().expect("an address");
        }
    };
    (server, address)
}

/// A client that has introduced itself and was answered.
async fn client(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let handshake = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.expect("it can be written to");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("an answer"));
    }
    let text = br#"{"id":1,"method":"initialize","params":{"clientInfo":{"name":"crowd","version":"1"}}}"#;
    // Clients mask what they send; with this mask it stays as it is.
    let head = [0x81, 0x80 | u8::try_from(text.len()).expect("a short message"), 0, 0, 0, 0];
    stream.write_all(&[&head[..], text].concat()).await.expect("it can be written to");
    assert_eq!(stream.read_u8().await.expect("an answer"), 0x81);
    stream
}

/// Memory of the process that nobody shares and no file holds.
fn private_bytes(server: &Process) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux tells");
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}
