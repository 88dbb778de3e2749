//! What the system allows the server, and what its commands get of it.

use serde_json::json;
use types::AbsPath;

use crate::client::Client;

#[tokio::test]
async fn the_server_may_open_many_files_and_its_commands_as_many_as_usual() {
    let folder = tempfile::tempdir_in("/var/tmp").expect("a folder");
    let root = AbsPath::new(folder.path().canonicalize().expect("it exists")).expect("absolute");
    let limited = ["/bin/sh", "-c", "ulimit -Sn 300; ulimit -Hn 2000; exec \"$@\"", "sh"];
    let mut client = Client::start_by(&limited, &root, &root).await;
    for policy in ["dangerFullAccess", "readOnly"] {
        let params = json!({ "command": ["sh", "-c", "ulimit -Sn; ulimit -Hn"], "sandboxPolicy": { "type": policy } });
        let answer = client.request("command/exec", params).await;
        assert_eq!(answer["result"]["stdout"], "300\n2000\n", "{answer}");
    }
    // The command's parent is a copy of the server.
    let script = "grep 'open files' /proc/$PPID/limits";
    let params = json!({ "command": ["sh", "-c", script], "sandboxPolicy": { "type": "dangerFullAccess" } });
    let answer = client.request("command/exec", params).await;
    let limits = answer["result"]["stdout"].as_str().expect("it says");
    assert_eq!(limits.split_whitespace().skip(3).collect::<Vec<_>>(), ["2000", "2000", "files"]);
    client.disconnect().await;
}
