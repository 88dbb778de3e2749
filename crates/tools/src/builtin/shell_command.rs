//! `shell_command`, `shell` and `local_shell`: commands that end with their call.
//!
//! The first is offered where the configuration wants no sessions. Otherwise `exec_command` does all they do; but models
//! that were taught them call them all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use types::ToolSpec;

use super::command_arguments::{self, time};
use super::object;
use super::running::{self, SandboxPermissions, Watch};
use crate::approval::Candidate;
use crate::arguments::{self, Whole};
use crate::permissions::Wanted;
use crate::shell;
use crate::tool::{Commands, Needs, SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

/// A script for the user's shell.
pub(crate) struct ShellCommand;

/// A program and its arguments.
pub(crate) struct ShellArgv {
    name: &'static str,
}

/// The action of a `local_shell_call` item, as its JSON.
pub(crate) struct LocalShell;

const DESCRIPTION: &str = "\
Runs a shell command to its end and returns its output and exit code. Commands have no standard input, so give programs \
that would ask something their non-interactive flags, and stop what would run for ever. Long output is shortened in the \
middle: filter it in the command.";

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

impl ShellArgv {
    pub(crate) const SHELL: Self = Self { name: "shell" };
    pub(crate) const CONTAINER_EXEC: Self = Self { name: "container.exec" };
}

#[derive(Deserialize)]
struct ScriptArguments {
    command: String,
    workdir: Option<String>,
    #[serde(alias = "timeout")]
    timeout_ms: Option<Whole>,
    login: Option<bool>,
    #[serde(default)]
    sandbox_permissions: SandboxPermissions,
    additional_permissions: Option<Wanted>,
    justification: Option<String>,
    prefix_rule: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ArgvArguments {
    command: Vec<String>,
    #[serde(alias = "working_directory")]
    workdir: Option<String>,
    #[serde(alias = "timeout")]
    timeout_ms: Option<Whole>,
    #[serde(default)]
    sandbox_permissions: SandboxPermissions,
    additional_permissions: Option<Wanted>,
    justification: Option<String>,
    prefix_rule: Option<Vec<String>>,
    /// Only of `local_shell`.
    env: Option<BTreeMap<String, String>>,
}

#[async_trait]
impl Tool for ShellCommand {
    fn name(&self) -> &'static str {
        "shell_command"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        if cx.switches.commands != Commands::Whole {
            return None;
        }
        let mut properties = json!({
            "command": { "type": "string", "description": "The command line, as you would type it into a shell." },
            "timeout_ms": {
                "type": "number",
                "description": format!("When the command is stopped, in milliseconds. Default: {}.", DEFAULT_TIMEOUT.as_millis()),
            },
        });
        command_arguments::describe(&mut properties, cx);
        Some(ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters: object(properties, &["command"]),
            strict: false,
        })
    }

    fn needs(&self) -> Needs {
        Needs::Commands
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        let arguments: ScriptArguments = match arguments::parse(&call) {
            Ok(arguments) => arguments,
            Err(result) => return result,
        };
        let cwd = cx.cwd.join(arguments.workdir.unwrap_or_default());
        let beyond = match arguments.sandbox_permissions.beyond(arguments.additional_permissions, &cwd, cx) {
            Ok(beyond) => beyond,
            Err(result) => return result,
        };
        let login = match command_arguments::reads_profile(arguments.login, cx) {
            Ok(login) => login,
            Err(result) => return result,
        };
        let argv = cx.shell.argv(&arguments.command, login);
        let command = Candidate {
            shown: shell::join(&argv),
            argv,
            cwd,
            tty: false,
            beyond,
            justification: arguments.justification,
            prefix_rule: arguments.prefix_rule,
        };
        let watch = Watch::Whole { timeout: time(arguments.timeout_ms).unwrap_or(DEFAULT_TIMEOUT), json: false };
        running::run(call.call_id, command, cx.env.as_ref().clone(), watch, cx).await
    }
}

#[async_trait]
impl Tool for ShellArgv {
    fn name(&self) -> &str {
        self.name
    }

    fn spec(&self, _cx: &SpecContext) -> Option<ToolSpec> {
        None
    }

    fn needs(&self) -> Needs {
        Needs::Commands
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        run_argv(call, cx).await
    }
}

#[async_trait]
impl Tool for LocalShell {
    fn name(&self) -> &'static str {
        "local_shell"
    }

    fn spec(&self, _cx: &SpecContext) -> Option<ToolSpec> {
        None
    }

    fn needs(&self) -> Needs {
        Needs::Commands
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        run_argv(call, cx).await
    }
}

async fn run_argv(call: ToolCall, cx: &TurnTools) -> ToolResult {
    let arguments: ArgvArguments = match arguments::parse(&call) {
        Ok(arguments) => arguments,
        Err(result) => return result,
    };
    if arguments.command.is_empty() {
        return ToolResult::failed(
            "failed to parse function arguments: `command` is empty; its first word is the program",
        );
    }
    let cwd = cx.cwd.join(arguments.workdir.unwrap_or_default());
    let beyond = match arguments.sandbox_permissions.beyond(arguments.additional_permissions, &cwd, cx) {
        Ok(beyond) => beyond,
        Err(result) => return result,
    };
    let command = Candidate {
        shown: shell::join(&arguments.command),
        argv: arguments.command,
        cwd,
        tty: false,
        beyond,
        justification: arguments.justification,
        prefix_rule: arguments.prefix_rule,
    };
    let mut env = cx.env.as_ref().clone();
    let more = arguments.env.unwrap_or_default();
    exec::set_variables(&mut env, more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let watch = Watch::Whole { timeout: time(arguments.timeout_ms).unwrap_or(DEFAULT_TIMEOUT), json: true };
    running::run(call.call_id, command, env, watch, cx).await
}
