use std::time::Duration;

use bytes::Bytes;
use rpc::{Framing, Outgoing, Receive as _, WebSocketReader};
use tokio::io::AsyncReadExt as _;

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
