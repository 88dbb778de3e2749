//! `spindle try`: a server in this process with the terminal as its client.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use types::SessionSource;

use crate::cli::{Overrides, Try};
use crate::{environment, logging, start, try_command};

pub(crate) fn run(options: Try, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    logging::start();
    let mut server = start::server(overrides, SessionSource::Cli)?;
    let mut notice = None;
    if let Some(problem) = server.provider_problem() {
        notice = Some(format!("{problem}; the built-in simulator answers instead (docs/simulator.md tells what it understands)"));
        server = start::server(&Overrides { simulate: true, ..overrides.clone() }, SessionSource::Cli)?;
    }
    let terminal = std::io::stdout().is_terminal();
    let options = try_command::Options {
        prompt: options.prompt,
        json: options.json,
        cwd: environment::working_directory()?,
        colour: terminal && environment::variable("NO_COLOR").is_none(),
        interactive: terminal && std::io::stdin().is_terminal(),
        notice,
    };
    let runtime = start::runtime()?;
    let status = runtime.block_on(async {
        let (client, far) = rpc::in_process();
        let (input, output) = tokio::io::split(far);
        let serving = tokio::spawn(async move { server.serve(input, output).await });
        let status = try_command::run(options, client).await;
        serving.await??;
        status
    });
    // A read of standard input that is still waiting must not hold the process up.
    runtime.shutdown_background();
    status
}
