use std::time::Duration;

use serde_json::json;
use telemetry::{LogEvent, Network, Protocol, Target, Targets};

use crate::collector::{Collector, target};
use crate::kit::{LIMIT, event, logs_to, span, start};

#[tokio::test]
async fn a_log_record_arrives_with_all_that_was_said() {
    let mut collector = Collector::start(&[]).await;
    let telemetry = logs_to(collector.target("/v1/logs"));
    telemetry.log(event(7));
    telemetry.end(LIMIT).await;

    let posted = collector.next().await;
    assert_eq!(posted.path, "/v1/logs");
    assert_eq!(posted.headers["x-key"], "secret");
    assert_eq!(posted.headers["content-type"], "application/json");
    let mut sent = posted.json();
    let record = &mut sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert!(record["observedTimeUnixNano"].take().is_string());
    let expected = json!({ "resourceLogs": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "tested" } },
            { "key": "service.version", "value": { "stringValue": "1.2" } },
            { "key": "env", "value": { "stringValue": "dev" } },
        ] },
        "scopeLogs": [{
            "scope": { "name": "tested", "version": "1.2" },
            "logRecords": [{
                "timeUnixNano": "5000000001",
                "observedTimeUnixNano": null,
                "severityNumber": 9,
                "severityText": "INFO",
                "attributes": [
                    { "key": "number", "value": { "intValue": "7" } },
                    { "key": "text", "value": { "stringValue": "a" } },
                    { "key": "good", "value": { "boolValue": true } },
                ],
                "traceId": "000000000000000000000000000000ab",
                "spanId": "0000000000000001",
                "eventName": "happened",
            }],
        }],
    }] });
    assert_eq!(sent, expected);
    assert_eq!(telemetry.lost(), 0);
}

#[tokio::test]
async fn spans_go_to_their_own_address() {
    let mut collector = Collector::start(&[]).await;
    let telemetry = start(&Targets { traces: Some(collector.target("/v1/traces")), ..Targets::default() });
    telemetry.log(event(1));
    telemetry.span(span());
    telemetry.end(LIMIT).await;

    let posted = collector.next().await;
    assert_eq!(posted.path, "/v1/traces");
    let expected = json!({
        "traceId": "00000000000000000000000000000001", "spanId": "0000000000000002", "parentSpanId": "",
        "name": "work", "kind": 1, "startTimeUnixNano": "2000000000", "endTimeUnixNano": "3000000000",
        "attributes": [], "status": { "code": 2 },
    });
    assert_eq!(posted.json()["resourceSpans"][0]["scopeSpans"][0]["spans"][0], expected);
    assert!(collector.posted.try_recv().is_err(), "log records have no target");
}

#[tokio::test]
async fn metrics_are_sent_at_the_end() {
    let mut collector = Collector::start(&[]).await;
    let telemetry = start(&Targets { metrics: Some(collector.target("/v1/metrics")), ..Targets::default() });
    telemetry.end(LIMIT).await;

    let sent = collector.next().await.json();
    let metrics = &sent["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    assert_eq!(metrics[0]["gauge"]["dataPoints"][0]["asInt"], "0");
    let ends = &metrics[1]["sum"];
    assert_eq!((&ends["isMonotonic"], &ends["aggregationTemporality"]), (&json!(true), &json!(2)));
    assert_eq!(ends["dataPoints"][0]["asInt"], "3");
    assert_eq!(ends["dataPoints"][0]["attributes"][0]["key"], "how");
    let time = &metrics[2]["histogram"]["dataPoints"][0];
    assert_eq!((&time["count"], &time["sum"]), (&json!("3"), &json!(2.5)));
    assert_eq!((&time["bucketCounts"], &time["explicitBounds"]), (&json!(["0", "2", "1"]), &json!([0.1, 1.0])));
}

#[tokio::test]
async fn the_binary_form_is_that_of_protocol_buffers() {
    let mut collector = Collector::start(&[]).await;
    let telemetry = logs_to(Target { protocol: Protocol::HttpBinary, ..collector.target("/") });
    telemetry.log(LogEvent { attributes: vec![("n", 0.into())], ..event(0) });
    telemetry.end(LIMIT).await;

    let posted = collector.next().await;
    assert_eq!(posted.headers["content-type"], "application/x-protobuf");
    // Field 6 of a record: a pair of a key (1) and a value (2), which is the number (3) 0 although that is the default.
    let attribute = [0x32, 0x07, 0x0a, 0x01, b'n', 0x12, 0x02, 0x18, 0x00];
    assert!(posted.body.windows(attribute.len()).any(|bytes| bytes == attribute), "{:x?}", posted.body);
    // Fields 9 and 10, 16 and 8 bytes; and 12, the name.
    let ids = [&[0x4a, 16][..], &[0; 15], &[0xab, 0x52, 8], &[0; 7], &[1]].concat();
    assert!(posted.body.windows(ids.len()).any(|bytes| bytes == ids), "{:x?}", posted.body);
    let name = [&[0x62, 8][..], b"happened"].concat();
    assert!(posted.body.windows(name.len()).any(|bytes| bytes == name), "{:x?}", posted.body);
}

#[tokio::test]
async fn a_collector_that_is_busy_is_asked_again() {
    let mut collector = Collector::start(&[503]).await;
    let telemetry = logs_to(collector.target("/"));
    telemetry.log(event(1));
    let (first, second) = (collector.next().await, collector.next().await);
    assert_eq!(first.body, second.body);
    telemetry.end(LIMIT).await;
    assert_eq!(telemetry.lost(), 0);
}

#[tokio::test]
async fn a_batch_that_is_refused_is_counted_and_the_next_one_is_sent() {
    let mut collector = Collector::start(&[400]).await;
    let telemetry = logs_to(collector.target("/"));
    telemetry.log(event(1));
    collector.next().await;
    telemetry.log(event(2));
    telemetry.end(LIMIT).await;
    let sent = collector.next().await.json();
    let attributes = &sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"];
    assert_eq!(attributes[0]["value"]["intValue"], "2");
    assert_eq!(telemetry.lost(), 1);
}

#[tokio::test]
async fn what_a_collector_throws_away_is_counted() {
    let answer = r#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"old"}}"#;
    let collector = Collector::answering([(200, answer)]).await;
    let telemetry = logs_to(collector.target("/"));
    for number in 0..3 {
        telemetry.log(event(number));
    }
    telemetry.end(LIMIT).await;
    assert_eq!(telemetry.lost(), 2);
}

#[tokio::test]
async fn the_proxy_is_asked_for_collectors_elsewhere() {
    let (mut proxy, mut direct) = (Collector::start(&[]).await, Collector::start(&[]).await);
    let network = Network {
        http_proxy: Some(format!("http://{}", proxy.address)),
        no_proxy: Some("127.0.0.1".to_owned()),
        ..Network::default()
    };
    for to in [target("http://collector.invalid/v1/logs"), direct.target("/v1/logs")] {
        let telemetry = start(&Targets { logs: Some(to), network: network.clone(), ..Targets::default() });
        telemetry.log(event(1));
        telemetry.end(LIMIT).await;
        assert_eq!(telemetry.lost(), 0);
    }
    let posted = proxy.next().await;
    assert_eq!((posted.path.as_str(), &posted.headers["host"]), ("/v1/logs", &"collector.invalid".parse().unwrap()));
    assert!(proxy.posted.try_recv().is_err());
    direct.next().await;
}

#[tokio::test]
async fn without_a_collector_nothing_waits_and_all_is_counted() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let telemetry = logs_to(target(&format!("http://{address}/v1/logs")));
    for number in 0..3 {
        telemetry.log(event(number));
    }
    telemetry.end(LIMIT).await;
    assert_eq!(telemetry.lost(), 3);
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_a_bounded_number_of_records() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let telemetry = logs_to(target(&format!("http://{}/", listener.local_addr().unwrap())));
    for number in 0..5000 {
        telemetry.log(event(number));
    }
    let (_open, _) = listener.accept().await.unwrap();
    for number in 0..5000 {
        telemetry.log(event(number));
    }
    // At most one batch is under way and one queue full.
    assert!(telemetry.lost() >= 10_000 - 2048 - 512, "{} were lost", telemetry.lost());
    telemetry.end(Duration::ZERO).await;
}
