//! Finds the newest turns of a long rollout from its end, without what stands before them.
//!
//! Turns that begin where nothing is counted (see [`COUNTED`]) are what they are whatever stands before them, unless a
//! line is about turns that began earlier. Then, and where no line says that a turn begins, all of the rollout has to be
//! read.

use std::io;
use std::sync::Arc;

use types::AbsPath;

use crate::format::{Shape, Step};
use crate::outline::Span;
use crate::outlining::{self, Seen, Tail};
use crate::rollout::Rollout;
use crate::stored_turns::StoredTurns;
use crate::thread_store::Source;
use crate::turn_spans::{TurnSpan, Turns};
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
            let rollout = Rollout { path: path.clone(), source: Box::new(source.clone()) };
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
    at_once: u64,
    buffer: Vec<u8>,
}

impl<'a> End<'a> {
    fn new(source: &'a dyn Source, at_least: u64, length: u64, at_once: u64) -> Self {
        Self { source, shares: Vec::new(), start: length, length, at_least, at_once, buffer: Vec::new() }
    }

    /// Adds the lines before these: the more of them, the more there are.
    fn look_further(&mut self) -> io::Result<()> {
        let bytes = self.at_once.max((self.length - self.start) / 2);
        let start = self.start.saturating_sub(bytes).max(self.at_least);
        let mut lines = Vec::new();
        let add = |at, seen: Seen| {
            // A line that cannot be read does not count, nor does a blank one.
            lines.extend(seen.flatten().map(|shape| (at, shape.for_turns())));
        };
        let tail = outlining::see(self.source, start, self.start, false, &mut self.buffer, add)?;
        if let Tail::Whole(at, shape) = tail {
            lines.push((at, shape.for_turns()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outline::Outline;
    use crate::turns::LastTurn;

    /// Where the lines of a rollout in memory begin: some of them are counted.
    const BEGIN: u64 = COUNTED - 1500;

    /// A rollout in memory, without what stands before [`BEGIN`].
    #[derive(Debug, Clone)]
    struct Memory(Arc<[u8]>);

    impl Source for Memory {
        fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
            let at = usize::try_from(position - BEGIN).expect("it is small");
            io::Read::read(&mut self.0.get(at..).unwrap_or_default(), buffer)
        }
    }

    fn line(kind: &str, payload: &str) -> String {
        format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"{kind}\",\"payload\":{{{payload}}}}}\n")
    }

    fn event(payload: &str) -> String {
        line("event_msg", payload)
    }

    fn said(length: usize) -> String {
        event(&format!(r#""type":"agent_message","message":"{}""#, "x".repeat(length)))
    }

    fn plan(turn: u8, item: u8) -> String {
        let item = format!(r#"{{"type":"Plan","id":"p{item}","text":"x"}}"#);
        let thread = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1";
        event(&format!(r#""type":"item_completed","thread_id":"{thread}","turn_id":"t{turn}","item":{item}"#))
    }

    /// A line, or what is left of one. Turns are called by numbers, and often the wrong way.
    fn any_line() -> impl Strategy<Value = String> {
        let about = |kind| (0..6u8).prop_map(move |turn| event(&format!(r#""type":"{kind}","turn_id":"t{turn}""#)));
        let hook = r#"[{"type":"input_text","text":"<hook_prompt hook_run_id=\"1\">hi</hook_prompt>"}]"#;
        let hook = line("response_item", &format!(r#""type":"message","role":"user","content":{hook}"#));
        prop_oneof![
            6 => about("task_started"),
            3 => about("task_complete"),
            1 => about("turn_aborted"),
            1 => Just(event(r#""type":"turn_aborted","reason":"interrupted""#)),
            1 => (1..3u8).prop_map(|turns| event(&format!(r#""type":"thread_rolled_back","num_turns":{turns}"#))),
            3 => Just(event(r#""type":"user_message","message":"hi""#)),
            4 => (1..40usize).prop_map(said),
            1 => (1..3000usize).prop_map(said),
            2 => Just(event(r#""type":"agent_reasoning","text":"hm""#)),
            1 => Just(event(r#""type":"context_compacted""#)),
            2 => (0..6u8, 0..3u8).prop_map(|(turn, item)| plan(turn, item)),
            1 => Just(line("compacted", r#""message":"sum""#)),
            1 => Just(hook),
            1 => Just(event(r#""type":"nobody_knows""#)),
            1 => prop_oneof![Just("\n"), Just("\0\0"), Just("no line\n"), Just("{\"timestamp\":\"2")].prop_map(str::to_owned),
        ]
    }

    fn read(source: &Memory, spans: &[TurnSpan]) -> Vec<types::Turn> {
        let path = AbsPath::new(std::env::temp_dir().join("rollout.jsonl")).unwrap();
        let rollout = Rollout { path, source: Box::new(source.clone()) };
        StoredTurns::new(Arc::new(rollout), spans.to_vec()).all(LastTurn::Running).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn wherever_shares_begin_their_turns_are_the_last_ones_of_all(
            lines in prop::collection::vec(any_line(), 0..120),
            line_feed in any::<bool>(),
            at_once in prop_oneof![1..9u64, 60..400u64, 3000..9000u64],
        ) {
            let text = lines.concat();
            let text = if line_feed { &text } else { text.trim_end_matches('\n') };
            let source = Memory(text.as_bytes().into());
            let length = BEGIN + text.len() as u64;
            let mut outline = Outline { covered: BEGIN, ..Outline::default() };
            if let Tail::Whole(at, shape) = outlining::outline(&source, &mut outline, length).unwrap() {
                outline.add(at, shape);
            }
            let all = outline.turns.finish();
            let shown = read(&source, &all);
            prop_assert_eq!(shown.len(), all.len());

            let mut end = End::new(&source, COUNTED, length, at_once);
            let mut known = 0;
            while end.start > end.at_least {
                end.look_further().unwrap();
                let newest = end.turns().unwrap_or_default();
                let from = all.len().checked_sub(newest.len()).expect("there are no others");
                prop_assert_eq!(&newest[..], &all[from..]);
                if newest.len() != known {
                    known = newest.len();
                    prop_assert_eq!(read(&source, &newest), &shown[from..]);
                }
            }
        }
    }
}
