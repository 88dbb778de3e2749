//! A provider without a model: it follows what the user writes, so that clients can be developed and tried with every
//! kind of item, delta, approval and error, with real tools behind them and without a network.
//!
//! It never pretends to be a model. `docs/simulator.md` describes the language and the scripts. `language.rs` reads
//! the user's words, `conversation.rs` the history, `performance.rs` turns statements into events; `script.rs` plays
//! a file of replies instead.
//!
//! How far a turn is follows from the request alone: the history shows how many tool calls were made since the user
//! spoke, and each response goes on behind the last of them. The only thing remembered between requests is how often
//! a failure that should happen a limited number of times has happened.

mod conversation;
mod language;
mod performance;
mod script;
mod statement;
mod toolbox;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream;
use tokio_util::sync::CancellationToken;

use self::conversation::Conversation;
use self::performance::{Performance, Step};
use self::script::Script;
use self::statement::{Failure, Statement};
use self::toolbox::Toolbox;
use crate::{ModelError, ModelProvider, Request, ResponseStream};

/// Failures that are counted at the same time, over all threads. Older ones start again.
const MAX_COUNTED_FAILURES: usize = 256;

/// Answers requests by itself.
pub struct Simulator {
    script: Option<Script>,
    /// Responses given; makes ids.
    responses: AtomicU64,
    /// How often each limited failure has happened, by a hash of its place.
    failures: Mutex<Vec<(u64, u32)>>,
}

impl Simulator {
    /// A simulator that follows the user's words, or plays the replies of a script file. No I/O happens before the
    /// first request.
    pub fn new(script: Option<PathBuf>) -> Self {
        Self { script: script.map(Script::new), responses: AtomicU64::new(0), failures: Mutex::default() }
    }

    /// What this response has to do, as far as its first tool call, and the pace it starts with.
    fn part(&self, request: &Request, conversation: &Conversation<'_>) -> (Vec<Statement>, Option<Duration>) {
        let mut statements = language::parse(&conversation.prompt);
        let toolbox = Toolbox::of(&request.tools);
        let calls = |statement: &Statement| statement.calls().iter().filter(|call| toolbox.offers(call)).count();
        let mut done = conversation.calls;
        let mut start = 0;
        for (at, statement) in statements.iter().enumerate() {
            if done == 0 || matches!(statement, Statement::Stop) {
                break;
            }
            let calls = calls(statement);
            if calls > 0 {
                done = done.saturating_sub(calls);
                start = at + 1;
            }
        }
        let pace = statements[..start].iter().rev().find_map(|statement| match statement {
            Statement::Pace(pace) => Some(*pace),
            _ => None,
        });
        let mut part = Vec::new();
        for (at, statement) in statements.drain(..).enumerate().skip(start) {
            let last = match &statement {
                Statement::Fail(Failure { times: Some(times), .. }) => {
                    if !self.is_due(request, conversation, at, *times) {
                        continue;
                    }
                    true
                }
                Statement::Fail(_) | Statement::Stop => true,
                other => calls(other) > 0,
            };
            part.push(statement);
            if last {
                break;
            }
        }
        (part, pace)
    }

    /// Whether the failure at this place should happen once more; counts it if so.
    fn is_due(&self, request: &Request, conversation: &Conversation<'_>, at: usize, times: u32) -> bool {
        let mut hasher = DefaultHasher::new();
        (&request.prompt_cache_key, conversation.at, at, &conversation.prompt).hash(&mut hasher);
        let place = hasher.finish();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.iter_mut().find(|(known, _)| *known == place) {
            Some((_, count)) if *count >= times => return false,
            Some((_, count)) => *count += 1,
            None if times == 0 => return false,
            None => {
                if failures.len() >= MAX_COUNTED_FAILURES {
                    failures.remove(0);
                }
                failures.push((place, 1));
            }
        }
        true
    }
}

#[async_trait]
impl ModelProvider for Simulator {
    async fn stream(&self, request: &Request, cancel: &CancellationToken) -> Result<ResponseStream, ModelError> {
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        if let Some(script) = &self.script {
            return Ok(play(script.next_reply()?.into_iter(), cancel.clone()));
        }
        let conversation = Conversation::read(&request.input);
        let (statements, pace) = self.part(request, &conversation);
        // A provider that refuses does so before it streams.
        let first = statements.iter().find(|statement| {
            !matches!(statement, Statement::Usage { .. } | Statement::Limits(_) | Statement::Reroute(_))
        });
        if let Some(Statement::Fail(failure)) = first
            && performance::is_refusal(failure.kind)
        {
            return Err(performance::error(failure.kind));
        }
        let number = self.responses.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(play(Performance::new(request, &conversation, statements, pace, number), cancel.clone()))
    }
}

/// Plays steps as a stream.
fn play(steps: impl Iterator<Item = Step> + Send + 'static, cancel: CancellationToken) -> ResponseStream {
    /// Events after which others get a turn: nothing else here ever waits.
    const BATCH: u32 = 64;
    let events = stream::unfold((steps, cancel, 0_u32), |(mut steps, cancel, mut count)| async move {
        loop {
            if cancel.is_cancelled() {
                return Some((Err(ModelError::Cancelled), (steps, cancel, count)));
            }
            match steps.next()? {
                Step::Event(event) => {
                    count = count.wrapping_add(1);
                    if count.is_multiple_of(BATCH) {
                        tokio::task::yield_now().await;
                    }
                    return Some((Ok(event), (steps, cancel, count)));
                }
                Step::Delay(time) => {
                    // Cancellation is seen at the top of the loop.
                    let _ = tokio::time::timeout(time, cancel.cancelled()).await;
                }
                Step::Hang => cancel.cancelled().await,
                Step::Fail(error) => return Some((Err(error), (steps, cancel, count))),
            }
        }
    });
    // Silence is part of the play.
    ResponseStream::new(events, Duration::MAX)
}

#[cfg(test)]
mod tests;
