//! Who may come in, and what becomes of those who never quite do.

use std::net::SocketAddr;
use std::time::Duration;

use listen::{Address, AuthFlags, AuthMode, BindError, Limits, Listener, Options};
use tokio::io::AsyncReadExt as _;

use crate::kit::{Conversation, Door, loopback, text, upgrade};

#[tokio::test]
async fn probes_need_no_token_and_figures_do() {
    let auth = AuthFlags {
        mode: Some(AuthMode::CapabilityToken),
        // Of the text `token`.
        token_sha256: Some("3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0".to_owned()),
        ..AuthFlags::default()
    };
    let auth = auth.check().unwrap().load().unwrap();
    let door = Door::open(Options { addresses: vec![loopback()], auth, ..Options::default() }).await;
    let token = "Authorization: Bearer token\r\n";
    for (request, status) in [
        ("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 200),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 200),
        ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 401),
        (format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{token}\r\n"), 200),
        (upgrade(""), 401),
        (upgrade("Authorization: Bearer other\r\n"), 401),
        (upgrade(&format!("Origin: https://app.example\r\n{token}")), 403),
        (upgrade(token), 101),
    ] {
        let mut client = door.connect().await;
        client.send(&request).await;
        assert_eq!(client.head().await.0, status, "{request}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_address_that_others_can_reach_needs_a_token_or_a_promise() {
    let anywhere = || Address::Ws(SocketAddr::from(([0, 0, 0, 0], 0)));
    let bind = |options| Listener::bind(options);
    let refused = bind(Options { addresses: vec![loopback(), anywhere()], ..Options::default() }).await;
    assert!(matches!(refused, Err(BindError::Unauthenticated(address)) if address == anywhere()));
    let allowed = Options { addresses: vec![anywhere()], allow_unauthenticated: true, ..Options::default() };
    assert!(bind(allowed).await.is_ok());
    let secure = Options { addresses: vec![Address::Wss(SocketAddr::from(([127, 0, 0, 1], 0)))], ..Options::default() };
    assert!(matches!(bind(secure).await, Err(BindError::NoCertificate(_))));
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_ends_the_connection_and_nothing_else() {
    let door = Door::plain().await;
    let mut patient = door.websocket().await;
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    for garbage in
        [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"\0\0\0\0\0\0", b"GET\r\n\r\n", b"{\"id\":1}\n\n", long.as_bytes()]
    {
        let mut client = door.connect().await;
        // It may be refused before it is all sent.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.0, garbage).await;
        let mut answer = Vec::new();
        let _ = client.0.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 101") && !answer.starts_with(b"HTTP/1.1 200"));
    }
    patient.send(text(r#"{"id":1,"method":"still here"}"#)).await;
    assert_eq!(patient.message().await, r#"{"id":1,"result":"still here"}"#);
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_in_time_ends() {
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let door = Door::with_limits(limits).await;
    let mut silent = door.connect().await;
    let mut half = door.connect().await;
    half.send("GET / HTTP/1.1\r\nHost:").await;
    let mut done = door.websocket().await;
    silent.ended().await;
    half.ended().await;
    done.send(text(r#"{"id":1,"method":"m"}"#)).await;
    assert_eq!(done.message().await, r#"{"id":1,"result":"m"}"#, "the limit is one of handshakes");
    drop(done);
    door.close().await;
}

#[tokio::test]
async fn no_more_clients_come_in_than_there_are_places() {
    let door = Door::with_limits(Limits { connections: 2, ..Limits::default() }).await;
    let first = door.websocket().await;
    let _second = door.websocket().await;
    let mut third = door.connect().await;
    third.send(upgrade("")).await;
    assert_eq!(third.head().await.0, 503);
    drop(first);
    // The place is free once the server has noticed.
    let mut fourth = loop {
        let mut client = door.connect().await;
        client.send(upgrade("")).await;
        if client.head().await.0 == 101 {
            break client;
        }
    };
    fourth.send(text(r#"{"id":1,"method":"m"}"#)).await;
    assert_eq!(fourth.message().await, r#"{"id":1,"result":"m"}"#);
}

#[tokio::test]
async fn thousands_of_connections_that_come_and_go_leave_nothing_behind() {
    let door = Door::plain().await;
    for round in 0..20 {
        let mut clients = Vec::new();
        for index in 0..100 {
            let mut client = door.connect().await;
            if index % 3 == 0 {
                client.send(upgrade("")).await;
            }
            clients.push(client);
        }
        drop(clients);
        let mut client = door.websocket().await;
        client.send(text(&format!(r#"{{"id":{round},"method":"m"}}"#))).await;
        assert_eq!(client.message().await, format!(r#"{{"id":{round},"result":"m"}}"#));
    }
    // Returns only when every connection has ended.
    door.close().await;
}

#[tokio::test]
async fn messages_may_come_right_behind_the_handshake() {
    let door = Door::plain().await;
    let Conversation(stream) = door.connect().await;
    let mut client = Conversation(stream);
    let mut bytes = upgrade("").into_bytes();
    bytes.extend(text(r#"{"id":1,"method":"eager"}"#));
    client.send(bytes).await;
    assert_eq!(client.head().await.0, 101);
    assert_eq!(client.message().await, r#"{"id":1,"result":"eager"}"#);
}
