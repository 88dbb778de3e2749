//! `spindle try`: a server in this process with the terminal as its client.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use types::SessionSource;

use crate::cli::{Overrides, Try};
use crate::try_command::{self, Opening};
use crate::{environment, logging, start};

/// What a model is asked by somebody who asks nothing.
const LOOK_AROUND: &str =
    "Look around in this folder, without changing anything, and tell me in a few sentences what is here.";
/// The same in the simulator's language: every kind of work once, leaving the folder as it was.
const DEMONSTRATION: &str = include_str!("demonstration.txt");

/// The simulator's demonstration changes files of the folder: inside the sandbox, where nobody has to be asked.
fn for_demonstration(overrides: &Overrides) -> Overrides {
    let mut overrides = overrides.clone();
    overrides.simulate = true;
    // In front, so that what the user says wins.
    overrides.config.insert(0, "sandbox_mode=workspace-write".to_owned());
    overrides
}

pub(crate) fn run(options: Try, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    logging::start();
    let mut server = start::server(overrides, SessionSource::Cli, true)?;
    let mut simulated = overrides.simulate;
    let mut notice = None;
    if let Some(problem) = server.provider_problem() {
        notice = Some(format!("{problem}; the built-in simulator answers instead (see docs/simulator.md)"));
        simulated = true;
    }
    if simulated {
        server = start::server(&for_demonstration(overrides), SessionSource::Cli, true)?;
    }
    let terminal = std::io::stdout().is_terminal();
    let options = try_command::Options {
        prompt: options.prompt,
        json: options.json,
        cwd: environment::working_directory()?,
        colour: terminal && environment::variable("NO_COLOR").is_none(),
        interactive: terminal && std::io::stdin().is_terminal(),
        notice,
        opening: Opening {
            prompt: if simulated { DEMONSTRATION } else { LOOK_AROUND }.to_owned(),
            at_terminal: simulated,
        },
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
