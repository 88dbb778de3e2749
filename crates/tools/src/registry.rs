//! The tools of a turn, by name.

use std::sync::Arc;

use types::ToolSpec;

use crate::builtin;
use crate::tool::{SpecContext, Switches, Tool, ToolInput, ToolResult};

/// Tools by name, offered in the order they were put in.
#[derive(Clone, Default)]
pub struct Registry {
    tools: Vec<Arc<dyn Tool>>,
}

impl Registry {
    /// The built-in tools. Sub-agent tools, dynamic tools and those of MCP servers are put in by the engine.
    pub fn builtin() -> Self {
        Self { tools: builtin::all() }
    }

    /// What the model is told, in order.
    pub fn specs(&self, cx: &SpecContext) -> Vec<ToolSpec> {
        self.there(cx.switches).filter_map(|tool| tool.spec(cx)).collect()
    }

    /// The tool of this name.
    pub fn get(&self, name: &str, switches: Switches) -> Option<&dyn Tool> {
        self.there(switches).find(|tool| tool.name() == name).map(Arc::as_ref)
    }

    fn there(&self, switches: Switches) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.tools.iter().filter(move |tool| switches.have(tool.needs()))
    }
}

/// The answer to a call of a tool that is not there.
pub fn unsupported_call(name: &str, input: &ToolInput) -> ToolResult {
    ToolResult::failed(match input {
        ToolInput::Json(_) => format!("unsupported call: {name}"),
        ToolInput::Text(_) => format!("unsupported custom tool call: {name}"),
    })
}

#[cfg(test)]
mod tests {
    use types::{ModeKind, ToolOutput};

    use super::*;
    use types::WebSearch;

    use crate::tool::{Commands, PatchTool};

    fn names(cx: &SpecContext) -> Vec<String> {
        Registry::builtin().specs(cx).iter().map(|spec| spec.name().to_owned()).collect()
    }

    #[test]
    fn a_capable_model_is_offered_everything() {
        let cx = SpecContext {
            mode: ModeKind::Default,
            image_input: true,
            switches: Switches::default(),
            apply_patch: Some(PatchTool::Freeform),
            web_search: Some(WebSearch::default()),
        };
        assert_eq!(
            names(&cx),
            [
                "exec_command",
                "write_stdin",
                "update_plan",
                "request_user_input",
                "apply_patch",
                "web_search",
                "view_image"
            ]
        );
    }

    #[test]
    fn what_a_model_cannot_use_is_not_offered_but_callable() {
        let switches = Switches::default();
        let cx =
            SpecContext { mode: ModeKind::Default, image_input: false, switches, apply_patch: None, web_search: None };
        assert_eq!(names(&cx), ["exec_command", "write_stdin", "update_plan", "request_user_input"]);
        let registry = Registry::builtin();
        let asking = SpecContext { switches: Switches { request_permissions: true, ..switches }, ..cx };
        assert!(names(&asking).contains(&"request_permissions".to_owned()));
        for name in ["apply_patch", "view_image", "shell_command", "shell", "local_shell", "container.exec"] {
            assert!(registry.get(name, switches).is_some(), "{name}");
        }
    }

    #[test]
    fn commands_end_with_their_calls_or_are_not_there_where_the_configuration_says_so() {
        let commands = ["exec_command", "write_stdin", "shell_command", "shell", "local_shell", "container.exec"];
        let registry = Registry::builtin();
        for (kind, offered, there) in [
            (Commands::Sessions, ["exec_command", "write_stdin"].as_slice(), commands.as_slice()),
            (Commands::Whole, &["shell_command"], &commands[2..]),
            (Commands::Off, &[], &[]),
        ] {
            let switches = Switches { commands: kind, ..Switches::default() };
            let cx = SpecContext {
                mode: ModeKind::Default,
                image_input: false,
                switches,
                apply_patch: None,
                web_search: None,
            };
            let names = names(&cx);
            let (found, others) = names.split_at(offered.len());
            assert_eq!(found, offered);
            assert_eq!(others, ["update_plan", "request_user_input"]);
            for name in commands {
                assert_eq!(registry.get(name, switches).is_some(), there.contains(&name), "{name}, {kind:?}");
            }
        }
    }

    #[test]
    fn a_turn_that_works_nowhere_has_no_tools_for_commands_and_files() {
        let switches = Switches { works_nowhere: true, ..Switches::default() };
        let cx = SpecContext {
            mode: ModeKind::Default,
            image_input: true,
            switches,
            apply_patch: Some(PatchTool::Function),
            web_search: Some(WebSearch::default()),
        };
        assert_eq!(names(&cx), ["update_plan", "request_user_input", "web_search"]);
        assert!(Registry::builtin().get("shell_command", switches).is_none());
    }

    #[test]
    fn a_tool_that_is_not_there_is_named_in_the_answer() {
        let text = |input| unsupported_call("nope", &input).output;
        assert_eq!(text(ToolInput::Json("{}".into())), ToolOutput::Text("unsupported call: nope".into()));
        assert_eq!(text(ToolInput::Text("x".into())), ToolOutput::Text("unsupported custom tool call: nope".into()));
    }
}
