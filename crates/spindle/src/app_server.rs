//! `spindle app-server`.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use listen::Listen;
use server::Server;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use types::SessionSource;

use crate::cli::{AppServer, Overrides};
use crate::{generate, logging, remote, start, stdio};

pub(crate) fn run(options: &AppServer, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    if let Some(command) = &options.command {
        return generate::run(command);
    }
    let with_stdio = options.listen.contains(&Listen::Stdio);
    let addresses = remote::addresses(&options.listen);
    if !with_stdio && addresses.is_empty() {
        anyhow::bail!(
            "no transport configured; use --listen with stdio://, ws://IP:PORT, wss://IP:PORT or unix://PATH"
        );
    }
    let auth = remote::auth_flags(&options.remote).check()?;
    let sockets = match addresses.is_empty() {
        true => None,
        false => Some(remote::options(addresses, auth, &options.remote)?),
    };
    logging::start();
    let server = start::server(overrides, source(&options.session_source), with_stdio)?;
    // Connections, threads and the pipes of commands are files.
    #[cfg(unix)]
    exec::raise_file_limit();
    let runtime = start::runtime()?;
    let served = runtime.block_on(async {
        match sockets {
            None => serve_stdio(server).await,
            Some(sockets) => remote::serve(server, sockets, with_stdio, options.remote.drain_seconds).await,
        }
    });
    // Standard input that is no pipe is read by a thread that nothing can wake; it must not hold the process up.
    runtime.shutdown_background();
    served?;
    Ok(ExitCode::SUCCESS)
}

async fn serve_stdio(server: Arc<Server>) -> anyhow::Result<()> {
    let stop = server.clone();
    let mut signals = Signals::new()?;
    let mut serving = start_stdio(server);
    let mut stopping = false;
    loop {
        tokio::select! {
            served = &mut serving => return served?.context("the connection failed"),
            () = signals.next() => {}
        }
        // The first signal ends in order, the second at once.
        if stopping {
            return Ok(());
        }
        stopping = true;
        stop.stop();
    }
}

/// Serves the client that started the process. As a task: the thread that waits for it has no part in the work.
pub(crate) fn start_stdio(server: Arc<Server>) -> JoinHandle<io::Result<()>> {
    tokio::spawn(async move { server.serve(stdio::input(), stdio::output()).await })
}

/// The signals that ask the process to end.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?,
            interrupt: signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?,
        })
    }

    /// Waits for the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn source(name: &str) -> SessionSource {
    match name {
        "cli" => SessionSource::Cli,
        "vscode" => SessionSource::VsCode,
        "exec" => SessionSource::Exec,
        "mcp" | "app-server" | "appServer" => SessionSource::AppServer,
        other => SessionSource::Custom(other.to_owned()),
    }
}
