//! `apply_patch`: changes files, after asking where the policies say so.

use std::sync::atomic::Ordering;
use std::time::Instant;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use types::item::{FileChange, PatchStatus};
use types::{AbsPath, Item, ItemId, ToolSpec};

use super::object;
use crate::approval::{Consent, patch_consent};
use crate::arguments;
use crate::host::{PatchApproval, PatchDecision, ToolEvent};
use crate::output;
use crate::patch::{self, Plan};
use crate::tool::{Needs, PatchTool, SpecContext, Tool, ToolCall, ToolInput, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct ApplyPatch;

const FREEFORM_DESCRIPTION: &str = "\
Creates, changes, moves and deletes files. Use it for edits instead of shell commands. The input is the patch itself, \
as plain text: no JSON, no quotes around it.";

const FORMAT: &str = "\
A patch looks like this:

*** Begin Patch
*** Add File: path/to/new.txt
+every line of the new file begins with a plus
*** Update File: src/app.py
*** Move to: src/main.py
@@ def greet():
     name = ask()
-    print(name)
+    print('Hi', name)
*** Delete File: old.txt
*** End Patch

Paths are relative to the working directory. In an update, lines begin with a blank (kept), `-` (removed) or `+` \
(added); give about three kept lines above and below a change, exactly as they are in the file. Each place that \
changes gets its own `@@`; where the kept lines are not unique, write a whole line from further up, such as a class or \
function header, after `@@`. Places come in the order of the file. `*** Move to:` is for files that change their name. \
All files are checked before any is written.";

const GRAMMAR: &str = r#"start: begin file+ end
begin: "*** Begin Patch" LF
end: "*** End Patch" LF?

file: add | delete | update
add: "*** Add File: " PATH LF (ADDED LF)+
delete: "*** Delete File: " PATH LF
update: "*** Update File: " PATH LF move? chunk*
move: "*** Move to: " PATH LF
chunk: (ANCHOR LF | CHANGED LF | "*** End of File" LF)

PATH: /[^\n]+/
ADDED: /\+[^\n]*/
ANCHOR: /@@( [^\n]+)?/
CHANGED: /[ +\-][^\n]*/

%import common.LF
"#;

#[derive(Deserialize)]
struct Arguments {
    #[serde(alias = "patch")]
    input: String,
}

#[async_trait]
impl Tool for ApplyPatch {
    fn name(&self) -> &'static str {
        "apply_patch"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        let name = self.name().to_owned();
        Some(match cx.apply_patch? {
            PatchTool::Freeform => {
                ToolSpec::Freeform { name, description: FREEFORM_DESCRIPTION.to_owned(), grammar: GRAMMAR.to_owned() }
            }
            PatchTool::Function => ToolSpec::Function {
                name,
                description: format!(
                    "Creates, changes, moves and deletes files. Use it for edits instead of shell commands.\n\n{FORMAT}"
                ),
                parameters: object(
                    json!({ "input": { "type": "string", "description": "The whole patch." } }),
                    &["input"],
                ),
                strict: false,
            },
        })
    }

    fn needs(&self) -> Needs {
        Needs::Environment
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        let text = match &call.input {
            ToolInput::Text(text) => text.clone(),
            ToolInput::Json(_) => match arguments::parse::<Arguments>(&call) {
                Ok(arguments) => arguments.input,
                Err(result) => return result,
            },
        };
        apply(text, cx.cwd.clone(), call.call_id, cx).await
    }
}

/// Applies the patch `text` to files below `cwd` and reports it as the item `call_id`.
///
/// # Cancel safety
/// As [`Tool::run`]; once writing has begun, all files are written even so.
pub(super) async fn apply(text: String, cwd: AbsPath, call_id: String, cx: &TurnTools) -> ToolResult {
    let started = Instant::now();
    let planned = blocking(move || make_plan(&text, &cwd).map(|plan| (plan, text, cwd))).await;
    let (mut plan, text, cwd) = match planned {
        Ok(planned) => planned,
        Err(reason) => return ToolResult::failed(format!("apply_patch verification failed: {reason}")),
    };
    let consent = match patch_consent(cx, &plan) {
        Ok(consent) => consent,
        Err(reason) => return ToolResult::failed(reason),
    };
    let mut item = PatchItem { id: ItemId::from(call_id), changes: plan.changes() };
    cx.host.emit(ToolEvent::ItemStarted(item.with(PatchStatus::InProgress)));
    if consent == Consent::Ask || cx.strict_review.load(Ordering::Relaxed) {
        let request = PatchApproval {
            item_id: item.id.clone(),
            cwd: cwd.clone(),
            changes: item.changes.clone(),
            reason: None,
            grant_root: None,
        };
        let decision = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return ToolResult::aborted("aborted by user"),
            decision = cx.host.approve_patch(request) => decision,
        };
        match decision {
            PatchDecision::Accept => {}
            PatchDecision::AcceptForSession => cx.grants.allow_files(plan.paths().cloned()),
            PatchDecision::Decline => {
                // The protocol tells a refusal twice: when the answer came, and as the call's end.
                cx.host.emit(ToolEvent::ItemCompleted(item.with(PatchStatus::Declined)));
                cx.host.emit(ToolEvent::ItemCompleted(item.with(PatchStatus::Declined)));
                emit_diff(cx).await;
                return ToolResult::failed("patch rejected by user");
            }
            PatchDecision::Denied(reason) => {
                cx.host.emit(ToolEvent::ItemCompleted(item.with(PatchStatus::Declined)));
                return ToolResult::failed(reason);
            }
            PatchDecision::Cancel => {
                cx.host.emit(ToolEvent::ItemCompleted(item.with(PatchStatus::Declined)));
                return ToolResult::aborted("patch rejected by user");
            }
        }
        // Files may have changed while the user thought about it; what is written must not undo that.
        match blocking(move || make_plan(&text, &cwd)).await {
            Ok(again) => plan = again,
            Err(reason) => {
                let text = format!("the files changed in the meantime: {reason}\n");
                return end(cx, &item, started, 1, text).await;
            }
        }
        item.changes = plan.changes();
    }
    let diff = cx.diff.clone();
    let written = blocking(move || {
        diff.lock().unwrap_or_else(std::sync::PoisonError::into_inner).record(&plan);
        plan.write().map(|()| plan.summary())
    })
    .await;
    match written {
        Ok(summary) => end(cx, &item, started, 0, summary).await,
        Err(failure) => end(cx, &item, started, 1, format!("{failure}\n")).await,
    }
}

/// Tells clients and model how it went: `text` is what a program that applies patches would have printed.
async fn end(cx: &TurnTools, item: &PatchItem, started: Instant, exit_code: i32, text: String) -> ToolResult {
    let output = output::finished(exit_code, started.elapsed(), &text, cx.truncation);
    let status = if exit_code == 0 { PatchStatus::Completed } else { PatchStatus::Failed };
    cx.host.emit(ToolEvent::PatchOutput { item_id: item.id.clone(), text });
    cx.host.emit(ToolEvent::ItemCompleted(item.with(status)));
    emit_diff(cx).await;
    if exit_code == 0 { ToolResult::ok(output) } else { ToolResult::failed(output) }
}

fn make_plan(text: &str, cwd: &AbsPath) -> Result<Plan, String> {
    let patch = patch::parse(text).map_err(|error| error.to_string())?;
    patch::plan(&patch, cwd).map_err(|error| error.to_string())
}

/// Tells the turn's diff so far, unless it is empty.
async fn emit_diff(cx: &TurnTools) {
    let diff = cx.diff.clone();
    let text = blocking(move || diff.lock().unwrap_or_else(std::sync::PoisonError::into_inner).unified()).await;
    if !text.is_empty() {
        cx.host.emit(ToolEvent::DiffUpdated(text));
    }
}

/// Runs file access away from the async threads. A dropped future does not stop it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

struct PatchItem {
    id: ItemId,
    changes: Vec<FileChange>,
}

impl PatchItem {
    fn with(&self, status: PatchStatus) -> Item {
        Item::FileChange { id: self.id.clone(), changes: self.changes.clone(), status }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::FilePatch;

    #[test]
    fn the_example_of_the_description_is_a_patch() {
        let example = &FORMAT[FORMAT.find("*** Begin").unwrap()..FORMAT.find("\n\nPaths").unwrap()];
        let patch = patch::parse(example).unwrap();
        assert!(matches!(
            patch.files.as_slice(),
            [FilePatch::Add { .. }, FilePatch::Update { move_to: Some(_), .. }, FilePatch::Delete { .. }]
        ));
    }
}
