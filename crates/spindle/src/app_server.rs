//! `spindle app-server`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use server::Server;
use tokio::signal::unix::{SignalKind, signal};
use types::SessionSource;

use crate::cli::{AppServer, Listen, Overrides};
use crate::{generate, logging, start};

pub(crate) fn run(options: &AppServer, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    if let Some(command) = &options.command {
        return generate::run(command);
    }
    if options.listen == Listen::Off {
        anyhow::bail!("no transport configured; use --listen stdio://");
    }
    logging::start();
    let server = start::server(overrides, source(&options.session_source))?;
    let runtime = start::runtime()?;
    let served = runtime.block_on(serve_stdio(server));
    // Reading standard input blocks a thread that nothing can wake; it must not hold the process up.
    runtime.shutdown_background();
    served?;
    Ok(ExitCode::SUCCESS)
}

async fn serve_stdio(server: Arc<Server>) -> anyhow::Result<()> {
    let stop = server.clone();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let serving = server.serve(tokio::io::stdin(), tokio::io::stdout());
    tokio::pin!(serving);
    let mut stopping = false;
    loop {
        tokio::select! {
            served = &mut serving => return served.context("the connection failed"),
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // The first signal ends in order, the second at once.
        if stopping {
            return Ok(());
        }
        stopping = true;
        stop.stop();
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
