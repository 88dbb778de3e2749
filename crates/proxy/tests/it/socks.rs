//! SOCKS 5.

use crate::kit::{host, world};

const HELLO: &[u8] = &[5, 1, 0];

/// A request for a name.
fn request(command: u8, name: &str, port: u16) -> Vec<u8> {
    let mut bytes = vec![5, command, 0, 3, name.len() as u8];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&port.to_be_bytes());
    bytes
}

/// The second byte of the answer to a request.
async fn reply(limited: bool, request: Vec<u8>) -> Option<u8> {
    world(limited).socks(vec![HELLO.to_vec(), request]).await.get(3).copied()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_whatever_is_said() {
    let (port, heard) = host(b"and back");
    let said = vec![HELLO.to_vec(), request(1, "open.test", port), b"there\r\n\r\n".to_vec()];
    let answer = world(false).socks(said).await;
    assert_eq!(answer, [&[5, 0][..], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0], b"and back"].concat());
    assert_eq!(heard.join().unwrap(), "there\r\n\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_reached_is_not() {
    assert_eq!(reply(false, request(1, "denied.test", 80)).await, Some(2));
    assert_eq!(reply(false, request(1, "private.test", 80)).await, Some(2));
    assert_eq!(reply(false, vec![5, 1, 0, 1, 127, 0, 0, 1, 0, 80]).await, Some(2));
    assert_eq!(reply(false, vec![5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80]).await, Some(2));
    assert_eq!(reply(true, request(1, "open.test", 80)).await, Some(2), "limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_is_named() {
    assert_eq!(reply(false, request(2, "open.test", 80)).await, Some(7), "listening");
    assert_eq!(reply(false, request(3, "open.test", 80)).await, Some(7), "UDP");
    assert_eq!(reply(false, vec![5, 1, 0, 9, 0, 0]).await, Some(8));
    assert_eq!(reply(false, request(1, "a b", 80)).await, Some(4));
    assert_eq!(reply(false, request(1, "nobody.test", 80)).await, Some(4));
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(reply(false, request(1, "open.test", unused)).await, Some(5));
    assert_eq!(world(false).socks(vec![vec![5, 1, 2]]).await, [5, 0xff], "only with a password");
    assert!(world(false).socks(vec![vec![4, 1, 0, 80]]).await.is_empty(), "another version");
}
