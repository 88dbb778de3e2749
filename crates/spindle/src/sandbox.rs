//! `spindle sandbox`: one command, confined as those of agents are.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use exec::{Io, Launcher, SpawnError};
use tokio::signal::unix::{SignalKind, signal};
use types::{SandboxMode, SessionSource};

use crate::cli::{self, Overrides, Platform, Policy, Sandbox, SandboxRun};
use crate::{environment, logging, start};

/// How long the command may take to end by itself when it is interrupted.
const GRACE: Duration = Duration::from_secs(2);

/// Exit codes for commands that never ran, as shells and `env` have them.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
const NOT_CONFINED: u8 = 125;

pub(crate) fn run(options: Sandbox, overrides: &Overrides) -> ExitCode {
    logging::start();
    // The command's own status may be any; that of a command that has not run must not look like it.
    carry_out(options, overrides).unwrap_or_else(|error| {
        cli::report(&error);
        ExitCode::from(NOT_CONFINED)
    })
}

/// Fails before the command runs, or not at all.
fn carry_out(options: Sandbox, overrides: &Overrides) -> anyhow::Result<ExitCode> {
    let options = match options.platform {
        None => options.run,
        Some(Platform::Linux(run)) if cfg!(target_os = "linux") => run,
        Some(Platform::Macos(run)) if cfg!(target_os = "macos") => run,
        Some(Platform::Windows(run)) if cfg!(windows) => run,
        Some(Platform::Linux(_)) => bail!("this is not Linux"),
        Some(Platform::Macos(_)) => bail!("this is not macOS"),
        Some(Platform::Windows(_)) => bail!("this is not Windows"),
    };
    if options.command.is_empty() {
        bail!("no command given; try `spindle sandbox -- ls`");
    }
    let mode = mode(&options)?;
    let server = start::server(&with_details(&options, overrides)?, SessionSource::Cli, true)?;
    let command = server.configured_command(options.command, Io::Inherit, mode)?;
    start::runtime()?.block_on(run_to_its_end(server.launcher(), command))
}

/// The sandbox that the options ask for; that of the configuration where they ask for none.
fn mode(options: &SandboxRun) -> anyhow::Result<Option<SandboxMode>> {
    let needs_workspace = options.full_auto || options.network || !options.writable.is_empty();
    Ok(match options.policy {
        Some(Policy::ReadOnly) if needs_workspace => {
            bail!("--writable and --network need --policy workspace-write")
        }
        Some(Policy::ReadOnly) => Some(SandboxMode::ReadOnly),
        Some(Policy::DangerFullAccess) => Some(SandboxMode::DangerFullAccess),
        Some(Policy::WorkspaceWrite) => Some(SandboxMode::WorkspaceWrite),
        None => needs_workspace.then_some(SandboxMode::WorkspaceWrite),
    })
}

/// The details of the sandbox as configuration.
fn with_details(options: &SandboxRun, overrides: &Overrides) -> anyhow::Result<Overrides> {
    let mut overrides = overrides.clone();
    if options.network {
        overrides.config.push("sandbox_workspace_write.network_access=true".to_owned());
    }
    if !options.writable.is_empty() {
        let cwd = environment::working_directory()?;
        let folders = options.writable.iter().map(|folder| folder_text(&cwd.join(folder)));
        let folders = folders.collect::<anyhow::Result<Vec<_>>>()?;
        let list = serde_json::to_string(&folders)?;
        overrides.config.push(format!("sandbox_workspace_write.writable_roots={list}"));
    }
    Ok(overrides)
}

fn folder_text(folder: &Path) -> anyhow::Result<String> {
    if !folder.is_dir() {
        bail!("--writable {}: not a folder", folder.display());
    }
    folder.to_str().map(ToOwned::to_owned).with_context(|| format!("--writable {}: not Unicode", folder.display()))
}

async fn run_to_its_end(launcher: &Launcher, command: exec::Command) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut process = match launcher.spawn(command).await {
        Ok(process) => process,
        Err(error) => {
            let code = failure_code(&error);
            // Its text holds the cause already.
            cli::report(&anyhow::Error::msg(error.to_string()));
            return Ok(ExitCode::from(code));
        }
    };
    let handle = process.handle();
    let exit = loop {
        tokio::select! {
            exit = process.wait() => break exit,
            _ = interrupt.recv() => handle.terminate(GRACE),
            _ = terminate.recv() => handle.terminate(GRACE),
            _ = hangup.recv() => handle.terminate(GRACE),
        }
    };
    Ok(ExitCode::from(u8::try_from(exit.code_or_signal()).unwrap_or(u8::MAX)))
}

fn failure_code(error: &SpawnError) -> u8 {
    match error {
        SpawnError::Program { source, .. } if source.kind() == ErrorKind::NotFound => NOT_FOUND,
        SpawnError::Program { .. } => NOT_EXECUTABLE,
        SpawnError::Empty
        | SpawnError::Nul
        | SpawnError::Cwd { .. }
        | SpawnError::SandboxUnavailable(_)
        | SpawnError::Sandbox { .. }
        | SpawnError::System { .. } => NOT_CONFINED,
    }
}
