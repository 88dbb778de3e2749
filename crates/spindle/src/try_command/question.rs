//! What the server asks the user: approvals and questions, how they read, and what an answer means.

use std::collections::HashMap;

use protocol::{
    AdditionalFileSystemPermissions, AdditionalNetworkPermissions, CommandExecutionApprovalDecision,
    CommandExecutionRequestApprovalParams, CommandExecutionRequestApprovalResponse, ErrorCode,
    FileChangeApprovalDecision, FileChangeRequestApprovalParams, FileChangeRequestApprovalResponse, FileSystemPath,
    FileSystemSandboxEntry, GrantedPermissionProfile, McpServerElicitationAction, McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse, PermissionGrantScope, PermissionsRequestApprovalParams,
    PermissionsRequestApprovalResponse, RequestPermissionProfile, ServerMethod, ToolRequestUserInputAnswer,
    ToolRequestUserInputParams, ToolRequestUserInputQuestion, ToolRequestUserInputResponse, server_requests,
};
use rpc::{ErrorObject, RequestId};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::try_command::render::script;
use crate::try_command::text::{Span, Style, cut, printable, width};

/// Columns of a command inside a question.
const COMMAND_COLUMNS: usize = 60;

/// Columns of choices that are still put on one line.
const CHOICES_COLUMNS: usize = 76;

/// A request of the server that a person has to answer.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) id: RequestId,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Command(CommandExecutionRequestApprovalParams),
    Patch(FileChangeRequestApprovalParams),
    Permissions(PermissionsRequestApprovalParams),
    /// Several questions, asked one after the other; as many are answered as there are answers.
    Input {
        questions: Vec<ToolRequestUserInputQuestion>,
        answers: Vec<ToolRequestUserInputAnswer>,
    },
    Elicitation(McpServerElicitationRequestParams),
}

/// An answer as it goes over the wire.
#[derive(Debug)]
pub(crate) enum Answer {
    Command(CommandExecutionRequestApprovalResponse),
    Patch(FileChangeRequestApprovalResponse),
    Permissions(PermissionsRequestApprovalResponse),
    Input(ToolRequestUserInputResponse),
    Elicitation(McpServerElicitationRequestResponse),
}

impl serde::Serialize for Answer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Command(answer) => answer.serialize(serializer),
            Self::Patch(answer) => answer.serialize(serializer),
            Self::Permissions(answer) => answer.serialize(serializer),
            Self::Input(answer) => answer.serialize(serializer),
            Self::Elicitation(answer) => answer.serialize(serializer),
        }
    }
}

/// What a line of the user did to a question.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It is answered.
    Done(Answer),
    /// It goes on: there is another question, or the line was not understood.
    Ask,
}

/// One letter and what it means.
struct Choice<D> {
    key: &'static str,
    label: String,
    decision: D,
}

impl Question {
    /// Reads a request of the server.
    ///
    /// # Errors
    /// What to answer to a request that nobody here can deal with.
    pub(crate) fn new(id: RequestId, method: &str, params: Option<&RawValue>) -> Result<Self, ErrorObject> {
        let kind = match method {
            server_requests::ItemCommandExecutionRequestApproval::NAME => Kind::Command(read(params)?),
            server_requests::ItemFileChangeRequestApproval::NAME => Kind::Patch(read(params)?),
            server_requests::ItemPermissionsRequestApproval::NAME => Kind::Permissions(read(params)?),
            server_requests::ItemToolRequestUserInput::NAME => {
                let ToolRequestUserInputParams { questions, .. } = read(params)?;
                Kind::Input { questions, answers: Vec::new() }
            }
            server_requests::McpServerElicitationRequest::NAME => Kind::Elicitation(read(params)?),
            _ => return Err(ErrorObject::new(ErrorCode::METHOD_NOT_FOUND, format!("this client cannot do {method}"))),
        };
        Ok(Self { id, kind })
    }

    /// The question and how to answer it.
    pub(crate) fn text(&self) -> Vec<Span> {
        let mut out = Vec::new();
        match &self.kind {
            Kind::Command(params) => {
                match (&params.network_approval_context, &params.command) {
                    (Some(network), _) => ask(&format!("connect to {}?", network.host), &mut out),
                    (None, Some(command)) => {
                        let more = params.additional_permissions.as_ref().map(|more| {
                            format!(" and allow it {}", permissions(more.network.as_ref(), more.file_system.as_ref()))
                        });
                        let command = short(&script(command));
                        ask(&format!("run {command}{}?", more.unwrap_or_default()), &mut out);
                    }
                    (None, None) => ask("go on with the command?", &mut out),
                }
                reason(params.reason.as_deref(), &mut out);
                choices(&command_choices(params), &mut out);
            }
            Kind::Patch(params) => {
                let root = params.grant_root.as_ref();
                let more = root.map(|root| format!(" and allow writing below {}", root.display()));
                ask(&format!("apply this patch{}?", more.unwrap_or_default()), &mut out);
                reason(params.reason.as_deref(), &mut out);
                choices(&patch_choices(), &mut out);
            }
            Kind::Permissions(params) => {
                let RequestPermissionProfile { network, file_system } = &params.permissions;
                ask(&format!("allow {}?", permissions(network.as_ref(), file_system.as_ref())), &mut out);
                reason(params.reason.as_deref(), &mut out);
                choices(&permission_choices(), &mut out);
            }
            Kind::Input { questions, answers } => {
                if let Some(question) = questions.get(answers.len()) {
                    input(question, &mut out);
                }
            }
            Kind::Elicitation(params) => {
                ask(&format!("{} wants to know something; this client declines", params.server_name), &mut out);
            }
        }
        out
    }

    /// Whether a person can answer it here.
    pub(crate) fn can_be_asked(&self) -> bool {
        match &self.kind {
            Kind::Command(_) | Kind::Patch(_) | Kind::Permissions(_) => true,
            Kind::Input { questions, answers } => answers.len() < questions.len(),
            Kind::Elicitation(_) => false,
        }
    }

    /// What a line of the user means for it.
    pub(crate) fn answer(&mut self, line: &str) -> Progress {
        let line = line.trim();
        match &mut self.kind {
            Kind::Command(params) => match chosen(command_choices(params), line) {
                Some(decision) => Progress::Done(Answer::Command(CommandExecutionRequestApprovalResponse { decision })),
                None => Progress::Ask,
            },
            Kind::Patch(_) => match chosen(patch_choices(), line) {
                Some(decision) => Progress::Done(Answer::Patch(FileChangeRequestApprovalResponse { decision })),
                None => Progress::Ask,
            },
            Kind::Permissions(params) => match chosen(permission_choices(), line) {
                Some(scope) => Progress::Done(Answer::Permissions(granted(&params.permissions, scope))),
                None => Progress::Ask,
            },
            Kind::Input { questions, answers } => {
                let Some(question) = questions.get(answers.len()) else { return Progress::Done(self.decline()) };
                let Some(text) = input_answer(question, line) else { return Progress::Ask };
                answers.push(ToolRequestUserInputAnswer { answers: vec![text] });
                if answers.len() < questions.len() { Progress::Ask } else { Progress::Done(self.decline()) }
            }
            Kind::Elicitation(_) => Progress::Done(self.decline()),
        }
    }

    /// The answer when nobody says anything: no to an approval, and to questions what has been said so far.
    pub(crate) fn decline(&mut self) -> Answer {
        match &mut self.kind {
            Kind::Command(_) => {
                let decision = CommandExecutionApprovalDecision::Decline;
                Answer::Command(CommandExecutionRequestApprovalResponse { decision })
            }
            Kind::Patch(_) => {
                Answer::Patch(FileChangeRequestApprovalResponse { decision: FileChangeApprovalDecision::Decline })
            }
            Kind::Permissions(params) => Answer::Permissions(granted(&params.permissions, None)),
            Kind::Input { questions, answers } => {
                let ids = questions.iter().map(|question| question.id.clone());
                let answers: HashMap<_, _> = ids.zip(std::mem::take(answers)).collect();
                Answer::Input(ToolRequestUserInputResponse { answers })
            }
            Kind::Elicitation(_) => Answer::Elicitation(McpServerElicitationRequestResponse {
                action: McpServerElicitationAction::Decline,
                content: None,
                meta: None,
            }),
        }
    }
}

fn read<T: DeserializeOwned>(params: Option<&RawValue>) -> Result<T, ErrorObject> {
    protocol::decode(params).map_err(|error| ErrorObject::new(ErrorCode::INVALID_PARAMS, error.to_string()))
}

/// A command in one line; in full it stands above.
fn short(command: &str) -> String {
    cut(&command.split_whitespace().collect::<Vec<_>>().join(" "), COMMAND_COLUMNS)
}

fn ask(text: &str, out: &mut Vec<Span>) {
    out.push(Span::new(Style::Warning, "? "));
    out.push(Span::new(Style::Strong, format!("{}\n", printable(text))));
}

fn reason(reason: Option<&str>, out: &mut Vec<Span>) {
    if let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) {
        out.push(Span::new(Style::Dim, format!("  {}\n", printable(reason.trim()))));
    }
}

fn choices<D>(choices: &[Choice<D>], out: &mut Vec<Span>) {
    let texts: Vec<_> = choices.iter().map(|choice| format!("{} = {}", choice.key, choice.label)).collect();
    let line = texts.join(", ");
    let text = if width(&line) <= CHOICES_COLUMNS { line } else { texts.join("\n  ") };
    out.push(Span::new(Style::Dim, format!("  {text}\n")));
    prompt(out);
}

fn prompt(out: &mut Vec<Span>) {
    out.push(Span::new(Style::Accent, "> "));
}

fn chosen<D>(choices: Vec<Choice<D>>, line: &str) -> Option<D> {
    let word = line.to_lowercase();
    let key = match word.as_str() {
        "yes" => "y",
        "no" => "n",
        "always" => "a",
        "cancel" => "c",
        other => other,
    };
    choices.into_iter().find(|choice| choice.key == key).map(|choice| choice.decision)
}

fn command_choices(params: &CommandExecutionRequestApprovalParams) -> Vec<Choice<CommandExecutionApprovalDecision>> {
    use CommandExecutionApprovalDecision as Decision;
    let offered = params.available_decisions.clone().unwrap_or_else(|| {
        let amendment = params.proposed_execpolicy_amendment.clone();
        let amendment =
            amendment.map(|execpolicy_amendment| Decision::AcceptWithExecpolicyAmendment { execpolicy_amendment });
        [Decision::Accept, Decision::AcceptForSession].into_iter().chain(amendment).chain([Decision::Cancel]).collect()
    });
    let mut choices: Vec<_> = offered
        .into_iter()
        .filter_map(|decision| {
            let (key, label) = match &decision {
                Decision::Accept => ("y", "yes".to_owned()),
                Decision::AcceptForSession => ("a", "yes, always in this conversation".to_owned()),
                Decision::AcceptWithExecpolicyAmendment { execpolicy_amendment } => {
                    ("p", format!("yes, and always what begins with {}", short(&execpolicy_amendment.0.join(" "))))
                }
                Decision::Cancel => ("c", "no, and stop".to_owned()),
                // Every question can be declined, see below; rules for the network are for richer clients.
                Decision::Decline | Decision::ApplyNetworkPolicyAmendment { .. } => return None,
            };
            Some(Choice { key, label: printable(&label), decision })
        })
        .collect();
    choices.push(Choice { key: "n", label: "no, go on without it".to_owned(), decision: Decision::Decline });
    choices
}

fn patch_choices() -> Vec<Choice<FileChangeApprovalDecision>> {
    use FileChangeApprovalDecision as Decision;
    let choices = [
        ("y", "yes", Decision::Accept),
        ("a", "yes, always for these files", Decision::AcceptForSession),
        ("n", "no, go on without it", Decision::Decline),
        ("c", "no, and stop", Decision::Cancel),
    ];
    choices.map(|(key, label, decision)| Choice { key, label: label.to_owned(), decision }).into()
}

fn permission_choices() -> Vec<Choice<Option<PermissionGrantScope>>> {
    let choices = [
        ("y", "yes, for this turn", Some(PermissionGrantScope::Turn)),
        ("a", "yes, always in this conversation", Some(PermissionGrantScope::Session)),
        ("n", "no", None),
    ];
    choices.map(|(key, label, decision)| Choice { key, label: label.to_owned(), decision }).into()
}

/// Everything that was asked for, or nothing.
fn granted(
    asked: &RequestPermissionProfile,
    scope: Option<PermissionGrantScope>,
) -> PermissionsRequestApprovalResponse {
    let Some(scope) = scope else { return PermissionsRequestApprovalResponse::default() };
    let RequestPermissionProfile { network, file_system } = asked.clone();
    PermissionsRequestApprovalResponse {
        permissions: GrantedPermissionProfile { network, file_system },
        scope,
        strict_auto_review: None,
    }
}

fn permissions(
    network: Option<&AdditionalNetworkPermissions>,
    files: Option<&AdditionalFileSystemPermissions>,
) -> String {
    let mut parts = Vec::new();
    if network.is_some_and(|network| network.enabled == Some(true)) {
        parts.push("the network".to_owned());
    }
    if let Some(files) = files {
        let lists = [("reading", &files.read), ("writing", &files.write)];
        let listed = lists.iter().flat_map(|(what, paths)| paths.iter().flatten().map(move |path| (*what, path)));
        parts.extend(listed.map(|(what, path)| format!("{what} {}", path.display())));
        // The plain paths stand among the entries once more.
        let plain = |entry: &FileSystemSandboxEntry| {
            let FileSystemPath::Path { path } = &entry.path else { return false };
            lists.iter().any(|(_, paths)| paths.iter().flatten().any(|listed| listed == path))
        };
        if files.entries.iter().flatten().any(|entry| !plain(entry)) {
            parts.push("access to more files".to_owned());
        }
    }
    if parts.is_empty() { "more permissions".to_owned() } else { parts.join(", ") }
}

fn input(question: &ToolRequestUserInputQuestion, out: &mut Vec<Span>) {
    ask(&question.question, out);
    let options = question.options.as_deref().unwrap_or_default();
    for (index, option) in options.iter().enumerate() {
        out.push(Span::new(Style::Accent, format!("  {}. ", index + 1)));
        out.push(Span::new(Style::Plain, printable(&option.label)));
        let description =
            if option.description.is_empty() { String::new() } else { format!(": {}", option.description) };
        out.push(Span::new(Style::Dim, format!("{}\n", printable(&description))));
    }
    if !options.is_empty() {
        let other = if question.is_other { ", or words of your own" } else { "" };
        out.push(Span::new(Style::Dim, format!("  a number{other}\n")));
    }
    prompt(out);
}

/// The answer a line stands for, if it is one.
fn input_answer(question: &ToolRequestUserInputQuestion, line: &str) -> Option<String> {
    let options = question.options.as_deref().unwrap_or_default();
    let by_number = line.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
    let by_label = || options.iter().find(|option| option.label.eq_ignore_ascii_case(line));
    if let Some(option) = by_number.or_else(by_label) {
        return Some(option.label.clone());
    }
    let free = options.is_empty() || question.is_other;
    (free && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(method: &str, params: &str) -> Question {
        let params: &RawValue = serde_json::from_str(params).unwrap();
        Question::new(RequestId::Int(0), method, Some(params)).unwrap()
    }

    fn shown(question: &Question) -> String {
        question.text().into_iter().map(|span| span.text).collect()
    }

    fn answered(question: &mut Question, line: &str) -> String {
        match question.answer(line) {
            Progress::Done(answer) => serde_json::to_string(&answer).unwrap(),
            Progress::Ask => "asks again".to_owned(),
        }
    }

    const COMMAND: &str = r#"{"threadId":"t","turnId":"u","itemId":"i","command":"rm -rf build","reason":"to start afresh",
        "proposedExecpolicyAmendment":["rm","-rf"],
        "availableDecisions":["accept",{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["rm","-rf"]}},"cancel"]}"#;

    #[test]
    fn a_command_is_asked_with_what_the_server_offers() {
        let question = question("item/commandExecution/requestApproval", COMMAND);
        insta::assert_snapshot!(shown(&question), @r"
        ? run rm -rf build?
          to start afresh
          y = yes
          p = yes, and always what begins with rm -rf
          c = no, and stop
          n = no, go on without it
        > 
        ");
    }

    #[test]
    fn a_command_that_may_do_more_than_the_sandbox_allows_says_so() {
        let question = question(
            "item/commandExecution/requestApproval",
            r#"{"threadId":"t","turnId":"u","itemId":"i","command":"make install","additionalPermissions":{
                "network":null,"fileSystem":{"read":null,"write":["/opt"],"entries":[
                    {"path":{"type":"path","path":"/opt"},"access":"write"},
                    {"path":{"type":"special","value":{"kind":"tmpdir"}},"access":"write"}]}}}"#,
        );
        let text = shown(&question);
        assert!(text.starts_with("? run make install and allow it writing /opt, access to more files?\n"), "{text}");
    }

    #[test]
    fn letters_and_words_decide_about_a_command() {
        let mut question = question("item/commandExecution/requestApproval", COMMAND);
        assert_eq!(answered(&mut question, "hm"), "asks again");
        assert_eq!(answered(&mut question, "a"), "asks again", "not offered");
        assert_eq!(answered(&mut question, " Y "), r#"{"decision":"accept"}"#);
        assert_eq!(answered(&mut question, "no"), r#"{"decision":"decline"}"#);
        assert_eq!(answered(&mut question, "c"), r#"{"decision":"cancel"}"#);
        assert_eq!(
            answered(&mut question, "p"),
            r#"{"decision":{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["rm","-rf"]}}}"#
        );
    }

    #[test]
    fn a_patch_is_asked_with_all_four_answers() {
        let mut question =
            question("item/fileChange/requestApproval", r#"{"threadId":"t","turnId":"u","itemId":"i","reason":null}"#);
        insta::assert_snapshot!(shown(&question), @r"
        ? apply this patch?
          y = yes
          a = yes, always for these files
          n = no, go on without it
          c = no, and stop
        > 
        ");
        assert_eq!(answered(&mut question, "a"), r#"{"decision":"acceptForSession"}"#);
    }

    #[test]
    fn permissions_are_granted_as_asked_or_not_at_all() {
        let mut question = question(
            "item/permissions/requestApproval",
            r#"{"threadId":"t","turnId":"u","itemId":"i","cwd":"/p","reason":null,
                "permissions":{"network":{"enabled":true},"fileSystem":{"read":null,"write":["/x"],
                    "entries":[{"path":{"type":"path","path":"/x"},"access":"write"}]}}}"#,
        );
        assert!(shown(&question).starts_with("? allow the network, writing /x?\n"));
        assert_eq!(answered(&mut question, "n"), r#"{"permissions":{},"scope":"turn"}"#);
        let granted = answered(&mut question, "a");
        assert!(granted.contains(r#""write":["/x"]"#) && granted.ends_with(r#""scope":"session"}"#), "{granted}");
    }

    #[test]
    fn questions_are_asked_one_after_the_other() {
        let mut question = question(
            "item/tool/requestUserInput",
            r#"{"threadId":"t","turnId":"u","itemId":"i","questions":[
                {"id":"q1","header":"Colour","question":"Which colour?","isOther":true,"isSecret":false,"options":[
                    {"label":"Red","description":"warm"},{"label":"Blue","description":""}]},
                {"id":"q2","header":"Name","question":"Which name?","isOther":false,"isSecret":false,"options":null}]}"#,
        );
        insta::assert_snapshot!(shown(&question), @r"
        ? Which colour?
          1. Red: warm
          2. Blue
          a number, or words of your own
        > 
        ");
        assert_eq!(answered(&mut question, "2"), "asks again");
        insta::assert_snapshot!(shown(&question), @r"
        ? Which name?
        > 
        ");
        assert_eq!(answered(&mut question, ""), "asks again");
        let answer = answered(&mut question, "Ada");
        assert!(answer.contains(r#""q1":{"answers":["Blue"]}"#) && answer.contains(r#""q2":{"answers":["Ada"]}"#));
    }

    #[test]
    fn what_this_client_cannot_do_is_refused() {
        let error = Question::new(RequestId::Int(0), "item/tool/call", None).unwrap_err();
        assert_eq!(error.code, ErrorCode::METHOD_NOT_FOUND);
    }
}
