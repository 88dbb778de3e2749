//! The built-in tools, one a file.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::tool::Tool;

mod apply_patch;
mod command_arguments;
mod exec_command;
mod request_permissions;
mod request_user_input;
mod running;
mod shell_command;
mod update_plan;
mod view_image;
mod web_search;
mod write_stdin;

/// Every built-in tool, in the order in which they are offered.
pub(crate) fn all() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(exec_command::ExecCommand),
        Arc::new(write_stdin::WriteStdin),
        Arc::new(shell_command::ShellCommand),
        Arc::new(update_plan::UpdatePlan),
        Arc::new(request_user_input::RequestUserInput),
        Arc::new(request_permissions::RequestPermissions),
        Arc::new(apply_patch::ApplyPatch),
        Arc::new(web_search::WebSearch),
        Arc::new(view_image::ViewImage),
        Arc::new(shell_command::ShellArgv::SHELL),
        Arc::new(shell_command::ShellArgv::CONTAINER_EXEC),
        Arc::new(shell_command::LocalShell),
    ]
}

/// The JSON Schema of an object with exactly these members.
#[expect(clippy::needless_pass_by_value, reason = "the schema is built once and moved in")]
fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
