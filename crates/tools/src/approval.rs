//! Decides whether a command or a patch runs, is asked about, or is refused.
//!
//! Decisions are made from plain data here; asking and the events around it are the tools'.

use exec::Sandbox;
use types::{AbsPath, ApprovalPolicy, PermissionProfile, ReadAccess, SandboxPolicy};

use crate::grants::{Beyond, CommandKey};
use crate::patch::Plan;
use crate::permissions;
use crate::rules::RuleDecision;
use crate::shell::{self, Part};
use crate::turn::TurnTools;

/// Whether something that is allowed needs a question first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    Given,
    Ask,
}

/// Decides about a patch.
///
/// # Errors
/// Why it may not be applied and cannot be asked about, for the model.
pub(crate) fn patch_consent(cx: &TurnTools, plan: &Plan) -> Result<Consent, String> {
    let sandbox = cx.sandbox()?;
    let outside = match &sandbox {
        Sandbox::None => None,
        Sandbox::Restricted(rules) => plan.paths().find(|path| !rules.writable(path)),
    };
    if cx.grants.allows_files(plan.paths()) {
        return Ok(Consent::Given);
    }
    let refused = |path: &AbsPath| {
        Err(format!(
            "patch rejected: the sandbox does not allow writing {path}, and the approval policy does not allow asking \
             for it; write somewhere else or tell the user what you would change"
        ))
    };
    match (&cx.approval_policy, outside) {
        (ApprovalPolicy::UnlessTrusted, _) => Ok(Consent::Ask),
        (_, None) => Ok(Consent::Given),
        (ApprovalPolicy::OnFailure | ApprovalPolicy::OnRequest, Some(_)) => Ok(Consent::Ask),
        (ApprovalPolicy::Granular(kinds), Some(_)) if kinds.sandbox_approval => Ok(Consent::Ask),
        (ApprovalPolicy::Granular(_) | ApprovalPolicy::Never, Some(path)) => refused(path),
    }
}

/// What is known of a command before it runs.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) argv: Vec<String>,
    /// The command line as people see it.
    pub(crate) shown: String,
    pub(crate) cwd: AbsPath,
    pub(crate) tty: bool,
    pub(crate) beyond: Beyond,
    /// Why the model asks.
    pub(crate) justification: Option<String>,
    /// The words that the model proposes to allow from now on.
    pub(crate) prefix_rule: Option<Vec<String>>,
}

/// What becomes of a command.
#[derive(Debug)]
pub(crate) enum Verdict {
    Run(Sandbox),
    /// It runs in this sandbox if the user says so.
    Ask(Question, Sandbox),
    Refuse(Refusal),
}

/// What the user is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) reason: Option<String>,
    /// What the command may do beyond the sandbox if it is accepted.
    pub(crate) additional_permissions: Option<PermissionProfile>,
    pub(crate) proposed_amendment: Option<Vec<String>>,
}

/// Why a command does not run, without anybody asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The call itself was out of place; no command is reported.
    Call(String),
    /// A rule or policy forbids the command; it is reported as declined with this text.
    Command(String),
}

/// Interpreters and wrappers: a rule that allows them with any arguments allows everything.
const TOO_BROAD: &[&str] = &[
    "bash",
    "bun",
    "cmd",
    "deno",
    "doas",
    "env",
    "fish",
    "git",
    "node",
    "npx",
    "osascript",
    "perl",
    "php",
    "powershell",
    "pwsh",
    "python",
    "python2",
    "python3",
    "ruby",
    "sh",
    "sudo",
    "xargs",
    "zsh",
];

/// Decides about a command.
pub(crate) fn command_verdict(cx: &TurnTools, command: &Candidate) -> Verdict {
    let granted = cx.granted();
    let (sandbox, if_accepted) = match sandboxes(cx, command, &granted) {
        Ok(sandboxes) => sandboxes,
        Err(reason) => return Verdict::Refuse(Refusal::Call(reason)),
    };
    let policy = &cx.approval_policy;
    let confined = matches!(sandbox, Sandbox::Restricted(_));
    let escalated = command.asks_beyond(&granted);
    if escalated && confined && *policy != ApprovalPolicy::OnRequest {
        return Verdict::Refuse(Refusal::Call(format!(
            "command rejected: under the approval policy `{}` no command may ask for more than the sandbox allows; run \
             it without sandbox_permissions, or do without it",
            policy.as_str()
        )));
    }
    let additional_permissions = command.additional_permissions(&granted);
    let judged = Judged::new(cx, command);
    match judged.strictest {
        Some((RuleDecision::Forbidden, why)) => return Verdict::Refuse(Refusal::Command(why)),
        Some((RuleDecision::Prompt, why)) => {
            return match policy {
                ApprovalPolicy::Never => Verdict::Refuse(Refusal::Command(
                    "approval required by policy, but AskForApproval is set to Never".to_owned(),
                )),
                ApprovalPolicy::Granular(kinds) if !kinds.rules => Verdict::Refuse(Refusal::Command(
                    "approval required by policy rule, but AskForApproval::Granular.rules is false".to_owned(),
                )),
                _ if cx.grants.allows_command(&command.key()) => Verdict::Run(if_accepted),
                _ => {
                    let question = Question { reason: Some(why), additional_permissions, proposed_amendment: None };
                    Verdict::Ask(question, if_accepted)
                }
            };
        }
        Some((RuleDecision::Allow, _)) | None => {}
    }
    if judged.all_allowed_by_rule {
        return Verdict::Run(Sandbox::None);
    }
    let dangerous = shell::looks_dangerous(&command.argv);
    let (ask, then) = match policy {
        ApprovalPolicy::UnlessTrusted => (!judged.all_trusted, sandbox.clone()),
        ApprovalPolicy::OnRequest if escalated => {
            let reads_anything = cx.permission_profile.is_none() && reads_anything(&cx.sandbox_policy);
            (!(judged.all_trusted && reads_anything), if_accepted)
        }
        ApprovalPolicy::OnRequest | ApprovalPolicy::OnFailure => (dangerous, sandbox.clone()),
        ApprovalPolicy::Granular(kinds) if kinds.sandbox_approval => (dangerous, sandbox.clone()),
        ApprovalPolicy::Granular(_) | ApprovalPolicy::Never => {
            return match sandbox {
                // Whoever gives full access without questions means it.
                Sandbox::None => Verdict::Run(sandbox),
                Sandbox::Restricted(_) if dangerous => {
                    Verdict::Refuse(Refusal::Command(format!("`{}` rejected: blocked by policy", command.shown)))
                }
                Sandbox::Restricted(_) => Verdict::Run(sandbox),
            };
        }
    };
    if !ask {
        return Verdict::Run(sandbox);
    }
    // With full access there is no sandbox to leave; only the dangerous is asked about.
    if !confined && *policy != ApprovalPolicy::UnlessTrusted && !dangerous {
        return Verdict::Run(sandbox);
    }
    if cx.grants.allows_command(&command.key()) {
        return Verdict::Run(then);
    }
    let question = Question {
        reason: command.justification.clone(),
        additional_permissions,
        proposed_amendment: judged.amendment(cx, command),
    };
    Verdict::Ask(question, then)
}

/// The sandbox a command runs in by itself, and the one it asks for.
fn sandboxes(cx: &TurnTools, command: &Candidate, granted: &PermissionProfile) -> Result<(Sandbox, Sandbox), String> {
    let sandbox = cx.sandbox_with(granted)?;
    let if_accepted = match &command.beyond {
        Beyond::Nothing => sandbox.clone(),
        Beyond::Permissions(wanted) => cx.sandbox_with(&permissions::joined(wanted, granted))?,
        Beyond::Everything => Sandbox::None,
    };
    Ok((sandbox, if_accepted))
}

/// The question about a command that needs none, when everything is asked about.
pub(crate) fn watched_question(cx: &TurnTools, command: &Candidate) -> Question {
    Question {
        reason: command.justification.clone(),
        additional_permissions: command.additional_permissions(&cx.granted()),
        proposed_amendment: None,
    }
}

/// Whether a command that the user has accepted may leave its sandbox, when that seems to have stopped it, without
/// another question. Not where it would leave rules about hosts with it. Source: other servers of the protocol ask once
/// under this policy.
pub(crate) fn accepted_without_sandbox(cx: &TurnTools) -> bool {
    cx.approval_policy == ApprovalPolicy::UnlessTrusted && cx.network.is_none()
}

/// The question when a command seems to have failed because of the sandbox.
pub(crate) fn retry_question(cx: &TurnTools, command: &Candidate) -> Question {
    Question {
        reason: Some("command failed; retry without sandbox?".to_owned()),
        additional_permissions: command.additional_permissions(&cx.granted()),
        proposed_amendment: Judged::new(cx, command).amendment(cx, command),
    }
}

impl Candidate {
    /// Whether it asks for more than the sandbox and what was granted beside.
    fn asks_beyond(&self, granted: &PermissionProfile) -> bool {
        match &self.beyond {
            Beyond::Nothing => false,
            Beyond::Permissions(wanted) => !permissions::covers(granted, wanted),
            Beyond::Everything => true,
        }
    }

    /// What it may do beyond the sandbox, as far as that can be listed.
    fn additional_permissions(&self, granted: &PermissionProfile) -> Option<PermissionProfile> {
        let all = match &self.beyond {
            Beyond::Nothing => granted.clone(),
            Beyond::Permissions(wanted) => permissions::joined(wanted, granted),
            Beyond::Everything => return None,
        };
        (all != PermissionProfile::default()).then_some(all)
    }

    pub(crate) fn key(&self) -> CommandKey {
        CommandKey { argv: self.argv.clone(), cwd: self.cwd.clone(), tty: self.tty, beyond: self.beyond.clone() }
    }
}

/// A command seen part by part.
struct Judged {
    /// `None` when the script cannot be split.
    parts: Option<Vec<Part>>,
    /// The strictest rule that matches a part, with what to say about it.
    strictest: Option<(RuleDecision, String)>,
    all_allowed_by_rule: bool,
    /// Whether every part is known to be harmless or allowed by a rule.
    all_trusted: bool,
    /// The first part that is neither.
    untrusted: Option<Vec<String>>,
}

impl Judged {
    fn new(cx: &TurnTools, command: &Candidate) -> Self {
        let parts = shell::parts(&command.argv);
        let whole = [command.argv.clone()];
        let words: Vec<&[String]> = match &parts {
            Some(parts) => parts.iter().map(|part| part.words.as_slice()).collect(),
            None => whole.iter().map(Vec::as_slice).collect(),
        };
        let mut judged =
            Self { strictest: None, all_allowed_by_rule: true, all_trusted: true, untrusted: None, parts: None };
        for words in words {
            let found = cx.grants.check(words);
            let allowed = found.as_ref().is_some_and(|found| found.decision == RuleDecision::Allow);
            judged.all_allowed_by_rule &= allowed;
            if !allowed && !shell::is_known_safe(words) {
                judged.all_trusted = false;
                judged.untrusted.get_or_insert_with(|| words.to_vec());
            }
            let Some(found) = found else { continue };
            if judged.strictest.as_ref().is_none_or(|(decision, _)| found.decision > *decision) {
                let shown = &command.shown;
                let why = match (found.decision, &found.justification) {
                    (RuleDecision::Forbidden, Some(why)) => format!("`{shown}` rejected: {why}"),
                    (RuleDecision::Forbidden, None) => {
                        let prefix = shell::join(&found.prefix);
                        format!("`{shown}` rejected: policy forbids commands starting with `{prefix}`")
                    }
                    (RuleDecision::Prompt, Some(why)) => format!("`{shown}` requires approval: {why}"),
                    (RuleDecision::Prompt | RuleDecision::Allow, _) => {
                        format!("`{shown}` requires approval by policy")
                    }
                };
                judged.strictest = Some((found.decision, why));
            }
        }
        judged.parts = parts;
        judged
    }

    /// The words to offer as a rule: those the model proposes where they are enough and not too broad, else those of
    /// the first part that needs consent; nothing for a command that a rule cannot stand for.
    fn amendment(&self, cx: &TurnTools, command: &Candidate) -> Option<Vec<String>> {
        if shell::shell_script(&command.argv).is_some_and(shell::has_heredoc) {
            return None;
        }
        let enough = |prefix: &[String]| {
            self.parts.as_ref().is_some_and(|parts| {
                let trusted = |words: &[String]| {
                    shell::is_known_safe(words)
                        || cx.grants.check(words).is_some_and(|found| found.decision == RuleDecision::Allow)
                };
                parts.iter().any(|part| part.words.starts_with(prefix))
                    && parts.iter().all(|part| part.words.starts_with(prefix) || trusted(&part.words))
            })
        };
        match &command.prefix_rule {
            Some(prefix) if !is_too_broad(prefix) && enough(prefix) => Some(prefix.clone()),
            _ => Some(self.untrusted.clone().unwrap_or_else(|| command.argv.clone())),
        }
    }
}

fn is_too_broad(prefix: &[String]) -> bool {
    match prefix {
        [] => true,
        [program, rest @ ..] => {
            let name = program.rsplit('/').next().unwrap_or(program);
            TOO_BROAD.contains(&name) && rest.iter().all(|word| word.starts_with('-'))
        }
    }
}

fn reads_anything(policy: &SandboxPolicy) -> bool {
    match policy {
        SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => true,
        SandboxPolicy::ReadOnly { access, .. } | SandboxPolicy::WorkspaceWrite { read_only_access: access, .. } => {
            *access == ReadAccess::Full
        }
    }
}
