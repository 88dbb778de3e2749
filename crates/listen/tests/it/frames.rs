//! Frames: what is taken, what is skipped, and what ends a connection with which code.

use std::time::Duration;

use listen::Limits;

use crate::kit::{Door, frame, text};

const REQUEST: &str = r#"{"id":1,"method":"m"}"#;
const ANSWER: &str = r#"{"id":1,"result":"m"}"#;

#[tokio::test]
async fn broken_rules_end_the_connection_with_a_code_that_says_so() {
    let door = Door::plain().await;
    let too_large = {
        let mut head = vec![0x81, 0x80 | 127];
        head.extend_from_slice(&(16_u64 * 1024 * 1024 + 1).to_be_bytes());
        head.extend_from_slice(&[0; 4]);
        head
    };
    let unmasked = [&[0x81, REQUEST.len() as u8], REQUEST.as_bytes()].concat();
    let cases = [
        ("not UTF-8", frame(0x81, b"{\"id\":1,\"method\":\"\xff\"}"), 1007),
        ("not masked", unmasked, 1002),
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("a reserved bit", frame(0xc1, REQUEST.as_bytes()), 1002),
        ("a ping that is too long", frame(0x89, &[0; 126]), 1002),
        ("a ping in pieces", frame(0x09, b"x"), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("too large a frame", too_large, 1009),
        ("a close frame", frame(0x88, &[3, 232]), 1000),
        ("an empty close frame", frame(0x88, b""), 1000),
    ];
    for (what, bytes, code) in cases {
        let mut client = door.websocket().await;
        client.send(bytes).await;
        assert_eq!(client.close_code().await, code, "{what}");
    }
    door.close().await;
}

#[tokio::test]
async fn what_is_no_message_is_skipped() {
    let door = Door::plain().await;
    let mut client = door.websocket().await;
    for nonsense in
        ["{broken", "", "[]", "null", "7", r#"{"id":4}"#, "{\"id\":1,\"method\":\"a\"}\n{\"id\":2,\"method\":\"b\"}"]
    {
        client.send(text(nonsense)).await;
    }
    client.send(frame(0x82, REQUEST.as_bytes())).await;
    client.send(frame(0x8a, b"unasked")).await;
    client.send(text(REQUEST)).await;
    assert_eq!(client.message().await, ANSWER);
}

#[tokio::test]
async fn pieces_are_put_together_and_pings_between_them_answered() {
    let door = Door::plain().await;
    let mut client = door.websocket().await;
    client.send(frame(0x01, &REQUEST.as_bytes()[..5])).await;
    client.send(frame(0x89, b"between")).await;
    assert_eq!(client.frame().await, Some((0x8a, b"between".to_vec())));
    client.send(frame(0x00, &REQUEST.as_bytes()[5..9])).await;
    client.send(frame(0x80, &REQUEST.as_bytes()[9..])).await;
    assert_eq!(client.message().await, ANSWER);
}

#[tokio::test]
async fn messages_of_all_sizes_go_both_ways() {
    let door = Door::plain().await;
    let mut client = door.websocket().await;
    for size in [0, 1, 100, 103, 104, 125, 126, 127, 65_000, 65_534, 65_535, 65_536, 200_000, 3_000_000] {
        let method = "x".repeat(size);
        client.send(text(&format!(r#"{{"id":1,"method":"{method}"}}"#))).await;
        assert!(client.message().await == format!(r#"{{"id":1,"result":"{method}"}}"#), "{size}");
    }
}

#[tokio::test]
async fn a_client_that_is_cut_off_is_told_why() {
    let door = Door::plain().await;
    let mut client = door.websocket().await;
    client.send(text(r#"{"id":1,"method":"slow"}"#)).await;
    assert_eq!(client.close_code().await, 1013);
}

#[tokio::test]
async fn a_silent_client_that_reads_what_it_is_told_is_not_given_up() {
    let door = Door::with_limits(Limits { patience: Duration::from_millis(150), ..Limits::default() }).await;
    let mut client = door.websocket().await;
    client.send(text(r#"{"id":1,"method":"stream"}"#)).await;
    // Answers to pings lie behind all that has not been read yet; here they never come.
    let mut pings = 0;
    while pings < 4 {
        let (first, _) = client.frame().await.expect("the connection is open");
        assert_ne!(first, 0x88, "given up after {pings} pings");
        pings += usize::from(first == 0x89);
    }
    drop(client);
    door.close().await;
}

#[tokio::test]
async fn a_silent_client_is_asked_and_one_that_does_not_answer_given_up() {
    let door = Door::with_limits(Limits { patience: Duration::from_millis(150), ..Limits::default() }).await;
    let mut client = door.websocket().await;
    for _ in 0..3 {
        assert_eq!(client.frame().await, Some((0x89, Vec::new())), "a ping");
        client.send(frame(0x8a, b"")).await;
    }
    assert_eq!(client.frame().await, Some((0x89, Vec::new())), "a ping");
    assert_eq!(client.close_code().await, 1001);
    door.close().await;
}
