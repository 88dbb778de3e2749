//! The arguments that all tools for commands share.

use std::time::Duration;

use serde_json::{Value, json};

use crate::arguments::Whole;
use crate::permissions;
use crate::tool::{SpecContext, ToolResult};
use crate::turn::TurnTools;

/// Describes them to the model: the folder, the shell's profile, and the ways out of the sandbox.
pub(super) fn describe(properties: &mut Value, cx: &SpecContext) {
    properties["workdir"] = json!({
        "type": "string",
        "description": "The folder to run in, absolute or relative to the working directory, which is the default. Use it instead of `cd`.",
    });
    if !cx.switches.no_login_shell {
        properties["login"] = json!({ "type": "boolean", "description": "Whether the shell reads the user's profile first. Default: true." });
    }
    properties["sandbox_permissions"] = json!({
        "type": "string",
        "enum": ["use_default", "require_escalated"],
        "description": "`require_escalated` asks the user to let this command run outside the sandbox. Use it when the task needs it, for instance after the sandbox has stopped the command.",
    });
    properties["justification"] = json!({
        "type": "string",
        "description": "With require_escalated: a short question to the user that says what the command is for, such as \"Install the packages the tests need?\"",
    });
    properties["prefix_rule"] = json!({
        "type": "array",
        "items": { "type": "string" },
        "description": "With require_escalated: the first words of the command that the user could allow for good, as narrow as is useful, such as [\"cargo\", \"test\"].",
    });
    if cx.switches.command_permissions {
        let permissions = &mut properties["sandbox_permissions"];
        permissions["enum"] = json!(["use_default", "with_additional_permissions", "require_escalated"]);
        permissions["description"] = json!(
            "What the command needs beyond the sandbox, for which the user is asked: \
             `with_additional_permissions` runs it in the sandbox with what additional_permissions names, \
             `require_escalated` outside of it. Prefer the former where you can name what is needed."
        );
        properties["additional_permissions"] = permissions::schema();
    }
}

/// Whether the shell of a command reads the user's profile.
///
/// # Errors
/// The call wants what the configuration rules out.
pub(super) fn reads_profile(wanted: Option<bool>, cx: &TurnTools) -> Result<bool, ToolResult> {
    match (wanted, cx.switches.no_login_shell) {
        (Some(true), true) => Err(ToolResult::failed(
            "the configuration does not allow login shells; leave `login` out, or set it to false",
        )),
        (None, true) => Ok(false),
        (wanted, _) => Ok(wanted.unwrap_or(true)),
    }
}

pub(super) fn time(milliseconds: Option<Whole>) -> Option<Duration> {
    milliseconds.map(|Whole(milliseconds)| Duration::from_millis(milliseconds))
}
