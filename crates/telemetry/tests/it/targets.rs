use std::fs;
use std::path::PathBuf;

use telemetry::{Origin, Target, Targets, Telemetry, TlsFiles};

use crate::collector::target;

/// What is said of a target that cannot be used.
fn refusal(target: Target) -> String {
    let origin = Origin { service: "tested", version: String::new(), attributes: vec![] };
    let targets = Targets { metrics: Some(target), ..Targets::default() };
    Telemetry::start(&targets, origin, Vec::new).unwrap_err().to_string()
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    assert!(refusal(target("not a url")).contains("`not a url`"));
    assert!(refusal(target("ftp://host/")).contains("`ftp://host/`"));
    let bad_header = Target { headers: vec![("a b".to_owned(), String::new())], ..target("http://host/") };
    assert!(refusal(bad_header).contains("`a b`"));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let with = |tls: TlsFiles| Target { tls, ..target("https://host/") };
    let authority = |path: PathBuf| with(TlsFiles { ca_certificate: Some(path), ..TlsFiles::default() });

    assert!(refusal(authority(file("missing.pem"))).contains("missing.pem"));
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    fs::write(file("broken.pem"), broken).unwrap();
    assert!(refusal(authority(file("broken.pem"))).contains("broken.pem"));

    let half = TlsFiles { client_certificate: Some(file("broken.pem")), ..TlsFiles::default() };
    assert!(refusal(with(half.clone())).contains("private key"));
    let whole = TlsFiles { client_private_key: Some(file("broken.pem")), ..half };
    assert!(refusal(with(whole)).contains("broken.pem"));
}
