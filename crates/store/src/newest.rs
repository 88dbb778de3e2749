//! Finds the newest turns of a long rollout from its end, without what stands before them.
//!
//! Turns that begin where nothing is counted (see [`COUNTED`]) are what they are whatever stands before them, unless a
//! line is about turns that began earlier. Then, and where no line says that a turn begins, all of the rollout has to be
//! read.

use std::io;
use std::sync::Arc;

use types::AbsPath;

use crate::format::{Shape, Step};
use crate::outline::{Span, TurnSpan, Turns};
use crate::outlining::{self, Tail};
use crate::rollout::Rollout;
use crate::stored_turns::StoredTurns;
use crate::thread_store::Source;
use crate::turns::COUNTED;

/// How many bytes of lines are looked at first, and at least at once.
const SHARE: u64 = 256 << 10;

/// The newest turns of a rollout of about `length` bytes: so many that they are `enough`. `None` when that takes more
/// than its last `at_most` bytes.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn turns<S: Source + Clone + 'static>(
    source: &S,
    length: u64,
    path: &AbsPath,
    at_most: u64,
    enough: &dyn Fn(&StoredTurns) -> bool,
) -> io::Result<Option<StoredTurns>> {
    let mut end = End::new(source, COUNTED.max(length.saturating_sub(at_most)), length, SHARE);
    while end.start > end.at_least {
        end.look_further()?;
        if let Some(spans) = end.turns() {
            let rollout = Rollout { path: path.clone(), source: Box::new(source.clone()), end: end.whole };
            let turns = StoredTurns::new(Arc::new(rollout), spans).with_older();
            if enough(&turns) {
                return Ok(Some(turns));
            }
        }
    }
    Ok(None)
}

/// The lines of a rollout's end.
struct End<'a> {
    source: &'a dyn Source,
    /// Those that begin between two places, the last ones first.
    shares: Vec<Vec<(Span, Shape)>>,
    /// The first place, and the last one.
    start: u64,
    length: u64,
    /// No line before this place is looked at.
    at_least: u64,
    /// Where the last whole line ends.
    whole: u64,
    at_once: u64,
    buffer: Vec<u8>,
}

impl<'a> End<'a> {
    fn new(source: &'a dyn Source, at_least: u64, length: u64, at_once: u64) -> Self {
        Self { source, shares: Vec::new(), start: length, length, at_least, whole: 0, at_once, buffer: Vec::new() }
    }

    /// Adds the lines before these: the more of them, the more there are.
    fn look_further(&mut self) -> io::Result<()> {
        let bytes = self.at_once.max((self.length - self.start) / 2);
        let start = self.start.saturating_sub(bytes).max(self.at_least);
        let mut lines = Vec::new();
        let add = |at, seen: Option<Option<Shape>>| {
            // A line that cannot be read does not count, nor does a blank one.
            lines.extend(seen.flatten().map(|shape| (at, shape.for_turns())));
        };
        let tail = outlining::see(self.source, start, self.start, start == 0, &mut self.buffer, add)?;
        if let Tail::Whole(at, shape) = tail {
            lines.push((at, shape.for_turns()));
        }
        if self.whole == 0 {
            self.whole = lines.last().map_or(0, |(at, _)| at.end);
        }
        self.shares.push(lines);
        self.start = start;
        Ok(())
    }

    /// The turns from the first one on of which a line says that it begins; `None` while that line, or what was before
    /// it, is to be found yet.
    fn turns(&self) -> Option<Vec<TurnSpan>> {
        let begins = |(_, shape): &&(Span, Shape)| matches!(shape, Shape::Turn(Step::Started(_)));
        let mut lines = self.shares.iter().rev().flatten().skip_while(|line| !begins(line)).peekable();
        lines.peek()?;
        Turns::at_end(lines)
    }
}
