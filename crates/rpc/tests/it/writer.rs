//! Messages out: in order, few writes, bounded, and whole to the end.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc::{Close, Closed, Framing, Notice, Outgoing, Parts, RequestId, Responder, TrySendError};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWrite};

/// An output that records what is done to it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Call>>>);

#[derive(Clone, Debug, PartialEq)]
enum Call {
    Write(Vec<u8>),
    Flush,
    Shutdown,
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().push(Call::Write(bytes.to_vec()));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().push(Call::Flush);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().push(Call::Shutdown);
        Poll::Ready(Ok(()))
    }
}

fn frame(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// A frame whose cost is about `bytes`.
fn frame_of(bytes: usize) -> Bytes {
    Bytes::from(vec![b'x'; bytes])
}

#[tokio::test]
async fn what_is_queued_together_is_written_together_and_flushed_once() {
    let output = Recorder::default();
    let (outgoing, writer) = Outgoing::new(output.clone());
    for text in ["1", "2", "3"] {
        outgoing.push(frame(text)).unwrap();
    }
    outgoing.close();
    writer.run().await.unwrap();

    let calls = output.0.lock().unwrap().clone();
    assert_eq!(calls, [Call::Write(b"1\n2\n3\n".to_vec()), Call::Flush, Call::Shutdown]);
}

#[tokio::test]
async fn frames_of_all_sizes_arrive_in_the_order_of_the_calls() {
    let (mut client, server) = rpc::in_process();
    let (outgoing, writer) = Outgoing::new(server);
    let writer = tokio::spawn(writer.run());

    let mut expected = String::new();
    for index in 0..300 {
        let text = format!("{index}:{}", "x".repeat(if index % 17 == 0 { 100_000 } else { index * 7 }));
        expected.push_str(&text);
        expected.push('\n');
        match index % 3 {
            0 => outgoing.push(frame(&text)).unwrap(),
            1 => outgoing.try_send(frame(&text)).unwrap(),
            _ => outgoing.send(frame(&text)).await.unwrap(),
        }
    }
    outgoing.close();
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert!(received == expected);
    writer.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slow_client_makes_try_send_fail_and_send_wait() {
    let (mut client, server) = tokio::io::duplex(16);
    let (outgoing, writer) = Outgoing::with_capacity(server, 1000);
    let _writer = tokio::spawn(writer.run());

    outgoing.try_send(frame_of(800)).unwrap();
    assert_eq!(outgoing.try_send(frame_of(800)), Err(TrySendError::Lagging));
    let waiting = tokio::spawn({
        let outgoing = outgoing.clone();
        async move { outgoing.send(frame_of(801)).await }
    });
    let mut read = vec![0; 800 + 1 + 801 + 1];
    client.read_exact(&mut read).await.unwrap();

    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(read.iter().filter(|byte| **byte == b'x').count(), 800 + 801);
}

#[tokio::test]
async fn what_is_owed_is_queued_over_the_limit_and_ready_waits_for_it_to_drain() {
    let (mut client, server) = tokio::io::duplex(16);
    let (outgoing, writer) = Outgoing::with_capacity(server, 1000);
    let _writer = tokio::spawn(writer.run());
    outgoing.ready().await;

    for _ in 0..5 {
        outgoing.push(frame_of(999)).unwrap();
    }
    tokio::select! {
        biased;
        () = outgoing.ready() => panic!("the queue is over its limit"),
        () = std::future::ready(()) => {}
    }
    let mut read = vec![0; 5000];
    let ((), read) = tokio::join!(outgoing.ready(), client.read_exact(&mut read));
    assert_eq!(read.unwrap(), 5000);
}

#[tokio::test]
async fn a_frame_larger_than_the_limit_fits_into_an_empty_queue() {
    let (_client, server) = rpc::in_process();
    let (outgoing, _writer) = Outgoing::with_capacity(server, 1000);
    outgoing.try_send(frame_of(5000)).unwrap();
    assert_eq!(outgoing.try_send(frame_of(1)), Err(TrySendError::Lagging));
}

#[test]
fn many_empty_frames_are_bounded_too() {
    let (outgoing, _writer) = Outgoing::with_capacity(tokio::io::sink(), 1000);
    let accepted = (0..1000).take_while(|_| outgoing.try_send(Bytes::new()).is_ok()).count();
    assert!(accepted < 20, "{accepted} frames");
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_refuses_the_rest() {
    let (mut client, server) = rpc::in_process();
    let (outgoing, writer) = Outgoing::new(server);
    outgoing.push(frame("last words")).unwrap();
    outgoing.close();
    assert_eq!(outgoing.push(frame("too late")), Err(Closed));
    assert_eq!(outgoing.send(frame("too late")).await, Err(Closed));

    let writer = tokio::spawn(writer.run());
    outgoing.closed().await;
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "last words\n");
    writer.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_writer_ends_when_the_last_handle_is_gone() {
    let (mut client, server) = rpc::in_process();
    let (outgoing, writer) = Outgoing::new(server);
    let writer = tokio::spawn(writer.run());
    let clone = outgoing.clone();
    drop(outgoing);
    clone.push(frame("still here")).unwrap();
    drop(clone);

    writer.await.unwrap().unwrap();
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "still here\n");
}

#[tokio::test]
async fn a_client_that_is_gone_closes_the_connection() {
    let (client, server) = rpc::in_process();
    let (outgoing, writer) = Outgoing::with_capacity(server, 1000);
    let writer = tokio::spawn(writer.run());
    drop(client);
    outgoing.push(frame("anyone?")).unwrap();

    assert!(writer.await.unwrap().is_err());
    outgoing.closed().await;
    assert!(outgoing.is_closed());
    assert_eq!(outgoing.queued_bytes(), 0);
    assert_eq!(outgoing.try_send(frame("x")), Err(TrySendError::Closed));
}

#[tokio::test]
async fn an_aborted_writer_wakes_those_who_wait_for_room() {
    let (_client, server) = tokio::io::duplex(1);
    let (outgoing, writer) = Outgoing::with_capacity(server, 1000);
    let writer = tokio::spawn(writer.run());
    outgoing.push(frame_of(2000)).unwrap();
    let waiting = tokio::spawn({
        let outgoing = outgoing.clone();
        async move { outgoing.send(frame_of(1)).await }
    });
    writer.abort();
    assert_eq!(waiting.await.unwrap(), Err(Closed));
    outgoing.ready().await;
    outgoing.closed().await;
}

/// A piece of a text that belongs to a stream, numbered.
fn delta(stream: u128, number: u64, item: &str, text: &str) -> Notice {
    Notice::delta("delta", &json!({ "item": item, "delta": text })).in_stream(stream, number)
}

/// Makes the client lag: this much has to be read before anything else.
fn fill(outgoing: &Outgoing) {
    outgoing.push(frame_of(1100 * 1024)).unwrap();
}

/// What is written after what [`fill`] has queued.
async fn written(outgoing: Outgoing, writer: rpc::Writer<Recorder>, output: &Recorder) -> Vec<String> {
    outgoing.close();
    writer.run().await.unwrap();
    let calls = output.0.lock().unwrap().clone();
    let bytes: Vec<u8> =
        calls.into_iter().flat_map(|call| if let Call::Write(bytes) = call { bytes } else { vec![] }).collect();
    String::from_utf8(bytes).unwrap().lines().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_client_that_keeps_up_gets_every_piece_by_itself() {
    let output = Recorder::default();
    let (outgoing, writer) = Outgoing::new(output.clone());
    outgoing.push(frame("first")).unwrap();
    for number in 1..=3 {
        outgoing.tell(&delta(1, number, "a", "x"), false).unwrap();
    }
    assert_eq!(written(outgoing, writer, &output).await.len(), 3);
}

#[tokio::test]
async fn pieces_are_joined_for_a_client_that_lags_but_nothing_changes_its_place() {
    let output = Recorder::default();
    let (outgoing, writer) = Outgoing::new(output.clone());
    fill(&outgoing);
    let told = [
        delta(1, 1, "a", "one \""),
        delta(1, 2, "a", "two"),
        delta(2, 1, "b", "other stream"),
        delta(1, 3, "a", "three"),
        delta(1, 4, "c", "other item"),
        delta(1, 5, "a", "behind it"),
        Notice::new("end", &json!({})).in_stream(1, 6),
        delta(1, 7, "a", "behind the end"),
    ];
    for notice in &told {
        outgoing.tell(notice, true).unwrap();
    }
    outgoing.push(frame("an answer")).unwrap();
    outgoing.tell(&delta(1, 8, "a", "behind an answer"), true).unwrap();
    let lines = written(outgoing, writer, &output).await;
    assert_eq!(
        lines,
        [
            r#"{"firstSeq":1,"seq":3,"method":"delta","params":{"delta":"one \"twothree","item":"a"}}"#,
            r#"{"seq":1,"method":"delta","params":{"delta":"other stream","item":"b"}}"#,
            r#"{"seq":4,"method":"delta","params":{"delta":"other item","item":"c"}}"#,
            r#"{"seq":5,"method":"delta","params":{"delta":"behind it","item":"a"}}"#,
            r#"{"seq":6,"method":"end","params":{}}"#,
            r#"{"seq":7,"method":"delta","params":{"delta":"behind the end","item":"a"}}"#,
            "an answer",
            r#"{"seq":8,"method":"delta","params":{"delta":"behind an answer","item":"a"}}"#,
        ]
    );
}

#[tokio::test]
async fn joined_pieces_stay_of_a_size_that_can_be_written_in_turns() {
    let output = Recorder::default();
    let (outgoing, writer) = Outgoing::new(output.clone());
    fill(&outgoing);
    for number in 0..100_u32 {
        let text = format!("{number:08}").repeat(1250);
        outgoing.tell(&delta(1, 0, "a", &text), false).unwrap();
    }
    let lines = written(outgoing, writer, &output).await;
    assert!((4..=5).contains(&lines.len()), "{} messages", lines.len());
    assert!(lines.iter().all(|line| line.len() < 300_000));
    let text: String = lines
        .iter()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["params"]["delta"].as_str().unwrap().to_owned()
        })
        .collect();
    let expected: String = (0..100_u32).map(|number| format!("{number:08}").repeat(1250)).collect();
    assert!(text == expected, "nothing is lost or changes its place");
}

#[tokio::test]
async fn joined_pieces_count_against_the_limit() {
    let (outgoing, _writer) = Outgoing::with_capacity(tokio::io::sink(), 1200 * 1024);
    fill(&outgoing);
    let piece = delta(1, 0, "a", &"x".repeat(10_000));
    let accepted = (0..1000).take_while(|_| outgoing.tell(&piece, false).is_ok()).count();
    assert!((9..=11).contains(&accepted), "{accepted} pieces");
    assert!(outgoing.queued_bytes() <= 1200 * 1024);
}

#[tokio::test]
async fn websocket_frames_have_the_shortest_length_and_end_with_a_reason() {
    for (length, head) in [
        (0, vec![0x81, 0]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (65_535, vec![0x81, 126, 0xff, 0xff]),
        (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let (mut client, server) = tokio::io::duplex(200_000);
        let (outgoing, writer) = Outgoing::framed(server, 1_000_000, Framing::WebSocket);
        outgoing.push(frame_of(length)).unwrap();
        outgoing.close_because(Close::GOING_AWAY);
        writer.run().await.unwrap();
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes[..head.len()], head, "{length}");
        assert!(bytes[head.len()..head.len() + length].iter().all(|byte| *byte == b'x'));
        let farewell = &bytes[head.len() + length..];
        assert_eq!((farewell[0], &farewell[2..4]), (0x88, &1001_u16.to_be_bytes()[..]));
    }
}

#[tokio::test]
async fn what_is_abandoned_is_not_written_but_its_client_is_told_why() {
    let (mut client, server) = tokio::io::duplex(16);
    let (outgoing, writer) = Outgoing::framed(server, 1_000_000, Framing::WebSocket);
    let writer = tokio::spawn(writer.run());
    for _ in 0..5 {
        outgoing.push(frame_of(1000)).unwrap();
    }
    tokio::task::yield_now().await;
    outgoing.abandon(Close::TOO_SLOW);
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    writer.await.unwrap().unwrap();
    let farewell = [&[0x88, 28][..], &1013_u16.to_be_bytes(), b"the client reads too slowly"].concat();
    assert!(bytes.ends_with(&farewell[2..]), "{:?}", String::from_utf8_lossy(&bytes[bytes.len() - 30..]));
}

fn begin(outgoing: &Outgoing) -> Parts {
    Responder::new(RequestId::Int(1), outgoing.clone()).respond_in_parts().expect("the connection is open")
}

#[tokio::test]
async fn a_response_in_parts_has_its_place_between_what_is_sent_before_and_after_it() {
    let (mut client, server) = rpc::in_process();
    let (outgoing, writer) = Outgoing::new(server);
    let _writer = tokio::spawn(writer.run());
    outgoing.push(frame("before")).unwrap();
    let mut parts = begin(&outgoing);
    outgoing.push(frame("after")).unwrap();

    parts.wanted().await.unwrap();
    let mut read = [0; 7];
    client.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"before\n");
    let large = "x".repeat(300_000);
    let making = tokio::spawn(async move {
        parts.send(frame("one,")).await?;
        parts.send(frame(&large)).await?;
        parts.finish(frame("!")).await
    });
    let mut rest = vec![0; 4 + 300_000 + 2 + 6];
    client.read_exact(&mut rest).await.unwrap();
    assert_eq!(&rest[..4], b"one,");
    assert_eq!(&rest[300_004..], b"!\nafter\n");
    making.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_waits_to_be_made_costs_a_slow_client_nothing_and_is_not_wanted_yet() {
    let (_client, server) = tokio::io::duplex(16);
    let (outgoing, writer) = Outgoing::new(server);
    let writer = tokio::spawn(writer.run());
    outgoing.push(frame_of(1000)).unwrap();
    let mut parts = begin(&outgoing);
    tokio::select! {
        biased;
        _ = parts.wanted() => panic!("the client has not read what comes before"),
        () = tokio::task::yield_now() => {}
    }
    assert!(outgoing.queued_bytes() < 2000);
    // The connection ends; nothing need be made any more.
    writer.abort();
    assert_eq!(parts.wanted().await, Err(Closed));
    assert_eq!(parts.send(frame("x")).await, Err(Closed));
}

#[tokio::test]
async fn half_a_response_ends_the_connection() {
    let (mut client, server) = rpc::in_process();
    let (outgoing, writer) = Outgoing::new(server);
    let writer = tokio::spawn(writer.run());
    let parts = begin(&outgoing);
    outgoing.push(frame("never")).unwrap();
    parts.send(frame("half")).await.unwrap();
    drop(parts);

    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "half");
    assert!(writer.await.unwrap().is_err());
    assert!(outgoing.is_closed());
}

#[tokio::test]
async fn a_websocket_frame_has_its_length_first_and_waits_for_all_parts() {
    let output = Recorder::default();
    let (outgoing, writer) = Outgoing::framed(output.clone(), 1000, Framing::WebSocket);
    assert!(!outgoing.takes_parts());
    let parts = begin(&outgoing);
    outgoing.close();
    let writer = tokio::spawn(writer.run());
    parts.send(frame("one,")).await.unwrap();
    parts.finish(frame("two")).await.unwrap();
    writer.await.unwrap().unwrap();

    let calls = output.0.lock().unwrap().clone();
    assert_eq!(calls[0], Call::Write(b"\x81\x07one,two".to_vec()));
}
