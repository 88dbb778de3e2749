//! Commands that reach chosen hosts only: real sandboxes, real proxies, a host on this machine.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use exec::Mechanism;
use serde_json::json;
use tools::rules::RuleSet;
use tools::{Grants, NetworkDecision};
use types::{ApprovalPolicy, DomainAccess, DomainPattern, Domains, NetworkPolicy, SandboxPolicy};

use crate::kit::{Thread, workspace_write};

/// A web server that says `hello` to everybody, and counts them.
struct Web {
    port: u16,
    visits: Arc<AtomicUsize>,
}

fn web() -> Web {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let visits = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&visits);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut heard = Vec::new();
            let mut byte = [0];
            while !heard.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
                heard.push(byte[0]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n");
        }
    });
    Web { port, visits }
}

fn domains(rules: &[(&str, DomainAccess)]) -> Domains {
    let mut domains = Domains::default();
    for (pattern, access) in rules {
        domains.insert(DomainPattern::parse(pattern).unwrap(), *access);
    }
    domains
}

/// Only this machine, by its address.
fn listed() -> NetworkPolicy {
    let domains = domains(&[("127.0.0.1", DomainAccess::Allow), ("denied.test", DomainAccess::Deny)]);
    NetworkPolicy { domains, socks5: true, ..NetworkPolicy::default() }
}

/// Nothing is listed, and the user is asked; addresses of this machine count as any other.
fn asking() -> NetworkPolicy {
    NetworkPolicy { allow_local: true, ask: true, socks5: true, ..NetworkPolicy::default() }
}

/// A thread for each mechanism that has room for proxies; each is given the same answers.
fn threads(approval: &ApprovalPolicy, policy: &NetworkPolicy, answers: &[NetworkDecision]) -> Vec<Thread> {
    let found = Thread::new().cx.launcher.survey().into_iter().filter_map(|finding| finding.works.ok());
    let made = found.filter(Mechanism::takes_proxies).map(|mechanism| {
        let mut thread = Thread::with(approval.clone(), workspace_write());
        thread.confine_by(mechanism);
        thread.cx.network = Some(Arc::new(policy.clone()));
        thread.host.networks.lock().unwrap().extend(answers.iter().cloned());
        thread
    });
    made.collect()
}

/// Shell functions: `get URL` and `tunnel HOST:PORT` through the HTTP proxy, `direct PORT` without.
const KIT: &str = r#"
say() { exec 3<>/dev/tcp/127.0.0.1/${HTTP_PROXY##*:} && printf "$1" >&3 && cat <&3; exec 3>&-; }
get() { say "GET $1 HTTP/1.1\r\nHost: ${2:-x}\r\nConnection: close\r\n\r\n"; }
tunnel() { say "CONNECT $1 HTTP/1.1\r\nHost: ${2:-$1}\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n"; }
direct() { (exec 3<>/dev/tcp/127.0.0.1/$1 && printf 'GET / HTTP/1.1\r\n\r\n' >&3 && cat <&3); }
"#;

async fn run(thread: &Thread, id: &str, script: &str) -> String {
    thread.call("shell_command", id, json!({ "command": format!("{KIT}{script}"), "login": false })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_is_reached_and_nothing_else() {
    for thread in threads(&ApprovalPolicy::OnRequest, &listed(), &[]) {
        let web = web();
        let port = web.port;
        let out = run(&thread, "listed", &format!("get http://127.0.0.1:{port}/; tunnel 127.0.0.1:{port}")).await;
        assert_eq!(out.matches("hello").count(), 2, "{out}");
        assert_eq!(web.visits.load(Ordering::SeqCst), 2);

        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        let udp_port = udp.local_addr().unwrap().port();
        for (attempt, script) in [
            ("directly", format!("direct {port}")),
            ("another name for this machine", format!("get http://localhost:{port}/")),
            ("its IPv6 address", format!("tunnel [::1]:{port}")),
            ("its address written otherwise", format!("get http://127.1:{port}/; get http://2130706433:{port}/")),
            ("the address that stands for any", format!("tunnel 0.0.0.0:{port}")),
            ("the cloud's metadata", "get http://169.254.169.254/latest/meta-data/".to_owned()),
            ("a private network", "tunnel 10.0.0.1:443".to_owned()),
            ("a name that is not listed", "get http://example.com/; tunnel example.com:443".to_owned()),
            ("a name that is denied", "get http://denied.test/".to_owned()),
            ("a tunnel that is also about another host", format!("tunnel 127.0.0.1:{port} denied.test")),
            ("a name server", format!("echo x > /dev/udp/127.0.0.1/{udp_port}; getent hosts example.com")),
            ("a Unix socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX)' || exit 7".to_owned()),
        ] {
            let out = run(&thread, attempt, &script).await;
            assert!(!out.contains("hello") && !out.contains("200 OK"), "{attempt}: {out}");
        }
        assert_eq!(web.visits.load(Ordering::SeqCst), 2, "nobody else has come");
        assert!(udp.recv(&mut [0; 8]).is_err(), "no packet has arrived");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_named_in_a_header_is_not_the_one_that_is_reached() {
    for thread in threads(&ApprovalPolicy::OnRequest, &listed(), &[]) {
        let out = run(&thread, "c", &format!("get http://denied.test/ 127.0.0.1:{}", web().port)).await;
        assert!(out.contains("blocked-by-denylist") && !out.contains("hello"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_denied_is_not_reached_by_another_name() {
    let domains = domains(&[("*", DomainAccess::Allow), ("127.0.0.1", DomainAccess::Deny)]);
    let policy = NetworkPolicy { domains, allow_local: true, socks5: true, ..NetworkPolicy::default() };
    for thread in threads(&ApprovalPolicy::OnRequest, &policy, &[]) {
        let web = web();
        for host in
            ["127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.1", "0x7f000001", "localhost"]
        {
            let to = format!("{host}:{}", web.port);
            let out = run(&thread, host, &format!("get http://{to}/")).await;
            assert!(out.contains("blocked-by-denylist"), "{host}: {out}");
            let out = run(&thread, host, &format!("tunnel {to}")).await;
            assert!(!out.contains("hello"), "{host}: {out}");
        }
        assert_eq!(web.visits.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_listed_is_asked_about_and_nothing_else_where_nobody_is_asked() {
    for thread in threads(&ApprovalPolicy::OnRequest, &listed(), &[]) {
        let out = run(&thread, "c", "get http://example.com/").await;
        assert!(out.contains(r#""reason":"not_allowed""#), "{out}");
        assert!(out.contains("Exit code: 0"), "the command says itself what it thinks of it: {out}");
        assert!(!thread.seen().contains("asked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_is_asked_once_a_command() {
    let answers = [NetworkDecision::Accept, NetworkDecision::AcceptForSession];
    for thread in threads(&ApprovalPolicy::OnRequest, &asking(), &answers) {
        let url = format!("http://127.0.0.1:{}/", web().port);
        let script = format!("get {url} & get {url} & wait; get {url}");
        for (call, questions) in [("first", 1), ("second", 1), ("third", 0)] {
            let out = run(&thread, call, &script).await;
            assert_eq!(out.matches("hello").count(), 3, "{call}: {out}");
            let seen = thread.seen();
            assert_eq!(seen.lines().filter(|line| line.starts_with("asked")).count(), questions, "{call}: {seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_names_the_connection() {
    for thread in threads(&ApprovalPolicy::OnRequest, &asking(), &[]) {
        run(&thread, "c", "get http://Example.COM./; tunnel example.com:8443").await;
        let seen = thread.seen();
        let asked: Vec<_> = seen.lines().filter(|line| line.starts_with("asked")).collect();
        let reason = r#"reason="example.com is not in the allowed_domains""#;
        assert_eq!(
            asked,
            [
                format!("asked network#http#example.com#80 host=example.com protocol=http {reason}"),
                format!("asked network#https#example.com#8443 host=example.com protocol=https {reason}"),
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_connection_is_declined_counts_as_declined() {
    for thread in threads(&ApprovalPolicy::OnRequest, &asking(), &[NetworkDecision::Decline]) {
        thread.write("made", "");
        let out = run(&thread, "c", "get http://example.com/; echo went on > made").await;
        assert_eq!(out, "exec command rejected by user");
        assert_eq!(thread.read("made").as_deref(), Some("went on\n"));
        assert!(thread.seen().lines().last().unwrap().contains("declined"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_connection_ends_the_command_and_the_turn() {
    for thread in threads(&ApprovalPolicy::OnRequest, &asking(), &[NetworkDecision::Cancel]) {
        let out = run(&thread, "c", "get http://example.com/; sleep 1000").await;
        assert_eq!(out, "exec command rejected by user [turn ends]");
        let (tool, arguments) =
            ("exec_command", json!({ "cmd": format!("{KIT}get http://example.com/; sleep 1000"), "login": false }));
        thread.host.networks.lock().unwrap().push_back(NetworkDecision::Cancel);
        let out = thread.call(tool, "session", arguments).await;
        assert!(out.ends_with("[turn ends]"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_question_is_allowed_the_command_is_refused_with_the_reason() {
    for thread in threads(&ApprovalPolicy::Never, &asking(), &[]) {
        let out = run(&thread, "c", "get http://example.com/").await;
        assert!(out.starts_with("Network access to \"example.com\" was blocked"), "{out}");
        assert!(!thread.seen().contains("asked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_the_user_makes_holds_at_once_and_later() {
    let amend = |access| NetworkDecision::Amend("127.0.0.1".to_owned(), access);
    for mut thread in threads(&ApprovalPolicy::OnRequest, &asking(), &[amend(DomainAccess::Allow)]) {
        let home_rules = thread.root().join("rules");
        let rules = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        thread.cx.grants = Arc::new(Grants::with_rules(Arc::new(rules)));
        let url = format!("http://127.0.0.1:{}/", web().port);
        for _ in 0..2 {
            assert!(run(&thread, "c", &format!("get {url}")).await.contains("hello"));
        }
        assert_eq!(thread.seen().lines().filter(|line| line.starts_with("asked")).count(), 1);

        let rules = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        thread.cx.grants = Arc::new(Grants::with_rules(Arc::new(rules)));
        assert!(run(&thread, "c", &format!("get {url}")).await.contains("hello"));
        assert!(!thread.seen().contains("asked"));
        thread.cx.network = Some(Arc::new(NetworkPolicy { fixed: true, ask: false, ..asking() }));
        let out = run(&thread, "c", &format!("get {url}")).await;
        assert!(out.contains("not_allowed"), "a fixed list is not added to: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_denies_wins_over_the_list() {
    for mut thread in threads(&ApprovalPolicy::OnRequest, &listed(), &[]) {
        let home_rules = thread.root().join("rules");
        std::fs::create_dir_all(&home_rules).unwrap();
        std::fs::write(home_rules.join("a.rules"), "network_rule(\"127.0.0.1\", \"https\", \"deny\")").unwrap();
        let rules = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        thread.cx.grants = Arc::new(Grants::with_rules(Arc::new(rules)));
        let out = run(&thread, "c", &format!("get http://127.0.0.1:{}/", web().port)).await;
        assert!(out.contains("blocked-by-denylist"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_allow_an_address_of_this_machine_but_no_name_that_leads_there() {
    let nothing = NetworkPolicy { socks5: true, ..NetworkPolicy::default() };
    for mut thread in threads(&ApprovalPolicy::OnRequest, &nothing, &[]) {
        let home_rules = thread.root().join("rules");
        std::fs::create_dir_all(&home_rules).unwrap();
        let rules = "network_rule(\"127.0.0.1\", \"http\", \"allow\"); network_rule(\"127.1\", \"http\", \"allow\")";
        std::fs::write(home_rules.join("a.rules"), rules).unwrap();
        let rules = RuleSet::load(std::slice::from_ref(&home_rules), &home_rules).unwrap();
        thread.cx.grants = Arc::new(Grants::with_rules(Arc::new(rules)));
        let port = web().port;
        assert!(run(&thread, "c", &format!("get http://127.0.0.1:{port}/")).await.contains("hello"));
        let out = run(&thread, "c", &format!("get http://127.1:{port}/")).await;
        assert!(out.contains("not_allowed_local"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_a_question() {
    for mut thread in threads(&ApprovalPolicy::OnRequest, &asking(), &[]) {
        let host = Thread::unanswered(ApprovalPolicy::OnRequest).host;
        thread.cx.host = host.clone();
        let cancel = thread.cx.cancel.clone();
        let (out, ()) = tokio::join!(run(&thread, "c", "get http://example.com/"), async {
            host.wait_for("asked network#http#example.com#80").await;
            cancel.cancel();
        });
        assert!(out.contains("aborted by user"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_the_network_is_what_it_is() {
    let mut thread = Thread::with(ApprovalPolicy::Never, SandboxPolicy::DangerFullAccess);
    thread.cx.network = Some(Arc::new(listed()));
    let web = web();
    let out = run(&thread, "c", &format!("direct {}; echo proxy=$HTTP_PROXY", web.port)).await;
    assert!(out.contains("hello") && out.contains("proxy=\n"), "{out}");
}
