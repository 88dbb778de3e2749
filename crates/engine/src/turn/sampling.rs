//! One request to the model: from the history to what the model answered, tools included.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{ModelError, Reasoning, Request, ResponseEvent, ResponseStream};
use serde_json::Value;
use store::{EventRecord, Record};
use types::item::{MessagePhase, WebSearchAction};
use types::response_item::{ReasoningContent, ReasoningSummaryPart};
use types::{AbsPath, Item, ItemId, ModeKind, ResponseItem, SandboxPolicy, ToolOutput, ToolSpec};

use super::arriving::{Arriving, ArrivingMessage, ArrivingReasoning};
use super::request_clock::RequestClock;
use super::tool_calls::{CallEvent, ToolCalls, ToolDone};
use super::{RunningTurn, Stop};
use crate::compact::output_text;
use crate::event::ThreadEvent;
use crate::guardian::Conversation;
use crate::plan_block::{Piece, PlanSplitter};

/// How long interrupted tools may take to end by themselves; after that they are dropped, which kills their processes.
const TOOL_STOP_GRACE: Duration = Duration::from_millis(100);

pub(super) enum SampleError {
    /// The request failed; another one may do better.
    Model(ModelError),
    Stop(Stop),
}

impl<E: Into<Stop>> From<E> for SampleError {
    fn from(error: E) -> Self {
        Self::Stop(error.into())
    }
}

impl RunningTurn {
    /// Sends one request and works off the answer. Whether the model has to be asked again, to see what its tools did.
    ///
    /// However it ends, every call in the history has an output.
    pub(super) async fn sample(&mut self) -> Result<bool, SampleError> {
        let mut calls =
            ToolCalls::new(self.tools.clone(), self.thread.clone(), self.settings.clone(), self.events.clone());
        let mut arriving = Arriving::default();
        match self.respond(&mut calls, &mut arriving).await {
            Err(SampleError::Stop(Stop::Interrupted)) => Err(self.abort(calls).await),
            Err(error) => {
                self.unfinished = arriving;
                for output in calls.abandon("aborted") {
                    self.log.record_or_remember(output);
                }
                Err(error)
            }
            Ok(()) => Ok(calls.made_any()),
        }
    }

    /// One response from its request to the end of its tools.
    async fn respond(&mut self, calls: &mut ToolCalls, arriving: &mut Arriving) -> Result<(), SampleError> {
        let mut clock = RequestClock::start();
        let mut stream = self.open(&mut clock).await?;
        let mut usage = None;
        let failure = loop {
            let event = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Stop::Interrupted.into()),
                Some(event) = calls.next(), if calls.running() => {
                    self.on_call(event)?;
                    continue;
                }
                event = stream.next() => event,
                Some(input) = self.inbox.recv() => {
                    self.take_meanwhile(input);
                    continue;
                }
            };
            match event {
                Some(Ok(ResponseEvent::Completed { usage: counted, .. })) => {
                    usage = counted;
                    break None;
                }
                Some(Ok(event)) => self.on_event(event, arriving, calls)?,
                Some(Err(error)) => break Some(error),
                None => break Some(cut_off()),
            }
        };
        self.request_ended(&clock, failure.as_ref().map_or(Ok(usage), Err));
        if failure.is_none() {
            self.finish_arriving(std::mem::take(arriving), Unfinished::Said)?;
            self.count(usage)?;
        }
        while calls.running() {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Stop::Interrupted.into()),
                Some(event) = calls.next() => self.on_call(event)?,
                Some(input) = self.inbox.recv() => self.take_meanwhile(input),
            }
        }
        if let Some(error) = failure {
            return Err(self.on_failure(error));
        }
        self.tell_diff();
        Ok(())
    }

    /// Sends the request; the stream has begun when it returns.
    async fn open(&mut self, clock: &mut RequestClock) -> Result<ResponseStream, SampleError> {
        let request = self.request();
        let (provider, cancel) = (self.settings.provider.clone(), self.cancel.clone());
        let mut opening = std::pin::pin!(provider.stream(&request, &cancel));
        let opened = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Stop::Interrupted.into()),
                Some(input) = self.inbox.recv() => self.take_meanwhile(input),
                opened = &mut opening => break opened,
            }
        };
        match opened {
            Ok(stream) => {
                clock.answered();
                Ok(stream)
            }
            Err(error) => {
                self.request_ended(clock, Err(&error));
                Err(self.on_failure(error))
            }
        }
    }

    fn request(&self) -> Request {
        self.request_of(self.log.shared_history(), self.specs.clone())
    }

    pub(super) fn request_of(&self, input: Arc<Vec<ResponseItem>>, tools: Arc<[ToolSpec]>) -> Request {
        let settings = &self.settings;
        Request {
            model: settings.model().to_owned(),
            instructions: self.thread.instructions(settings),
            input,
            tools,
            parallel_tool_calls: self.model.supports_parallel_tool_calls,
            reasoning: self.reasoning(),
            verbosity: self
                .model
                .supports_verbosity
                .then(|| settings.config.verbosity.or(self.model.default_verbosity))
                .flatten(),
            output_schema: self.output_schema.clone(),
            service_tier: settings.service_tier,
            prompt_cache_key: self.thread.id.to_string(),
            client_metadata: vec![("x-codex-installation-id".to_owned(), self.environment.installation_id())],
            headers: self.headers(),
        }
    }

    fn reasoning(&self) -> Option<Reasoning> {
        let model = &self.model;
        if !model.supports_reasoning_summaries {
            return None;
        }
        let summary = self.settings.summary.unwrap_or(model.default_summary);
        Some(Reasoning {
            effort: self.settings.effort().or(model.default_effort),
            summary: Some(summary).filter(|summary| *summary != types::ReasoningSummary::None),
        })
    }

    /// What providers may use to tell requests apart. Source: the recorded requests.
    fn headers(&self) -> Vec<(String, String)> {
        let thread = self.thread.id.to_string();
        let mut metadata = serde_json::Map::new();
        metadata.insert("session_id".to_owned(), thread.clone().into());
        metadata.insert("thread_source".to_owned(), self.thread.source_kind().into());
        metadata.insert("turn_id".to_owned(), self.id.as_str().into());
        metadata.insert("sandbox".to_owned(), self.sandbox_name().into());
        for (key, value) in &self.client_metadata {
            metadata.entry(key.clone()).or_insert_with(|| value.clone().into());
        }
        let mut headers = vec![
            ("originator".to_owned(), self.settings.originator.clone()),
            ("session_id".to_owned(), thread.clone()),
            ("x-client-request-id".to_owned(), thread.clone()),
            ("x-codex-window-id".to_owned(), format!("{thread}:{}", self.log.window)),
            ("x-codex-turn-metadata".to_owned(), Value::Object(metadata).to_string()),
        ];
        headers.extend(self.thread.sub_agent_headers());
        headers
    }

    /// The sandbox's name in request metadata.
    fn sandbox_name(&self) -> &'static str {
        match &self.settings.sandbox_policy {
            SandboxPolicy::DangerFullAccess => "none",
            SandboxPolicy::ExternalSandbox { .. } => "external",
            SandboxPolicy::ReadOnly { .. } | SandboxPolicy::WorkspaceWrite { .. } => "seccomp",
        }
    }

    fn on_event(
        &mut self,
        event: ResponseEvent,
        arriving: &mut Arriving,
        calls: &mut ToolCalls,
    ) -> Result<(), SampleError> {
        match event {
            ResponseEvent::Created { .. } | ResponseEvent::ToolInputDelta { .. } | ResponseEvent::Completed { .. } => {}
            ResponseEvent::ServerModel(model) => tracing::debug!(model, "the provider names the model it uses"),
            ResponseEvent::RateLimits(limits) => {
                self.rate_limits = Some(limits);
                self.record_usage()?;
            }
            ResponseEvent::ItemAdded(item) => self.item_added(&item, arriving),
            ResponseEvent::TextDelta { item_id, delta } => {
                self.first_token.get_or_insert_with(|| self.started.elapsed());
                self.text_delta(item_id.as_deref(), delta, arriving);
            }
            ResponseEvent::ReasoningSummaryPartAdded { summary_index } => {
                if let Some(reasoning) = arriving.reasoning(None) {
                    reasoning.summary.entry(summary_index).or_default();
                    let (turn_id, item_id) = (self.id.clone(), reasoning.id.clone());
                    self.events.emit(ThreadEvent::ReasoningSummaryPartAdded { turn_id, item_id, summary_index });
                }
            }
            ResponseEvent::ReasoningSummaryDelta { item_id, delta, summary_index } => {
                if let Some(reasoning) = arriving.reasoning(item_id.as_deref()) {
                    reasoning.summary.entry(summary_index).or_default().push_str(&delta);
                    let (turn_id, item_id) = (self.id.clone(), reasoning.id.clone());
                    self.events.emit(ThreadEvent::ReasoningSummaryDelta { turn_id, item_id, summary_index, delta });
                }
            }
            ResponseEvent::ReasoningDelta { item_id, delta, content_index } => {
                if self.settings.config.show_raw_agent_reasoning
                    && let Some(reasoning) = arriving.reasoning(item_id.as_deref())
                {
                    reasoning.content.entry(content_index).or_default().push_str(&delta);
                    let (turn_id, item_id) = (self.id.clone(), reasoning.id.clone());
                    self.events.emit(ThreadEvent::ReasoningDelta { turn_id, item_id, content_index, delta });
                }
            }
            ResponseEvent::ItemDone(item) => self.item_done(item, arriving, calls)?,
        }
        Ok(())
    }

    fn item_added(&mut self, item: &ResponseItem, arriving: &mut Arriving) {
        match item {
            ResponseItem::Message { id, role, phase, .. } if role == "assistant" => {
                let mut message = ArrivingMessage {
                    id: id_or_new(id.as_deref()),
                    phase: phase.as_deref().and_then(MessagePhase::parse),
                    splitter: (self.mode() == ModeKind::Plan).then(PlanSplitter::default),
                    told: String::new(),
                    announced: false,
                };
                // In plan mode it is not known yet whether anything but a plan comes.
                if message.splitter.is_none() {
                    self.announce(&mut message);
                }
                arriving.begin_message(message);
            }
            ResponseItem::Reasoning { id, .. } => {
                let id = id_or_new(id.as_deref());
                self.events.item_started(Item::Reasoning { id: id.clone(), summary: Vec::new(), content: Vec::new() });
                arriving.begin_reasoning(id);
            }
            ResponseItem::WebSearchCall { id, .. } => {
                let id = id_or_new(id.as_deref());
                let item = Item::WebSearch { id, query: String::new(), action: Some(WebSearchAction::Other) };
                self.events.item_started(item.clone());
                arriving.begin_hosted(item);
            }
            ResponseItem::ImageGenerationCall { id, .. } => {
                let item = image_started(&ItemId::from(id.as_str()));
                self.events.item_started(item.clone());
                arriving.begin_hosted(item);
            }
            _ => {}
        }
    }

    fn announce(&self, message: &mut ArrivingMessage) {
        if !message.announced {
            message.announced = true;
            self.events.item_started(agent_message(message.id.clone(), String::new(), message.phase));
        }
    }

    fn text_delta(&mut self, item: Option<&str>, delta: String, arriving: &mut Arriving) {
        let Some((message, plan)) = arriving.message(item) else { return };
        match &mut message.splitter {
            None => {
                message.told.push_str(&delta);
                let (turn_id, item_id) = (self.id.clone(), message.id.clone());
                self.events.emit(ThreadEvent::AgentMessageDelta { turn_id, item_id, delta });
            }
            Some(splitter) => {
                let pieces = splitter.push(&delta);
                self.pieces(pieces, message, plan);
            }
        }
    }

    /// Tells of talk and plan as they arrive.
    fn pieces(&self, pieces: Vec<Piece>, message: &mut ArrivingMessage, plan: &mut Option<String>) {
        for piece in pieces {
            match piece {
                Piece::Talk(delta) => {
                    // Blank lines around a block are layout, not talk.
                    if !message.announced && delta.trim().is_empty() {
                        continue;
                    }
                    self.announce(message);
                    message.told.push_str(&delta);
                    let event =
                        ThreadEvent::AgentMessageDelta { turn_id: self.id.clone(), item_id: message.id.clone(), delta };
                    self.events.emit(event);
                }
                Piece::PlanStart => {
                    if plan.is_none() {
                        self.events.item_started(self.plan_item(String::new()));
                    }
                    *plan = Some(String::new());
                }
                Piece::Plan(delta) => {
                    plan.get_or_insert_default().push_str(&delta);
                    let item_id = self.plan_item(String::new()).id().clone();
                    self.events.emit(ThreadEvent::PlanDelta { turn_id: self.id.clone(), item_id, delta });
                }
                Piece::PlanEnd => {}
            }
        }
    }

    fn item_done(
        &mut self,
        item: ResponseItem,
        arriving: &mut Arriving,
        calls: &mut ToolCalls,
    ) -> Result<(), SampleError> {
        let raw = self.thread.raw_events.then(|| item.clone());
        match &item {
            ResponseItem::Message { id, role, content, phase, .. } if role == "assistant" => {
                let text = output_text(content);
                let phase = phase.as_deref().and_then(MessagePhase::parse);
                let (id, phase) = (id.clone(), phase);
                self.message_done(id.as_deref(), text, phase, item, arriving)?;
            }
            ResponseItem::Reasoning { id, summary, content, .. } => {
                let (id, summary, content) = (id.clone(), summary.clone(), content.clone());
                self.reasoning_done(id.as_deref(), summary, content, item, arriving)?;
            }
            ResponseItem::WebSearchCall { id, action, .. } => {
                let done = web_search(id.as_deref(), action.as_ref(), arriving.take_hosted(id.as_deref()));
                let mut records = vec![Record::ResponseItem(item)];
                records.extend(self.events.extended(&done.0));
                self.log.record(records)?;
                self.hosted_done(done.0, done.1);
            }
            ResponseItem::ImageGenerationCall { id, status, revised_prompt, result } => {
                let (id, status, revised_prompt, result) =
                    (ItemId::from(id.as_str()), status.clone(), revised_prompt.clone(), result.clone());
                self.image_done(id, status, revised_prompt, result, item, arriving)?;
            }
            ResponseItem::FunctionCall { .. }
            | ResponseItem::CustomToolCall { .. }
            | ResponseItem::LocalShellCall { .. } => {
                self.log.record(vec![Record::ResponseItem(item.clone())])?;
                calls.start(item);
            }
            ResponseItem::Message { .. }
            | ResponseItem::FunctionCallOutput { .. }
            | ResponseItem::CustomToolCallOutput { .. }
            | ResponseItem::ToolSearchCall { .. }
            | ResponseItem::ToolSearchOutput { .. }
            | ResponseItem::GhostSnapshot { .. }
            | ResponseItem::Compaction { .. } => self.log.record(vec![Record::ResponseItem(item)])?,
            ResponseItem::Other(value) => {
                tracing::debug!(kind = value["type"].as_str(), "the model sent an item of an unknown kind");
            }
        }
        if let Some(item) = raw {
            self.events.emit(ThreadEvent::RawResponseItem { turn_id: self.id.clone(), item });
        }
        Ok(())
    }

    fn message_done(
        &mut self,
        id: Option<&str>,
        text: String,
        phase: Option<MessagePhase>,
        item: ResponseItem,
        arriving: &mut Arriving,
    ) -> Result<(), SampleError> {
        let streamed = arriving.take_message(id);
        let mut message = streamed.unwrap_or_else(|| ArrivingMessage {
            id: id_or_new(id),
            phase,
            splitter: (self.mode() == ModeKind::Plan).then(PlanSplitter::default),
            told: String::new(),
            announced: false,
        });
        message.phase = phase.or(message.phase);
        let (shown, plan) = match message.splitter.take() {
            None => (text, None),
            // The message's final text decides, whatever was streamed.
            Some(_) => split_whole(&text),
        };
        let talks = plan.is_none() || !shown.trim().is_empty();
        let mut records = Vec::new();
        if let Some(plan) = &plan {
            records.push(Record::Event(EventRecord::ItemCompleted {
                thread_id: Some(self.thread.id),
                turn_id: self.id.clone(),
                item: self.plan_item(plan.clone()),
            }));
        }
        if talks {
            records.push(Record::Event(EventRecord::AgentMessage {
                text: shown.clone(),
                phase: message.phase,
                memory_citation: None,
            }));
        }
        records.push(Record::ResponseItem(item));
        self.log.record(records)?;

        if let Some(plan) = plan {
            if arriving.plan.take().is_none() {
                self.events.item_started(self.plan_item(String::new()));
            }
            self.events.item_completed(self.plan_item(plan));
        }
        if talks {
            let done = agent_message(message.id, shown.clone(), message.phase);
            if !message.announced {
                // In plan mode talk is told piece by piece, so that its start is always empty.
                let text = if self.mode() == ModeKind::Plan { String::new() } else { shown.clone() };
                self.events.item_started(agent_message(done.id().clone(), text, message.phase));
            }
            self.events.item_completed(done);
            self.last_message = Some(shown);
        }
        Ok(())
    }

    fn reasoning_done(
        &mut self,
        id: Option<&str>,
        summary: Vec<ReasoningSummaryPart>,
        content: Option<Vec<ReasoningContent>>,
        item: ResponseItem,
        arriving: &mut Arriving,
    ) -> Result<(), SampleError> {
        let summary: Vec<String> = summary.into_iter().map(|ReasoningSummaryPart::SummaryText { text }| text).collect();
        let content: Vec<String> = content
            .unwrap_or_default()
            .into_iter()
            .map(|(ReasoningContent::ReasoningText { text } | ReasoningContent::Text { text })| text)
            .collect();
        let mut records: Vec<Record> =
            summary.iter().map(|text| Record::Event(EventRecord::Reasoning { text: text.clone() })).collect();
        if self.settings.config.show_raw_agent_reasoning {
            let raw = content.iter().map(|text| Record::Event(EventRecord::ReasoningRaw { text: text.clone() }));
            records.extend(raw);
        }
        records.push(Record::ResponseItem(item));
        self.log.record(records)?;
        let announced = arriving.take_reasoning(id);
        let content = if self.settings.config.show_raw_agent_reasoning { content } else { Vec::new() };
        let started = announced.is_some();
        let id = announced.map_or_else(|| id_or_new(id), |announced| announced.id);
        self.hosted_done(Item::Reasoning { id, summary, content }, started);
        Ok(())
    }

    /// Ends what the model has begun and not finished, as far as it was told.
    pub(super) fn finish_arriving(&mut self, mut arriving: Arriving, unfinished: Unfinished) -> Result<(), Stop> {
        while let Some(ArrivingReasoning { id, summary, content }) = arriving.take_reasoning(None) {
            let (summary, content) = (summary.into_values().collect(), content.into_values().collect());
            self.events.item_completed(Item::Reasoning { id, summary, content });
        }
        while let Some(hosted) = arriving.take_hosted(None) {
            self.events.item_completed(hosted);
        }
        if let Some(plan) = arriving.plan.take() {
            self.events.item_completed(self.plan_item(plan));
        }
        while let Some(message) = arriving.take_message(None) {
            if !message.announced {
                continue;
            }
            let ArrivingMessage { id, phase, told: text, .. } = message;
            let event = EventRecord::AgentMessage { text: text.clone(), phase, memory_citation: None };
            let mut records = vec![Record::Event(event)];
            if unfinished == Unfinished::Said {
                records.push(Record::ResponseItem(ResponseItem::assistant(text.clone())));
                self.last_message = Some(text.clone());
            }
            self.log.record(records)?;
            self.events.item_completed(agent_message(id, text, phase));
        }
        Ok(())
    }

    fn image_done(
        &mut self,
        id: ItemId,
        status: String,
        revised_prompt: Option<String>,
        result: String,
        item: ResponseItem,
        arriving: &mut Arriving,
    ) -> Result<(), SampleError> {
        let saved_path = match save_image(&self.environment.home, &self.thread.id.to_string(), id.as_str(), &result) {
            Ok(path) => path,
            Err(error) => {
                tracing::warn!(%error, "a generated image could not be saved");
                None
            }
        };
        let call_id = id.to_string();
        let end = EventRecord::ImageGenerationEnd {
            call_id,
            status: status.clone(),
            revised_prompt: revised_prompt.clone(),
            result: result.clone(),
            saved_path: saved_path.clone(),
        };
        self.log.record(vec![Record::ResponseItem(item), Record::Event(end)])?;
        if arriving.take_hosted(Some(id.as_str())).is_none() {
            self.events.item_started(image_started(&id));
        }
        self.events.item_completed(Item::ImageGeneration { id, status, revised_prompt, result, saved_path });
        Ok(())
    }

    fn hosted_done(&self, item: Item, started: bool) {
        if !started {
            self.events.item_started(item.clone());
        }
        self.events.item_completed(item);
    }

    pub(super) fn count(&mut self, usage: Option<types::TokenUsage>) -> Result<(), SampleError> {
        if let Some(last) = usage {
            self.log.count(last, Some(self.model.effective_context_window()));
        }
        self.record_usage()
    }

    fn record_usage(&mut self) -> Result<(), SampleError> {
        let event = EventRecord::TokenCount { totals: self.log.usage(), rate_limits: self.rate_limits.clone() };
        self.log.record(vec![Record::Event(event)])?;
        self.tell_usage();
        Ok(())
    }

    /// Tells what a failed request says about limits and the context.
    fn on_failure(&mut self, error: ModelError) -> SampleError {
        if matches!(error, ModelError::Cancelled) {
            return Stop::Interrupted.into();
        }
        for limits in error.rate_limits() {
            self.rate_limits = Some(limits.clone());
            self.tell_usage();
        }
        if matches!(error, ModelError::ContextWindowExceeded) {
            // The window is full, whatever was counted before.
            self.log.fill(self.model.effective_context_window());
            self.tell_usage();
        }
        SampleError::Model(error)
    }

    pub(super) fn tell_usage(&self) {
        if let Some(usage) = self.log.usage() {
            self.events.emit(ThreadEvent::TokenUsageUpdated { turn_id: self.id.clone(), usage });
        }
        if let Some(limits) = &self.rate_limits {
            self.events.emit(ThreadEvent::RateLimitsUpdated(limits.clone()));
        }
    }

    fn tell_diff(&self) {
        let diff = self.tools.diff.lock().unwrap_or_else(PoisonError::into_inner).unified();
        if !diff.is_empty() {
            self.events.emit(ThreadEvent::DiffUpdated { turn_id: self.id.clone(), diff });
        }
    }

    /// Records what a tool told the model, then tells clients how it ended.
    fn on_call(&mut self, event: CallEvent) -> Result<(), SampleError> {
        match event {
            CallEvent::Done(done) => self.finish_call(*done),
            CallEvent::ConversationWanted(reply) => {
                let summary = self.log.summary().map(str::to_owned);
                // The call may have given up.
                let _ = reply.send(Conversation { history: self.log.shared_history(), summary });
                Ok(())
            }
        }
    }

    fn finish_call(&mut self, done: ToolDone) -> Result<(), SampleError> {
        let mut records = done.events.extended();
        records.extend(done.note.into_iter().chain([done.output]).map(Record::ResponseItem));
        self.log.record(records)?;
        done.events.release();
        self.events.emit(ThreadEvent::ToolCallEnded(done.end));
        if done.abort_turn {
            self.cancel.cancel();
        }
        Ok(())
    }

    /// Ends the tools that still run, so that every call in the history has an output.
    async fn abort(&mut self, mut calls: ToolCalls) -> SampleError {
        let ended = tokio::time::timeout(TOOL_STOP_GRACE, async {
            while calls.running() {
                if let Some(event) = calls.next().await
                    && let Err(error) = self.on_call(event)
                {
                    return Some(error);
                }
            }
            None
        })
        .await;
        if let Ok(Some(error)) = ended {
            return error;
        }
        for output in calls.abandon("aborted by user") {
            self.log.record_or_remember(output);
        }
        Stop::Interrupted.into()
    }
}

/// What becomes of items that the model has begun and not finished.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The response is whole all the same: the model has said it.
    Said,
    /// The model is asked once more and says it anew. Clients have seen it; the model does not see it again.
    Dropped,
}

/// The stream ended too early.
pub(super) fn cut_off() -> ModelError {
    ModelError::Disconnected { reason: "stream closed before response.completed".to_owned(), retry_after: None }
}

fn id_or_new(id: Option<&str>) -> ItemId {
    id.filter(|id| !id.is_empty()).map_or_else(ItemId::new, ItemId::from)
}

fn agent_message(id: ItemId, text: String, phase: Option<MessagePhase>) -> Item {
    Item::AgentMessage { id, text, phase, memory_citation: None }
}

fn image_started(id: &ItemId) -> Item {
    Item::ImageGeneration {
        id: id.clone(),
        status: "in_progress".to_owned(),
        revised_prompt: None,
        result: String::new(),
        saved_path: None,
    }
}

/// Talk and last plan block of a whole message.
fn split_whole(text: &str) -> (String, Option<String>) {
    let mut splitter = PlanSplitter::default();
    let mut pieces = splitter.push(text);
    pieces.extend(splitter.finish());
    let (mut talk, mut plan) = (String::new(), None);
    for piece in pieces {
        match piece {
            Piece::Talk(text) => talk.push_str(&text),
            Piece::PlanStart => plan = Some(String::new()),
            Piece::Plan(text) => plan.get_or_insert_default().push_str(&text),
            Piece::PlanEnd => {}
        }
    }
    (talk, plan)
}

/// The finished web search, and whether its start was told.
fn web_search(id: Option<&str>, action: Option<&Value>, started: Option<Item>) -> (Item, bool) {
    let announced = started.is_some();
    let text = |name: &str| action.and_then(|action| action[name].as_str()).map(str::to_owned);
    let parsed = match action.and_then(|action| action["type"].as_str()) {
        Some("search") => WebSearchAction::Search {
            query: text("query"),
            queries: action
                .and_then(|action| action["queries"].as_array())
                .map(|queries| queries.iter().filter_map(|query| query.as_str().map(str::to_owned)).collect()),
        },
        Some("open_page") => WebSearchAction::OpenPage { url: text("url") },
        Some("find_in_page") => WebSearchAction::FindInPage { url: text("url"), pattern: text("pattern") },
        _ => WebSearchAction::Other,
    };
    let query = match &parsed {
        WebSearchAction::Search { query: Some(query), .. } if !query.is_empty() => query.clone(),
        WebSearchAction::Search { queries: Some(queries), .. } => match &queries[..] {
            [] => String::new(),
            [one] => one.clone(),
            [first, ..] => format!("{first} ..."),
        },
        WebSearchAction::OpenPage { url: Some(url) } => url.clone(),
        WebSearchAction::FindInPage { url: Some(url), pattern: Some(pattern) } => format!("'{pattern}' in {url}"),
        WebSearchAction::FindInPage { pattern: Some(pattern), .. } => format!("'{pattern}'"),
        WebSearchAction::FindInPage { url: Some(url), .. } => url.clone(),
        _ => String::new(),
    };
    let id = started.map_or_else(|| id_or_new(id), |started| started.id().clone());
    (Item::WebSearch { id, query, action: Some(parsed) }, announced)
}

/// Writes a generated image below the home; `None` when there is no image in it.
fn save_image(home: &AbsPath, thread: &str, id: &str, result: &str) -> std::io::Result<Option<AbsPath>> {
    let Ok(bytes) = BASE64.decode(result) else { return Ok(None) };
    if bytes.is_empty() || Path::new(id).components().count() != 1 {
        return Ok(None);
    }
    let folder = home.join("generated_images").join(thread);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{id}.png"));
    std::fs::write(&path, bytes)?;
    Ok(Some(path))
}

/// A tool output of one text.
pub(super) fn text_output(text: &str) -> ToolOutput {
    ToolOutput::Text(text.to_owned())
}
