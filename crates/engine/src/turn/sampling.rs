//! One request to the model, from the history to the end of the tools that the answer calls.
//!
//! What the answer's events mean is in `answer.rs`.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use model::{ModelError, Reasoning, Request, ResponseEvent, ResponseStream};
use serde_json::Value;
use store::{EventRecord, Record};
use types::{ResponseItem, SandboxPolicy, ToolOutput, ToolSpec};

use super::answer::Unfinished;
use super::arriving::Arriving;
use super::request_clock::RequestClock;
use super::tool_calls::{ToolCalls, ToolDone};
use super::{RunningTurn, Stop};
use crate::event::ThreadEvent;

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
        let mut calls = ToolCalls::new(
            self.tools.clone(),
            self.thread.clone(),
            self.settings.clone(),
            self.events.clone(),
            self.denials.clone(),
        );
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
                Some(done) = calls.next(), if calls.running() => {
                    self.finish_call(done)?;
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
        // Tools may wait for people; who has something for the model does not wait for both.
        self.take_injected();
        while calls.running() {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Stop::Interrupted.into()),
                Some(done) = calls.next() => self.finish_call(done)?,
                Some(input) = self.inbox.recv() => self.take(input),
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
        match self.meanwhile(provider.stream(&request, &cancel)).await? {
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

    pub(super) fn count(&mut self, usage: Option<types::TokenUsage>) -> Result<(), SampleError> {
        if let Some(last) = usage {
            self.log.count(last, Some(self.model.effective_context_window()));
        }
        self.record_usage()
    }

    pub(super) fn record_usage(&mut self) -> Result<(), SampleError> {
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
    fn finish_call(&mut self, done: ToolDone) -> Result<(), SampleError> {
        let mut records = done.events.extended();
        records.extend(done.note.into_iter().chain([done.output.clone()]).map(Record::ResponseItem));
        if let Err(error) = self.log.record(records) {
            self.log.record_or_remember(done.output);
            return Err(error.into());
        }
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
                if let Some(done) = calls.next().await
                    && let Err(error) = self.finish_call(done)
                {
                    return Some(error);
                }
            }
            None
        })
        .await;
        for output in calls.abandon("aborted by user") {
            self.log.record_or_remember(output);
        }
        ended.ok().flatten().unwrap_or_else(|| Stop::Interrupted.into())
    }
}

/// The stream ended too early.
pub(super) fn cut_off() -> ModelError {
    ModelError::Disconnected { reason: "stream closed before response.completed".to_owned(), retry_after: None }
}

/// A tool output of one text.
pub(super) fn text_output(text: &str) -> ToolOutput {
    ToolOutput::Text(text.to_owned())
}
