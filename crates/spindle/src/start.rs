//! What every command that runs a server needs: the server and a runtime for it.

use std::sync::Arc;

use anyhow::Context as _;
use server::Server;
use tokio::runtime::{Builder, Runtime};
use types::SessionSource;

use crate::cli::{self, Overrides};
use crate::environment;

/// Threads of the runtime. Work is I/O; more would only cost memory.
const WORKER_THREADS: usize = 2;

/// The built-in provider that needs no model, and the model it answers as.
const SIMULATOR: &str = "simulator";

/// A server for this process; `ends_with_connection` if the client that started it is one of its clients.
pub(crate) fn server(
    overrides: &Overrides,
    session_source: SessionSource,
    ends_with_connection: bool,
) -> anyhow::Result<Arc<Server>> {
    Ok(Server::new(server::Options {
        home: environment::home()?,
        system_file: None,
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
    let parsed = config::Overrides { cli, enable: overrides.enable.clone(), disable: overrides.disable.clone() };
    parsed.check()?;
    Ok(parsed)
}

pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(WORKER_THREADS).enable_all().build().context("the runtime cannot be started")
}
