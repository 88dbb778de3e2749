//! From what the server says to what is shown: no input, no output, no clock.

mod command;
mod patch;

use std::collections::{HashMap, HashSet};

use protocol::{
    AskForApproval, CollabAgentTool, DynamicToolCallStatus, McpToolCallStatus, SandboxPolicy, ThreadItem,
    ThreadStartResponse, TokenUsageBreakdown, Turn, TurnPlanStep, TurnPlanStepStatus, TurnStatus, WebSearchAction,
};

pub(crate) use self::command::script;

use self::command::CommandView;
use crate::try_command::event::Event;
use crate::try_command::text::{Flow, Span, Style, cut, printable};

/// What has been shown of a conversation, as far as it matters for what comes next.
///
/// The conversation is a sequence of blocks with a blank line between them: a message, some reasoning, a command with
/// its output, and so on. Blocks that stream at the same time take turns; each time one goes on it is named again.
#[derive(Debug)]
pub(crate) struct Transcript {
    width: Option<usize>,
    /// The text that is streaming, and its style.
    flow: Flow,
    flow_style: Style,
    block: Block,
    /// Messages, plans and reasoning that have been shown as they streamed.
    streamed: HashSet<String>,
    commands: HashMap<String, CommandView>,
    /// Commands whose end has been shown; a declined one may be reported twice.
    ended: HashSet<String>,
    /// Patches whose diff has been shown.
    patches: HashSet<String>,
    /// Tokens used by the thread, and what they were when the turn began.
    usage: TokenUsageBreakdown,
    usage_before: TokenUsageBreakdown,
    doing: String,
    /// The error shown last, which a failed turn repeats.
    error: Option<String>,
    /// Why the last retry was needed.
    retry_reason: Option<String>,
}

/// What the last line shown belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    /// Nothing has been shown since the user's input.
    None,
    /// What is said about the thread before its first turn.
    Head,
    /// Lines that belong together with others of their kind.
    Notes,
    /// A plan. It is shown anew at each change and never goes on.
    Plan,
    /// An item of this id, still streaming.
    Item(String),
}

impl Transcript {
    /// Starts with an empty screen. Without a width nothing is wrapped or cut.
    pub(crate) fn new(width: Option<usize>) -> Self {
        Self {
            width,
            flow: Flow::new(width, 0),
            flow_style: Style::Plain,
            block: Block::None,
            streamed: HashSet::new(),
            commands: HashMap::new(),
            ended: HashSet::new(),
            patches: HashSet::new(),
            usage: TokenUsageBreakdown::default(),
            usage_before: TokenUsageBreakdown::default(),
            doing: String::new(),
            error: None,
            retry_reason: None,
        }
    }

    /// Adapts to a terminal of another size, from the next block on.
    pub(crate) fn resize(&mut self, width: Option<usize>) {
        self.width = width;
    }

    /// What the server is doing, in a few words, for a status line.
    pub(crate) fn doing(&self) -> &str {
        &self.doing
    }

    /// The head of a conversation: which thread it is and under what rules it works.
    pub(crate) fn thread(&mut self, started: &ThreadStartResponse) -> Vec<Span> {
        let approval = match &started.approval_policy {
            AskForApproval::Untrusted => "untrusted",
            AskForApproval::OnFailure => "on-failure",
            AskForApproval::OnRequest => "on-request",
            AskForApproval::Granular { .. } => "granular",
            AskForApproval::Never => "never",
        };
        let sandbox = match &started.sandbox {
            SandboxPolicy::DangerFullAccess => "off",
            SandboxPolicy::ReadOnly { .. } => "read-only",
            SandboxPolicy::ExternalSandbox { .. } => "external",
            SandboxPolicy::WorkspaceWrite { .. } => "workspace-write",
        };
        let (model, provider) = (&started.model, &started.model_provider);
        let cwd = started.cwd.display();
        let facts = format!("{model} ({provider}) · sandbox {sandbox} · approvals {approval} · {cwd}");
        let out = self.notes([Span::new(Style::Dim, self.wrapped(&facts))]);
        self.block = Block::Head;
        out
    }

    /// A remark of this program about itself.
    pub(crate) fn notice(&mut self, text: &str) -> Vec<Span> {
        let text = self.wrapped(text);
        self.notes([Span::new(Style::Warning, text)])
    }

    /// A failure of this program or of a request.
    pub(crate) fn failure(&mut self, text: &str) -> Vec<Span> {
        let text = self.wrapped(text);
        self.notes([Span::new(Style::Error, text)])
    }

    /// The user has written a line: what comes next stands below it.
    pub(crate) fn user_wrote(&mut self) {
        self.flow = Flow::new(self.width, 0);
        self.block = Block::None;
    }

    /// A text in lines of its own.
    fn wrapped(&self, text: &str) -> String {
        let mut flow = Flow::new(self.width, 0);
        let mut lines = flow.push(text.trim_end());
        lines.push_str(&flow.finish());
        lines
    }

    /// Lines that are shown together with the ones before them, if those are of the same kind.
    pub(crate) fn notes(&mut self, spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
        let mut out = Vec::new();
        self.begin(Block::Notes, 0, &mut out);
        out.extend(spans);
        out
    }

    /// Shows what has happened.
    pub(crate) fn apply(&mut self, event: Event) -> Vec<Span> {
        let mut out = Vec::new();
        match event {
            Event::TurnStarted(_) => {
                self.usage_before = self.usage.clone();
                self.doing = "thinking".to_owned();
                (self.error, self.retry_reason) = (None, None);
            }
            Event::TurnCompleted(turn) => self.turn_completed(turn, &mut out),
            Event::ItemStarted(item) => self.item_started(item, &mut out),
            Event::ItemCompleted(item) => {
                self.item_completed(item, &mut out);
                self.doing = "thinking".to_owned();
            }
            Event::MessageDelta { item_id, delta } => {
                self.doing = "writing".to_owned();
                self.stream(item_id, Style::Plain, 0, &delta, &mut out);
            }
            Event::ReasoningDelta { item_id, delta } => self.stream(item_id, Style::Dim, 2, &delta, &mut out),
            Event::ReasoningPart { item_id } => {
                if self.block == Block::Item(item_id) {
                    self.block_break(&mut out);
                    out.push(Span::new(Style::Plain, "\n"));
                }
            }
            Event::PlanDelta { item_id, delta } => self.stream(item_id, Style::Accent, 0, &delta, &mut out),
            Event::CommandOutput { item_id, delta } => {
                if let Some(mut command) = self.commands.remove(&item_id) {
                    self.command_block(&item_id, &command, &mut out);
                    command.output(&delta, self.width, &mut out);
                    self.commands.insert(item_id, command);
                }
            }
            Event::Plan { explanation, steps } => self.plan(explanation, steps, &mut out),
            Event::Usage(usage) => self.usage = usage.total,
            Event::Warning(message) => out = self.notice(&format!("warning: {message}")),
            Event::Error { message, details, will_retry: true } => {
                // The same reason again says nothing new.
                let news = details.filter(|details| self.retry_reason.as_ref() != Some(details));
                let reason = news.as_ref().map_or_else(String::new, |reason| format!(" ({})", reason.trim()));
                out = self.notice(&format!("↻ {}{reason}", message.trim_end()));
                self.retry_reason = news.or(self.retry_reason.take());
            }
            Event::Error { message, details, will_retry: false } => {
                let details = details.map_or_else(String::new, |details| format!("\n{details}"));
                out = self.failure(&format!("error: {}{details}", message.trim_end()));
                self.error = Some(message);
            }
            Event::Resolved(_) => {}
        }
        out.retain(|span| !span.text.is_empty());
        out
    }

    /// Makes `block` the one that is written to. Ends the last one, and divides the two by a blank line.
    fn begin(&mut self, block: Block, indent: usize, out: &mut Vec<Span>) -> bool {
        if self.block == block && block != Block::Plan {
            return false;
        }
        self.block_break(out);
        if self.block != Block::None {
            out.push(Span::new(Style::Plain, "\n"));
        }
        self.flow = Flow::new(self.width, indent);
        self.block = block;
        true
    }

    /// Ends the line that is being written, if there is one.
    fn block_break(&mut self, out: &mut Vec<Span>) {
        out.push(Span::new(self.flow_style, self.flow.finish()));
    }

    fn stream(&mut self, item_id: String, style: Style, indent: usize, text: &str, out: &mut Vec<Span>) {
        if self.begin(Block::Item(item_id.clone()), indent, out) {
            self.streamed.insert(item_id);
        }
        self.flow_style = style;
        out.push(Span::new(style, self.flow.push(text)));
    }

    /// Ends a streamed item, or shows it as a whole if nothing of it was streamed.
    fn stream_end(&mut self, item_id: String, style: Style, indent: usize, text: &str, out: &mut Vec<Span>) {
        if !self.streamed.remove(&item_id) && !text.trim().is_empty() {
            self.stream(item_id.clone(), style, indent, text.trim_end(), out);
            self.streamed.remove(&item_id);
        }
        if self.block == Block::Item(item_id) {
            self.block_break(out);
        }
    }

    fn command_block(&mut self, item_id: &str, command: &CommandView, out: &mut Vec<Span>) {
        if self.begin(Block::Item(item_id.to_owned()), 0, out) {
            command.head(self.width, out);
        }
    }

    fn item_started(&mut self, item: ThreadItem, out: &mut Vec<Span>) {
        match item {
            ThreadItem::CommandExecution { id, command, .. } => {
                let command = CommandView::new(&command);
                self.doing = format!("running {}", command.short());
                self.command_block(&id, &command, out);
                self.ended.remove(&id);
                self.commands.insert(id, command);
            }
            ThreadItem::FileChange { id, changes, .. } if !changes.is_empty() => {
                self.doing = "editing".to_owned();
                self.begin(Block::Item(id.clone()), 0, out);
                patch::changes(&changes, self.width, out);
                self.patches.insert(id);
            }
            ThreadItem::McpToolCall { server, tool, .. } => self.doing = format!("calling {server} {tool}"),
            ThreadItem::DynamicToolCall { tool, .. } => self.doing = format!("calling {tool}"),
            ThreadItem::WebSearch { .. } => self.doing = "searching the web".to_owned(),
            ThreadItem::ContextCompaction { .. } => self.doing = "compacting the conversation".to_owned(),
            ThreadItem::EnteredReviewMode { .. } => self.doing = "reviewing".to_owned(),
            ThreadItem::ImageGeneration { .. } => self.doing = "making an image".to_owned(),
            ThreadItem::CollabAgentToolCall { .. } => self.doing = "working with another agent".to_owned(),
            ThreadItem::Reasoning { .. } => self.doing = "thinking".to_owned(),
            ThreadItem::AgentMessage { .. } | ThreadItem::Plan { .. } => self.doing = "writing".to_owned(),
            ThreadItem::FileChange { .. }
            | ThreadItem::UserMessage { .. }
            | ThreadItem::HookPrompt { .. }
            | ThreadItem::ImageView { .. }
            | ThreadItem::ExitedReviewMode { .. } => {}
        }
    }

    fn item_completed(&mut self, item: ThreadItem, out: &mut Vec<Span>) {
        match item {
            // What the user wrote stands on the screen already.
            ThreadItem::UserMessage { .. } | ThreadItem::EnteredReviewMode { .. } => {}
            ThreadItem::AgentMessage { id, text, .. } => self.stream_end(id, Style::Plain, 0, &text.to_str(), out),
            ThreadItem::Plan { id, text } => self.stream_end(id, Style::Accent, 0, &text, out),
            ThreadItem::Reasoning { id, summary, content } => {
                let text = if summary.is_empty() { content } else { summary }.join("\n\n");
                self.stream_end(id, Style::Dim, 2, &text, out);
            }
            ThreadItem::CommandExecution { id, .. } if !self.ended.insert(id.clone()) => {}
            ThreadItem::CommandExecution { id, command, status, aggregated_output, exit_code, duration_ms, .. } => {
                let mut view = self.commands.remove(&id).unwrap_or_else(|| CommandView::new(&command));
                self.command_block(&id, &view, out);
                view.finish(aggregated_output.as_deref(), status, exit_code, duration_ms, self.width, out);
            }
            ThreadItem::FileChange { id, changes, status } => {
                let begun = self.begin(Block::Item(id.clone()), 0, out);
                if !self.patches.remove(&id) {
                    patch::changes(&changes, self.width, out);
                } else if begun {
                    patch::names(&changes, self.width, out);
                }
                patch::outcome(status, out);
            }
            ThreadItem::McpToolCall { server, tool, arguments, status, error, .. } => {
                let failed = status == McpToolCallStatus::Failed;
                let why = error.map(|error| error.message);
                self.call(&format!("{server} {tool} {arguments}"), failed, why.as_deref(), out);
            }
            ThreadItem::DynamicToolCall { tool, arguments, status, .. } => {
                self.call(&format!("{tool} {arguments}"), status == DynamicToolCallStatus::Failed, None, out);
            }
            ThreadItem::CollabAgentToolCall { tool, prompt, .. } => {
                let what = match tool {
                    CollabAgentTool::SpawnAgent => "started an agent",
                    CollabAgentTool::SendInput => "wrote to an agent",
                    CollabAgentTool::ResumeAgent => "resumed an agent",
                    CollabAgentTool::Wait => "waited for agents",
                    CollabAgentTool::CloseAgent => "closed an agent",
                };
                let prompt = prompt.map_or_else(String::new, |prompt| format!(": {prompt}"));
                self.note(&format!("{what}{prompt}"), out);
            }
            ThreadItem::WebSearch { query, action, .. } => self.note(&web_search(&query, action), out),
            ThreadItem::ImageView { path, .. } => self.note(&format!("looked at {}", path.display()), out),
            ThreadItem::ImageGeneration { status, saved_path, .. } => match saved_path {
                Some(path) => self.note(&format!("made an image: {}", path.display()), out),
                None => self.note(&format!("made an image ({status})"), out),
            },
            ThreadItem::HookPrompt { fragments, .. } => {
                for fragment in fragments {
                    self.note(&format!("hook: {}", fragment.text), out);
                }
            }
            ThreadItem::ExitedReviewMode { id, review } => self.stream_end(id, Style::Plain, 0, &review, out),
            ThreadItem::ContextCompaction { .. } => self.note("compacted the conversation", out),
        }
    }

    /// A line about something that was done.
    fn note(&mut self, text: &str, out: &mut Vec<Span>) {
        self.begin(Block::Notes, 0, out);
        let line = self.one_line(text);
        out.push(Span::new(Style::Accent, "• "));
        out.push(Span::new(Style::Plain, format!("{line}\n")));
    }

    fn call(&mut self, text: &str, failed: bool, why: Option<&str>, out: &mut Vec<Span>) {
        self.note(text, out);
        if failed {
            let line = self.one_line(why.unwrap_or("failed"));
            out.push(Span::new(Style::Error, format!("  ✗ {line}\n")));
        }
    }

    fn one_line(&self, text: &str) -> String {
        let line = printable(text).split_whitespace().collect::<Vec<_>>().join(" ");
        // Two columns are taken by what stands before the line, and a line without limits must end somewhere.
        cut(&line, self.width.map_or(400, |width| width.saturating_sub(4)))
    }

    fn plan(&mut self, explanation: Option<String>, steps: Vec<TurnPlanStep>, out: &mut Vec<Span>) {
        self.begin(Block::Plan, 0, out);
        out.push(Span::new(Style::Strong, "plan"));
        let explanation = explanation.filter(|text| !text.trim().is_empty());
        let explanation = explanation.map_or_else(String::new, |text| format!(" {}", self.one_line(&text)));
        out.push(Span::new(Style::Dim, format!("{explanation}\n")));
        for TurnPlanStep { step, status } in steps {
            let (mark, style) = match status {
                TurnPlanStepStatus::Completed => ("✔", Style::Dim),
                TurnPlanStepStatus::InProgress => ("▸", Style::Accent),
                TurnPlanStepStatus::Pending => ("☐", Style::Plain),
            };
            out.push(Span::new(style, format!("  {mark} {}\n", self.one_line(&step))));
        }
    }

    fn turn_completed(&mut self, turn: Turn, out: &mut Vec<Span>) {
        self.doing.clear();
        match turn.status {
            TurnStatus::Completed | TurnStatus::InProgress => {}
            TurnStatus::Interrupted => out.extend(self.notes([Span::new(Style::Warning, "interrupted\n")])),
            TurnStatus::Failed => {
                let message = turn.error.map_or_else(|| "no reason given".to_owned(), |error| error.message);
                if self.error.as_ref() != Some(&message) {
                    out.extend(self.failure(&format!("the turn failed: {}", message.trim_end())));
                }
            }
        }
        let mut parts = Vec::new();
        let used = |of: fn(&TokenUsageBreakdown) -> i64| of(&self.usage) - of(&self.usage_before);
        let (input, cached, output) =
            (used(|u| u.input_tokens), used(|u| u.cached_input_tokens), used(|u| u.output_tokens));
        if input + output > 0 {
            let cached = if cached > 0 { format!(" ({} cached)", grouped(cached)) } else { String::new() };
            parts.push(format!("{} tokens in{cached}, {} out", grouped(input), grouped(output)));
        }
        if let Some(milliseconds) = turn.duration_ms {
            parts.push(seconds(milliseconds));
        }
        if !parts.is_empty() {
            out.extend(self.notes([Span::new(Style::Dim, format!("{}\n", parts.join(" · ")))]));
        }
    }
}

fn web_search(query: &str, action: Option<WebSearchAction>) -> String {
    match action {
        Some(WebSearchAction::OpenPage { url: Some(url) }) => format!("read {url}"),
        Some(WebSearchAction::FindInPage { url: Some(url), pattern: Some(pattern) }) => {
            format!("searched {url} for {pattern}")
        }
        Some(
            WebSearchAction::Search { .. }
            | WebSearchAction::OpenPage { .. }
            | WebSearchAction::FindInPage { .. }
            | WebSearchAction::Other,
        )
        | None => format!("searched the web for {query}"),
    }
}

/// A count with its thousands apart.
fn grouped(count: i64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long something took.
pub(crate) fn seconds(milliseconds: i64) -> String {
    let tenths = milliseconds / 100;
    match tenths / 600 {
        0 => format!("{}.{} s", tenths / 10, tenths % 10),
        minutes => format!("{minutes} min {} s", tenths % 600 / 10),
    }
}

#[cfg(test)]
mod tests;
