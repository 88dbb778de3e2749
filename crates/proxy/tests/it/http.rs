//! Plain requests and tunnels.

use std::io::{Read as _, Write as _};

use crate::kit::{host, world};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x-secret\r\nx-secret: 1\r\n\r\nhello";

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_request_goes_where_its_url_says_and_nothing_of_the_hop_with_it() {
    let (port, heard) = host(OK);
    let request = format!(
        "GET http://user@OPEN.test.:{port}/a?b HTTP/1.1\r\nHost: denied.test\r\nProxy-Authorization: Basic x\r\n\
         Proxy-Connection: keep-alive\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nX-Kept: 1\r\n\r\n"
    );
    let answer = world(false).http(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(!answer.contains("x-secret"), "{answer}");
    let heard = heard.join().unwrap();
    assert!(heard.starts_with("GET /a?b HTTP/1.1\r\n"), "{heard}");
    let mut headers: Vec<_> = heard.lines().skip(1).filter(|line| !line.is_empty()).collect();
    headers.sort_unstable();
    assert_eq!(headers, [format!("host: open.test:{port}").as_str(), "x-kept: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_carries_whatever_is_said() {
    let (port, heard) = host(b"and back");
    let answer = world(false).http(format!("CONNECT open.test:{port} HTTP/1.1\r\n\r\nthere\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nand back"), "{answer}");
    assert_eq!(heard.join().unwrap(), "there\r\n\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gate_refuses_is_told_with_the_reason() {
    let world = world(false);
    let answer = world.http("GET http://denied.test/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-proxy-error: blocked-by-denylist\r\n"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["status"], "blocked");
    assert_eq!((&body["host"], &body["port"]), (&"denied.test".into(), &80.into()));
    assert_eq!((&body["reason"], &body["source"]), (&"denied".into(), &"baseline_policy".into()));
    let answer = world.http("CONNECT other.test:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-proxy-error: blocked-by-allowlist\r\n"), "{answer}");
    assert!(world.asked.lock().unwrap().is_empty(), "a refused name is not looked up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_this_machine_or_a_private_network_leads_nowhere() {
    let world = world(false);
    for target in ["private.test:80", "mixed.test:80", "169.254.169.254:80", "127.0.0.1:22", "[::1]:22"] {
        for request in [format!("GET http://{target}/ HTTP/1.1\r\n\r\n"), format!("CONNECT {target} HTTP/1.1\r\n\r\n")]
        {
            let answer = world.http(request).await;
            assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{target}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_a_denied_address_leads_nowhere() {
    let world = world(false);
    for request in ["GET http://alias.test/ HTTP/1.1\r\n\r\n", "CONNECT alias.test:443 HTTP/1.1\r\n\r\n"] {
        let answer = world.http(request).await;
        assert!(answer.contains("\r\nx-proxy-error: blocked-by-denylist\r\n"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_reached_is_the_gateways_error() {
    let answer = world(false).http("CONNECT nobody.test:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_say_two_things_or_none_are_refused() {
    let world = world(false);
    for request in [
        "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n",
        "GET https://open.test/ HTTP/1.1\r\n\r\n",
        "GET ftp://open.test/ HTTP/1.1\r\n\r\n",
        "CONNECT open.test HTTP/1.1\r\n\r\n",
        "CONNECT open.test:0 HTTP/1.1\r\n\r\n",
        "CONNECT open.test:99999 HTTP/1.1\r\n\r\n",
        "CONNECT open.test:443 HTTP/1.1\r\nHost: denied.test:443\r\n\r\n",
        "CONNECT open.test:443 HTTP/1.1\r\nHost: open.test:443\r\nHost: denied.test\r\n\r\n",
        "GET http://open.test:x/ HTTP/1.1\r\n\r\n",
        "GET http://op%65n.test/ HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let answer = world.http(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request}: {answer}");
    }
    assert!(world.asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_has_no_length_besides() {
    for lengths in
        ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"]
    {
        let (port, heard) = host(OK);
        let request = format!("POST http://open.test:{port}/ HTTP/1.1\r\n{lengths}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        world(false).http(request).await;
        let heard = heard.join().unwrap();
        let mut headers: Vec<_> = heard.lines().skip(1).filter(|line| !line.is_empty()).collect();
        headers.sort_unstable();
        assert_eq!(headers, [format!("host: open.test:{port}").as_str(), "transfer-encoding: chunked"], "{lengths}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_limited_mode_only_plain_reading_goes_out() {
    let world = world(true);
    let (port, _) = host(OK);
    let answer = world.http(format!("HEAD http://open.test:{port}/ HTTP/1.1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = world.http("POST http://open.test/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n").await;
    assert!(answer.contains("\r\nx-proxy-error: blocked-by-method-policy\r\n"), "{answer}");
    let answer = world.http("CONNECT open.test:443 HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("\r\nx-proxy-error: blocked-by-mitm-required\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_with_the_proxy() {
    let mut world = world(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = world.connect();
    client.write_all(format!("CONNECT open.test:{port} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    let (mut there, _) = listener.accept().unwrap();
    let mut head = [0; 15];
    client.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    drop(world.serving.take());
    assert_eq!(there.read(&mut [0; 1]).unwrap_or(0), 0, "the tunnel has ended");
}
