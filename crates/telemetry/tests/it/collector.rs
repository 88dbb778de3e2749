//! A small collector, over real sockets.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use telemetry::{Protocol, Target, TlsFiles};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What was sent to the collector.
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Posted {
    pub(crate) async fn read(request: Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { path: parts.uri.path().to_owned(), headers: parts.headers, body }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    pub(crate) posted: mpsc::UnboundedReceiver<Posted>,
}

impl Collector {
    /// Answers with `statuses`, one after the other, and then with success.
    pub(crate) async fn start(statuses: &[u16]) -> Self {
        Self::answering(statuses.iter().map(|status| (*status, ""))).await
    }

    /// The same, with a body each.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        let answers: Arc<Mutex<VecDeque<(u16, &str)>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self::serving(move |stream, heard| {
            let answers = answers.clone();
            let answer = service_fn(move |request| {
                let (heard, answers) = (heard.clone(), answers.clone());
                async move {
                    let _ = heard.send(Posted::read(request).await);
                    let (status, body) = answers.lock().unwrap().pop_front().unwrap_or((200, ""));
                    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    Ok::<_, Infallible>(response)
                }
            });
            async move {
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            }
        })
        .await
    }

    /// Has each connection served by `serve`, which tells of what it hears.
    pub(crate) async fn serving<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(TcpStream, mpsc::UnboundedSender<Posted>) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard, posted) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, heard.clone()));
            }
        });
        Self { address, posted }
    }

    pub(crate) fn target(&self, path: &str) -> Target {
        target(&format!("http://{}{path}", self.address))
    }

    pub(crate) async fn next(&mut self) -> Posted {
        self.posted.recv().await.unwrap()
    }
}

pub(crate) fn target(endpoint: &str) -> Target {
    Target {
        endpoint: endpoint.to_owned(),
        headers: vec![("x-key".to_owned(), "secret".to_owned())],
        protocol: Protocol::HttpJson,
        tls: TlsFiles::default(),
    }
}
