//! What the model is told about its surroundings: permissions, mode, skills, instructions of the user, environment.
//!
//! The facts go out in full before the first turn. Later turns say only what changed of permissions, mode, tone and
//! environment, so that the prompt stays a prefix of the next one and providers can cache it; skills and instruction
//! files stay as they were told until the context is told anew.

use std::fmt::Write as _;

use config::{Config, Feature};
use extensions::{agents_md, skills};
use jiff::Zoned;
use model::catalogue::ModelInfo;
use store::TurnContextRecord;
use types::{
    AbsPath, ApprovalPolicy, CollaborationMode, ContentItem, DomainAccess, FileSystemAccess, ModeKind,
    PermissionProfile, Personality, ResponseItem, SandboxPolicy, TurnId,
};

use crate::environment::Environment;
use crate::prompts;
use crate::settings::ThreadSettings;
use crate::thread::ThreadShared;

/// Whom commits name where the configuration does not say. Source: the default of the protocol's other server.
const COMMIT_ATTRIBUTION: &str = "Codex <noreply@openai.com>";

/// What the model knows, or is about to know. Each part is the text as it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContextFacts {
    permissions: Option<String>,
    mode: Option<String>,
    developer_instructions: Option<String>,
    personality: Option<String>,
    skills: Option<String>,
    skills_warning: Option<String>,
    commits: Option<String>,
    user_instructions: Option<String>,
    environment: Option<String>,
    model: String,
    /// The instructions that came with the model, to be repeated when the model changes.
    instructions: Option<String>,
    /// A compaction took the facts away; they have to be told again.
    forgotten: bool,
}

impl ContextFacts {
    /// The model does not see these facts any more.
    pub(crate) fn forget(&mut self) {
        self.forgotten = true;
    }

    /// Collects the facts of a turn that is about to start.
    pub(crate) fn gather(
        environment: &Environment,
        thread: &ThreadShared,
        settings: &ThreadSettings,
        model: &ModelInfo,
    ) -> Self {
        let config = &settings.config;
        let rendered = environment.skills(config, &settings.cwd).and_then(|found| {
            skills::render(&found.skills, skills::budget_chars(Some(model.effective_context_window())))
        });
        let (skills, skills_warning) = rendered.map_or((None, None), |skills| (Some(skills.text), skills.warning));
        let can_ask = config.features.enabled(Feature::DefaultModeRequestUserInput);
        Self {
            permissions: config.include_permissions_instructions.then(|| permissions(environment, settings)),
            mode: settings.mode.as_ref().and_then(|mode| mode_instructions(mode, can_ask)),
            developer_instructions: settings.developer_instructions.clone().filter(|text| !text.is_empty()),
            personality: personality(settings, model),
            skills,
            skills_warning,
            commits: config.features.enabled(Feature::CodexGitCommit).then(|| commits(config)).flatten(),
            user_instructions: agents_md::combined(&environment.agents_md(config, &settings.cwd))
                .map(|text| agents_md::message(&settings.cwd, &text)),
            environment: config.include_environment_context.then(|| environment_text(environment, &settings.cwd)),
            model: settings.model().to_owned(),
            instructions: thread.instructions(settings),
            forgotten: false,
        }
    }

    /// Something people should know about the facts, such as skills that did not fit.
    pub(crate) fn warning(&self) -> Option<String> {
        self.skills_warning.clone()
    }

    /// The items that bring the model from `before` (nothing, if `None`) to these facts.
    pub(crate) fn items_since(&self, before: Option<&Self>) -> Vec<ResponseItem> {
        let switch =
            before.filter(|before| before.model != self.model && !before.model.is_empty()).map(|_| self.model_switch());
        let Some(before) = before.filter(|before| !before.forgotten) else { return self.all(switch) };
        // The client's developer instructions are said once, with all the rest; a thread that is resumed with others
        // hears of them when its context is said anew. Source: the protocol's recorded requests.
        let developer = [
            switch,
            changed(&before.permissions, &self.permissions),
            changed(&before.mode, &self.mode),
            changed(&before.personality, &self.personality),
        ];
        let user = [changed(&before.environment, &self.environment)];
        message("developer", developer).into_iter().chain(message("user", user)).collect()
    }

    fn all(&self, switch: Option<String>) -> Vec<ResponseItem> {
        let developer = [
            switch,
            self.permissions.clone(),
            self.developer_instructions.clone(),
            self.mode.clone(),
            self.personality.clone(),
            self.skills.clone(),
            self.commits.clone(),
        ];
        let user = [self.user_instructions.clone(), self.environment.clone()];
        message("developer", developer).into_iter().chain(message("user", user)).collect()
    }

    fn model_switch(&self) -> String {
        format!(
            "<model_switch>\nUntil now another model answered in this conversation. Go on where it left off, under these \
             instructions:\n\n{}\n</model_switch>",
            self.instructions.as_deref().unwrap_or_default()
        )
    }

    /// Reads from a resumed history what the model was told last. `None` when it was told nothing yet.
    pub(crate) fn of_history(history: &[ResponseItem], model: Option<&str>) -> Option<Self> {
        let mut facts = Self { model: model.unwrap_or_default().to_owned(), ..Self::default() };
        let mut any = false;
        for item in history {
            let ResponseItem::Message { role, content, .. } = item else { continue };
            for part in content {
                let ContentItem::InputText { text } = part else { continue };
                let slot = match role.as_str() {
                    "developer" if text.starts_with("<permissions instructions>") => &mut facts.permissions,
                    "developer" if text.starts_with("<collaboration_mode>") => &mut facts.mode,
                    "developer" if text.starts_with("<personality_spec>") => &mut facts.personality,
                    "developer" if text.starts_with("<skills_instructions>") => &mut facts.skills,
                    "user" if text.starts_with("<environment_context>") => &mut facts.environment,
                    "user" if text.starts_with("# AGENTS.md instructions for ") => &mut facts.user_instructions,
                    _ => continue,
                };
                *slot = Some(text.clone());
                any = true;
            }
        }
        any.then_some(facts)
    }
}

/// The new text where it differs and there is one.
fn changed(before: &Option<String>, after: &Option<String>) -> Option<String> {
    after.clone().filter(|_| before != after)
}

fn message<const N: usize>(role: &str, parts: [Option<String>; N]) -> Option<ResponseItem> {
    let content: Vec<ContentItem> = parts.into_iter().flatten().map(|text| ContentItem::InputText { text }).collect();
    (!content.is_empty()).then(|| ResponseItem::message(role, content))
}

/// What closes an interrupted turn in the model's eyes.
pub(crate) fn turn_aborted_item() -> ResponseItem {
    ResponseItem::user(prompts::TURN_ABORTED)
}

/// How commits tell of the agent; an empty name keeps them silent.
fn commits(config: &Config) -> Option<String> {
    let name = config.commit_attribution.as_deref().unwrap_or(COMMIT_ATTRIBUTION).trim();
    (!name.is_empty()).then(|| prompts::commits(name))
}

fn permissions(environment: &Environment, settings: &ThreadSettings) -> String {
    let mut text = String::from("<permissions instructions>\n");
    text.push_str(&sandbox_text(environment, settings));
    text.push('\n');
    text.push_str(&approval_text(&settings.approval_policy));
    text.push_str("\n</permissions instructions>");
    text
}

fn sandbox_text(environment: &Environment, settings: &ThreadSettings) -> String {
    let network = network_text(settings);
    if let Some(profile) = &settings.permission_profile {
        return format!("Commands run in a sandbox with these permissions. {network}\n{}", profile_text(profile));
    }
    match &settings.sandbox_policy {
        SandboxPolicy::DangerFullAccess => {
            "`sandbox_mode` is `danger-full-access`: there is no sandbox; commands can change everything the user can, and \
             use the network."
                .to_owned()
        }
        SandboxPolicy::ExternalSandbox { .. } => format!(
            "`sandbox_mode` is `danger-full-access`: commands run without a sandbox of their own, inside one around the \
             whole server. {network}"
        ),
        SandboxPolicy::ReadOnly { .. } => {
            format!("`sandbox_mode` is `read-only`: commands can read files and change nothing. {network}")
        }
        SandboxPolicy::WorkspaceWrite { .. } => {
            let roots = writable_roots(environment, settings);
            let mut text = format!(
                "`sandbox_mode` is `workspace-write`: commands can read files, and change files in the writable places. \
                 {network} Writable: "
            );
            for (position, root) in roots.iter().enumerate() {
                let _ = write!(text, "{}`{root}`", if position == 0 { "" } else { ", " });
            }
            text.push_str(". `.git`, `.codex` and `.agents` in them stay read-only.");
            text
        }
    }
}

fn network_text(settings: &ThreadSettings) -> String {
    let Some(policy) = &settings.network else {
        let on = settings.sandbox_policy.network_access();
        return format!("Network access is {}.", if on { "on" } else { "off" });
    };
    let mut text =
        "Commands in the sandbox reach the network through proxies only, which the environment names".to_owned();
    for (access, title) in [(DomainAccess::Allow, "; allowed: "), (DomainAccess::Deny, "; denied: ")] {
        let names = policy.domains.iter().filter(|(_, said)| *said == access);
        for (position, (pattern, _)) in names.enumerate() {
            let _ = write!(text, "{}`{pattern}`", if position == 0 { title } else { ", " });
        }
    }
    text.push_str(if policy.ask { ". The user is asked about other hosts." } else { ". Other hosts are refused." });
    text
}

fn writable_roots(environment: &Environment, settings: &ThreadSettings) -> Vec<AbsPath> {
    let SandboxPolicy::WorkspaceWrite { writable_roots, exclude_tmpdir_env_var, exclude_slash_tmp, .. } =
        &settings.sandbox_policy
    else {
        return Vec::new();
    };
    let mut roots = vec![settings.cwd.clone()];
    roots.extend(writable_roots.iter().cloned());
    if !exclude_slash_tmp && let Ok(tmp) = AbsPath::new("/tmp") {
        roots.push(tmp);
    }
    if !exclude_tmpdir_env_var && let Some(tmpdir) = &environment.tmpdir {
        roots.push(tmpdir.clone());
    }
    roots.dedup();
    roots
}

fn profile_text(profile: &PermissionProfile) -> String {
    profile_entries(profile).map(|entry| format!("- {entry}\n")).collect()
}

/// What a profile says of files, a line each.
pub(crate) fn profile_entries(profile: &PermissionProfile) -> impl Iterator<Item = String> + '_ {
    profile.file_system.iter().flat_map(|files| &files.entries).map(|entry| {
        let access = match entry.access {
            FileSystemAccess::Read => "read",
            FileSystemAccess::Write => "read and write",
            FileSystemAccess::None => "no access",
        };
        format!("{}: {access}", entry.path)
    })
}

fn approval_text(policy: &ApprovalPolicy) -> String {
    match policy {
        ApprovalPolicy::Never => {
            "Approval policy is `never`: nobody can be asked. Do not set `sandbox_permissions`; such \
             commands are refused. Work within what is allowed, and report what was not possible."
                .to_owned()
        }
        ApprovalPolicy::UnlessTrusted => {
            "Approval policy is `untrusted`: commands that only read run at once, the user is \
             asked about every other one. Prefer few, clear commands."
                .to_owned()
        }
        ApprovalPolicy::OnFailure => {
            "Approval policy is `on-failure`: commands run in the sandbox; if it stops one, the \
             user is asked whether it may run outside."
                .to_owned()
        }
        ApprovalPolicy::OnRequest => {
            format!("Approval policy is `on-request`: you decide when to ask.\n\n{}", prompts::ESCALATION.trim_end())
        }
        ApprovalPolicy::Granular(granular) => {
            let mut text = String::from("Approval policy is `granular`. What may be put before the user:\n");
            for (name, allowed) in [
                ("running a command outside the sandbox", granular.sandbox_approval),
                ("commands that a rule says need approval", granular.rules),
                ("using a skill", granular.skill_approval),
                ("further permissions", granular.request_permissions),
                ("questions of MCP servers", granular.mcp_elicitations),
            ] {
                let _ = writeln!(text, "- {name}: {}", if allowed { "yes" } else { "no, it is refused" });
            }
            text.push('\n');
            text.push_str(prompts::ESCALATION.trim_end());
            text
        }
    }
}

fn mode_instructions(mode: &CollaborationMode, can_ask: bool) -> Option<String> {
    let text = match (&mode.developer_instructions, mode.kind) {
        (Some(text), _) => text.clone(),
        (None, ModeKind::Plan) => prompts::PLAN_MODE.to_owned(),
        (None, ModeKind::Default) => prompts::default_mode(can_ask),
    };
    (!text.is_empty()).then(|| format!("<collaboration_mode>{text}</collaboration_mode>"))
}

/// The tone, for models that can change it, where it is not the one that the configuration asks for anyway.
fn personality(settings: &ThreadSettings, model: &ModelInfo) -> Option<String> {
    let personality = settings.personality?;
    if !model.supports_personality || settings.config.personality == Some(personality) {
        return None;
    }
    let text = match personality {
        Personality::None => return None,
        Personality::Friendly => prompts::FRIENDLY,
        Personality::Pragmatic => prompts::PRAGMATIC,
    };
    Some(format!(
        "<personality_spec>\nThe user asks for another tone. From now on:\n\n{}\n</personality_spec>",
        text.trim_end()
    ))
}

/// Source of the layout: the recorded requests; other programs read these tags.
fn environment_text(environment: &Environment, cwd: &AbsPath) -> String {
    let now = Zoned::now();
    let zone = now.time_zone().iana_name().unwrap_or("UTC").to_owned();
    format!(
        "<environment_context>\n  <cwd>{cwd}</cwd>\n  <shell>{}</shell>\n  <current_date>{}</current_date>\n  \
         <timezone>{zone}</timezone>\n</environment_context>",
        environment.shell.name(),
        now.date(),
    )
}

/// The settings of a turn as the rollout keeps them.
pub(crate) fn turn_context_record(turn_id: &TurnId, settings: &ThreadSettings) -> TurnContextRecord {
    let now = Zoned::now();
    TurnContextRecord {
        turn_id: Some(turn_id.clone()),
        cwd: settings.cwd.clone(),
        current_date: Some(now.date().to_string()),
        timezone: now.time_zone().iana_name().map(str::to_owned),
        approval_policy: settings.approval_policy.clone(),
        sandbox_policy: settings.sandbox_policy.clone(),
        permission_profile: settings.permission_profile.clone(),
        model: settings.model().to_owned(),
        personality: settings.personality,
        collaboration_mode: settings.mode.clone(),
        effort: settings.effort(),
        summary: settings.summary.unwrap_or(types::ReasoningSummary::Auto),
        trace_id: None,
        network: None,
        file_system_sandbox_policy: None,
        realtime_active: None,
        user_instructions: None,
        developer_instructions: None,
        final_output_json_schema: None,
        truncation_policy: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> ContextFacts {
        ContextFacts {
            permissions: Some("<permissions instructions>\nread-only".to_owned()),
            skills: Some("<skills_instructions>\nnone".to_owned()),
            environment: Some("<environment_context>\n  <cwd>/a</cwd>".to_owned()),
            model: "one".to_owned(),
            ..ContextFacts::default()
        }
    }

    fn texts(items: &[ResponseItem]) -> Vec<(&str, Vec<&str>)> {
        items
            .iter()
            .map(|item| {
                let ResponseItem::Message { role, content, .. } = item else { panic!("a message: {item:?}") };
                let texts = content.iter().map(|part| match part {
                    ContentItem::InputText { text } => text.lines().next().unwrap_or_default(),
                    other => panic!("a text: {other:?}"),
                });
                (role.as_str(), texts.collect())
            })
            .collect()
    }

    #[test]
    fn a_model_that_knows_nothing_is_told_everything() {
        assert_eq!(
            texts(&facts().items_since(None)),
            [
                ("developer", vec!["<permissions instructions>", "<skills_instructions>"]),
                ("user", vec!["<environment_context>"]),
            ]
        );
    }

    #[test]
    fn after_a_compaction_everything_is_told_again_and_the_change_of_the_model_too() {
        let mut before = facts();
        before.forget();
        assert_eq!(facts().items_since(Some(&before)), facts().items_since(None));
        let after = ContextFacts { model: "two".to_owned(), ..facts() };
        assert_eq!(
            texts(&after.items_since(Some(&before))),
            [
                ("developer", vec!["<model_switch>", "<permissions instructions>", "<skills_instructions>"]),
                ("user", vec!["<environment_context>"]),
            ]
        );
    }

    #[test]
    fn nothing_is_said_twice() {
        assert!(facts().items_since(Some(&facts())).is_empty());
    }

    #[test]
    fn only_what_changed_is_said() {
        let mut moved = facts();
        moved.environment = Some("<environment_context>\n  <cwd>/b</cwd>".to_owned());
        assert_eq!(texts(&moved.items_since(Some(&facts()))), [("user", vec!["<environment_context>"])]);
    }

    #[test]
    fn another_model_gets_its_instructions() {
        let mut switched = facts();
        switched.model = "two".to_owned();
        assert_eq!(texts(&switched.items_since(Some(&facts()))), [("developer", vec!["<model_switch>"])]);
    }

    #[test]
    fn what_a_resumed_model_was_told_is_read_from_its_history() {
        let history = facts().items_since(None);
        let known = ContextFacts::of_history(&history, Some("one")).expect("it was told something");
        assert!(facts().items_since(Some(&known)).is_empty());
        assert_eq!(ContextFacts::of_history(&[ResponseItem::user("hi")], None), None);
    }

    #[test]
    fn every_approval_policy_says_its_name() {
        for (policy, name) in [
            (ApprovalPolicy::Never, "`never`"),
            (ApprovalPolicy::UnlessTrusted, "`untrusted`"),
            (ApprovalPolicy::OnFailure, "`on-failure`"),
            (ApprovalPolicy::OnRequest, "`on-request`"),
        ] {
            assert!(approval_text(&policy).contains(name));
        }
    }
}
