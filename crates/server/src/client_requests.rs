//! What we ask clients, and what their answers mean.

use engine::{Answer, CommandDecision, NetworkDecision, PatchDecision, PermissionsGrant, QuestionKind, UserAnswers};
use protocol as p;
use protocol::ServerMethod;
use rpc::Outcome;
use serde::Serialize;
use serde_json::value::RawValue;
use types::{DomainAccess, ThreadId, TurnId};

use crate::wire::{FromWire as _, IntoWire as _, ToWire as _, abs, additional_permissions};

/// A request ready to be sent.
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) params: Box<RawValue>,
    /// Clients hear when nobody has to answer any more.
    pub(crate) announce_end: bool,
}

fn asked<M: ServerMethod>(params: &M::Params, announce_end: bool) -> Asked
where
    M::Params: Serialize,
{
    let params = serde_json::value::to_raw_value(params).expect("params of the contract serialise");
    Asked { method: M::NAME, params, announce_end }
}

/// The request for a question.
pub(crate) fn request(thread: ThreadId, turn: &TurnId, kind: &QuestionKind) -> Asked {
    let (thread_id, turn_id) = (thread.to_string(), turn.to_string());
    match kind {
        QuestionKind::Command(approval) => {
            let params = p::CommandExecutionRequestApprovalParams {
                thread_id,
                turn_id,
                item_id: approval.item_id.to_string(),
                approval_id: None,
                reason: approval.reason.clone(),
                network_approval_context: None,
                command: Some(approval.command.clone()),
                cwd: Some(abs(&approval.cwd)),
                command_actions: Some(approval.actions.clone().into_wire()),
                additional_permissions: approval.additional_permissions.as_ref().map(additional_permissions),
                proposed_execpolicy_amendment: approval.proposed_amendment.clone().map(p::ExecPolicyAmendment),
                proposed_network_policy_amendments: None,
                available_decisions: Some(approval.available.iter().map(decision).collect()),
            };
            asked::<p::server_requests::ItemCommandExecutionRequestApproval>(&params, true)
        }
        QuestionKind::Network(approval) => {
            let amendment = |action| p::NetworkPolicyAmendment { host: approval.host.to_string(), action };
            let allow = amendment(p::NetworkPolicyRuleAction::Allow);
            let available = vec![
                p::CommandExecutionApprovalDecision::Accept,
                p::CommandExecutionApprovalDecision::AcceptForSession,
                p::CommandExecutionApprovalDecision::ApplyNetworkPolicyAmendment {
                    network_policy_amendment: allow.clone(),
                },
                p::CommandExecutionApprovalDecision::Cancel,
            ];
            let params = p::CommandExecutionRequestApprovalParams {
                thread_id,
                turn_id,
                item_id: approval.item_id.to_string(),
                approval_id: None,
                reason: Some(approval.reason.clone()),
                network_approval_context: Some(p::NetworkApprovalContext {
                    host: approval.host.to_string(),
                    protocol: approval.protocol.to_wire(),
                }),
                command: None,
                cwd: None,
                command_actions: None,
                additional_permissions: None,
                proposed_execpolicy_amendment: None,
                proposed_network_policy_amendments: Some(vec![allow, amendment(p::NetworkPolicyRuleAction::Deny)]),
                available_decisions: Some(available),
            };
            asked::<p::server_requests::ItemCommandExecutionRequestApproval>(&params, true)
        }
        QuestionKind::Patch(approval) => {
            let params = p::FileChangeRequestApprovalParams {
                thread_id,
                turn_id,
                item_id: approval.item_id.to_string(),
                reason: approval.reason.clone(),
                grant_root: approval.grant_root.as_ref().map(|root| root.as_path().to_owned()),
            };
            asked::<p::server_requests::ItemFileChangeRequestApproval>(&params, true)
        }
        QuestionKind::Permissions(request) => {
            let p::AdditionalPermissionProfile { network, file_system } = additional_permissions(&request.permissions);
            let params = p::PermissionsRequestApprovalParams {
                thread_id,
                turn_id,
                item_id: request.item_id.to_string(),
                cwd: abs(&request.cwd),
                reason: request.reason.clone(),
                permissions: p::RequestPermissionProfile { network, file_system },
            };
            asked::<p::server_requests::ItemPermissionsRequestApproval>(&params, true)
        }
        QuestionKind::UserInput(questions) => {
            let params = p::ToolRequestUserInputParams {
                thread_id,
                turn_id,
                item_id: questions.item_id.to_string(),
                questions: questions
                    .questions
                    .iter()
                    .map(|question| p::ToolRequestUserInputQuestion {
                        id: question.id.clone(),
                        header: question.header.clone(),
                        question: question.question.clone(),
                        is_other: question.is_other,
                        is_secret: question.is_secret,
                        options: question.options.as_ref().map(|options| {
                            let option = |option: &engine::QuestionOption| p::ToolRequestUserInputOption {
                                label: option.label.clone(),
                                description: option.description.clone(),
                            };
                            options.iter().map(option).collect()
                        }),
                    })
                    .collect(),
            };
            asked::<p::server_requests::ItemToolRequestUserInput>(&params, true)
        }
        QuestionKind::DynamicTool { call_id, namespace, tool, arguments } => {
            let params = p::DynamicToolCallParams {
                thread_id,
                turn_id,
                call_id: call_id.clone(),
                namespace: namespace.clone(),
                tool: tool.clone(),
                arguments: arguments.clone(),
            };
            asked::<p::server_requests::ItemToolCall>(&params, false)
        }
    }
}

fn decision(decision: &CommandDecision) -> p::CommandExecutionApprovalDecision {
    use protocol::CommandExecutionApprovalDecision as Wire;
    match decision {
        CommandDecision::Accept => Wire::Accept,
        CommandDecision::AcceptForSession => Wire::AcceptForSession,
        CommandDecision::AcceptWithAmendment(words) => {
            Wire::AcceptWithExecpolicyAmendment { execpolicy_amendment: p::ExecPolicyAmendment(words.clone()) }
        }
        CommandDecision::Decline | CommandDecision::Denied(_) => Wire::Decline,
        CommandDecision::Cancel => Wire::Cancel,
    }
}

/// What a client's answer means to the thread. An error or nonsense is an answer too.
pub(crate) fn answer(kind: &QuestionKind, outcome: Outcome) -> Answer {
    let result = match outcome {
        Ok(result) => result,
        Err(error) => return Answer::Refused(error.message),
    };
    let decoded = match kind {
        QuestionKind::Command(_) => {
            decode::<p::CommandExecutionRequestApprovalResponse>(&result).map(|response| command(response.decision))
        }
        QuestionKind::Network(_) => {
            decode::<p::CommandExecutionRequestApprovalResponse>(&result).map(|response| network(response.decision))
        }
        QuestionKind::Patch(_) => {
            decode::<p::FileChangeRequestApprovalResponse>(&result).map(|response| patch(response.decision))
        }
        QuestionKind::Permissions(_) => decode::<p::PermissionsRequestApprovalResponse>(&result).map(|response| {
            let p::GrantedPermissionProfile { network, file_system } = response.permissions;
            let permissions = p::AdditionalPermissionProfile { network, file_system }.from_wire();
            let strict_review = response.strict_auto_review.unwrap_or(false);
            Answer::Permissions(PermissionsGrant { permissions, scope: response.scope.from_wire(), strict_review })
        }),
        QuestionKind::UserInput(_) => decode::<p::ToolRequestUserInputResponse>(&result).map(|response| {
            let answers = response.answers.into_iter().map(|(id, answer)| (id, answer.answers)).collect();
            Answer::UserInput(UserAnswers { answers })
        }),
        QuestionKind::DynamicTool { .. } => decode::<p::DynamicToolCallResponse>(&result).map(|response| {
            Answer::DynamicTool { content: response.content_items.from_wire(), success: response.success }
        }),
    };
    decoded.unwrap_or_else(|error| {
        tracing::warn!(%error, "a client's answer could not be understood");
        Answer::Malformed(error.to_string())
    })
}

fn decode<T: serde::de::DeserializeOwned>(result: &RawValue) -> serde_json::Result<T> {
    serde_json::from_str(result.get())
}

fn command(decision: p::CommandExecutionApprovalDecision) -> Answer {
    use protocol::CommandExecutionApprovalDecision as Wire;
    Answer::Command(match decision {
        // A network amendment without a network question is an acceptance.
        Wire::Accept | Wire::ApplyNetworkPolicyAmendment { .. } => CommandDecision::Accept,
        Wire::AcceptForSession => CommandDecision::AcceptForSession,
        Wire::AcceptWithExecpolicyAmendment { execpolicy_amendment } => {
            CommandDecision::AcceptWithAmendment(execpolicy_amendment.0)
        }
        Wire::Decline => CommandDecision::Decline,
        Wire::Cancel => CommandDecision::Cancel,
    })
}

fn network(decision: p::CommandExecutionApprovalDecision) -> Answer {
    use protocol::CommandExecutionApprovalDecision as Wire;
    Answer::Network(match decision {
        // A rule about commands says nothing about hosts.
        Wire::Accept | Wire::AcceptWithExecpolicyAmendment { .. } => NetworkDecision::Accept,
        Wire::AcceptForSession => NetworkDecision::AcceptForSession,
        Wire::ApplyNetworkPolicyAmendment { network_policy_amendment: p::NetworkPolicyAmendment { host, action } } => {
            let access = match action {
                p::NetworkPolicyRuleAction::Allow => DomainAccess::Allow,
                p::NetworkPolicyRuleAction::Deny => DomainAccess::Deny,
            };
            NetworkDecision::Amend(host, access)
        }
        Wire::Decline => NetworkDecision::Decline,
        Wire::Cancel => NetworkDecision::Cancel,
    })
}

fn patch(decision: p::FileChangeApprovalDecision) -> Answer {
    use protocol::FileChangeApprovalDecision as Wire;
    Answer::Patch(match decision {
        Wire::Accept => PatchDecision::Accept,
        Wire::AcceptForSession => PatchDecision::AcceptForSession,
        Wire::Decline => PatchDecision::Decline,
        Wire::Cancel => PatchDecision::Cancel,
    })
}

#[cfg(test)]
mod tests {
    use engine::NetworkApproval;
    use serde_json::{Value, json};
    use types::{Host, NetworkProtocol};

    use super::*;

    fn question() -> QuestionKind {
        QuestionKind::Network(NetworkApproval {
            item_id: "network#socks5-tcp#a.test#22".into(),
            host: Host::parse("a.test").unwrap(),
            port: 22,
            protocol: NetworkProtocol::Socks5Tcp,
            reason: "a.test is not in the allowed_domains".to_owned(),
        })
    }

    #[test]
    fn a_question_about_a_host_offers_a_rule_and_no_command() {
        let asked = request(ThreadId::new(), &TurnId::new(), &question());
        assert_eq!(asked.method, "item/commandExecution/requestApproval");
        let mut params: Value = serde_json::from_str(asked.params.get()).unwrap();
        for id in ["threadId", "turnId"] {
            params.as_object_mut().unwrap().remove(id).unwrap();
        }
        let allow = json!({ "host": "a.test", "action": "allow" });
        assert_eq!(
            params,
            json!({
                "itemId": "network#socks5-tcp#a.test#22",
                "reason": "a.test is not in the allowed_domains",
                "networkApprovalContext": { "host": "a.test", "protocol": "socks5Tcp" },
                "proposedNetworkPolicyAmendments": [allow, { "host": "a.test", "action": "deny" }],
                "availableDecisions": [
                    "accept",
                    "acceptForSession",
                    { "applyNetworkPolicyAmendment": { "network_policy_amendment": allow } },
                    "cancel",
                ],
            })
        );
    }

    #[test]
    fn an_answer_about_a_host_may_be_a_rule() {
        let told = |decision: Value| {
            let result = serde_json::value::to_raw_value(&json!({ "decision": decision })).unwrap();
            match answer(&question(), Ok(result)) {
                Answer::Network(decision) => Some(decision),
                _ => None,
            }
        };
        assert_eq!(told(json!("accept")), Some(NetworkDecision::Accept));
        assert_eq!(told(json!("acceptForSession")), Some(NetworkDecision::AcceptForSession));
        assert_eq!(told(json!("decline")), Some(NetworkDecision::Decline));
        assert_eq!(told(json!("cancel")), Some(NetworkDecision::Cancel));
        let rule = json!({ "network_policy_amendment": { "host": "b.test", "action": "deny" } });
        assert_eq!(
            told(json!({ "applyNetworkPolicyAmendment": rule })),
            Some(NetworkDecision::Amend("b.test".to_owned(), DomainAccess::Deny))
        );
        assert_eq!(told(json!("perhaps")), None);
    }
}
