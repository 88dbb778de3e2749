//! `exec_command`: starts a command, and leaves it running as a session when it takes long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use exec::Shell;
use serde::Deserialize;
use serde_json::json;
use types::ToolSpec;

use super::running::{self, SandboxPermissions, Watch};
use super::{command_arguments, object};
use crate::approval::Candidate;
use crate::arguments::{self, Whole};
use crate::permissions::Wanted;
use crate::shell;
use crate::tool::{Needs, SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct ExecCommand;

const DEFAULT_YIELD: Duration = Duration::from_secs(10);
pub(super) const MIN_YIELD: Duration = Duration::from_millis(250);
pub(super) const MAX_YIELD: Duration = Duration::from_secs(30);

const DESCRIPTION: &str = "\
Runs a shell command and returns its output and exit code. If it is still running after yield_time_ms, you get the \
output so far and a session ID; go on with write_stdin. Commands have no standard input unless tty is true, so give \
programs that would ask something their non-interactive flags. Long output is shortened in the middle: filter it in \
the command, or raise max_output_tokens.";

#[derive(Deserialize)]
struct Arguments {
    cmd: String,
    workdir: Option<String>,
    shell: Option<String>,
    login: Option<bool>,
    #[serde(default)]
    tty: bool,
    yield_time_ms: Option<Whole>,
    max_output_tokens: Option<Whole>,
    #[serde(default)]
    sandbox_permissions: SandboxPermissions,
    additional_permissions: Option<Wanted>,
    justification: Option<String>,
    prefix_rule: Option<Vec<String>>,
}

#[async_trait]
impl Tool for ExecCommand {
    fn name(&self) -> &'static str {
        "exec_command"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        let mut properties = json!({
            "cmd": { "type": "string", "description": "The command line, as you would type it into a shell." },
            "shell": { "type": "string", "description": "The shell to run it with (a path, or bash, zsh or sh). Default: the user's own." },
            "tty": {
                "type": "boolean",
                "description": "Whether to give the command a terminal, for programs you mean to type into later. Default: false.",
            },
            "yield_time_ms": {
                "type": "number",
                "description": "How long to wait for the end, in milliseconds: 250 to 30000, 10000 by default. A command that ends sooner returns at once.",
            },
            "max_output_tokens": { "type": "number", "description": "How much output to return at most, in tokens. Default: about 10000." },
        });
        command_arguments::describe(&mut properties, cx);
        Some(ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters: object(properties, &["cmd"]),
            strict: false,
        })
    }

    /// Commands of one answer are independent, or the model would have waited for the first one's output.
    fn parallel_safe(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Sessions
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        let arguments: Arguments = match arguments::parse(&call) {
            Ok(arguments) => arguments,
            Err(result) => return result,
        };
        let cwd = cx.cwd.join(arguments.workdir.unwrap_or_default());
        let beyond = match arguments.sandbox_permissions.beyond(arguments.additional_permissions, &cwd, cx) {
            Ok(beyond) => beyond,
            Err(result) => return result,
        };
        let shell = match arguments.shell.as_deref().filter(|shell| !shell.is_empty()) {
            None => cx.shell.clone(),
            Some(name) => match find_shell(name, &cx.env) {
                Some(path) => Shell::at(&path),
                None => {
                    return ToolResult::failed(format!(
                        "there is no shell `{name}` here; leave `shell` out to use {}",
                        cx.shell.path.display()
                    ));
                }
            },
        };
        let login = match command_arguments::reads_profile(arguments.login, cx) {
            Ok(login) => login,
            Err(result) => return result,
        };
        let argv = shell.argv(&arguments.cmd, login);
        let command = Candidate {
            shown: shell::join(&argv),
            argv,
            cwd,
            tty: arguments.tty,
            beyond,
            justification: arguments.justification,
            prefix_rule: arguments.prefix_rule,
        };
        let mut env = cx.env.as_ref().clone();
        exec::set_variables(&mut env, exec::SESSION_ENV);
        let watch = Watch::Session {
            yield_time: command_arguments::time(arguments.yield_time_ms)
                .unwrap_or(DEFAULT_YIELD)
                .clamp(MIN_YIELD, MAX_YIELD),
            limit: running::limit(arguments.max_output_tokens),
        };
        running::run(call.call_id, command, env, watch, cx).await
    }
}

/// Where a shell is that is named by its path or, if it is a well-known one, by its name.
fn find_shell(name: &str, env: &[(String, String)]) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    let path = env.iter().find(|(variable, _)| variable == "PATH").map_or("", |(_, path)| path);
    let folders = path.split(':').chain(["/bin", "/usr/bin", "/usr/local/bin"]);
    folders
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}
