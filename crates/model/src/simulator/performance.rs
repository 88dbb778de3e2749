//! Carries statements out: turns them into the events of one response, one after the other as they are asked for.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use types::response_item::{ReasoningContent, ReasoningSummaryPart};
use types::{ContentItem, RateLimitWindow, RateLimits, ResponseItem, TokenUsage};

use super::conversation::Conversation;
use super::statement::{Call, FailureKind, Statement};
use super::toolbox::Toolbox;
use crate::{ModelError, Request, ResponseEvent};

/// What the stream does next.
#[derive(Debug)]
pub(super) enum Step {
    Event(ResponseEvent),
    Delay(Duration),
    /// Nothing more, ever.
    Hang,
    /// Ends the stream.
    Fail(ModelError),
}

/// One response in the making.
pub(super) struct Performance {
    statements: VecDeque<Statement>,
    /// Made, not yet handed out. Holds what one statement brings, not the whole response.
    steps: VecDeque<Step>,
    toolbox: Toolbox,
    report: String,
    summary: String,
    session: i64,
    number: u64,
    items: u32,
    pace: Option<Duration>,
    usage: Option<TokenUsage>,
    input_bytes: usize,
    output_bytes: usize,
    ended: bool,
}

impl Performance {
    /// Sets out to answer `request` with `statements`, which reach as far as the response does. `number` counts the
    /// simulator's responses and makes ids unique.
    pub(super) fn new(
        request: &Request,
        conversation: &Conversation<'_>,
        statements: Vec<Statement>,
        pace: Option<Duration>,
        number: u64,
    ) -> Self {
        let mut performance = Self {
            statements: statements.into(),
            steps: VecDeque::new(),
            toolbox: Toolbox::of(&request.tools),
            report: conversation.report(),
            summary: format!(
                "This summary comes from Spindle's simulator, not from a model. The history holds {} items; the user \
                 spoke {} times.",
                conversation.items, conversation.user_messages
            ),
            session: conversation.session().unwrap_or_default(),
            number,
            items: 0,
            pace,
            usage: None,
            input_bytes: size_of_input(request),
            output_bytes: 0,
            ended: false,
        };
        performance.begin();
        performance
    }

    /// What a provider's headers would say, then the beginning.
    fn begin(&mut self) {
        let mut limits = RateLimits { limit_id: Some("codex".to_owned()), ..RateLimits::default() };
        let mut model = None;
        for statement in &self.statements {
            match statement {
                Statement::Limits(used_percent) => {
                    limits.primary =
                        Some(RateLimitWindow { used_percent: *used_percent, window_minutes: None, resets_at: None });
                }
                Statement::Reroute(to) => model = Some(to.clone()),
                _ => {}
            }
        }
        if let Some(model) = model {
            self.event(ResponseEvent::ServerModel(model));
        }
        self.event(ResponseEvent::RateLimits(limits));
        let id = Some(format!("resp_sim_{}", self.number));
        self.event(ResponseEvent::Created { id });
    }

    fn complete(&mut self) {
        let estimated = || {
            let (input_tokens, output_tokens) = (tokens(self.input_bytes), tokens(self.output_bytes));
            TokenUsage {
                input_tokens,
                output_tokens,
                total_tokens: input_tokens + output_tokens,
                ..TokenUsage::default()
            }
        };
        let usage = Some(self.usage.unwrap_or_else(estimated));
        let id = Some(format!("resp_sim_{}", self.number));
        self.event(ResponseEvent::Completed { id, usage });
        self.ended = true;
    }

    fn perform(&mut self, statement: Statement) {
        match statement {
            Statement::Say { text, commentary } => self.say(&text, commentary),
            Statement::Words(count) => self.say(&words(count), false),
            Statement::Think { text, aloud } => self.think(&text, aloud),
            Statement::Report => {
                let text = std::mem::take(&mut self.report);
                self.say(&text, false);
            }
            Statement::Summarise => {
                let text = self.summary.clone();
                self.say(&text, false);
            }
            Statement::Help => self.say(HELP, false),
            Statement::NotUnderstood(what) => {
                let what: String = what.chars().take(200).collect();
                self.say(&format!("I do not understand \"{what}\".\n\n{HELP}"), false);
            }
            Statement::Call(call) => self.call(&[call]),
            Statement::Together(calls) => self.call(&calls),
            Statement::Search(query) => {
                self.web_search(json!({ "type": "search", "query": query }));
            }
            Statement::Open(url) => self.web_search(json!({ "type": "open_page", "url": url })),
            Statement::Draw(prompt) => self.draw(&prompt),
            Statement::Wait(time) => self.steps.push_back(Step::Delay(time)),
            Statement::Pace(time) => self.pace = Some(time).filter(|time| !time.is_zero()),
            Statement::Hang => self.steps.push_back(Step::Hang),
            Statement::Fail(failure) => {
                self.steps.push_back(Step::Fail(error(failure.kind)));
                self.ended = true;
            }
            Statement::Usage { input, output, cached } => {
                self.usage = Some(TokenUsage {
                    input_tokens: input,
                    cached_input_tokens: cached,
                    output_tokens: output,
                    reasoning_output_tokens: 0,
                    total_tokens: input.saturating_add(output),
                });
            }
            // Known since the beginning.
            Statement::Limits(_) | Statement::Reroute(_) => {}
            Statement::Stop => self.statements.clear(),
        }
    }

    fn event(&mut self, event: ResponseEvent) {
        self.steps.push_back(Step::Event(event));
    }

    fn id(&mut self, kind: &str) -> String {
        self.items += 1;
        format!("{kind}_sim_{}_{}", self.number, self.items)
    }

    /// Hands `text` out word by word.
    fn stream(&mut self, text: &str, event: impl Fn(String) -> ResponseEvent) {
        self.output_bytes += text.len();
        for (at, word) in text.split_inclusive([' ', '\n']).enumerate() {
            if let Some(pace) = self.pace.filter(|_| at > 0) {
                self.steps.push_back(Step::Delay(pace));
            }
            self.event(event(word.to_owned()));
        }
    }

    fn say(&mut self, text: &str, commentary: bool) {
        let id = Some(self.id("msg"));
        let message = |content| ResponseItem::Message {
            id: id.clone(),
            role: "assistant".to_owned(),
            content,
            end_turn: None,
            phase: commentary.then(|| "commentary".to_owned()),
        };
        self.event(ResponseEvent::ItemAdded(message(Vec::new())));
        self.stream(text, |delta| ResponseEvent::TextDelta { item_id: id.clone(), delta });
        self.event(ResponseEvent::ItemDone(message(vec![ContentItem::OutputText { text: text.to_owned() }])));
    }

    fn think(&mut self, text: &str, aloud: bool) {
        let id = Some(self.id("rs"));
        let reasoning =
            |summary, content| ResponseItem::Reasoning { id: id.clone(), summary, content, encrypted_content: None };
        self.event(ResponseEvent::ItemAdded(reasoning(Vec::new(), None)));
        let done = if aloud {
            self.stream(text, |delta| ResponseEvent::ReasoningDelta { item_id: id.clone(), delta, content_index: 0 });
            reasoning(Vec::new(), Some(vec![ReasoningContent::ReasoningText { text: text.to_owned() }]))
        } else {
            self.event(ResponseEvent::ReasoningSummaryPartAdded { summary_index: 0 });
            self.stream(text, |delta| ResponseEvent::ReasoningSummaryDelta {
                item_id: id.clone(),
                delta,
                summary_index: 0,
            });
            reasoning(vec![ReasoningSummaryPart::SummaryText { text: text.to_owned() }], None)
        };
        self.event(ResponseEvent::ItemDone(done));
    }

    /// Makes the calls that the request has tools for. They end the response: the rest needs their results.
    fn call(&mut self, calls: &[Call]) {
        let mut made = false;
        for call in calls {
            let call_id = self.id("call");
            let Some(item) = self.toolbox.item(call, call_id, self.session) else {
                self.say("This request offers no tool for the next step, so I leave it out.", false);
                continue;
            };
            made = true;
            self.tool_call(item);
        }
        if made {
            self.statements.clear();
        }
    }

    fn tool_call(&mut self, item: ResponseItem) {
        let mut begun = item.clone();
        let (item_id, call_id, input) = match &mut begun {
            ResponseItem::FunctionCall { id, call_id, arguments, .. } => {
                (id.clone(), call_id.clone(), std::mem::take(arguments))
            }
            ResponseItem::CustomToolCall { id, call_id, input, .. } => {
                (id.clone(), call_id.clone(), std::mem::take(input))
            }
            _ => return self.event(ResponseEvent::ItemDone(item)),
        };
        self.event(ResponseEvent::ItemAdded(begun));
        self.stream(&input, |delta| ResponseEvent::ToolInputDelta {
            item_id: item_id.clone(),
            call_id: Some(call_id.clone()),
            delta,
        });
        self.event(ResponseEvent::ItemDone(item));
    }

    fn web_search(&mut self, action: Value) {
        let id = Some(self.id("ws"));
        let search = |status: &str, action| ResponseItem::WebSearchCall {
            id: id.clone(),
            status: Some(status.to_owned()),
            action,
        };
        self.event(ResponseEvent::ItemAdded(search("in_progress", None)));
        self.event(ResponseEvent::ItemDone(search("completed", Some(action))));
    }

    fn draw(&mut self, prompt: &str) {
        /// A PNG of one pixel.
        const PIXEL: &str =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        let id = self.id("ig");
        let image = |status: &str, result: &str| ResponseItem::ImageGenerationCall {
            id: id.clone(),
            status: status.to_owned(),
            revised_prompt: Some(prompt.to_owned()),
            result: result.to_owned(),
        };
        self.event(ResponseEvent::ItemAdded(image("in_progress", "")));
        self.event(ResponseEvent::ItemDone(image("completed", PIXEL)));
    }
}

impl Iterator for Performance {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Some(step);
            }
            if self.ended {
                return None;
            }
            match self.statements.pop_front() {
                Some(statement) => self.perform(statement),
                None => self.complete(),
            }
        }
    }
}

/// The failure as a provider's answer would have become it.
pub(super) fn error(kind: FailureKind) -> ModelError {
    const WHY: &str = "the simulator was told to fail";
    const URL: &str = "simulator:";
    match kind {
        FailureKind::Status(400) => ModelError::InvalidRequest { body: WHY.to_owned() },
        FailureKind::Status(429) => ModelError::RetryLimit { status: 429, retry_after: None },
        FailureKind::Status(500) => ModelError::InternalServer,
        FailureKind::Status(status) => ModelError::Status {
            status,
            message: WHY.to_owned(),
            url: URL.to_owned(),
            ray: None,
            request_id: None,
            retry_after: None,
        },
        FailureKind::UsageLimit => ModelError::UsageLimit {
            plan: None,
            resets_at: None,
            rate_limits: Box::new([RateLimits {
                limit_id: Some("codex".to_owned()),
                primary: Some(RateLimitWindow { used_percent: 100.0, window_minutes: None, resets_at: None }),
                ..RateLimits::default()
            }]),
        },
        FailureKind::NotIncluded => ModelError::UsageNotIncluded,
        FailureKind::Quota => ModelError::QuotaExceeded,
        FailureKind::ContextWindow => ModelError::ContextWindowExceeded,
        FailureKind::Overloaded => ModelError::Overloaded,
        FailureKind::RateLimit => ModelError::Disconnected {
            reason: format!("{WHY}; try again in 11ms"),
            retry_after: Some(Duration::from_millis(11)),
        },
        FailureKind::Policy => ModelError::CyberPolicy { message: WHY.to_owned() },
        FailureKind::InvalidPrompt => ModelError::InvalidPrompt { message: WHY.to_owned() },
        FailureKind::InvalidImage => ModelError::InvalidImage,
        FailureKind::Incomplete => {
            ModelError::disconnected("the response is incomplete, reason: max_output_tokens".to_owned())
        }
        FailureKind::Disconnect => ModelError::disconnected(WHY),
        FailureKind::Unreachable => ModelError::Connection { url: URL.to_owned(), reason: WHY.to_owned() },
    }
}

/// Whether a provider would have said so before streaming.
pub(super) fn is_refusal(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Status(_)
            | FailureKind::UsageLimit
            | FailureKind::NotIncluded
            | FailureKind::InvalidImage
            | FailureKind::Unreachable
    )
}

/// Four bytes a token, rounded up; close enough for English and code.
fn tokens(bytes: usize) -> i64 {
    i64::try_from(bytes.div_ceil(4)).unwrap_or(i64::MAX / 4)
}

fn size_of_input(request: &Request) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(request.instructions.as_ref().map_or(0, String::len));
    for item in request.input.iter() {
        // An item without a JSON form counts as nothing.
        let _ = serde_json::to_writer(&mut counter, item);
    }
    counter.0
}

fn words(count: usize) -> String {
    const WORDS: [&str; 8] = ["warp", "weft", "yarn", "loom", "thread", "spool", "shuttle", "bobbin"];
    let mut text = String::with_capacity(count * 6);
    for at in 0..count {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[at % WORDS.len()]);
    }
    text
}

pub(super) const HELP: &str = "I am Spindle's simulator, not a model: I follow simple statements, one a line, so that every kind \
of item, approval and error can be tried with real tools behind it.\n\n\
- say hello · remark on the way · think about X · think aloud X · say 500 words\n\
- run `ls -la` · run as root `id` · run in a terminal `cat` · type yes · press ctrl-c\n\
- write notes.txt: content · edit notes.txt: old line => new line · delete notes.txt\n\
- plan: read / write / test · propose the plan · ask Which colour? red | green · view image.png\n\
- search the web for X · open https://example.com · draw a dot · call TOOL {\"key\": 1}\n\
- in parallel: run ls | run pwd · repeat 3: say x · wait 2 s · pace 30 ms · hang · stop\n\
- fail with 429 · fail once with disconnect · fail with usage limit · usage 1000/50 · limits 80%";
