//! Where the published schemas depart from what the types alone would give.
//!
//! A documented reference or variant is spelled differently from one that is not. Which members of the published
//! contract are documented is history; ours all are. These tables say which spelling each one has.

use serde_json::{Value, json};

/// By type and member (`variant.member` in enums): references that stand inside an `allOf` (with a description beside it) instead of alone.
const WRAPPED: &[(&str, &str)] = &[
    ("CommandExecOutputDeltaNotification", "stream"),
    ("CommandExecResizeParams", "size"),
    ("ConfigLayerSource", "system.file"),
    ("ConfigLayerSource", "user.file"),
    ("ConfigWriteResponse", "filePath"),
    ("ExperimentalFeature", "stage"),
    ("FsCopyParams", "destinationPath"),
    ("FsCopyParams", "sourcePath"),
    ("FsCreateDirectoryParams", "path"),
    ("FsGetMetadataParams", "path"),
    ("FsReadDirectoryParams", "path"),
    ("FsReadFileParams", "path"),
    ("FsRemoveParams", "path"),
    ("FsWatchParams", "path"),
    ("FsWatchResponse", "path"),
    ("FsWriteFileParams", "path"),
    ("GetAccountRateLimitsResponse", "rateLimits"),
    ("InitializeResponse", "codexHome"),
    ("TextElement", "byteRange"),
    ("Thread", "cwd"),
    ("Thread", "source"),
    ("Thread", "status"),
    ("ThreadForkResponse", "approvalsReviewer"),
    ("ThreadForkResponse", "sandbox"),
    ("ThreadItem", "collabAgentToolCall.status"),
    ("ThreadItem", "collabAgentToolCall.tool"),
    ("ThreadItem", "commandExecution.cwd"),
    ("ThreadRealtimeStartParams", "outputModality"),
    ("ThreadResumeResponse", "approvalsReviewer"),
    ("ThreadResumeResponse", "sandbox"),
    ("ThreadRollbackResponse", "thread"),
    ("ThreadStartResponse", "approvalsReviewer"),
    ("ThreadStartResponse", "sandbox"),
];

/// Variants of enums of plain strings that stand alone instead of in the common list.
const ALONE: &[(&str, &[&str])] = &[
    ("AuthMode", &["apikey", "chatgpt", "chatgptAuthTokens", "agentIdentity"]),
    ("ChatgptAuthTokensRefreshReason", &["unauthorized"]),
    ("CommandExecOutputStream", &["stdout", "stderr"]),
    ("CommandExecutionApprovalDecision", &["accept", "acceptForSession", "decline", "cancel"]),
    ("ExperimentalFeatureStage", &["beta", "underDevelopment", "stable", "deprecated", "removed"]),
    ("FileChangeApprovalDecision", &["accept", "acceptForSession", "decline", "cancel"]),
    ("InputModality", &["text", "image"]),
    ("MessagePhase", &["commentary", "final_answer"]),
    ("ReasoningSummary", &["none"]),
    ("ReviewDecision", &["approved", "approved_for_session", "denied", "timed_out", "abort"]),
];

/// By type and member: members of any type that are spelled as an empty schema instead of `true`.
const EMPTY: &[(&str, &str)] = &[
    ("McpServerElicitationRequestResponse", "_meta"),
    ("McpServerElicitationRequestResponse", "content"),
    ("ThreadApproveGuardianDeniedActionParams", "event"),
    ("TurnStartParams", "outputSchema"),
];

/// Brings the schema of the type `name` into its published form.
pub(super) fn apply(schema: &mut Value, name: &str) {
    gather_variants(schema, name);
    members(schema, name, "");
}

/// Puts the string variants of an enum into one list, except those that stand alone.
fn gather_variants(schema: &mut Value, name: &str) {
    let alone = ALONE.iter().find(|(type_, _)| *type_ == name).map_or(&[][..], |(_, variants)| variants);
    let Value::Object(parts) = schema else { return };
    let mut variants = match (parts.remove("oneOf"), parts.get("enum")) {
        (Some(Value::Array(variants)), _) => variants,
        (None, Some(names)) => vec![json!({"type": "string", "enum": names})],
        _ => return,
    };
    if parts.remove("enum").is_some() {
        parts.remove("type");
    }
    let (plain, mut others): (Vec<_>, Vec<_>) =
        variants.drain(..).partition(|variant| variant["type"] == "string" && variant.get("enum").is_some());
    let mut listed = Vec::new();
    for variant in plain {
        for value in variant["enum"].as_array().into_iter().flatten() {
            if value.as_str().is_some_and(|value| alone.contains(&value)) {
                let mut single = json!({"type": "string", "enum": [value]});
                if let Some(description) = variant.get("description") {
                    single["description"] = description.clone();
                }
                others.push(single);
            } else {
                listed.push(value.clone());
            }
        }
    }
    if others.is_empty() {
        parts.insert("type".to_owned(), "string".into());
        parts.insert("enum".to_owned(), listed.into());
    } else {
        if !listed.is_empty() {
            others.insert(0, json!({"type": "string", "enum": listed}));
        }
        parts.insert("oneOf".to_owned(), others.into());
    }
}

/// Respells the members of a type, also those of its variants.
fn members(schema: &mut Value, name: &str, variant: &str) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (member, property) in properties {
            let member = format!("{variant}{member}");
            respell(property, name, &member);
            members(property, name, &format!("{member}."));
        }
    }
    for variants in ["oneOf", "anyOf"] {
        if let Some(Value::Array(variants)) = schema.get_mut(variants) {
            for variant in variants {
                respell(variant, name, "");
                let prefix = tag(variant).map(|tag| format!("{tag}.")).unwrap_or_default();
                members(variant, name, &prefix);
            }
        }
    }
}

/// The value that tells a variant from the others.
fn tag(variant: &Value) -> Option<&str> {
    variant["properties"].as_object()?.values().find_map(|property| match property["enum"].as_array()?.as_slice() {
        [Value::String(tag)] => Some(tag.as_str()),
        _ => None,
    })
}

/// Respells one member; those without a name are a type's alternatives.
fn respell(property: &mut Value, name: &str, member: &str) {
    let described = property.get("description").is_some();
    let parts = property.as_object().map_or(0, |parts| parts.len() - usize::from(described));
    if EMPTY.contains(&(name, member)) {
        if *property == Value::Bool(true) {
            *property = json!({});
        }
    } else if described && parts == 0 {
        *property = Value::Bool(true);
    }
    if parts != 1 {
        return;
    }
    if WRAPPED.contains(&(name, member)) {
        if let Some(reference) = property.get("$ref") {
            *property = json!({"allOf": [{"$ref": reference}]});
        }
    } else if let Some([reference]) = property.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        *property = reference.clone();
    }
}
