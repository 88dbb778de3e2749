//! A network of a command's own, with a way out that the caller serves.

use std::any::Any;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use exec::{Command, Launcher, Mechanism, Options, Outlets, Places, ProxyService, Rules, Sandbox};
use types::SandboxPolicy;

use crate::kit::{abs, finish, launcher, sh};
use crate::sandbox::{Kind, launchers};

/// Greets whoever comes.
#[derive(Debug)]
struct Greeter {
    socks5: bool,
}

impl ProxyService for Greeter {
    fn socks5(&self) -> bool {
        self.socks5
    }

    fn serve(&self, outlets: Outlets) -> io::Result<Box<dyn Any + Send + Sync>> {
        for (listener, greeting) in [(outlets.http, "http"), (outlets.socks, "socks")] {
            std::thread::spawn(move || {
                while let Ok((mut stream, _)) = listener.accept() {
                    let _ = stream.write_all(greeting.as_bytes());
                }
            });
        }
        Ok(Box::new(()))
    }
}

fn read_only() -> Sandbox {
    let places = Places { tmpdir: None, codex_home: abs("/nonexistent/home") };
    Rules::from_policy(&SandboxPolicy::read_only(), &abs("/"), &places)
}

fn through(sandbox: Sandbox, script: &str) -> Command {
    Command { cwd: abs("/"), sandbox, proxy: Some(Arc::new(Greeter { socks5: true })), ..sh(script) }
}

/// The mechanisms that have room for proxies.
fn with_room() -> impl Iterator<Item = (Kind, Launcher)> {
    launchers().into_iter().filter(|(_, launcher)| launcher.mechanism().unwrap().takes_proxies())
}

fn bubblewrap() -> Option<Mechanism> {
    launchers().into_iter().find(|(kind, _)| *kind == Kind::Bubblewrap)?.1.mechanism().ok()
}

/// Reads what comes from the port that a variable ends in.
const CONNECT: &str = r#"read_from() { bash -c 'exec 3<>/dev/tcp/127.0.0.1/'"${1##*:}"' && cat <&3'; }; "#;

#[tokio::test]
async fn a_command_reaches_its_proxies_and_is_told_where_they_are() {
    let script =
        format!("{CONNECT} read_from $HTTP_PROXY; echo; read_from $ALL_PROXY; echo; env | grep -i proxy | sort");
    for (kind, launcher) in with_room() {
        let done = finish(launcher.spawn(through(read_only(), &script)).await.unwrap()).await;
        let out = done.out();
        assert!(out.starts_with("http\nsocks\n"), "{kind:?} {out}{}", done.err());
        assert!(out.contains("\nhttps_proxy=http://127.0.0.1:"), "{kind:?} {out}");
        assert!(out.contains("\nALL_PROXY=socks5h://127.0.0.1:"), "{kind:?} {out}");
        assert!(!out.contains("NETWORK_DISABLED"), "{kind:?} {out}");
    }
}

#[tokio::test]
async fn a_service_without_socks_is_not_advertised_as_one() {
    let command = Command { proxy: Some(Arc::new(Greeter { socks5: false })), ..through(read_only(), "env") };
    let Ok(process) = launcher().spawn(command).await else { return };
    let out = finish(process).await.out();
    assert!(!out.contains("socks5h"), "{out}");
}

#[tokio::test]
async fn each_command_has_a_network_of_its_own() {
    for (kind, launcher) in with_room() {
        let taken = "exec 3<>/dev/tcp/127.0.0.1/43128";
        let outside = finish(launcher.spawn(sh(&format!("bash -c '{taken}'"))).await.unwrap()).await;
        assert!(!outside.exit.success(), "nothing listens outside");
        let mut first = launcher.spawn(through(read_only(), "echo ready; sleep 1000")).await.unwrap();
        crate::kit::read_until(&mut first, "ready").await;
        let script = format!("{CONNECT} read_from $HTTP_PROXY");
        let second = finish(launcher.spawn(through(read_only(), &script)).await.unwrap()).await;
        assert_eq!(second.out(), "http", "{kind:?}");
    }
}

#[tokio::test]
async fn without_a_sandbox_a_command_keeps_the_network_it_has() {
    let done = finish(launcher().spawn(through(Sandbox::None, "env")).await.unwrap()).await;
    assert!(!done.out().contains("PROXY"), "{}", done.out());
}

/// A `bwrap` that does not say which process it has made, as one that nobody may look into.
const SECRETIVE: &str = r#"#!/bin/bash
for argument; do [ "$argument" = --info-fd ] && exit 1; done
exec "$REAL" "$@"
"#;

#[tokio::test]
async fn a_bwrap_whose_network_cannot_be_entered_leaves_commands_without() {
    let Some(Mechanism::Bubblewrap { path: real, .. }) = bubblewrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bwrap");
    std::fs::write(&path, SECRETIVE.replace("$REAL", real.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = || Options { tmpdir: None, codex_home: abs("/nonexistent"), path: Some(folder.path().into()) };
    let found = Launcher::new(options()).survey().into_iter().find(|finding| finding.name == "bwrap").unwrap();
    let mechanism = Mechanism::Bubblewrap { path: path.clone(), proxies: false };
    assert_eq!(found.works, Ok(mechanism.clone()));
    let reason = Launcher::with_mechanism(options(), Mechanism::Bubblewrap { path, proxies: true }).unwrap_err();
    assert!(reason.to_string().starts_with("bwrap: network namespace: "), "{reason}");

    let launcher = Launcher::with_mechanism(options(), mechanism).unwrap();
    let script = format!("{CONNECT} read_from :43128; echo $CODEX_SANDBOX_NETWORK_DISABLED$HTTP_PROXY");
    let done = finish(launcher.spawn(through(read_only(), &script)).await.unwrap()).await;
    assert_eq!(done.out(), "1\n", "{}", done.err());
}
