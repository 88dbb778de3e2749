//! `spindle app-server generate-ts` and `generate-json-schema`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use types::AbsPath;

use crate::cli::{Generate, Output};
use crate::environment;

pub(crate) fn run(command: &Generate) -> anyhow::Result<ExitCode> {
    match command {
        Generate::GenerateTs { output: Output { out, experimental }, prettier } => {
            protocol::export::export_ts(out, *experimental).with_context(|| cannot_write(out))?;
            if let Some(prettier) = prettier {
                format(prettier, out)?;
            }
        }
        Generate::GenerateJsonSchema { output: Output { out, experimental }, additions } => {
            protocol::export::export_json_schema(out, *experimental).with_context(|| cannot_write(out))?;
            if *additions {
                protocol::export::export_additions(out).with_context(|| cannot_write(out))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn cannot_write(out: &Path) -> String {
    format!("the files cannot be written to `{}`", out.display())
}

/// Has prettier rewrite what was generated.
fn format(prettier: &Path, out: &Path) -> anyhow::Result<()> {
    let cwd = environment::working_directory()?;
    let out: AbsPath = cwd.join(out);
    let launcher = exec::Launcher::new(exec::Options {
        tmpdir: None,
        codex_home: cwd.clone(),
        path: environment::variable("PATH").map(Into::into),
    });
    let command = exec::Command {
        argv: vec![
            prettier.display().to_string(),
            "--write".to_owned(),
            "--log-level".to_owned(),
            "warn".to_owned(),
            format!("{out}/**/*.ts"),
        ],
        cwd,
        env: environment::variables(),
        io: exec::Io::Pipes { stdin: false },
        sandbox: exec::Sandbox::None,
        proxy: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut process = launcher.spawn(command).await.context("prettier cannot be started")?;
        let mut said = Vec::new();
        while let Some(chunk) = process.next_output().await {
            said.extend_from_slice(&chunk.bytes);
        }
        let exit = process.wait().await;
        if exit.code != Some(0) {
            bail!("prettier failed: {}", String::from_utf8_lossy(&said).trim());
        }
        Ok(())
    })
}
