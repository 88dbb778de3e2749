//! Lines in, messages out: whatever stands between two good lines, both arrive.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use rpc::{Incoming, Reader};
use tokio::io::{AsyncRead, ReadBuf};

/// Input that arrives in given pieces, as from a pipe.
pub(crate) struct Pieces(pub(crate) std::collections::VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn pieces<const N: usize>(pieces: [&[u8]; N]) -> Pieces {
    Pieces(pieces.into_iter().filter(|piece| !piece.is_empty()).map(<[u8]>::to_vec).collect())
}

fn render(message: Incoming) -> String {
    match message {
        Incoming::Request { id, method, params } => {
            format!("{id} {method} {}", params.map_or_else(String::new, |params| params.get().to_owned()))
        }
        Incoming::Notification { method, .. } => method,
        Incoming::Response { id, outcome: Ok(result) } => format!("{id} = {result}"),
        Incoming::Response { id, outcome: Err(_) } => format!("{id} failed"),
    }
}

pub(crate) async fn read_all(mut reader: Reader<impl AsyncRead + Unpin>) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(message) = reader.next().await.unwrap() {
        messages.push(render(message));
    }
    messages
}

/// Polls a future that never has to wait.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the input of this test is always ready"),
    }
}

#[tokio::test]
async fn lines_may_be_cut_anywhere() {
    let text = "{\"id\":1,\"method\":\"a\",\"params\":{\"t\":\"Grüße 🦀\"}}\r\n\n{\"method\":\"b\"}\n".as_bytes();
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let input = pieces([&text[..first], &text[first..second], &text[second..]]);
            assert_eq!(read_all(Reader::new(input)).await, [r#"1 a {"t":"Grüße 🦀"}"#, "b"], "{first} {second}");
        }
    }
}

#[tokio::test]
async fn malformed_lines_are_skipped() {
    let text =
        b"{\"method\":\"a\"}\n{not json\n[1,2,3]\n\"text\"\n\n{\"id\":77}\n{\"foo\":1}\nNaN\n{\"method\":\"b\"}\n";
    assert_eq!(read_all(Reader::new(&text[..])).await, ["a", "b"]);
}

#[tokio::test]
async fn a_byte_that_is_not_utf8_costs_its_own_line_and_no_other() {
    let text = b"{\"method\":\"a\"}\n{\"method\":\"x\",\"params\":\"\xff\"}\n\xff\n{\"method\":\"x\xc3\"}\n{\"method\":\"b\"}\n";
    assert_eq!(read_all(Reader::new(&text[..])).await, ["a", "b"]);
}

#[tokio::test]
async fn the_last_line_needs_no_line_break() {
    assert_eq!(read_all(Reader::new(&b"{\"method\":\"a\"}\n{\"method\":\"b\"}"[..])).await, ["a", "b"]);
    assert_eq!(read_all(Reader::new(&b"{\"method\":\"a\"}\n{\"meth"[..])).await, ["a"]);
}

#[tokio::test]
async fn a_line_at_the_limit_is_read_and_a_longer_one_skipped_to_its_end() {
    let fits = r#"{"method":"fits!"}"#;
    let longer = r#"{"method":"longer"}"#;
    assert_eq!(longer.len(), fits.len() + 1);
    let long = format!("{{\"method\":\"{}\"}}", "x".repeat(1000));
    let text = format!("{fits}\n{longer}\n{long}\n{fits}\n{long}");
    for size in [1, 7, 100, text.len()] {
        let input = Pieces(text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect());
        assert_eq!(read_all(Reader::with_limit(input, fits.len())).await, ["fits!", "fits!"], "pieces of {size}");
    }
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let (mut client, server) = rpc::in_process();
    let mut reader = Reader::new(server);
    for byte in b"{\"method\":\"a\"}" {
        tokio::io::AsyncWriteExt::write_all(&mut client, &[*byte]).await.unwrap();
        tokio::select! {
            biased;
            message = reader.next() => panic!("half a line made a message: {message:?}"),
            () = std::future::ready(()) => {}
        }
    }
    tokio::io::AsyncWriteExt::write_all(&mut client, b"\n").await.unwrap();
    assert_eq!(render(reader.next().await.unwrap().unwrap()), "a");
}

proptest! {
    #[test]
    fn good_lines_between_garbage_arrive_and_nothing_panics(
        garbage in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20),
        size in 1_usize..200,
    ) {
        let mut text = Vec::new();
        for (index, garbage) in garbage.iter().enumerate() {
            text.extend_from_slice(garbage);
            text.extend_from_slice(format!("\n{{\"id\":{index},\"method\":\"good\"}}\n").as_bytes());
        }
        let input = Pieces(text.chunks(size).map(<[u8]>::to_vec).collect());
        let messages = now(read_all(Reader::with_limit(input, 64)));
        let good = messages.iter().filter(|message| message.ends_with(" good "));
        let expected: Vec<_> = (0..garbage.len()).map(|index| format!("{index} good ")).collect();
        prop_assert_eq!(good.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn almost_messages_never_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"id\"", "\"method\"", "\"params\"", "\"result\"", "\"error\"", "\"\\ud800\"",
            "null", "1", "-1", "1e999", "true", "\"a\"", "\\", "\"", " ", "\u{0}", "{\"code\":1,\"message\":\"m\"}",
        ]), 0..24),
    ) {
        let _ = Incoming::decode(parts.concat().as_bytes());
    }
}
