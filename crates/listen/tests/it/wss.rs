//! TLS in front of all the rest.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use listen::{Address, BindError, Listener, Options, Tls, TlsError};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::kit::{Conversation, Door, loopback, text, upgrade};

/// A certificate for `localhost` that is its own authority, for these tests only.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn tls() -> Option<Tls> {
    Some(Tls::load(&data("localhost.crt"), &data("localhost.key")).unwrap())
}

fn secure() -> Vec<Address> {
    vec![Address::Wss(SocketAddr::from(([127, 0, 0, 1], 0)))]
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_talks_through_it() {
    let door = Door::open(Options { addresses: secure(), tls: tls(), ..Options::default() }).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data("localhost.crt")).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(door.port()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();

    let mut client = Conversation(stream);
    client.shake_hands("").await;
    client.send(text(r#"{"id":1,"method":"m"}"#)).await;
    assert_eq!(client.message().await, r#"{"id":1,"result":"m"}"#);
    drop(client);

    // Without TLS nobody comes in.
    let mut plain = door.connect().await;
    plain.send(upgrade("")).await;
    plain.ended().await;
    door.close().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let load = |certificate: &str, key: &str| match Tls::load(&data(certificate), &data(key)) {
        Ok(_) => panic!("{certificate} and {key} do not fit"),
        Err(error) => error,
    };
    assert!(matches!(load("none.crt", "localhost.key"), TlsError::Pem { what: "a certificate", .. }));
    assert!(matches!(load("localhost.crt", "none.key"), TlsError::Pem { what: "a private key", .. }));
    assert!(matches!(load("localhost.crt", "localhost.crt"), TlsError::Pem { what: "a private key", .. }));
    assert!(matches!(load("localhost.key", "localhost.key"), TlsError::NoCertificate(_)));
    let options = Options { addresses: vec![loopback()], tls: tls(), ..Options::default() };
    assert!(matches!(Listener::bind(options).await, Err(BindError::NothingToEncrypt)));
}
