//! A client that asks for anything at any time, and answers as it likes.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::Random;

use super::Run;
use crate::invariants::check_request;
use crate::kit::Client;

/// A client, and what it is at.
pub(super) struct Driver<'a> {
    run: &'a Run<'a>,
    client: Client,
    random: Random,
    thread: String,
    /// Answers that come too late.
    late: Vec<Value>,
}

impl<'a> Driver<'a> {
    pub(super) async fn new(run: &'a Run<'a>, random: Random) -> Self {
        Self { run, client: run.connect().await, random, thread: String::new(), late: Vec::new() }
    }

    /// Has turns in a thread, and sees to it that none goes on afterwards.
    pub(super) async fn work_on(&mut self, thread: String, turns: usize) {
        self.thread = thread;
        self.resume().await;
        for _ in 0..turns {
            self.run.stock(&mut self.random);
            self.turn().await;
            self.settle().await;
            self.between().await;
            for request in self.run.server.model.take_requests() {
                check_request(&request.body);
            }
        }
    }

    /// Ends what still runs, such as a turn that was started during a compaction and follows it.
    async fn settle(&mut self) {
        while let Some(turn) = self.running().await {
            self.see_to_the_end(&turn).await;
        }
    }

    async fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.client.request(method, params).await
    }

    /// Subscribes to the thread.
    async fn resume(&mut self) {
        self.running().await;
    }

    /// Subscribes to the thread; the turn that runs.
    async fn running(&mut self) -> Option<String> {
        let params = json!({ "threadId": self.thread });
        let resumed = self.request("thread/resume", params).await.expect("a loaded thread is resumed");
        let thread = &resumed["thread"];
        if thread["status"]["type"] != "active" {
            return None;
        }
        let turn = thread["turns"].as_array().expect("turns").last()?;
        Some(turn["id"].as_str().expect("an id").to_owned())
    }

    /// Begins a turn of some kind and sees to it that it ends.
    async fn turn(&mut self) {
        let thread = self.thread.clone();
        let started = match self.random.below(12) {
            0 => {
                let review = self.review();
                self.request("review/start", review).await
            }
            1 => {
                let started = self.request("thread/compact/start", json!({ "threadId": thread })).await;
                started.map(|_| Value::Null)
            }
            2 => {
                let command = json!({ "threadId": thread, "command": "echo shell" });
                self.request("thread/shellCommand", command).await.map(|_| Value::Null)
            }
            _ => {
                let mut params = json!({
                    "threadId": thread, "input": [{ "type": "text", "text": "go on" }],
                    "approvalPolicy": self.policy(),
                    "approvalsReviewer": self.random.pick(&["user", "auto_review"]),
                    "sandboxPolicy": { "type": self.random.pick(&["dangerFullAccess", "readOnly", "workspaceWrite"]) },
                });
                if self.random.one_in(4) {
                    let settings =
                        json!({ "model": "mock-model", "reasoning_effort": null, "developer_instructions": null });
                    params["collaborationMode"] =
                        json!({ "mode": self.random.pick(&["plan", "default"]), "settings": settings });
                }
                if self.random.one_in(20) {
                    params["input"] = json!([{ "type": "text", "text": 5 }]);
                }
                self.request("turn/start", params).await
            }
        };
        let Ok(started) = started else { return };
        let turn = match started["turn"]["id"].as_str() {
            Some(turn) => turn.to_owned(),
            None => {
                let begun = self.client.wait(|message| message["method"] == "turn/started").await;
                begun["params"]["turn"]["id"].as_str().expect("an id").to_owned()
            }
        };
        // A review in a copy is a turn of the copy.
        let place = started["reviewThreadId"].as_str().unwrap_or(&thread).to_owned();
        self.thread = place;
        self.see_to_the_end(&turn).await;
        self.thread = thread;
    }

    fn review(&mut self) -> Value {
        let target = match self.random.below(3) {
            0 => json!({ "type": "custom", "instructions": "look" }),
            1 => json!({ "type": "uncommittedChanges" }),
            _ => json!({ "type": "baseBranch", "branch": "main" }),
        };
        json!({ "threadId": self.thread, "target": target, "delivery": self.random.pick(&["inline", "inline", "detached"]) })
    }

    fn policy(&mut self) -> Value {
        match self.random.below(7) {
            0 => json!("never"),
            1 => json!("untrusted"),
            2 => {
                let on = self.random.one_in(2);
                json!({ "granular": {
                    "sandbox_approval": on, "rules": true, "request_permissions": !on, "mcp_elicitations": false,
                } })
            }
            _ => json!("on-request"),
        }
    }

    async fn see_to_the_end(&mut self, turn: &str) {
        let thread = self.thread.clone();
        loop {
            match self.random.below(16) {
                0 => {
                    let _ = self.request("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
                }
                1 => {
                    let steer = json!({
                        "threadId": thread, "input": [{ "type": "text", "text": "rather so" }],
                        "expectedTurnId": if self.random.one_in(3) { "another" } else { turn },
                    });
                    let _ = self.request("turn/steer", steer).await;
                }
                2 => {
                    // What it has not read is lost to it, and the answers that it owes.
                    self.client = self.run.connect().await;
                    if self.running().await.as_deref() != Some(turn) {
                        return;
                    }
                }
                3 => {
                    let read = json!({ "threadId": thread, "includeTurns": true });
                    // It may not be on disk yet.
                    let _ = self.request("thread/read", read).await;
                }
                4 => self.run.let_go(),
                5 => self.disturb().await,
                _ => {}
            }
            let seen = std::mem::take(&mut self.late);
            for answer in seen {
                self.client.send(&answer).await;
            }
            if self.saw_the_end(turn).await {
                return;
            }
        }
    }

    /// Takes what has come, or waits for something; whether the turn has ended.
    async fn saw_the_end(&mut self, turn: &str) -> bool {
        let mut messages = self.client.take_unclaimed();
        if messages.is_empty() {
            messages.extend(self.next(turn).await);
        }
        let mut ended = false;
        for message in messages {
            ended |= message["method"] == "turn/completed" && message["params"]["turn"]["id"] == turn;
            if message.get("id").is_some() && message.get("method").is_some() {
                self.answer(&message).await;
            }
        }
        ended
    }

    /// The next message. When there is none for some time, what the turn waits for is let go, and it is interrupted.
    async fn next(&mut self, turn: &str) -> Option<Value> {
        let patience = Duration::from_millis(20 + self.random.below(300));
        if tokio::time::timeout(patience, self.client.readable()).await.is_ok() {
            return Some(self.client.read().await.expect("the server goes on"));
        }
        self.run.let_go();
        if self.random.one_in(2) {
            let interrupt = json!({ "threadId": self.thread, "turnId": turn });
            let _ = self.request("turn/interrupt", interrupt).await;
        }
        None
    }

    /// Answers a question of the server: rightly, wrongly, twice, late or not at all.
    async fn answer(&mut self, question: &Value) {
        self.run.questions.borrow_mut().insert(question["method"].as_str().expect("a method").to_owned());
        let result = self.fitting(question);
        let right = json!({ "id": question["id"], "result": result });
        match self.random.below(10) {
            0 => self.client.send(&json!({ "id": question["id"], "result": { "decision": ["?"] } })).await,
            1 => self.client.send(&json!({ "id": question["id"], "error": { "code": -1, "message": "no" } })).await,
            2 => {
                self.client.send(&right).await;
                self.client.send(&right).await;
            }
            3 => self.late.push(right),
            4 => {}
            _ => self.client.send(&right).await,
        }
    }

    /// Something that the question can be answered with.
    fn fitting(&mut self, question: &Value) -> Value {
        let random = &mut self.random;
        let params = &question["params"];
        match question["method"].as_str() {
            Some("item/tool/call") => {
                let text = json!({ "type": "inputText", "text": "found" });
                let image = json!({ "type": "inputImage", "imageUrl": "data:image/png;base64,AA==" });
                let content = random.pick(&[json!([text]), json!([]), json!([text, image])]).clone();
                json!({ "contentItems": content, "success": random.one_in(2) })
            }
            Some("item/tool/requestUserInput") => {
                let answers = [
                    json!({ "q": { "answers": ["A"] } }),
                    json!({ "q": { "answers": ["A", "something else"] }, "r": { "answers": [] } }),
                    json!({ "another": { "answers": ["A"] } }),
                    json!({}),
                ];
                json!({ "answers": random.pick(&answers) })
            }
            Some("item/permissions/requestApproval") => {
                let asked = &params["permissions"];
                let grants = [
                    asked.clone(),
                    asked.clone(),
                    json!({ "network": asked["network"] }),
                    json!({ "fileSystem": asked["fileSystem"] }),
                    json!({ "network": { "enabled": true }, "fileSystem": { "write": ["/"] } }),
                    json!({}),
                ];
                let scope = random.pick(&["turn", "session"]);
                let mut answer = json!({ "permissions": random.pick(&grants), "scope": scope });
                if random.one_in(4) {
                    answer["strictAutoReview"] = json!(true);
                }
                answer
            }
            _ => {
                let amendment = &params["proposedExecpolicyAmendment"];
                if !amendment.is_null() && random.one_in(6) {
                    let rule = json!({ "execpolicy_amendment": amendment });
                    return json!({ "decision": { "acceptWithExecpolicyAmendment": rule } });
                }
                json!({ "decision": random.pick(&["accept", "acceptForSession", "decline", "cancel"]) })
            }
        }
    }

    /// What a client may ask for while a turn runs, whether or not it can be done then.
    async fn disturb(&mut self) {
        let params = json!({ "threadId": self.thread });
        let _ = match self.random.below(4) {
            0 => self.request("thread/compact/start", params).await,
            1 => {
                let review = self.review();
                self.request("review/start", review).await
            }
            2 => {
                let input = json!([{ "type": "text", "text": "and this" }]);
                self.request("turn/start", json!({ "threadId": self.thread, "input": input })).await
            }
            _ => {
                let command = json!({ "threadId": self.thread, "command": "echo beside" });
                self.request("thread/shellCommand", command).await
            }
        };
    }

    /// What a client may do while no turn runs.
    async fn between(&mut self) {
        let thread = self.thread.clone();
        match self.random.below(12) {
            0 => {
                let _ = self.request("thread/rollback", json!({ "threadId": thread, "numTurns": 1 })).await;
            }
            1 => {
                let fork = json!({ "threadId": thread, "ephemeral": self.random.one_in(2) });
                let _ = self.request("thread/fork", fork).await;
            }
            2 => {
                self.request("thread/unsubscribe", json!({ "threadId": thread })).await.expect("it unsubscribes");
                self.resume().await;
            }
            3 => {
                let turn = json!({ "threadId": thread, "turnId": "none" });
                assert!(self.request("turn/interrupt", turn).await.is_err(), "there is no turn to interrupt");
            }
            4 => {
                let clean = json!({ "threadId": thread });
                let _ = self.request("thread/backgroundTerminals/clean", clean).await;
            }
            5 => {
                let item = json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "known" }] });
                let _ = self.request("thread/inject_items", json!({ "threadId": thread, "items": [item] })).await;
            }
            _ => {}
        }
    }
}
