//! Answers with many turns, written without holding the turns.

use protocol as p;
use rpc::RequestId;
use serde::Serialize;

/// Turns as the text of a JSON array, which takes the place of the empty one in an answer.
#[derive(Default)]
pub(crate) struct TurnsText {
    /// The turns with a comma before each but the first.
    text: Vec<u8>,
}

/// Room for the turns that one processor writes at a time.
const ROOM: usize = 512 << 10;

impl TurnsText {
    /// No turns yet, and room for many.
    pub(crate) fn with_room() -> Self {
        Self { text: Vec::with_capacity(ROOM) }
    }

    pub(crate) fn push(&mut self, turn: &p::Turn) {
        if !self.text.is_empty() {
            self.text.push(b',');
        }
        serde_json::to_writer(&mut self.text, turn).expect("turns are data and can be written as JSON");
    }

    /// Adds the turns that come after these.
    pub(crate) fn append(&mut self, mut more: Self) {
        if !self.text.is_empty() && !more.text.is_empty() {
            self.text.push(b',');
        }
        self.text.append(&mut more.text);
    }

    /// The frame of an answer with these turns in it. `None` when the answer has no empty list of turns to replace.
    ///
    /// The text is not copied: it is moved up by the few hundred bytes that stand before it.
    pub(crate) fn answer(self, id: &RequestId, response: &impl Serialize) -> Option<Vec<u8>> {
        // Within a text the quotes would be escaped: it can only be the member.
        const EMPTY: &[u8] = br#""turns":[]"#;
        let frame = rpc::encode_result(id, response);
        let (before, after) = frame.split_at(memchr::memmem::find(&frame, EMPTY)? + EMPTY.len() - 1);
        let mut text = self.text;
        text.reserve_exact(frame.len());
        text.splice(0..0, before.iter().copied());
        text.extend_from_slice(after);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_turns_takes_the_place_of_the_empty_list() {
        #[derive(Serialize)]
        struct Answer {
            preview: &'static str,
            turns: [u8; 0],
            after: u8,
        }
        let answer = Answer { preview: r#"say "turns":[] twice"#, turns: [], after: 1 };
        let mut text = TurnsText::default();
        for part in [&b""[..], b"{}", b"", b"{}"] {
            text.append(TurnsText { text: part.to_vec() });
        }
        let frame = text.answer(&RequestId::Int(7), &answer).unwrap();
        let expected = r#"{"id":7,"result":{"preview":"say \"turns\":[] twice","turns":[{},{}],"after":1}}"#;
        assert_eq!(String::from_utf8(frame).unwrap(), expected);
    }
}
