//! Messages out: in order, few writes, bounded, and whole to the end.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use rpc::{Closed, Outgoing, TrySendError};
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
