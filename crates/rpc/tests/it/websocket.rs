use std::time::Duration;

use bytes::Bytes;
use rpc::{Framing, Incoming, Outgoing, Receive as _, WebSocketReader};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_a_backlog_unread_is_told_that_it_reads_too_slowly() {
    let (mut client, server) = tokio::io::duplex(1024);
    let (input, output) = tokio::io::split(server);
    let (outgoing, writer) = Outgoing::framed(output, 1024 * 1024, Framing::WebSocket);
    let mut reader = WebSocketReader::new(input, Bytes::new(), outgoing.clone(), Duration::from_secs(30)).await;
    let writing = tokio::spawn(writer.run());
    outgoing.push(Bytes::from(vec![b'x'; 4096])).expect("it is open");
    assert!(reader.next().await.expect("no failure").is_none(), "the client is given up");

    let mut read = Vec::new();
    client.read_to_end(&mut read).await.expect("it can be read from");
    writing.await.expect("no panic").expect("all is written");
    let reason = b"the client reads too slowly";
    let close = [&[0x88, 2 + u8::try_from(reason.len()).expect("a short reason")][..], &1013_u16.to_be_bytes(), reason];
    assert!(read.ends_with(&close.concat()), "{:?}", read.last_chunk::<40>());
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_message_takes_long_to_arrive_is_not_silent() {
    let (mut client, server) = tokio::io::duplex(1024);
    let (input, output) = tokio::io::split(server);
    let (outgoing, writer) = Outgoing::framed(output, 1024 * 1024, Framing::WebSocket);
    let patience = Duration::from_secs(30);
    let mut reader = WebSocketReader::new(input, Bytes::new(), outgoing.clone(), patience).await;
    let writing = tokio::spawn(writer.run());
    let sending = tokio::spawn(async move {
        // One frame, with a mask of zeros. No answer to a ping can come before its end.
        let text = br#"{"id":1,"method":"m"}"#;
        let frame = [&[0x81, 0x80 | u8::try_from(text.len()).expect("a short text"), 0, 0, 0, 0][..], text].concat();
        for byte in frame {
            tokio::time::sleep(patience / 2).await;
            client.write_u8(byte).await.expect("the connection is open");
        }
        client
    });
    assert!(matches!(reader.next().await, Ok(Some(Incoming::Request { .. }))), "the message has come");

    let mut client = sending.await.expect("no panic");
    assert!(reader.next().await.expect("no failure").is_none(), "now it is silent");
    writing.await.expect("no panic").expect("all is written");
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.expect("it can be read from");
    assert_eq!(read[..3], [0x89, 0, 0x88], "one ping, and the end");
}
