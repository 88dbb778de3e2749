//! Unix sockets: files with rights, and what a server that has crashed leaves behind.

use std::os::unix::fs::PermissionsExt as _;

use listen::{Address, BindError, Listener, Options};
use tokio::net::UnixStream;

use crate::kit::{Conversation, Door, loopback, text};

fn at(path: &std::path::Path) -> Options {
    Options { addresses: vec![Address::Unix(path.to_owned()), loopback()], ..Options::default() }
}

#[tokio::test]
async fn only_the_owner_may_open_the_file_and_it_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let door = Door::open(at(&path)).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut client = Conversation(UnixStream::connect(&path).await.unwrap());
    client.shake_hands("").await;
    client.send(text(r#"{"id":1,"method":"m"}"#)).await;
    assert_eq!(client.message().await, r#"{"id":1,"result":"m"}"#);
    drop(client);
    door.close().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_nobody_listens_on_is_replaced_and_another_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // A listener that is gone leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let door = Door::open(at(&path)).await;
    let taken = Listener::bind(at(&path)).await;
    assert!(matches!(taken, Err(BindError::Io { .. })), "somebody listens there");
    door.close().await;

    std::fs::write(&path, "notes").unwrap();
    assert!(Listener::bind(at(&path)).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "notes");
}
