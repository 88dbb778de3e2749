//! What holds whatever happens: for the messages of a connection, and for what a model is asked.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Watches all messages of a client that is subscribed to threads from before their first turn on.
#[derive(Default)]
pub(crate) struct Watcher {
    turns: HashMap<String, Turn>,
    /// Threads that are being reviewed.
    reviewed: HashSet<String>,
    /// Turns that began during a review: the reviewer's own, of which no more is told, or one that waited for the end of
    /// the review and was interrupted.
    beside_reviews: HashSet<String>,
    /// Questions that are not settled, and the turns that ask them.
    questions: HashMap<String, String>,
    settled: HashSet<String>,
    /// Automatic reviews under way, and the turns that wait for them.
    approval_reviews: HashMap<String, String>,
    /// How many have come to an end.
    reviewed_actions: usize,
}

#[derive(Default)]
struct Turn {
    ended: bool,
    /// As clients of the protocol know it, a review begins with an item, what `turn/started` names is the reviewer's own
    /// turn, and what the reviewer says in between is not completed.
    is_review: bool,
    /// What was told of it, for whoever looks for a defect.
    told: Vec<String>,
    /// Commands, which may go on in the background.
    commands: HashSet<String>,
    /// Items that have begun, and whether they have ended.
    items: HashMap<String, bool>,
}

impl Watcher {
    /// Takes one message.
    ///
    /// # Panics
    /// When it must not come now.
    pub(crate) fn see(&mut self, message: &Value) {
        let Some(method) = message["method"].as_str() else { return };
        let params = &message["params"];
        let turn_id = params["turnId"].as_str().or(params["turn"]["id"].as_str()).unwrap_or_default().to_owned();
        let thread = params["threadId"].as_str().unwrap_or_default().to_owned();
        if let Some(turn) = self.turns.get_mut(&turn_id).filter(|turn| !turn.ended) {
            turn.told.push(message.to_string());
        }
        if message.get("id").is_some() {
            let turn = self.turns.get(&turn_id).unwrap_or_else(|| panic!("a question of an unknown turn: {message}"));
            assert!(!turn.ended, "a question of a turn that has ended: {message}");
            // A tool's call is settled by the end of its item.
            if method != "item/tool/call" {
                self.questions.insert(message["id"].to_string(), turn_id);
            }
            return;
        }
        match method {
            "turn/started" if self.reviewed.contains(&thread) => {
                self.beside_reviews.insert(turn_id);
            }
            "turn/started" => {
                let known = self.turns.insert(turn_id, Turn::default());
                assert!(known.is_none(), "a turn began twice: {message}");
            }
            "turn/completed" => {
                if self.beside_reviews.remove(&turn_id) {
                    self.turns.entry(turn_id.clone()).or_default();
                }
                let turn = self.turns.get_mut(&turn_id).unwrap_or_else(|| panic!("a turn ended unbegun: {message}"));
                assert!(!std::mem::replace(&mut turn.ended, true), "a turn ended twice: {message}");
                let is_final =
                    matches!(params["turn"]["status"].as_str(), Some("completed" | "interrupted" | "failed"));
                assert!(is_final, "an end that is none: {message}");
                if turn.is_review {
                    self.reviewed.remove(&thread);
                }
                let open = turn.items.iter().filter(|(item, ended)| !**ended && !turn.commands.contains(*item));
                let open: Vec<_> = open.map(|(item, _)| item).collect();
                // An interruption or a failure ends with the turn what is in it.
                let closes = params["turn"]["status"] != "completed" || turn.is_review;
                assert!(open.is_empty() || closes, "items without an end: {open:?}\n{}", turn.told.join("\n"));
                let told = turn.told.join("\n");
                let asked = self.questions.iter().find(|(_, asking)| **asking == turn_id);
                turn.told.clear();
                assert!(asked.is_none(), "a question outlives its turn: {asked:?} {message}\n{told}");
                let review = self.approval_reviews.iter().find(|(_, waiting)| **waiting == turn_id);
                assert!(review.is_none(), "an automatic review outlives its turn: {review:?} {message}\n{told}");
            }
            "serverRequest/resolved" => {
                let id = params["requestId"].to_string();
                assert!(self.questions.remove(&id).is_some(), "settled, but never asked: {message}");
                assert!(self.settled.insert(id), "settled twice: {message}");
            }
            "item/autoApprovalReview/started" => {
                let turn = self.turns.get(&turn_id).unwrap_or_else(|| panic!("a review of an unknown turn: {message}"));
                assert!(!turn.ended, "a review begins after its turn: {message}");
                let id = params["reviewId"].to_string();
                assert_eq!(self.approval_reviews.insert(id, turn_id), None, "a review begins twice: {message}");
            }
            "item/autoApprovalReview/completed" => {
                let id = params["reviewId"].to_string();
                assert_eq!(self.approval_reviews.remove(&id), Some(turn_id), "a review ended unbegun: {message}");
                self.reviewed_actions += 1;
            }
            "item/started" | "item/completed" => {
                if params["item"]["type"] == "enteredReviewMode" && method == "item/started" {
                    self.turns.insert(turn_id.clone(), Turn { is_review: true, ..Turn::default() });
                    self.reviewed.insert(thread);
                }
                self.item(method, &turn_id, params);
            }
            _ if method.starts_with("item/") && params.get("itemId").is_some() => {
                let item = params["itemId"].as_str().expect("an id");
                let turn = self.turns.get(&turn_id).unwrap_or_else(|| panic!("of an unknown turn: {message}"));
                assert_eq!(turn.items.get(item), Some(&false), "of an item that is not under way: {message}");
            }
            _ => {}
        }
    }

    fn item(&mut self, method: &str, turn: &str, params: &Value) {
        let turn = self.turns.get_mut(turn).unwrap_or_else(|| panic!("an item of an unknown turn: {params}"));
        let mut id = params["item"]["id"].as_str().expect("an id").to_owned();
        if params["item"]["type"] == "exitedReviewMode" {
            // It has the id of the item with which the review began.
            id.push_str(" exit");
        }
        if method == "item/started" {
            assert!(!turn.ended, "an item begins after its turn: {params}");
            if params["item"]["type"] == "commandExecution" {
                turn.commands.insert(id.clone());
            }
            assert_eq!(turn.items.insert(id, false), None, "an item begins twice: {params}");
        } else {
            let ended = turn.items.get_mut(&id).unwrap_or_else(|| panic!("an item ended unbegun: {params}"));
            // A patch that is refused is completed twice, as clients of the protocol know it.
            let is_refused = params["item"]["type"] == "fileChange" && params["item"]["status"] == "declined";
            assert!(!std::mem::replace(ended, true) || is_refused, "an item ended twice: {params}");
        }
    }

    /// How many automatic reviews have ended.
    pub(crate) fn reviews(&self) -> usize {
        self.reviewed_actions
    }

    /// How many turns have begun.
    pub(crate) fn turns(&self) -> usize {
        self.turns.len()
    }

    /// Nothing more will come.
    ///
    /// # Panics
    /// When something is under way.
    pub(crate) fn finish(&self) {
        let open: Vec<_> = self.turns.iter().filter(|(_, turn)| !turn.ended).map(|(id, _)| id).collect();
        assert!(open.is_empty(), "turns without an end: {open:?}");
        assert!(self.questions.is_empty(), "questions that were never settled: {:?}", self.questions);
    }
}

/// Checks the body of a request for a response: what a provider refuses must not be in it.
///
/// # Panics
/// When a provider would refuse it.
pub(crate) fn check_request(body: &Value) {
    let input = body["input"].as_array().unwrap_or_else(|| panic!("a request without input: {body}"));
    let mut open: HashMap<&str, &str> = HashMap::new();
    let mut known = HashSet::new();
    for item in input {
        let kind = item["type"].as_str().unwrap_or_else(|| panic!("an item without a type: {item}"));
        let call = item["call_id"].as_str();
        match kind {
            "function_call" | "custom_tool_call" | "local_shell_call" | "tool_search_call" => {
                let call = call.unwrap_or_else(|| panic!("a call without an id: {item}"));
                assert!(known.insert(call), "two calls of one id: {item}");
                open.insert(call, kind);
            }
            "function_call_output" | "custom_tool_call_output" | "tool_search_output" => {
                let call = call.unwrap_or_else(|| panic!("an output without an id: {item}"));
                let of = open.remove(call).unwrap_or_else(|| panic!("an output without its call: {item}"));
                let fits = match of {
                    "custom_tool_call" => kind == "custom_tool_call_output",
                    "tool_search_call" => kind == "tool_search_output",
                    _ => kind == "function_call_output",
                };
                assert!(fits, "an output of another kind than its call: {item}");
            }
            "message" => {
                assert!(item["role"].is_string() && item["content"].is_array(), "a message without parts: {item}");
            }
            "reasoning" => assert!(item["summary"].is_array(), "reasoning without a summary: {item}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "calls without an output: {open:?} in {input:#?}");
}
