//! The duty to answer a request.

use bytes::Bytes;
use serde::Serialize;

use crate::message::{ErrorObject, RequestId};
use crate::parts::Parts;
use crate::writer::Outgoing;

/// The duty to answer one request of the other side, exactly once.
///
/// Answering consumes it. One that is dropped unanswered, by an early return, a panic or a cancelled task, answers
/// with an internal error.
#[derive(Debug)]
#[must_use = "a request is waiting for its answer"]
pub struct Responder {
    id: RequestId,
    /// Gone once answered.
    outgoing: Option<Outgoing>,
}

impl Responder {
    /// Takes on the duty to answer request `id` through `outgoing`.
    pub fn new(id: RequestId, outgoing: Outgoing) -> Self {
        Self { id, outgoing: Some(outgoing) }
    }

    /// The request's id.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Answers. When this returns the response stands in the connection's queue, before whatever is sent next. If the
    /// connection is closed there is nobody to tell, and nothing happens.
    pub fn respond(mut self, result: &Result<impl Serialize, ErrorObject>) {
        self.answer(result);
    }

    /// Answers with a frame that is written already, in pieces: together they are that of [`crate::encode_result`] for
    /// [`Self::id`], or an equal one. Those of 64 KiB and more are not copied.
    pub fn respond_encoded(mut self, pieces: Vec<Bytes>) {
        if let Some(outgoing) = self.outgoing.take()
            && outgoing.push_pieces(pieces).is_err()
        {
            self.closed();
        }
    }

    /// Answers with a frame that is made while it is written, see [`Parts`]: for what is too long to stand in memory. Its
    /// place in the queue is taken when this returns. Saves nothing where the connection does not
    /// [take parts](Outgoing::takes_parts). `None` when the connection is closed.
    pub fn respond_in_parts(mut self) -> Option<Parts> {
        let parts = self.outgoing.take()?.push_parts();
        if parts.is_err() {
            self.closed();
        }
        parts.ok()
    }

    fn closed(&self) {
        tracing::debug!(id = %self.id, "the connection was closed before a request was answered");
    }

    fn answer(&mut self, result: &Result<impl Serialize, ErrorObject>) {
        if let Some(outgoing) = self.outgoing.take()
            && outgoing.respond(&self.id, result).is_err()
        {
            self.closed();
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.outgoing.is_some() {
            tracing::error!(id = %self.id, "a request was dropped unanswered");
            self.answer(&Err::<(), _>(ErrorObject::new(ErrorObject::INTERNAL, "internal error")));
        }
    }
}
