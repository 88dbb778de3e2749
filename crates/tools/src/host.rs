//! What tools need from whoever runs the turn: a place for events, and a user to ask.

use std::collections::BTreeMap;

use async_trait::async_trait;
use types::item::{CommandAction, CommandSource, FileChange, PlanStep};
use types::{AbsPath, DomainAccess, Host as HostName, Item, ItemId, NetworkProtocol, PermissionProfile};

/// The turn's side of a tool call. The engine implements it.
#[async_trait]
pub trait Host: Send + Sync {
    /// Takes an event for the turn's clients. Must not block; events of one tool keep their order.
    ///
    /// Events of a command that outlives its turn come after the turn has ended, under the same item id.
    fn emit(&self, event: ToolEvent);

    /// Asks whether a command may run. A question that nobody can answer any more counts as declined.
    async fn approve_command(&self, request: CommandApproval) -> CommandDecision;

    /// Asks whether a patch may be applied. A question that nobody can answer any more counts as declined.
    async fn approve_patch(&self, request: PatchApproval) -> PatchDecision;

    /// Asks whether a running command may reach a host. A question that nobody can answer any more counts as declined.
    async fn approve_network(&self, request: NetworkApproval) -> NetworkDecision;

    /// Asks for permissions beyond the sandbox. A question that nobody can answer any more grants nothing.
    async fn grant_permissions(&self, request: PermissionsRequest) -> PermissionsGrant;

    /// Asks the user. No answer, and an answer that makes no sense, is an empty one.
    async fn ask_user(&self, questions: UserQuestions) -> UserAnswers;
}

/// What a tool tells the turn's clients.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolEvent {
    ItemStarted(Item),
    /// The item's final form. A declined item may be completed twice: when the answer came, and when the call ended.
    ItemCompleted(Item),
    /// Output of a running command, cut at character borders.
    CommandOutput {
        item_id: ItemId,
        chunk: String,
    },
    /// Input was sent to a running command; an empty `stdin` means that its output was looked at.
    TerminalInteraction {
        item_id: ItemId,
        process_id: String,
        stdin: String,
    },
    /// What applying a patch printed.
    PatchOutput {
        item_id: ItemId,
        text: String,
    },
    PlanUpdated {
        explanation: Option<String>,
        steps: Vec<PlanStep>,
    },
    /// The diff of all the turn's patches so far.
    DiffUpdated(String),
    Warning(String),
}

/// A command that needs the user's consent.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandApproval {
    pub item_id: ItemId,
    /// Whether it would go on as a session.
    pub source: CommandSource,
    /// The command line as shown to people.
    pub command: String,
    pub argv: Vec<String>,
    pub cwd: AbsPath,
    pub actions: Vec<CommandAction>,
    pub reason: Option<String>,
    /// Whether no sandbox would confine it, or one that it may leave without another question.
    pub outside_sandbox: bool,
    /// What it may do beyond the sandbox if it is accepted: what it asks for itself, and what was granted before.
    pub additional_permissions: Option<PermissionProfile>,
    /// A prefix of words that the user may allow from now on.
    pub proposed_amendment: Option<Vec<String>>,
    /// The answers to offer, in order. Others are valid too.
    pub available: Vec<CommandDecision>,
}

/// The user's answer about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandDecision {
    Accept,
    /// Also the same command in the same folder, until the thread is unloaded.
    AcceptForSession,
    /// Also every command that begins with these words. The engine keeps the rule for later sessions; the tool
    /// remembers it for this one.
    AcceptWithAmendment(Vec<String>),
    /// The command does not run; the turn goes on.
    Decline,
    /// The same, as a reviewer in the user's place says; with the reason.
    Denied(String),
    /// The command does not run and the turn ends.
    Cancel,
}

/// A connection that needs the user's consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkApproval {
    /// Names the connection; no item of the turn has this id.
    pub item_id: ItemId,
    pub host: HostName,
    pub port: u16,
    pub protocol: NetworkProtocol,
    pub reason: String,
}

/// The user's answer about a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkDecision {
    /// For this command.
    Accept,
    /// For all commands, until the thread is unloaded.
    AcceptForSession,
    /// As the new rule says, which also stands for later sessions.
    Amend(String, DomainAccess),
    /// The connection is refused; the command goes on.
    Decline,
    /// The connection is refused, and the turn ends.
    Cancel,
}

/// A patch that needs the user's consent; its item has been started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchApproval {
    pub item_id: ItemId,
    /// The folder its relative paths start in.
    pub cwd: AbsPath,
    pub changes: Vec<FileChange>,
    pub reason: Option<String>,
    /// A folder that the user would make writable by accepting for the session.
    pub grant_root: Option<AbsPath>,
}

/// The user's answer about a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchDecision {
    Accept,
    /// Also later patches of the same files, until the thread is unloaded.
    AcceptForSession,
    /// Nothing is written; the turn goes on.
    Decline,
    /// The same, as a reviewer in the user's place says; with the reason.
    Denied(String),
    /// Nothing is written and the turn ends.
    Cancel,
}

/// Permissions that the agent asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionsRequest {
    /// The call that asks.
    pub item_id: ItemId,
    pub cwd: AbsPath,
    pub reason: Option<String>,
    pub permissions: PermissionProfile,
}

/// What the user grants; more than was asked for is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionsGrant {
    pub permissions: PermissionProfile,
    pub scope: GrantScope,
    /// Everything that is done in the rest of the turn is to be reviewed. Goes with a grant for the turn only.
    pub strict_review: bool,
}

/// How long a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GrantScope {
    /// Until the turn ends.
    #[default]
    Turn,
    /// Until the thread is unloaded.
    Session,
}

/// Questions to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuestions {
    /// The call that asks.
    pub item_id: ItemId,
    pub questions: Vec<UserQuestion>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuestion {
    /// Ties the answer to the question.
    pub id: String,
    pub header: String,
    pub question: String,
    /// Whether an answer in the user's own words is offered beside the options.
    pub is_other: bool,
    /// Whether what the user types is to be hidden.
    pub is_secret: bool,
    pub options: Option<Vec<QuestionOption>>,
}

/// An answer to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionOption {
    pub label: String,
    pub description: String,
}

/// The user's answers by question id; several texts where several were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserAnswers {
    pub answers: BTreeMap<String, Vec<String>>,
}
