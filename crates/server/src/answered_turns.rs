//! The turns of an answer: those of a long thread are read while the answer is written, and never stand in memory.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use protocol as p;
use rpc::{Closed, Parts, Responder};
use serde::Serialize;
use store::StoreError;

use crate::dispatch::{BoxFuture, Cx};
use crate::handlers::thread_turns::Turns;
use crate::turns_text::{TurnsText, around_turns};

/// What is to stand in the place of the empty list of turns in a response.
pub(crate) enum AnsweredTurns {
    /// All of it.
    Read(TurnsText),
    /// Still to be read.
    Long(LongTurns),
}

/// Turns in so many steps that it is worth writing the first ones while others are read.
pub(crate) struct LongTurns {
    turns: Arc<Turns>,
    /// Which of the settled turns are read at a time, oldest first.
    steps: Vec<Range<usize>>,
}

impl AnsweredTurns {
    /// Answers with these turns in a response. What is returned has to be done for the answer to come to its end.
    ///
    /// # Errors
    /// Gives the responder back when the response has no empty list of turns.
    pub(crate) fn answer(
        self,
        cx: &Cx,
        responder: Responder,
        response: &impl Serialize,
    ) -> Result<Option<BoxFuture<()>>, Responder> {
        let Some([before, after]) = around_turns(responder.id(), response) else { return Err(responder) };
        match self {
            Self::Read(text) => {
                let pieces = std::iter::once(before).chain(text.into_pieces()).chain([after]);
                responder.respond_encoded(pieces.collect());
                Ok(None)
            }
            Self::Long(long) => {
                let Some(parts) = responder.respond_in_parts() else { return Ok(None) };
                let cx = cx.clone();
                Ok(Some(Box::pin(async move {
                    if long.write(&cx, parts, [before, after]).await.is_err() {
                        tracing::debug!("the connection was closed before an answer was written");
                    }
                })))
            }
        }
    }
}

impl LongTurns {
    pub(crate) fn new(turns: Turns, steps: Vec<Range<usize>>) -> Self {
        Self { turns: Arc::new(turns), steps }
    }

    /// Writes the answer; the next turns are read while the client takes those before them. No thread waits for it.
    async fn write(self, cx: &Cx, mut parts: Parts, [before, after]: [Bytes; 2]) -> Result<(), Closed> {
        parts.wanted().await?;
        parts.send(before).await?;
        let mut comma = false;
        let mut steps = self.steps.into_iter();
        let mut next = steps.next().map(|step| read(&self.turns, step));
        while let Some(reading) = next {
            let text = match reading.await {
                Ok(Ok(text)) => text,
                Ok(Err(error)) => {
                    self.turns.tell_unread(cx, &error);
                    break;
                }
                // Half an answer must not pass for one: the connection ends with a panic, or with the server.
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_cancelled) => return Err(Closed),
                },
            };
            next = steps.next().map(|step| read(&self.turns, step));
            send(&parts, text, &mut comma).await?;
        }
        send(&parts, self.turns.unsettled_text(), &mut comma).await?;
        parts.finish(after).await
    }
}

type Reading = tokio::task::JoinHandle<Result<TurnsText, StoreError>>;

fn read(turns: &Arc<Turns>, step: Range<usize>) -> Reading {
    let turns = turns.clone();
    tokio::task::spawn_blocking(move || turns.settled_text(step))
}

async fn send(parts: &Parts, text: TurnsText, comma: &mut bool) -> Result<(), Closed> {
    if text.is_empty() {
        return Ok(());
    }
    if std::mem::replace(comma, true) {
        parts.send(Bytes::from_static(b",")).await?;
    }
    for piece in text.into_pieces() {
        parts.send(piece).await?;
    }
    Ok(())
}

impl Turns {
    /// The thread is shown as far as it could be read, and the client hears that there is more.
    fn tell_unread(&self, cx: &Cx, error: &StoreError) {
        let id = self.stored.meta.id;
        tracing::error!(thread = %id, %error, "the turns of a thread cannot be read to their end");
        let message = format!("not all turns of this thread are shown: {error}");
        let warning = p::WarningNotification { thread_id: Some(id.to_string()), message };
        cx.server.hub.notify(&cx.connection, &warning);
    }
}
