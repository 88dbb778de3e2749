//! What the models say: the agent's, and the automatic reviewer's.

use serde_json::{Value, json};
use testkit::{
    Gate, Random, Reply, Step, completed, event, failed, function_call, incomplete, item_added, item_done, message,
    message_in_pieces, message_item, reasoning, usage,
};

use super::Run;

/// So many replies the agent's model has in store at least.
const REPLIES: usize = 40;

/// The same for the reviewer's.
const VERDICTS: usize = 12;

/// What reviewers call themselves.
const REVIEWER: &str = "guardian";

/// A response that counts so many tokens fills the window.
const FULL: u64 = 60_000;

impl Run<'_> {
    /// Gives the models something to say.
    pub(super) fn stock(&self, random: &mut Random) {
        while self.server.model.replies_left() < REPLIES {
            let mut reply = self.reply(random);
            self.calls.set(self.calls.get() + 1);
            if let Reply::Stream { steps, .. } = &mut reply {
                for step in steps {
                    if let Step::Event(event) = step {
                        // No two items of a thread have one id.
                        let text = event.to_string();
                        let own = |kind: &str| format!("\"{kind}-{}-", self.calls.get());
                        let text = text.replace("\"msg-", &own("msg")).replace("\"rs-", &own("rs"));
                        *event = serde_json::from_str(&text).expect("it was JSON");
                    }
                }
            }
            self.server.model.enqueue([reply]);
        }
        while self.server.model.replies_left_for(REVIEWER) < VERDICTS {
            let reply = self.verdict(random);
            self.server.model.enqueue_for(REVIEWER, [reply]);
        }
    }

    /// A gate that is opened when everything waits.
    fn gate(&self) -> Gate {
        let gate = Gate::new();
        self.gates.borrow_mut().push(gate.clone());
        gate
    }

    fn verdict(&self, random: &mut Random) -> Reply {
        let say = |outcome: &str| {
            message(
                &json!({ "risk_level": "low", "user_authorization": "high", "outcome": outcome, "rationale": "So." })
                    .to_string(),
            )
        };
        let look = |more: Value| {
            let mut arguments = json!({ "cmd": "cat file-1", "yield_time_ms": 250 });
            for (member, value) in more.as_object().into_iter().flatten() {
                arguments[member] = value.clone();
            }
            self.calls.set(self.calls.get() + 1);
            Reply::new([function_call(&format!("call-look-{}", self.calls.get()), "exec_command", &arguments)])
        };
        match random.below(20) {
            0..=7 => Reply::new([say("allow")]),
            8..=9 => Reply::new([say("deny")]),
            10 => Reply::say("{\"outcome\":\"allow\"}"),
            11 => Reply::say(random.pick::<&str>(&["Go ahead!", "{\"outcome\":", "{\"outcome\":\"perhaps\"}", ""])),
            12 => Reply::error(*random.pick(&[400, 404, 429, 500]), "not now"),
            13 => Reply::Disconnect,
            14 | 15 => Reply::new([Step::from(self.gate()), say("allow").into()]),
            16 => Reply::new(Vec::<Step>::new()),
            17 => look(json!({})),
            // It may not, and nobody is asked.
            18 => look(json!({ "sandbox_permissions": "require_escalated", "justification": "I want to" })),
            _ => Reply::stream([say("allow"), failed("x", "no")]),
        }
    }

    fn reply(&self, random: &mut Random) -> Reply {
        let pieces = message_in_pieces(&["one ", "two ", "three"]);
        match random.below(26) {
            0..=2 => Reply::say("done"),
            3 | 4 => Reply::new([self.call(random)]),
            5 => Reply::new(pieces),
            6 => Reply::new([reasoning("thinking"), message("thought")]),
            7 => {
                let mut steps: Vec<Step> = pieces.into_iter().map(Step::from).collect();
                steps.insert(random.below(steps.len() as u64 + 1) as usize, self.gate().into());
                Reply::new(steps)
            }
            8..=12 => Reply::new([self.call(random)]),
            13 | 14 => Reply::new((0..random.below(4)).map(|_| self.call(random)).collect::<Vec<_>>()),
            15 => Reply::new([message("first"), self.call(random), item_done(&message_item("msg-2", "then"))]),
            16 => Reply::error(*random.pick(&[400, 401, 429, 500, 503]), "not now"),
            17 => Reply::Disconnect,
            18 => {
                let created = event("response.created", json!({ "response": { "id": "resp-1" } }));
                let mut steps: Vec<Step> = [created].into_iter().chain(pieces).map(Step::from).collect();
                steps.truncate(random.below(steps.len() as u64 + 1) as usize);
                steps.push(Step::Disconnect);
                Reply::stream(steps)
            }
            19 => Reply::stream([failed(
                random.pick::<&str>(&["rate_limit_exceeded", "context_length_exceeded", "x"]),
                "no",
            )]),
            20 => Reply::stream([item_added(&message_item("msg-1", "")), incomplete("max_output_tokens")]),
            21 => Reply::new(vec![Step::Raw("data: {\"type\":\n\nevent: ?\ndata: nothing\n\n".to_owned())]),
            22 => Reply::stream([self.call(random), completed("resp-1", &usage(FULL, 5))]),
            23 => Reply::stream([message("much"), completed("resp-1", &usage(FULL, 5))]),
            24 => Reply::new([event("response.output_item.done", json!({ "item": { "type": "message" } }))]),
            _ => {
                // Two items at once, and one that never ends.
                let steps = [item_added(&message_item("msg-1", "")), item_added(&message_item("msg-2", ""))];
                Reply::stream(steps.into_iter().chain([message("only one"), completed("resp-1", &usage(1, 1))]))
            }
        }
    }

    fn call(&self, random: &mut Random) -> Value {
        self.calls.set(self.calls.get() + 1);
        let number = self.calls.get();
        let id = format!("call-{number}");
        let command = |cmd: String| function_call(&id, "exec_command", &json!({ "cmd": cmd, "yield_time_ms": 250 }));
        let command_with = |mut arguments: Value, permissions: &str| {
            arguments["sandbox_permissions"] = json!(permissions);
            arguments["yield_time_ms"] = json!(250);
            function_call(&id, "exec_command", &arguments)
        };
        let mark = &self.mark;
        // One in three makes a question.
        let kind = if random.one_in(3) { *random.pick(&[2, 13, 17, 18, 19, 20, 21]) } else { random.below(24) };
        match kind {
            0 | 1 => command("true".to_owned()),
            2 => command_with(json!({ "cmd": "touch ../beside", "justification": "I want to" }), "require_escalated"),
            3 => command("echo out; echo err >&2; exit 3".to_owned()),
            4 => command(format!("touch file-{}", number % 5)),
            5 => command(format!("sleep {mark}{number} & echo in the background")),
            6 => function_call(
                &id,
                "exec_command",
                &json!({ "cmd": format!("sleep {mark}{number}"), "yield_time_ms": 30_000 }),
            ),
            7 => command(format!("sleep {mark}{number}")),
            8 => command(format!(
                "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: new-{number}\n+text\n*** End Patch\nEOF\n"
            )),
            9 => command("apply_patch <<'EOF'\n*** Begin Patch\n*** Nonsense\nEOF\n".to_owned()),
            10 => function_call(&id, "update_plan", &json!({ "plan": [{ "step": "go", "status": "in_progress" }] })),
            11 | 12 => function_call(&id, "lookup", &json!({ "what": number })),
            13 | 14 => {
                let question = |id: &str| {
                    json!({
                        "id": id, "header": "Q", "question": "Which?",
                        "options": [{ "label": "A", "description": "a" }, { "label": "B", "description": "b" }],
                    })
                };
                let questions: Vec<Value> =
                    ["q", "r", "s"].iter().take(random.below(4) as usize).map(|id| question(id)).collect();
                function_call(&id, "request_user_input", &json!({ "questions": questions }))
            }
            15 => function_call(&id, "no_such_tool", &json!({})),
            16 => function_call(&id, "exec_command", &json!("{\"cmd\": [")),
            17 | 18 => {
                let arguments = json!({ "permissions": permissions(random), "reason": "to go on" });
                function_call(&id, "request_permissions", &arguments)
            }
            19 | 20 => {
                let arguments = json!({
                    "cmd": format!("touch beside-{number}"), "justification": "I want to",
                    "additional_permissions": permissions(random),
                });
                command_with(arguments, "with_additional_permissions")
            }
            21 => {
                let arguments =
                    json!({ "cmd": format!("echo {}", number % 3), "prefix_rule": ["echo"], "justification": "?" });
                command_with(arguments, "require_escalated")
            }
            _ => function_call(&id, "write_stdin", &json!({ "session_id": number % 3, "chars": "x\n" })),
        }
    }
}

/// What the agent would like to have. Now and then that is nothing, or no permissions at all.
fn permissions(random: &mut Random) -> Value {
    match random.below(7) {
        0 | 1 => json!({ "file_system": { "write": ["."] } }),
        2 => json!({ "file_system": { "write": [".."], "read": ["/"] } }),
        3 => json!({ "network": { "enabled": true } }),
        4 => json!({ "network": { "enabled": true }, "file_system": { "write": ["."] } }),
        5 => json!({}),
        _ => json!({ "file_system": "all" }),
    }
}
