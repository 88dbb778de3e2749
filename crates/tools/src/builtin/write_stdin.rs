//! `write_stdin`: types into a running command, or looks at what it has printed.

use std::time::Duration;

use async_trait::async_trait;
use exec::WriteError;
use serde::Deserialize;
use serde_json::json;
use types::ToolSpec;

use super::command_arguments::time;
use super::exec_command::{MAX_YIELD, MIN_YIELD};
use super::{object, running};
use crate::arguments::{self, Whole};
use crate::host::ToolEvent;
use crate::tool::{Needs, SpecContext, Switches, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct WriteStdin;

/// A look without input waits at least this long: looking again and again costs a request each time.
const MIN_LOOK: Duration = Duration::from_secs(5);
const MAX_LOOK: Duration = Duration::from_secs(300);

fn longest_look(switches: Switches) -> Duration {
    switches.longest_look.unwrap_or(MAX_LOOK).max(MIN_LOOK)
}

const DESCRIPTION: &str = "\
Goes on with a command that exec_command left running: sends it input, or with empty chars just waits, and returns what \
it printed since the last time. Input needs a session started with tty: true; end a line with \\n, send Ctrl-C as \
\\u0003. Wait long (yield_time_ms) instead of often.";

#[derive(Deserialize)]
struct Arguments {
    session_id: Whole,
    #[serde(default)]
    chars: String,
    yield_time_ms: Option<Whole>,
    max_output_tokens: Option<Whole>,
}

#[async_trait]
impl Tool for WriteStdin {
    fn name(&self) -> &'static str {
        "write_stdin"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        let properties = json!({
            "session_id": { "type": "number", "description": "The session ID that exec_command gave." },
            "chars": { "type": "string", "description": "What to send, control characters included. Empty or left out: nothing." },
            "yield_time_ms": {
                "type": "number",
                "description": format!(
                    "How long to wait for output, in milliseconds. After input: 250 to 30000, 250 by default. Without: 5000 to {}, 5000 by default. A command that ends sooner returns at once.",
                    longest_look(cx.switches).as_millis(),
                ),
            },
            "max_output_tokens": { "type": "number", "description": "How much output to return at most, in tokens. Default: about 10000." },
        });
        Some(ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters: object(properties, &["session_id"]),
            strict: false,
        })
    }

    /// Looks at several sessions need not wait for each other.
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
        let unknown = || {
            ToolResult::failed(format!(
                "write_stdin failed: there is no session {}; it has ended and its output was returned, or it never was",
                arguments.session_id.0
            ))
        };
        let Ok(id) = i32::try_from(arguments.session_id.0) else { return unknown() };
        let Some(session) = cx.sessions.get(id) else { return unknown() };
        let chars = arguments.chars;
        let wanted = time(arguments.yield_time_ms);
        let yield_time = if chars.is_empty() {
            wanted.unwrap_or(MIN_LOOK).clamp(MIN_LOOK, longest_look(cx.switches))
        } else {
            wanted.unwrap_or(MIN_YIELD).clamp(MIN_YIELD, MAX_YIELD)
        };
        // Whether there is any input to write to, before clients are told that something was written.
        let open = if chars.is_empty() { Ok(()) } else { session.write(&[]).await };
        if open.is_ok()
            && let Some(item_id) = cx.grants.item_of(id)
        {
            cx.host.emit(ToolEvent::TerminalInteraction { item_id, process_id: id.to_string(), stdin: chars.clone() });
        }
        let written = match open {
            Ok(()) if !chars.is_empty() => tokio::select! {
                biased;
                () = cx.cancel.cancelled() => return ToolResult::aborted("aborted by user"),
                // A command that does not read must not hold up the call for ever.
                written = tokio::time::timeout(MAX_YIELD, session.write(chars.as_bytes())) => match written {
                    Ok(written) => written,
                    Err(_) => return ToolResult::failed("write_stdin failed: the command does not read its input"),
                },
            },
            open => open,
        };
        match written {
            // A command that has ended has its last output to give.
            Ok(()) | Err(WriteError::Ended) => {}
            Err(WriteError::Closed) => {
                return ToolResult::failed(
                    "write_stdin failed: the session has no standard input; run the command again with tty: true to type into it",
                );
            }
            Err(error @ WriteError::Io(_)) => return ToolResult::failed(format!("write_stdin failed: {error}")),
        }
        let seen = session.collect(yield_time, &cx.cancel).await;
        if seen.exit.is_none() && cx.cancel.is_cancelled() {
            let time = seen.wall_time.as_secs_f64();
            return ToolResult::aborted(format!("aborted by user after {time:.1}s"));
        }
        ToolResult::ok(running::look(&seen, id, running::limit(arguments.max_output_tokens)))
    }
}
