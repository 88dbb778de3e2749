//! The sub-agent tools as the model is told of them.

use config::Config;
use serde_json::{Value, json};
use types::ToolSpec;

use super::{CLOSE, RESUME, SEND, SPAWN, WAIT, roles};

/// The five tools, under a configuration with these roles.
pub(crate) fn specs(config: &Config) -> Vec<ToolSpec> {
    let items = json!({
        "type": "array",
        "description": "Input in parts, instead of `message`: texts, images, skills and mentions.",
        "items": {
            "type": "object",
            "properties": {
                "type": { "type": "string", "description": "`text`, `image`, `local_image`, `skill` or `mention`." },
                "text": { "type": "string", "description": "The text, for `text`." },
                "image_url": { "type": "string", "description": "The picture's URL, for `image`." },
                "path": { "type": "string", "description": "The file, for `local_image`, `skill` and `mention`." },
                "name": { "type": "string", "description": "What people call it, for `skill` and `mention`." },
            },
            "additionalProperties": false,
        },
    });
    let text = |description: &str| json!({ "type": "string", "description": description });
    vec![
        function(
            SPAWN,
            "Starts a sub-agent: another agent with a thread of its own, in the same folder and with the same \
             permissions. Use it for a part of the work that stands on its own and would otherwise wait, such as \
             searching a large area, or a change in files that nobody else touches. Give it everything it needs to know \
             in the message: it does not see this conversation unless `fork_context` is set. Answers at once with its \
             id; you are told when it is done. Do not hand over small steps, or work that you need before your next one.",
            &json!({
                "message": text("The task: goal, what is known, where to look, what to bring back."),
                "items": items,
                "agent_type": text(&roles::described(config)),
                "fork_context": {
                    "type": "boolean",
                    "description": "Lets it begin with a copy of this conversation; it then is as you are: give it \
                                    no role, model or reasoning effort.",
                },
                "model": text("Another model for it. Leave out for your own."),
                "reasoning_effort": text("Another reasoning effort for it. Leave out for your own."),
            }),
            &[],
        ),
        function(
            SEND,
            "Sends more input to a sub-agent. While it works, the input joins the running work; with `interrupt` it \
             drops that and turns to the new input.",
            &json!({
                "target": text("The sub-agent's id."),
                "message": text("The text to send."),
                "items": items,
                "interrupt": { "type": "boolean", "description": "Stops what it is doing first." },
            }),
            &["target"],
        ),
        function(
            RESUME,
            "Brings a closed sub-agent back, with all it knew, so that it can take input again.",
            &json!({ "id": text("The sub-agent's id.") }),
            &["id"],
        ),
        function(
            WAIT,
            "Waits until at least one of the sub-agents has ended its work, or the time is over, and answers with what \
             is known of each that has. Prefer doing something useful over waiting.",
            &json!({
                "targets": { "type": "array", "items": { "type": "string" }, "description": "Ids of sub-agents." },
                "timeout_ms": { "type": "number", "description": "How long to wait, 10000 to 3600000. Default 30000." },
            }),
            &["targets"],
        ),
        function(
            CLOSE,
            "Closes a sub-agent that is no longer needed, and answers with how it was. What it is doing is stopped.",
            &json!({ "target": text("The sub-agent's id.") }),
            &["target"],
        ),
    ]
}

fn function(name: &str, description: &str, properties: &Value, required: &[&str]) -> ToolSpec {
    let mut parameters = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        parameters["required"] = json!(required);
    }
    ToolSpec::Function { name: name.to_owned(), description: description.to_owned(), parameters, strict: false }
}
