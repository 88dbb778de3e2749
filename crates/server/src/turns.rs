//! The turns of a thread as clients are to see them: those on disk, and the one that runs as it is now.
//!
//! A long thread has more turns than should stand in memory, so that all of them are given as the text they are in an
//! answer ([`TurnsText`]), written turn by turn as they are read.

use std::ops::Range;

use engine::{ThreadHandle, ThreadSnapshot};
use protocol as p;
use store::{LastTurn, StoreError, StoredTurns};
use types::{Item, Turn, TurnId, TurnStatus};

use crate::turns_text::TurnsText;
use crate::wire::IntoWire as _;

/// What is shown of a turn that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Running {
    /// What is stored of it.
    Stored,
    /// Also what only the process knows: commands and patches, those in progress among them.
    Live,
}

/// Memory that a share of the turns is read and written in.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) lines: Vec<u8>,
    pub(crate) text: Vec<u8>,
}

/// The turns of a thread, or its newest ones, oldest first.
pub(crate) struct Turns {
    stored: StoredTurns,
    /// So many of the stored turns are shown as they are stored.
    settled: usize,
    /// What comes after them: the last stored turn as it is now, or one that is not stored yet.
    rest: Vec<Turn>,
}

impl Turns {
    /// Those of a thread that nobody works on.
    pub(crate) fn of_stored(stored: StoredTurns) -> Self {
        Self { settled: stored.len(), stored, rest: Vec::new() }
    }

    /// Those that `read` gives of a loaded thread, with the thread, all as of one moment. Blocks while some of the rollout
    /// is read.
    pub(crate) fn of_loaded(
        thread: &ThreadHandle,
        mut read: impl FnMut() -> Result<StoredTurns, StoreError>,
        shown: Running,
    ) -> Result<(Self, ThreadSnapshot), StoreError> {
        let mut known_open = None;
        loop {
            let stored = read()?;
            // Taken after the rollout was read: a turn that runs now had not ended there.
            let snapshot = thread.snapshot();
            let settled = stored.len().saturating_sub(1);
            let last = stored.some(settled..stored.len(), LastTurn::Running)?;
            let open = last.iter().find(|turn| turn.status == TurnStatus::InProgress).map(|turn| &turn.id);
            let open = open.filter(|open| snapshot.running.as_ref().is_none_or(|turn| turn.id != **open));
            // A turn without an end that does not run may have ended since: then its end is on disk by now.
            if open.is_some() && open != known_open.as_ref() {
                known_open = open.cloned();
                continue;
            }
            let running = snapshot
                .running
                .as_ref()
                .filter(|running| stored.position(&running.id).is_none_or(|position| position >= settled));
            let rest = with_running(last, running, shown);
            return Ok((Self { stored, settled, rest }, snapshot));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.settled + self.rest.len()
    }

    /// The id of one of them.
    pub(crate) fn id(&self, position: usize) -> TurnId {
        match position.checked_sub(self.settled) {
            None => self.stored.id(position),
            Some(position) => self.rest[position].id.clone(),
        }
    }

    /// Which of them have that id, the newest first, the oldest of all turns being 0.
    pub(crate) fn positions(&self, id: &TurnId) -> impl Iterator<Item = usize> {
        let rest = self.rest.iter().enumerate().rev().filter(|(_, turn)| turn.id == *id);
        let stored = self.stored.positions(id).filter(|position| *position < self.settled);
        rest.map(|(position, _)| self.settled + position).chain(stored)
    }

    /// Gives some of them, and keeps none. Blocks while they are read.
    pub(crate) fn for_each(&self, range: Range<usize>, mut each: impl FnMut(Turn)) -> Result<(), StoreError> {
        let stored = range.start.min(self.settled)..range.end.min(self.settled);
        self.stored.for_each(stored, LastTurn::Ended, &mut each)?;
        let rest = range.start.saturating_sub(self.settled)..range.end.saturating_sub(self.settled);
        self.rest[rest].iter().cloned().for_each(each);
        Ok(())
    }

    /// All of them on the wire.
    pub(crate) fn to_wire(&self) -> Result<Vec<p::Turn>, StoreError> {
        let mut turns = Vec::with_capacity(self.len());
        self.for_each(0..self.len(), |turn| turns.push(turn.into_wire()))?;
        Ok(turns)
    }

    /// Those after the settled ones.
    pub(crate) fn unsettled_text(&self) -> TurnsText {
        let mut text = TurnsText::default();
        self.rest.iter().for_each(|turn| text.push(&turn.clone().into_wire()));
        text
    }

    /// The settled ones in shares that are read and written one by one, oldest first.
    pub(crate) fn shares(&self) -> Vec<Range<usize>> {
        self.stored.shares(0..self.settled)
    }

    /// One share of the settled ones, in memory that may have served before. Blocks while it is read.
    pub(crate) fn share_text(&self, settled: Range<usize>, room: &mut Room) -> Result<TurnsText, StoreError> {
        let mut text = TurnsText::in_buffer(std::mem::take(&mut room.text));
        self.stored.for_each_by(&mut room.lines, settled, LastTurn::Ended, |turn| text.push(&turn.into_wire()))?;
        Ok(text)
    }

    /// All of the settled ones. Blocks while they are read.
    pub(crate) fn settled_text(&self) -> Result<TurnsText, StoreError> {
        let mut text = TurnsText::default();
        let add = |text: &mut TurnsText, turn: Turn| text.push(&turn.into_wire());
        self.stored.gather(0..self.settled, LastTurn::Ended, TurnsText::with_room, add, |more| text.append(more))?;
        Ok(text)
    }
}

/// The last stored turn, which may have no end, with the running one as it is now.
fn with_running(mut turns: Vec<Turn>, running: Option<&Turn>, shown: Running) -> Vec<Turn> {
    if let Some(open) = turns.last_mut().filter(|turn| turn.status == TurnStatus::InProgress) {
        match running.filter(|running| running.id == open.id) {
            Some(running) if shown == Running::Live => {
                open.items = with_live(std::mem::take(&mut open.items), &running.items);
            }
            Some(_) => {}
            // Nobody runs it any more.
            None => open.status = TurnStatus::Interrupted,
        }
    }
    if let Some(running) = running
        && turns.iter().all(|turn| turn.id != running.id)
    {
        turns.push(running.clone());
    }
    turns
}

/// Stored items with those between them that only the process knows. What is stored has the ids under which it will be
/// found again.
fn with_live(stored: Vec<Item>, live: &[Item]) -> Vec<Item> {
    let mut stored = stored.into_iter().peekable();
    let mut items = Vec::new();
    for item in live {
        let same_kind = |next: &Item| std::mem::discriminant(next) == std::mem::discriminant(item);
        items.push(stored.next_if(same_kind).unwrap_or_else(|| item.clone()));
    }
    items.extend(stored);
    items
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};
    use std::time::UNIX_EPOCH;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::json;
    use store::{Source, StoredThread};
    use types::{AbsPath, ItemId};

    use super::*;

    fn turn(id: &str, status: TurnStatus, items: usize) -> Turn {
        let item = |number| Item::AgentMessage {
            id: ItemId::from(format!("item-{number}")),
            text: "said".into(),
            phase: None,
            memory_citation: None,
        };
        Turn {
            id: TurnId::from(id),
            items: (0..items).map(item).collect(),
            status,
            error: None,
            started_at: None,
            completed_at: None,
            duration: None,
        }
    }

    fn shown(stored: Vec<Turn>, running: Option<&Turn>) -> Vec<(String, TurnStatus, usize)> {
        let turns = with_running(stored, running, Running::Live);
        turns.into_iter().map(|turn| (turn.id.to_string(), turn.status, turn.items.len())).collect()
    }

    #[test]
    fn a_turn_that_has_its_end_on_disk_is_not_opened_again() {
        let late = turn("t1", TurnStatus::InProgress, 3);
        for end in [TurnStatus::Completed, TurnStatus::Interrupted, TurnStatus::Failed] {
            assert_eq!(shown(vec![turn("t1", end, 1)], Some(&late)), [("t1".to_owned(), end, 1)]);
        }
    }

    #[test]
    fn the_running_turn_is_shown_with_what_only_the_process_knows() {
        let running = turn("t1", TurnStatus::InProgress, 3);
        let expected = [("t1".to_owned(), TurnStatus::InProgress, 3)];
        assert_eq!(shown(vec![turn("t1", TurnStatus::InProgress, 1)], Some(&running)), expected);
        assert_eq!(shown(Vec::new(), Some(&running)), expected, "also before it is on disk");
    }

    #[test]
    fn what_is_stored_keeps_its_ids_among_what_only_the_process_knows() {
        let item = |text: &str, id: &str| match text {
            "command" => Item::ContextCompaction { id: ItemId::from(id) },
            text => Item::AgentMessage { id: ItemId::from(id), text: text.into(), phase: None, memory_citation: None },
        };
        let live = [item("a", "msg-1"), item("command", "call-1"), item("b", "msg-2"), item("command", "call-2")];
        let ids = |items: Vec<Item>| items.iter().map(|item| item.id().to_string()).collect::<Vec<_>>();
        let stored = vec![item("a", "item-1"), item("b", "item-2")];
        assert_eq!(ids(with_live(stored, &live)), ["item-1", "call-1", "item-2", "call-2"]);
        assert_eq!(ids(with_live(vec![item("a", "item-1")], &[])), ["item-1"]);
        assert_eq!(ids(with_live(Vec::new(), &live[..1])), ["msg-1"]);
    }

    #[test]
    fn a_turn_without_end_that_nobody_runs_is_interrupted() {
        let stored = vec![turn("t1", TurnStatus::InProgress, 1)];
        assert_eq!(shown(stored.clone(), None), [("t1".to_owned(), TurnStatus::Interrupted, 1)]);
        let other = turn("t2", TurnStatus::InProgress, 0);
        let expected = [("t1".to_owned(), TurnStatus::Interrupted, 1), ("t2".to_owned(), TurnStatus::InProgress, 0)];
        assert_eq!(shown(stored, Some(&other)), expected);
    }

    /// A rollout in memory.
    #[derive(Debug)]
    struct Memory(Vec<u8>);

    impl Source for Memory {
        fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
            let mut rest = usize::try_from(position).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
            rest.read(buffer)
        }
    }

    /// A text as some writer of JSON spells it: there are several ways for a character, and all of them are right.
    fn spelled(text: &str, ways: &[u8]) -> String {
        let character = |(character, way): (char, &u8)| {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            match way {
                0 => units.map(|unit| format!("\\u{unit:04X}")).collect(),
                1 => units.map(|unit| format!("\\u{unit:04x}")).collect(),
                2 if character == '/' => "\\/".to_owned(),
                _ => {
                    let json = json!(character).to_string();
                    json[1..json.len() - 1].to_owned()
                }
            }
        };
        let text: String = text.chars().zip(ways.iter().cycle()).map(character).collect();
        format!("\"{text}\"")
    }

    /// A turn for each message, and the members of its line in this or that order.
    fn rollout(messages: &[(String, Vec<u8>, bool)]) -> Vec<u8> {
        let line = |payload: String| {
            format!("{{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"type\":\"event_msg\",\"payload\":{payload}}}\n")
        };
        let mut text = concat!(
            r#"{"timestamp":"2026-01-02T03:04:05.678Z","type":"session_meta","payload":{"#,
            r#""id":"019a0b1c-2d3e-7f40-8a5b-6c7d8e9fa0b1","timestamp":"2026-01-02T03:04:05.678Z","cwd":"/","#,
            r#""originator":"it","cli_version":"1","source":"vscode"}}"#,
            "\n"
        )
        .to_owned();
        for (at, (said, ways, usual)) in messages.iter().enumerate() {
            let said = spelled(said, ways);
            text += &line(format!(r#"{{"type":"task_started","turn_id":"t{at}"}}"#));
            text += &if *usual {
                line(format!(r#"{{"type":"agent_message","message":{said},"phase":null,"memory_citation":null}}"#))
            } else {
                let payload = format!(r#"{{"phase":null, "message": {said} ,"type":"agent_message"}}"#);
                format!("{{\"payload\": {payload},\"type\":\"event_msg\"}}\n")
            };
            text += &line(format!(r#"{{"type":"task_complete","turn_id":"t{at}","last_agent_message":{said}}}"#));
        }
        text.into_bytes()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_said_is_answered_in_one_spelling_whatever_the_rollout_has(
            messages in prop::collection::vec(("[ -~\n\t\u{0}-\u{20}\u{7f}äß\u{2028}😀]{0,20}", vec(0..9u8, 1..9), any::<bool>()), 0..5),
        ) {
            let text = rollout(&messages);
            let (length, path) = (text.len() as u64, AbsPath::new("/rollout.jsonl").unwrap());
            let stored =
                StoredThread::from_source(Box::new(Memory(text)), length, path, |_| Ok(None), UNIX_EPOCH).unwrap();
            let turns = Turns::of_stored(stored.turns);
            let answered = turns.settled_text().unwrap().into_pieces().collect::<Vec<_>>().concat();

            let mut items = 0;
            let expected = messages.iter().enumerate().map(|(at, (said, ..))| {
                let mut turn = turn(&format!("t{at}"), TurnStatus::Completed, 0).into_wire();
                if !said.is_empty() {
                    items += 1;
                    let (id, text) = (format!("item-{items}"), p::Text::Plain(said.clone()));
                    turn.items.push(p::ThreadItem::AgentMessage { id, text, phase: None, memory_citation: None });
                }
                serde_json::to_string(&turn).unwrap()
            });
            prop_assert_eq!(String::from_utf8(answered).unwrap(), expected.collect::<Vec<_>>().join(","));
        }
    }
}
