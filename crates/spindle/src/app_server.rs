//! `spindle app-server`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use server::Server;
use tokio::signal::unix::{SignalKind, signal};
use types::SessionSource;

use crate::cli::{self, AppServer, Listen, Overrides};
use crate::{environment, generate, logging};

/// The built-in provider that needs no model, and the model it answers as.
pub(crate) const SIMULATOR: &str = "simulator";
/// Threads of the runtime. Work is I/O; more would only cost memory.
const WORKER_THREADS: usize = 2;

pub(crate) fn run(options: &AppServer) -> anyhow::Result<ExitCode> {
    if let Some(command) = &options.command {
        return generate::run(command);
    }
    if options.listen == Listen::Off {
        anyhow::bail!("no transport configured; use --listen stdio:// or --listen ws://IP:PORT");
    }
    logging::start();
    let server = server(&options.overrides, source(&options.session_source), true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let served = runtime.block_on(serve_stdio(server));
    // Reading standard input blocks a thread that nothing can wake; it must not hold the process up.
    runtime.shutdown_background();
    served?;
    Ok(ExitCode::SUCCESS)
}

/// A server for this process.
pub(crate) fn server(
    overrides: &Overrides,
    session_source: SessionSource,
    ends_with_connection: bool,
) -> anyhow::Result<Arc<Server>> {
    Ok(Server::new(server::Options {
        home: environment::home()?,
        cwd: environment::working_directory()?,
        variables: environment::variables(),
        overrides: parse(overrides)?,
        version: cli::protocol_version().to_owned(),
        session_source,
        ends_with_connection,
    }))
}

fn parse(overrides: &Overrides) -> anyhow::Result<config::Overrides> {
    let cli = overrides.config.iter().map(|argument| config::Overrides::parse_cli(argument));
    let mut cli = cli.collect::<Result<Vec<_>, _>>()?;
    if overrides.simulate {
        for key in ["model_provider", "model"] {
            cli.push(config::Overrides::parse_cli(&format!("{key}={SIMULATOR}"))?);
        }
    }
    let parsed = config::Overrides {
        cli,
        enable: overrides.enable.clone(),
        disable: overrides.disable.clone(),
    };
    parsed.check()?;
    Ok(parsed)
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
