//! The provider against a server in the same process that plays one scripted answer a request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;
use crate::provider::connect;

/// What the server does after it has read a request.
enum Answer {
    /// These bytes, then on to the next request on the same connection.
    Reply(String),
    /// These bytes, then the end of the connection.
    Close(String),
    /// These bytes, then nothing until the client hangs up.
    Hang(String),
    /// The first part, the second one once the test says so.
    Parts(String, mpsc::Receiver<()>, String),
}

struct Server {
    url: String,
    /// Head and body of each request.
    requests: Arc<Mutex<Vec<String>>>,
    /// Gets one message for each connection that the client closed.
    closed: mpsc::Receiver<()>,
    connections: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::default();
        let connections: Arc<Mutex<usize>> = Arc::default();
        let answers = Arc::new(tokio::sync::Mutex::new(answers.into_iter()));
        let (hung_up, closed) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let (requests, connections) = (Arc::clone(&requests), Arc::clone(&connections));
            async move {
                let mut serving = JoinSet::new();
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    *connections.lock().unwrap() += 1;
                    serving.spawn(serve(socket, Arc::clone(&answers), Arc::clone(&requests), hung_up.clone()));
                }
            }
        });
        Self { url, requests, closed, connections, _tasks: tasks }
    }

    fn info(&self) -> ProviderInfo {
        ProviderInfo { base_url: Some(self.url.clone()), request_max_retries: 0, ..ProviderInfo::default() }
    }

    fn request(&self, at: usize) -> String {
        self.requests.lock().unwrap()[at].to_lowercase()
    }
}

async fn serve(
    mut socket: TcpStream,
    answers: Arc<tokio::sync::Mutex<std::vec::IntoIter<Answer>>>,
    requests: Arc<Mutex<Vec<String>>>,
    hung_up: mpsc::Sender<()>,
) {
    while let Some(request) = read_request(&mut socket).await {
        requests.lock().unwrap().push(request);
        let answer = answers.lock().await.next().expect("an answer for each request");
        match answer {
            Answer::Reply(text) => socket.write_all(text.as_bytes()).await.unwrap(),
            Answer::Close(text) => {
                socket.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Answer::Hang(text) => socket.write_all(text.as_bytes()).await.unwrap(),
            Answer::Parts(first, mut gate, second) => {
                socket.write_all(first.as_bytes()).await.unwrap();
                gate.recv().await;
                socket.write_all(second.as_bytes()).await.unwrap();
            }
        }
    }
    let _ = hung_up.send(()).await;
}

/// Reads one request; `None` when the client has closed the connection.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut length = None;
    loop {
        if length.is_none()
            && let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let body = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            length = Some(end + 4 + body);
        }
        if length.is_some_and(|length| bytes.len() >= length) {
            return Some(String::from_utf8(bytes).unwrap());
        }
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const CREATED: &str = r#"{"type":"response.created","response":{"id":"r"}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"r"}}"#;
const END: &str = "0\r\n\r\n";

fn chunk(data: &str) -> String {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len())
}

fn whole() -> String {
    format!("{HEAD}{}{}{END}", chunk(CREATED), chunk(COMPLETED))
}

fn refused(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn options(env: &[(&'static str, &'static str)]) -> Options {
    let env: BTreeMap<&str, &str> = env.iter().copied().collect();
    Options {
        user_agent: "spindle/1".to_owned(),
        originator: "tests".to_owned(),
        env: Arc::new(move |name| env.get(name).map(|value| (*value).to_owned())),
    }
}

fn provider(info: ProviderInfo) -> Arc<dyn ModelProvider> {
    connect(info, None, options(&[])).unwrap()
}

async fn collect(provider: &dyn ModelProvider) -> Result<Vec<ResponseEvent>, ModelError> {
    let mut stream = provider.stream(&Request::default(), &CancellationToken::new()).await?;
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event?);
    }
    Ok(events)
}

fn limits() -> ResponseEvent {
    ResponseEvent::RateLimits(RateLimits { limit_id: Some("codex".to_owned()), ..RateLimits::default() })
}

fn created() -> ResponseEvent {
    ResponseEvent::Created { id: Some("r".to_owned()) }
}

fn completed() -> ResponseEvent {
    ResponseEvent::Completed { id: Some("r".to_owned()), usage: None }
}

#[tokio::test]
async fn a_response_is_streamed_after_what_its_headers_say() {
    let head = HEAD.replacen("content-type", "openai-model: other\r\ncontent-type", 1);
    let server = Server::new(vec![Answer::Reply(whole().replacen(HEAD, &head, 1))]).await;
    let events = collect(&*provider(server.info())).await.unwrap();
    assert_eq!(events, [ResponseEvent::ServerModel("other".to_owned()), limits(), created(), completed()]);
    let request = server.request(0);
    assert!(request.starts_with("post /v1/responses http/1.1\r\n"), "{request}");
    for header in
        ["accept: text/event-stream", "content-type: application/json", "user-agent: spindle/1", "originator: tests"]
    {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{header}: {request}");
    }
    assert!(!request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn the_configuration_adds_a_key_headers_and_parameters() {
    let server = Server::new(vec![Answer::Reply(whole())]).await;
    let info = ProviderInfo {
        base_url: Some(format!("{}/", server.url)),
        env_key: Some("KEY".to_owned()),
        http_headers: BTreeMap::from([("X-Fixed".to_owned(), "fixed".to_owned())]),
        env_http_headers: BTreeMap::from([
            ("X-Env".to_owned(), "VALUE".to_owned()),
            ("X-Unset".to_owned(), "UNSET".to_owned()),
        ]),
        query_params: BTreeMap::from([("v".to_owned(), "1 2".to_owned())]),
        ..server.info()
    };
    let provider = connect(info, None, options(&[("KEY", "secret-1"), ("VALUE", "from env")])).unwrap();
    let request = Request { headers: vec![("session_id".to_owned(), "s".to_owned())], ..Request::default() };
    drop(provider.stream(&request, &CancellationToken::new()).await.unwrap());
    let request = server.request(0);
    assert!(request.starts_with("post /v1/responses?v=1+2 http/1.1\r\n"), "{request}");
    for header in ["authorization: bearer secret-1", "x-fixed: fixed", "x-env: from env", "session_id: s"] {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{header}: {request}");
    }
    assert!(!request.contains("x-unset"), "{request}");
}

#[tokio::test]
async fn credentials_go_only_to_providers_that_ask_for_them() {
    let credentials =
        || Credentials::ChatGpt { access_token: "token-1".to_owned(), account_id: Some("account-1".to_owned()) };
    for (asks, expected) in [(false, false), (true, true)] {
        let server = Server::new(vec![Answer::Reply(whole())]).await;
        let info = ProviderInfo { requires_openai_auth: asks, ..server.info() };
        collect(&*connect(info, Some(credentials()), options(&[])).unwrap()).await.unwrap();
        let request = server.request(0);
        assert_eq!(request.contains("authorization: bearer token-1\r\n"), expected);
        assert_eq!(request.contains("chatgpt-account-id: account-1\r\n"), expected);
    }
}

#[tokio::test]
async fn a_key_that_is_not_set_is_named() {
    let info = ProviderInfo {
        env_key: Some("NOPE_KEY".to_owned()),
        env_key_instructions: Some("get one at example.com".to_owned()),
        ..ProviderInfo::default()
    };
    for env in [&[][..], &[("NOPE_KEY", " ")][..]] {
        let provider = connect(info.clone(), None, options(env)).unwrap();
        let error = collect(&*provider).await.unwrap_err();
        assert_eq!(error.to_string(), "environment variable NOPE_KEY is not set: get one at example.com");
        assert!(!error.retryable());
    }
}

#[tokio::test]
async fn a_provider_that_cannot_work_is_refused_at_once() {
    for base in ["", "nonsense", "ftp://host/v1", "data:x"] {
        let info = ProviderInfo { base_url: Some(base.to_owned()), ..ProviderInfo::default() };
        assert!(matches!(connect(info, None, options(&[])), Err(ModelError::Provider { .. })), "{base}");
    }
    let info = ProviderInfo {
        http_headers: BTreeMap::from([("bad name".to_owned(), "x".to_owned())]),
        ..ProviderInfo::default()
    };
    assert!(connect(info, None, options(&[])).is_err());
}

#[tokio::test]
async fn a_server_error_is_repeated_and_a_refusal_is_not() {
    let server = Server::new(vec![
        Answer::Reply(refused("503 Service Unavailable\r\nretry-after: 0", "busy")),
        Answer::Reply(whole()),
        Answer::Reply(refused("429 Too Many Requests", "{}")),
    ])
    .await;
    let provider = provider(ProviderInfo { request_max_retries: 1, ..server.info() });
    assert_eq!(collect(&*provider).await.unwrap().len(), 3);
    assert_eq!(collect(&*provider).await, Err(ModelError::RetryLimit { status: 429, retry_after: None }));
    assert_eq!(server.requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server =
        Server::new(vec![Answer::Reply(refused("301 Moved Permanently\r\nlocation: http://other/", "mm"))]).await;
    let error = collect(&*provider(server.info())).await.unwrap_err();
    assert_eq!(error.http_status(), Some(301));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure_that_may_pass() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1?key=secret", listener.local_addr().unwrap());
    drop(listener);
    let info = ProviderInfo { base_url: Some(url), request_max_retries: 0, ..ProviderInfo::default() };
    let error = collect(&*provider(info)).await.unwrap_err();
    assert!(matches!(error, ModelError::Connection { .. }) && error.retryable(), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error_that_may_pass() {
    let half = format!("{HEAD}{}", chunk(CREATED));
    let unterminated = half.replacen("transfer-encoding: chunked\r\n", "connection: close\r\n", 1);
    for answer in [half.clone(), format!("{half}{END}"), unterminated] {
        let server = Server::new(vec![Answer::Close(answer)]).await;
        let provider = provider(server.info());
        let mut stream = provider.stream(&Request::default(), &CancellationToken::new()).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(limits())));
        let mut last = stream.next().await;
        while let Some(Ok(_)) = last {
            last = stream.next().await;
        }
        let error = last.unwrap().unwrap_err();
        assert!(matches!(error, ModelError::Disconnected { .. }) && error.retryable(), "{error}");
        assert_eq!(stream.next().await, None, "the error is the end");
    }
}

#[tokio::test]
async fn silence_beyond_the_idle_timeout_is_an_error() {
    let server = Server::new(vec![Answer::Hang(format!("{HEAD}{}", chunk(CREATED)))]).await;
    let info = ProviderInfo { stream_idle_timeout: Duration::from_millis(50), ..server.info() };
    let error = collect(&*provider(info)).await.unwrap_err();
    assert_eq!(error.to_string(), "stream disconnected before completion: nothing received for 50 ms");
}

#[tokio::test]
async fn malformed_events_are_passed_over() {
    let body = format!("{HEAD}{}{}{}{END}", chunk(CREATED), chunk("{broken"), chunk(COMPLETED));
    let server = Server::new(vec![Answer::Reply(body)]).await;
    assert_eq!(collect(&*provider(server.info())).await.unwrap(), [limits(), created(), completed()]);
}

#[tokio::test]
async fn requests_share_a_connection_even_if_the_end_of_a_response_comes_late() {
    let (open, gate) = mpsc::channel(1);
    let first = format!("{HEAD}{}", chunk(COMPLETED));
    let server = Server::new(vec![Answer::Parts(first, gate, END.to_owned()), Answer::Reply(whole())]).await;
    let provider = ResponsesProvider::new(server.info(), None, options(&[])).unwrap();
    assert_eq!(collect(&provider).await.unwrap(), [limits(), completed()]);
    open.send(()).await.unwrap();
    provider.drains.settled().await;
    // The HTTP client's own task still has to put the connection back.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(collect(&provider).await.unwrap(), [limits(), created(), completed()]);
    assert_eq!(*server.connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn dropping_a_stream_closes_the_connection() {
    let mut server = Server::new(vec![Answer::Hang(format!("{HEAD}{}", chunk(CREATED)))]).await;
    let provider = provider(server.info());
    let mut stream = provider.stream(&Request::default(), &CancellationToken::new()).await.unwrap();
    assert_eq!(stream.next().await, Some(Ok(limits())));
    drop(stream);
    server.closed.recv().await.unwrap();
}

#[tokio::test]
async fn cancelling_closes_the_connection_before_and_while_the_response_comes() {
    let mut server =
        Server::new(vec![Answer::Hang(String::new()), Answer::Hang(format!("{HEAD}{}", chunk(CREATED)))]).await;
    let provider = provider(server.info());

    let cancel = CancellationToken::new();
    let request = Request::default();
    let sending = provider.stream(&request, &cancel);
    let seen = async {
        while server.requests.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(sending, seen);
    assert_eq!(outcome.map(|_| ()), Err(ModelError::Cancelled));
    server.closed.recv().await.unwrap();

    let cancel = CancellationToken::new();
    let mut stream = provider.stream(&Request::default(), &cancel).await.unwrap();
    assert_eq!(stream.next().await, Some(Ok(limits())));
    assert_eq!(stream.next().await, Some(Ok(created())));
    cancel.cancel();
    assert_eq!(stream.next().await, Some(Err(ModelError::Cancelled)));
    server.closed.recv().await.unwrap();
}

#[test]
fn azure_is_known_by_name_or_host() {
    for (name, url, expected) in [
        ("azure", "http://127.0.0.1/v1", true),
        ("Azure", "http://127.0.0.1/v1", true),
        ("Mine", "https://me.openai.azure.com/openai", true),
        ("Mine", "https://me.azure-api.net/openai", true),
        ("Mine", "https://example.com/azure-api", false),
        ("OpenAI", "https://api.openai.com/v1", false),
    ] {
        assert_eq!(is_azure(name, &Url::parse(url).unwrap()), expected, "{name} {url}");
    }
}
