//! Questions that a turn puts to a client, and their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;
use types::{ThreadId, TurnId};

use crate::event::{Answer, EventSink, Question, QuestionId, QuestionKind, ThreadEvent};
use crate::status::{StatusBoard, Wait};

static NEXT_QUESTION: AtomicU64 = AtomicU64::new(0);

/// Asks on behalf of one turn.
#[derive(Clone)]
pub(crate) struct Questions {
    pub(crate) thread_id: ThreadId,
    pub(crate) turn_id: TurnId,
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) status: Arc<StatusBoard>,
}

impl Questions {
    /// Asks and waits for the first answer. `None` when nobody will answer any more.
    ///
    /// # Cancel safety
    /// Dropping the future settles the question: clients are told that no answer is needed.
    pub(crate) async fn ask(&self, kind: QuestionKind) -> Option<Answer> {
        let wait = match kind {
            QuestionKind::Command(_)
            | QuestionKind::Network(_)
            | QuestionKind::Patch(_)
            | QuestionKind::Permissions(_) => Wait::Approval,
            QuestionKind::UserInput(_) => Wait::UserInput,
            QuestionKind::DynamicTool { .. } => Wait::Client,
        };
        let id = QuestionId(NEXT_QUESTION.fetch_add(1, Ordering::Relaxed));
        let (reply, answer) = oneshot::channel();
        self.status.begin_wait(wait);
        let _open = Open { questions: self, id, wait };
        let question = Question { id, turn_id: self.turn_id.clone(), kind, reply };
        self.sink.emit(self.thread_id, ThreadEvent::Asked(question));
        answer.await.ok()
    }
}

/// Settles its question when dropped, whether answered or cut off.
struct Open<'a> {
    questions: &'a Questions,
    id: QuestionId,
    wait: Wait,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.questions.sink.emit(self.questions.thread_id, ThreadEvent::Settled { question: self.id });
        self.questions.status.end_wait(self.wait);
    }
}
