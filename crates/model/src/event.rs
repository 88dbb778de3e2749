//! What comes back from a model, event by event.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::time::{Instant, Sleep};
use types::{RateLimits, ResponseItem, TokenUsage};

use crate::ModelError;

/// One step of a response.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseEvent {
    /// The provider has begun.
    Created { id: Option<String> },
    /// An item begins; its content is still empty or partial.
    ItemAdded(ResponseItem),
    /// More of a message's text.
    TextDelta { item_id: Option<String>, delta: String },
    /// A new paragraph of the reasoning summary begins.
    ReasoningSummaryPartAdded { summary_index: i64 },
    /// More of the reasoning summary.
    ReasoningSummaryDelta { item_id: Option<String>, delta: String, summary_index: i64 },
    /// More of the raw reasoning.
    ReasoningDelta { item_id: Option<String>, delta: String, content_index: i64 },
    /// More of a tool call's input.
    ToolInputDelta { item_id: Option<String>, call_id: Option<String>, delta: String },
    /// An item is complete.
    ItemDone(ResponseItem),
    /// What the provider said about limits, one event a limit; the limit called `codex` comes first and always.
    RateLimits(RateLimits),
    /// The model that answers, where the provider names one; it may differ from the one asked for.
    ServerModel(String),
    /// The response is complete; nothing follows.
    Completed { id: Option<String>, usage: Option<TokenUsage> },
}

type Inner = Pin<Box<dyn Stream<Item = Result<ResponseEvent, ModelError>> + Send>>;

/// The events of one response.
///
/// Ends after [`ResponseEvent::Completed`] or the first error, whichever comes first; one of the two always comes.
/// Dropping it closes the connection, unless the response is complete.
pub struct ResponseStream {
    inner: Inner,
    idle_timeout: Duration,
    /// Runs while nothing comes; made at the first wait, so that a stream that is always ready never touches a timer.
    idle: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    ended: bool,
}

impl ResponseStream {
    /// Wraps a source of events. `idle_timeout` is the longest silence between two events.
    pub fn new(
        events: impl Stream<Item = Result<ResponseEvent, ModelError>> + Send + 'static,
        idle_timeout: Duration,
    ) -> Self {
        Self { inner: Box::pin(events), idle_timeout, idle: None, waiting: false, ended: false }
    }

    /// The next event; `None` once the stream has ended.
    ///
    /// # Errors
    /// Whatever ended the response early. A silence longer than the idle timeout and a source that dries up before
    /// `Completed` are errors too.
    ///
    /// # Cancel safety
    /// Cancel safe: no event is lost, and the idle time goes on counting from the last event.
    pub async fn next(&mut self) -> Option<Result<ResponseEvent, ModelError>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ResponseEvent, ModelError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.inner.as_mut().poll_next(cx) {
            Poll::Ready(Some(event)) => {
                self.waiting = false;
                self.ended = matches!(event, Err(_) | Ok(ResponseEvent::Completed { .. }));
                Poll::Ready(Some(event))
            }
            Poll::Ready(None) => {
                self.ended = true;
                Poll::Ready(Some(Err(ModelError::disconnected("stream closed before response.completed"))))
            }
            Poll::Pending => self.poll_idle(cx),
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ResponseEvent, ModelError>>> {
        // A timeout beyond what the clock can express never fires.
        let Some(deadline) = Instant::now().checked_add(self.idle_timeout) else { return Poll::Pending };
        let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.waiting {
            idle.as_mut().reset(deadline);
            self.waiting = true;
        }
        idle.as_mut().poll(cx).map(|()| {
            self.ended = true;
            Some(Err(ModelError::disconnected(format!("nothing received for {} ms", self.idle_timeout.as_millis()))))
        })
    }
}

impl std::fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseStream").field("ended", &self.ended).finish_non_exhaustive()
    }
}
