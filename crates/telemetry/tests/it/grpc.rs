//! Calls over real HTTP/2, with TLS and without.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use telemetry::{Network, Protocol, Target, Targets, TlsFiles};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::collector::{Collector, Posted, target};
use crate::kit::{LIMIT, event, logs_to, span, start};

/// How a call is answered.
#[derive(Clone)]
struct Answer {
    body: &'static [u8],
    /// What follows the body; without any it all stands in the head.
    trailers: Vec<(&'static str, &'static str)>,
    head: Vec<(&'static str, &'static str)>,
}

/// An empty message.
const NOTHING: &[u8] = &[0, 0, 0, 0, 0];

fn ok() -> Answer {
    Answer { body: NOTHING, trailers: vec![("grpc-status", "0")], head: vec![] }
}

fn failed(status: &'static str) -> Answer {
    Answer { body: &[], trailers: vec![], head: vec![("grpc-status", status), ("grpc-message", "not%20so")] }
}

/// A collector that answers with `answers`, one after the other, and then with success.
async fn collector(answers: impl IntoIterator<Item = Answer>, tls: Option<TlsAcceptor>) -> Collector {
    let answers: Arc<Mutex<VecDeque<Answer>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
    Collector::serving(move |stream, heard| {
        let (answers, tls) = (answers.clone(), tls.clone());
        async move {
            match tls {
                None => serve(stream, heard, answers).await,
                Some(tls) => {
                    // Whoever has no certificate is not served.
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, heard, answers).await;
                    }
                }
            }
        }
    })
    .await
}

/// The collector, spoken to without TLS.
fn plain(collector: &Collector) -> Target {
    Target { protocol: Protocol::Grpc, ..collector.target("") }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    heard: mpsc::UnboundedSender<Posted>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
) {
    let service = service_fn(move |request| {
        let (heard, answers) = (heard.clone(), answers.clone());
        async move {
            let _ = heard.send(Posted::read(request).await);
            let answer = answers.lock().unwrap().pop_front().unwrap_or_else(ok);
            let trailers = (!answer.trailers.is_empty()).then(|| Ok(headers(&answer.trailers)));
            let body = Full::new(Bytes::from_static(answer.body));
            let mut response = Response::new(body.with_trailers(std::future::ready(trailers)));
            *response.headers_mut() = headers(&answer.head);
            Ok::<_, Infallible>(response)
        }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// The message of a call.
fn message(posted: &Posted) -> &[u8] {
    let (prefix, message) = posted.body.split_at(5);
    assert_eq!(prefix[0], 0, "it is not compressed");
    assert_eq!(u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize, message.len());
    message
}

#[tokio::test]
async fn each_signal_calls_its_service() {
    let mut collector = collector([], None).await;
    let target = || Some(plain(&collector));
    let telemetry = start(&Targets { logs: target(), traces: target(), metrics: target(), ..Targets::default() });
    telemetry.log(event(1));
    telemetry.span(span());
    telemetry.end(LIMIT).await;

    let mut calls = vec![collector.next().await, collector.next().await, collector.next().await];
    calls.sort_by(|one, other| one.path.cmp(&other.path));
    let paths: Vec<_> = calls.iter().map(|call| call.path.as_str()).collect();
    let expected = [
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ];
    assert_eq!(paths, expected);
    for call in &calls {
        assert_eq!(call.headers["content-type"], "application/grpc");
        assert_eq!(call.headers["te"], "trailers");
        assert_eq!(call.headers["grpc-timeout"], "10S");
        assert_eq!(call.headers["x-key"], "secret");
        // The resource: field 1 of field 1, with its first attribute.
        let service = [&[0x0a, 12][..], b"service.name", &[0x12, 8, 0x0a, 6], b"tested"].concat();
        assert!(message(call).windows(service.len()).any(|bytes| bytes == service), "{}", call.path);
    }
    assert_eq!(telemetry.lost(), 0);
}

#[tokio::test]
async fn what_passes_is_called_again_with_the_same() {
    // With RetryInfo of a nanosecond; without any, being exhausted is for ever.
    let info = "GjAKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SBAoCEAE";
    let exhausted = Answer { head: vec![("grpc-status", "8"), ("grpc-status-details-bin", info)], ..failed("8") };
    let late = Answer { trailers: vec![("grpc-status", "14")], ..ok() };
    for answer in [failed("14"), late, exhausted] {
        let mut collector = collector([answer], None).await;
        let telemetry = logs_to(plain(&collector));
        telemetry.log(event(1));
        let (first, second) = (collector.next().await, collector.next().await);
        assert_eq!(first.body, second.body);
        telemetry.end(LIMIT).await;
        assert_eq!(telemetry.lost(), 0);
    }
}

#[tokio::test]
async fn what_lasts_is_counted_and_the_next_batch_is_sent() {
    let no_grpc = Answer { head: vec![], trailers: vec![], body: b"hello" };
    for answer in [failed("3"), failed("8"), failed("16"), no_grpc] {
        let mut collector = collector([answer], None).await;
        let telemetry = logs_to(plain(&collector));
        telemetry.log(event(1));
        let first = collector.next().await;
        telemetry.log(event(2));
        telemetry.end(LIMIT).await;
        let second = collector.next().await;
        assert_ne!(message(&first), message(&second));
        assert!(collector.posted.try_recv().is_err());
        assert_eq!(telemetry.lost(), 1);
    }
}

#[tokio::test]
async fn what_a_collector_throws_away_is_counted() {
    // Two records and a word.
    let body = &[0, 0, 0, 0, 9, 0x0a, 7, 0x08, 2, 0x12, 3, b'o', b'l', b'd'];
    let mut collector = collector([Answer { body, ..ok() }], None).await;
    let telemetry = logs_to(plain(&collector));
    for number in 0..3 {
        telemetry.log(event(number));
    }
    telemetry.end(LIMIT).await;
    collector.next().await;
    assert!(collector.posted.try_recv().is_err(), "it is not sent again");
    assert_eq!(telemetry.lost(), 2);
}

#[tokio::test]
async fn nothing_is_connected_before_there_is_something_to_send() {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    for protocol in [Protocol::Grpc, Protocol::HttpBinary] {
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let telemetry = logs_to(Target { protocol, ..target(&endpoint) });
        telemetry.end(LIMIT).await;
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

/// A certificate for the loopback interface that is its own authority, for servers and clients, of these tests only.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A server's side that wants to see that certificate.
fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let certificate = || CertificateDer::from_pem_file(data("collector.crt")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate()], PrivateKeyDer::from_pem_file(data("collector.key")).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn encrypted(address: SocketAddr) -> Target {
    let tls = TlsFiles {
        ca_certificate: Some(data("collector.crt")),
        client_certificate: Some(data("collector.crt")),
        client_private_key: Some(data("collector.key")),
    };
    Target { protocol: Protocol::Grpc, tls, ..target(&format!("https://{address}")) }
}

#[tokio::test]
async fn both_sides_show_their_certificates() {
    let mut collector = collector([], Some(acceptor())).await;
    let telemetry = logs_to(encrypted(collector.address));
    telemetry.log(event(1));
    telemetry.end(LIMIT).await;
    collector.next().await;
    assert_eq!(telemetry.lost(), 0);

    let whole = encrypted(collector.address);
    let stranger = TlsFiles { ca_certificate: None, ..whole.tls.clone() };
    let nobody = TlsFiles { ca_certificate: whole.tls.ca_certificate.clone(), ..TlsFiles::default() };
    for tls in [stranger, nobody] {
        let telemetry = logs_to(Target { tls, ..whole.clone() });
        telemetry.log(event(1));
        telemetry.end(LIMIT).await;
        assert_eq!(telemetry.lost(), 1);
    }
    assert!(collector.posted.try_recv().is_err());
}

/// Opens a tunnel for one client; gives where it led to.
async fn tunnel(listener: TcpListener) -> String {
    let (client, _) = listener.accept().await.unwrap();
    let mut client = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        client.read_line(&mut head).await.unwrap();
    }
    let to = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
    let mut server = TcpStream::connect(&to).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    to
}

#[tokio::test]
async fn encrypted_calls_go_through_the_proxy_and_others_do_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Some(format!("http://{}", listener.local_addr().unwrap()));
    let network = Network { http_proxy: proxy.clone(), https_proxy: proxy, ..Network::default() };
    let tunnel = tokio::spawn(tunnel(listener));

    let mut open = collector([], None).await;
    let telemetry = start(&Targets { logs: Some(plain(&open)), network: network.clone(), ..Targets::default() });
    telemetry.log(event(1));
    telemetry.end(LIMIT).await;
    open.next().await;
    assert!(!tunnel.is_finished());

    let mut collector = collector([], Some(acceptor())).await;
    let logs = Some(encrypted(collector.address));
    let telemetry = start(&Targets { logs, network, ..Targets::default() });
    telemetry.log(event(1));
    telemetry.end(LIMIT).await;
    collector.next().await;
    drop(telemetry);
    assert_eq!(tunnel.await.unwrap(), collector.address.to_string());
}
