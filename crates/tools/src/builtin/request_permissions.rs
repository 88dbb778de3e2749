//! `request_permissions`: asks the user to open the sandbox for the rest of the turn or of the session.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{ApprovalPolicy, ItemId, ToolSpec};

use super::object;
use crate::arguments;
use crate::host::{GrantScope, PermissionsGrant, PermissionsRequest};
use crate::permissions::{self, Told, Wanted};
use crate::registry::unsupported_call;
use crate::tool::{Needs, SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct RequestPermissions;

const DESCRIPTION: &str = "\
Asks the user for permissions beyond the sandbox and waits for the answer, which may grant a part of them. What is \
granted holds for later commands and patches of this turn, or of the whole session if the user says so.";

#[derive(Deserialize)]
struct Arguments {
    permissions: Wanted,
    reason: Option<String>,
}

/// What the model is told.
#[derive(Serialize)]
struct Answer {
    permissions: Told,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict_auto_review: Option<bool>,
}

#[async_trait]
impl Tool for RequestPermissions {
    fn name(&self) -> &'static str {
        "request_permissions"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        let properties = json!({
            "permissions": permissions::schema(),
            "reason": { "type": "string", "description": "One sentence for the user: what they are needed for." },
        });
        cx.switches.request_permissions.then(|| ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters: object(properties, &["permissions"]),
            strict: false,
        })
    }

    fn needs(&self) -> Needs {
        Needs::Environment
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        if !cx.switches.request_permissions {
            return unsupported_call(self.name(), &call.input);
        }
        let Arguments { permissions, reason } = match arguments::parse(&call) {
            Ok(arguments) => arguments,
            Err(result) => return result,
        };
        let Some(wanted) = permissions.resolve(&cx.cwd, cx.home()) else {
            return ToolResult::failed(
                "request_permissions asked for nothing; name paths in `file_system`, or `network` with `enabled`",
            );
        };
        let may_ask = match &cx.approval_policy {
            ApprovalPolicy::Never => false,
            ApprovalPolicy::Granular(kinds) => kinds.request_permissions,
            ApprovalPolicy::UnlessTrusted | ApprovalPolicy::OnFailure | ApprovalPolicy::OnRequest => true,
        };
        let grant = if may_ask {
            let request = PermissionsRequest {
                item_id: ItemId::from(call.call_id),
                cwd: cx.cwd.clone(),
                reason,
                permissions: wanted.clone(),
            };
            tokio::select! {
                biased;
                () = cx.cancel.cancelled() => return ToolResult::aborted("aborted by user"),
                grant = cx.host.grant_permissions(request) => grant,
            }
        } else {
            PermissionsGrant::default()
        };
        // What is only given to be watched is not given for longer than it is watched.
        let grant = match grant {
            PermissionsGrant { scope: GrantScope::Session, strict_review: true, .. } => PermissionsGrant::default(),
            grant => grant,
        };
        let granted = permissions::cut(&grant.permissions, &wanted);
        let scope = match grant.scope {
            GrantScope::Turn => {
                cx.turn_permissions.add(&granted);
                "turn"
            }
            GrantScope::Session => {
                cx.grants.permissions.add(&granted);
                "session"
            }
        };
        cx.strict_review.fetch_or(grant.strict_review, Ordering::Relaxed);
        let strict_auto_review = grant.strict_review.then_some(true);
        match serde_json::to_string(&Answer { permissions: Told::from(&granted), scope, strict_auto_review }) {
            Ok(text) => ToolResult::ok(text),
            Err(error) => ToolResult::failed(format!("the grant could not be written down: {error}")),
        }
    }
}
