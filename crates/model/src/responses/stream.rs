//! A response body as a stream of events.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::decode;
use super::drain::{Body, Drains};
use super::sse::Parser;
use crate::{ModelError, ResponseEvent};

pub(super) struct Events {
    /// `None` once it is closed or read to its end.
    body: Option<Body>,
    parser: Parser,
    /// Decoded, not yet handed out.
    ready: VecDeque<ResponseEvent>,
    completed: bool,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    drains: Arc<Drains>,
}

impl Events {
    pub(super) fn new(
        body: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
        first: Vec<ResponseEvent>,
        cancel: CancellationToken,
        drains: Arc<Drains>,
    ) -> Self {
        Self {
            body: Some(Box::pin(body)),
            parser: Parser::default(),
            ready: first.into(),
            completed: false,
            cancelled: Box::pin(cancel.cancelled_owned()),
            drains,
        }
    }

    /// Decodes what has arrived, as far as the next event.
    fn decode(&mut self) -> Result<Option<ResponseEvent>, ModelError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            match self.parser.next() {
                Some(data) => decode::event(data, &mut self.ready)?,
                None => return Ok(None),
            }
        }
    }
}

impl Stream for Events {
    type Item = Result<ResponseEvent, ModelError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.decode() {
                Ok(Some(event)) => {
                    this.completed |= matches!(event, ResponseEvent::Completed { .. });
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(None) => {}
                Err(error) => {
                    this.body = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            let Some(body) = &mut this.body else { return Poll::Ready(None) };
            if this.cancelled.as_mut().poll(cx).is_ready() {
                this.body = None;
                return Poll::Ready(Some(Err(ModelError::Cancelled)));
            }
            match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => {
                    if let Err(error) = this.parser.feed(&chunk) {
                        this.body = None;
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Some(Err(error)) => {
                    this.body = None;
                    let reason = super::root_cause(&error);
                    return Poll::Ready(Some(Err(ModelError::disconnected(format!("the connection broke: {reason}")))));
                }
                None => {
                    this.body = None;
                    this.parser.finish();
                }
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|_| self.completed) {
            self.drains.finish(body);
        }
    }
}
