//! How long a request to the model takes.

use std::time::{Duration, Instant};

use model::ModelError;
use types::TokenUsage;

use super::RunningTurn;
use crate::event::{ModelFailure, ModelRequestEnd, ThreadEvent};

/// Runs from a request to the end of its answer.
pub(super) struct RequestClock {
    asked: Instant,
    answered_after: Option<Duration>,
}

impl RequestClock {
    pub(super) fn start() -> Self {
        Self { asked: Instant::now(), answered_after: None }
    }

    /// The answer has begun.
    pub(super) fn answered(&mut self) {
        self.answered_after = Some(self.asked.elapsed());
    }
}

impl RunningTurn {
    /// Tells how a request has ended, unless it was interrupted.
    pub(super) fn request_ended(&self, clock: &RequestClock, outcome: Result<Option<TokenUsage>, &ModelError>) {
        if matches!(outcome, Err(ModelError::Cancelled)) {
            return;
        }
        let failure = |error: &ModelError| ModelFailure { name: error.name(), status: error.http_status() };
        self.events.emit(ThreadEvent::ModelRequestEnded(ModelRequestEnd {
            turn_id: self.id.clone(),
            model: self.settings.model().to_owned(),
            answered_after: clock.answered_after,
            duration: clock.asked.elapsed(),
            outcome: outcome.map_err(failure),
        }));
    }
}
