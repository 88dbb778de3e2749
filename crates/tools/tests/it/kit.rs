//! A thread with a temporary folder, and a host that writes down events and answers from a list.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use exec::{Launcher, Mechanism, Options, Places, Sessions, Shell};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tools::{
    CommandApproval, CommandDecision, Granted, Grants, Host, NetworkApproval, NetworkDecision, PatchApproval,
    PatchDecision, PermissionsGrant, PermissionsRequest, Registry, Switches, ToolCall, ToolEvent, ToolInput,
    ToolResult, Truncation, TurnDiff, TurnTools, UserAnswers, UserQuestions,
};
use types::item::{CommandAction, CommandExecution, FileChange, FileChangeKind};
use types::{
    AbsPath, ApprovalPolicy, FileSystemPath, Item, ModeKind, PermissionProfile, ReadAccess, SandboxPolicy, ThreadId,
    ToolOutput, TurnId,
};

pub(crate) struct Thread {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) cx: TurnTools,
    pub(crate) host: Arc<RecordingHost>,
    pub(crate) registry: Registry,
}

impl Thread {
    /// Nobody is asked, everything is allowed.
    pub(crate) fn new() -> Self {
        Self::with(ApprovalPolicy::Never, SandboxPolicy::DangerFullAccess)
    }

    pub(crate) fn with(approval_policy: ApprovalPolicy, sandbox_policy: SandboxPolicy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = AbsPath::new(folder.path().canonicalize().unwrap()).unwrap();
        let cwd = root.join("project");
        fs::create_dir_all(cwd.join(".git")).unwrap();
        fs::create_dir_all(root.join("outside")).unwrap();
        let path = "/usr/local/bin:/usr/bin:/bin";
        let home = root.join("home");
        let launcher = Launcher::new(Options { tmpdir: None, codex_home: home.clone(), path: Some(path.into()) });
        let host = Arc::new(RecordingHost::default());
        let cx = TurnTools {
            thread_id: ThreadId::new(),
            turn_id: TurnId::new(),
            diff: Arc::new(Mutex::new(TurnDiff::new(&cwd))),
            cwd,
            approval_policy,
            sandbox_policy,
            permission_profile: None,
            network: None,
            places: Places { tmpdir: None, codex_home: home },
            sessions: Arc::new(Sessions::new(launcher.clone())),
            launcher,
            shell: Shell::at(Path::new("/bin/bash")),
            env: Arc::new(vec![("PATH".into(), path.into()), ("HOME".into(), root.to_string())]),
            mode: ModeKind::Default,
            switches: Switches::default(),
            truncation: Truncation::Tokens(10_000),
            image_input: true,
            grants: Arc::new(Grants::new()),
            turn_permissions: Arc::new(Granted::new()),
            strict_review: Arc::default(),
            cancel: CancellationToken::new(),
            host: host.clone(),
        };
        Self { folder, cx, host, registry: Registry::builtin() }
    }

    /// Has sandboxes enforced by this mechanism.
    pub(crate) fn confine_by(&mut self, mechanism: Mechanism) {
        let options = Options { tmpdir: None, codex_home: self.root().join("home"), path: None };
        self.cx.launcher = Launcher::with_mechanism(options, mechanism).unwrap();
        self.cx.sessions = Arc::new(Sessions::new(self.cx.launcher.clone()));
    }

    /// As [`Self::with`]; questions are never answered.
    pub(crate) fn unanswered(approval_policy: ApprovalPolicy) -> Self {
        let mut thread = Self::with(approval_policy, SandboxPolicy::DangerFullAccess);
        let host = Arc::new(RecordingHost { silent: true, ..RecordingHost::default() });
        thread.cx.host = host.clone();
        thread.host = host;
        thread
    }

    pub(crate) fn root(&self) -> AbsPath {
        AbsPath::new(self.folder.path().canonicalize().unwrap()).unwrap()
    }

    /// Whether this machine enforces sandboxes.
    pub(crate) fn has_sandbox(&self) -> bool {
        self.cx.launcher.mechanism().is_ok()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.cx.cwd.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.cx.cwd.join(name)).ok()
    }

    pub(crate) async fn call_with(&self, tool: &str, call_id: &str, input: ToolInput) -> ToolResult {
        let call = ToolCall { call_id: call_id.to_owned(), namespace: None, input };
        self.registry.get(tool, self.cx.switches).unwrap().run(call, &self.cx).await
    }

    /// Calls a tool with JSON and gives the text for the model.
    pub(crate) async fn call(&self, tool: &str, call_id: &str, arguments: serde_json::Value) -> String {
        let result = self.call_with(tool, call_id, ToolInput::Json(arguments.to_string())).await;
        self.text(result)
    }

    pub(crate) async fn patch(&self, call_id: &str, body: &str) -> String {
        let text = format!("*** Begin Patch\n{body}*** End Patch\n");
        let result = self.call_with("apply_patch", call_id, ToolInput::Text(text)).await;
        self.text(result)
    }

    /// The output as text, with what differs from run to run replaced.
    pub(crate) fn text(&self, result: ToolResult) -> String {
        let abort = if result.abort_turn { " [turn ends]" } else { "" };
        let text = match result.output {
            ToolOutput::Text(text) => text,
            ToolOutput::Items(items) => serde_json::to_string(&items).unwrap(),
        };
        let note = result.note.map(|note| format!(" [note: {note}]")).unwrap_or_default();
        self.normal(&(text + &note + abort))
    }

    /// What clients have seen so far, and the questions, one a line; forgets it.
    pub(crate) fn seen(&self) -> String {
        let lines = std::mem::take(&mut *self.host.lines.lock().unwrap());
        self.normal(&lines.join("\n"))
    }

    fn normal(&self, text: &str) -> String {
        let text =
            text.replace(&self.root().join("project").to_string(), "CWD").replace(&self.root().to_string(), "ROOT");
        [
            "Wall time: ",
            "Chunk ID: ",
            "session ID ",
            "pid=",
            "timed out after ",
            "by user after ",
            "duration_seconds\":",
        ]
        .into_iter()
        .fold(text, |text, label| replace_after(&text, label))
    }
}

/// Puts `_` in the place of the word or number after each `label`.
fn replace_after(text: &str, label: &str) -> String {
    let mut parts = text.split(label);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(part.len());
        out.push_str(label);
        out.push_str(if end == 0 { "" } else { "_" });
        out.push_str(&part[end..]);
    }
    out
}

pub(crate) fn workspace_write() -> SandboxPolicy {
    SandboxPolicy::WorkspaceWrite {
        writable_roots: Vec::new(),
        read_only_access: ReadAccess::Full,
        network_access: false,
        exclude_tmpdir_env_var: true,
        exclude_slash_tmp: true,
    }
}

/// Records events; answers questions from lists, and declines when they are used up.
#[derive(Default)]
pub(crate) struct RecordingHost {
    lines: Mutex<Vec<String>>,
    told: Notify,
    pub(crate) commands: Mutex<VecDeque<CommandDecision>>,
    pub(crate) networks: Mutex<VecDeque<NetworkDecision>>,
    pub(crate) patches: Mutex<VecDeque<PatchDecision>>,
    /// What is granted; all that is asked for when it is empty.
    pub(crate) permissions: Mutex<VecDeque<PermissionsGrant>>,
    pub(crate) answers: Mutex<UserAnswers>,
    pub(crate) questions: Mutex<Vec<UserQuestions>>,
    /// What happens while a patch is asked about.
    pub(crate) meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Questions are never answered.
    silent: bool,
}

impl RecordingHost {
    fn record(&self, line: &str) {
        self.lines.lock().unwrap().push(line.replace('\n', "\\n"));
        self.told.notify_waiters();
    }

    /// Waits until a line that begins with `start` has been recorded.
    pub(crate) async fn wait_for(&self, start: &str) {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if self.lines.lock().unwrap().iter().any(|line| line.starts_with(start)) {
                return;
            }
            told.await;
        }
    }
}

#[async_trait]
impl Host for RecordingHost {
    fn emit(&self, event: ToolEvent) {
        let line = match event {
            ToolEvent::ItemStarted(item) => format!("started {}", show(&item)),
            ToolEvent::ItemCompleted(item) => format!("completed {}", show(&item)),
            ToolEvent::CommandOutput { item_id, chunk } => format!("output {item_id} {chunk:?}"),
            ToolEvent::TerminalInteraction { item_id, process_id, stdin } => {
                format!("typed {item_id} pid={process_id} {stdin:?}")
            }
            ToolEvent::PatchOutput { item_id, text } => format!("printed {item_id} {text:?}"),
            ToolEvent::PlanUpdated { explanation, steps } => {
                let steps: Vec<_> = steps.iter().map(|step| format!("{}:{}", step.step, step.status)).collect();
                format!("plan {explanation:?} {}", steps.join(" "))
            }
            ToolEvent::DiffUpdated(diff) => {
                let files: Vec<_> = diff.lines().filter(|line| line.starts_with("diff ")).collect();
                format!("diff {}", files.join(" + "))
            }
            ToolEvent::Warning(text) => format!("warning {text}"),
        };
        self.record(&line);
    }

    async fn approve_command(&self, request: CommandApproval) -> CommandDecision {
        let available: Vec<_> = request.available.iter().map(decision).collect();
        self.record(&format!(
            "asked {} `{}` in {} {:?} reason={:?}{} proposed={:?} available={}",
            request.item_id,
            request.command,
            request.cwd,
            request.argv,
            request.reason,
            request.additional_permissions.as_ref().map(show_permissions).unwrap_or_default(),
            request.proposed_amendment,
            available.join(",")
        ));
        if self.silent {
            return std::future::pending().await;
        }
        self.commands.lock().unwrap().pop_front().unwrap_or(CommandDecision::Decline)
    }

    async fn approve_network(&self, request: NetworkApproval) -> NetworkDecision {
        let NetworkApproval { item_id, host, protocol, reason, port: _ } = request;
        self.record(&format!("asked {item_id} host={host} protocol={protocol} reason={reason:?}"));
        if self.silent {
            return std::future::pending().await;
        }
        self.networks.lock().unwrap().pop_front().unwrap_or(NetworkDecision::Decline)
    }

    async fn approve_patch(&self, request: PatchApproval) -> PatchDecision {
        self.record(&format!(
            "asked {} patch reason={:?} root={:?}",
            request.item_id, request.reason, request.grant_root
        ));
        if self.silent {
            return std::future::pending().await;
        }
        if let Some(happen) = self.meanwhile.lock().unwrap().take() {
            happen();
        }
        self.patches.lock().unwrap().pop_front().unwrap_or(PatchDecision::Decline)
    }

    async fn grant_permissions(&self, request: PermissionsRequest) -> PermissionsGrant {
        let permissions = show_permissions(&request.permissions);
        self.record(&format!(
            "asked {} permissions in {} reason={:?}{permissions}",
            request.item_id, request.cwd, request.reason
        ));
        if self.silent {
            return std::future::pending().await;
        }
        let whole = PermissionsGrant { permissions: request.permissions, ..PermissionsGrant::default() };
        self.permissions.lock().unwrap().pop_front().unwrap_or(whole)
    }

    async fn ask_user(&self, questions: UserQuestions) -> UserAnswers {
        self.record(&format!("asked {} {} questions", questions.item_id, questions.questions.len()));
        self.questions.lock().unwrap().push(questions);
        if self.silent {
            return std::future::pending().await;
        }
        self.answers.lock().unwrap().clone()
    }
}

fn decision(decision: &CommandDecision) -> String {
    match decision {
        CommandDecision::Accept => "accept".into(),
        CommandDecision::AcceptForSession => "acceptForSession".into(),
        CommandDecision::AcceptWithAmendment(words) => format!("amend({})", words.join(" ")),
        CommandDecision::Decline => "decline".into(),
        CommandDecision::Denied(reason) => format!("denied({reason})"),
        CommandDecision::Cancel => "cancel".into(),
    }
}

fn show_permissions(profile: &PermissionProfile) -> String {
    let entries = profile.file_system.iter().flat_map(|files| &files.entries).map(|entry| match &entry.path {
        FileSystemPath::Path(path) => format!(" {}:{path}", entry.access),
        other => format!(" {}:{other:?}", entry.access),
    });
    let network = profile.network_enabled.map(|enabled| format!(" network={enabled}"));
    entries.chain(network).collect()
}

fn show(item: &Item) -> String {
    match item {
        Item::FileChange { id, changes, status } => {
            let changes: Vec<_> = changes.iter().map(show_change).collect();
            format!("patch {id} {status} {}", changes.join(" "))
        }
        Item::CommandExecution(CommandExecution {
            id,
            command,
            cwd,
            process_id,
            source,
            status,
            actions,
            aggregated_output,
            exit_code,
            duration,
        }) => {
            let process = process_id.as_ref().map(|pid| format!(" pid={pid}")).unwrap_or_default();
            let end = match (aggregated_output, exit_code, duration) {
                (None, None, None) => String::new(),
                (output, code, time) => format!(
                    " {} {} {}",
                    output.as_ref().map_or("-".into(), |output| format!("{output:?}")),
                    code.map_or("-".into(), |code| code.to_string()),
                    if time.is_some() { "timed" } else { "untimed" }
                ),
            };
            let unknown = matches!(actions.as_slice(), [CommandAction::Unknown { .. }]);
            let actions = if unknown { String::new() } else { format!(" {} actions", actions.len()) };
            format!("command {id} `{command}` in {cwd}{process} {source} {status}{actions}{end}")
        }
        Item::ImageView { id, path } => format!("image {id} {path}"),
        other => format!("{other:?}"),
    }
}

fn show_change(FileChange { path, kind, diff }: &FileChange) -> String {
    let kind = match kind {
        FileChangeKind::Add => "add".into(),
        FileChangeKind::Delete => "delete".into(),
        FileChangeKind::Update { move_path: None } => "update".into(),
        FileChangeKind::Update { move_path: Some(path) } => format!("update to {}", path.display()),
    };
    format!("{kind} {path} {diff:?}")
}
