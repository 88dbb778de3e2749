//! Lines against lines: every kind as other writers spell it, and every record as this version does.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use types::item::{
    CallStatus, CollabAgentState, CollabAgentStatus, CollabAgentTool, CollabAgentToolCall, CommandAction,
    CommandExecution, CommandSource, CommandStatus, DynamicToolCall, DynamicToolContent, FileChange, FileChangeKind,
    McpToolCall, McpToolResult, MemoryCitation, MemoryCitationEntry, MessagePhase, NonSteerableTurn, PatchStatus,
    TextElement, WebSearchAction,
};
use types::policy::FileSystemPermissions;
use types::{
    AbsPath, ApprovalPolicy, CollaborationMode, Credits, FileSystemAccess, FileSystemEntry, FileSystemPath, GitFacts,
    GranularApproval, Item, ModeKind, PermissionProfile, Personality, RateLimitWindow, RateLimits, ReadAccess,
    ReasoningEffort, ReasoningSummary, ResponseItem, SandboxPolicy, SessionSource, SpecialPath, SubAgentSource,
    ThreadId, TokenUsage, TokenUsageTotals, TurnErrorKind,
};

use super::{parse_rfc3339, read_line, rfc3339, write_record};
use crate::record::{EventRecord, Extended, Record, SessionMeta, TruncationPolicy, TurnContextRecord};

const TIME: &str = "2026-01-02T03:04:05.678Z";

fn written(record: &Record) -> String {
    let mut out = Vec::new();
    write_record(&mut out, TIME, record);
    String::from_utf8(out).unwrap()
}

/// The line's payload without members that are `null` and those that no item holds.
fn essence(line: &str) -> Value {
    let mut line: Value = serde_json::from_str(line).unwrap();
    prune(&mut line["payload"]);
    line["payload"].take()
}

fn prune(value: &mut Value) {
    /// A patch's or command's output beside `aggregated_output`, names of agents.
    const NOT_KEPT: [&str; 6] =
        ["stdout", "stderr", "agent_statuses", "new_agent_nickname", "new_agent_role", "receiver_agent_nickname"];
    match value {
        Value::Object(members) => {
            members.retain(|key, value| {
                !value.is_null() && !NOT_KEPT.contains(&key.as_str()) && (key != "isError" || *value == json!(true))
            });
            members.values_mut().for_each(prune);
        }
        Value::Array(values) => values.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_line_of_other_writers_is_known_and_written_back_as_it_was() {
    for line in include_str!("../../testdata/every_kind.jsonl").lines() {
        let record = read_line(line).unwrap();
        let known = !matches!(record, Record::Unknown { .. } | Record::Event(EventRecord::Unknown(_)));
        assert!(known, "{line}");
        let mut expected = essence(line);
        for parsed in expected["parsed_cmd"].as_array_mut().into_iter().flatten() {
            if parsed["type"] == "read" && !parsed["path"].as_str().unwrap().starts_with('/') {
                // Actions name files by their full path.
                parsed["path"] = json!(format!("/work/project/{}", parsed["path"].as_str().unwrap()));
            }
        }
        let written = written(&record);
        // `Value`'s index makes a member of a missing one.
        prune(&mut expected);
        assert_eq!(essence(&written), expected);
        assert!(written.starts_with(&format!("{{\"timestamp\":\"{TIME}\",\"type\":\"")));
    }
}

fn path(path: &str) -> AbsPath {
    AbsPath::new(path).unwrap()
}

fn thread_id() -> ThreadId {
    "01a21298-00a7-7a81-9c9d-382a47f25e47".parse().unwrap()
}

fn sessions() -> Vec<Record> {
    let sources = [
        SessionSource::Cli,
        SessionSource::VsCode,
        SessionSource::Exec,
        SessionSource::AppServer,
        SessionSource::Custom("mine".to_owned()),
        SessionSource::SubAgent(SubAgentSource::Review),
        SessionSource::SubAgent(SubAgentSource::Compact),
        SessionSource::SubAgent(SubAgentSource::MemoryConsolidation),
        SessionSource::SubAgent(SubAgentSource::Other("x".to_owned())),
        SessionSource::SubAgent(SubAgentSource::ThreadSpawn {
            parent_thread_id: thread_id(),
            depth: 1,
            agent_path: None,
            agent_nickname: Some("Ada".to_owned()),
            agent_role: None,
        }),
        SessionSource::Unknown,
    ];
    let session = |source| SessionMeta {
        id: thread_id(),
        forked_from_id: Some(thread_id()),
        created_at: UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
        cwd: path("/work"),
        originator: "tests".to_owned(),
        cli_version: "1.2.3".to_owned(),
        source,
        agent_nickname: Some("Ada".to_owned()),
        agent_role: Some("explorer".to_owned()),
        agent_path: Some("/a".to_owned()),
        model_provider: Some("p".to_owned()),
        base_instructions: Some("Mine.".to_owned()),
        dynamic_tools: Some(vec![json!({ "name": "lookup" })]),
        memory_mode: Some("disabled".to_owned()),
        git: Some(GitFacts { sha: Some("abc".to_owned()), branch: None, origin_url: Some("u".to_owned()) }),
    };
    sources.into_iter().map(|source| Record::SessionMeta(Box::new(session(source)))).collect()
}

fn contexts() -> Vec<Record> {
    let restricted =
        ReadAccess::Restricted { include_platform_defaults: true, readable_roots: vec![path("/usr"), path("/opt")] };
    let policies = [
        SandboxPolicy::DangerFullAccess,
        SandboxPolicy::read_only(),
        SandboxPolicy::ReadOnly { access: restricted.clone(), network_access: true },
        SandboxPolicy::ExternalSandbox { network_access: true },
        SandboxPolicy::ExternalSandbox { network_access: false },
        SandboxPolicy::WorkspaceWrite {
            writable_roots: vec![path("/w")],
            read_only_access: restricted,
            network_access: true,
            exclude_tmpdir_env_var: true,
            exclude_slash_tmp: false,
        },
        SandboxPolicy::WorkspaceWrite {
            writable_roots: Vec::new(),
            read_only_access: ReadAccess::Full,
            network_access: false,
            exclude_tmpdir_env_var: false,
            exclude_slash_tmp: true,
        },
    ];
    let approvals = [
        ApprovalPolicy::UnlessTrusted,
        ApprovalPolicy::OnFailure,
        ApprovalPolicy::OnRequest,
        ApprovalPolicy::Never,
        ApprovalPolicy::Granular(GranularApproval {
            sandbox_approval: true,
            rules: false,
            skill_approval: true,
            request_permissions: false,
            mcp_elicitations: true,
        }),
    ];
    let special = |special| FileSystemPath::Special(special);
    let paths = [
        FileSystemPath::Path(path("/a")),
        FileSystemPath::GlobPattern("/a/**/*.env".to_owned()),
        special(SpecialPath::Root),
        special(SpecialPath::Minimal),
        special(SpecialPath::CurrentWorkingDirectory),
        special(SpecialPath::ProjectRoots { subpath: Some("b".to_owned()) }),
        special(SpecialPath::ProjectRoots { subpath: None }),
        special(SpecialPath::Tmpdir),
        special(SpecialPath::SlashTmp),
        special(SpecialPath::Unknown { path: ":new".to_owned(), subpath: None }),
    ];
    let entries = paths
        .into_iter()
        .zip(FileSystemAccess::ALL.iter().cycle())
        .map(|(path, access)| FileSystemEntry { path, access: *access })
        .collect();
    let plain = TurnContextRecord {
        turn_id: Some("t".into()),
        trace_id: None,
        cwd: path("/work"),
        current_date: None,
        timezone: None,
        approval_policy: ApprovalPolicy::Never,
        sandbox_policy: SandboxPolicy::read_only(),
        permission_profile: None,
        network: None,
        file_system_sandbox_policy: None,
        model: "m".to_owned(),
        personality: None,
        collaboration_mode: None,
        realtime_active: None,
        effort: None,
        summary: ReasoningSummary::Auto,
        user_instructions: None,
        developer_instructions: None,
        final_output_json_schema: None,
        truncation_policy: None,
    };
    let full = TurnContextRecord {
        trace_id: Some("tr".to_owned()),
        current_date: Some("2026-01-02".to_owned()),
        timezone: Some("Etc/UTC".to_owned()),
        permission_profile: Some(PermissionProfile {
            network_enabled: Some(false),
            file_system: Some(FileSystemPermissions { entries, glob_scan_max_depth: Some(3) }),
        }),
        network: Some(json!({ "x": 1 })),
        file_system_sandbox_policy: Some(json!({ "kind": "restricted" })),
        personality: Some(Personality::Pragmatic),
        collaboration_mode: Some(CollaborationMode {
            kind: ModeKind::Plan,
            model: "m".to_owned(),
            reasoning_effort: Some(ReasoningEffort::High),
            developer_instructions: Some("d".to_owned()),
        }),
        realtime_active: Some(false),
        effort: Some(ReasoningEffort::XHigh),
        summary: ReasoningSummary::Detailed,
        user_instructions: Some("u".to_owned()),
        developer_instructions: Some("d".to_owned()),
        final_output_json_schema: Some(json!({ "type": "object" })),
        truncation_policy: Some(TruncationPolicy::Tokens(10)),
        ..plain.clone()
    };
    let mut contexts = vec![full];
    contexts.extend(policies.into_iter().map(|sandbox_policy| TurnContextRecord { sandbox_policy, ..plain.clone() }));
    contexts
        .extend(approvals.into_iter().map(|approval_policy| TurnContextRecord { approval_policy, ..plain.clone() }));
    contexts.push(TurnContextRecord { truncation_policy: Some(TruncationPolicy::Bytes(10)), ..plain });
    contexts.into_iter().map(|context| Record::TurnContext(Box::new(context))).collect()
}

fn events() -> Vec<EventRecord> {
    let usage = TokenUsage {
        input_tokens: 1,
        cached_input_tokens: 2,
        output_tokens: 3,
        reasoning_output_tokens: 4,
        total_tokens: 5,
    };
    let window = RateLimitWindow { used_percent: 12.5, window_minutes: Some(300), resets_at: None };
    let mut events = vec![
        EventRecord::TurnStarted {
            turn_id: "t".into(),
            started_at: Some(1),
            model_context_window: None,
            mode: ModeKind::Plan,
        },
        EventRecord::TurnCompleted {
            turn_id: "t".into(),
            last_agent_message: Some("x".to_owned()),
            completed_at: Some(2),
            duration: Some(Duration::from_millis(3)),
            time_to_first_token: Some(Duration::from_millis(4)),
        },
        EventRecord::TurnAborted { turn_id: None, reason: "replaced".to_owned(), completed_at: None, duration: None },
        EventRecord::UserMessage {
            text: "a \u{2028}\"b\"".to_owned(),
            images: vec!["data:x".to_owned()],
            local_images: vec!["/p.png".into()],
            elements: vec![TextElement { start: 0, end: 1, placeholder: Some("p".to_owned()) }],
        },
        EventRecord::AgentMessage {
            text: "a".into(),
            phase: Some(MessagePhase::Commentary),
            memory_citation: Some(MemoryCitation {
                entries: vec![MemoryCitationEntry {
                    path: "MEMORY.md".to_owned(),
                    line_start: 1,
                    line_end: 2,
                    note: "n".to_owned(),
                }],
                thread_ids: vec!["t".to_owned()],
            }),
        },
        EventRecord::Reasoning { text: "r".to_owned() },
        EventRecord::ReasoningRaw { text: "r".to_owned() },
        EventRecord::TokenCount { totals: None, rate_limits: None },
        EventRecord::TokenCount {
            totals: Some(TokenUsageTotals { total: usage, last: usage, model_context_window: Some(9) }),
            rate_limits: Some(RateLimits {
                limit_id: Some("l".to_owned()),
                limit_name: None,
                primary: Some(window),
                secondary: None,
                credits: Some(Credits { has_credits: true, unlimited: false, balance: Some("1".to_owned()) }),
                plan_type: Some("plus".to_owned()),
                reached_type: None,
            }),
        },
        EventRecord::ThreadName { thread_id: thread_id(), name: Some("n".to_owned()) },
        EventRecord::ThreadName { thread_id: thread_id(), name: None },
        EventRecord::ContextCompacted,
        EventRecord::EnteredReview { target: json!({ "type": "custom" }), hint: Some("h".to_owned()) },
        EventRecord::ExitedReview { output: None },
        EventRecord::ThreadRolledBack { num_turns: 2 },
        EventRecord::Error { message: "m".to_owned(), kind: None },
        EventRecord::ItemCompleted {
            thread_id: Some(thread_id()),
            turn_id: "t".into(),
            item: Item::Plan { id: "p".into(), text: "x".to_owned() },
        },
        EventRecord::ImageGenerationEnd {
            call_id: "i".to_owned(),
            status: "completed".to_owned(),
            revised_prompt: Some("p".to_owned()),
            result: "AAAA".to_owned(),
            saved_path: Some(path("/i.png")),
        },
    ];
    let status = Some(503);
    events.extend(
        [
            TurnErrorKind::ContextWindowExceeded,
            TurnErrorKind::UsageLimitExceeded,
            TurnErrorKind::ServerOverloaded,
            TurnErrorKind::CyberPolicy,
            TurnErrorKind::HttpConnectionFailed { status },
            TurnErrorKind::ResponseStreamConnectionFailed { status: None },
            TurnErrorKind::InternalServerError,
            TurnErrorKind::Unauthorized,
            TurnErrorKind::BadRequest,
            TurnErrorKind::ThreadRollbackFailed,
            TurnErrorKind::SandboxError,
            TurnErrorKind::ResponseStreamDisconnected { status },
            TurnErrorKind::ResponseTooManyFailedAttempts { status },
            TurnErrorKind::ActiveTurnNotSteerable { turn_kind: NonSteerableTurn::Review },
            TurnErrorKind::ActiveTurnNotSteerable { turn_kind: NonSteerableTurn::Compact },
            TurnErrorKind::Other,
        ]
        .map(|kind| EventRecord::Error { message: "m".to_owned(), kind: Some(kind) }),
    );
    events.extend(
        tool_items()
            .iter()
            .map(|item| EventRecord::Extended(Box::new(Extended::of(&"t".into(), item).expect("tool items are kept")))),
    );
    events.push(EventRecord::Extended(Box::new(Extended::DynamicToolCallRequested {
        turn_id: "t".into(),
        item: DynamicToolCall {
            status: CallStatus::InProgress,
            content: None,
            success: None,
            duration: None,
            ..dynamic()
        },
    })));
    events
}

fn dynamic() -> DynamicToolCall {
    DynamicToolCall {
        id: "d".into(),
        namespace: Some("n".to_owned()),
        tool: "lookup".to_owned(),
        arguments: json!({ "id": 7 }),
        status: CallStatus::Completed,
        content: Some(vec![
            DynamicToolContent::Text("x".to_owned()),
            DynamicToolContent::Image { url: "data:x".to_owned() },
        ]),
        success: Some(true),
        duration: Some(Duration::from_millis(4)),
    }
}

fn tool_items() -> Vec<Item> {
    let command = |status, source, exit_code| {
        Item::CommandExecution(CommandExecution {
            id: "c".into(),
            command: "/bin/bash -lc \"echo it's\"".to_owned(),
            cwd: path("/work"),
            process_id: Some("42".to_owned()),
            source,
            status,
            actions: vec![
                CommandAction::Read { command: "cat a".to_owned(), name: "a".to_owned(), path: path("/work/a") },
                CommandAction::ListFiles { command: "ls".to_owned(), path: None },
                CommandAction::Search { command: "rg".to_owned(), query: Some("q".to_owned()), path: None },
                CommandAction::Unknown { command: "x".to_owned() },
            ],
            aggregated_output: Some("out\n".to_owned()),
            exit_code: Some(exit_code),
            duration: Some(Duration::new(1, 5)),
        })
    };
    let change = |path: &str, kind, diff: &str| FileChange { path: path.to_owned(), kind, diff: diff.to_owned() };
    let mcp = |status, result: Option<McpToolResult>, error: Option<&str>| {
        Item::McpToolCall(McpToolCall {
            id: "m".into(),
            server: "s".to_owned(),
            tool: "t".to_owned(),
            status,
            arguments: json!({}),
            app_resource_uri: Some("ui://x".to_owned()),
            result,
            error: error.map(str::to_owned),
            duration: Some(Duration::from_micros(1)),
        })
    };
    let result = McpToolResult {
        content: vec![json!({ "type": "text", "text": "x" })],
        structured_content: Some(json!({ "a": 1 })),
        meta: Some(json!({ "b": 2 })),
    };
    let search = |action| Item::WebSearch { id: "w".into(), query: "q".to_owned(), action: Some(action) };
    let text = || Some("x".to_owned());
    let mut items = vec![
        command(CommandStatus::Completed, CommandSource::Agent, 0),
        command(CommandStatus::Failed, CommandSource::UserShell, 7),
        command(CommandStatus::Declined, CommandSource::UnifiedExecStartup, -1),
        command(CommandStatus::Completed, CommandSource::UnifiedExecInteraction, 0),
        Item::FileChange {
            id: "p".into(),
            changes: vec![
                change("/a", FileChangeKind::Add, "new\n"),
                change("/b", FileChangeKind::Delete, "old\n"),
                change("/c", FileChangeKind::Update { move_path: None }, "@@"),
                change("/d", FileChangeKind::Update { move_path: Some("/e".into()) }, "@@\n\nMoved to: /e"),
            ],
            status: PatchStatus::Completed,
        },
        Item::FileChange { id: "p".into(), changes: Vec::new(), status: PatchStatus::Declined },
        mcp(CallStatus::Completed, Some(result.clone()), None),
        mcp(CallStatus::Failed, Some(result), None),
        mcp(CallStatus::Failed, None, Some("refused")),
        search(WebSearchAction::Search { query: text(), queries: None }),
        search(WebSearchAction::OpenPage { url: text() }),
        search(WebSearchAction::FindInPage { url: text(), pattern: None }),
        search(WebSearchAction::Other),
        Item::ImageView { id: "v".into(), path: path("/i.png") },
        Item::DynamicToolCall(dynamic()),
    ];
    let collab = |tool, status, state: CollabAgentStatus, message: Option<&str>| {
        let spawns = tool == CollabAgentTool::SpawnAgent;
        let prompts = spawns || tool == CollabAgentTool::SendInput;
        let state = CollabAgentState { status: state, message: message.map(str::to_owned) };
        Item::CollabAgentToolCall(CollabAgentToolCall {
            id: "a".into(),
            tool,
            status,
            sender: thread_id(),
            receivers: vec![thread_id()],
            prompt: prompts.then(|| "p".to_owned()),
            model: spawns.then(|| "m".to_owned()),
            reasoning_effort: spawns.then_some(ReasoningEffort::Low),
            agents: BTreeMap::from([(thread_id().to_string(), state)]),
        })
    };
    let (done, failed) = (CallStatus::Completed, CallStatus::Failed);
    items.extend([
        collab(CollabAgentTool::SpawnAgent, done, CollabAgentStatus::PendingInit, None),
        collab(CollabAgentTool::SendInput, done, CollabAgentStatus::Running, None),
        collab(CollabAgentTool::ResumeAgent, failed, CollabAgentStatus::NotFound, None),
        collab(CollabAgentTool::Wait, done, CollabAgentStatus::Completed, Some("done")),
        collab(CollabAgentTool::Wait, done, CollabAgentStatus::Completed, None),
        collab(CollabAgentTool::Wait, failed, CollabAgentStatus::Errored, Some("no")),
        collab(CollabAgentTool::CloseAgent, done, CollabAgentStatus::Interrupted, None),
        collab(CollabAgentTool::CloseAgent, done, CollabAgentStatus::Shutdown, None),
    ]);
    items
}

#[test]
fn every_record_is_read_as_it_was_written() {
    let mut records = [sessions(), contexts()].concat();
    records.extend(events().into_iter().map(Record::Event));
    records.push(Record::ResponseItem(ResponseItem::user("x")));
    records.push(Record::Compacted { message: "m".to_owned(), replacement: None });
    records.push(Record::Compacted { message: "m".to_owned(), replacement: Some(vec![ResponseItem::user("x")]) });
    for record in records {
        let line = written(&record);
        let again = read_line(line.trim_end()).unwrap();
        // Records hold raw JSON and have no equality of their own.
        assert_eq!(format!("{again:?}"), format!("{record:?}"), "{line}");
    }
}

#[test]
fn items_that_other_records_tell_of_are_not_written() {
    let item = Item::ContextCompaction { id: "x".into() };
    assert!(Extended::of(&"t".into(), &item).is_none());
    let extended = Extended::Item { turn_id: None, item: item.clone() };
    assert_eq!(written(&Record::Event(EventRecord::Extended(Box::new(extended)))), "");
    let completed = EventRecord::ItemCompleted { thread_id: None, turn_id: "t".into(), item };
    assert_eq!(written(&Record::Event(completed)), "");
}

#[test]
fn long_output_loses_its_middle() {
    let output = format!("{}{}", "ä".repeat(5_000), "z".repeat(5_001));
    let item = Item::CommandExecution(CommandExecution {
        id: "c".into(),
        command: "x".to_owned(),
        cwd: path("/"),
        process_id: None,
        source: CommandSource::Agent,
        status: CommandStatus::Completed,
        actions: Vec::new(),
        aggregated_output: Some(output),
        exit_code: Some(0),
        duration: None,
    });
    let extended = Extended::of(&"t".into(), &item).unwrap();
    let line = essence(&written(&Record::Event(EventRecord::Extended(Box::new(extended)))));
    let expected = format!("{}…2501 chars truncated…{}", "ä".repeat(2_500), "z".repeat(5_000));
    assert_eq!(line["aggregated_output"], json!(expected));
}

#[test]
fn old_names_of_members_and_kinds_are_understood() {
    let read = |payload: Value| {
        let line = json!({ "timestamp": TIME, "type": "event_msg", "payload": payload });
        read_line(&line.to_string()).unwrap()
    };
    let started = read(json!({ "type": "turn_started", "turn_id": "t" }));
    assert!(matches!(started, Record::Event(EventRecord::TurnStarted { mode: ModeKind::Default, .. })));
    let complete = read(json!({ "type": "turn_complete", "turn_id": "t" }));
    assert!(matches!(complete, Record::Event(EventRecord::TurnCompleted { .. })));
    let message = read(json!({ "kind": "plain", "message": "x", "type": "user_message" }));
    assert!(matches!(message, Record::Event(EventRecord::UserMessage { .. })));
    let error = read(json!({ "type": "error", "message": "x", "codex_error_info": "novelty" }));
    assert!(matches!(error, Record::Event(EventRecord::Error { kind: Some(TurnErrorKind::Other), .. })));
}

#[test]
fn times_are_utc_with_milliseconds() {
    let at = UNIX_EPOCH + Duration::from_micros(1_767_323_045_678_901);
    assert_eq!(rfc3339(at), TIME);
    assert_eq!(rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    assert_eq!(parse_rfc3339("2026-01-02T04:04:05.678+01:00"), parse_rfc3339(TIME));
    assert_eq!(parse_rfc3339("yesterday"), None);
}
