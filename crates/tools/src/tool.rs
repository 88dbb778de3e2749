//! What a tool is, what it is called with, and what it gives back.

use std::time::Duration;

use async_trait::async_trait;
use types::{ModeKind, ToolOutput, ToolSpec, WebSearch};

use crate::turn::TurnTools;

/// Something the model can call.
#[async_trait]
pub trait Tool: Send + Sync {
    /// The name the model calls it by.
    fn name(&self) -> &str;

    /// What the model is told of it, `None` when it is callable but not offered in this context.
    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec>;

    /// Whether a call may run side by side with others of the same answer. One that may not has the turn to itself.
    fn parallel_safe(&self) -> bool {
        false
    }

    /// What has to be there for it to be there.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// Does the work of one call.
    ///
    /// Items and deltas go through `cx.host` in the order clients see them; what happened comes back for the model.
    /// A call that cannot be carried out is a result with `success: false`, never a panic.
    ///
    /// # Cancel safety
    /// When `cx.cancel` fires, the call ends by itself within moments: a running command is stopped, a question is
    /// given up, and no further event is sent but the end of a command that runs as a session. Dropping the future
    /// gives up a question too; a command that has started goes on as a session would.
    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult;
}

/// What a tool works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// The machine with its files.
    Environment,
    /// The same, and commands that may run on it.
    Commands,
    /// The same, and commands that may outlive their call.
    Sessions,
}

/// How a model runs commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Commands {
    /// They may go on after their call, as sessions.
    #[default]
    Sessions,
    /// Each ends with its call.
    Whole,
    /// It runs none.
    Off,
}

/// What decides which tools are offered and how they are described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecContext {
    pub mode: ModeKind,
    /// Whether the model reads images.
    pub image_input: bool,
    pub switches: Switches,
    /// How the model is offered patches; `None` when it edits with commands alone.
    pub apply_patch: Option<PatchTool>,
    /// The provider's own web search, `None` when it is off.
    pub web_search: Option<WebSearch>,
}

/// What the configuration switches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    /// The user may be asked questions in every mode, not only while planning.
    pub ask_in_every_mode: bool,
    /// The agent may ask for permissions that outlast a command.
    pub request_permissions: bool,
    /// A command may ask for permissions of its own.
    pub command_permissions: bool,
    /// The turn has no place to work in.
    pub works_nowhere: bool,
    pub commands: Commands,
    /// Commands run in plain shells: the model may not ask for one that reads the user's profile.
    pub no_login_shell: bool,
    /// The model takes pictures of any size, where it asks for that.
    pub original_images: bool,
    /// The longest look at a running command, where it is not the usual one.
    pub longest_look: Option<Duration>,
}

impl Switches {
    /// Whether a turn has what a tool needs.
    pub(crate) fn have(self, needed: Needs) -> bool {
        match needed {
            Needs::Nothing => true,
            Needs::Environment => !self.works_nowhere,
            Needs::Commands => !self.works_nowhere && self.commands != Commands::Off,
            Needs::Sessions => !self.works_nowhere && self.commands == Commands::Sessions,
        }
    }
}

/// The two forms in which patches are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchTool {
    /// Free text that fits a grammar.
    Freeform,
    /// A JSON function with the patch as a text.
    Function,
}

/// One call, as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Identifies the call; also the id of the items it makes.
    pub call_id: String,
    pub namespace: Option<String>,
    pub input: ToolInput,
}

/// What a tool is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolInput {
    /// The raw text of the JSON arguments; may be malformed.
    Json(String),
    /// Free text.
    Text(String),
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// For the model.
    pub output: ToolOutput,
    /// Whether the tool did what it was asked to. A command that ran counts as done whatever its exit code.
    pub success: bool,
    /// The user wants the turn to end here.
    pub abort_turn: bool,
    /// What else the model is to know from now on, told before the output.
    pub note: Option<String>,
}

impl ToolResult {
    /// A call that was carried out or not, after which the turn goes on.
    pub fn new(output: ToolOutput, success: bool) -> Self {
        Self { output, success, abort_turn: false, note: None }
    }

    /// The call was carried out.
    pub fn ok(output: impl Into<ToolOutput>) -> Self {
        Self::new(output.into(), true)
    }

    /// The call was not carried out; `reason` tells the model why and what to do instead.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::new(ToolOutput::Text(reason.into()), false)
    }

    /// The user ended the turn, by cancelling a question or by interrupting.
    pub fn aborted(note: impl Into<String>) -> Self {
        Self { abort_turn: true, ..Self::failed(note) }
    }
}
