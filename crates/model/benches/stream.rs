//! How fast a stream of deltas gets from a loopback socket to its reader, and what a request costs when the model
//! answers at once. Run with `cargo bench -p model`; prints the best and the median of several runs.

#![expect(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{ModelProvider, Options, ProviderInfo, Request, ResponseEvent, connect};
use tokio_util::sync::CancellationToken;

const DELTAS: usize = 300_000;
const STREAMS: usize = 9;
const REQUESTS: usize = 2000;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let start = Instant::now();
        let small = provider(serve(1));
        println!("connect {:>34?}", start.elapsed());
        let start = Instant::now();
        read(&*small).await;
        println!("first request {:>28?}", start.elapsed());

        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..REQUESTS {
            let start = Instant::now();
            read(&*small).await;
            times.push(start.elapsed());
        }
        let (best, median) = summary(&mut times);
        println!("request of one delta      best {best:>10?}  median {median:>10?}");

        let large = provider(serve(DELTAS));
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..STREAMS {
            let start = Instant::now();
            assert_eq!(read(&*large).await, DELTAS);
            times.push(start.elapsed());
        }
        let (best, median) = summary(&mut times);
        let rate = |time: Duration| DELTAS as f64 / time.as_secs_f64();
        println!("deltas a second           best {:>10.0}  median {:>10.0}", rate(best), rate(median));
    });
}

fn provider(url: String) -> Arc<dyn ModelProvider> {
    let info = ProviderInfo { base_url: Some(url), ..ProviderInfo::default() };
    let options =
        Options { user_agent: "bench".to_owned(), originator: "bench".to_owned(), env: Arc::new(|_: &str| None) };
    connect(info, None, options).expect("a provider")
}

async fn read(provider: &dyn ModelProvider) -> usize {
    let mut stream = provider.stream(&Request::default(), &CancellationToken::new()).await.expect("a response");
    let mut deltas = 0;
    while let Some(event) = stream.next().await {
        if let ResponseEvent::TextDelta { delta, .. } = event.expect("an event") {
            deltas += usize::from(!delta.is_empty());
        }
    }
    deltas
}

/// A server that answers every request with so many deltas, as fast as the socket takes them.
fn serve(deltas: usize) -> String {
    let mut body = String::from("data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp-1\"}}\n\n");
    for at in 0..deltas {
        body.push_str(&format!(
            "event: response.output_text.delta\ndata: {{\"type\": \"response.output_text.delta\", \"item_id\": \"msg-1\", \
             \"output_index\": 0, \"content_index\": 0, \"delta\": \"word {at} \"}}\n\n"
        ));
    }
    body.push_str("data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp-1\"}}\n\n");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = Arc::new([head, body].concat());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || answer_all(socket, &answer));
        }
    });
    url
}

fn answer_all(mut socket: TcpStream, answer: &str) {
    socket.set_nodelay(true).expect("TCP_NODELAY");
    let mut reader = BufReader::new(socket.try_clone().expect("a second handle"));
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).is_ok_and(|count| count > 0) && line != "\r\n" {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        if line.is_empty() || reader.read_exact(&mut body).is_err() || socket.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn summary(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    (times[0], times[times.len() / 2])
}
