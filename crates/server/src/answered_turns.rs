//! The turns of an answer: those of a long thread are read while the answer is written, and never stand in memory.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use protocol as p;
use rpc::{Closed, Parts, Responder};
use serde::Serialize;
use store::StoreError;
use tokio::task::JoinHandle;
use types::ThreadId;

use crate::dispatch::{BoxFuture, Cx};
use crate::turns::{Room, Turns};
use crate::turns_text::{TurnsText, around_turns};

/// The turns of so much of a rollout, in shares of 1 MiB, are read before they are written.
const SHARES_IN_MEMORY: usize = 4;

/// What is to stand in the place of the empty list of turns in a response.
pub(crate) enum AnsweredTurns {
    /// All of it.
    Read(TurnsText),
    /// Still to be read.
    Long(LongTurns),
}

/// Turns in so many shares that it is worth writing the first ones while others are read.
pub(crate) struct LongTurns {
    id: ThreadId,
    turns: Arc<Turns>,
    /// Those of the settled turns that are read together, oldest first.
    shares: Vec<Range<usize>>,
}

impl AnsweredTurns {
    /// All turns of the thread `id` for an answer over this connection: read, or to be read while they are written. Blocks
    /// while they are read.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn of(turns: Turns, id: ThreadId, cx: &Cx) -> Result<Self, StoreError> {
        if cx.connection.outgoing.takes_parts() {
            let shares = turns.shares();
            if shares.len() > SHARES_IN_MEMORY {
                return Ok(Self::Long(LongTurns::new(id, turns, shares)));
            }
        }
        let mut text = turns.settled_text()?;
        text.append(turns.unsettled_text());
        Ok(Self::Read(text))
    }

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
                    let id = long.id;
                    match long.write(parts, [before, after]).await {
                        Ok(None) => {}
                        Ok(Some(error)) => tell_unread(&cx, id, &error),
                        Err(Closed) => tracing::debug!("the connection was closed before an answer was written"),
                    }
                })))
            }
        }
    }
}

impl LongTurns {
    fn new(id: ThreadId, turns: Turns, shares: Vec<Range<usize>>) -> Self {
        Self { id, turns: Arc::new(turns), shares }
    }

    /// Writes the answer; the next turns are read while the client takes those before them. No thread waits for it. Gives
    /// what has kept it from reading all of the turns: the answer has those before it.
    async fn write(self, mut parts: Parts, [before, after]: [Bytes; 2]) -> Result<Option<StoreError>, Closed> {
        parts.wanted().await?;
        parts.send(before).await?;
        let (mut comma, mut unread) = (false, None);
        // One for each processor that may read, and one that waits to be written.
        let at_once = store::processors() + 1;
        let mut shares = self.shares.into_iter();
        let mut ahead: VecDeque<_> =
            shares.by_ref().take(at_once).map(|share| read(&self.turns, share, Room::default())).collect();
        let mut sent = Sent::default();
        while let Some(reading) = ahead.pop_front() {
            let (text, lines) = match reading.await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => {
                    unread = Some(error);
                    break;
                }
                // Half an answer must not pass for one: the connection ends with a panic, or with the server.
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_cancelled) => return Err(Closed),
                },
            };
            if let Some(share) = shares.next() {
                ahead.push_back(read(&self.turns, share, Room { lines, text: sent.take() }));
            }
            sent.0.extend(send(&parts, text, &mut comma).await?);
        }
        send(&parts, self.turns.unsettled_text(), &mut comma).await?;
        parts.finish(after).await?;
        Ok(unread)
    }
}

/// The text of a share, and memory that is free again.
type Read = (TurnsText, Vec<u8>);

fn read(turns: &Arc<Turns>, share: Range<usize>, mut room: Room) -> JoinHandle<Result<Read, StoreError>> {
    let turns = turns.clone();
    tokio::task::spawn_blocking(move || Ok((turns.share_text(share, &mut room)?, room.lines)))
}

/// Gives the text, and keeps a hold on its memory.
async fn send(parts: &Parts, text: TurnsText, comma: &mut bool) -> Result<Vec<Bytes>, Closed> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if std::mem::replace(comma, true) {
        parts.send(Bytes::from_static(b",")).await?;
    }
    let pieces: Vec<_> = text.into_pieces().collect();
    for piece in &pieces {
        parts.send(piece.clone()).await?;
    }
    Ok(pieces)
}

/// What was given to the writer, oldest first. Once it is written its memory takes the next text: fresh memory costs
/// more than what is written into it.
#[derive(Default)]
struct Sent(VecDeque<Bytes>);

impl Sent {
    /// Memory that the writer is done with; none if there is none yet.
    fn take(&mut self) -> Vec<u8> {
        let Some(oldest) = self.0.pop_front() else { return Vec::new() };
        match oldest.try_into_mut() {
            Ok(free) => free.into(),
            Err(in_use) => {
                self.0.push_front(in_use);
                Vec::new()
            }
        }
    }
}

/// The thread is shown as far as it could be read, and the client hears that there is more.
fn tell_unread(cx: &Cx, id: ThreadId, error: &StoreError) {
    tracing::error!(thread = %id, %error, "the turns of a thread cannot be read to their end");
    let message = format!("not all turns of this thread are shown: {error}");
    let warning = p::WarningNotification { thread_id: Some(id.to_string()), message };
    cx.server.hub.notify(&cx.connection, &warning);
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;

    use rpc::{Outgoing, RequestId};
    use serde_json::{Value, json};
    use store::{Source, StoredThread};
    use tokio::io::AsyncReadExt as _;
    use types::AbsPath;

    use super::*;

    /// A rollout on a disk of which only so much can be read.
    #[derive(Debug)]
    struct Failing {
        text: String,
        readable: Arc<AtomicU64>,
    }

    impl Source for Failing {
        fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
            if position >= self.readable.load(Ordering::Relaxed) {
                return Err(io::Error::other("a bad block"));
            }
            let mut rest = self.text.as_bytes().get(position as usize..).unwrap_or_default();
            io::Read::read(&mut rest, buffer)
        }
    }

    fn rollout(turns: usize) -> String {
        let line = |kind: &str, payload: Value| {
            let stamp = "2026-01-02T03:04:05.678Z";
            format!("{}\n", json!({ "timestamp": stamp, "type": kind, "payload": payload }))
        };
        let facts = json!({ "id": "019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1", "timestamp": "2026-01-02T03:04:05.678Z",
            "cwd": "/", "originator": "it", "cli_version": "1", "source": "vscode" });
        let turn = |turn: usize| {
            let id = format!("turn-{turn}");
            [
                line("event_msg", json!({ "type": "task_started", "turn_id": id })),
                line("event_msg", json!({ "type": "user_message", "message": "x".repeat(100_000) })),
                line("event_msg", json!({ "type": "task_complete", "turn_id": id })),
            ]
        };
        std::iter::once(line("session_meta", facts)).chain((0..turns).flat_map(turn)).collect()
    }

    #[tokio::test]
    async fn an_answer_that_the_disk_cuts_short_is_whole_and_has_the_turns_before() {
        let (text, readable) = (rollout(100), Arc::new(AtomicU64::new(u64::MAX)));
        let (length, path) = (text.len() as u64, AbsPath::new("/rollout.jsonl").unwrap());
        let source = Box::new(Failing { text, readable: readable.clone() });
        let stored = StoredThread::from_source(source, length, path, |_| Ok(None), SystemTime::now()).unwrap();
        readable.store(length / 2, Ordering::Relaxed);
        let long = LongTurns::new(
            stored.meta.id,
            Turns::of_stored(stored.turns),
            vec![0..20, 20..40, 40..60, 60..80, 80..100],
        );

        let (mut client, server) = rpc::in_process();
        let (outgoing, writer) = Outgoing::new(server);
        let writer = tokio::spawn(writer.run());
        let parts = Responder::new(RequestId::Int(1), outgoing.clone()).respond_in_parts().unwrap();
        let frame = [Bytes::from_static(b"["), Bytes::from_static(b"]")];
        let writing = tokio::spawn(long.write(parts, frame));
        let mut text = String::new();
        let reading = async { client.read_to_string(&mut text).await };
        let ending = async {
            let unread = writing.await.unwrap().unwrap().expect("not all can be read");
            outgoing.close();
            unread.to_string()
        };
        let (read, unread) = tokio::join!(reading, ending);
        read.unwrap();
        writer.await.unwrap().unwrap();
        assert!(unread.contains("/rollout.jsonl") && unread.contains("a bad block"), "{unread}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let ids: Vec<_> = answer.as_array().unwrap().iter().map(|turn| turn["id"].clone()).collect();
        assert_eq!(ids, (0..40).map(|turn| json!(format!("turn-{turn}"))).collect::<Vec<_>>());
    }
}
