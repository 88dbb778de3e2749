//! `command/exec*`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kit::TestServer;

async fn exec(server: &mut TestServer, params: Value) -> Result<Value, Value> {
    server.request("command/exec", params).await
}

fn script(text: &str) -> Value {
    json!({ "command": ["sh", "-c", text] })
}

fn with(mut params: Value, more: &Value) -> Value {
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

/// Reads output of a process until it contains `needle`.
async fn read_until(server: &mut TestServer, process: &str, needle: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(needle) {
        let delta = server
            .wait(|message| {
                message["method"] == "command/exec/outputDelta" && message["params"]["processId"] == process
            })
            .await;
        let bytes = STANDARD.decode(delta["params"]["deltaBase64"].as_str().unwrap()).unwrap();
        seen += &String::from_utf8_lossy(&bytes);
    }
    seen
}

async fn write(server: &mut TestServer, process: &str, text: &str) -> Result<Value, Value> {
    let params = json!({ "processId": process, "deltaBase64": STANDARD.encode(text) });
    server.request("command/exec/write", params).await
}

#[tokio::test]
async fn a_command_answers_with_its_exit_code_and_both_streams() {
    let mut server = TestServer::with_model([]).await;
    let done = exec(&mut server, script("echo out; echo err >&2; exit 3")).await.unwrap();
    assert_eq!(done, json!({ "exitCode": 3, "stdout": "out\n", "stderr": "err\n" }));
    let done = exec(&mut server, script("cat; printf 'a\\377b'; kill -9 $$")).await.unwrap();
    assert_eq!(done, json!({ "exitCode": -1, "stdout": "a\u{fffd}b", "stderr": "" }));
}

#[tokio::test]
async fn the_environment_is_the_servers_with_what_the_request_changes() {
    let mut server = TestServer::with_model([]).await;
    let env = json!({ "env": { "SHELL": null, "ADDED": "yes", "HOME": "/" } });
    let done = exec(&mut server, with(script("echo ${SHELL-none} $ADDED $HOME"), &env)).await.unwrap();
    assert_eq!(done["stdout"], "none yes /\n");
    let policy = json!({ "sandboxPolicy": { "type": "externalSandbox", "networkAccess": "restricted" } });
    let done = exec(&mut server, with(script("echo $CODEX_SANDBOX_NETWORK_DISABLED"), &policy)).await.unwrap();
    assert_eq!(done["stdout"], "1\n");
}

#[tokio::test]
async fn each_stream_is_cut_at_its_cap_and_the_command_goes_on() {
    let mut server = TestServer::with_model([]).await;
    let params = with(script("printf abcdefg; printf uvwxyz >&2; exit 4"), &json!({ "outputBytesCap": 5 }));
    let done = exec(&mut server, params).await.unwrap();
    assert_eq!(done, json!({ "exitCode": 4, "stdout": "abcde", "stderr": "uvwxy" }));
    let big = "head -c 1200000 /dev/zero | tr '\\0' x";
    let done = exec(&mut server, script(big)).await.unwrap();
    assert_eq!(done["stdout"].as_str().unwrap().len(), 1024 * 1024);
    let done = exec(&mut server, with(script(big), &json!({ "disableOutputCap": true }))).await.unwrap();
    assert_eq!(done["stdout"].as_str().unwrap().len(), 1_200_000);
}

#[tokio::test]
async fn output_without_end_is_an_error_and_not_the_end_of_memory() {
    let mut server = TestServer::with_model([]).await;
    let params = json!({ "command": ["cat", "/dev/zero"], "disableOutputCap": true, "disableTimeout": true });
    let error = exec(&mut server, params).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().contains("use streamStdoutStderr"), "{error}");
}

#[tokio::test]
async fn a_command_whose_time_is_up_is_killed_and_says_124() {
    let mut server = TestServer::with_model([]).await;
    let params = with(script("echo before; trap '' TERM; sleep 60; echo after"), &json!({ "timeoutMs": 200 }));
    let done = exec(&mut server, params).await.unwrap();
    assert_eq!(done, json!({ "exitCode": 124, "stdout": "before\n", "stderr": "" }));
    let done = exec(&mut server, json!({ "command": ["sleep", "60"], "timeoutMs": 0 })).await.unwrap();
    assert_eq!(done["exitCode"], 124);
}

#[tokio::test]
async fn what_contradicts_itself_is_refused() {
    let mut server = TestServer::with_model([]).await;
    let cases = [
        (json!({ "command": [] }), -32600, "command must not be empty"),
        (json!({ "tty": true }), -32600, "command/exec tty or streaming requires a client-supplied processId"),
        (json!({ "streamStdin": true }), -32600, "command/exec tty or streaming requires a client-supplied processId"),
        (json!({ "size": { "rows": 1, "cols": 1 } }), -32602, "command/exec size requires tty: true"),
        (
            json!({ "processId": "p", "tty": true, "size": { "rows": 1, "cols": 0 } }),
            -32602,
            "command/exec size rows and cols must be greater than 0",
        ),
        (json!({ "timeoutMs": -1 }), -32602, "command/exec timeoutMs must be non-negative, got -1"),
        (
            json!({ "timeoutMs": 1, "disableTimeout": true }),
            -32602,
            "command/exec cannot set both timeoutMs and disableTimeout",
        ),
        (
            json!({ "outputBytesCap": 1, "disableOutputCap": true }),
            -32602,
            "command/exec cannot set both outputBytesCap and disableOutputCap",
        ),
        (
            json!({ "sandboxPolicy": { "type": "readOnly" }, "permissionProfile": {} }),
            -32600,
            "`permissionProfile` cannot be combined with `sandboxPolicy`",
        ),
        (
            json!({ "command": ["no-such-program"] }),
            -32603,
            "failed to spawn command: No such file or directory (os error 2)",
        ),
        (
            json!({ "cwd": "/nowhere/at/all" }),
            -32603,
            "failed to spawn command: No such file or directory (os error 2)",
        ),
    ];
    for (more, code, message) in cases {
        let error = exec(&mut server, with(json!({ "command": ["true"] }), &more)).await.unwrap_err();
        assert_eq!(error, json!({ "code": code, "message": message }), "{more}");
    }
}

#[tokio::test]
async fn input_is_written_in_order_and_output_is_told_as_it_comes() {
    let mut server = TestServer::with_model([]).await;
    let streams = json!({ "processId": "p", "streamStdin": true, "streamStdoutStderr": true });
    // Nothing waits for an answer: requests about a process are carried out in the order in which they come.
    let running = server.post("command/exec", with(json!({ "command": ["cat"] }), &streams)).await;
    let mut writes = Vec::new();
    for piece in ["one ", "two ", "three\n"] {
        let params = json!({ "processId": "p", "deltaBase64": STANDARD.encode(piece) });
        writes.push(server.post("command/exec/write", params).await);
    }
    assert_eq!(read_until(&mut server, "p", "\n").await, "one two three\n");
    for id in writes {
        assert_eq!(server.answer(id).await, Ok(json!({})));
    }
    let close = json!({ "processId": "p", "closeStdin": true });
    server.request("command/exec/write", close).await.unwrap();
    assert_eq!(server.answer(running).await, Ok(json!({ "exitCode": 0, "stdout": "", "stderr": "" })));
    let error = write(&mut server, "p", "x").await.unwrap_err();
    assert_eq!(error["message"], "no active command/exec for process id \"p\"");
}

#[tokio::test]
async fn input_that_cannot_be_written_is_refused() {
    let mut server = TestServer::with_model([]).await;
    let deaf = server.post("command/exec", json!({ "command": ["sleep", "60"], "processId": "deaf" })).await;
    let error = write(&mut server, "deaf", "x").await.unwrap_err();
    assert_eq!(error["message"], "stdin streaming is not enabled for this command/exec");

    let params = json!({ "command": ["sh", "-c", "cat; echo all; sleep 60"], "processId": "p", "streamStdin": true,
        "streamStdoutStderr": true });
    let open = server.post("command/exec", params).await;
    for (params, message) in [
        (json!({}), "command/exec/write requires deltaBase64 or closeStdin"),
        (json!({ "deltaBase64": "***" }), "invalid deltaBase64: Invalid symbol 42, offset 0."),
    ] {
        let params = with(json!({ "processId": "p" }), &params);
        let error = server.request("command/exec/write", params).await.unwrap_err();
        assert_eq!(error, json!({ "code": -32602, "message": message }));
    }
    let close = json!({ "processId": "p", "closeStdin": true });
    server.request("command/exec/write", close.clone()).await.unwrap();
    read_until(&mut server, "p", "all").await;
    server.request("command/exec/write", close).await.unwrap();
    assert_eq!(write(&mut server, "p", "x").await.unwrap_err()["message"], "stdin is already closed");

    let error = exec(&mut server, json!({ "command": ["true"], "processId": "p" })).await.unwrap_err();
    assert_eq!(error["message"], "duplicate active command/exec process id: \"p\"");
    for (process, id) in [("p", open), ("deaf", deaf)] {
        server.request("command/exec/terminate", json!({ "processId": process })).await.unwrap();
        assert_eq!(server.answer(id).await.unwrap()["exitCode"], -1);
    }
}

#[tokio::test]
async fn a_stream_that_reaches_its_cap_says_so_once() {
    let mut server = TestServer::with_model([]).await;
    let params = with(
        script("printf 0123456789; read x; printf more"),
        &json!({ "processId": "p", "streamStdin": true, "streamStdoutStderr": true, "outputBytesCap": 5 }),
    );
    let running = server.post("command/exec", params).await;
    let delta = server.expect("command/exec/outputDelta").await;
    let expected =
        json!({ "processId": "p", "stream": "stdout", "deltaBase64": STANDARD.encode("01234"), "capReached": true });
    assert_eq!(delta["params"], expected);
    write(&mut server, "p", "\n").await.unwrap();
    assert_eq!(server.answer(running).await.unwrap()["exitCode"], 0);
    let (rest, _folder) = server.close().await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn a_terminal_has_a_size_that_can_change() {
    let mut server = TestServer::with_model([]).await;
    let params = with(
        script("stty size; read x; stty size"),
        &json!({ "processId": "t", "tty": true, "size": { "rows": 31, "cols": 101 } }),
    );
    let running = server.post("command/exec", params).await;
    read_until(&mut server, "t", "31 101").await;
    let params = json!({ "processId": "t", "size": { "rows": 45, "cols": 132 } });
    server.request("command/exec/resize", params).await.unwrap();
    write(&mut server, "t", "\n").await.unwrap();
    read_until(&mut server, "t", "45 132").await;
    assert_eq!(server.answer(running).await, Ok(json!({ "exitCode": 0, "stdout": "", "stderr": "" })));

    server.post("command/exec", json!({ "command": ["sleep", "60"], "processId": "p" })).await;
    let params = json!({ "processId": "p", "size": { "rows": 5, "cols": 5 } });
    let error = server.request("command/exec/resize", params).await.unwrap_err();
    assert_eq!(error["message"], "failed to resize PTY: process is not attached to a PTY");
}

#[tokio::test]
async fn a_client_that_reads_slowly_holds_the_command_up_and_misses_nothing() {
    // More than the connection's queue takes: were the command not held up, the client would be cut off.
    const BYTES: usize = 72 * 1024 * 1024;
    let mut server = TestServer::with_model([]).await;
    let params = with(
        script(&format!("head -c {BYTES} /dev/zero")),
        &json!({ "processId": "p", "streamStdoutStderr": true, "disableOutputCap": true, "disableTimeout": true }),
    );
    let running = server.post("command/exec", params).await;
    let mut seen = 0;
    while seen < BYTES {
        let delta = server.expect("command/exec/outputDelta").await;
        seen += STANDARD.decode(delta["params"]["deltaBase64"].as_str().unwrap()).unwrap().len();
    }
    assert_eq!(server.answer(running).await, Ok(json!({ "exitCode": 0, "stdout": "", "stderr": "" })));
}

#[tokio::test]
async fn workspace_write_is_about_the_folder_the_command_runs_in() {
    let mut server = TestServer::with_model([]).await;
    let (cwd, outside) = (server.project.join("sub"), server.project.join("outside"));
    std::fs::create_dir(&cwd).unwrap();
    let sandbox = json!({ "cwd": cwd.to_string(), "sandboxPolicy": { "type": "workspaceWrite",
        "excludeSlashTmp": true, "excludeTmpdirEnvVar": true } });
    let text = format!("echo x > inside && echo in; echo x 2> /dev/null > {outside} || echo blocked");
    let done = exec(&mut server, with(script(&text), &sandbox)).await;
    let Ok(done) = done else { return skipped(&done.unwrap_err()) };
    assert_eq!(done["stdout"], "in\nblocked\n");
    assert!(cwd.join("inside").exists() && !outside.exists());

    let profile = json!({ "cwd": cwd.to_string(), "permissionProfile": { "network": { "enabled": false },
        "fileSystem": { "entries": [
            { "path": { "type": "special", "value": { "kind": "root" } }, "access": "read" },
            { "path": { "type": "special", "value": { "kind": "current_working_directory" } }, "access": "write" },
        ] } } });
    let done = exec(&mut server, with(script(&text), &profile)).await.unwrap();
    assert_eq!(done["stdout"], "in\nblocked\n");
}

#[tokio::test]
async fn the_configured_sandbox_counts_where_the_request_names_none() {
    let mut server = TestServer::with_model([]).await;
    let write = json!({ "keyPath": "sandbox_mode", "value": "read-only", "mergeStrategy": "replace" });
    server.request("config/value/write", write).await.unwrap();
    let done = exec(&mut server, script("echo x 2> /dev/null > new || echo blocked")).await;
    let Ok(done) = done else { return skipped(&done.unwrap_err()) };
    assert_eq!(done["stdout"], "blocked\n");
}

#[expect(clippy::print_stderr, reason = "what is skipped must be seen")]
fn skipped(error: &Value) {
    assert!(error["message"].as_str().unwrap().contains("sandbox unavailable"), "{error}");
    eprintln!("SKIPPED, no sandbox on this machine: {error}");
}

#[tokio::test]
async fn commands_end_with_the_connection() {
    let mut server = TestServer::with_model([]).await;
    let streams = json!({ "processId": "p", "streamStdoutStderr": true, "disableTimeout": true });
    server.post("command/exec", with(script("echo $$; trap '' TERM HUP; sleep 600 & wait"), &streams)).await;
    let pid = read_until(&mut server, "p", "\n").await;
    assert!(std::path::Path::new(&format!("/proc/{}", pid.trim())).exists() || !cfg!(target_os = "linux"));
    server.close().await;
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
}

#[tokio::test]
async fn a_command_as_the_last_words_of_a_client_is_answered() {
    let mut server = TestServer::with_model([]).await;
    let id = server.post("command/exec", script("echo hi")).await;
    let (rest, _folder) = server.close().await;
    assert_eq!(rest, [json!({ "id": id, "result": { "exitCode": 0, "stdout": "hi\n", "stderr": "" } })]);
}

/// A server whose configuration lets commands reach this machine, by its address, and no other host.
async fn with_default_permissions() -> TestServer {
    let server = TestServer::with_model([]).await;
    let path = server.home.join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let permissions = "[permissions.ws.filesystem]\n\":root\" = \"read\"\n\":project_roots\" = \"write\"\n\
                       [permissions.ws.network]\nenabled = true\n\
                       [permissions.ws.network.domains]\n\"127.0.0.1\" = \"allow\"\n";
    std::fs::write(&path, format!("default_permissions = \"ws\"\n{text}\n{permissions}")).unwrap();
    server
}

#[tokio::test]
async fn a_thread_starts_with_the_configured_permissions_unless_it_asks_for_others() {
    let mut server = with_default_permissions().await;
    let project = server.project.to_string();
    let started = server.request("thread/start", json!({ "cwd": project })).await.unwrap();
    assert_eq!(started["sandbox"]["type"], "workspaceWrite");
    assert_eq!(started["permissionProfile"]["network"], json!({ "enabled": true }));
    let started = server.request("thread/start", json!({ "cwd": project, "sandbox": "read-only" })).await.unwrap();
    assert_eq!(started["sandbox"]["type"], "readOnly");
    assert_eq!(started["permissionProfile"]["network"], json!({ "enabled": false }));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_reaches_the_hosts_that_the_configuration_allows() {
    use std::io::{Read as _, Write as _};

    let mut server = with_default_permissions().await;
    if !server.server.launcher().mechanism().is_ok_and(|found| found.takes_proxies()) {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 3]).unwrap();
        stream.write_all(b"hello").unwrap();
    });
    let command = |target: String| {
        let request = format!("CONNECT {target} HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\nhi!");
        let script =
            format!("exec 3<>/dev/tcp/127.0.0.1/${{HTTP_PROXY##*:}}; printf '{request}' >&3; timeout 10 cat <&3");
        json!({ "command": ["bash", "-c", script] })
    };
    let allowed = exec(&mut server, command(format!("127.0.0.1:{port}"))).await.unwrap();
    let text = allowed["stdout"].as_str().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("hello"), "{allowed}");
    host.join().unwrap();
    let refused = exec(&mut server, command(format!("localhost:{port}"))).await.unwrap();
    assert!(refused["stdout"].as_str().unwrap().starts_with("HTTP/1.1 403 Forbidden"), "{refused}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_out_through_the_proxy_of_the_server_s_environment() {
    use std::io::{Read as _, Write as _};

    let server = with_default_permissions().await;
    if !server.server.launcher().mechanism().is_ok_and(|found| found.takes_proxies()) {
        return;
    }
    let path = server.home.join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\"192.0.2.1\" = \"allow\"\n")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let front = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        String::from_utf8(head).unwrap()
    });
    // The model is on this machine.
    let mut server = server.reopen_with(&[("http_proxy", &url), ("no_proxy", "127.0.0.1")]).await;
    let request = "GET http://192.0.2.1/ HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n";
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/${{HTTP_PROXY##*:}}; printf '{request}' >&3; timeout 10 cat <&3");
    let done = exec(&mut server, json!({ "command": ["bash", "-c", script] })).await.unwrap();
    assert!(done["stdout"].as_str().unwrap().ends_with("hello"), "{done}");
    assert!(front.join().unwrap().starts_with("GET http://192.0.2.1/ HTTP/1.1\r\n"));
}
