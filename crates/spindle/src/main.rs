//! The command line of Spindle.
//!
//! The one place that reads the process environment; everything else is passed on.

mod app_server;
mod cli;
mod doctor;
mod environment;
mod generate;
mod logging;
mod memory;
mod remote;
mod sandbox;
mod start;
mod stdio;
mod talk;
mod try_command;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(environment::arguments()) {
        Ok(cli) => cli,
        Err(error) => return cli::explain(&error),
    };
    let outcome = match cli.command {
        Command::AppServer(options) => app_server::run(&options, &cli.overrides),
        Command::Try(options) => talk::run(options, &cli.overrides),
        Command::Sandbox(options) => return sandbox::run(options, &cli.overrides),
        Command::Doctor(options) => doctor::run(&options, &cli.overrides),
        Command::Completions { shell } => cli::completions(shell),
    };
    outcome.unwrap_or_else(|error| {
        cli::report(&error);
        ExitCode::FAILURE
    })
}
