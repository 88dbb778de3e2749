//! Finds, among the tools that a request offers, the one for a call, and writes the call.

use std::sync::Arc;

use serde_json::{Value, json};
use types::{ResponseItem, ToolSpec};

use super::statement::Call;

/// The tools of one request.
pub(super) struct Toolbox {
    tools: Arc<[ToolSpec]>,
}

impl Toolbox {
    pub(super) fn of(tools: &Arc<[ToolSpec]>) -> Self {
        Self { tools: Arc::clone(tools) }
    }

    /// Whether there is a tool for the call. A tool called by name counts as there: what happens with unknown ones
    /// should be seen, too.
    pub(super) fn offers(&self, call: &Call) -> bool {
        match call {
            Call::Run { .. } => self.shell().is_some(),
            Call::Type(_) => self.has("write_stdin"),
            Call::Patch(_) => self.has("apply_patch") || self.shell().is_some(),
            Call::Plan(_) => self.has("update_plan"),
            Call::View(_) => self.has("view_image"),
            Call::Ask { .. } => self.has("request_user_input"),
            Call::Tool { .. } => true,
        }
    }

    /// The call as an item; `None` if there is no tool for it. `session` is where typed input goes.
    pub(super) fn item(&self, call: &Call, call_id: String, session: i64) -> Option<ResponseItem> {
        if !self.offers(call) {
            return None;
        }
        Some(match call {
            Call::Run { command, escalated, terminal } => self.run(command, *escalated, *terminal, call_id),
            Call::Type(text) => function("write_stdin", &json!({ "session_id": session, "chars": text }), call_id),
            Call::Patch(body) => self.patch(body, call_id),
            Call::Plan(steps) => {
                let steps: Vec<_> =
                    steps.iter().map(|(step, status)| json!({ "step": step, "status": status })).collect();
                function("update_plan", &json!({ "plan": steps }), call_id)
            }
            Call::View(path) => function("view_image", &json!({ "path": path }), call_id),
            Call::Ask { question, options } => {
                let options: Vec<_> = options
                    .iter()
                    .map(|option| json!({ "label": option, "description": format!("Choose {option}.") }))
                    .collect();
                let question =
                    json!({ "id": "question", "header": "Question", "question": question, "options": options });
                function("request_user_input", &json!({ "questions": [question] }), call_id)
            }
            Call::Tool { name, input } => self.named(name, input, call_id),
        })
    }

    fn has(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name() == name)
    }

    /// The tool that runs commands: newer and older kinds take different arguments.
    fn shell(&self) -> Option<&'static str> {
        ["exec_command", "shell_command", "shell"].into_iter().find(|name| self.has(name))
    }

    fn run(&self, command: &str, escalated: bool, terminal: bool, call_id: String) -> ResponseItem {
        let name = self.shell().unwrap_or("exec_command");
        let mut arguments = match name {
            "exec_command" => json!({ "cmd": command }),
            "shell_command" => json!({ "command": command }),
            _ => json!({ "command": ["sh", "-c", command] }),
        };
        if escalated {
            arguments["sandbox_permissions"] = "require_escalated".into();
            arguments["justification"] = format!("May the simulator run `{command}` outside the sandbox?").into();
        }
        if terminal {
            arguments["tty"] = true.into();
        }
        function(name, &arguments, call_id)
    }

    fn patch(&self, body: &str, call_id: String) -> ResponseItem {
        let patch = format!("*** Begin Patch\n{body}\n*** End Patch");
        match self.tools.iter().find(|tool| tool.name() == "apply_patch") {
            Some(ToolSpec::Freeform { name, .. }) => custom(name, patch, call_id),
            Some(_) => function("apply_patch", &json!({ "input": patch }), call_id),
            None => self.run(&format!("apply_patch <<'EOF_PATCH'\n{patch}\nEOF_PATCH"), false, false, call_id),
        }
    }

    /// Finds `tool`, `namespace.tool`, `namespace/tool` and `namespacetool`.
    fn named(&self, wanted: &str, input: &str, call_id: String) -> ResponseItem {
        let in_namespace = || {
            self.tools.iter().find_map(|tool| {
                let ToolSpec::Namespace { name: namespace, tools, .. } = tool else { return None };
                let rest = wanted.strip_prefix(namespace.as_str()).map(|rest| rest.trim_start_matches(['.', '/']));
                let tool = tools.iter().find(|tool| tool.name() == wanted || Some(tool.name()) == rest)?;
                Some((namespace, tool.name()))
            })
        };
        if let Some(tool) = self.tools.iter().find(|tool| tool.name() == wanted) {
            return match tool {
                ToolSpec::Freeform { name, .. } => custom(name, plain(input), call_id),
                _ => written(wanted, None, input, call_id),
            };
        }
        match in_namespace() {
            Some((namespace, name)) => written(name, Some(namespace.clone()), input, call_id),
            None => written(wanted, None, input, call_id),
        }
    }
}

fn function(name: &str, arguments: &Value, call_id: String) -> ResponseItem {
    written(name, None, &arguments.to_string(), call_id)
}

/// A call with the arguments as the user wrote them, malformed or not.
fn written(name: &str, namespace: Option<String>, arguments: &str, call_id: String) -> ResponseItem {
    let arguments = if arguments.is_empty() { "{}" } else { arguments };
    ResponseItem::FunctionCall {
        id: Some(call_id.replacen("call", "fc", 1)),
        name: name.to_owned(),
        namespace,
        arguments: arguments.to_owned(),
        call_id,
    }
}

fn custom(name: &str, input: String, call_id: String) -> ResponseItem {
    ResponseItem::CustomToolCall {
        id: Some(call_id.replacen("call", "ctc", 1)),
        status: Some("completed".to_owned()),
        call_id,
        name: name.to_owned(),
        input,
    }
}

/// Free text may come in a fence.
fn plain(input: &str) -> String {
    let inner = input.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.and_then(|inner| inner.split_once('\n')).map_or(input, |(_, body)| body).to_owned()
}
