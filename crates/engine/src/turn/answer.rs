//! What the model answers, as it arrives: from events of the response to items of the turn.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::ResponseEvent;
use serde_json::Value;
use store::{EventRecord, Record};
use types::item::{MessagePhase, WebSearchAction};
use types::response_item::{ReasoningContent, ReasoningSummaryPart};
use types::{AbsPath, Item, ItemId, ModeKind, ResponseItem};

use super::arriving::{Arriving, ArrivingMessage, ArrivingReasoning};
use super::sampling::SampleError;
use super::tool_calls::ToolCalls;
use super::{RunningTurn, Stop};
use crate::compact::output_text;
use crate::event::ThreadEvent;
use crate::plan_block::{Piece, PlanSplitter};

/// What becomes of items that the model has begun and not finished.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The response is whole all the same: the model has said it.
    Said,
    /// The model is asked once more and says it anew. Clients have seen it; the model does not see it again.
    Dropped,
}

impl RunningTurn {
    pub(super) fn on_event(
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
                if let Some(reasoning) = arriving.reasoning(item_id.as_deref()) {
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
        let mut records: Vec<Record> = plan.iter().map(|plan| self.planned(plan.clone())).collect();
        if talks {
            records.push(said(shown.clone(), message.phase));
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
        let mut records = reasoning_records(&summary, &content);
        records.push(Record::ResponseItem(item));
        self.log.record(records)?;
        let announced = arriving.take_reasoning(id);
        let started = announced.is_some();
        let id = announced.map_or_else(|| id_or_new(id), |announced| announced.id);
        self.hosted_done(Item::Reasoning { id, summary, content }, started);
        Ok(())
    }

    /// Ends what the model has begun and not finished, as far as it was told, and keeps that.
    pub(super) fn finish_arriving(&mut self, arriving: Arriving, unfinished: Unfinished) -> Result<(), Stop> {
        let Arriving { messages, reasoning, hosted, mut plan } = arriving;
        for ArrivingReasoning { id, summary, content } in reasoning {
            let (summary, content) = (Vec::from_iter(summary.into_values()), Vec::from_iter(content.into_values()));
            self.log.record(reasoning_records(&summary, &content))?;
            self.events.item_completed(Item::Reasoning { id, summary, content });
        }
        for item in hosted {
            self.log.record(self.events.extended(&item).into_iter().collect())?;
            self.events.item_completed(item);
        }
        for mut message in messages {
            if let Some(mut splitter) = message.splitter.take() {
                self.pieces(splitter.finish(), &mut message, &mut plan);
            }
            let ArrivingMessage { id, phase, told: text, announced, .. } = message;
            if !announced {
                continue;
            }
            if !text.is_empty() {
                let mut records = vec![said(text.clone(), phase)];
                if unfinished == Unfinished::Said {
                    records.push(Record::ResponseItem(ResponseItem::assistant(text.clone())));
                    self.last_message = Some(text.clone());
                }
                self.log.record(records)?;
            }
            self.events.item_completed(agent_message(id, text, phase));
        }
        if let Some(plan) = plan {
            self.log.record(vec![self.planned(plan.clone())])?;
            self.events.item_completed(self.plan_item(plan));
        }
        Ok(())
    }

    fn planned(&self, plan: String) -> Record {
        Record::Event(EventRecord::ItemCompleted {
            thread_id: Some(self.thread.id),
            turn_id: self.id.clone(),
            item: self.plan_item(plan),
        })
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
}

fn id_or_new(id: Option<&str>) -> ItemId {
    id.filter(|id| !id.is_empty()).map_or_else(ItemId::new, ItemId::from)
}

fn said(text: String, phase: Option<MessagePhase>) -> Record {
    Record::Event(EventRecord::AgentMessage { text: text.into(), phase, memory_citation: None })
}

fn agent_message(id: ItemId, text: String, phase: Option<MessagePhase>) -> Item {
    Item::AgentMessage { id, text: text.into(), phase, memory_citation: None }
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

/// What clients are told of a model's thinking, for those that read the thread later.
fn reasoning_records(summary: &[String], content: &[String]) -> Vec<Record> {
    let summary = summary.iter().map(|text| EventRecord::Reasoning { text: text.clone() });
    let raw = content.iter().map(|text| EventRecord::ReasoningRaw { text: text.clone() });
    summary.chain(raw).map(Record::Event).collect()
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
