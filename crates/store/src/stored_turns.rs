//! Turns of a thread, read from its rollout where they stand.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use types::{Turn, TurnId};

use crate::error::StoreError;
use crate::format;
use crate::outline::Span;
use crate::processors;
use crate::rollout::Rollout;
use crate::turn_key::TurnKey;
use crate::turn_spans::TurnSpan;
use crate::turns::{LastTurn, TurnBuilder, end_if_open};

/// Turns are read in pieces of at least so many bytes, so that short ones do not cost a call each.
const PIECE: u64 = 256 << 10;

/// So many bytes of turns are worth another processor.
const SHARE: u64 = 1 << 20;

/// Turns of a thread as its rollout had them when it was looked at, oldest first, as clients count them: all of them, or
/// the newest. What is in them is read when it is asked for.
///
/// Methods that read block on the file system, for as long as it takes to read what they give.
#[derive(Debug, Clone)]
pub struct StoredTurns {
    rollout: Arc<Rollout>,
    spans: Arc<[TurnSpan]>,
    older: bool,
}

impl StoredTurns {
    pub(crate) fn new(rollout: Arc<Rollout>, spans: Vec<TurnSpan>) -> Self {
        Self { rollout, spans: spans.into(), older: false }
    }

    /// The same as the newest of more.
    pub(crate) fn with_older(self) -> Self {
        Self { older: true, ..self }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether there may be turns before these.
    #[must_use]
    pub fn have_older(&self) -> bool {
        self.older
    }

    /// Where they stand in the rollout.
    pub(crate) fn spans(&self) -> &[TurnSpan] {
        &self.spans
    }

    /// The id of one of them, the first being 0.
    ///
    /// # Panics
    /// When there are not so many.
    #[must_use]
    pub fn id(&self, position: usize) -> TurnId {
        self.spans[position].id()
    }

    /// Which of them has that id, the first being 0; the newest if several have it.
    #[must_use]
    pub fn position(&self, id: &TurnId) -> Option<usize> {
        self.positions(id).next()
    }

    /// The same of all that have it, the newest first. No writer gives an id twice; a file may have it twice.
    pub fn positions(&self, id: &TurnId) -> impl Iterator<Item = usize> + use<'_> {
        let (key, spans) = (TurnKey::from(id), self.spans.iter().enumerate().rev());
        spans.filter(move |(_, span)| span.key == key).map(|(position, _)| position)
    }

    /// All of them with their items, as clients show them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(&self, last: LastTurn) -> Result<Vec<Turn>, StoreError> {
        self.some(0..self.len(), last)
    }

    /// Some of them. Reads these and what stands between them. A turn of a message that cannot be read is
    /// missing.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn some(&self, range: Range<usize>, last: LastTurn) -> Result<Vec<Turn>, StoreError> {
        let mut turns = Vec::with_capacity(range.len());
        self.for_each(range, last, |turn| turns.push(turn))?;
        Ok(turns)
    }

    /// Gives some of them one by one and keeps none: memory holds a few at a time.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn for_each(&self, range: Range<usize>, last: LastTurn, each: impl FnMut(Turn)) -> Result<(), StoreError> {
        self.for_each_by(&mut Vec::new(), range, last, each)
    }

    /// The same by way of a buffer that may have served before. Lines are read into it, and it grows as it has to.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn for_each_by(
        &self,
        buffer: &mut Vec<u8>,
        range: Range<usize>,
        last: LastTurn,
        mut each: impl FnMut(Turn),
    ) -> Result<(), StoreError> {
        let mut next = range.start;
        while next < range.end {
            let first = &self.spans[next];
            let mut end = first.at.end;
            let mut count = 1;
            for span in &self.spans[next + 1..range.end] {
                if end - first.at.start >= PIECE || span.is_counted_anew() {
                    break;
                }
                end = end.max(span.at.end);
                count += 1;
            }
            let mut builder = TurnBuilder::at(first, &self.spans[..next]);
            let piece = Span { start: first.at.start, end };
            self.rollout.lines_by(buffer, piece, |place, line| match format::read_shown(line) {
                Some(Some(record)) => builder.record(place, record),
                Some(None) => builder.skip(),
                None => {}
            })?;
            for (at, mut turn) in (next..).zip(builder.finish().into_iter().take(count)) {
                if last == LastTurn::Ended || at + 1 < self.spans.len() {
                    end_if_open(&mut turn);
                }
                each(turn);
            }
            next += count;
        }
        Ok(())
    }

    /// Makes something of each of several shares of them, of many on several processors, and gives it to `take`, the
    /// oldest turns first. Memory holds a few shares at a time.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When there are not so many turns, or when `begin` or `add` do.
    pub fn gather<R: Send>(
        &self,
        range: Range<usize>,
        last: LastTurn,
        begin: impl Fn() -> R + Sync,
        add: impl Fn(&mut R, Turn) + Sync,
        mut take: impl FnMut(R),
    ) -> Result<(), StoreError> {
        let gather = |buffer: &mut Vec<u8>, share: &Range<usize>| {
            let mut gathered = begin();
            self.for_each_by(buffer, share.clone(), last, |turn| add(&mut gathered, turn)).map(|()| gathered)
        };
        let mut outcome = Ok(());
        processors::in_order(&self.shares(range), gather, |gathered| match gathered {
            Ok(gathered) => {
                take(gathered);
                ControlFlow::Continue(())
            }
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        });
        outcome
    }

    /// Divides them into shares that stand in about as many bytes of the rollout each, 1 MiB or a little more.
    ///
    /// # Panics
    /// When there are not so many turns.
    pub fn shares(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut shares = Vec::new();
        let mut first = range.start;
        for at in range.clone() {
            if self.spans[at].at.end.saturating_sub(self.spans[first].at.start) >= SHARE {
                shares.push(first..at + 1);
                first = at + 1;
            }
        }
        if first < range.end {
            shares.push(first..range.end);
        }
        shares
    }
}
