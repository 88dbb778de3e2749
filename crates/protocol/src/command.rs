//! Commands that clients run themselves, beside any thread.

use std::collections::HashMap;
use std::path::PathBuf;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::permissions::{PermissionProfile, SandboxPolicy};

/// Parameters of `command/exec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecParams {
    /// The program and its arguments. Not given to a shell.
    pub command: Vec<String>,
    /// Names the process for later requests; needed for a terminal, for input and for streaming.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub process_id: Option<String>,
    /// Whether the command gets a terminal. Implies input and streaming.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tty: bool,
    /// Whether the client will send input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream_stdin: bool,
    /// Whether output is told as it comes; the answer then holds none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream_stdout_stderr: bool,
    /// How many bytes of each stream are kept; the server chooses when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub output_bytes_cap: Option<usize>,
    /// Keeps everything.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_output_cap: bool,
    /// Lets the command run on without limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_timeout: bool,
    /// When to end the command, in milliseconds; the server chooses when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable, type = "number | null"))]
    pub timeout_ms: Option<i64>,
    /// Where to run it; the server's own directory when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub cwd: Option<PathBuf>,
    /// Environment variables to set; `null` removes one.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub env: Option<HashMap<String, Option<String>>>,
    /// The size of the terminal at the start.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub size: Option<CommandExecTerminalSize>,
    /// What it may do; as configured when absent.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub sandbox_policy: Option<SandboxPolicy>,
    /// What commands may read, write and reach, path by path. It cannot stand beside the sandbox policy.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub permission_profile: Option<PermissionProfile>,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CommandExecTerminalSize {
    /// Lines, from 1.
    pub rows: u16,
    /// Columns, from 1.
    pub cols: u16,
}

/// Result of `command/exec`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecResponse {
    /// The exit code of the command.
    pub exit_code: i32,
    /// What it wrote to standard output; empty when that was streamed.
    pub stdout: String,
    /// What it wrote to standard error; empty when that was streamed.
    pub stderr: String,
}

/// Parameters of `command/exec/write`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecWriteParams {
    /// Names the process: the `processId` that the client gave to `command/exec`.
    pub process_id: String,
    /// What to write, in base64.
    #[cfg_attr(feature = "export", ts(optional = nullable))]
    pub delta_base64: Option<String>,
    /// Whether to close the input afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub close_stdin: bool,
}

/// Result of `command/exec/write`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CommandExecWriteResponse {}

/// Parameters of `command/exec/terminate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecTerminateParams {
    /// Names the process: the `processId` that the client gave to `command/exec`.
    pub process_id: String,
}

/// Result of `command/exec/terminate`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CommandExecTerminateResponse {}

/// Parameters of `command/exec/resize`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecResizeParams {
    /// Names the process: the `processId` that the client gave to `command/exec`.
    pub process_id: String,
    /// The new size.
    pub size: CommandExecTerminalSize,
}

/// Result of `command/exec/resize`: it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
pub struct CommandExecResizeResponse {}

/// A command of `command/exec` has written something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct CommandExecOutputDeltaNotification {
    /// Names the process: the `processId` that the client gave to `command/exec`.
    pub process_id: String,
    /// Which of its streams it wrote to; a terminal has only `stdout`.
    pub stream: CommandExecOutputStream,
    /// What it wrote, in base64.
    pub delta_base64: String,
    /// Whether the limit is reached and no more will be shown.
    pub cap_reached: bool,
}

/// Where a command writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum CommandExecOutputStream {
    /// Its standard output; for a terminal, everything.
    Stdout,
    /// Its standard error.
    Stderr,
}
