//! Going out through another proxy.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use types::UpstreamProxies;

use crate::kit::{World, host, world_behind};

/// The proxy in front. Answers everything itself: plain requests with `plain`, what comes through tunnels with `back`.
/// It is not asked about what lies below `spared.test`.
struct Front {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

fn front(to_tunnels: &'static str) -> Front {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let all = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = read_head(&mut stream);
            let tunnel = head.starts_with("CONNECT ");
            all.lock().unwrap().push(head);
            if !tunnel {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain");
                continue;
            }
            let _ = stream.write_all(to_tunnels.as_bytes());
            if to_tunnels.starts_with("HTTP/1.1 200") {
                let inside = read_head(&mut stream);
                all.lock().unwrap().push(inside);
                let _ = stream.write_all(b"back");
            }
        }
    });
    Front { port, heard }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        heard.push(byte[0]);
    }
    String::from_utf8(heard).unwrap()
}

impl Front {
    fn world(&self) -> World {
        let url = Some(format!("http://me:secret@127.0.0.1:{}", self.port));
        let proxies =
            UpstreamProxies { http: url.clone(), https: url, except: Some(".spared.test,192.0.2.0/24".to_owned()) };
        world_behind(false, &proxies)
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

const OPEN: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// `me:secret`.
const WHO: &str = "proxy-authorization: Basic bWU6c2VjcmV0";

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_request_is_handed_on_whole() {
    let front = front(OPEN);
    let request = "GET http://public.test/a?b HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic mine\r\n\r\n";
    let answer = front.world().http(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("plain"), "{answer}");
    let heard = front.heard();
    assert!(heard[0].starts_with("GET http://public.test/a?b HTTP/1.1\r\n"), "{heard:?}");
    let lines: Vec<_> = heard[0].lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["host: public.test", WHO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_back_as_it_came_holds_no_secret() {
    let front = front(OPEN);
    front.world().http("TRACE http://public.test/ HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n").await;
    let heard = front.heard();
    assert!(heard[0].starts_with("TRACE http://public.test/ HTTP/1.1\r\n"), "{heard:?}");
    assert!(!heard[0].contains("authorization"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tunnels_and_socks_go_through_a_tunnel() {
    let front = front(OPEN);
    let world = front.world();
    let answer = world.http("CONNECT public.test:443 HTTP/1.1\r\n\r\nthere\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nback"), "{answer}");
    let connect = format!("CONNECT public.test:443 HTTP/1.1\r\nhost: public.test:443\r\n{WHO}\r\n\r\n");
    assert_eq!(front.heard(), [connect.as_str(), "there\r\n\r\n"]);

    let mut request = vec![5, 1, 0, 3, 11];
    request.extend_from_slice(b"public.test\x01\xbb");
    let answer = world.socks(vec![vec![5, 1, 0], request, b"there\r\n\r\n".to_vec()]).await;
    assert!(answer.ends_with(b"back"), "{answer:?}");
    assert_eq!(front.heard(), [connect.as_str(), "there\r\n\r\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_only_the_other_proxy_knows_is_left_to_it() {
    let front = front(OPEN);
    let world = front.world();
    let answer = world.http("GET http://nobody.test/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.ends_with("plain"), "{answer}");
    assert_eq!(*world.asked.lock().unwrap(), ["nobody.test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_to_a_private_network_is_not_handed_on() {
    let front = front(OPEN);
    let world = front.world();
    for target in
        ["private.test:80", "mixed.test:80", "169.254.169.254:80", "127.0.0.1:22", "[::1]:22", "denied.test:80"]
    {
        for request in [format!("GET http://{target}/ HTTP/1.1\r\n\r\n"), format!("CONNECT {target} HTTP/1.1\r\n\r\n")]
        {
            let answer = world.http(request).await;
            assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{target}: {answer}");
        }
    }
    assert_eq!(front.heard(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_reached_without() {
    let front = front(OPEN);
    let (port, heard) = host(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ndirect");
    let answer = front.world().http(format!("GET http://open.test:{port}/ HTTP/1.1\r\n\r\n")).await;
    assert!(answer.ends_with("direct"), "{answer}");
    assert!(heard.join().unwrap().starts_with("GET / HTTP/1.1\r\n"));
    assert_eq!(front.heard(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_excepted_is_reached_without() {
    let front = front(OPEN);
    let answer = front.world().http("GET http://nobody.spared.test/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "nobody here knows the name: {answer}");
    assert_eq!(front.heard(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_proxy_refuses_is_the_gateways_error() {
    let front = front("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    let answer = front.world().http("CONNECT public.test:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
    assert!(answer.contains("the proxy in front answers 407"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_spoken_to_is_not_gone_around() {
    for url in ["socks5://127.0.0.1:1", "https://127.0.0.1:1"] {
        let proxies = UpstreamProxies { http: Some(url.to_owned()), https: Some(url.to_owned()), except: None };
        let answer = world_behind(false, &proxies).http("CONNECT public.test:443 HTTP/1.1\r\n\r\n").await;
        assert!(answer.contains("the proxy in front is not spoken to"), "{url}: {answer}");
    }
}
