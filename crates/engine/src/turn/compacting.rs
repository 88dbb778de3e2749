//! Making the history short when it fills the context window, or when the user asks for it.

use std::sync::Arc;

use model::{ModelError, ResponseEvent};
use store::{EventRecord, Record};
use types::{Item, ItemId, ResponseItem, TurnError, TurnErrorKind};

use super::request_clock::RequestClock;
use super::sampling::{SampleError, cut_off};
use super::{Continue, RunningTurn, Stop, offer, turn_error};
use crate::compact;
use crate::context::ContextFacts;
use crate::event::ThreadEvent;
use crate::prompts;

impl RunningTurn {
    /// A turn that does nothing else.
    pub(super) async fn compact_alone(&mut self, started_at: i64) -> Result<(), Stop> {
        self.log.record(vec![self.turn_started(self.id.clone(), started_at)])?;
        self.announce_turn(started_at);
        self.compact(Continue::NextTurn).await
    }

    /// Whether the last answer came to the limit. What a compaction left is never too much: another one would not make
    /// it shorter.
    pub(super) fn is_full(&self) -> bool {
        let limit = self.model.compaction_limit(self.model.context_window);
        self.log.grew() && self.log.usage().is_some_and(|usage| usage.last.total_tokens >= limit)
    }

    /// Has the provider make the history short where it does that, else has the model sum it up, and goes on with what
    /// came out. The history stays as it is when that fails.
    pub(super) async fn compact(&mut self, go_on: Continue) -> Result<(), Stop> {
        let item = Item::ContextCompaction { id: ItemId::new() };
        self.events.item_started(item.clone());
        let short = if self.settings.provider.compacts() {
            Short::Items(self.have_compacted().await?)
        } else {
            let summary = self.summarise().await?;
            let last = || compact::last_answer(self.log.history()).unwrap_or_else(|| prompts::NO_SUMMARY.to_owned());
            Short::Summary(if summary.trim().is_empty() { last() } else { summary })
        };
        let (context, mut and) = match go_on {
            Continue::NextTurn => {
                if let Some(facts) = &mut self.log.facts {
                    facts.forget();
                }
                (Vec::new(), Vec::new())
            }
            Continue::ThisTurn => {
                let facts = ContextFacts::gather(&self.environment, &self.thread, &self.settings, &self.model);
                let context = facts.items_since(None);
                self.log.facts = Some(facts);
                (context, vec![self.turn_context()])
            }
        };
        let by_model = matches!(short, Short::Summary(_));
        let compacted = match short {
            Short::Summary(summary) => compact::compacted(self.log.history(), self.log.summary(), &summary, context),
            Short::Items(items) => compact::compacted_by_provider(items, context),
        };
        let instructions = self.thread.instructions(&self.settings);
        let tokens = compact::estimated_tokens(instructions.as_deref(), &compacted.history);
        self.log.estimate(tokens, self.model.effective_context_window());
        and.push(Record::Event(EventRecord::TokenCount {
            totals: self.log.usage(),
            rate_limits: self.rate_limits.clone(),
        }));
        and.push(Record::Event(EventRecord::ContextCompacted));
        self.log.compact(compacted, and)?;
        self.tell_usage();
        self.events.item_completed(item);
        if by_model {
            self.events.emit(ThreadEvent::Warning(prompts::COMPACTED.to_owned()));
        }
        Ok(())
    }

    /// Asks the provider for a short history. What does not fit into the window is left out, oldest first.
    async fn have_compacted(&mut self) -> Result<Vec<ResponseItem>, Stop> {
        let tools = offer::specs(&self.tools, &self.thread, &self.settings, &self.model);
        let mut request = self.request_of(self.log.shared_history(), tools);
        request.output_schema = None;
        request.headers.push(("x-codex-installation-id".to_owned(), self.environment.installation_id()));
        loop {
            let mut clock = RequestClock::start();
            let (provider, cancel) = (self.settings.provider.clone(), self.cancel.clone());
            let compacted = self.meanwhile(provider.compact(&request, &cancel)).await?;
            if compacted.is_ok() {
                clock.answered();
            }
            self.request_ended(&clock, compacted.as_ref().map(|_| None));
            let error = match compacted {
                Ok(items) if items.is_empty() => return Err(Stop::Failed(not_compacted("it gave back nothing"))),
                Ok(items) => return Ok(items),
                Err(error) => error,
            };
            if !matches!(error, ModelError::ContextWindowExceeded) || request.input.len() < 2 {
                let TurnError { message, kind, details } = turn_error(&error);
                return Err(Stop::Failed(TurnError { kind, details, ..not_compacted(&message) }));
            }
            compact::drop_oldest(Arc::make_mut(&mut request.input));
        }
    }

    /// Asks the model for a summary of the history. What does not fit into its window is left out, oldest first.
    async fn summarise(&mut self) -> Result<String, Stop> {
        let mut input = self.log.history().to_vec();
        let prompt = self.settings.config.compact_prompt.as_deref().unwrap_or(prompts::COMPACT);
        input.push(ResponseItem::user(prompt.trim_end()));
        let limit = self.thread.stream_max_retries(&self.settings);
        let mut attempt = 0;
        loop {
            let error = match self.ask_for_summary(&input).await {
                Ok(summary) => return Ok(summary),
                Err(SampleError::Stop(stop)) => return Err(stop),
                Err(SampleError::Model(error)) => error,
            };
            if matches!(error, ModelError::ContextWindowExceeded) && input.len() > 1 {
                tracing::warn!(
                    items = input.len(),
                    "the history does not fit into the window, its oldest item is left out"
                );
                compact::drop_oldest(&mut input);
                continue;
            }
            if !error.retryable() || attempt >= limit {
                return Err(Stop::Failed(turn_error(&error)));
            }
            attempt += 1;
            self.wait_for_retry(&error, attempt, limit).await?;
        }
    }

    async fn ask_for_summary(&mut self, input: &[ResponseItem]) -> Result<String, SampleError> {
        let mut request = self.request_of(Arc::new(input.to_vec()), Arc::default());
        request.output_schema = None;
        request.parallel_tool_calls = false;
        let mut clock = RequestClock::start();
        let (provider, cancel) = (self.settings.provider.clone(), self.cancel.clone());
        let opened = self.meanwhile(provider.stream(&request, &cancel)).await?;
        let mut stream = opened.map_err(|error| self.summary_failed(&clock, error))?;
        clock.answered();
        let mut summary = String::new();
        loop {
            match self.meanwhile(stream.next()).await? {
                Some(Ok(ResponseEvent::ItemDone(ResponseItem::Message { role, content, .. })))
                    if role == "assistant" =>
                {
                    summary = compact::output_text(&content);
                }
                Some(Ok(ResponseEvent::RateLimits(limits))) => {
                    self.rate_limits = Some(limits);
                    self.tell_usage();
                }
                Some(Ok(ResponseEvent::Completed { usage, .. })) => {
                    self.request_ended(&clock, Ok(usage));
                    self.count(usage)?;
                    return Ok(summary);
                }
                // Nothing of it is shown, and calls are not run.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.summary_failed(&clock, error)),
                None => return Err(self.summary_failed(&clock, cut_off())),
            }
        }
    }

    fn summary_failed(&self, clock: &RequestClock, error: ModelError) -> SampleError {
        self.request_ended(clock, Err(&error));
        match error {
            ModelError::Cancelled => Stop::Interrupted.into(),
            error => SampleError::Model(error),
        }
    }
}

/// What becomes of a history.
enum Short {
    /// What the model says of it.
    Summary(String),
    /// The items that stand for it.
    Items(Vec<ResponseItem>),
}

fn not_compacted(reason: &str) -> TurnError {
    TurnError {
        message: format!("the provider did not compact the history: {reason}"),
        kind: Some(TurnErrorKind::Other),
        details: None,
    }
}
